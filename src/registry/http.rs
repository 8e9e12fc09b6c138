//! Real HTTP: `ureq` with `rustls`.

use std::collections::BTreeMap;
use std::fmt;
use std::io::{self, Read};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use ureq::config::AutoHeaderValue;
use ureq::tls::{Certificate, RootCerts, TlsConfig};
use ureq::{Agent, Proxy, SendBody};

use crate::error::Error;

use super::answer::failure;
use super::settings::Settings;
use super::transport::{Failure, Request, Response, Transport};
use super::url::Url;
use super::{certificates, proxy};

/// How long it may take to find a host and to connect.
const CONNECT: Duration = Duration::from_secs(30);
/// A registry may hash and move all that it got before it answers: it has so many times the patience for that.
const ANSWER_TIMES: u32 = 15;
/// More than this in the head of an answer is no head. In bytes.
const MAX_HEAD_BYTES: usize = 64 * 1024;
/// Redirects may name any host; what is known of hosts is forgotten beyond this.
const MAX_AGENTS: usize = 64;

/// Connections by server, since certificates and proxies are chosen by it.
pub(super) struct Http {
    settings: Settings,
    roots: Mutex<Option<Vec<Certificate<'static>>>>,
    agents: Mutex<BTreeMap<(bool, String), Agent>>,
}

// A proxy's address may have a password in it.
impl fmt::Debug for Http {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Http")
    }
}

impl Http {
    pub(super) fn new(settings: &Settings) -> Result<Self, Error> {
        let proxies = [&settings.http_proxy, &settings.https_proxy];
        for address in proxies.into_iter().flatten() {
            proxy_at(address)?;
        }
        Ok(Self {
            settings: settings.clone(),
            roots: Mutex::default(),
            agents: Mutex::default(),
        })
    }

    fn agent(&self, url: &Url) -> Result<Agent, Failure> {
        let mut agents = self.agents.lock().unwrap_or_else(PoisonError::into_inner);
        let key = (url.is_https(), url.authority().to_ascii_lowercase());
        if let Some(agent) = agents.get(&key) {
            return Ok(agent.clone());
        }
        let agent = self.new_agent(url)?;
        if agents.len() >= MAX_AGENTS {
            agents.clear();
        }
        agents.insert(key, agent.clone());
        Ok(agent)
    }

    fn tls(&self, url: &Url) -> Result<TlsConfig, Error> {
        let own = certificates::own(&self.settings, url.authority())?;
        let mut roots = self.roots()?;
        roots.extend(own.authorities);
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let tls = TlsConfig::builder()
            .root_certs(RootCerts::new_with_certs(&roots))
            .client_cert(own.client)
            .unversioned_rustls_crypto_provider(provider);
        Ok(tls.build())
    }

    /// Read when the first server wants to be believed.
    fn roots(&self) -> Result<Vec<Certificate<'static>>, Error> {
        let mut roots = self.roots.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(roots) = &*roots {
            return Ok(roots.clone());
        }
        let read = certificates::roots(&self.settings)?;
        *roots = Some(read.clone());
        Ok(read)
    }

    fn new_agent(&self, url: &Url) -> Result<Agent, Failure> {
        let not_set_up = |reason: String| Failure {
            reason,
            is_passing: false,
        };
        let mut tls = TlsConfig::builder().build();
        if url.is_https() {
            tls = self
                .tls(url)
                .map_err(|error| not_set_up(error.to_string()))?;
        }
        let proxy = proxy::proxy(&self.settings, url)
            .map(proxy_at)
            .transpose()
            .map_err(|error| not_set_up(error.to_string()))?;
        let config = Agent::config_builder()
            .http_status_as_error(false)
            .max_redirects(0)
            .max_redirects_will_error(false)
            .proxy(proxy)
            .tls_config(tls)
            .user_agent(concat!("ocipatch/", env!("CARGO_PKG_VERSION")))
            .accept(AutoHeaderValue::None)
            // A blob is the bytes that its digest is of.
            .accept_encoding("identity")
            .max_response_header_size(MAX_HEAD_BYTES)
            .max_idle_connections_per_host(self.settings.n_at_once)
            .timeout_connect(Some(CONNECT))
            .timeout_per_read(Some(self.settings.patience))
            .timeout_per_write(Some(self.settings.patience))
            .build();
        Ok(config.new_agent())
    }
}

/// The address may have a password in it, which no message shows.
fn proxy_at(address: &str) -> Result<Proxy, Error> {
    let scheme = if address.contains("://") {
        ""
    } else {
        "http://"
    };
    Proxy::new(&format!("{scheme}{address}")).map_err(|_| {
        failure(
            "the proxy",
            "its address is not that of a proxy over http or https",
        )
    })
}

impl Transport for Http {
    fn send(&self, request: Request<'_>) -> Result<Response, Failure> {
        let agent = self.agent(request.url)?;
        let mut head = ureq::http::Request::builder()
            .method(request.method.name())
            .uri(request.url.to_string());
        for (name, value) in request.headers {
            head = head.header(*name, value);
        }
        let not_sent = |error: ureq::http::Error| Failure {
            reason: error.to_string(),
            is_passing: false,
        };
        let result = match request.body {
            None => agent.run(head.body(()).map_err(not_sent)?),
            Some((mut reader, size)) => {
                let head = head.header("Content-Length", size);
                let mut reader: &mut dyn Read = &mut reader;
                let body = SendBody::from_reader(&mut reader);
                let request = agent.configure_request(head.body(body).map_err(not_sent)?);
                let patience = self.settings.patience * ANSWER_TIMES;
                agent.run(request.timeout_per_read(Some(patience)).build())
            }
        };
        let (head, body) = result.map_err(|error| no_answer(&error))?.into_parts();
        let text = |value: &ureq::http::HeaderValue| {
            String::from_utf8_lossy(value.as_bytes()).into_owned()
        };
        let headers = head.headers.iter();
        Ok(Response {
            status: head.status.as_u16(),
            headers: headers
                .map(|(name, value)| (name.as_str().to_owned(), text(value)))
                .collect(),
            body: Box::new(body.into_reader()),
        })
    }
}

fn no_answer(error: &ureq::Error) -> Failure {
    let is_passing = match error {
        ureq::Error::Io(error) => !matches!(error.kind(), io::ErrorKind::InvalidData),
        ureq::Error::Timeout(_) | ureq::Error::ConnectionFailed => true,
        _ => false,
    };
    let reason = error.to_string();
    let reason = reason.strip_prefix("io: ").unwrap_or(&reason);
    // What a server without TLS answers is no record of TLS.
    let advice = if reason.contains("InvalidContentType") {
        "; if the registry has no TLS, name it with `--plain-http`"
    } else {
        ""
    };
    Failure {
        reason: format!("{reason}{advice}"),
        is_passing,
    }
}

#[cfg(test)]
mod tests {
    use std::io;

    use super::super::{Settings, url::Url};
    use super::{Http, MAX_AGENTS, no_answer, proxy_at};

    #[test]
    fn what_is_known_of_hosts_is_kept_for_some() {
        let http = Http::new(&Settings::default()).unwrap();
        let n_known = |host: &str| {
            http.agent(&Url::parse(&format!("http://{host}/")).unwrap())
                .unwrap();
            http.agents.lock().unwrap().len()
        };
        for n in 1..=MAX_AGENTS {
            assert_eq!(n_known(&format!("r{n}.example")), n);
        }
        assert_eq!(n_known("R1.example"), MAX_AGENTS);
        assert_eq!(n_known("other.example"), 1);
        assert_eq!(n_known("other.example:5000"), 2);
    }

    #[test]
    fn a_proxy_may_leave_its_scheme_out() {
        for address in [
            "proxy.example:3128",
            "http://u:p@proxy.example",
            "https://proxy.example",
        ] {
            let proxy = proxy_at(address).unwrap();
            assert_eq!(proxy.host(), "proxy.example");
            let is_https = address.starts_with("https:");
            assert_eq!(
                proxy.protocol().to_string().eq_ignore_ascii_case("https"),
                is_https
            );
        }
        let settings = |address: &str| Settings {
            https_proxy: Some(address.to_owned()),
            ..Settings::default()
        };
        let error = Http::new(&settings("ftp://u:s3cret@proxy.example"))
            .unwrap_err()
            .to_string();
        assert!(!error.contains("s3cret"), "{error}");
    }

    #[test]
    fn what_may_pass_is_tried_again() {
        let io = |kind| ureq::Error::Io(io::Error::new(kind, "reset"));
        for (error, is_passing) in [
            (io(io::ErrorKind::ConnectionReset), true),
            // A failure of TLS.
            (io(io::ErrorKind::InvalidData), false),
            (ureq::Error::Timeout(ureq::Timeout::Connect), true),
            (ureq::Error::ConnectionFailed, true),
            (ureq::Error::HostNotFound, false),
            (ureq::Error::RequireHttpsOnly("x".to_owned()), false),
        ] {
            assert_eq!(no_answer(&error).is_passing, is_passing, "{error}");
        }
        let told = |reason: &str| {
            no_answer(&ureq::Error::Io(io::Error::new(
                io::ErrorKind::InvalidData,
                reason,
            )))
            .reason
        };
        assert_eq!(told("certificate"), "certificate");
        assert!(told("InvalidContentType").ends_with("name it with `--plain-http`"));
    }
}

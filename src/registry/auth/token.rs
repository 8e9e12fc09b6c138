//! Tokens (distribution's `spec/auth/token.md` and `spec/auth/oauth.md`).

use std::time::Duration;

use serde_json::Value;

use crate::base64;
use crate::error::Error;

use super::super::answer::{self, failure, refused};
use super::super::call::{Body, Call};
use super::super::client::Host;
use super::super::settings::Settings;
use super::super::transport::Method;
use super::super::url::{self, Url, encoded};
use super::super::{Access, Registries};
use super::{Authorization, Challenge, Credential, Scope};

/// In bytes.
const MAX_TOKEN_ANSWER_BYTES: usize = 1024 * 1024;
/// What a token lasts for that does not say so.
const DEFAULT_LIFETIME: Duration = Duration::from_secs(60);
/// What token servers are told of who asks.
const CLIENT_ID: &str = "ocipatch";

/// A server that gives tokens, and what it is told.
struct Issuer<'a> {
    url: Url,
    service: Option<&'a str>,
    credential: Option<&'a Credential>,
}

impl Registries {
    /// Meets a challenge; `needed` is what a token has to allow, `refused` the number of the one that did not do. Nothing if there is no
    /// password for a registry that wants one.
    pub(in super::super) fn let_in(
        &self,
        host: &Host,
        place: &str,
        challenge: &Challenge,
        needed: &[Scope],
        refused: Option<u64>,
    ) -> Result<Option<Authorization>, Error> {
        // Whoever comes second finds what the first one got.
        let mut door = host.door();
        if let Some(known) = door.ticket(needed, refused) {
            return Ok(Some(known));
        }
        let credential = Credential::find(&self.0.settings, host.authority(), needed)?;
        match challenge {
            // The same password would be refused again, and too many of those can close an account.
            Challenge::Basic => Ok(match credential {
                Some(Credential::Password { name, password }) if refused.is_none() => {
                    Some(door.keep(basic(&name, &password), None, None))
                }
                _ => None,
            }),
            Challenge::Bearer {
                realm,
                service,
                scope,
            } => {
                let issuer = Issuer {
                    url: issuer_url(&self.0.settings, host, place, realm)?,
                    service: service.as_deref(),
                    credential: credential.as_ref(),
                };
                let wanted = door.wanted(needed);
                let result = self.token(host, place, &issuer, &wanted, scope.as_deref());
                // One scope that is refused can make a server refuse all of them.
                let (token, lifetime, scopes) = match result {
                    Err(_) if wanted.len() > needed.len() => {
                        let (token, lifetime) = self.token(host, place, &issuer, needed, None)?;
                        (token, lifetime, needed.to_vec())
                    }
                    result => {
                        let (token, lifetime) = result?;
                        (token, lifetime, wanted)
                    }
                };
                let authorization = format!("Bearer {token}");
                Ok(Some(door.keep(authorization, Some(scopes), Some(lifetime))))
            }
        }
    }

    fn token(
        &self,
        host: &Host,
        place: &str,
        issuer: &Issuer<'_>,
        scopes: &[Scope],
        said: Option<&str>,
    ) -> Result<(String, Duration), Error> {
        let mut scopes: Vec<String> = scopes.iter().map(ToString::to_string).collect();
        if scopes.is_empty() {
            scopes.extend(said.map(str::to_owned));
        }
        if let Some(Credential::Identity(secret)) = issuer.credential {
            let form = form(&[
                ("grant_type", "refresh_token"),
                ("service", issuer.service.unwrap_or_default()),
                ("client_id", CLIENT_ID),
                ("scope", &scopes.join(" ")),
                ("refresh_token", secret),
            ]);
            let mut call = Call::new(Method::Post, issuer.url.clone(), place, Access::Pull)
                .header("Content-Type", "application/x-www-form-urlencoded")
                .body(Body::Bytes(form.as_bytes()));
            call.secret = Some(secret.as_str());
            return self.token_of(host, &call);
        }
        let mut url = issuer.url.clone();
        if let Some(service) = issuer.service {
            url = url.with("service", service);
        }
        for scope in &scopes {
            url = url.with("scope", scope);
        }
        let mut call = Call::new(Method::Get, url.clone(), place, Access::Pull);
        if let Some(Credential::Password { name, password }) = issuer.credential {
            call.url = url.with("account", name).with("client_id", CLIENT_ID);
            call = call.header("Authorization", basic(name, password));
        }
        self.token_of(host, &call)
    }

    /// A token server gets what is for it alone: nothing is sent on to another address.
    fn token_of(&self, host: &Host, call: &Call<'_>) -> Result<(String, Duration), Error> {
        let asked = format!("the token request {}", call.asked());
        let outcome = self.send(host, call, &call.url, None)?;
        let mut response = outcome.map_err(|failure| call.failed(&failure))?;
        if response.status != 200 {
            return Err(refused(call.place, &asked, &mut response));
        }
        let bytes = answer::bytes(
            call.place,
            "the answer of the token server",
            &mut response.body,
            MAX_TOKEN_ANSWER_BYTES,
            self.0.settings.patience,
        )?;
        let document: Value = serde_json::from_slice(&bytes).unwrap_or_default();
        let token = document["token"].as_str();
        let token = token.filter(|token| !token.is_empty());
        let token = token.or_else(|| document["access_token"].as_str());
        match token {
            Some(token) if !token.is_empty() && token.bytes().all(|b| b.is_ascii_graphic()) => {
                Ok((token.to_owned(), lifetime(&document)))
            }
            _ => Err(failure(
                call.place,
                format!("{asked} is answered without a token"),
            )),
        }
    }
}

/// How long a token is good for; that of the specification where nobody says.
fn lifetime(answer: &Value) -> Duration {
    let seconds = answer["expires_in"].as_u64();
    let seconds = seconds.filter(|seconds| *seconds > 0);
    seconds.map_or(DEFAULT_LIFETIME, Duration::from_secs)
}

/// The address of a token server. It gets a password: only over TLS, or on this machine, or where the registry itself is reached in the
/// clear because the user says so; and never one inside of a network that the registry is outside of.
fn issuer_url(settings: &Settings, host: &Host, place: &str, realm: &str) -> Result<Url, Error> {
    let registry = host.url("/");
    let is_allowed = |url: &Url| {
        let is_local = url::is_loopback(registry.authority()) && url::is_loopback(url.authority());
        let is_plain = url.is_same_server(&registry) || settings.is_plain(url.authority());
        (url.is_https() || is_local || is_plain) && registry.may_know(url)
    };
    match Url::parse(realm) {
        Some(url) if is_allowed(&url) => Ok(url),
        _ => {
            let reason = format!(
                "the registry sends us for a token to `{}`, which is not an encrypted address that everyone can reach; no \
                 credentials were sent there",
                answer::shown_address(realm)
            );
            Err(failure(place, reason))
        }
    }
}

fn basic(name: &str, password: &str) -> String {
    let text = base64::encode(format!("{name}:{password}").as_bytes());
    let text = String::from_utf8(text).expect("base64 is ASCII");
    format!("Basic {text}")
}

/// `application/x-www-form-urlencoded`
fn form(fields: &[(&str, &str)]) -> String {
    let fields = fields
        .iter()
        .map(|(name, value)| format!("{name}={}", encoded(value)));
    let fields: Vec<String> = fields.collect();
    fields.join("&")
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use serde_json::json;

    use super::super::super::tests::{Fake, answer};
    use super::super::super::{CredentialSource, Name, Registries, Transport};
    use super::{DEFAULT_LIFETIME, Duration, Host, Settings, form, issuer_url, lifetime};
    use crate::reference::Reference;

    #[test]
    fn a_token_is_good_for_as_long_as_is_said() {
        for (said, expected) in [
            (json!(1), Duration::from_secs(1)),
            (json!(300), Duration::from_secs(300)),
            (json!(0), DEFAULT_LIFETIME),
            (json!(-1), DEFAULT_LIFETIME),
            (json!("300"), DEFAULT_LIFETIME),
        ] {
            assert_eq!(lifetime(&json!({ "expires_in": said })), expected, "{said}");
        }
    }

    #[test]
    fn a_password_goes_where_it_may() {
        let settings = Settings {
            plain_http: vec!["plain.example".to_owned()],
            ..Settings::default()
        };
        for (registry, realm, is_allowed) in [
            ("r.example", "https://auth.example/t", true),
            ("r.example", "https://r.example/t", true),
            ("r.example", "http://auth.example/t", false),
            ("r.example", "http://r.example/t", false),
            ("r.example", "https://localhost/t", false),
            ("r.example", "http://localhost/t", false),
            ("r.example", "t", false),
            ("r.example", "http://plain.example/t", true),
            ("plain.example", "http://plain.example/t", true),
            ("localhost:5000", "http://localhost:5001/t", true),
            ("localhost:5000", "http://auth.example/t", false),
            ("localhost:5000", "https://auth.example/t", true),
        ] {
            let found = issuer_url(&settings, &Host::new(registry, &settings), "a", realm);
            assert_eq!(found.is_ok(), is_allowed, "{registry} {realm}");
        }
        assert_eq!(form(&[("a", "b c"), ("d", "&")]), "a=b%20c&d=%26");
    }

    #[test]
    fn a_password_that_is_refused_is_not_sent_again() {
        let password = r#"{"auths":{"r.example":{"auth":"bWU6c2VjcmV0"}}}"#.to_owned();
        let settings = Settings {
            credentials: vec![CredentialSource::Text("test".to_owned(), password)],
            ..Settings::default()
        };
        let refused = || answer(401, &[("WWW-Authenticate", "Basic realm=r")], "");
        let fake = Fake::of([refused(), refused(), refused()]);
        let registries = Registries::over(Arc::clone(&fake) as Arc<dyn Transport>, settings);
        let app = registries.repository(&Reference::parse("r.example/app").unwrap());
        for n_sent in [2, 3] {
            assert!(app.find_manifest(Name::Tag("1")).is_err());
            assert_eq!(fake.sent().len(), n_sent);
        }
    }
}

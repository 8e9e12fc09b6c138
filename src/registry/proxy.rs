//! Which servers are reached through a proxy. What `NO_PROXY` means differs from program to program; here it is what it means to Go's
//! `httpproxy`, and so to docker and podman.

use std::net::IpAddr;

use super::settings::Settings;
use super::url::{self, Url};

/// Returns the address of the proxy for a server; nothing if it is reached as it is. This machine always is.
pub(super) fn proxy<'a>(settings: &'a Settings, url: &Url) -> Option<&'a str> {
    let proxy = if url.is_https() {
        settings.https_proxy.as_deref()
    } else {
        settings.http_proxy.as_deref()
    };
    let excepted = settings.no_proxy.as_deref().unwrap_or_default();
    let is_excepted = |entry: &str| is_match(entry.trim(), url);
    let is_direct = url::is_loopback(url.authority()) || excepted.split(',').any(is_excepted);
    proxy.filter(|_| !is_direct)
}

/// `*`, `example.com` with all below it, `.example.com` with what is below alone, `10.0.0.0/8`, each with a port or without.
fn is_match(entry: &str, url: &Url) -> bool {
    let host = url.host().to_ascii_lowercase();
    let host = host.trim_start_matches('[').trim_end_matches(']');
    if entry == "*" {
        return true;
    }
    if let Some((network, n_bits)) = entry.split_once('/') {
        return is_within(host, network, n_bits).unwrap_or(false);
    }
    let (name, port) = match entry.rsplit_once(':') {
        Some((name, port)) if entry.parse::<IpAddr>().is_err() => (name, Some(port)),
        _ => (entry, None),
    };
    if name.is_empty() || port.is_some_and(|port| port != url.port()) {
        return false;
    }
    let name = name.trim_start_matches('[').trim_end_matches(']');
    let name = name.to_ascii_lowercase();
    let name = name.strip_prefix('*').unwrap_or(&name);
    if let Some(below) = name.strip_prefix('.') {
        let rest = host.strip_suffix(below);
        return rest.is_some_and(|rest| rest.ends_with('.'));
    }
    let rest = host.strip_suffix(name);
    rest.is_some_and(|rest| rest.is_empty() || rest.ends_with('.'))
}

/// RFC 4632, section 3.1.
fn is_within(host: &str, network: &str, n_bits: &str) -> Option<bool> {
    let n_bits: u32 = n_bits.parse().ok()?;
    Some(match (host.parse().ok()?, network.parse().ok()?) {
        (IpAddr::V4(host), IpAddr::V4(network)) => {
            let mask = u32::MAX
                .checked_shl(32_u32.checked_sub(n_bits)?)
                .unwrap_or(0);
            host.to_bits() & mask == network.to_bits() & mask
        }
        (IpAddr::V6(host), IpAddr::V6(network)) => {
            let mask = u128::MAX
                .checked_shl(128_u32.checked_sub(n_bits)?)
                .unwrap_or(0);
            host.to_bits() & mask == network.to_bits() & mask
        }
        _ => false,
    })
}

#[cfg(test)]
mod tests {
    use super::{Url, proxy};
    use crate::registry::Settings;

    #[test]
    fn exceptions_are_those_of_docker_and_podman() {
        for (entry, url, is_direct) in [
            ("", "https://example.com", false),
            (",,", "https://example.com", false),
            ("*", "https://example.com", true),
            ("example.com", "https://example.com", true),
            ("EXAMPLE.com", "https://a.example.com:5000", true),
            ("example.com", "https://badexample.com", false),
            (".example.com", "https://a.b.example.com", true),
            (".example.com", "https://example.com", false),
            ("*.example.com", "https://a.example.com", true),
            ("*.example.com", "https://example.com", false),
            ("example.com:443", "https://example.com", true),
            ("example.com:5000", "https://example.com", false),
            ("a.org, example.com", "https://example.com", true),
            ("10.0.0.0/8", "https://10.200.1.1", true),
            ("10.0.0.0/8", "https://11.0.0.1", false),
            ("10.0.0.0/99", "https://10.0.0.1", false),
            ("0.0.0.0/0", "https://10.0.0.1", true),
            ("10.1.2.3", "https://10.1.2.3:5000", true),
            ("fd00::/8", "https://[fd12::1]:5000", true),
            ("fd00::1", "https://[fd00::1]", true),
            ("[fd00::1]:443", "https://[fd00::1]", true),
            ("example.com", "https://127.0.0.1:5000", true),
        ] {
            let settings = Settings {
                https_proxy: Some("http://proxy:3128".to_owned()),
                no_proxy: Some(entry.to_owned()),
                ..Settings::default()
            };
            let found = proxy(&settings, &Url::parse(url).unwrap());
            assert_eq!(found.is_none(), is_direct, "{entry} {url}");
        }
    }

    #[test]
    fn each_scheme_has_its_own_proxy() {
        let settings = Settings {
            http_proxy: Some("one".to_owned()),
            https_proxy: Some("two".to_owned()),
            ..Settings::default()
        };
        for (url, expected) in [("http://a.com", "one"), ("https://a.com", "two")] {
            let found = proxy(&settings, &Url::parse(url).unwrap());
            assert_eq!(found, Some(expected));
        }
    }
}

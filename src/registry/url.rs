//! Where a request goes: as much of a URL (RFC 3986) as the distribution protocol uses, and nothing that a server could hide in one.

use std::fmt;
use std::net::{IpAddr, Ipv6Addr};

use crate::reference;

/// Object stores sign their URLs at length; more than this is no address. In bytes.
const MAX_BYTES: usize = 16 * 1024;

/// An address of `http` or `https`: visible ASCII alone, without a user, a password or a fragment.
#[derive(Clone, PartialEq, Eq)]
pub struct Url {
    is_https: bool,
    /// The host with its port, as it is written.
    authority: String,
    /// Begins with `/`; has the query.
    path: String,
}

impl Url {
    /// Returns an address of a registry.
    pub(super) fn of(is_https: bool, authority: &str, path: &str) -> Self {
        Self {
            is_https,
            authority: authority.to_owned(),
            path: path.to_owned(),
        }
    }

    /// Parses an absolute URL; nothing if it is not one.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let (scheme, rest) = text.split_once("://")?;
        let is_https = match scheme.to_ascii_lowercase().as_str() {
            "https" => true,
            "http" => false,
            _ => return None,
        };
        let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
        let (authority, path) = rest.split_at(end);
        let path = path.split('#').next().unwrap_or_default();
        let slash = if path.starts_with('/') { "" } else { "/" };
        let is_sound = text.len() <= MAX_BYTES
            && path.bytes().all(|b| b.is_ascii_graphic())
            && reference::is_domain(authority);
        is_sound.then(|| Self {
            is_https,
            authority: authority.to_owned(),
            path: without_dots(&format!("{slash}{path}")),
        })
    }

    /// Resolves what a server sends in `Location` or `Link` (RFC 3986, section 5.2); nothing if it is no address.
    #[must_use]
    pub fn join(&self, location: &str) -> Option<Self> {
        if location.is_empty() {
            return None;
        }
        let scheme = if self.is_https { "https" } else { "http" };
        let this = format!("{scheme}://{}", self.authority);
        let before_query = self.path.split('?').next().unwrap_or_default();
        if location.contains("://") && !location.starts_with(['/', '?']) {
            return Self::parse(location);
        }
        Self::parse(&match location.as_bytes() {
            [b'/', b'/', ..] => format!("{scheme}:{location}"),
            [b'/', ..] => format!("{this}{location}"),
            [b'?', ..] => format!("{this}{before_query}{location}"),
            _ => {
                let (directory, _) = before_query.rsplit_once('/').unwrap_or_default();
                format!("{this}{directory}/{location}")
            }
        })
    }

    /// Returns the same address with `name=value` added to its query; both are safe as they are, or encoded.
    #[must_use]
    pub fn with(&self, name: &str, value: &str) -> Self {
        let separator = if self.path.contains('?') { '&' } else { '?' };
        let mut url = self.clone();
        url.path = format!("{}{separator}{name}={}", self.path, encoded(value));
        url
    }

    /// Tells whether the connection is encrypted.
    #[must_use]
    pub fn is_https(&self) -> bool {
        self.is_https
    }

    /// Returns the host with its port, as it is written.
    #[must_use]
    pub fn authority(&self) -> &str {
        &self.authority
    }

    /// Returns the path with the query.
    #[must_use]
    pub fn path(&self) -> &str {
        &self.path
    }

    /// Tells whether both are of one server: scheme, host and port.
    #[must_use]
    pub fn is_same_server(&self, other: &Self) -> bool {
        self.is_https == other.is_https
            && self.host().eq_ignore_ascii_case(other.host())
            && self.port() == other.port()
    }

    /// Tells whether a server at this address may send a client to the other one: not from encryption to none, and not from
    /// outside to an address that only this machine or its network has.
    #[must_use]
    pub fn may_lead_to(&self, other: &Self) -> bool {
        (other.is_https || !self.is_https) && self.may_know(other)
    }

    /// Tells whether a server at this address may name the other one: none that only this machine or its network has, unless it is there
    /// itself.
    #[must_use]
    pub fn may_know(&self, other: &Self) -> bool {
        reach(&self.authority) <= reach(&other.authority)
    }

    /// Returns the host without its port.
    #[must_use]
    pub fn host(&self) -> &str {
        host(&self.authority)
    }

    /// Returns the port, also if it is not written.
    #[must_use]
    pub fn port(&self) -> &str {
        let default = if self.is_https { "443" } else { "80" };
        self.authority[self.host().len()..]
            .strip_prefix(':')
            .unwrap_or(default)
    }

    /// Returns the address without its query, which may have a signature or a token in it.
    #[must_use]
    pub fn shown(&self) -> String {
        let path = self.path.split('?').next().unwrap_or_default();
        format!("{}{path}", self.authority)
    }
}

impl fmt::Display for Url {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let scheme = if self.is_https { "https" } else { "http" };
        write!(f, "{scheme}://{}{}", self.authority, self.path)
    }
}

// A query may have a signature in it.
impl fmt::Debug for Url {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Url({})", self.shown())
    }
}

/// Who can have an address.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Reach {
    Machine,
    Network,
    World,
}

/// Tells whether an authority is of this machine.
#[must_use]
pub(super) fn is_loopback(authority: &str) -> bool {
    reach(authority) == Reach::Machine
}

fn reach(authority: &str) -> Reach {
    let host = host(authority).to_ascii_lowercase();
    if host == "localhost" || host.ends_with(".localhost") {
        return Reach::Machine;
    }
    let address = host.trim_start_matches('[').trim_end_matches(']');
    let Ok(address) = address.parse::<IpAddr>() else {
        return Reach::World;
    };
    match address.to_canonical() {
        address if address.is_loopback() || address.is_unspecified() => Reach::Machine,
        IpAddr::V4(address) => {
            let [a, b, ..] = address.octets();
            // 100.64.0.0/10 is that of providers (RFC 6598).
            let is_shared = a == 100 && b & 0xc0 == 64;
            if is_shared || address.is_private() || address.is_link_local() {
                Reach::Network
            } else {
                Reach::World
            }
        }
        IpAddr::V6(address) if is_local(address) => Reach::Network,
        IpAddr::V6(_) => Reach::World,
    }
}

/// Unique local and link-local addresses (RFC 4193, RFC 4291).
fn is_local(address: Ipv6Addr) -> bool {
    address.is_unique_local() || address.is_unicast_link_local()
}

/// The authority without its port.
fn host(authority: &str) -> &str {
    match authority.rsplit_once(':') {
        Some((host, port)) if port.bytes().all(|b| b.is_ascii_digit()) => host,
        _ => authority,
    }
}

/// RFC 3986, section 5.2.4, for the path before the query.
fn without_dots(path: &str) -> String {
    let (path, query) = path.split_at(path.find('?').unwrap_or(path.len()));
    if !path.contains("/.") {
        return format!("{path}{query}");
    }
    let mut kept: Vec<&str> = Vec::new();
    let segments: Vec<&str> = path.split('/').skip(1).collect();
    for (i, segment) in segments.iter().enumerate() {
        match *segment {
            "." | ".." => {
                if *segment == ".." {
                    kept.pop();
                }
                if i + 1 == segments.len() {
                    kept.push("");
                }
            }
            segment => kept.push(segment),
        }
    }
    format!("/{}{query}", kept.join("/"))
}

/// Encodes what is not an unreserved character, `:` or `/` (RFC 3986, section 3.4).
pub(super) fn encoded(value: &str) -> String {
    use std::fmt::Write;
    let mut text = String::with_capacity(value.len());
    for &b in value.as_bytes() {
        if b.is_ascii_alphanumeric() || matches!(b, b'-' | b'.' | b'_' | b'~' | b':' | b'/') {
            text.push(char::from(b));
        } else {
            write!(text, "%{b:02X}").expect("a string takes everything");
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::{Reach, Url, reach, without_dots};

    #[test]
    fn dots_lead_up_and_nowhere() {
        for (path, expected) in [
            ("/a/b", "/a/b"),
            ("/a/./b", "/a/b"),
            ("/a/../b", "/b"),
            ("/../a", "/a"),
            ("/a/b/.", "/a/b/"),
            ("/a/b/..", "/a/"),
            ("/a/./b/.", "/a/b/"),
            ("/a/.b/..c", "/a/.b/..c"),
            ("/a?b/../c", "/a?b/../c"),
            ("/a/../b?c/.", "/b?c/."),
        ] {
            assert_eq!(without_dots(path), expected, "{path}");
        }
        let url = Url::of(true, "r.example", "/v2/").with("a", "b c");
        assert_eq!(url.path(), "/v2/?a=b%20c");
    }

    #[test]
    fn what_an_authority_leads_to() {
        for (authority, leads_to) in [
            ("localhost", Reach::Machine),
            ("A.LOCALHOST:5000", Reach::Machine),
            ("127.0.0.1", Reach::Machine),
            ("127.255.0.1:80", Reach::Machine),
            ("0.0.0.0", Reach::Machine),
            ("[::1]:5000", Reach::Machine),
            ("[::ffff:127.0.0.1]", Reach::Machine),
            ("10.0.0.1", Reach::Network),
            ("172.31.0.1", Reach::Network),
            ("192.168.0.1:5000", Reach::Network),
            ("169.254.169.254", Reach::Network),
            ("100.64.0.0", Reach::Network),
            ("100.127.255.255", Reach::Network),
            ("[fc00::1]", Reach::Network),
            ("[fe80::1]:443", Reach::Network),
            ("[::ffff:10.0.0.1]", Reach::Network),
            ("100.63.255.255", Reach::World),
            ("100.128.0.0", Reach::World),
            ("100.192.0.0", Reach::World),
            ("101.64.0.0", Reach::World),
            ("172.32.0.1", Reach::World),
            ("8.8.8.8", Reach::World),
            ("[2001:db8::1]", Reach::World),
            ("localhost.example.com", Reach::World),
            ("registry.example.com:5000", Reach::World),
        ] {
            assert!(reach(authority) == leads_to, "{authority}");
        }
    }
}

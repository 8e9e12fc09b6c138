//! One request and its answer, without what they mean: real HTTP, or what a test puts in its place.

use std::fmt;
use std::io::Read;
use std::time::Duration;

use super::url::Url;

/// What is done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(missing_docs, reason = "RFC 9110, section 9.3")]
pub enum Method {
    Get,
    Head,
    Post,
    Put,
    Delete,
}

impl Method {
    /// Returns the name that is sent.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Get => "GET",
            Self::Head => "HEAD",
            Self::Post => "POST",
            Self::Put => "PUT",
            Self::Delete => "DELETE",
        }
    }
}

/// What is sent.
pub struct Request<'a> {
    /// What is done.
    pub method: Method,
    /// To what.
    pub url: &'a Url,
    /// Names and values; all are visible ASCII.
    pub headers: &'a [(&'static str, String)],
    /// The body and its size in bytes.
    pub body: Option<(&'a mut (dyn Read + Send), u64)>,
}

// Headers may have credentials in them.
impl fmt::Debug for Request<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Request")
            .field("method", &self.method)
            .field("url", &self.url)
            .finish_non_exhaustive()
    }
}

/// What came back.
pub struct Response {
    /// The status code.
    pub status: u16,
    /// Names and values, as they were sent.
    pub headers: Vec<(String, String)>,
    /// The body; it ends with an error if less came than was announced.
    pub body: Box<dyn Read + Send>,
}

impl Response {
    /// Returns the first header of that name, in any case.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        let mut headers = self.headers.iter();
        let found = headers.find(|(known, _)| known.eq_ignore_ascii_case(name));
        found.map(|(_, value)| value.as_str())
    }

    /// Returns all headers of that name.
    pub fn all_headers<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        let headers = self.headers.iter();
        let found = headers.filter(move |(known, _)| known.eq_ignore_ascii_case(name));
        found.map(|(_, value)| value.as_str())
    }
}

// Headers may have signed addresses in them.
impl fmt::Debug for Response {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Response")
            .field("status", &self.status)
            .finish_non_exhaustive()
    }
}

/// Why there is no answer.
#[derive(Debug)]
pub struct Failure {
    /// In words.
    pub reason: String,
    /// The same request may succeed a moment later: the connection was refused or broke. Certificates do not get better.
    pub is_passing: bool,
}

/// Sends requests. Redirects are answers like any other, and nothing is sent twice.
pub trait Transport: fmt::Debug + Send + Sync {
    /// Sends one request, and returns when the head of the answer is there.
    fn send(&self, request: Request<'_>) -> Result<Response, Failure>;

    /// Waits before the next try.
    fn pause(&self, time: Duration) {
        std::thread::sleep(time);
    }
}

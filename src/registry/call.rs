//! What is asked of a registry, before it is known how to be let in.

use std::io::Read;

use crate::error::Error;
use crate::printable;

use super::transport::{Failure, Method};
use super::url::Url;
use super::{Access, answer};

/// What a request sends.
pub(super) enum Body<'a> {
    Nothing,
    Bytes(&'a [u8]),
    /// So many bytes of what can be opened again for another try.
    Opened(&'a Open<'a>, u64),
}

/// Opens what is sent from its start.
pub(super) type Open<'a> = dyn Fn() -> Result<Box<dyn Read + Send>, Error> + 'a;

/// What is asked of a registry.
pub(super) struct Call<'a> {
    pub(super) method: Method,
    pub(super) url: Url,
    pub(super) headers: Vec<(&'static str, String)>,
    pub(super) body: Body<'a>,
    /// What messages call the thing that it is about.
    pub(super) place: &'a str,
    /// What a token has to allow in the repository.
    pub(super) access: Access,
    /// Another repository, which it reads.
    pub(super) from: Option<&'a str>,
    /// What no message shows of its body.
    pub(super) secret: Option<&'a str>,
    /// It can be sent again as it is. An upload that broke off cannot.
    pub(super) is_repeatable: bool,
}

impl<'a> Call<'a> {
    pub(super) fn new(method: Method, url: Url, place: &'a str, access: Access) -> Self {
        Self {
            method,
            url,
            headers: Vec::new(),
            body: Body::Nothing,
            place,
            access,
            from: None,
            secret: None,
            is_repeatable: true,
        }
    }

    pub(super) fn header(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.headers.push((name, value.into()));
        self
    }

    pub(super) fn body(mut self, body: Body<'a>) -> Self {
        self.body = body;
        self
    }

    /// What was asked, for messages.
    pub(super) fn asked(&self) -> String {
        format!("{} {}", self.method.name(), self.url.shown())
    }

    /// The failure of a call without an answer.
    pub(super) fn failed(&self, failure: &Failure) -> Error {
        let reason = printable::line(&failure.reason);
        answer::failure(self.place, format!("{} failed: {reason}", self.asked()))
    }
}

//! Answers that are read whole, and what a refusal says.

use std::io::{self, Read};
use std::mem;
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::error::Error;
use crate::printable;

use super::transport::Response;

/// What is read of the body of a refusal, in bytes.
const MAX_REFUSAL_BYTES: u64 = 64 * 1024;
/// What is shown of it.
const MAX_REFUSAL_CHARS: usize = 300;
/// What is shown of an address.
const MAX_ADDRESS_CHARS: usize = 200;
/// How many times the patience for one part the whole of a short body may take.
const N_PATIENCES: u32 = 5;

/// Returns a failure of a registry.
pub(super) fn failure(place: &str, reason: impl Into<String>) -> Error {
    Error::Registry {
        place: place.to_owned(),
        reason: reason.into(),
    }
}

/// Reads a body to its end. It may take as long as it likes for each part, and some of those times in all.
pub(super) fn bytes(
    place: &str,
    what: &str,
    body: &mut dyn Read,
    limit: usize,
    patience: Duration,
) -> Result<Vec<u8>, Error> {
    let mut bytes = Vec::new();
    Timely::new(body, patience)
        .take(limit as u64 + 1)
        .read_to_end(&mut bytes)
        .map_err(|error| failure(place, format!("{what} is truncated: {error}")))?;
    if bytes.len() > limit {
        return Err(failure(
            place,
            format!("{what} is larger than {limit} bytes"),
        ));
    }
    Ok(bytes)
}

/// A short body that must not come byte by byte for days.
struct Timely<'a> {
    body: &'a mut dyn Read,
    end: Option<Instant>,
}

impl<'a> Timely<'a> {
    fn new(body: &'a mut dyn Read, patience: Duration) -> Self {
        let time = patience.saturating_mul(N_PATIENCES);
        Self {
            body,
            end: Instant::now().checked_add(time),
        }
    }
}

impl Read for Timely<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.end.is_some_and(|end| Instant::now() > end) {
            return Err(io::Error::new(
                io::ErrorKind::TimedOut,
                "it comes too slowly",
            ));
        }
        self.body.read(buffer)
    }
}

/// Returns what a registry says of its refusal, on one line (distribution-spec, "Error Codes"); empty if that is nothing.
pub(super) fn refusal(response: &mut Response) -> String {
    let mut bytes = Vec::new();
    // It is in memory.
    let _ = response.body.read_to_end(&mut bytes);
    let text = match serde_json::from_slice::<Value>(&bytes) {
        Ok(value) => said(&value),
        // Servers in front of registries write a line of text, or a page that nobody reads here.
        Err(_) => match String::from_utf8_lossy(&bytes).trim() {
            page if page.starts_with('<') => String::new(),
            text => text.to_owned(),
        },
    };
    printable::line(&text)
        .chars()
        .take(MAX_REFUSAL_CHARS)
        .collect()
}

/// Reads the body of an answer that is no success, as far as it is of use: its connection can then be used again. Secrets that a server
/// sends back are masked.
pub(super) fn settle(response: &mut Response, patience: Duration, secrets: &[String]) {
    let mut body = mem::replace(&mut response.body, Box::new(io::empty()));
    let mut bytes = Vec::new();
    // What came before a break may say it all.
    let _ = Timely::new(&mut body, patience)
        .take(MAX_REFUSAL_BYTES)
        .read_to_end(&mut bytes);
    let text = String::from_utf8_lossy(&bytes).into_owned();
    let masked = secrets
        .iter()
        .filter(|secret| !secret.is_empty())
        .fold(text, |text, secret| text.replace(secret.as_str(), "***"));
    response.body = Box::new(io::Cursor::new(masked.into_bytes()));
}

/// Returns an address that a server sent as messages show it: without its query, which may have a signature in it.
pub(super) fn shown_address(address: &str) -> String {
    let address = address.split(['?', '#']).next().unwrap_or_default();
    let address: String = address.chars().take(MAX_ADDRESS_CHARS).collect();
    // A name and a password would stand before the host.
    match (address.find("://"), address.rfind('@')) {
        (Some(scheme), Some(at)) if scheme < at => {
            printable::line(&format!("{}{}", &address[..scheme + 3], &address[at + 1..]))
        }
        _ => printable::line(&address),
    }
}

/// `{"errors": [{"code": …, "message": …}]}`, or what token servers and clouds write instead.
fn said(value: &Value) -> String {
    let text = |value: &Value, name: &str| value[name].as_str().unwrap_or_default().to_owned();
    let errors = value["errors"].as_array().map_or(&[][..], Vec::as_slice);
    let mut said: Vec<String> = errors
        .iter()
        .chain([value])
        .map(|error| {
            let parts = ["code", "error", "message", "details", "error_description"];
            let parts = parts.map(|name| text(error, name));
            let parts: Vec<String> = parts.into_iter().filter(|part| !part.is_empty()).collect();
            parts.join(": ")
        })
        .filter(|error| !error.is_empty())
        .collect();
    said.dedup();
    said.join("; ")
}

/// Returns the failure of a request that was answered with a status that it does not expect.
pub(super) fn refused(place: &str, asked: &str, response: &mut Response) -> Error {
    let said = refusal(response);
    let said = if said.is_empty() {
        String::new()
    } else {
        format!(" ({said})")
    };
    let host = place.split('/').next().unwrap_or_default();
    let advice = match response.status {
        401 | 403 => {
            format!(
                "; `docker login {host}` stores credentials, and `--authfile` names a file of them"
            )
        }
        429 => "; the registry limits requests, try later".to_owned(),
        500..=599 => "; the registry failed, try later".to_owned(),
        _ => String::new(),
    };
    failure(
        place,
        format!("{asked} is answered with {}{said}{advice}", response.status),
    )
}

#[cfg(test)]
mod tests {
    use super::{MAX_ADDRESS_CHARS, refusal, refused, shown_address};
    use crate::registry::tests::answer;

    #[test]
    fn a_refusal_says_what_may_help() {
        for (status, advice) in [
            (400, ""),
            (401, "`docker login a`"),
            (403, "`docker login a`"),
            (404, ""),
            (428, ""),
            (429, "the registry limits requests, try later"),
            (499, ""),
            (500, "the registry failed, try later"),
            (503, "the registry failed, try later"),
            (599, "the registry failed, try later"),
            (600, ""),
        ] {
            let mut answer = answer(status, &[], "").unwrap();
            let told = refused("a/b", "`GET /v2/`", &mut answer).to_string();
            let start = format!("`GET /v2/` is answered with {status}");
            let (_, rest) = told.split_once(&start).unwrap_or_else(|| panic!("{told}"));
            let is_told = if advice.is_empty() {
                rest.is_empty()
            } else {
                rest.starts_with("; ") && rest.contains(advice)
            };
            assert!(is_told, "{told}");
        }
    }

    #[test]
    fn a_refusal_is_what_people_may_read_of_it() {
        for (body, said) in [
            ("", ""),
            ("no\n", "no"),
            (" <html>no</html>", ""),
            (
                r#"{"errors":[{"code":"A","message":"b"},{"code":"C"}]}"#,
                "A: b; C",
            ),
            (r#"{"errors":[{"code":"A"},{"code":"A"}]}"#, "A"),
            (r#"{"error":"a","error_description":"b"}"#, "a: b"),
            (r#"{"details":"d"}"#, "d"),
            ("[]", ""),
            ("a\u{1b}[0m", "a\\u{1b}[0m"),
        ] {
            assert_eq!(
                refusal(&mut answer(400, &[], body).unwrap()),
                said,
                "{body}"
            );
        }
        let long = "é".repeat(400);
        assert_eq!(
            refusal(&mut answer(400, &[], &long).unwrap()),
            "é".repeat(300)
        );
    }

    #[test]
    fn an_address_is_shown_without_what_may_be_a_secret() {
        let long = "a".repeat(MAX_ADDRESS_CHARS + 1);
        for (address, shown) in [
            ("https://r.example/a?sig=s", "https://r.example/a"),
            ("https://r.example/a#s", "https://r.example/a"),
            ("https://u:p@r.example/a", "https://r.example/a"),
            ("/a@b", "/a@b"),
            ("a@b://c", "a@b://c"),
            ("a\u{1b}", "a\\u{1b}"),
            (&long, &long[1..]),
        ] {
            assert_eq!(shown_address(address), shown);
        }
    }
}

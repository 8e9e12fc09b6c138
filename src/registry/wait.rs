//! When to try again, and how soon (RFC 9110, section 10.2.3).

use std::hash::{BuildHasher, Hasher, RandomState};
use std::time::Duration;

use jiff::fmt::rfc2822::DateTimeParser;

use super::transport::{Failure, Response};

/// How often a request is sent in all, if a registry asks to wait.
const MAX_TRIES: u32 = 5;
/// The same if there is no answer: a host that does not exist is no reason to wait long.
const MAX_TRIES_WITHOUT_ANSWER: u32 = 3;
const MAX_WAIT: Duration = Duration::from_secs(60);

/// The tries of one request.
#[derive(Debug)]
pub(super) struct Tries {
    n: u32,
    first_wait: Duration,
}

impl Tries {
    pub(super) fn new(first_wait: Duration) -> Self {
        Self { n: 0, first_wait }
    }

    /// Tells how long to wait before the next try after this outcome; nothing if there is none.
    pub(super) fn after(&mut self, result: &Result<Response, Failure>) -> Option<Duration> {
        match result {
            Ok(response) if is_passing(response.status) => {
                self.n += 1;
                // Never sooner than it was asked for.
                let asked = asked(response).map(|wait| wait + jitter(wait) / 4);
                let wait = asked.unwrap_or_else(|| self.backoff()).min(MAX_WAIT);
                Some(wait).filter(|_| self.n < MAX_TRIES)
            }
            Err(failure) if failure.is_passing => self.after_break(),
            _ => None,
        }
    }

    /// The same after a connection that was refused or broke.
    pub(super) fn after_break(&mut self) -> Option<Duration> {
        self.n += 1;
        (self.n < MAX_TRIES_WITHOUT_ANSWER).then(|| self.backoff())
    }

    /// Between a half and one and a half of a time that doubles.
    fn backoff(&self) -> Duration {
        let wait = self.first_wait.saturating_mul(2_u32.pow(self.n - 1));
        let wait = wait.min(MAX_WAIT);
        wait / 2 + jitter(wait)
    }
}

/// Too many requests, and a server or what is in front of it that is busy.
pub(super) fn is_passing(status: u16) -> bool {
    matches!(status, 429 | 502 | 503 | 504)
}

/// Seconds, or a date, which is compared with the server's own clock.
fn asked(response: &Response) -> Option<Duration> {
    let value = response.header("retry-after")?.trim();
    if let Ok(seconds) = value.parse() {
        return Some(Duration::from_secs(seconds).min(MAX_WAIT));
    }
    let parser = DateTimeParser::new();
    let time = |text: &str| parser.parse_timestamp(text).ok();
    let wait = time(value)?.duration_since(time(response.header("date")?)?);
    Some(wait.try_into().unwrap_or(Duration::ZERO).min(MAX_WAIT))
}

/// A part of a time that differs from process to process: workers that were refused together do not return together.
fn jitter(time: Duration) -> Duration {
    let random = RandomState::new().build_hasher().finish();
    let n = u32::try_from(random % 1024).expect("it is small");
    time * n / 1024
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::{MAX_WAIT, Tries, jitter};
    use crate::registry::Failure;
    use crate::registry::tests::answer;

    const FIRST: Duration = Duration::from_millis(600);

    #[test]
    fn a_registry_is_given_the_time_that_it_asks_for() {
        let date = "Sun, 06 Nov 1994 08:49:37 GMT";
        let later = "Sun, 06 Nov 1994 08:49:47 GMT";
        let seconds = |n| Duration::from_secs(n);
        for (headers, least, most) in [
            (&[("Retry-After", "3")][..], seconds(3), seconds(4)),
            (&[("retry-after", "0")], seconds(0), seconds(0)),
            (&[("Retry-After", "86400")], seconds(60), seconds(60)),
            (
                &[("Retry-After", "99999999999999999999")],
                seconds(0),
                seconds(1),
            ),
            (
                &[("Retry-After", later), ("Date", date)],
                seconds(10),
                seconds(13),
            ),
            (
                &[("Retry-After", date), ("Date", later)],
                seconds(0),
                seconds(0),
            ),
            (&[("Retry-After", later)], seconds(0), seconds(1)),
            (&[("Retry-After", "-1")], seconds(0), seconds(1)),
            (&[("Retry-After", "soon")], seconds(0), seconds(1)),
        ] {
            let wait = Tries::new(FIRST).after(&answer(429, headers, "")).unwrap();
            assert!(least <= wait && wait <= most, "{headers:?}: {wait:?}");
        }
    }

    #[test]
    fn nobody_waits_as_long_as_the_others() {
        let second = Duration::from_secs(1);
        let some: Vec<Duration> = (0..50).map(|_| jitter(second)).collect();
        assert!(some.iter().all(|time| *time < second), "{some:?}");
        assert!(some.iter().any(|time| *time > second / 2), "{some:?}");
        assert!(some.iter().any(|time| *time < second / 2), "{some:?}");
    }

    #[test]
    fn waits_double() {
        let mut tries = Tries::new(FIRST);
        for n in 0..4 {
            let wait = tries.after(&answer(503, &[], "")).unwrap();
            let middle = FIRST * 2_u32.pow(n);
            assert!(middle / 2 <= wait && wait < middle * 3 / 2, "{n}: {wait:?}");
        }
    }

    #[test]
    fn no_wait_is_too_long() {
        let mut tries = Tries::new(Duration::MAX);
        assert!(tries.after(&answer(503, &[], "")).unwrap() <= MAX_WAIT);
        assert!(tries.after_break().unwrap() <= MAX_WAIT * 3 / 2);
    }

    #[test]
    fn tries_end() {
        let mut tries = Tries::new(FIRST);
        let waits = (0..9)
            .filter_map(|_| tries.after(&answer(503, &[], "")))
            .count();
        assert_eq!(waits, 4);
        let mut tries = Tries::new(FIRST);
        let failure = || Failure {
            reason: String::new(),
            is_passing: true,
        };
        let waits = (0..9).filter_map(|_| tries.after(&Err(failure()))).count();
        assert_eq!(waits, 2);
        for status in [200, 400, 401, 403, 404, 500] {
            assert!(Tries::new(FIRST).after(&answer(status, &[], "")).is_none());
        }
        let certificate = Failure {
            reason: String::new(),
            is_passing: false,
        };
        assert!(Tries::new(FIRST).after(&Err(certificate)).is_none());
    }
}

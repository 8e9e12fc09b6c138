//! Points in time as image documents spell them: RFC 3339, and seconds since 1970 in tar headers.

use std::fmt;

use crate::printable;

/// A time, kept with the text it was read from.
///
/// Documents are not re-spelled: the offset (`+02:00`) and the fraction stay as the author of the image wrote them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Timestamp {
    text: String,
    unix_seconds: i64,
}

/// A text that is not an RFC 3339 date and time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InvalidTimestamp(String);

impl fmt::Display for InvalidTimestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "`{}` is not a date and time such as `2026-01-31T12:00:00Z` (RFC 3339)",
            printable::line(&self.0)
        )
    }
}

impl std::error::Error for InvalidTimestamp {}

impl Timestamp {
    /// Parses RFC 3339.
    pub fn parse(text: &str) -> Result<Self, InvalidTimestamp> {
        let time: jiff::Timestamp = text
            .parse()
            .map_err(|_| InvalidTimestamp(text.chars().take(100).collect()))?;
        Ok(Self {
            text: text.to_owned(),
            // Rounded towards the past, as Go's `Unix()` does, so that -0.5 s is second -1.
            unix_seconds: i64::try_from(time.as_nanosecond().div_euclid(1_000_000_000))
                .expect("jiff holds the years -9999 to 9999"),
        })
    }

    /// Returns the time `seconds` after 1970-01-01T00:00:00Z, or nothing outside the years -9999 to 9999.
    #[must_use]
    pub fn from_unix_seconds(seconds: i64) -> Option<Self> {
        let time = jiff::Timestamp::from_second(seconds).ok()?;
        Some(Self {
            text: time.to_string(),
            unix_seconds: seconds,
        })
    }

    /// Returns the text as it was written.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Returns whole seconds since 1970-01-01T00:00:00Z, rounded towards the past.
    #[must_use]
    pub fn unix_seconds(&self) -> i64 {
        self.unix_seconds
    }
}

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

#[cfg(test)]
mod tests {
    use super::Timestamp;

    #[test]
    fn seconds_count_from_1970_whatever_the_offset() {
        for (text, seconds) in [
            ("1970-01-01T00:00:00Z", 0),
            ("2015-10-31T22:22:56.015925234Z", 1_446_330_176),
            ("1970-01-01T01:00:00+01:00", 0),
            ("1969-12-31T23:59:59.5Z", -1),
        ] {
            let time = Timestamp::parse(text).unwrap();
            assert_eq!((time.unix_seconds(), time.as_str()), (seconds, text));
        }
        assert_eq!(
            Timestamp::from_unix_seconds(0).unwrap().as_str(),
            "1970-01-01T00:00:00Z"
        );
        assert!(Timestamp::parse("yesterday").is_err());
        assert!(Timestamp::parse("2026-02-30T00:00:00Z").is_err());
    }
}

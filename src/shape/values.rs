//! Scalars of a configuration: numbers, signals, times, directories.

use serde_json::json;

use super::decode::{Field, Problems};
use super::definitions::{Json, set, shape, string_like};
use super::strings::{distinct, plain};
use crate::problem::{Code, quoted};
use crate::timestamp::Timestamp;

/// More than 31 years.
const MAX_SECONDS: i64 = 999_999_999;
const SIGNALS: &str = "ABRT|ALRM|BUS|CHLD|CLD|CONT|FPE|HUP|ILL|INT|IO|IOT|KILL|PIPE|POLL|PROF|PWR|QUIT|SEGV|STKFLT|STOP|SYS|TERM|TRAP|TSTP|TTIN|TTOU|URG|USR1|USR2|VTALRM|WINCH|XCPU|XFSZ|RTMIN|RTMAX";
const SIGNAL_HELP: &str = "write a name such as `SIGTERM` or `RTMIN+3`, or a number from 1 to 64";
const TIME_HELP: &str = "write it as in `2026-01-31T12:00:00Z` (RFC 3339)";

shape! {
    /// Seconds; -1 means no limit
    pub(crate) struct Seconds("Seconds") -> i64 {
        |_| number_schema(-1, "^(-1|0|[1-9][0-9]{0,8})$"),
        |field, problems| number(field, -1, problems)
    }
}

shape! {
    /// The number of consecutive failures that count
    pub(crate) struct Retries("Retries") -> i64 {
        |_| number_schema(1, "^[1-9][0-9]{0,8}$"),
        |field, problems| number(field, 1, problems)
    }
}

shape! {
    /// A whole number, 0 or more
    pub(crate) struct Count("Count") -> i64 {
        |_| number_schema(0, "^(0|[1-9][0-9]{0,8})$"),
        |field, problems| number(field, 0, problems)
    }
}

shape! {
    /// The name of a signal, such as `SIGTERM` or `RTMIN+3`, or its number
    pub(crate) struct Signal("Signal") -> String {
        |_| json!({
            "type": ["string", "integer"],
            "minimum": 1,
            "maximum": 64,
            "pattern": format!("^([1-9]|[1-5][0-9]|6[0-4]|(SIG)?({SIGNALS}|RTMIN\\+([1-9]|1[0-5])|RTMAX-([1-9]|1[0-4])))$"),
            "patternErrorMessage": SIGNAL_HELP,
            "examples": ["SIGTERM"],
        }),
        signal
    }
}

shape! {
    /// An RFC 3339 timestamp, such as `2026-01-31T12:00:00Z`
    pub(crate) struct Time("Time") -> Timestamp {
        |_| json!({
            "type": "string",
            "pattern": "^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(\\.[0-9]{1,9})?(Z|[+-][0-9]{2}:[0-9]{2})$",
            "patternErrorMessage": TIME_HELP,
            "examples": ["2026-01-31T12:00:00Z"],
        }),
        time
    }
}

shape! {
    /// An absolute path in the image, taken literally
    pub(crate) struct Directory("Directory") -> String {
        |_| string_like("^(/|[A-Za-z]:[\\\\/])", "write an absolute path, as in `/data`"),
        directory
    }
}

shape! {
    /// Absolute paths, each once
    pub(crate) struct Volumes("Volumes") -> Vec<String> {
        set::<Directory>,
        |field, problems| {
            distinct(field, "/data", problems, |item, problems| Some(vec![directory(item, problems)?]))
        }
    }
}

shape! {
    /// `true`; omit the key otherwise
    pub(crate) struct Yes("Yes") -> bool {
        |_| json!({ "enum": [true, "true"] }),
        |field, problems| field.one_of(&[("true", true)], problems)
    }
}

fn number_schema(min: i64, pattern: &str) -> Json {
    json!({
        "type": ["string", "integer"],
        "minimum": min,
        "maximum": MAX_SECONDS,
        "pattern": pattern,
        "patternErrorMessage": number_help(min),
    })
}

fn number_help(min: i64) -> String {
    format!("write a whole number, {min} or more")
}

/// A whole number that is at least `min`.
fn number(field: &Field<'_>, min: i64, problems: &mut Problems) -> Option<i64> {
    let text = field.some_word(problems)?;
    // One spelling each, so that no reader takes another number from it.
    let number = text.parse::<i64>().ok();
    let number = number.filter(|number| *number >= min && *number <= MAX_SECONDS);
    let number = number.filter(|number| number.to_string() == text);
    if number.is_none() {
        let message = format!("{} is {}", field.name, quoted(text));
        let problem = field.problem(Code::InvalidValue, message);
        problems.add(problem.with_help(number_help(min)));
    }
    number
}

/// A directory of the image, kept as it is written, as Docker keeps it.
fn directory(field: &Field<'_>, problems: &mut Problems) -> Option<String> {
    let text = plain(field, field.some_word(problems)?, problems)?;
    let is_windows = matches!(
        text.as_bytes(),
        [b'A'..=b'Z' | b'a'..=b'z', b':', b'\\' | b'/', ..]
    );
    if !text.starts_with('/') && !is_windows {
        let message = format!(
            "{} is {}, which is not an absolute path",
            field.name,
            quoted(&text)
        );
        problems.add(field.problem(Code::InvalidPath, message));
        return None;
    }
    Some(text)
}

/// A signal by name or number, as Docker takes it.
fn signal(field: &Field<'_>, problems: &mut Problems) -> Option<String> {
    let text = plain(field, field.some_word(problems)?, problems)?;
    if is_signal(&text) {
        return Some(text);
    }
    let message = format!("{} is {}, which is not a signal", field.name, quoted(&text));
    let problem = field.problem(Code::InvalidValue, message);
    problems.add(problem.with_help(SIGNAL_HELP));
    None
}

/// A time, kept as it is written.
fn time(field: &Field<'_>, problems: &mut Problems) -> Option<Timestamp> {
    let text = field.some_word(problems)?;
    let time = Timestamp::parse(text).ok().filter(|_| is_rfc_3339(text));
    if time.is_none() {
        let message = format!(
            "{} is {}, which is not a timestamp",
            field.name,
            quoted(text)
        );
        let problem = field.problem(Code::InvalidValue, message);
        problems.add(problem.with_help(TIME_HELP));
    }
    time
}

/// Every reader of images takes these; what else is a time to ISO 8601 is not one to Go.
fn is_rfc_3339(text: &str) -> bool {
    let shape: String = text
        .chars()
        .map(|c| if c.is_ascii_digit() { '0' } else { c })
        .collect();
    let Some(rest) = shape.strip_prefix("0000-00-00T00:00:00") else {
        return false;
    };
    let fraction = rest
        .strip_prefix('.')
        .map(|rest| rest.trim_start_matches('0'));
    let n_digits = rest.len() - fraction.map_or(rest.len(), str::len);
    let is_fraction = fraction.is_none() || (2..=10).contains(&n_digits);
    is_fraction && ["Z", "+00:00", "-00:00"].contains(&fraction.unwrap_or(rest))
}

fn is_signal(text: &str) -> bool {
    let within = |text: &str, max: u8| {
        let number = text.parse::<u8>().ok().filter(|n| (1..=max).contains(n));
        number.is_some_and(|number| number.to_string() == text)
    };
    let name = text.strip_prefix("SIG").unwrap_or(text);
    let real_time = |sign, max| name.split_once(sign).is_some_and(|(_, n)| within(n, max));
    within(text, 64)
        || SIGNALS.split('|').any(|signal| signal == name)
        || name.starts_with("RTMIN+") && real_time('+', 15)
        || name.starts_with("RTMAX-") && real_time('-', 14)
}

#[cfg(test)]
mod tests {
    use super::{is_rfc_3339, is_signal};

    #[test]
    fn a_time_is_one_to_every_reader() {
        for rest in [
            "Z",
            "+00:00",
            "-00:00",
            "+01:30",
            ".1Z",
            ".123456789Z",
            ".1+00:00",
            ".12-00:00",
        ] {
            assert!(is_rfc_3339(&format!("2020-01-02T03:04:05{rest}")), "{rest}");
        }
        for rest in [
            "",
            "z",
            "+0000",
            ".Z",
            ".1",
            ".1234567890Z",
            ",1Z",
            " Z",
            "Z ",
            ".1.1Z",
        ] {
            assert!(
                !is_rfc_3339(&format!("2020-01-02T03:04:05{rest}")),
                "{rest}"
            );
        }
        for text in [
            "",
            "2020-01-02",
            "2020-01-02t03:04:05Z",
            "2020-01-02 03:04:05Z",
            "20200102T030405Z",
        ] {
            assert!(!is_rfc_3339(text), "{text}");
        }
    }

    #[test]
    fn a_signal_has_a_name_or_a_number() {
        for text in [
            "1",
            "64",
            "TERM",
            "SIGTERM",
            "RTMIN",
            "RTMIN+1",
            "SIGRTMIN+15",
            "RTMAX",
            "RTMAX-1",
            "SIGRTMAX-14",
        ] {
            assert!(is_signal(text), "{text}");
        }
        for text in [
            "",
            "0",
            "65",
            "01",
            "+1",
            "-1",
            "term",
            "SIG",
            "SIGSIGTERM",
            "TERM|KILL",
            "RTMIN+0",
            "RTMIN+16",
            "RTMIN+01",
            "RTMIN-1",
            "RTMAX-0",
            "RTMAX-15",
            "RTMAX+1",
            "X+1",
            "X-1",
        ] {
            assert!(!is_signal(text), "{text}");
        }
    }
}

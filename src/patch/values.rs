//! The kinds of values that fields of a configuration take: texts, lists of texts, maps, numbers, times.

use std::collections::HashSet;

use super::decode::{Field, Problems};
use super::node::{Node, Value};
use crate::problem::{Code, Problem, quoted};
use crate::timestamp::Timestamp;

/// More than 31 years.
pub(super) const MAX_SECONDS: i64 = 999_999_999;
pub(super) const SIGNALS: &str = "ABRT|ALRM|BUS|CHLD|CLD|CONT|FPE|HUP|ILL|INT|IO|IOT|KILL|PIPE|POLL|PROF|PWR|QUIT|SEGV|STKFLT|STOP|SYS|TERM|TRAP|TSTP|TTIN|TTOU|URG|USR1|USR2|VTALRM|WINCH|XCPU|XFSZ|RTMIN|RTMAX";

/// A text that is not empty.
pub(super) fn text(field: &Field<'_>, problems: &mut Problems) -> Option<String> {
    plain(field, field.some_text(problems)?, problems)
}

/// A text that is not empty and holds no secret.
pub(super) fn word(field: &Field<'_>, problems: &mut Problems) -> Option<String> {
    plain(field, field.some_word(problems)?, problems)
}

/// A list of texts of which some may be empty, as arguments of a program may be.
pub(super) fn words(field: &Field<'_>, problems: &mut Problems) -> Option<Vec<String>> {
    let help = "write at least one word; to have none, write `unset` with the name of the field";
    let is_line = |text: &&str| text.trim().contains(' ') && text.len() < 80;
    if let Some(text) = field.node.as_text().filter(is_line)
        && !field.node.is_secret
    {
        let words = text.split_whitespace().map(|word| format!("{word:?}"));
        let words: Vec<String> = words.collect();
        let help = format!(
            "write the words one by one, as in `[{}]`; for a shell, `[\"/bin/sh\", \"-c\", {text:?}]`",
            words.join(", ")
        );
        problems.add(field.wrong_type("a list").with_help(help));
        return None;
    }
    let items = field.items(help, problems)?;
    let words = items.iter().filter_map(|item| {
        let text = item.text(problems)?;
        plain(item, text, problems)
    });
    Some(words.collect())
}

/// A list of distinct texts, each read by `read`.
pub(super) fn distinct(
    field: &Field<'_>,
    example: &str,
    problems: &mut Problems,
    read: impl Fn(&Field<'_>, &mut Problems) -> Option<Vec<String>>,
) -> Option<Vec<String>> {
    let help = format!("write at least one, as in `[{example}]`");
    let mut found = Vec::new();
    let mut seen = HashSet::new();
    for item in field.items(&help, problems)? {
        for text in read(&item, problems).unwrap_or_default() {
            if seen.insert(text.clone()) {
                found.push(text);
            } else {
                let message = format!("{} has {} twice", field.name, quoted(&text));
                problems.add(item.problem(Code::RepeatedItem, message));
            }
        }
    }
    Some(found)
}

/// A whole number that is at least `min`.
pub(super) fn number(field: &Field<'_>, min: i64, problems: &mut Problems) -> Option<i64> {
    let text = field.some_word(problems)?;
    // One spelling each, so that no reader takes another number from it.
    let number = text.parse::<i64>().ok();
    let number = number.filter(|number| *number >= min && *number <= MAX_SECONDS);
    let number = number.filter(|number| number.to_string() == text);
    if number.is_none() {
        let message = format!("{} is {}", field.name, quoted(text));
        let problem = field.problem(Code::InvalidValue, message);
        problems.add(problem.with_help(format!("write a whole number, {min} or more")));
    }
    number
}

/// Seconds; -1 means no limit, as in `docker run --stop-timeout`.
pub(super) fn seconds(field: &Field<'_>, problems: &mut Problems) -> Option<i64> {
    number(field, -1, problems)
}

/// A directory of the image, kept as it is written, as Docker keeps it.
pub(super) fn directory(field: &Field<'_>, problems: &mut Problems) -> Option<String> {
    let text = word(field, problems)?;
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

/// Directories that become volumes.
pub(super) fn volumes(field: &Field<'_>, problems: &mut Problems) -> Option<Vec<String>> {
    let one = |item: &Field<'_>, problems: &mut Problems| Some(vec![directory(item, problems)?]);
    distinct(field, "/data", problems, one)
}

/// Instructions for a build on top; Docker allows all but three.
pub(super) fn instructions(field: &Field<'_>, problems: &mut Problems) -> Option<Vec<String>> {
    let help = "write at least one instruction, as in `[\"RUN make\"]`";
    let items = field.items(help, problems)?;
    let mut instructions = Vec::new();
    for item in &items {
        let Some(text) = text(item, problems) else {
            continue;
        };
        let first = text.split_whitespace().next().unwrap_or_default();
        if ["FROM", "MAINTAINER", "ONBUILD"].contains(&first.to_uppercase().as_str()) {
            let message = format!("{} is not allowed in ONBUILD", quoted(first));
            problems.add(item.problem(Code::InvalidValue, message));
        } else {
            instructions.push(text);
        }
    }
    Some(instructions)
}

/// A signal by name or number, as Docker takes it.
pub(super) fn signal(field: &Field<'_>, problems: &mut Problems) -> Option<String> {
    let text = word(field, problems)?;
    if is_signal(&text) {
        return Some(text);
    }
    let message = format!("{} is {}, which is not a signal", field.name, quoted(&text));
    let problem = field.problem(Code::InvalidValue, message);
    problems.add(
        problem.with_help("write a name such as `SIGTERM` or `RTMIN+3`, or a number from 1 to 64"),
    );
    None
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

/// A time, kept as it is written.
pub(super) fn time(field: &Field<'_>, problems: &mut Problems) -> Option<Timestamp> {
    let text = field.some_word(problems)?;
    let time = Timestamp::parse(text).ok().filter(|_| is_rfc_3339(text));
    if time.is_none() {
        let message = format!(
            "{} is {}, which is not a timestamp",
            field.name,
            quoted(text)
        );
        let problem = field.problem(Code::InvalidValue, message);
        problems.add(problem.with_help("write it as in `2026-01-31T12:00:00Z` (RFC 3339)"));
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

/// A map of texts whose keys `check` allows.
pub(super) fn map(
    field: &Field<'_>,
    check: impl Fn(&str) -> Option<(Code, String)>,
    problems: &mut Problems,
) -> Option<Vec<(String, String)>> {
    let help = match assignment(field.node) {
        Some((key, value)) => format!("write `{{ {key}: {value} }}`"),
        None => "write at least one `key: value`".to_owned(),
    };
    let entries = field.entries(&help, problems)?;
    let mut map = Vec::with_capacity(entries.len());
    for (key, value) in entries {
        if let Some((code, message)) = check(key) {
            let address = value.address.clone().on_key();
            problems.add(Problem::new(code, address, message));
        }
        if let Some(text) = value.text(problems) {
            map.push((key.to_owned(), text.to_owned()));
        }
    }
    Some(map)
}

/// The first `KEY=VALUE` of what stands where a map is wanted, as other tools take it.
fn assignment(node: &Node) -> Option<(&str, &str)> {
    let item = match &node.value {
        Value::List(items) => items.first()?,
        _ => node,
    };
    let text = item.as_text().filter(|_| !item.is_secret)?;
    let is_word = |text: &&str| {
        let is_plain = |c: char| c.is_ascii_alphanumeric() || "_./-".contains(c);
        !text.is_empty() && text.chars().all(is_plain)
    };
    let (key, value) = text.split_once('=')?;
    Some((key, value)).filter(|(key, value)| is_word(key) && is_word(value))
}

pub(super) fn labels(field: &Field<'_>, problems: &mut Problems) -> Option<Vec<(String, String)>> {
    map(
        field,
        |key| bad_key("label", Code::InvalidLabelKey, key),
        problems,
    )
}

/// What is wrong with the key of a label or annotation.
pub(super) fn bad_key(thing: &str, code: Code, key: &str) -> Option<(Code, String)> {
    let article = if thing.starts_with('a') { "an" } else { "a" };
    if key.is_empty() {
        return Some((code, format!("{article} {thing} key is empty")));
    }
    let message = format!("the {thing} key {} has a control character", quoted(key));
    key.chars().any(char::is_control).then_some((code, message))
}

/// No argument, name or path of a process can hold a NUL byte.
pub(super) fn plain(field: &Field<'_>, text: &str, problems: &mut Problems) -> Option<String> {
    if text.contains('\0') {
        let message = format!("{} has a NUL byte", field.name);
        problems.add(field.problem(Code::InvalidValue, message));
        return None;
    }
    Some(text.to_owned())
}

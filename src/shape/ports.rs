//! Ports, in the normal form of Docker: `80/tcp`.

use serde_json::json;

use super::decode::{Field, Problems};
use super::definitions::{set, shape};
use super::strings::distinct;
use crate::problem::{Code, quoted};

/// From 1 to 65535.
const NUMBER: &str =
    "([1-9][0-9]{0,3}|[1-5][0-9]{4}|6[0-4][0-9]{3}|65[0-4][0-9]{2}|655[0-2][0-9]|6553[0-5])";
const HELP: &str = "write `8080`, `53/udp` or `8000-8010/tcp`";

shape! {
    /// A port such as `8080`, `53/udp` or `8000-8010/tcp`
    pub(crate) struct Port("Port") -> Vec<String> {
        |_| json!({
            "type": ["string", "integer"],
            "minimum": 1,
            "maximum": 65535,
            "pattern": format!("^{NUMBER}(-{NUMBER})?(/([tT][cC][pP]|[uU][dD][pP]|[sS][cC][tT][pP]))?$"),
            "patternErrorMessage": HELP,
            "examples": ["8080/tcp"],
        }),
        port
    }
}

shape! {
    /// Ports, each once
    pub(crate) struct Ports("Ports") -> Vec<String> {
        set::<Port>,
        |field, problems| distinct(field, "8080/tcp", problems, port)
    }
}

/// Reads a port, or a range of them one by one.
fn port(field: &Field<'_>, problems: &mut Problems) -> Option<Vec<String>> {
    let text = field.some_word(problems)?;
    let ports = parse(text);
    if ports.is_none() {
        let message = format!("{} is not a port", quoted(text));
        let problem = field.problem(Code::InvalidValue, message);
        problems.add(problem.with_help(HELP));
    }
    ports
}

fn parse(text: &str) -> Option<Vec<String>> {
    let (numbers, protocol) = text.split_once('/').unwrap_or((text, "tcp"));
    let protocol = protocol.to_ascii_lowercase();
    if !["tcp", "udp", "sctp"].contains(&protocol.as_str()) {
        return None;
    }
    let (first, last) = numbers.split_once('-').unwrap_or((numbers, numbers));
    let (first, last) = (number(first)?, number(last)?);
    if first > last {
        return None;
    }
    Some(
        (first..=last)
            .map(|port| format!("{port}/{protocol}"))
            .collect(),
    )
}

fn number(text: &str) -> Option<u16> {
    let number: u16 = text.parse().ok()?;
    (number > 0 && number.to_string() == text).then_some(number)
}

#[cfg(test)]
mod tests {
    use super::parse;

    #[test]
    fn ports_have_one_spelling() {
        for (text, ports) in [
            ("80", "80/tcp"),
            ("80/TCP", "80/tcp"),
            ("53/udp", "53/udp"),
            ("65534-65535/sctp", "65534/sctp 65535/sctp"),
        ] {
            assert_eq!(parse(text).unwrap().join(" "), ports);
        }
        for text in [
            "", "0", "65536", "080", "80/", "80/icmp", "2-1", "1-", "8080:80", "+1",
        ] {
            assert_eq!(parse(text), None, "{text}");
        }
    }
}

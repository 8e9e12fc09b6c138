//! Ports, in the normal form of Docker: `80/tcp`.

use super::decode::{Field, Problems};
use super::values::distinct;
use crate::problem::{Code, quoted};

/// Reads ports, and ranges of them one by one.
pub(super) fn ports(field: &Field<'_>, problems: &mut Problems) -> Option<Vec<String>> {
    distinct(field, "8080/tcp", problems, |item, problems| {
        let text = item.some_word(problems)?;
        let ports = parse(text);
        if ports.is_none() {
            let message = format!("{} is not a port", quoted(text));
            let problem = item.problem(Code::InvalidValue, message);
            problems.add(problem.with_help("write `8080`, `53/udp` or `8000-8010/tcp`"));
        }
        ports
    })
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

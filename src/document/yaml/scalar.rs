//! What a plain scalar of YAML means.

use crate::document::Value;
use crate::document::node::{Kind, is_date};
use crate::image::json::Document;

impl Value {
    /// Returns what a plain scalar of YAML 1.2 is; nothing for a number that JSON does not have.
    #[must_use]
    pub fn of_plain(text: &str) -> Option<Self> {
        match resolve(text) {
            Kind::Null => Some(Self::Null),
            Kind::Bool(value) => Some(Self::Bool(value)),
            Kind::Number(spelled) => {
                let is_json = Document::parse(spelled.as_bytes()).is_ok();
                is_json.then_some(Self::Number(spelled))
            }
            _ if digits(unsigned(text)) || text.strip_prefix("0o").is_some_and(digits) => None,
            _ => Some(Self::Text(text.to_owned())),
        }
    }
}

/// Returns what a plain scalar is by the core schema (YAML 1.2.2, section 10.3.2), or as spelled if YAML 1.1 takes it for
/// something else.
pub(super) fn resolve(text: &str) -> Kind {
    match text {
        "" | "~" | "null" | "Null" | "NULL" => Kind::Null,
        "true" | "True" | "TRUE" => Kind::Bool(true),
        "false" | "False" | "FALSE" => Kind::Bool(false),
        _ if is_number(text) => Kind::Number(text.to_owned()),
        _ if is_of_1_1(text) => Kind::Other(text.to_owned()),
        _ => Kind::Text(text.to_owned()),
    }
}

fn digits(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit())
}

fn unsigned(text: &str) -> &str {
    text.strip_prefix(['-', '+']).unwrap_or(text)
}

/// Tells whether both versions take it for the same number; `1e3` and `0x1F` count as numbers, as in 1.2.
fn is_number(text: &str) -> bool {
    let number = unsigned(text);
    if matches!(number, ".inf" | ".Inf" | ".INF") || matches!(text, ".nan" | ".NaN" | ".NAN") {
        return true;
    }
    if let Some(hex) = text.strip_prefix("0x") {
        return !hex.is_empty() && hex.bytes().all(|b| b.is_ascii_hexdigit());
    }
    if digits(number) {
        // With a leading zero it is octal in 1.1.
        return number == "0" || !number.starts_with('0');
    }
    let (mantissa, exponent) = match number.split_once(['e', 'E']) {
        Some((mantissa, exponent)) => (mantissa, Some(exponent)),
        None => (number, None),
    };
    let is_mantissa = match mantissa.split_once('.') {
        Some((whole, "")) => digits(whole),
        Some((whole, fraction)) => (whole.is_empty() || digits(whole)) && digits(fraction),
        None => digits(mantissa),
    };
    is_mantissa && exponent.is_none_or(|exponent| digits(unsigned(exponent)))
}

/// Tells whether YAML 1.1 takes it for a boolean, a number, a date, or a merge key (yaml.org/type).
fn is_of_1_1(text: &str) -> bool {
    let lower = text.to_ascii_lowercase();
    let is_bool = matches!(lower.as_str(), "y" | "n" | "yes" | "no" | "on" | "off");
    let number = unsigned(text);
    let is_number = number.starts_with(|c: char| c.is_ascii_digit() || c == '.')
        && number.contains(|c: char| c.is_ascii_digit())
        && number.bytes().all(|b| {
            b.is_ascii_hexdigit() || matches!(b, b'_' | b':' | b'.' | b'x' | b'o' | b'+' | b'-')
        })
        && has_form_of_1_1(number);
    is_bool || matches!(text, "=" | "<<") || is_number || is_date(text) || is_timestamp(text)
}

/// Tells whether it is octal, binary, sexagesimal, or has `_` in it.
fn has_form_of_1_1(number: &str) -> bool {
    let all = |text: &str, is_part: fn(u8) -> bool| !text.is_empty() && text.bytes().all(is_part);
    let decimal = |b: u8| b.is_ascii_digit() || b == b'_';
    if let Some(rest) = number.strip_prefix("0x") {
        return all(rest, |b| b.is_ascii_hexdigit() || b == b'_');
    }
    if let Some(rest) = number.strip_prefix("0o") {
        return all(rest, |b| b.is_ascii_digit());
    }
    if let Some(rest) = number.strip_prefix("0b") {
        return all(rest, |b| matches!(b, b'0' | b'1' | b'_'));
    }
    if number.contains(':') {
        return number
            .split(':')
            .all(|part| all(part, |b| b.is_ascii_digit() || matches!(b, b'_' | b'.')));
    }
    let mantissa = number.split(['e', 'E']).next().unwrap_or_default();
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    all(&format!("{whole}{fraction}"), decimal)
}

/// Tells whether it starts as a timestamp does: `2001-12-14`, `2001-1-1 1:00:00`.
fn is_timestamp(text: &str) -> bool {
    let mut parts = text.splitn(3, '-');
    let (Some(year), Some(month), Some(rest)) = (parts.next(), parts.next(), parts.next()) else {
        return false;
    };
    year.len() == 4
        && digits(year)
        && month.len() <= 2
        && digits(month)
        && rest.starts_with(|c: char| c.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::resolve;
    use crate::document::Value;
    use crate::document::node::Kind;

    #[test]
    fn only_numbers_of_json_are_numbers_of_an_edit() {
        for text in ["0", "-0", "10", "1.10", "1e3", "-1.5E+7"] {
            let number = Value::Number(text.to_owned());
            assert_eq!(Value::of_plain(text), Some(number), "{text}");
        }
        for text in ["01", "1.", ".5", "+1", "0x1f", ".inf"] {
            assert_eq!(Value::of_plain(text), None, "{text}");
        }
        for text in ["-", "1e", "1_000", "1 ", "١"] {
            let string = Value::Text(text.to_owned());
            assert_eq!(Value::of_plain(text), Some(string), "{text}");
        }
        assert_eq!(Value::of_plain(""), Some(Value::Null));
    }

    #[test]
    fn a_plain_scalar_is_what_both_versions_of_yaml_take_it_for() {
        for text in ["", "~", "null", "Null", "NULL"] {
            assert!(matches!(resolve(text), Kind::Null), "{text}");
        }
        for text in ["true", "True", "FALSE"] {
            assert!(matches!(resolve(text), Kind::Bool(_)), "{text}");
        }
        for text in [
            "0", "-12", "+1", "1.5", ".5", "1.", "1e3", "-1.5E+7", "0x1F", ".inf", "-.INF", ".nan",
        ] {
            assert!(matches!(resolve(text), Kind::Number(_)), "{text}");
        }
        for text in [
            "y",
            "N",
            "yes",
            "No",
            "ON",
            "off",
            "007",
            "0o17",
            "0b11",
            "1_000",
            "1:30",
            "190:20:30.15",
            "2001-12-14",
            "2001-12-14 21:59:43.10 -5",
            "2001-1-1",
            "=",
            "<<",
            "0x_1",
        ] {
            assert!(matches!(resolve(text), Kind::Other(_)), "{text}");
        }
        for text in [
            "nil", "none", "True!", "1.2.3", "v1", "0xg", "e3", ".", "-", "10.0.0.1", "a:b",
            "tRue", "8080:80a",
        ] {
            assert!(matches!(resolve(text), Kind::Text(_)), "{text}");
        }
    }
}

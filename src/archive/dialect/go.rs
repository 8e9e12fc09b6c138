//! Values as Go's `encoding/json` reads them into structs and prints them again.

use crate::image::json::Value;

/// A member that is there and not null: null leaves a Go field at its zero value.
pub(in crate::archive) fn present<'a>(object: &'a Value, key: &str) -> Option<&'a Value> {
    object.get(key).filter(|value| !value.is_null())
}

pub(in crate::archive) fn boolean(object: &Value, key: &str) -> Option<String> {
    match present(object, key) {
        Some(value) => value.as_bool().map(|value| value.to_string()),
        None => Some("false".to_owned()),
    }
}

/// A Go `int64` or `int`; fractions and exponents would not decode.
pub(in crate::archive) fn integer(object: &Value, key: &str) -> Option<String> {
    match present(object, key) {
        Some(Value::Literal(literal)) => {
            literal.parse::<i64>().ok().map(|number| number.to_string())
        }
        Some(_) => None,
        None => Some("0".to_owned()),
    }
}

/// `{"key":value,…}` in the order given.
pub(in crate::archive) fn object<'a>(
    members: impl IntoIterator<Item = (&'a str, String)>,
) -> String {
    let members: Vec<String> = members
        .into_iter()
        .map(|(key, value)| format!("\"{key}\":{value}"))
        .collect();
    format!("{{{}}}", members.join(","))
}

/// Spells a time of RFC 3339 as Go prints it again: nine digits of fraction at most, no zeros at their end, `Z` for
/// no offset.
pub(in crate::archive) fn go_time(text: &str) -> Option<String> {
    let zone_bytes = if text.ends_with('Z') { 1 } else { 6 };
    let zone = text.len().checked_sub(zone_bytes)?;
    let (time, offset) = (text.get(..zone)?, text.get(zone..)?);
    let offset = if matches!(offset, "+00:00" | "-00:00") {
        "Z"
    } else {
        offset
    };
    Some(match time.split_once('.') {
        Some((seconds, fraction)) => {
            let fraction = fraction.get(..9.min(fraction.len()))?.trim_end_matches('0');
            if fraction.is_empty() {
                format!("{seconds}{offset}")
            } else {
                format!("{seconds}.{fraction}{offset}")
            }
        }
        None => format!("{time}{offset}"),
    })
}

#[cfg(test)]
mod tests {
    use super::go_time;

    #[test]
    fn what_is_no_time_is_spelled_as_none() {
        for text in ["", "Z", "x", "12345"] {
            assert!(go_time(text).is_none_or(|time| !time.is_empty()), "{text}");
        }
        let spelled = go_time("2024-01-02T03:04:05.100+00:00");
        assert_eq!(spelled.as_deref(), Some("2024-01-02T03:04:05.1Z"));
    }
}

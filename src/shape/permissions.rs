//! Permission bits, and owners of files.

use serde_json::json;

use super::decode::{Field, Problems};
use super::definitions::shape;
use crate::problem::{Code, quoted};

/// The owner of a file has 32 bits without a sign, and 4294967295 leaves it as it is (`chown(2)`). Only users that processes
/// run as are limited to 2147483647 (CVE-2024-40635).
const MAX_ID: u32 = u32::MAX - 1;

/// Up to [`MAX_ID`].
const ID: &str = "([0-9]{1,9}|[0-3][0-9]{9}|4[01][0-9]{8}|42[0-8][0-9]{7}|429[0-3][0-9]{6}|4294[0-8][0-9]{5}|42949[0-5][0-9]{4}|429496[0-6][0-9]{3}|4294967[01][0-9]{2}|42949672[0-8][0-9]|429496729[0-4])";
const MODE_HELP: &str = "write three or four octal digits, as in `0644`";

shape! {
    /// Permission bits, as in `0644`
    pub(crate) struct Octal("Mode") -> u32 {
        |_| json!({
            "type": ["string", "integer"],
            "pattern": "^[0-7]{3,4}$",
            "patternErrorMessage": MODE_HELP,
            "examples": ["0644"],
        }),
        octal
    }
}

shape! {
    /// User and group as numbers, as in `0:0`
    pub(crate) struct Ids("Ids") -> (u32, u32) {
        |_| json!({
            "type": "string",
            "pattern": format!("^{ID}:{ID}$"),
            "patternErrorMessage": ids_help(),
            "examples": ["0:0"],
        }),
        ids
    }
}

fn octal(field: &Field<'_>, problems: &mut Problems) -> Option<u32> {
    let text = field.word(problems)?;
    let mode = parse_octal(text);
    if mode.is_none() {
        let message = format!("{} is {}", field.name, quoted(text));
        let problem = field.problem(Code::InvalidValue, message);
        problems.add(problem.with_help(MODE_HELP));
    }
    mode
}

/// Reads three or four octal digits.
pub(crate) fn parse_octal(text: &str) -> Option<u32> {
    let is_octal = (3..=4).contains(&text.len()) && text.bytes().all(|b| matches!(b, b'0'..=b'7'));
    is_octal.then(|| u32::from_str_radix(text, 8).ok())?
}

/// Reads `uid:gid`.
fn ids(field: &Field<'_>, problems: &mut Problems) -> Option<(u32, u32)> {
    let text = field.word(problems)?;
    let ids = text
        .split_once(':')
        .and_then(|(user, group)| Some((id(user)?, id(group)?)));
    if ids.is_none() {
        let message = format!("{} is {}", field.name, quoted(text));
        let problem = field.problem(Code::InvalidValue, message);
        problems.add(problem.with_help(ids_help()));
    }
    ids
}

fn ids_help() -> String {
    format!(
        "write two numbers up to {MAX_ID}, as in `0:0`; names have a meaning only in a running image"
    )
}

fn id(text: &str) -> Option<u32> {
    let is_plain = text.bytes().all(|b| b.is_ascii_digit()) && text.len() <= 10;
    let id = text.parse().ok().filter(|id| *id <= MAX_ID);
    id.filter(|_| is_plain)
}

#[cfg(test)]
mod tests {
    use super::{MAX_ID, id, parse_octal};

    #[test]
    fn ids_and_modes_are_plain_digits() {
        for (text, expected) in [
            ("0", Some(0)),
            ("0000000007", Some(7)),
            ("4294967294", Some(MAX_ID)),
            ("4294967295", None),
            ("00000000007", None),
            ("+7", None),
            ("-1", None),
            ("", None),
            ("root", None),
        ] {
            assert_eq!(id(text), expected, "{text}");
        }
        for (text, expected) in [
            ("644", Some(0o644)),
            ("0000", Some(0)),
            ("7777", Some(0o7777)),
            ("64", None),
            ("00644", None),
            ("0648", None),
            ("+644", None),
        ] {
            assert_eq!(parse_octal(text), expected, "{text}");
        }
    }
}

//! Values and keys as TOML.

use std::fmt::Write;

use crate::document::Refused;
use crate::document::node::{Key, Kind, Node};

/// Returns a value on one line; a string takes the kind of quotes of the value that it replaces.
pub(super) fn value(node: &Node, replaced: Option<&str>) -> Result<String, Refused> {
    Ok(match &node.kind {
        Kind::Null => return Err(Refused::whole("TOML has no null")),
        Kind::Bool(value) => value.to_string(),
        Kind::Number(spelled) | Kind::Other(spelled) => spelled.clone(),
        Kind::Text(text) => {
            let is_literal =
                replaced.is_some_and(|old| old.starts_with('\'') && !old.starts_with("'''"));
            let fits = |c: char| c != '\'' && !c.is_control();
            if is_literal && text.chars().all(fits) {
                format!("'{text}'")
            } else {
                string(text)
            }
        }
        Kind::List(items) => {
            let items = items.iter().map(|item| value(item, None));
            format!("[{}]", items.collect::<Result<Vec<_>, _>>()?.join(", "))
        }
        Kind::Map(pairs) if pairs.is_empty() => "{}".to_owned(),
        Kind::Map(pairs) => {
            let pairs = pairs.iter().map(|(key, node)| pair(key, node));
            format!("{{ {} }}", pairs.collect::<Result<Vec<_>, _>>()?.join(", "))
        }
    })
}

pub(super) fn pair(key: &Key, node: &Node) -> Result<String, Refused> {
    Ok(format!(
        "{} = {}",
        self::key(key.text()),
        value(node, None)?
    ))
}

/// Returns a key, quoted where it has to be.
pub(super) fn key(name: &str) -> String {
    let is_bare = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_');
    if !name.is_empty() && name.bytes().all(is_bare) {
        name.to_owned()
    } else {
        string(name)
    }
}

/// Returns a basic string.
fn string(text: &str) -> String {
    let mut spelled = String::from('"');
    for c in text.chars() {
        match c {
            '"' => spelled.push_str("\\\""),
            '\\' => spelled.push_str("\\\\"),
            '\n' => spelled.push_str("\\n"),
            '\r' => spelled.push_str("\\r"),
            '\t' => spelled.push_str("\\t"),
            c if c.is_control() => {
                write!(spelled, "\\u{:04X}", u32::from(c)).expect("writing to a String succeeds");
            }
            c => spelled.push(c),
        }
    }
    spelled.push('"');
    spelled
}

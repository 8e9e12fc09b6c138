//! The v1 directories of podman and skopeo (containers/image `docker/internal/tarfile/writer.go`): a link to the layer,
//! under an id that is the hash of a JSON text of its own making.

use std::collections::BTreeMap;
use std::fmt::Write;

use super::config::Config;
use crate::digest::{ChainId, Digest};

/// What the text of the top layer takes from the configuration.
const TOP_KEYS: [&str; 7] = [
    "architecture",
    "config",
    "container",
    "container_config",
    "created",
    "docker_version",
    "os",
];

/// A layer's id, and the document that stands in its directory.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Legacy {
    pub(super) id: String,
    pub(super) document: String,
}

/// Derives all layers of an image from the bottom, `bytes` being its configuration; nothing if a diff id is none. `is_there`
/// tells which directories the archive has: versions of before 2020 called them by the chain id, earlier ones by the diff id.
pub(super) fn derive(
    config: &Config,
    bytes: &[u8],
    is_there: impl Fn(&str) -> bool,
) -> Option<Vec<Legacy>> {
    let text = std::str::from_utf8(bytes).ok()?;
    let diff_ids = config.diff_ids.iter().map(|id| Some((*id)?.hex()));
    let diff_ids: Vec<String> = diff_ids.collect::<Option<_>>()?;
    let chains = config.diff_ids.iter().scan(None, |chain, id| {
        *chain = (*id).map(|id| ChainId::extend(*chain, id));
        chain.map(|chain| chain.hex())
    });
    let chains: Vec<String> = chains.collect();
    let given = [&chains, &diff_ids];
    let given = given
        .into_iter()
        .find(|ids| ids.iter().all(|id| is_there(id)));
    let members: BTreeMap<String, &str> = members(text)?.into_iter().collect();
    let mut chain = None;
    let mut layers: Vec<Legacy> = Vec::new();
    for (i, diff_id) in config.diff_ids.iter().enumerate() {
        let chain_id = ChainId::extend(chain, (*diff_id)?);
        chain = Some(chain_id);
        let mut map = BTreeMap::from([("layer_id", format!("\"{chain_id}\""))]);
        if let Some(below) = layers.last() {
            map.insert("parent", format!("\"{}\"", below.id));
        }
        if i + 1 == config.diff_ids.len() {
            for key in TOP_KEYS {
                let raw = members.get(key).map(|raw| compact(raw));
                map.insert(key, raw.unwrap_or_else(|| "null".to_owned()));
            }
        }
        let hashed = || Digest::of(object(&map).as_bytes()).hex();
        let id = given.map_or_else(hashed, |ids| ids[i].clone());
        map.remove("layer_id");
        map.insert("id", format!("\"{id}\""));
        let document = object(&map);
        layers.push(Legacy { id, document });
    }
    Some(layers)
}

/// Go writes the keys of a map in the order of their bytes.
fn object(map: &BTreeMap<&str, String>) -> String {
    let members = map.iter().map(|(key, value)| format!("\"{key}\":{value}"));
    format!("{{{}}}", members.collect::<Vec<_>>().join(","))
}

/// Returns the members of an object, each value as it is spelled; nothing where the text is no object.
fn members(text: &str) -> Option<Vec<(String, &str)>> {
    let mut rest = text.trim_start().strip_prefix('{')?.trim_start();
    let mut members = Vec::new();
    while !rest.starts_with('}') {
        let (key, behind) = rest.split_at_checked(end_of_value(rest)?)?;
        let behind = behind.trim_start().strip_prefix(':')?.trim_start();
        let (value, behind) = behind.split_at_checked(end_of_value(behind)?)?;
        members.push((serde_json::from_str(key).ok()?, value));
        let behind = behind.trim_start();
        rest = behind.strip_prefix(',').map_or(behind, str::trim_start);
    }
    Some(members)
}

/// Returns where the value ends that a valid text begins with.
fn end_of_value(text: &str) -> Option<usize> {
    let (mut depth, mut is_text, mut is_escaped) = (0_u32, false, false);
    for (at, b) in text.bytes().enumerate() {
        if is_text {
            match b {
                _ if is_escaped => is_escaped = false,
                b'\\' => is_escaped = true,
                b'"' if depth == 0 => return Some(at + 1),
                b'"' => is_text = false,
                _ => {}
            }
            continue;
        }
        match b {
            b'"' => is_text = true,
            b'{' | b'[' => depth += 1,
            b'}' | b']' if depth == 1 => return Some(at + 1),
            b'}' | b']' if depth > 1 => depth -= 1,
            b'}' | b']' | b',' | b':' | b' ' | b'\t' | b'\r' | b'\n' if depth == 0 => {
                return Some(at);
            }
            _ => {}
        }
    }
    None
}

/// Drops white space and escapes what Go escapes, as its `json.RawMessage` is written; the rest keeps its spelling.
fn compact(raw: &str) -> String {
    let (mut is_text, mut is_escaped) = (false, false);
    let mut compact = String::with_capacity(raw.len());
    for c in raw.chars() {
        let is_quote = c == '"' && !is_escaped;
        is_escaped = is_text && c == '\\' && !is_escaped;
        is_text ^= is_quote;
        match c {
            ' ' | '\t' | '\r' | '\n' if !is_text => {}
            '<' | '>' | '&' | '\u{2028}' | '\u{2029}' => {
                write!(compact, "\\u{:04x}", u32::from(c)).expect("a String takes everything");
            }
            c => compact.push(c),
        }
    }
    compact
}

#[cfg(test)]
mod tests {
    use super::{compact, members};

    #[test]
    fn values_keep_their_spelling_but_white_space_and_what_go_escapes() {
        let text =
            " { \"a\\\"\" : [ 1.0e2 , { \"b\" : \"}] <\\\\\" } ] ,\"c\":null ,\n\"d\" : \"x\" } ";
        let members = members(text).expect("it is an object");
        let members: Vec<(&str, String)> = members
            .iter()
            .map(|(key, raw)| (key.as_str(), compact(raw)))
            .collect();
        let array = r#"[1.0e2,{"b":"}] \u003c\\"}]"#;
        let expected = [("a\"", array), ("c", "null"), ("d", "\"x\"")];
        assert_eq!(members, expected.map(|(key, raw)| (key, raw.to_owned())));
    }

    #[test]
    fn a_value_ends_where_its_object_does() {
        for value in [
            "1",
            "null",
            "\"}\"",
            "[1]",
            "[[],{}]",
            "{\"b\":{\"c\":[2]}}",
        ] {
            let text = format!("{{\"a\":{value}}}");
            assert_eq!(members(&text), Some(vec![("a".to_owned(), value)]));
        }
    }

    #[test]
    fn what_is_no_object_has_no_members() {
        for text in ["", "[]", "{", "{\"a\"", "{\"a\":", "{\"a\":1"] {
            assert_eq!(members(text), None, "{text}");
        }
        assert_eq!(members(" {} "), Some(Vec::new()));
    }
}

//! JSON as a value that hides nothing: repeated keys are kept, numbers are not rounded.
//!
//! This is not the editor of `image`: a fault there must not be a fault here.

use std::collections::HashSet;
use std::fmt::{self, Write};

use serde::de::{Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};

/// A JSON value.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Json {
    Null,
    Bool(bool),
    Integer(i128),
    /// A number with a fraction or an exponent; no document of an image has a use for its value.
    Float,
    Text(String),
    List(Vec<Self>),
    /// All members in order, repeated keys included.
    Map(Vec<(String, Self)>),
}

/// Parses a whole document; what stands behind the value comes back beside it.
pub(super) fn parse(bytes: &[u8]) -> Result<(Json, Option<String>), String> {
    let mut deserializer = serde_json::Deserializer::from_slice(bytes);
    // serde_json stops at 128 levels by itself.
    let json = Json::deserialize(&mut deserializer).map_err(|error| error.to_string())?;
    let trailing = deserializer.end().err().map(|error| error.to_string());
    Ok((json, trailing))
}

impl Json {
    /// Returns a field of a struct as Go sees it: the last of that name, else of the same letters; `null` is no member.
    pub(super) fn get(&self, field: &str) -> Option<&Self> {
        self.get_any(field).filter(|value| **value != Self::Null)
    }

    /// Returns a field, `null` included.
    pub(super) fn get_any(&self, field: &str) -> Option<&Self> {
        let folded = || {
            let mut members = self.members().iter().rev();
            members.find(|(key, _)| is_field(key, field))
        };
        self.member(field)
            .or_else(|| folded().map(|(_, value)| value))
    }

    /// Returns a member of a map: the last of that key.
    pub(super) fn member(&self, key: &str) -> Option<&Self> {
        let mut members = self.members().iter().rev();
        members.find(|(k, _)| k == key).map(|(_, value)| value)
    }

    pub(super) fn members(&self) -> &[(String, Self)] {
        match self {
            Self::Map(members) => members,
            _ => &[],
        }
    }

    pub(super) fn list(&self) -> Option<&[Self]> {
        match self {
            Self::List(items) => Some(items),
            _ => None,
        }
    }

    pub(super) fn text(&self) -> Option<&str> {
        match self {
            Self::Text(text) => Some(text),
            _ => None,
        }
    }

    pub(super) fn is_map(&self) -> bool {
        matches!(self, Self::Map(_))
    }

    /// Returns what the value is, for messages.
    pub(super) fn kind(&self) -> &'static str {
        match self {
            Self::Null => "null",
            Self::Bool(_) => "a boolean",
            Self::Integer(_) => "an integer",
            Self::Float => "a number that is not an integer",
            Self::Text(_) => "a string",
            Self::List(_) => "a list",
            Self::Map(_) => "an object",
        }
    }

    /// Returns an integer whose absolute value is above `max`.
    pub(super) fn integer_above(&self, max: u128) -> Option<i128> {
        match self {
            Self::Integer(n) => (n.unsigned_abs() > max).then_some(*n),
            Self::List(items) => items.iter().find_map(|item| item.integer_above(max)),
            Self::Map(members) => members.iter().find_map(|(_, v)| v.integer_above(max)),
            _ => None,
        }
    }

    /// Calls `found` with the path of every repeated key.
    pub(super) fn repeated_keys(&self, found: &mut dyn FnMut(&str)) {
        self.repeated_keys_below(&mut String::new(), found);
    }

    fn repeated_keys_below(&self, path: &mut String, found: &mut dyn FnMut(&str)) {
        let length = path.len();
        match self {
            Self::List(items) => {
                for (i, item) in items.iter().enumerate() {
                    write!(path, "[{i}]").expect("a String takes everything");
                    item.repeated_keys_below(path, found);
                    path.truncate(length);
                }
            }
            Self::Map(members) => {
                let mut seen = HashSet::new();
                for (key, value) in members {
                    path.push('.');
                    path.push_str(key);
                    value.repeated_keys_below(path, found);
                    if !seen.insert(key) {
                        found(path);
                    }
                    path.truncate(length);
                }
            }
            _ => {}
        }
    }
}

/// Tells whether Go's `encoding/json` takes a key for a field of a struct: it ignores case, and folds two letters beyond ASCII.
pub(super) fn is_field(key: &str, field: &str) -> bool {
    let fold = |c: char| match c {
        '\u{17f}' => 's',
        '\u{212a}' => 'k',
        c => c.to_ascii_lowercase(),
    };
    key.chars().map(fold).eq(field.chars().map(fold))
}

impl<'de> Deserialize<'de> for Json {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(JsonVisitor)
    }
}

struct JsonVisitor;

impl<'de> Visitor<'de> for JsonVisitor {
    type Value = Json;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_unit<E>(self) -> Result<Json, E> {
        Ok(Json::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Json, E> {
        Ok(Json::Bool(value))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Json, E> {
        Ok(Json::Integer(value.into()))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Json, E> {
        Ok(Json::Integer(value.into()))
    }

    fn visit_f64<E>(self, _: f64) -> Result<Json, E> {
        Ok(Json::Float)
    }

    fn visit_str<E>(self, text: &str) -> Result<Json, E> {
        Ok(Json::Text(text.to_owned()))
    }

    fn visit_string<E>(self, text: String) -> Result<Json, E> {
        Ok(Json::Text(text))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Json, A::Error> {
        let mut list = Vec::new();
        while let Some(item) = items.next_element()? {
            list.push(item);
        }
        Ok(Json::List(list))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Json, A::Error> {
        let mut map = Vec::new();
        while let Some(member) = members.next_entry()? {
            map.push(member);
        }
        Ok(Json::Map(map))
    }
}

/// The keys that readers know, by document; others pass unseen.
pub(super) mod known {
    pub(in super::super) const SAVE_ITEM: &[&str] =
        &["Config", "RepoTags", "Layers", "Parent", "LayerSources"];
    pub(in super::super) const LAYOUT: &[&str] = &["imageLayoutVersion"];
    /// Of an index and of a manifest: `layers` in an index is what CVE-2021-41190 is about.
    pub(in super::super) const MANIFEST: &[&str] = &[
        "schemaVersion",
        "mediaType",
        "artifactType",
        "manifests",
        "config",
        "layers",
        "subject",
        "annotations",
    ];
    pub(in super::super) const DESCRIPTOR: &[&str] = &[
        "mediaType",
        "digest",
        "size",
        "urls",
        "annotations",
        "data",
        "artifactType",
        "platform",
    ];
    pub(in super::super) const CONFIG: &[&str] = &[
        "id",
        "parent",
        "comment",
        "created",
        "container",
        "container_config",
        "docker_version",
        "author",
        "config",
        "architecture",
        "variant",
        "os",
        "os.version",
        "os.features",
        "Size",
        "rootfs",
        "history",
    ];
    pub(in super::super) const ROOTFS: &[&str] = &["type", "diff_ids"];
    pub(in super::super) const HISTORY: &[&str] =
        &["created", "author", "created_by", "comment", "empty_layer"];
    pub(in super::super) const CONTAINER: &[&str] = &[
        "Hostname",
        "Domainname",
        "User",
        "AttachStdin",
        "AttachStdout",
        "AttachStderr",
        "ExposedPorts",
        "Tty",
        "OpenStdin",
        "StdinOnce",
        "Env",
        "Cmd",
        "Healthcheck",
        "ArgsEscaped",
        "Image",
        "Volumes",
        "WorkingDir",
        "Entrypoint",
        "NetworkDisabled",
        "MacAddress",
        "OnBuild",
        "Labels",
        "StopSignal",
        "StopTimeout",
        "Shell",
    ];
}

#[cfg(test)]
mod tests {
    use super::{Json, is_field, parse};

    fn json(text: &str) -> Json {
        parse(text.as_bytes()).expect("it is JSON").0
    }

    #[test]
    fn keys_are_fields_as_go_folds_them() {
        for (key, field, is_same) in [
            ("Size", "size", true),
            ("\u{17f}ize", "Size", true),
            ("\u{212a}ey", "key", true),
            ("size", "sizes", false),
            ("é", "É", false),
        ] {
            assert_eq!(is_field(key, field), is_same, "{key}");
        }
    }

    #[test]
    fn a_field_is_the_last_of_its_name_else_of_its_letters() {
        let found = json(r#"{"a":1,"A":2,"a":3,"B":4,"b":5,"B":6,"c":null,"D":7}"#);
        for (field, value) in [("a", 3), ("A", 2), ("b", 5), ("B", 6), ("d", 7)] {
            assert_eq!(found.get(field), Some(&Json::Integer(value)), "{field}");
        }
        assert_eq!(found.get("c"), None);
        assert_eq!(found.get_any("c"), Some(&Json::Null));
        assert_eq!(found.member("d"), None);
        assert_eq!(found.member("D"), Some(&Json::Integer(7)));
    }

    #[test]
    fn large_integers_are_found_wherever_they_are() {
        for (text, found) in [
            ("9", None),
            ("10", Some(10)),
            ("-9", None),
            ("-10", Some(-10)),
            (r#"[1,[2,{"a":[11]}],12]"#, Some(11)),
            (r#"{"a":"10","b":1e9,"c":10.0}"#, None),
            ("18446744073709551615", Some(u64::MAX.into())),
        ] {
            assert_eq!(json(text).integer_above(9), found, "{text}");
        }
    }

    #[test]
    fn repeated_keys_have_paths() {
        for (text, paths) in [
            (r#"{"a":1,"A":1}"#, ""),
            (r#"[{"a":1},{"a":1}]"#, ""),
            (r#"{"a":1,"a":1,"a":1}"#, ".a .a"),
            (
                r#"[1,{"b":[{"c":{"d":1,"e":2,"d":3}}],"f":1}]"#,
                "[1].b[0].c.d",
            ),
            (r#"{"a":{"b":1,"b":2},"a":1,"c":[]}"#, ".a.b .a"),
        ] {
            let mut found = Vec::new();
            json(text).repeated_keys(&mut |path| found.push(path.to_owned()));
            assert_eq!(found.join(" "), paths, "{text}");
        }
    }

    #[test]
    fn what_stands_behind_the_value_comes_back() {
        assert_eq!(parse(b" {} \n").map(|it| it.1), Ok(None));
        let trailing = parse(b"{} x").expect("the value is JSON").1;
        assert!(trailing.is_some());
        for text in ["", "{", "[1,]"] {
            assert!(parse(text.as_bytes()).is_err(), "{text}");
        }
    }

    #[test]
    fn every_value_is_one_of_its_kind() {
        for (text, kind) in [
            ("null", "null"),
            ("true", "a boolean"),
            ("-1", "an integer"),
            ("1.5", "a number that is not an integer"),
            ("1e2", "a number that is not an integer"),
            ("\"\\n\"", "a string"),
            ("[]", "a list"),
            ("{}", "an object"),
        ] {
            let value = json(text);
            assert_eq!(value.kind(), kind);
            assert_eq!(value.text().is_some(), kind == "a string");
            assert_eq!(value.list().is_some(), kind == "a list");
            assert_eq!(value.is_map(), kind == "an object");
        }
    }
}

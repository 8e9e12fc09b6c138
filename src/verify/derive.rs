//! The ids and documents that Docker derives for each layer of an image (moby `image/v1/imagev1.go`, `CreateID`).
//!
//! The same image has other ids under other versions of Docker, so a derivation is by generation. What Go's
//! `encoding/json` writes is written out here by hand: keys in the order of Go's structs, its escapes, its omissions.

use std::fmt::Write;

use super::config::Config;
use super::json::Json;
use crate::digest::{ChainId, Digest};

/// What differs between versions of Docker.
#[allow(clippy::struct_excessive_bools)] // Four independent changes in Docker's history.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Generation {
    /// `created` of layers below the top: the epoch in the daemon's time zone, year 1 before Docker 1.13.
    pub(super) lower_created: String,
    /// `created` of a top layer whose config has none: `null` since Docker 25, year 1 before.
    pub(super) null_created: bool,
    /// Whether `Healthcheck.StartInterval` is known: since Docker 25.
    pub(super) start_interval: bool,
    /// Whether `OnBuild` may be absent and `MacAddress` is forgotten: since Docker 29.
    pub(super) v29: bool,
    /// Whether `\b` and `\f` are written short: since Go 1.22.
    pub(super) short_escapes: bool,
}

impl Generation {
    /// Returns all generations with one time of lower layers, the likely ones first.
    pub(super) fn all(lower_created: &str) -> Vec<Self> {
        let flags = |bits: u8| Self {
            lower_created: lower_created.to_owned(),
            null_created: bits & 1 != 0,
            start_interval: bits & 2 != 0,
            v29: bits & 4 != 0,
            short_escapes: bits & 8 != 0,
        };
        (0..16).map(flags).collect()
    }
}

/// A layer's v1 id, and the documents that Docker stores under it (with and without `os` below the top).
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct V1 {
    pub(super) id: String,
    pub(super) parent: Option<String>,
    pub(super) documents: Vec<String>,
}

type Fields = Vec<(&'static str, String)>;

/// Derives all layers of an image, from the bottom; nothing if a diff id is none.
pub(super) fn derive(config: &Config, generation: &Generation) -> Option<Vec<V1>> {
    let mut chain = None;
    let mut parent: Option<String> = None;
    let mut layers = Vec::new();
    let os = quote(config.text("os"), generation);
    for (i, diff_id) in config.diff_ids.iter().enumerate() {
        let chain_id = ChainId::extend(chain, (*diff_id)?);
        chain = Some(chain_id);
        let is_top = i + 1 == config.diff_ids.len();
        let fields = if is_top {
            top(&config.json, generation)
        } else {
            let created = quote(&generation.lower_created, generation);
            vec![
                ("created", created),
                ("container_config", container(None, generation)),
            ]
        };
        let mut hashed = fields.clone();
        hashed.push(("layer_id", format!("\"{chain_id}\"")));
        if let Some(parent) = &parent {
            hashed.push(("parent", format!("\"sha256:{parent}\"")));
        }
        hashed.sort_by_key(|(key, _)| *key);
        let id = Digest::of(object(&hashed).as_bytes()).hex();

        let mut stored = vec![("id", format!("\"{id}\""))];
        stored.extend(
            parent
                .iter()
                .map(|parent| ("parent", format!("\"{parent}\""))),
        );
        stored.extend(fields);
        let mut documents = vec![object(&stored)];
        if !is_top && os != "\"\"" {
            stored.push(("os", os.clone()));
            documents.push(object(&stored));
        }
        layers.push(V1 {
            id: id.clone(),
            parent: parent.replace(id),
            documents,
        });
    }
    Some(layers)
}

/// The fields of Go's `V1Image`, `id` and `parent` left out.
fn top(config: &Json, generation: &Generation) -> Fields {
    let mut fields = Vec::new();
    let text = |key| {
        config
            .get(key)
            .and_then(Json::text)
            .filter(|text| !text.is_empty())
    };
    let push = |fields: &mut Fields, key| {
        fields.extend(text(key).map(|text| (key, quote(text, generation))));
    };
    push(&mut fields, "comment");
    let created = match text("created") {
        Some(created) => quote(&normal_time(created), generation),
        None if generation.null_created => "null".to_owned(),
        None => "\"0001-01-01T00:00:00Z\"".to_owned(),
    };
    fields.push(("created", created));
    push(&mut fields, "container");
    fields.push((
        "container_config",
        container(config.get("container_config"), generation),
    ));
    push(&mut fields, "docker_version");
    push(&mut fields, "author");
    if let Some(inner) = config.get("config") {
        fields.push(("config", container(Some(inner), generation)));
    }
    for key in ["architecture", "variant", "os"] {
        push(&mut fields, key);
    }
    if let Some(Json::Integer(size)) = config.get("Size")
        && *size != 0
    {
        fields.push(("Size", size.to_string()));
    }
    fields
}

/// What Go writes for a field of `container.Config`, and whether it writes it when it is empty.
#[derive(Clone, Copy)]
enum Shape {
    Text,
    Bool,
    /// A slice of texts, nil being `null`.
    List,
    /// A map from text to `struct{}`.
    Set,
    /// A map from text to text.
    Map,
    Healthcheck,
    Integer,
}

const CONTAINER: &[(&str, Shape, bool)] = &[
    ("Hostname", Shape::Text, true),
    ("Domainname", Shape::Text, true),
    ("User", Shape::Text, true),
    ("AttachStdin", Shape::Bool, true),
    ("AttachStdout", Shape::Bool, true),
    ("AttachStderr", Shape::Bool, true),
    ("ExposedPorts", Shape::Set, false),
    ("Tty", Shape::Bool, true),
    ("OpenStdin", Shape::Bool, true),
    ("StdinOnce", Shape::Bool, true),
    ("Env", Shape::List, true),
    ("Cmd", Shape::List, true),
    ("Healthcheck", Shape::Healthcheck, false),
    ("ArgsEscaped", Shape::Bool, false),
    ("Image", Shape::Text, true),
    ("Volumes", Shape::Set, true),
    ("WorkingDir", Shape::Text, true),
    ("Entrypoint", Shape::List, true),
    ("NetworkDisabled", Shape::Bool, false),
    ("MacAddress", Shape::Text, false),
    ("OnBuild", Shape::List, true),
    ("Labels", Shape::Map, true),
    ("StopSignal", Shape::Text, false),
    ("StopTimeout", Shape::Integer, false),
    ("Shell", Shape::List, false),
];

fn container(config: Option<&Json>, generation: &Generation) -> String {
    let mut fields = Vec::new();
    for &(key, shape, mut is_always_written) in CONTAINER {
        if generation.v29 && key == "MacAddress" {
            continue;
        }
        if generation.v29 && key == "OnBuild" {
            is_always_written = false;
        }
        let value = config.and_then(|config| config.get(key));
        let (text, is_empty) = go_value(shape, value, generation);
        if is_always_written || !is_empty {
            fields.push((key, text));
        }
    }
    object(&fields)
}

/// Returns what Go writes, and whether `omitempty` drops it.
fn go_value(shape: Shape, value: Option<&Json>, generation: &Generation) -> (String, bool) {
    let null = || ("null".to_owned(), true);
    match (shape, value) {
        (Shape::Text, value) => {
            let text = value.and_then(Json::text).unwrap_or_default();
            (quote(text, generation), text.is_empty())
        }
        (Shape::Bool, value) => {
            let is_true = value == Some(&Json::Bool(true));
            (is_true.to_string(), !is_true)
        }
        (Shape::List, Some(Json::List(items))) => {
            let texts = items
                .iter()
                .map(|item| quote(item.text().unwrap_or_default(), generation));
            let texts: Vec<String> = texts.collect();
            (format!("[{}]", texts.join(",")), texts.is_empty())
        }
        (Shape::List, Some(Json::Text(text))) => (format!("[{}]", quote(text, generation)), false),
        (Shape::Set | Shape::Map, Some(map @ Json::Map(_))) => {
            let mut members: Vec<(&str, String)> = Vec::new();
            for (key, value) in map.members() {
                let text = match shape {
                    Shape::Set => "{}".to_owned(),
                    _ => quote(value.text().unwrap_or_default(), generation),
                };
                members.push((key, text));
            }
            // Go sorts the keys of maps by their bytes.
            members.sort_by_key(|(key, _)| *key);
            let members: Vec<String> = members
                .iter()
                .map(|(key, text)| format!("{}:{text}", quote(key, generation)))
                .collect();
            (format!("{{{}}}", members.join(",")), members.is_empty())
        }
        (Shape::Healthcheck, Some(check @ Json::Map(_))) => (healthcheck(check, generation), false),
        (Shape::Integer, Some(Json::Integer(n))) => (n.to_string(), false),
        _ => null(),
    }
}

fn healthcheck(check: &Json, generation: &Generation) -> String {
    let mut fields = Vec::new();
    let (test, is_empty) = go_value(Shape::List, check.get("Test"), generation);
    if !is_empty {
        fields.push(("Test", test));
    }
    for key in [
        "Interval",
        "Timeout",
        "StartPeriod",
        "StartInterval",
        "Retries",
    ] {
        if key == "StartInterval" && !generation.start_interval {
            continue;
        }
        if let Some(Json::Integer(n)) = check.get(key)
            && *n != 0
        {
            fields.push((key, n.to_string()));
        }
    }
    object(&fields)
}

fn object(fields: &[(&'static str, String)]) -> String {
    let members: Vec<String> = fields
        .iter()
        .map(|(key, value)| format!("\"{key}\":{value}"))
        .collect();
    format!("{{{}}}", members.join(","))
}

/// Writes a text as Go does with HTML escaping on.
fn quote(text: &str, generation: &Generation) -> String {
    let mut quoted = String::with_capacity(text.len() + 2);
    quoted.push('"');
    for c in text.chars() {
        match c {
            '"' => quoted.push_str("\\\""),
            '\\' => quoted.push_str("\\\\"),
            '\n' => quoted.push_str("\\n"),
            '\r' => quoted.push_str("\\r"),
            '\t' => quoted.push_str("\\t"),
            '\u{8}' if generation.short_escapes => quoted.push_str("\\b"),
            '\u{c}' if generation.short_escapes => quoted.push_str("\\f"),
            '\0'..='\u{1f}' | '<' | '>' | '&' | '\u{2028}' | '\u{2029}' => {
                write!(quoted, "\\u{:04x}", u32::from(c)).expect("a String takes everything");
            }
            c => quoted.push(c),
        }
    }
    quoted.push('"');
    quoted
}

/// Spells a time as Go's `RFC3339Nano` does: no trailing zeros in the fraction, `Z` for UTC.
fn normal_time(text: &str) -> String {
    let text = text
        .strip_suffix("+00:00")
        .map_or(text.to_owned(), |rest| format!("{rest}Z"));
    let Some((seconds, rest)) = text.split_once('.') else {
        return text;
    };
    let n_digits = rest.bytes().take_while(u8::is_ascii_digit).count();
    let (fraction, zone) = rest.split_at(n_digits);
    let fraction = fraction[..n_digits.min(9)].trim_end_matches('0');
    let dot = if fraction.is_empty() { "" } else { "." };
    format!("{seconds}{dot}{fraction}{zone}")
}

#[cfg(test)]
mod tests {
    use super::{Generation, normal_time};

    #[test]
    fn each_generation_is_tried_once() {
        let all = Generation::all("then");
        let flags = all.iter().map(|generation| {
            assert_eq!(generation.lower_created, "then");
            let Generation {
                null_created,
                start_interval,
                v29,
                short_escapes,
                ..
            } = *generation;
            [null_created, start_interval, v29, short_escapes].map(u8::from)
        });
        let bits = |n: u8| [n % 2, n / 2 % 2, n / 4 % 2, n / 8];
        assert!(flags.eq((0..16).map(bits)));
    }

    #[test]
    fn times_are_spelled_as_go_does() {
        for (text, spelled) in [
            ("2026-11-23T05:26:24Z", "2026-11-23T05:26:24Z"),
            ("2026-11-23T05:26:24+00:00", "2026-11-23T05:26:24Z"),
            ("2026-11-23T05:26:24.120Z", "2026-11-23T05:26:24.12Z"),
            ("2026-11-23T05:26:24.000Z", "2026-11-23T05:26:24Z"),
            (
                "2026-11-23T05:26:24.1234567899+01:00",
                "2026-11-23T05:26:24.123456789+01:00",
            ),
        ] {
            assert_eq!(normal_time(text), spelled);
        }
    }
}

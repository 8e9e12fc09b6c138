//! The config of an image.

use std::collections::BTreeMap;
use std::rc::Rc;

use super::checker::Checker;
use super::json::{Json, known};
use super::stated::{self, Sha512, Stated};
use super::{Rule, Severity, advice};
use crate::digest::DiffId;
use crate::error::Error;
use crate::timestamp::Timestamp;

/// moby `layer/layer_store.go`, `maxLayerDepth`.
const MAX_DEPTH: usize = 125;

/// A config as far as it could be understood.
#[derive(Debug)]
pub(super) struct Config {
    pub(super) entry: usize,
    pub(super) json: Rc<Json>,
    /// One per layer; nothing where the text is none of SHA-256.
    pub(super) diff_ids: Vec<Option<DiffId>>,
    /// Those of SHA-512, by position.
    pub(super) long_diff_ids: BTreeMap<usize, Sha512>,
}

impl Config {
    pub(super) fn text(&self, key: &str) -> &str {
        self.json.get(key).and_then(Json::text).unwrap_or_default()
    }

    pub(super) fn history(&self) -> &[Json] {
        self.json
            .get("history")
            .and_then(Json::list)
            .unwrap_or_default()
    }

    /// Returns `os/architecture`, with the variant if there is one.
    pub(super) fn platform(&self) -> String {
        let parts = [
            self.text("os"),
            self.text("architecture"),
            self.text("variant"),
        ];
        let parts: Vec<&str> = parts.into_iter().filter(|part| !part.is_empty()).collect();
        parts.join("/")
    }
}

/// What `rootfs.diff_ids` names, of SHA-256 and of SHA-512.
type DiffIds = (Vec<Option<DiffId>>, BTreeMap<usize, Sha512>);

/// Reads and checks a config, once however many images share it; that of something else than an image need not be for a
/// platform.
pub(super) fn read(
    checker: &mut Checker,
    entry: usize,
    is_image: bool,
) -> Result<Option<Rc<Config>>, Error> {
    if let Some(config) = checker.configs.get(&entry) {
        return Ok(config.clone());
    }
    let config = read_once(checker, entry, is_image)?.map(Rc::new);
    checker.configs.insert(entry, config.clone());
    Ok(config)
}

fn read_once(checker: &mut Checker, entry: usize, is_image: bool) -> Result<Option<Config>, Error> {
    let place = checker.name(entry);
    let Some(json) = checker.document(entry)? else {
        return Ok(None);
    };
    if !json.is_map() {
        checker.bad_shape(place, ".", Some(&json), "an object");
        return Ok(None);
    }
    checker.check_keys(&json, known::CONFIG, place, "");
    if is_image {
        check_platform(checker, &json, place);
    }
    check_created(checker, &json, place, ".created");
    let (diff_ids, long_diff_ids) = check_rootfs(checker, &json, place);
    if diff_ids.len() > MAX_DEPTH {
        let n = diff_ids.len();
        let message = format!("has {n} layers; docker supports at most {MAX_DEPTH}");
        checker.warning(Rule::LayerDepth, place, message);
    }
    check_history(checker, &json, place, diff_ids.len());
    check_container(checker, &json, place);
    Ok(Some(Config {
        entry,
        json,
        diff_ids,
        long_diff_ids,
    }))
}

fn check_platform(checker: &mut Checker, json: &Json, place: &str) {
    for key in ["os", "architecture"] {
        let text = checker.text(json, key, place, "");
        let is_other_type = text.is_none() && json.get(key).is_some();
        if text.is_none_or(str::is_empty) && !is_other_type {
            let message = format!("has no `{key}`; containerd ignores such images");
            checker.error_of_layout(Rule::Platform, place, &message);
        }
    }
}

fn check_created(checker: &mut Checker, json: &Json, place: &str, path: &str) {
    let Some(value) = json.get("created") else {
        return;
    };
    let is_time = |text: &str| is_rfc_3339(text) && Timestamp::parse(text).is_ok();
    if !value.text().is_some_and(is_time) {
        let found = value
            .text()
            .map_or(value.kind().to_owned(), |text| format!("`{text}`"));
        let message = format!("has {found} at `{path}`, not an RFC 3339 time");
        checker.error(Rule::Created, place, message);
    }
}

/// Tells whether a time has the form that Go parses: other forms of ISO 8601 are none.
fn is_rfc_3339(text: &str) -> bool {
    let is_form = |text: &str, form: &str| {
        let is_same = |(a, b): (u8, u8)| a == b || b == b'0' && a.is_ascii_digit();
        text.len() == form.len() && text.bytes().zip(form.bytes()).all(is_same)
    };
    let Some((seconds, rest)) = text.split_at_checked("0000-00-00T00:00:00".len()) else {
        return false;
    };
    let zone = rest.strip_prefix('.').map_or(Some(rest), |rest| {
        let zone = rest.trim_start_matches(|c: char| c.is_ascii_digit());
        Some(zone).filter(|zone| zone.len() < rest.len())
    });
    let is_zone = |zone| {
        ["Z", "+00:00", "-00:00"]
            .iter()
            .any(|form| is_form(zone, form))
    };
    // Go has no leap seconds.
    is_form(seconds, "0000-00-00T00:00:00") && !seconds.ends_with("60") && zone.is_some_and(is_zone)
}

fn check_rootfs(checker: &mut Checker, json: &Json, place: &str) -> DiffIds {
    let Some(rootfs) = json.get("rootfs").filter(|rootfs| rootfs.is_map()) else {
        checker.error(
            Rule::Rootfs,
            place,
            "has no object `rootfs`, which lists the layers",
        );
        return DiffIds::default();
    };
    checker.check_keys(rootfs, known::ROOTFS, place, ".rootfs");
    let kind = rootfs.get("type").and_then(Json::text).unwrap_or_default();
    if kind != "layers" {
        let message = format!("has `{kind}` at `.rootfs.type`, not `layers`");
        checker.error(Rule::Rootfs, place, message);
    }
    let items = match rootfs.get("diff_ids") {
        None => &[],
        Some(Json::List(items)) => items.as_slice(),
        Some(other) => {
            checker.bad_shape(place, ".rootfs.diff_ids", Some(other), "a list");
            &[]
        }
    };
    let (mut diff_ids, mut long) = (Vec::new(), BTreeMap::new());
    for (i, item) in items.iter().enumerate() {
        let diff_id = item.text().and_then(|text| DiffId::parse(text).ok());
        let path = format!(".rootfs.diff_ids[{i}]");
        let other = item.text().and_then(stated::parse);
        if let (None, Some(stated)) = (diff_id, other) {
            checker.check_algorithm(stated, place, &path);
            if let Stated::Sha512(digest) = stated {
                long.insert(i, digest);
            }
        } else if diff_id.is_none() {
            let found = item.text().unwrap_or(item.kind());
            let message =
                format!("has `{found}` at `{path}`, not `sha256:` and 64 lower-case hex digits");
            checker.error(Rule::DiffId, place, message);
        }
        diff_ids.push(diff_id);
    }
    (diff_ids, long)
}

fn check_history(checker: &mut Checker, json: &Json, place: &str, n_layers: usize) {
    let entries = match json.get("history") {
        None => return,
        Some(Json::List(entries)) => entries,
        Some(other) => return checker.bad_shape(place, ".history", Some(other), "a list"),
    };
    let mut n_filled = 0;
    for (i, entry) in entries.iter().enumerate() {
        let path = format!(".history[{i}]");
        if !entry.is_map() {
            checker.bad_shape(place, &path, Some(entry), "an object");
            continue;
        }
        checker.check_keys(entry, known::HISTORY, place, &path);
        check_created(checker, entry, place, &format!("{path}.created"));
        for key in ["author", "created_by", "comment"] {
            checker.text(entry, key, place, &path);
        }
        match entry.get("empty_layer") {
            Some(Json::Bool(true)) => {}
            None | Some(Json::Bool(false)) => n_filled += 1,
            Some(other) => {
                checker.bad_shape(
                    place,
                    &format!("{path}.empty_layer"),
                    Some(other),
                    "a boolean",
                );
            }
        }
    }
    let message = format!("has {n_filled} history entries with a layer, but {n_layers} layers");
    if n_filled > n_layers {
        checker.error(Rule::History, place, message);
    } else if n_filled < n_layers && !entries.is_empty() {
        checker.warning(Rule::History, place, message);
    }
}

fn check_container(checker: &mut Checker, json: &Json, place: &str) {
    let config = match json.get("config") {
        None => return,
        Some(config) if config.is_map() => config,
        Some(other) => return checker.bad_shape(place, ".config", Some(other), "an object"),
    };
    checker.check_keys(config, known::CONTAINER, place, ".config");
    for key in ["User", "WorkingDir", "StopSignal"] {
        checker.text(config, key, place, ".config");
    }
    for key in ["Cmd", "Entrypoint", "Shell", "OnBuild"] {
        check_texts(checker, config, key, place);
    }
    for key in ["ExposedPorts", "Volumes", "Labels"] {
        let path = format!(".config.{key}");
        let value = config.get(key);
        if value.is_some_and(|value| !value.is_map()) {
            checker.bad_shape(place, &path, value, "an object");
        }
        for (name, value) in value.map(Json::members).unwrap_or_default() {
            let is_right = if key == "Labels" {
                value.text().is_some()
            } else {
                value.is_map()
            };
            if !is_right {
                let wanted = if key == "Labels" {
                    "a string"
                } else {
                    "an object"
                };
                checker.bad_shape(place, &format!("{path}.{name}"), Some(value), wanted);
            } else if !value.members().is_empty() {
                let message = format!("has an object at `{path}.{name}` that is not empty");
                checker.find(Rule::BadShape, Severity::Warning, place, &message);
            }
        }
    }
    let labels = config.get("Labels");
    advice::check_keys(checker, labels, place, ".config.Labels");
    check_texts(checker, config, "Env", place);
    for (i, item) in config
        .get("Env")
        .and_then(Json::list)
        .unwrap_or_default()
        .iter()
        .enumerate()
    {
        let Some(text) = item.text() else { continue };
        if text.find('=').is_none_or(|at| at == 0) {
            let message = format!("has `{text}` at `.config.Env[{i}]`, not `NAME=value`");
            // Windows keeps the directory of each drive in variables such as `=C:`.
            checker.warning(Rule::Env, place, message);
        }
    }
}

fn check_texts(checker: &mut Checker, config: &Json, key: &str, place: &str) {
    let path = format!(".config.{key}");
    let items = match config.get(key) {
        None => return,
        Some(Json::List(items)) => items,
        // Docker reads a bare text as a list of one, except for Env and OnBuild.
        Some(Json::Text(_)) if !matches!(key, "Env" | "OnBuild") => return,
        Some(other) => return checker.bad_shape(place, &path, Some(other), "a list of strings"),
    };
    for (i, item) in items.iter().enumerate() {
        if item.text().is_none() {
            checker.bad_shape(place, &format!("{path}[{i}]"), Some(item), "a string");
        }
    }
}

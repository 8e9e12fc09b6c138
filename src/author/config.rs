//! What differs between a configuration and what somebody made of it.

use serde_json::Value;

use crate::image::Config;

/// What of a configuration the layers decide.
const DERIVED: [&str; 2] = ["rootfs", "history"];

/// Returns what of a configuration operations change, by key.
fn edited_part(config: &Config) -> Value {
    let mut json = config.document().root.to_json();
    if let Some(members) = json.as_object_mut() {
        members.retain(|key, _| !DERIVED.contains(&key.as_str()));
    }
    json
}

/// Returns the fields in which two configurations differ, whatever their order.
pub(crate) fn differences(old: &Config, new: &Config) -> Vec<String> {
    let mut found = Vec::new();
    differ("", &edited_part(old), &edited_part(new), &mut found);
    found
}

/// Returns what nobody can change in a configuration, if somebody has.
pub(crate) fn derived_changes(old: &Config, new: &Config) -> Vec<String> {
    let of = |config: &Config, key: &str| config.document().root.to_json()[key].clone();
    let is_changed = |key: &&str| of(old, key) != of(new, key);
    let changed = DERIVED.into_iter().filter(is_changed);
    changed
        .map(|key| format!("{key}: it follows from the layers and the patches"))
        .collect()
}

fn differ(path: &str, old: &Value, new: &Value, found: &mut Vec<String>) {
    let (Value::Object(old), Value::Object(new)) = (old, new) else {
        if old != new {
            found.push(path.to_owned());
        }
        return;
    };
    let keys = old
        .keys()
        .chain(new.keys().filter(|key| !old.contains_key(*key)));
    for key in keys {
        let path = if path.is_empty() {
            key.clone()
        } else {
            format!("{path}.{key}")
        };
        let of = |members: &serde_json::Map<String, Value>| members.get(key).cloned();
        differ(
            &path,
            &of(old).unwrap_or_default(),
            &of(new).unwrap_or_default(),
            found,
        );
    }
}

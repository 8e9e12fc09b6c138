//! Configurations by meaning: what Docker takes for the same is no difference.

use crate::apply::{ConfigChange, compare};
use crate::config_field::{ConfigField, FieldShape};
use crate::image::Config;
use crate::image::json::Value;

/// Returns what differs in the configuration less diff ids, which layers tell, and what differs in the history.
pub(super) fn compare_configs(
    old: &Config,
    new: &Config,
) -> (Vec<ConfigChange>, Vec<ConfigChange>) {
    let mut changes = Vec::new();
    let (before, after) = (&old.document().root, &new.document().root);
    let nothing = Value::object([]);
    for key in keys_of_both(before, after) {
        // A document without `config` has one without anything in it.
        let value = |root| match Value::get(root, &key) {
            None if key == "config" => Some(&nothing),
            Some(null) if key == "config" && null.is_null() => Some(&nothing),
            value => value,
        };
        let (before, after) = (value(before), value(after));
        compare(&mut vec![key.clone()], before, after, &mut changes);
    }
    let fields = FieldsAlike::of(old, new);
    changes.retain(|change| is_told(change, &fields));
    changes
        .into_iter()
        .partition(|change| change.path.first().is_none_or(|key| key != "history"))
}

fn keys_of_both(old: &Value, new: &Value) -> Vec<String> {
    let keys = |value: &Value| -> Vec<String> {
        let members = value.members().into_iter().flatten();
        members.map(|(key, _)| key.into_owned()).collect()
    };
    let mut all = keys(old);
    all.extend(keys(new).into_iter().filter(|key| old.get(key).is_none()));
    all
}

/// Fields that mean the same in two configurations, whatever of them differs.
struct FieldsAlike(Vec<ConfigField>);

impl FieldsAlike {
    fn of(old: &Config, new: &Config) -> Self {
        let is_alike = |field: &ConfigField| match field.shape() {
            // A command that is one text is a list of one word.
            FieldShape::Command => old.texts(*field) == new.texts(*field),
            FieldShape::Set => old.normal_keys(*field) == new.normal_keys(*field),
            _ => false,
        };
        Self(ConfigField::ALL.iter().copied().filter(is_alike).collect())
    }
}

fn is_told(change: &ConfigChange, alike: &FieldsAlike) -> bool {
    if change
        .path
        .starts_with(&["rootfs".to_owned(), "diff_ids".to_owned()])
    {
        return false;
    }
    let is_at = |path: &[&str]| path.iter().eq(change.path.iter());
    let at = ConfigField::ALL.iter().find(|field| is_at(field.path()));
    let is_member = change.path.len() == 2 && change.path[0] == "config";
    if (at.is_some() || is_member || is_at(&["history"]))
        && is_nothing(change.old.as_ref())
        && is_nothing(change.new.as_ref())
    {
        return false;
    }
    if at == Some(&ConfigField::Healthcheck)
        && says_nothing(change.old.as_ref())
        && says_nothing(change.new.as_ref())
    {
        return false;
    }
    // Go leaves a flag out that is false, and of a health check the numbers that are zero.
    let is_counted =
        at.is_some_and(|field| field.shape() == FieldShape::Number && field.path().len() > 2);
    let is_unset = |value: &Option<serde_json::Value>| {
        let is_zero = |value: &serde_json::Value| {
            value.is_null() || is_member && *value == false || is_counted && *value == 0
        };
        value.as_ref().is_none_or(is_zero)
    };
    if (is_member || is_counted) && is_unset(&change.old) && is_unset(&change.new) {
        return false;
    }
    let field = field_of(change, ConfigField::ALL);
    field.is_none_or(|field| !alike.0.contains(&field))
}

/// Returns which of `fields` a change lies in.
pub(super) fn field_of(change: &ConfigChange, fields: &[ConfigField]) -> Option<ConfigField> {
    let is_within = |field: &&ConfigField| {
        let path = field.path();
        change.path.len() >= path.len() && path.iter().zip(&change.path).all(|(a, b)| a == b)
    };
    fields.iter().find(is_within).copied()
}

/// Absent, null and empty are the same to Docker.
fn is_nothing(value: Option<&serde_json::Value>) -> bool {
    use serde_json::Value;
    match value {
        None | Some(Value::Null) => true,
        Some(Value::String(text)) => text.is_empty(),
        Some(Value::Array(items)) => items.is_empty(),
        Some(Value::Object(members)) => members.is_empty(),
        Some(Value::Bool(_) | Value::Number(_)) => false,
    }
}

/// A health check that has nothing but zeros in it.
fn says_nothing(check: Option<&serde_json::Value>) -> bool {
    let members = check.and_then(serde_json::Value::as_object);
    let is_zero = |value: &serde_json::Value| is_nothing(Some(value)) || *value == 0;
    is_nothing(check) || members.is_some_and(|members| members.values().all(is_zero))
}

#[cfg(test)]
mod tests {
    use super::compare_configs;
    use crate::image::Config;

    #[test]
    fn another_spelling_of_the_same_is_no_difference() {
        let config = |text: &str| {
            let text = format!(r#"{{"rootfs":{{"type":"layers"}},{text}}}"#);
            Config::parse(text.as_bytes()).unwrap()
        };
        let one = r#""config":{"User":"","Cmd":null,"Labels":{"a":"<"},"Entrypoint":["x"]}"#;
        for (other, n_changes) in [
            (
                r#""config":{"Labels":{"a":"\u003c"},"Entrypoint":"x","Env":[],"Tty":false}"#,
                0,
            ),
            (
                r#""config":{"Labels":{"a":"b"},"Entrypoint":["x",""]},"x":null"#,
                3,
            ),
            (
                r#""config":{"Labels":{"a":"<"},"Entrypoint":"x","Image":"","Volumes":{},"ExposedPorts":{"80":{}}}"#,
                1,
            ),
            (r#""other":1"#, 3),
            (r#""config":null"#, 2),
            // Only `config` is the same as one without anything in it.
            (
                r#""config":{"Labels":{"a":"<"},"Entrypoint":"x"},"other":{}"#,
                1,
            ),
        ] {
            let (changes, history) = compare_configs(&config(one), &config(other));
            assert_eq!((changes.len(), history.len()), (n_changes, 0), "{other}");
        }
    }

    #[test]
    fn keys_and_numbers_mean_what_docker_takes_them_for() {
        let compare = |old: &str, new: &str| {
            let config = |text: &str| {
                let text = format!(r#"{{"rootfs":{{}},"config":{{{text}}}}}"#);
                Config::parse(text.as_bytes()).unwrap()
            };
            compare_configs(&config(old), &config(new)).0.len()
        };
        for (old, new, n_changes) in [
            (
                r#""ExposedPorts":{"80":{},"53/UDP":{}},"Volumes":{"/a":{}}"#,
                r#""ExposedPorts":{"53/udp":{},"80/tcp":null},"Volumes":{"/a":null}"#,
                0,
            ),
            (
                r#""ExposedPorts":{"80":{}}"#,
                r#""ExposedPorts":{"80/udp":{}}"#,
                2,
            ),
            (
                r#""Healthcheck":{"Test":["NONE"],"Interval":0}"#,
                r#""Healthcheck":{"Test":["NONE"],"Retries":0}"#,
                0,
            ),
            (
                r#""Healthcheck":{"Test":["NONE"],"Interval":0}"#,
                r#""Healthcheck":{"Test":["NONE"],"Interval":1}"#,
                1,
            ),
            // A check of zeros alone is none; one number makes it one.
            (
                r#""Healthcheck":{"Interval":0,"Retries":0,"Test":[]}"#,
                "",
                0,
            ),
            (r#""Healthcheck":{}"#, r#""Healthcheck":{"Test":null}"#, 0),
            ("", r#""Healthcheck":{"Timeout":0}"#, 0),
            (r#""Healthcheck":{"Interval":0,"Retries":3}"#, "", 1),
            ("", r#""Healthcheck":{"Test":["NONE"]}"#, 1),
            (r#""StopTimeout":0"#, "", 1),
            (r#""StopTimeout":0,"Tty":false"#, r#""StopTimeout":0"#, 0),
            (r#""Tty":true"#, r#""Tty":false"#, 1),
            (
                r#""Healthcheck":{"Test":["NONE"],"Retries":0}"#,
                r#""Healthcheck":{"Test":["NONE"],"Retries":null}"#,
                0,
            ),
            (r#""X":{"y":false}"#, r#""X":{}"#, 1),
        ] {
            assert_eq!(compare(old, new), n_changes, "{old} {new}");
        }
    }
}

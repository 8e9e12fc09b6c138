//! Configurations by meaning: what Docker takes for the same is no difference.

use crate::apply::{ConfigChange, compare};
use crate::config_field::{ConfigField, Shape};
use crate::image::Config;

/// Returns what differs in the configuration less diff ids, which layers tell, and what differs in the history.
pub(super) fn compare_configs(
    old: &Config,
    new: &Config,
) -> (Vec<ConfigChange>, Vec<ConfigChange>) {
    let mut changes = Vec::new();
    let (before, after) = (&old.document().root, &new.document().root);
    compare(&mut Vec::new(), Some(before), Some(after), &mut changes);
    changes.retain(|change| is_told(change, old, new));
    changes
        .into_iter()
        .partition(|change| change.path.first().is_none_or(|key| key != "history"))
}

fn is_told(change: &ConfigChange, old: &Config, new: &Config) -> bool {
    if change
        .path
        .starts_with(&["rootfs".to_owned(), "diff_ids".to_owned()])
    {
        return false;
    }
    let is_at = |path: &[&str]| path.iter().eq(change.path.iter());
    let is_field = ConfigField::ALL.iter().any(|field| is_at(field.path()));
    if (is_field || is_at(&["config"]) || is_at(&["history"]))
        && is_nothing(change.old.as_ref())
        && is_nothing(change.new.as_ref())
    {
        return false;
    }
    // Go leaves a flag out that is false.
    let is_flag = change.path.len() == 2 && change.path[0] == "config";
    let is_unset = |value: &Option<serde_json::Value>| {
        value
            .as_ref()
            .is_none_or(|value| value.is_null() || *value == false)
    };
    if is_flag && is_unset(&change.old) && is_unset(&change.new) {
        return false;
    }
    // A command that is one text is a list of one word.
    let is_within = |field: &&ConfigField| {
        let path = field.path();
        change.path.len() >= path.len() && path.iter().zip(&change.path).all(|(a, b)| a == b)
    };
    let mut commands = ConfigField::ALL
        .iter()
        .filter(|field| field.shape() == Shape::Command);
    commands
        .find(is_within)
        .is_none_or(|&field| old.texts(field) != new.texts(field))
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
        ] {
            let (changes, history) = compare_configs(&config(one), &config(other));
            assert_eq!((changes.len(), history.len()), (n_changes, 0), "{other}");
        }
    }
}

//! The fields of a configuration that patches change: views of the document, and edits of what they name alone.

use std::borrow::Cow;
use std::collections::BTreeSet;

use super::config::Config;
use super::invalid_config::InvalidConfig;
use super::json::{ArrayEdit, ItemId, Value};
use crate::config_field::{ConfigField, FieldShape};
use crate::timestamp::Timestamp;

/// The keys of `config` in the order of Docker's `container.Config`.
const CONFIG_ORDER: &[&str] = &[
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
/// The keys of `Healthcheck` in the order of Docker's `container.HealthConfig`.
const HEALTHCHECK_ORDER: &[&str] = &[
    "Test",
    "Interval",
    "Timeout",
    "StartPeriod",
    "StartInterval",
    "Retries",
];
/// The keys of the root in the order of the specification's `Image`, where they are not sorted as Docker sorts them.
const ROOT_ORDER: &[&str] = &[
    "created",
    "author",
    "architecture",
    "variant",
    "os",
    "os.version",
    "os.features",
    "config",
    "rootfs",
    "history",
];

impl FieldShape {
    fn fits(self, value: &Value) -> bool {
        // An item that is null is an empty text to Go.
        let is_item = |value: &Value| value.as_text().is_some() || value.is_null();
        let is_text = |value: &Value| value.as_text().is_some();
        let are_texts = || value.items().is_some_and(|mut items| items.all(is_item));
        match self {
            Self::Text => is_text(value),
            Self::Time => value
                .as_text()
                .is_some_and(|text| Timestamp::parse(&text).is_ok()),
            Self::Number => value.as_i64().is_some(),
            Self::Texts => are_texts(),
            Self::Command => is_text(value) || are_texts(),
            Self::Map => value
                .members()
                .is_some_and(|mut members| members.all(|(_, value)| is_text(value))),
            Self::Set | Self::Object => value.members().is_some(),
        }
    }

    fn describe(self) -> &'static str {
        match self {
            Self::Text => "a string",
            Self::Time => "an RFC 3339 timestamp",
            Self::Number => "a whole number",
            Self::Texts => "a list of strings",
            Self::Command => "a list of strings or a string",
            Self::Map => "an object of strings",
            Self::Set | Self::Object => "an object",
        }
    }
}

/// Checks the shape of every field: what Docker would not load is refused before a patch builds on it.
pub(super) fn check(root: &Value) -> Result<(), InvalidConfig> {
    let wrong = |path: &[&str], wanted| InvalidConfig::Shape {
        field: path.join("."),
        wanted,
    };
    for &field in ConfigField::ALL {
        let path = field.path();
        let mut value = Some(root);
        for (depth, key) in path.iter().enumerate() {
            let Some(object) = value else { break };
            if object.members().is_none() {
                return Err(wrong(&path[..depth], FieldShape::Object.describe()));
            }
            value = object.field(key);
        }
        if value.is_some_and(|value| !field.shape().fits(value)) {
            return Err(wrong(path, field.shape().describe()));
        }
    }
    Ok(())
}

impl Config {
    /// Returns a field that has something in it: absent, null and empty are the same to Docker.
    #[must_use]
    pub fn field(&self, field: ConfigField) -> Option<&Value> {
        let mut path = field.path().iter();
        let value = path.try_fold(&self.document.root, |value, key| value.get(key))?;
        let is_empty = match value {
            Value::Literal(_) => value.is_null(),
            Value::Text(_) => value.as_text().is_some_and(|text| text.is_empty()),
            Value::Array(_) => value.items().is_some_and(|items| items.len() == 0),
            Value::Object(_) => value.members().is_some_and(|members| members.len() == 0),
        };
        (!is_empty).then_some(value)
    }

    /// Returns the texts of a field that is a list of them.
    #[must_use]
    pub fn texts(&self, field: ConfigField) -> Vec<String> {
        let text = |value: &Value| value.as_text().unwrap_or_default().into_owned();
        match self.field(field) {
            Some(value @ Value::Array(_)) => {
                value.items().into_iter().flatten().map(text).collect()
            }
            Some(value) => vec![text(value)],
            None => Vec::new(),
        }
    }

    /// Returns the members of a field that is an object, in the order in which they stand, and those of them that are
    /// texts as texts.
    #[must_use]
    pub fn members(&self, field: ConfigField) -> Vec<(String, String)> {
        let members = self.field(field).and_then(Value::members);
        let text = |value: &Value| value.as_text().unwrap_or_default().into_owned();
        members
            .into_iter()
            .flatten()
            .map(|(key, value)| (key.into_owned(), text(value)))
            .collect()
    }

    /// Returns the keys of a field that is an object, in their order.
    #[must_use]
    pub fn keys(&self, field: ConfigField) -> Vec<Cow<'_, str>> {
        let members = self.field(field).and_then(Value::members);
        let members = members.into_iter().flatten();
        members.map(|(key, _)| key).collect()
    }

    /// Returns the keys of a field that is an object, each in its one spelling.
    #[must_use]
    pub fn normal_keys(&self, field: ConfigField) -> BTreeSet<String> {
        let keys = self.keys(field).into_iter();
        keys.map(|key| field.normal_key(&key)).collect()
    }

    /// Returns a member of a field that is an object of texts.
    #[must_use]
    pub fn member(&self, field: ConfigField, key: &str) -> Option<String> {
        let value = self.field(field)?.get(key)?;
        Some(value.as_text().unwrap_or_default().into_owned())
    }

    /// Sets a field; tells whether it had another value.
    pub fn set_field(&mut self, field: ConfigField, value: Value) -> bool {
        let old = self.field(field);
        if old.is_some_and(|old| old.means(&value)) {
            return false;
        }
        if field == ConfigField::Created {
            self.created = value
                .as_text()
                .and_then(|text| Timestamp::parse(&text).ok());
        }
        self.put(field.path(), value);
        true
    }

    /// Removes a field; tells whether anything was in it. An empty one stays as it is spelled.
    pub fn unset_field(&mut self, field: ConfigField) -> bool {
        if self.field(field).is_none() {
            return false;
        }
        if field == ConfigField::Created {
            self.created = None;
        }
        self.take(field.path())
    }

    /// Sets a member of a field that is an object.
    pub fn set_member(&mut self, field: ConfigField, key: &str, value: Value) {
        if self.field(field).is_none() {
            self.make_object(field.path());
        }
        self.document.set(field.path(), key, &[], value);
    }

    /// Removes a member of a field that is an object; tells whether it was there. The object stays, as `{}` if it was
    /// the last.
    pub fn remove_member(&mut self, field: ConfigField, key: &str) -> bool {
        self.document.remove(field.path(), key)
    }

    /// Returns the texts of a field that is a list of them, with what each keeps while others come and go.
    #[must_use]
    pub fn items(&self, field: ConfigField) -> Vec<(ItemId, String)> {
        let items = self.field(field).and_then(Value::numbered_items);
        let text =
            |(id, value): (ItemId, &Value)| (id, value.as_text().unwrap_or_default().into_owned());
        items.into_iter().flatten().map(text).collect()
    }

    /// Returns the text of an item that has not been removed.
    #[must_use]
    pub fn item(&self, field: ConfigField, id: ItemId) -> Option<String> {
        let value = self.field(field)?.item(id)?;
        Some(value.as_text().unwrap_or_default().into_owned())
    }

    /// Replaces an item that has not been removed.
    pub fn replace_item(&mut self, field: ConfigField, id: ItemId, text: &str) {
        self.edit_list(field, |items| items.replace_by_id(id, Value::text(text)));
    }

    /// Appends an item to a field that is a list of texts; returns what it keeps.
    pub fn push_item(&mut self, field: ConfigField, text: &str) -> ItemId {
        self.make_list(field);
        let mut id = None;
        self.edit_list(field, |items| {
            items.push(Value::text(text));
            id = items.last_id();
        });
        id.expect("it was just appended")
    }

    /// Removes an item that has not been removed; the list stays, as `[]` if it was the last.
    pub fn remove_item(&mut self, field: ConfigField, id: ItemId) {
        self.edit_list(field, |items| items.remove(items.index(id)));
    }

    fn edit_list(&mut self, field: ConfigField, edit: impl FnOnce(&mut ArrayEdit<'_>)) {
        let [parents @ .., key] = field.path() else {
            unreachable!("every field has a key")
        };
        self.document.edit_array(parents, key, &[], edit);
    }

    fn make_list(&mut self, field: ConfigField) {
        let path = field.path();
        let value = path
            .iter()
            .try_fold(&self.document.root, |v, key| v.get(key));
        if value.is_none_or(|value| value.items().is_none()) {
            self.put(path, Value::array([]));
        }
    }

    /// Makes an object of what is absent or null, at the place that its writer gives it.
    fn make_object(&mut self, path: &[&str]) {
        let value = path
            .iter()
            .try_fold(&self.document.root, |v, key| v.get(key));
        if value.is_none_or(Value::is_null) {
            self.put(path, Value::object([]));
        }
    }

    /// Puts a value where its writer would, with everything above it.
    fn put(&mut self, path: &[&str], value: Value) {
        let [parents @ .., key] = path else {
            unreachable!("a path has a key")
        };
        if !parents.is_empty() {
            self.make_object(parents);
        }
        let order = match parents {
            // As those of Docker and `BuildKit` are.
            [] if self.document.root.has_sorted_keys() => &[],
            [] => ROOT_ORDER,
            ["config"] => CONFIG_ORDER,
            _ => HEALTHCHECK_ORDER,
        };
        self.document.set(parents, key, order, value);
    }

    fn take(&mut self, path: &[&str]) -> bool {
        let [parents @ .., key] = path else {
            unreachable!("a path has a key")
        };
        self.document.remove(parents, key)
    }
}

#[cfg(test)]
mod tests {
    use super::super::json::Value;
    use super::{Config, ConfigField};

    fn config(text: &str) -> Config {
        Config::parse(text.as_bytes()).unwrap()
    }

    #[test]
    fn a_new_field_goes_where_its_writer_would_put_it() {
        for (before, field, after) in [
            (
                r#"{"config":{"User":"","Cmd":null,"Image":""},"rootfs":{}}"#,
                ConfigField::Healthcheck,
                r#"{"config":{"User":"","Cmd":null,"Healthcheck":"x","Image":""},"rootfs":{}}"#,
            ),
            // Docker sorts the root; the specification's own type does not.
            (
                r#"{"architecture":"a","rootfs":{}}"#,
                ConfigField::Author,
                r#"{"architecture":"a","author":"x","rootfs":{}}"#,
            ),
            (
                r#"{"created":null,"architecture":"a","rootfs":{}}"#,
                ConfigField::Author,
                r#"{"created":null,"author":"x","architecture":"a","rootfs":{}}"#,
            ),
            (
                r#"{"rootfs":{}}"#,
                ConfigField::HealthcheckRetries,
                r#"{"config":{"Healthcheck":{"Retries":"x"}},"rootfs":{}}"#,
            ),
        ] {
            let mut config = config(before);
            assert!(config.set_field(field, Value::text("x")));
            assert_eq!(String::from_utf8(config.to_bytes()).unwrap(), after);
            assert!(!config.set_field(field, Value::text("x")));
        }
    }

    #[test]
    fn what_is_empty_is_not_there_and_stays() {
        for value in ["null", "\"\"", "[]", "{}"] {
            let text = format!(r#"{{"rootfs":{{}},"other":{value}}}"#);
            assert!(!config(&text).unset_field(ConfigField::Author));
        }
        let text = r#"{"config":{"User":"","Volumes":{ },"Env":[ ]},"rootfs":{}}"#;
        let mut config = config(text);
        for field in [ConfigField::User, ConfigField::Volumes, ConfigField::Env] {
            assert!(!config.unset_field(field));
        }
        assert_eq!(config.to_bytes(), text.as_bytes());
    }
}

//! The image configuration (image-spec config.md; Docker's own keys beside it).
//!
//! The document is the truth and every accessor a view of it: an edit changes the key it names, so Healthcheck,
//! `OnBuild` and whatever Docker invents next survive. A [`Config`] that exists has a `rootfs` and fields of the right
//! shape.

use std::ops::Range;

use super::fields;
use super::invalid_config::InvalidConfig;
use super::json::{Document, Shape, Value};
use super::keys;
use crate::digest::{DiffId, Digest};
use crate::platform::Platform;
use crate::timestamp::Timestamp;

/// A configuration: the document and what every step needs of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Config {
    pub(super) document: Document,
    diff_ids: Vec<DiffId>,
    pub(super) created: Option<Timestamp>,
}

/// An entry to append to the history (image-spec config.md, "history").
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HistoryEntry {
    /// The command that made the layer.
    pub created_by: String,
    /// Whether the entry stands for a change of the configuration alone.
    pub is_empty_layer: bool,
}

impl Config {
    /// Parses a configuration as it is stored.
    pub fn parse(bytes: &[u8]) -> Result<Self, InvalidConfig> {
        let mut document = Document::parse(bytes)?;
        document.root.read_as(Shape::Struct(keys::CONFIG))?;
        let root = &document.root;
        let shape = |field: &str, wanted| InvalidConfig::Shape {
            field: field.to_owned(),
            wanted,
        };
        if root.members().is_none() {
            return Err(shape("the document", "an object"));
        }
        let rootfs = root.field("rootfs").ok_or(InvalidConfig::NoRootfs)?;
        let mut diff_ids = Vec::new();
        if let Some(value) = rootfs.field("diff_ids") {
            let items = value
                .items()
                .ok_or_else(|| shape("rootfs.diff_ids", "a list"))?;
            for item in items {
                let diff_id = item.as_text().and_then(|text| DiffId::parse(&text).ok());
                diff_ids.push(
                    diff_id
                        .ok_or_else(|| shape("rootfs.diff_ids", "a list of `sha256:` digests"))?,
                );
            }
        }
        fields::check(root)?;
        let created = root.field("created").and_then(Value::as_text);
        let created = created.and_then(|text| Timestamp::parse(&text).ok());
        if let Some(history) = root.field("history") {
            let items = history.items().ok_or_else(|| shape("history", "a list"))?;
            for item in items {
                let is_empty = item.field("empty_layer");
                if item.members().is_none()
                    || is_empty.is_some_and(|value| value.as_bool().is_none())
                {
                    return Err(shape("history", "a list of history entries"));
                }
            }
        }
        Ok(Self {
            document,
            diff_ids,
            created,
        })
    }

    /// Returns the document.
    #[must_use]
    pub fn document(&self) -> &Document {
        &self.document
    }

    /// Returns the bytes as they are to be stored.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        self.document.to_bytes()
    }

    /// Returns the digest of those bytes: the image id.
    #[must_use]
    pub fn digest(&self) -> Digest {
        Digest::of(&self.to_bytes())
    }

    /// Returns the diff ids from the base up.
    #[must_use]
    pub fn diff_ids(&self) -> &[DiffId] {
        &self.diff_ids
    }

    /// Returns when the image was created, where it says so.
    #[must_use]
    pub fn created(&self) -> Option<&Timestamp> {
        self.created.as_ref()
    }

    /// Returns a text field of the root object, such as `os`.
    #[must_use]
    pub fn text(&self, field: &str) -> Option<String> {
        self.document
            .root
            .get(field)?
            .as_text()
            .map(std::borrow::Cow::into_owned)
    }

    /// Tells whether the image is for Windows, where layers have another form and names of variables no case.
    #[must_use]
    pub fn is_windows(&self) -> bool {
        self.text("os").as_deref() == Some("windows")
    }

    /// Returns the machine that the image is for (image-spec config.md).
    #[must_use]
    pub fn platform(&self) -> Platform {
        let text = |field| self.text(field).unwrap_or_default();
        Platform::new(
            &text("os"),
            &text("architecture"),
            &text("variant"),
            &text("os.version"),
        )
    }

    /// Returns the history entries.
    pub fn history(&self) -> impl Iterator<Item = &Value> {
        self.document
            .root
            .get("history")
            .and_then(Value::items)
            .into_iter()
            .flatten()
    }

    /// Returns the history entries that tell of a layer, from the base up.
    pub fn layer_history(&self) -> impl Iterator<Item = &Value> {
        self.history().filter(|entry| tells_of_layer(entry))
    }

    /// Returns how many layers the history tells of.
    #[must_use]
    pub fn n_history_layers(&self) -> usize {
        self.layer_history().count()
    }

    /// Removes a member of the root object; tells whether it was there.
    pub fn remove_root(&mut self, key: &str) -> bool {
        self.document.remove(&[], key)
    }

    /// Removes `config.ArgsEscaped` where it is true; tells whether it was.
    pub fn remove_args_escaped(&mut self) -> bool {
        let path = ["config", "ArgsEscaped"];
        let mut path = path.iter();
        let value = path.try_fold(&self.document.root, |value, key| value.get(key));
        value.and_then(Value::as_bool) == Some(true)
            && self.document.remove(&["config"], "ArgsEscaped")
    }

    /// Appends a history entry that carries the image's own time.
    pub fn push_history(&mut self, entry: &HistoryEntry) {
        let entry = self.history_entry(entry);
        self.document
            .edit_array(&[], "history", &[], |history| history.push(entry));
    }

    fn history_entry(&self, entry: &HistoryEntry) -> Value {
        let mut members = Vec::new();
        if let Some(created) = &self.created {
            members.push(("created", Value::text(created.as_str())));
        }
        members.push(("created_by", Value::text(&entry.created_by)));
        if entry.is_empty_layer {
            members.push(("empty_layer", Value::boolean(true)));
        }
        Value::object(members)
    }

    /// Inserts a history entry behind the one of the layer at `position - 1`, or before all others.
    pub fn insert_layer_history(&mut self, position: usize, entry: &HistoryEntry) {
        let entry = self.history_entry(entry);
        self.insert_history(position, entry);
    }

    /// Inserts a history entry that states the image's own time and nothing else, in the same place; for a layer above all that the
    /// history describes, at its end.
    pub(super) fn insert_textless_history(&mut self, position: usize) {
        let created = self.created.as_ref();
        let created = created.map(|created| ("created", Value::text(created.as_str())));
        let entry = Value::object(created);
        if self.n_history_layers() > position {
            self.insert_history(position, entry);
        } else {
            self.document
                .edit_array(&[], "history", &[], |history| history.push(entry));
        }
    }

    fn insert_history(&mut self, position: usize, entry: Value) {
        let below = position.checked_sub(1);
        let index = match below.map(|below| self.layer_history_index(below)) {
            None => 0,
            Some(Some(index)) => index + 1,
            Some(None) => self.history().count(),
        };
        self.document
            .edit_array(&[], "history", &[], |history| history.insert(index, entry));
    }

    /// Replaces what the history says of the `n_layers` of the base `old`, and of nothing but that base, by the history of
    /// the base `new`; by nothing where that does not tell of all its layers.
    pub fn replace_base_history(&mut self, old: &Self, n_layers: usize, new: &Self) {
        let is_same = |(one, other): (&Value, &Value)| one.means(other);
        let n_old = old.history().count();
        let is_prefix =
            self.history().count() >= n_old && self.history().zip(old.history()).all(is_same);
        let last = n_layers.checked_sub(1);
        let last = last.and_then(|last| self.layer_history_index(last));
        let n_gone = match (is_prefix, last) {
            (true, _) => n_old,
            (false, Some(last)) => last + 1,
            (false, None) => 0,
        };
        let is_full = new.n_history_layers() == new.diff_ids.len();
        let entries = new.history().filter(|_| is_full);
        let come: Vec<Value> = entries.cloned().collect();
        self.document.edit_array(&[], "history", &[], |history| {
            (0..n_gone).for_each(|_| history.remove(0));
            for (i, entry) in come.into_iter().enumerate() {
                history.insert(i, entry);
            }
        });
    }

    fn layer_history_index(&self, position: usize) -> Option<usize> {
        let entries = self.history().enumerate();
        let mut of_layers = entries.filter(|(_, entry)| tells_of_layer(entry));
        of_layers.nth(position).map(|(index, _)| index)
    }

    /// Replaces the history entry of the layer at `position`, where there is one.
    pub fn replace_layer_history(&mut self, position: usize, entry: &HistoryEntry) {
        if let Some(index) = self.layer_history_index(position) {
            let entry = self.history_entry(entry);
            self.document
                .edit_array(&[], "history", &[], |history| history.replace(index, entry));
        }
    }

    /// Removes the history entries of the layers at `positions`, as far as there are any.
    pub fn remove_layer_history(&mut self, positions: Range<usize>) {
        let entries = self.history().enumerate();
        let of_layers = entries.filter(|(_, entry)| tells_of_layer(entry));
        let gone = of_layers.skip(positions.start).take(positions.len());
        let gone: Vec<usize> = gone.map(|(index, _)| index).collect();
        if gone.is_empty() {
            return;
        }
        self.document.edit_array(&[], "history", &[], |history| {
            gone.iter().rev().for_each(|&index| history.remove(index));
        });
    }

    /// Has the layers be these, from the base up; a list that says so already keeps its spelling.
    pub fn set_diff_ids(&mut self, diff_ids: &[DiffId]) {
        if self.diff_ids == diff_ids {
            return;
        }
        let n_same = self.diff_ids.iter().zip(diff_ids);
        let n_same = n_same.take_while(|(old, new)| old == new).count();
        let n_old = self.diff_ids.len();
        self.document
            .edit_array(&["rootfs"], "diff_ids", &["type", "diff_ids"], |list| {
                (n_same..n_old).for_each(|_| list.remove(n_same));
                for diff_id in &diff_ids[n_same..] {
                    list.push(Value::text(&diff_id.to_string()));
                }
            });
        self.diff_ids = diff_ids.to_vec();
    }
}

fn tells_of_layer(entry: &Value) -> bool {
    entry.get("empty_layer").and_then(Value::as_bool) != Some(true)
}

#[cfg(test)]
mod tests {
    use super::{Config, HistoryEntry, InvalidConfig, Value};
    use crate::config_field::ConfigField;

    fn config(text: &str) -> Result<Config, InvalidConfig> {
        Config::parse(text.as_bytes())
    }

    #[test]
    fn an_edit_leaves_every_other_byte() {
        let mut config = config(
            r#"{"architecture":"arm64","config":{"User":"","OnBuild":null,"StopTimeout":0},"x":[1e2],"rootfs":{"type":"layers"},"history":[]}"#,
        )
        .unwrap();
        config.set_member(ConfigField::Labels, "b", Value::text("<2>"));
        config.set_member(ConfigField::Labels, "a", Value::text("1"));
        config.push_history(&HistoryEntry {
            created_by: "me".to_owned(),
            is_empty_layer: true,
        });
        let expected = concat!(
            r#"{"architecture":"arm64","config":{"User":"","OnBuild":null,"Labels":{"a":"1","b":"\u003c2\u003e"},"#,
            r#""StopTimeout":0},"x":[1e2],"rootfs":{"type":"layers"},"history":[{"created_by":"me","empty_layer":true}]}"#,
        );
        assert_eq!(String::from_utf8(config.to_bytes()).unwrap(), expected);
        let labels = config.members(ConfigField::Labels);
        assert_eq!(labels[0], ("a".to_owned(), "1".to_owned()));
        assert_eq!(config.n_history_layers(), 0);
        let mut removes = || config.remove_member(ConfigField::Labels, "a");
        assert!(removes() && !removes());
    }

    #[test]
    fn a_new_diff_id_leaves_the_old_ones_as_they_are_spelled() {
        let one = "sha256:5f70bf18a086007016e948b04aed3b82103a36bea41755b6cddfaf10ace3c6ef";
        let text = format!(
            "{{\r\n\t\"rootfs\": {{\r\n\t\t\"diff_ids\": [\r\n\t\t\t\"{one}\"\r\n\t\t]\r\n\t}}\r\n}}"
        );
        let mut config = config(&text).unwrap();
        let one_id = config.diff_ids()[0];
        config.set_diff_ids(&[one_id, one_id]);
        let expected = text.replace("\"\r\n\t\t]", &format!("\",\r\n\t\t\t\"{one}\"\r\n\t\t]"));
        let found = String::from_utf8(config.to_bytes()).unwrap();
        assert_eq!(found, expected);
    }

    #[test]
    fn wrong_shapes_are_named() {
        for (text, message) in [
            ("[]", "`the document` is not an object"),
            ("{}", "`rootfs` is missing"),
            (
                r#"{"rootfs":{"diff_ids":["sha512:00"]}}"#,
                "`rootfs.diff_ids` is not a list of `sha256:` digests",
            ),
            (
                r#"{"rootfs":{},"created":"now"}"#,
                "`created` is not an RFC 3339 timestamp",
            ),
            (
                r#"{"rootfs":{},"config":{"Labels":{"a":1}}}"#,
                "`config.Labels` is not an object of strings",
            ),
            (
                r#"{"rootfs":{},"history":[1]}"#,
                "`history` is not a list of history entries",
            ),
            (
                r#"{"rootfs":{},"Config":{},"config":null}"#,
                "the keys `Config` and `config` are both `config` to readers that ignore case, such as Docker; remove one",
            ),
        ] {
            assert_eq!(config(text).unwrap_err().to_string(), message);
        }
    }
}

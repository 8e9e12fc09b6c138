//! What `diff --as-patch` says: the operations that make a difference.

use super::named::{Removed, changes};
use crate::config_field::{ConfigField, FieldShape};
use crate::image::Config;

/// Operations by name, in order.
pub(crate) type Operations = Vec<(&'static str, DraftValue)>;

/// Tells whether the language has an operation with a value.
pub(crate) type CanSay = fn(&'static str, &DraftValue) -> bool;

/// What a key of a patch holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DraftValue {
    /// A text.
    Text(String),
    /// A whole number.
    Number(i64),
    /// A word of the language that is no text to YAML.
    Word(&'static str),
    /// A list.
    List(Vec<Self>),
    /// A map, in order.
    Map(Vec<(String, Self)>),
}

impl DraftValue {
    /// Returns a text.
    #[must_use]
    pub fn text(text: &str) -> Self {
        Self::Text(text.to_owned())
    }

    /// Returns a list of texts.
    #[must_use]
    pub fn texts<T: AsRef<str>>(texts: &[T]) -> Self {
        Self::List(texts.iter().map(|text| Self::text(text.as_ref())).collect())
    }
}

/// How `diff --as-patch` comes to say an operation.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Inverse {
    /// It looks at two configurations.
    Config(fn(&mut ConfigDifference<'_>)),
    /// It looks at one field of two configurations.
    Field(ConfigField),
    /// It looks at the annotations of two images.
    Annotations,
    /// It looks at the tags of two images.
    Tags,
    /// It looks at the layers of two images.
    Layers,
    /// The others leave to it what goes.
    Unset,
    /// The operation beside it in the same file says both.
    Beside,
    /// Never, for this reason.
    Never(&'static str),
}

/// Two configurations, and the operations that turn one into the other.
pub(crate) struct ConfigDifference<'a> {
    pub(crate) old: &'a Config,
    pub(crate) new: &'a Config,
    /// Fields that are to be made anew, rather than thing by thing.
    pub(crate) whole: &'a [ConfigField],
    pub(crate) can_say: CanSay,
    pub(crate) unset: Vec<ConfigField>,
    pub(crate) operations: Operations,
}

impl ConfigDifference<'_> {
    /// Adds an operation, unless the language does not have it.
    pub(crate) fn put(&mut self, name: &'static str, value: DraftValue) {
        if (self.can_say)(name, &value) {
            self.operations.push((name, value));
        }
    }

    /// Begins a field anew, if that is wanted; tells whether it is.
    pub(crate) fn clear(&mut self, field: ConfigField) -> bool {
        let is_whole = self.whole.contains(&field);
        if is_whole && self.old.field(field).is_some() {
            self.unset.push(field);
        }
        is_whole
    }

    /// Removes a field that an image can do without.
    pub(crate) fn unset(&mut self, field: ConfigField) {
        if field.is_optional() {
            self.unset.push(field);
        }
    }

    /// Says what becomes of names with values.
    pub(crate) fn named(
        &mut self,
        field: ConfigField,
        pairs: impl Fn(&Config) -> Vec<(String, String)>,
        unset: &'static str,
        set: &'static str,
    ) {
        let mut before = pairs(self.old);
        if self.clear(field) {
            before.clear();
        }
        let named = changes(&before, &pairs(self.new), (unset, set), self.can_say);
        self.operations.extend(named);
    }

    /// Says what becomes of names without values.
    pub(crate) fn items(&mut self, field: ConfigField, remove: &'static str, add: &'static str) {
        let (mut before, after) = (self.old.normal_keys(field), self.new.normal_keys(field));
        if self.clear(field) {
            before.clear();
        }
        let gone = before.iter().filter(|key| !after.contains(*key));
        let gone = Removed::of(gone.cloned(), remove, self.can_say);
        let stays = |key: &&String| before.contains(*key) && !gone.matches(key);
        let new = after.iter().filter(|key| !stays(key)).cloned().collect();
        let new = sayable(add, new, &DraftValue::texts, self.can_say);
        let gone = gone.list().map(|list| (remove, list));
        self.operations.extend(gone);
        if !new.is_empty() {
            self.operations.push((add, DraftValue::texts(&new)));
        }
    }

    /// Says what becomes of a field that `operation` sets as a whole.
    pub(crate) fn field(&mut self, field: ConfigField, operation: &'static str) {
        match said(self.new, field) {
            after if after == said(self.old, field) => {}
            Some(value) => self.put(operation, value),
            None => self.unset(field),
        }
    }

    /// Says what becomes of the parts of a map, each a field, as far as `operation` can say them. Where `is_whole`, there is
    /// nothing before.
    pub(crate) fn parts(
        &mut self,
        parts: &[(ConfigField, &'static str)],
        operation: &'static str,
        is_whole: bool,
        said: impl Fn(&Config, ConfigField) -> Option<DraftValue>,
    ) {
        let mut set = Vec::new();
        for &(field, key) in parts {
            let before = said(self.old, field).filter(|_| !is_whole);
            match said(self.new, field) {
                after if after == before => {}
                Some(value) => {
                    let pair = (key.to_owned(), value);
                    if (self.can_say)(operation, &DraftValue::Map(vec![pair.clone()])) {
                        set.push(pair);
                    }
                }
                None => self.unset(field),
            }
        }
        if !set.is_empty() {
            self.operations.push((operation, DraftValue::Map(set)));
        }
    }
}

/// Returns what a field holds, as a patch says it; nothing where there is nothing in it.
pub(crate) fn said(config: &Config, field: ConfigField) -> Option<DraftValue> {
    match field.shape() {
        FieldShape::Texts | FieldShape::Command => {
            let texts = config.texts(field);
            (!texts.is_empty()).then(|| DraftValue::texts(&texts))
        }
        FieldShape::Number => config.field(field)?.as_i64().map(DraftValue::Number),
        _ => {
            let text = config.field(field)?.as_text()?;
            Some(DraftValue::Text(text.into_owned()))
        }
    }
}

/// Returns those of `items` that the operation can say, which is what `value` makes of some of them.
///
/// Asked in halves: mostly all of them can be said, and a file has room for only so many.
pub(crate) fn sayable<T: Clone>(
    operation: &'static str,
    items: Vec<T>,
    value: &impl Fn(&[T]) -> DraftValue,
    can_say: CanSay,
) -> Vec<T> {
    if items.is_empty() || can_say(operation, &value(&items)) {
        return items;
    }
    let mut first = items;
    let second = first.split_off(first.len() / 2);
    if first.is_empty() {
        return first;
    }
    let mut all = sayable(operation, first, value, can_say);
    all.extend(sayable(operation, second, value, can_say));
    all
}

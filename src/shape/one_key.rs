//! Items that are a map with exactly one key, which says what the item is: operations and preconditions.

use serde_json::json;

use super::decode::{Field, Problems};
use super::definitions::{Json, text};
use super::node::Value;
use super::spelling::{kebab_case, listed, nearest, spaced, suggestion};
use crate::problem::{Code, Problem, quoted};

/// Declares such items: for each its documentation, its key, its variant with the value, and the shape of the value if
/// that is another type.
macro_rules! one_key {
    (
        $(#[doc = $doc:literal])+ $vis:vis enum $item:ident, $kind:expr;
        $($(#[doc = $row_doc:literal])+ $name:literal $variant:ident($holds:ty) $(is $shape:ty)?;)+
    ) => {
        $(#[doc = $doc])+
        #[derive(Debug, Clone, PartialEq, Eq)]
        $vis enum $item {
            $($(#[doc = $row_doc])+ $variant($holds),)+
        }

        impl $item {
            /// The names that a patch has for them, in the order of the documentation.
            pub const NAMES: &[&'static str] = &[$($name,)+];

            /// Returns the name that a patch has for it.
            #[must_use]
            pub fn name(&self) -> &'static str {
                match self { $(Self::$variant(_) => $name,)+ }
            }
        }

        impl $crate::shape::Shape for $item {
            type Value = Self;

            const NAME: &'static str = stringify!($item);

            fn schema(definitions: &mut $crate::shape::Definitions) -> $crate::shape::Json {
                $crate::shape::OneKey::schema(&[$($doc),+], [$((
                    $name,
                    $crate::shape::property(
                        $crate::shape::text(&[$($row_doc),+]),
                        definitions.refer::<$crate::shape::one_key!(@shape $holds $(, $shape)?)>(),
                    ),
                ),)+])
            }

            fn decode(
                field: &$crate::shape::Field<'_>,
                problems: &mut $crate::shape::Problems,
            ) -> Option<Self> {
                let kind: $crate::shape::OneKey<'_> = $kind;
                let (name, value) = kind.decode(field, problems)?;
                match name {
                    $($name => {
                        <$crate::shape::one_key!(@shape $holds $(, $shape)?) as $crate::shape::Shape>::decode(&value, problems)
                            .map(Self::$variant)
                    })+
                    _ => unreachable!("`{name}` is one of the names"),
                }
            }
        }
    };
    (@shape $holds:ty) => { $holds };
    (@shape $holds:ty, $shape:ty) => { $shape };
}
pub(crate) use one_key;

/// What such items are, and how they are spoken of.
#[derive(Debug)]
pub(crate) struct OneKey<'a> {
    /// With its article, as in `an operation`.
    pub(crate) name: &'static str,
    /// Its keys.
    pub(crate) keys: &'a [&'static str],
    /// An item as it is meant to be.
    pub(crate) example: &'static str,
    /// The problem of an item with another shape.
    pub(crate) shape: Code,
    /// The problem of an item with another key.
    pub(crate) unknown: Code,
    /// Says what to write for a key, in kebab case, that others have for one of the keys.
    pub(crate) other_name: fn(&str) -> Option<String>,
}

impl OneKey<'_> {
    /// Returns the schema of such items, given the property that each key is.
    ///
    /// One object of many properties, rather than a choice of objects: an editor then offers every name, and says one thing of a
    /// name that is wrong.
    pub(crate) fn schema<'b>(
        docs: &[&str],
        properties: impl IntoIterator<Item = (&'b str, Json)>,
    ) -> Json {
        let properties = properties.into_iter().map(|(key, it)| (key.to_owned(), it));
        let properties: serde_json::Map<String, Json> = properties.collect();
        json!({
            "type": "object",
            "minProperties": 1,
            "maxProperties": 1,
            "additionalProperties": false,
            "properties": properties,
            "description": text(docs),
        })
    }

    /// Returns the key of an item, which is one of those known, and what stands behind it.
    pub(crate) fn decode<'a>(
        &self,
        field: &Field<'a>,
        problems: &mut Problems,
    ) -> Option<(&'a str, Field<'a>)> {
        let found = match &field.node.value {
            Value::Map(pairs) if !pairs.is_empty() => {
                return self.only(field, field.entries("", problems)?, problems);
            }
            Value::Map(_) => "an empty map".to_owned(),
            Value::List(_) => "a list".to_owned(),
            Value::Null => "nothing".to_owned(),
            Value::Unknown => "a string".to_owned(),
            Value::Text(text) => {
                let message = format!(
                    "expected {} and its value, found {} alone",
                    self.name,
                    quoted(text)
                );
                let problem = self.shape(field, message);
                let key = text.split(':').next().expect("a first part");
                problems.add(match spaced(text).filter(|_| self.keys.contains(&key)) {
                    Some(pair) => {
                        problem.with_help(format!("write a space after the `:`, as in `{pair}`"))
                    }
                    None => problem,
                });
                return None;
            }
        };
        let message = format!("expected {}, found {found}", self.name);
        problems.add(self.shape(field, message));
        None
    }

    fn shape(&self, field: &Field<'_>, message: String) -> Problem {
        let help = format!(
            "{} is a map with one key, as in `{}`",
            self.name, self.example
        );
        field.problem(self.shape, message).with_help(help)
    }

    fn only<'a>(
        &self,
        field: &Field<'_>,
        mut entries: Vec<(&'a str, Field<'a>)>,
        problems: &mut Problems,
    ) -> Option<(&'a str, Field<'a>)> {
        if entries.len() > 1 {
            problems.add(self.several(field, &entries));
            return None;
        }
        let (key, value) = entries.pop()?;
        if self.keys.contains(&key) {
            return Some((key, value));
        }
        let message = format!("{} is not {} in this version", quoted(key), self.name);
        let problem = Problem::new(self.unknown, value.address.on_key(), message);
        let help = (self.other_name)(&kebab_case(key)).unwrap_or_else(|| {
            if nearest(key, self.keys).is_none() && !problems.may_list(self.name) {
                return format!("an earlier problem lists every {}", noun(self.name));
            }
            suggestion(key, self.keys)
        });
        problems.add(problem.with_help(help));
        None
    }

    /// Returns the first key that is none of an item, beside one that is.
    fn option<'a>(&self, entries: &[(&'a str, Field<'_>)]) -> Option<&'a str> {
        let is_item = |key: &str| {
            self.keys.contains(&key)
                || (self.other_name)(&kebab_case(key)).is_some()
                || nearest(key, self.keys).is_some()
        };
        let mut others = entries[1..].iter().map(|(key, _)| *key);
        let other = others.find(|key| !is_item(key))?;
        self.keys.contains(&entries[0].0).then_some(other)
    }

    fn several(&self, field: &Field<'_>, entries: &[(&str, Field<'_>)]) -> Problem {
        let noun = noun(self.name);
        let names = entries.iter().take(5).map(|(name, _)| quoted(name));
        let message = format!(
            "one {noun} has {} keys: {}",
            entries.len(),
            listed(names, "and")
        );
        let (first, value) = &entries[0];
        // `- set-label:` with its labels not indented below it.
        let is_unindented = self.keys.contains(first) && matches!(value.node.value, Value::Null);
        let help = if is_unindented {
            format!("indent the value of `{first}` further than its name")
        } else if let Some(option) = self.option(entries) {
            format!(
                "write {} in the value of `{first}`, or remove it",
                quoted(option)
            )
        } else {
            format!("start each {noun} with its own `- `")
        };
        field.problem(self.shape, message).with_help(help)
    }
}

/// Returns the name of a kind of items without its article.
fn noun(name: &str) -> &str {
    name.rsplit(' ').next().unwrap_or(name)
}

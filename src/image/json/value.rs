//! Values: what they say, and how they are spelled.

use std::borrow::Cow;

use super::escape::{self, decode, encode};
use super::list::{Item, Key, Layout, List};

/// A value with its spelling.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Value {
    /// `null`, `true`, `false` or a number, as spelled.
    Literal(String),
    /// A string as spelled, quotes and escapes included.
    Text(String),
    /// An array.
    Array(List<()>),
    /// An object; keys as spelled, quotes and escapes included.
    Object(List<Key>),
}

/// A struct key that stands twice in one object, for a reader that ignores case as Go's does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AmbiguousKey {
    /// The key as the format defines it.
    pub wanted: String,
    /// The key as it stands there.
    pub found: String,
}

impl Value {
    /// Returns a string, spelled as Go spells it.
    #[must_use]
    pub fn text(text: &str) -> Self {
        Self::Text(encode(text))
    }

    /// Returns a whole number.
    #[must_use]
    pub fn number(number: u64) -> Self {
        Self::Literal(number.to_string())
    }

    /// Returns a whole number, which may be negative.
    #[must_use]
    pub fn integer(number: i64) -> Self {
        Self::Literal(number.to_string())
    }

    /// Returns `true` or `false`.
    #[must_use]
    pub fn boolean(value: bool) -> Self {
        Self::Literal(value.to_string())
    }

    /// Returns `null`.
    #[must_use]
    pub fn null() -> Self {
        Self::Literal("null".to_owned())
    }

    /// Returns an array of texts.
    #[must_use]
    pub fn texts<T: AsRef<str>>(texts: &[T]) -> Self {
        Self::array(texts.iter().map(|text| Self::text(text.as_ref())))
    }

    /// Returns an array without white space.
    #[must_use]
    pub fn array(items: impl IntoIterator<Item = Self>) -> Self {
        let item = |value| Item {
            before: String::new(),
            key: (),
            value,
            after: String::new(),
        };
        Self::Array(List {
            items: items.into_iter().map(item).collect(),
            blank: String::new(),
        })
    }

    /// Returns an object without white space.
    #[must_use]
    pub fn object<'a>(members: impl IntoIterator<Item = (&'a str, Self)>) -> Self {
        let item = |(key, value)| Item {
            before: String::new(),
            key: Key::new(key),
            value,
            after: String::new(),
        };
        Self::Object(List {
            items: members.into_iter().map(item).collect(),
            blank: String::new(),
        })
    }

    /// Tells whether this is `null`.
    #[must_use]
    pub fn is_null(&self) -> bool {
        matches!(self, Self::Literal(literal) if literal == "null")
    }

    /// Returns a string's text; a lone surrogate becomes U+FFFD, as in Go.
    #[must_use]
    pub fn as_text(&self) -> Option<Cow<'_, str>> {
        match self {
            Self::Text(spelled) => Some(decode(spelled)),
            _ => None,
        }
    }

    /// Returns a number written as plain digits; `1e3`, `1.0` and `-1` are not sizes or counts.
    #[must_use]
    pub fn as_u64(&self) -> Option<u64> {
        match self {
            Self::Literal(literal) => literal.parse().ok().filter(|_| !literal.starts_with('+')),
            _ => None,
        }
    }

    /// Returns a whole number, which may be negative, written as plain digits.
    #[must_use]
    pub fn as_i64(&self) -> Option<i64> {
        match self {
            Self::Literal(literal) => literal.parse().ok(),
            _ => None,
        }
    }

    /// Returns `true` or `false`.
    #[must_use]
    pub fn as_bool(&self) -> Option<bool> {
        match self {
            Self::Literal(literal) => literal.parse().ok(),
            _ => None,
        }
    }

    /// Returns an array's items.
    #[must_use]
    pub fn items(&self) -> Option<impl ExactSizeIterator<Item = &Self>> {
        match self {
            Self::Array(list) => Some(list.items.iter().map(|item| &item.value)),
            _ => None,
        }
    }

    /// Returns an object's members in order, keys decoded.
    #[must_use]
    pub fn members(&self) -> Option<impl ExactSizeIterator<Item = (Cow<'_, str>, &Self)>> {
        match self {
            Self::Object(list) => Some(
                list.items
                    .iter()
                    .map(|item| (decode(&item.key.spelled), &item.value)),
            ),
            _ => None,
        }
    }

    /// Returns the member of that exact key.
    #[must_use]
    pub fn get(&self, key: &str) -> Option<&Self> {
        match self {
            Self::Object(list) => list.member(key),
            _ => None,
        }
    }

    /// Returns a struct's field: `null` is absent, and a key that differs by case only is refused, because Go would
    /// read it and others would not.
    pub fn field(&self, key: &str) -> Result<Option<&Self>, AmbiguousKey> {
        let Self::Object(list) = self else {
            return Ok(None);
        };
        for item in &list.items {
            let found = decode(&item.key.spelled);
            if found != key && found.to_lowercase() == key.to_lowercase() {
                return Err(AmbiguousKey {
                    wanted: key.to_owned(),
                    found: found.into_owned(),
                });
            }
        }
        Ok(list.member(key).filter(|value| !value.is_null()))
    }

    /// Tells whether both mean the same, whatever their spelling; numbers compare by spelling.
    #[must_use]
    pub fn means(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Literal(a), Self::Literal(b)) => a == b,
            (Self::Text(a), Self::Text(b)) => a == b || decode(a) == decode(b),
            (Self::Array(a), Self::Array(b)) => {
                a.items.len() == b.items.len()
                    && a.items
                        .iter()
                        .zip(&b.items)
                        .all(|(a, b)| a.value.means(&b.value))
            }
            (Self::Object(a), Self::Object(b)) => {
                a.items.len() == b.items.len()
                    && a.items.iter().all(|item| {
                        b.member(&decode(&item.key.spelled))
                            .is_some_and(|value| item.value.means(value))
                    })
            }
            _ => false,
        }
    }

    /// Returns the value as Go's `json.Compact` gives it: white space out, strings HTML-escaped, the rest as spelled.
    #[must_use]
    pub fn compact(&self) -> String {
        let mut text = String::new();
        match self {
            Self::Literal(literal) => text.push_str(literal),
            Self::Text(spelled) => text.push_str(&escape::html(spelled)),
            Self::Array(list) => {
                let items: Vec<String> =
                    list.items.iter().map(|item| item.value.compact()).collect();
                text = format!("[{}]", items.join(","));
            }
            Self::Object(list) => {
                let member = |item: &Item<Key>| {
                    format!(
                        "{}:{}",
                        escape::html(&item.key.spelled),
                        item.value.compact()
                    )
                };
                let members: Vec<String> = list.items.iter().map(member).collect();
                text = format!("{{{}}}", members.join(","));
            }
        }
        text
    }

    /// Returns what the value says, for a reader who does not care for its spelling.
    #[must_use]
    pub fn to_json(&self) -> serde_json::Value {
        match self {
            Self::Literal(literal) => serde_json::from_str(literal).unwrap_or_default(),
            Self::Text(spelled) => decode(spelled).into(),
            Self::Array(list) => list.items.iter().map(|item| item.value.to_json()).collect(),
            Self::Object(list) => {
                let member = |item: &Item<Key>| {
                    (decode(&item.key.spelled).into_owned(), item.value.to_json())
                };
                serde_json::Value::Object(list.items.iter().map(member).collect())
            }
        }
    }

    pub(super) fn as_object_mut(&mut self) -> Option<&mut List<Key>> {
        match self {
            Self::Object(list) => Some(list),
            _ => None,
        }
    }

    pub(super) fn make_object(&mut self) -> &mut List<Key> {
        if !matches!(self, Self::Object(_)) {
            *self = Self::object([]);
        }
        self.as_object_mut().expect("it was just made one")
    }

    pub(super) fn write(&self, out: &mut String) {
        match self {
            Self::Literal(text) | Self::Text(text) => out.push_str(text),
            Self::Array(list) => list.write(out, ['[', ']'], |(), _| {}),
            Self::Object(list) => list.write(out, ['{', '}'], |key, out| {
                for part in [&key.spelled, &key.before_colon, ":", &key.after_colon] {
                    out.push_str(part);
                }
            }),
        }
    }

    /// Gives a new value the white space of the document it joins.
    pub(super) fn lay_out(&mut self, layout: &Layout, depth: usize) {
        match self {
            Self::Literal(_) | Self::Text(_) => {}
            Self::Array(list) => list.lay_out(layout, depth),
            Self::Object(list) => {
                for item in &mut list.items {
                    item.key.after_colon.clone_from(&layout.after_colon);
                }
                list.lay_out(layout, depth);
            }
        }
    }
}

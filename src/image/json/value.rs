//! Values: what they say, and how they are spelled.

use std::borrow::Cow;
use std::sync::Arc;

use super::edit::ItemId;
use super::escape::{self, decode, encode};
use super::list::{Item, Key, Layout, List};
use super::members::Members;
use super::spelling::Spelling;

/// A value with its spelling. A copy shares everything with its original until one of them is edited.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Value {
    /// `null`, `true`, `false` or a number, as spelled.
    Literal(Spelling),
    /// A string as spelled, quotes and escapes included.
    Text(Spelling),
    /// An array.
    Array(Arc<List<()>>),
    /// An object; keys as spelled, quotes and escapes included.
    Object(Arc<Members>),
}

impl Value {
    /// Returns a string, spelled as Go spells it.
    #[must_use]
    pub fn text(text: &str) -> Self {
        Self::Text(encode(text).into())
    }

    /// Returns a whole number.
    #[must_use]
    pub fn number(number: u64) -> Self {
        Self::Literal(number.to_string().into())
    }

    /// Returns a whole number, which may be negative.
    #[must_use]
    pub fn integer(number: i64) -> Self {
        Self::Literal(number.to_string().into())
    }

    /// Returns `true` or `false`.
    #[must_use]
    pub fn boolean(value: bool) -> Self {
        Self::Literal(value.to_string().into())
    }

    /// Returns `null`.
    #[must_use]
    pub fn null() -> Self {
        Self::Literal("null".to_owned().into())
    }

    /// Returns an array of texts.
    #[must_use]
    pub fn texts<T: AsRef<str>>(texts: &[T]) -> Self {
        Self::array(texts.iter().map(|text| Self::text(text.as_ref())))
    }

    /// Returns an array without white space.
    #[must_use]
    pub fn array(items: impl IntoIterator<Item = Self>) -> Self {
        let items = items.into_iter().map(|value| ((), value));
        Self::Array(Arc::new(List::of(items)))
    }

    /// Returns an object without white space; no key may come twice.
    #[must_use]
    pub fn object<'a>(members: impl IntoIterator<Item = (&'a str, Self)>) -> Self {
        let members = members.into_iter();
        let list = List::of(members.map(|(key, value)| (Key::new(key), value)));
        Self::Object(Arc::new(list.into()))
    }

    /// Returns an object without white space, from keys that are spelled with quotes and escapes; none may come twice.
    #[must_use]
    pub fn spelled_object(members: impl IntoIterator<Item = (Spelling, Self)>) -> Self {
        let members = members.into_iter();
        let list = List::of(members.map(|(key, value)| (Key::spelled(key), value)));
        Self::Object(Arc::new(list.into()))
    }

    /// Tells whether this is `null`.
    #[must_use]
    pub fn is_null(&self) -> bool {
        matches!(self, Self::Literal(literal) if &**literal == "null")
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

    /// Returns an array's items with what they keep while others come and go.
    #[must_use]
    pub fn numbered_items(&self) -> Option<impl ExactSizeIterator<Item = (ItemId, &Self)>> {
        match self {
            Self::Array(list) => {
                let ids = list.items.ids();
                Some(ids.map(|id| (ItemId(id), &list.items.by_id(id).value)))
            }
            _ => None,
        }
    }

    /// Returns an item of an array that has not been removed.
    #[must_use]
    pub fn item(&self, id: ItemId) -> Option<&Self> {
        match self {
            Self::Array(list) => Some(&list.items.by_id(id.0).value),
            _ => None,
        }
    }

    /// Returns an object's members in order, keys decoded.
    #[must_use]
    pub fn members(&self) -> Option<impl ExactSizeIterator<Item = (Cow<'_, str>, &Self)>> {
        match self {
            Self::Object(members) => {
                Some(members.items().map(|item| (item.key.name(), &item.value)))
            }
            _ => None,
        }
    }

    /// Tells whether this is an object whose keys are sorted.
    #[must_use]
    pub fn has_sorted_keys(&self) -> bool {
        matches!(self, Self::Object(members) if members.is_sorted())
    }

    /// Returns the member of that exact key.
    #[must_use]
    pub fn get(&self, key: &str) -> Option<&Self> {
        match self {
            Self::Object(members) => members.member(key),
            _ => None,
        }
    }

    /// Returns a struct's field: `null` is absent.
    #[must_use]
    pub fn field(&self, key: &str) -> Option<&Self> {
        self.get(key).filter(|value| !value.is_null())
    }

    /// Tells whether both mean the same, whatever their spelling; numbers compare by spelling.
    #[must_use]
    pub fn means(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Literal(a), Self::Literal(b)) => a == b,
            (Self::Text(a), Self::Text(b)) => a == b || decode(a) == decode(b),
            (Self::Array(a), Self::Array(b)) => {
                let both = || a.items.iter().zip(b.items.iter());
                Arc::ptr_eq(a, b)
                    || a.items.len() == b.items.len()
                        && both().all(|(a, b)| a.value.means(&b.value))
            }
            (Self::Object(a), Self::Object(b)) => {
                let is_there = |item: &Item<Key>| {
                    let other = b.member(&item.key.name());
                    other.is_some_and(|value| item.value.means(value))
                };
                Arc::ptr_eq(a, b) || a.items().len() == b.items().len() && a.items().all(is_there)
            }
            _ => false,
        }
    }

    /// Returns the value as Go's `json.Compact` gives it: white space out, strings HTML-escaped, the rest as spelled.
    #[must_use]
    pub fn compact(&self) -> String {
        let mut text = String::new();
        self.write_compact(&mut text);
        text
    }

    fn write_compact(&self, out: &mut String) {
        match self {
            Self::Literal(literal) => out.push_str(literal),
            Self::Text(spelled) => out.push_str(&escape::html(spelled)),
            Self::Array(list) => {
                out.push('[');
                for (i, item) in list.items.iter().enumerate() {
                    out.push_str(if i > 0 { "," } else { "" });
                    item.value.write_compact(out);
                }
                out.push(']');
            }
            Self::Object(members) => {
                out.push('{');
                for (i, item) in members.items().enumerate() {
                    out.push_str(if i > 0 { "," } else { "" });
                    out.push_str(&escape::html(&item.key.spelled));
                    out.push(':');
                    item.value.write_compact(out);
                }
                out.push('}');
            }
        }
    }

    /// Returns what the value says, for a reader who does not care for its spelling.
    #[must_use]
    pub fn to_json(&self) -> serde_json::Value {
        match self {
            Self::Literal(literal) => serde_json::from_str(literal).unwrap_or_default(),
            Self::Text(spelled) => decode(spelled).into(),
            Self::Array(list) => list.items.iter().map(|item| item.value.to_json()).collect(),
            Self::Object(members) => {
                let member =
                    |item: &Item<Key>| (item.key.name().into_owned(), item.value.to_json());
                serde_json::Value::Object(members.items().map(member).collect())
            }
        }
    }

    pub(super) fn as_object_mut(&mut self) -> Option<&mut Members> {
        match self {
            Self::Object(members) => Some(Arc::make_mut(members)),
            _ => None,
        }
    }

    pub(super) fn make_object(&mut self) -> &mut Members {
        if !matches!(self, Self::Object(_)) {
            *self = Self::object([]);
        }
        self.as_object_mut().expect("it was just made one")
    }

    pub(super) fn write(&self, out: &mut String) {
        match self {
            Self::Literal(text) | Self::Text(text) => out.push_str(text),
            Self::Array(list) => list.write(out, ['[', ']'], |(), _| {}),
            Self::Object(members) => members.list.write(out, ['{', '}'], |key, out| {
                out.push_str(&key.spelled);
                out.push_str(key.before_colon.as_str());
                out.push(':');
                out.push_str(key.after_colon.as_str());
            }),
        }
    }

    /// Gives a new value the white space of the document it joins.
    pub(super) fn lay_out(&mut self, layout: &Layout, depth: usize) {
        match self {
            Self::Literal(_) | Self::Text(_) => {}
            Self::Array(list) => Arc::make_mut(list).lay_out(layout, depth),
            Self::Object(members) => {
                let list = &mut Arc::make_mut(members).list;
                list.lay_out_colons(layout);
                list.lay_out(layout, depth);
            }
        }
    }
}

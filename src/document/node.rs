//! What a document says: values, and the same with a memory of where each was in the text.

use std::collections::HashMap;

use super::number::canonical;

/// A value that an edit brings.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Value {
    /// `null`.
    Null,
    /// `true` or `false`.
    Bool(bool),
    /// A number of JSON, as spelled.
    Number(String),
    /// A string.
    Text(String),
    /// A list.
    List(Vec<Self>),
    /// A map; no key may come twice.
    Map(Vec<(String, Self)>),
}

/// A value of a document that is being edited.
#[derive(Debug, Clone)]
pub(super) struct Node {
    pub(super) kind: Kind,
    /// Its place among the children of its parent, if it has one in the text.
    pub(super) origin: Option<usize>,
    /// The text has another value at its place.
    pub(super) is_new: bool,
    /// Its anchor and its tag in YAML, as spelled.
    mark: Option<Box<str>>,
}

#[derive(Debug, Clone)]
pub(super) enum Kind {
    Null,
    Bool(bool),
    /// A number as the text has it, or as the edit spells it.
    Number(String),
    Text(String),
    /// Whatever else is in the text, as spelled: a date, an alias, a tagged value, a plain scalar that readers of YAML
    /// 1.1 and 1.2 do not agree about.
    Other(String),
    List(Vec<Node>),
    Map(Vec<(Key, Node)>),
}

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) enum Key {
    Text(String),
    /// A key of YAML that is not a scalar, as spelled.
    Other(String),
}

impl Key {
    pub(super) fn text(&self) -> &str {
        let (Self::Text(text) | Self::Other(text)) = self;
        text
    }

    pub(super) fn is(&self, name: &str) -> bool {
        matches!(self, Self::Text(text) if text == name)
    }
}

impl Node {
    /// Returns the value at a place of the text.
    pub(super) fn at(origin: usize, kind: Kind) -> Self {
        Self::marked(origin, kind, None)
    }

    /// Returns the value at a place of the text, with its anchor and tag.
    pub(super) fn marked(origin: usize, kind: Kind, mark: Option<Box<str>>) -> Self {
        Self {
            kind,
            origin: Some(origin),
            is_new: false,
            mark,
        }
    }

    /// Returns a value that the text does not have.
    pub(super) fn new(value: &Value) -> Self {
        Self {
            kind: Kind::from(value),
            origin: None,
            is_new: true,
            mark: None,
        }
    }

    /// Changes into `value`, with as few changes to what is there as the values allow.
    pub(super) fn change_to(&mut self, value: &Value) {
        if self.kind.says(value) {
            return;
        }
        if !self.is_new && self.kind.change_within(value) {
            return;
        }
        self.kind = match (&self.kind, value) {
            // A date stays a date.
            (Kind::Other(old), Value::Text(text)) if is_date(old) && is_date(text) => {
                Kind::Other(text.clone())
            }
            _ => Kind::from(value),
        };
        self.is_new = true;
    }

    /// Tells whether both say the same.
    pub(super) fn means(&self, other: &Self) -> bool {
        self.mark == other.mark && self.kind.means(&other.kind)
    }
}

fn change_map(pairs: &mut Vec<(Key, Node)>, wanted: &[(String, Value)]) {
    let wanted_by_key: HashMap<&str, &Value> = wanted
        .iter()
        .map(|(key, value)| (key.as_str(), value))
        .collect();
    let mut missing: HashMap<&str, &Value> = wanted_by_key.clone();
    pairs.retain_mut(|(key, node)| {
        let Key::Text(name) = key else {
            return false;
        };
        let Some(value) = missing.remove(name.as_str()) else {
            return false;
        };
        node.change_to(value);
        true
    });
    let new = wanted
        .iter()
        .filter(|(key, _)| missing.contains_key(key.as_str()));
    pairs.extend(new.map(|(key, value)| (Key::Text(key.clone()), Node::new(value))));
}

/// Changes a list by changing, removing or appending items; tells whether it was one of these.
fn change_list(items: &mut Vec<Node>, wanted: &[Value]) -> bool {
    if items.len() == wanted.len() {
        let both = items.iter_mut().zip(wanted);
        both.for_each(|(item, value)| item.change_to(value));
        return true;
    }
    let n = items.len().min(wanted.len());
    if items.len() < wanted.len()
        && items
            .iter()
            .zip(wanted)
            .all(|(item, value)| item.kind.says(value))
    {
        items.extend(wanted[n..].iter().map(Node::new));
        return true;
    }
    let mut left = wanted.iter().peekable();
    let is_kept: Vec<bool> = items
        .iter()
        .map(|item| left.next_if(|value| item.kind.says(value)).is_some())
        .collect();
    let is_part = left.peek().is_none();
    if is_part {
        let mut is_kept = is_kept.into_iter();
        items.retain(|_| is_kept.next().expect("there is one for every item"));
    }
    is_part
}

impl From<&Value> for Kind {
    fn from(value: &Value) -> Self {
        match value {
            Value::Null => Self::Null,
            Value::Bool(value) => Self::Bool(*value),
            Value::Number(spelled) => Self::Number(spelled.clone()),
            Value::Text(text) => Self::Text(text.clone()),
            Value::List(items) => Self::List(items.iter().map(Node::new).collect()),
            Value::Map(pairs) => {
                let pair =
                    |(key, value): &(String, Value)| (Key::Text(key.clone()), Node::new(value));
                Self::Map(pairs.iter().map(pair).collect())
            }
        }
    }
}

impl Kind {
    /// Returns what it is called, with its article.
    pub(super) fn name(&self) -> &'static str {
        match self {
            Self::Null => "null",
            Self::Bool(_) => "a boolean",
            Self::Number(_) => "a number",
            Self::Text(_) => "a string",
            Self::Other(_) if self.is_alias() => "an alias",
            Self::Other(_) => "a scalar",
            Self::List(_) => "a list",
            Self::Map(_) => "a map",
        }
    }

    /// Returns the children of a map, with their keys, or of a list.
    pub(super) fn children(&self) -> impl Iterator<Item = (Option<&Key>, &Node)> {
        let (items, pairs): (&[Node], &[(Key, Node)]) = match self {
            Self::List(items) => (items, &[]),
            Self::Map(pairs) => (&[], pairs),
            _ => (&[], &[]),
        };
        let pairs = pairs.iter().map(|(key, node)| (Some(key), node));
        items.iter().map(|item| (None, item)).chain(pairs)
    }

    /// Changes the children of a map or a list; tells whether that is all that it takes.
    fn change_within(&mut self, value: &Value) -> bool {
        match (self, value) {
            (Self::Map(pairs), Value::Map(wanted)) => {
                change_map(pairs, wanted);
                true
            }
            (Self::List(items), Value::List(wanted)) => change_list(items, wanted),
            _ => false,
        }
    }

    pub(super) fn is_alias(&self) -> bool {
        matches!(self, Self::Other(spelled) if spelled.starts_with('*'))
    }

    /// Tells whether it is that value; numbers are equal by value, but `1` and `1.0` are two.
    pub(super) fn says(&self, value: &Value) -> bool {
        match (self, value) {
            (Self::Null, Value::Null) => true,
            (Self::Bool(a), Value::Bool(b)) => a == b,
            (Self::Number(a), Value::Number(b)) => canonical(a) == canonical(b),
            (Self::Text(a), Value::Text(b)) => a == b,
            (Self::Other(a), Value::Text(b)) => a == b && is_date(a),
            (Self::List(a), Value::List(b)) => {
                a.len() == b.len() && a.iter().zip(b).all(|(a, b)| a.kind.says(b))
            }
            (Self::Map(a), Value::Map(b)) => {
                let wanted: HashMap<&str, &Value> =
                    b.iter().map(|(key, value)| (key.as_str(), value)).collect();
                a.len() == b.len()
                    && a.iter().all(|(key, node)| match key {
                        Key::Text(name) => wanted
                            .get(name.as_str())
                            .is_some_and(|value| node.kind.says(value)),
                        Key::Other(_) => false,
                    })
            }
            _ => false,
        }
    }

    fn means(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Null, Self::Null) => true,
            (Self::Bool(a), Self::Bool(b)) => a == b,
            (Self::Number(a), Self::Number(b)) => a == b || canonical(a) == canonical(b),
            (Self::Text(a), Self::Text(b)) | (Self::Other(a), Self::Other(b)) => a == b,
            (Self::List(a), Self::List(b)) => {
                a.len() == b.len() && a.iter().zip(b).all(|(a, b)| a.means(b))
            }
            (Self::Map(a), Self::Map(b)) => a.len() == b.len() && mean_the_same(a, b),
            _ => false,
        }
    }
}

/// Compares maps of one length, whatever the order of their keys.
fn mean_the_same(a: &[(Key, Node)], b: &[(Key, Node)]) -> bool {
    if a.iter().zip(b).all(|((a, _), (b, _))| a == b) {
        return a.iter().zip(b).all(|((_, a), (_, b))| a.means(b));
    }
    let by_key: HashMap<&Key, &Node> = b.iter().map(|(key, node)| (key, node)).collect();
    by_key.len() == b.len()
        && a.iter()
            .all(|(key, node)| by_key.get(key).is_some_and(|other| node.means(other)))
}

/// Tells whether TOML or YAML 1.1 read a bare text as a date or a time.
pub(super) fn is_date(text: &str) -> bool {
    text.parse::<toml_edit::Datetime>().is_ok()
}

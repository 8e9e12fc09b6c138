//! JSON documents that keep every byte nobody asked to change: key order, white space, number spelling, escapes.
//!
//! An image's identity is the hash of its documents as they are written, so an edit replaces the value it names and
//! leaves the rest alone. What we add is spelled as Go's `encoding/json` spells it (formats of Docker, containerd and
//! podman alike) and laid out like its neighbours.

mod escape;
mod parse;

pub use escape::{decode, encode};
pub use parse::{MAX_DEPTH, ParseError};

use std::borrow::Cow;

/// A JSON text: one value and the white space around it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Document {
    before: String,
    /// The value.
    pub root: Value,
    after: String,
    layout: Layout,
}

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

/// The items of an array or the members of an object, with the white space between them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct List<K> {
    items: Vec<Item<K>>,
    /// What stands between the brackets of a list without items.
    blank: String,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Item<K> {
    before: String,
    key: K,
    value: Value,
    after: String,
}

/// A member's key and what separates it from the value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Key {
    spelled: String,
    before_colon: String,
    after_colon: String,
}

/// A struct key that stands twice in one object, for a reader that ignores case as Go's does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AmbiguousKey {
    /// The key as the format defines it.
    pub wanted: String,
    /// The key as it stands there.
    pub found: String,
}

/// How a document is laid out: where new values take their white space from.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
struct Layout {
    /// One level of indentation, where the document is printed over several lines.
    indent: Option<String>,
    after_colon: String,
    after_comma: String,
}

impl Document {
    /// Parses a whole text; repeated keys, a byte order mark, anything behind the value are errors.
    pub fn parse(text: &[u8]) -> Result<Self, ParseError> {
        let (before, root, after) = parse::document(text)?;
        let layout = Layout::of(&root);
        Ok(Self {
            before,
            root,
            after,
            layout,
        })
    }

    /// Returns a compact document that holds `root`.
    #[must_use]
    pub fn new(root: Value) -> Self {
        Self {
            before: String::new(),
            root,
            after: String::new(),
            layout: Layout::default(),
        }
    }

    /// Returns the text.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut text = self.before.clone();
        self.root.write(&mut text);
        text.push_str(&self.after);
        text.into_bytes()
    }

    /// Ends the document with a newline, as Go's `Encoder` does.
    #[must_use]
    pub fn with_newline(mut self) -> Self {
        self.after = "\n".to_owned();
        self
    }

    /// Sets the member `key` of the object at `path`, making objects (in place of `null` too) where the path ends.
    ///
    /// A new key goes where `order` puts it: behind the nearest key that precedes it there; sorted among sorted keys
    /// where `order` is empty; else last.
    pub fn set(&mut self, path: &[&str], key: &str, order: &[&str], value: Value) {
        let layout = self.layout.clone();
        let mut depth = 0;
        let mut object = &mut self.root;
        for step in path {
            let members = object.make_object();
            if !members
                .member(step)
                .is_some_and(|value| matches!(value, Value::Object(_)))
            {
                members.put(step, &[], Value::object([]), &layout, depth);
            }
            object = members.member_mut(step).expect("it was just put there");
            depth += 1;
        }
        object.make_object().put(key, order, value, &layout, depth);
    }

    /// Removes the member `key` of the object at `path`; tells whether it was there.
    pub fn remove(&mut self, path: &[&str], key: &str) -> bool {
        let mut value = &mut self.root;
        for step in path {
            match value
                .as_object_mut()
                .and_then(|members| members.member_mut(step))
            {
                Some(inner) => value = inner,
                None => return false,
            }
        }
        value
            .as_object_mut()
            .is_some_and(|members| members.take(key))
    }

    /// Replaces the items of the array that is member `key` of the root object, keeping the items that `items` takes
    /// over from it as they are.
    pub fn edit_array(&mut self, key: &str, order: &[&str], edit: impl FnOnce(&mut ArrayEdit<'_>)) {
        let layout = self.layout.clone();
        let members = self.root.make_object();
        if !members
            .member(key)
            .is_some_and(|value| matches!(value, Value::Array(_)))
        {
            members.put(key, order, Value::array([]), &layout, 0);
        }
        let Some(Value::Array(list)) = members.member_mut(key) else {
            unreachable!("it was just put there")
        };
        edit(&mut ArrayEdit {
            list,
            layout: &layout,
            depth: 1,
        });
    }

    /// Edits the root, which must be an array.
    pub fn edit_root_array(&mut self, edit: impl FnOnce(&mut ArrayEdit<'_>)) {
        let layout = self.layout.clone();
        if let Value::Array(list) = &mut self.root {
            edit(&mut ArrayEdit {
                list,
                layout: &layout,
                depth: 0,
            });
        }
    }
}

/// Changes to one array, in its document's layout.
#[derive(Debug)]
pub struct ArrayEdit<'a> {
    list: &'a mut List<()>,
    layout: &'a Layout,
    depth: usize,
}

impl ArrayEdit<'_> {
    /// Returns how many items there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.list.items.len()
    }

    /// Tells whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.list.items.is_empty()
    }

    /// Inserts `value` before the item at `index`, or at the end.
    pub fn insert(&mut self, index: usize, value: Value) {
        self.list.insert(index, (), value, self.layout, self.depth);
    }

    /// Appends `value`.
    pub fn push(&mut self, value: Value) {
        self.insert(self.len(), value);
    }

    /// Removes the item at `index`.
    pub fn remove(&mut self, index: usize) {
        self.list.remove(index);
    }

    /// Returns the item at `index`.
    #[must_use]
    pub fn get(&self, index: usize) -> &Value {
        &self.list.items[index].value
    }

    /// Replaces the item at `index`.
    pub fn replace(&mut self, index: usize, mut value: Value) {
        value.lay_out(self.layout, self.depth + 1);
        self.list.items[index].value = value;
    }

    /// Sets a member of the object at `index`.
    pub fn set(&mut self, index: usize, key: &str, order: &[&str], value: Value) {
        self.list.items[index].value.make_object().put(
            key,
            order,
            value,
            self.layout,
            self.depth + 1,
        );
    }

    /// Removes a member of the object at `index`; tells whether it was there.
    pub fn take(&mut self, index: usize, key: &str) -> bool {
        self.list.items[index]
            .value
            .as_object_mut()
            .is_some_and(|members| members.take(key))
    }

    /// Sets a member of the object `within` the object at `index`, making that if need be.
    pub fn set_within(&mut self, index: usize, within: &str, key: &str, value: Value) {
        let members = self.list.items[index].value.make_object();
        if !members
            .member(within)
            .is_some_and(|value| matches!(value, Value::Object(_)))
        {
            members.put(within, &[], Value::object([]), self.layout, self.depth + 1);
        }
        let object = members.member_mut(within).expect("it was just put there");
        object
            .make_object()
            .put(key, &[], value, self.layout, self.depth + 2);
    }

    /// Removes a member of the object `within` the object at `index`; an emptied object goes with it.
    pub fn take_within(&mut self, index: usize, within: &str, key: &str) -> bool {
        let Some(members) = self.list.items[index].value.as_object_mut() else {
            return false;
        };
        let Some(object) = members.member_mut(within).and_then(Value::as_object_mut) else {
            return false;
        };
        let found = object.take(key);
        if object.items.is_empty() {
            members.take(within);
        }
        found
    }
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
            (Self::Text(a), Self::Text(b)) => decode(a) == decode(b),
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

    fn as_object_mut(&mut self) -> Option<&mut List<Key>> {
        match self {
            Self::Object(list) => Some(list),
            _ => None,
        }
    }

    fn make_object(&mut self) -> &mut List<Key> {
        if !matches!(self, Self::Object(_)) {
            *self = Self::object([]);
        }
        self.as_object_mut().expect("it was just made one")
    }

    fn write(&self, out: &mut String) {
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
    fn lay_out(&mut self, layout: &Layout, depth: usize) {
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

impl Key {
    fn new(key: &str) -> Self {
        Self {
            spelled: encode(key),
            before_colon: String::new(),
            after_colon: String::new(),
        }
    }
}

impl<K> List<K> {
    fn write(&self, out: &mut String, brackets: [char; 2], write_key: impl Fn(&K, &mut String)) {
        out.push(brackets[0]);
        if self.items.is_empty() {
            out.push_str(&self.blank);
        }
        for (i, item) in self.items.iter().enumerate() {
            if i > 0 {
                out.push(',');
            }
            out.push_str(&item.before);
            write_key(&item.key, out);
            item.value.write(out);
            out.push_str(&item.after);
        }
        out.push(brackets[1]);
    }

    fn insert(&mut self, index: usize, key: K, mut value: Value, layout: &Layout, depth: usize) {
        value.lay_out(layout, depth + 1);
        let index = index.min(self.items.len());
        // White space from a neighbour in the same role (first or later), else from the document's layout.
        let neighbour = if index == 0 {
            self.items.first()
        } else {
            self.items.get(1)
        };
        let before = match neighbour {
            Some(item) => item.before.clone(),
            None => layout.before_item(index, depth + 1),
        };
        let n = self.items.len();
        let after = match self.items.last_mut() {
            Some(last) if index == n => std::mem::take(&mut last.after),
            Some(_) => String::new(),
            None => layout.before_bracket(depth),
        };
        if index == 0
            && let Some(first) = self.items.first()
        {
            let later = self.items.get(1).map_or_else(
                || layout.before_item(1, depth + 1),
                |item| item.before.clone(),
            );
            debug_assert!(!first.before.contains(','));
            self.items[0].before = later;
        }
        self.items.insert(
            index,
            Item {
                before,
                key,
                value,
                after,
            },
        );
    }

    fn remove(&mut self, index: usize) {
        let removed = self.items.remove(index);
        if index == self.items.len()
            && let Some(last) = self.items.last_mut()
        {
            last.after = removed.after;
        } else if index == 0
            && let Some(first) = self.items.first_mut()
        {
            first.before = removed.before;
        }
    }

    fn lay_out(&mut self, layout: &Layout, depth: usize) {
        let n = self.items.len();
        for (i, item) in self.items.iter_mut().enumerate() {
            item.before = layout.before_item(i, depth + 1);
            item.after = if i + 1 == n {
                layout.before_bracket(depth)
            } else {
                String::new()
            };
            item.value.lay_out(layout, depth + 1);
        }
    }
}

impl List<Key> {
    fn position(&self, key: &str) -> Option<usize> {
        self.items
            .iter()
            .position(|item| decode(&item.key.spelled) == key)
    }

    fn member(&self, key: &str) -> Option<&Value> {
        self.position(key).map(|i| &self.items[i].value)
    }

    fn member_mut(&mut self, key: &str) -> Option<&mut Value> {
        self.position(key).map(|i| &mut self.items[i].value)
    }

    fn take(&mut self, key: &str) -> bool {
        match self.position(key) {
            Some(i) => {
                self.remove(i);
                true
            }
            None => false,
        }
    }

    fn put(&mut self, key: &str, order: &[&str], mut value: Value, layout: &Layout, depth: usize) {
        if let Some(i) = self.position(key) {
            value.lay_out(layout, depth + 1);
            self.items[i].value = value;
            return;
        }
        let keys: Vec<Cow<'_, str>> = self
            .items
            .iter()
            .map(|item| decode(&item.key.spelled))
            .collect();
        let index = match order.iter().position(|&known| known == key) {
            Some(rank) => {
                let before = &order[..rank];
                keys.iter()
                    .rposition(|k| before.contains(&k.as_ref()))
                    .map_or(0, |i| i + 1)
            }
            None if order.is_empty() && keys.is_sorted() => {
                keys.partition_point(|k| k.as_ref() < key)
            }
            None => keys.len(),
        };
        let mut new = Key::new(key);
        new.after_colon.clone_from(&layout.after_colon);
        self.insert(index, new, value, layout, depth);
    }
}

impl Layout {
    /// Reads the layout off the first places that show it.
    fn of(root: &Value) -> Self {
        let mut layout = Self::default();
        let mut value = root;
        loop {
            let (first, second, key) = match value {
                Value::Object(list) => {
                    let key = list.items.first().map(|item| item.key.after_colon.clone());
                    (
                        list.items.first().map(|i| (&i.before, &i.value)),
                        list.items.get(1).map(|i| &i.before),
                        key,
                    )
                }
                Value::Array(list) => (
                    list.items.first().map(|i| (&i.before, &i.value)),
                    list.items.get(1).map(|i| &i.before),
                    None,
                ),
                _ => return layout,
            };
            let Some((before, inner)) = first else {
                return layout;
            };
            if let Some(key) = key {
                layout.after_colon = key;
            }
            if layout.indent.is_none()
                && let Some((_, indent)) = before.rsplit_once('\n')
            {
                layout.indent = Some(indent.to_owned());
            }
            if layout.indent.is_none()
                && let Some(second) = second
            {
                layout.after_comma.clone_from(second);
            }
            if layout.indent.is_some() && matches!(value, Value::Object(_)) {
                return layout;
            }
            value = inner;
        }
    }

    fn before_item(&self, index: usize, depth: usize) -> String {
        match &self.indent {
            Some(indent) => format!("\n{}", indent.repeat(depth)),
            None if index > 0 => self.after_comma.clone(),
            None => String::new(),
        }
    }

    fn before_bracket(&self, depth: usize) -> String {
        self.indent
            .as_ref()
            .map_or_else(String::new, |indent| format!("\n{}", indent.repeat(depth)))
    }
}

#[cfg(test)]
mod tests;

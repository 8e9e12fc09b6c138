//! Lists of items with the white space between them, and the layout that new items take.

use std::borrow::Cow;

use super::escape::{decode, encode, spells};
use super::value::Value;

/// The items of an array or the members of an object, with the white space between them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct List<K> {
    pub(super) items: Vec<Item<K>>,
    /// What stands between the brackets of a list without items.
    pub(super) blank: String,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Item<K> {
    pub(super) before: String,
    pub(super) key: K,
    pub(super) value: Value,
    pub(super) after: String,
}

/// A member's key and what separates it from the value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Key {
    pub(super) spelled: String,
    pub(super) before_colon: String,
    pub(super) after_colon: String,
}

/// How a document is laid out: where new values take their white space from.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Layout {
    /// One level of indentation, where the document is printed over several lines.
    indent: Option<String>,
    /// What ends its lines.
    newline: &'static str,
    pub(super) after_colon: String,
    after_comma: String,
}

impl Key {
    pub(super) fn new(key: &str) -> Self {
        Self {
            spelled: encode(key),
            before_colon: String::new(),
            after_colon: String::new(),
        }
    }
}

impl<K> List<K> {
    pub(super) fn write(
        &self,
        out: &mut String,
        brackets: [char; 2],
        write_key: impl Fn(&K, &mut String),
    ) {
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

    pub(super) fn insert(
        &mut self,
        index: usize,
        key: K,
        mut value: Value,
        layout: &Layout,
        depth: usize,
    ) {
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

    pub(super) fn remove(&mut self, index: usize) {
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

    pub(super) fn lay_out(&mut self, layout: &Layout, depth: usize) {
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
            .position(|item| spells(&item.key.spelled, key))
    }

    pub(super) fn member(&self, key: &str) -> Option<&Value> {
        self.position(key).map(|i| &self.items[i].value)
    }

    pub(super) fn member_mut(&mut self, key: &str) -> Option<&mut Value> {
        self.position(key).map(|i| &mut self.items[i].value)
    }

    pub(super) fn take(&mut self, key: &str) -> bool {
        match self.position(key) {
            Some(i) => {
                self.remove(i);
                true
            }
            None => false,
        }
    }

    pub(super) fn put(
        &mut self,
        key: &str,
        order: &[&str],
        mut value: Value,
        layout: &Layout,
        depth: usize,
    ) {
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
    pub(super) fn of(root: &Value) -> Self {
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
                layout.newline = if before.contains('\r') { "\r\n" } else { "\n" };
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
            Some(indent) => format!("{}{}", self.newline, indent.repeat(depth)),
            None if index > 0 => self.after_comma.clone(),
            None => String::new(),
        }
    }

    fn before_bracket(&self, depth: usize) -> String {
        self.indent.as_ref().map_or_else(String::new, |indent| {
            format!("{}{}", self.newline, indent.repeat(depth))
        })
    }
}

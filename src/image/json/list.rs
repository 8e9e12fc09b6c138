//! Lists of items with the white space between them, and the layout that new items take.

use std::borrow::Cow;

use super::escape::{decode, encode, spells};
use super::sequence::{Id, Sequence};
use super::spelling::{Space, Spelling};
use super::value::Value;

/// The items of an array or the members of an object, with the white space between them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct List<K> {
    pub(super) items: Sequence<Item<K>>,
    /// What stands between the brackets of a list without items.
    pub(super) blank: Space,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Item<K> {
    pub(super) before: Space,
    pub(super) key: K,
    pub(super) value: Value,
    pub(super) after: Space,
}

/// A member's key and what separates it from the value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Key {
    pub(super) spelled: Spelling,
    /// The field that a reader takes it for who ignores case, where it is spelled otherwise.
    pub(super) field: Option<&'static str>,
    pub(super) before_colon: Space,
    pub(super) after_colon: Space,
}

/// How a document is laid out: where new values take their white space from.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Layout {
    /// One level of indentation, where the document is printed over several lines.
    indent: Option<String>,
    /// What ends its lines.
    newline: &'static str,
    pub(super) after_colon: Space,
    after_comma: Space,
}

impl Key {
    pub(super) fn new(key: &str) -> Self {
        Self::spelled(encode(key).into())
    }

    /// Returns a key as it is spelled, with quotes and escapes.
    pub(super) fn spelled(spelled: Spelling) -> Self {
        Self {
            spelled,
            field: None,
            before_colon: Space::default(),
            after_colon: Space::default(),
        }
    }

    /// Returns what it is called.
    pub(super) fn name(&self) -> Cow<'_, str> {
        self.field
            .map_or_else(|| decode(&self.spelled), Cow::Borrowed)
    }

    /// Tells whether it is called that.
    pub(super) fn is(&self, name: &str) -> bool {
        self.field
            .map_or_else(|| spells(&self.spelled, name), |field| field == name)
    }
}

impl<K> List<K> {
    /// Returns a list without white space.
    pub(super) fn of(items: impl IntoIterator<Item = (K, Value)>) -> Self {
        let item = |(key, value)| Item {
            before: Space::default(),
            key,
            value,
            after: Space::default(),
        };
        Self {
            items: items.into_iter().map(item).collect(),
            blank: Space::default(),
        }
    }

    pub(super) fn write(
        &self,
        out: &mut String,
        brackets: [char; 2],
        write_key: impl Fn(&K, &mut String),
    ) {
        out.push(brackets[0]);
        if self.items.is_empty() {
            out.push_str(self.blank.as_str());
        }
        for (i, item) in self.items.iter().enumerate() {
            if i > 0 {
                out.push(',');
            }
            out.push_str(item.before.as_str());
            write_key(&item.key, out);
            item.value.write(out);
            out.push_str(item.after.as_str());
        }
        out.push(brackets[1]);
    }

    /// Inserts an item before the one at `index`, or last; returns its id.
    pub(super) fn insert(
        &mut self,
        index: usize,
        key: K,
        mut value: Value,
        layout: &Layout,
        depth: usize,
    ) -> Id {
        value.lay_out(layout, depth + 1);
        let n = self.items.len();
        let index = index.min(n);
        // White space from a neighbour in the same role (first or later), else from the document's layout.
        let neighbour = self.items.get(usize::from(index > 0));
        let before = match neighbour {
            Some(item) => item.before.clone(),
            None => layout.before_item(index, depth + 1),
        };
        let after = match self.items.last_mut() {
            Some(last) if index == n => last.after.take(),
            Some(_) => Space::default(),
            None => layout.before_bracket(depth),
        };
        if index == 0 && n > 0 {
            let later = self.items.get(1).map_or_else(
                || layout.before_item(1, depth + 1),
                |item| item.before.clone(),
            );
            let first = self.items.get_mut(0).expect("there is one");
            first.before = later;
        }
        let item = Item {
            before,
            key,
            value,
            after,
        };
        self.items.insert(index, item)
    }

    /// Appends an item; beside a single one that is on the line of its bracket it goes on the same line.
    pub(super) fn append(&mut self, key: K, value: Value, layout: &Layout, depth: usize) -> Id {
        let id = self.insert(self.items.len(), key, value, layout, depth);
        let is_on_line = |item: &Item<K>| !item.before.as_str().contains('\n');
        if self.items.len() == 2 && self.items.get(0).is_some_and(is_on_line) {
            self.items.by_id_mut(id).before = match layout.indent {
                Some(_) => " ".to_owned().into(),
                None => layout.after_comma.clone(),
            };
        }
        id
    }

    pub(super) fn remove(&mut self, index: usize) {
        let removed = self.items.remove(index);
        if index == self.items.len()
            && let Some(last) = self.items.last_mut()
        {
            last.after = removed.after;
        } else if index == 0
            && let Some(first) = self.items.get_mut(0)
        {
            first.before = removed.before;
        }
    }

    pub(super) fn lay_out(&mut self, layout: &Layout, depth: usize) {
        let n = self.items.len();
        for i in 0..n {
            let item = self.items.get_mut(i).expect("it is within the length");
            item.before = layout.before_item(i, depth + 1);
            item.after = if i + 1 == n {
                layout.before_bracket(depth)
            } else {
                Space::default()
            };
            item.value.lay_out(layout, depth + 1);
        }
    }
}

impl List<Key> {
    /// Gives every key the space of the layout behind its colon.
    pub(super) fn lay_out_colons(&mut self, layout: &Layout) {
        for i in 0..self.items.len() {
            let item = self.items.get_mut(i).expect("it is within the length");
            item.key.after_colon.clone_from(&layout.after_colon);
        }
    }
}

impl Layout {
    /// Reads the layout off the first places that show it.
    pub(super) fn of(root: &Value) -> Self {
        let mut layout = Self::default();
        let mut value = root;
        loop {
            let (first, second, key) = match value {
                Value::Object(members) => {
                    let items = &members.list.items;
                    let first = items.get(0);
                    (
                        first.map(|item| (&item.before, &item.value)),
                        items.get(1).map(|item| &item.before),
                        first.map(|item| item.key.after_colon.clone()),
                    )
                }
                Value::Array(list) => (
                    list.items.get(0).map(|item| (&item.before, &item.value)),
                    list.items.get(1).map(|item| &item.before),
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
                && let Some((_, indent)) = before.as_str().rsplit_once('\n')
            {
                layout.indent = Some(indent.to_owned());
                let has_return = before.as_str().contains('\r');
                layout.newline = if has_return { "\r\n" } else { "\n" };
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

    fn before_item(&self, index: usize, depth: usize) -> Space {
        match &self.indent {
            Some(indent) => format!("{}{}", self.newline, indent.repeat(depth)).into(),
            None if index > 0 => self.after_comma.clone(),
            None => Space::default(),
        }
    }

    fn before_bracket(&self, depth: usize) -> Space {
        self.indent.as_ref().map_or_else(Space::default, |indent| {
            format!("{}{}", self.newline, indent.repeat(depth)).into()
        })
    }
}

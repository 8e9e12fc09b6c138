//! Documents and their edits: which value changes, and where a new one goes.

use std::sync::Arc;

use super::list::{Item, Layout, List};
use super::parse::{self, ParseError};
use super::sequence::Id;
use super::spelling::Space;
use super::value::Value;

/// What an item of an array keeps while others come and go.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ItemId(pub(super) Id);

/// What callers of [`ArrayEdit`] see to.
const WITHIN: &str = "the index is within the array";

/// A JSON text: one value and the white space around it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Document {
    before: Space,
    /// The value.
    pub root: Value,
    after: Space,
    pub(super) layout: Layout,
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
            before: Space::default(),
            root,
            after: Space::default(),
            layout: Layout::default(),
        }
    }

    /// Returns the text.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut text = self.before.as_str().to_owned();
        self.root.write(&mut text);
        text.push_str(self.after.as_str());
        text.into_bytes()
    }

    /// Ends the document with a newline, as Go's `Encoder` does.
    #[must_use]
    pub fn with_newline(mut self) -> Self {
        self.after = "\n".to_owned().into();
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

    /// Edits the array that is member `key` of the object at `path`, making it where it is absent or null; a new key
    /// goes where `order` puts it.
    pub fn edit_array(
        &mut self,
        path: &[&str],
        key: &str,
        order: &[&str],
        edit: impl FnOnce(&mut ArrayEdit<'_>),
    ) {
        let is_there = path
            .iter()
            .chain([&key])
            .try_fold(&self.root, |value, step| value.get(step))
            .is_some_and(|value| matches!(value, Value::Array(_)));
        if !is_there {
            self.set(path, key, order, Value::array([]));
        }
        let layout = self.layout.clone();
        let array = path
            .iter()
            .chain([&key])
            .try_fold(&mut self.root, |value, step| {
                value.as_object_mut()?.member_mut(step)
            });
        let Some(Value::Array(list)) = array else {
            unreachable!("it was just put there")
        };
        edit(&mut ArrayEdit {
            list: Arc::make_mut(list),
            layout: &layout,
            depth: path.len() + 1,
        });
    }

    /// Edits the root, which must be an array.
    pub fn edit_root_array(&mut self, edit: impl FnOnce(&mut ArrayEdit<'_>)) {
        let layout = self.layout.clone();
        if let Value::Array(list) = &mut self.root {
            edit(&mut ArrayEdit {
                list: Arc::make_mut(list),
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
    /// Returns where an item is that has not been removed.
    #[must_use]
    pub fn index(&self, id: ItemId) -> usize {
        self.list.items.index(id.0)
    }

    /// Returns what the last item keeps; nothing if there is none.
    #[must_use]
    pub fn last_id(&self) -> Option<ItemId> {
        self.list.items.id(self.len().checked_sub(1)?).map(ItemId)
    }

    /// Replaces an item that has not been removed.
    pub fn replace_by_id(&mut self, id: ItemId, mut value: Value) {
        value.lay_out(self.layout, self.depth + 1);
        self.list.items.by_id_mut(id.0).value = value;
    }

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

    fn item(&self, index: usize) -> &Item<()> {
        self.list.items.get(index).expect(WITHIN)
    }

    fn item_mut(&mut self, index: usize) -> &mut Item<()> {
        self.list.items.get_mut(index).expect(WITHIN)
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
        &self.item(index).value
    }

    /// Replaces the item at `index`.
    pub fn replace(&mut self, index: usize, mut value: Value) {
        value.lay_out(self.layout, self.depth + 1);
        self.item_mut(index).value = value;
    }

    /// Sets a member of the object at `index`.
    pub fn set(&mut self, index: usize, key: &str, order: &[&str], value: Value) {
        let (layout, depth) = (self.layout, self.depth + 1);
        let object = self.item_mut(index).value.make_object();
        object.put(key, order, value, layout, depth);
    }

    /// Removes a member of the object at `index`; tells whether it was there.
    pub fn take(&mut self, index: usize, key: &str) -> bool {
        let object = self.item_mut(index).value.as_object_mut();
        object.is_some_and(|members| members.take(key))
    }

    /// Sets a member of the object `within` the object at `index`, making that if need be.
    pub fn set_within(&mut self, index: usize, within: &str, key: &str, value: Value) {
        let (layout, depth) = (self.layout, self.depth + 1);
        let members = self.item_mut(index).value.make_object();
        let there = members.member(within);
        if !there.is_some_and(|value| matches!(value, Value::Object(_))) {
            members.put(within, &[], Value::object([]), layout, depth);
        }
        let object = members.member_mut(within).expect("it was just put there");
        object.make_object().put(key, &[], value, layout, depth + 1);
    }

    /// Removes a member of the object `within` the object at `index`; an emptied object goes with it.
    pub fn take_within(&mut self, index: usize, within: &str, key: &str) -> bool {
        let Some(members) = self.item_mut(index).value.as_object_mut() else {
            return false;
        };
        let Some(object) = members.member_mut(within).and_then(Value::as_object_mut) else {
            return false;
        };
        let found = object.take(key);
        if object.list.items.is_empty() {
            members.take(within);
        }
        found
    }
}

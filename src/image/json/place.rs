//! A place within a document, reached step by step, and the changes at it.

use std::sync::Arc;

use super::edit::Document;
use super::list::{Key, Layout};
use super::spelling::Spelling;
use super::value::Value;

/// A value within a document; what is put there takes the white space of its neighbours, or that of the document.
#[derive(Debug)]
pub struct Place<'a> {
    value: &'a mut Value,
    layout: &'a Layout,
    depth: usize,
}

impl Document {
    /// Returns the place of the root.
    pub fn place(&mut self) -> Place<'_> {
        Place {
            value: &mut self.root,
            layout: &self.layout,
            depth: 0,
        }
    }
}

impl Place<'_> {
    /// Returns the place of an item, or of the value of a member.
    #[must_use]
    pub fn child(&mut self, index: usize) -> Option<Place<'_>> {
        let value = match self.value {
            Value::Array(list) => {
                let item = Arc::make_mut(list).items.get_mut(index)?;
                &mut item.value
            }
            Value::Object(members) => {
                let list = &mut Arc::make_mut(members).list;
                &mut list.items.get_mut(index)?.value
            }
            _ => return None,
        };
        Some(Place {
            value,
            layout: self.layout,
            depth: self.depth + 1,
        })
    }

    /// Returns how many items or members there are.
    #[must_use]
    pub fn len(&self) -> usize {
        match &*self.value {
            Value::Array(list) => list.items.len(),
            Value::Object(members) => members.list.items.len(),
            _ => 0,
        }
    }

    /// Tells whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Replaces the value.
    pub fn replace(&mut self, mut value: Value) {
        value.lay_out(self.layout, self.depth);
        *self.value = value;
    }

    /// Removes an item or a member.
    pub fn remove(&mut self, index: usize) {
        match self.value {
            Value::Array(list) => Arc::make_mut(list).remove(index),
            Value::Object(members) => Arc::make_mut(members).take_at(index),
            _ => {}
        }
    }

    /// Appends an item to an array.
    pub fn push(&mut self, value: Value) {
        if let Value::Array(list) = self.value {
            Arc::make_mut(list).append((), value, self.layout, self.depth);
        }
    }

    /// Appends a member to an object; its key is spelled with quotes and escapes, and not there yet.
    pub fn put(&mut self, spelled_key: Spelling, value: Value) {
        if let Value::Object(members) = self.value {
            let key = Key::spelled(spelled_key);
            Arc::make_mut(members).append(key, value, self.layout, self.depth);
        }
    }
}

//! Objects that Go reads into structs: a key is a field's whatever the case of its letters, and a document is edited under
//! the key that it has (Go `encoding/json`, `Unmarshal`; Windows base images say `rootfS`, Jib before 2.3 `repoTags`).

use std::fmt;
use std::sync::Arc;

use super::list::List;
use super::members::Members;
use super::value::Value;
use crate::printable;

/// The fields of a struct, and what their values are.
pub type Fields = &'static [(&'static str, Shape)];

/// What a value is read into.
#[derive(Debug, Clone, Copy)]
pub enum Shape {
    /// Whatever has no keys of a struct: texts, numbers, maps.
    Plain,
    /// A struct.
    Struct(Fields),
    /// A list of structs.
    List(Fields),
    /// A map of structs.
    Map(Fields),
}

/// A field that stands twice in one object, for a reader that ignores case.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AmbiguousKey {
    field: &'static str,
    spellings: [String; 2],
}

impl fmt::Display for AmbiguousKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [one, other] = &self.spellings;
        write!(
            f,
            "the keys `{}` and `{}` are both `{}` to readers that ignore case, such as Docker; remove one",
            printable::line(one),
            printable::line(other),
            self.field
        )
    }
}

impl std::error::Error for AmbiguousKey {}

impl Value {
    /// Has the keys of structs found by the names of their fields, however they are spelled.
    pub fn read_as(&mut self, shape: Shape) -> Result<(), AmbiguousKey> {
        match (shape, self) {
            (Shape::Struct(fields), Self::Object(members)) => {
                read_struct(Arc::make_mut(members), fields)
            }
            (Shape::List(fields), Self::Array(list)) => {
                let items = Arc::make_mut(list).items.iter_mut();
                items
                    .map(|item| &mut item.value)
                    .try_for_each(|item| item.read_as(Shape::Struct(fields)))
            }
            (Shape::Map(fields), Self::Object(members)) => {
                let items = Arc::make_mut(members).list.items.iter_mut();
                items
                    .map(|item| &mut item.value)
                    .try_for_each(|item| item.read_as(Shape::Struct(fields)))
            }
            _ => Ok(()),
        }
    }
}

fn read_struct(members: &mut Members, fields: Fields) -> Result<(), AmbiguousKey> {
    let mut found: Vec<Option<String>> = vec![None; fields.len()];
    let mut is_renamed = false;
    for item in members.list.items.iter_mut() {
        let Some(i) = fields
            .iter()
            .position(|(field, _)| folds_to(&item.key.name(), field))
        else {
            continue;
        };
        let (field, shape) = fields[i];
        let spelled = item.key.name().into_owned();
        if let Some(first) = found[i].replace(spelled.clone()) {
            return Err(AmbiguousKey {
                field,
                spellings: [first, spelled],
            });
        }
        if spelled != field {
            item.key.field = Some(field);
            is_renamed = true;
        }
        item.value.read_as(shape)?;
    }
    if is_renamed {
        // They are found by their names from here on.
        let list = std::mem::replace(&mut members.list, List::of([]));
        *members = list.into();
    }
    Ok(())
}

/// Tells whether Go takes a key for a field: without case, and with the two letters beyond ASCII that fold to one of it.
fn folds_to(key: &str, field: &str) -> bool {
    let fold = |c: char| match c {
        '\u{17f}' => 's',
        '\u{212a}' => 'k',
        c => c.to_ascii_lowercase(),
    };
    key.chars().map(fold).eq(field.chars().map(fold))
}

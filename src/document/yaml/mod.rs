//! Edits of YAML, at the places where the parser found its keys and values.
//!
//! What is changed is a scalar, or whole lines, or an item between brackets. Anything harder is refused: a value that an alias
//! refers to, a tag, several documents.

mod layout;
mod read;
mod scalar;
mod site;
mod spell;
mod write;

use super::splice::Splices;
use super::{Edit, Refused, edited};

pub(super) fn edit(text: &str, edit: &Edit) -> Result<Option<String>, Refused> {
    edited(text, edit, read::read, |text, new, (site, referred)| {
        let mut splices = Splices::new(text);
        write::write(&mut splices, new, &site, &referred)?;
        Ok(splices.apply())
    })
}

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

use super::change::change;
use super::splice::Splices;
use super::{Edit, Refused, checked};

pub(super) fn edit(text: &str, edit: &Edit) -> Result<Option<String>, Refused> {
    let (old, site, referred) = read::read(text)?;
    let mut new = old.clone();
    change(&mut new, edit)?;
    if new.means(&old) {
        return Ok(None);
    }
    let mut splices = Splices::new(text);
    write::write(&mut splices, &new, &site, &referred)?;
    checked(splices.apply(), &new, |text| Ok(read::read(text)?.0)).map(Some)
}

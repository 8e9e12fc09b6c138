//! Edits of TOML, at the places where the parser found its keys and values.

mod read;
mod spell;
mod write;

use super::splice::Splices;
use super::{Edit, Refused, Value, edited};

pub(super) fn edit(text: &str, edit: &Edit) -> Result<Option<String>, Refused> {
    refuse_null(edit)?;
    edited(text, edit, read::read, |text, new, site| {
        let mut splices = Splices::new(text);
        write::write(&mut splices, new, &site)?;
        Ok(splices.apply())
    })
}

fn refuse_null(edit: &Edit) -> Result<(), Refused> {
    let reason = || "TOML has no null".to_owned();
    for (pointer, value) in &edit.set {
        if has_null(value) {
            return Err(Refused::at(pointer.clone(), reason()));
        }
    }
    if edit.unset.iter().any(|pointer| pointer.steps().is_empty()) {
        return Err(Refused::whole(
            "a TOML document is a table: it cannot be removed",
        ));
    }
    match &edit.merge {
        Some(patch) if has_null_in_list(patch) => Err(Refused::whole(reason())),
        _ => Ok(()),
    }
}

fn has_null(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::List(items) => items.iter().any(has_null),
        Value::Map(pairs) => pairs.iter().any(|(_, value)| has_null(value)),
        _ => false,
    }
}

/// Tells whether a merge patch has a null that does not remove a key.
fn has_null_in_list(patch: &Value) -> bool {
    match patch {
        Value::List(items) => items.iter().any(has_null),
        Value::Map(pairs) => pairs.iter().any(|(_, value)| has_null_in_list(value)),
        _ => false,
    }
}

//! The operations that set one field of the configuration, each a row of a table; and fields that are set as parts of others.

use super::{Inverse, Kind};
use crate::config_field::{ConfigField, SETTERS, Setter, SetterGroup, Taken};
use crate::edit::claims::{Thing, Wish};
use crate::edit::{EditedImage, Effect, State};
use crate::image::json::Value;
use crate::problem::Address;

/// Returns the operations of a group, those that set commands first.
pub(crate) fn kinds(group: SetterGroup) -> impl Iterator<Item = Kind> {
    let of_group = move |setter: &&Setter| setter.group == group;
    let mut setters: Vec<&Setter> = SETTERS.iter().filter(of_group).collect();
    setters.sort_by_key(|setter| setter.takes != Taken::Words);
    setters.into_iter().map(|setter| Kind {
        name: setter.name,
        inverse: Inverse::Field(setter.field),
        samples: std::slice::from_ref(&setter.example),
    })
}

/// Sets a field that is all that the operation names.
pub(crate) fn set(image: &mut EditedImage<'_>, field: ConfigField, value: &Value) {
    set_at(image, field, value, image.address());
}

/// Sets the fields that have a value, each of which stands under its key in the operation.
pub(crate) fn set_parts(
    image: &mut EditedImage<'_>,
    parts: impl Iterator<Item = ((ConfigField, &'static str), Option<Value>)>,
) {
    for ((field, key), value) in parts {
        if let Some(value) = value {
            set_at(image, field, &value, image.address().key(key));
        }
    }
}

fn set_at(image: &mut EditedImage<'_>, field: ConfigField, value: &Value, address: Address) {
    let shown = value.as_text().map_or_else(|| value.compact(), Into::into);
    image.claim(Thing::field(field), Wish::Set(shown), address);
    let state = &mut *image.state;
    // Also where it is the one that the image has: the environment is not to replace it.
    state.has_own_time |= field == ConfigField::Created;
    let old = state.config.field(field).map(Value::to_json);
    if !state.config.set_field(field, value.clone()) {
        return;
    }
    image.effects.push(Effect::SetField {
        field,
        old,
        new: value.to_json(),
    });
    if matches!(field, ConfigField::Entrypoint | ConfigField::Cmd) {
        settle_command(state, field);
    }
    state.platform = state.config.platform();
}

/// What goes with another command.
fn settle_command(state: &mut State, field: ConfigField) {
    // The old command was one text that Windows was to take as it is; the new one is words.
    if state.is_windows() && state.config.remove_args_escaped() {
        state.note("`ArgsEscaped` is removed: it described the old command".to_owned());
    }
    if field == ConfigField::Entrypoint && state.config.field(ConfigField::Cmd).is_some() {
        let note = "`set-entrypoint` keeps `cmd`; a build would remove it";
        state.note(note.to_owned());
    }
}

//! Fields that are several items: ports, volumes, instructions for a build on top.

use crate::config_field::ConfigField;
use crate::edit::Effect;
use crate::edit::claims::{Thing, Wish};
use crate::edit::image::EditedImage;
use crate::edit::state::State;
use crate::image::Config;
use crate::image::json::Value;
use crate::patch::Removal;
use crate::problem::Code;
use crate::reference::Glob;

/// A field whose items are the keys of an object.
#[derive(Debug)]
pub(crate) struct Kind {
    field: ConfigField,
    /// What an item is called.
    name: &'static str,
    missing: Code,
    matches: fn(&Glob, &str) -> bool,
}

pub(crate) const PORTS: Kind = Kind {
    field: ConfigField::Ports,
    name: "port",
    missing: Code::NoSuchPort,
    matches: |glob, port| {
        let port = ConfigField::Ports.normal_key(port);
        glob.matches(&port)
            || port
                .strip_suffix("/tcp")
                .is_some_and(|number| glob.matches(number))
    },
};
pub(crate) const VOLUMES: Kind = Kind {
    field: ConfigField::Volumes,
    name: "volume",
    missing: Code::NoSuchVolume,
    matches: Glob::matches,
};

pub(crate) fn add(image: &mut EditedImage<'_>, kind: &Kind, items: &[String]) {
    for (n, item) in items.iter().enumerate() {
        let thing = Thing::part(kind.field, kind.name, item);
        image.claim(thing, Wish::Add, image.address().index(n));
        let config = &mut image.state.config;
        if !there(config, kind.field, item).is_empty() {
            continue;
        }
        config.set_member(kind.field, item, Value::object([]));
        image.effects.push(Effect::AddItem {
            field: kind.field,
            item: item.clone(),
        });
    }
}

pub(crate) fn remove(image: &mut EditedImage<'_>, kind: &'static Kind, removal: &Removal) {
    image.remove(
        removal,
        kind.name,
        kind.missing,
        |image, glob| {
            let n_before = image.effects.len();
            let state = &mut *image.state;
            let there = if glob.has_wildcard() {
                let keys = keys(state, kind.field);
                state.effort.try_names(keys.len());
                keys
            } else {
                there(
                    &state.config,
                    kind.field,
                    &kind.field.normal_key(glob.as_str()),
                )
            };
            for item in there.into_iter().filter(|key| (kind.matches)(glob, key)) {
                state.config.remove_member(kind.field, &item);
                let field = kind.field;
                image.effects.push(Effect::RemoveItem { field, item });
            }
            image.effects.len() > n_before
        },
        |state| keys(state, kind.field),
    );
}

/// Tells whether the instructions of an image end with these.
fn ends_with(config: &Config, instructions: &[String]) -> bool {
    let there = config.field(ConfigField::Onbuild).and_then(Value::items);
    let Some(there) = there else { return false };
    let n_before = there.len().checked_sub(instructions.len());
    let last = n_before.map(|n| there.skip(n).map(|item| item.as_text().unwrap_or_default()));
    last.is_some_and(|last| last.eq(instructions.iter().map(String::as_str)))
}

/// Returns the keys of a field that are spellings of an item.
fn there(config: &Config, field: ConfigField, item: &str) -> Vec<String> {
    let is_there = |key: &String| config.member(field, key).is_some();
    let mut there: Vec<String> = field.spellings(item).into_iter().filter(is_there).collect();
    if there.len() > 1 {
        // In the order of the configuration.
        let order = keys_of(config, field);
        there.sort_by_key(|key| order.iter().position(|other| other == key));
    }
    there
}

fn keys_of(config: &Config, field: ConfigField) -> Vec<String> {
    let members = config.members(field).into_iter();
    members.map(|(key, _)| key).collect()
}

fn keys(state: &State, field: ConfigField) -> Vec<String> {
    keys_of(&state.config, field)
}

/// Appends instructions, unless the list ends with them: the same patch again changes nothing.
pub(crate) fn add_onbuild(image: &mut EditedImage<'_>, instructions: &[String]) {
    for (n, text) in instructions.iter().enumerate() {
        let thing = Thing::part(ConfigField::Onbuild, "instruction", text);
        image.claim(thing, Wish::Add, image.address().index(n));
    }
    let config = &mut image.state.config;
    if ends_with(config, instructions) {
        return;
    }
    for text in instructions {
        config.push_item(ConfigField::Onbuild, text);
        image.effects.push(Effect::AddItem {
            field: ConfigField::Onbuild,
            item: text.clone(),
        });
    }
}

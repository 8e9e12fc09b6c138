//! Fields that are several items: ports, volumes, instructions for a build on top.

use crate::config_field::ConfigField;
use crate::image::json::Value;
use crate::patch::Removal;
use crate::plan::Effect;
use crate::plan::claims::{Thing, Wish};
use crate::plan::state::State;
use crate::plan::work::Work;
use crate::problem::Code;
use crate::reference::Glob;

/// A field whose items are the keys of an object.
#[derive(Debug)]
pub(in crate::plan) struct Kind {
    field: ConfigField,
    /// What an item is called.
    name: &'static str,
    missing: Code,
    matches: fn(&Glob, &str) -> bool,
}

pub(in crate::plan) const PORTS: Kind = Kind {
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
pub(in crate::plan) const VOLUMES: Kind = Kind {
    field: ConfigField::Volumes,
    name: "volume",
    missing: Code::NoSuchVolume,
    matches: Glob::matches,
};

pub(in crate::plan) fn add(work: &mut Work<'_>, kind: &Kind, items: &[String]) {
    for (n, item) in items.iter().enumerate() {
        for i in 0..work.images.len() {
            let image = work.images[i];
            let thing = Thing::part(kind.field, kind.name, item);
            work.claim(image, thing, Wish::Add, work.address.clone().index(n));
            let config = &mut work.states[image].config;
            let mut there = config.members(kind.field).into_iter();
            if there.any(|(key, _)| kind.field.normal_key(&key) == *item) {
                continue;
            }
            config.set_member(kind.field, item, Value::object([]));
            work.effects[i].push(Effect::AddItem {
                field: kind.field,
                item: item.clone(),
            });
        }
    }
}

pub(in crate::plan) fn remove(work: &mut Work<'_>, kind: &Kind, removal: &Removal) {
    work.remove(
        removal,
        kind.name,
        kind.missing,
        |state, effects, glob| {
            let there = keys(state, kind.field).into_iter();
            let n_before = effects.len();
            for item in there.filter(|key| (kind.matches)(glob, key)) {
                state.config.remove_member(kind.field, &item);
                let field = kind.field;
                effects.push(Effect::RemoveItem { field, item });
            }
            effects.len() > n_before
        },
        |state| keys(state, kind.field),
    );
}

fn keys(state: &State, field: ConfigField) -> Vec<String> {
    let members = state.config.members(field).into_iter();
    members.map(|(key, _)| key).collect()
}

/// Appends instructions, unless the list ends with them: the same patch again changes nothing.
pub(in crate::plan) fn add_onbuild(work: &mut Work<'_>, instructions: &[String]) {
    for i in 0..work.images.len() {
        let image = work.images[i];
        for (n, text) in instructions.iter().enumerate() {
            let thing = Thing::part(ConfigField::Onbuild, "instruction", text);
            work.claim(image, thing, Wish::Add, work.address.clone().index(n));
        }
        let config = &mut work.states[image].config;
        let there = config.texts(ConfigField::Onbuild);
        if there.ends_with(instructions) {
            continue;
        }
        for (n, text) in instructions.iter().enumerate() {
            config.set_item(ConfigField::Onbuild, there.len() + n, text);
            work.effects[i].push(Effect::AddItem {
                field: ConfigField::Onbuild,
                item: text.clone(),
            });
        }
    }
}

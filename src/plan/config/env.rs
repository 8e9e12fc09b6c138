//! Environment variables: a list of `NAME=value` in which each name has its place.

use crate::config_field::ConfigField;
use crate::image::ItemId;
use crate::patch::{EnvPart, IfMissing, Removal};
use crate::plan::Effect;
use crate::plan::claims::{Thing, Wish};
use crate::plan::state::State;
use crate::plan::target;
use crate::plan::variables::parted;
use crate::plan::work::{Work, what_there_is};
use crate::problem::{Code, quoted};
use crate::reference::Glob;

/// Where a part goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::plan) enum Side {
    Front,
    Back,
}

pub(in crate::plan) fn set(work: &mut Work<'_>, variables: &[(String, String)]) {
    for (name, value) in variables {
        let address = work.address.clone().key(name).on_key();
        for i in 0..work.images.len() {
            let image = work.images[i];
            let thing = Thing::variable(name, work.states[image].is_windows());
            work.claim(image, thing, Wish::Set(value.clone()), address.clone());
            set_one(&mut work.states[image], &mut work.effects[i], name, value);
        }
    }
}

/// Puts parts before or behind what variables hold, where they are not there already.
pub(in crate::plan) fn extend(work: &mut Work<'_>, parts: &[EnvPart], side: Side) {
    for part in parts {
        let address = work.address.clone().key(&part.name).on_key();
        let mut is_found = false;
        for i in 0..work.images.len() {
            let image = work.images[i];
            let state = &mut work.states[image];
            let Some(old) = value(state, &part.name) else {
                continue;
            };
            is_found = true;
            let new = extended(&old, part, side);
            set_one(state, &mut work.effects[i], &part.name, &new);
            let thing = Thing::variable(&part.name, work.states[image].is_windows());
            work.claim(image, thing, Wish::Extend, address.clone());
        }
        if !is_found && part.if_missing == IfMissing::Problem {
            let message = format!(
                "{} no variable {}",
                target::these_have(work.states, work.images),
                quoted(&part.name)
            );
            let there = work
                .images
                .iter()
                .flat_map(|&image| names(&work.states[image]));
            let help = what_there_is("variable", there.collect(), &Glob::new(&part.name));
            let help = if help.ends_with('?') {
                help
            } else {
                "`set-env` adds one; `if-missing: ignore` allows this".to_owned()
            };
            work.problem(Code::NoSuchEnv, address, message, &help);
        }
    }
}

pub(in crate::plan) fn unset(work: &mut Work<'_>, removal: &Removal) {
    work.remove(
        removal,
        "variable",
        Code::NoSuchEnv,
        |state, effects, glob| {
            let gone = matching(state, glob);
            for (id, item) in &gone {
                state.config.remove_item(ConfigField::Env, *id);
                state.variables().remove(parted(item).0, *id);
            }
            let is_found = !gone.is_empty();
            effects.extend(gone.into_iter().map(|(_, item)| {
                let (key, old) = parted(&item);
                let (key, old) = (key.to_owned(), old.to_owned());
                Effect::UnsetEnv { key, old }
            }));
            is_found
        },
        names,
    );
}

/// Returns the variables that a pattern covers, in their order.
fn matching(state: &mut State, glob: &Glob) -> Vec<(ItemId, String)> {
    if !glob.has_wildcard() {
        let ids = state.variables().get(glob.as_str()).to_vec();
        let item = |id| Some((id, state.config.item(ConfigField::Env, id)?));
        return ids.into_iter().filter_map(item).collect();
    }
    // Names differ by case, but not on Windows.
    let folded = state
        .is_windows()
        .then(|| Glob::new(&glob.as_str().to_lowercase()));
    let is_meant = |item: &str| match &folded {
        Some(glob) => glob.matches(&parted(item).0.to_lowercase()),
        None => glob.matches(parted(item).0),
    };
    let items = state.config.items(ConfigField::Env);
    state.effort.try_names(items.len());
    let items = items.into_iter();
    items.filter(|(_, item)| is_meant(item)).collect()
}

fn names(state: &State) -> Vec<String> {
    let items = state.config.texts(ConfigField::Env);
    items.iter().map(|item| parted(item).0.to_owned()).collect()
}

/// The value that counts: of a name that stands twice, a program sees the last.
fn value(state: &mut State, name: &str) -> Option<String> {
    state.variables();
    known_value(state, name)
}

/// Returns the value that counts, where the variables have been looked up before.
pub(in crate::plan) fn known_value(state: &State, name: &str) -> Option<String> {
    let last = *state.variables.as_ref()?.get(name).last()?;
    let item = state.config.item(ConfigField::Env, last)?;
    Some(parted(&item).1.to_owned())
}

/// Sets a variable wherever it stands, or last.
fn set_one(state: &mut State, effects: &mut Vec<Effect>, name: &str, new: &str) {
    let wanted = format!("{name}={new}");
    let old = value(state, name);
    let mut places = state.variables().get(name).to_vec();
    if places.is_empty() {
        let id = state.config.push_item(ConfigField::Env, &wanted);
        state.variables().add(name, id);
    } else {
        places.retain(|&id| state.config.item(ConfigField::Env, id).as_ref() != Some(&wanted));
        if places.is_empty() {
            return;
        }
        for id in places {
            state.config.replace_item(ConfigField::Env, id, &wanted);
        }
    }
    effects.push(Effect::SetEnv {
        key: name.to_owned(),
        old,
        new: new.to_owned(),
    });
}

fn extended(old: &str, part: &EnvPart, side: Side) -> String {
    let EnvPart {
        value, separator, ..
    } = part;
    let (front, back) = (format!("{value}{separator}"), format!("{separator}{value}"));
    match side {
        _ if old == value => old.to_owned(),
        _ if old.is_empty() => value.clone(),
        Side::Front if old.starts_with(&front) => old.to_owned(),
        Side::Back if old.ends_with(&back) => old.to_owned(),
        Side::Front => front + old,
        Side::Back => old.to_owned() + &back,
    }
}

//! Environment variables: a list of `NAME=value` in which each name has its place.

use crate::config_field::ConfigField;
use crate::patch::{EnvPart, IfMissing, Removal};
use crate::plan::Effect;
use crate::plan::claims::{Thing, Wish};
use crate::plan::state::State;
use crate::plan::target;
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
                "`set-env` makes one; `if-missing: ignore` makes that no problem".to_owned()
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
            let is_windows = state.is_windows();
            let items = state.config.texts(ConfigField::Env);
            let n_before = effects.len();
            for (i, item) in items.iter().enumerate().rev() {
                let (key, old) = item.split_once('=').unwrap_or((item, ""));
                let is_meant = if is_windows {
                    Glob::new(&glob.as_str().to_lowercase()).matches(&key.to_lowercase())
                } else {
                    glob.matches(key)
                };
                if is_meant {
                    state.config.remove_item(ConfigField::Env, i);
                    let (key, old) = (key.to_owned(), old.to_owned());
                    effects.insert(n_before, Effect::UnsetEnv { key, old });
                }
            }
            effects.len() > n_before
        },
        names,
    );
}

/// Names differ by case, but not on Windows.
fn is_same(state: &State, one: &str, other: &str) -> bool {
    one == other || state.is_windows() && one.to_lowercase() == other.to_lowercase()
}

fn names(state: &State) -> Vec<String> {
    let items = state.config.texts(ConfigField::Env);
    let name = |item: &String| item.split('=').next().unwrap_or_default().to_owned();
    items.iter().map(name).collect()
}

/// The value that counts: of a name that stands twice, a program sees the last.
pub(in crate::plan) fn value(state: &State, name: &str) -> Option<String> {
    let items = state.config.texts(ConfigField::Env);
    items.iter().rev().find_map(|item| {
        let (key, value) = item.split_once('=').unwrap_or((item, ""));
        is_same(state, key, name).then(|| value.to_owned())
    })
}

/// Sets a variable wherever it stands, or last.
fn set_one(state: &mut State, effects: &mut Vec<Effect>, name: &str, new: &str) {
    let items = state.config.texts(ConfigField::Env);
    let wanted = format!("{name}={new}");
    let key = |item: &String| item.split('=').next().unwrap_or_default().to_owned();
    let mut places: Vec<usize> = (0..items.len())
        .filter(|&i| is_same(state, &key(&items[i]), name))
        .collect();
    if places.is_empty() {
        places.push(items.len());
    }
    places.retain(|&i| items.get(i) != Some(&wanted));
    if places.is_empty() {
        return;
    }
    let old = value(state, name);
    for i in places {
        state.config.set_item(ConfigField::Env, i, &wanted);
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

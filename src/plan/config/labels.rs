//! Labels of images.

use std::borrow::Cow;

use crate::config_field::ConfigField;
use crate::image::json::Value;
use crate::patch::Removal;
use crate::plan::Effect;
use crate::plan::claims::{Thing, Wish};
use crate::plan::state::State;
use crate::plan::work::Work;
use crate::problem::Code;

pub(in crate::plan) fn set(work: &mut Work<'_>, labels: &[(String, String)]) {
    for (key, new) in labels {
        let address = work.address.clone().key(key).on_key();
        for i in 0..work.images.len() {
            let image = work.images[i];
            let thing = Thing::part(ConfigField::Labels, "label", key);
            work.claim(image, thing, Wish::Set(new.clone()), address.clone());
            let state = &mut work.states[image];
            let old = state.config.member(ConfigField::Labels, key);
            if old.as_ref() == Some(new) {
                continue;
            }
            let config = &mut state.config;
            config.set_member(ConfigField::Labels, key, Value::text(new));
            work.effects[i].push(Effect::SetLabel {
                key: key.clone(),
                old,
                new: new.clone(),
            });
        }
    }
}

pub(in crate::plan) fn unset(work: &mut Work<'_>, removal: &Removal) {
    work.remove(
        removal,
        "label",
        Code::NoSuchLabel,
        |state, effects, glob| {
            let keys = if glob.has_wildcard() {
                let keys = keys(state);
                state.effort.try_names(keys.len());
                let keys = keys.into_iter().filter(|key| glob.matches(key));
                keys.map(Cow::into_owned).collect()
            } else {
                vec![glob.as_str().to_owned()]
            };
            let n_before = effects.len();
            for key in keys {
                let Some(old) = state.config.member(ConfigField::Labels, &key) else {
                    continue;
                };
                state.config.remove_member(ConfigField::Labels, &key);
                effects.push(Effect::UnsetLabel { key, old });
            }
            effects.len() > n_before
        },
        |state| keys(state).into_iter().map(Cow::into_owned).collect(),
    );
}

fn keys(state: &State) -> Vec<Cow<'_, str>> {
    state.config.keys(ConfigField::Labels)
}

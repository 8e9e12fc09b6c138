//! Labels of images.

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
            let n_before = effects.len();
            let labels = if glob.has_wildcard() {
                labels_of(state)
            } else {
                let key = glob.as_str().to_owned();
                let old = state.config.member(ConfigField::Labels, &key);
                old.map(|old| (key, old)).into_iter().collect()
            };
            for (key, old) in labels.into_iter().filter(|(key, _)| glob.matches(key)) {
                state.config.remove_member(ConfigField::Labels, &key);
                effects.push(Effect::UnsetLabel { key, old });
            }
            effects.len() > n_before
        },
        |state| labels_of(state).into_iter().map(|(key, _)| key).collect(),
    );
}

fn labels_of(state: &State) -> Vec<(String, String)> {
    state.config.members(ConfigField::Labels)
}

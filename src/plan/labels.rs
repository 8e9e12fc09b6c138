//! Labels of images.

use super::Effect;
use super::work::Work;
use crate::patch::Removal;
use crate::problem::Code;

pub(super) fn set(work: &mut Work<'_>, labels: &[(String, String)]) {
    for (&image, effects) in work.images.iter().zip(&mut *work.effects) {
        let config = &mut work.states[image].config;
        for (key, new) in labels {
            let old = config
                .labels()
                .into_iter()
                .find(|(k, _)| k == key)
                .map(|(_, value)| value);
            if old.as_ref() != Some(new) {
                config.set_label(key, new);
                effects.push(Effect::SetLabel {
                    key: key.clone(),
                    old,
                    new: new.clone(),
                });
            }
        }
    }
}

pub(super) fn unset(work: &mut Work<'_>, removal: &Removal) {
    work.remove(
        removal,
        "label",
        Code::NoSuchLabel,
        |state, effects, glob| {
            let labels = state
                .config
                .labels()
                .into_iter()
                .filter(|(key, _)| glob.matches(key));
            let n_before = effects.len();
            for (key, old) in labels {
                state.config.remove_label(&key);
                effects.push(Effect::UnsetLabel { key, old });
            }
            effects.len() > n_before
        },
        |state| {
            state
                .config
                .labels()
                .into_iter()
                .map(|(key, _)| key)
                .collect()
        },
    );
}

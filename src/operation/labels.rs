//! Labels of images.

use std::borrow::Cow;

use super::{ConfigDifference, Docs, Inverse, Needs, Reach, Room, ValueOf};
use crate::config_field::ConfigField;
use crate::edit::Effect;
use crate::edit::claims::{Claimed, Intent};
use crate::edit::image::EditedImage;
use crate::edit::state::ImageState;
use crate::image::Config;
use crate::image::json::Value;
use crate::problem::Code;
use crate::shape::{Labels, Removal};

/// `set-label`: labels with new values.
pub(crate) struct SetLabel;

impl Room for SetLabel {
    type Shape = Labels;

    const KEY: &'static str = "set-label";

    const DOCS: Docs = Docs {
        does: "Sets labels. Existing ones keep their position, new ones come last.",
        takes: "`{key: value, …}`",
        example: "{ mylabel: new }",
        before: "\"Labels\":{\"mylabel\":\"old\"}",
        after: "\"Labels\":{\"mylabel\":\"new\"}",
    };

    const INVERSE: Inverse = Inverse::Config(difference);

    const SAMPLES: &'static [&'static str] = &["{ a: b, version: 1.10, empty: '' }"];

    fn needs(_: &ValueOf<Self>) -> Needs<'_> {
        Needs::only(Reach::Documents)
    }

    fn plan<'a>(labels: &'a ValueOf<Self>, image: &mut EditedImage<'a>) {
        set(image, labels);
    }
}

/// `unset-label`: labels that go.
pub(crate) struct UnsetLabel;

impl Room for UnsetLabel {
    type Shape = Removal;

    const KEY: &'static str = "unset-label";

    const DOCS: Docs = Docs {
        does: "Removes the labels whose keys match.",
        takes: "patterns",
        example: "[\"com.vendor.*\"]",
        before: "\"Labels\":{\"com.vendor.os\":\"tiny\",\"a\":\"b\"}",
        after: "\"Labels\":{\"a\":\"b\"}",
    };

    const INVERSE: Inverse = Inverse::Beside;

    const SAMPLES: &'static [&'static str] = &["{ match: [a, 'b.*'], if-missing: ignore }"];

    fn needs(_: &ValueOf<Self>) -> Needs<'_> {
        Needs::only(Reach::Documents)
    }

    fn plan<'a>(removal: &'a ValueOf<Self>, image: &mut EditedImage<'a>) {
        unset(image, removal);
    }
}

fn difference(difference: &mut ConfigDifference<'_>) {
    let labels = |config: &Config| config.members(ConfigField::Labels);
    difference.named(ConfigField::Labels, labels, UnsetLabel::KEY, SetLabel::KEY);
}

fn set(image: &mut EditedImage<'_>, labels: &[(String, String)]) {
    for (key, new) in labels {
        let address = image.address().key(key).on_key();
        let thing = Claimed::part(ConfigField::Labels, "label", key);
        image.claim(thing, Intent::Set(new.clone()), address);
        let config = &mut image.state.config;
        let old = config.member(ConfigField::Labels, key);
        if old.as_ref() == Some(new) {
            continue;
        }
        config.set_member(ConfigField::Labels, key, Value::text(new));
        image.effects.push(Effect::SetLabel {
            key: key.clone(),
            old,
            new: new.clone(),
        });
    }
}

fn unset(image: &mut EditedImage<'_>, removal: &Removal) {
    image.remove(
        removal,
        "label",
        Code::NoSuchLabel,
        |image, glob| {
            let state = &mut *image.state;
            let keys = if glob.has_wildcard() {
                let keys = keys(state);
                state.effort.try_names(keys.len());
                let keys = keys.into_iter().filter(|key| glob.matches(key));
                keys.map(Cow::into_owned).collect()
            } else {
                vec![glob.as_str().to_owned()]
            };
            let n_before = image.effects.len();
            for key in keys {
                let Some(old) = state.config.member(ConfigField::Labels, &key) else {
                    continue;
                };
                state.config.remove_member(ConfigField::Labels, &key);
                image.effects.push(Effect::UnsetLabel { key, old });
            }
            image.effects.len() > n_before
        },
        |state| keys(state).into_iter().map(Cow::into_owned).collect(),
    );
}

fn keys(state: &ImageState) -> Vec<Cow<'_, str>> {
    state.config.keys(ConfigField::Labels)
}

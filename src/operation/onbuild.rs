//! `add-onbuild`: instructions that a build on top begins with.

use super::{ConfigDifference, Docs, DraftValue, Inverse, Needs, Reach, Room, ValueOf};
use crate::config_field::ConfigField;
use crate::edit::claims::{Claimed, Intent};
use crate::edit::{EditedImage, Effect};
use crate::image::Config;
use crate::image::json::Value;
use crate::shape::Instructions;

/// `add-onbuild`.
pub(crate) struct AddOnbuild;

impl Room for AddOnbuild {
    type Shape = Instructions;

    const KEY: &'static str = "add-onbuild";

    const DOCS: Docs = Docs {
        does: "Appends ONBUILD instructions unless the list already ends with them.",
        takes: "`[instruction, …]`",
        example: "[\"RUN make\"]",
        before: "\"OnBuild\":[\"COPY . /src\"]",
        after: "\"OnBuild\":[\"COPY . /src\",\"RUN make\"]",
    };

    const INVERSE: Inverse = Inverse::Config(difference);

    const SAMPLES: &'static [&'static str] = &["[RUN make, COPY . /src]"];

    fn needs(_: &ValueOf<Self>) -> Needs<'_> {
        Needs::only(Reach::Documents)
    }

    fn plan<'a>(instructions: &'a ValueOf<Self>, image: &mut EditedImage<'a>) {
        add(image, instructions);
    }
}

fn difference(difference: &mut ConfigDifference<'_>) {
    let field = ConfigField::Onbuild;
    let (before, after) = (difference.old.texts(field), difference.new.texts(field));
    let is_whole = difference.clear(field);
    let more = match after.strip_prefix(before.as_slice()) {
        Some(more) if !is_whole => more,
        _ => {
            if !is_whole {
                difference.unset(field);
            }
            after.as_slice()
        }
    };
    if !more.is_empty() {
        difference.put(AddOnbuild::KEY, DraftValue::texts(more));
    }
}

/// Appends instructions, unless the list ends with them: the same patch again changes nothing.
fn add(image: &mut EditedImage<'_>, instructions: &[String]) {
    for (n, text) in instructions.iter().enumerate() {
        let thing = Claimed::part(ConfigField::Onbuild, "instruction", text);
        image.claim(thing, Intent::Add, image.address().index(n));
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

/// Tells whether the instructions of an image end with these.
fn ends_with(config: &Config, instructions: &[String]) -> bool {
    let there = config.field(ConfigField::Onbuild).and_then(Value::items);
    let Some(there) = there else { return false };
    let n_before = there.len().checked_sub(instructions.len());
    let last = n_before.map(|n| there.skip(n).map(|item| item.as_text().unwrap_or_default()));
    last.is_some_and(|last| last.eq(instructions.iter().map(String::as_str)))
}

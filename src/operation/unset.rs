//! `unset`: fields of the configuration that go.

use super::{Inverse, Needs, Reach, Room};
use crate::config_field::ConfigField;
use crate::edit::claims::{Thing, Wish};
use crate::edit::image::{ImageSeen, Missing};
use crate::edit::{EditedImage, Effect};
use crate::image::json::Value;
use crate::patch;
use crate::problem::{Code, quoted};

/// `unset`.
pub(crate) struct Unset;

impl Room for Unset {
    type Value = patch::Unset;

    const NAME: &'static str = "unset";

    const INVERSE: Inverse = Inverse::With("the operation that sets the field");

    const SAMPLES: &'static [&'static str] = &[
        "{ match: [cmd, healthcheck.interval, healthcheck, env, author, os-version], if-missing: ignore }",
    ];

    fn needs(_: &Self::Value) -> Needs<'_> {
        Needs::only(Reach::Platform)
    }

    fn plan<'a>(unset: &'a Self::Value, image: &mut EditedImage<'a>) {
        remove(image, unset);
    }
}

fn remove(image: &mut EditedImage<'_>, unset: &patch::Unset) {
    for (f, &field) in unset.fields.iter().enumerate() {
        let address = unset.field_address(image.address(), f);
        let old = image.state.config.field(field).map(Value::to_json);
        image.look(f, old.is_some(), unset.if_missing, |_| Missing {
            code: Code::NoSuchField,
            address: address.clone(),
            what: format!("nothing in {}", quoted(field.name())),
            help: Box::new(fields_there),
        });
        let Some(old) = old else { continue };
        image.claim(Thing::field(field), Wish::Remove, address);
        let state = &mut *image.state;
        state.config.unset_field(field);
        if field == ConfigField::Env {
            state.variables = None;
        }
        state.platform = state.config.platform();
        image.effects.push(Effect::UnsetField { field, old });
    }
}

/// The fields that images have, or had before the operation.
fn fields_there(images: &[ImageSeen<'_>]) -> String {
    let had = |seen: &ImageSeen<'_>, wanted: ConfigField| {
        let mut effects = seen.effects.iter();
        effects.any(|effect| matches!(effect, Effect::UnsetField { field, .. } if *field == wanted))
    };
    let has = |seen: &ImageSeen<'_>, field: ConfigField| {
        seen.state.config.field(field).is_some() || had(seen, field)
    };
    let fields = ConfigField::ALL.iter().filter(|field| {
        let is_whole = field.is_optional() && field.path().len() < 3;
        is_whole && images.iter().any(|seen| has(seen, **field))
    });
    let there: Vec<String> = fields.map(|field| quoted(field.name())).collect();
    if there.is_empty() {
        return "`if-missing: ignore` allows this".to_owned();
    }
    format!(
        "there is {}; `if-missing: ignore` allows this",
        there.join(", ")
    )
}

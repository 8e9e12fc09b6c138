//! `set-platform`: what the image runs on.

use super::{ConfigDifference, DraftValue, Inverse, Needs, Reach, Room, fields};
use crate::config_field::{ConfigField, Shape};
use crate::edit::EditedImage;
use crate::image::Config;
use crate::image::json::Value;
use crate::patch::PlatformChange;

const PARTS: [(ConfigField, &str); 5] = [
    (ConfigField::Os, "os"),
    (ConfigField::Architecture, "architecture"),
    (ConfigField::Variant, "variant"),
    (ConfigField::OsVersion, "os-version"),
    (ConfigField::OsFeatures, "os-features"),
];

/// `set-platform`.
pub(crate) struct SetPlatform;

impl Room for SetPlatform {
    type Value = PlatformChange;

    const NAME: &'static str = "set-platform";

    const INVERSE: Inverse = Inverse::Config(difference);

    const SAMPLES: &'static [&'static str] = &[
        "{ architecture: arm, variant: v7 }",
        "{ os-features: [x], os-version: '1' }",
    ];

    fn needs(_: &Self::Value) -> Needs<'_> {
        Needs::only(Reach::Platform)
    }

    fn plan<'a>(platform: &'a Self::Value, image: &mut EditedImage<'a>) {
        let text = |text: &Option<String>| text.as_deref().map(Value::text);
        let values = [
            text(&platform.os),
            text(&platform.architecture),
            text(&platform.variant),
            text(&platform.os_version),
            platform.os_features.as_deref().map(Value::texts),
        ];
        fields::set_parts(image, PARTS.into_iter().zip(values));
    }
}

fn difference(difference: &mut ConfigDifference<'_>) {
    difference.parts(&PARTS, SetPlatform::NAME, false, said);
}

/// What a part holds, as a patch says it.
fn said(config: &Config, field: ConfigField) -> Option<DraftValue> {
    if field.shape() == Shape::Texts {
        let texts = config.texts(field);
        return (!texts.is_empty()).then(|| DraftValue::texts(&texts));
    }
    let text = config.field(field)?.as_text()?;
    Some(DraftValue::Text(text.into_owned()))
}

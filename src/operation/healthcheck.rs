//! `set-healthcheck`: the parts of a health check.

use super::{ConfigDifference, DraftValue, Inverse, Needs, Reach, Room, fields};
use crate::config_field::{ConfigField, Shape};
use crate::edit::EditedImage;
use crate::image::Config;
use crate::image::json::Value;
use crate::patch::{Healthcheck, spell_duration};

const PARTS: [(ConfigField, &str); 6] = [
    (ConfigField::HealthcheckTest, "test"),
    (ConfigField::HealthcheckInterval, "interval"),
    (ConfigField::HealthcheckTimeout, "timeout"),
    (ConfigField::HealthcheckStartPeriod, "start-period"),
    (ConfigField::HealthcheckStartInterval, "start-interval"),
    (ConfigField::HealthcheckRetries, "retries"),
];

/// `set-healthcheck`.
pub(crate) struct SetHealthcheck;

impl Room for SetHealthcheck {
    type Value = Healthcheck;

    const NAME: &'static str = "set-healthcheck";

    const INVERSE: Inverse = Inverse::Config(difference);

    const SAMPLES: &'static [&'static str] = &[
        "{ test: [CMD, /bin/up], interval: 1m30s, timeout: 2s, start-period: 500ms, retries: 3 }",
        "{ test: curl localhost }",
        "{ test: [NONE] }",
        "{ start-interval: 2s }",
    ];

    fn needs(_: &Self::Value) -> Needs<'_> {
        Needs::only(Reach::Documents)
    }

    fn plan<'a>(check: &'a Self::Value, image: &mut EditedImage<'a>) {
        let number = |number: Option<i64>| number.map(Value::integer);
        let values = [
            check.test.as_deref().map(Value::texts),
            number(check.interval),
            number(check.timeout),
            number(check.start_period),
            number(check.start_interval),
            number(check.retries),
        ];
        fields::set_parts(image, PARTS.into_iter().zip(values));
    }
}

fn difference(difference: &mut ConfigDifference<'_>) {
    let field = ConfigField::Healthcheck;
    if difference.new.field(field).is_none() {
        if difference.old.field(field).is_some() {
            difference.unset(field);
        }
        return;
    }
    let is_whole = difference.clear(field);
    difference.parts(&PARTS, SetHealthcheck::NAME, is_whole, said);
}

/// What a part holds, as a patch says it.
fn said(config: &Config, field: ConfigField) -> Option<DraftValue> {
    if field.shape() == Shape::Texts {
        return match config.texts(field).as_slice() {
            [] => None,
            // One text is a command for the shell.
            [kind, command] if kind == "CMD-SHELL" && !command.is_empty() => {
                Some(DraftValue::text(command))
            }
            texts => Some(DraftValue::texts(texts)),
        };
    }
    match config.field(field)?.as_i64()? {
        0 => None,
        number if field == ConfigField::HealthcheckRetries => Some(DraftValue::Number(number)),
        number => Some(match u64::try_from(number) {
            Ok(nanoseconds) => DraftValue::Text(spell_duration(nanoseconds)),
            Err(_) => DraftValue::Number(number),
        }),
    }
}

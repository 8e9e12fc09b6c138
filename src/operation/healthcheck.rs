//! `set-healthcheck`: the parts of a health check.

use serde_json::json;

use super::{ConfigDifference, Docs, DraftValue, Inverse, Needs, Reach, Room, ValueOf, fields};
use crate::config_field::{ConfigField, FieldShape};
use crate::edit::EditedImage;
use crate::image::Config;
use crate::image::json;
use crate::problem::Code;
use crate::shape::node::Value;
use crate::shape::{
    Duration, Field, Nanoseconds, NotEmpty, Problems, Retries, Shape, SomeText, Text,
    note_shell_form, plain, record, shape, spell_duration,
};

record! {
    /// The fields of a health check that change; omitted ones stay as they are.
    #[derive(Default)]
    pub struct Healthcheck("Healthcheck") {
        /// The command: a string for the shell, or a list that starts with `CMD`, `CMD-SHELL` or `NONE`.
        "test" pub test: Option<Vec<String>> = optional::<HealthTest>();
        /// The time between two checks
        "interval" pub interval: Option<Nanoseconds> = optional::<Duration>();
        /// The timeout of a check
        "timeout" pub timeout: Option<Nanoseconds> = optional::<Duration>();
        /// The initial time in which failures do not count
        "start-period" pub start_period: Option<Nanoseconds> = optional::<Duration>();
        /// The time between two checks during the start period; Docker 25 and later
        "start-interval" pub start_interval: Option<Nanoseconds> = optional::<Duration>();
        /// The number of consecutive failures that count.
        "retries" pub retries: Option<i64> = optional::<Retries>();
    }
    rule NotEmpty(Code::Empty);
}

shape! {
    /// A command as a string for the shell, or as a list that starts with `CMD`, `CMD-SHELL` or `NONE`
    struct HealthTest("HealthTest") -> Vec<String> {
        |definitions| json!({
            "anyOf": [
                definitions.refer::<SomeText>(),
                { "type": "array", "items": [{ "const": "NONE" }], "minItems": 1, "maxItems": 1 },
                { "type": "array", "items": [{ "const": "CMD-SHELL" }, definitions.refer::<Text>()], "minItems": 2, "maxItems": 2 },
                { "type": "array", "items": [{ "const": "CMD" }], "additionalItems": definitions.refer::<Text>(), "minItems": 2 },
            ],
        }),
        test
    }
}

/// A text is a command for the shell, as in compose files.
fn test(field: &Field<'_>, problems: &mut Problems) -> Option<Vec<String>> {
    if !matches!(field.node.value, Value::List(_)) {
        return Some(vec![
            "CMD-SHELL".to_owned(),
            SomeText::decode(field, problems)?,
        ]);
    }
    let help = "write a command as one string, or `[CMD, program, argument]`";
    let items = field.items(help, problems)?;
    let n_items = items.len();
    match items.split_first() {
        Some((first, command)) if first.node.as_text() == Some("CMD") => {
            note_shell_form(command, problems);
        }
        _ => {}
    }
    let words: Vec<String> = items
        .iter()
        .filter_map(|item| plain(item, item.text(problems)?, problems))
        .collect();
    let is_fine = match words.first().map(String::as_str) {
        Some("NONE") => n_items == 1,
        Some("CMD-SHELL") => n_items == 2,
        Some("CMD") => n_items > 1,
        _ => false,
    };
    if !is_fine {
        let message = "`test` does not start with `CMD`, `CMD-SHELL` or `NONE`, or has too many or too few words";
        problems.add(field.problem(Code::InvalidValue, message).with_help(help));
    }
    Some(words)
}

const PARTS: [(ConfigField, &str); 6] = [
    (ConfigField::HealthcheckTest, "test"),
    (ConfigField::HealthcheckInterval, "interval"),
    (ConfigField::HealthcheckTimeout, "timeout"),
    (ConfigField::HealthcheckStartPeriod, "start-period"),
    (ConfigField::HealthcheckStartInterval, "start-interval"),
    (ConfigField::HealthcheckRetries, "retries"),
];

impl Room for Healthcheck {
    type Shape = Self;

    const KEY: &'static str = "set-healthcheck";

    const DOCS: Docs = Docs {
        does: "Sets fields of the health check; omitted ones stay as they are.",
        takes: "`{test: command, interval: time, timeout: time, start-period: time, start-interval: time, retries: number}`",
        example: "{ test: [CMD, /bin/up], interval: 1m30s }",
        before: "\"Healthcheck\":{\"Retries\":2}",
        after: "\"Healthcheck\":{\"Test\":[\"CMD\",\"/bin/up\"],\"Interval\":90000000000,\"Retries\":2}",
    };

    const INVERSE: Inverse = Inverse::Config(difference);

    const SAMPLES: &'static [&'static str] = &[
        "{ test: [CMD, /bin/up], interval: 1m30s, timeout: 2s, start-period: 500ms, retries: 3 }",
        "{ test: curl localhost }",
        "{ test: [NONE] }",
        "{ start-interval: 2s }",
    ];

    fn needs(_: &ValueOf<Self>) -> Needs<'_> {
        Needs::only(Reach::Documents)
    }

    fn plan<'a>(check: &'a ValueOf<Self>, image: &mut EditedImage<'a>) {
        let number = |number: Option<i64>| number.map(json::Value::integer);
        let values = [
            check.test.as_deref().map(json::Value::texts),
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
    difference.parts(&PARTS, Healthcheck::KEY, is_whole, said);
}

/// What a part holds, as a patch says it.
fn said(config: &Config, field: ConfigField) -> Option<DraftValue> {
    if field.shape() == FieldShape::Texts {
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

#[cfg(test)]
mod tests {
    use super::{PARTS, said};
    use crate::image::Config;
    use crate::patch::DraftValue;

    #[test]
    fn a_part_is_said_as_a_patch_has_it() {
        let text = |text: &str| Some(DraftValue::text(text));
        let texts = |texts: &[&str]| Some(DraftValue::texts(texts));
        for (part, value, expected) in [
            ("Test", r#"["CMD-SHELL","a b"]"#, text("a b")),
            ("Test", r#"["CMD-SHELL",""]"#, texts(&["CMD-SHELL", ""])),
            (
                "Test",
                r#"["CMD-SHELL","a","b"]"#,
                texts(&["CMD-SHELL", "a", "b"]),
            ),
            ("Test", r#"["CMD","a"]"#, texts(&["CMD", "a"])),
            ("Test", r#"["NONE"]"#, texts(&["NONE"])),
            ("Test", "[]", None),
            ("Interval", "0", None),
            ("Interval", "90000000000", text("1m30s")),
            ("Timeout", "-1", Some(DraftValue::Number(-1))),
            ("StartPeriod", "1", text("0.000001ms")),
            ("Retries", "0", None),
            ("Retries", "3", Some(DraftValue::Number(3))),
        ] {
            let config =
                format!(r#"{{"config":{{"Healthcheck":{{"{part}":{value}}}}},"rootfs":{{}}}}"#);
            let config = Config::parse(config.as_bytes()).unwrap();
            let mut fields = PARTS.iter().map(|(field, _)| *field);
            let field = fields
                .find(|field| field.path().last() == Some(&part))
                .unwrap();
            assert_eq!(said(&config, field), expected, "{part}: {value}");
        }
    }
}

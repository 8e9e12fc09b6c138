//! `set-healthcheck`: the fields of a health check that change.

use serde_json::json;

use crate::problem::Code;
use crate::shape::node::Value;
use crate::shape::{
    Duration, Field, Nanoseconds, NotEmpty, Problems, Retries, Shape, SomeText, Text, plain,
    record, shape,
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

//! `set-healthcheck`: the fields of a health check that change.

use schemars::JsonSchema;

use super::decode::{Field, Problems};
use super::duration::duration;
use super::node::Value;
use super::schema;
use super::values::{number, plain, text};
use crate::problem::Code;

const KEYS: [&str; 6] = [
    "test",
    "interval",
    "timeout",
    "start-period",
    "start-interval",
    "retries",
];

/// The fields of a health check that change; omitted ones stay as they are.
#[derive(Debug, Clone, PartialEq, Eq, Default, JsonSchema)]
#[schemars(deny_unknown_fields, rename_all = "kebab-case", extend("minProperties" = 1))]
pub struct Healthcheck {
    /// The command: a string for the shell, or a list that starts with `CMD`, `CMD-SHELL` or `NONE`.
    #[schemars(with = "Option<schema::HealthTest>")]
    pub test: Option<Vec<String>>,
    /// The time between two checks. In nanoseconds.
    #[schemars(
        with = "Option<schema::Duration>",
        description = "The time between two checks"
    )]
    pub interval: Option<i64>,
    /// The timeout of a check. In nanoseconds.
    #[schemars(
        with = "Option<schema::Duration>",
        description = "The timeout of a check"
    )]
    pub timeout: Option<i64>,
    /// The initial time in which failures do not count. In nanoseconds.
    #[schemars(
        with = "Option<schema::Duration>",
        description = "The initial time in which failures do not count"
    )]
    pub start_period: Option<i64>,
    /// The time between two checks within that. In nanoseconds.
    #[schemars(
        with = "Option<schema::Duration>",
        description = "The time between two checks during the start period; Docker 25 and later"
    )]
    pub start_interval: Option<i64>,
    /// The number of consecutive failures that count.
    #[schemars(with = "Option<schema::Retries>")]
    pub retries: Option<i64>,
}

impl Healthcheck {
    pub(super) fn decode(field: &Field<'_>, problems: &mut Problems) -> Option<Self> {
        let record = field.record(&KEYS, problems)?;
        if KEYS.iter().all(|key| record.get(key).is_none()) {
            let problem = field.problem(Code::Empty, "`set-healthcheck` is empty");
            problems.add(problem.with_help("it takes `test`, `interval`, `timeout`, `start-period`, `start-interval` and `retries`"));
        }
        let mut time = |key| record.get(key).and_then(|field| duration(field, problems));
        let (interval, timeout) = (time("interval"), time("timeout"));
        let (start_period, start_interval) = (time("start-period"), time("start-interval"));
        Some(Self {
            test: record.get("test").and_then(|field| test(field, problems)),
            interval,
            timeout,
            start_period,
            start_interval,
            retries: record
                .get("retries")
                .and_then(|field| number(field, 1, problems)),
        })
    }
}

/// A text is a command for the shell, as in compose files.
fn test(field: &Field<'_>, problems: &mut Problems) -> Option<Vec<String>> {
    if !matches!(field.node.value, Value::List(_)) {
        return Some(vec!["CMD-SHELL".to_owned(), text(field, problems)?]);
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

//! `args`: the variables that a patch declares, and the values that they get.
//!
//! A value is given, or stands in the environment variable that the declaration names, or is the default. What is wrong
//! with a declaration or a value is told under the declaration, and the value then counts as unknown.

use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};

use regex_lite::Regex;
use schemars::JsonSchema;

use super::decode::{Field, Problems, Record, listed};
use super::node::Value;
use super::substitute::{is_name, literal};
use super::{pattern, schema};
use crate::problem::{Address, Code, Problem, quoted};

const HELP: &str = "write at least one, as in `args: {version: {default: \"1.0\"}}`";
const KEYS: [&str; 6] = [
    "required", "default", "pattern", "enum", "from-env", "secret",
];

/// Where values for the args of patches come from.
#[derive(Clone, Default)]
pub struct ArgValues {
    /// Values by the names of args; they outweigh the environment and defaults.
    pub given: BTreeMap<String, String>,
    /// The environment; an arg sees only the variable that its `from-env` names, and an empty one is none.
    pub environment: BTreeMap<OsString, OsString>,
}

// The environment of a process is nobody's business.
impl std::fmt::Debug for ArgValues {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let names = self.given.keys();
        f.debug_set().entries(names).finish()
    }
}

/// What it means that an arg has no value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Unset {
    IsProblem,
    IsUnknown,
}

/// The args of one patch.
#[derive(Debug, Default)]
pub(super) struct Args(Vec<Arg>);

#[derive(Debug)]
struct Arg {
    name: String,
    address: Address,
    /// What it was given, whether that is allowed or not.
    found: Option<String>,
    is_known: bool,
    is_secret: bool,
    is_used: bool,
}

/// What stands for `${name}`.
#[derive(Debug, Clone, Copy)]
pub(super) struct Filling<'a> {
    /// Nothing where the value is not known.
    pub(super) text: Option<&'a str>,
    pub(super) is_secret: bool,
}

impl Args {
    /// Reads the declarations of a document and finds a value for each.
    pub(super) fn declared(
        document: &Field<'_>,
        values: &ArgValues,
        unset: Unset,
        problems: &mut Problems,
    ) -> Self {
        let entries = section(document).and_then(|field| field.entries(HELP, problems));
        let args = entries.unwrap_or_default().into_iter();
        let args = args.map(|(name, field)| Arg::declared(name, &field, values, unset, problems));
        Self(args.collect())
    }

    /// Returns what stands for `${name}`, which is thereby used; nothing if no such arg is declared.
    pub(super) fn fill(&mut self, name: &str) -> Option<Filling<'_>> {
        let arg = self.0.iter_mut().find(|arg| arg.name == name)?;
        arg.is_used = true;
        Some(Filling {
            text: arg.found.as_deref().filter(|_| arg.is_known),
            is_secret: arg.is_secret,
        })
    }

    pub(super) fn names(&self) -> Vec<String> {
        self.0.iter().map(|arg| arg.name.clone()).collect()
    }

    /// Returns the values that must not be shown.
    pub(super) fn secrets(&self) -> impl Iterator<Item = &str> {
        let secret = self.0.iter().filter(|arg| arg.is_secret);
        secret.filter_map(|arg| arg.found.as_deref())
    }

    /// Returns the values that may be shown, by the names of their args.
    pub(super) fn shown(&self) -> Vec<(String, String)> {
        let shown = self.0.iter().filter(|arg| !arg.is_secret);
        let pair = |arg: &Arg| Some((arg.name.clone(), arg.found.clone()?));
        shown.filter_map(pair).collect()
    }

    pub(super) fn tell_unused(&self, problems: &mut Problems) {
        for arg in self.0.iter().filter(|arg| !arg.is_used) {
            let message = format!("nothing in the patch uses {}", quoted(&arg.name));
            let problem = Problem::new(Code::UnusedArg, arg.address.clone(), message);
            problems.add(problem.with_help(format!("remove it, or use it as `${{{}}}`", arg.name)));
        }
    }
}

/// The names that `args` of a patch declares.
pub(super) fn names(patch: &Record<'_>) -> Vec<String> {
    let Some(Value::Map(pairs)) = patch.get("args").map(|field| &field.node.value) else {
        return Vec::new();
    };
    let names = pairs.iter().filter_map(|(key, _)| key.as_text());
    names.map(str::to_owned).collect()
}

fn section<'a>(document: &Field<'a>) -> Option<Field<'a>> {
    let Value::Map(pairs) = &document.node.value else {
        return None;
    };
    let is_args = |(key, _): &(_, _)| super::node::Node::as_text(key) == Some("args");
    let index = pairs.iter().position(is_args)?;
    Some(Field {
        node: &pairs[index].1,
        address: document.address.clone().index(index),
        name: quoted("args"),
    })
}

impl Arg {
    fn declared(
        name: &str,
        field: &Field<'_>,
        values: &ArgValues,
        unset: Unset,
        problems: &mut Problems,
    ) -> Self {
        let mut arg = Self {
            name: name.to_owned(),
            address: field.address.clone().on_key(),
            found: None,
            is_known: false,
            is_secret: false,
            is_used: false,
        };
        if !is_name(name) {
            let message = format!("{} is not the name of an argument", quoted(name));
            let problem = Problem::new(Code::MalformedArg, arg.address.clone(), message);
            problems.add(problem.with_help(
                "it starts with a letter or `_`, followed by letters, digits, `_` and `-`",
            ));
        }
        let n_before = problems.len();
        let rules = Rules::decode(field, problems);
        let Some(rules) = rules else { return arg };
        arg.is_secret = rules.is_secret;
        arg.find(&rules, values, problems);
        match &arg.found {
            Some(value) => rules.check(value, &arg, problems),
            None if unset == Unset::IsProblem && problems.len() == n_before => {
                problems.add(arg.unset(&rules));
            }
            None => {}
        }
        arg.is_known = problems.len() == n_before;
        arg
    }

    fn find(&mut self, rules: &Rules, values: &ArgValues, problems: &mut Problems) {
        let variable = rules.from_env.as_ref();
        let variable = variable.and_then(|name| values.environment.get(OsStr::new(name)));
        let variable = variable.filter(|value| !value.is_empty());
        self.found = match (values.given.get(&self.name), variable) {
            (Some(given), _) => Some(given.clone()),
            (None, Some(value)) => value.to_str().map(str::to_owned).or_else(|| {
                let message = format!(
                    "the environment variable that {} comes from is not UTF-8",
                    quoted(&self.name)
                );
                problems.add(Problem::new(
                    Code::InvalidArg,
                    self.address.clone(),
                    message,
                ));
                None
            }),
            (None, None) => rules.default.clone(),
        };
    }

    fn unset(&self, rules: &Rules) -> Problem {
        let message = format!("{} has no value", quoted(&self.name));
        let mut help = format!("set it with `--arg {}=…`", self.name);
        if let Some(variable) = &rules.from_env {
            help = format!(
                "{help}, or set the environment variable {}",
                quoted(variable)
            );
        }
        Problem::new(Code::UnsetArg, self.address.clone(), message).with_help(help)
    }
}

/// What a declaration says of its arg.
struct Rules {
    default: Option<String>,
    pattern: Option<(String, Regex)>,
    choices: Vec<String>,
    from_env: Option<String>,
    is_secret: bool,
}

impl Rules {
    fn decode(field: &Field<'_>, problems: &mut Problems) -> Option<Self> {
        let record = field.record(&KEYS, problems)?;
        let required = flag(&record, "required", problems);
        let secret = flag(&record, "secret", problems);
        let default = record.get("default");
        if let Some(default) = default
            && required == Some(true)
        {
            let message = "an argument with a `default` is never required";
            problems.add(
                default
                    .problem(Code::InvalidValue, message)
                    .with_help("keep one of the two"),
            );
        }
        if default.is_none() && required == Some(false) {
            let message = format!("{} is not required and has no `default`", field.name);
            let problem = field.problem(Code::MissingKey, message);
            problems.add(problem.with_help("`default: \"\"` makes it empty by default"));
        }
        if let Some(default) = default
            && secret == Some(true)
        {
            let message =
                "a secret cannot have a `default`: everyone who reads the patch could read it";
            problems.add(default.problem(Code::InvalidValue, message));
        }
        let default = default.and_then(|field| literal(field, problems));
        let choices = record
            .get("enum")
            .and_then(|field| choices(field, problems));
        let pattern = record
            .get("pattern")
            .and_then(|field| pattern(field, problems));
        let from_env = record
            .get("from-env")
            .and_then(|field| variable(field, problems));
        Some(Self {
            default,
            pattern,
            choices: choices.unwrap_or_default(),
            from_env,
            is_secret: secret.unwrap_or(true),
        })
    }

    /// Adds what the rules have against a value.
    fn check(&self, value: &str, arg: &Arg, problems: &mut Problems) {
        let is = format!("{} is {}", quoted(&arg.name), quoted(value));
        let mut refuse = |reason: String| {
            let message = format!("{is}, {reason}");
            problems.add(Problem::new(Code::InvalidArg, arg.address.clone(), message));
        };
        if let Some((text, regex)) = &self.pattern
            && !regex.is_match(value)
        {
            refuse(format!("which does not match {}", quoted(text)));
        }
        if !self.choices.is_empty() && !self.choices.iter().any(|choice| choice == value) {
            let choices = self.choices.iter().map(|choice| quoted(choice));
            refuse(format!("and not {}", listed(choices, "or")));
        }
    }
}

/// Tells what a field that is `true` or `false` says; nothing where it is not there or neither.
fn flag(record: &Record<'_>, key: &str, problems: &mut Problems) -> Option<bool> {
    let Some(field) = record.get(key) else {
        // Left out, `required` follows from `default`.
        return (key == "secret").then_some(false);
    };
    field.choice(&[("false", false), ("true", true)], problems)
}

fn choices(field: &Field<'_>, problems: &mut Problems) -> Option<Vec<String>> {
    let mut choices = Vec::new();
    for item in field.items("write the allowed values, as in `[blue, green]`", problems)? {
        match literal(&item, problems) {
            Some(text) if choices.contains(&text) => {
                let message = format!("{} has {} twice", field.name, quoted(&text));
                problems.add(item.problem(Code::RepeatedItem, message));
            }
            choice => choices.extend(choice),
        }
    }
    Some(choices)
}

/// A value that merely has something allowed in it is not what an author means: the whole of it has to match.
fn pattern(field: &Field<'_>, problems: &mut Problems) -> Option<(String, Regex)> {
    let text = field.some_text(problems)?;
    let whole = |text: &str| format!(r"\A(?:{text})\z");
    let regex = pattern::regex(text, whole, field, problems)?;
    Some((text.to_owned(), regex))
}

fn variable(field: &Field<'_>, problems: &mut Problems) -> Option<String> {
    let name = field.some_text(problems)?;
    if name.contains(['=', '\0']) {
        let message = format!(
            "{} is not a valid name of an environment variable",
            quoted(name)
        );
        problems.add(field.problem(Code::InvalidEnvName, message));
        return None;
    }
    Some(name.to_owned())
}

schema::schemas! {
    Declarations, "Args", |generator| schemars::json_schema!({
        "description": "Variables by name",
        "type": "object",
        "minProperties": 1,
        "propertyNames": { "pattern": "^[A-Za-z_][A-Za-z0-9_-]*$" },
        "additionalProperties": generator.subschema_for::<Declaration>(),
    });
    Choices, "Choices", |generator| schema::list(generator.subschema_for::<schema::Text>(), "The values that are allowed, each once", true);
    Flag, "Flag", |_| schemars::json_schema!({
        "description": "`true` or `false`",
        "enum": [true, false, "true", "false"],
    });
}

pub(super) struct Declarations;
struct Choices;
struct Flag;

/// A variable: without a default it must be given a value.
#[derive(JsonSchema)]
#[schemars(rename = "Arg", deny_unknown_fields, rename_all = "kebab-case")]
#[expect(
    dead_code,
    reason = "the fields are read by the derive, to describe them"
)]
struct Declaration {
    /// Whether a value is required. An argument without a default always requires one.
    required: Option<Flag>,
    /// The value if none is given.
    default: Option<schema::Text>,
    /// A regular expression that must match the whole value.
    pattern: Option<schema::SomeText>,
    /// The allowed values.
    r#enum: Option<Choices>,
    /// The environment variable to take the value from if none is given.
    from_env: Option<schema::SomeText>,
    /// Whether to hide the value in all output.
    secret: Option<Flag>,
}

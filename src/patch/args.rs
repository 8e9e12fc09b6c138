//! `args`: the variables that a patch declares, and the values that they get.
//!
//! A value is given, or stands in the environment variable that the declaration names, or is the default. What is wrong
//! with a declaration or a value is told under the declaration, and the value then counts as unknown.

use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};

use regex_lite::Regex;
use serde_json::json;

use super::substitute::{is_name, literal};
use crate::problem::{Address, Code, Problem, quoted};
use crate::shape::node::Value;
use crate::shape::{
    Field, Keys, Problems, Record, Rule, Shape, SomeText, Text, listed, map_of, record, regex, set,
    shape,
};

const HELP: &str = "write at least one, as in `args: {version: {default: \"1.0\"}}`";

/// The names of args.
pub(crate) const ARG: Keys = Keys {
    word: "name",
    pattern: "^[A-Za-z_][A-Za-z0-9_-]*$",
    message: "it starts with a letter or `_`, followed by letters, digits, `_` and `-`",
};

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
        let entries = document
            .value_of("args")
            .and_then(|field| field.entries(HELP, problems));
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
            problems.add(problem.with_help(ARG.message));
        }
        let n_before = problems.len();
        let rules = Declaration::decode(field, problems);
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

    fn find(&mut self, rules: &Declaration, values: &ArgValues, problems: &mut Problems) {
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

    fn unset(&self, rules: &Declaration) -> Problem {
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

record! {
    /// A variable: without a default it must be given a value.
    pub(super) struct Declaration("Arg") {
        /// Whether a value is required. An argument without a default always requires one.
        "required" required: Option<bool> = tolerant::<Flag>();
        /// The value if none is given.
        "default" default: Option<String> = tolerant::<Literal>();
        /// A regular expression that must match the whole value.
        "pattern" pattern: Option<String> = tolerant::<Pattern>();
        /// The allowed values.
        "enum" choices: Option<Vec<String>> = tolerant::<Choices>();
        /// The environment variable to take the value from if none is given.
        "from-env" from_env: Option<String> = tolerant::<EnvName>();
        /// Whether to hide the value in all output.
        "secret" is_secret: bool = default::<Secret>();
    }
    rule DefaultFits;
}

/// Whether there is a default fits what else is declared.
struct DefaultFits;

impl Rule for DefaultFits {
    fn check(&self, record: &Record<'_>, problems: &mut Problems) {
        let required = record.peek::<Flag>("required");
        let Some(default) = record.get("default") else {
            if required == Some(false) {
                let whole = record.whole();
                let message = format!("{} is not required and has no `default`", whole.name);
                let problem = whole.problem(Code::MissingKey, message);
                problems.add(problem.with_help("`default: \"\"` makes it empty by default"));
            }
            return;
        };
        if required == Some(true) {
            let message = "an argument with a `default` is never required";
            let problem = default.problem(Code::InvalidValue, message);
            problems.add(problem.with_help("keep one of the two"));
        }
        if record.peek::<Flag>("secret") == Some(true) {
            let message =
                "a secret cannot have a `default`: everyone who reads the patch could read it";
            problems.add(default.problem(Code::InvalidValue, message));
        }
    }
}

impl Declaration {
    /// Adds what is wrong with a value.
    fn check(&self, value: &str, arg: &Arg, problems: &mut Problems) {
        let is = format!("{} is {}", quoted(&arg.name), quoted(value));
        let mut refuse = |reason: String| {
            let message = format!("{is}, {reason}");
            problems.add(Problem::new(Code::InvalidArg, arg.address.clone(), message));
        };
        if let Some(pattern) = &self.pattern {
            let regex = Regex::new(&whole(pattern)).expect("it was compiled as it was decoded");
            if !regex.is_match(value) {
                refuse(format!("which does not match {}", quoted(pattern)));
            }
        }
        if let Some(choices) = &self.choices
            && !choices.is_empty()
            && !choices.iter().any(|choice| choice == value)
        {
            let choices = choices.iter().map(|choice| quoted(choice));
            refuse(format!("and not {}", listed(choices, "or")));
        }
    }
}

shape! {
    /// Variables by name
    pub(super) struct Declarations("Args") -> Vec<String> {
        |definitions| map_of::<Declaration>(ARG, definitions),
        |field, _| Some(names(field))
    }
}

shape! {
    /// The values that are allowed, each once
    pub(super) struct Choices("Choices") -> Vec<String> { set::<Text>, choices }
}

shape! {
    /// `true` or `false`
    pub(super) struct Flag("Flag") -> bool {
        |_| json!({ "enum": [true, false, "true", "false"] }),
        |field, problems| field.choice(&[("false", false), ("true", true)], problems)
    }
}

shape! {
    /// Whether a value is a secret; what is not understood makes it one.
    struct Secret like Flag, -> bool {
        |field, problems| Flag::decode(field, problems).or(Some(true))
    }
}

shape! {
    /// A value in which nothing is inserted.
    struct Literal like Text, -> String { literal }
}

shape! {
    /// The name of an environment variable.
    struct EnvName like SomeText, -> String { variable }
}

shape! {
    /// A regular expression that matches a whole value: one that merely has something allowed in it is not what an author
    /// means.
    struct Pattern like SomeText, -> String {
        |field, problems| {
            let text = field.some_text(problems)?;
            regex(text, whole, field, problems).map(|_| text.to_owned())
        }
    }
}

fn whole(pattern: &str) -> String {
    format!(r"\A(?:{pattern})\z")
}

/// The names that are declared; what is wrong with a declaration is reported before args are filled in.
fn names(declarations: &Field<'_>) -> Vec<String> {
    let Value::Map(pairs) = &declarations.node.value else {
        return Vec::new();
    };
    let names = pairs.iter().filter_map(|(key, _)| key.as_text());
    names.map(str::to_owned).collect()
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

#[cfg(test)]
mod tests {
    use super::ArgValues;
    use crate::patch::PatchFile;

    #[test]
    fn args_are_known_by_name_and_shown_unless_they_are_secret() {
        let text = "apiVersion: ocipatch/v1\nargs: { a: { default: x }, b: { secret: true }, c: { pattern: '[0-9]+|z', from-env: C } }\noperations:\n- set-label: { a: \"${a}${b}${c}\" }\n";
        let parse = |c: &str| {
            let mut values = ArgValues::default();
            values.given.insert("b".to_owned(), "s".to_owned());
            values.environment.insert("C".into(), c.into());
            PatchFile::parse_with("x", text.as_bytes(), &values)
        };
        let file = parse("42").expect("it is a patch");
        assert_eq!(file.arg_names(), ["a", "b", "c"]);
        assert_eq!(file.patches()[0].args, ["a", "b", "c"]);
        let pair = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        assert_eq!(file.args(), [vec![pair("a", "x"), pair("c", "42")]]);
        // The pattern matches the whole value.
        for (value, is_right) in [("z", true), ("4z", false), ("a4", false), ("", false)] {
            assert_eq!(parse(value).is_ok(), is_right, "{value}");
        }
    }
}

//! The operations of a patch: for each its place in the table, what it takes, and how that is read.

use schemars::JsonSchema;

use super::decode::{Field, Problems, listed, suggestion};
use super::node::Value;
use super::schema;
use crate::image_path::ImagePath;
use crate::problem::{Address, Code, Problem, quoted};
use crate::reference::{Glob, Reference};

/// One row per operation: documentation, name, variant, what the variant holds, its schema, the function that reads it.
macro_rules! operations {
    ($($(#[$doc:meta])+ $name:literal $variant:ident($holds:ty) as $schema:literal by $decode:path;)+) => {
        /// One thing that a patch does, as its author wrote it.
        #[derive(Debug, Clone, PartialEq, Eq, JsonSchema)]
        #[schemars(rename_all = "kebab-case")]
        pub enum Operation {
            $($(#[$doc])+ $variant(#[schemars(with = $schema)] $holds),)+
        }

        impl Operation {
            /// The names of all operations, in the order of the documentation.
            pub const NAMES: &[&'static str] = &[$($name,)+];

            /// Returns the name that the operation has in a patch.
            #[must_use]
            pub fn name(&self) -> &'static str {
                match self { $(Self::$variant(_) => $name,)+ }
            }

            fn decode_named(name: &str, field: &Field<'_>, problems: &mut Problems) -> Option<Self> {
                match name {
                    $($name => $decode(field, problems).map(Self::$variant),)+
                    _ => unreachable!("the caller has looked `{name}` up in `NAMES`"),
                }
            }
        }
    };
}

operations! {
    /// Sets labels; one that is there keeps its place, a new one comes last.
    "set-label" SetLabel(Vec<(String, String)>) as "schema::Labels" by labels;
    /// Removes the labels whose keys match.
    "unset-label" UnsetLabel(Removal) as "schema::Removal" by Removal::decode;
    /// Adds a layer on top, with the files of a directory.
    "add-layer" AddLayer(AddLayer) as "AddLayer" by AddLayer::decode;
    /// Gives the image these tags and no others.
    "retag" Retag(Vec<Reference>) as "schema::References" by retag;
    /// Gives the image these tags besides the ones that it has.
    "add-tag" AddTag(Vec<Reference>) as "schema::References" by add_tag;
    /// Removes the tags that match.
    "remove-tag" RemoveTag(Removal) as "schema::Removal" by Removal::decode;
}

impl Operation {
    /// Reads one item of `operations`.
    pub(super) fn decode(field: &Field<'_>, problems: &mut Problems) -> Option<Self> {
        let shape = |message: &str| field.problem(Code::OperationShape, message);
        let problem = match &field.node.value {
            Value::Map(pairs) if !pairs.is_empty() => {
                let entries = field.entries("", problems)?;
                return match entries.as_slice() {
                    [] => None,
                    [(name, value)] => Self::decode_one(name, value, problems),
                    several => {
                        problems.add(several_keys(field, several));
                        None
                    }
                };
            }
            Value::Map(_) => shape("an empty map stands where an operation is wanted"),
            Value::List(_) => shape("a list stands where an operation is wanted"),
            Value::Null => shape("nothing stands where an operation is wanted"),
            Value::Text(text) => shape(&format!(
                "{} stands alone where an operation and what it takes is wanted",
                quoted(text)
            )),
        };
        problems.add(
            problem.with_help("an operation is a map with one key, as in `- retag: [\"app:2\"]`"),
        );
        None
    }

    fn decode_one(name: &str, value: &Field<'_>, problems: &mut Problems) -> Option<Self> {
        if Self::NAMES.contains(&name) {
            return Self::decode_named(name, value, problems);
        }
        let problem = Problem::new(
            Code::UnknownOperation,
            value.address.clone().on_key(),
            format!("{} is not an operation of this version", quoted(name)),
        );
        problems.add(problem.with_help(suggestion(name, Self::NAMES)));
        None
    }
}

fn several_keys(field: &Field<'_>, entries: &[(&str, Field<'_>)]) -> Problem {
    let names = entries.iter().take(5).map(|(name, _)| quoted(name));
    let message = format!(
        "one operation has {} keys: {}",
        entries.len(),
        listed(names, "and")
    );
    let (first, value) = &entries[0];
    // `- set-label:` with its labels not indented below it.
    let is_unindented = Operation::NAMES.contains(first) && matches!(value.node.value, Value::Null);
    let help = if is_unindented {
        format!("indent what `{first}` takes further than its name")
    } else {
        "begin each operation with its own `- `".to_owned()
    };
    field.problem(Code::OperationShape, message).with_help(help)
}

const GLOBS_HELP: &str = "write at least one pattern; `\"*\"` matches everything";

/// What `add-layer` takes.
#[derive(Debug, Clone, PartialEq, Eq, JsonSchema)]
#[schemars(deny_unknown_fields, rename_all = "kebab-case")]
pub struct AddLayer {
    /// The directory to take the files from, relative to the patch file.
    #[schemars(with = "schema::SomeText")]
    pub from: String,
    /// The directory of the image to put them into; `/` if not given.
    #[schemars(with = "Option<ImagePath>")]
    pub to: ImagePath,
}

impl AddLayer {
    fn decode(field: &Field<'_>, problems: &mut Problems) -> Option<Self> {
        let record = field.record(&["from", "to"], problems)?;
        let help = "say which directory to add, as in `from: ./rootfs`";
        let from = record
            .require("from", Code::MissingKey, help, problems)
            .and_then(|from| source_path(from, problems));
        let to = match record.get("to") {
            Some(to) => image_path(to, problems),
            None => Some(ImagePath::root()),
        };
        Some(Self {
            from: from?,
            to: to?,
        })
    }
}

/// Which of several named things to remove, and whether a pattern may match none.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Removal {
    /// A thing is removed if one of these matches its name.
    pub globs: Vec<Glob>,
    /// What a pattern is that matches nothing.
    pub if_missing: IfMissing,
    is_long: bool,
}

/// What it means that there is nothing to remove.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, JsonSchema)]
#[schemars(rename_all = "kebab-case")]
pub enum IfMissing {
    /// The patch does not fit the image.
    #[default]
    Problem,
    /// There is nothing to do.
    Ignore,
}

impl Removal {
    /// Returns the address of the pattern `index`, given the one of the operation.
    #[must_use]
    pub fn glob_address(&self, operation: Address, index: usize) -> Address {
        if self.is_long {
            operation.key("match").index(index)
        } else {
            operation.index(index)
        }
    }

    fn decode(field: &Field<'_>, problems: &mut Problems) -> Option<Self> {
        if !matches!(field.node.value, Value::Map(_)) {
            return Some(Self {
                globs: globs(field, problems)?,
                if_missing: IfMissing::Problem,
                is_long: false,
            });
        }
        let record = field.record(&["match", "if-missing"], problems)?;
        let globs = record
            .require("match", Code::MissingKey, GLOBS_HELP, problems)
            .and_then(|field| globs(field, problems));
        let if_missing = match record.get("if-missing") {
            Some(field) => IfMissing::decode(field, problems),
            None => Some(IfMissing::Problem),
        };
        Some(Self {
            globs: globs?,
            if_missing: if_missing?,
            is_long: true,
        })
    }
}

impl IfMissing {
    fn decode(field: &Field<'_>, problems: &mut Problems) -> Option<Self> {
        match field.word(problems)? {
            "problem" => Some(Self::Problem),
            "ignore" => Some(Self::Ignore),
            other => {
                let message = format!("{} is {}", field.name, quoted(other));
                let problem = field.problem(Code::InvalidValue, message);
                problems
                    .add(problem.with_help("it is `problem`, which is the default, or `ignore`"));
                None
            }
        }
    }
}

fn labels(field: &Field<'_>, problems: &mut Problems) -> Option<Vec<(String, String)>> {
    let entries = field.entries("write at least one `key: value`", problems)?;
    let mut labels = Vec::with_capacity(entries.len());
    for (key, value) in entries {
        let key_address = value.address.clone().on_key();
        if key.is_empty() {
            problems.add(Problem::new(
                Code::InvalidLabelKey,
                key_address,
                "a label key is empty",
            ));
        } else if key.chars().any(char::is_control) {
            let message = format!("the label key {} has a control character", quoted(key));
            problems.add(Problem::new(Code::InvalidLabelKey, key_address, message));
        }
        if let Some(value) = value.text(problems) {
            labels.push((key.to_owned(), value.to_owned()));
        }
    }
    Some(labels)
}

fn retag(field: &Field<'_>, problems: &mut Problems) -> Option<Vec<Reference>> {
    references(
        field,
        "write at least one tag; to leave the image without any, write `remove-tag: [\"*\"]`",
        problems,
    )
}

fn add_tag(field: &Field<'_>, problems: &mut Problems) -> Option<Vec<Reference>> {
    references(
        field,
        "write at least one tag, as in `[\"app:2\"]`",
        problems,
    )
}

fn references(field: &Field<'_>, help: &str, problems: &mut Problems) -> Option<Vec<Reference>> {
    let mut references: Vec<Reference> = Vec::new();
    for item in field.items(help, problems)? {
        let Some(text) = item.word(problems) else {
            continue;
        };
        match Reference::parse(text) {
            Ok(reference) if references.contains(&reference) => {
                let message = format!("{} names the tag `{reference}` twice", field.name);
                problems.add(item.problem(Code::RepeatedItem, message));
            }
            Ok(reference) => references.push(reference),
            Err(reason) => {
                let message = format!("{} is not a tag of an image: {reason}", quoted(text));
                let problem = item.problem(Code::InvalidReference, message);
                problems.add(problem.with_help(
                    "write `name:tag`, as in `app:2` or `registry.example.com:5000/team/app:2`",
                ));
            }
        }
    }
    Some(references)
}

pub(super) fn globs(field: &Field<'_>, problems: &mut Problems) -> Option<Vec<Glob>> {
    let items = field.items(GLOBS_HELP, problems)?;
    let texts = items.iter().filter_map(|item| item.some_text(problems));
    Some(texts.map(Glob::new).collect())
}

fn source_path(field: &Field<'_>, problems: &mut Problems) -> Option<String> {
    let text = field.some_text(problems)?;
    if text.contains('\0') {
        let message = format!("{} has a NUL byte, which no path can hold", field.name);
        problems.add(field.problem(Code::InvalidPath, message));
        return None;
    }
    Some(text.to_owned())
}

fn image_path(field: &Field<'_>, problems: &mut Problems) -> Option<ImagePath> {
    let text = field.word(problems)?;
    match ImagePath::parse(text) {
        Ok(path) => Some(path),
        Err(reason) => {
            let message = format!("{} is {}: {reason}", field.name, quoted(text));
            problems.add(field.problem(Code::InvalidPath, message));
            None
        }
    }
}

//! Preconditions on files of the image.

use schemars::JsonSchema;

use super::decode::{Field, Problems};
use super::node::Value;
use super::schema;
use crate::digest::Digest;
use crate::image_path::ImagePath;
use crate::problem::{Address, Code, Problem, quoted};

const KEYS: [&str; 3] = ["sha256", "mode", "symlink"];
const HELP: &str = "write `exists`, `absent`, or a map of `sha256`, `mode` and `symlink`";

/// What must be true of one path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PathExpectation {
    /// The path.
    pub path: ImagePath,
    /// Whether anything is to be there at all.
    pub exists: bool,
    /// The digest of the file that the path leads to.
    pub sha256: Option<Digest>,
    /// The permission bits of the file that the path leads to.
    pub mode: Option<u32>,
    /// The path is a symbolic link with exactly this target.
    pub symlink: Option<String>,
    index: usize,
}

impl PathExpectation {
    /// Returns the address of what is wanted of the path, given the one of the precondition.
    #[must_use]
    pub fn address(&self, expectation: Address) -> Address {
        expectation.index(self.index)
    }
}

pub(super) fn paths(field: &Field<'_>, problems: &mut Problems) -> Option<Vec<PathExpectation>> {
    let entries = field.entries(
        "write at least one path, as in `{/etc/motd: exists}`",
        problems,
    )?;
    let mut paths = Vec::new();
    for (index, (name, value)) in entries.iter().enumerate() {
        let path = match ImagePath::parse(name) {
            Ok(path) => Some(path),
            Err(reason) => {
                let address = value.address.clone().on_key();
                let message = format!("{} is not a path: {reason}", quoted(name));
                problems.add(Problem::new(Code::InvalidPath, address, message));
                None
            }
        };
        let wanted = wanted(index, value, problems);
        if let (Some(path), Some(wanted)) = (path, wanted) {
            paths.push(PathExpectation { path, ..wanted });
        }
    }
    Some(paths)
}

fn wanted(index: usize, field: &Field<'_>, problems: &mut Problems) -> Option<PathExpectation> {
    let mut wanted = PathExpectation {
        path: ImagePath::root(),
        exists: true,
        sha256: None,
        mode: None,
        symlink: None,
        index,
    };
    match &field.node.value {
        Value::Text(text) if matches!(text.as_str(), "exists" | "absent") => {
            wanted.exists = text == "exists";
            return Some(wanted);
        }
        Value::Text(text) => {
            let message = format!("{} is {}", field.name, quoted(text));
            problems.add(field.problem(Code::InvalidValue, message).with_help(HELP));
            return None;
        }
        Value::Unknown => return None,
        _ => {}
    }
    let record = field.record(&KEYS, problems)?;
    if KEYS.iter().all(|key| record.get(key).is_none()) {
        let problem = field.problem(Code::Empty, format!("{} is empty", field.name));
        problems.add(problem.with_help(HELP));
    }
    wanted.sha256 = record
        .get("sha256")
        .and_then(|field| digest(field, problems));
    wanted.mode = record.get("mode").and_then(|field| mode(field, problems));
    let symlink = record.get("symlink");
    wanted.symlink = symlink.and_then(|field| Some(field.some_word(problems)?.to_owned()));
    Some(wanted)
}

/// As `sha256sum` prints it, or with the algorithm in front.
fn digest(field: &Field<'_>, problems: &mut Problems) -> Option<Digest> {
    let text = field.word(problems)?;
    let digest = Digest::parse_hex(text.strip_prefix("sha256:").unwrap_or(text));
    if digest.is_none() {
        let message = format!("{} is {}", field.name, quoted(text));
        let problem = field.problem(Code::InvalidValue, message);
        problems
            .add(problem.with_help("write the 64 lower-case hex digits that `sha256sum` prints"));
    }
    digest
}

pub(super) fn mode(field: &Field<'_>, problems: &mut Problems) -> Option<u32> {
    let text = field.word(problems)?;
    let is_octal = (3..=4).contains(&text.len()) && text.bytes().all(|b| matches!(b, b'0'..=b'7'));
    if !is_octal {
        let message = format!("{} is {}", field.name, quoted(text));
        let problem = field.problem(Code::InvalidValue, message);
        problems.add(problem.with_help("write three or four octal digits, as in `0644`"));
        return None;
    }
    u32::from_str_radix(text, 8).ok()
}

schema::schemas! {
    Paths, "ExpectedPaths", |generator| schemars::json_schema!({
        "description": "What is expected of paths in the image",
        "type": "object",
        "minProperties": 1,
        "propertyNames": { "pattern": "^(?!(.*/)?\\.\\.(/|$))/" },
        "additionalProperties": {
            "anyOf": [
                { "type": "string", "pattern": "^(exists|absent)$" },
                generator.subschema_for::<Wanted>(),
            ],
        },
    });
    Sha256, "Sha256", |_| schemars::json_schema!({
        "description": "The 64 hex digits that `sha256sum` prints",
        "type": ["string", "number"],
        "pattern": "^(sha256:)?[0-9a-f]{64}$",
    });
    Octal, "Mode", |_| schemars::json_schema!({
        "description": "Permission bits, as in `0644`",
        "type": ["string", "integer"],
        "pattern": "^[0-7]{3,4}$",
    });
}

pub(super) struct Paths;
struct Sha256;
pub(super) struct Octal;

/// What is expected of a path.
#[derive(JsonSchema)]
#[schemars(
    rename = "ExpectedPath",
    deny_unknown_fields,
    rename_all = "kebab-case",
    extend("minProperties" = 1)
)]
#[expect(
    dead_code,
    reason = "the fields are read by the derive, to describe them"
)]
struct Wanted {
    /// The digest of the file that the path leads to.
    sha256: Option<Sha256>,
    /// The permission bits of the file that the path leads to.
    mode: Option<Octal>,
    /// The path is a symbolic link with exactly this target.
    symlink: Option<schema::SomeText>,
}

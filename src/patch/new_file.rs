//! Files that a patch brings one by one: written in it, or taken from beside it.

use schemars::{JsonSchema, json_schema};

use super::decode::{Field, Problems, Record};
use super::expect_path::{Octal, mode};
use super::paths::{image_path, source_path};
use super::schema;
use crate::image_path::ImagePath;
use crate::problem::{Code, quoted};

const SOURCES: [&str; 5] = ["content", "from", "symlink", "hardlink", "directory"];
const HELP: &str = "write one of `content`, `from`, `symlink`, `hardlink` and `directory: true`";
/// The owner of a file has 32 bits without a sign, and 4294967295 leaves it as it is (`chown(2)`). Only users that processes
/// run as are limited to 2147483647 (CVE-2024-40635).
const MAX_ID: u32 = u32::MAX - 1;

/// Something that shall be in the layer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewFile {
    /// Where.
    pub path: ImagePath,
    /// What.
    pub content: NewContent,
    /// The permissions, if not those that the layer gives.
    pub mode: Option<u32>,
    /// User and group, if not those that the layer gives.
    pub owner: Option<(u32, u32)>,
}

/// What a new file is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NewContent {
    /// A file with this text in it.
    Text(String),
    /// A file with the content of one on the host, whose path is relative to the patch file.
    From(String),
    /// A symbolic link to what is spelled.
    Symlink(String),
    /// Another name of a file in the same layer.
    Hardlink(ImagePath),
    /// A directory.
    Directory,
}

impl NewFile {
    pub(super) fn decode_all(field: &Field<'_>, problems: &mut Problems) -> Option<Vec<Self>> {
        let help = "write at least one file, as in `- { path: /etc/motd, content: \"hello\\n\" }`";
        let items = field.items(help, problems)?;
        let files: Vec<Option<Self>> = items
            .iter()
            .map(|item| Self::decode(item, problems))
            .collect();
        files.into_iter().collect()
    }

    fn decode(field: &Field<'_>, problems: &mut Problems) -> Option<Self> {
        let keys = [&["path", "mode", "owner"], &SOURCES[..]].concat();
        let record = field.record(&keys, problems)?;
        let help = "specify the path in the image";
        let path = record
            .require("path", Code::MissingKey, help, problems)
            .and_then(|path| image_path(path, problems));
        let content = content(field, &record, problems);
        let mode = optional(&record, "mode", problems, mode);
        let owner = optional(&record, "owner", problems, ids);
        let (path, content, mode, owner) = (path?, content?, mode?, owner?);
        let useless = match content {
            NewContent::Symlink(_) => record.get("mode"),
            NewContent::Hardlink(_) => record.get("mode").or(record.get("owner")),
            _ => None,
        };
        if let Some(useless) = useless {
            let message = format!("{} has no effect on a link", useless.name);
            let problem = useless.problem(Code::InvalidValue, message);
            problems.add(problem.with_help("it is that of the link target"));
            return None;
        }
        Some(Self {
            path,
            content,
            mode,
            owner,
        })
    }
}

fn content(field: &Field<'_>, record: &Record<'_>, problems: &mut Problems) -> Option<NewContent> {
    let given: Vec<&str> = SOURCES
        .into_iter()
        .filter(|key| record.get(key).is_some())
        .collect();
    let [key] = given[..] else {
        let (code, message) = match given[..] {
            [] => (Code::MissingKey, format!("{} has no type", field.name)),
            _ => (
                Code::InvalidValue,
                format!("{} is more than one thing", field.name),
            ),
        };
        problems.add(field.problem(code, message).with_help(HELP));
        return None;
    };
    let value = record.get(key)?;
    Some(match key {
        "content" => NewContent::Text(value.text(problems)?.to_owned()),
        "from" => NewContent::From(source_path(value, problems)?),
        "symlink" => NewContent::Symlink(source_path(value, problems)?),
        "hardlink" => NewContent::Hardlink(image_path(value, problems)?),
        _ => {
            let text = value.word(problems)?;
            if text != "true" {
                let message = format!("{} is {}", value.name, quoted(text));
                problems.add(value.problem(Code::InvalidValue, message).with_help(HELP));
                return None;
            }
            NewContent::Directory
        }
    })
}

/// Reads what need not be there; nothing if it is there and wrong.
#[expect(
    clippy::option_option,
    reason = "the outer one is whether it was right, the inner one whether it was there"
)]
pub(super) fn optional<T>(
    record: &Record<'_>,
    key: &str,
    problems: &mut Problems,
    decode: impl Fn(&Field<'_>, &mut Problems) -> Option<T>,
) -> Option<Option<T>> {
    match record.get(key) {
        Some(field) => decode(field, problems).map(Some),
        None => Some(None),
    }
}

/// Reads `uid:gid`.
pub(super) fn ids(field: &Field<'_>, problems: &mut Problems) -> Option<(u32, u32)> {
    let text = field.word(problems)?;
    let ids = text
        .split_once(':')
        .and_then(|(user, group)| Some((id(user)?, id(group)?)));
    if ids.is_none() {
        let message = format!("{} is {}", field.name, quoted(text));
        let problem = field.problem(Code::InvalidValue, message);
        problems.add(problem.with_help(format!(
            "write two numbers up to {MAX_ID}, as in `0:0`; names have a meaning only in a running image"
        )));
    }
    ids
}

fn id(text: &str) -> Option<u32> {
    let is_plain = text.bytes().all(|b| b.is_ascii_digit()) && text.len() <= 10;
    let id = text.parse().ok().filter(|id| *id <= MAX_ID);
    id.filter(|_| is_plain)
}

schema::schemas! {
    Ids, "Ids", |_| json_schema!({
        "description": "User and group as numbers, as in `0:0`",
        "type": "string",
        "pattern": "^[0-9]{1,10}:[0-9]{1,10}$",
    });
    IsDirectory, "IsDirectory", |_| json_schema!({
        "description": "A directory",
        "enum": [true, "true"],
    });
}

pub(super) struct Ids;
struct IsDirectory;

/// One entry of the layer: one of `content`, `from`, `symlink`, `hardlink` and `directory`.
#[derive(JsonSchema)]
#[schemars(
    rename = "NewFile",
    deny_unknown_fields,
    rename_all = "kebab-case",
    extend("oneOf" = [
        { "required": ["content"] },
        { "required": ["from"] },
        { "required": ["symlink"], "not": { "required": ["mode"] } },
        { "required": ["hardlink"], "not": { "anyOf": [{ "required": ["mode"] }, { "required": ["owner"] }] } },
        { "required": ["directory"] },
    ])
)]
#[expect(
    dead_code,
    reason = "the fields are read by the derive, to describe them"
)]
pub(super) struct LongNewFile {
    /// The path in the image; `to` does not apply.
    path: ImagePath,
    /// The content of a file.
    content: Option<schema::Text>,
    /// The file to take the content from, relative to the patch file.
    from: Option<schema::SomeText>,
    /// The target of a symbolic link.
    symlink: Option<schema::SomeText>,
    /// The file in this layer that this is a hard link to.
    hardlink: Option<ImagePath>,
    /// `true` for a directory; an existing one gets the mode and owner given here.
    directory: Option<IsDirectory>,
    /// The permissions.
    mode: Option<Octal>,
    /// User and group.
    owner: Option<Ids>,
}

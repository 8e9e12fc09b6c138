//! `add-layer`: where files come from, where they go, and whose they are there.

use schemars::{JsonSchema, json_schema};

use super::decode::{Field, Problems};
use super::exclude::{self, Exclude};
use super::new_file::{LongNewFile, NewFile, ids, optional};
use super::{schema, values};
use crate::image_path::ImagePath;
use crate::problem::{Code, quoted};
use crate::timestamp::Timestamp;

const KEYS: [&str; 9] = [
    "from",
    "to",
    "exclude",
    "files",
    "owner",
    "mode",
    "mtime",
    "symlinks",
    "created-by",
];
const KEEP: &str = "keep";

/// What `add-layer` takes: `from`, `files` or both.
#[derive(Debug, Clone, PartialEq, Eq, JsonSchema)]
#[schemars(
    deny_unknown_fields,
    rename_all = "kebab-case",
    extend("anyOf" = [{ "required": ["from"] }, { "required": ["files"] }]),
    extend("dependencies" = { "to": ["from"], "exclude": ["from"] })
)]
pub struct AddLayer {
    /// The directory to take files from, relative to the patch file.
    #[schemars(with = "Option<schema::SomeText>")]
    pub from: Option<String>,
    /// The directory of the image to put them into; `/` if not given.
    #[schemars(with = "Option<ImagePath>")]
    pub to: ImagePath,
    /// What of `from` stays out.
    #[schemars(with = "Option<exclude::Patterns>")]
    pub exclude: Exclude,
    /// Files, links and directories that are written here or taken one by one.
    #[schemars(with = "Option<Vec<LongNewFile>>", extend("minItems" = 1))]
    pub files: Vec<NewFile>,
    /// Whose everything is: `0:0` if not given, or `keep` for the owners on the host.
    #[schemars(with = "Option<OwnerText>")]
    pub owner: LayerOwner,
    /// Which permissions files of the host get: `normal` for 0755 where the owner may execute and 0644 elsewhere,
    /// which is the default, or `keep`.
    #[schemars(with = "Option<LayerMode>")]
    pub mode: LayerMode,
    /// When everything last changed: `SOURCE_DATE_EPOCH` or 1970 if not given, or `keep` for the times on the host.
    #[schemars(with = "Option<TimeText>")]
    pub mtime: LayerTime,
    /// What to do where a path leads through a symbolic link of the image.
    #[schemars(with = "Option<Symlinks>")]
    pub symlinks: Symlinks,
    /// What the history says of the layer.
    #[schemars(with = "Option<schema::SomeText>")]
    pub created_by: Option<String>,
}

/// Whose the files of a layer are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LayerOwner {
    /// This user's and group's.
    Ids(u32, u32),
    /// Those that they are on the host.
    Keep,
}

/// Which permissions the files of a layer have.
#[derive(Debug, Clone, Copy, PartialEq, Eq, JsonSchema)]
#[schemars(rename_all = "kebab-case")]
pub enum LayerMode {
    /// 0755 for directories and for files that their owner may execute, else 0644.
    Normal,
    /// Those on the host.
    Keep,
}

/// When the files of a layer last changed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LayerTime {
    /// At the time of the whole run.
    Epoch,
    /// Then.
    At(Timestamp),
    /// When they did on the host.
    Keep,
}

/// What to do where a path leads through a symbolic link of the image.
#[derive(Debug, Clone, Copy, PartialEq, Eq, JsonSchema)]
#[schemars(rename_all = "kebab-case")]
pub enum Symlinks {
    /// Go where it points, which is the default.
    Follow,
    /// Put a directory in its place.
    Replace,
    /// Refuse.
    Error,
}

impl AddLayer {
    pub(super) fn decode(field: &Field<'_>, problems: &mut Problems) -> Option<Self> {
        let record = field.record(&KEYS, problems)?;
        if record.get("files").is_none() {
            let help = "say which directory to add, as in `from: ./rootfs`, or write `files`";
            record.require("from", Code::MissingKey, help, problems);
        }
        for key in ["to", "exclude"] {
            if let (Some(useless), None) = (record.get(key), record.get("from")) {
                let message = format!("`{key}` is about `from`, which is not there");
                problems.add(useless.clone().problem(Code::MissingKey, message));
            }
        }
        let mode = |field: &Field<'_>, problems: &mut Problems| {
            let choices = [("normal", LayerMode::Normal), (KEEP, LayerMode::Keep)];
            field.choice(&choices, problems)
        };
        let symlinks = |field: &Field<'_>, problems: &mut Problems| {
            let choices = [
                ("follow", Symlinks::Follow),
                ("replace", Symlinks::Replace),
                ("error", Symlinks::Error),
            ];
            field.choice(&choices, problems)
        };
        let from = optional(&record, "from", problems, source_path);
        let to = optional(&record, "to", problems, image_path);
        let exclude = optional(&record, "exclude", problems, Exclude::decode);
        let files = optional(&record, "files", problems, NewFile::decode_all);
        let owner = optional(&record, "owner", problems, owner);
        let mode = optional(&record, "mode", problems, mode);
        let mtime = optional(&record, "mtime", problems, time);
        let symlinks = optional(&record, "symlinks", problems, symlinks);
        let created_by = optional(&record, "created-by", problems, |field, problems| {
            Some(field.some_word(problems)?.to_owned())
        });
        let (from, files) = (from?, files?);
        if from.is_none() && files.is_none() {
            return None;
        }
        Some(Self {
            from,
            to: to?.unwrap_or_else(ImagePath::root),
            exclude: exclude?.unwrap_or_default(),
            files: files.unwrap_or_default(),
            owner: owner?.unwrap_or(LayerOwner::Ids(0, 0)),
            mode: mode?.unwrap_or(LayerMode::Normal),
            mtime: mtime?.unwrap_or(LayerTime::Epoch),
            symlinks: symlinks?.unwrap_or(Symlinks::Follow),
            created_by: created_by?,
        })
    }
}

fn owner(field: &Field<'_>, problems: &mut Problems) -> Option<LayerOwner> {
    if field.node.as_text() == Some(KEEP) {
        return Some(LayerOwner::Keep);
    }
    let (user, group) = ids(field, problems)?;
    Some(LayerOwner::Ids(user, group))
}

fn time(field: &Field<'_>, problems: &mut Problems) -> Option<LayerTime> {
    if field.node.as_text() == Some(KEEP) {
        return Some(LayerTime::Keep);
    }
    values::time(field, problems).map(LayerTime::At)
}

pub(super) fn source_path(field: &Field<'_>, problems: &mut Problems) -> Option<String> {
    let text = field.some_word(problems)?;
    if text.contains('\0') {
        let message = format!("{} has a NUL byte, which no path can hold", field.name);
        problems.add(field.problem(Code::InvalidPath, message));
        return None;
    }
    Some(text.to_owned())
}

pub(super) fn image_path(field: &Field<'_>, problems: &mut Problems) -> Option<ImagePath> {
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

schema::schemas! {
    OwnerText, "Owner", |_| json_schema!({
        "description": "User and group as numbers, as in `0:0`, or `keep`",
        "type": "string",
        "pattern": "^(keep|[0-9]{1,10}:[0-9]{1,10})$",
    });
    TimeText, "FileTime", |generator| json_schema!({
        "description": "A time of RFC 3339, or `keep`",
        "anyOf": [generator.subschema_for::<schema::Time>(), { "type": "string", "pattern": "^keep$" }],
    });
}

struct OwnerText;
struct TimeText;

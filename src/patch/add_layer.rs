//! `add-layer`: where files come from, where they go, and whose they are there.

use schemars::{JsonSchema, json_schema};

use super::decode::{Field, Problems, Record};
use super::exclude::{self, Exclude};
use super::layer_selector::{LayerNumber, layer_number};
use super::new_file::{LongNewFile, NewFile, ids, optional};
use super::paths::{image_path, source_path};
use super::{schema, values};
use crate::image_path::ImagePath;
use crate::problem::{Code, quoted};
use crate::timestamp::Timestamp;

const KEYS: [&str; 13] = [
    "from",
    "to",
    "exclude",
    "files",
    "owner",
    "mode",
    "mtime",
    "xattrs",
    "symlinks",
    "as-is",
    "at",
    "compression",
    "created-by",
];
const KEEP: &str = "keep";
/// What says how files are laid out, which a layer that is taken as it is has decided.
const LAYOUT: [&str; 7] = ["to", "exclude", "files", "owner", "mode", "mtime", "xattrs"];

/// What `add-layer` takes: `from`, `files` or both.
#[derive(Debug, Clone, PartialEq, Eq, JsonSchema)]
#[schemars(
    deny_unknown_fields,
    rename_all = "kebab-case",
    extend("anyOf" = [{ "required": ["from"] }, { "required": ["files"] }]),
    extend("dependencies" = { "to": ["from"], "exclude": ["from"], "xattrs": ["from"], "as-is": ["from"] }),
    extend("not" = { "required": ["as-is"], "anyOf": [
        { "required": ["to"] }, { "required": ["exclude"] }, { "required": ["files"] }, { "required": ["owner"] },
        { "required": ["mode"] }, { "required": ["mtime"] }, { "required": ["xattrs"] }, { "required": ["symlinks"] },
    ] })
)]
pub struct AddLayer {
    /// The directory or tar to take files from, relative to the patch file; a tar may be compressed.
    #[schemars(with = "Option<schema::SomeText>")]
    pub from: Option<String>,
    /// The directory in the image to put them into; the default is `/`.
    #[schemars(with = "Option<ImagePath>")]
    pub to: ImagePath,
    /// The files below `from` to leave out.
    #[schemars(with = "Option<exclude::Patterns>")]
    pub exclude: Exclude,
    /// Files, links and directories that are defined here or taken one by one.
    #[schemars(with = "Option<Vec<LongNewFile>>", extend("minItems" = 1))]
    pub files: Vec<NewFile>,
    /// The owner of all files, or `keep` for the owners in `from`. The default is `0:0` for a directory and `keep` for a tar.
    #[schemars(with = "Option<OwnerText>")]
    pub owner: Option<LayerOwner>,
    /// The permissions of files of `from`: `normal` for 0755 if the owner may execute and 0644 otherwise, or `keep`.
    /// The default is `normal` for a directory and `keep` for a tar.
    pub mode: Option<LayerMode>,
    /// The modification time of all files, or `keep` for the times in `from`. The default is `SOURCE_DATE_EPOCH` or 1970 for
    /// a directory and `keep` for a tar.
    #[schemars(with = "Option<TimeText>")]
    pub mtime: Option<LayerTime>,
    /// Whether to keep the extended attributes of files in `from`. The default is `none` for a directory and `keep` for a
    /// tar.
    pub xattrs: Option<LayerXattrs>,
    /// What to do if a path leads through a symbolic link of the image.
    #[schemars(with = "Option<Symlinks>")]
    pub symlinks: Symlinks,
    /// `true` uses the tar `from` as the layer, byte for byte: whiteouts remove files, and no link is followed.
    #[schemars(with = "Option<Yes>")]
    pub as_is: bool,
    /// The number of the new layer; the base is 1, and the default is on top.
    #[schemars(with = "Option<LayerNumber>")]
    pub at: Option<usize>,
    /// The compression of the layer in the archive; by default that of the layer below.
    pub compression: Option<LayerCompression>,
    /// The `created_by` of the history entry.
    #[schemars(with = "Option<schema::SomeText>")]
    pub created_by: Option<String>,
}

/// Whose the files of a layer are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LayerOwner {
    /// This user's and group's.
    Ids(u32, u32),
    /// Those in the source.
    Keep,
}

/// The permissions of the files of a layer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, JsonSchema)]
#[schemars(rename_all = "kebab-case")]
pub enum LayerMode {
    /// 0755 for directories and for files that the owner may execute, else 0644.
    Normal,
    /// Those in the source.
    Keep,
}

/// Whether to keep extended attributes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, JsonSchema)]
#[schemars(rename_all = "kebab-case")]
pub enum LayerXattrs {
    /// None.
    None,
    /// Those in the source, except labels of the host: `security.selinux`, `security.ima`, `security.evm` and `trusted.*`.
    Keep,
}

/// The compression of a layer in the archive.
#[derive(Debug, Clone, Copy, PartialEq, Eq, JsonSchema)]
#[schemars(rename_all = "kebab-case")]
pub enum LayerCompression {
    /// gzip.
    Gzip,
    /// zstd.
    Zstd,
    /// No compression.
    None,
}

/// When the files of a layer last changed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LayerTime {
    /// Then.
    At(Timestamp),
    /// When they did in the source.
    Keep,
}

/// What to do if a path leads through a symbolic link of the image.
#[derive(Debug, Clone, Copy, PartialEq, Eq, JsonSchema)]
#[schemars(rename_all = "kebab-case")]
pub enum Symlinks {
    /// Follow the link. This is the default.
    Follow,
    /// Replace the link with a directory.
    Replace,
    /// Report a problem.
    Error,
}

impl AddLayer {
    pub(super) fn decode(field: &Field<'_>, problems: &mut Problems) -> Option<Self> {
        Self::of_record(&field.record(&KEYS, problems)?, problems)
    }

    /// Reads a layer that comes in the place of another, and so has no place of its own.
    pub(super) fn decode_replacement(field: &Field<'_>, problems: &mut Problems) -> Option<Self> {
        let keys: Vec<&'static str> = KEYS.into_iter().filter(|key| *key != "at").collect();
        Self::of_record(&field.record(&keys, problems)?, problems)
    }

    fn of_record(record: &Record<'_>, problems: &mut Problems) -> Option<Self> {
        if record.get("files").is_none() {
            let help = "specify the directory to add, as in `from: ./rootfs`, or write `files`";
            record.require("from", Code::MissingKey, help, problems);
        }
        for key in ["to", "exclude", "xattrs", "as-is"] {
            if let (Some(useless), None) = (record.get(key), record.get("from")) {
                let message = format!("`{key}` requires `from`");
                problems.add(useless.clone().problem(Code::MissingKey, message));
            }
        }
        if let Some(as_is) = record.get("as-is") {
            let given = LAYOUT.iter().chain(&["symlinks"]);
            for useless in given.filter_map(|key| record.get(key)) {
                let message = format!("{} has no effect with `as-is: true`", useless.name);
                let problem = useless.problem(Code::InvalidValue, message);
                problems.add(problem.with_help(format!("remove {} or it", as_is.name)));
            }
        }
        let mode = |field: &Field<'_>, problems: &mut Problems| {
            let choices = [("normal", LayerMode::Normal), (KEEP, LayerMode::Keep)];
            field.one_of(&choices, problems)
        };
        let xattrs = |field: &Field<'_>, problems: &mut Problems| {
            let choices = [("none", LayerXattrs::None), (KEEP, LayerXattrs::Keep)];
            field.one_of(&choices, problems)
        };
        let symlinks = |field: &Field<'_>, problems: &mut Problems| {
            let choices = [
                ("follow", Symlinks::Follow),
                ("replace", Symlinks::Replace),
                ("error", Symlinks::Error),
            ];
            field.choice(&choices, problems)
        };
        let from = optional(record, "from", problems, source_path);
        let to = optional(record, "to", problems, image_path);
        let exclude = optional(record, "exclude", problems, Exclude::decode);
        let files = optional(record, "files", problems, NewFile::decode_all);
        let owner = optional(record, "owner", problems, owner);
        let mode = optional(record, "mode", problems, mode);
        let mtime = optional(record, "mtime", problems, time);
        let xattrs = optional(record, "xattrs", problems, xattrs);
        let symlinks = optional(record, "symlinks", problems, symlinks);
        let as_is = optional(record, "as-is", problems, yes);
        let at = optional(record, "at", problems, layer_at);
        let compression = optional(record, "compression", problems, LayerCompression::decode);
        let created_by = optional(record, "created-by", problems, |field, problems| {
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
            owner: owner?,
            mode: mode?,
            mtime: mtime?,
            xattrs: xattrs?,
            symlinks: symlinks?.unwrap_or(Symlinks::Follow),
            as_is: as_is?.is_some(),
            at: at?,
            compression: compression?,
            created_by: created_by?,
        })
    }
}

impl LayerCompression {
    pub(super) fn decode(field: &Field<'_>, problems: &mut Problems) -> Option<Self> {
        let choices = [
            ("gzip", Self::Gzip),
            ("zstd", Self::Zstd),
            ("none", Self::None),
        ];
        field.one_of(&choices, problems)
    }
}

/// Reads `true`, the one thing that makes sense to say.
pub(super) fn yes(field: &Field<'_>, problems: &mut Problems) -> Option<()> {
    field.one_of(&[("true", ())], problems)
}

/// Reads the number of a layer; the base is layer 1.
pub(super) fn layer_at(field: &Field<'_>, problems: &mut Problems) -> Option<usize> {
    let text = field.word(problems)?;
    let number = layer_number(text);
    if number.is_none() {
        let message = format!("{} is not the number of a layer", quoted(text));
        let problem = field.problem(Code::InvalidValue, message);
        problems.add(problem.with_help("the base is layer 1"));
    }
    number
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

schema::schemas! {
    Yes, "Yes", |_| json_schema!({
        "description": "`true`; omit the key otherwise",
        "enum": [true, "true"],
    });
    OwnerText, "Owner", |_| json_schema!({
        "description": "User and group as numbers, as in `0:0`, or `keep`",
        "type": "string",
        "pattern": "^(keep|[0-9]{1,10}:[0-9]{1,10})$",
    });
    TimeText, "FileTime", |generator| json_schema!({
        "description": "An RFC 3339 timestamp, or `keep`",
        "anyOf": [generator.subschema_for::<schema::Time>(), { "type": "string", "pattern": "^keep$" }],
    });
}

struct OwnerText;
struct TimeText;
pub(super) struct Yes;

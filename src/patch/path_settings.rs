//! `set-mode` and `set-owner`: paths of the image, and what each is to have.

use schemars::{JsonSchema, json_schema};

use super::decode::{Field, Problems};
use super::file_mode::FileMode;
use super::new_file::{Ids, ids, optional};
use super::pattern::MAX_PATTERN_BYTES;
use super::removal::IfMissing;
use super::schema;
use crate::image_path::ImagePath;
use crate::problem::{Address, Code, Problem, quoted};

const MODE_HELP: &str = "write at least one path, as in `{ /usr/bin/app: \"0755\" }`";
const OWNER_HELP: &str = "write at least one path, as in `{ /srv/app: \"1000:1000\" }`";

/// What an operation sets of files of the image.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PathSettings<T> {
    /// Paths or patterns over them, and what these get; the last one that matches a path counts.
    pub settings: Vec<(ImagePath, T)>,
    /// What a path is that is not there.
    pub if_missing: IfMissing,
    /// Where the change is made.
    pub place: EditPlace,
    /// The `created_by` of the history entry.
    pub created_by: Option<String>,
    is_long: bool,
}

/// The layer in which files are changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, JsonSchema)]
#[schemars(rename_all = "kebab-case")]
pub enum EditPlace {
    /// A new one on top, which is the default.
    #[default]
    NewLayer,
    /// The layer that contains the file, which is rebuilt.
    Layer,
}

impl EditPlace {
    pub(super) fn decode(field: &Field<'_>, problems: &mut Problems) -> Option<Self> {
        let choices = [("new-layer", Self::NewLayer), ("layer", Self::Layer)];
        field.choice(&choices, problems)
    }
}

impl<T> PathSettings<T> {
    /// Returns the address of the setting `index`, given the one of the operation.
    #[must_use]
    pub fn address(&self, operation: Address, index: usize) -> Address {
        if self.is_long {
            operation.key("set").index(index)
        } else {
            operation.index(index)
        }
    }

    fn decode(
        field: &Field<'_>,
        help: &str,
        problems: &mut Problems,
        value: impl Fn(&Field<'_>, &mut Problems) -> Option<T>,
    ) -> Option<Self> {
        let is_long = field.has_key("set");
        let record = if is_long {
            Some(field.record(&["set", "if-missing", "in", "created-by"], problems)?)
        } else {
            None
        };
        let (mut if_missing, mut place, mut created_by) = (
            Some(IfMissing::Problem),
            Some(Some(EditPlace::NewLayer)),
            Some(None),
        );
        if let Some(record) = &record {
            if_missing = IfMissing::of(record, problems);
            place = optional(record, "in", problems, EditPlace::decode);
            created_by = optional(record, "created-by", problems, created_by_text);
            let useless = record
                .get("created-by")
                .filter(|_| place == Some(Some(EditPlace::Layer)));
            if let Some(useless) = useless {
                problems.add(told_by_layer(useless));
            }
        }
        let map = record
            .as_ref()
            .and_then(|record| record.get("set"))
            .unwrap_or(field);
        let mut settings = Vec::new();
        for (name, field) in map.entries(help, problems)? {
            let path = path_key(name, &field, problems);
            let value = value(&field, problems);
            settings.push(path.zip(value));
        }
        Some(Self {
            settings: settings.into_iter().collect::<Option<_>>()?,
            if_missing: if_missing?,
            place: place?.unwrap_or_default(),
            created_by: created_by?,
            is_long,
        })
    }
}

impl PathSettings<FileMode> {
    pub(super) fn decode_modes(field: &Field<'_>, problems: &mut Problems) -> Option<Self> {
        Self::decode(field, MODE_HELP, problems, FileMode::decode)
    }
}

impl PathSettings<(u32, u32)> {
    pub(super) fn decode_owners(field: &Field<'_>, problems: &mut Problems) -> Option<Self> {
        Self::decode(field, OWNER_HELP, problems, ids)
    }
}

pub(super) fn created_by_text(field: &Field<'_>, problems: &mut Problems) -> Option<String> {
    Some(field.some_word(problems)?.to_owned())
}

/// A layer that is made anew keeps its history entry.
pub(super) fn told_by_layer(field: &Field<'_>) -> Problem {
    let message = format!("{} has no effect if no layer is added", field.name);
    let problem = field.problem(Code::InvalidValue, message);
    problem.with_help("the layer keeps its history entry")
}

/// Reads the path that is the key of `field`.
pub(super) fn path_key(
    name: &str,
    field: &Field<'_>,
    problems: &mut Problems,
) -> Option<ImagePath> {
    let mut problem = |message: String, help: &str| {
        let address = field.address.clone().on_key();
        problems.add(Problem::new(Code::InvalidPath, address, message).with_help(help));
    };
    match ImagePath::parse(name) {
        Ok(_) if name.len() > MAX_PATTERN_BYTES => {
            let message = format!(
                "{} is a path of {} bytes; at most {MAX_PATTERN_BYTES} are allowed",
                quoted(name),
                name.len()
            );
            problem(message, "this is the limit of Linux");
            None
        }
        Ok(path) if path.is_root() => {
            let message = "the root directory cannot be changed".to_owned();
            problem(message, "`/*` is everything in it");
            None
        }
        Ok(path) => Some(path),
        Err(reason) => {
            let message = format!("{} is not a path: {reason}", quoted(name));
            problem(message, "write an absolute path, as in `/etc/app.conf`");
            None
        }
    }
}

schema::schemas! {
    ModeSettings, "ModeSettings", |generator| json_schema!({
        "description": "Permissions by path or pattern, or a map of these and of options",
        "if": { "required": ["set"] },
        "then": generator.subschema_for::<LongModeSettings>(),
        "else": generator.subschema_for::<Modes>(),
    });
    Modes, "Modes", |generator| json_schema!({
        "description": "Permissions by path or pattern; the last match wins",
        "type": "object",
        "minProperties": 1,
        "propertyNames": { "pattern": PATH_KEY },
        "additionalProperties": generator.subschema_for::<FileMode>(),
    });
    OwnerSettings, "OwnerSettings", |generator| json_schema!({
        "description": "Owners by path or pattern, or a map of these and of options",
        "if": { "required": ["set"] },
        "then": generator.subschema_for::<LongOwnerSettings>(),
        "else": generator.subschema_for::<Owners>(),
    });
    Owners, "Owners", |generator| json_schema!({
        "description": "Owners by path or pattern; the last match wins",
        "type": "object",
        "minProperties": 1,
        "propertyNames": { "pattern": PATH_KEY },
        "additionalProperties": generator.subschema_for::<Ids>(),
    });
}

/// An absolute path without `..` that is not the root.
pub(super) const PATH_KEY: &str = "^(?!(.*/)?\\.\\.(/|$))/+[^/]";

pub(super) struct ModeSettings;
pub(super) struct OwnerSettings;
struct Modes;
struct Owners;

/// Permissions, and options.
#[derive(JsonSchema)]
#[schemars(deny_unknown_fields, rename_all = "kebab-case")]
#[expect(
    dead_code,
    reason = "the fields are read by the derive, to describe them"
)]
struct LongModeSettings {
    /// The permissions.
    set: Modes,
    /// What to do if a pattern matches nothing: report a problem (the default) or ignore it.
    if_missing: Option<IfMissing>,
    /// The layer that is changed.
    r#in: Option<EditPlace>,
    /// The `created_by` of the history entry.
    created_by: Option<schema::SomeText>,
}

/// Owners, and options.
#[derive(JsonSchema)]
#[schemars(deny_unknown_fields, rename_all = "kebab-case")]
#[expect(
    dead_code,
    reason = "the fields are read by the derive, to describe them"
)]
struct LongOwnerSettings {
    /// The owners.
    set: Owners,
    /// What to do if a pattern matches nothing: report a problem (the default) or ignore it.
    if_missing: Option<IfMissing>,
    /// The layer that is changed.
    r#in: Option<EditPlace>,
    /// The `created_by` of the history entry.
    created_by: Option<schema::SomeText>,
}

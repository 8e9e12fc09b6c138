//! `move-path`: files and directories of the image that get another path.

use schemars::{JsonSchema, json_schema};

use super::decode::{Field, Problems};
use super::new_file::optional;
use super::path_settings::{PATH_KEY, created_by_text, path_key};
use super::paths::image_path;
use super::removal::IfMissing;
use super::schema;
use crate::image_path::ImagePath;
use crate::problem::{Address, Code};

const HELP: &str =
    "write at least one path and its new path, as in `{ /etc/old.conf: /etc/new.conf }`";

/// What `move-path` takes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PathMoves {
    /// Where what goes.
    pub moves: Vec<(ImagePath, ImagePath)>,
    /// What a path is that is not there.
    pub if_missing: IfMissing,
    /// The `created_by` of the history entry.
    pub created_by: Option<String>,
    is_long: bool,
}

impl PathMoves {
    /// Returns the address of the move `index`, given the one of the operation.
    #[must_use]
    pub fn address(&self, operation: Address, index: usize) -> Address {
        if self.is_long {
            operation.key("move").index(index)
        } else {
            operation.index(index)
        }
    }

    pub(super) fn decode(field: &Field<'_>, problems: &mut Problems) -> Option<Self> {
        let is_long = field.has_key("move");
        let record = if is_long {
            Some(field.record(&["move", "if-missing", "created-by"], problems)?)
        } else {
            None
        };
        let (mut if_missing, mut created_by) = (Some(IfMissing::Problem), Some(None));
        if let Some(record) = &record {
            if_missing = IfMissing::of(record, problems);
            created_by = optional(record, "created-by", problems, created_by_text);
        }
        let map = record.as_ref().and_then(|record| record.get("move"));
        let mut moves = Vec::new();
        for (name, field) in map.unwrap_or(field).entries(HELP, problems)? {
            let from = path_key(name, &field, problems);
            let to = image_path(&field, problems);
            if let (Some(from), Some(to)) = (&from, &to)
                && (to == from || is_below(to, from))
            {
                let message = format!("cannot move `{from}` to `{to}`, which is inside it");
                problems.add(field.problem(Code::InvalidPath, message));
            }
            moves.push(from.zip(to));
        }
        Some(Self {
            moves: moves.into_iter().collect::<Option<_>>()?,
            if_missing: if_missing?,
            created_by: created_by?,
            is_long,
        })
    }
}

fn is_below(path: &ImagePath, directory: &ImagePath) -> bool {
    std::iter::successors(path.parent(), ImagePath::parent).any(|parent| parent == *directory)
}

schema::schemas! {
    PathMovesSchema, "PathMoves", |generator| json_schema!({
        "description": "New paths by old path, or a map of these and of options",
        "if": { "required": ["move"] },
        "then": generator.subschema_for::<LongPathMoves>(),
        "else": generator.subschema_for::<Moves>(),
    });
    Moves, "Moves", |generator| json_schema!({
        "description": "New paths by old path",
        "type": "object",
        "minProperties": 1,
        "propertyNames": { "pattern": PATH_KEY },
        "additionalProperties": generator.subschema_for::<ImagePath>(),
    });
}

pub(super) struct PathMovesSchema;
struct Moves;

/// Paths to move, and options.
#[derive(JsonSchema)]
#[schemars(deny_unknown_fields, rename_all = "kebab-case")]
#[expect(
    dead_code,
    reason = "the fields are read by the derive, to describe them"
)]
struct LongPathMoves {
    /// New paths by old path.
    r#move: Moves,
    /// What to do if a path does not exist: report a problem (the default) or ignore it.
    if_missing: Option<IfMissing>,
    /// The `created_by` of the history entry.
    created_by: Option<schema::SomeText>,
}

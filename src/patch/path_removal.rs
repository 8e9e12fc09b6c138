//! `remove-path`: which files of the image go.

use schemars::{JsonSchema, json_schema};

use super::add_layer::{Yes, yes};
use super::decode::{Field, Problems};
use super::new_file::optional;
use super::path_settings::{created_by_text, told_by_layer};
use super::paths::image_path;
use super::pattern::too_long;
use super::removal::{IfMissing, Matches, item_address};
use super::schema;
use crate::image_path::ImagePath;
use crate::problem::{Address, Code};

const HELP: &str = "write at least one path or pattern, as in `[/var/cache/*]`";

/// What `remove-path` takes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PathRemoval {
    /// Patterns: in a component `*` stands for any characters and `?` for one, the component `**` for any directories.
    pub patterns: Vec<ImagePath>,
    /// What a pattern is that matches nothing.
    pub if_missing: IfMissing,
    /// The `created_by` of the history entry.
    pub created_by: Option<String>,
    /// Whether the paths go out of every layer, rather than being hidden by a new one.
    pub purges: bool,
    /// Whether layers go in which nothing is left then.
    pub drops_empty_layers: bool,
    is_long: bool,
}

impl PathRemoval {
    /// Returns the address of the pattern `index`, given the one of the operation.
    #[must_use]
    pub fn pattern_address(&self, operation: Address, index: usize) -> Address {
        item_address(operation, index, self.is_long)
    }

    pub(super) fn decode(field: &Field<'_>, problems: &mut Problems) -> Option<Self> {
        let keys = ["created-by", "purge", "drop-empty-layers"];
        let matches = Matches::decode(field, &keys, HELP, problems)?;
        let (mut created_by, mut purge, mut drop) = (Some(None), Some(None), Some(None));
        if let Some(record) = &matches.record {
            created_by = optional(record, "created-by", problems, created_by_text);
            purge = optional(record, "purge", problems, yes);
            drop = optional(record, "drop-empty-layers", problems, yes);
            if let (Some(useless), Some(_)) = (record.get("created-by"), record.get("purge")) {
                problems.add(told_by_layer(useless));
            }
            if let (Some(useless), None) = (record.get("drop-empty-layers"), record.get("purge")) {
                let message = "`drop-empty-layers` requires `purge`";
                problems.add(useless.problem(Code::MissingKey, message));
            }
        }
        let items = matches.list.as_ref()?.items(HELP, problems)?;
        let patterns: Vec<Option<ImagePath>> =
            items.iter().map(|item| pattern(item, problems)).collect();
        Some(Self {
            patterns: patterns.into_iter().collect::<Option<_>>()?,
            if_missing: matches.if_missing?,
            created_by: created_by?,
            purges: purge?.is_some(),
            drops_empty_layers: drop?.is_some(),
            is_long: matches.record.is_some(),
        })
    }
}

fn pattern(field: &Field<'_>, problems: &mut Problems) -> Option<ImagePath> {
    let path = image_path(field, problems)?;
    let too_long = field.node.as_text().and_then(|text| too_long(field, text));
    if let Some(problem) = too_long {
        problems.add(problem);
        return None;
    }
    if path.is_root() {
        let problem = field.problem(Code::InvalidPath, "the root directory cannot be removed");
        problems.add(problem.with_help("`/*` is everything in it"));
        return None;
    }
    Some(path)
}

schema::schemas! {
    PathRemovalSchema, "PathRemoval", |generator| json_schema!({
        "description": "Paths and patterns, or a map of them and of options",
        "anyOf": [generator.subschema_for::<PathPatterns>(), generator.subschema_for::<LongPathRemoval>()],
    });
    PathPatterns, "PathPatterns", |generator| schema::list(generator.subschema_for::<PathPattern>(), "Paths and patterns", false);
    PathPattern, "PathPattern", |_| json_schema!({
        "description": "An absolute path without `..`; `*` and `?` match characters of one name, `**` matches any directories",
        "type": "string",
        "pattern": "^(?!(.*/)?\\.\\.(/|$))/+[^/]",
    });
}

pub(super) struct PathRemovalSchema;
struct PathPatterns;
struct PathPattern;

/// Paths, and what to do if one does not exist.
#[derive(JsonSchema)]
#[schemars(
    deny_unknown_fields,
    rename_all = "kebab-case",
    extend("dependencies" = { "drop-empty-layers": ["purge"] }),
    extend("not" = { "required": ["purge", "created-by"] })
)]
#[expect(
    dead_code,
    reason = "the fields are read by the derive, to describe them"
)]
struct LongPathRemoval {
    /// The patterns.
    r#match: PathPatterns,
    /// What to do if a pattern matches nothing: report a problem (the default) or ignore it.
    if_missing: Option<IfMissing>,
    /// The `created_by` of the history entry.
    created_by: Option<schema::SomeText>,
    /// `true` removes the paths from every layer, so that the archive no longer contains them.
    purge: Option<Yes>,
    /// `true` drops layers that become empty.
    drop_empty_layers: Option<Yes>,
}

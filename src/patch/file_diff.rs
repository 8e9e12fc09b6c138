//! `patch-file`: a unified diff against a file as the image shows it.

use schemars::JsonSchema;

use super::decode::{Field, Problems};
use super::new_file::optional;
use super::path_settings::{EditPlace, created_by_text, told_by_layer};
use super::paths::{image_path, source_path};
use super::schema;
use crate::image_path::ImagePath;
use crate::problem::{Code, quoted};
use crate::unified_diff::UnifiedDiff;

const KEYS: [&str; 6] = ["path", "diff", "from", "fuzz", "in", "created-by"];
const HELP: &str = "write the diff under `diff: |`, or its path under `from`";
/// GNU patch takes two if nobody says otherwise; more than this many lines nobody compares.
const MAX_FUZZ: usize = 100;

/// What `patch-file` takes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileDiff {
    /// The file.
    pub path: ImagePath,
    /// The diff.
    pub diff: DiffSource,
    /// How many lines of context at both ends of a hunk may be others.
    pub fuzz: usize,
    /// Where the change is made.
    pub place: EditPlace,
    /// The `created_by` of the history entry.
    pub created_by: Option<String>,
}

/// Where a diff is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DiffSource {
    /// In the patch.
    Inline(UnifiedDiff),
    /// In a file, whose path is relative to the patch file.
    File(String),
}

impl FileDiff {
    pub(super) fn decode(field: &Field<'_>, problems: &mut Problems) -> Option<Self> {
        let record = field.record(&KEYS, problems)?;
        let help = "specify the file of the image, as in `path: /etc/app.conf`";
        let path = record
            .require("path", Code::MissingKey, help, problems)
            .and_then(|path| image_path(path, problems));
        let diff = match (record.get("diff"), record.get("from")) {
            (Some(diff), None) => inline(diff, problems),
            (None, Some(from)) => source_path(from, problems).map(DiffSource::File),
            (given, _) => {
                let (code, message) = match given {
                    None => (Code::MissingKey, "has no `diff`"),
                    Some(_) => (Code::InvalidValue, "has two diffs"),
                };
                let problem = field.problem(code, format!("{} {message}", field.name));
                problems.add(problem.with_help(HELP));
                None
            }
        };
        let fuzz = optional(&record, "fuzz", problems, fuzz);
        let place = optional(&record, "in", problems, EditPlace::decode);
        let created_by = optional(&record, "created-by", problems, created_by_text);
        if let (Some(useless), Some(Some(EditPlace::Layer))) = (record.get("created-by"), place) {
            problems.add(told_by_layer(useless));
        }
        Some(Self {
            path: path?,
            diff: diff?,
            fuzz: fuzz?.unwrap_or(0),
            place: place?.unwrap_or_default(),
            created_by: created_by?,
        })
    }
}

fn inline(field: &Field<'_>, problems: &mut Problems) -> Option<DiffSource> {
    let text = field.some_text(problems)?;
    match UnifiedDiff::parse(text.as_bytes()) {
        Ok(diff) => Some(DiffSource::Inline(diff)),
        Err(reason) => {
            let message = format!("{} is not a unified diff: {reason}", field.name);
            let problem = field.problem(Code::InvalidValue, message);
            problems.add(problem.with_help(
                "write the output of `diff -u old new` below `diff: |`, indented further",
            ));
            None
        }
    }
}

fn fuzz(field: &Field<'_>, problems: &mut Problems) -> Option<usize> {
    let text = field.word(problems)?;
    let number = text
        .parse()
        .ok()
        .filter(|n: &usize| *n <= MAX_FUZZ && n.to_string() == text);
    if number.is_none() {
        let message = format!("{} is {}", field.name, quoted(text));
        let problem = field.problem(Code::InvalidValue, message);
        problems.add(problem.with_help(format!("write a number of lines up to {MAX_FUZZ}")));
    }
    number
}

/// A diff, and the file that it applies to.
#[derive(JsonSchema)]
#[schemars(
    rename = "FileDiff",
    deny_unknown_fields,
    rename_all = "kebab-case",
    extend("oneOf" = [{ "required": ["diff"] }, { "required": ["from"] }])
)]
#[expect(
    dead_code,
    reason = "the fields are read by the derive, to describe them"
)]
pub(super) struct FileDiffSchema {
    /// The file of the image.
    path: ImagePath,
    /// A unified diff of the file, as `diff -u` prints it.
    diff: Option<schema::SomeText>,
    /// A file with such a diff, relative to the patch file.
    from: Option<schema::SomeText>,
    /// The number of context lines at both ends of a hunk that may differ; the default is 0.
    fuzz: Option<schema::Count>,
    /// The layer that is changed.
    r#in: Option<EditPlace>,
    /// The `created_by` of the history entry.
    created_by: Option<schema::SomeText>,
}

//! `patch-file`: a unified diff against a file as the image shows it.

use crate::image_path::ImagePath;
use crate::problem::{Code, quoted};
use crate::shape::{
    Count, EditPlace, Field, NoNewLayer, Problems, SomeText, SourcePath, Word, one_of, record,
    shape,
};
use crate::unified_diff::UnifiedDiff;

/// GNU patch takes two if nobody says otherwise; more than this many lines nobody compares.
const MAX_FUZZ: usize = 100;

record! {
    /// A diff, and the file that it applies to.
    pub struct FileDiff("FileDiff") {
        /// The file of the image.
        "path" pub path: ImagePath = required::<ImagePath>("specify the file of the image, as in `path: /etc/app.conf`");
        /// The diff.
        pub diff: DiffSource = one_of::<DiffSource>();
        /// The number of context lines at both ends of a hunk that may differ; the default is 0.
        "fuzz" pub fuzz: usize = default::<Fuzz>();
        /// The layer that is changed.
        "in" pub place: EditPlace = default::<EditPlace>();
        /// The `created_by` of the history entry.
        "created-by" pub created_by: Option<String> = optional::<Word>();
    }
    rule NoNewLayer;
}

/// Where a diff is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DiffSource {
    /// In the patch.
    Inline(UnifiedDiff),
    /// In a file, whose path is relative to the patch file.
    File(String),
}

one_of! {
    DiffSource, "has no `diff`", "has two diffs", "write the diff under `diff: |`, or its path under `from`";
    /// A unified diff of the file, as `diff -u` prints it.
    "diff" InlineDiff => DiffSource::Inline;
    /// A file with such a diff, relative to the patch file.
    "from" SourcePath => DiffSource::File;
}

shape! {
    /// A unified diff.
    struct InlineDiff like SomeText, -> UnifiedDiff { inline }
}

shape! {
    /// A number of lines of context.
    struct Fuzz like Count, -> usize { fuzz }
}

fn inline(field: &Field<'_>, problems: &mut Problems) -> Option<UnifiedDiff> {
    let text = field.some_text(problems)?;
    match UnifiedDiff::parse(text.as_bytes()) {
        Ok(diff) => Some(diff),
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

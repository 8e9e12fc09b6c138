//! `patch-file`: a file as the image shows it, changed as a diff says.

use serde_json::json;

use super::{Docs, Inverse, Needs, Room, Sources, ValueOf};
use crate::edit::files::EditTarget;
use crate::edit::image::EditedImage;
use crate::edit::text::{NamedFile, TextEdit, TextFile};
use crate::image_path::ImagePath;
use crate::printable;
use crate::problem::{Address, Code, quoted};
use crate::shape::{
    EditPlace, Field, IfMissing, NoNewLayer, Problems, SomeText, SourcePath, Word, one_of, record,
    shape,
};
use crate::unified_diff::{Outcome, Placement, Reject, UnifiedDiff};

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
    /// A number of lines of context
    struct Fuzz("Fuzz") -> usize {
        |_| json!({
            "type": ["string", "integer"],
            "minimum": 0,
            "maximum": MAX_FUZZ,
            "pattern": "^(0|[1-9][0-9]?|100)$",
            "patternErrorMessage": fuzz_help(),
        }),
        fuzz
    }
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

fn fuzz_help() -> String {
    format!("write a number of lines up to {MAX_FUZZ}")
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
        problems.add(problem.with_help(fuzz_help()));
    }
    number
}

impl Room for FileDiff {
    type Shape = Self;

    const KEY: &'static str = "patch-file";

    const DOCS: Docs = Docs {
        does: "Applies a unified diff to a text file.",
        takes: "`{path: path, diff: string}`, or `from` with the path of a diff instead of `diff`, and `fuzz`, `in` and `created-by`",
        example: "{ path: /etc/a, diff: \"@@ -1 +1 @@\\n-x\\n+y\\n\" }",
        before: "layers: [etc/ etc/a(\"x\\n\")]",
        after: "layers: [etc/ etc/a(\"x\\n\")] [etc/ etc/a(\"y\\n\")]",
    };

    const INVERSE: Inverse = Inverse::Never("layers that differ are taken as they are");

    const SAMPLES: &'static [&'static str] =
        &["{ path: /etc/greeting, diff: \"@@ -1 +1 @@\\n-x\\n+y\\n\" }"];

    fn needs(diff: &ValueOf<Self>) -> Needs<'_> {
        let sources = match &diff.diff {
            DiffSource::Inline(_) => Sources::None,
            DiffSource::File(path) => Sources::Diff(path),
        };
        Needs {
            sources,
            ..Needs::edit(diff.place)
        }
    }

    fn plan<'a>(diff: &'a ValueOf<Self>, image: &mut EditedImage<'a>) {
        patch(image, diff);
    }
}

/// More rejects than anybody reads.
const MAX_REJECTS: usize = 5;

fn patch(image: &mut EditedImage<'_>, patch: &FileDiff) {
    let diff = match &patch.diff {
        DiffSource::Inline(diff) => diff,
        DiffSource::File(_) => {
            let diff = image.source().diff.as_ref();
            let Some(diff) = diff else { return };
            diff
        }
    };
    let address = image.address();
    let file = image.named_text(&NamedFile {
        path: &patch.path,
        address: address.clone().key("path"),
        if_missing: IfMissing::Problem,
        help: "a diff changes an existing file; use `add-layer` for new ones",
    });
    if let Some(file) = file {
        patch_text(image, patch, diff, file);
    }
}

fn patch_text(image: &mut EditedImage<'_>, patch: &FileDiff, diff: &UnifiedDiff, file: TextFile) {
    let address = image.address();
    let name = file.name();
    match diff.apply(&file.text, patch.fuzz) {
        Outcome::AlreadyApplied => {
            let note = format!("{name} already has the changes of the diff");
            image.state.note(note);
        }
        Outcome::Rejected(rejects) => {
            for reject in rejects.iter().take(MAX_REJECTS) {
                let message = rejected(&file, reject, diff);
                let help = if let Some(help) = line_ends(reject) {
                    help
                } else if patch.fuzz == 0 {
                    "make the diff from the file in the image, or allow some `fuzz`"
                } else {
                    "make the diff from the file in the image"
                };
                let place = diff_address(patch, &address);
                image.problem(Code::DiffRejected, place, message, help);
            }
        }
        Outcome::Applied { text, hunks } => {
            for (n, placement) in hunks.iter().enumerate() {
                if let Some(note) = placed(&name, n + 1, *placement) {
                    image.state.note(note);
                }
            }
            let target = EditTarget {
                place: patch.place,
                created_by: patch.created_by.as_deref(),
                address: &address,
            };
            image.edit_text(TextEdit { file, text }, &target);
        }
    }
}

fn diff_address(patch: &FileDiff, operation: &Address) -> Address {
    operation.clone().key(match patch.diff {
        DiffSource::Inline(_) => "diff",
        DiffSource::File(_) => "from",
    })
}

/// Says what to do where only the ends of the lines differ.
fn line_ends(reject: &Reject) -> Option<&'static str> {
    let (found, wanted) = (reject.found.as_deref()?, reject.wanted.as_deref()?);
    let is_unix_of = |lf: &[u8], crlf: &[u8]| {
        let line = crlf.strip_suffix(b"\r\n");
        line.is_some() && line == lf.strip_suffix(b"\n")
    };
    if is_unix_of(found, wanted) {
        return Some(
            "the diff has CRLF line ends, the file has LF: convert the diff, as with `dos2unix`",
        );
    }
    is_unix_of(wanted, found).then_some(
        "the file has CRLF line ends, the diff has LF: convert the diff, as with `unix2dos`",
    )
}

fn rejected(file: &TextFile, reject: &Reject, diff: &UnifiedDiff) -> String {
    let line = |line: &Option<Vec<u8>>| match line {
        None => "the end of the file".to_owned(),
        Some(line) => quoted(printable::decoded(line).trim_end_matches('\n')),
    };
    let (mut found, mut wanted) = (line(&reject.found), line(&reject.wanted));
    if found == wanted {
        let ends = |line: &Option<Vec<u8>>| line.as_ref().is_some_and(|line| line.ends_with(b"\n"));
        for (text, line) in [(&mut found, &reject.found), (&mut wanted, &reject.wanted)] {
            let with = if ends(line) { "with" } else { "without" };
            *text = format!("{text} {with} a newline");
        }
    }
    if file.is_private {
        "another one".clone_into(&mut found);
    }
    let name = file.name();
    format!(
        "hunk {} of {} does not fit {name}: line {} is {found}; the diff expects {wanted}",
        reject.hunk,
        diff.n_hunks(),
        reject.line,
    )
}

/// Says where a hunk went that did not go where the diff says, as `git apply` does.
fn placed(name: &str, n: usize, placement: Placement) -> Option<String> {
    let Placement { line, offset, fuzz } = placement;
    if offset == 0 && fuzz == 0 {
        return None;
    }
    let mut how = Vec::new();
    if offset != 0 {
        let lines = if offset.abs() == 1 { "line" } else { "lines" };
        how.push(format!("offset {offset} {lines}"));
    }
    if fuzz > 0 {
        how.push(format!("fuzz {fuzz}"));
    }
    Some(format!(
        "hunk {n} of {name} fits at line {line} ({})",
        how.join(", ")
    ))
}

#[cfg(test)]
mod tests {
    use super::{Placement, Reject, TextFile, UnifiedDiff, line_ends, placed, rejected};
    use crate::image_path::ImagePath;

    fn reject(wanted: Option<&str>, found: Option<&str>) -> Reject {
        let line = |line: Option<&str>| line.map(|line| line.as_bytes().to_vec());
        let (wanted, found) = (line(wanted), line(found));
        Reject {
            hunk: 2,
            line: 7,
            wanted,
            found,
        }
    }

    #[test]
    fn other_line_ends_are_told_apart_from_other_lines() {
        let to_lf =
            "the diff has CRLF line ends, the file has LF: convert the diff, as with `dos2unix`";
        let to_crlf =
            "the file has CRLF line ends, the diff has LF: convert the diff, as with `unix2dos`";
        for (wanted, found, help) in [
            (Some("a\r\n"), Some("a\n"), Some(to_lf)),
            (Some("a\n"), Some("a\r\n"), Some(to_crlf)),
            (Some("a\n"), Some("a"), None),
            (Some("a\r\n"), Some("b\n"), None),
            (Some("a\n"), Some("b\r\n"), None),
            (Some("a"), Some("a\r\n"), None),
            (None, Some("a\r\n"), None),
            (Some("a\r\n"), None, None),
        ] {
            assert_eq!(line_ends(&reject(wanted, found)), help, "{wanted:?}");
        }
    }

    #[test]
    fn a_reject_says_what_is_there_to_who_may_read_it() {
        let diff = UnifiedDiff::parse(b"@@ -1 +1 @@\n-a\n+b\n").unwrap();
        for (wanted, found, is_private, told) in [
            (Some("a\n"), Some("b\n"), false, "`b`; the diff expects `a`"),
            (
                Some("a\n"),
                Some("b\n"),
                true,
                "another one; the diff expects `a`",
            ),
            (
                Some("a\n"),
                None,
                false,
                "the end of the file; the diff expects `a`",
            ),
            (
                None,
                Some("b\n"),
                false,
                "`b`; the diff expects the end of the file",
            ),
            (
                Some("a\n"),
                Some("a"),
                false,
                "`a` without a newline; the diff expects `a` with a newline",
            ),
            (
                Some("a"),
                Some("a\n"),
                false,
                "`a` with a newline; the diff expects `a` without a newline",
            ),
        ] {
            let mut file = TextFile::absent(ImagePath::parse("/f").unwrap());
            file.is_private = is_private;
            let message = rejected(&file, &reject(wanted, found), &diff);
            let expected = format!("hunk 2 of 1 does not fit `/f`: line 7 is {told}");
            assert_eq!(message, expected);
        }
    }

    #[test]
    fn a_hunk_that_went_elsewhere_says_where() {
        for (offset, fuzz, told) in [
            (0, 0, None),
            (1, 0, Some("offset 1 line")),
            (-1, 0, Some("offset -1 line")),
            (2, 0, Some("offset 2 lines")),
            (0, 1, Some("fuzz 1")),
            (-2, 3, Some("offset -2 lines, fuzz 3")),
        ] {
            let placement = Placement {
                line: 7,
                offset,
                fuzz,
            };
            let told = told.map(|how| format!("hunk 2 of x fits at line 7 ({how})"));
            assert_eq!(placed("x", 2, placement), told);
        }
    }
}

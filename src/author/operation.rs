//! What turns one text of a file into another, in the words of the language; the shortest that says it comes first.

use std::sync::LazyLock;

use diffy::DiffOptions;
use regex_lite::{Regex, escape};

use super::json;
use crate::edit::lines::{TextLine, lines};
use crate::image_path::ImagePath;
use crate::patch::DraftValue;
use crate::shape::line_regex;

/// An operation by name.
pub(crate) type Drafted = (&'static str, DraftValue);

/// Returns operations of which each turns `old` into `new`, where both are UTF-8. The last one is a diff, which always fits.
#[must_use]
pub(crate) fn candidates(path: &ImagePath, old: &str, new: &str) -> Vec<Drafted> {
    let path = path.to_string();
    let change = LineChange::between(old, new);
    let mut found: Vec<Drafted> = Vec::new();
    let mut add = |name, pairs: Option<Vec<(&str, DraftValue)>>| {
        let Some(pairs) = pairs else { return };
        let path = [("path", DraftValue::text(&path))];
        let pairs = path.into_iter().chain(pairs);
        let pairs = pairs.map(|(key, value)| (key.to_owned(), value));
        found.push((name, DraftValue::Map(pairs.collect())));
    };
    add("edit-json", json::edit(old, new));
    add("set-line", change.keyed_line());
    add("replace-text", change.one_line());
    add("set-line", change.new_line());
    add("append-text", change.new_end());
    add(
        "patch-file",
        Some(vec![("diff", DraftValue::Text(diff(&path, old, new)))]),
    );
    found
}

/// The lines between those that both texts begin and end with.
struct LineChange<'t> {
    old_text: &'t str,
    old: Vec<TextLine<'t>>,
    new: Vec<TextLine<'t>>,
    n_before: usize,
    n_after: usize,
}

impl<'t> LineChange<'t> {
    fn between(old_text: &'t str, new_text: &'t str) -> Self {
        let old: Vec<TextLine<'t>> = lines(old_text.as_bytes()).collect();
        let new: Vec<TextLine<'t>> = lines(new_text.as_bytes()).collect();
        let n_before = old.iter().zip(&new).take_while(|(a, b)| a == b).count();
        let ends = old[n_before..]
            .iter()
            .rev()
            .zip(new[n_before..].iter().rev());
        let n_after = ends.take_while(|(a, b)| a == b).count();
        Self {
            old_text,
            old,
            new,
            n_before,
            n_after,
        }
    }

    fn removed(&self) -> &[TextLine<'t>] {
        &self.old[self.n_before..self.old.len() - self.n_after]
    }

    fn added(&self) -> &[TextLine<'t>] {
        &self.new[self.n_before..self.new.len() - self.n_after]
    }

    /// Returns the one line that becomes another one.
    fn line(&self) -> Option<(&'t str, &'t str)> {
        match (self.removed(), self.added()) {
            ([old], [new]) if old.end == new.end => Some((text(*old), text(*new))),
            _ => None,
        }
    }

    /// A line with a key, which finds it in other versions of the file too.
    fn keyed_line(&self) -> Option<Vec<(&'static str, DraftValue)>> {
        let (old, new) = self.line()?;
        let pattern = key_pattern(old, new)?;
        let regex = line_regex(&pattern);
        let mut matching = self.old.iter().filter(|line| regex.is_match(text(**line)));
        let is_only = matching.next().is_some() && matching.next().is_none();
        let is_found = regex.is_match(old) && regex.is_match(new);
        (is_only && is_found).then(|| {
            vec![
                ("match", DraftValue::Text(pattern)),
                ("line", DraftValue::text(new)),
            ]
        })
    }

    /// A line that is changed or goes, known by all that it says.
    fn one_line(&self) -> Option<Vec<(&'static str, DraftValue)>> {
        let (find, with) = match (self.line(), self.removed(), self.added()) {
            (Some((old, new)), ..) => (old.to_owned(), new),
            (None, [old], []) => (format!("{}\n", text(*old)), ""),
            _ => return None,
        };
        let is_only = self.old_text.matches(find.as_str()).count() == 1;
        (is_only && !find.trim().is_empty()).then(|| {
            vec![
                ("find", DraftValue::Text(find)),
                ("with", DraftValue::text(with)),
            ]
        })
    }

    /// A line that is inserted.
    fn new_line(&self) -> Option<Vec<(&'static str, DraftValue)>> {
        let ([], [new]) = (self.removed(), self.added()) else {
            return None;
        };
        if self.old.iter().any(|line| line.text == new.text) {
            return None;
        }
        let line = ("line", DraftValue::text(text(*new)));
        if self.n_after == 0 {
            return Some(vec![line]);
        }
        let insert = if self.n_before == 0 {
            DraftValue::text("start")
        } else {
            self.beside()?
        };
        Some(vec![line, ("insert", insert)])
    }

    /// The neighbour of a new line that is known by what it says.
    fn beside(&self) -> Option<DraftValue> {
        let before = self.n_before - 1;
        let sides = [("after", before), ("before", before + 1)];
        let is_last = |at: usize| {
            !self.old[at + 1..]
                .iter()
                .any(|line| line.text == self.old[at].text)
        };
        let is_fit = |(_, at): &(&str, usize)| is_last(*at) && !self.old[*at].text.is_empty();
        let (side, at) = sides.into_iter().find(is_fit)?;
        let pattern = format!("^{}$", escape(text(self.old[at])));
        let pair = (side.to_owned(), DraftValue::Text(pattern));
        Some(DraftValue::Map(vec![pair]))
    }

    /// Lines at the end.
    fn new_end(&self) -> Option<Vec<(&'static str, DraftValue)>> {
        if !self.removed().is_empty() || self.n_after > 0 {
            return None;
        }
        let added: String = self
            .added()
            .iter()
            .map(|line| text(*line).to_owned() + "\n")
            .collect();
        Some(vec![("content", DraftValue::Text(added))])
    }
}

fn text(line: TextLine<'_>) -> &str {
    str::from_utf8(line.text).expect("a line of a UTF-8 text is UTF-8")
}

/// Returns an expression for lines that give a value to the key of both lines, perhaps behind the sign of a comment.
fn key_pattern(old: &str, new: &str) -> Option<String> {
    static KEYED: LazyLock<Regex> = LazyLock::new(|| {
        let keyed = r"^(\s*)([#;]?)\s*([A-Za-z_][A-Za-z0-9_.-]*)(\s*=|\s*:|\s)";
        Regex::new(keyed).expect("it is an expression")
    });
    let (old, new) = (KEYED.captures(old)?, KEYED.captures(new)?);
    let is_comment = |captures: &regex_lite::Captures<'_>| !captures[2].is_empty();
    let is_same = |group: usize| old[group].trim() == new[group].trim();
    if old[1] != new[1] || is_comment(&new) || !is_same(3) || !is_same(4) {
        return None;
    }
    let separator = match old[4].trim() {
        "" => r"\s".to_owned(),
        sign => format!(r"\s*{sign}"),
    };
    let start = if is_comment(&old) {
        r"^\s*[#;]?\s*"
    } else if old[1].is_empty() {
        "^"
    } else {
        r"^\s*"
    };
    Some(format!("{start}{}{separator}", escape(&old[3])))
}

/// Returns a diff as `diff -u` prints it.
fn diff(path: &str, old: &str, new: &str) -> String {
    let mut options = DiffOptions::new();
    options.set_original_filename(format!("a{path}"));
    options.set_modified_filename(format!("b{path}"));
    options.create_patch(old, new).to_string()
}

#[cfg(test)]
mod tests {
    use super::candidates;
    use crate::image_path::ImagePath;
    use crate::patch::{DraftValue, PatchDraft};

    /// The best candidate, as its value would be written.
    fn best(old: &str, new: &str) -> String {
        let path = ImagePath::parse("/a").unwrap();
        let first = candidates(&path, old, new).swap_remove(0);
        assert!(PatchDraft::can_say(first.0, &first.1), "{first:?}");
        let DraftValue::Map(pairs) = first.1 else {
            panic!("{first:?}")
        };
        let pairs = pairs.into_iter().skip(1).map(|(key, value)| match value {
            DraftValue::Text(text) => format!(" {key}={text:?}"),
            DraftValue::Map(pairs) => format!(" {key}={pairs:?}"),
            value => panic!("{value:?}"),
        });
        first.0.to_owned() + &pairs.collect::<String>()
    }

    #[test]
    fn the_smallest_operation_says_it() {
        for (old, new, expected) in [
            (
                "a\n#Port 22\nb\n",
                "a\nPort 2222\nb\n",
                r#"set-line match="^\\s*[#;]?\\s*Port\\s" line="Port 2222""#,
            ),
            (
                "port = 1\n",
                "port = 2\n",
                r#"set-line match="^port\\s*=" line="port = 2""#,
            ),
            (
                "s:\n  port: 1\n",
                "s:\n  port: 2\n",
                r#"set-line match="^\\s*port\\s*:" line="  port: 2""#,
            ),
            (
                "p 1\np 2\n",
                "p 1\np 3\n",
                r#"replace-text find="p 2" with="p 3""#,
            ),
            (
                "p 1\np 2\n",
                "p 1\n#p 2\n",
                r##"replace-text find="p 2" with="#p 2""##,
            ),
            (
                "; p 1\nq\n",
                "p 2\nq\n",
                r#"set-line match="^\\s*[#;]?\\s*p\\s" line="p 2""#,
            ),
            // Another key, indentation or sign is another line.
            (
                "#p 1\nq\n",
                "#p 2\nq\n",
                r##"replace-text find="#p 1" with="#p 2""##,
            ),
            (
                "p 1\nq\n",
                "r 1\nq\n",
                r#"replace-text find="p 1" with="r 1""#,
            ),
            (
                "p 1\nq\n",
                " p 2\nq\n",
                r#"replace-text find="p 1" with=" p 2""#,
            ),
            (
                "p=1\nq\n",
                "p: 2\nq\n",
                r#"replace-text find="p=1" with="p: 2""#,
            ),
            ("(x)\ny\n", "y\n", r#"replace-text find="(x)\n" with="""#),
            ("a\nb\n", "a\nb\nc\n", r#"set-line line="c""#),
            ("a\nb\n", "c\na\nb\n", r#"set-line line="c" insert="start""#),
            (
                "a.\nb\n",
                "a.\nc\nb\n",
                r#"set-line line="c" insert=[("after", Text("^a\\.$"))]"#,
            ),
            (
                "a\nb\na\n",
                "a\nc\nb\na\n",
                r#"set-line line="c" insert=[("before", Text("^b$"))]"#,
            ),
            (
                "{\n  \"a\": 1,\n  \"b/c\": [true]\n}\n",
                "{\n  \"a\": 2,\n  \"b/c\": [true, \"no\"]\n}\n",
                r#"edit-json set=[("/a", Number(2)), ("/b~1c/-", Text("no"))]"#,
            ),
            ("a\n", "a\nb\nc\n", r#"append-text content="b\nc\n""#),
            // Found twice, in the middle, or without the end of its line.
            (
                "(x)\n(x)\n",
                "(x)\n(y)\n",
                r#"patch-file diff="--- a/a\n+++ b/a\n@@ -1,2 +1,2 @@\n (x)\n-(x)\n+(y)\n""#,
            ),
            (
                "a\nb\n",
                "a\nc\nd\nb\n",
                r#"patch-file diff="--- a/a\n+++ b/a\n@@ -1,2 +1,4 @@\n a\n+c\n+d\n b\n""#,
            ),
            (
                "p 1\n",
                "p 2",
                r#"patch-file diff="--- a/a\n+++ b/a\n@@ -1 +1 @@\n-p 1\n+p 2\n\\ No newline at end of file\n""#,
            ),
            (
                "a\nb\n",
                "c\nd\n",
                r#"patch-file diff="--- a/a\n+++ b/a\n@@ -1,2 +1,2 @@\n-a\n-b\n+c\n+d\n""#,
            ),
        ] {
            assert_eq!(best(old, new), expected, "{old:?} to {new:?}");
        }
    }
}

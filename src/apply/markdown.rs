//! A summary as Markdown, for a comment of a pull request: a heading per image, and the text as a diff that is coloured.
//!
//! Whatever a patch or an image holds stands within fences and code spans, so it is shown and never becomes Markdown.

use super::summary::{ImageSummary, Summary};
use super::text::shown;
use super::total;
use crate::page::{Page, View};
use crate::printable;

impl Summary {
    /// Returns the plan as Markdown.
    #[must_use]
    pub fn to_markdown(&self) -> String {
        let is_told = |image: &&ImageSummary| image.changed || self.images.len() == 1;
        let told = self.images.iter().filter(is_told);
        let mut sections: Vec<String> = told.map(image).collect();
        let n_unchanged = self.images.iter().filter(|image| !image.changed).count();
        if self.images.len() > 1 && n_unchanged > 0 {
            let n = self.images.len();
            sections.push(format!("{n_unchanged} of {n} images stay as they are.\n"));
        }
        if !self.notes.is_empty() {
            let notes: Vec<String> = self
                .notes
                .iter()
                .map(|note| format!("note: {}", printable::line(note)))
                .collect();
            sections.push(fenced("text", &notes.join("\n")));
        }
        sections.push(format!("**{}**\n", total::line(self)));
        sections.join("\n")
    }
}

fn image(image: &ImageSummary) -> String {
    let platform = match image.index_digest {
        Some(_) => format!(" ({})", span(&image.platform)),
        None => String::new(),
    };
    let mut page = Page::new(View::default());
    image.put(&mut page);
    let text = page.into_text();
    // The first line has the name.
    let lines: Vec<String> = text.lines().skip(1).map(line).collect();
    let heading = format!("### {}{platform}\n\n", span(&image.name));
    heading + &fenced("diff", &lines.join("\n"))
}

/// Puts the sign of a line first, as a diff has it.
fn line(line: &str) -> String {
    let text = line.trim_start();
    let indent = &line[..line.len() - text.len()];
    let unnumbered = text.trim_start_matches(|c: char| c.is_ascii_digit());
    if let Some((sign @ ("+" | "-"), rest)) = unnumbered
        .strip_prefix(' ')
        .and_then(|line| line.split_at_checked(1))
    {
        // A changed line of a text, behind its number.
        let indent = indent.strip_prefix("  ").unwrap_or(indent);
        let number = &text[..text.len() - unnumbered.len()];
        return format!("{sign} {indent}{number}{rest}");
    }
    let sign = match text.as_bytes() {
        [b'+', b' ', ..] => '+',
        [b'-', b' ', ..] => '-',
        [b'~', b' ', ..] => '!',
        [b'=', b' ', ..] => ' ',
        _ => return line.to_owned(),
    };
    let indent = indent.strip_prefix("    ").unwrap_or(indent);
    format!("{sign} {indent}{}", &text[2..])
}

/// Returns a text within fences that nothing in it ends.
#[must_use]
pub fn fenced(info: &str, text: &str) -> String {
    let fence = "`".repeat(longest_run(text).max(2) + 1);
    format!("{fence}{info}\n{text}\n{fence}\n")
}

/// Returns a text as a code span, cut where it is long.
#[must_use]
pub fn span(text: &str) -> String {
    // Two backticks around nothing would begin a span that goes on.
    let text = if text.is_empty() { " " } else { text };
    let text = shown(text);
    let ticks = "`".repeat(longest_run(&text) + 1);
    let blank = if text.contains('`') { " " } else { "" };
    format!("{ticks}{blank}{text}{blank}{ticks}")
}

/// How many backticks stand in a row at most.
fn longest_run(text: &str) -> usize {
    let runs = text.split(|c| c != '`').map(str::len);
    runs.max().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::super::summary::{ImageSummary, Summary};
    use super::{fenced, line, span};
    use crate::digest::Digest;

    fn image(name: &str, changed: bool, index_digest: Option<Digest>) -> ImageSummary {
        ImageSummary {
            name: name.to_owned(),
            platform: "linux/arm64".to_owned(),
            changed,
            image_id: Digest::of(b""),
            old_image_id: Digest::of(b""),
            manifest_digest: None,
            old_manifest_digest: None,
            index_digest,
            old_index_digest: None,
            config: Vec::new(),
            annotations: Vec::new(),
            layers: Vec::new(),
            tags: Vec::new(),
            steps: Vec::new(),
            notes: Vec::new(),
        }
    }

    fn headings(images: Vec<ImageSummary>, notes: &[&str]) -> Vec<String> {
        let summary = Summary {
            format_version: 1,
            changed: true,
            form: "",
            images,
            notes: notes.iter().map(|&note| note.to_owned()).collect(),
        };
        let text = summary.to_markdown();
        let is_told = |line: &&str| {
            ["###", "note", "**"]
                .iter()
                .any(|start| line.starts_with(start))
                || line.contains(" images stay")
        };
        text.lines().filter(is_told).map(str::to_owned).collect()
    }

    #[test]
    fn images_that_stay_are_counted_where_there_are_others() {
        let (one, other) = (|| image("a", true, None), || image("b", false, None));
        let of_index = || image("c", true, Some(Digest::of(b"")));
        for (images, expected) in [
            (vec![one()], &["### `a`"][..]),
            (vec![other()], &["### `b`"]),
            (vec![of_index()], &["### `c` (`linux/arm64`)"]),
            (
                vec![one(), of_index()],
                &["### `a`", "### `c` (`linux/arm64`)"],
            ),
            (
                vec![one(), other()],
                &["### `a`", "1 of 2 images stay as they are."],
            ),
            (vec![other(), other()], &["2 of 2 images stay as they are."]),
        ] {
            for notes in [&[][..], &["x", "y"]] {
                let told = headings(images.clone(), notes);
                let (last, told) = told.split_last().unwrap();
                let notes = notes.iter().map(|note| format!("note: {note}"));
                let expected = expected.iter().map(|&line| line.to_owned());
                assert_eq!(told, expected.chain(notes).collect::<Vec<_>>());
                assert!(last.starts_with("**"), "{last}");
            }
        }
    }

    #[test]
    fn nothing_gets_out_of_a_fence_or_a_span() {
        assert_eq!(fenced("diff", "a"), "```diff\na\n```\n");
        assert_eq!(fenced("diff", "```\na"), "````diff\n```\na\n````\n");
        assert_eq!(span("a"), "`a`");
        assert_eq!(span("a``b"), "``` a``b ```");
        assert_eq!(span("`"), "`` ` ``");
        assert_eq!(span(""), "` `");
        assert_eq!(span("a\n\n@b"), "`a\\n\\n@b`");
    }

    #[test]
    fn a_sign_stands_first() {
        for (text, expected) in [
            ("  config", "  config"),
            ("    ~ a: b", "! a: b"),
            ("    = sha256:0", "  sha256:0"),
            ("        + /srv/hello", "+     /srv/hello"),
            ("  note: - a", "  note: - a"),
            // A line of a text has its number before its sign.
            ("            12 + new", "+           12 new"),
            ("            7 - old", "-           7 old"),
            (" 7 -", "-  7"),
            ("            7   kept", "            7   kept"),
            ("            12", "            12"),
        ] {
            assert_eq!(line(text), expected);
        }
    }
}

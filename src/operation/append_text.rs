//! `append-text`: lines at the end of a file.

use super::edit_options::{EditOptions, Edited};
use super::{Docs, Inverse, Needs, Room, Sources, ValueOf};
use crate::edit::image::EditedImage;
use crate::edit::lines::{LineEnd, TextLine, close, lines};
use crate::image_path::ImagePath;
use crate::problem::Code;
use crate::shape::{SomeText, SourcePath, one_of, record};

record! {
    /// A file, and what is added to its end.
    pub struct Append("Append") {
        /// The file of the image.
        "path" pub path: ImagePath = required::<ImagePath>("specify the file of the image, as in `path: /etc/hosts`");
        /// The lines.
        pub content: AppendedText = one_of::<AppendedText>();
        /// Where the edit goes.
        pub options: EditOptions = flatten::<EditOptions>();
    }
}

/// Where lines to add are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AppendedText {
    /// In the patch.
    Inline(String),
    /// In a file, whose path is relative to the patch file.
    File(String),
}

one_of! {
    AppendedText, "has no `content`", "has both `content` and `from`", "write the lines under `content: |`, or the path of a file under `from`";
    /// The lines to add.
    "content" SomeText => AppendedText::Inline;
    /// A file with the lines, relative to the patch file.
    "from" SourcePath => AppendedText::File;
}

impl Room for Append {
    type Shape = Self;

    const KEY: &'static str = "append-text";

    const DOCS: Docs = Docs {
        does: "Adds lines at the end of a text file, unless the file already has them.",
        takes: "`{path: path, content: string}`, or `from` with the path of a file instead of `content`, and `in`, `if-missing` and `created-by`",
        example: "{ path: /etc/a, content: y }",
        before: "layers: [etc/ etc/a(\"x\\n\")]",
        after: "layers: [etc/ etc/a(\"x\\n\")] [etc/ etc/a(\"x\\ny\\n\")]",
    };

    const INVERSE: Inverse = Inverse::Never("layers that differ are taken as they are");

    const SAMPLES: &'static [&'static str] = &["{ path: /etc/greeting, content: more }"];

    fn needs(append: &ValueOf<Self>) -> Needs<'_> {
        let sources = match &append.content {
            AppendedText::Inline(_) => Sources::None,
            AppendedText::File(path) => Sources::Content(path),
        };
        Needs {
            sources,
            ..Needs::edit(append.options.place)
        }
    }

    fn plan<'a>(append: &'a ValueOf<Self>, image: &mut EditedImage<'a>) {
        let block = match &append.content {
            AppendedText::Inline(text) => text.as_bytes(),
            AppendedText::File(_) => {
                let Some(content) = &image.source().content else {
                    return;
                };
                content.as_slice()
            }
        };
        let address = image.address();
        if block.is_empty() {
            let help = "name a file that has at least one line";
            let message = "the file is empty, so there is nothing to add";
            return image.problem(Code::Empty, address.key("from"), message, help);
        }
        if let Some(file) = append.options.file(&append.path, image) {
            let edited = appended(&file.text, block);
            append.options.edit(file, edited, image, &address);
        }
    }
}

/// Adds lines on lines of their own, with the line ends of the text.
fn appended(text: &[u8], block: &[u8]) -> Edited {
    if has_lines(text, block) {
        return Edited::Unchanged("has these lines".to_owned());
    }
    let end = LineEnd::of(text);
    let mut edited = text.to_vec();
    close(&mut edited, end);
    edited.extend(end.convert(block));
    close(&mut edited, end);
    Edited::Changed(edited)
}

/// Tells whether a text has the lines of `block` one after another; how they end does not matter.
fn has_lines(text: &[u8], block: &[u8]) -> bool {
    let wanted: Vec<&[u8]> = lines(block).map(|line| line.text).collect();
    let steps = steps_back(&wanted);
    let mut n_found = 0;
    for TextLine { text, .. } in lines(text) {
        while n_found > 0 && wanted[n_found] != text {
            n_found = steps[n_found - 1];
        }
        n_found += usize::from(wanted[n_found] == text);
        if n_found == wanted.len() {
            return true;
        }
    }
    false
}

/// Returns for each line how many lines before and with it are also those that the block begins with, as Knuth, Morris and Pratt
/// search: a text of many like lines is read once.
fn steps_back(wanted: &[&[u8]]) -> Vec<usize> {
    let mut steps = vec![0; wanted.len()];
    let mut n = 0;
    for i in 1..wanted.len() {
        while n > 0 && wanted[n] != wanted[i] {
            n = steps[n - 1];
        }
        n += usize::from(wanted[n] == wanted[i]);
        steps[i] = n;
    }
    steps
}

#[cfg(test)]
mod tests {
    use super::{Edited, appended, steps_back};

    #[test]
    fn a_step_back_keeps_as_many_lines_as_begin_the_block_again() {
        for n_lines in 1..=8_usize {
            for bits in 0..1_u32 << n_lines {
                let line = |i: usize| if bits >> i & 1 == 0 { b"a" } else { b"b" };
                let wanted: Vec<&[u8]> = (0..n_lines).map(|i| &line(i)[..]).collect();
                let longest = |i: usize| {
                    let begins = |n: &usize| wanted[..*n] == wanted[i + 1 - n..=i];
                    (0..=i).rev().find(begins).expect("no line begins it")
                };
                let expected: Vec<usize> = (0..n_lines).map(longest).collect();
                assert_eq!(steps_back(&wanted), expected, "{wanted:?}");
            }
        }
    }

    #[test]
    fn lines_are_added_once_and_on_lines_of_their_own() {
        for (text, block, expected) in [
            ("a\n", "b", Some("a\nb\n")),
            ("a", "b\n", Some("a\nb\n")),
            ("", "b\nc", Some("b\nc\n")),
            ("a\r\n", "b\nc\n", Some("a\r\nb\r\nc\r\n")),
            ("a\nb\nc\n", "b\nc", None),
            ("a\r\nb\r\nc", "b\nc\n", None),
            ("a\nb\n\nc\n", "b\nc", Some("a\nb\n\nc\nb\nc\n")),
            ("ab\n", "b", Some("ab\nb\n")),
            ("x\nx\ny\n", "x\ny", None),
            ("x\ny\nx\nx\ny\nz\n", "x\ny\nz", None),
            ("x\nx\n", "x\nx\nx", Some("x\nx\nx\nx\nx\n")),
        ] {
            let edited = appended(text.as_bytes(), block.as_bytes());
            let expected = match expected {
                Some(text) => Edited::Changed(text.into()),
                None => Edited::Unchanged("has these lines".to_owned()),
            };
            assert_eq!(edited, expected, "{text:?} and {block:?}");
            if let Edited::Changed(text) = edited {
                let again = appended(&text, block.as_bytes());
                assert!(matches!(again, Edited::Unchanged(_)), "{text:?}");
            }
        }
    }
}

//! Text for people, line by line: what each part of a line stands for decides its colour, where colour is welcome.
//!
//! Every part goes through [`printable`] before it is coloured, so that no name can bring a colour of its own.

use std::fmt::Write as _;

use anstyle::{AnsiColor, Style};

use crate::printable;

/// How a report is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct View {
    /// Whether it has colours, as ANSI escape sequences.
    pub in_colour: bool,
    /// Whether long values, texts and lists are shown to their end.
    pub is_full: bool,
    /// Where prose is wrapped, in columns; nowhere if nobody says.
    pub width: Option<usize>,
}

/// What a part of a line stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Paint {
    Plain,
    Heading,
    Added,
    Changed,
    Removed,
    /// What stays as it was, and what only the thorough read.
    Quiet,
    Note,
}

impl Paint {
    fn style(self) -> Style {
        match self {
            Self::Plain => Style::new(),
            Self::Heading => Style::new().bold(),
            Self::Added => AnsiColor::Green.on_default(),
            Self::Changed => AnsiColor::Yellow.on_default(),
            Self::Removed => AnsiColor::Red.on_default(),
            Self::Quiet => Style::new().dimmed(),
            Self::Note => AnsiColor::Cyan.on_default(),
        }
    }
}

/// A part of a line.
pub(crate) type Part = (Paint, String);

/// The lines of a report.
#[derive(Debug)]
pub(crate) struct Page {
    pub(crate) view: View,
    text: String,
}

impl Page {
    pub(crate) fn new(view: View) -> Self {
        let text = String::new();
        Self { view, text }
    }

    pub(crate) fn into_text(self) -> String {
        self.text
    }

    /// Adds a line; blanks at its end are left out.
    pub(crate) fn line(&mut self, indent: usize, parts: &[Part]) {
        let _ = write!(self.text, "{:indent$}", "");
        let n_blank = parts
            .iter()
            .rev()
            .take_while(|(_, part)| part.trim().is_empty());
        let parts = &parts[..parts.len() - n_blank.count()];
        for (i, (paint, part)) in parts.iter().enumerate() {
            let part = printable::line(part);
            let is_last = i + 1 == parts.len();
            let part = if is_last {
                part.trim_end_matches(' ')
            } else {
                &part
            };
            let style = match paint {
                _ if !self.view.in_colour => Style::new(),
                paint => paint.style(),
            };
            let _ = write!(self.text, "{style}{part}{style:#}");
        }
        if parts.is_empty() {
            self.text.truncate(self.text.trim_end_matches(' ').len());
        }
        self.text.push('\n');
    }

    /// Adds a line of one part.
    pub(crate) fn put(&mut self, indent: usize, paint: Paint, text: impl Into<String>) {
        self.line(indent, &[(paint, text.into())]);
    }

    /// Adds a sentence behind a word such as `note`, wrapped where the view says; what follows is indented further.
    pub(crate) fn prose(&mut self, indent: usize, (paint, word): (Paint, &str), text: &str) {
        let text = printable::line(text);
        let first = format!("{word}: ");
        let Some(width) = self.view.width else {
            return self.line(indent, &[(paint, first), (Paint::Plain, text)]);
        };
        let width = width.saturating_sub(indent + first.len()).max(20);
        for (i, line) in textwrap::wrap(&text, width).iter().enumerate() {
            let word = if i == 0 { first.as_str() } else { "" };
            let word = format!("{word:width$}", width = first.len());
            self.line(indent, &[(paint, word), (Paint::Plain, line.to_string())]);
        }
    }

    /// Adds an empty line.
    pub(crate) fn gap(&mut self) {
        self.text.push('\n');
    }
}

/// Returns a line of talk in colour: that of the word that says what it is, if it begins with one.
pub(crate) fn with_mark(line: &str) -> String {
    for (word, style) in [
        ("error", AnsiColor::Red.on_default().bold()),
        ("warning", AnsiColor::Yellow.on_default().bold()),
        ("note", Paint::Note.style()),
        ("help", Paint::Note.style()),
    ] {
        if let Some(rest) = line
            .strip_prefix(word)
            .filter(|rest| rest.starts_with(['[', ':']))
        {
            return format!("{style}{word}{style:#}{rest}");
        }
    }
    line.to_owned()
}

#[cfg(test)]
mod tests {
    use super::{Page, Paint, View, with_mark};

    #[test]
    fn talk_begins_in_colour() {
        assert_eq!(
            with_mark("error: a"),
            "\u{1b}[1m\u{1b}[31merror\u{1b}[0m: a"
        );
        assert_eq!(with_mark("help: a"), "\u{1b}[36mhelp\u{1b}[0m: a");
        assert_eq!(with_mark("helpful"), "helpful");
    }

    #[test]
    fn a_name_brings_no_colour_of_its_own() {
        let view = View {
            in_colour: true,
            ..View::default()
        };
        let mut page = Page::new(view);
        page.put(2, Paint::Added, "+ \u{1b}[31mred\n");
        assert_eq!(
            page.into_text(),
            "  \u{1b}[32m+ \\u{1b}[31mred\\n\u{1b}[0m\n"
        );
    }

    #[test]
    fn prose_is_wrapped_at_the_width_of_the_view() {
        let view = View {
            width: Some(30),
            ..View::default()
        };
        let mut page = Page::new(view);
        page.prose(2, (Paint::Note, "note"), "one two three four six five");
        assert_eq!(
            page.into_text(),
            "  note: one two three four six\n        five\n"
        );
    }
}

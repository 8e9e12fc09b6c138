//! All problems of one or more patch files, with the text they are in.

use std::fmt;
use std::ops::Range;
use std::sync::Arc;

use miette::{
    Diagnostic, LabeledSpan, MietteError, MietteSpanContents, SourceCode, SourceSpan, SpanContents,
};
use serde_json::{Value, json};

use super::{MAX_PROBLEMS, Problem, floor_char_boundary, line_after};
use crate::printable::{self, Excerpt};

/// More bytes than this around a mark are not shown whole.
const MAX_SHOWN_BYTES: usize = 1_000;
/// What is shown on either side of a mark instead.
const CONTEXT_BYTES: usize = 30;
const MAX_MARKED_BYTES: usize = 200;

/// A patch file's name and text, as reports show them.
#[derive(Debug, Clone)]
pub struct Source {
    name: String,
    text: Arc<str>,
}

impl Source {
    /// Takes the text that the problems' places were found in.
    #[must_use]
    pub fn new(name: &str, text: Arc<str>) -> Self {
        Self {
            name: name.to_owned(),
            text,
        }
    }

    /// Returns the line and the column, both from 1, the column in characters.
    pub(super) fn position(&self, offset: usize) -> (usize, usize) {
        let before = &self.text[..floor_char_boundary(&self.text, offset)];
        let line_start = before.rfind('\n').map_or(0, |newline| newline + 1);
        (
            line_after(before.as_bytes()),
            before[line_start..].chars().count() + 1,
        )
    }
}

/// Why patch files were refused: every problem, each under its line when rendered by a `miette` handler.
#[derive(Debug, Clone)]
pub struct Rejected {
    names: Vec<String>,
    reports: Vec<Report>,
    is_cut: bool,
}

/// A problem at its place in the text.
#[derive(Debug, Clone)]
struct Report {
    problem: Problem,
    name: String,
    /// What is marked; a file that is no text has no such place.
    place: Option<Place>,
    source: Arc<Shown>,
}

/// A piece of a text: its bytes, and line and column of its beginning and its end, from 1, columns in characters.
#[derive(Debug, Clone)]
pub(super) struct Place {
    range: Range<usize>,
    pub(super) start: (usize, usize),
    pub(super) end: (usize, usize),
}

impl Rejected {
    /// Collects the problems of one file; `locate` finds the bytes that a problem's address means.
    #[must_use]
    pub fn new(
        source: &Source,
        mut problems: Vec<Problem>,
        locate: impl Fn(&Problem) -> Option<Range<usize>>,
    ) -> Self {
        let is_cut = problems.len() > MAX_PROBLEMS;
        problems.truncate(MAX_PROBLEMS);
        let shown = Arc::new(Shown {
            name: printable::line(&source.name),
            excerpt: Excerpt::of(&source.text),
            source: source.clone(),
        });
        let mut reports: Vec<Report> = problems
            .into_iter()
            .map(|problem| Report {
                place: locate(&problem).map(|range| Place {
                    start: source.position(range.start),
                    end: source.position(range.end),
                    range,
                }),
                problem,
                name: source.name.clone(),
                source: Arc::clone(&shown),
            })
            .collect();
        reports.sort_by_key(|report| report.place.as_ref().map(|place| place.range.start));
        Self {
            names: vec![source.name.clone()],
            reports,
            is_cut,
        }
    }

    /// Returns the problems of several files as one, in the order given.
    #[must_use]
    pub fn and(mut self, other: Self) -> Self {
        for name in other.names {
            if !self.names.contains(&name) {
                self.names.push(name);
            }
        }
        self.reports.extend(other.reports);
        self.is_cut |= other.is_cut;
        self
    }

    /// Returns how many problems there are, and in which files, whose names are shown by `show`.
    #[must_use]
    pub fn heading(&self, show: impl Fn(&str) -> String) -> String {
        let more_than = if self.is_cut { "more than " } else { "" };
        let n = self.reports.len();
        let s = if n == 1 { "" } else { "s" };
        let names: Vec<String> = self.names.iter().map(|name| show(name)).collect();
        let (last, others) = names.split_last().expect("problems are in a file");
        let and = if others.is_empty() { "" } else { " and " };
        format!(
            "{more_than}{n} problem{s} in {}{and}{last}",
            others.join(", ")
        )
    }

    /// Returns the problems, by file and by place in it.
    pub fn problems(&self) -> impl Iterator<Item = &Problem> {
        self.reports.iter().map(|report| &report.problem)
    }

    /// Returns the problems with the names of their files and their places in them.
    pub(super) fn placed(&self) -> impl Iterator<Item = (&Problem, &str, Option<&Place>)> {
        let reports = self.reports.iter();
        reports.map(|report| (&report.problem, report.name.as_str(), report.place.as_ref()))
    }

    /// Returns the problems as an array of `{file, line, column, code, message, help, operation?}`.
    ///
    /// Lines and columns count from 1, columns in characters; both are null where the file as a whole is meant.
    /// `operation` counts from 0 within its document.
    #[must_use]
    pub fn to_json(&self) -> Value {
        self.reports
            .iter()
            .map(|report| {
                let problem = &report.problem;
                let mut value = json!({
                    "file": report.name,
                    "line": report.place.as_ref().map(|place| place.start.0),
                    "column": report.place.as_ref().map(|place| place.start.1),
                    "code": problem.code().as_str(),
                    "message": problem.message(),
                    "help": problem.help(),
                });
                if let Some(operation) = problem.address().operation_index() {
                    value["operation"] = json!(operation);
                }
                value
            })
            .collect()
    }
}

impl fmt::Display for Rejected {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.heading(printable::line))
    }
}

impl std::error::Error for Rejected {}

impl Diagnostic for Rejected {
    fn related<'a>(&'a self) -> Option<Box<dyn Iterator<Item = &'a dyn Diagnostic> + 'a>> {
        Some(Box::new(
            self.reports.iter().map(|report| report as &dyn Diagnostic),
        ))
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.problem.message())
    }
}

impl std::error::Error for Report {}

impl Diagnostic for Report {
    fn code<'a>(&'a self) -> Option<Box<dyn fmt::Display + 'a>> {
        Some(Box::new(self.problem.code()))
    }

    fn help<'a>(&'a self) -> Option<Box<dyn fmt::Display + 'a>> {
        self.problem
            .help()
            .map(|help| Box::new(help) as Box<dyn fmt::Display>)
    }

    fn source_code(&self) -> Option<&dyn SourceCode> {
        self.place
            .is_some()
            .then_some(self.source.as_ref() as &dyn SourceCode)
    }

    fn labels(&self) -> Option<Box<dyn Iterator<Item = LabeledSpan> + '_>> {
        let range = &self.place.as_ref()?.range;
        let excerpt = &self.source.excerpt;
        let (start, end) = (excerpt.shown(range.start), excerpt.shown(range.end));
        let end = floor_char_boundary(excerpt.text(), end.min(start + MAX_MARKED_BYTES));
        let label = LabeledSpan::new_with_span(None, start..end);
        Some(Box::new(std::iter::once(label)))
    }
}

/// A file's text in characters that may be printed, shown in pieces of a bounded size.
#[derive(Debug)]
struct Shown {
    name: String,
    excerpt: Excerpt,
    source: Source,
}

impl SourceCode for Shown {
    fn read_span<'a>(
        &'a self,
        span: &SourceSpan,
        context_lines_before: usize,
        context_lines_after: usize,
    ) -> Result<Box<dyn SpanContents<'a> + 'a>, MietteError> {
        let text = self.excerpt.text();
        let all = text.read_span(span, context_lines_before, context_lines_after)?;
        let (start, line) = (all.span().offset(), all.line());
        let column = self.column(start);
        if all.data().len() <= MAX_SHOWN_BYTES {
            return Ok(self.contents(
                start..start + all.data().len(),
                line,
                column,
                all.line_count(),
            ));
        }
        // Some line is very long, as in a file made by a program: only what is around the mark is shown.
        let marked = floor_char_boundary(text, span.offset());
        let line = line_after(&text.as_bytes()[..marked]) - 1;
        let start = floor_char_boundary(text, marked.saturating_sub(CONTEXT_BYTES));
        let start = text[start..marked]
            .rfind('\n')
            .map_or(start, |newline| start + newline + 1);
        let end = floor_char_boundary(text, marked + span.len() + CONTEXT_BYTES);
        Ok(self.contents(start..end, line, self.column(start), 1))
    }
}

impl Shown {
    /// Returns how many characters of the original stand before a place on its line.
    fn column(&self, shown: usize) -> usize {
        self.source.position(self.excerpt.original(shown)).1 - 1
    }

    fn contents(
        &self,
        range: Range<usize>,
        line: usize,
        column: usize,
        n_lines: usize,
    ) -> Box<dyn SpanContents<'_> + '_> {
        Box::new(MietteSpanContents::new_named(
            self.name.clone(),
            &self.excerpt.text().as_bytes()[range.clone()],
            range.into(),
            line,
            column,
            n_lines,
        ))
    }
}

//! Where a text stands that is replaced, and where it has been replaced already.

use std::ops::Range;

use regex_lite::{Captures, Regex};

use super::template::Template;
use crate::edit::lines::LineEnd;
use crate::shape::line_regex;

/// What was found in a text.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Matches {
    /// The places that are still to be replaced, and what stands there then.
    pub(super) new: Vec<(Range<usize>, Vec<u8>)>,
    /// How many places look as if they had been replaced; nothing if that leaves no trace.
    pub(super) n_done: Option<usize>,
}

impl Matches {
    /// Returns the text after the replacement.
    pub(super) fn replaced(&self, text: &[u8]) -> Vec<u8> {
        let mut replaced = Vec::with_capacity(text.len());
        let mut end = 0;
        for (range, new) in &self.new {
            replaced.extend_from_slice(&text[end..range.start]);
            replaced.extend_from_slice(new);
            end = range.end;
        }
        replaced.extend_from_slice(&text[end..]);
        replaced
    }
}

impl Matches {
    /// Finds a text, with the line ends of the file. What stands within a new text was found before.
    pub(super) fn of_text(find: &str, with: &str, text: &[u8]) -> Self {
        let end = LineEnd::of(text);
        let (find, with) = (end.convert_text(find), end.convert_text(with));
        let found = occurrences(&find, text);
        let done = (!with.is_empty()).then(|| occurrences(&with, text));
        let n_done = done.as_ref().map(Vec::len);
        let within = done.filter(|_| with.contains(&find)).unwrap_or_default();
        let new = outside(
            found.into_iter().map(|range| (range, with.clone().into())),
            &within,
        );
        Self { new, n_done }
    }

    /// Finds what a pattern matches. Where that would go on for ever, what looks like a new text is one.
    pub(super) fn of_pattern(pattern: &str, with: &str, text: &str) -> Self {
        let end = LineEnd::of(text.as_bytes());
        let with = end.convert_text(with);
        let regex = line_regex(pattern);
        let template = Template::of_pattern(&with);
        let mut found = Vec::new();
        let mut n_same = 0;
        let mut grows = false;
        for captures in regex.captures_iter(text) {
            let whole = captures.get(0).expect("group 0 is the match");
            let new = template.expand(&captures);
            if new == whole.as_str() {
                n_same += 1;
                continue;
            }
            // One that only swaps something looks the same before and after.
            let is_longer = new.len() > whole.as_str().len();
            grows = grows || is_longer && changes(&regex, &template, &new);
            found.push((whole.range(), new.into_bytes()));
        }
        let trace = template.trace().map(|trace| line_regex(&trace));
        let traces = trace.iter().flat_map(|trace| trace.find_iter(text));
        let done: Vec<Range<usize>> = traces.map(|it| it.range()).collect();
        let n_done = (!with.is_empty()).then_some(done.len().max(n_same));
        let within = if grows { &done[..] } else { &[] };
        Self {
            new: outside(found.into_iter(), within),
            n_done,
        }
    }
}

/// Tells whether a new text would be replaced once more by something else.
fn changes(regex: &Regex, template: &Template, new: &str) -> bool {
    let differs = |captures: Captures<'_>| {
        let whole = captures.get(0).expect("group 0 is the match");
        template.expand(&captures) != whole.as_str()
    };
    regex.captures_iter(new).any(differs)
}

/// Returns the places that are not within one of `others`; both are in order.
fn outside(
    found: impl Iterator<Item = (Range<usize>, Vec<u8>)>,
    others: &[Range<usize>],
) -> Vec<(Range<usize>, Vec<u8>)> {
    let mut others = others.iter().peekable();
    let is_outside = |(range, _): &(Range<usize>, Vec<u8>)| {
        while others.next_if(|other| other.end < range.end).is_some() {}
        others.peek().is_none_or(|other| range.start < other.start)
    };
    found.filter(is_outside).collect()
}

/// Returns where a text stands, from left to right. In bytes that are not UTF-8 there can be no text.
fn occurrences(find: &str, text: &[u8]) -> Vec<Range<usize>> {
    let mut found = Vec::new();
    let mut start = 0;
    for chunk in text.utf8_chunks() {
        let places = chunk.valid().match_indices(find);
        found.extend(places.map(|(at, _)| start + at..start + at + find.len()));
        start += chunk.valid().len() + chunk.invalid().len();
    }
    found
}

#[cfg(test)]
mod tests {
    use super::Matches;

    /// The text after it, how many places were new, and how many look done.
    fn literal(find: &str, with: &str, text: &str) -> (String, usize, Option<usize>) {
        let found = Matches::of_text(find, with, text.as_bytes());
        let text = String::from_utf8(found.replaced(text.as_bytes())).unwrap();
        (text, found.new.len(), found.n_done)
    }

    fn pattern(pattern: &str, with: &str, text: &str) -> (String, usize, Option<usize>) {
        let found = Matches::of_pattern(pattern, with, text);
        let text = String::from_utf8(found.replaced(text.as_bytes())).unwrap();
        (text, found.new.len(), found.n_done)
    }

    #[test]
    fn a_text_is_replaced_where_it_was_not_yet() {
        for (find, with, text, expected) in [
            ("a", "b", "a a\n", ("b b\n", 2, Some(0))),
            ("80", "8080", "port 80\n", ("port 8080\n", 1, Some(0))),
            ("80", "8080", "port 8080\n", ("port 8080\n", 0, Some(1))),
            (
                "80",
                "8080",
                "80 8080 80\n",
                ("8080 8080 8080\n", 2, Some(1)),
            ),
            ("a", "", "banana", ("bnn", 3, None)),
            ("x", "", "banana", ("banana", 0, None)),
            ("a\nb", "c\nd", "a\r\nb\r\n", ("c\r\nd\r\n", 1, Some(0))),
            ("é", "e", "café", ("cafe", 1, Some(0))),
        ] {
            let (text, n, n_done) = literal(find, with, text);
            assert_eq!((text.as_str(), n, n_done), expected, "{find}");
        }
    }

    #[test]
    fn a_text_is_found_among_bytes_of_another_encoding() {
        let found = Matches::of_text("ab", "c", b"\xffab\xe9 ab\x80");
        assert_eq!(found.replaced(b"\xffab\xe9 ab\x80"), b"\xffc\xe9 c\x80");
    }

    #[test]
    fn a_pattern_is_replaced_where_it_was_not_yet() {
        for (regex, with, text, expected) in [
            (
                "^#?port .*",
                "port 2",
                "#port 1\nx\n",
                ("port 2\nx\n", 1, Some(0)),
            ),
            (
                "^#?port .*",
                "port 2",
                "port 2\nx\n",
                ("port 2\nx\n", 0, Some(1)),
            ),
            (
                r"^(PATH=.*)$",
                "$1:/opt",
                "PATH=/bin\n",
                ("PATH=/bin:/opt\n", 1, Some(0)),
            ),
            (
                r"^(PATH=.*)$",
                "$1:/opt",
                "PATH=/bin:/opt\n",
                ("PATH=/bin:/opt\n", 0, Some(1)),
            ),
            (
                r"^(PATH=.*)$",
                "$1:/opt",
                "PATH=/bin\r\n",
                ("PATH=/bin:/opt\r\n", 1, Some(0)),
            ),
            ("^", "# ", "a\nb", ("# a\n# b", 2, Some(0))),
            ("^", "# ", "# a\n# b", ("# a\n# b", 0, Some(2))),
            (r"(\w)=(\w)", "$2=$1", "a=b", ("b=a", 1, Some(1))),
            // No match is left within the new text, so what looks like one may still be replaced.
            (
                r"(\w)=(\w+)",
                "$2 = $1",
                "a=b = c",
                ("b = a = c", 1, Some(1)),
            ),
            (r"v(\d+)", "$1", "v12", ("12", 1, Some(0))),
            (r"v(\d+)", "$1", "12", ("12", 0, Some(0))),
            ("x+", "", "axxb", ("ab", 1, None)),
            ("x+", "", "ab", ("ab", 0, None)),
            ("a", "$$1", "a", ("$1", 1, Some(0))),
            ("a", "$$1", "$1", ("$1", 0, Some(1))),
            ("(a)|b", "<$1>", "ab", ("<a><>", 2, Some(0))),
        ] {
            let (text, n, n_done) = pattern(regex, with, text);
            assert_eq!((text.as_str(), n, n_done), expected, "{regex} -> {with}");
        }
    }
}

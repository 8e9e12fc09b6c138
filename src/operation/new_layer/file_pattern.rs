//! One pattern of `.dockerignore`, run over a path once: all ways to match go side by side, so that none is tried twice.

use std::iter::Peekable;
use std::str::Chars;

/// A pattern over paths, as moby/patternmatcher reads it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct FilePattern {
    steps: Vec<Step>,
}

/// What the next characters of a path may be.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Step {
    Char(char),
    /// `?`: any character of a name.
    One,
    /// `[…]`
    Class(Class),
    /// `*`: any characters of a name.
    Name,
    /// `**` at the end: anything.
    Rest,
    /// `**` before something: nothing, or what the next step takes.
    Directories,
    /// Anything up to a slash.
    Above,
}

/// A set of characters.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Class {
    ranges: Vec<(char, char)>,
    is_negated: bool,
}

/// Room for the steps that are open while a path is read.
#[derive(Debug, Default)]
pub(super) struct Matching {
    open: Vec<usize>,
    next: Vec<usize>,
    /// For each step, how many characters of the path had been read when it was last opened; counted from 1.
    opened: Vec<usize>,
}

impl FilePattern {
    /// Parses a cleaned pattern; nothing if it is none.
    pub(super) fn parse(pattern: &str) -> Option<Self> {
        let mut steps = Vec::new();
        let mut chars = pattern.chars().peekable();
        while let Some(c) = chars.next() {
            let step = match c {
                '*' if chars.next_if_eq(&'*').is_some() => {
                    // As in moby, a slash behind it need not be there.
                    chars.next_if_eq(&'/');
                    if chars.peek().is_none() {
                        Step::Rest
                    } else {
                        steps.push(Step::Directories);
                        Step::Above
                    }
                }
                '*' => Step::Name,
                '?' => Step::One,
                '\\' => Step::Char(chars.next()?),
                '[' => Step::Class(Class::parse(&mut chars)?),
                c => Step::Char(c),
            };
            steps.push(step);
        }
        Some(Self { steps })
    }

    /// Tells whether the pattern matches a path, or a directory on the way to it.
    pub(super) fn matches_way(&self, path: &str, matching: &mut Matching) -> bool {
        matching.open.clear();
        matching.opened.clear();
        matching.opened.resize(self.steps.len() + 1, 0);
        self.open(0, 1, &mut matching.open, &mut matching.opened);
        let has_ended = |open: &[usize]| open.contains(&self.steps.len());
        for (n, c) in path.chars().enumerate() {
            if c == '/' && has_ended(&matching.open) {
                return true;
            }
            matching.next.clear();
            for &at in &matching.open {
                let mut open =
                    |step| self.open(step, n + 2, &mut matching.next, &mut matching.opened);
                match self.steps.get(at) {
                    Some(Step::Name) if c != '/' => open(at),
                    Some(Step::Rest) => open(at),
                    Some(Step::Above) => {
                        open(at);
                        if c == '/' {
                            open(at + 1);
                        }
                    }
                    Some(step) if step.takes(c) => open(at + 1),
                    _ => {}
                }
            }
            std::mem::swap(&mut matching.open, &mut matching.next);
            if matching.open.is_empty() {
                return false;
            }
        }
        has_ended(&matching.open)
    }

    /// Opens a step, and those behind it where it may take nothing.
    fn open(&self, step: usize, now: usize, open: &mut Vec<usize>, opened: &mut [usize]) {
        let mut step = step;
        while opened[step] != now {
            opened[step] = now;
            open.push(step);
            step = match self.steps.get(step) {
                Some(Step::Name | Step::Rest) => step + 1,
                Some(Step::Directories) => {
                    if opened[step + 1] != now {
                        opened[step + 1] = now;
                        open.push(step + 1);
                    }
                    step + 2
                }
                _ => return,
            };
        }
    }
}

impl Step {
    /// Tells whether it is one character, and `c` may be that.
    fn takes(&self, c: char) -> bool {
        match self {
            Self::Char(wanted) => c == *wanted,
            Self::One => c != '/',
            Self::Class(class) => class.contains(c),
            Self::Name | Self::Rest | Self::Directories | Self::Above => false,
        }
    }
}

impl Class {
    /// Reads a class up to its bracket, as Go's regular expressions would; nothing if it is none.
    fn parse(chars: &mut Peekable<Chars<'_>>) -> Option<Self> {
        let is_negated = chars.next_if_eq(&'^').is_some();
        // Characters, and whether each is a dash that may make a range.
        let mut items: Vec<(char, bool)> = Vec::new();
        loop {
            match chars.next()? {
                ']' if !items.is_empty() => break,
                '\\' => items.push((chars.next()?, false)),
                c => items.push((c, c == '-')),
            }
        }
        let n_dashes = items.iter().take_while(|(_, is_dash)| *is_dash).count();
        let mut ranges = vec![('-', '-'); n_dashes];
        let mut rest = &items[n_dashes..];
        while let [(start, is_dash), after @ ..] = rest {
            (ranges, rest) = match after {
                // The difference of two sets, in other languages.
                [(_, true), ..] if *is_dash => return None,
                [(_, true), (end, false), after @ ..] => {
                    if start > end {
                        return None;
                    }
                    ranges.push((*start, *end));
                    (ranges, after)
                }
                _ => {
                    ranges.push((*start, *start));
                    (ranges, after)
                }
            };
        }
        Some(Self { ranges, is_negated })
    }

    fn contains(&self, c: char) -> bool {
        let is_in = |(start, end): &(char, char)| (*start..=*end).contains(&c);
        self.ranges.iter().any(is_in) != self.is_negated
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::{prop, proptest};
    use regex_lite::{Regex, escape};

    use super::{FilePattern, Matching};

    /// The regular expression that moby makes of a pattern.
    fn expression(pattern: &str) -> Option<Regex> {
        let mut expression = "(?s)^".to_owned();
        let mut chars = pattern.chars().peekable();
        while let Some(c) = chars.next() {
            match c {
                '*' if chars.next_if_eq(&'*').is_some() => {
                    chars.next_if_eq(&'/');
                    let is_last = chars.peek().is_none();
                    expression += if is_last { ".*" } else { "(.*/)?" };
                }
                '*' => expression += "[^/]*",
                '?' => expression += "[^/]",
                '\\' => expression += &escape(&chars.next()?.to_string()),
                '[' => {
                    expression.push('[');
                    if chars.next_if_eq(&'^').is_some() {
                        expression.push('^');
                    }
                    let mut is_first = true;
                    loop {
                        match chars.next()? {
                            ']' if !is_first => break,
                            '-' => expression.push('-'),
                            '\\' => expression += &escape(&chars.next()?.to_string()),
                            c @ ('[' | ']' | '&' | '~' | '^') => {
                                expression.push('\\');
                                expression.push(c);
                            }
                            c => expression.push(c),
                        }
                        is_first = false;
                    }
                    expression.push(']');
                }
                c => expression += &escape(&c.to_string()),
            }
        }
        Regex::new(&(expression + "$")).ok()
    }

    proptest! {
        #[test]
        fn a_pattern_is_the_expression_that_moby_makes_of_it(
            pattern in prop::collection::vec("[ab/*?é.]|\\*\\*|\\*\\*/|\\[[\\^]?[ab/\\-&\\]\\\\]{1,4}\\]|\\\\.", 1..7),
            paths in prop::collection::vec("[ab/é.\n]{1,7}", 1..20),
        ) {
            let pattern = pattern.concat();
            let (found, wanted) = (FilePattern::parse(&pattern), expression(&pattern));
            assert_eq!(found.is_some(), wanted.is_some(), "{pattern}");
            let (Some(found), Some(wanted)) = (found, wanted) else { return Ok(()) };
            let mut matching = Matching::default();
            for path in paths {
                let ends = path.match_indices('/').map(|(at, _)| at).chain([path.len()]);
                let is_match = ends.clone().any(|end| wanted.is_match(&path[..end]));
                assert_eq!(found.matches_way(&path, &mut matching), is_match, "{pattern} {path}");
            }
        }
    }

    #[test]
    fn a_dash_in_a_class_is_itself_at_either_end() {
        for (pattern, matched) in [
            ("[a-c]", Some("abc")),
            ("[-a]", Some("-a")),
            ("[--a]", Some("-a")),
            ("[a-]", Some("-a")),
            ("[a\\-c]", Some("-ac")),
            ("[]a]", Some("]a")),
            ("[^a-c]", Some("-]")),
            ("[c-a]", None),
            ("[a-c--d]", None),
            ("[]", None),
            ("[a", None),
        ] {
            let found = FilePattern::parse(pattern);
            let mut matching = Matching::default();
            let mut is_match = |c: &char| {
                let found = found.as_ref().expect("it is a pattern");
                found.matches_way(&c.to_string(), &mut matching)
            };
            assert_eq!(found.is_some(), matched.is_some(), "{pattern}");
            let Some(matched) = matched else { continue };
            let found: String = "-]abc".chars().filter(|c| is_match(c)).collect();
            let wanted: String = "-]abc".chars().filter(|c| matched.contains(*c)).collect();
            assert_eq!(found, wanted, "{pattern}");
        }
    }

    #[test]
    fn every_way_through_a_pattern_goes_at_once() {
        let path = "a/".repeat(2000);
        for pattern in [
            "**/a".repeat(900),
            "***/".repeat(1000) + "b",
            "*a".repeat(2000) + "b",
        ] {
            let pattern = FilePattern::parse(&pattern).unwrap();
            let mut matching = Matching::default();
            pattern.matches_way(&path, &mut matching);
            assert!(matching.open.len() <= pattern.steps.len() + 1);
        }
    }
}

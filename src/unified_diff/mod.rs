//! Unified diffs, and how their hunks find their place in a text that is not quite the one they were made from.
//!
//! A hunk goes where the diff says, or to the nearest place where its lines stand (an *offset*, as `git apply` calls it),
//! never before the hunk in front of it. With *fuzz* it also goes where that many lines of its context at both ends are
//! others (GNU patch, "Applying Patches with Changed Context").

use std::fmt;

use diffy::{Line, Patch};

/// A diff of one text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnifiedDiff {
    hunks: Vec<Hunk>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Hunk {
    /// The line at which it begins in the old text, counted from 0.
    start: usize,
    old: Vec<Vec<u8>>,
    new: Vec<Vec<u8>>,
    /// Lines at both ends that are there before and after.
    n_leading: usize,
    n_trailing: usize,
}

/// Why a text is no diff.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum InvalidDiff {
    /// It is malformed.
    Malformed(String),
    /// It has no hunk.
    Empty,
    /// It has hunks of several texts.
    Several,
}

/// What a diff makes of a text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// Another text.
    Applied {
        /// The text.
        text: Vec<u8>,
        /// Where each hunk went.
        hunks: Vec<Placement>,
    },
    /// The same: it is what the diff would make of the old text.
    AlreadyApplied,
    /// Nothing: some hunks have no place in it.
    Rejected(Vec<Reject>),
}

/// Where a hunk went.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Placement {
    /// The line of the old text at which it begins, counted from 1.
    pub line: usize,
    /// How many lines that is behind where the diff says, hunks before it considered.
    pub offset: isize,
    /// How many lines at both ends were not looked at.
    pub fuzz: usize,
}

/// A hunk without a place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reject {
    /// Which of the hunks, counted from 1.
    pub hunk: usize,
    /// The first line that is another where the diff says, counted from 1.
    pub line: usize,
    /// What the diff wants there; nothing where it wants the end.
    pub wanted: Option<Vec<u8>>,
    /// What is there; nothing behind the end.
    pub found: Option<Vec<u8>>,
}

impl fmt::Display for InvalidDiff {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Malformed(reason) => f.write_str(reason),
            Self::Empty => f.write_str("it has no hunk"),
            Self::Several => f.write_str("it is about more than one file"),
        }
    }
}

impl std::error::Error for InvalidDiff {}

impl UnifiedDiff {
    /// Parses a diff of one text, with or without the lines that name files.
    pub fn parse(text: &[u8]) -> Result<Self, InvalidDiff> {
        let lines: Vec<&[u8]> = text.split(|&b| b == b'\n').collect();
        let is_file =
            |pair: &&[&[u8]]| pair[0].starts_with(b"--- ") && pair[1].starts_with(b"+++ ");
        if lines.windows(2).filter(is_file).count() > 1 {
            return Err(InvalidDiff::Several);
        }
        let malformed = |error: diffy::ParsePatchError| InvalidDiff::Malformed(error.to_string());
        let patch = Patch::from_bytes(text).map_err(malformed)?;
        if patch.hunks().is_empty() {
            return Err(InvalidDiff::Empty);
        }
        let hunks = patch.hunks().iter().map(Hunk::of).collect();
        Ok(Self { hunks })
    }

    /// Returns how many hunks there are.
    #[must_use]
    pub fn n_hunks(&self) -> usize {
        self.hunks.len()
    }

    /// Applies the diff; up to `max_fuzz` lines of context at both ends of a hunk may be others.
    #[must_use]
    pub fn apply(&self, text: &[u8], max_fuzz: usize) -> Outcome {
        let lines: Vec<&[u8]> = text.split_inclusive(|&b| b == b'\n').collect();
        let mut result: Vec<&[u8]> = Vec::with_capacity(lines.len());
        let (mut hunks, mut rejects) = (Vec::new(), Vec::new());
        // How many lines of the text are done, and how far the last hunk was from where the diff says.
        let (mut n_done, mut offset) = (0, 0_isize);
        for (i, hunk) in self.hunks.iter().enumerate() {
            let expected = hunk.start.saturating_add_signed(offset).max(n_done);
            let found = hunk.find(&lines, n_done, expected, max_fuzz);
            let Some((at, fuzz)) = found else {
                rejects.push(hunk.reject(i + 1, &lines, expected));
                continue;
            };
            let (leading, trailing) = hunk.cut(fuzz);
            let at = at + leading;
            result.extend(&lines[n_done..at]);
            result.extend(
                hunk.new[leading..hunk.new.len() - trailing]
                    .iter()
                    .map(Vec::as_slice),
            );
            n_done = at + hunk.old.len() - leading - trailing;
            offset = signed(at - leading) - signed(hunk.start);
            hunks.push(Placement {
                line: at - leading + 1,
                offset,
                fuzz,
            });
        }
        if rejects.is_empty() {
            result.extend(&lines[n_done..]);
            let text = result.concat();
            return Outcome::Applied { text, hunks };
        }
        if self.is_applied_to(&lines) {
            return Outcome::AlreadyApplied;
        }
        Outcome::Rejected(rejects)
    }

    /// Tells whether the new lines of every hunk stand in a text, in order.
    fn is_applied_to(&self, lines: &[&[u8]]) -> bool {
        let mut n_done = 0;
        self.hunks.iter().all(|hunk| {
            let back = hunk.reversed();
            // The first place leaves the most room for the hunks behind.
            let found = back.find(lines, n_done, n_done, 0);
            n_done = found.map_or(n_done, |(at, _)| at + back.old.len());
            found.is_some()
        })
    }
}

fn signed(n: usize) -> isize {
    isize::try_from(n).unwrap_or(isize::MAX)
}

impl Hunk {
    fn of(hunk: &diffy::Hunk<'_, [u8]>) -> Self {
        let (mut old, mut new) = (Vec::new(), Vec::new());
        for line in hunk.lines() {
            match line {
                Line::Context(line) => {
                    old.push(line.to_vec());
                    new.push(line.to_vec());
                }
                Line::Delete(line) => old.push(line.to_vec()),
                Line::Insert(line) => new.push(line.to_vec()),
            }
        }
        let is_context = |line: &&Line<'_, [u8]>| matches!(line, Line::Context(_));
        let lines = hunk.lines();
        let n_leading = lines.iter().take_while(is_context).count();
        let n_trailing = lines.iter().rev().take_while(is_context).count();
        // A hunk that only adds names the line behind which it does.
        let start = hunk.old_range().start();
        let is_addition = hunk.old_range().is_empty();
        Self {
            start: start.saturating_sub(usize::from(!is_addition)),
            old,
            new,
            n_leading,
            n_trailing: n_trailing.min(lines.len() - n_leading),
        }
    }

    fn reversed(&self) -> Self {
        Self {
            old: self.new.clone(),
            new: self.old.clone(),
            ..*self
        }
    }

    /// How many lines at the beginning and at the end are not looked at under some fuzz.
    fn cut(&self, fuzz: usize) -> (usize, usize) {
        let context = self.n_leading.max(self.n_trailing);
        let cut = |n: usize| (fuzz + n).saturating_sub(context).min(n);
        (cut(self.n_leading), cut(self.n_trailing))
    }

    /// Returns where the hunk begins and the fuzz that it takes: the least one, then the nearest place.
    fn find(
        &self,
        lines: &[&[u8]],
        first: usize,
        expected: usize,
        max_fuzz: usize,
    ) -> Option<(usize, usize)> {
        let context = self.n_leading.max(self.n_trailing);
        (0..=max_fuzz.min(context)).find_map(|fuzz| {
            let last = (lines.len() + self.cut(fuzz).1).checked_sub(self.old.len())?;
            let expected = expected.min(last);
            let farthest = expected.abs_diff(first).max(last.abs_diff(expected));
            let ways =
                (0..=farthest).flat_map(|n| [expected.checked_add(n), expected.checked_sub(n)]);
            let mut places = ways.flatten().filter(|at| (first..=last).contains(at));
            let at = places.find(|at| self.fits(lines, *at, fuzz))?;
            Some((at, fuzz))
        })
    }

    /// Tells whether the old lines stand at `at`. Less context in front than behind means the beginning of the text,
    /// less behind than in front its end, unless the fuzz makes up for it.
    fn fits(&self, lines: &[&[u8]], at: usize, fuzz: usize) -> bool {
        let (leading, trailing) = self.cut(fuzz);
        let context = self.n_leading.max(self.n_trailing);
        let is_at_start = self.n_leading + fuzz < context;
        let is_at_end = self.n_trailing + fuzz < context;
        let end = at + self.old.len();
        let wanted = &self.old[leading..self.old.len() - trailing];
        (!is_at_start || at == 0)
            && (!is_at_end || end == lines.len())
            && lines
                .get(at + leading..end - trailing)
                .is_some_and(|there| {
                    there
                        .iter()
                        .zip(wanted)
                        .all(|(found, wanted)| *found == wanted.as_slice())
                })
    }

    fn reject(&self, hunk: usize, lines: &[&[u8]], expected: usize) -> Reject {
        let there = |i: usize| lines.get(expected + i).copied();
        let is_other = |i: &usize| there(*i) != Some(self.old[*i].as_slice());
        let first = (0..self.old.len()).find(is_other).unwrap_or(self.old.len());
        Reject {
            hunk,
            line: expected + first + 1,
            wanted: self.old.get(first).cloned(),
            found: there(first).map(<[u8]>::to_vec),
        }
    }
}

#[cfg(test)]
mod tests;

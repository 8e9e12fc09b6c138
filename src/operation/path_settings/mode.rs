//! Permissions as `chmod` takes them: octal digits, or what to add, remove or set for whom.

use std::fmt::{self, Write as _};

use serde_json::json;

use crate::problem::{Code, quoted};
use crate::shape::{Field, Problems, parse_octal, shape};

const HELP: &str = "write three or four octal digits, as in `0644`, or clauses as in `chmod`, such as `go-w` or `u=rwX,g=rX`";
const SETUID: u32 = 0o4000;
const SETGID: u32 = 0o2000;
const STICKY: u32 = 0o1000;

/// What permissions become.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FileMode {
    /// These.
    Octal(u32),
    /// What they are, changed by each of these in order.
    Clauses(Vec<Clause>),
}

/// One change of permissions (POSIX `chmod`, "extended description").
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Clause {
    /// The bits of those that are meant, all three of each.
    who: u32,
    action: Action,
    /// Bits for everybody, of which those meant get theirs; setuid, setgid and sticky besides.
    bits: u32,
    /// Whether `X` stands there: the right to execute, for directories and what somebody may execute already.
    executes_some: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Action {
    Add,
    Remove,
    Set,
}

shape! {
    /// Three or four octal digits, or clauses as in `chmod`, such as `go-w` or `u=rwX,g=rX`
    impl FileMode, "FileMode" {
        |_| json!({
            "type": ["string", "integer"],
            "pattern": "^([0-7]{3,4}|[ugoa]+([-+=][rwxXst]*)+(,[ugoa]+([-+=][rwxXst]*)+)*)$",
            "patternErrorMessage": HELP,
            "examples": ["0644", "go-w"],
        }),
        mode
    }
}

fn mode(field: &Field<'_>, problems: &mut Problems) -> Option<FileMode> {
    let text = field.word(problems)?;
    let mode = FileMode::parse(text);
    if mode.is_none() {
        let message = format!("{} is {}", field.name, quoted(text));
        let problem = field.problem(Code::InvalidValue, message);
        problems.add(problem.with_help(HELP));
    }
    mode
}

impl FileMode {
    /// Returns what the permissions `mode` become.
    #[must_use]
    pub fn apply(&self, mode: u32, is_directory: bool) -> u32 {
        match self {
            Self::Octal(mode) => *mode,
            Self::Clauses(clauses) => clauses.iter().fold(mode & 0o7777, |mode, clause| {
                clause.apply(mode, is_directory)
            }),
        }
    }

    fn parse(text: &str) -> Option<Self> {
        if let Some(mode) = parse_octal(text) {
            return Some(Self::Octal(mode));
        }
        let clauses: Option<Vec<Vec<Clause>>> = text.split(',').map(clauses).collect();
        Some(Self::Clauses(clauses?.concat()))
    }
}

/// As `chmod` takes it.
impl fmt::Display for FileMode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Octal(mode) => write!(f, "{mode:04o}"),
            Self::Clauses(clauses) => {
                let clauses: Vec<String> = clauses.iter().map(ToString::to_string).collect();
                f.write_str(&clauses.join(","))
            }
        }
    }
}

impl fmt::Display for Clause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let who = match self.who {
            0o777 => [Some('a'), None, None],
            who => [('u', 0o700), ('g', 0o070), ('o', 0o007)]
                .map(|(letter, bits)| (who & bits != 0).then_some(letter)),
        };
        let action = match self.action {
            Action::Add => '+',
            Action::Remove => '-',
            Action::Set => '=',
        };
        let bits = [
            ('r', 0o444),
            ('w', 0o222),
            ('x', 0o111),
            ('s', SETUID),
            ('t', STICKY),
        ];
        let bits = bits.map(|(letter, bits)| (self.bits & bits != 0).then_some(letter));
        let some = self.executes_some.then_some('X');
        let letters = who
            .into_iter()
            .chain([Some(action)])
            .chain(bits)
            .chain([some]);
        letters
            .flatten()
            .try_for_each(|letter| f.write_char(letter))
    }
}

/// Reads `who` and any number of actions. Without a `who`, `chmod` looks at the umask, which is no business of a patch.
fn clauses(text: &str) -> Option<Vec<Clause>> {
    let n_who = text.find(['+', '-', '='])?;
    let (who, mut rest) = text.split_at(n_who);
    let who = who.chars().try_fold(0, |bits, c| {
        Some(
            bits | match c {
                'u' => 0o700,
                'g' => 0o070,
                'o' => 0o007,
                'a' => 0o777,
                _ => return None,
            },
        )
    })?;
    let mut clauses = Vec::new();
    while let Some(sign) = rest.chars().next() {
        let action = match sign {
            '+' => Action::Add,
            '-' => Action::Remove,
            '=' => Action::Set,
            _ => return None,
        };
        let end = rest[1..]
            .find(['+', '-', '='])
            .map_or(rest.len(), |n| n + 1);
        let mut clause = Clause {
            who,
            action,
            bits: 0,
            executes_some: false,
        };
        for c in rest[1..end].chars() {
            match c {
                'r' => clause.bits |= 0o444,
                'w' => clause.bits |= 0o222,
                'x' => clause.bits |= 0o111,
                'X' => clause.executes_some = true,
                's' => clause.bits |= SETUID | SETGID,
                't' => clause.bits |= STICKY,
                _ => return None,
            }
        }
        clauses.push(clause);
        rest = &rest[end..];
    }
    (who != 0 && !clauses.is_empty()).then_some(clauses)
}

impl Clause {
    fn apply(self, mode: u32, is_directory: bool) -> u32 {
        let (is_user, is_group) = (self.who & 0o700 != 0, self.who & 0o070 != 0);
        let special = |bit, is_meant| if is_meant { bit } else { 0 };
        let meant = self.who
            | special(SETUID, is_user)
            | special(SETGID, is_group)
            | special(STICKY, self.who == 0o777 || self.bits & STICKY != 0);
        let executes = self.executes_some && (is_directory || mode & 0o111 != 0);
        let bits = (self.bits | if executes { 0o111 } else { 0 }) & meant;
        match self.action {
            Action::Add => mode | bits,
            Action::Remove => mode & !bits,
            // A directory keeps setuid and setgid unless they are named, as with GNU's `chmod`.
            Action::Set if is_directory => mode & !(self.who | STICKY & meant) | bits,
            Action::Set => mode & !meant | bits,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::FileMode;

    fn changed(text: &str, mode: u32) -> String {
        let parsed = FileMode::parse(text).expect(text);
        let file = parsed.apply(mode, false);
        let directory = parsed.apply(mode, true);
        format!("{file:04o} {directory:04o}")
    }

    #[test]
    fn a_mode_is_told_as_it_may_be_written() {
        for (text, told) in [
            ("0700", "0700"),
            ("644", "0644"),
            ("4755", "4755"),
            ("go-w", "go-w"),
            ("og-w", "go-w"),
            ("ugo=", "a="),
            ("a+rwxXst", "a+rwxstX"),
            ("u=rwX,g=rX", "u=rwX,g=rX"),
            ("u=r+x", "u=r,u+x"),
        ] {
            let mode = FileMode::parse(text).unwrap();
            assert_eq!(mode.to_string(), told);
            assert_eq!(FileMode::parse(told), Some(mode));
        }
        assert_eq!(FileMode::parse("ugo-t").unwrap().to_string(), "a-t");
    }

    #[test]
    fn clauses_mean_what_they_mean_to_chmod() {
        // Each as GNU chmod 9.1 leaves a file and a directory of that mode, but that digits are exact for directories too.
        for (text, mode, expected) in [
            ("0640", 0o4755, "0640 0640"),
            ("755", 0o600, "0755 0755"),
            ("u+x", 0o644, "0744 0744"),
            ("go-w", 0o666, "0644 0644"),
            ("a=rX", 0o640, "0444 0555"),
            ("a=rX", 0o750, "0555 0555"),
            ("u=rwX,g=rX,o=", 0o755, "0750 0750"),
            ("u+s", 0o755, "4755 4755"),
            ("ug+s", 0o755, "6755 6755"),
            ("o+s", 0o755, "0755 0755"),
            ("u-s,g-s", 0o6755, "0755 0755"),
            ("a+t", 0o755, "1755 1755"),
            ("u=rw", 0o4755, "0655 4655"),
            ("g=", 0o2775, "0705 2705"),
            ("u+r-w", 0o200, "0400 0400"),
            ("a-x+X", 0o711, "0600 0711"),
            ("o=rx", 0o640, "0645 0645"),
            ("o=rx", 0o2777, "2775 2775"),
            ("g=rx,o=rx", 0o4700, "4755 4755"),
            ("a+X", 0o644, "0644 0755"),
            ("a+X", 0o645, "0755 0755"),
            ("u+X", 0o4600, "4600 4700"),
            ("g=X", 0o610, "0610 0610"),
            ("go=X", 0o4710, "4711 4711"),
            ("o-X", 0o755, "0754 0754"),
            ("a-X", 0o644, "0644 0644"),
            ("u=rwx,go=rX", 0o600, "0755 0755"),
            ("o=t", 0o1755, "1750 1750"),
            ("o=rt", 0o755, "1754 1754"),
            ("u=s,g=s", 0o755, "6005 6005"),
            ("g=s", 0o644, "2604 2604"),
            ("a=rwxs", 0o1755, "6777 6777"),
            ("g-s", 0o6755, "4755 4755"),
            ("u=rw", 0o1755, "1655 1655"),
            ("a=", 0o7777, "0000 6000"),
            ("u=rX-w", 0o700, "0500 0500"),
        ] {
            assert_eq!(changed(text, mode), expected, "{text} of {mode:04o}");
        }
    }

    #[test]
    fn what_is_no_mode_is_refused() {
        for text in [
            "",
            "64",
            "06444",
            "0888",
            "+x",
            "u",
            "u+z",
            "x+u",
            "u+x,",
            ",u+x",
            "u x",
            "rwxr-xr-x",
        ] {
            assert_eq!(FileMode::parse(text), None, "{text}");
        }
    }
}

//! The list of a change as text, a line for each thing that is done.

use super::{Identity, Line};
use crate::archive::source::names;
use crate::tarball::Mtime;

/// The first line.
const FIRST: &str = "ocipatch change 1\n";
/// The last line: a list without it was cut short.
const LAST: &str = "end\n";
/// Stands for the identity of what is not there.
const ABSENT: &str = "-";

pub(super) fn format(lines: &[Line]) -> String {
    let absent = || ABSENT.to_owned();
    let lines = lines.iter().map(|line| match line {
        Line::Made(name) => format!("made {name}\n"),
        Line::Created(name, new) => format!("created {} {name}\n", spell(new)),
        Line::Switched { name, old, new } => {
            let old = old.as_ref().map_or_else(absent, spell);
            format!("switched {old} {} {name}\n", spell(new))
        }
        Line::Obsolete(name, old) => format!("obsolete {} {name}\n", spell(old)),
        Line::Emptied(name) => format!("emptied {name}\n"),
        Line::Dated { name, old, new } => format!("dated {old} {new} {name}\n"),
    });
    [FIRST.to_owned()]
        .into_iter()
        .chain(lines)
        .chain([LAST.to_owned()])
        .collect()
}

/// Reads a whole list; its names lead nowhere but into the directory.
pub(super) fn parse(text: &str) -> Option<Vec<Line>> {
    let lines = text.strip_prefix(FIRST)?.strip_suffix(LAST)?;
    // A name may end in a carriage return, which `str::lines` would take off.
    let lines = lines.split_inclusive('\n');
    lines.map(|text| line(text.strip_suffix('\n')?)).collect()
}

fn line(line: &str) -> Option<Line> {
    let (what, rest) = line.split_once(' ')?;
    let name = |name: &str| names::clean(name.as_bytes()).filter(|name| !name.is_empty());
    Some(match what {
        "made" => Line::Made(name(rest)?),
        "emptied" => Line::Emptied(name(rest)?),
        "created" => {
            let (new, rest) = rest.split_once(' ')?;
            Line::Created(name(rest)?, parse_identity(new)?)
        }
        "obsolete" => {
            let (old, rest) = rest.split_once(' ')?;
            Line::Obsolete(name(rest)?, parse_identity(old)?)
        }
        "switched" => {
            let (old, rest) = rest.split_once(' ')?;
            let (new, rest) = rest.split_once(' ')?;
            let old = match old {
                ABSENT => None,
                old => Some(parse_identity(old)?),
            };
            Line::Switched {
                name: name(rest)?,
                old,
                new: parse_identity(new)?,
            }
        }
        "dated" => {
            let (old, rest) = rest.split_once(' ')?;
            let (new, rest) = rest.split_once(' ')?;
            Line::Dated {
                name: name(rest)?,
                old: old.parse().ok()?,
                new: new.parse().ok()?,
            }
        }
        _ => return None,
    })
}

fn spell(identity: &Identity) -> String {
    let Identity { inode, size, mtime } = identity;
    format!("{inode}:{size}:{}:{}", mtime.seconds, mtime.nanoseconds)
}

fn parse_identity(text: &str) -> Option<Identity> {
    let mut parts = text.splitn(4, ':');
    let mut part = || parts.next();
    Some(Identity {
        inode: part()?.parse().ok()?,
        size: part()?.parse().ok()?,
        mtime: Mtime {
            seconds: part()?.parse().ok()?,
            nanoseconds: part()?.parse().ok()?,
        },
    })
}

#[cfg(test)]
mod tests {
    use super::super::{Identity, Line};
    use super::{format, parse};
    use crate::tarball::Mtime;

    fn identity(inode: u64) -> Identity {
        Identity {
            inode,
            size: 3,
            mtime: Mtime {
                seconds: -1,
                nanoseconds: 5,
            },
        }
    }

    #[test]
    fn a_list_is_read_as_it_was_written() {
        let lines = [
            Line::Made("blobs/a b".to_owned()),
            Line::Created("blobs/a b/- 1".to_owned(), identity(u64::MAX)),
            Line::Switched {
                name: "index.json".to_owned(),
                old: Some(identity(1)),
                new: identity(2),
            },
            Line::Switched {
                name: "repositories".to_owned(),
                old: None,
                new: identity(2),
            },
            Line::Obsolete("x".to_owned(), identity(4)),
            Line::Obsolete("x\r".to_owned(), identity(5)),
            Line::Emptied("d".to_owned()),
            Line::Dated {
                name: "blobs".to_owned(),
                old: -7,
                new: i64::MAX,
            },
        ];
        let text = format(&lines);
        assert_eq!(parse(&text).unwrap(), lines);
        assert_eq!(parse(&format(&[])).unwrap(), []);
        // Cut anywhere, it is none.
        for end in 0..text.len() {
            assert_eq!(parse(&text[..end]), None, "{end}");
        }
    }

    #[test]
    fn every_name_of_one_line_is_read_as_it_was_written() {
        for c in ('\0'..'\u{a0}').chain(['\u{2028}', '\u{2029}', '\u{feff}']) {
            let is_of_a_path = c != '\0' && c != '\n' && c != '/';
            for name in [
                format!("a{c}"),
                format!("{c}a"),
                format!("a{c}b"),
                c.to_string(),
            ] {
                if is_of_a_path && name != "." {
                    let lines = [Line::Made(name.clone()), Line::Obsolete(name, identity(1))];
                    assert_eq!(parse(&format(&lines)).unwrap(), lines);
                }
            }
        }
    }

    #[test]
    fn a_list_leads_nowhere_else() {
        for line in [
            "made ../x",
            "made ",
            "made .",
            "created 1:1:1:1 a/../../x",
            "obsolete 1:1:1:1 ..",
            "obsolete 1:1:1 x",
            "obsolete - x",
            "switched - - x",
            "dated 1 x",
            "emptied",
            "removed x",
            "",
        ] {
            let text = format!("ocipatch change 1\n{line}\nend\n");
            assert_eq!(parse(&text), None, "{line}");
        }
        let text = "ocipatch change 1\nmade /etc\nend\n";
        assert_eq!(parse(text), Some(vec![Line::Made("etc".to_owned())]));
    }
}

//! Two uses of one path that exclude each other, in words.

use std::fmt;
use std::path::PathBuf;

use super::location::LocationKind;
use super::role::{ReadAs, WrittenAs};
use crate::printable;

/// A path that would be written although the command reads it or writes it already.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Conflict {
    pub(super) written: Use<WrittenAs>,
    pub(super) relation: Relation,
    pub(super) other: Other,
}

/// A path as it was typed, and what it is for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Use<Role> {
    pub(super) shown: String,
    pub(super) role: Role,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Other {
    Read(Use<ReadAs>),
    Written(Use<WrittenAs>),
}

/// How the written path lies to the other one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Relation {
    /// Both are the same.
    Same(LocationKind),
    /// It lies in the other one, which is a directory.
    Inside,
    /// It is another name of what the other one, a directory, contains under this name.
    AlsoInside(PathBuf),
    /// It is a directory that contains the other one.
    Around,
}

impl Conflict {
    /// Tells whether one of the two is standard error, which then is no place for a message about this.
    pub(crate) fn is_about_standard_error(&self) -> bool {
        let is_standard_error = |used: &Use<WrittenAs>| used.role.is_standard_error();
        is_standard_error(&self.written)
            || matches!(&self.other, Other::Written(used) if is_standard_error(used))
    }

    fn advice(&self) -> &'static str {
        let is_image = matches!(
            &self.other,
            Other::Read(Use {
                role: ReadAs::Image,
                ..
            })
        );
        if is_image && self.written.role == WrittenAs::Output && self.relation != Relation::Around {
            "to change the image itself, use `--in-place`"
        } else {
            "choose another path"
        }
    }
}

impl fmt::Display for Conflict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            written,
            relation,
            other,
        } = self;
        match relation {
            Relation::Same(kind) => write!(f, "{written} is the same {kind} as {other}")?,
            Relation::Inside => write!(f, "{written} is inside {other}")?,
            Relation::AlsoInside(path) => {
                let name = printable::path(path);
                write!(f, "{written} is the same file as `{name}` inside {other}")?;
            }
            Relation::Around => write!(f, "{written} contains {other}")?,
        }
        write!(f, "; {}", self.advice())
    }
}

impl std::error::Error for Conflict {}

impl fmt::Display for Other {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Read(used) => used.fmt(f),
            Self::Written(used) => used.fmt(f),
        }
    }
}

impl<Role: fmt::Display> fmt::Display for Use<Role> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let role = self.role.to_string();
        if self.shown == role {
            return f.write_str(&role);
        }
        write!(f, "`{}` ({role})", self.shown)
    }
}

//! Paths inside an image: absolute, `/`-separated, made of bytes, never leaving the root.

use std::borrow::Cow;
use std::fmt;

use crate::printable;

/// An absolute path in an image's file system, cleaned: no empty, `.` or `..` component.
///
/// Names in an image are bytes; nothing says they are UTF-8.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ImagePath(Vec<u8>);

/// Why bytes are not a path in an image.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum InvalidImagePath {
    /// The path does not begin with `/`.
    Relative,
    /// A `..` component; the reader would have to guess what it was meant against.
    Parent,
    /// A NUL byte, which no file name can hold.
    Nul,
}

impl fmt::Display for InvalidImagePath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Relative => "a path in the image starts with `/`",
            Self::Parent => "a path in the image has no `..`",
            Self::Nul => "a path cannot contain a NUL byte",
        })
    }
}

impl std::error::Error for InvalidImagePath {}

impl ImagePath {
    /// Returns `/`.
    #[must_use]
    pub fn root() -> Self {
        Self(Vec::new())
    }

    /// Parses an absolute path as an author writes it; `//`, `/./` and a trailing `/` are cleaned away.
    pub fn parse(text: impl AsRef<[u8]>) -> Result<Self, InvalidImagePath> {
        let bytes = text.as_ref();
        if bytes.first() != Some(&b'/') {
            return Err(InvalidImagePath::Relative);
        }
        Self::relative(bytes)
    }

    /// Parses a tar entry's name, which may or may not begin with `/` or `./`.
    pub fn from_entry_name(name: &[u8]) -> Result<Self, InvalidImagePath> {
        Self::relative(name)
    }

    /// Returns where an entry of that name is in an image: `..` is cleaned away and never leaves the root, as in every
    /// engine.
    #[must_use]
    pub fn confined(name: &[u8]) -> Self {
        let mut path = Self::root();
        for component in name.split(|&b| b == b'/') {
            match component {
                b"" | b"." => {}
                b".." => path = path.parent().unwrap_or_else(Self::root),
                name => path.push(name),
            }
        }
        path
    }

    fn relative(bytes: &[u8]) -> Result<Self, InvalidImagePath> {
        if bytes.contains(&0) {
            return Err(InvalidImagePath::Nul);
        }
        let mut path = Self::root();
        for component in bytes.split(|&b| b == b'/') {
            match component {
                b"" | b"." => {}
                b".." => return Err(InvalidImagePath::Parent),
                name => path.push(name),
            }
        }
        Ok(path)
    }

    /// Returns the path with `name` below it; `name` is one component.
    #[must_use]
    pub fn join(&self, name: &[u8]) -> Self {
        let mut path = self.clone();
        path.push(name);
        path
    }

    /// Returns the path with `names` below it, one in the other.
    #[must_use]
    pub fn join_all<'a>(&self, names: impl IntoIterator<Item = &'a [u8]>) -> Self {
        let mut path = self.clone();
        for name in names {
            path.push(name);
        }
        path
    }

    /// Returns where this path, which is `from` or below it, is once that is at `to`.
    #[must_use]
    pub fn moved(&self, from: &Self, to: &Self) -> Self {
        Self([to.0.as_slice(), &self.0[from.0.len()..]].concat())
    }

    /// Returns how many bytes the path has.
    #[must_use]
    pub fn n_bytes(&self) -> usize {
        self.0.len().max(1)
    }

    fn push(&mut self, name: &[u8]) {
        debug_assert!(!name.is_empty() && !name.contains(&b'/'));
        self.0.push(b'/');
        self.0.extend_from_slice(name);
    }

    /// Returns the directory that holds this path; the root has none.
    #[must_use]
    pub fn parent(&self) -> Option<Self> {
        let slash = self.0.iter().rposition(|&b| b == b'/')?;
        Some(Self(self.0[..slash].to_vec()))
    }

    /// Returns the last component; the root has none.
    #[must_use]
    pub fn file_name(&self) -> Option<&[u8]> {
        let slash = self.0.iter().rposition(|&b| b == b'/')?;
        Some(&self.0[slash + 1..])
    }

    /// Returns the components from the root down.
    pub fn components(&self) -> impl Iterator<Item = &[u8]> {
        self.0.split(|&b| b == b'/').skip(1)
    }

    /// Tells whether this is `/`.
    #[must_use]
    pub fn is_root(&self) -> bool {
        self.0.is_empty()
    }

    /// Returns the path as tar entries and Docker's layers spell it: without the leading `/`.
    #[must_use]
    pub fn entry_name(&self) -> &[u8] {
        self.0.get(1..).unwrap_or_default()
    }

    /// Returns the path as text: `/etc/motd`; each byte that is not UTF-8 is `\xff`.
    #[must_use]
    pub fn to_text(&self) -> Cow<'_, str> {
        if self.is_root() {
            return Cow::Borrowed("/");
        }
        printable::decoded(&self.0)
    }
}

impl fmt::Display for ImagePath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.to_text())
    }
}

impl fmt::Debug for ImagePath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ImagePath({self})")
    }
}

impl serde::Serialize for ImagePath {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

#[cfg(test)]
mod tests {
    use super::{ImagePath, InvalidImagePath};

    #[test]
    fn spellings_of_one_path_are_equal() {
        let path = ImagePath::parse("/etc/app.conf").unwrap();
        for name in ["etc/app.conf", "./etc/app.conf", "/etc//./app.conf/"] {
            assert_eq!(ImagePath::from_entry_name(name.as_bytes()).unwrap(), path);
        }
        assert_eq!(path.entry_name(), b"etc/app.conf");
        assert_eq!(path.file_name(), Some(b"app.conf".as_slice()));
        assert_eq!(path.parent().unwrap().to_text(), "/etc");
        assert_eq!(path.parent().unwrap().parent(), Some(ImagePath::root()));
        assert_eq!(ImagePath::root().parent(), None);
        assert_eq!(ImagePath::root().components().count(), 0);
        assert_eq!(
            path.components().collect::<Vec<_>>(),
            [b"etc".as_slice(), b"app.conf"]
        );
    }

    #[test]
    fn a_path_never_leaves_the_root() {
        assert_eq!(ImagePath::parse("etc"), Err(InvalidImagePath::Relative));
        assert_eq!(ImagePath::parse("/a/../b"), Err(InvalidImagePath::Parent));
        assert_eq!(
            ImagePath::from_entry_name(b"a\0b"),
            Err(InvalidImagePath::Nul)
        );
    }
}

//! What tells one state of a file from another.

use rustix::fs::Stat;

use crate::system::device;
use crate::tarball::Mtime;

/// A file as it was when somebody looked: if any of this changes, so may have the content.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct FileState {
    /// The device that holds the file.
    pub device: u64,
    /// The file's number on it.
    pub inode: u64,
    /// Its length in bytes.
    pub size: u64,
    /// When its content last changed.
    pub mtime: Mtime,
    /// When anything about it last changed. A program can set the other times, and not this one.
    pub ctime: Mtime,
}

impl FileState {
    /// Takes the state from what the system says.
    #[must_use]
    pub fn of(stat: &Stat) -> Self {
        let time = |seconds, nanoseconds| Mtime {
            seconds,
            nanoseconds: u32::try_from(nanoseconds).unwrap_or(0),
        };
        Self {
            device: device(stat),
            inode: stat.st_ino,
            size: u64::try_from(stat.st_size).unwrap_or(0),
            mtime: time(stat.st_mtime, stat.st_mtime_nsec),
            ctime: time(stat.st_ctime, stat.st_ctime_nsec),
        }
    }

    /// Tells whether this is the same file with the same content, whatever happened to its names and permissions.
    #[must_use]
    pub fn has_content_of(&self, other: &Self) -> bool {
        (self.device, self.inode, self.size, self.mtime)
            == (other.device, other.inode, other.size, other.mtime)
    }

    /// Says what is different `now`, in words that follow the file's name; nothing if it is the same state.
    #[must_use]
    pub fn difference(&self, now: &Self) -> Option<String> {
        if (self.device, self.inode) != (now.device, now.inode) {
            return Some("another file has its name".to_owned());
        }
        if self.size != now.size {
            return Some(format!("its size is {} bytes, not {}", now.size, self.size));
        }
        if self.mtime != now.mtime {
            return Some("its modification time is different".to_owned());
        }
        (self.ctime != now.ctime).then(|| "its status change time is different".to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::FileState;
    use crate::tarball::Mtime;

    #[test]
    fn whatever_changes_is_named() {
        let time = Mtime {
            seconds: 5,
            nanoseconds: 7,
        };
        let later = Mtime {
            nanoseconds: 8,
            ..time
        };
        let was = FileState {
            device: 1,
            inode: 2,
            size: 3,
            mtime: time,
            ctime: time,
        };
        let said = |now: FileState| was.difference(&now);
        assert_eq!(said(was), None);
        let another = Some("another file has its name");
        assert_eq!(said(FileState { inode: 9, ..was }).as_deref(), another);
        assert_eq!(said(FileState { device: 9, ..was }).as_deref(), another);
        let size = said(FileState { size: 4, ..was });
        assert_eq!(size.as_deref(), Some("its size is 4 bytes, not 3"));
        let mtime = FileState {
            mtime: later,
            ..was
        };
        assert!(said(mtime).is_some() && !mtime.has_content_of(&was));
        let ctime = FileState {
            ctime: later,
            ..was
        };
        assert!(said(ctime).is_some() && ctime.has_content_of(&was));
    }
}

//! Every path that a command reads and every path that it writes, so that none of them is lost to another.
//!
//! Files are compared by device and inode, so that symbolic links, hard links and bind mounts are seen through. A file
//! that does not exist yet is compared by the innermost directory that does, and the path below it. A conflict is
//! reported when the second of the two paths is entered, and a path is entered before it is opened: nothing has been
//! written by then. What is allowed:
//!
//! * The image is patched in place, and nothing else is read or written there. So is a patch that operations are added to.
//! * An output is beside its inputs, or among the excluded files of a directory that a layer is made of.
//! * A terminal or `/dev/null` has several uses. A pipe or a socket is written for one purpose only; two writers would
//!   mix what they write.

mod conflict;
mod location;
mod resolve;
mod role;

use std::fmt;
use std::path::Path;
use std::sync::Arc;

pub use conflict::Conflict;
use conflict::{Other, Relation, Use};
pub use location::Location;
use location::LocationKind;
pub(crate) use resolve::{Descriptor, followed};
pub use role::{ReadAs, WrittenAs};

/// The paths of one command.
#[derive(Debug, Clone, Default)]
pub struct Ledger {
    reads: Vec<Read>,
    writes: Vec<Written>,
}

/// Something that is read: a file, or a directory and everything in it.
#[derive(Debug, Clone)]
struct Read {
    role: ReadAs,
    location: Location,
    left_out: LeftOut,
}

#[derive(Debug, Clone)]
struct Written {
    role: WrittenAs,
    location: Location,
    extent: Extent,
}

/// How much is written at a location.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Extent {
    /// A file.
    File,
    /// A directory and everything in it.
    Tree,
    /// A directory that is made if it is missing, and gets files that are entered one by one.
    Directory,
}

/// What of a directory is not read, by its path below that.
#[derive(Clone)]
struct LeftOut(Arc<dyn Fn(&Path) -> bool + Send + Sync>);

impl fmt::Debug for LeftOut {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("LeftOut")
    }
}

impl Ledger {
    /// Returns the ledger of something that is only read.
    #[must_use]
    pub fn reading<'a>(role: ReadAs, locations: impl IntoIterator<Item = &'a Location>) -> Self {
        let reads = locations.into_iter();
        Self {
            reads: reads.map(|place| Read::all(role, place.clone())).collect(),
            writes: Vec::new(),
        }
    }

    /// Enters a file that is read, or a directory that is read with everything in it.
    pub fn read(&mut self, role: ReadAs, location: Location) -> Result<(), Conflict> {
        self.enter_read(Read::all(role, location))
    }

    /// Enters a directory that is read but for the paths below it that `is_left_out` names.
    pub fn read_partly(
        &mut self,
        role: ReadAs,
        location: Location,
        is_left_out: impl Fn(&Path) -> bool + Send + Sync + 'static,
    ) -> Result<(), Conflict> {
        self.enter_read(Read {
            left_out: LeftOut(Arc::new(is_left_out)),
            ..Read::all(role, location)
        })
    }

    /// Enters what is going to be written.
    pub fn write(
        &mut self,
        role: WrittenAs,
        extent: Extent,
        location: Location,
    ) -> Result<(), Conflict> {
        let written = Written {
            role,
            location,
            extent,
        };
        for read in &self.reads {
            written.check_read(read)?;
        }
        for other in &self.writes {
            written.check_written(other)?;
        }
        self.writes.push(written);
        Ok(())
    }

    /// Enters everything that `other` has.
    pub fn merge(&mut self, other: &Self) -> Result<(), Conflict> {
        for read in &other.reads {
            self.enter_read(read.clone())?;
        }
        for written in &other.writes {
            self.forget(written.role);
        }
        for written in &other.writes {
            self.write(written.role, written.extent, written.location.clone())?;
        }
        Ok(())
    }

    /// Removes what was entered as written for `role`, to enter it again.
    pub fn forget(&mut self, role: WrittenAs) {
        self.writes.retain(|written| written.role != role);
    }

    fn enter_read(&mut self, read: Read) -> Result<(), Conflict> {
        for written in &self.writes {
            written.check_read(&read)?;
        }
        self.reads.push(read);
        Ok(())
    }
}

impl Read {
    fn all(role: ReadAs, location: Location) -> Self {
        Self {
            role,
            location,
            left_out: LeftOut(Arc::new(|_| false)),
        }
    }
}

impl Written {
    fn check_read(&self, read: &Read) -> Result<(), Conflict> {
        let Some(relation) = self.relation_to_read(read) else {
            return Ok(());
        };
        let other = Use {
            shown: read.location.shown().to_owned(),
            role: read.role,
        };
        Err(self.conflict(relation, Other::Read(other)))
    }

    fn check_written(&self, other: &Self) -> Result<(), Conflict> {
        if let Some(relation) = self.relation_to_written(other) {
            return Err(self.conflict(relation, Other::Written(other.named())));
        }
        let is_within = |a: &Self, b: &Self| {
            b.extent == Extent::Tree && a.location.path_below(&b.location).is_some()
        };
        if is_within(self, other) {
            return Err(self.conflict(Relation::Inside, Other::Written(other.named())));
        }
        if is_within(other, self) {
            return Err(self.conflict(Relation::Around, Other::Written(other.named())));
        }
        Ok(())
    }

    fn relation_to_read(&self, read: &Read) -> Option<Relation> {
        let kind = self.location.kind();
        if self.location.is(&read.location) {
            let is_fine = match kind.unwrap_or(LocationKind::File) {
                // The two directions of a socket or a terminal have nothing to do with each other.
                LocationKind::CharDevice | LocationKind::Socket => true,
                _ => matches!(
                    (self.role, read.role),
                    (WrittenAs::InPlace, ReadAs::Image) | (WrittenAs::Patch, ReadAs::Patch)
                ),
            };
            return (!is_fine).then_some(Relation::Same(kind.unwrap_or(LocationKind::File)));
        }
        if self.extent == Extent::Tree && read.location.path_below(&self.location).is_some() {
            return Some(Relation::Around);
        }
        let is_replaced = matches!(
            kind,
            None | Some(LocationKind::File | LocationKind::Directory)
        );
        if !is_replaced || read.location.kind() != Some(LocationKind::Directory) {
            return None;
        }
        let is_left_out = &*read.left_out.0;
        if let Some(path) = self.location.path_below(&read.location) {
            return (!is_left_out(&path)).then_some(Relation::Inside);
        }
        let path = self.location.hidden_path_below(&read.location, is_left_out);
        path.map(Relation::AlsoInside)
    }

    fn relation_to_written(&self, other: &Self) -> Option<Relation> {
        let kind = self.location.kind().unwrap_or(LocationKind::File);
        let is_fine = self.shares_stream_with(other) || other.shares_stream_with(self);
        if !is_fine && self.location.is_same_stream(&other.location) {
            return Some(Relation::Same(kind));
        }
        let is_same = self.location.is(&other.location) && kind != LocationKind::CharDevice;
        (!is_fine && is_same).then_some(Relation::Same(kind))
    }

    /// Tells whether this is standard error and the other one may be written to the same stream, among the messages.
    fn shares_stream_with(&self, other: &Self) -> bool {
        match self.role {
            WrittenAs::StandardError => {
                other.role.is_stream()
                    || other.role.is_side_file() && other.location.is_standard_error()
            }
            WrittenAs::QuietStandardError => other.location.is_open(),
            _ => false,
        }
    }

    fn named(&self) -> Use<WrittenAs> {
        Use {
            shown: self.location.shown().to_owned(),
            role: self.role,
        }
    }

    fn conflict(&self, relation: Relation, other: Other) -> Conflict {
        Conflict {
            written: self.named(),
            relation,
            other,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::{Extent, Ledger, Location, ReadAs, WrittenAs};

    #[test]
    fn a_device_may_be_read_and_written() {
        let null = || Location::of(Path::new("/dev/null"));
        let mut ledger = Ledger::default();
        assert!(ledger.read(ReadAs::Patch, null()).is_ok());
        assert!(
            ledger
                .write(WrittenAs::Output, Extent::File, null())
                .is_ok()
        );
        assert!(
            ledger
                .write(WrittenAs::Iidfile, Extent::File, null())
                .is_ok()
        );
    }

    #[test]
    fn only_what_goes_among_messages_may_share_standard_error() {
        use WrittenAs::{
            Iidfile, Output, Provenance, QuietStandardError, StandardError, StandardOutput,
        };
        let error = Location::standard_error;
        let open = || Location::of(Path::new("/dev/fd/2"));
        let named = || Location::of(Path::new("/no such directory/x"));
        for (one, other, location, is_fine) in [
            (StandardError, StandardOutput, error(), true),
            (StandardError, Iidfile, open(), true),
            (StandardError, Provenance, open(), true),
            (StandardError, Output, open(), false),
            (StandardError, Output, named(), true),
            (QuietStandardError, Output, open(), true),
            (QuietStandardError, Iidfile, open(), true),
            (StandardOutput, Output, error(), false),
        ] {
            let both = [(one, error()), (other, location)];
            for order in [[0, 1], [1, 0]] {
                let mut ledger = Ledger::default();
                let entered = order.map(|i| {
                    let (role, location) = both[i].clone();
                    ledger.write(role, Extent::File, location).is_ok()
                });
                assert_eq!(entered, [true, is_fine], "{one:?} {other:?} {order:?}");
            }
        }
    }
}

//! New layers: a host directory is scanned, laid out over the image's tree, and written as a tar stream.
//!
//! Only scanning and writing touch the host; `compose` decides everything and is pure. The same content gives the
//! same bytes whatever the host's clock, umask, user and order of directory entries: these bytes are `ocipatch/v1`.

mod addition;
mod arrange;
mod compose;
mod edit;
mod host_files;
mod origin;
mod report;
mod rewrite;
mod scan;
#[cfg(test)]
mod tests;
mod write;
mod xattrs;

pub use addition::{Addition, Data, Metadata, Mode, Owner, Time, additions};
pub use compose::{LayerContent, LayerEntry, SymlinkPolicy, compose};
pub use edit::{Edit, lay_out, whiteouts};
pub use origin::{Inputs, Kept, OpenOrigin, Origin};
pub use report::{LayerProblem, Note, Reason};
pub use rewrite::{GroupEdit, Rewrite, write_rewritten};
pub use scan::{HostError, HostFile, Scan, SourceDirectory, SourceEntry, SourceKind, ZERO_DEVICE};
pub use write::{WriteError, layer_size, read_contents, write_layer};

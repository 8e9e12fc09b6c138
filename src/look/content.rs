//! The contents of files.

use std::io::Read;

use super::absent::{Absent, Unseen};
use crate::archive::{Archive, BlobId, Layer};
use crate::error::Error;
use crate::image_path::ImagePath;
use crate::rootfs::Node;
use crate::tarball::{ContentReader, Input, Kind, MAX_HOLE_BYTES};

/// How much is read at once. In bytes.
const CHUNK: usize = 1 << 16;

/// Contents of files one after the other. Asked for in the order of layers and of offsets in them, each layer is read once.
pub(super) struct Contents<'a> {
    archive: &'a Archive,
    open: Option<Open>,
}

/// A layer, read up to a position.
struct Open {
    blob: Option<BlobId>,
    stream: Box<dyn Input>,
    position: u64,
}

impl<'a> Contents<'a> {
    pub(super) fn of(archive: &'a Archive) -> Self {
        Self {
            archive,
            open: None,
        }
    }

    /// Has the content of a file of `layer` read to its end. `read` is also given the name that messages call the layer.
    pub(super) fn read<T>(
        &mut self,
        layer: &Layer,
        node: &Node,
        read: impl FnOnce(&mut dyn Read, &str) -> Result<T, Error>,
    ) -> Result<T, Error> {
        let place = self.archive.layer_name(layer);
        let offset = node.content.offset;
        let blob = layer.blob();
        let is_ahead = |open: &Open| open.blob == blob && open.position <= offset;
        let mut open = match self.open.take().filter(is_ahead) {
            Some(open) => open,
            None => Open {
                blob,
                stream: self.archive.open_layer(layer)?,
                position: 0,
            },
        };
        let behind = offset - open.position;
        open.stream.skip(behind).map_err(Error::in_place(place))?;
        let mut content = ContentReader::new(&mut open.stream, node.size, node.sparse.as_ref());
        let result = read(&mut content, place)?;
        open.position = offset + node.stored_bytes();
        self.open = Some(open);
        Ok(result)
    }
}

/// Hands over what is read piece by piece; `place` is what messages call it.
pub(super) fn copy(
    content: &mut dyn Read,
    place: &str,
    write: &mut dyn FnMut(&[u8]) -> Result<(), Error>,
) -> Result<(), Error> {
    let mut chunk = vec![0; CHUNK];
    loop {
        match content.read(&mut chunk).map_err(Error::in_place(place))? {
            0 => return Ok(()),
            n => write(&chunk[..n])?,
        }
    }
}

/// Hands over the content of the file at `path` piece by piece. Of its layer nothing is decompressed that is behind it.
pub fn copy_content(
    archive: &Archive,
    image: usize,
    (path, node): (&ImagePath, &Node),
    write: &mut dyn FnMut(&[u8]) -> Result<(), Error>,
) -> Result<(), Unseen> {
    if node.kind != Kind::File {
        let kind = kind_of(node.kind);
        return Err(Absent::new(format!("`{path}` is {kind} and has no content")).into());
    }
    if node.hole_bytes() > MAX_HOLE_BYTES {
        return Err(too_many_holes(&format!("`{path}`"), node.hole_bytes()).into());
    }
    let layer = &archive.images()[image].layers()[node.content.layer];
    let copied =
        Contents::of(archive).read(layer, node, |content, place| copy(content, place, write));
    Ok(copied?)
}

/// Refuses holes that would take forever to fill.
pub(super) fn too_many_holes(what: &str, n_bytes: u64) -> Absent {
    Absent::new(format!(
        "{what} is sparse, with {n_bytes} bytes of holes; at most {MAX_HOLE_BYTES} are filled"
    ))
}

/// What a message calls a node without content.
fn kind_of(kind: Kind) -> &'static str {
    match kind {
        Kind::Directory => "a directory",
        Kind::CharDevice => "a character device",
        Kind::BlockDevice => "a block device",
        Kind::Fifo => "a named pipe",
        _ => "of an unknown type",
    }
}

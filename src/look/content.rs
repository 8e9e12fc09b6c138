//! The content of one file.

use std::io::Read;

use super::absent::{Absent, Unseen};
use crate::archive::Archive;
use crate::error::Error;
use crate::image_path::ImagePath;
use crate::rootfs::Node;
use crate::tarball::{ContentReader, Kind, MAX_HOLE_BYTES};

/// How much is read at once. In bytes.
const CHUNK: usize = 1 << 16;

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
        let n_bytes = node.hole_bytes();
        return Err(Absent::new(format!(
            "`{path}` is a sparse file with {n_bytes} bytes of holes; at most {MAX_HOLE_BYTES} are read"
        ))
        .into());
    }
    let layer = &archive.images()[image].layers()[node.content.layer];
    let place = archive.layer_name(layer);
    let mut stream = archive.open_layer(layer)?;
    stream
        .skip(node.content.offset)
        .map_err(Error::in_place(place))?;
    let mut content = ContentReader::new(&mut stream, node.size, node.sparse.as_ref());
    let mut chunk = vec![0; CHUNK];
    loop {
        match content.read(&mut chunk).map_err(Error::in_place(place))? {
            0 => return Ok(()),
            n => write(&chunk[..n])?,
        }
    }
}

/// What a message calls a node without content.
fn kind_of(kind: Kind) -> &'static str {
    match kind {
        Kind::Directory => "a directory",
        Kind::CharDevice => "a character device",
        Kind::BlockDevice => "a block device",
        Kind::Fifo => "a named pipe",
        Kind::Symlink => "a link",
        _ => "of an unknown type",
    }
}

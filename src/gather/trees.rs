//! File trees of images, and contents of single files, read from layers.

use std::collections::HashMap;

use crate::archive::{Archive, Image, Layer};
use crate::digest::Digest;
use crate::error::Error;
use crate::image_path::ImagePath;
use crate::patch::{Expectation, Patch, PatchFile};
use crate::rootfs::{Content, LayerLog, Node, Resolution, Rootfs, RootfsError};
use crate::tarball::{ContentReader, Kind, MAX_HOLE_BYTES, TarReader};

/// Reads the merged file tree of an image from its layers' headers.
pub fn read_tree(archive: &Archive, image: &Image) -> Result<Rootfs, Error> {
    let mut tree = Rootfs::new();
    for (position, layer) in image.layers().iter().enumerate() {
        let mut reader = TarReader::new(archive.open_layer(layer)?);
        tree.add_layer(position, &mut reader)
            .map_err(|error| unreadable(archive, layer, &error))?;
    }
    Ok(tree)
}

/// Reads what the layers of an image hold, so that they can be laid in another way, and the tree that they make.
pub(super) fn read_logs(
    archive: &Archive,
    image: &Image,
) -> Result<(HashMap<usize, LayerLog>, Rootfs), Error> {
    let mut logs = HashMap::new();
    let mut tree = Rootfs::new();
    for (position, layer) in image.layers().iter().enumerate() {
        let mut reader = TarReader::new(archive.open_layer(layer)?);
        let failed = |error: RootfsError| unreadable(archive, layer, &error);
        let log = LayerLog::read(position, &mut reader).map_err(|error| {
            failed(RootfsError::Tar {
                layer: position,
                error,
            })
        })?;
        tree.add_logged(position, &log).map_err(failed)?;
        logs.insert(position, log);
    }
    Ok((logs, tree))
}

fn unreadable(archive: &Archive, layer: &Layer, error: &RootfsError) -> Error {
    Error::BadEntry {
        name: archive.source().entries()[layer.entry()].name.clone(),
        reason: format!("is no readable layer: {error}"),
    }
}

/// The paths whose content a patch expects something of.
fn hashed_paths(patch: &Patch) -> impl Iterator<Item = &ImagePath> {
    let paths = patch
        .expect
        .iter()
        .flat_map(|expectation| match expectation {
            Expectation::Path(paths) => paths.as_slice(),
            _ => &[],
        });
    paths
        .filter(|wanted| wanted.sha256.is_some())
        .map(|wanted| &wanted.path)
}

/// Reads the files of an image whose content a patch expects something of; returns what each hashes to.
pub(super) fn read_contents(
    archive: &Archive,
    image: &Image,
    tree: &Rootfs,
    files: &[PatchFile],
) -> Result<HashMap<Content, Digest>, Error> {
    let mut contents = HashMap::new();
    let patches = files.iter().flat_map(PatchFile::patches);
    for path in patches.flat_map(hashed_paths) {
        let Resolution::Found { path } = tree.resolve(path) else {
            continue;
        };
        let node = tree.get(&path).expect("a path that was found is there");
        let is_read = node.kind == Kind::File && node.hole_bytes() <= MAX_HOLE_BYTES;
        if is_read && !contents.contains_key(&node.content) {
            contents.insert(node.content, read_content(archive, image, node)?);
        }
    }
    Ok(contents)
}

fn read_content(archive: &Archive, image: &Image, node: &Node) -> Result<Digest, Error> {
    let layer = &image.layers()[node.content.layer];
    let failed = |source| Error::Io {
        place: archive.source().entries()[layer.entry()].name.clone(),
        source,
    };
    let mut stream = archive.open_layer(layer)?;
    stream.skip(node.content.offset).map_err(failed)?;
    let mut content = ContentReader::new(&mut stream, node.size, node.sparse.as_ref());
    let (digest, _) = Digest::of_reader(&mut content).map_err(failed)?;
    Ok(digest)
}

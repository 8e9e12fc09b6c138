//! What a plan needs to know of the world, read once before planning: images, file trees, source directories.
//!
//! Metadata is always read, layer headers only where an operation adds a layer or a precondition is about files, and of
//! contents only the files whose digest a precondition compares.

mod sources;

use std::collections::HashMap;
use std::io::Read;
use std::path::{Path, PathBuf};

use crate::archive::{Archive, Blob, Image};
use crate::compression::{Compression, MAGIC_BYTES};
use crate::digest::Digest;
use crate::error::Error;
use crate::image_path::ImagePath;
use crate::layer::SourceDirectory;
use crate::patch::{Expectation, Operation, Patch, PatchFile};
use crate::plan::{Inventory, InventoryImage, OperationId};
use crate::problem::Address;
use crate::rootfs::{Content, Node, Resolution, Rootfs};
use crate::tarball::{Input, Kind, Stream, TarReader};
use crate::timestamp::Timestamp;

/// Where the paths in a patch file lead.
#[derive(Debug, Clone)]
pub struct Base {
    /// The directory that they are relative to: the patch file's own.
    pub directory: PathBuf,
    /// Whether they may lead out of it.
    pub allow_outside: bool,
}

/// What was gathered, and the directories that were opened for it.
#[derive(Debug)]
pub struct Gathered {
    /// What planning needs.
    pub inventory: Inventory,
    /// The source directories; planned layers name them by index.
    pub roots: Vec<SourceDirectory>,
}

/// Reads what `files` need; `bases` has one entry for each of them.
pub fn gather(
    files: &[PatchFile],
    bases: &[Base],
    archive: &Archive,
    source_date_epoch: Option<Timestamp>,
) -> Result<Gathered, Error> {
    let mut roots = Vec::new();
    let mut sources = HashMap::new();
    for (f, (file, base)) in files.iter().zip(bases).enumerate() {
        for (d, patch) in file.patches().iter().enumerate() {
            for (o, operation) in patch.operations.iter().enumerate() {
                let Operation::AddLayer(add) = operation else {
                    continue;
                };
                let address = Address::operation(d, o);
                let finding = sources::find(add, base, &address, &mut roots)?;
                sources.insert(
                    OperationId {
                        file: f,
                        document: d,
                        operation: o,
                    },
                    finding,
                );
            }
        }
    }
    let patches = || files.iter().flat_map(PatchFile::patches);
    let loses_layers = patches().any(removes_layers);
    let needs_tree = sources.values().any(|finding| finding.problems.is_empty())
        || loses_layers
        || patches().any(removes_paths)
        || patches().any(expects_paths);
    let mut images = Vec::with_capacity(archive.images().len());
    for (i, image) in archive.images().iter().enumerate() {
        let is_windows = image.config().text("os").as_deref() == Some("windows");
        let tree = if needs_tree && !is_windows {
            let tree = if loses_layers {
                Rootfs::with_log()
            } else {
                Rootfs::new()
            };
            Some(lay(tree, archive, image)?)
        } else {
            None
        };
        let contents = match &tree {
            Some(tree) => read_contents(archive, image, tree, files)?,
            None => HashMap::new(),
        };
        images.push(InventoryImage {
            config: image.config().clone(),
            image_id: image.image_id(),
            tags: image.tags().to_vec(),
            group: image.group(),
            digests: image
                .manifest_digest()
                .into_iter()
                .chain(archive.groups()[image.group()].root())
                .collect(),
            referrers: archive.referrers(i),
            annotations: archive.annotations(i),
            is_index_referred_to: archive.is_index_referred_to(i),
            layer_sizes: image
                .layers()
                .iter()
                .map(crate::archive::Layer::size)
                .collect(),
            tree,
            contents,
        });
    }
    Ok(Gathered {
        inventory: Inventory {
            images,
            sources,
            source_date_epoch,
        },
        roots,
    })
}

/// Reads the merged file tree of an image from its layers' headers.
pub fn read_tree(archive: &Archive, image: &Image) -> Result<Rootfs, Error> {
    lay(Rootfs::new(), archive, image)
}

fn lay(mut tree: Rootfs, archive: &Archive, image: &Image) -> Result<Rootfs, Error> {
    for (position, layer) in image.layers().iter().enumerate() {
        let name = &archive.source().entries()[layer.entry()].name;
        let blob = archive.source().blob(layer.entry())?;
        let mut reader = TarReader::new(open_layer(&blob, name)?);
        tree.add_layer(position, &mut reader)
            .map_err(|error| Error::BadEntry {
                name: name.clone(),
                reason: format!("is no readable layer: {error}"),
            })?;
    }
    Ok(tree)
}

/// Opens the uncompressed stream of a layer; `name` is the one of its entry.
fn open_layer<'a>(blob: &'a Blob, name: &str) -> Result<Box<dyn Input + 'a>, Error> {
    let failed = |source| Error::Io {
        place: name.to_owned(),
        source,
    };
    let mut first = Vec::new();
    let mut beginning = blob.reader().take(MAGIC_BYTES as u64);
    beginning.read_to_end(&mut first).map_err(failed)?;
    Ok(match Compression::detect(&first) {
        Compression::None => Box::new(blob.reader()),
        compression => Box::new(Stream(compression.decoder(blob.reader()).map_err(failed)?)),
    })
}

/// Tells whether a patch removes layers, which takes a tree that can be made again.
fn removes_layers(patch: &Patch) -> bool {
    let removes = |operation: &Operation| matches!(operation, Operation::RemoveLayer(_));
    patch.operations.iter().any(removes)
}

/// Tells whether a patch removes files.
fn removes_paths(patch: &Patch) -> bool {
    let removes = |operation: &Operation| matches!(operation, Operation::RemovePath(_));
    patch.operations.iter().any(removes)
}

/// Tells whether a patch expects something of files.
fn expects_paths(patch: &Patch) -> bool {
    let is_path = |expectation: &Expectation| matches!(expectation, Expectation::Path(_));
    patch.expect.iter().any(is_path)
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
fn read_contents(
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
        let is_plain = node.kind == Kind::File && !node.is_sparse;
        if is_plain && !contents.contains_key(&node.content) {
            contents.insert(node.content, read_content(archive, image, node)?);
        }
    }
    Ok(contents)
}

fn read_content(archive: &Archive, image: &Image, node: &Node) -> Result<Digest, Error> {
    let entry = image.layers()[node.content.layer].entry();
    let name = &archive.source().entries()[entry].name;
    let failed = |source| Error::Io {
        place: name.clone(),
        source,
    };
    let blob = archive.source().blob(entry)?;
    let mut layer = open_layer(&blob, name)?;
    layer.skip(node.content.offset).map_err(failed)?;
    let (digest, n_bytes) = Digest::of_reader(&mut layer.take(node.size)).map_err(failed)?;
    if n_bytes < node.size {
        return Err(failed(std::io::ErrorKind::UnexpectedEof.into()));
    }
    Ok(digest)
}

/// Returns the directory that a patch file's paths are relative to.
#[must_use]
pub fn directory_of(patch_file: &Path) -> PathBuf {
    match patch_file.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent.to_owned(),
        _ => PathBuf::from("."),
    }
}

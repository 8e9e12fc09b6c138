//! File trees of images, and contents of single files, read from layers.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use super::Reading;
use crate::archive::{Archive, BlobId, Headers, Layer};
use crate::digest::Digest;
use crate::error::Error;
use crate::image_path::ImagePath;
use crate::layer::{Data, Kept, Origin};
use crate::patch::{Expectation, Patch};
use crate::rootfs::{Content, LayerLog, Resolution, Rootfs, RootfsError};
use crate::tarball::{Kind, MAX_HOLE_BYTES};
use crate::watch::{self, Counted};

/// What the layers of an image hold, by position.
pub(super) type Logs = HashMap<usize, Arc<LayerLog>>;

/// Reads the merged file trees of images from their layers' headers. Layers that stacks begin with alike are read once, and
/// what they make is one tree until upper layers differ.
pub fn read_trees(archive: &Archive, images: &[usize]) -> Result<HashMap<usize, Rootfs>, Error> {
    let wanted = images.iter().map(|&image| (image, false)).collect();
    let read = read_stacks(archive, &wanted)?;
    Ok(read
        .into_iter()
        .map(|(image, (_, tree))| (image, tree))
        .collect())
}

/// Does what [`read_trees`] does; where the value says so, also returns what the layers hold, so that they can be laid in
/// another way.
pub(super) fn read_stacks(
    archive: &Archive,
    wanted: &BTreeMap<usize, bool>,
) -> Result<HashMap<usize, (Option<Logs>, Rootfs)>, Error> {
    let stack_of = |image: usize| -> Vec<BlobId> {
        let layers = archive.images()[image].layers().iter();
        layers.filter_map(Layer::blob).collect()
    };
    let mut stacks: Vec<(Vec<BlobId>, usize)> = wanted
        .keys()
        .map(|&image| (stack_of(image), image))
        .collect();
    stacks.sort();
    archive.fetch_ahead(wanted.keys().copied())?;
    let sizes = stacks.iter().flat_map(|(_, image)| {
        let layers = archive.images()[*image].layers().iter();
        layers
            .enumerate()
            .map(|(position, layer)| ((layer.blob(), position), layer.size()))
    });
    let sizes: HashMap<_, u64> = sizes.collect();
    watch::begins(
        || "reading layers".to_owned(),
        sizes.values().sum(),
        Counted::Read,
    );
    let mut reading = Stacks {
        archive,
        n_read: 0,
        logs: HashMap::new(),
        shared: Vec::new(),
    };
    let mut read = HashMap::new();
    for (i, (stack, image)) in stacks.iter().enumerate() {
        let next = stacks.get(i + 1).map_or(&[][..], |(stack, _)| stack);
        let n_shared = stack.iter().zip(next).take_while(|(a, b)| a == b).count();
        let layers = archive.images()[*image].layers();
        read.insert(*image, reading.stack(layers, wanted[image], n_shared)?);
    }
    Ok(read)
}

struct Stacks<'a> {
    archive: &'a Archive,
    /// How many bytes of layers were read, or found in the cache.
    n_read: u64,
    /// By the entry of a layer and its position.
    logs: HashMap<(BlobId, usize), Arc<LayerLog>>,
    /// Trees of as many layers as the last stack and the next one begin with.
    shared: Vec<(usize, Rootfs)>,
}

impl Stacks<'_> {
    /// Reads a stack, of which the next one shares the first `n_shared` layers.
    fn stack(
        &mut self,
        layers: &[Layer],
        with_logs: bool,
        n_shared: usize,
    ) -> Result<(Option<Logs>, Rootfs), Error> {
        let (n_read, mut tree) = self.shared.last().cloned().unwrap_or_default();
        self.shared.retain(|(n, _)| *n <= n_shared);
        let mut logs = Logs::new();
        for (position, layer) in layers.iter().enumerate() {
            if with_logs {
                logs.insert(position, self.log(layer, position)?);
            }
            if position < n_read {
                continue;
            }
            if position == n_shared {
                self.shared.push((position, tree.clone()));
            }
            let added = if let Some(log) = logs.get(&position) {
                tree.add_logged(position, log)
            } else {
                let add = |headers: &mut Headers<'_>| tree.add_layer(position, headers);
                let added = self.archive.read_headers(layer, add)?;
                self.is_read(layer);
                added
            };
            added.map_err(|error| unreadable(self.archive, layer, &error))?;
        }
        if layers.len() == n_shared && n_read < n_shared {
            self.shared.push((n_shared, tree.clone()));
        }
        Ok((with_logs.then_some(logs), tree))
    }

    fn is_read(&mut self, layer: &Layer) {
        self.n_read += layer.size();
        watch::is_at(self.n_read);
    }

    fn log(&mut self, layer: &Layer, position: usize) -> Result<Arc<LayerLog>, Error> {
        let place = layer.blob().map(|blob| (blob, position));
        if let Some(log) = place.and_then(|place| self.logs.get(&place)) {
            return Ok(Arc::clone(log));
        }
        let read = |headers: &mut Headers<'_>| LayerLog::read(position, headers);
        let log = self.archive.read_headers(layer, read)?.map_err(|error| {
            let error = RootfsError::Tar {
                layer: position,
                error,
            };
            unreadable(self.archive, layer, &error)
        })?;
        self.is_read(layer);
        let log = Arc::new(log);
        if let Some(place) = place {
            self.logs.insert(place, Arc::clone(&log));
        }
        Ok(log)
    }
}

fn unreadable(archive: &Archive, layer: &Layer, error: &RootfsError) -> Error {
    let name = archive.layer_name(layer).to_owned();
    Error::unreadable_layer(name, error)
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
    reading: Reading<'_>,
    tree: &Rootfs,
    patches: &[&Patch],
) -> Result<HashMap<Content, Digest>, Error> {
    let mut wanted: HashMap<Content, Data> = HashMap::new();
    for path in patches.iter().flat_map(|patch| hashed_paths(patch)) {
        let Resolution::Found { path } = tree.resolve(path) else {
            continue;
        };
        let node = tree.get(&path).expect("a path that was found is there");
        if node.kind == Kind::File && node.hole_bytes() <= MAX_HOLE_BYTES {
            let data = Data::Kept(Kept {
                origin: Origin::Layer(node.content.layer),
                offset: node.content.offset,
                size: node.size,
                sparse: node.sparse.clone(),
            });
            wanted.insert(node.content, data);
        }
    }
    let data: Vec<&Data> = wanted.values().collect();
    let digests = reading.digests(&data)?;
    Ok(wanted.keys().copied().zip(digests).collect())
}

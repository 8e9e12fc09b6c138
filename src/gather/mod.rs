//! What a plan needs to know of the world, read once before planning: images, file trees, source directories.
//!
//! Metadata is always read, layer headers only where an operation or a precondition looks into layers, and of contents
//! only the files whose digest a precondition compares or whose text an operation edits.

mod bases;
mod host_path;
mod inputs;
mod materials;
mod patches;
mod planning;
mod reading;
mod sources;
mod trees;
mod unusable;

use std::collections::{BTreeMap, HashMap};
use std::path::PathBuf;
use std::sync::Arc;

use crate::archive::{Archive, Image, Import, Layer, Shelf};
use crate::cache::Cache;
use crate::error::Error;
use crate::image_path::ImagePath;
use crate::layer::SourceDirectory;
use crate::ledger::{Ledger, Location, ReadAs};
use crate::operation::{Depth, Sources};
use crate::patch::{Expectation, Patch, PatchFile};
use crate::plan::{Inventory, InventoryImage, OperationId, Packed, UnreadImage, targets};
use crate::platform::Platform;
use crate::problem::Address;
use crate::registry::Reach;
use crate::timestamp::Timestamp;
pub(crate) use materials::TakenSources;
pub use materials::{MAX_LISTED_FILES, Material, MaterialKind};
pub use patches::{Base, Patches, directory_of};
pub use planning::NotPlanned;
pub(crate) use reading::Reading;
pub use trees::read_trees;
use trees::{read_contents, read_stacks};
use unusable::usable;

/// What was gathered for patches and an archive, and the directories that were opened for it.
#[derive(Debug)]
pub struct Gathered<'a> {
    patches: &'a Patches,
    archive: &'a Archive,
    /// What planning needs.
    pub inventory: Inventory,
    /// What planned layers take contents from.
    pub opened: Arc<OpenSources>,
}

/// What layers are made from besides the archive; planned ones name it by index.
#[derive(Debug, Default)]
pub struct OpenSources {
    /// The source directories.
    pub roots: Vec<SourceDirectory>,
    /// The tar streams.
    pub imports: Vec<Import>,
    /// Everything that was read.
    pub ledger: Ledger,
    /// Which of the directories are those of single files.
    file_roots: HashMap<PathBuf, usize>,
}

impl OpenSources {
    /// Tells whether all streams are still what they were when they were opened; the files of directories are looked at
    /// as they are read.
    pub fn check(&self) -> Result<(), Error> {
        self.imports.iter().try_for_each(Import::check)
    }
}

/// What a run is done under, besides patches and archive.
#[derive(Debug, Clone, Default)]
pub struct Conditions {
    /// The directory in which archives are decompressed, in files without a name.
    pub spool: PathBuf,
    /// Where the headers of layers are looked for and kept.
    pub cache: Option<Arc<Cache>>,
    /// What images of one run fetch from registries, if they share it.
    pub shelf: Option<Arc<Shelf>>,
    /// The time to give to images that change, where the environment sets one.
    pub source_date_epoch: Option<Timestamp>,
    /// Whether the archive is to be written in another form.
    pub is_converted: bool,
    /// Whether it is to be written to a registry.
    pub is_pushed: bool,
    /// The files whose texts are wanted as the patches leave them, of the images that the patches are about.
    pub shown: Vec<ImagePath>,
    /// What is known to be read and written before anything is gathered.
    pub ledger: Ledger,
    /// How registries are reached.
    pub reach: Reach,
}

/// Enters the files and directories that patches name as read.
///
/// [`gather`] does so too, and reports those that do not exist or may not be read. This is for a caller that wants conflicts
/// to be found before it opens the archive.
pub(crate) fn enter_sources(patches: &Patches, ledger: &mut Ledger) -> Result<(), Error> {
    for (file, base) in patches.iter() {
        for operation in file.patches().iter().flat_map(|patch| &patch.operations) {
            for source in operation.needs().sources.paths() {
                // Only problems need the place in the patch, and `gather` collects those.
                let found = source.find(base, &Address::file(), ledger);
                usable(found, &mut Vec::new())?;
            }
        }
    }
    Ok(())
}

/// Reads what `patches` need of `archive` and of the host.
pub fn gather<'a>(
    patches: &'a Patches,
    archive: &'a Archive,
    conditions: &Conditions,
) -> Result<Gathered<'a>, Error> {
    let gathered = read(patches, archive, conditions);
    // A change of the archive explains whatever was found.
    archive.source().check().and(gathered)
}

fn read<'a>(
    patches: &'a Patches,
    archive: &'a Archive,
    conditions: &Conditions,
) -> Result<Gathered<'a>, Error> {
    let mut ledger = conditions.ledger.clone();
    for location in archive.source().locations() {
        ledger.read(ReadAs::Image, location.clone())?;
    }
    enter_patch_files(patches, &mut ledger)?;
    let mut opened = OpenSources {
        ledger,
        ..OpenSources::default()
    };
    let mut sources = HashMap::new();
    let images = archive.images().iter();
    let platforms: Vec<Platform> = images.map(crate::archive::Image::platform).collect();
    for (f, (file, base)) in patches.iter().enumerate() {
        for (d, patch) in file.patches().iter().enumerate() {
            for (o, operation) in patch.operations.iter().enumerate() {
                let address = Address::operation(d, o);
                let host = match operation.needs().sources {
                    Sources::None => continue,
                    Sources::Layer { add, key } => {
                        let address = match key {
                            Some(key) => address.key(key),
                            None => address,
                        };
                        sources::find(add, base, &address, &mut opened)?
                    }
                    Sources::Diff(path) => {
                        sources::find_diff(path, base, &address, &mut opened.ledger)?
                    }
                    Sources::Content(path) => {
                        sources::find_content(path, base, &address, &mut opened.ledger)?
                    }
                    Sources::Bases { from, onto } => {
                        let bases = (from, onto);
                        bases::find(bases, base, &address, &platforms, conditions, &mut opened)?
                    }
                };
                let id = OperationId {
                    file: f,
                    document: d,
                    operation: o,
                };
                sources.insert(id, host);
            }
        }
    }
    let inventory_image = |(i, image): (usize, &Image)| InventoryImage {
        config: image.config().clone(),
        image_id: image.image_id(),
        tags: image.tags().to_vec(),
        group: image.group(),
        digests: image
            .manifest_digest()
            .into_iter()
            .chain(archive.groups()[image.group()].root())
            .collect(),
        referrers: archive.referrers(i).clone(),
        annotations: archive.annotations(i),
        is_index_referred_to: archive.is_index_referred_to(i),
        absent_layer: image
            .absent_layer()
            .map(|layer| archive.layer_name(layer).to_owned()),
        layer_sizes: image.layers().iter().map(Layer::size).collect(),
        layer_compressions: image.layers().iter().map(Layer::compression).collect(),
        tree: None,
        logs: None,
        contents: HashMap::new(),
    };
    let images = archive.images().iter().enumerate();
    let images = images.map(inventory_image).collect();
    let unread = archive.unread().iter().map(|unread| UnreadImage {
        name: unread.display_name(),
        names: unread.tags(),
        digest: unread.digest,
        reason: unread.error.to_string(),
        is_absent: unread.is_absent,
    });
    let mut inventory = Inventory {
        images,
        unread: unread.collect(),
        sources,
        keeps_plain: archive.keeps_layers_plain() && !conditions.is_converted,
        packed: match archive.source().repository() {
            _ if !conditions.is_pushed => Packed::None,
            Some(_) => Packed::Made,
            None => Packed::All,
        },
        has_names: archive.has_names() || conditions.is_converted,
        source_date_epoch: conditions.source_date_epoch.clone(),
        shown: conditions.shown.clone(),
    };
    read_layers(patches.files(), archive, &opened, &mut inventory)?;
    Ok(Gathered {
        patches,
        archive,
        inventory,
        opened: Arc::new(opened),
    })
}

/// Reads the layers of the images whose patches look into them. Which images a patch is about, its documents tell.
fn read_layers(
    files: &[PatchFile],
    archive: &Archive,
    opened: &OpenSources,
    inventory: &mut Inventory,
) -> Result<(), Error> {
    let patches: Vec<&Patch> = files.iter().flat_map(PatchFile::patches).collect();
    let shown = if inventory.shown.is_empty() {
        Depth::Documents
    } else {
        Depth::Tree
    };
    let depths = patches.iter().map(|patch| depth_of(patch).max(shown));
    let depths: Vec<Depth> = depths.collect();
    if depths.iter().all(|depth| *depth == Depth::Documents) {
        return Ok(());
    }
    let mut wanted: BTreeMap<usize, bool> = BTreeMap::new();
    let mut of_image: BTreeMap<usize, Vec<&Patch>> = BTreeMap::new();
    for (p, targeted) in targets(files, inventory).into_iter().enumerate() {
        if depths[p] == Depth::Documents {
            continue;
        }
        for image in targeted {
            let layers = &archive.images()[image];
            if !layers.config().is_windows() && layers.absent_layer().is_none() {
                *wanted.entry(image).or_default() |= depths[p] == Depth::Layers;
                of_image.entry(image).or_default().push(patches[p]);
            }
        }
    }
    let mut read = read_stacks(archive, &wanted)?;
    for (image, patches) in of_image {
        let (logs, tree) = read
            .remove(&image)
            .expect("every image that is wanted was read");
        let found = &mut inventory.images[image];
        let reading = Reading {
            archive,
            image: &archive.images()[image],
            opened,
        };
        found.contents = read_contents(reading, &tree, &patches)?;
        (found.logs, found.tree) = (logs, Some(tree));
    }
    Ok(())
}

fn enter_patch_files(patches: &Patches, ledger: &mut Ledger) -> Result<(), Error> {
    for path in patches
        .iter()
        .filter_map(|(_, base)| base.patch_file.as_ref())
    {
        ledger.read(ReadAs::Patch, Location::of(path))?;
    }
    Ok(())
}

/// Returns what a patch needs to know of the layers of an image.
fn depth_of(patch: &Patch) -> Depth {
    let is_path = |expectation: &Expectation| matches!(expectation, Expectation::Path(_));
    let expected = if patch.expect.iter().any(is_path) {
        Depth::Tree
    } else {
        Depth::Documents
    };
    let operations = patch.operations.iter();
    let depths = operations.map(|operation| operation.needs().reach.depth());
    depths.fold(expected, Depth::max)
}

#[cfg(test)]
mod tests;

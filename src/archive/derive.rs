//! Deriving everything that depends on a change, in dependency order: layers, diff ids, configs, legacy ids, OCI
//! manifests, index, `manifest.json`, `repositories`.
//!
//! A dialect is a function from images to the files that its writer would have written for them ([`Derived`]). Run on
//! the archive as it is, it tells whether we know the dialect; run on the revised images, it gives the new archive.
//! What the first names and the second does not, goes; everything else in the archive stays.

use std::collections::HashMap;

use super::docker::ITEM_ORDER;
use super::draft::{Content, Draft, WriteLayer};
use super::{Archive, Dialect, OciManifest, hybrid, v1_directories};
use crate::digest::{DiffId, Digest};
use crate::error::Error;
use crate::image::Config;
use crate::image::json::{Document, Value};
use crate::reference::Reference;

/// What an image is to become.
#[derive(Debug, Clone)]
pub struct RevisedImage {
    /// The configuration, diff ids and history included.
    pub config: Config,
    /// The layers from the base up.
    pub layers: Vec<RevisedLayer>,
    /// The names, in the order in which they are written.
    pub tags: Vec<Reference>,
}

/// One layer of a revised image.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RevisedLayer {
    /// The layer at that position of the image as it was.
    Kept(usize),
    /// A new layer: its place in the list of new layers.
    Added(usize),
}

/// A new layer, ready to be written.
pub struct NewLayer<'a> {
    /// The digest of its uncompressed bytes.
    pub diff_id: DiffId,
    /// How many bytes it writes.
    pub size: u64,
    /// Writes it.
    pub write: Box<WriteLayer<'a>>,
}

impl std::fmt::Debug for NewLayer<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("NewLayer")
            .field("diff_id", &self.diff_id)
            .field("size", &self.size)
            .finish_non_exhaustive()
    }
}

/// A revised archive, not written yet.
#[derive(Debug)]
pub struct Revision<'a> {
    /// Every entry of the new archive.
    pub draft: Draft<'a>,
    /// The manifest digests of the images, where the form has manifests.
    pub manifest_digests: Vec<Option<Digest>>,
    /// What had to be dropped or left, for people.
    pub notes: Vec<String>,
}

/// An image while its files are derived: as it is or as it is to become.
#[derive(Debug, Clone)]
pub(super) struct State {
    pub(super) config: Config,
    pub(super) image_id: Digest,
    pub(super) layers: Vec<StateLayer>,
    pub(super) tags: Vec<Reference>,
    pub(super) manifest: Option<OciManifest>,
}

#[derive(Debug, Clone)]
pub(super) struct StateLayer {
    pub(super) diff_id: DiffId,
    pub(super) size: u64,
    pub(super) data: LayerData,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum LayerData {
    /// An entry of the archive, and the path under which `manifest.json` names it.
    Kept { entry: usize, path: String },
    /// An index into the new layers.
    Added(usize),
}

/// A file that a dialect's writer would write.
#[derive(Debug, Clone)]
pub(super) struct Derived {
    pub(super) name: String,
    pub(super) content: DerivedContent,
    /// Which image and part it belongs to: where its header is taken from.
    pub(super) role: Role,
    /// Which time the writer gives it.
    pub(super) stamp: Stamp,
}

/// The time that a writer gives a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Stamp {
    /// When the image was created.
    Created,
    /// When the archive was written; no clock of ours, so it is taken from a file of the same kind.
    Saved,
    /// Always the same.
    Fixed,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum DerivedContent {
    Directory,
    Bytes(Vec<u8>),
    Symlink(String),
    Layer(LayerData, u64),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct Role {
    pub(super) image: usize,
    pub(super) part: Part,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Part {
    Config,
    Manifest,
    LayerDirectory(usize),
    Version(usize),
    LegacyJson(usize),
    LayerTar(usize),
}

impl Part {
    /// The same part of the layer below; nothing below the base.
    fn below(self) -> Option<Self> {
        let below = |i: usize| i.checked_sub(1);
        match self {
            Self::Config | Self::Manifest => None,
            Self::LayerDirectory(i) => below(i).map(Self::LayerDirectory),
            Self::Version(i) => below(i).map(Self::Version),
            Self::LegacyJson(i) => below(i).map(Self::LegacyJson),
            Self::LayerTar(i) => below(i).map(Self::LayerTar),
        }
    }
}

/// The files of all images, and the paths by which `manifest.json` and `repositories` name them.
#[derive(Debug, Default)]
pub(super) struct Files {
    pub(super) files: Vec<Derived>,
    pub(super) paths: Vec<Paths>,
}

#[derive(Debug)]
pub(super) struct Paths {
    pub(super) config: String,
    pub(super) layers: Vec<String>,
    /// What `repositories` says of each tag.
    pub(super) top: String,
}

impl Files {
    /// Adds a file unless one of that name is there: what two images share is written once.
    pub(super) fn push(&mut self, name: String, content: DerivedContent, image: usize, part: Part) {
        if !self.files.iter().any(|file| file.name == name) {
            let stamp = if part == Part::Manifest {
                Stamp::Fixed
            } else {
                Stamp::Created
            };
            self.files.push(Derived {
                name,
                content,
                role: Role { image, part },
                stamp,
            });
        }
    }

    /// Marks the files of that directory as dated by the save.
    pub(super) fn stamp_saved(&mut self, directory: &str) {
        let is_inside = |name: &str| {
            name.strip_prefix(directory)
                .is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
        };
        for file in self.files.iter_mut().filter(|file| is_inside(&file.name)) {
            file.stamp = Stamp::Saved;
        }
    }
}

impl Dialect {
    fn files(&self, archive: &Archive, states: &[State]) -> Files {
        match self {
            Self::V1Directories(generation) => {
                v1_directories::files(archive, generation.as_ref(), states)
            }
            Self::Hybrid(generation) => hybrid::files(generation.as_ref(), states),
        }
    }

    /// Tells whether this dialect, run on the archive as it is, gives the files that are there.
    pub(super) fn reproduces(&self, archive: &Archive) -> Result<bool, Error> {
        let files = self.files(archive, &archive.states());
        for file in &files.files {
            let Some(index) = archive.source.find(&file.name) else {
                return Ok(false);
            };
            if !archive.holds(index, &file.content)? {
                return Ok(false);
            }
        }
        Ok(files
            .paths
            .iter()
            .zip(&archive.images)
            .all(|(paths, image)| {
                paths.layers.len() == image.layers.len()
                    && paths
                        .layers
                        .iter()
                        .zip(&image.layers)
                        .all(|(path, layer)| *path == layer.path)
            }))
    }
}

impl Archive {
    /// The images as they are.
    pub(super) fn states(&self) -> Vec<State> {
        let state = |image: &super::Image| State {
            config: image.config.clone(),
            image_id: image.image_id,
            layers: image.layers.iter().map(kept).collect(),
            tags: image.tags.clone(),
            manifest: image.manifest.clone(),
        };
        self.images.iter().map(state).collect()
    }

    /// Tells whether the entry at `index` has that content already.
    fn holds(&self, index: usize, content: &DerivedContent) -> Result<bool, Error> {
        use crate::tarball::Kind;
        let entry = &self.source.entries()[index];
        Ok(match content {
            DerivedContent::Directory => entry.kind == Kind::Directory,
            DerivedContent::Symlink(target) => {
                entry.kind == Kind::Symlink && entry.link_name == target.as_bytes()
            }
            DerivedContent::Layer(LayerData::Kept { entry, .. }, _) => *entry == index,
            // Named by its digest or by an id that covers it: the same name is the same layer.
            DerivedContent::Layer(LayerData::Added(_), size) => {
                entry.kind == Kind::File && entry.size == *size
            }
            DerivedContent::Bytes(bytes) => {
                entry.kind == Kind::File
                    && entry.size == bytes.len() as u64
                    && self.source.read(index, entry.size)? == *bytes
            }
        })
    }
}

fn kept(layer: &super::Layer) -> StateLayer {
    let data = LayerData::Kept {
        entry: layer.entry,
        path: layer.path.clone(),
    };
    StateLayer {
        diff_id: layer.diff_id,
        size: layer.size,
        data,
    }
}

/// Derives the archive in which each image is as `revised` says; an image that is `None` stays as it is.
pub fn revise<'a>(
    archive: &'a Archive,
    revised: &[Option<RevisedImage>],
    new_layers: Vec<NewLayer<'a>>,
) -> Result<Revision<'a>, Error> {
    let old = archive.states();
    let mut notes = Vec::new();
    let new: Vec<State> = old
        .iter()
        .zip(&archive.images)
        .zip(revised)
        .map(|((state, image), revised)| match revised {
            None => state.clone(),
            Some(revised) => revised_state(image, revised, &new_layers),
        })
        .collect();
    let old_files = archive.dialect.files(archive, &old);
    let new_files = archive.dialect.files(archive, &new);

    let mut documents = vec![(
        "manifest.json",
        manifest_json(archive, &old, &new, &new_files, &mut notes).to_bytes(),
    )];
    if let Some(index) = &archive.index {
        documents.push((
            "index.json",
            hybrid::index_json(index, &old, &new).to_bytes(),
        ));
    }
    let repositories = repositories(archive, &old, &new, &old_files, &new_files);
    let drop_repositories = repositories.is_none();
    if let Some(document) = repositories {
        documents.push(("repositories", document.to_bytes()));
    }

    let mut draft = Draft::keep_all(&archive.source);
    for file in &old_files.files {
        if !new_files.files.iter().any(|new| new.name == file.name) {
            draft.remove(&file.name);
        }
    }
    let parts: HashMap<Role, &Derived> = old_files
        .files
        .iter()
        .map(|file| (file.role, file))
        .collect();
    for file in new_files.files {
        let held = archive.source.find(&file.name);
        if let Some(index) = held
            && archive.holds(index, &file.content)?
        {
            // Of a file that images share, the first image dates it; that can be another one now.
            let was = old_files.files.iter().find(|old| old.name == file.name);
            let mtime = was.and_then(|was| redated(archive, index, was, &file, &new));
            if let Some(mtime) = mtime {
                let content = match file.content {
                    DerivedContent::Directory => Content::Directory,
                    _ => Content::Entry(index),
                };
                draft.put(&file.name, content, index, mtime);
            }
            continue;
        }
        let model = model_of(&parts, file.role, archive);
        let mtime = mtime_of(archive, model, &parts, &file, &new);
        let content = match file.content {
            DerivedContent::Directory => Content::Directory,
            DerivedContent::Bytes(bytes) => Content::Bytes(bytes),
            DerivedContent::Symlink(target) => Content::Symlink(target),
            DerivedContent::Layer(LayerData::Kept { entry, .. }, _) => Content::Entry(entry),
            DerivedContent::Layer(LayerData::Added(i), _) => Content::Layer(i),
        };
        draft.put(&file.name, content, model, mtime);
    }
    for (name, bytes) in documents {
        let model = archive
            .source
            .find(name)
            .or_else(|| archive.source.find("manifest.json"));
        let model = model.expect("an archive has its manifest.json");
        let is_same = archive
            .source
            .find(name)
            .is_some_and(|index| index == model)
            && archive.holds(model, &DerivedContent::Bytes(bytes.clone()))?;
        if !is_same {
            draft.put(
                name,
                Content::Bytes(bytes),
                model,
                archive.source.entries()[model].mtime,
            );
        }
    }
    if drop_repositories {
        draft.remove("repositories");
    }
    draft.layers = new_layers;
    let manifest_digests = new
        .iter()
        .map(|state| state.manifest.as_ref().map(|manifest| manifest.digest))
        .collect();
    Ok(Revision {
        draft,
        manifest_digests,
        notes,
    })
}

fn revised_state(
    image: &super::Image,
    revised: &RevisedImage,
    new_layers: &[NewLayer<'_>],
) -> State {
    let layers: Vec<StateLayer> = revised
        .layers
        .iter()
        .map(|layer| match *layer {
            RevisedLayer::Kept(position) => kept(&image.layers[position]),
            RevisedLayer::Added(i) => {
                let NewLayer { diff_id, size, .. } = new_layers[i];
                StateLayer {
                    diff_id,
                    size,
                    data: LayerData::Added(i),
                }
            }
        })
        .collect();
    let config_bytes = revised.config.to_bytes();
    let image_id = Digest::of(&config_bytes);
    let manifest = image.manifest.as_ref().map(|manifest| {
        hybrid::revise_manifest(
            manifest,
            image_id,
            config_bytes.len() as u64,
            &revised.layers,
            &layers,
        )
    });
    State {
        config: revised.config.clone(),
        image_id,
        layers,
        tags: revised.tags.clone(),
        manifest,
    }
}

/// The old entry whose header a new file takes: the same part of the same image, of the layer below where that is
/// new, else the image's configuration.
fn model_of(parts: &HashMap<Role, &Derived>, role: Role, archive: &Archive) -> usize {
    let mut part = Some(role.part);
    while let Some(wanted) = part {
        let file = parts.get(&Role {
            image: role.image,
            part: wanted,
        });
        if let Some(index) = file.and_then(|file| archive.source.find(&file.name)) {
            return index;
        }
        part = wanted.below();
    }
    archive.images[role.image].config_entry
}

fn created_seconds(config: &Config) -> Option<i64> {
    config
        .created()
        .map(crate::timestamp::Timestamp::unix_seconds)
}

/// The time of a new file: its image's creation where that is what the archive has, else its model's.
fn mtime_of(
    archive: &Archive,
    model: usize,
    parts: &HashMap<Role, &Derived>,
    file: &Derived,
    new: &[State],
) -> i64 {
    let mtime_of_model = archive.source.entries()[model].mtime;
    let image = &archive.images[file.role.image];
    let follows_creation =
        created_seconds(&image.config) == Some(archive.source.entries()[image.config_entry].mtime);
    let is_like_model = parts
        .get(&file.role)
        .is_some_and(|old| old.stamp == file.stamp);
    match (file.stamp, created_seconds(&new[file.role.image].config)) {
        (Stamp::Created, Some(created)) if follows_creation => created,
        (Stamp::Saved, Some(created)) if follows_creation && !is_like_model => created,
        _ => mtime_of_model,
    }
}

/// The time that a file that stays has to get, where that is another than it has.
fn redated(
    archive: &Archive,
    index: usize,
    was: &Derived,
    file: &Derived,
    new: &[State],
) -> Option<i64> {
    let mtime = archive.source.entries()[index].mtime;
    let image = &archive.images[was.role.image];
    let before = created_seconds(&image.config);
    let after = created_seconds(&new[file.role.image].config);
    let was_dated_by_image = was.stamp == Stamp::Created && before == Some(mtime);
    let was_dated_by_save = was.stamp == Stamp::Saved
        && before == Some(archive.source.entries()[image.config_entry].mtime);
    let is_dated_by_image =
        file.stamp == Stamp::Created && (was_dated_by_image || was_dated_by_save);
    after.filter(|&after| is_dated_by_image && after != mtime)
}

fn manifest_json(
    archive: &Archive,
    old: &[State],
    new: &[State],
    files: &Files,
    notes: &mut Vec<String>,
) -> Document {
    let mut document = archive.manifest.clone();
    let texts = |texts: &[String]| Value::array(texts.iter().map(|text| Value::text(text)));
    document.edit_root_array(|items| {
        for (i, (before, after)) in old.iter().zip(new).enumerate() {
            let paths = &files.paths[i];
            if before.image_id != after.image_id {
                items.set(i, "Config", ITEM_ORDER, Value::text(&paths.config));
            }
            if before.tags != after.tags {
                let tags: Vec<String> = after.tags.iter().map(Reference::familiar).collect();
                let value = if tags.is_empty() {
                    Value::null()
                } else {
                    texts(&tags)
                };
                items.set(i, "RepoTags", ITEM_ORDER, value);
            }
            let layers: Vec<&String> = archive.images[i]
                .layers
                .iter()
                .map(|layer| &layer.path)
                .collect();
            if layers != paths.layers.iter().collect::<Vec<_>>() {
                items.set(i, "Layers", ITEM_ORDER, texts(&paths.layers));
            }
            if items.get(i).get("LayerSources").is_some() {
                for layer in after
                    .layers
                    .iter()
                    .filter(|layer| matches!(layer.data, LayerData::Added(_)))
                {
                    let digest = layer.diff_id.to_string();
                    let source = Value::object([
                        ("mediaType", Value::text(hybrid::PLAIN_LAYER)),
                        ("size", Value::number(layer.size)),
                        ("digest", Value::text(&digest)),
                    ]);
                    items.set_within(i, "LayerSources", &digest, source);
                }
            }
        }
        for i in 0..items.len() {
            revise_parent(items, i, old, new, notes);
        }
    });
    document
}

/// `Parent` names the image that this one was built on, if that is in the archive. Docker refuses to load a child
/// whose history is not its parent's and one entry more (image/tarexport/load.go, `checkValidParent`), so a link that
/// no longer holds is dropped.
fn revise_parent(
    items: &mut crate::image::json::ArrayEdit<'_>,
    i: usize,
    old: &[State],
    new: &[State],
    notes: &mut Vec<String>,
) {
    let Some(parent) = items
        .get(i)
        .get("Parent")
        .and_then(Value::as_text)
        .and_then(|id| Digest::parse(&id).ok())
    else {
        return;
    };
    let Some(p) = old.iter().position(|state| state.image_id == parent) else {
        return;
    };
    if new[p].image_id == parent && new[i].image_id == old[i].image_id {
        return;
    }
    let child: Vec<&Value> = new[i].config.history().collect();
    let ancestor: Vec<&Value> = new[p].config.history().collect();
    let holds =
        child.len() == ancestor.len() + 1 && ancestor.iter().zip(&child).all(|(a, b)| a.means(b));
    if holds {
        items.set(
            i,
            "Parent",
            ITEM_ORDER,
            Value::text(&new[p].image_id.to_string()),
        );
    } else {
        items.take(i, "Parent");
        let name = new[i]
            .tags
            .first()
            .map_or_else(|| new[i].image_id.short(), Reference::familiar);
        notes.push(format!(
            "`{name}` no longer names its parent image: their histories differ now"
        ));
    }
}

/// Returns the new `repositories`; nothing where the archive is to have none.
fn repositories(
    archive: &Archive,
    old: &[State],
    new: &[State],
    old_files: &Files,
    new_files: &Files,
) -> Option<Document> {
    // Docker leaves the file out where no image has a tag.
    let was_untagged = old.iter().all(|state| state.tags.is_empty());
    let mut document = match &archive.repositories {
        Some(document) => document.clone(),
        None if was_untagged && new.iter().any(|state| !state.tags.is_empty()) => {
            Document::new(Value::object([])).with_newline()
        }
        None => return None,
    };
    for (i, (before, after)) in old.iter().zip(new).enumerate() {
        let top = &new_files.paths[i].top;
        if before.tags == after.tags && old_files.paths[i].top == *top {
            continue;
        }
        // A tag that moves to another image is that one's to write, whichever comes first.
        let is_gone = |tag: &&Reference| new.iter().all(|state| !state.tags.contains(tag));
        for tag in before.tags.iter().filter(is_gone) {
            let repository = tag.familiar_repository();
            document.remove(&[&repository], tag.tag());
            if document
                .root
                .get(&repository)
                .and_then(Value::members)
                .is_some_and(|tags| tags.len() == 0)
            {
                document.remove(&[], &repository);
            }
        }
        for tag in &after.tags {
            document.set(
                &[&tag.familiar_repository()],
                tag.tag(),
                &[],
                Value::text(top),
            );
        }
    }
    let is_empty = document
        .root
        .members()
        .is_some_and(|members| members.len() == 0);
    Some(document).filter(|_| !is_empty)
}

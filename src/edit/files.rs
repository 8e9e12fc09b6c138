//! Changes of single files, in a new layer or in the layers that hold them.

use std::cell::LazyCell;
use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Arc;

use super::image::EditedImage;
use super::kept::{entry_of, first_unsupported, names_of, put};
use super::laying::LayerToLay;
use super::links::Targets;
use super::merged::merged;
use super::rewrites::LayerEdits;
use super::stack::{log_from, log_of};
use super::state::{ImageState, OpenLayer};
use super::{Change, Effect, FileChange, MadeContent, MadeLayer, PlannedLayer, tree_changes};
use crate::image_path::ImagePath;
use crate::layer::{Data, Edit, GroupEdit, LayerContent, lay_out};
use crate::problem::{Address, Code, quoted};
use crate::rootfs::{Content, Node, Rootfs};
use crate::shape::EditPlace;
use crate::tarball::{Entry, HeaderChange, Kind, TypeFlag};

const FITS: &str = "what was composed over a tree fits it";

/// What becomes of a file that the image shows.
#[derive(Debug, Clone, Default)]
pub(crate) struct FileEdit {
    pub(crate) header: HeaderChange,
    pub(crate) content: Option<Arc<[u8]>>,
    /// What changes, for people.
    pub(crate) detail: String,
    /// What is put there if nothing is.
    pub(crate) new: Option<Entry>,
}

/// Every real path to change.
pub(crate) type FileEdits = BTreeMap<ImagePath, FileEdit>;

/// Where changes go, and what is told of them.
pub(crate) struct EditTarget<'a> {
    pub(crate) place: EditPlace,
    pub(crate) created_by: Option<&'a str>,
    pub(crate) address: &'a Address,
}

impl EditedImage<'_> {
    /// Makes the changes in the image. A file with several names keeps them all.
    pub(crate) fn edit_files(&mut self, mut edits: FileEdits, target: &EditTarget<'_>) {
        if edits.is_empty() {
            return;
        }
        let state = &*self.state;
        let tree = state.tree.as_ref().expect("the tree was read");
        if let Some(found) = first_unsupported(tree, edits.keys()) {
            return self.refuse_unsupported(&found, target.address);
        }
        for names in names_of(tree, edits.keys()).into_values() {
            let edit = names.iter().find_map(|name| edits.get(name));
            let edit = edit.expect("one of the names is changed").clone();
            for name in names {
                edits.entry(name).or_insert_with(|| edit.clone());
            }
        }
        match target.place {
            EditPlace::NewLayer => self.edit_above(edits, target),
            EditPlace::Layer => self.edit_within(&edits, target.address),
        }
    }

    fn edit_above(&mut self, edits: FileEdits, target: &EditTarget<'_>) {
        let state = &*self.state;
        let tree = state.tree.as_ref().expect("the tree was read");
        let mut puts = BTreeMap::new();
        let mut files = Vec::new();
        let mut stale = Vec::new();
        for (path, edit) in edits {
            let Some(node) = tree.get(&path) else {
                let entry = edit.new.expect("what nothing stands for is put there");
                files.push(tree_changes::file_change(Change::Added, &path, entry.kind));
                let data = edit.content.map_or(Data::None, Data::Inline);
                let entry = Box::new(entry);
                let same_file = None;
                puts.insert(
                    path,
                    Edit::Put {
                        entry,
                        data,
                        same_file,
                    },
                );
                continue;
            };
            files.push(changed(&path, node, &edit));
            let mut entry = entry_of(node);
            edit.header.apply_to(&mut entry);
            let data = match edit.content {
                Some(content) => {
                    stale.push(node.content);
                    Data::Inline(content)
                }
                None => state.data(node, self.layers),
            };
            puts.insert(path, put(node, entry, data));
        }
        let content = lay_out(puts, tree, self.around.epoch);
        self.lay_files(content, files, target);
        self.drop_stale(&stale);
    }

    /// Lets go of contents of the open layer that nothing shows any more: a file that many operations edit is held once.
    fn drop_stale(&mut self, stale: &[Content]) {
        let Some(open) = &self.state.open_layer else {
            return;
        };
        let place = self.state.place(PlannedLayer::Made(open.layer));
        let MadeContent::Composed(all) = &mut self.layers[open.layer].content else {
            return;
        };
        for content in stale.iter().filter(|content| content.layer == place) {
            let index = usize::try_from(content.offset).expect("it was made of an index");
            all.entries[index].data = Data::Inline(Arc::default());
        }
    }

    /// Lays a layer of changed files on top, together with those that earlier operations of the patch have changed.
    pub(crate) fn lay_files(
        &mut self,
        content: LayerContent,
        files: Vec<FileChange>,
        target: &EditTarget<'_>,
    ) {
        if self.refuses(&content, target.address) {
            return;
        }
        let state = &mut *self.state;
        let is_open = |open: &&mut OpenLayer| {
            open.created_by.as_deref() == target.created_by
                && state.layers.last() == Some(&PlannedLayer::Made(open.layer))
        };
        if let Some(open) = state.open_layer.as_mut().filter(is_open) {
            let layer = open.layer;
            open.later.push(files);
            lay_into(state, &mut self.layers[layer], content);
            self.effects.push(Effect::AddLayer { layer });
            return;
        }
        settle(state, self.layers, self.around.epoch);
        let below = state.tree.clone();
        let made = MadeLayer {
            image: self.number,
            content: MadeContent::Composed(content),
            from: None,
            created_by: target.created_by.map(str::to_owned),
            compression: None,
            files,
            texts: BTreeMap::new(),
        };
        let top = state.layers.len();
        let layer = self.layers.len();
        let effect = self.lay(top..top, LayerToLay { made, log: None }, target.address);
        self.effects.extend(effect);
        self.state.open_layer = self.around.keeps_open.then(|| OpenLayer {
            layer,
            below,
            created_by: target.created_by.map(str::to_owned),
            later: Vec::new(),
        });
    }

    fn edit_within(&mut self, edits: &FileEdits, address: &Address) {
        let state = &*self.state;
        let tree = state.tree.as_ref().expect("the tree was read");
        let mut found = LayerEdits::new();
        let mut contents: HashMap<Content, &FileEdit> = HashMap::new();
        let bearers = LazyCell::new(|| bearers(state));
        let mut problems = Vec::new();
        for (path, edit) in edits {
            let node = tree.get(path).expect("what is changed is there");
            let name = || quoted(&path.to_text());
            if node.is_implied {
                problems.push(format!("no layer has an entry for {}", name()));
                continue;
            }
            if edit.content.is_some() && !bearers.contains(&(node.layer, node.content)) {
                let name = name();
                problems.push(format!("{name} is another name of a file in a lower layer"));
                continue;
            }
            if node.kind == Kind::Directory {
                add(&mut found, node.layer, node.entry_offset, edit, false);
            } else {
                contents.insert(node.content, edit);
            }
            let (_, files) = found.entry(node.layer).or_default();
            files.push(changed(path, node, edit));
        }
        if problems.is_empty() {
            find_names(state, &contents, &mut found);
            return self.rewrite(found, address);
        }
        for message in problems.into_iter().take(5) {
            let help = "remove `in: layer` to change it in a new layer";
            self.problem(Code::LayerConflict, address.clone(), message, help);
        }
    }

    /// Refuses to write an entry again that no engine unpacks: nobody knows what becomes of it.
    pub(crate) fn refuse_unsupported(
        &mut self,
        (path, flag): &(ImagePath, TypeFlag),
        address: &Address,
    ) {
        let path = quoted(&path.to_text());
        let message = format!("{path} is an entry of {flag}, which no engine unpacks");
        let help = "`remove-path` with `purge: true` before it removes the entry from its layer";
        self.problem(Code::LayerConflict, address.clone(), message, help);
    }
}

/// Adds changes to the layer on top, which earlier operations of the patch have made: their entries stand behind those that
/// it has.
fn lay_into(state: &mut ImageState, made: &mut MadeLayer, content: LayerContent) {
    let (top, below) = state.layers.split_last().expect("it has that layer");
    let place = state.place(*top);
    if state
        .open_layer
        .as_ref()
        .is_some_and(|open| open.below.is_none())
    {
        let is_below = "the layers below one that fits fit each other";
        let below = state.tree_of(below).expect(is_below);
        state.open_layer.as_mut().expect("it is open").below = Some(below);
    }
    let MadeContent::Composed(all) = &mut made.content else {
        unreachable!("an open layer is composed")
    };
    let log = log_from(&content, place, all.entries.len());
    all.entries.extend(content.entries);
    let tree = state.tree.as_mut().expect("the tree was read");
    tree.add_logged(place, &log).expect(FITS);
}

/// Lays out what operations of the patch have changed in the layer on top, so that others may look at it.
pub(crate) fn settle(state: &mut ImageState, layers: &mut [MadeLayer], epoch: i64) {
    let Some(mut open) = state.open_layer.take() else {
        return;
    };
    if let Some(below) = open.below.take() {
        // Where the entries of the layers were not read, nothing else leads back to that tree.
        open.below = state.logs.is_none().then(|| below.clone());
        if !open.later.is_empty() {
            lay_out_open(state, &mut open, below, layers, epoch);
        }
    }
    state.open_layer = Some(open);
}

fn lay_out_open(
    state: &mut ImageState,
    open: &mut OpenLayer,
    below: Rootfs,
    layers: &mut [MadeLayer],
    epoch: i64,
) {
    let place = state.place(PlannedLayer::Made(open.layer));
    let after = state.tree.take().expect("the tree was read");
    let edits = merged(state, (&below, &after), &[place], layers);
    let content = lay_out(edits, &after, epoch);
    let log = log_of(&content, place);
    let mut tree = below;
    tree.add_logged(place, &log).expect(FITS);
    state.tree = Some(tree);
    if let Some(logs) = &mut state.logs {
        logs.insert(place, Arc::new(log));
    }
    let made = &mut layers[open.layer];
    made.content = MadeContent::Composed(content);
    tree_changes::add(&mut made.files, open.later.drain(..).flatten());
}

/// Adds the change of an entry, if there is none yet; its content changes only if it `has_content`.
fn add(found: &mut LayerEdits, place: usize, offset: u64, edit: &FileEdit, has_content: bool) {
    let content = edit.content.clone().filter(|_| has_content);
    // The size is that of the content, which only one of several names has.
    let size = edit.header.size.filter(|_| has_content);
    let header = HeaderChange {
        size,
        ..edit.header.clone()
    };
    let (entries, _) = found.entry(place).or_default();
    let edit = GroupEdit::Change { header, content };
    entries.entry(offset).or_insert(edit);
}

/// Finds every entry that is a name of one of the files, also where upper layers hide it: engines take what they are told
/// of a file from whichever of its names comes last.
fn find_names(state: &ImageState, contents: &HashMap<Content, &FileEdit>, found: &mut LayerEdits) {
    let logs = state.logs.as_ref().expect("the layers were read");
    let places = || state.layers.iter().map(|layer| state.place(*layer));
    let mut has_links = false;
    for place in places() {
        for logged in &logs[&place].entries {
            has_links |= logged.entry.kind == Kind::HardLink;
            if let Some(edit) = contents.get(&logged.content) {
                add(found, place, logged.content.offset, edit, true);
            }
        }
    }
    if !has_links {
        return;
    }
    let mut tree = Rootfs::new();
    for place in places() {
        let mut targets = Targets::default();
        tree.add_watched(place, &logs[&place], |tree, logged| {
            let target = targets.look(tree, logged);
            let edit = target.and_then(|target| contents.get(&target.content));
            if let (Kind::HardLink, Some(edit)) = (logged.entry.kind, edit) {
                add(found, place, logged.content.offset, edit, false);
            }
        })
        .expect("the layers fitted each other when they were read");
    }
}

/// Returns which layers have which contents of files.
fn bearers(state: &ImageState) -> HashSet<(usize, Content)> {
    let logs = state.logs.as_ref().expect("the layers were read");
    let places = state.layers.iter().map(|layer| state.place(*layer));
    let logged = places.flat_map(|place| logs[&place].entries.iter().map(move |it| (place, it)));
    let files = logged.filter(|(_, logged)| logged.entry.kind == Kind::File);
    files
        .map(|(place, logged)| (place, logged.content))
        .collect()
}

fn changed(path: &ImagePath, node: &Node, edit: &FileEdit) -> FileChange {
    FileChange {
        detail: Some(edit.detail.clone()).filter(|detail| !detail.is_empty()),
        ..tree_changes::file_change(Change::Changed, path, node.kind)
    }
}

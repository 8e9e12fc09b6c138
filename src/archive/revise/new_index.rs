//! `index.json` of an archive that becomes one of another form.

use std::collections::{BTreeMap, HashMap, HashSet};

use crate::archive::dialect::state::State;
use crate::archive::documents::descriptor::{
    NAME, PLATFORM, REF_NAME, describe, media_type_of, name_of,
};
use crate::archive::documents::graph::{Graph, Node, NodeKind, new_index};
use crate::archive::documents::store::Store;
use crate::digest::Digest;
use crate::image::Config;
use crate::image::json::{ArrayEdit, Document, Value};
use crate::media_type::{MANIFEST, is_manifest};
use crate::reference::Reference;

/// Returns an index of images that have manifests, and what each group has at the top.
pub(super) fn new_graph(
    written: &[usize],
    new: &[State],
    n_groups: usize,
) -> (Graph, Vec<Option<Digest>>) {
    let mut nodes = BTreeMap::new();
    let mut roots = vec![None; n_groups];
    let mut descriptors = Vec::new();
    for state in written.iter().map(|&i| &new[i]) {
        let manifest = state
            .manifest
            .as_ref()
            .expect("what is written is described");
        let document = manifest.document.clone();
        let digest = manifest.digest;
        roots[state.group] = Some(digest);
        if state.tags.is_empty() {
            descriptors.push(descriptor(&document, digest, &state.config, None));
        }
        for tag in &state.tags {
            descriptors.push(descriptor(&document, digest, &state.config, Some(tag)));
        }
        let kind = NodeKind::Image;
        nodes.insert(digest, Node { kind, document });
    }
    let index = new_index(descriptors);
    let store = Store::Blobs;
    (
        Graph {
            index,
            nodes,
            store,
        },
        roots,
    )
}

pub(super) fn descriptor(
    manifest: &Document,
    digest: Digest,
    config: &Config,
    tag: Option<&Reference>,
) -> Value {
    let field = |key: &'static str| {
        let value = config.document().root.get(key)?;
        let is_empty = value.is_null() || value.as_text().is_some_and(|text| text.is_empty());
        (!is_empty).then(|| (key, value.clone()))
    };
    // A manifest need not state what it is (image-spec manifest.md, `mediaType`); its descriptor does.
    let stated = media_type_of(&manifest.root);
    let is_stated = is_manifest(&stated);
    let media_type = if is_stated { &stated } else { MANIFEST };
    let mut members = Vec::new();
    if let Some(tag) = tag {
        let name = Value::text(&tag.full());
        members.push(("annotations", Value::object([(REF_NAME, name)])));
    }
    let platform: Vec<_> = PLATFORM.into_iter().filter_map(field).collect();
    // image-spec wants both of a platform that is named at all.
    let has = |wanted: &str| platform.iter().any(|(key, _)| *key == wanted);
    if has("architecture") && has("os") {
        members.push(("platform", Value::object(platform)));
    }
    let size = manifest.to_bytes().len() as u64;
    describe(media_type, digest, size, members)
}

/// Spells every name in `index.json` as containerd and Docker do: the whole name, and the tag alone.
///
/// Those who know one annotation only find an image by the tag; where two images have the same, it is the whole name
/// that they find.
pub(super) fn named(
    mut graph: Graph,
    written: &[usize],
    new: &[State],
    is_bare_layout: bool,
) -> Graph {
    let mut tags: HashSet<&Reference> = HashSet::new();
    let mut groups = HashSet::new();
    let mut n_short: HashMap<&str, usize> = HashMap::new();
    for state in written.iter().map(|&i| &new[i]) {
        if groups.insert(state.group) {
            tags.extend(&state.tags);
            for tag in &state.tags {
                *n_short.entry(tag.tag()).or_default() += 1;
            }
        }
    }
    let is_shared = |tag: &Reference| n_short[tag.tag()] > 1;
    let rename = |items: &mut ArrayEdit<'_>| {
        for i in 0..items.len() {
            let name = name_of(items.get(i));
            let Some(tag) = name.filter(|tag| tags.contains(&tag) && !tag.is_bare()) else {
                continue;
            };
            let short = if is_shared(&tag) && is_bare_layout {
                tag.familiar()
            } else {
                tag.tag().to_owned()
            };
            items.set_within(i, "annotations", NAME, Value::text(&tag.full()));
            items.set_within(i, "annotations", REF_NAME, Value::text(&short));
        }
    };
    if !tags.is_empty() {
        graph.index.edit_array(&[], "manifests", &[], rename);
    }
    graph
}

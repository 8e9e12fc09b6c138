//! An archive whose documents may be wrong, derived again from what its images must be.

use super::Derivation;
use super::manifest::manifest_of;
use super::manifest_json::{manifest_json, new_manifest_json};
use super::new_index::{named, new_graph};
use super::put;
use super::repositories::repositories;
use crate::archive::Contents;
use crate::archive::dialect::form::DOCKER;
use crate::archive::dialect::state::{Files, Part, State, StateLayer};
use crate::archive::dialect::{Dialect, NAMED, reproduces};
use crate::archive::documents::graph::Graph;
use crate::archive::draft::{Content, Draft};
use crate::error::Error;

/// What a repaired archive is derived from.
pub(in crate::archive) struct Repaired<'r> {
    /// The dialect of the archive as it is.
    pub(in crate::archive) dialect: &'r dyn Dialect,
    /// The one by whose rules legacy ids are derived again, if that is another.
    pub(in crate::archive) closest: Option<&'r dyn Dialect>,
    /// Files that are removed unless they are derived again.
    pub(in crate::archive) stale: &'r [String],
    /// The images as they must be.
    pub(in crate::archive) new: &'r [State],
    /// `index.json` and what it must lead to.
    pub(in crate::archive) graph: Option<&'r Graph>,
    /// The blobs of what is no image that get another name, by entry.
    pub(in crate::archive) renamed: &'r [(String, usize)],
}

/// Derives the archive again: its dialect names the files that are there for the images as they are named, and those that must be
/// there for the images as they must be; everything else stays.
pub(in crate::archive) fn rederive<'a>(
    contents: &'a Contents,
    repaired: &Repaired<'_>,
) -> Result<Draft<'a>, Error> {
    let Repaired { new, graph, .. } = *repaired;
    let old = contents.states();
    let target = repaired.closest.unwrap_or(repaired.dialect);
    let is_changed = old.iter().zip(new).any(|(old, new)| is_changed(old, new));
    let is_known = is_changed || repaired.closest.is_some() || graph.is_some();
    // Of images that are right, legacy ids by rules that we do not know stay.
    let (there, target_files) = if is_known || reproduces(repaired.dialect, contents)? {
        (repaired.dialect, target)
    } else {
        (NAMED, NAMED)
    };
    let mut old_files = there.files_there(contents, &old, &|_| false);
    for name in repaired.stale {
        let content = Content::Bytes(Vec::new());
        old_files.push(name.clone(), content, 0, Part::LegacyJson(0));
    }
    old_files.doubt();
    let mut new_files = target_files.files(contents, new, graph);
    for (name, entry) in repaired.renamed {
        let content = Content::Entry(*entry);
        new_files.push(name.clone(), content, 0, Part::OtherBlob);
    }
    let derivation = Derivation {
        contents,
        facts: target.facts(),
        old: &old,
        new,
        old_files: &old_files,
        new_files: &new_files,
        is_repair: true,
    };
    // What had to be dropped shows in what differs.
    let mut notes = Vec::new();
    let manifest = match &contents.manifest {
        Some(document) => Some(manifest_json(&derivation, document, &mut notes)),
        None => derivation
            .facts
            .manifest_json
            .map(|_| new_manifest_json(derivation.facts, new, &new_files)),
    };
    let repositories = repositories(&derivation, contents.repositories.as_ref(), &mut notes);
    let documents = [
        ("manifest.json", manifest.map(|d| d.to_bytes())),
        ("index.json", graph.map(|graph| graph.index.to_bytes())),
        ("repositories", repositories.map(|d| d.to_bytes())),
    ];
    put::revised(
        contents,
        (&old_files, new_files),
        new,
        documents,
        Vec::new(),
    )
}

/// Tells whether an image, as it must be, has another configuration or other layers, or these under other names.
fn is_changed(old: &State, new: &State) -> bool {
    let layer = |layer: &StateLayer| (layer.diff_id, layer.path.clone());
    old.image_id != new.image_id
        || old
            .layers
            .iter()
            .map(layer)
            .ne(new.layers.iter().map(layer))
}

/// Derives an archive again whose halves describe different images: both are made from the images as they must be, and from `graph`
/// if that is the half that is followed.
pub(in crate::archive) fn anew<'a>(
    contents: &'a Contents,
    new: &[State],
    graph: Option<&Graph>,
) -> Result<Draft<'a>, Error> {
    let mut new = new.to_vec();
    let written: Vec<usize> = (0..new.len()).collect();
    for state in &mut new {
        state.rename_layers();
        state.manifest = Some(manifest_of(state));
    }
    let graph = match graph {
        Some(graph) => graph.clone(),
        None => new_graph(&written, &new, contents.groups.len()).0,
    };
    let graph = named(graph, &written, &new, false);
    let files: Files = DOCKER.files(contents, &new, Some(&graph));
    let manifest = new_manifest_json(DOCKER.facts(), &new, &files);
    let documents = [
        ("manifest.json", Some(manifest.to_bytes())),
        ("index.json", Some(graph.index.to_bytes())),
        ("repositories", None),
    ];
    put::anew(contents, (DOCKER.facts(), files), documents, Vec::new())
}

//! Archives that were edited by hand: the bytes are right, and what names and describes them is derived again.
//!
//! An archive is read without believing what it says of its own bytes: paths lead to files, and those are hashed. That gives
//! each image twice, under the names that are there and as it must be ([`reading`]), and what leads to it as well ([`graph`]).
//! From there on it is a revision like any other: everything that depends on the images is derived in dependency order
//! (`revise`), and what the result has otherwise than the archive is what was wrong ([`correction`]).
//!
//! What the bytes cannot say, such as a layer that is missing, is an error.

mod correction;
mod graph;
mod halves;
mod images;
mod manifest;
mod measure;
mod reading;

use std::sync::Arc;

pub use correction::{Change, Correction};

use super::dialect::state::State;
use super::dialect::{self, Closest, Dialect};
use super::documents::graph::Graph;
use super::documents::items;
use super::documents::read::{read_document, read_optional, read_plain};
use super::revise::repaired::{Repaired, anew, rederive};
use super::{Contents, Draft, Half, Source};
use crate::error::Error;
use crate::image::Config;
use crate::image::json::{Document, Value};
use images::{Images, Items};
use reading::Reading;

/// An archive as it is, and as its bytes say that it must be.
#[derive(Debug)]
pub struct Repair {
    contents: Contents,
    /// Who wrote it, and by whose rules legacy ids are derived again; nothing if both halves are made again.
    dialect: Option<(Box<dyn Dialect>, Option<Closest>)>,
    /// The images as they must be.
    new: Vec<State>,
    /// `index.json` and what it must lead to.
    graph: Option<Graph>,
    /// The blobs of what is no image that get another name, by entry.
    renamed: Vec<(String, usize)>,
}

impl Repair {
    /// Reads the archive behind `source`, all its layers included. If it has both `manifest.json` and `index.json`, the `trusted` one
    /// says which layers and names an image has.
    pub fn read(source: Source, trusted: Half) -> Result<Self, Error> {
        let source = Arc::new(source);
        let repair = read(&source, trusted);
        // A change of the source explains whatever could not be understood.
        source.check()?;
        repair
    }

    /// Returns the entries on disk.
    #[must_use]
    pub fn source(&self) -> &Source {
        &self.contents.source
    }

    /// Returns the archive as it must be.
    pub fn draft(&self) -> Result<Draft<'_>, Error> {
        let Some((dialect, closest)) = &self.dialect else {
            return anew(&self.contents, &self.new, self.graph.as_ref());
        };
        let repaired = Repaired {
            dialect: &**dialect,
            closest: closest.as_ref().map(|closest| &*closest.dialect),
            stale: closest.as_ref().map_or(&[][..], |closest| &closest.stale),
            new: &self.new,
            graph: self.graph.as_ref(),
            renamed: &self.renamed,
        };
        rederive(&self.contents, &repaired)
    }
}

fn read(source: &Arc<Source>, trusted: Half) -> Result<Repair, Error> {
    let has = |name: &str| source.find(name).is_some();
    let mut reading = Reading::new(source);
    match (has("manifest.json"), has("index.json"), trusted) {
        (false, false, _) if has("repositories") => Err(Error::NotAnImage {
            place: source.place().to_owned(),
            reason: "has no `manifest.json`, as before Docker 1.10, and cannot be repaired; convert it with `ocipatch apply --to docker-archive`".to_owned(),
        }),
        (false, false, _) => Err(super::open::no_images(source)),
        // A layout without its index: both halves are made again.
        (true, false, _) if has("oci-layout") => of_both(source, reading, Half::Manifest),
        (true, false, _) => {
            let manifest = list_of_items(source)?;
            let images = Images::of_items(&mut reading, &items::items(&manifest)?)?;
            finish(source, reading, images, (Some(manifest), None))
        }
        (false, true, _) => {
            let graph = graph::stated(source, &read_document(source, "index.json")?)?;
            let images = Images::of_graph(&mut reading, (&graph, &graph.roots()?), None)?;
            finish(source, reading, images, (None, Some(graph)))
        }
        (true, true, trusted) => of_both(source, reading, trusted),
    }
}

/// Repairs an archive with both halves. If they describe different images, both are made again from the one that is trusted.
fn of_both(source: &Arc<Source>, mut reading: Reading<'_>, trusted: Half) -> Result<Repair, Error> {
    let manifest = list_of_items(source);
    let items = manifest.and_then(|manifest| Ok((items::items(&manifest)?, manifest)));
    let graph = read_document(source, "index.json").and_then(|index| graph::stated(source, &index));
    let graph = graph.and_then(|graph| Ok((graph.roots()?, graph)));
    let (items, graph) = match (items, graph, trusted) {
        (Err(error), _, Half::Manifest) | (_, Err(error), Half::Index) => return Err(error),
        (items, graph, _) => (items.ok(), graph.ok()),
    };
    if let (Some((items, manifest)), Some((roots, graph))) = (&items, &graph)
        && let Some(matched) = halves::matched(source, items, (graph, roots), trusted)?
    {
        let items = Items {
            list: items,
            matched: &matched,
            trusted,
            // Docker's own store writes each image with its names; `ctr images export --skip-manifest-json` none.
            are_complete: items::list_sources(manifest, graph),
        };
        let images = Images::of_graph(&mut reading, (graph, roots), Some(items))?;
        let documents = (Some(manifest.clone()), Some(graph.clone()));
        return finish(source, reading, images, documents);
    }
    let (images, graph) = match (items, graph, trusted) {
        (Some((items, _)), _, Half::Manifest) => (Images::of_items(&mut reading, &items)?, None),
        (_, Some((roots, graph)), Half::Index) => {
            let images = Images::of_graph(&mut reading, (&graph, &roots), None)?;
            (images, Some(graph))
        }
        _ => unreachable!("the half that is trusted could be read"),
    };
    images.check_docker()?;
    let mut repair = finish(source, reading, images, (None, graph))?;
    repair.contents.trusted = Some(trusted);
    repair.dialect = None;
    Ok(repair)
}

/// Derives what documents, if the archive is to have them, must say of the images.
fn finish(
    source: &Arc<Source>,
    mut reading: Reading<'_>,
    mut images: Images,
    (manifest, graph): (Option<Document>, Option<Graph>),
) -> Result<Repair, Error> {
    let right = match &graph {
        Some(graph) => Some(images.make_right(source, &mut reading.measure, graph)?),
        None => None,
    };
    let contents = Contents {
        source: Arc::clone(source),
        images: images
            .found
            .iter()
            .map(|found| found.image.clone())
            .collect(),
        groups: images.groups,
        manifest,
        items: images.items,
        repositories: repositories(source)?,
        graph,
        trusted: None,
    };
    let dialect = dialect::of_documents(&contents)?;
    let stated: Vec<Option<Config>> = images
        .found
        .iter()
        .map(|found| found.stated.clone())
        .collect();
    let closest = dialect.closest(&contents, &stated)?;
    let mut new: Vec<State> = images.found.into_iter().map(|found| found.state).collect();
    if closest.as_ref().is_some_and(|closest| closest.names_layers) {
        new.iter_mut().for_each(State::rename_layers);
    }
    let (graph, renamed) = match right {
        Some(right) => {
            let style = dialect.facts().index;
            let graph = right.named(&contents, &new, &images.listed, style);
            (Some(graph), right.renamed)
        }
        None => (None, Vec::new()),
    };
    Ok(Repair {
        contents,
        dialect: Some((dialect, closest)),
        new,
        graph,
        renamed,
    })
}

/// Reads `manifest.json`, which must be a list of images.
fn list_of_items(source: &Source) -> Result<Document, Error> {
    let manifest = read_document(source, "manifest.json")?;
    if manifest.root.get("schemaVersion").is_none() {
        return Ok(manifest);
    }
    Err(Error::NotAnImage {
        place: source.place().to_owned(),
        reason: "is in the `dir:` form of skopeo and podman, which cannot be repaired; convert it with `skopeo copy dir:DIR oci:LAYOUT`".to_owned(),
    })
}

/// Reads `repositories`; one that is no JSON says nothing.
fn repositories(source: &Source) -> Result<Option<Document>, Error> {
    match read_optional(source, "repositories", read_plain) {
        Err(Error::BadDocument { .. }) => Ok(Some(Document::new(Value::object([])))),
        repositories => repositories,
    }
}

#[cfg(test)]
mod tests;

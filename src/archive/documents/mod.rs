//! The documents of archives: what they say, and the words in which they say it.

pub(super) mod descriptor;
pub(super) mod graph;
pub(super) mod halves;
pub(super) mod items;
mod others;
pub(super) mod read;
pub(super) mod referrers;
pub(super) mod root;
pub(super) mod store;
pub(super) mod surroundings;
pub(super) mod unread;

pub use others::Other;

use super::{Described, Group, Half, Image, Source};
use crate::error::Error;
use crate::image::json::Document;
use graph::Graph;
use read::{read_document, read_optional};
use unread::Unread;

/// The documents that say which images there are.
pub(super) struct Documents {
    /// `manifest.json`, a list of images.
    pub(super) manifest: Option<Document>,
    /// `index.json`, and what it leads to; of a `dir:`, what its `manifest.json` is and leads to.
    pub(super) graph: Option<Graph>,
    /// What it leads to and nobody can read.
    pub(super) unread: Vec<Unread>,
}

/// The images that the documents list.
pub(super) struct Listed {
    pub(super) images: Vec<Image>,
    pub(super) groups: Vec<Group>,
    /// What the items of `manifest.json` describe.
    pub(super) items: Vec<Described>,
}

impl Documents {
    /// Reads them; of two halves only the one that is `trusted`, if one is.
    pub(super) fn read(source: &Source, trusted: Option<Half>) -> Result<Self, Error> {
        let read = |name: &str, half: Half| match trusted {
            Some(trusted) if trusted != half => Ok(None),
            _ => read_optional(source, name, read_document),
        };
        let (graph, mut unread) = match read("index.json", Half::Index)? {
            Some(index) => {
                let (graph, unread) = Graph::read(source, &index)?;
                (Some(graph), unread)
            }
            None => (None, Vec::new()),
        };
        let manifest = read("manifest.json", Half::Manifest)?;
        // Two halves are compared as a whole, but for what a platform leaves out.
        let damaged = unread.iter().position(|unread| !unread.is_absent);
        if let Some(damaged) = damaged.filter(|_| manifest.is_some()) {
            return Err(unread.swap_remove(damaged).error);
        }
        match manifest {
            Some(manifest) if manifest.root.get("schemaVersion").is_some() => {
                Self::of_directory(source, &manifest, graph.is_some())
            }
            manifest => Ok(Self {
                manifest,
                graph,
                unread,
            }),
        }
    }

    /// Reads those of a `dir:`, whose `manifest.json` is one manifest and no list.
    fn of_directory(source: &Source, manifest: &Document, has_index: bool) -> Result<Self, Error> {
        if has_index {
            return Err(Error::BadDocument {
                name: "manifest.json".to_owned(),
                reason: "is one manifest, as in the `dir:` form of skopeo and podman, but `index.json` exists too; remove the one that is not of these images".to_owned(),
            });
        }
        let (graph, unread) = Graph::read_directory(source, manifest)?;
        Ok(Self {
            manifest: None,
            graph: Some(graph),
            unread,
        })
    }

    /// Returns both halves, where they are there.
    pub(super) fn both(&self) -> Option<(&Document, &Graph)> {
        self.manifest.as_ref().zip(self.graph.as_ref())
    }
}

#[cfg(test)]
mod tests;

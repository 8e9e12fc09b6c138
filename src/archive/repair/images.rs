//! The images of an archive, as its documents list them.

use std::collections::{BTreeSet, HashMap};

use super::graph::{self, Right};
use super::halves::Matched;
use super::manifest;
use super::measure::Measure;
use super::reading::{Found, Reading};
use crate::archive::dialect::item_of_manifest;
use crate::archive::dialect::state::StateLayer;
use crate::archive::documents::descriptor::{blob_name, is_by_digest};
use crate::archive::documents::graph::{Graph, Root};
use crate::archive::documents::items::{self, Item};
use crate::archive::{Described, Group, Half, Image, OciManifest, Source};
use crate::digest::Digest;
use crate::error::Error;
use crate::media_type;
use crate::reference::Reference;

/// Images, and what lists them.
#[derive(Debug, Default)]
pub(super) struct Images {
    pub(super) found: Vec<Found>,
    pub(super) groups: Vec<Group>,
    /// What the items of `manifest.json` describe.
    pub(super) items: Vec<Described>,
    /// The names that `index.json` gives each group.
    pub(super) listed: Vec<Vec<Reference>>,
}

/// The items of `manifest.json`, and what they describe.
#[derive(Clone, Copy)]
pub(super) struct Items<'a> {
    pub(super) list: &'a [Item],
    pub(super) matched: &'a Matched,
    /// Which half says what an image has.
    pub(super) trusted: Half,
    /// Whether an item without names is an image without names; else it says nothing of them.
    pub(super) are_complete: bool,
}

/// Returns the names of an item; a name by digest is no tag.
fn tags(item: &Item) -> Result<Vec<Reference>, Error> {
    let mut item = item.clone();
    item.tags.retain(|tag| !is_by_digest(tag));
    items::tags(&item)
}

impl Images {
    /// Reads the images that `manifest.json` lists; each is a group of its own.
    pub(super) fn of_items(reading: &mut Reading<'_>, items: &[Item]) -> Result<Self, Error> {
        let mut images = Self::default();
        for item in items {
            images.push_item(reading, item)?;
        }
        images.check_tags("manifest.json")?;
        Ok(images)
    }

    /// Adds the image that an item describes and no manifest.
    fn push_item(&mut self, reading: &mut Reading<'_>, item: &Item) -> Result<(), Error> {
        let tags = tags(item)?;
        let group = self.groups.len();
        self.items.push(Described {
            images: vec![self.found.len()],
            tags: tags.clone(),
            held: Vec::new(),
        });
        let found = reading.image(item, tags, group, "`manifest.json`")?;
        self.found.push(found);
        self.push_group(None, 0, Vec::new());
        Ok(())
    }

    fn push_group(&mut self, root: Option<Digest>, n_absent: usize, listed: Vec<Reference>) {
        self.groups.push(Group { root, n_absent });
        self.listed.push(listed);
    }

    /// Reads the images that `graph` leads to, group by group, and those of `items` that no manifest describes.
    pub(super) fn of_graph(
        reading: &mut Reading<'_>,
        (graph, roots): (&Graph, &[Root]),
        items: Option<Items<'_>>,
    ) -> Result<Self, Error> {
        let mut images = Self::default();
        for root in roots {
            images.push_root(reading, graph, root, items)?;
        }
        let Some(items) = items else {
            images.check_tags("index.json")?;
            return Ok(images);
        };
        let mut places: HashMap<Digest, Vec<usize>> = HashMap::new();
        for (i, found) in images.found.iter().enumerate() {
            if let Some(manifest) = found.image.manifest_digest() {
                places.entry(manifest).or_default().push(i);
            }
        }
        for (item, matched) in items.list.iter().zip(&items.matched.of_items) {
            if matched.is_empty() {
                images.push_item(reading, item)?;
                continue;
            }
            let described = matched.iter().filter_map(|digest| places.get(digest));
            let mut described: Vec<usize> = described.flatten().copied().collect();
            described.sort_unstable();
            if described.is_empty() {
                return Err(Error::BadDocument {
                    name: "manifest.json".to_owned(),
                    reason: format!("describes `{}`, which is not an image", item.config),
                });
            }
            images.items.push(Described {
                images: described,
                tags: tags(item)?,
                held: Vec::new(),
            });
        }
        images.check_tags("manifest.json")?;
        Ok(images)
    }

    fn push_root(
        &mut self,
        reading: &mut Reading<'_>,
        graph: &Graph,
        root: &Root,
        items: Option<Items<'_>>,
    ) -> Result<(), Error> {
        let (first, group) = (self.found.len(), self.groups.len());
        let mut n_absent = root.n_absent;
        let is_one_of_several = n_absent > 0 || root.images.len() > 1;
        let (old_tags, new_tags) = names(root, items)?;
        for digest in &root.images {
            let manifest = OciManifest {
                digest: *digest,
                document: graph.nodes[digest].document.clone(),
            };
            let own = item_of_manifest(graph, &manifest)?;
            let item = items
                .and_then(|items| items.of(*digest))
                .filter(|_| items.is_some_and(|items| items.trusted == Half::Manifest));
            // Of other platforms, configurations and layers may be elsewhere.
            if item.is_none() && is_one_of_several && is_absent(reading.source(), &own) {
                n_absent += 1;
                continue;
            }
            let wanted_by = format!("`{}`", blob_name(*digest));
            // A configuration without layers is that of an artifact.
            if item.is_none() && !reading.has_rootfs(&own.config, &wanted_by)? {
                continue;
            }
            let mut found =
                reading.image(item.unwrap_or(&own), old_tags.clone(), group, &wanted_by)?;
            found.state.tags.clone_from(&new_tags);
            found.image.manifest = Some(manifest);
            self.found.push(found);
        }
        if self.found.len() > first {
            let listed = each_once(root.names.clone());
            self.push_group(Some(root.digest), n_absent, listed);
        }
        Ok(())
    }

    /// Makes the documents of `stated` right, and has the images have the manifests that they get by that.
    pub(super) fn make_right(
        &mut self,
        source: &Source,
        measure: &mut Measure<'_>,
        stated: &Graph,
    ) -> Result<Right, Error> {
        let manifests: Vec<Option<OciManifest>> = self
            .found
            .iter()
            .map(|found| {
                Some(manifest::right(
                    source,
                    found.image.manifest.as_ref()?,
                    found,
                ))
            })
            .collect();
        let described = self
            .found
            .iter()
            .zip(&manifests)
            .filter_map(|(found, manifest)| {
                let stated = found.image.manifest_digest()?;
                Some((stated, (manifest.as_ref()?, &found.state.config)))
            });
        let described = described.collect();
        let right = graph::right(source, measure, stated, &described)?;
        for found in &mut self.found {
            let now = found
                .image
                .manifest_digest()
                .map(|stated| right.now[&stated]);
            found.state.manifest = now.map(|digest| OciManifest {
                digest,
                document: right.graph.nodes[&digest].document.clone(),
            });
        }
        Ok(right)
    }

    /// Refuses images that `manifest.json` or an OCI manifest cannot describe, where these are made again.
    pub(super) fn check_docker(&self) -> Result<(), Error> {
        let mut in_group = vec![0; self.groups.len()];
        for found in &self.found {
            in_group[found.image.group] += 1;
        }
        for found in &self.found {
            let unfit = |reason: &str| Error::Unconvertible {
                image: found.image.display_name(),
                reason: format!(
                    "{reason}, and `manifest.json` and `index.json` describe different images"
                ),
            };
            if in_group[found.image.group] > 1 {
                return Err(unfit("has several platforms"));
            }
            if found.state.tags.iter().any(Reference::is_bare) {
                return Err(unfit("has a tag without a repository"));
            }
            let is_portable =
                |layer: &StateLayer| media_type::layer(layer.compression, false).is_some();
            if !found.state.layers.iter().all(is_portable) {
                return Err(unfit(
                    "has a layer in a compression that OCI has no media type for",
                ));
            }
        }
        Ok(())
    }

    fn check_tags(&self, document: &str) -> Result<(), Error> {
        let images = self.found.iter().map(|found| {
            let mut image = found.image.clone();
            image.tags.clone_from(&found.state.tags);
            image
        });
        let images: Vec<Image> = images.collect();
        items::check_tags(&images, &[], document)
    }
}

/// Tells whether the archive lacks the configuration or a layer of an image.
fn is_absent(source: &Source, item: &Item) -> bool {
    let mut names = item.layers.iter().chain([&item.config]);
    names.any(|name| source.find(name).is_none())
}

impl<'a> Items<'a> {
    /// Returns the item that describes a manifest.
    fn of(self, manifest: Digest) -> Option<&'a Item> {
        let first = self.matched.of_manifests.get(&manifest)?.first()?;
        Some(&self.list[*first])
    }
}

/// Returns the names of a group as the half that follows has them, and as the one that is followed does.
fn names(root: &Root, items: Option<Items<'_>>) -> Result<(Vec<Reference>, Vec<Reference>), Error> {
    let listed = each_once(root.names.clone());
    let Some(items) = items else {
        return Ok((listed.clone(), listed));
    };
    let matched = root.images.iter();
    let matched = matched.filter_map(|digest| items.matched.of_manifests.get(digest));
    let matched: BTreeSet<usize> = matched.flatten().copied().collect();
    let mut named: Vec<Reference> = Vec::new();
    for item in matched {
        named.extend(tags(&items.list[item])?);
    }
    let named = each_once(named);
    Ok(match items.trusted {
        Half::Index => (named, listed),
        Half::Manifest if named.is_empty() && !items.are_complete => (listed.clone(), listed),
        Half::Manifest => (named.clone(), named),
    })
}

fn each_once(mut names: Vec<Reference>) -> Vec<Reference> {
    let mut seen = BTreeSet::new();
    names.retain(|name| seen.insert(name.clone()));
    names
}

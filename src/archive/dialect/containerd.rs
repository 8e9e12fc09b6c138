//! containerd's exporter, and so Docker with the containerd store, nerdctl and buildx: an OCI layout, and a `manifest.json`
//! for those who read no other (containerd `core/images/archive/exporter.go`).
//!
//! `index.json` says which images there are; `manifest.json` has an item per manifest, of an index only for the platform
//! of the host. Both must tell of the same images under the same names.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use super::{Dialect, Facts, Index, Tagless, hybrid, layout};
use crate::archive::dialect::state::{Files, State};
use crate::archive::documents::descriptor::is_by_digest;
use crate::archive::documents::graph::Graph;
use crate::archive::documents::halves::{disagreement, names_differ, unlisted};
use crate::archive::documents::items::{self, Item};
use crate::archive::documents::store::Store;
use crate::archive::documents::{Documents, Listed};
use crate::archive::source::Source;
use crate::archive::{Contents, Described, Group, Image};
use crate::error::Error;
use crate::image::json::Document;
use crate::reference::Reference;

/// The dialect. Archives of another form that `docker load` is to take are written in it.
#[derive(Debug)]
pub(in crate::archive) struct Containerd;

impl Dialect for Containerd {
    fn facts(&self) -> &'static Facts {
        &Facts {
            description: "containerd export (docker save with the containerd store, nerdctl, buildx)",
            keeps_layers_plain: false,
            is_of_dockers_store: false,
            has_full_names: false,
            manifest_json: Some(Tagless::Null),
            index: Some(Index {
                says_which_images: true,
                lists_nameless: true,
                has_whole_names: true,
                store: Store::Blobs,
            }),
        }
    }

    fn files(&self, contents: &Contents, states: &[State], graph: Option<&Graph>) -> Files {
        hybrid::files(contents, None, states, graph)
    }
}

/// Reads the images where both halves are there, and `manifest.json` is not that of Docker's own store.
pub(super) fn list(source: &Source, documents: &mut Documents) -> Result<Option<Listed>, Error> {
    let both = documents.both();
    let Some((manifest, graph)) =
        both.filter(|(manifest, graph)| !items::list_sources(manifest, graph))
    else {
        return Ok(None);
    };
    let found = layout::images(source, graph).and_then(layout::Found::whole);
    let (images, groups) = found.map_err(unlisted)?;
    let items = match_items(source, manifest, &images, &groups).map_err(disagreement)?;
    Ok(Some(Listed {
        images,
        groups,
        items,
    }))
}

/// How often items may describe images: two images that a patch has made equal are described twice by two items.
const MAX_MATCHES: usize = 100_000;

/// Returns what each item of `manifest.json` describes, and refuses halves that disagree.
fn match_items(
    source: &Source,
    manifest: &Document,
    images: &[Image],
    groups: &[Group],
) -> Result<Vec<Described>, Error> {
    let mut items = items::items(manifest)?;
    for item in &mut items {
        item.tags.retain(|tag| !is_by_digest(tag));
    }
    let mut with_config: HashMap<usize, Vec<usize>> = HashMap::new();
    let mut members: Vec<Vec<&Image>> = vec![Vec::new(); groups.len()];
    for (i, image) in images.iter().enumerate() {
        with_config.entry(image.config_entry).or_default().push(i);
        members[image.group].push(image);
    }
    let mut matched = Vec::with_capacity(items.len());
    let mut listed = HashSet::new();
    let mut n_matches = 0;
    for item in &items {
        let found = images_of(source, item, images, &with_config)?;
        listed.extend(found.iter().map(|&i| images[i].group));
        n_matches += found.len();
        if n_matches > MAX_MATCHES {
            return Err(Error::BadDocument {
                name: "manifest.json".to_owned(),
                reason: format!(
                    "its items describe the same images {n_matches} times; at most {MAX_MATCHES} are allowed"
                ),
            });
        }
        matched.push(found);
    }
    for (g, (group, members)) in groups.iter().zip(members).enumerate() {
        let is_listed = listed.contains(&g);
        // Of several platforms, the exporter lists the one that its host would run, if any.
        let is_alone = members.len() == 1 && group.n_absent == 0;
        if !is_listed && (is_alone || !members[0].tags.is_empty()) {
            return Err(Error::Mismatch {
                what: format!(
                    "the image that `index.json` names by the manifest `{}`",
                    group.root.expect("groups of a layout have roots")
                ),
                found: members[0].image_id.to_string(),
                wanted: "one of those in manifest.json".to_owned(),
            });
        }
    }
    check_names(&items, &matched, images)?;
    let item = |(item, images)| {
        let tags = items::tags(item)?;
        Ok(Described {
            images,
            tags,
            held: Vec::new(),
        })
    };
    items.iter().zip(matched).map(item).collect()
}

/// Returns the images with the item's configuration and layers.
fn images_of(
    source: &Source,
    item: &Item,
    images: &[Image],
    with_config: &HashMap<usize, Vec<usize>>,
) -> Result<Vec<usize>, Error> {
    let config = source.resolve(&item.config, "`manifest.json`")?;
    let layers: Vec<Option<usize>> = item
        .layers
        .iter()
        .map(|layer| source.resolve(layer, "").ok())
        .collect();
    let with_config = with_config.get(&config).map_or(&[][..], Vec::as_slice);
    let Some(&first) = with_config.first() else {
        return Err(Error::Mismatch {
            what: format!(
                "the configuration that `manifest.json` names `{}`",
                item.config
            ),
            found: "in no image of index.json".to_owned(),
            wanted: "in one of them".to_owned(),
        });
    };
    let has_layers = |&i: &usize| {
        let entries = images[i].layers.iter().map(|layer| layer.entry);
        entries.eq(layers.iter().copied())
    };
    let found: Vec<usize> = with_config.iter().copied().filter(has_layers).collect();
    if found.is_empty() {
        let image = &images[first];
        return Err(Error::Mismatch {
            what: format!(
                "the layers that `manifest.json`, unlike `index.json`, lists for {}",
                image.display_name()
            ),
            found: item.layers.join(", "),
            wanted: image
                .layers
                .iter()
                .map(|layer| layer.path.as_str())
                .collect::<Vec<_>>()
                .join(", "),
        });
    }
    Ok(found)
}

/// Tags are in both halves, or loaders would see different ones; an item without any says nothing of them, as `ctr images
/// export --skip-manifest-json` writes it. Items may share an image: two that a patch has made equal.
fn check_names(items: &[Item], matched: &[Vec<usize>], images: &[Image]) -> Result<(), Error> {
    let mut wanted: BTreeMap<&[usize], BTreeSet<Reference>> = BTreeMap::new();
    for (item, covered) in items.iter().zip(matched) {
        let wanted = wanted.entry(covered).or_default();
        wanted.extend(items::tags(item)?);
    }
    for covered in matched {
        let Some(wanted) = wanted.remove(covered.as_slice()) else {
            continue;
        };
        let found: BTreeSet<Reference> = covered
            .iter()
            .flat_map(|&i| images[i].tags.iter().cloned())
            .collect();
        if found != wanted && !wanted.is_empty() {
            return Err(names_differ(&images[covered[0]], &found, &wanted));
        }
    }
    Ok(())
}

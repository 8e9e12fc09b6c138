//! Which items of `manifest.json` describe which images of `index.json`, where both are there and either may be stale.

use std::collections::{BTreeMap, HashMap};

use crate::archive::documents::descriptor::{blob_name, digest_of};
use crate::archive::documents::graph::{Graph, Root};
use crate::archive::documents::items::Item;
use crate::archive::{Half, Source};
use crate::digest::Digest;
use crate::error::Error;
use crate::image::json::Value;

/// Which items describe which manifests, these by their stated digests.
#[derive(Debug, Default)]
pub(super) struct Matched {
    /// For each item.
    pub(super) of_items: Vec<Vec<Digest>>,
    /// For each manifest that any describes; all of these describe it alike.
    pub(super) of_manifests: HashMap<Digest, Vec<usize>>,
}

/// A manifest that `index.json` leads to, and the files that it leads to.
struct Listed<'a> {
    digest: Digest,
    root: &'a Root,
    config: Option<usize>,
    layers: Vec<Option<usize>>,
}

/// Matches items with images: by the file of the configuration, else by a name, else if there is one of each. Nothing if the
/// halves describe different images; those of `trusted` are then described again.
pub(super) fn matched(
    source: &Source,
    items: &[Item],
    (graph, roots): (&Graph, &[Root]),
    trusted: Half,
) -> Result<Option<Matched>, Error> {
    let listed: Vec<Listed<'_>> = roots
        .iter()
        .flat_map(|root| root.images.iter().map(move |digest| (root, *digest)))
        .map(|(root, digest)| listed(source, graph, root, digest))
        .collect();
    let mut by_config: HashMap<usize, Vec<usize>> = HashMap::new();
    let mut by_name: BTreeMap<String, Vec<usize>> = BTreeMap::new();
    for (i, image) in listed.iter().enumerate() {
        if let Some(config) = image.config {
            by_config.entry(config).or_default().push(i);
        }
        for name in &image.root.names {
            by_name.entry(name.full()).or_default().push(i);
        }
    }
    let mut matched = Matched::default();
    let mut n_matches = 0;
    for (i, item) in items.iter().enumerate() {
        let config = source.resolve(&item.config, "`manifest.json`");
        let config = match (config, trusted) {
            (Ok(config), _) => Some(config),
            (Err(_), Half::Index) => None,
            (Err(error), Half::Manifest) => return Err(error),
        };
        let layers: Vec<Option<usize>> = item
            .layers
            .iter()
            .map(|layer| source.resolve(layer, "`manifest.json`").ok())
            .collect();
        let found = config.and_then(|config| by_config.get(&config));
        let by_config = found.map(Vec::as_slice).unwrap_or_default();
        let is_whole = layers.iter().all(Option::is_some);
        let is_same = |&i: &usize| is_whole && listed[i].layers == layers;
        let mut found: Vec<usize> = by_config.iter().copied().filter(is_same).collect();
        if found.is_empty() && trusted == Half::Manifest {
            found = stale(item, by_config, &by_name, (items.len(), listed.len()));
        }
        n_matches += found.len();
        // Docker 26 lists an image without tags in no index.
        let may_be_alone = item.tags.is_empty() && trusted == Half::Manifest;
        if found.is_empty() && !may_be_alone || n_matches > MAX_MATCHES {
            return Ok(None);
        }
        let mut found: Vec<Digest> = found.into_iter().map(|i| listed[i].digest).collect();
        found.sort();
        found.dedup();
        for digest in &found {
            let describing = matched.of_manifests.entry(*digest).or_default();
            describing.push(i);
            let first = &items[describing[0]];
            if first.config != item.config || first.layers != item.layers {
                return Ok(None);
            }
        }
        matched.of_items.push(found);
    }
    let is_described = |root: &&Root| {
        let mut images = root.images.iter();
        // Of several platforms, the exporter lists the one that its host would run, if any.
        let is_other_platforms =
            root.names.is_empty() && (root.images.len() > 1 || root.n_absent > 0);
        is_other_platforms || images.any(|digest| matched.of_manifests.contains_key(digest))
    };
    Ok(roots
        .iter()
        .all(|root| is_described(&root))
        .then_some(matched))
}

/// How often items may describe images.
const MAX_MATCHES: usize = 100_000;

fn listed<'a>(source: &Source, graph: &Graph, root: &'a Root, digest: Digest) -> Listed<'a> {
    let manifest = &graph.nodes[&digest].document.root;
    let entry = |descriptor: &Value| {
        let name = blob_name(digest_of(descriptor)?);
        source.resolve(&name, "`index.json`").ok()
    };
    let layers = manifest.get("layers").and_then(Value::items);
    Listed {
        digest,
        root,
        config: manifest.get("config").and_then(entry),
        layers: layers.into_iter().flatten().map(entry).collect(),
    }
}

/// Returns what an item describes whose layers or configuration are others than those of any image.
fn stale(
    item: &Item,
    by_config: &[usize],
    by_name: &BTreeMap<String, Vec<usize>>,
    n: (usize, usize),
) -> Vec<usize> {
    if !by_config.is_empty() {
        return by_config.to_vec();
    }
    let names = item.tags.iter().filter_map(|tag| {
        let tag = crate::reference::Reference::parse(tag).ok()?;
        by_name.get(&tag.full())
    });
    // A name of several platforms does not say which of them is meant.
    match names.map(Vec::as_slice).next() {
        Some([image]) => vec![*image],
        None if n == (1, 1) => vec![0],
        _ => Vec::new(),
    }
}

//! What an archive says about its images besides them: attestations, signatures and other referrers.

use std::collections::{BTreeSet, HashMap, HashSet};

use super::descriptor::{ATTESTED, REF_NAME, REFERRED, annotation, digest_of};
use super::graph::{Graph, Node, NodeKind, children};
use crate::annotation::Referring;
use crate::digest::Digest;
use crate::image::json::{Document, Value};

impl Graph {
    /// Returns what the descriptors say about which documents: attestations, signatures and other referrers.
    pub(in crate::archive) fn referrers(&self) -> Referrers {
        let mut referrers = Referrers::default();
        let mut numbers: HashMap<String, usize> = HashMap::new();
        let saved = Saved::of(&self.index);
        let lists = self.nodes.values().map(|node| &node.document);
        for descriptor in lists.chain([&self.index]).flat_map(children) {
            let digest = digest_of(descriptor);
            let is_other = |digest| self.kind(digest).is_none_or(|kind| kind == NodeKind::Other);
            let node = digest.and_then(|digest| self.nodes.get(&digest));
            let subjects = subjects(&saved, descriptor, node);
            if subjects.is_empty() || !digest.is_none_or(is_other) {
                continue;
            }
            let name = annotation(descriptor, REF_NAME);
            let by_digest = || digest.map_or_else(String::new, |digest| digest.to_string());
            let name = name.unwrap_or_else(by_digest);
            let next = numbers.len();
            let number = *numbers.entry(name.clone()).or_insert(next);
            referrers.names.push(name);
            for subject in subjects {
                let about = referrers.about.entry(subject).or_default();
                if about.names.insert(number) {
                    about.places.push((referrers.names.len() - 1, number));
                }
            }
        }
        if !referrers.names.is_empty() {
            for (parent, node) in &self.nodes {
                for child in children(&node.document).filter_map(digest_of) {
                    referrers.parents.entry(child).or_default().push(*parent);
                }
            }
        }
        referrers
    }
}

/// What is said about images and indexes.
#[derive(Debug, Default)]
pub(in crate::archive) struct Referrers {
    /// What each descriptor that speaks of something is called, in the order in which they are listed.
    names: Vec<String>,
    about: HashMap<Digest, About>,
    /// The indexes that list a document.
    parents: HashMap<Digest, Vec<Digest>>,
}

/// What speaks of one document: each name once, by its number.
#[derive(Debug, Default)]
struct About {
    places: Vec<(usize, usize)>,
    names: HashSet<usize>,
}

impl Referrers {
    /// Tells whether anything is said about a document.
    pub(in crate::archive) fn is_about(&self, digest: Digest) -> bool {
        self.about.contains_key(&digest)
    }

    /// Returns what is said about a manifest and the indexes above it that are `below` one root.
    pub(in crate::archive) fn of(&self, manifest: Digest, below: &HashSet<Digest>) -> Referring {
        let mut about = self.above(manifest, below);
        about.sort_by_key(|about| std::cmp::Reverse(about.names.len()));
        let Some((most, others)) = about.split_first() else {
            return Referring::default();
        };
        let others = others.iter().flat_map(|about| &about.names);
        let others: HashSet<&usize> = others.filter(|name| !most.names.contains(name)).collect();
        let first = about
            .iter()
            .flat_map(|about| about.places.iter().take(Referring::MAX_NAMES));
        let first: BTreeSet<(usize, usize)> = first.copied().collect();
        let mut told = HashSet::new();
        let first = first.into_iter().filter(|(_, name)| told.insert(*name));
        let first = first.take(Referring::MAX_NAMES);
        Referring {
            n: most.names.len() + others.len(),
            first: first.map(|(place, _)| self.names[place].clone()).collect(),
        }
    }

    /// Returns the names of what is said about manifests and the indexes above them, sorted, each once.
    pub(in crate::archive) fn names<'a>(
        &'a self,
        manifests: impl Iterator<Item = (Digest, &'a HashSet<Digest>)>,
    ) -> BTreeSet<&'a str> {
        let about = manifests.flat_map(|(manifest, below)| self.above(manifest, below));
        let places: HashSet<usize> = about
            .flat_map(|about| about.places.iter().map(|(place, _)| *place))
            .collect();
        places
            .into_iter()
            .map(|place| self.names[place].as_str())
            .collect()
    }

    fn above(&self, manifest: Digest, below: &HashSet<Digest>) -> Vec<&About> {
        if self.names.is_empty() {
            return Vec::new();
        }
        let (mut seen, mut open) = (HashSet::from([manifest]), vec![manifest]);
        while let Some(digest) = open.pop() {
            let parents = self.parents.get(&digest).into_iter().flatten();
            let is_new = |parent: &&Digest| below.contains(*parent) && seen.insert(**parent);
            open.extend(parents.filter(is_new));
        }
        seen.iter()
            .filter_map(|digest| self.about.get(digest))
            .collect()
    }
}

/// How cosign tells the descriptors of a layout apart that it saves, by the annotation `kind` (cosign `pkg/oci/layout`).
pub(in crate::archive) const COSIGN_KIND: &str = "dev.cosignproject.cosign/";

/// Returns what a descriptor, or the document behind it, says that it is about.
pub(in crate::archive) fn subjects(
    saved: &Saved,
    descriptor: &Value,
    node: Option<&Node>,
) -> Vec<Digest> {
    let subject = node.and_then(|node| node.document.root.get("subject"));
    let annotated = [ATTESTED, REFERRED]
        .iter()
        .filter_map(|key| annotation(descriptor, key))
        .filter_map(|digest| Digest::parse(&digest).ok());
    let signed = annotation(descriptor, REF_NAME).and_then(|name| signed_by(&name));
    let saved_with = digest_of(descriptor).and_then(|digest| saved.0.get(&digest));
    annotated
        .chain(subject.and_then(digest_of))
        .chain(signed)
        .chain(saved_with.copied())
        .collect()
}

/// The image that each signature and attestation of `cosign save` is about, by their digests. cosign lists them behind the
/// image, under its name if it has one.
#[derive(Debug, Default)]
pub(in crate::archive) struct Saved(HashMap<Digest, Digest>);

impl Saved {
    /// Reads the annotations in `index.json`.
    pub(in crate::archive) fn of(index: &Document) -> Self {
        let mut saved = HashMap::new();
        let mut early = Vec::new();
        let (mut first, mut last) = (HashMap::new(), HashMap::new());
        for descriptor in children(index) {
            let Some((digest, kind)) = digest_of(descriptor).zip(annotation(descriptor, "kind"))
            else {
                continue;
            };
            let name = annotation(descriptor, REF_NAME);
            match kind.strip_prefix(COSIGN_KIND) {
                Some("image" | "imageIndex") => {
                    first.entry(name.clone()).or_insert(digest);
                    last.insert(name, digest);
                }
                Some("sigs" | "atts" | "sboms") => match last.get(&name) {
                    Some(image) => drop(saved.insert(digest, *image)),
                    None => early.push((digest, name)),
                },
                _ => {}
            }
        }
        for (digest, name) in early {
            if let Some(image) = first.get(&name) {
                saved.insert(digest, *image);
            }
        }
        Self(saved)
    }
}

/// Returns what a tag of cosign's is about: `sha256-<hex>.sig`, `.att` or `.sbom`.
fn signed_by(name: &str) -> Option<Digest> {
    let tag = name.rsplit(':').next()?;
    let hex = tag.strip_prefix("sha256-")?.split('.').next()?;
    Digest::parse_hex(hex)
}

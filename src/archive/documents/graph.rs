//! What `index.json` leads to (image-spec image-index.md): indexes within indexes, manifests of images, and whatever else
//! stands there, such as attestations and signatures.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use super::descriptor::{ATTESTED, annotation, digest_of, media_type_of, name_of};
use super::read::read_manifest;
use super::store::Store;
use super::unread::Unread;
use crate::archive::source::Source;
use crate::digest::Digest;
use crate::error::Error;
use crate::image::json::{Document, Value};
use crate::media_type::{self, INDEX};
use crate::reference::Reference;

/// What `oci-layout` holds (image-spec image-layout.md), as containerd and Docker write it.
pub(in crate::archive) const OCI_LAYOUT: &[u8] = br#"{"imageLayoutVersion":"1.0.0"}"#;
/// Indexes within indexes; nobody has more than two. What a hostile archive may make us follow.
pub(in crate::archive) const MAX_DEPTH: usize = 16;
/// More documents than any archive has.
pub(in crate::archive) const MAX_NODES: usize = 10_000;
/// Descriptors below all that stands at the top; those of an index that several name count for each of them.
const MAX_VISITS: usize = 1_000_000;

/// `index.json` and every document that it leads to, by digest.
#[derive(Debug, Clone)]
pub(in crate::archive) struct Graph {
    pub(in crate::archive) index: Document,
    pub(in crate::archive) nodes: BTreeMap<Digest, Node>,
    /// How these and the blobs of images are named.
    pub(in crate::archive) store: Store,
}

/// One document.
#[derive(Debug, Clone)]
pub(in crate::archive) struct Node {
    pub(in crate::archive) kind: NodeKind,
    pub(in crate::archive) document: Document,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::archive) enum NodeKind {
    /// An index that leads to an image.
    Index,
    /// The manifest of an image.
    Image,
    /// An attestation, a signature, an artifact: something about images, or of another kind altogether.
    Other,
}

/// What stands at the top: an image or an index of images, under all its names.
#[derive(Debug, Clone)]
pub(in crate::archive) struct Root {
    pub(in crate::archive) digest: Digest,
    pub(in crate::archive) names: Vec<Reference>,
    /// The manifests of its images, in the order of the indexes.
    pub(in crate::archive) images: Vec<Digest>,
    /// How many images its indexes list that the archive does not hold.
    pub(in crate::archive) n_absent: usize,
}

impl Graph {
    /// Reads everything that `index` leads to, and says what of it cannot be read. What is missing below another index is
    /// another platform's, which containerd leaves out.
    pub(in crate::archive) fn read(
        source: &Source,
        index: &Document,
    ) -> Result<(Self, Vec<Unread>), Error> {
        Self::read_in(source, index, Store::Blobs)
    }

    /// Does as [`Graph::read`] does, where documents are named as in `store`.
    pub(super) fn read_in(
        source: &Source,
        index: &Document,
        store: Store,
    ) -> Result<(Self, Vec<Unread>), Error> {
        let mut reading = Reading {
            source,
            graph: Self {
                index: index.clone(),
                nodes: BTreeMap::new(),
                store,
            },
            unread: Vec::new(),
        };
        // Docker 25.0 writes `"manifests": null` for an archive without tags.
        let manifests = index.root.get("manifests").filter(|list| !list.is_null());
        if manifests.is_some_and(|list| list.items().is_none()) {
            return Err(Error::BadDocument {
                name: "index.json".to_owned(),
                reason: "`manifests` is not a list".to_owned(),
            });
        }
        for (i, descriptor) in children(index).enumerate() {
            let top = reading.graph.top_name();
            reading.node(descriptor, top, i, 0)?;
        }
        Ok((reading.graph, reading.unread))
    }

    /// Has manifests count as those of something else than images: what they name is none.
    pub(in crate::archive) fn demote(&mut self, manifests: &[Digest]) {
        for digest in manifests {
            if let Some(node) = self.nodes.get_mut(digest) {
                node.kind = NodeKind::Other;
            }
        }
        // Indexes that lead to no image any more, from the lowest up.
        loop {
            let leads_to_none = |node: &Node| {
                let mut below = children(&node.document).filter_map(digest_of);
                node.kind == NodeKind::Index
                    && below
                        .all(|child| self.kind(child).is_none_or(|kind| kind == NodeKind::Other))
            };
            let empty = self.nodes.iter().filter(|(_, node)| leads_to_none(node));
            let empty: Vec<Digest> = empty.map(|(digest, _)| *digest).collect();
            if empty.is_empty() {
                return;
            }
            for digest in empty {
                self.nodes
                    .entry(digest)
                    .and_modify(|node| node.kind = NodeKind::Other);
            }
        }
    }

    pub(in crate::archive) fn kind(&self, digest: Digest) -> Option<NodeKind> {
        self.nodes.get(&digest).map(|node| node.kind)
    }

    /// Returns what stands at the top and leads to images, each once.
    pub(in crate::archive) fn roots(&self) -> Result<Vec<Root>, Error> {
        let mut roots: Vec<Root> = Vec::new();
        let mut places: HashMap<Digest, usize> = HashMap::new();
        let mut named: HashSet<(Digest, Reference)> = HashSet::new();
        let mut n_visits = 0;
        for descriptor in children(&self.index) {
            let Some(digest) = digest_of(descriptor) else {
                continue;
            };
            if !matches!(self.kind(digest), Some(NodeKind::Image | NodeKind::Index)) {
                continue;
            }
            // Some exporters list a descriptor twice.
            let name = name_of(descriptor).filter(|name| named.insert((digest, name.clone())));
            if let Some(&place) = places.get(&digest) {
                roots[place].names.extend(name);
                continue;
            }
            places.insert(digest, roots.len());
            let below = self.below(digest);
            n_visits += self.n_descriptors(&below);
            if n_visits > MAX_VISITS {
                return Err(Error::BadDocument {
                    name: "index.json".to_owned(),
                    reason: format!(
                        "its documents are referenced {n_visits} times; at most {MAX_VISITS} are allowed"
                    ),
                });
            }
            let n_absent = self.n_absent(&below);
            let is_image = |digest: &Digest| self.kind(*digest) == Some(NodeKind::Image);
            roots.push(Root {
                digest,
                names: name.into_iter().collect(),
                images: below.into_iter().filter(is_image).collect(),
                n_absent,
            });
        }
        Ok(roots)
    }

    /// Returns the node and everything below it, each once, in the order of the indexes.
    pub(in crate::archive) fn below(&self, digest: Digest) -> Vec<Digest> {
        let mut seen = BTreeSet::new();
        let mut found = Vec::new();
        self.collect(digest, &mut seen, &mut found);
        found
    }

    /// Returns every document that `index.json` leads to, each once.
    pub(in crate::archive) fn reachable(&self) -> Vec<Digest> {
        let mut seen = BTreeSet::new();
        let mut found = Vec::new();
        for digest in children(&self.index).filter_map(digest_of) {
            self.collect(digest, &mut seen, &mut found);
        }
        found
    }

    fn collect(&self, digest: Digest, seen: &mut BTreeSet<Digest>, found: &mut Vec<Digest>) {
        let Some(node) = self.nodes.get(&digest) else {
            return;
        };
        if !seen.insert(digest) {
            return;
        }
        found.push(digest);
        for child in children(&node.document).filter_map(digest_of) {
            self.collect(child, seen, found);
        }
    }

    /// Returns how many descriptors these documents have.
    fn n_descriptors(&self, documents: &[Digest]) -> usize {
        let nodes = documents.iter().filter_map(|digest| self.nodes.get(digest));
        nodes.map(|node| 1 + children(&node.document).count()).sum()
    }

    /// Returns how many images these documents list that the archive does not hold.
    fn n_absent(&self, below: &[Digest]) -> usize {
        let descriptors = below
            .iter()
            .filter_map(|digest| self.nodes.get(digest))
            .flat_map(|node| children(&node.document));
        descriptors
            .filter(|descriptor| media_type::is_manifest(&media_type_of(descriptor)))
            .filter(|descriptor| annotation(descriptor, ATTESTED).is_none())
            .filter(|descriptor| digest_of(descriptor).is_none_or(|d| self.kind(d).is_none()))
            .count()
    }
}

/// The documents while they are read.
struct Reading<'a> {
    source: &'a Source,
    graph: Graph,
    unread: Vec<Unread>,
}

impl Reading<'_> {
    /// Reads what the `i`th descriptor of a document names; tells whether that is an image or leads to one.
    fn node(
        &mut self,
        descriptor: &Value,
        document: &str,
        i: usize,
        depth: usize,
    ) -> Result<bool, Error> {
        let bad = |reason: String| Error::BadDocument {
            name: document.to_owned(),
            reason: format!("manifests[{i}] {reason}"),
        };
        let media_type = media_type_of(descriptor);
        let is_index = media_type::is_index(&media_type);
        if !is_index && !media_type::is_manifest(&media_type) {
            // Types that we do not know are no error (image-layout.md).
            return Ok(false);
        }
        let Some(digest) = digest_of(descriptor) else {
            let error = bad("has no `sha256:` digest".to_owned());
            self.unread.push(Unread::new(descriptor, error));
            return Ok(false);
        };
        if let Some(node) = self.graph.nodes.get(&digest) {
            return Ok(node.kind != NodeKind::Other);
        }
        if depth > MAX_DEPTH {
            let reason = format!("is nested {depth} indexes deep; at most {MAX_DEPTH} are allowed");
            return Err(bad(reason));
        }
        if self.graph.nodes.len() >= MAX_NODES {
            let n = self.graph.nodes.len() + 1;
            return Err(bad(format!("is document {n} of at most {MAX_NODES}")));
        }
        let name = self.graph.document_name(digest);
        if depth > 0 && self.source.find(&name).is_none() {
            return Ok(false);
        }
        let document = match self.document(descriptor, digest, &media_type) {
            Ok(document) => document,
            Err(error) if error.is_about_content() => {
                self.unread.push(Unread::new(descriptor, error));
                return Ok(false);
            }
            Err(error) => return Err(error),
        };
        let kind = if is_index {
            let mut has_image = false;
            for (i, child) in children(&document).enumerate() {
                has_image |= self.node(child, &name, i, depth + 1)?;
            }
            if has_image {
                NodeKind::Index
            } else {
                NodeKind::Other
            }
        } else if is_image(descriptor, &document) {
            NodeKind::Image
        } else {
            NodeKind::Other
        };
        self.graph.nodes.insert(digest, Node { kind, document });
        Ok(kind != NodeKind::Other)
    }

    /// Reads a document that is what its descriptor says.
    fn document(
        &self,
        descriptor: &Value,
        digest: Digest,
        media_type: &str,
    ) -> Result<Document, Error> {
        let name = self.graph.document_name(digest);
        let document = read_manifest(self.source, descriptor, digest, &name)?.document;
        let has = |key: &str| document.root.get(key).is_some();
        if has("manifests") && (has("config") || has("layers")) {
            let reason = "is an index and a manifest at once".to_owned();
            return Err(Error::BadDocument { name, reason });
        }
        let stated = document.root.get("mediaType").and_then(Value::as_text);
        if let Some(stated) = stated.filter(|stated| *stated != media_type) {
            return Err(Error::Mismatch {
                what: format!("the media type of `{name}`, compared with its descriptor,"),
                found: stated.into_owned(),
                wanted: media_type.to_owned(),
            });
        }
        Ok(document)
    }
}

/// Returns the descriptors of an index; of anything else none.
pub(in crate::archive) fn children(document: &Document) -> impl Iterator<Item = &Value> {
    let list = document.root.get("manifests").and_then(Value::items);
    list.into_iter().flatten()
}

/// Returns an index with these descriptors (image-spec image-index.md).
pub(in crate::archive) fn new_index(manifests: impl IntoIterator<Item = Value>) -> Document {
    Document::new(Value::object([
        ("schemaVersion", Value::number(2)),
        ("mediaType", Value::text(INDEX)),
        ("manifests", Value::array(manifests)),
    ]))
}

/// Returns the descriptors of the blobs of a manifest; of anything else none.
pub(in crate::archive) fn blobs(document: &Document) -> impl Iterator<Item = &Value> {
    let layers = document.root.get("layers").and_then(Value::items);
    let config = document.root.get("config").into_iter();
    config.chain(layers.into_iter().flatten())
}

/// Tells the manifest of an image from that of something else.
pub(in crate::archive) fn is_image(descriptor: &Value, manifest: &Document) -> bool {
    let config = manifest.root.get("config").map(media_type_of);
    let mut layers = manifest
        .root
        .get("layers")
        .and_then(Value::items)
        .into_iter()
        .flatten()
        .map(media_type_of);
    annotation(descriptor, ATTESTED).is_none()
        && media_type::is_image_config(&config.unwrap_or_default())
        && layers.all(|layer| media_type::is_layer(&layer))
}

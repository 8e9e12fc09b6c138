//! `index.json` and what it leads to: by the digests that are stated, and as the bytes say that it must be.
//!
//! A descriptor leads to the blob of its digest, whatever is in there. From those the documents are made right in dependency
//! order: what a descriptor names first, then the document that has the descriptor, under the digest that it gets by that.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use super::measure::Measure;
use crate::archive::dialect::Index;
use crate::archive::dialect::state::State;
use crate::archive::documents::descriptor::{
    ATTESTED, NAME, PLATFORM, REF_NAME, REFERRED, annotation, blob_name, digest_of,
    follow_media_type, media_type_of, rewrite, rewrite_member,
};
use crate::archive::documents::graph::{
    Graph, MAX_DEPTH, MAX_NODES, Node, NodeKind, children, is_image,
};
use crate::archive::documents::read::read_wanted;
use crate::archive::documents::store::Store;
use crate::archive::{Contents, OciManifest, Source, names};
use crate::digest::Digest;
use crate::error::Error;
use crate::image::Config;
use crate::image::json::{ArrayEdit, Document, Value};
use crate::media_type;
use crate::reference::Reference;

/// Reads everything that `index` leads to, by the digests that are stated. What is missing at the top is an error; below another
/// index it is another platform's.
pub(super) fn stated(source: &Source, index: &Document) -> Result<Graph, Error> {
    let mut stated = Stated {
        source,
        nodes: BTreeMap::new(),
        open: BTreeSet::new(),
    };
    for (i, descriptor) in children(index).enumerate() {
        let place = format!("manifests[{i}]");
        stated.read(descriptor, ("index.json", &place), 0)?;
    }
    Ok(Graph {
        index: index.clone(),
        nodes: stated.nodes,
        store: Store::Blobs,
    })
}

struct Stated<'a> {
    source: &'a Source,
    nodes: BTreeMap<Digest, Node>,
    /// The documents that lead to the one that is read.
    open: BTreeSet<Digest>,
}

impl Stated<'_> {
    /// Reads what a descriptor names; tells whether that is an image or leads to one.
    fn read(
        &mut self,
        descriptor: &Value,
        (document, place): (&str, &str),
        depth: usize,
    ) -> Result<bool, Error> {
        let bad = |reason: String| Error::BadDocument {
            name: document.to_owned(),
            reason: format!("{place} {reason}"),
        };
        let media_type = media_type_of(descriptor);
        if !media_type::is_index(&media_type) && !media_type::is_manifest(&media_type) {
            return Ok(false);
        }
        let digest = digest_of(descriptor);
        let digest = digest.ok_or_else(|| bad("has no `sha256:` digest".to_owned()))?;
        if let Some(node) = self.nodes.get(&digest) {
            return Ok(node.kind != NodeKind::Other);
        }
        let name = blob_name(digest);
        if depth > MAX_DEPTH || self.open.contains(&digest) {
            return Err(bad(format!("references `{name}`, which leads to itself")));
        }
        if self.nodes.len() + self.open.len() >= MAX_NODES {
            return Err(bad(format!("is more than document {MAX_NODES}")));
        }
        if depth > 0 && self.source.find(&name).is_none() {
            return Ok(false);
        }
        let document = read_wanted(self.source, &name, &format!("`{document}`"))?;
        self.open.insert(digest);
        let kind = self.kind(descriptor, &document, &name, depth)?;
        self.open.remove(&digest);
        self.nodes.insert(digest, Node { kind, document });
        Ok(kind != NodeKind::Other)
    }

    /// Tells what a document is, from what is in it, and reads what is below.
    fn kind(
        &mut self,
        descriptor: &Value,
        document: &Document,
        name: &str,
        depth: usize,
    ) -> Result<NodeKind, Error> {
        let has = |key: &str| document.root.get(key).is_some();
        if !has("manifests") {
            let is_image = has("config") && is_image(descriptor, document);
            return Ok(if is_image {
                NodeKind::Image
            } else {
                NodeKind::Other
            });
        }
        if has("config") || has("layers") {
            let reason = "is an index and a manifest at once".to_owned();
            return Err(Error::BadDocument {
                name: name.to_owned(),
                reason,
            });
        }
        let mut has_image = false;
        for (i, child) in children(document).enumerate() {
            has_image |= self.read(child, (name, &format!("manifests[{i}]")), depth + 1)?;
        }
        Ok(if has_image {
            NodeKind::Index
        } else {
            NodeKind::Other
        })
    }
}

/// What images are made of, by the manifests that state them.
pub(super) type Images<'a> = HashMap<Digest, (&'a OciManifest, &'a Config)>;

/// Documents as they must be.
pub(super) struct Right {
    pub(super) graph: Graph,
    /// What the stated digests are.
    pub(super) now: HashMap<Digest, Digest>,
    /// The blobs of what is no image that get another name, by entry.
    pub(super) renamed: Vec<(String, usize)>,
}

impl Right {
    /// Returns the documents with an `index.json` that gives images the names that they must have, where it gives them others:
    /// `listed` for each group.
    pub(super) fn named(
        &self,
        contents: &Contents,
        new: &[State],
        listed: &[Vec<Reference>],
        style: Option<Index>,
    ) -> Graph {
        let is_as_listed = new.iter().all(|state| state.tags == listed[state.group]);
        let Some(style) = style.filter(|_| !is_as_listed) else {
            return self.graph.clone();
        };
        let roots = contents
            .groups
            .iter()
            .map(|group| Some(self.now[&group.root?]));
        let roots: Vec<Option<Digest>> = roots.collect();
        let mut old = new.to_vec();
        for state in &mut old {
            state.tags.clone_from(&listed[state.group]);
        }
        let (graph, _) = self.graph.revise(&roots, &old, new, style, false);
        graph
    }
}

/// Makes the documents of `stated` right, with manifests of `images` that are right but for what they refer to.
pub(super) fn right(
    source: &Source,
    measure: &mut Measure<'_>,
    stated: &Graph,
    images: &Images<'_>,
) -> Result<Right, Error> {
    let mut righting = Righting {
        source,
        measure,
        stated,
        images,
        now: HashMap::new(),
        nodes: BTreeMap::new(),
        open: BTreeSet::new(),
        renamed: Vec::new(),
    };
    let mut index = stated.index.clone();
    righting.list(&mut index, "manifests")?;
    // An image that is listed nowhere.
    for digest in images.keys() {
        righting.reference(*digest)?;
    }
    Ok(Right {
        graph: Graph {
            index,
            nodes: righting.nodes,
            store: Store::Blobs,
        },
        now: righting
            .now
            .into_iter()
            .map(|(was, (now, _))| (was, now))
            .collect(),
        renamed: righting.renamed,
    })
}

struct Righting<'a, 'm> {
    source: &'a Source,
    measure: &'a mut Measure<'m>,
    stated: &'a Graph,
    images: &'a Images<'a>,
    /// The digest and the size of what a stated digest names; nothing is absent.
    now: HashMap<Digest, (Digest, u64)>,
    nodes: BTreeMap<Digest, Node>,
    open: BTreeSet<Digest>,
    renamed: Vec<(String, usize)>,
}

impl Righting<'_, '_> {
    /// Returns the digest and the size of what a stated digest names, made right; nothing if that is absent.
    fn reference(&mut self, stated: Digest) -> Result<Option<(Digest, u64)>, Error> {
        if let Some(now) = self.now.get(&stated) {
            return Ok(Some(*now));
        }
        let graph = self.stated;
        let Some(node) = graph.nodes.get(&stated) else {
            return self.blob(stated);
        };
        if self.open.len() > 4 * MAX_DEPTH || !self.open.insert(stated) {
            return Err(Error::BadDocument {
                name: blob_name(stated),
                reason: "refers to documents that lead back to it".to_owned(),
            });
        }
        let document = self.document(stated, node)?;
        self.open.remove(&stated);
        let bytes = document.to_bytes();
        let now = (Digest::of(&bytes), bytes.len() as u64);
        let kind = node.kind;
        self.nodes.insert(now.0, Node { kind, document });
        self.now.insert(stated, now);
        Ok(Some(now))
    }

    fn document(&mut self, stated: Digest, node: &Node) -> Result<Document, Error> {
        let image = self.images.get(&stated);
        let mut document = match image {
            Some((manifest, _)) => manifest.document.clone(),
            None => node.document.clone(),
        };
        if node.kind != NodeKind::Image {
            self.member(&mut document, "config")?;
            for key in ["manifests", "layers", "blobs"] {
                self.list(&mut document, key)?;
            }
        }
        self.member(&mut document, "subject")?;
        Ok(document)
    }

    /// Hashes a blob that is no document of the graph.
    fn blob(&mut self, stated: Digest) -> Result<Option<(Digest, u64)>, Error> {
        let name = blob_name(stated);
        if self.source.find(&name).is_none() {
            return Ok(None);
        }
        let entry = self.source.resolve(&name, "a descriptor")?;
        let now = (
            self.measure.digest(entry)?,
            self.source.entries()[entry].size,
        );
        if now.0 != stated {
            self.renamed.push((blob_name(now.0), entry));
        }
        self.now.insert(stated, now);
        Ok(Some(now))
    }

    /// Makes the descriptor that is a member of a document right.
    fn member(&mut self, document: &mut Document, key: &str) -> Result<(), Error> {
        let stated = document.root.get(key).and_then(digest_of);
        let Some(stated) = stated else {
            return Ok(());
        };
        if let Some((digest, size)) = self.reference(stated)? {
            right_member(document, key, digest, size);
        }
        Ok(())
    }

    /// Makes the descriptors in a list right.
    fn list(&mut self, document: &mut Document, key: &str) -> Result<(), Error> {
        let items = document.root.get(key).and_then(Value::items);
        let stated: Option<Vec<Option<Digest>>> = items.map(|items| items.map(digest_of).collect());
        let Some(stated) = stated else {
            return Ok(());
        };
        let mut now = Vec::with_capacity(stated.len());
        for stated in &stated {
            now.push(match stated {
                Some(stated) => self.reference(*stated)?,
                None => None,
            });
        }
        document.edit_array(&[], key, &[], |items| {
            for (i, (stated, now)) in stated.iter().zip(&now).enumerate() {
                if let (Some(stated), Some((digest, size))) = (stated, now) {
                    right_item(items, i, *digest, *size);
                    self.follow(items, i, *stated, *digest);
                }
            }
            for i in 0..items.len() {
                self.point(items, i);
            }
        });
        Ok(())
    }

    /// Has a descriptor repeat what the document that it names states.
    fn follow(&self, items: &mut ArrayEdit<'_>, i: usize, stated: Digest, now: Digest) {
        if let Some(node) = self.nodes.get(&now) {
            follow_media_type(items, i, &node.document);
        }
        let platform = items.get(i).get("platform").and_then(Value::members);
        let (Some(_), Some((_, config))) = (platform, self.images.get(&stated)) else {
            return;
        };
        for key in PLATFORM {
            let Some(own) = config.text(key).filter(|own| !own.is_empty()) else {
                continue;
            };
            let there = items
                .get(i)
                .get("platform")
                .and_then(|platform| platform.get(key));
            let there = there.and_then(Value::as_text);
            if there.is_some_and(|there| there != own) {
                items.set_within(i, "platform", key, Value::text(&own));
            }
        }
    }

    /// Has the annotations of a descriptor name other documents by the digests that they get.
    fn point(&self, items: &mut ArrayEdit<'_>, i: usize) {
        for key in [ATTESTED, REFERRED] {
            let about = annotation(items.get(i), key);
            let about = about.and_then(|about| Digest::parse(&about).ok());
            if let Some((stated, (now, _))) = about.and_then(|about| self.now.get_key_value(&about))
                && stated != now
            {
                items.set_within(i, "annotations", key, Value::text(&now.to_string()));
            }
        }
        for key in [NAME, REF_NAME] {
            let Some(name) = annotation(items.get(i), key) else {
                continue;
            };
            let Some(stated) = names::hex_within(&name).and_then(Digest::parse_hex) else {
                continue;
            };
            if let Some((now, _)) = self.now.get(&stated).filter(|(now, _)| *now != stated) {
                let name = name.replace(&stated.hex(), &now.hex());
                items.set_within(i, "annotations", key, Value::text(&name));
            }
        }
    }
}

/// Has a descriptor in a list name these bytes.
pub(super) fn right_item(items: &mut ArrayEdit<'_>, i: usize, digest: Digest, size: u64) {
    rewrite(items, i, digest, size);
    if items.get(i).get("size").and_then(Value::as_u64) != Some(size) {
        items.set(i, "size", &[], Value::number(size));
    }
}

/// Has a descriptor that is a member of a document name these bytes.
pub(super) fn right_member(document: &mut Document, key: &str, digest: Digest, size: u64) {
    rewrite_member(document, key, digest, size);
    let stated = document
        .root
        .get(key)
        .and_then(|descriptor| descriptor.get("size"));
    if stated.and_then(Value::as_u64) != Some(size) {
        document.set(&[key], "size", &[], Value::number(size));
    }
}

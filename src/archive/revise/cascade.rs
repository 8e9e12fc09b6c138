//! From new manifests up to `index.json`: every index above a changed image names it anew, and what is said about the
//! image is dropped or pointed at the new one (image-spec image-index.md; `BuildKit` attestation-storage.md).

use std::collections::{BTreeMap, BTreeSet, HashMap};

use super::annotations::Annotated;
use super::index::Listing;
use crate::archive::dialect::Index;
use crate::archive::dialect::state::State;
use crate::archive::documents::descriptor::{
    ATTESTED, NAME, PLATFORM, REF_NAME, REFERRED, annotation, digest_of, media_type_of,
};
use crate::archive::documents::descriptor::{follow_media_type, rewrite, rewrite_member};
use crate::archive::documents::graph::{Graph, Node, NodeKind};
use crate::archive::documents::referrers::{Saved, subjects};
use crate::digest::Digest;
use crate::image::Config;
use crate::image::json::{ArrayEdit, Document, Value};
use crate::media_type;

/// What has become of a document.
#[derive(Debug, Clone, Copy)]
struct Fate {
    /// The digest that it has now; nothing if it is gone.
    now: Option<Digest>,
    /// Whether what is said about it is pointed at the new one; else it goes.
    keeps_referrers: bool,
}

/// The documents below one thing at the top, while they are revised.
struct Revising<'a> {
    graph: &'a Graph,
    saved: &'a Saved,
    /// The images that change: as they were and are to become, by the digest of their manifest as it was.
    images: HashMap<Digest, (&'a State, &'a State)>,
    /// What changes in the annotations of the index at the top, and of the descriptors below it.
    annotated: Annotated<'a>,
    nodes: &'a mut BTreeMap<Digest, Node>,
    fates: HashMap<Digest, Fate>,
    /// Whether indexes get the media type of OCI.
    as_oci: bool,
}

impl Graph {
    /// Returns the documents with the images of `new` in the place of those of `old`, and what each group of images then
    /// has at the top; `roots` says what it has there now, and `as_oci` that indexes get the media type of OCI.
    pub(in crate::archive) fn revise(
        &self,
        roots: &[Option<Digest>],
        old: &[State],
        new: &[State],
        style: Index,
        as_oci: bool,
    ) -> (Self, Vec<Option<Digest>>) {
        let saved = Saved::of(&self.index);
        let mut nodes = self.nodes.clone();
        let mut fates: HashMap<Digest, Fate> = HashMap::new();
        let mut tops = Vec::with_capacity(roots.len());
        let mut groups = vec![Vec::new(); roots.len()];
        for (before, after) in old.iter().zip(new) {
            groups[before.group].push((before, after));
        }
        for (group, root) in groups.iter().zip(roots) {
            let mut revising = Revising {
                graph: self,
                saved: &saved,
                images: changed_images(group),
                annotated: Annotated::new(*root, group),
                nodes: &mut nodes,
                fates: HashMap::new(),
                as_oci,
            };
            let top = match root {
                Some(root) => Some(revising.node(*root)),
                // An image that is listed nowhere.
                None => group
                    .first()
                    .and_then(|(_, after)| Some(after.manifest.as_ref()?.digest)),
            };
            fates.extend(revising.fates);
            tops.push(top);
        }
        for state in new {
            if let Some(manifest) = &state.manifest {
                let node = || Node {
                    kind: NodeKind::Image,
                    document: manifest.document.clone(),
                };
                nodes.entry(manifest.digest).or_insert_with(node);
            }
        }
        let mut graph = Self {
            index: self.index.clone(),
            nodes,
            store: self.store,
        };
        // What another group still has as it was is still as it is said to be.
        let alive: BTreeSet<Digest> = tops
            .iter()
            .flatten()
            .flat_map(|top| graph.below(*top))
            .collect();
        fates.retain(|digest, _| !alive.contains(digest));
        graph.index =
            self.revised_index(&mut graph, (roots, &tops), &groups, fates, (style, &saved));
        (graph, tops)
    }

    fn revised_index(
        &self,
        graph: &mut Self,
        (roots, tops): (&[Option<Digest>], &[Option<Digest>]),
        groups: &[Vec<(&State, &State)>],
        fates: HashMap<Digest, Fate>,
        (style, saved): (Index, &Saved),
    ) -> Document {
        let mut document = self.index.clone();
        let old_tags = |group: usize| groups[group].first().map_or(&[][..], |(old, _)| &old.tags);
        let new_tags = |group: usize| groups[group].first().map_or(&[][..], |(_, new)| &new.tags);
        let is_same = |group: usize| {
            roots[group] == tops[group]
                && old_tags(group) == new_tags(group)
                && !Annotated::new(roots[group], &groups[group]).is_listed()
        };
        let changed: Vec<usize> = (0..roots.len()).filter(|&group| !is_same(group)).collect();
        if changed.is_empty() {
            return document;
        }
        let mut revising = Revising {
            graph: self,
            saved,
            images: HashMap::new(),
            annotated: Annotated::default(),
            nodes: &mut graph.nodes,
            fates,
            as_oci: false,
        };
        document.edit_array(&[], "manifests", &[], |items| {
            let old_tags: Vec<_> = (0..roots.len()).map(old_tags).collect();
            // Told before any of them changes: an image may become what another was.
            let mut listing = Listing::new(items, roots, &old_tags);
            for &group in &changed {
                let Some(top) = tops[group] else { continue };
                let document = &revising.nodes[&top].document;
                let annotated = Annotated::new(roots[group], &groups[group]);
                let platform = roots[group]
                    .and_then(|root| changed_images(&groups[group]).get(&root).copied());
                listing.revise(
                    group,
                    (top, document),
                    new_tags(group),
                    style,
                    &|items, i| {
                        if let Some((before, after)) = platform {
                            follow_platform(items, i, &before.config, &after.config);
                        }
                        annotated.revise_listed(items, i);
                    },
                );
            }
            revising.referrers(items);
        });
        document
    }
}

/// Returns the images of a group whose manifest changes.
fn changed_images<'a>(group: &[(&'a State, &'a State)]) -> HashMap<Digest, (&'a State, &'a State)> {
    let digest = State::manifest_digest;
    group
        .iter()
        .filter(|(before, after)| digest(before) != digest(after))
        .filter_map(|&(before, after)| Some((digest(before)?, (before, after))))
        .collect()
}

impl Revising<'_> {
    /// Revises a document and what is below it; returns its digest.
    fn node(&mut self, digest: Digest) -> Digest {
        if let Some(now) = self.fates.get(&digest).and_then(|fate| fate.now) {
            return now;
        }
        if let Some((_, after)) = self.images.get(&digest) {
            let keeps_referrers = after.keeps_referrers;
            let manifest = after.manifest.as_ref().expect("it had one before");
            let (now, document) = (manifest.digest, manifest.document.clone());
            return self.put(digest, now, NodeKind::Image, document, keeps_referrers);
        }
        let graph = self.graph;
        match graph.nodes.get(&digest) {
            Some(node) if node.kind == NodeKind::Index => self.index(digest, &node.document),
            _ => digest,
        }
    }

    fn put(
        &mut self,
        digest: Digest,
        now: Digest,
        kind: NodeKind,
        document: Document,
        keeps_referrers: bool,
    ) -> Digest {
        self.nodes.insert(now, Node { kind, document });
        let fate = Fate {
            now: Some(now),
            keeps_referrers,
        };
        self.fates.insert(digest, fate);
        now
    }

    fn index(&mut self, digest: Digest, document: &Document) -> Digest {
        let mut document = document.clone();
        let keeps_referrers = self.annotated.keeps_referrers;
        let oci = media_type::as_oci(&media_type_of(&document.root)).filter(|_| self.as_oci);
        if let Some(media_type) = oci {
            document.set(&[], "mediaType", &[], Value::text(media_type));
        }
        document.edit_array(&[], "manifests", &[], |items| {
            for i in 0..items.len() {
                let Some(child) = digest_of(items.get(i)) else {
                    continue;
                };
                let now = self.node(child);
                self.annotated.revise_descriptor(items, i, child);
                if now == child {
                    continue;
                }
                rewrite(items, i, now, self.size(now));
                follow_media_type(items, i, &self.nodes[&now].document);
                if let Some((before, after)) = self.images.get(&child) {
                    follow_platform(items, i, &before.config, &after.config);
                }
            }
            self.referrers(items);
        });
        self.annotated.revise_index(&mut document, digest);
        let now = Digest::of(&document.to_bytes());
        if now == digest {
            return now;
        }
        self.put(digest, now, NodeKind::Index, document, keeps_referrers)
    }

    fn size(&self, digest: Digest) -> u64 {
        self.nodes[&digest].document.to_bytes().len() as u64
    }

    /// Drops or points anew whatever in a list speaks about something that has changed, and what speaks about that.
    fn referrers(&mut self, items: &mut ArrayEdit<'_>) {
        // Items keep their numbers while others go.
        let numbers = u32::try_from(items.len()).expect("a document has fewer items");
        let mut numbers: Vec<u32> = (0..numbers).collect();
        let mut speakers: HashMap<Digest, Vec<u32>> = HashMap::new();
        for (i, &number) in numbers.iter().enumerate().rev() {
            let node = digest_of(items.get(i)).and_then(|digest| self.nodes.get(&digest));
            for subject in subjects(self.saved, items.get(i), node) {
                speakers.entry(subject).or_default().push(number);
            }
        }
        let mut changed: Vec<Digest> = self.fates.keys().copied().collect();
        changed.retain(|digest| speakers.contains_key(digest));
        changed.sort_unstable();
        while let Some(digest) = changed.pop() {
            for number in speakers.remove(&digest).unwrap_or_default() {
                let Some(i) = numbers.iter().position(|&other| other == number) else {
                    continue;
                };
                let own = digest_of(items.get(i));
                let n_before = items.len();
                if self.referrer(items, i) {
                    changed.extend(own);
                }
                if items.len() < n_before {
                    numbers.remove(i);
                }
            }
        }
    }

    /// Tells whether the descriptor spoke about something that has changed.
    fn referrer(&mut self, items: &mut ArrayEdit<'_>, i: usize) -> bool {
        let digest = digest_of(items.get(i));
        let kind = digest.and_then(|digest| self.nodes.get(&digest).map(|node| node.kind));
        if matches!(kind, Some(NodeKind::Image | NodeKind::Index)) {
            return false;
        }
        let node = digest.and_then(|digest| self.nodes.get(&digest));
        let subjects = subjects(self.saved, items.get(i), node);
        let fates: Vec<(Digest, Fate)> = subjects
            .into_iter()
            .filter_map(|subject| Some((subject, *self.fates.get(&subject)?)))
            .collect();
        if fates.is_empty() {
            return false;
        }
        let is_dropped = |fate: &Fate| fate.now.is_none() || !fate.keeps_referrers;
        if fates.iter().any(|(_, fate)| is_dropped(fate)) {
            items.remove(i);
            if let Some(digest) = digest {
                let fate = Fate {
                    now: None,
                    keeps_referrers: false,
                };
                self.fates.insert(digest, fate);
            }
            return true;
        }
        for (subject, fate) in fates {
            let now = fate.now.expect("what is gone was dropped above");
            self.point(items, i, subject, now);
        }
        true
    }

    /// Makes a referrer speak about `now` instead of `subject`.
    fn point(&mut self, items: &mut ArrayEdit<'_>, i: usize, subject: Digest, now: Digest) {
        let node = digest_of(items.get(i)).and_then(|d| Some((d, self.nodes.get(&d)?.clone())));
        if let Some((digest, node)) = node
            && node.document.root.get("subject").and_then(digest_of) == Some(subject)
        {
            let mut document = node.document;
            rewrite_member(&mut document, "subject", now, self.size(now));
            let new = Digest::of(&document.to_bytes());
            self.put(digest, new, NodeKind::Other, document, true);
            rewrite(items, i, new, self.size(new));
        }
        for key in [ATTESTED, REFERRED] {
            if annotation(items.get(i), key).is_some_and(|about| about == subject.to_string()) {
                items.set_within(i, "annotations", key, Value::text(&now.to_string()));
            }
        }
        for key in [NAME, REF_NAME] {
            if let Some(name) = annotation(items.get(i), key)
                && name.contains(&subject.hex())
            {
                let name = name.replace(&subject.hex(), &now.hex());
                items.set_within(i, "annotations", key, Value::text(&name));
            }
        }
    }
}

/// Has a descriptor's `platform` follow the configuration, where it has one.
pub(super) fn follow_platform(
    items: &mut ArrayEdit<'_>,
    i: usize,
    before: &Config,
    after: &Config,
) {
    let platform = items.get(i).get("platform");
    if platform.is_none_or(|platform| platform.members().is_none()) {
        return;
    }
    for key in PLATFORM {
        let field = |config: &Config| config.document().root.get(key).cloned();
        let (old, new) = (field(before), field(after));
        if old == new {
            continue;
        }
        match new.filter(|value| !value.is_null()) {
            Some(value) => items.set_within(i, "platform", key, value),
            None => {
                items.take_within(i, "platform", key);
            }
        }
    }
}

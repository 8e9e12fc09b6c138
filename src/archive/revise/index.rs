//! The entries of `index.json` of a revised archive: the old ones with what changed, and those of images that are new there.

use std::collections::HashMap;

use crate::archive::dialect::Index;
use crate::archive::documents::descriptor::{
    NAME, REF_NAME, annotation, digest_of, follow_media_type, has_other_name, media_type_of,
    name_of, new_descriptor, rewrite,
};
use crate::digest::Digest;
use crate::image::json::{ArrayEdit, Document, Value};
use crate::media_type;
use crate::reference::Reference;

/// `index.json` while groups of images get other descriptors there.
pub(in crate::archive) struct Listing<'a, 'l> {
    items: &'a mut ArrayEdit<'l>,
    /// The group that each descriptor is of.
    owners: Vec<Option<u32>>,
}

impl<'a, 'l> Listing<'a, 'l> {
    /// Tells the groups apart by what they have at the top; those with equal content by their names.
    pub(in crate::archive) fn new(
        items: &'a mut ArrayEdit<'l>,
        roots: &[Option<Digest>],
        tags: &[&[Reference]],
    ) -> Self {
        let mut by_root: HashMap<Digest, usize> = HashMap::new();
        let mut by_tag: HashMap<&Reference, Vec<usize>> = HashMap::new();
        for (group, (root, tags)) in roots.iter().zip(tags).enumerate() {
            if let Some(root) = root {
                by_root.entry(*root).or_insert(group);
            }
            for tag in *tags {
                by_tag.entry(tag).or_default().push(group);
            }
        }
        let owner = |descriptor: &Value| {
            let digest = digest_of(descriptor)?;
            let name = name_of(descriptor);
            let named = name
                .and_then(|name| by_tag.get(&name))
                .into_iter()
                .flatten();
            let mut named = named.copied().filter(|&group| roots[group] == Some(digest));
            let group = named.next().or_else(|| by_root.get(&digest).copied())?;
            Some(u32::try_from(group).expect("an archive has fewer images"))
        };
        let owners = (0..items.len()).map(|i| owner(items.get(i))).collect();
        Self { items, owners }
    }

    fn remove(&mut self, i: usize) {
        self.items.remove(i);
        self.owners.remove(i);
    }

    fn insert(&mut self, i: usize, group: Option<u32>, descriptor: Value) {
        self.items.insert(i, descriptor);
        self.owners.insert(i, group);
    }

    /// Has a group's entries name `top`, one entry per tag.
    pub(in crate::archive) fn revise(
        &mut self,
        group: usize,
        (top, document): (Digest, &Document),
        tags: &[Reference],
        index: Index,
        follow: &dyn Fn(&mut ArrayEdit<'_>, usize),
    ) {
        let group = u32::try_from(group).ok();
        let owners = self.owners.iter().enumerate();
        let positions = owners.filter(|(_, owner)| **owner == group);
        let positions: Vec<usize> = positions.map(|(i, _)| i).collect();
        let old: Vec<Value> = positions
            .iter()
            .map(|&i| self.items.get(i).clone())
            .collect();
        // Some exporters list a descriptor twice.
        let mut named: HashMap<Reference, Vec<&Value>> = HashMap::new();
        for item in &old {
            if let Some(name) = name_of(item) {
                named.entry(name).or_default().push(item);
            }
        }
        let mut at = positions.first().copied().unwrap_or(self.items.len());
        let is_first = at == 0;
        for &i in positions.iter().rev() {
            self.remove(i);
        }
        let size = document.to_bytes().len() as u64;
        let new = || {
            let stated = media_type_of(&document.root);
            let media_type = if stated.is_empty() {
                media_type::MANIFEST
            } else {
                &stated
            };
            new_descriptor(media_type, top, size)
        };
        let mut put = |listing: &mut Self, descriptor: Value| {
            let place = at;
            at += 1;
            listing.insert(place, group, descriptor);
            let items = &mut *listing.items;
            rewrite(items, place, top, size);
            follow_media_type(items, place, document);
            follow(items, place);
            place
        };
        let mut other_names = old.iter().filter(|item| has_other_name(item)).peekable();
        let is_called = other_names.peek().is_some();
        for item in other_names {
            put(self, item.clone());
        }
        // Docker 26 lists an image without tags, by a descriptor without a name, only if nothing is listed before it.
        if tags.is_empty() && !is_called && (is_first || index.lists_nameless) {
            let place = put(self, old.first().cloned().unwrap_or_else(new));
            self.items.take_within(place, "annotations", NAME);
            self.items.take_within(place, "annotations", REF_NAME);
        }
        for tag in tags {
            let Some(named) = named.get(tag) else {
                // Another name of the image is the same descriptor otherwise.
                let place = put(self, old.first().cloned().unwrap_or_else(new));
                name_descriptor(self.items, place, tag, index);
                continue;
            };
            for item in named {
                put(self, (*item).clone());
            }
        }
    }
}

/// Names a descriptor as its writer does.
fn name_descriptor(items: &mut ArrayEdit<'_>, i: usize, tag: &Reference, index: Index) {
    let has_name = annotation(items.get(i), NAME).is_some();
    if !index.has_whole_names && !has_name {
        items.set_within(i, "annotations", REF_NAME, Value::text(&tag.familiar()));
    } else {
        items.set_within(i, "annotations", NAME, Value::text(&tag.full()));
        items.set_within(i, "annotations", REF_NAME, Value::text(tag.tag()));
    }
}

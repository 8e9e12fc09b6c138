//! Which images names stand for, while operations move them. Names stand for a group: images that are for other platforms.

use std::collections::{BTreeMap, HashMap};

use super::Effect;
use super::state::ImageState;
use crate::digest::Digest;
use crate::reference::{Glob, Reference};

/// The tag that a name is, and the repository that it is.
type Meant = (Option<Reference>, Option<String>);

/// The names of all images.
#[derive(Debug, Default)]
pub(crate) struct Names {
    /// The images of each group.
    members: HashMap<usize, Vec<usize>>,
    /// The id of the first of them.
    ids: HashMap<usize, Digest>,
    /// The group that has a tag.
    holders: HashMap<Reference, usize>,
    /// The groups that have tags of a repository, and how many.
    repositories: HashMap<String, BTreeMap<usize, usize>>,
}

impl Names {
    pub(crate) fn of(states: &[ImageState]) -> Self {
        let mut names = Self::default();
        for (i, state) in states.iter().enumerate() {
            let members = names.members.entry(state.group).or_default();
            members.push(i);
            if members.len() == 1 {
                names.ids.insert(state.group, state.image_id);
                for tag in state.tags.keys() {
                    names.add(state.group, tag);
                }
            }
        }
        names
    }

    fn add(&mut self, group: usize, tag: &Reference) {
        self.holders.insert(tag.clone(), group);
        let groups = self.repositories.entry(tag.full_repository()).or_default();
        *groups.entry(group).or_default() += 1;
    }

    fn remove(&mut self, group: usize, tag: &Reference) {
        self.holders.remove(tag);
        if let Some(groups) = self.repositories.get_mut(&tag.full_repository())
            && let Some(n) = groups.get_mut(&group)
        {
            *n -= 1;
            if *n == 0 {
                groups.remove(&group);
            }
        }
    }

    /// Follows what an operation has done to the names of a group.
    pub(crate) fn follow(&mut self, group: usize, effects: &[Effect]) {
        for effect in effects {
            match effect {
                Effect::AddTag { tag } => self.add(group, tag),
                Effect::RemoveTag { tag } => self.remove(group, tag),
                _ => {}
            }
        }
    }

    /// Returns the images of a group.
    pub(crate) fn members(&self, group: usize) -> &[usize] {
        self.members.get(&group).map_or(&[], Vec::as_slice)
    }

    /// Returns the id of the first image of a group.
    pub(crate) fn id(&self, group: usize) -> Digest {
        self.ids[&group]
    }

    /// Returns the group that has a tag.
    pub(crate) fn holder(&self, tag: &Reference) -> Option<usize> {
        self.holders.get(tag).copied()
    }

    /// Returns the tag that a name is, and the repository that it is, where it is one that images have.
    pub(crate) fn meant(&self, name: &str) -> Meant {
        let glob = Glob::new(name);
        let readings = [Reference::parse(name), Reference::from_ref_name(name)];
        let mut readings = readings.into_iter().flatten();
        let is_held = |tag: &Reference| self.holders.contains_key(tag) && tag.matches(&glob);
        let tag = readings.find(is_held);
        let repository = Reference::parse(name).ok().filter(|it| {
            let spellings = [it.familiar_repository(), it.full_repository()];
            spellings.iter().any(|spelled| spelled == name)
        });
        let repository = repository.map(|reference| reference.full_repository());
        let is_known = |name: &String| self.repositories.contains_key(name);
        (tag, repository.filter(is_known))
    }

    /// Returns the images that a name without wildcards means, in their order.
    pub(crate) fn images(&self, name: &str) -> Vec<usize> {
        let (tag, repository) = self.meant(name);
        let mut groups: Vec<usize> = tag.and_then(|tag| self.holder(&tag)).into_iter().collect();
        let repository = repository.and_then(|name| self.repositories.get(&name));
        groups.extend(repository.into_iter().flat_map(BTreeMap::keys));
        let images = groups.iter().flat_map(|group| self.members(*group));
        let mut images: Vec<usize> = images.copied().collect();
        images.sort_unstable();
        images.dedup();
        images
    }

    /// Tells whether a group has any name that is [`meant`](Self::meant).
    pub(crate) fn has(&self, group: usize, (tag, repository): &Meant) -> bool {
        let is_held = tag.as_ref().and_then(|tag| self.holder(tag)) == Some(group);
        let repository = repository.as_ref();
        let repository = repository.and_then(|name| self.repositories.get(name));
        is_held || repository.is_some_and(|groups| groups.contains_key(&group))
    }
}

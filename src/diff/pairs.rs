//! Which image of one archive is held against which of the other.

use std::collections::{HashMap, VecDeque};

use crate::archive::Image;

/// An image of each archive, by position, or of one of them that is in that one alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pair {
    /// The image of the old archive.
    pub old: Option<usize>,
    /// The image of the new one.
    pub new: Option<usize>,
}

/// Pairs images by tag, then by id, and what is left by platform or alone, where there is one of a kind on each side.
pub(super) fn pairs(old: &[Image], new: &[Image]) -> Vec<Pair> {
    let mut matching = Matching {
        old,
        new,
        partners: vec![None; old.len()],
        is_taken: vec![false; new.len()],
    };
    let tags = |image: &Image| image.tags().iter().map(ToString::to_string).collect();
    let platform = |image: &Image| image.platform().to_string();
    matching.by(false, |image| {
        let tags: Vec<String> = tags(image);
        let with_platform = |tag: &String| format!("{tag} {}", platform(image));
        tags.iter().map(with_platform).collect()
    });
    matching.by(false, tags);
    matching.by(false, |image| vec![image.image_id().to_string()]);
    matching.by(true, |image| vec![platform(image)]);
    matching.by(true, |_| vec![String::new()]);
    matching.into_pairs()
}

struct Matching<'a> {
    old: &'a [Image],
    new: &'a [Image],
    partners: Vec<Option<usize>>,
    is_taken: Vec<bool>,
}

impl Matching<'_> {
    /// Pairs images that share a key, in order; `alone`: only where no other image that is left has it.
    fn by(&mut self, alone: bool, keys: impl Fn(&Image) -> Vec<String>) {
        let mut there: HashMap<String, VecDeque<usize>> = HashMap::new();
        for (b, image) in self
            .new
            .iter()
            .enumerate()
            .filter(|(b, _)| !self.is_taken[*b])
        {
            for key in keys(image) {
                there.entry(key).or_default().push_back(b);
            }
        }
        let mut n_wanting: HashMap<String, usize> = HashMap::new();
        let is_left = |a: &usize| self.partners[*a].is_none();
        let left: Vec<usize> = (0..self.old.len()).filter(is_left).collect();
        for key in left.iter().flat_map(|&a| keys(&self.old[a])) {
            *n_wanting.entry(key).or_default() += 1;
        }
        for a in left {
            for key in keys(&self.old[a]) {
                let Some(images) = there.get_mut(&key) else {
                    continue;
                };
                if alone && (images.len() > 1 || n_wanting[&key] > 1) {
                    continue;
                }
                while images.front().is_some_and(|&b| self.is_taken[b]) {
                    images.pop_front();
                }
                if let Some(b) = images.pop_front() {
                    self.partners[a] = Some(b);
                    self.is_taken[b] = true;
                    break;
                }
            }
        }
    }

    fn into_pairs(self) -> Vec<Pair> {
        let old = self.partners.iter().enumerate();
        let old = old.map(|(a, &new)| Pair { old: Some(a), new });
        let only_new = (0..self.new.len()).filter(|b| !self.is_taken[*b]);
        let only_new = only_new.map(|b| Pair {
            old: None,
            new: Some(b),
        });
        old.chain(only_new).collect()
    }
}

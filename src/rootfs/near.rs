//! The path that somebody probably meant who named one that does not exist.

use super::{Resolution, Rootfs};
use crate::image_path::ImagePath;

/// How alike a name is to be.
const NEAR: f64 = 0.85;
/// How many names are looked at.
const MAX_NAMES: usize = 100_000;
/// Longer names are not compared: that costs the product of their lengths. In bytes.
const MAX_NAME_BYTES: usize = 64;

/// Returns how alike two names are, up to 1: by Jaro and Winkler, or as names that differ in few letters, which may have changed
/// places.
fn likeness(name: &str, wanted: &str) -> f64 {
    let n_different = strsim::damerau_levenshtein(name, wanted);
    if n_different == 1 && wanted.chars().count() > 2 {
        return 0.95;
    }
    strsim::jaro_winkler(name, wanted)
}

impl Rootfs {
    /// Returns the path that exists and was probably meant by `path`: the only one that ends in the same name; or else, for each name
    /// that does not exist, the nearest one of its directory. At most 100,000 names are looked at for each.
    #[must_use]
    pub fn near(&self, path: &ImagePath) -> Option<ImagePath> {
        let mut left = MAX_NAMES;
        self.elsewhere(path)
            .or_else(|| self.respelled(path, &mut left))
    }

    fn respelled(&self, path: &ImagePath, left: &mut usize) -> Option<ImagePath> {
        let mut here = ImagePath::root();
        for name in path.components() {
            let Resolution::Found { path: directory } = self.resolve(&here) else {
                return None;
            };
            let below = directory.join(name);
            here = if self.get(&below).is_some() {
                here.join(name)
            } else {
                here.join(&self.nearest(&directory, name, left)?)
            };
        }
        Some(here)
    }

    /// Returns the name in a directory that is nearest to `wanted`.
    fn nearest(&self, directory: &ImagePath, wanted: &[u8], left: &mut usize) -> Option<Vec<u8>> {
        let is_short = |name: &[u8]| name.len() <= MAX_NAME_BYTES;
        if !is_short(wanted) {
            return None;
        }
        let wanted = String::from_utf8_lossy(wanted);
        let names = self.children(directory)?.take(*left).map(|(name, _)| {
            *left = left.saturating_sub(1);
            name
        });
        let scored = names.filter(|name| is_short(name)).map(|name| {
            let score = likeness(&String::from_utf8_lossy(name), &wanted);
            (score, name)
        });
        let near = scored.filter(|(score, _)| *score > NEAR);
        let (_, name) = near.max_by(|a, b| a.0.total_cmp(&b.0).then(b.1.cmp(a.1)))?;
        Some(name.to_vec())
    }

    /// Returns the only path that ends in the same name, if all names may be looked at.
    fn elsewhere(&self, path: &ImagePath) -> Option<ImagePath> {
        if self.n_names() > MAX_NAMES {
            return None;
        }
        let wanted = path.file_name()?;
        let mut same = self
            .iter()
            .filter(|(path, _)| path.file_name() == Some(wanted));
        let (found, _) = same.next()?;
        same.next().is_none().then_some(found)
    }
}

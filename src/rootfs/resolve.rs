//! Following symbolic links inside the image, as `chroot` would: absolute targets and `..` never leave the root.

use super::{ROOT, Rootfs, WHITEOUT};
use crate::image_path::ImagePath;
use crate::tarball::Kind;

/// Linux gives up after as many links.
const MAX_HOPS: usize = 40;
/// Links upon links can make a short path long; an honest one comes nowhere near.
const MAX_STEPS: usize = 4096;
/// Linux has no longer links; following one from a hostile header would only cost time.
const MAX_LINK_BYTES: usize = 4095;

/// Where a path leads.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Resolution {
    /// Something is there.
    Found {
        /// Its real path: every component but the last is a directory.
        path: ImagePath,
    },
    /// Nothing is there.
    Missing {
        /// The real path of the deepest directory that exists on the way.
        parent: ImagePath,
        /// The components that do not, at least one.
        rest: Vec<Vec<u8>>,
    },
    /// A link on the way points to nothing.
    Dangling {
        /// The real path of that link.
        link: ImagePath,
        /// Where it points.
        target: ImagePath,
        /// The components of the path behind the link.
        rest: Vec<Vec<u8>>,
    },
    /// Links lead in a circle, or through more than 40 of them, or are longer than Linux allows.
    Loop {
        /// The real path of the link at which following ended.
        link: ImagePath,
    },
    /// A parent is no directory.
    NotADirectory {
        /// Its real path.
        path: ImagePath,
    },
}

/// Why no directory can be at a path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Obstacle {
    /// Something other than a directory is on the way or at its end.
    File {
        /// Its real path.
        path: ImagePath,
    },
    /// What is not there yet would have the name of a whiteout, and remove a file instead.
    Whiteout {
        /// Where it would be.
        path: ImagePath,
    },
    /// Links lead in a circle, or through more than 40 of them, or are longer than Linux allows.
    Loop {
        /// The real path of the link at which following ended.
        link: ImagePath,
    },
}

/// The walk behind [`Resolution`], in terms of the arena.
pub(super) enum Walk<'a> {
    Found(Trail<'a>, u32),
    Missing(Trail<'a>, Vec<&'a [u8]>),
    Dangling {
        link: Trail<'a>,
        target: Vec<&'a [u8]>,
        rest: Vec<&'a [u8]>,
    },
    Loop(Trail<'a>),
    NotADirectory(Trail<'a>),
}

/// The components of a real path.
pub(super) type Trail<'a> = Vec<&'a [u8]>;

impl Rootfs {
    /// Follows links on the way to `path`, but not a link that stands at its end (as `lstat` does).
    #[must_use]
    pub fn locate(&self, path: &ImagePath) -> Resolution {
        self.walk(path.components(), false).into()
    }

    /// Follows links on the way to `path` and at its end (as `stat` does).
    #[must_use]
    pub fn resolve(&self, path: &ImagePath) -> Resolution {
        self.walk(path.components(), true).into()
    }

    /// Returns where a directory at `path` really is or, if nothing is there, would be: links are followed also where they
    /// lead to nothing.
    pub fn directory_at(&self, path: &ImagePath) -> Result<ImagePath, Obstacle> {
        let join =
            |path: ImagePath, rest: &[Vec<u8>]| path.join_all(rest.iter().map(Vec::as_slice));
        let mut path = path.clone();
        for _ in 0..=MAX_HOPS {
            path = match self.resolve(&path) {
                Resolution::Found { path } => {
                    let node = self.get(&path).expect("what was found is there");
                    return match node.kind {
                        Kind::Directory => Ok(path),
                        _ => Err(Obstacle::File { path }),
                    };
                }
                Resolution::Missing { parent, rest } => {
                    let path = join(parent, &rest);
                    let is_whiteout = rest.iter().any(|name| name.starts_with(WHITEOUT));
                    return if is_whiteout {
                        Err(Obstacle::Whiteout { path })
                    } else {
                        Ok(path)
                    };
                }
                // Behind what is not there `..` may lead to something.
                Resolution::Dangling { target, rest, .. } => join(target, &rest),
                Resolution::Loop { link } => return Err(Obstacle::Loop { link }),
                Resolution::NotADirectory { path } => return Err(Obstacle::File { path }),
            };
        }
        Err(Obstacle::Loop { link: path })
    }

    pub(super) fn walk<'a>(
        &'a self,
        components: impl Iterator<Item = &'a [u8]>,
        follows_last: bool,
    ) -> Walk<'a> {
        // Components still to go, the next one last.
        let mut pending: Vec<&[u8]> = components.collect();
        pending.reverse();
        let mut trail: Trail<'_> = Vec::new();
        let mut ids = vec![ROOT];
        // The outermost link being followed, and how much of `pending` is behind it.
        let mut following: Option<(Trail<'_>, usize)> = None;
        let (mut n_hops, mut n_steps) = (0, 0);
        while let Some(name) = pending.pop() {
            if following.as_ref().is_some_and(|(_, n)| pending.len() < *n) {
                following = None;
            }
            n_steps += 1;
            if n_steps > MAX_STEPS {
                return Walk::Loop(trail);
            }
            if name == b".." {
                if trail.pop().is_some() {
                    ids.pop();
                }
                continue;
            }
            let directory = ids.last().copied().unwrap_or(ROOT);
            let Some(id) = self.child(directory, name) else {
                pending.push(name);
                let Some((link, n_behind)) = following else {
                    pending.reverse();
                    return Walk::Missing(trail, pending);
                };
                let ahead = pending.split_off(n_behind);
                pending.reverse();
                let target = fold(trail.into_iter().chain(ahead.into_iter().rev()));
                return Walk::Dangling {
                    link,
                    target,
                    rest: pending,
                };
            };
            trail.push(name);
            let node = &self.slot(id).node;
            match node.kind {
                Kind::Directory => ids.push(id),
                Kind::Symlink if follows_last || !pending.is_empty() => {
                    n_hops += 1;
                    if n_hops > MAX_HOPS || node.link_name.len() > MAX_LINK_BYTES {
                        return Walk::Loop(trail);
                    }
                    if following.is_none() {
                        following = Some((trail.clone(), pending.len()));
                    }
                    trail.pop();
                    if node.link_name.starts_with(b"/") {
                        trail.clear();
                        ids.truncate(1);
                    }
                    let target = node.link_name.split(|&b| b == b'/').rev();
                    pending.extend(target.filter(|part| !part.is_empty() && *part != b"."));
                }
                _ if pending.is_empty() => return Walk::Found(trail, id),
                _ => return Walk::NotADirectory(trail),
            }
        }
        Walk::Found(trail, ids.last().copied().unwrap_or(ROOT))
    }
}

/// Cleans `..` away, staying below the root.
fn fold<'a>(components: impl Iterator<Item = &'a [u8]>) -> Trail<'a> {
    components.fold(Vec::new(), |mut trail, name| {
        if name == b".." {
            trail.pop();
        } else {
            trail.push(name);
        }
        trail
    })
}

fn path_of(trail: &[&[u8]]) -> ImagePath {
    ImagePath::root().join_all(trail.iter().copied())
}

impl From<Walk<'_>> for Resolution {
    fn from(walk: Walk<'_>) -> Self {
        let owned = |rest: Vec<&[u8]>| rest.into_iter().map(<[u8]>::to_vec).collect();
        match walk {
            Walk::Found(trail, _) => Self::Found {
                path: path_of(&trail),
            },
            Walk::Missing(trail, rest) => Self::Missing {
                parent: path_of(&trail),
                rest: owned(rest),
            },
            Walk::Dangling { link, target, rest } => Self::Dangling {
                link: path_of(&link),
                target: path_of(&target),
                rest: owned(rest),
            },
            Walk::Loop(link) => Self::Loop {
                link: path_of(&link),
            },
            Walk::NotADirectory(trail) => Self::NotADirectory {
                path: path_of(&trail),
            },
        }
    }
}

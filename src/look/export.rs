//! A tree, or a part of it, as a tar or a directory.
//!
//! Directories come first, each before what is in it. Everything else comes layer by layer in the order of its stream, so that each
//! layer is read once, whatever its compression. The same image gives the same tar.

use std::collections::HashMap;
use std::io::Write;
use std::path::Path;

use super::absent::Unseen;
use super::content::{Contents, copy, too_many_holes};
use super::find::{Sight, see};
use crate::archive::{Archive, EntryContent, NotMade, write_tree};
use crate::edit::entry_of;
use crate::error::Error;
use crate::image_path::ImagePath;
use crate::rootfs::{Content, Node};
use crate::tarball::{END_OF_ARCHIVE, Entry, Kind, MAX_HOLE_BYTES, header_group};

/// What is at a path of an image, and below it.
#[derive(Debug)]
pub struct Part<'a> {
    archive: &'a Archive,
    image: usize,
    sight: Sight,
    /// The last name of the path that was asked for.
    name: Vec<u8>,
}

impl<'a> Part<'a> {
    /// Returns what is at `path`, links followed.
    pub fn of(archive: &'a Archive, image: usize, path: &ImagePath) -> Result<Self, Unseen> {
        let part = Self {
            archive,
            image,
            sight: see(archive, image, path)?,
            name: path.file_name().unwrap_or_default().to_vec(),
        };
        // Names of one file are filled once.
        let sparse = part.files().filter(|(_, node)| node.hole_bytes() > 0);
        let holes: HashMap<Content, u64> = sparse
            .map(|(_, node)| (node.content, node.hole_bytes()))
            .collect();
        let n_holes = holes
            .values()
            .fold(0, |n: u64, more| n.saturating_add(*more));
        if n_holes > MAX_HOLE_BYTES {
            return Err(too_many_holes(&format!("`{path}`"), n_holes).into());
        }
        Ok(part)
    }

    /// Returns the first path that is of a type which no tar can say and no engine unpacks, and how many there are.
    #[must_use]
    pub fn left_out(&self) -> Option<(ImagePath, usize)> {
        let (root, node) = self.root();
        let is_left_out = |node: &Node| matches!(node.kind, Kind::Unsupported(_));
        let below = self.sight.tree.below(root);
        let all = std::iter::once((root.clone(), node)).chain(below);
        let mut left_out = all.filter(|(_, node)| is_left_out(node));
        let (first, _) = left_out.next()?;
        Some((first, 1 + left_out.count()))
    }

    fn root(&self) -> (&ImagePath, &Node) {
        self.sight.found().expect("a part is of what was seen")
    }

    /// What is neither a directory nor left out.
    fn files(&self) -> impl Iterator<Item = (ImagePath, &Node)> {
        let (root, node) = self.root();
        let all = std::iter::once((root.clone(), node)).chain(self.sight.tree.below(root));
        all.filter(|(_, node)| {
            !matches!(
                node.kind,
                Kind::Directory | Kind::Unsupported(_) | Kind::Global
            )
        })
    }

    /// Returns the name that what is at a path gets.
    fn name(&self, path: &ImagePath) -> Vec<u8> {
        let (root, _) = self.root();
        if path == root {
            return self.name.clone();
        }
        path.moved(root, &ImagePath::root()).entry_name().to_vec()
    }

    /// Hands over every entry, with the content of files; the first name of a file is the file, others are hard links to it.
    fn entries(
        &self,
        put: impl FnMut(&Entry, Option<EntryContent<'_>>) -> Result<(), Error>,
    ) -> Result<(), Error> {
        let handed_over = self.hand_over(put);
        // A change of the input explains whatever went wrong.
        self.archive.source().check().and(handed_over)
    }

    fn hand_over(
        &self,
        mut put: impl FnMut(&Entry, Option<EntryContent<'_>>) -> Result<(), Error>,
    ) -> Result<(), Error> {
        let (root, _) = self.root();
        for (path, node) in self.sight.tree.below(root) {
            if node.kind == Kind::Directory {
                let name = [self.name(&path).as_slice(), b"/"].concat();
                put(&entry(name, node), None)?;
            }
        }
        let files = self.files().map(|(path, node)| (self.name(&path), node));
        let mut files: Vec<(Vec<u8>, &Node)> = files.collect();
        files.sort_by(|(a_name, a), (b_name, b)| {
            let place = |node: &Node| (node.content.layer, node.content.offset);
            place(a).cmp(&place(b)).then_with(|| a_name.cmp(b_name))
        });
        let layers = self.archive.images()[self.image].layers();
        let mut contents = Contents::of(self.archive);
        let mut last: Option<(Content, Vec<u8>)> = None;
        for (name, node) in files {
            if let Some((_, first)) = last
                .as_ref()
                .filter(|(content, _)| *content == node.content)
            {
                let mut link = entry(name, node);
                (link.kind, link.size) = (Kind::HardLink, 0);
                link.link_name.clone_from(first);
                put(&link, None)?;
                continue;
            }
            let entry = entry(name, node);
            if node.kind == Kind::File {
                let layer = &layers[node.content.layer];
                contents.read(layer, node, |content, place| {
                    put(&entry, Some((content, place)))
                })?;
            } else {
                put(&entry, None)?;
            }
            last = Some((node.content, entry.name));
        }
        Ok(())
    }

    /// Writes a tar; `place` is what messages call the output.
    pub fn write_tar(&self, out: &mut dyn Write, place: &str) -> Result<(), Error> {
        let failed = Error::in_place(place);
        self.entries(|entry, content| {
            out.write_all(&header_group(entry)).map_err(failed)?;
            if let Some((content, layer)) = content {
                copy(content, layer, &mut |bytes| {
                    out.write_all(bytes).map_err(failed)
                })?;
            }
            let padding = usize::try_from(entry.padded_bytes() - entry.size);
            let padding = padding.expect("padding is below a block");
            out.write_all(&END_OF_ARCHIVE[..padding]).map_err(failed)
        })?;
        out.write_all(&END_OF_ARCHIVE).map_err(failed)?;
        out.flush().map_err(failed)
    }

    /// Makes a directory, which must not exist or be empty; returns what could not be made.
    pub fn write_directory(&self, directory: &Path) -> Result<NotMade, Error> {
        write_tree(directory, |tree| {
            self.entries(|entry, content| tree.put(entry, content))
        })
    }
}

fn entry(name: Vec<u8>, node: &Node) -> Entry {
    Entry {
        name,
        size: node.size,
        ..entry_of(node)
    }
}

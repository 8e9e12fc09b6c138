//! What patches took from the host, kept so that it can be named: by digests in provenance, by paths in rules for make.

use std::collections::HashSet;
use std::ffi::OsStr;
use std::fmt::Write as _;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use super::inputs::{digests, of_blob};
use super::{Gathered, OpenSources};
use crate::digest::Digest;
use crate::error::Error;
use crate::layer::{SourceEntry, SourceKind};
use crate::operation::Sources;
use crate::patch::NewContent;
use crate::plan::{BaseCandidate, HostSource, LayerSource, OperationId};

/// More files of one directory than this are only part of its digest.
pub const MAX_LISTED_FILES: usize = 1_000;

/// Something that an image was made of, besides another image and patches.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Material {
    /// Its path as the patch spells it, or below the directory that the patch names.
    pub name: String,
    /// What it hashes to. That of a directory is of the names and contents of the files in it.
    pub digest: Digest,
    /// What has this digest.
    pub kind: MaterialKind,
}

/// What a material is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MaterialKind {
    /// A file.
    File,
    /// A directory of so many files.
    Directory(usize),
    /// An image in an archive, known by its id.
    Image,
}

/// A source of an operation.
#[derive(Debug)]
struct Taken {
    /// As the patch spells it.
    path: String,
    /// The directory that this is relative to.
    base: PathBuf,
    content: TakenContent,
}

#[derive(Debug)]
enum TakenContent {
    /// A directory: its place among those that are open, and everything in it that was not excluded.
    Directory(usize, Vec<SourceEntry>),
    /// A file below such a directory.
    File(usize, SourceEntry),
    /// A tar: its place among the imported ones.
    Tar(usize),
    /// A text that was read whole.
    Text(Digest),
    /// An archive, of which images were read.
    Images(Vec<Digest>),
}

/// Everything that the operations of a run take from the host.
#[derive(Debug, Default)]
pub(crate) struct TakenSources(Vec<Taken>);

impl Gathered<'_> {
    /// Returns what was taken from the host; a plan must have been made.
    pub(crate) fn take_sources(&mut self) -> TakenSources {
        let mut taken = Vec::new();
        for (f, (file, base)) in self.patches.iter().enumerate() {
            for (d, patch) in file.patches().iter().enumerate() {
                for (o, operation) in patch.operations.iter().enumerate() {
                    let id = OperationId {
                        file: f,
                        document: d,
                        operation: o,
                    };
                    let Some(host) = self.inventory.sources.remove(&id) else {
                        continue;
                    };
                    let contents = contents(operation.needs().sources, host);
                    taken.extend(contents.into_iter().map(|(path, content)| Taken {
                        path,
                        base: base.directory.clone(),
                        content,
                    }));
                }
            }
        }
        TakenSources(taken)
    }
}

/// Returns what an operation takes, with the path of each.
fn contents(sources: Sources<'_>, host: HostSource) -> Vec<(String, TakenContent)> {
    match sources {
        Sources::None => Vec::new(),
        Sources::Layer { add, .. } => {
            let from = host.from.map(|from| match from {
                LayerSource::Directory(root, scan) => TakenContent::Directory(root, scan.entries),
                LayerSource::Tar { import, .. } => TakenContent::Tar(import),
            });
            let from = add.from.clone().into_iter().zip(from);
            let paths = add.files.iter().map(|file| match &file.content {
                NewContent::From(path) => path.as_str(),
                _ => "",
            });
            let files = paths.zip(host.files).filter_map(|(path, file)| {
                let (root, entry) = file?;
                Some((path.to_owned(), TakenContent::File(root, entry)))
            });
            from.chain(files).collect()
        }
        Sources::Diff(path) | Sources::Content(path) => {
            let digest = host.text.into_iter();
            let text = digest.map(|digest| (path.to_owned(), TakenContent::Text(digest)));
            text.collect()
        }
        Sources::Bases { from, onto } => {
            let (was, is) = host.bases.unwrap_or_default();
            let images = |candidates: Vec<BaseCandidate>| {
                let ids = candidates.iter().map(|it| it.config.digest());
                TakenContent::Images(ids.collect())
            };
            vec![
                (from.archive.clone(), images(was)),
                (onto.archive.clone(), images(is)),
            ]
        }
    }
}

impl TakenSources {
    /// Reads and hashes everything; a file that changed since it was planned with is an error.
    pub(crate) fn materials(&self, opened: &OpenSources) -> Result<Vec<Material>, Error> {
        let (mut materials, mut known) = (Vec::new(), HashSet::new());
        for taken in &self.0 {
            let found = taken.materials(opened)?.into_iter();
            let new =
                found.filter(|material| known.insert((material.name.clone(), material.digest)));
            materials.extend(new);
        }
        Ok(materials)
    }

    /// Returns the path of everything: of a directory also the paths of everything in it.
    pub(crate) fn paths(&self) -> Vec<PathBuf> {
        self.0.iter().flat_map(Taken::paths).collect()
    }
}

impl Taken {
    fn paths(&self) -> Vec<PathBuf> {
        let path: PathBuf = self.base.join(&self.path).components().collect();
        match &self.content {
            // A base in a registry is no file.
            TakenContent::Images(_) if self.path.contains("://") => Vec::new(),
            TakenContent::Directory(_, entries) => {
                let is_link =
                    |entry: &&SourceEntry| matches!(entry.kind, SourceKind::Symlink { .. });
                let entries = entries.iter().filter(|entry| !is_link(entry));
                let below = entries.map(|entry| path.join(OsStr::from_bytes(&entry.path)));
                [path.clone()].into_iter().chain(below).collect()
            }
            _ => vec![path],
        }
    }

    fn materials(&self, opened: &OpenSources) -> Result<Vec<Material>, Error> {
        let named = |digest| self.material(digest, MaterialKind::File);
        Ok(match &self.content {
            TakenContent::Directory(root, entries) => self.of_directory(*root, entries, opened)?,
            TakenContent::File(root, entry) => {
                let digests = digests(&[(*root, entry)], &opened.roots)?;
                digests.into_iter().map(named).collect()
            }
            TakenContent::Tar(import) => vec![named(of_blob(&opened.imports[*import])?)],
            TakenContent::Text(digest) => vec![named(*digest)],
            TakenContent::Images(ids) => {
                let image = |id: &Digest| self.material(*id, MaterialKind::Image);
                ids.iter().map(image).collect()
            }
        })
    }

    fn material(&self, digest: Digest, kind: MaterialKind) -> Material {
        Material {
            name: self.path.clone(),
            digest,
            kind,
        }
    }

    /// Returns a directory, and the files in it if they are not too many.
    fn of_directory(
        &self,
        root: usize,
        entries: &[SourceEntry],
        opened: &OpenSources,
    ) -> Result<Vec<Material>, Error> {
        let is_file = |entry: &&SourceEntry| entry.kind == SourceKind::File;
        let mut files: Vec<&SourceEntry> = entries.iter().filter(is_file).collect();
        files.sort_by(|a, b| a.path.cmp(&b.path));
        let pairs: Vec<_> = files.iter().map(|entry| (root, *entry)).collect();
        let hashed = digests(&pairs, &opened.roots)?;
        let paths = files
            .iter()
            .map(|entry| String::from_utf8_lossy(&entry.path));
        let hashed: Vec<_> = paths.zip(hashed).collect();
        let kind = MaterialKind::Directory(files.len());
        let directory = self.material(directory_hash(&hashed), kind);
        let listed = hashed.iter().filter(|_| files.len() <= MAX_LISTED_FILES);
        let listed = listed.map(|(path, digest)| Material {
            name: Path::new(&self.path)
                .join(&**path)
                .to_string_lossy()
                .into_owned(),
            digest: *digest,
            kind: MaterialKind::File,
        });
        Ok([directory].into_iter().chain(listed).collect())
    }
}

/// Returns the digest of what `sha256sum` prints of the files, by name: `Hash1` of golang.org/x/mod/sumdb/dirhash, which in-toto
/// calls `dirHash` (in-toto attestation, `spec/v1/digest_set.md`).
fn directory_hash(files: &[(impl AsRef<str>, Digest)]) -> Digest {
    let mut lines = String::new();
    for (path, digest) in files {
        let path = path.as_ref();
        // `Hash1` refuses such a name, and `sha256sum` escapes it.
        let escaped = path.replace('\\', "\\\\").replace('\n', "\\n");
        let is_plain = !path.contains('\n');
        let (mark, path) = if is_plain {
            ("", path)
        } else {
            ("\\", &*escaped)
        };
        let written = writeln!(lines, "{mark}{}  {path}", digest.hex());
        written.expect("a string takes everything");
    }
    Digest::of(lines.as_bytes())
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::symlink;
    use std::path::{Path, PathBuf};

    use super::{Taken, TakenContent, directory_hash};
    use crate::digest::Digest;
    use crate::layer::SourceDirectory;

    #[test]
    fn everything_in_a_directory_has_a_path_but_links() {
        let home = tempfile::tempdir().unwrap();
        fs::create_dir(home.path().join("d")).unwrap();
        fs::write(home.path().join("d/file"), "x").unwrap();
        symlink("file", home.path().join("d/link")).unwrap();
        let directory = SourceDirectory::open(home.path()).unwrap();
        let entries = || directory.scan(&|_| false, false).unwrap().entries;
        let file = || entries().into_iter().find(|entry| entry.path == b"d/file");
        let paths = |path: &str, content| {
            let taken = Taken {
                path: path.to_owned(),
                base: PathBuf::from("/base"),
                content,
            };
            taken.paths()
        };
        let whole = paths("./site", TakenContent::Directory(0, entries()));
        let wanted = ["/base/site", "/base/site/d", "/base/site/d/file"];
        assert_eq!(whole, wanted.map(Path::new));
        for content in [
            TakenContent::File(0, file().unwrap()),
            TakenContent::Tar(0),
            TakenContent::Text(Digest::of(b"x")),
            TakenContent::Images(Vec::new()),
        ] {
            assert_eq!(paths("a/../b", content), [Path::new("/base/a/../b")]);
        }
        let registry = paths("docker://example.com/a", TakenContent::Images(Vec::new()));
        assert!(registry.is_empty());
    }

    #[test]
    fn a_directory_hashes_to_what_sha256sum_prints_of_it() {
        let (a, b) = (Digest::of(b"a"), Digest::of(b"b"));
        let hash = |files: &[(&str, Digest)]| directory_hash(files);
        let text = |text: String| Digest::of(text.as_bytes());
        let (x, y) = (a.hex(), b.hex());
        assert_eq!(hash(&[]), text(String::new()));
        assert_eq!(
            hash(&[("f", a), ("d/g", b)]),
            text(format!("{x}  f\n{y}  d/g\n"))
        );
        assert_eq!(hash(&[("a\\b", a)]), text(format!("{x}  a\\b\n")));
        assert_eq!(hash(&[("a\nb\\", a)]), text(format!("\\{x}  a\\nb\\\\\n")));
    }
}

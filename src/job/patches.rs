//! Patch files as text, and the values that make patches of them.

use std::fs::File;
use std::io::Read as _;
use std::path::{Path, PathBuf};

use super::Job;
use crate::compression::Compression;
use crate::error::Error;
use crate::gather::{Base, Patches};
use crate::ledger::{Location, ReadAs};
use crate::patch::{ArgValues, MAX_FILE_BYTES, PatchFile};
use crate::printable;
use crate::problem::Rejected;

/// Patch files that were read and not parsed yet: values for their args come first.
#[derive(Debug, Clone, Default)]
pub struct PatchTexts {
    texts: Vec<PatchText>,
    allows_outside: bool,
}

#[derive(Debug, Clone)]
struct PatchText {
    name: String,
    bytes: Vec<u8>,
    base: Base,
}

impl Patches {
    /// Reads patch files, to be applied in this order.
    pub fn read<P: AsRef<Path>>(paths: impl IntoIterator<Item = P>) -> Result<PatchTexts, Error> {
        Job::new().read(paths)
    }

    /// Returns the names of the args that the patches declare.
    #[must_use]
    pub fn arg_names(&self) -> Vec<&str> {
        let names = self.files().iter().flat_map(PatchFile::arg_names);
        names.map(String::as_str).collect()
    }
}

impl Job {
    /// Reads patch files, to be applied in this order.
    pub fn read<P: AsRef<Path>>(
        &mut self,
        paths: impl IntoIterator<Item = P>,
    ) -> Result<PatchTexts, Error> {
        let mut texts = PatchTexts::default();
        for path in paths {
            let path = path.as_ref();
            self.ledger.read(ReadAs::Patch, Location::of(path))?;
            texts.read(path)?;
        }
        Ok(texts)
    }
}

impl PatchTexts {
    /// Lets paths in the patches lead out of the directory of the patch file.
    #[must_use]
    pub fn allow_outside(mut self) -> Self {
        self.allows_outside = true;
        self
    }

    /// Adds a patch that is not read from a file; its paths are relative to `directory`.
    pub fn push(
        &mut self,
        name: &str,
        bytes: Vec<u8>,
        directory: impl Into<PathBuf>,
    ) -> Result<(), Error> {
        let base = Base {
            directory: directory.into(),
            ..Base::default()
        };
        self.add(name.to_owned(), bytes, base)
    }

    /// Adds a patch file, or enough of it to see that it is too long for one.
    pub(crate) fn read(&mut self, path: &Path) -> Result<(), Error> {
        let mut bytes = Vec::new();
        let file = File::open(path).map_err(Error::at(path))?;
        let read = file.take(MAX_FILE_BYTES as u64 + 1).read_to_end(&mut bytes);
        read.map_err(Error::at(path))?;
        self.add(printable::path(path), bytes, Base::of(path))
    }

    fn add(&mut self, name: String, bytes: Vec<u8>, base: Base) -> Result<(), Error> {
        if is_archive(&bytes) {
            return Err(Error::NotPatch { place: name });
        }
        self.texts.push(PatchText { name, bytes, base });
        Ok(())
    }

    /// Parses patches that need no values for their args. The problems of all files are returned together.
    pub fn parse(self) -> Result<Patches, Rejected> {
        self.with_args(&ArgValues::default())
    }

    /// Parses the patches, and gives their args values. A value for an arg that no patch declares has no effect:
    /// [`Patches::arg_names`] lists those that are declared. The problems of all files are returned together.
    pub fn with_args(self, values: &ArgValues) -> Result<Patches, Rejected> {
        let files = self.each(|name, bytes| PatchFile::parse_with(name, bytes, values))?;
        let allow_outside = self.allows_outside;
        let bases = self.texts.into_iter().map(|text| Base {
            allow_outside,
            ..text.base
        });
        Ok(files.into_iter().zip(bases).collect())
    }

    /// Parses each text by `parse`, which is given its name and bytes. The problems of all files are returned together.
    pub(crate) fn each<T>(
        &self,
        parse: impl Fn(&str, &[u8]) -> Result<T, Rejected>,
    ) -> Result<Vec<T>, Rejected> {
        let mut files = Vec::with_capacity(self.texts.len());
        let mut rejected: Option<Rejected> = None;
        for text in &self.texts {
            match parse(&text.name, &text.bytes) {
                Ok(file) => files.push(file),
                Err(problems) => {
                    rejected = Some(match rejected {
                        Some(rejected) => rejected.and(problems),
                        None => problems,
                    });
                }
            }
        }
        rejected.map_or(Ok(files), Err)
    }
}

/// Tells whether a file seems to be an archive, which its first bytes tell; what cannot be read does not.
pub(crate) fn is_archive_file(path: &Path) -> bool {
    let mut bytes = Vec::new();
    let read = File::open(path).and_then(|file| file.take(512).read_to_end(&mut bytes));
    read.is_ok() && is_archive(&bytes)
}

/// Tells whether bytes begin as a tar or a compressed stream does; no text does.
fn is_archive(bytes: &[u8]) -> bool {
    let is_tar = bytes.get(257..262) == Some(b"ustar");
    is_tar || Compression::detect(bytes) != Compression::None
}

#[cfg(test)]
mod tests {
    use super::{MAX_FILE_BYTES, PatchTexts, Path, is_archive_file};

    const PATCH: &str = "apiVersion: ocipatch/v1\noperations:\n  - set-label: { a: b }\n";

    #[test]
    fn an_archive_is_no_patch() {
        let directory = tempfile::tempdir().unwrap();
        let mut tar = vec![b'a'; 512];
        tar[257..262].copy_from_slice(b"ustar");
        for (bytes, is_archive) in [
            (tar, true),
            (b"\x1f\x8b\x08".to_vec(), true),
            (b"\x28\xb5\x2f\xfd".to_vec(), true),
            (b"ustar".to_vec(), false),
            (PATCH.into(), false),
            (Vec::new(), false),
        ] {
            let path = directory.path().join("it");
            std::fs::write(&path, &bytes).unwrap();
            assert_eq!(is_archive_file(&path), is_archive, "{bytes:?}");
            let mut texts = PatchTexts::default();
            assert_eq!(
                texts.push("p", bytes.clone(), "").is_err(),
                is_archive,
                "{bytes:?}"
            );
            assert_eq!(texts.read(&path).is_err(), is_archive, "{bytes:?}");
        }
        assert!(!is_archive_file(directory.path()));
        assert!(!is_archive_file(&directory.path().join("nothing")));
    }

    #[test]
    fn a_patch_has_its_name_and_directory_and_all_of_its_bytes() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("p.yaml");
        std::fs::write(&path, PATCH).unwrap();
        let mut texts = PatchTexts::default();
        texts.push("-", PATCH.into(), "/srv").unwrap();
        texts.read(&path).unwrap();
        let found: Vec<&Path> = texts
            .texts
            .iter()
            .map(|text| text.base.directory.as_path())
            .collect();
        assert_eq!(found, [Path::new("/srv"), directory.path()]);
        assert_eq!(texts.texts[1].name, path.to_str().unwrap());
        assert_eq!(texts.clone().parse().unwrap().files().len(), 2);
        for (is_allowed, texts) in [(false, texts.clone()), (true, texts.allow_outside())] {
            let patches = texts.parse().unwrap();
            let mut bases = patches.iter().map(|(_, base)| base);
            assert!(bases.all(|base| base.allow_outside == is_allowed));
        }
        // One that is too long is read far enough to be seen as that.
        std::fs::write(&path, vec![b' '; MAX_FILE_BYTES + 9]).unwrap();
        let mut texts = PatchTexts::default();
        texts.read(&path).unwrap();
        assert_eq!(texts.texts[0].bytes.len(), MAX_FILE_BYTES + 1);
        assert!(texts.parse().is_err());
    }
}

//! Patch files, each with the directory that its paths are relative to.

use std::path::{Path, PathBuf};

use crate::patch::PatchFile;

/// Where a patch file is, and which files its paths may name.
#[derive(Debug, Clone, Default)]
pub struct Base {
    /// The patch file, if the patch was read from one.
    pub patch_file: Option<PathBuf>,
    /// The directory that paths are relative to: the patch file's own.
    pub directory: PathBuf,
    /// Whether paths may lead out of that directory.
    pub allow_outside: bool,
}

impl Base {
    /// Returns the base of a patch file whose paths may not lead out of its directory.
    #[must_use]
    pub fn of(patch_file: &Path) -> Self {
        Self {
            patch_file: Some(patch_file.to_owned()),
            directory: directory_of(patch_file),
            allow_outside: false,
        }
    }
}

/// Returns the directory that a patch file's paths are relative to.
#[must_use]
pub fn directory_of(patch_file: &Path) -> PathBuf {
    match patch_file.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent.to_owned(),
        _ => PathBuf::from("."),
    }
}

/// Patch files in the order in which they are applied. Each has its [`Base`]: none can be passed without one.
#[derive(Debug, Clone, Default)]
pub struct Patches {
    /// As planning takes them; `bases` has one entry for each.
    files: Vec<PatchFile>,
    bases: Vec<Base>,
}

impl Patches {
    /// Returns the patch files.
    #[must_use]
    pub fn files(&self) -> &[PatchFile] {
        &self.files
    }

    /// Returns the patch files with their bases.
    pub fn iter(&self) -> impl Iterator<Item = (&PatchFile, &Base)> {
        self.files.iter().zip(&self.bases)
    }
}

impl From<(PatchFile, Base)> for Patches {
    fn from(patch: (PatchFile, Base)) -> Self {
        Self::from_iter([patch])
    }
}

impl FromIterator<(PatchFile, Base)> for Patches {
    fn from_iter<I: IntoIterator<Item = (PatchFile, Base)>>(patches: I) -> Self {
        let (files, bases) = patches.into_iter().unzip();
        Self { files, bases }
    }
}

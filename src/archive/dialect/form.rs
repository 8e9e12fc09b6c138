//! The forms of archives that people ask for: a dialect that anything can be written in, as a tar or as a directory.

use super::Dialect;
use super::containerd::Containerd;
use super::layout::Layout;

/// A form of archive that people ask for.
#[derive(Debug, Clone, Copy)]
pub struct Form {
    pub(in crate::archive) dialect: &'static dyn Dialect,
    is_directory: bool,
}

/// What `docker load` takes, written as containerd does: every version of Docker, podman and skopeo take it.
pub(in crate::archive) const DOCKER: &dyn Dialect = &Containerd;
/// An OCI layout (image-spec image-layout.md).
pub(in crate::archive) const OCI: &dyn Dialect = &Layout;

impl Form {
    /// A tar that `docker load` takes.
    pub const DOCKER_ARCHIVE: Self = Self {
        dialect: DOCKER,
        is_directory: false,
    };
    /// The same as a directory.
    pub const DOCKER_DIRECTORY: Self = Self {
        dialect: DOCKER,
        is_directory: true,
    };
    /// A tar of an OCI layout.
    pub const OCI_ARCHIVE: Self = Self {
        dialect: OCI,
        is_directory: false,
    };
    /// An OCI layout.
    pub const OCI_DIRECTORY: Self = Self {
        dialect: OCI,
        is_directory: true,
    };

    /// Tells whether it is a directory.
    #[must_use]
    pub fn is_directory(self) -> bool {
        self.is_directory
    }
}

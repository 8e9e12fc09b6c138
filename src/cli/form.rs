//! `--to`: the forms that archives are written in.

use clap::ValueEnum;

use crate::archive::Form;

/// The forms of `--to`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum To {
    /// The tar of `docker save`, which `docker load` and `podman load` take
    DockerArchive,
    /// An OCI layout in a tar
    OciArchive,
    /// An OCI layout in a directory
    OciDir,
    /// The files of a `docker save` tar in a directory
    DockerDir,
}

impl From<To> for Form {
    fn from(to: To) -> Self {
        match to {
            To::DockerArchive => Self::DOCKER_ARCHIVE,
            To::OciArchive => Self::OCI_ARCHIVE,
            To::OciDir => Self::OCI_DIRECTORY,
            To::DockerDir => Self::DOCKER_DIRECTORY,
        }
    }
}

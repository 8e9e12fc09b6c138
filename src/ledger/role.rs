//! What a command uses a path for.

use std::fmt;

/// Why a path is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ReadAs {
    /// The image to patch.
    Image,
    /// An archive to look at, verify or unpack.
    Archive,
    /// The first argument of `diff`.
    OldArchive,
    /// The second argument of `diff`.
    NewArchive,
    /// The directory to pack, with everything in it.
    Unpacked,
    /// A patch file.
    Patch,
    /// The file of a fleet.
    Fleet,
    /// The lock of a fleet.
    FleetLock,
    /// A file of values for args.
    ArgFile,
    /// A directory, with everything in it, or a tar that becomes a layer.
    LayerSource,
    /// A single file that becomes part of a layer.
    NewFile,
    /// The unified diff of `patch-file`.
    FileDiff,
    /// What an operation puts into a text.
    Content,
    /// An archive that `rebase` names.
    BaseArchive,
    /// The file of `--authfile`.
    Credentials,
}

/// Why a path is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WrittenAs {
    /// What the command makes: an archive, a directory, a patch.
    Output,
    /// The image that is changed where it is.
    InPlace,
    /// The patch to which operations are added.
    Patch,
    /// The file of `--iidfile`.
    Iidfile,
    /// The file of `--digest-file`.
    DigestFile,
    /// The file of `--metadata-file`.
    MetadataFile,
    /// The file of `--provenance`.
    Provenance,
    /// The file of `--depfile`.
    Depfile,
    /// The lock of a fleet.
    FleetLock,
    /// The file of `--report`.
    FleetReport,
    /// The directory of `diff --layers`, which may contain other files.
    LayerDirectory,
    /// A tar in that directory. The only role that several paths of one command may have.
    LayerTar,
    /// Standard output, for an image id or a report.
    StandardOutput,
    /// Standard error, for messages.
    StandardError,
    /// Standard error of a quiet command: nothing but the reason why it failed.
    QuietStandardError,
}

impl ReadAs {
    /// Every role.
    pub const ALL: [Self; 15] = [
        Self::Image,
        Self::Archive,
        Self::OldArchive,
        Self::NewArchive,
        Self::Unpacked,
        Self::Patch,
        Self::Fleet,
        Self::FleetLock,
        Self::ArgFile,
        Self::LayerSource,
        Self::NewFile,
        Self::FileDiff,
        Self::Content,
        Self::BaseArchive,
        Self::Credentials,
    ];
}

impl WrittenAs {
    /// Every role.
    pub const ALL: [Self; 15] = [
        Self::Output,
        Self::InPlace,
        Self::Patch,
        Self::Iidfile,
        Self::DigestFile,
        Self::MetadataFile,
        Self::Provenance,
        Self::Depfile,
        Self::FleetLock,
        Self::FleetReport,
        Self::LayerDirectory,
        Self::LayerTar,
        Self::StandardOutput,
        Self::StandardError,
        Self::QuietStandardError,
    ];

    /// Tells whether this is a stream that the process was started with.
    pub(super) fn is_stream(self) -> bool {
        self == Self::StandardOutput || self.is_standard_error()
    }

    pub(super) fn is_standard_error(self) -> bool {
        matches!(self, Self::StandardError | Self::QuietStandardError)
    }

    /// Tells whether this is a small text file about the output.
    pub(super) fn is_side_file(self) -> bool {
        matches!(
            self,
            Self::Iidfile
                | Self::DigestFile
                | Self::MetadataFile
                | Self::Provenance
                | Self::Depfile
                | Self::FleetReport
        )
    }
}

impl fmt::Display for ReadAs {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Image => "the image",
            Self::Archive => "the archive",
            Self::OldArchive => "the old archive",
            Self::NewArchive => "the new archive",
            Self::Unpacked => "the directory to pack",
            Self::Patch => "a patch",
            Self::Fleet => "the fleet",
            Self::FleetLock => "the lock",
            Self::ArgFile => "a file of `--arg-file`",
            Self::LayerSource => "a source of a new layer",
            Self::NewFile => "a file of a new layer",
            Self::FileDiff => "a diff of `patch-file`",
            Self::Content => "a text to add",
            Self::BaseArchive => "an archive of `rebase`",
            Self::Credentials => "the file of `--authfile`",
        })
    }
}

impl fmt::Display for WrittenAs {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Output => "the output",
            Self::InPlace => "`--in-place`",
            Self::Patch => "the patch",
            Self::Iidfile => "`--iidfile`",
            Self::DigestFile => "`--digest-file`",
            Self::MetadataFile => "`--metadata-file`",
            Self::Provenance => "`--provenance`",
            Self::Depfile => "`--depfile`",
            Self::FleetLock => "the lock",
            Self::FleetReport => "`--report`",
            Self::LayerDirectory => "`--layers`",
            Self::LayerTar => "a tar of `--layers`",
            Self::StandardOutput => "standard output",
            Self::StandardError | Self::QuietStandardError => "standard error",
        })
    }
}

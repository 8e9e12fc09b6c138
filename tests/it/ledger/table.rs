//! Each command with the paths that it reads and writes. One file because it is one table.

use ocipatch::ledger::{ReadAs, WrittenAs};

/// How a command is run.
#[derive(Debug)]
pub(super) struct Line {
    /// The words after `ocipatch`.
    pub(super) words: &'static str,
    pub(super) own_reads: &'static [Read],
    /// What the patch of the line names.
    pub(super) sources: &'static [Read],
    pub(super) writes: &'static [Written],
}

/// A path that is read.
#[derive(Debug, Clone, Copy)]
pub(super) struct Read {
    pub(super) role: ReadAs,
    pub(super) path: &'static str,
    /// What `clap` calls the argument; none where a patch names the path.
    pub(super) argument: &'static str,
}

/// A path that is written: the word or the redirection that names it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Written {
    pub(super) role: WrittenAs,
    pub(super) path: &'static str,
    pub(super) argument: &'static str,
    pub(super) place: Place,
}

/// What is at a written path.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Place {
    File,
    /// A directory that becomes what the command writes.
    Tree,
    /// A directory that gets some files.
    Directory,
    /// A file whose path the command decides: only what is there can be another file.
    Fixed,
    /// An open file that the process is started with.
    Stream,
}

impl Line {
    pub(super) fn reads(&self) -> Vec<Read> {
        [self.own_reads, self.sources].concat()
    }

    /// What `-` in the line is.
    pub(super) fn stdin(&self) -> Option<&Read> {
        let is_word = |read: &&Read| self.words.split(' ').any(|word| word == read.path);
        self.own_reads.iter().find(|read| !is_word(read))
    }

    /// The exit code of a command line that asks for what cannot be.
    pub(super) fn usage_code(&self) -> i32 {
        if self.words.contains("--detailed-exitcode") {
            return 3;
        }
        2
    }
}

const fn read(role: ReadAs, path: &'static str, argument: &'static str) -> Read {
    Read {
        role,
        path,
        argument,
    }
}

const fn source(role: ReadAs, path: &'static str) -> Read {
    read(role, path, "")
}

const fn written(
    role: WrittenAs,
    path: &'static str,
    argument: &'static str,
    place: Place,
) -> Written {
    Written {
        role,
        path,
        argument,
        place,
    }
}

const STDOUT: Written = written(WrittenAs::StandardOutput, "stdout/log", "", Place::Stream);
const STDERR: Written = written(WrittenAs::StandardError, "stderr/log", "", Place::Stream);
const QUIET: Written = written(
    WrittenAs::QuietStandardError,
    "stderr/log",
    "",
    Place::Stream,
);
const IIDFILE: Written = written(WrittenAs::Iidfile, "iid/id", "iidfile", Place::File);
const DIGEST: Written = written(
    WrittenAs::DigestFile,
    "digest/file",
    "digest_file",
    Place::File,
);
const METADATA: Written = written(
    WrittenAs::MetadataFile,
    "metadata/file",
    "metadata_file",
    Place::File,
);
const PROVENANCE: Written = written(
    WrittenAs::Provenance,
    "provenance/file",
    "provenance",
    Place::File,
);
const DEPFILE: Written = written(WrittenAs::Depfile, "depfile/file", "depfile", Place::File);
const OUT: Written = written(WrittenAs::Output, "output/out", "output", Place::File);
const OUT_TREE: Written = written(WrittenAs::Output, "output/out", "output", Place::Tree);
/// Standard output as the place of an archive.
const STREAMED: Written = written(WrittenAs::Output, "stdout/log", "", Place::Stream);

const PATCH: Read = read(ReadAs::Patch, "patch/label.yaml", "paths");
const TAR: Read = read(ReadAs::Image, "image/in.tar", "paths");
const DIRECTORY: Read = read(ReadAs::Image, "directory/in", "paths");
const CREDENTIALS: Read = read(ReadAs::Credentials, "auth/file", "authfile");
const ARGS: Read = read(ReadAs::ArgFile, "args/file", "files");

/// What `patch/sources.yaml` names.
const SOURCES: &[Read] = &[
    source(ReadAs::LayerSource, "patch/rootfs/files"),
    source(ReadAs::LayerSource, "patch/tars/layer.tar"),
    source(ReadAs::NewFile, "patch/single/file"),
    source(ReadAs::FileDiff, "patch/diffs/fix.diff"),
    source(ReadAs::Content, "patch/texts/more.txt"),
];
/// What `patch/replace.yaml` names.
const REPLACEMENT: &[Read] = &[
    source(ReadAs::LayerSource, "patch/rootfs/files"),
    source(ReadAs::NewFile, "patch/single/file"),
];
/// What `patch/rebase.yaml` names: a tar and a directory.
const BASES: &[Read] = &[
    source(ReadAs::BaseArchive, "patch/bases/old.tar"),
    source(ReadAs::BaseArchive, "patch/bases/new"),
];

const SOURCES_PATCH: Read = read(ReadAs::Patch, "patch/sources.yaml", "paths");

/// The tar that `diff --layers` makes of the fixtures.
const LAYER_TAR: Written = written(WrittenAs::LayerTar, "layers/tars/LAYER", "", Place::Fixed);

pub(super) const COMMANDS: &[Line] = &[
    Line {
        words: "apply patch/sources.yaml image/in.tar --arg-file args/file -o output/out --iidfile iid/id --metadata-file metadata/file --provenance provenance/file --depfile depfile/file --if-changed",
        own_reads: &[SOURCES_PATCH, TAR, ARGS],
        sources: SOURCES,
        writes: &[OUT, IIDFILE, METADATA, PROVENANCE, DEPFILE, STDOUT, STDERR],
    },
    Line {
        words: "apply patch/label.yaml directory/in --to docker-archive --arg-file args/file --authfile auth/file -o output/out --iidfile iid/id --digest-file digest/file --metadata-file metadata/file --provenance provenance/file",
        own_reads: &[PATCH, DIRECTORY, ARGS, CREDENTIALS],
        sources: &[],
        writes: &[OUT, IIDFILE, DIGEST, METADATA, PROVENANCE, STDOUT, STDERR],
    },
    Line {
        words: "apply patch/sources.yaml image/in.tar --to oci-dir --arg-file args/file -o output/out --iidfile iid/id",
        own_reads: &[SOURCES_PATCH, TAR, ARGS],
        sources: SOURCES,
        writes: &[OUT_TREE, IIDFILE, STDOUT, STDERR],
    },
    Line {
        words: "apply patch/label.yaml directory/in --to docker-dir -o output/out --iidfile iid/id --depfile depfile/file",
        own_reads: &[PATCH, DIRECTORY],
        sources: &[],
        writes: &[OUT_TREE, IIDFILE, DEPFILE, STDOUT, STDERR],
    },
    Line {
        words: "apply patch/sources.yaml image/in.tar --in-place --arg-file args/file --iidfile iid/id",
        own_reads: &[SOURCES_PATCH, TAR, ARGS],
        sources: SOURCES,
        writes: &[
            written(WrittenAs::InPlace, "image/in.tar", "", Place::File),
            IIDFILE,
            STDOUT,
            STDERR,
        ],
    },
    Line {
        words: "apply patch/sources.yaml directory/in --in-place --arg-file args/file --iidfile iid/id --metadata-file metadata/file",
        own_reads: &[SOURCES_PATCH, DIRECTORY, ARGS],
        sources: SOURCES,
        writes: &[
            written(WrittenAs::InPlace, "directory/in", "", Place::Tree),
            IIDFILE,
            METADATA,
            STDOUT,
            STDERR,
        ],
    },
    Line {
        words: "apply patch/sources.yaml image/in.tar --arg-file args/file --iidfile iid/id",
        own_reads: &[SOURCES_PATCH, TAR, ARGS],
        sources: SOURCES,
        writes: &[STREAMED, IIDFILE, STDERR],
    },
    Line {
        words: "apply patch/rebase.yaml image/app.tar -o output/out --iidfile iid/id -q",
        own_reads: &[
            read(ReadAs::Patch, "patch/rebase.yaml", "paths"),
            read(ReadAs::Image, "image/app.tar", "paths"),
        ],
        sources: BASES,
        writes: &[OUT, IIDFILE, STDOUT, QUIET],
    },
    Line {
        words: "apply patch/replace.yaml image/in.tar -o output/out",
        own_reads: &[read(ReadAs::Patch, "patch/replace.yaml", "paths"), TAR],
        sources: REPLACEMENT,
        writes: &[OUT, STDOUT, STDERR],
    },
    Line {
        words: "plan patch/sources.yaml image/in.tar --arg-file args/file --authfile auth/file",
        own_reads: &[SOURCES_PATCH, TAR, ARGS, CREDENTIALS],
        sources: SOURCES,
        writes: &[STDOUT, STDERR],
    },
    Line {
        words: "plan patch/nothing.yaml directory/in --detailed-exitcode",
        own_reads: &[
            read(ReadAs::Patch, "patch/nothing.yaml", "paths"),
            DIRECTORY,
        ],
        sources: &[],
        writes: &[STDOUT, STDERR],
    },
    Line {
        words: "apply patch/sources.yaml - --arg-file args/file -o output/out --iidfile iid/id",
        own_reads: &[SOURCES_PATCH, TAR, ARGS],
        sources: SOURCES,
        writes: &[OUT, IIDFILE, STDOUT, STDERR],
    },
    Line {
        words: "apply - image/in.tar -o output/out --iidfile iid/id",
        own_reads: &[PATCH, TAR],
        sources: &[],
        writes: &[OUT, IIDFILE, STDOUT, STDERR],
    },
    Line {
        words: "check - --arg-file args/file",
        own_reads: &[read(ReadAs::Patch, "patch/label.yaml", "patches"), ARGS],
        sources: &[],
        writes: &[STDOUT, STDERR],
    },
    Line {
        words: "verify -",
        own_reads: &[read(ReadAs::Archive, "image/in.tar", "image")],
        sources: &[],
        writes: &[STDOUT, STDERR],
    },
    Line {
        words: "diff --as-patch directory/in - -o layers/turn.yaml --partial --authfile auth/file",
        own_reads: &[
            read(ReadAs::OldArchive, "directory/in", "old"),
            read(ReadAs::NewArchive, "image/in.tar", "new"),
            CREDENTIALS,
        ],
        sources: &[],
        writes: &[
            written(WrittenAs::Output, "layers/turn.yaml", "output", Place::File),
            STDERR,
        ],
    },
    Line {
        words: "man --all output/out",
        own_reads: &[],
        sources: &[],
        writes: &[
            written(WrittenAs::Output, "output/out", "all", Place::Directory),
            STDERR,
        ],
    },
    Line {
        words: "unpack - output/out",
        own_reads: &[read(ReadAs::Archive, "image/in.tar", "image")],
        sources: &[],
        writes: &[
            written(WrittenAs::Output, "output/out", "directory", Place::Tree),
            STDERR,
        ],
    },
    Line {
        words: "check patch/label.yaml --arg-file args/file",
        own_reads: &[read(ReadAs::Patch, "patch/label.yaml", "patches"), ARGS],
        sources: &[],
        writes: &[STDOUT, STDERR],
    },
    Line {
        words: "inspect directory/in --files --authfile auth/file",
        own_reads: &[read(ReadAs::Archive, "directory/in", "image"), CREDENTIALS],
        sources: &[],
        writes: &[STDOUT, STDERR],
    },
    Line {
        words: "cat directory/in / --authfile auth/file",
        own_reads: &[read(ReadAs::Archive, "directory/in", "image"), CREDENTIALS],
        sources: &[],
        writes: &[STDOUT, STDERR],
    },
    Line {
        words: "export - -o output/out.tar --authfile auth/file",
        own_reads: &[read(ReadAs::Archive, "image/in.tar", "image"), CREDENTIALS],
        sources: &[],
        writes: &[
            written(WrittenAs::Output, "output/out.tar", "output", Place::File),
            STDERR,
        ],
    },
    Line {
        words: "init directory/in -o output/fix.yaml --authfile auth/file",
        own_reads: &[read(ReadAs::Archive, "directory/in", "image"), CREDENTIALS],
        sources: &[],
        writes: &[
            written(WrittenAs::Output, "output/fix.yaml", "output", Place::File),
            STDERR,
        ],
    },
    Line {
        words: "edit image/in.tar etc/greeting -p patch/edited.yaml --arg-file args/file",
        own_reads: &[read(ReadAs::Image, "image/in.tar", "image"), ARGS],
        sources: &[],
        writes: &[
            written(WrittenAs::Patch, "patch/edited.yaml", "patch", Place::File),
            STDERR,
        ],
    },
    Line {
        words: "edit image/in.tar etc/greeting --authfile auth/file",
        own_reads: &[read(ReadAs::Image, "image/in.tar", "image"), CREDENTIALS],
        sources: &[],
        writes: &[STDOUT, STDERR],
    },
    Line {
        words: "verify image/in.tar --authfile auth/file",
        own_reads: &[read(ReadAs::Archive, "image/in.tar", "image"), CREDENTIALS],
        sources: &[],
        writes: &[STDOUT, STDERR],
    },
    Line {
        words: "repair image/in.tar -o output/out",
        own_reads: &[read(ReadAs::Image, "image/in.tar", "image")],
        sources: &[],
        writes: &[OUT, STDERR],
    },
    Line {
        words: "repair directory/in --in-place",
        own_reads: &[read(ReadAs::Image, "directory/in", "image")],
        sources: &[],
        writes: &[
            written(WrittenAs::InPlace, "directory/in", "", Place::Tree),
            STDERR,
        ],
    },
    Line {
        words: "repair -",
        own_reads: &[read(ReadAs::Image, "image/in.tar", "image")],
        sources: &[],
        writes: &[STREAMED, STDERR],
    },
    Line {
        words: "repair --check directory/in",
        own_reads: &[read(ReadAs::Image, "directory/in", "image")],
        sources: &[],
        writes: &[STDOUT, STDERR],
    },
    Line {
        words: "diff image/in.tar directory/in",
        own_reads: &[
            read(ReadAs::OldArchive, "image/in.tar", "old"),
            read(ReadAs::NewArchive, "directory/in", "new"),
        ],
        sources: &[],
        writes: &[STDOUT, STDERR],
    },
    Line {
        words: "diff --as-patch directory/in image/app.tar -o layers/turn.yaml --layers layers/tars",
        own_reads: &[
            read(ReadAs::OldArchive, "directory/in", "old"),
            read(ReadAs::NewArchive, "image/app.tar", "new"),
        ],
        sources: &[],
        writes: &[
            written(WrittenAs::Output, "layers/turn.yaml", "output", Place::File),
            written(
                WrittenAs::LayerDirectory,
                "layers/tars",
                "layers",
                Place::Directory,
            ),
            LAYER_TAR,
            STDERR,
        ],
    },
    Line {
        words: "unpack image/in.tar output/out --layers",
        own_reads: &[read(ReadAs::Archive, "image/in.tar", "image")],
        sources: &[],
        writes: &[
            written(WrittenAs::Output, "output/out", "directory", Place::Tree),
            STDERR,
        ],
    },
    Line {
        words: "unpack directory/in output/out",
        own_reads: &[read(ReadAs::Archive, "directory/in", "image")],
        sources: &[],
        writes: &[
            written(WrittenAs::Output, "output/out", "directory", Place::Tree),
            STDERR,
        ],
    },
    Line {
        words: "pack directory/in output/out",
        own_reads: &[read(ReadAs::Unpacked, "directory/in", "directory")],
        sources: &[],
        writes: &[OUT, STDERR],
    },
    Line {
        words: "pack directory/in -",
        own_reads: &[read(ReadAs::Unpacked, "directory/in", "directory")],
        sources: &[],
        writes: &[STREAMED, STDERR],
    },
];

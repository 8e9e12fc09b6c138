//! The kinds of output, and what each run of them begins with.
#![allow(clippy::unwrap_used, reason = "helpers of tests may fail as tests do")]

use std::fs;
use std::path::Path;
use std::process::Command;

use ocipatch::compression::Compression;

use crate::binary::{command, write_files};
use crate::edit::fixture;
use crate::kernel::Lack;

/// A run that writes.
pub(super) struct Kind {
    pub(super) name: &'static str,
    /// The fixture that is there as `app.tar`, and unpacked as `app`.
    pub(super) archive: &'static str,
    /// The run that is disturbed, and then made again.
    pub(super) line: &'static str,
    /// What is run instead where the first run has made everything: it changes nothing, and tidies up.
    pub(super) again: Option<&'static str>,
    /// Each of these is old or new, whatever happens.
    pub(super) targets: &'static [Target],
    /// What stands there already.
    pub(super) before: fn(&Path),
    pub(super) stdin: Option<&'static str>,
    pub(super) lacks: &'static [Lack],
}

/// Something that a run writes.
#[derive(Debug, Clone, Copy)]
pub(super) enum Target {
    /// A file, or a directory that appears as a whole.
    Path(&'static str),
    /// An archive in a directory that is changed where it lies: whatever is in there, readers see the old or the new.
    InPlace(&'static str),
}

use Target::{InPlace, Path as At};

const FIX: &str = "apply fix.yaml app --in-place";
const LABEL: &str = "apply label.yaml app --in-place";
const NAMED: &[Lack] = &[Lack::NamelessFiles];

const PLAIN: Kind = Kind {
    name: "",
    archive: "docker26.tar",
    line: "",
    again: None,
    targets: &[],
    before: nothing,
    stdin: None,
    lacks: &[],
};

const fn in_place(name: &'static str, archive: &'static str) -> Kind {
    Kind {
        name,
        archive,
        line: FIX,
        again: Some(LABEL),
        targets: &[InPlace("app")],
        ..PLAIN
    }
}

const fn output(name: &'static str, line: &'static str, targets: &'static [Target]) -> Kind {
    Kind {
        name,
        line,
        targets,
        ..PLAIN
    }
}

/// Every kind of output.
pub(super) const KINDS: &[Kind] = &[
    output("tar", "apply fix.yaml app.tar -o out.tar", &[At("out.tar")]),
    Kind {
        before: other_output,
        ..output(
            "tar over another",
            "apply fix.yaml app.tar -o out.tar",
            &[At("out.tar")],
        )
    },
    Kind {
        before: other_output,
        lacks: NAMED,
        ..output(
            "tar over another, named",
            "apply fix.yaml app.tar -o out.tar",
            &[At("out.tar")],
        )
    },
    Kind {
        again: Some("apply label.yaml app.tar --in-place"),
        ..output(
            "tar in place",
            "apply fix.yaml app.tar --in-place",
            &[At("app.tar")],
        )
    },
    Kind {
        lacks: NAMED,
        again: Some("apply label.yaml app.tar --in-place"),
        ..output(
            "tar in place, named",
            "apply fix.yaml app.tar --in-place",
            &[At("app.tar")],
        )
    },
    in_place("layout in place", "skopeo-oci.tar"),
    in_place("layout of buildx in place", "buildx-oci.tar"),
    in_place("docker 20 in place", "docker20.tar"),
    in_place(
        "two images of docker 20 in place",
        "docker20-two-images.tar",
    ),
    in_place("docker 26 in place", "docker26.tar"),
    in_place("containerd in place", "docker26-containerd.tar"),
    Kind {
        line: "apply --keep-replaced fix.yaml app --in-place",
        ..in_place("layout in place, replaced blobs kept", "skopeo-oci.tar")
    },
    Kind {
        line: "apply podman.yaml app --in-place",
        ..in_place("podman in place", "podman-docker.tar")
    },
    Kind {
        line: "apply crane.yaml app --in-place",
        ..in_place("crane in place", "crane.tar")
    },
    Kind {
        lacks: &[
            Lack::NamelessFiles,
            Lack::RenameNoReplace,
            Lack::HardLinks,
            Lack::Statx,
        ],
        ..in_place("docker 20 in place on a poor file system", "docker20.tar")
    },
    output("directory", "apply fix.yaml app.tar -o out/", &[At("out")]),
    Kind {
        before: empty_output,
        ..output(
            "layout into an empty directory",
            "apply fix.yaml app.tar --to oci-dir -o out",
            &[At("out")],
        )
    },
    output("unpack", "unpack app.tar out", &[At("out")]),
    output(
        "unpack with layers",
        "unpack --layers app.tar out",
        &[At("out")],
    ),
    output("pack", "pack app out.tar", &[At("out.tar")]),
    Kind {
        lacks: NAMED,
        ..output("pack, named", "pack app out.tar", &[At("out.tar")])
    },
    output(
        "side files",
        "apply fix.yaml app.tar -o out.tar --iidfile id --metadata-file meta --provenance prov",
        &[At("out.tar"), At("id"), At("meta"), At("prov")],
    ),
    Kind {
        lacks: NAMED,
        before: other_output,
        ..output(
            "side files, named",
            "apply fix.yaml app.tar -o out.tar --iidfile id --metadata-file meta --provenance prov",
            &[At("out.tar"), At("id"), At("meta"), At("prov")],
        )
    },
    Kind {
        stdin: Some("app.tar.gz"),
        archive: "buildx-oci.tar",
        ..output(
            "standard output, of a spooled stream",
            "apply fix.yaml -",
            &[],
        )
    },
    Kind {
        stdin: Some("app.tar.gz"),
        archive: "buildx-oci.tar",
        lacks: NAMED,
        ..output(
            "spooled stream and layers, named",
            "apply fix.yaml - -o out.tar",
            &[At("out.tar")],
        )
    },
    output(
        "a difference as a patch",
        "diff --as-patch -o out.yaml --layers layers app.tar other.tar",
        &[At("out.yaml")],
    ),
];

const FIX_YAML: &str = "apiVersion: ocipatch/v1
target: { images: [\"greeter:1\"] }
operations:
  - set-label: { mylabel: modifiedvalue }
  - add-layer: { from: rootfs }
  - retag: [\"app:2\"]
";
/// What the others leave nothing to do for.
const LABEL_YAML: &str = "apiVersion: ocipatch/v1
target: { images: [\"app:2\"] }
operations:
  - set-label: { mylabel: modifiedvalue }
";

/// Writes what a run of `kind` finds into `home`.
pub(super) fn furnish(kind: &Kind, home: &Path) {
    let named = |name: &str| FIX_YAML.replace("greeter:1", name);
    write_files(
        home,
        &[
            ("fix.yaml", FIX_YAML),
            ("label.yaml", LABEL_YAML),
            ("podman.yaml", &named("localhost/greeter:1")),
            ("crane.yaml", &named("127.0.0.1:5999/greeter:1")),
            ("rootfs/etc/greeting", "hi\n"),
        ],
    );
    fs::create_dir(home.join("tmp")).unwrap();
    let archive = fs::read(fixture(kind.archive)).unwrap();
    fs::write(home.join("app.tar"), &archive).unwrap();
    let mut encoder = Compression::Gzip.encoder(Vec::new()).unwrap();
    std::io::Write::write_all(&mut encoder, &archive).unwrap();
    fs::write(home.join("app.tar.gz"), encoder.finish().unwrap()).unwrap();
    let run = |arguments: &[&str]| {
        let status = command().current_dir(home).args(arguments).output();
        assert!(status.unwrap().status.success(), "{arguments:?}");
    };
    run(&["unpack", "app.tar", "app"]);
    fs::remove_dir_all(home.join("app/.ocipatch")).unwrap();
    if kind.line.contains("other.tar") {
        run(&["apply", "fix.yaml", "app.tar", "-o", "other.tar"]);
    }
    (kind.before)(home);
}

fn nothing(_: &Path) {}

fn other_output(home: &Path) {
    for name in ["out.tar", "id", "prov"] {
        fs::write(home.join(name), "something else\n").unwrap();
    }
}

fn empty_output(home: &Path) {
    fs::create_dir(home.join("out")).unwrap();
}

/// Copies a home; what is in it keeps its times.
pub(super) fn copy(home: &Path, to: &Path) {
    let mut command = Command::new("cp");
    assert!(
        command
            .arg("-a")
            .arg(home)
            .arg(to)
            .status()
            .unwrap()
            .success()
    );
}

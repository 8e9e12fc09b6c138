//! Layers and patches in which engines would see different trees if a layer were written as it comes: a base, what an
//! author wants, and what becomes of the base.
//!
//! Files are written as in `tests/cases`. Of what is meant, `+` is there after the patch and `-` is not; everything else is
//! as it was. One file because it is one table.

/// A patch that is applied.
pub(super) struct Row {
    /// The tag of the image.
    pub(super) name: &'static str,
    /// The layers, the lowest first.
    pub(super) base: &'static [&'static str],
    pub(super) operations: &'static [&'static str],
    pub(super) meant: &'static str,
    /// What the plan says of it.
    pub(super) notes: &'static [&'static str],
}

/// A patch that is refused.
pub(super) struct Refused {
    pub(super) base: &'static [&'static str],
    pub(super) operations: &'static [&'static str],
    pub(super) code: &'static str,
    pub(super) message: &'static str,
}

/// As Debian has had it since 2023.
const USRMERGE: &str = "bin -> usr/bin; lib -> /usr/lib; lib64 -> usr/lib64; 0755 opt/; 0755 run/; sbin -> usr/sbin; 0755 tmp/; 0755 usr/; 0755 usr/bin/; 0644 usr/bin/sh \"sh\"; 0755 usr/lib/; 0644 usr/lib/libc.so \"c\"; 0755 usr/lib64/; 0755 usr/sbin/; 0644 usr/sbin/init \"init\"; 0755 var/; var/lock -> /run/lock; var/run -> /run; 0755 var/tmp/";

const TREE: &str = "0755 d/; 0755 d/deep/; 0644 d/deep/b \"b\"; 0644 d/old \"o\"; 0755 e/; 0644 e/x \"x\"; 0644 f \"f\"";

pub(super) const ROWS: &[Row] = &[
    // `bin/foo` would be a directory that hides `/usr/bin`.
    Row {
        name: "file-below-usrmerge-links",
        base: &[USRMERGE],
        operations: &[
            "add-layer: { files: [{ path: /bin/foo, content: foo, mode: '0755' }, { path: /lib/libx.so, content: x }, { path: /lib64/ld.so, content: ld }, { path: /sbin/up, content: up }] }",
        ],
        meant: "+ 0755 usr/bin/foo \"foo\" @0; + 0644 usr/lib/libx.so \"x\" @0; + 0644 usr/lib64/ld.so \"ld\" @0; + 0644 usr/sbin/up \"up\" @0",
        notes: &[
            "`/bin` is a link in the image; files are added in `/usr/bin`",
            "`/lib` is a link in the image; files are added in `/usr/lib`",
            "`/lib64` is a link in the image; files are added in `/usr/lib64`",
            "`/sbin` is a link in the image; files are added in `/usr/sbin`",
        ],
    },
    Row {
        name: "directory-over-usrmerge-links",
        base: &[USRMERGE],
        operations: &["add-layer: { from: merged }"],
        meant: "+ 0755 usr/bin/tool \"tool\" @0; + 0755 usr/lib/new/ @0; + 0644 usr/lib/new/lib.so \"lib\" @0; + 0644 run/pid \"1\" @0",
        notes: &[
            "`/bin` is a link in the image; files are added in `/usr/bin`",
            "`/lib` is a link in the image; files are added in `/usr/lib`",
            "`/var/run` is a link in the image; files are added in `/run`",
        ],
    },
    Row {
        name: "tar-over-usrmerge-links",
        base: &[USRMERGE],
        operations: &["add-layer: { from: merged.tar }"],
        meant: "+ 0755 usr/bin/tool \"tool\" @5; + 0644 usr/lib/libc.so \"new\" @5",
        notes: &[
            "`/bin` is a link in the image; files are added in `/usr/bin`",
            "`/lib` is a link in the image; files are added in `/usr/lib`",
        ],
    },
    Row {
        name: "directory-in-place-of-a-link-by-wish",
        base: &[USRMERGE],
        operations: &[
            "add-layer: { symlinks: replace, files: [{ path: /bin/foo, content: foo }] }",
        ],
        meant: "- bin; + 0755 bin/ @0; + 0644 bin/foo \"foo\" @0",
        notes: &["`/bin` changes from a symbolic link to a directory"],
    },
    // `bin/.wh.x` would make a directory and remove nothing.
    Row {
        name: "removal-through-a-link",
        base: &[USRMERGE],
        operations: &["remove-path: [/bin/sh, /lib/libc.so, /sbin/init]"],
        meant: "- usr/bin/sh; - usr/lib/libc.so; - usr/sbin/init",
        notes: &[
            "`/bin/sh` leads through a link to `/usr/bin`",
            "`/lib/libc.so` leads through a link to `/usr/lib`",
            "`/sbin/init` leads through a link to `/usr/sbin`",
            "7 removed bytes stay in the layers below, where everyone who has the image can read them",
        ],
    },
    Row {
        name: "removal-of-a-link",
        base: &[USRMERGE],
        operations: &["remove-path: [/bin, /lib]"],
        meant: "- bin; - lib",
        notes: &[],
    },
    Row {
        name: "removal-through-a-link-to-the-root",
        base: &["0755 d/; d/root -> ..; 0644 d/x \"x\"; 0644 y \"\""],
        operations: &["remove-path: [/d/root/y]"],
        meant: "- y",
        notes: &["`/d/root/y` leads through a link to `/`"],
    },
    Row {
        name: "move-through-links",
        base: &[USRMERGE],
        operations: &["move-path: { /bin/sh: /sbin/sh }"],
        meant: "- usr/bin/sh; + 0644 usr/sbin/sh \"sh\"",
        notes: &[
            "`/bin/sh` leads through a link to `/usr/bin/sh`",
            "`/sbin/sh` leads through a link to `/usr/sbin/sh`",
        ],
    },
    Row {
        name: "settings-through-links",
        base: &[USRMERGE],
        operations: &[
            "set-mode: { /bin/sh: '4755' }",
            "set-owner: { /lib/libc.so: '5:6' }",
        ],
        meant: "+ 4755 usr/bin/sh \"sh\"; + 0644 usr/lib/libc.so \"c\" 5:6",
        notes: &[
            "`/bin/sh` is a link or leads through one, to `/usr/bin/sh`",
            "`/lib/libc.so` is a link or leads through one, to `/usr/lib/libc.so`",
        ],
    },
    Row {
        name: "var-run",
        base: &[USRMERGE],
        operations: &[
            "add-layer: { files: [{ path: /var/run/app.pid, content: '1' }, { path: /var/tmp/t, content: t }] }",
        ],
        meant: "+ 0644 run/app.pid \"1\" @0; + 0644 var/tmp/t \"t\" @0",
        notes: &["`/var/run` is a link in the image; files are added in `/run`"],
    },
    // What a dangling link leads to is made, as it would be by one who unpacks into the tree.
    Row {
        name: "var-lock-that-dangles",
        base: &[USRMERGE],
        operations: &["add-layer: { files: [{ path: /var/lock/app, content: l }] }"],
        meant: "+ 0755 run/lock/ @0; + 0644 run/lock/app \"l\" @0",
        notes: &["`/var/lock` is a link in the image; files are added in `/run/lock`"],
    },
    // Engines fail, or write to another place.
    Row {
        name: "absolute-link-to-a-directory-of-no-layer",
        base: &["s -> /data"],
        operations: &["add-layer: { files: [{ path: /s/x, content: x }] }"],
        meant: "+ 0755 data/ @0; + 0644 data/x \"x\" @0",
        notes: &["`/s` is a link in the image; files are added in `/data`"],
    },
    Row {
        name: "links-one-after-the-other",
        base: &["0755 a/; a/l -> ../b/m; 0755 b/; b/m -> /c; 0700 c/ 3:4"],
        operations: &[
            "add-layer: { files: [{ path: /a/l/x, content: x }] }",
            "set-mode: { /a/l: '0711' }",
        ],
        meant: "+ 0711 c/ 3:4; + 0644 c/x \"x\" @0",
        notes: &[
            "`/a/l` is a link in the image; files are added in `/c`",
            "`/a/l` is a link or leads through one, to `/c`",
        ],
    },
    Row {
        name: "link-that-leads-out-of-the-root",
        base: &["0755 a/; a/l -> ../../../b; 0755 b/"],
        operations: &["add-layer: { files: [{ path: /a/l/x, content: x }] }"],
        meant: "+ 0644 b/x \"x\" @0",
        notes: &["`/a/l` is a link in the image; files are added in `/b`"],
    },
    Row {
        name: "link-of-an-upper-layer",
        base: &[
            "0755 bin/; 0755 bin/sh \"sh\"",
            "bin -> usr/bin; 0755 usr/; 0755 usr/bin/",
        ],
        operations: &["add-layer: { files: [{ path: /bin/foo, content: foo }] }"],
        meant: "+ 0644 usr/bin/foo \"foo\" @0",
        notes: &["`/bin` is a link in the image; files are added in `/usr/bin`"],
    },
    Row {
        name: "link-that-an-upper-layer-replaced",
        base: &[
            "bin -> usr/bin; 0755 usr/; 0755 usr/bin/; 0755 usr/bin/sh \"sh\"",
            "0711 bin/ 2:2",
        ],
        operations: &["add-layer: { files: [{ path: /bin/foo, content: foo }] }"],
        meant: "+ 0644 bin/foo \"foo\" @0",
        notes: &[],
    },
    Row {
        name: "file-in-place-of-a-link",
        base: &["0644 f \"f\"; l -> f; m -> nothing; s -> d; 0755 d/; 0644 d/x \"x\""],
        operations: &[
            "add-layer: { files: [{ path: /l, content: l }, { path: /m, content: m }, { path: /s, content: s }] }",
        ],
        meant: "+ 0644 l \"l\" @0; + 0644 m \"m\" @0; + 0644 s \"s\" @0",
        notes: &[
            "`/l` changes from a symbolic link to a file",
            "`/m` changes from a symbolic link to a file",
            "`/s` changes from a symbolic link to a file",
        ],
    },
    Row {
        name: "file-that-a-link-leads-to",
        base: &["0644 f \"one\\n\"; l -> f"],
        operations: &[
            "set-mode: { /l: '0600' }",
            "patch-file: { path: /l, diff: \"@@ -1 +1 @@\\n-one\\n+two\\n\" }",
        ],
        meant: "+ 0600 f \"two\\n\" @0",
        notes: &["`/l` is a link or leads through one, to `/f`"],
    },
    // `d` would become 0755 root.
    Row {
        name: "file-in-a-private-directory",
        base: &["0700 d/ 5:6; 0600 d/old \"o\" 5:6; 1777 t/; 2750 t/in/ 0:9"],
        operations: &[
            "add-layer: { files: [{ path: /d/new, content: n }, { path: /t/in/new, content: n }] }",
        ],
        meant: "+ 0644 d/new \"n\" @0; + 0644 t/in/new \"n\" @0",
        notes: &[],
    },
    Row {
        name: "removal-in-a-private-directory",
        base: &["0700 d/ 5:6; 0600 d/old \"o\" 5:6; 0600 d/other \"o\" 5:6"],
        operations: &["remove-path: [/d/old]"],
        meant: "- d/old",
        notes: &[
            "1 removed byte stays in the layers below, where everyone who has the image can read them",
        ],
    },
    Row {
        name: "directory-of-a-layer-that-names-no-parent",
        base: &["0644 d/e/f \"f\""],
        operations: &[
            "add-layer: { files: [{ path: /d/e/g, content: g }] }",
            "set-mode: { /d: '0711' }",
        ],
        meant: "+ 0711 d/ @0; + 0644 d/e/g \"g\" @0",
        notes: &[],
    },
    // `.wh.d` beside `d/` would show the old files.
    Row {
        name: "directory-removed-and-made-again",
        base: &[TREE],
        operations: &[
            "remove-path: [/d]",
            "add-layer: { files: [{ path: /d, directory: true, mode: '0711', owner: '1:2' }, { path: /d/new, content: n }] }",
        ],
        meant: "- d; + 0711 d/ 1:2 @0; + 0644 d/new \"n\" @0",
        notes: &[
            "2 removed bytes stay in the layers below, where everyone who has the image can read them",
        ],
    },
    Row {
        name: "directory-emptied-and-filled",
        base: &[TREE],
        operations: &[
            "remove-path: ['/d/**']",
            "add-layer: { files: [{ path: /d/old, content: new }] }",
        ],
        meant: "- d/deep; - d/old; + 0644 d/old \"new\" @0",
        notes: &[
            "2 removed bytes stay in the layers below, where everyone who has the image can read them",
        ],
    },
    Row {
        name: "directory-moved-away-and-another-in-its-place",
        base: &[TREE],
        operations: &["move-path: { /d: /was }", "move-path: { /e: /d }"],
        meant: "- d; - e; + 0755 was/; + 0755 was/deep/; + 0644 was/deep/b \"b\"; + 0644 was/old \"o\"; + 0755 d/; + 0644 d/x \"x\"",
        notes: &[],
    },
    Row {
        name: "directory-made-again-and-squashed",
        base: &[TREE, "0644 g \"g\"; 0644 d/.wh.old \"\"; 0755 d/"],
        operations: &[
            "remove-path: [/d]",
            "add-layer: { files: [{ path: /d/new, content: n }] }",
            "squash: 2-4",
        ],
        meant: "- d; + 0755 d/ @0; + 0644 d/new \"n\" @0",
        notes: &[
            "1 removed byte stays in the layers below, where everyone who has the image can read them",
        ],
    },
    Row {
        name: "directory-again-where-a-layer-removed-it",
        base: &[TREE, "0644 .wh.d \"\""],
        operations: &["add-layer: { files: [{ path: /d/new, content: n }] }"],
        meant: "+ 0755 d/ @0; + 0644 d/new \"n\" @0",
        notes: &[],
    },
    Row {
        name: "removal-below-an-opaque-directory",
        base: &[
            TREE,
            "0755 d/; 0644 d/.wh..wh..opq \"\"; 0644 d/one \"1\"; 0644 d/two \"2\"",
        ],
        operations: &["remove-path: [/d/one]"],
        meant: "- d/one",
        notes: &[
            "1 removed byte stays in the layers below, where everyone who has the image can read them",
        ],
    },
    Row {
        name: "removal-of-an-opaque-directory",
        base: &[TREE, "0755 d/; 0644 d/.wh..wh..opq \"\"; 0644 d/one \"1\""],
        operations: &["remove-path: [/d]"],
        meant: "- d",
        notes: &[
            "1 removed byte stays in the layers below, where everyone who has the image can read them",
        ],
    },
    Row {
        name: "file-and-link-in-place-of-directories",
        base: &[TREE],
        operations: &["add-layer: { files: [{ path: /d, content: d }, { path: /e, symlink: f }] }"],
        meant: "- d; - e; + 0644 d \"d\" @0; + e -> f @0",
        notes: &[
            "`/d` changes from a directory to a file",
            "`/e` changes from a directory to a symbolic link",
        ],
    },
    Row {
        name: "directory-in-place-of-a-file",
        base: &[TREE],
        operations: &[
            "add-layer: { files: [{ path: /f, directory: true }, { path: /f/x, content: x }] }",
        ],
        meant: "- f; + 0755 f/ @0; + 0644 f/x \"x\" @0",
        notes: &["`/f` changes from a file to a directory"],
    },
    // A directory of the image keeps its mode where nobody speaks of it, and its files where somebody does.
    Row {
        name: "directory-over-a-directory",
        base: &["0700 d/ 5:6; 0600 d/old \"o\" 5:6; 0700 e/ 5:6; 0600 e/old \"o\" 5:6"],
        operations: &[
            "add-layer: { from: plain, files: [{ path: /e, directory: true, mode: '0755', owner: '0:0' }] }",
        ],
        meant: "+ 0644 d/new \"new\" @0; + 0755 e/",
        notes: &[],
    },
    // An opaque root is nothing to overlays.
    Row {
        name: "everything-removed",
        base: &[TREE, "0644 top \"t\""],
        operations: &[
            "remove-path: ['/*']",
            "add-layer: { files: [{ path: /only, content: o }] }",
        ],
        meant: "- d; - e; - f; - top; + 0644 only \"o\" @0",
        notes: &[
            "5 removed bytes stay in the layers below, where everyone who has the image can read them",
        ],
    },
    // A hard link to a lower file has no target where the layer is alone.
    Row {
        name: "names-of-lower-files",
        base: &[
            "0644 f \"one\\n\" 3:4; f2 => f; 0755 d/; d/f3 => f",
            "0644 g \"g\"",
        ],
        operations: &["set-mode: { /f2: '0600' }"],
        meant: "+ 0600 f \"one\\n\" 3:4; + f2 => f; + d/f3 => f",
        notes: &[],
    },
    Row {
        name: "one-of-two-names-moved",
        base: &["0644 f \"f\"; g => f"],
        operations: &["move-path: { /f: /x/f }"],
        meant: "- f; - g; + 0755 x/ @0; + 0644 g \"f\"; + x/f => g",
        notes: &[],
    },
    Row {
        name: "one-of-two-names-removed",
        base: &["0644 f \"f\"; g => f; 0644 h \"h\"; i => h"],
        operations: &[
            "remove-path: [/f]",
            "remove-path: { match: [/h], purge: true }",
        ],
        meant: "- f; - h; - g; - i; + 0644 g \"f\"; + 0644 i \"h\"",
        notes: &[
            "1 removed byte stays in the layers below, where everyone who has the image can read them",
            "`/h` is purged, and the image still has its content: `/i` (layer 1)",
        ],
    },
    Row {
        name: "one-of-two-names-written",
        base: &["0644 f \"f\"; g => f"],
        operations: &["add-layer: { files: [{ path: /f, content: new }] }"],
        meant: "- f; + 0644 f \"new\" @0",
        notes: &[],
    },
    Row {
        name: "names-in-a-new-layer",
        base: &[USRMERGE],
        operations: &[
            "add-layer: { files: [{ path: /bin/z, content: z, mode: '4755' }, { path: /sbin/a, hardlink: /bin/z }] }",
        ],
        meant: "+ 4755 usr/bin/z \"z\" @0; + usr/sbin/a => usr/bin/z @0",
        notes: &[
            "`/bin` is a link in the image; files are added in `/usr/bin`",
            "`/sbin` is a link in the image; files are added in `/usr/sbin`",
            "`/usr/bin/z` is a device or has setuid or setgid rights",
            "`/usr/sbin/a` is a device or has setuid or setgid rights",
        ],
    },
    Row {
        name: "layer-below-others",
        base: &[
            "0755 d/; 0644 d/low \"l\"",
            "0700 d/ 5:6; 0644 d/high \"h\"",
        ],
        operations: &[
            "add-layer: { at: 2, files: [{ path: /d/low, content: new }, { path: /d/high, content: hidden }, { path: /n/x, content: x }] }",
        ],
        meant: "+ 0644 d/low \"new\" @0; + 0755 n/ @0; + 0644 n/x \"x\" @0",
        notes: &["1 of the files of the new layer 2 is hidden by layers above it"],
    },
    Row {
        name: "layer-taken-away",
        base: &[
            TREE,
            "0644 g \"g\"; 0755 d/; 0644 d/.wh..wh..opq \"\"; 0644 f \"new\"",
            "0755 e/; 0644 e/.wh.x \"\"",
        ],
        operations: &["remove-layer: 2"],
        meant: "- g; + 0755 d/; + 0755 d/deep/; + 0644 d/deep/b \"b\"; + 0644 d/old \"o\"; + 0644 f \"f\"",
        notes: &[],
    },
    Row {
        name: "all-layers-squashed",
        base: &[
            USRMERGE,
            "0755 usr/; 0755 usr/bin/; 0644 usr/bin/.wh.sh \"\"; 0644 .wh.sbin \"\"",
            "0755 sbin/; 0755 sbin/init \"i\"",
        ],
        operations: &["squash: all"],
        meant: "",
        notes: &[],
    },
    Row {
        name: "upper-layers-squashed",
        base: &[
            TREE,
            "0644 .wh.d \"\"; 0644 f \"2\"",
            "0755 d/; 0644 d/again \"a\"; 0644 .wh.e \"\"",
            "0755 e/; 0644 e/y \"y\"",
        ],
        operations: &["squash: 2-4"],
        meant: "",
        notes: &[],
    },
    Row {
        name: "changes-in-the-layer-itself",
        base: &[
            USRMERGE,
            "0755 usr/; 0755 usr/bin/; 0644 usr/bin/two \"one\\n\"",
        ],
        operations: &[
            "set-mode: { set: { /bin/sh: '4711' }, in: layer }",
            "set-owner: { set: { /bin/two: '7:8' }, in: layer }",
            "patch-file: { path: /bin/two, diff: \"@@ -1 +1 @@\\n-one\\n+two\\n\", in: layer }",
        ],
        meant: "+ 4711 usr/bin/sh \"sh\"; + 0644 usr/bin/two \"two\\n\" 7:8 @0",
        notes: &[
            "`/bin/sh` is a link or leads through one, to `/usr/bin/sh`",
            "`/bin/two` is a link or leads through one, to `/usr/bin/two`",
        ],
    },
    Row {
        name: "purge-through-links",
        base: &[
            USRMERGE,
            "0755 usr/; 0755 usr/bin/; 0755 usr/bin/sh \"dash\"",
            "0755 usr/; 0755 usr/bin/; 0644 usr/bin/.wh.sh \"\"",
        ],
        operations: &["remove-path: { match: [/bin/sh, '/lib/*'], purge: true }"],
        meant: "- usr/lib/libc.so",
        notes: &[
            "`/bin/sh` leads through a link to `/usr/bin`",
            "`/lib/*` leads through a link to `/usr/lib`",
            "layers 2, 3 would be empty; `drop-empty-layers: true` removes such layers",
        ],
    },
    Row {
        name: "directory-moved-with-what-layers-did-to-it",
        base: &[
            TREE,
            "0755 d/; 0755 d/deep/; 0644 d/deep/.wh.b \"\"; 0600 d/deep/c \"c\" 9:9",
            "0711 d/ 4:4",
        ],
        operations: &["move-path: { /d: /x/y }"],
        meant: "- d; + 0755 x/ @0; + 0711 x/y/ 4:4; + 0755 x/y/deep/; + 0600 x/y/deep/c \"c\" 9:9; + 0644 x/y/old \"o\"",
        notes: &[],
    },
    Row {
        name: "times-limited",
        base: &[TREE, "0644 g \"g\" @5"],
        operations: &["rewrite-timestamps: 1970-01-01T00:00:05Z"],
        meant: "+ 0755 d/ @5; + 0755 d/deep/ @5; + 0644 d/deep/b \"b\" @5; + 0644 d/old \"o\" @5; + 0755 e/ @5; + 0644 e/x \"x\" @5; + 0644 f \"f\" @5",
        notes: &["7 entries in 1 layer get the time 1970-01-01T00:00:05Z"],
    },
    Row {
        name: "layer-as-it-is",
        base: &[TREE],
        operations: &["add-layer: { from: as-is.tar, as-is: true }"],
        meant: "- d/old; - e/x; + 0755 d/ @5; + 0755 e/ @5; + 0644 e/new \"n\" @5",
        notes: &[],
    },
    // What the layers of a base contradict each other or themselves in, a squash decides as the specification does.
    Row {
        name: "whiteout-beside-its-directory-squashed",
        base: &[
            TREE,
            "0644 .wh.d \"\"; 0755 d/; 0644 d/new \"n\"; 0644 e/y \"y\"; 0644 e/.wh.y \"\"",
        ],
        operations: &["squash: all"],
        meant: "",
        notes: &[],
    },
    Row {
        name: "opaque-root-squashed",
        base: &[TREE, "0644 .wh..wh..opq \"\"; 0644 only \"o\""],
        operations: &["squash: all"],
        meant: "",
        notes: &[],
    },
    Row {
        name: "path-through-a-link-squashed",
        base: &[
            USRMERGE,
            "0644 bin/foo \"f\"; 0644 bin/.wh.sh \"\"; 0644 var/run/pid \"1\"",
        ],
        operations: &["squash: all"],
        meant: "",
        notes: &[],
    },
    Row {
        name: "path-through-a-file-squashed",
        base: &[
            TREE,
            "0644 f/x \"x\"; 0644 g \"1\"; 0644 g \"2\"; 0644 nowhere/.wh.x \"\"",
        ],
        operations: &["squash: all"],
        meant: "",
        notes: &[],
    },
    Row {
        name: "names-of-lower-files-squashed",
        base: &[
            "0644 f \"f\"; 0644 g \"g\"",
            "h => f; 0644 g \"new\"; i => g",
        ],
        operations: &["squash: all"],
        meant: "",
        notes: &[],
    },
    Row {
        name: "directory-as-a-whiteout",
        base: &[TREE, "0755 .wh.d/"],
        operations: &["add-layer: { files: [{ path: /d/new, content: n }] }"],
        meant: "+ 0755 d/ @0; + 0644 d/new \"n\" @0",
        notes: &[],
    },
    // A path twice in one layer is refused, and so is a global header.
    Row {
        name: "tar-with-odd-names",
        base: &[TREE],
        operations: &["add-layer: { from: odd.tar }"],
        meant: "+ 0644 d/old \"2\" @5; + 0644 top \"t\" @5; + other => top",
        notes: &[],
    },
    Row {
        name: "tar-of-git",
        base: &[TREE],
        operations: &["add-layer: { from: git.tar }"],
        meant: "+ 0644 d/new \"n\" @0",
        notes: &[],
    },
];

pub(super) const REFUSED: &[Refused] = &[
    Refused {
        base: &["a -> b; b -> a"],
        operations: &["add-layer: { files: [{ path: /a/x, content: x }] }"],
        code: "layer-conflict",
        message: "`/a`: the link `/a` of the image leads to itself",
    },
    Refused {
        base: &["0644 f \"f\"; l -> f"],
        operations: &["add-layer: { files: [{ path: /l/x, content: x }] }"],
        code: "layer-conflict",
        message: "`/l`: `/f` of the image is not a directory",
    },
    // Some make a directory of the file, others fail.
    Refused {
        base: &["0644 f \"f\""],
        operations: &["add-layer: { files: [{ path: /f/x, content: x }] }"],
        code: "layer-conflict",
        message: "`/f`: `/f` of the image is not a directory",
    },
    Refused {
        base: &["0644 f \"f\""],
        operations: &["add-layer: { files: [{ path: /m, hardlink: /f }] }"],
        code: "layer-conflict",
        message: "`/f` is not a file of this layer",
    },
    Refused {
        base: &[USRMERGE],
        operations: &["add-layer: { symlinks: error, files: [{ path: /bin/x, content: x }] }"],
        code: "layer-conflict",
        message: "`/bin`: `/bin` of the image is a symbolic link",
    },
    // One file by two names, of which engines take either.
    Refused {
        base: &[USRMERGE],
        operations: &[
            "add-layer: { files: [{ path: /bin/x, content: x }, { path: /usr/bin/x, content: y }] }",
        ],
        code: "layer-conflict",
        message: "`/usr/bin/x`: `/bin/x` is the same path in the image",
    },
    Refused {
        base: &[TREE],
        operations: &["remove-path: [/nothing]"],
        code: "no-such-path",
        message: "`app:1` has no `/nothing`",
    },
    Refused {
        base: &[USRMERGE],
        operations: &["remove-path: [/var/lock/x]"],
        code: "no-such-path",
        message: "`app:1` has no `/var/lock/x`",
    },
    Refused {
        base: &[TREE],
        operations: &[
            "add-layer: { files: [{ path: /n, content: n }] }",
            "remove-path: [/n]",
        ],
        code: "contradiction",
        message: "`/n` is added by an earlier operation",
    },
    Refused {
        base: &[TREE],
        operations: &["add-layer: { files: [{ path: /d/.wh.x, content: '' }] }"],
        code: "layer-conflict",
        message: "`/d/.wh.x`: a name that starts with `.wh.` removes a file instead of adding one",
    },
    Refused {
        base: &[TREE],
        operations: &["move-path: { /d: /d/deep/d }"],
        code: "invalid-path",
        message: "cannot move `/d` to `/d/deep/d`, which is inside it",
    },
    Refused {
        base: &[TREE],
        operations: &["move-path: { /d: /e }"],
        code: "layer-conflict",
        message: "`/e` already exists; to move into this directory, write the whole path, `/e/d`",
    },
];

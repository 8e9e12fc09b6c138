//! Where the output goes, and what it is there.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::fs;
use std::io::Write as _;
use std::os::unix::fs::PermissionsExt;
use std::process::Command;

use ocipatch::compression::Compression;

use super::{Home, IMAGE_ID, id_line};
use crate::binary::listing;
use crate::raw::Raw;

#[test]
fn an_output_file_appears_where_it_was_asked_for() {
    let home = Home::new();
    let patched = home.patched();
    let input = home.read("app.tar");
    home.ends(0, "apply fix.yaml app.tar -o new.tar");
    assert!(home.read("new.tar") == patched);
    fs::write(home.path("old.tar"), "something else").unwrap();
    home.ends(0, "apply fix.yaml app.tar -o old.tar");
    assert!(
        home.read("old.tar") == patched,
        "an existing file is replaced"
    );
    std::os::unix::fs::symlink("old.tar", home.path("link.tar")).unwrap();
    fs::write(home.path("old.tar"), "something else").unwrap();
    home.ends(0, "apply fix.yaml app.tar -o link.tar");
    assert!(home.path("link.tar").is_symlink(), "a link is followed");
    assert!(home.read("old.tar") == patched);

    fs::hard_link(home.path("app.tar"), home.path("same.tar")).unwrap();
    std::os::unix::fs::symlink("app.tar", home.path("alias.tar")).unwrap();
    for out in ["app.tar", "./app.tar", "same.tar", "alias.tar"] {
        let (stdout, stderr) = home.ends(2, &format!("apply fix.yaml app.tar -o {out}"));
        let message = format!(
            "error: `{out}` (the output) is the same file as `app.tar` (the image); to change the image itself, use `--in-place`\n\nFor more information, try '--help'.\n"
        );
        assert_eq!((stdout, stderr), (String::new(), message));
    }
    assert!(home.read("app.tar") == input);
}

#[test]
fn an_output_directory_is_new_or_empty() {
    let home = Home::new();
    home.ends(0, "apply fix.yaml app.tar -o expected.tar");
    home.ends(0, "unpack expected.tar expected");
    fs::remove_dir_all(home.path("expected/.ocipatch")).unwrap();
    let expected = listing(&home.path("expected"));
    fs::create_dir(home.path("empty")).unwrap();
    for out in ["new/", "empty"] {
        home.ends(0, &format!("apply fix.yaml app.tar -o {out}"));
        assert_eq!(listing(&home.path(out)), expected);
    }
    let before = listing(home.0.path());
    let (_, stderr) = home.ends(3, "apply fix.yaml app.tar -o empty");
    assert!(stderr.starts_with("error: `empty` is a directory that is not empty\n"));
    // A directory is given back as one, unless a stream is asked for.
    let (_, stderr) = home.ends(2, "apply fix.yaml new -o out.tar");
    let message = "error: IMAGE is a directory, so OUT must be one: use `-o out.tar/`, or `-o - > out.tar` for a tar\n\nFor more information, try '--help'.\n";
    assert_eq!(stderr, message);
    assert_eq!(listing(home.0.path()), before);
    home.ends(0, "unpack app.tar unpacked");
    fs::remove_dir_all(home.path("unpacked/.ocipatch")).unwrap();
    std::os::unix::fs::symlink("unpacked", home.path("alias")).unwrap();
    let before = listing(&home.path("unpacked"));
    for out in ["unpacked/third", "alias/third"] {
        let (_, stderr) = home.ends(2, &format!("apply fix.yaml unpacked -o {out}"));
        let message = format!("error: `{out}` (the output) is inside `unpacked` (the image); ");
        assert!(stderr.starts_with(&message), "{stderr}");
    }
    std::os::unix::fs::symlink("unpacked/new.tar", home.path("link.tar")).unwrap();
    let (_, stderr) = home.ends(2, "apply fix.yaml unpacked --to docker-archive -o link.tar");
    assert!(stderr.contains("is inside `unpacked`"), "{stderr}");
    assert_eq!(listing(&home.path("unpacked")), before);
    home.ends(0, "apply fix.yaml unpacked -o third");
    assert_eq!(listing(&home.path("third")), expected);
}

#[test]
fn a_change_in_place_keeps_name_mode_and_links() {
    let home = Home::new();
    let patched = home.patched();
    fs::set_permissions(home.path("app.tar"), fs::Permissions::from_mode(0o600)).unwrap();
    std::os::unix::fs::symlink("app.tar", home.path("alias.tar")).unwrap();
    let (stdout, _) = home.ends(0, "apply fix.yaml alias.tar --in-place");
    assert_eq!(stdout, id_line());
    assert!(home.path("alias.tar").is_symlink());
    assert!(home.read("app.tar") == patched);
    let mode = fs::metadata(home.path("app.tar"))
        .unwrap()
        .permissions()
        .mode();
    assert_eq!(mode & 0o7777, 0o600, "a private file stays private");
    let before = listing(home.0.path());
    home.ends(0, "apply fix.yaml app.tar --in-place");
    assert_eq!(listing(home.0.path()), before, "twice is once");
}

#[test]
fn an_id_file_holds_the_id_and_nothing_else() {
    let home = Home::new();
    home.ends(0, "apply fix.yaml app.tar -o out.tar --iidfile id");
    assert_eq!(home.read("id"), IMAGE_ID.as_bytes());
    home.ends(0, "apply --check fix.yaml app.tar --iidfile id2");
    assert!(!home.path("id2").exists(), "a check writes nothing");
    home.ends(1, "apply no.yaml app.tar -o out2.tar --iidfile id2");
    assert!(!home.path("id2").exists() && !home.path("out2.tar").exists());
    home.ends(3, "apply fix.yaml app.tar -o out3.tar --iidfile missing/id");
    assert!(!home.path("out3.tar").exists(), "no archive without its id");
}

#[test]
fn a_compressed_archive_stays_compressed() {
    let home = Home::new();
    let patched = home.patched();
    let plain = home.read("app.tar");
    for compression in [
        Compression::Gzip,
        Compression::Zstd,
        Compression::Bzip2,
        Compression::Xz,
    ] {
        let name = compression.name();
        let mut encoder = compression.encoder(Vec::new()).unwrap();
        encoder.write_all(&plain).unwrap();
        let compressed = encoder.finish().unwrap();
        fs::write(home.path("app.z"), &compressed).unwrap();
        for line in [
            "apply fix.yaml app.z -o out.z",
            "apply fix.yaml app.z --in-place",
        ] {
            home.ends(0, line);
            let out = home.read(if line.ends_with('e') {
                "app.z"
            } else {
                "out.z"
            });
            assert_eq!(Compression::detect(&out), compression, "{name}");
            let mut found = Vec::new();
            let mut decoder = compression.decoder(out.as_slice()).unwrap();
            std::io::Read::read_to_end(&mut decoder, &mut found).unwrap();
            assert!(found == patched, "{name}: {line}");
        }
        fs::write(home.path("app.z"), &compressed).unwrap();
        home.ends(0, "apply noop.yaml app.z -o out.z");
        assert!(home.read("out.z") == compressed, "{name}: nothing changes");
        home.ends(0, "verify app.z");
        home.ends(0, &format!("unpack app.z {name}"));
        home.ends(0, &format!("pack {name} packed.z"));
        assert_eq!(Compression::detect(&home.read("packed.z")), compression);
    }
}

#[test]
fn a_name_asks_for_a_compression() {
    let home = Home::new();
    let patched = home.patched();
    let plain = home.read("app.tar");
    home.ends(0, "unpack app.tar unpacked");
    let decoded = |name: &str, compression: Compression| {
        let bytes = home.read(name);
        assert_eq!(Compression::detect(&bytes), compression, "{name}");
        let mut found = Vec::new();
        let mut decoder = compression.decoder(bytes.as_slice()).unwrap();
        std::io::Read::read_to_end(&mut decoder, &mut found).unwrap();
        found
    };
    for (end, compression) in [
        ("tar.gz", Compression::Gzip),
        ("TGZ", Compression::Gzip),
        ("tar.zst", Compression::Zstd),
        ("tar.bz2", Compression::Bzip2),
        ("txz", Compression::Xz),
    ] {
        home.ends(0, &format!("apply fix.yaml app.tar -o new.{end}"));
        assert!(decoded(&format!("new.{end}"), compression) == patched);
        home.ends(0, &format!("apply noop.yaml app.tar -o same.{end}"));
        assert!(decoded(&format!("same.{end}"), compression) == plain);
        home.ends(0, &format!("pack unpacked packed.{end}"));
        assert!(decoded(&format!("packed.{end}"), compression) == plain);
        // In the compression that it has, an archive that stays as it is keeps its bytes.
        home.ends(0, &format!("apply noop.yaml same.{end} -o again.{end}"));
        assert!(home.read(&format!("again.{end}")) == home.read(&format!("same.{end}")));
        let line = "apply fix.yaml app.tar --to oci-archive -o";
        home.ends(0, &format!("{line} oci.{end}"));
        home.ends(0, &format!("{line} oci.tar"));
        assert!(decoded(&format!("oci.{end}"), compression) == home.read("oci.tar"));
    }
    // What is there already in this compression stays.
    let inode =
        |name: &str| std::os::unix::fs::MetadataExt::ino(&fs::metadata(home.path(name)).unwrap());
    let before = inode("new.tar.gz");
    home.ends(0, "apply fix.yaml app.tar -o new.tar.gz --if-changed");
    assert_eq!(inode("new.tar.gz"), before);
    home.ends(0, "apply noop.yaml app.tar -o new.tar.gz --if-changed");
    assert_ne!(inode("new.tar.gz"), before);
    assert!(decoded("new.tar.gz", Compression::Gzip) == plain);
    // From one compression to another; a name that asks for none leaves it.
    home.ends(0, "apply noop.yaml same.tar.gz -o other.tar.zst");
    assert!(decoded("other.tar.zst", Compression::Zstd) == plain);
    home.ends(0, "apply noop.yaml same.tar.gz -o kept.tar");
    assert!(home.read("kept.tar") == home.read("same.tar.gz"));
    home.ends(0, "apply fix.yaml same.tar.gz --in-place");
    assert!(decoded("same.tar.gz", Compression::Gzip) == patched);
    let (_, stderr) = home.ends(2, "apply fix.yaml unpacked -o x.tar.gz");
    assert!(
        stderr.contains("use `--to oci-archive -o x.tar.gz`"),
        "{stderr}"
    );
}

#[test]
fn docker_loads_a_compressed_output() {
    let Some(daemon) = crate::engine::Docker::v26() else {
        return;
    };
    let home = Home::new();
    for end in ["tar.gz", "tar.bz2"] {
        home.ends(0, &format!("apply fix.yaml app.tar -o new.{end}"));
        daemon.load(&home.path(&format!("new.{end}")));
        daemon.remove_all();
    }
}

#[test]
fn a_patch_that_changes_nothing_gives_the_same_bytes() {
    let home = Home::new();
    let image = "sha256:fba3ad4aca61080a0cdecdcaa2abf0497c03c54b342b782b65df3e779b38beee";
    let talk = format!(
        "image greeter:1\n  nothing changes: the image is already as the patch describes it\nimage id {image}\nmanifest sha256:0b0773936ff89c363216f2aaf2ecc597d3c00cecad4c5727e16e490eb606e590\nPlan: nothing changes\nwrote `out.tar`: 38.4 kB\n"
    );
    let streams = home.ends(0, "apply noop.yaml app.tar -o out.tar");
    assert_eq!(streams, (format!("{image}\n"), talk));
    assert!(home.read("out.tar") == home.read("app.tar"));
    // What stands behind the archive is part of the bytes.
    let mut odd = home.read("app.tar");
    odd.extend_from_slice(&[0; 9000]);
    odd.extend_from_slice(b"junk");
    fs::write(home.path("odd.tar"), &odd).unwrap();
    home.ends(0, "apply noop.yaml odd.tar -o out.tar");
    assert!(home.read("out.tar") == odd);
}

#[test]
fn a_device_or_pipe_is_written_to_and_never_replaced() {
    let home = Home::new();
    let patched = home.patched();
    let (fifo, id_fifo) = (home.path("fifo"), home.path("id"));
    for path in [&fifo, &id_fifo] {
        let made = Command::new("mkfifo").arg(path).status().unwrap();
        assert!(made.success());
    }
    let readers = [fifo, id_fifo].map(|path| std::thread::spawn(move || fs::read(path).unwrap()));
    home.ends(0, "apply fix.yaml app.tar -o fifo --iidfile id");
    let [archive, id] = readers.map(|reader| reader.join().unwrap());
    assert!(archive == patched);
    assert_eq!(id, IMAGE_ID.as_bytes());
    assert!(!home.path("fifo").is_file() && !home.path("id").is_file());
}

#[test]
fn what_stands_before_the_first_entry_is_kept() {
    // As `tar -C directory -c .` writes it: the root comes first.
    let home = Home::new();
    let mut header = tar::Header::new_gnu();
    header.set_entry_type(tar::EntryType::Directory);
    header.set_path("./").unwrap();
    header.set_size(0);
    header.set_mode(0o755);
    header.set_cksum();
    // As `git archive` does: a comment about all that follows.
    let comment = Raw::new(b'g', "pax_global_header").data(b"16 comment=mine\n");
    let root = header.as_bytes().to_vec();
    for (i, before) in [
        root.clone(),
        comment.bytes(),
        [comment.bytes(), root].concat(),
    ]
    .into_iter()
    .enumerate()
    {
        let led = [before.as_slice(), &home.read("app.tar")].concat();
        fs::write(home.path("led.tar"), &led).unwrap();
        home.ends(0, "apply fix.yaml led.tar -o out.tar");
        let expected = [before.as_slice(), &home.patched()].concat();
        assert!(home.read("out.tar") == expected, "{i}");
        home.ends(0, &format!("unpack led.tar unpacked{i}"));
        home.ends(0, &format!("pack unpacked{i} packed.tar"));
        assert!(home.read("packed.tar") == led, "{i}");
    }
}

#[test]
fn packing_what_was_unpacked_gives_the_bytes_back() {
    let home = Home::new();
    let plain = home.read("app.tar");
    // GNU tar fills its last record of 20 blocks.
    let mut padded = plain.clone();
    padded.resize(plain.len().next_multiple_of(10240) + 10240, 0);
    for (name, bytes) in [("plain", &plain), ("padded", &padded)] {
        fs::write(home.path("in.tar"), bytes).unwrap();
        home.ends(0, &format!("unpack in.tar {name}"));
        home.ends(0, &format!("pack {name} out.tar"));
        assert!(home.read("out.tar") == *bytes, "{name}");
    }
}

#[test]
fn two_runs_do_not_change_one_archive_in_place_at_once() {
    let home = Home::new();
    home.ends(0, "unpack app.tar app");
    for image in ["app.tar", "app"] {
        let before = home.read("app.tar");
        let held = fs::File::open(home.0.path().join(image)).unwrap();
        rustix::fs::flock(&held, rustix::fs::FlockOperation::LockExclusive).unwrap();
        let (_, told) = home.ends(3, &format!("apply fix.yaml {image} --in-place"));
        assert_eq!(
            told,
            format!("error: `{image}` is being changed by another run\n")
        );
        assert!(home.read("app.tar") == before);
        // Closing it would not do: a child that another test has just forked may have it open still.
        rustix::fs::flock(&held, rustix::fs::FlockOperation::Unlock).unwrap();
        home.ends(0, &format!("apply fix.yaml {image} --in-place"));
    }
}

#[test]
fn an_output_behind_a_link_goes_where_the_link_leads() {
    let home = Home::new();
    std::os::unix::fs::symlink("new.tar", home.0.path().join("link.tar")).unwrap();
    home.ends(0, "apply fix.yaml app.tar -o link.tar");
    assert!(home.0.path().join("link.tar").is_symlink());
    home.ends(0, "verify new.tar");
}

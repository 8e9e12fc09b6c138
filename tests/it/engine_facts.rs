//! What the documentation says of engines is what they do: about layers that no patch has touched.
#![allow(clippy::unwrap_used, reason = "helpers of tests may fail as tests do")]

use std::path::Path;
use std::sync::MutexGuard;

use tempfile::tempdir;

use crate::binary::{ok, write_files};
use crate::cases::build;
use crate::cases::text::Image;
use crate::engine::{Docker, Release, podman_refuses};
use crate::raw::{GNU, Raw, Sparse, stream};
use crate::stacks::run;

/// Writes `app.tar`, an image of a base and a layer.
fn write(directory: &Path, layer: &[Raw]) {
    let base = [Raw::file("f", b"f"), Raw::file("g", b"g")];
    let image = Image {
        tags: vec!["app:1".to_owned()],
        streams: vec![stream(&base), stream(layer)],
        ..Image::default()
    };
    std::fs::write(directory.join("app.tar"), build::v1_directories(&[image])).unwrap();
}

/// The versions of Docker with vfs.
fn dockers() -> Vec<MutexGuard<'static, Docker>> {
    let all = [Docker::v20(), Docker::v26(), Docker::v28()];
    all.into_iter().flatten().collect()
}

fn load_fails(docker: &Docker, directory: &Path) -> String {
    docker.remove_all();
    docker.load_fails(&directory.join("app.tar"))
}

/// Saves the image; what Docker says if it cannot.
fn save(docker: &Docker, directory: &Path) -> Result<(), String> {
    let saved = directory.join("saved.tar");
    let mut command = docker.command(&["save", "--output", saved.to_str().unwrap(), "app:1"]);
    let output = command.output().unwrap();
    let told = String::from_utf8_lossy(&output.stderr).into_owned();
    output.status.success().then_some(()).ok_or(told)
}

/// The lines of the tree that are about one of the paths.
fn shown(docker: &Docker, directory: &Path, paths: &[&str]) -> Vec<String> {
    docker.remove_all();
    docker.load(&directory.join("app.tar"));
    let tree = docker.export_tree("app:1");
    let is_of = |line: &String| {
        line.split(' ')
            .nth(3)
            .is_some_and(|path| paths.contains(&path))
    };
    let lines = tree.into_iter().filter(is_of);
    lines
        .map(|line| line.split(' ').take(4).collect::<Vec<_>>().join(" "))
        .collect()
}

/// `Kind::Unsupported`.
#[test]
fn no_engine_unpacks_an_entry_of_another_type() {
    let directory = tempdir().unwrap();
    for flag in [b'7', b'S', b'V', b'Z'] {
        let odd = Raw::file("odd", b"data").magic(GNU).bytes_at(156, &[flag]);
        write(directory.path(), &[odd]);
        for docker in dockers() {
            let told = load_fails(&docker, directory.path());
            let wanted = format!("unhandled tar header type {flag}");
            assert!(told.contains(&wanted), "{told}");
        }
        if let Some(told) = podman_refuses(Release::Forky, &directory.path().join("app.tar")) {
            assert!(!told.is_empty());
        }
        let Some(mut umoci) = Release::Forky.tool("umoci") else {
            continue;
        };
        let layout = directory.path().join("layout");
        let convert = ["apply", "--quiet", "--to", "oci-dir", "-o"].map(AsRef::as_ref);
        let image = directory.path().join("app.tar");
        ok([&convert[..], &[layout.as_os_str(), image.as_os_str()]].concat());
        umoci.args(["raw", "unpack", "--image"]);
        umoci.arg(format!("{}:1", layout.display()));
        let output = umoci.arg(directory.path().join("rootfs")).output().unwrap();
        let told = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(told.contains("unknown typeflag"), "{told}");
        std::fs::remove_dir_all(layout).unwrap();
        let _ = std::fs::remove_dir_all(directory.path().join("rootfs"));
    }
}

/// `verify`, `sparse-save`: only once they are written anew.
#[test]
fn docker_loads_sparse_files_and_cannot_save_them_again() {
    let directory = tempdir().unwrap();
    let place = |name: &str| directory.path().join(name);
    let pieces: [(u64, &[u8]); 1] = [(700, b"piece")];
    let patch = run::patch(&["squash: all".to_owned()]);
    write_files(directory.path(), &[("fix.yaml", &patch)]);
    for form in Sparse::ALL {
        write(directory.path(), &[form.file("sparse", 5000, &pieces)]);
        for docker in dockers() {
            docker.remove_all();
            docker.load(&place("app.tar"));
            let told = save(&docker, directory.path()).unwrap_err();
            assert!(told.contains("could not verify layer data"), "{told}");
        }
        let paths = ["fix.yaml", "app.tar", "out.tar"].map(place);
        ok([
            Path::new("apply"),
            &paths[0],
            &paths[1],
            Path::new("-o"),
            &paths[2],
        ]);
        std::fs::rename(place("out.tar"), place("app.tar")).unwrap();
        for docker in dockers() {
            docker.remove_all();
            docker.load(&place("app.tar"));
            save(&docker, directory.path()).unwrap();
        }
    }
}

/// `rootfs`, and `verify`, `whiteout-device`.
#[test]
fn the_character_device_0_0_is_a_whiteout_to_overlays_and_a_device_elsewhere() {
    let directory = tempdir().unwrap();
    write(
        directory.path(),
        &[Raw::device(b'3', "f", (0, 0)), Raw::hard_link("g", "f")],
    );
    for docker in dockers() {
        let lines = shown(&docker, directory.path(), &["f", "g"]);
        assert_eq!(lines, ["0644 0/0 char f", "0644 0/0 char g"]);
    }
    if let Some(docker) = Docker::v20_overlay() {
        let lines = shown(&docker, directory.path(), &["f", "g"]);
        assert_eq!(lines, Vec::<String>::new());
    }
}

/// `rootfs`, and `verify`, `own-whiteout`.
#[test]
fn a_whiteout_behind_its_own_name_is_refused_or_loses_the_file() {
    let directory = tempdir().unwrap();
    for layer in [
        vec![Raw::file("f", b"new"), Raw::file(".wh.f", b"")],
        vec![Raw::file("d/new", b"new"), Raw::file(".wh.d", b"")],
    ] {
        write(directory.path(), &layer);
        for docker in dockers() {
            let lines = shown(&docker, directory.path(), &["f", "d/new"]);
            assert!(
                !lines.iter().any(|line| line.ends_with("d/new")),
                "{lines:?}"
            );
            let told = save(&docker, directory.path()).unwrap_err();
            assert!(told.contains("no such file"), "{told}");
        }
        if let Some(docker) = Docker::v20_overlay() {
            let told = load_fails(&docker, directory.path());
            assert!(told.contains("failed to mknod"), "{told}");
        }
    }
}

/// `rootfs`: the last header counts, also for what a patch then changes.
#[test]
fn a_file_is_what_the_last_header_of_a_name_says() {
    let directory = tempdir().unwrap();
    write(
        directory.path(),
        &[
            Raw::file("a", b"a").mode(0o4755).owner(1, 2),
            Raw::hard_link("b", "a").mode(0o600).owner(3, 4),
            Raw::hard_link("c", "b").mode(0o640).owner(5, 6),
        ],
    );
    let archive = directory.path().join("app.tar");
    let ours = ok([Path::new("inspect"), Path::new("--files"), &archive]);
    for path in ["/a", "/b", "/c"] {
        let line = ours.lines().find(|line| line.ends_with(path)).unwrap();
        assert!(line.starts_with("  0640     5:6 "), "{line}");
    }
    for docker in dockers().into_iter().chain(Docker::v20_overlay()) {
        let lines = shown(&docker, directory.path(), &["a", "b", "c"]);
        assert_eq!(lines[0], "0640 5/6 file a");
    }
}

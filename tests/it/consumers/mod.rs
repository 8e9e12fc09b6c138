//! Promise 4, as one table: every form, every kind of operation and every consumer, each of which sees the image that
//! was meant, whichever of an archive's descriptions it reads.
#![allow(clippy::unwrap_used, reason = "helpers of tests may fail as tests do")]
#![allow(
    clippy::print_stdout,
    reason = "the last cell printed is the one that failed"
)]

mod cell;
mod copies;
mod ctr;
mod table;

use std::collections::BTreeSet;
use std::path::Path;
use std::process::{Command, Output};

use serde_json::{Value, json};

use self::cell::{Cell, root, short_name, short_names};
pub(crate) use self::table::OPERATIONS;
use self::table::{Has, each};
use crate::engine::{
    Docker, Kind, podman_load, podman_refuses, skopeo_config, tar_tree, tool, tree_of_directory,
};

/// The tree of the image that got layers, which went through links and not over them, or lost one.
fn check_tree(cell: &Cell, tree: &[String]) {
    let line = |path: &str| {
        let found = tree
            .iter()
            .find(|line| line.split(' ').nth(3) == Some(path));
        found.map_or("", String::as_str)
    };
    if cell.operation == "less" {
        assert_eq!(line("etc/greeting"), "", "{tree:#?}");
    } else {
        assert!(line("etc/greeting").contains(" 27 bytes "), "{tree:#?}");
        assert!(line("srv/inline").contains(" 6 bytes "), "{tree:#?}");
    }
    if cell.form == "docker 20, nasty" {
        return;
    }
    assert_eq!(line("bin"), "0777 0/0 symlink bin -> usr/bin", "{tree:#?}");
    assert_eq!(line("tmp"), "1777 0/0 dir tmp");
    assert!(!line("usr/bin/greet").is_empty(), "{tree:#?}");
    if cell.operation == "all" {
        assert!(line("usr/bin/tool").contains(" 1 bytes "), "{tree:#?}");
    }
    match cell.form {
        "kaniko" => assert!(!line("kaniko/twin").is_empty(), "{tree:#?}"),
        "nix" => assert!(!line("nix/store/hello").is_empty(), "{tree:#?}"),
        _ => {}
    }
}

/// Whether a value says more than its absence does.
fn is_said(value: &Value) -> bool {
    ![json!(null), json!(""), json!([]), json!({})].contains(value)
}

/// What every Docker shows of a configuration, and podman of the first nine; the image's id covers the rest of it.
const KEYS: [&str; 12] = [
    "User",
    "ExposedPorts",
    "Env",
    "Entrypoint",
    "Cmd",
    "Volumes",
    "WorkingDir",
    "Labels",
    "StopSignal",
    "Healthcheck",
    "OnBuild",
    "Shell",
];
/// What the containerd store of Docker 26 keeps and does not show.
const HIDDEN_KEYS: [&str; 3] = ["StopTimeout", "Hostname", "Domainname"];
const OUTER_KEYS: [(&str, &str); 5] = [
    ("author", "Author"),
    ("architecture", "Architecture"),
    ("os", "Os"),
    ("os.version", "OsVersion"),
    ("created", "Created"),
];

fn check_docker(docker: &Docker) {
    let is_containerd = docker.kind() == Kind::V26Containerd;
    each(|cell| {
        if !is_containerd && matches!(cell.has, Has::Names | Has::Tags) {
            return;
        }
        // What a form holds is read anew, what an operation adds is new; more costs a daemon each time.
        if cell.is_first() {
            docker.reset();
        } else {
            docker.remove_all();
        }
        docker.load(&cell.tar);
        let format = "{{.Repository}}:{{.Tag}} {{.ID}}";
        let listed = docker.ok(&["images", "--no-trunc", "--format", format]);
        let mut listed: BTreeSet<(String, String)> = listed
            .lines()
            .map(|line| line.rsplit_once(' ').unwrap())
            .map(|(name, id)| (short_name(name), id.to_owned()))
            .collect();
        let mut patched = String::new();
        for image in cell.images() {
            let mut names: Vec<String> = short_names(&image["tags"]).into_iter().collect();
            if names.is_empty() {
                names.push("<none>:<none>".to_owned());
            }
            let id = match (is_containerd, cell.has) {
                (false, _) => image["imageId"].as_str().unwrap().to_owned(),
                // Made by the store from what `manifest.json` says.
                (true, Has::Manifest) => {
                    let is_it = |(name, _): &&(String, String)| *name == names[0];
                    listed.iter().find(is_it).unwrap().1.clone()
                }
                (true, _) => root(image).as_str().unwrap().to_owned(),
            };
            let seen = docker.inspect(&id);
            if cell.is_patched(image) {
                patched.clone_from(&id);
            }
            for name in names {
                let line = (name, id.clone());
                assert!(listed.remove(&line), "{line:?}: {listed:?}");
            }
            let config = &image["config"];
            assert_eq!(seen["RootFS"]["Layers"], config["rootfs"]["diff_ids"]);
            let hidden = HIDDEN_KEYS.iter().filter(|_| !is_containerd);
            for key in KEYS.iter().chain(hidden) {
                let mut value = config["config"][key].clone();
                if docker.kind() == Kind::V20 && *key == "Healthcheck" && !value.is_null() {
                    // It came with Docker 25.
                    value.as_object_mut().unwrap().remove("StartInterval");
                }
                if is_said(&value) {
                    assert_eq!(seen["Config"][key], value, "{key}");
                }
            }
            for (key, shown) in OUTER_KEYS {
                let value = &config[key];
                // Docker spells times anew.
                let is_odd = cell.form == "docker 20, nasty" && key == "created";
                if !value.is_null() && !is_odd {
                    assert_eq!(seen[shown], *value, "{key}");
                }
            }
        }
        assert!(listed.is_empty(), "{listed:?}");
        match (cell.operation, cell.form) {
            ("all", "docker 20, nasty") | ("less", _) => {
                check_tree(cell, &docker.export_tree(&patched));
            }
            ("all", _) => {
                let (greeting, tree) = docker.run_and_export(&patched, &["/etc/greeting"]);
                assert_eq!(greeting, "hello from the added layer\n");
                check_tree(cell, &tree);
            }
            _ => {}
        }
    });
}

#[test]
fn docker_20_takes_every_form() {
    if let Some(docker) = Docker::v20() {
        check_docker(&docker);
    }
}

#[test]
fn docker_26_takes_every_form() {
    if let Some(docker) = Docker::v26() {
        check_docker(&docker);
    }
}

#[test]
fn docker_26_with_containerd_takes_every_form() {
    if let Some(docker) = Docker::v26_containerd() {
        check_docker(&docker);
    }
}

/// podman 4.3 and skopeo 1.9 read no Docker archive that is compressed as a whole.
fn is_compressed(cell: &Cell) -> bool {
    cell.form == "docker 20, gzip"
}

#[test]
fn podman_takes_every_form() {
    each(|cell| {
        let is_layout = matches!(cell.has, Has::Names | Has::Tags);
        let refusal = match () {
            () if is_compressed(cell) => "manifest.json: unexpected EOF",
            () if is_layout && cell.operation == "names" => "more than one image in oci",
            () => "",
        };
        if !refusal.is_empty() {
            let Some(said) = podman_refuses(&cell.tar) else {
                return;
            };
            assert!(said.contains(refusal), "{said}");
            return;
        }
        let Some(seen) = podman_load(&cell.tar) else {
            return;
        };
        let seen = seen.as_array().unwrap();
        assert_eq!(seen.len(), cell.images().len());
        for image in cell.images() {
            let id = image["imageId"].as_str().unwrap().replace("sha256:", "");
            let seen = seen.iter().find(|seen| seen["Id"] == id).unwrap();
            assert_eq!(short_names(&seen["RepoTags"]), short_names(&image["tags"]));
            let diff_ids = &image["config"]["rootfs"]["diff_ids"];
            assert_eq!(seen["RootFS"]["Layers"], *diff_ids);
            let config = &image["config"]["config"];
            for key in &KEYS[..9] {
                let (value, seen) = (&config[key], &seen["Config"][key]);
                if is_said(value) {
                    assert_eq!(seen, value, "{key}");
                }
            }
        }
    });
}

#[test]
fn skopeo_takes_every_form() {
    if tool("skopeo").is_none() {
        return;
    }
    let check = |image: &Value, place: &str| {
        assert_eq!(skopeo_config(place).unwrap(), image["config"], "{place}");
    };
    each(|cell| {
        let tar = cell.tar.display();
        if is_compressed(cell) {
            let inspected = skopeo(&["inspect", &format!("docker-archive:{tar}")]);
            assert!(String::from_utf8_lossy(&inspected.stderr).contains("unexpected EOF"));
            return;
        }
        if matches!(cell.has, Has::Manifest | Has::Both) {
            let listed = skopeo(&["list-tags", &format!("docker-archive:{tar}")]);
            let listed: Value = serde_json::from_slice(&listed.stdout).unwrap();
            let mut tags = cell.tags();
            if tags.is_empty() {
                // By its position, for want of a name.
                tags.insert("@0".to_owned());
            }
            assert_eq!(short_names(&listed["Tags"]), tags);
            for image in cell.images() {
                for tag in image["tags"].as_array().unwrap() {
                    let tag = tag.as_str().unwrap();
                    check(image, &format!("docker-archive:{tar}:{tag}"));
                }
                if image["tags"] == json!([]) {
                    check(image, &format!("docker-archive:{tar}"));
                }
            }
        }
        if cell.has != Has::Manifest {
            let layout = cell.layout();
            for (name, image) in cell.named() {
                check(image, &format!("oci-archive:{tar}:{name}"));
                check(image, &format!("oci:{}:{name}", layout.display()));
            }
        }
    });
}

/// What umoci cannot read by itself, skopeo writes for it, which reads every layer too.
#[test]
fn umoci_unpacks_every_form() {
    if tool("skopeo").is_none() || tool("umoci").is_none() {
        return;
    }
    each(|cell| {
        if is_compressed(cell) {
            return;
        }
        let is_plain = matches!(cell.has, Has::Names) && cell.form != "zstd";
        if is_plain {
            let mut names = umoci();
            let names = names.args(["list", "--layout"]).arg(cell.layout()).output();
            let names = String::from_utf8(names.unwrap().stdout).unwrap();
            let names = json!(names.lines().collect::<Vec<_>>());
            assert_eq!(short_names(&names), cell.tags());
        }
        if !matches!(cell.operation, "all" | "less") {
            return;
        }
        let tag = cell.patched_tag();
        let reference = match cell.has {
            Has::Tags => tag.rsplit_once(':').map_or("", |(_, tag)| tag).to_owned(),
            _ => tag.clone(),
        };
        let mut name = reference.as_str();
        let layout = if is_plain {
            cell.layout()
        } else {
            let (tar, copy) = (cell.tar.display(), cell.directory.path().join("copy"));
            let from = match cell.has {
                Has::Manifest | Has::Both if tag.is_empty() => format!("docker-archive:{tar}"),
                Has::Manifest | Has::Both => format!("docker-archive:{tar}:{tag}"),
                Has::Names | Has::Tags => format!("oci-archive:{tar}:{reference}"),
            };
            let to = format!("oci:{}:2", copy.display());
            let copied = skopeo(&[
                "copy",
                "--format",
                "oci",
                "--dest-compress-format",
                "gzip",
                &from,
                &to,
            ]);
            assert!(copied.status.success(), "{copied:?}");
            name = "2";
            copy
        };
        // Not a bundle: that needs a user whom the image knows.
        let rootfs = cell.directory.path().join("rootfs-of-umoci");
        let image = format!("{}:{name}", layout.display());
        let mut unpack = umoci();
        unpack
            .args(["raw", "unpack", "--image", &image])
            .arg(&rootfs);
        let unpacked = unpack.output().unwrap();
        assert!(unpacked.status.success(), "{unpacked:?}");
        check_tree(cell, &directory_tree(&rootfs));
    });
}

fn skopeo(arguments: &[&str]) -> Output {
    let mut skopeo = tool("skopeo").unwrap();
    skopeo
        .arg("--insecure-policy")
        .args(arguments)
        .output()
        .unwrap()
}

fn umoci() -> Command {
    tool("umoci").unwrap()
}

/// The tree as [`Docker::export_tree`] tells it.
fn directory_tree(rootfs: &Path) -> Vec<String> {
    let tar = tree_of_directory(rootfs);
    let without_dot = |line: String| line.replacen(" ./", " ", 1);
    tar_tree(&tar).into_iter().map(without_dot).collect()
}

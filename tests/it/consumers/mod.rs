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
mod tools;

use std::collections::BTreeSet;
use std::path::Path;

use serde_json::{Value, json};

use self::cell::{Cell, root, short_name, short_names};
pub(crate) use self::table::OPERATIONS;
use self::table::{EVERY, Has, RICHEST, each};
use crate::engine::{Docker, Kind, Release, Store, tar_tree, tree_of_directory};

/// What the edits of texts make of the greeting that the added layer has.
const GREETING: &str = "hi!\nmore!\n";

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
        let size = format!(" {} bytes ", GREETING.len());
        assert!(line("etc/greeting").contains(&size), "{tree:#?}");
        assert!(!line("etc/passwd").is_empty(), "{tree:#?}");
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
/// What Docker 28 and the containerd store of Docker 26 keep and do not show.
const HIDDEN_KEYS: [&str; 3] = ["StopTimeout", "Hostname", "Domainname"];
const OUTER_KEYS: [(&str, &str); 5] = [
    ("author", "Author"),
    ("architecture", "Architecture"),
    ("os", "Os"),
    ("os.version", "OsVersion"),
    ("created", "Created"),
];

fn check_docker(docker: &Docker) {
    let Kind { release, store } = docker.kind();
    let is_containerd = store == Store::Containerd;
    let operations = match release {
        Release::Forky => EVERY,
        Release::Trixie => RICHEST,
        // Reads an archive in a way of its own; `fixpoint` has names and layers.
        Release::Bookworm => &["config", "less", "all"],
    };
    each(operations, |cell| {
        if !is_containerd && matches!(cell.has, Has::Names | Has::Tags) {
            return;
        }
        // What a form holds is read anew, what an operation adds is new; more costs a daemon each time.
        // Docker 26 sees no first cell: it reads once what several forms hold.
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
            let is_shown = |_: &&&str| !is_containerd && release != Release::Forky;
            let hidden = HIDDEN_KEYS.iter().filter(is_shown);
            for key in KEYS.iter().chain(hidden) {
                let mut value = config["config"][key].clone();
                if release == Release::Bookworm && *key == "Healthcheck" && !value.is_null() {
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
                assert_eq!(greeting, GREETING);
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

#[test]
fn docker_28_takes_every_form() {
    if let Some(docker) = Docker::v28() {
        check_docker(&docker);
    }
}

#[test]
fn docker_28_with_containerd_takes_every_form() {
    if let Some(docker) = Docker::v28_containerd() {
        check_docker(&docker);
    }
}

/// The tree as [`Docker::export_tree`] tells it.
fn directory_tree(rootfs: &Path) -> Vec<String> {
    let tar = tree_of_directory(rootfs);
    let without_dot = |line: String| line.replacen(" ./", " ", 1);
    tar_tree(&tar).into_iter().map(without_dot).collect()
}

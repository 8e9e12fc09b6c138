//! What engines make of archives that were edited by hand and repaired, one of each family.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use serde_json::Value;

use super::hand::{EDITS, config, edit, has, layers, read};
use super::{repair, write};
use crate::edit::Archive;
use crate::engine::{Docker, Release, podman_load, skopeo_config};

/// An archive of each family.
const FAMILIES: &[&str] = &[
    "docker20.tar",
    "docker26.tar",
    "docker26-containerd.tar",
    "buildx-docker.tar",
    "crane.tar",
    "podman-docker.tar",
    "skopeo-oci.tar",
];

#[test]
fn every_engine_loads_what_was_repaired() {
    for form in FAMILIES {
        let home = tempfile::tempdir().unwrap();
        let mut archive = Archive::fixture(form);
        let (_, add_layer) = EDITS
            .iter()
            .find(|(what, _)| *what == "a layer more")
            .unwrap();
        assert!(add_layer(&mut archive));
        let wanted = layers(&mut archive).len();
        let document = config(&mut archive);
        edit(&mut archive, &document, |config| {
            config["config"]["Labels"]["mylabel"] = "by hand".into();
        });
        let is_layout = !has(&archive, "manifest.json");
        let input = write(home.path(), &archive);
        let path = home.path().join("repaired.tar");
        repair(&input).unwrap().publish(&path).unwrap();
        let transport = if is_layout {
            "oci-archive"
        } else {
            "docker-archive"
        };
        let check = |labels: &Value, n_layers: usize, engine: &str| {
            assert_eq!(labels["mylabel"], "by hand", "{form}: {engine}");
            assert_eq!(n_layers, wanted, "{form}: {engine}");
        };
        let n = |layers: &Value| layers.as_array().unwrap().len();
        for release in [Release::Bookworm, Release::Forky] {
            let reference = format!("{transport}:{}", path.display());
            if let Some(config) = skopeo_config(release, &reference) {
                let n_layers = n(&config["rootfs"]["diff_ids"]);
                check(&config["config"]["Labels"], n_layers, "skopeo");
            }
            if let Some(images) = podman_load(release, &path) {
                let n_layers = n(&images[0]["RootFS"]["Layers"]);
                check(&images[0]["Config"]["Labels"], n_layers, "podman");
            }
        }
        let engines = [Docker::v20, Docker::v26];
        // Neither of them loads a layout.
        let engines = engines.iter().filter(|_| !is_layout);
        for docker in engines.filter_map(|engine| engine()) {
            docker.reset();
            docker.load(&path);
            let manifest = read(&mut archive, "manifest.json");
            let image = docker.inspect(manifest[0]["RepoTags"][0].as_str().unwrap());
            check(
                &image["Config"]["Labels"],
                n(&image["RootFS"]["Layers"]),
                "Docker",
            );
        }
    }
}

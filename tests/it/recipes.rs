//! Every recipe of `patches/` fits an image such as it is made for, and its plan is the one in `tests/recipes`.
#![allow(clippy::unwrap_used, reason = "helpers of tests may fail as tests do")]

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use crate::binary;
use crate::edit::fixture;

/// For each recipe what makes the shipped image one that the recipe is for.
const RECIPES: &[(&str, &str)] = &[
    ("annotate", ""),
    (
        "air-gapped-registry",
        "retag: ['app:2.0.0', 'registry.example.com/team/app:2.0.0']",
    ),
    ("ca-bundle", ""),
    (
        "ca-certificate",
        "add-layer: { files: [{ path: /etc/ssl/certs/ca-certificates.crt, content: '# no certificates' }] }",
    ),
    ("change-label", ""),
    ("drop-inherited", ""),
    (
        "drop-vendor-labels",
        "set-label: {com.vendor.build: 17, com.vendor.os: tiny}",
    ),
    ("drop-files", ""),
    ("drop-layer", ""),
    (
        "edit-documents",
        r##"add-layer: {files: [
            {path: /etc/prometheus.yml, content: "global:\n  scrape_interval: 15s # the default is 1m\nscrape_configs:\n  # itself\n  - job_name: prometheus\n    static_configs:\n      - targets: [\"localhost:9090\"]\n"},
            {path: /etc/app.json, content: "{\n  \"log\": {\"level\": \"debug\"},\n  \"debug\": true\n}\n"},
            {path: /etc/app.toml, content: "# main\n[server]\nport = 80 # web\n\n[experimental]\nfast = true\n"}]}"##,
    ),
    ("edit-lines", ""),
    ("environment", ""),
    ("greeter", ""),
    ("hotfix-config", "retag: ['app:2.0.0']"),
    ("hotfix-line", ""),
    ("hotfix-platforms", ""),
    ("identity", ""),
    ("interface", ""),
    ("leaked-secret", ""),
    ("new-base", ""),
    ("one-layer", ""),
    ("permissions", ""),
    ("process", ""),
    ("recompress", ""),
    ("release", "retag: ['app:2.0.0-rc3']"),
    ("replace-layer", ""),
    ("user", ""),
];

#[test]
fn every_recipe_has_its_plan() {
    let directory = tempfile::tempdir().unwrap();
    for (name, preparation) in RECIPES {
        let image = image(directory.path(), name, preparation);
        let plan = binary::ok([Path::new("plan"), &recipe(name), &image]);
        let golden = root().join("tests/recipes").join(format!("{name}.plan"));
        if std::env::var_os("UPDATE").is_some() {
            fs::create_dir_all(golden.parent().unwrap()).unwrap();
            fs::write(&golden, &plan).unwrap();
        }
        let expected = fs::read_to_string(&golden).unwrap_or_default();
        assert_eq!(plan, expected, "{name}: run with UPDATE=1 to rewrite");
    }
}

#[test]
fn every_recipe_gives_the_planned_image_and_a_sound_archive() {
    let directory = tempfile::tempdir().unwrap();
    for (name, preparation) in RECIPES {
        let image = image(directory.path(), name, preparation);
        let output = directory.path().join(format!("{name}.tar"));
        let id = binary::ok([
            Path::new("apply"),
            Path::new("--quiet"),
            &recipe(name),
            &image,
            Path::new("-o"),
            &output,
        ]);
        let plan = binary::ok([Path::new("plan"), &recipe(name), &image]);
        let lines = ["image id", "index   "].map(|what| format!("\n{what} {id}"));
        let is_planned = lines.iter().any(|line| plan.contains(line));
        assert!(is_planned, "{name}: {id}");
        binary::ok([Path::new("verify"), &output]);
    }
}

#[test]
fn no_recipe_and_no_plan_is_forgotten() {
    let names = |directory: &str, extension: &str| -> BTreeSet<String> {
        fs::read_dir(root().join(directory))
            .unwrap()
            .map(|entry| entry.unwrap().path())
            .filter(|path| path.extension().is_some_and(|found| found == extension))
            .map(|path| path.file_stem().unwrap().to_str().unwrap().to_owned())
            .collect()
    };
    let recipes: BTreeSet<String> = RECIPES.iter().map(|(name, _)| (*name).to_owned()).collect();
    assert_eq!(names("patches", "yaml"), recipes);
    assert_eq!(names("tests/recipes", "plan"), recipes);
}

/// The shipped image, after one operation.
fn image(directory: &Path, name: &str, preparation: &str) -> PathBuf {
    let shipped = fixture(match name {
        // The older form has no place for annotations.
        "annotate" => "docker26.tar",
        "hotfix-platforms" => "buildx-oci-multi.tar",
        // Docker's own forms keep layers plain.
        "recompress" => "skopeo-oci.tar",
        _ => "docker20.tar",
    });
    if preparation.is_empty() {
        return shipped;
    }
    let patch = directory.join("prepare.yaml");
    let text = format!("apiVersion: ocipatch/v1\noperations:\n- {preparation}\n");
    fs::write(&patch, text).unwrap();
    let image = directory.join("image.tar");
    binary::ok([
        Path::new("apply"),
        Path::new("--quiet"),
        &patch,
        &shipped,
        Path::new("-o"),
        &image,
    ]);
    image
}

fn recipe(name: &str) -> PathBuf {
    root().join("patches").join(format!("{name}.yaml"))
}

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

//! Fleet files and what is said about them; `UPDATE=1` rewrites the expected reports in `tests/fleet`.

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

use ocipatch::fleet::{FleetFile, Template};
use ocipatch::patch::PatchFile;
use ocipatch::reference::Reference;

use crate::patch::render;

pub(super) const VALID: &str = r#"apiVersion: ocipatch/v1
kind: Fleet
description: Every image of the shop
patches: [patches/labels.yaml]
args: { TEAM: platform, COUNT: 1.10 }
to: "registry.example.com/patched/{repository}:{tag}"
images:
  - from: registry.example.com/team/app
    tags: { semver: ">=1.4, <2", exclude: ["*-rc*"], newest: 5 }
  - from: registry.example.com:5000/team/api:3.2.1
    to: "registry.example.com/team/api:{tag}-patched"
    patches: [patches/api.yaml]
    args: { TEAM: api }
    platform: linux/arm64
  - from: nginx:1.27
"#;

fn directory() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fleet")
}

#[test]
fn every_mistake_is_told_under_its_line() {
    let mut wrong = String::new();
    let mut n = 0;
    for item in fs::read_dir(directory()).unwrap() {
        let path = item.unwrap().path();
        if path.extension().is_some_and(|extension| extension == "txt") {
            assert!(path.with_extension("yaml").exists(), "{}", path.display());
            continue;
        }
        n += 1;
        let found = match FleetFile::parse("fleet.yaml", &fs::read(&path).unwrap()) {
            Ok(file) => panic!("{} is accepted: {file:?}", path.display()),
            Err(rejected) => render(&rejected),
        };
        let expected_path = path.with_extension("txt");
        if std::env::var_os("UPDATE").is_some() {
            fs::write(&expected_path, &found).unwrap();
        }
        let expected = fs::read_to_string(&expected_path).unwrap_or_default();
        if found != expected {
            writeln!(wrong, "{}:\n{found}", path.display()).unwrap();
        }
    }
    assert_eq!(wrong, "");
    assert!(n > 5, "{n}");
}

#[test]
fn a_valid_fleet_is_what_its_author_wrote() {
    let file = FleetFile::parse("fleet.yaml", VALID.as_bytes()).unwrap();
    let fleet = file.fleet();
    assert_eq!(fleet.patches, ["patches/labels.yaml"]);
    let pair = |name: &str, value: &str| (name.to_owned(), value.to_owned());
    assert_eq!(
        fleet.args,
        [pair("TEAM", "platform"), pair("COUNT", "1.10")]
    );
    let names: Vec<String> = fleet
        .images
        .iter()
        .map(|it| it.from.familiar_repository())
        .collect();
    assert_eq!(
        names,
        [
            "registry.example.com/team/app",
            "registry.example.com:5000/team/api",
            "nginx"
        ]
    );
    assert!(fleet.images[0].tags.is_some());
    assert_eq!(fleet.images[1].patches, ["patches/api.yaml"]);
    assert_eq!(
        fleet.images[1].platform.as_ref().unwrap().as_str(),
        "linux/arm64"
    );
}

#[test]
fn a_patch_and_a_fleet_are_told_apart() {
    let patch = "apiVersion: ocipatch/v1\noperations: [retag: [\"a:1\"]]\n";
    let rejected = FleetFile::parse("fix.yaml", patch.as_bytes()).unwrap_err();
    let codes: Vec<&str> = rejected.problems().map(|it| it.code().as_str()).collect();
    assert_eq!(codes, ["other-kind"]);
    let rejected = PatchFile::parse("fleet.yaml", VALID.as_bytes()).unwrap_err();
    let problems: Vec<_> = rejected.problems().collect();
    let [problem] = problems.as_slice() else {
        panic!("{problems:?}")
    };
    assert_eq!(problem.code().as_str(), "other-kind");
    assert_eq!(problem.message(), "this is a `Fleet`, not a patch");
    assert_eq!(
        problem.help().as_deref(),
        Some("use `ocipatch fleet lock` and `ocipatch fleet apply`")
    );
}

#[test]
fn a_destination_is_made_of_the_parts_of_its_source() {
    let fill = |template: &str, source: &str| {
        let template = Template::parse(template).unwrap();
        let filled = template.fill(&Reference::parse(source).unwrap());
        filled.map(|it| it.full())
    };
    let app = "registry.example.com:5000/team/app:1.4";
    for (template, source, wanted) in [
        (
            "r.example.com/{repository}:{tag}",
            app,
            "r.example.com/team/app:1.4",
        ),
        (
            "{registry}/patched/{name}:{tag}",
            app,
            "registry.example.com:5000/patched/app:1.4",
        ),
        ("localhost/{name}:{tag}-x", "nginx:1", "localhost/nginx:1-x"),
        (
            "{registry}/{repository}:p",
            "nginx:1",
            "docker.io/library/nginx:p",
        ),
        (
            "docker.io/{name}:{name}-{tag}",
            "a/b:1",
            "docker.io/library/b:b-1",
        ),
    ] {
        assert_eq!(fill(template, source).as_deref(), Ok(wanted), "{template}");
    }
    // A port is no part of a repository, and a tag has a limit.
    let (text, _) = fill("r.example.com/{registry}/x:{tag}", app).unwrap_err();
    assert_eq!(text, "r.example.com/registry.example.com:5000/x:1.4");
    let long = format!("a:{}", "1".repeat(128));
    assert!(fill("r.example.com/a:{tag}-patched", &long).is_err());
}

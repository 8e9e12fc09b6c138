//! The action: its steps are run as a runner runs them.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::process::Output;

use serde_json::Value;

use super::{Home, ends, shown, yaml};
use crate::binary::write_files;
use crate::engine::tool;

/// Runs a step of the action as a runner does.
fn step(home: &Home, name: &str, values: &[(&str, &str)]) -> Output {
    let action = yaml("action.yml");
    let steps = action["runs"]["steps"].as_array().unwrap();
    let step = steps.iter().find(|step| step["name"] == name).unwrap();
    let mut shell = home.program("bash");
    shell.args(["--noprofile", "--norc", "-e", "-o", "pipefail", "-c"]);
    shell.arg(step["run"].as_str().unwrap());
    shell.envs(
        ["GITHUB_OUTPUT", "GITHUB_STEP_SUMMARY", "GITHUB_PATH"].map(|name| (name, home.path(name))),
    );
    shell.env("RUNNER_TEMP", home.path("temp"));
    fs::create_dir_all(home.path("temp")).unwrap();
    let wanted = step["env"]
        .as_object()
        .into_iter()
        .flatten()
        .map(|(name, _)| name);
    for name in wanted {
        let value = values.iter().find(|(given, _)| given == name);
        shell.env(name, value.unwrap_or_else(|| panic!("{name} of {step}")).1);
    }
    shell.output().unwrap()
}

fn outputs(home: &Home) -> String {
    let temp = home.path("temp");
    home.read("GITHUB_OUTPUT")
        .replace(temp.to_str().unwrap(), "TEMP")
}

#[test]
fn the_action_plans_and_applies() {
    let home = Home::new();
    let values = [
        ("PATCHES", "patches/app.yaml\n"),
        ("IMAGE", "app.tar"),
        ("OUTPUT", "out image.tar"),
        ("ARGS", "version=1\n"),
    ];
    let output = step(&home, "Plan", &values);
    assert!(output.status.success(), "{}", shown(&output));
    assert!(
        shown(&output).starts_with("::notice file=patches/app.yaml,line=1,"),
        "{}",
        shown(&output)
    );
    assert_eq!(
        outputs(&home),
        "plan=TEMP/ocipatch-plan.md\nchanged=true\ncode=0\n"
    );
    assert!(
        home.read("GITHUB_STEP_SUMMARY")
            .starts_with("### `greeter:1`\n")
    );
    assert_eq!(
        home.read("GITHUB_STEP_SUMMARY"),
        home.read("temp/ocipatch-plan.md")
    );
    fs::remove_file(home.path("GITHUB_OUTPUT")).unwrap();
    let output = step(&home, "Apply", &values);
    assert!(output.status.success(), "{}", shown(&output));
    let id = home.read("temp/ocipatch-iid");
    assert!(id.starts_with("sha256:"));
    let expected = format!("image-id={id}\nmetadata=TEMP/ocipatch-metadata.json\n");
    assert_eq!(outputs(&home), expected);
    home.is_patched("out image.tar");
}

#[test]
fn the_action_reports_patches_that_do_not_fit() {
    let home = Home::new();
    let values = [
        ("PATCHES", "patches/app.yaml\npatches/unfit.yaml"),
        ("IMAGE", "app.tar"),
        ("ARGS", ""),
    ];
    let output = step(&home, "Plan", &values);
    assert!(output.status.success(), "{}", shown(&output));
    assert!(
        shown(&output).starts_with("::error file=patches/unfit.yaml,line=3,"),
        "{}",
        shown(&output)
    );
    assert_eq!(
        outputs(&home),
        "plan=TEMP/ocipatch-plan.md\nchanged=false\ncode=1\n"
    );
    assert!(
        home.read("GITHUB_STEP_SUMMARY")
            .starts_with("### 1 problem in ")
    );
    let refused = step(&home, "Refuse patches that do not fit", &[("CODE", "1")]);
    assert_eq!(refused.status.code(), Some(1));
}

#[test]
fn the_action_writes_one_comment() {
    let home = Home::new();
    let gh = "#!/bin/sh\necho \"$@\" >>gh.log\ncase \" $* \" in *--edit-last*) exit \"$(cat code)\";; esac\n";
    write_files(
        home.0.path(),
        &[("bin/gh", gh), ("plan.md", &"x".repeat(70_000))],
    );
    fs::set_permissions(home.path("bin/gh"), fs::Permissions::from_mode(0o755)).unwrap();
    let plan = home.path("plan.md");
    let plan = plan.to_str().unwrap();
    let values = [
        ("GH_TOKEN", "t"),
        ("GH_REPO", "a/b"),
        ("NUMBER", "7"),
        ("PLAN", plan),
    ];
    for (code, n) in [("0", 1), ("1", 2)] {
        write_files(home.0.path(), &[("code", code), ("gh.log", "")]);
        let output = step(&home, "Comment", &values);
        assert!(output.status.success(), "{}", shown(&output));
        let log = home.read("gh.log");
        assert_eq!(log.lines().count(), n, "{log}");
        assert!(
            log.lines().all(|line| line.starts_with("pr comment 7 ")),
            "{log}"
        );
    }
    assert_eq!(home.read("plan.md.comment").len(), 65_000);
}

#[test]
fn the_action_installs_a_release_that_has_its_checksum() {
    let home = Home::new();
    if tool("curl").is_none() {
        return;
    }
    let pack = "name=ocipatch-9.9.9-$(uname -m)-linux && mkdir -p releases/v9.9.9 \"$name\" &&
        printf '#!/bin/sh\\necho installed\\n' >\"$name/ocipatch\" && chmod +x \"$name/ocipatch\" &&
        tar -czf \"releases/v9.9.9/$name.tar.gz\" \"$name\" &&
        cd releases/v9.9.9 && sha256sum *.tar.gz >SHA256SUMS";
    ends(0, home.shell(pack));
    let releases = format!("file://{}/releases", home.0.path().display());
    let install = |version: &str| {
        let values = [
            ("VERSION", version),
            ("SOURCE", "/nowhere"),
            ("RELEASES", &releases),
        ];
        step(&home, "Install ocipatch", &values)
    };
    let output = install("9.9.9");
    assert!(output.status.success(), "{}", shown(&output));
    let directory = home.read("GITHUB_PATH");
    assert_eq!(
        ends(0, home.program(&format!("{}/ocipatch", directory.trim()))),
        "installed\n"
    );
    assert!(install("path").status.success());
    assert!(
        !install("9.9.8").status.success(),
        "there is no such release"
    );
    ends(0, home.shell("sed -i s/^./x/ releases/v9.9.9/SHA256SUMS"));
    fs::remove_file(home.path("GITHUB_PATH")).unwrap();
    assert!(
        !install("9.9.9").status.success(),
        "another file than that of the checksum"
    );
    assert_eq!(home.read("GITHUB_PATH"), "");
}

#[test]
fn the_workflow_gives_the_action_what_it_takes() {
    let action = yaml("action.yml");
    let workflow = yaml("patches/ci/github.yml");
    let steps = workflow["jobs"]["patch"]["steps"].as_array().unwrap();
    let uses = |step: &&Value| {
        step["uses"]
            .as_str()
            .is_some_and(|it| it.contains("/ocipatch@"))
    };
    let given = steps.iter().find(uses).unwrap()["with"]
        .as_object()
        .unwrap();
    let inputs = action["inputs"].as_object().unwrap();
    // The second merge writes another tag: one that exists is not moved.
    assert!(
        given["output"].as_str().unwrap().contains("github.sha"),
        "{given:?}"
    );
    assert!(
        given.keys().all(|name| inputs.contains_key(name)),
        "{given:?}"
    );
    for (name, input) in inputs {
        let is_given = input.get("default").is_some() || given.contains_key(name);
        assert!(is_given, "{name} is required");
    }
    let home = Home::new();
    let mut runs = steps.iter().filter_map(|step| step["run"].as_str());
    ends(0, home.shell(runs.next().unwrap()));
    assert!(home.read("ocipatch.sarif").contains("\"2.1.0\""));
}

//! The commands of fleets against a registry: what they print, what they ask, and how they end.

use std::fs;

use serde_json::Value;

use super::home::Home;
use crate::binary::command;

/// Returns the last words of each line, without digests.
fn heads(text: &str) -> Vec<String> {
    let words = text
        .lines()
        .map(|line| line.split(" sha256:").next().unwrap());
    words.map(str::to_owned).collect()
}

fn sorted(mut lines: Vec<String>) -> Vec<String> {
    lines.sort();
    lines
}

fn of_each(word: &str) -> Vec<String> {
    let tags = ["1.4.0", "1.4.1", "1.5.0"];
    tags.map(|tag| format!("{word} R/patched/team/app:{tag}"))
        .to_vec()
}

#[test]
fn a_fleet_is_locked_planned_applied_and_compared() {
    let mut home = Home::new();
    assert_eq!(home.says("fleet lock").2, "3 images in the lock\n");
    let lock = fs::read_to_string(home.path().join("fleet.lock")).unwrap();
    assert_eq!(lock.matches("\"result\":").count(), 3);
    home.server.forget();
    let planned = heads(&home.succeeds("fleet plan"));
    assert_eq!(planned[..3], of_each("push"));
    assert_eq!(planned[3], "3 push");
    let asked = home.server.requests();
    assert!(
        asked.len() == 3 && asked.iter().all(|it| it.starts_with("HEAD ")),
        "{asked:?}"
    );
    assert_eq!(
        heads(&home.succeeds("fleet status"))[..3],
        of_each("missing")
    );

    // One shard, then the rest.
    let (code, _, told) = home.says("fleet apply --shard 1/3");
    assert_eq!(
        (code, heads(&told)),
        (0, vec![of_each("pushed")[1].clone(), "1 pushed".to_owned()])
    );
    let (_, _, told) = home.says("fleet apply");
    assert_eq!(heads(&told).last().unwrap(), "2 pushed, 1 done");
    // What was planned is what is there.
    let digest = home.digest("patched/team/app:1.5.0");
    assert!(lock.contains(&format!("\"result\":\"{digest}\"")));
    assert_eq!(home.succeeds("fleet status --exit-code"), "3 done\n");

    // Again: one request each.
    home.server.forget();
    assert_eq!(home.says("fleet apply").0, 0);
    let asked = home.server.requests();
    assert!(
        asked.len() == 3 && asked.iter().all(|it| it.starts_with("HEAD ")),
        "{asked:?}"
    );
    // The lock does not change by itself, and without a change it is not written.
    assert_eq!(home.succeeds("fleet lock --check"), "");
    home.succeeds("fleet lock");
    assert_eq!(
        fs::read_to_string(home.path().join("fleet.lock")).unwrap(),
        lock
    );
}

#[test]
fn a_tag_that_moves_makes_the_lock_old_and_no_difference_to_a_run() {
    let home = Home::new();
    home.succeeds("fleet lock");
    home.put("buildx-oci.tar", "team/app:1.4.1");
    home.put("buildx-oci.tar", "team/app:1.6.0");
    let (code, out, _) = home.says("fleet lock --check");
    assert_eq!(code, 1);
    let lines: Vec<&str> = out.lines().collect();
    assert!(
        lines[0].starts_with("R/patched/team/app:1.4.1: `R/team/app:1.4.1` moved from "),
        "{out}"
    );
    assert_eq!(lines[1..], ["R/patched/team/app:1.6.0: not in the lock"]);
    home.succeeds("fleet apply");
    let (old, moved) = (
        home.digest("patched/team/app:1.4.0"),
        home.digest("patched/team/app:1.4.1"),
    );
    assert_eq!(old, moved, "both were the same image when they were locked");
    // The new lock has another image for a destination that exists.
    home.succeeds("fleet lock");
    let (code, _, told) = home.says("fleet apply");
    assert_eq!(code, 3);
    assert!(
        told.contains(&format!(
            "failed R/patched/team/app:1.4.1: `R/patched/team/app:1.4.1` has the image `{old}` already; `--overwrite` replaces it"
        )),
        "{told}"
    );
    assert_eq!(told.lines().last(), Some("1 pushed, 2 done, 1 failed"));
    assert_eq!(
        home.succeeds("fleet status").lines().last(),
        Some("3 done, 1 other")
    );
    let (code, _, told) = home.says("fleet apply --overwrite");
    assert_eq!((code, told.lines().last()), (0, Some("1 pushed, 3 done")));
    assert!(told.contains(&format!("which replaces {old}")), "{told}");
}

#[test]
fn an_arg_of_a_patch_comes_from_the_environment_of_the_command() {
    let home = Home::with(&["1.4.0"]);
    let patch = "{apiVersion: ocipatch/v1, args: {TEAM: {}, WHO: {from-env: FLEET_WHO}}, operations: [set-label: {t: \"${TEAM}\", w: \"${WHO}\"}]}";
    fs::write(home.path().join("patches/labels.yaml"), patch).unwrap();
    let lock = |who: Option<&str>| {
        let mut command = command();
        command.current_dir(home.path()).args(["fleet", "lock"]);
        command.env_remove("FLEET_WHO");
        if let Some(who) = who {
            command.env("FLEET_WHO", who);
        }
        command.output().unwrap()
    };
    let refused = lock(None);
    let told = String::from_utf8(refused.stderr).unwrap();
    assert!(told.contains("`FLEET_WHO`"), "{told}");
    assert_eq!(refused.status.code(), Some(1));
    assert_eq!(lock(Some("me")).status.code(), Some(0));
}

#[test]
fn a_worker_needs_the_lock_and_the_patches_and_no_more() {
    let mut home = Home::new();
    home.succeeds("fleet lock");
    fs::remove_file(home.path().join("fleet.yaml")).unwrap();
    home.server.forget();
    let (code, out, told) = home.says("fleet apply -q --report -");
    assert_eq!((code, told.as_str()), (0, ""));
    let report: Value = serde_json::from_str(&out).unwrap();
    assert_eq!(report["shard"], "0/1");
    assert_eq!(report["images"].as_array().unwrap().len(), 3);
    assert_eq!(report["images"][2]["state"], "pushed");
    assert_eq!(report["images"][2]["to"], "R/patched/team/app:1.5.0");
    let asked = home.server.requests();
    assert!(
        !asked.iter().any(|it| it.contains("tags/list")),
        "{asked:?}"
    );
    // Sources are asked for by digest.
    let sources: Vec<_> = asked
        .iter()
        .filter(|it| it.contains("/team/app/manifests/") && it.starts_with("GET"))
        .collect();
    assert!(
        !sources.is_empty() && sources.iter().all(|it| it.contains("sha256:")),
        "{asked:?}"
    );
    // Other patches than those of the lock are refused before anything is asked.
    home.change("patches/labels.yaml", "team:", "crew:");
    home.server.forget();
    let (code, _, told) = home.says("fleet apply");
    assert_eq!(code, 1);
    let lines: Vec<&str> = told.lines().collect();
    assert!(
        lines[0].starts_with(
            "error: `patches/labels.yaml` with their args and files have the digest `sha256:"
        ),
        "{told}"
    );
    assert_eq!(
        lines[1..],
        ["help: `ocipatch fleet lock` writes the lock again; nothing was sent"]
    );
    assert_eq!(home.server.requests(), Vec::<String>::new());
}

#[test]
fn a_lock_without_results_is_applied_and_resumed_too() {
    let mut home = Home::new();
    home.server.forget();
    home.succeeds("fleet lock --sources-only");
    let asked = home.server.requests();
    // The tags, and a digest for each.
    assert_eq!(asked.len(), 4, "{asked:?}");
    assert!(asked[0].contains("/v2/team/app/tags/list"));
    let lock = fs::read_to_string(home.path().join("fleet.lock")).unwrap();
    assert!(!lock.contains("\"result\":"));
    assert_eq!(home.says("fleet apply").2.lines().last(), Some("3 pushed"));
    assert_eq!(home.says("fleet apply").2.lines().last(), Some("3 done"));
    assert_eq!(heads(&home.succeeds("fleet status"))[3], "3 unknown");
    home.succeeds("fleet lock");
    assert_eq!(home.succeeds("fleet status"), "3 done\n");
}

#[test]
fn an_image_that_a_patch_does_not_fit_fails_alone() {
    let home = Home::new();
    home.put("buildx-oci.tar", "team/app:1.4.1");
    home.change(
        "patches/labels.yaml",
        "operations:",
        "operations:\n  - add-port: [8080]\n  - remove-port: [8080]",
    );
    let (code, out, told) = home.says("fleet lock");
    assert_eq!(code, 1, "{out}{told}");
    home.change(
        "patches/labels.yaml",
        "\n  - add-port: [8080]\n  - remove-port: [8080]",
        "\n  - unset-label: [no-such-label]",
    );
    let (code, _, told) = home.says("fleet lock");
    assert_eq!(code, 1);
    let lines = sorted(told.lines().map(str::to_owned).collect());
    assert_eq!(lines[0], "3 images in the lock");
    assert!(
        lines[1].starts_with("failed R/patched/team/app:1.4.0: "),
        "{told}"
    );
    assert!(lines[1].ends_with("[no-such-label]"), "{told}");
    // The lock is there, without results; a run says the same.
    let (code, _, told) = home.says("fleet apply");
    assert_eq!((code, told.lines().last()), (1, Some("3 failed")));
}

#[test]
fn paths_that_are_written_are_not_read() {
    let home = Home::new();
    home.succeeds("fleet lock");
    let lock = fs::read(home.path().join("fleet.lock")).unwrap();
    for line in [
        "fleet apply --report fleet.lock",
        "fleet apply --report patches/labels.yaml",
        "fleet lock fleet.lock",
    ] {
        let (code, _, told) = home.says(line);
        assert_eq!(code, 2, "{line}: {told}");
    }
    let alias = home.path().join("patches/fleet.lock");
    std::os::unix::fs::symlink("../fleet.lock", alias).unwrap();
    assert_eq!(home.says("fleet apply --report patches/fleet.lock").0, 2);
    // A layer that would have the lock in it.
    home.change(
        "patches/labels.yaml",
        "operations:",
        "operations:\n  - add-layer: { from: .. }",
    );
    let (code, _, told) = home.says("fleet lock --allow-outside");
    assert_eq!(code, 2, "{told}");
    assert!(told.contains("the lock"), "{told}");
    assert_eq!(fs::read(home.path().join("fleet.lock")).unwrap(), lock);
}

#[test]
fn shards_of_no_scheduler_are_a_usage_error() {
    let home = Home::with(&["1.4.0"]);
    home.succeeds("fleet lock");
    let auto = |variables: &[(&str, &str)]| {
        let mut command = command();
        command
            .current_dir(home.path())
            .args(["fleet", "apply", "--shard", "auto"]);
        command.envs(variables.iter().copied());
        command.output().unwrap()
    };
    let output = auto(&[]);
    assert_eq!(output.status.code(), Some(2), "{output:?}");
    let told = String::from_utf8(output.stderr).unwrap();
    assert!(
        told.starts_with("error: `--shard auto` found no variable of a scheduler"),
        "{told}"
    );
    let kubernetes = [("JOB_COMPLETION_INDEX", "0"), ("OCIPATCH_SHARDS", "2")];
    assert_eq!(auto(&kubernetes).status.code(), Some(0));
    for jobs in ["0", "257", "-1", "many"] {
        assert_eq!(
            home.says(&format!("fleet apply --jobs={jobs}")).0,
            2,
            "{jobs}"
        );
    }
    let (code, _, told) = home.says("fleet apply --shard 2/2");
    assert_eq!(code, 2);
    assert!(
        told.contains("shards are counted from 0: the last one of 2 is `1/2`"),
        "{told}"
    );
}

#[test]
fn what_images_share_is_fetched_once_and_sent_once() {
    let mut home = Home::new();
    home.change(
        "patches/labels.yaml",
        "operations:",
        "operations:\n  - append-text: { path: /etc/app.conf, content: more }",
    );
    let blobs = |home: &Home, method: &str, what: &str| {
        let asked = home.server.requests();
        let mut found: Vec<String> = asked
            .into_iter()
            .filter(|it| it.starts_with(method) && it.contains(what))
            .collect();
        let n = found.len();
        found.sort();
        found.dedup();
        (found.len(), n)
    };
    home.server.forget();
    home.succeeds("fleet lock -j 3 --no-cache");
    let (distinct, all) = blobs(&home, "GET", "/blobs/sha256:");
    assert!(distinct > 1, "{distinct}");
    assert_eq!(distinct, all);
    home.server.forget();
    home.succeeds("fleet apply -j 3 --no-cache");
    let (distinct, all) = blobs(&home, "GET", "/blobs/sha256:");
    assert_eq!(distinct, all);
    let (distinct, all) = blobs(&home, "POST", "mount=");
    assert!(distinct > 1, "{distinct}");
    assert_eq!(distinct, all);
    // A new layer and a configuration, which all three have.
    assert_eq!(blobs(&home, "PUT", "/blobs/uploads/").1, 2);
    assert_eq!(home.succeeds("fleet status"), "3 done\n");
}

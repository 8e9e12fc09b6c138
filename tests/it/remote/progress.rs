//! What is shown while blobs are on their way.

use super::Site;
use crate::binary::NO_CACHE;

#[test]
fn each_blob_has_a_line_if_that_is_asked_for() {
    let site = Site::start();
    site.push("docker26.tar", "app:1");
    let lines = |line: &str| {
        let ran = site.run(line);
        assert_eq!(ran.code, Some(0), "{}", ran.stderr);
        let mut lines: Vec<String> = ran.stderr.lines().map(str::to_owned).collect();
        lines.sort();
        lines
            .iter()
            .map(|line| line.split(": ").next().unwrap().to_owned())
            .collect::<Vec<_>>()
    };
    let plain = "apply --progress plain label.yaml @app:1 -o";
    let is_blob = |line: &String| {
        let words = ["fetched", "sent", "mounted", "there already"];
        words.contains(&line.as_str())
    };
    let there: Vec<String> = lines(&format!("{plain} @app:2"));
    let there: Vec<String> = there.into_iter().filter(is_blob).collect();
    assert_eq!(there, ["fetched", "sent", "there already", "there already"]);
    let mounted: Vec<String> = lines(&format!("{plain} @copy:2"));
    let mounted: Vec<String> = mounted.into_iter().filter(is_blob).collect();
    assert_eq!(mounted, ["fetched", "mounted", "mounted", "sent"]);
    assert!(lines(&format!("-q {plain} @app:3")).is_empty());
    assert!(lines("apply -q --progress auto label.yaml @app:1 -o @app:4").is_empty());
}

#[test]
fn a_terminal_has_a_bar_that_is_gone_in_the_end() {
    let Some(mut script) = crate::engine::tool("script") else {
        return;
    };
    let site = Site::start();
    std::fs::write(site.path("large"), vec![7; 60 << 20]).unwrap();
    site.patch(
        "large.yaml",
        "operations: [add-layer: {files: [{path: /large, from: large}], compression: none}]",
    );
    let archive = crate::edit::fixture("docker26.tar");
    site.ok(&format!(
        "apply -q large.yaml {} -o @app:1",
        archive.display()
    ));
    // Slow enough for a bar: a stopped reader holds the stream up.
    let program = env!("CARGO_BIN_EXE_ocipatch");
    let command = format!(
        "{program} apply {} -o - | (sleep 2; cat >/dev/null)",
        site.name("app:1")
    );
    let output = script
        .args(["-qec", &command, "/dev/null"])
        .envs(NO_CACHE)
        .env("TERM", "xterm")
        .output()
        .unwrap();
    let shown = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{shown}");
    assert!(
        shown.contains("MiB of 60.0") && shown.contains("left"),
        "{shown}"
    );
    let last = shown
        .rsplit('\r')
        .find(|line| !line.trim().is_empty())
        .unwrap_or_default();
    assert!(!last.contains("MiB of"), "{shown}");
}

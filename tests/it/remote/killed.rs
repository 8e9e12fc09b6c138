//! A command that is killed: every tag is what it was before, or what it was to become.

use std::io::{BufRead as _, BufReader};
use std::process::Stdio;

use super::Site;
use crate::binary::command;

/// Runs a line, and kills it once it has shown `n` requests; tells whether it was done before.
fn kill_after(site: &Site, n: usize, line: &str) -> bool {
    let words = line.split(' ').map(|word| match word.strip_prefix('@') {
        Some(name) => site.name(name),
        None => word.to_owned(),
    });
    let mut program = command();
    program
        .args(words)
        .arg("-v")
        .current_dir(site.directory.path());
    let mut child = program
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let shown = BufReader::new(child.stderr.take().unwrap());
    let requests = shown
        .lines()
        .map(Result::unwrap)
        .filter(|line| line.contains("/v2/"));
    let is_done = requests.take(n).count() < n;
    // One that has just ended cannot be killed, and need not be.
    let _ = child.kill();
    child.wait().unwrap();
    is_done
}

#[test]
fn killed_after_any_request_a_tag_is_old_or_new_and_whole() {
    let site = Site::start();
    site.push("buildx-oci-multi.tar", "app:1");
    site.push("buildx-oci-multi.tar", "app:2");
    site.push("crane.tar", "other:1");
    site.patch(
        "fix.yaml",
        "attestations: keep
operations:
  - set-label: {team: web}
  - add-layer: {files: [{path: /etc/new, content: new}]}",
    );
    for (tag, line) in [
        ("app:2", "apply fix.yaml @app:2 --in-place"),
        ("other:1", "apply fix.yaml @app:1 -o @other:1 --overwrite"),
    ] {
        let old = site.digest(tag);
        let mut n_killed = 0;
        loop {
            let is_done = kill_after(&site, n_killed + 1, line);
            let now = site.digest(tag);
            site.ok(&format!("verify @{tag}"));
            if now != old {
                break;
            }
            assert!(!is_done, "it was done, and the tag is as it was");
            n_killed += 1;
            assert!(n_killed < 100);
        }
        assert!(
            n_killed > 10,
            "{n_killed} requests before the tag was moved"
        );
    }
}

//! A registry with an image in several versions, and a fleet of them.

use std::fs;
use std::path::Path;
use std::process::Output;

use serde_json::Value;

use super::fake::write;
use crate::binary::command;
use crate::engine::fixture;
use crate::registry::server::Server;

const LABELS: &str = "apiVersion: ocipatch/v1\nargs: { TEAM: {} }\noperations:\n  - set-label: { team: \"${TEAM}\" }\n";

/// A registry with three versions of an image, and a fleet of them.
pub(super) struct Home {
    pub(super) server: Server,
    directory: tempfile::TempDir,
}

impl Home {
    pub(super) fn new() -> Self {
        Self::with(&["1.4.0", "1.4.1", "1.5.0", "2.0.0"])
    }

    pub(super) fn with(tags: &[&str]) -> Self {
        let home = Self {
            server: Server::start(),
            directory: tempfile::tempdir().unwrap(),
        };
        let domain = home.server.domain();
        let fleet = format!(
            "apiVersion: ocipatch/v1\nkind: Fleet\npatches: [patches/labels.yaml]\nargs: {{ TEAM: web }}\nto: \"{domain}/patched/{{repository}}:{{tag}}\"\nimages:\n  - from: {domain}/team/app\n    tags: {{ semver: \">=1.4, <2\" }}\n"
        );
        write(
            home.path(),
            &[("fleet.yaml", &fleet), ("patches/labels.yaml", LABELS)],
        );
        for tag in tags {
            home.put("docker26.tar", &format!("team/app:{tag}"));
        }
        home
    }

    pub(super) fn path(&self) -> &Path {
        self.directory.path()
    }

    pub(super) fn put(&self, archive: &str, name: &str) {
        let to = format!("docker://{}/{name}", self.server.domain());
        let archive = fixture(archive);
        let args = [
            "-q",
            "apply",
            archive.to_str().unwrap(),
            "-o",
            &to,
            "--overwrite",
        ];
        let output = command().args(args).output().unwrap();
        assert!(output.status.success(), "{output:?}");
    }

    pub(super) fn run(&self, line: &str) -> Output {
        let mut command = command();
        command.current_dir(self.path()).args(line.split(' '));
        command.output().unwrap()
    }

    /// Runs a command; its exit code, and what it said on both streams, with names of the registry shortened.
    pub(super) fn says(&self, line: &str) -> (i32, String, String) {
        let output = self.run(line);
        let text = |bytes: &[u8]| {
            let text = std::str::from_utf8(bytes).unwrap();
            text.replace(self.server.domain(), "R")
        };
        (
            output.status.code().unwrap(),
            text(&output.stdout),
            text(&output.stderr),
        )
    }

    pub(super) fn succeeds(&self, line: &str) -> String {
        let (code, out, err) = self.says(line);
        assert_eq!(code, 0, "{line}: {out}{err}");
        out
    }

    pub(super) fn change(&self, file: &str, from: &str, to: &str) {
        let path = self.path().join(file);
        let text = fs::read_to_string(&path).unwrap();
        assert!(text.contains(from), "{text}");
        fs::write(path, text.replace(from, to)).unwrap();
    }

    pub(super) fn digest(&self, name: &str) -> String {
        let image = format!("docker://{}/{name}", self.server.domain());
        let json: Value =
            serde_json::from_slice(&self.run(&format!("inspect --format json {image}")).stdout)
                .unwrap();
        json["images"][0]["manifestDigest"]
            .as_str()
            .unwrap()
            .to_owned()
    }
}

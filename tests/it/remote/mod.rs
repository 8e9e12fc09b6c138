//! Images in a registry as source and destination: what is asked of it, what it has in the end, and what users of it see.
#![allow(clippy::unwrap_used, reason = "helpers of tests may fail as tests do")]

mod consumers;
mod guarded;
mod hostile;
mod killed;
mod mixtures;
mod moving;
mod progress;
mod referrers;
mod requests;

use std::path::{Path, PathBuf};
use std::process::Output;

use crate::binary::{command, write_files};
use crate::edit::fixture;
use crate::registry::server::Server;

/// A registry, and a directory with patches.
struct Site {
    server: Server,
    directory: tempfile::TempDir,
}

/// What of a run is looked at.
struct Ran {
    code: Option<i32>,
    stdout: String,
    stderr: String,
}

impl Site {
    fn start() -> Self {
        Self::of(Server::start())
    }

    fn of(server: Server) -> Self {
        let site = Self {
            server,
            directory: tempfile::tempdir().unwrap(),
        };
        site.patch("label.yaml", "operations: [set-label: {team: web}]");
        site
    }

    fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    fn patch(&self, name: &str, body: &str) {
        let text = format!("apiVersion: ocipatch/v1\n{body}\n");
        write_files(self.directory.path(), &[(name, &text)]);
    }

    /// The name of an image of the registry.
    fn name(&self, name: &str) -> String {
        format!("docker://{}/{name}", self.server.domain())
    }

    /// Runs a line of words; `@` before one makes it the name of an image of the registry.
    fn run(&self, line: &str) -> Ran {
        self.run_with(line, &[])
    }

    fn run_with(&self, line: &str, environment: &[(&str, &str)]) -> Ran {
        let words = line
            .split_whitespace()
            .map(|word| match word.strip_prefix('@') {
                Some(name) => self.name(name),
                None => word.to_owned(),
            });
        let mut program = command();
        program.args(words).current_dir(self.directory.path());
        program.envs(environment.iter().copied());
        let Output {
            status,
            stdout,
            stderr,
        } = program.output().unwrap();
        Ran {
            code: status.code(),
            stdout: String::from_utf8_lossy(&stdout).into_owned(),
            stderr: String::from_utf8_lossy(&stderr).into_owned(),
        }
    }

    /// Runs a line that has to succeed; returns its standard output.
    #[track_caller]
    fn ok(&self, line: &str) -> String {
        let ran = self.run(line);
        assert_eq!(ran.code, Some(0), "{line}\n{}\n{}", ran.stdout, ran.stderr);
        ran.stdout
    }

    /// Runs a line that has to end with `code`; returns its standard error.
    #[track_caller]
    fn fails(&self, code: i32, line: &str) -> String {
        let ran = self.run(line);
        assert_eq!(
            ran.code,
            Some(code),
            "{line}\n{}\n{}",
            ran.stdout,
            ran.stderr
        );
        ran.stderr
    }

    /// Puts an archive of the fixtures into the registry.
    fn push(&self, archive: &str, name: &str) {
        self.push_file(&fixture(archive), name);
    }

    fn push_file(&self, archive: &Path, name: &str) {
        self.ok(&format!("apply -q {} -o @{name}", archive.display()));
    }

    /// The digest that a name stands for.
    fn digest(&self, name: &str) -> String {
        let inspected: serde_json::Value =
            serde_json::from_str(&self.ok(&format!("inspect --format json @{name}"))).unwrap();
        let image = &inspected["images"][0];
        let digest = image.get("indexDigest").unwrap_or(&image["manifestDigest"]);
        digest.as_str().unwrap().to_owned()
    }

    /// The requests of a line that has to succeed: digests are cut to four digits, uploads lose their number.
    #[track_caller]
    fn requests(&mut self, line: &str) -> Vec<String> {
        self.server.forget();
        self.ok(line);
        self.server
            .requests()
            .iter()
            .map(|request| shortened(request))
            .collect()
    }
}

fn shortened(request: &str) -> String {
    let [method, path, status] = request.split(' ').collect::<Vec<_>>()[..] else {
        return request.to_owned();
    };
    let path = path.strip_prefix("/v2/").unwrap_or(path);
    let path = match path.split_once("/blobs/uploads/") {
        Some((repository, _)) if path.contains("mount=") => format!("{repository}/mount"),
        Some((repository, _)) => format!("{repository}/upload"),
        None => match path.split_once("sha256:") {
            Some((before, digest)) => format!("{before}{}", &digest[..4]),
            None => path.to_owned(),
        },
    };
    format!("{method} {path} {status}")
}

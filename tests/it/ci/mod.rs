//! Patches in reviews and builds: the hooks, the action, and the recipes of `patches/ci/`, each run as far as that goes without its
//! service and without a network.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod action;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use serde_json::Value;
use tempfile::TempDir;

use crate::binary::{NO_CACHE, command, write_files};
use crate::edit::fixture;
use crate::engine::{from_registry, tool};

const PATCH: &str = "apiVersion: ocipatch/v1
args: { version: { default: \"1\" } }
operations:
  - set-label: { version: \"${version}\" }
  - add-layer: { from: app }
";
const UNFIT: &str = "apiVersion: ocipatch/v1\noperations:\n  - unset-label: [absent]\n";

/// A repository of a user's, with an image that somebody has saved.
struct Home(TempDir);

impl Home {
    fn new() -> Self {
        let home = tempfile::tempdir().unwrap();
        let files = [
            ("patches/app.yaml", PATCH),
            ("patches/app/etc/added", "added"),
            ("patches/unfit.yaml", UNFIT),
        ];
        write_files(home.path(), &files);
        fs::copy(fixture("docker26.tar"), home.path().join("app.tar")).unwrap();
        Self(home)
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn read(&self, name: &str) -> String {
        fs::read_to_string(self.path(name)).unwrap_or_default()
    }

    /// A program that finds `ocipatch`, and whatever is in `bin` before it.
    fn program(&self, name: &str) -> Command {
        let binary = command();
        let binary = Path::new(binary.get_program()).parent().unwrap().to_owned();
        let own = self.path("bin");
        let path = std::env::var("PATH").unwrap();
        let path = format!("{}:{}:{path}", own.display(), binary.display());
        let mut command = Command::new(name);
        command
            .envs(NO_CACHE)
            .env("PATH", path)
            .current_dir(&self.0);
        command
    }

    fn shell(&self, script: &str) -> Command {
        let mut shell = self.program("bash");
        shell.args(["-c", script]);
        shell
    }

    /// Checks that an output is what a plain run writes.
    #[track_caller]
    fn is_patched(&self, name: &str) {
        let line = "ocipatch -q apply patches/app.yaml app.tar -o expected.tar";
        ends(0, self.shell(line));
        let expected = fs::read(self.path("expected.tar")).unwrap();
        assert!(fs::read(self.path(name)).unwrap() == expected, "{name}");
    }
}

/// Runs what has to end with `code`.
#[track_caller]
fn ends(code: i32, mut command: Command) -> String {
    let output = command.output().unwrap();
    assert_eq!(output.status.code(), Some(code), "{}", shown(&output));
    String::from_utf8(output.stdout).unwrap()
}

fn shown(output: &Output) -> String {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    format!("{}\n{}", text(&output.stdout), text(&output.stderr))
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn yaml(name: &str) -> Value {
    serde_yaml::from_str(&fs::read_to_string(root().join(name)).unwrap()).unwrap()
}

fn words(list: &Value, values: &[(&str, &str)]) -> Vec<String> {
    let words = list.as_array().unwrap().iter();
    let filled = words.map(|word| {
        let word = word.as_str().unwrap().to_owned();
        let fill = |word: String, (name, value): &(&str, &str)| word.replace(name, value);
        values.iter().fold(word, fill)
    });
    filled.collect()
}

#[test]
fn files_for_services_fit_their_published_schemas() {
    for (schema, file) in [
        ("vendor.github-actions", "action.yml"),
        ("vendor.github-workflows", "patches/ci/github.yml"),
        ("vendor.github-workflows", ".github/workflows/ci.yml"),
        ("vendor.gitlab-ci", "patches/ci/gitlab-ci.yml"),
    ] {
        let Some(mut check) = from_registry("check-jsonschema") else {
            return;
        };
        check
            .args(["--builtin-schema", schema])
            .arg(root().join(file));
        let output = check.output().unwrap();
        assert!(output.status.success(), "{file}: {}", shown(&output));
    }
}

#[test]
fn pre_commit_runs_the_hook() {
    let Some(_) = tool("pre-commit") else { return };
    let home = Home::new();
    let hooks = home.path("hooks");
    fs::create_dir(&hooks).unwrap();
    fs::copy(
        root().join(".pre-commit-hooks.yaml"),
        hooks.join(".pre-commit-hooks.yaml"),
    )
    .unwrap();
    let git = |directory: &str, line: &str| {
        let mut git = home.program("git");
        let own = [
            "-c",
            "user.name=a",
            "-c",
            "user.email=a@example.com",
            "-c",
            "init.defaultBranch=main",
        ];
        git.current_dir(home.path(directory))
            .args(own)
            .args(line.split(' '));
        ends(0, git);
    };
    for (directory, files) in [("hooks", "."), (".", "patches")] {
        git(directory, "init --quiet");
        git(directory, &format!("add {files}"));
        git(directory, "commit --quiet --message all");
    }
    let run = |code, file: &str| {
        let mut run = home.program("pre-commit");
        run.env("PRE_COMMIT_HOME", home.path("store"))
            .env("HOME", home.0.path());
        run.arg("try-repo").arg(&hooks).args([
            "ocipatch-check-system",
            "--verbose",
            "--files",
            file,
        ]);
        ends(code, run)
    };
    assert!(run(0, "patches/app.yaml").contains("1 patch file without a problem"));
    // What is no patch is not looked at.
    assert!(run(0, "patches/app/etc/added").contains("Skipped"));
    write_files(
        home.0.path(),
        &[("patches/wrong.yaml", &UNFIT.replace("unset-", "unst-"))],
    );
    git(".", "add patches");
    assert!(run(1, "patches/wrong.yaml").contains("unknown-operation"));
}

#[test]
fn gitlab_runs_its_jobs() {
    let home = Home::new();
    let pipeline = yaml("patches/ci/gitlab-ci.yml");
    for job in ["plan", "apply"] {
        for line in pipeline[job]["script"].as_array().unwrap() {
            let mut shell = home.shell(line.as_str().unwrap());
            shell.env("IMAGE", "app.tar");
            shell.env("CI_COMMIT_SHORT_SHA", "1f2e3d4c");
            ends(0, shell);
        }
        for artifact in pipeline[job]["artifacts"]["paths"].as_array().unwrap() {
            assert!(home.path(artifact.as_str().unwrap()).exists(), "{artifact}");
        }
    }
    home.is_patched("app.tar-1f2e3d4c");
}

#[test]
fn make_builds_by_the_makefile() {
    let Some(_) = tool("make") else { return };
    let home = Home::new();
    fs::copy(root().join("patches/ci/Makefile"), home.path("Makefile")).unwrap();
    let made = || ends(0, home.program("make"));
    assert!(made().contains("apply patches/app.yaml"));
    home.is_patched("app-patched.tar");
    let time = fs::metadata(home.path("app-patched.tar"))
        .unwrap()
        .modified()
        .unwrap();
    let later = time + std::time::Duration::from_secs(10);
    assert!(made().contains("up to date"));
    for path in ["patches/app/etc/added", "patches/app.yaml", "app.tar"] {
        let file = fs::File::options()
            .append(true)
            .open(home.path(path))
            .unwrap();
        let was = file.metadata().unwrap().modified().unwrap();
        file.set_modified(later).unwrap();
        assert!(made().contains("apply patches/app.yaml"), "{path}");
        file.set_modified(was).unwrap();
        // The same bytes: whatever needs it is not made again.
        let now = fs::metadata(home.path("app-patched.tar")).unwrap();
        assert_eq!(now.modified().unwrap(), time, "{path}");
    }
    write_files(home.0.path(), &[("patches/app/etc/added", "other")]);
    made();
    home.is_patched("app-patched.tar");
}

#[test]
fn bazel_has_a_command_that_takes_links_for_files() {
    let Some(mut python) = tool("python3") else {
        return;
    };
    let evaluate = "import sys
def glob(patterns): return ['patches/app/etc/added']
def genrule(name, srcs, outs, cmd): print(cmd)
exec(open(sys.argv[1]).read())";
    let rule = root().join("patches/ci/BUILD.bazel");
    let printed = python.args(["-c", evaluate]).arg(rule).output().unwrap();
    assert!(printed.status.success(), "{}", shown(&printed));
    let command = String::from_utf8(printed.stdout).unwrap();
    let command = command
        .replace("$(location ", "")
        .replace("patches/app.yaml)", "patches/app.yaml")
        .replace("app.tar)", "app.tar")
        .replace("$@", "app-patched.tar")
        .replace("$$", "$");
    let home = Home::new();
    // As in a sandbox.
    ends(0, home.shell("mv patches real && cp -rs \"$PWD/real\" patches && mv app.tar real && ln -s real/app.tar"));
    ends(0, home.shell(&command));
    ends(
        0,
        home.shell("rm -r patches && mv real/app.tar app.tar && mv real patches"),
    );
    home.is_patched("app-patched.tar");
}

#[test]
fn tekton_and_kubernetes_run_their_containers() {
    let home = Home::new();
    let task = yaml("patches/ci/tekton.yaml");
    let step = &task["spec"]["steps"][0];
    let values = [
        ("$(params.patch)", "patches/app.yaml"),
        ("$(params.image)", "app.tar"),
        ("$(params.output)", "tekton.tar"),
        ("$(results.image-id.path)", "image-id"),
    ];
    let program = words(&step["command"], &[]);
    let mut command = home.program(&program[0]);
    command.args(words(&step["args"], &values));
    ends(0, command);
    assert!(home.read("image-id").starts_with("sha256:"));
    home.is_patched("tekton.tar");
    let job = yaml("patches/ci/kubernetes.yaml");
    let container = &job["spec"]["template"]["spec"]["containers"][0];
    let values = [
        ("$(IMAGE)", "../app.tar"),
        ("$(OUTPUT)", "../kubernetes.tar"),
    ];
    let words = words(&container["command"], &values);
    let mut command = home.program(&words[0]);
    command.args(&words[1..]).current_dir(home.path("patches"));
    ends(0, command);
    home.is_patched("kubernetes.tar");
}

#[test]
fn every_file_of_the_recipes_is_run() {
    let own = ["mod.rs", "action.rs"].map(|file| root().join("tests/it/ci").join(file));
    let text = own.map(|path| fs::read_to_string(path).unwrap()).concat();
    for file in fs::read_dir(root().join("patches/ci")).unwrap() {
        let name = format!("patches/ci/{}", file.unwrap().file_name().to_str().unwrap());
        assert!(text.contains(&name), "{name}");
    }
}

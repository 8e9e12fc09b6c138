//! The built program, run as a user runs it.
#![allow(clippy::unwrap_used, reason = "helpers of tests may fail as tests do")]

use std::ffi::OsStr;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Command, Output, Stdio};

use ocipatch::digest::Digest;

/// What keeps a run from reading the cache of whoever runs the tests, and from writing to it.
pub(crate) const NO_CACHE: [(&str, &str); 1] = [("XDG_CACHE_HOME", "/dev/null")];

/// `ocipatch` with nothing of the caller's environment that it reads.
pub(crate) fn command() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_ocipatch"));
    command
        .env_remove("SOURCE_DATE_EPOCH")
        .env_remove("TMPDIR")
        .envs(NO_CACHE)
        .env("NO_COLOR", "1");
    command
}

pub(crate) fn run<I: IntoIterator<Item: AsRef<OsStr>>>(arguments: I) -> Output {
    command().args(arguments).output().unwrap()
}

/// Runs a command that may take `n_bytes` of memory, and so many seconds of a processor; its temporary files are in `home` too.
pub(crate) fn limited(home: &Path, n_bytes: u64, n_seconds: u32, arguments: &[&str]) -> Output {
    let script = format!(
        "ulimit -d {}; ulimit -t {n_seconds}; exec \"$@\"",
        n_bytes / 1024
    );
    let mut command = Command::new("sh");
    command
        .current_dir(home)
        .args(["-c", &script, "sh", env!("CARGO_BIN_EXE_ocipatch")])
        .envs(NO_CACHE)
        .args(arguments)
        .stdin(Stdio::null())
        .env_remove("SOURCE_DATE_EPOCH")
        .env("TMPDIR", home)
        .env("NO_COLOR", "1");
    command.output().unwrap()
}

/// The stdout of a run that has to succeed.
#[track_caller]
pub(crate) fn ok<I: IntoIterator<Item: AsRef<OsStr>>>(arguments: I) -> String {
    let output = run(arguments);
    let (stdout, stderr) = texts(&output);
    assert!(
        output.status.success(),
        "{:?}\n{stdout}\n{stderr}",
        output.status
    );
    stdout
}

fn texts(output: &Output) -> (String, String) {
    let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
    (text(&output.stdout), text(&output.stderr))
}

/// The stderr of a run that has to end with `code`.
#[track_caller]
pub(crate) fn fails<I: IntoIterator<Item: AsRef<OsStr>>>(code: i32, arguments: I) -> String {
    let output = run(arguments);
    let (stdout, stderr) = texts(&output);
    assert_eq!(output.status.code(), Some(code), "{stdout}\n{stderr}");
    stderr
}

/// Writes files below `directory`: pairs of a path and its content.
pub(crate) fn write_files(directory: &Path, files: &[(&str, &str)]) {
    for (path, content) in files {
        let path = directory.join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, content).unwrap();
    }
}

/// The names in a directory, sorted.
pub(crate) fn names(directory: &Path) -> Vec<String> {
    let items = std::fs::read_dir(directory).unwrap();
    let names = items.map(|item| item.unwrap().file_name().into_string().unwrap());
    let mut names: Vec<String> = names.collect();
    names.sort();
    names
}

/// Every path below `directory` with what is there, one a line: nothing changed if this did not.
pub(crate) fn listing(directory: &Path) -> Vec<String> {
    fn walk(directory: &Path, prefix: &str, lines: &mut Vec<String>) {
        for item in std::fs::read_dir(directory).unwrap() {
            let path = item.unwrap().path();
            let name = format!("{prefix}{}", path.file_name().unwrap().to_string_lossy());
            let metadata = path.symlink_metadata().unwrap();
            let mode = metadata.permissions().mode();
            if metadata.is_dir() {
                lines.push(format!("{name}/ {mode:o}"));
                walk(&path, &format!("{name}/"), lines);
            } else if metadata.is_file() {
                let mut file = std::fs::File::open(&path).unwrap();
                let (digest, _) = Digest::of_reader(&mut file).unwrap();
                lines.push(format!("{name} {mode:o} {digest}"));
            } else {
                let target = std::fs::read_link(&path).unwrap_or_default();
                lines.push(format!("{name} {mode:o} -> {}", target.display()));
            }
        }
    }
    let mut lines = Vec::new();
    walk(directory, "", &mut lines);
    lines.sort();
    lines
}

//! Where the cache is, and the places that are not used.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::fs;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, chown, symlink};
use std::path::Path;
use std::process::Command;

use super::Home;
use crate::binary::{command, listing};
use crate::engine::{absent, is_root, tool};

const LINE: [&str; 3] = ["inspect", "--files", "app.tar"];

/// A run of which the environment is chosen.
fn with(home: &Home, environment: &[(&str, &str)]) -> String {
    let mut command = command();
    command.current_dir(home.path(""));
    command.env_remove("XDG_CACHE_HOME").env_remove("HOME");
    command.envs(environment.iter().copied()).args(LINE);
    let output = command.output().unwrap();
    assert!(output.status.success(), "{environment:?}: {output:?}");
    assert!(output.stderr.is_empty(), "{environment:?}: {output:?}");
    String::from_utf8(output.stdout).unwrap()
}

fn mode(path: &Path, mode: u32) {
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
}

#[test]
fn the_cache_is_where_the_user_keeps_caches() {
    let home = Home::new();
    let expected = home.succeeds("inspect --files app.tar --no-cache");
    let at = |name: &str| home.path(name).to_str().unwrap();
    fs::create_dir(at("user")).unwrap();
    let before = listing(home.path(""));
    for environment in [
        &[][..],
        &[("HOME", ""), ("XDG_CACHE_HOME", "")],
        &[("HOME", "user"), ("XDG_CACHE_HOME", "caches")],
        &[("HOME", "/proc"), ("XDG_CACHE_HOME", "../caches")],
        &[("XDG_CACHE_HOME", at("app.tar"))],
        &[("XDG_CACHE_HOME", "/dev/full")],
    ] {
        assert_eq!(with(&home, environment), expected);
        assert_eq!(listing(home.path("")), before, "{environment:?}");
    }
    assert_eq!(with(&home, &[("HOME", at("user"))]), expected);
    let made = home.path("user/.cache/ocipatch");
    assert_eq!(fs::read_dir(made).unwrap().count(), home.blobs().len());
    for directory in [made, home.path("user/.cache")] {
        assert_eq!(fs::metadata(directory).unwrap().mode() & 0o777, 0o700);
    }
    let both = [("HOME", at("user")), ("XDG_CACHE_HOME", at("caches"))];
    fs::remove_dir_all(made).unwrap();
    assert_eq!(with(&home, &both), expected);
    assert!(!made.exists() && home.cache().exists());
    // A relative path is ignored, as the specification says.
    fs::remove_dir_all(home.path("caches")).unwrap();
    let relative = [("HOME", at("user")), ("XDG_CACHE_HOME", "caches")];
    assert_eq!(with(&home, &relative), expected);
    assert!(made.exists() && !home.path("caches").exists());
}

/// Records that would be read if the place were: who cannot trust the place reads the layers.
#[test]
fn a_place_that_others_can_write_to_is_not_used() {
    let home = Home::new();
    let expected = home.succeeds("inspect --files app.tar --no-cache");
    home.forge_all();
    let is_used = || {
        let before = listing(&home.cache());
        let told = home.succeeds("inspect --files app.tar");
        assert!(told == expected || told.contains("forged"));
        assert_eq!(listing(&home.cache()), before);
        told != expected
    };
    assert!(is_used());
    for open in [0o770, 0o702, 0o777, 0o1777] {
        mode(&home.cache(), open);
        assert!(!is_used(), "{open:o}");
    }
    mode(&home.cache(), 0o755);
    assert!(is_used());
    let moved = home.path("caches/moved");
    fs::rename(home.cache(), moved).unwrap();
    symlink("moved", home.cache()).unwrap();
    assert_eq!(home.succeeds("inspect --files app.tar"), expected);
    fs::remove_file(home.cache()).unwrap();
    fs::rename(moved, home.cache()).unwrap();
    // A link further up is the user's choice.
    fs::rename(home.path("caches"), home.path("disk")).unwrap();
    symlink("disk", home.path("caches")).unwrap();
    assert!(is_used());
    if is_root() {
        chown(home.cache(), Some(65534), Some(65534)).unwrap();
        assert!(!is_used());
    }
}

/// `sudo` keeps `HOME`: what root makes there would be in the way of its owner.
#[test]
fn root_leaves_nothing_in_the_home_of_somebody_else() {
    if !is_root() {
        return absent("a home of somebody else", "giving one away needs root");
    }
    let home = Home::new();
    let expected = home.succeeds("inspect --files app.tar --no-cache");
    fs::create_dir_all(home.path("user")).unwrap();
    chown(home.path("user"), Some(65534), Some(65534)).unwrap();
    let user = home.path("user").to_str().unwrap();
    assert_eq!(with(&home, &[("HOME", user)]), expected);
    assert_eq!(fs::read_dir(user).unwrap().count(), 0);
}

#[test]
fn a_full_disk_and_a_read_only_one_are_as_none() {
    if !is_root() {
        return absent("a small disk", "mounting one needs root");
    }
    let home = Home::new();
    let expected = home.succeeds("inspect --files app.tar --no-cache");
    fs::create_dir(home.path("caches")).unwrap();
    for (options, is_made) in [
        ("size=4k,nr_inodes=2", false),
        ("ro", false),
        ("size=4k", true),
    ] {
        let script = format!(
            "mount -t tmpfs -o {options},mode=700 tmpfs caches && {{ \"$@\"; code=$?; find caches -type f | wc -l >&2; exit $code; }}"
        );
        let Some(mut unshare) = tool("unshare") else {
            return;
        };
        let program = home.command().get_program().to_owned();
        unshare.args(["-m", "sh", "-c", &script, "sh"]).arg(program);
        unshare.current_dir(home.path("")).args(LINE);
        unshare.env("XDG_CACHE_HOME", home.path("caches"));
        let output = unshare.output().unwrap();
        let stderr = String::from_utf8_lossy(&output.stderr);
        if stderr.contains("mount:") {
            return absent("a small disk", "mounting one is not permitted here");
        }
        assert!(output.status.success(), "{options}: {output:?}");
        assert_eq!(String::from_utf8_lossy(&output.stdout), expected);
        let n_files: usize = stderr.trim().parse().unwrap();
        assert!(n_files == 0 || is_made, "{options}: {n_files}");
    }
}

/// Who writes beyond the limit would be killed.
#[test]
fn a_limit_for_files_is_kept() {
    let home = Home::new();
    let expected = home.succeeds("inspect --files app.tar --no-cache");
    for blocks in [0, 1] {
        let script = format!("ulimit -f {blocks}; exec \"$@\" | cat");
        let mut shell = Command::new("bash");
        shell.args(["-o", "pipefail", "-c", &script, "sh"]);
        shell.arg(home.command().get_program()).args(LINE);
        shell.env("XDG_CACHE_HOME", home.path("caches"));
        fs::create_dir_all(home.path("caches")).unwrap();
        let output = shell.current_dir(home.path("")).output().unwrap();
        assert!(output.status.success(), "{blocks}: {output:?}");
        assert_eq!(String::from_utf8_lossy(&output.stdout), expected);
    }
    assert!(home.records().iter().all(|name| !name.starts_with("new")));
}

/// A layout opens file after file: what the cache keeps open meanwhile would be missed.
#[test]
fn few_descriptors_are_enough() {
    let home = Home::new();
    fs::create_dir(home.path("caches")).unwrap();
    let fewest = |line: &str| {
        let works = |n: &u32| {
            let _ = fs::remove_dir_all(home.cache());
            let script = format!("ulimit -n {n}; exec \"$@\"");
            let mut shell = Command::new("sh");
            shell.args(["-c", &script, "sh"]);
            shell.arg(home.command().get_program());
            shell.args(["inspect", "--files"]).args(line.split(' '));
            shell.env("XDG_CACHE_HOME", home.path("caches"));
            let output = shell.current_dir(home.path("")).output().unwrap();
            output.status.success()
        };
        (3..30).find(works).unwrap()
    };
    assert_eq!(fewest("app.tar"), fewest("app.tar --no-cache"));
    assert_eq!(fewest("app"), fewest("app --no-cache"));
}

/// Nobody has to keep outputs out of the cache: it removes only what it has named itself.
#[test]
fn an_output_in_the_directory_of_the_cache_stays() {
    let home = Home::new();
    home.succeeds("plan p.yaml app.tar");
    home.succeeds("apply -q p.yaml app.tar -o caches/ocipatch/out.tar");
    home.succeeds("apply -q p.yaml app.tar -o caches/ocipatch/out/");
    let huge = home.cache().join("mine");
    fs::write(&huge, "").unwrap();
    fs::OpenOptions::new()
        .write(true)
        .open(&huge)
        .unwrap()
        .set_len(1 << 30)
        .unwrap();
    home.succeeds("apply -q p.yaml caches/ocipatch/out.tar -o caches/ocipatch/again.tar");
    home.succeeds("verify caches/ocipatch/out.tar");
    home.succeeds("verify caches/ocipatch/again.tar");
    home.succeeds("verify caches/ocipatch/out");
    assert!(huge.exists());
}

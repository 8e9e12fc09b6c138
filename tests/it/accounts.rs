//! Users and groups are as shadow-utils adds them, and an engine runs a container as such a user.
#![allow(clippy::unwrap_used, reason = "helpers of tests may fail as tests do")]

use std::collections::BTreeMap;
use std::io::Read as _;
use std::path::Path;
use std::process::Command;

use proptest::prelude::{Strategy, any};
use serde_json::Value;

use crate::binary::{command, ok, write_files};
use crate::engine::{Docker, absent, fixture, tool};
use crate::random::{check, samples};

/// 2026-11-26, in seconds since 1970.
const EPOCH: &str = "1795651200";
const NAMES: [&str; 4] = ["passwd", "group", "shadow", "gshadow"];
const PASSWD: &str = "root:x:0:0:root:/root:/bin/bash
daemon:x:1:1:daemon:/usr/sbin:/usr/sbin/nologin
sync:x:4:65534:sync:/bin:/bin/sync
www-data:x:33:33:www-data:/var/www:/usr/sbin/nologin
_apt:x:42:65534::/nonexistent:/usr/sbin/nologin
nobody:x:65534:65534:nobody:/nonexistent:/usr/sbin/nologin
";
const GROUP: &str = "root:x:0:
daemon:x:1:
adm:x:4:syslog,daemon
audio:x:29:
www-data:x:33:
video:x:44:root
nogroup:x:65534:
";
const SHADOW: &str = "root:*:19700:0:99999:7:::
daemon:*:19700:0:99999:7:::
sync:*:19700:0:99999:7:::
www-data:*:19700:0:99999:7:::
_apt:*:19700:0:99999:7:::
nobody:*:19700:0:99999:7:::
";
const GSHADOW: &str = "root:*::
daemon:*::
adm:*::syslog,daemon
audio:*::
www-data:*::
video:*::root
nogroup:*::
";
const LOGIN_DEFS: &str = "PASS_MAX_DAYS 99999\nPASS_MIN_DAYS 0\nPASS_WARN_AGE 7\nUID_MAX 60000\n";

/// One operation.
#[derive(Debug, Clone)]
struct Account {
    is_user: bool,
    /// Which of the existing groups is the primary one; beyond them the user has its own.
    primary: usize,
    by_name: bool,
    groups: Vec<usize>,
    home: Option<u8>,
}

/// Groups of the base by name and number.
const GROUPS: [(&str, u32); 4] = [("adm", 4), ("audio", 29), ("video", 44), ("nogroup", 65534)];

fn account() -> impl Strategy<Value = Account> {
    let groups = proptest::sample::subsequence(vec![0, 1, 2, 3], 0..3);
    let home = proptest::option::of(any::<u8>());
    (any::<bool>(), 0..8_usize, any::<bool>(), groups, home).prop_map(
        |(is_user, primary, by_name, groups, home)| Account {
            is_user,
            primary,
            by_name,
            groups,
            home,
        },
    )
}

impl Account {
    fn operation(&self, name: &str, id: u32) -> String {
        if !self.is_user {
            return format!("  - add-group: {{ name: {name}, gid: {id} }}\n");
        }
        let gid = GROUPS.get(self.primary).map(|(name, gid)| {
            let gid = gid.to_string();
            format!(", gid: {}", if self.by_name { name } else { gid.as_str() })
        });
        let groups: Vec<&str> = self.groups.iter().map(|g| GROUPS[*g].0).collect();
        let groups = match &groups[..] {
            [] => String::new(),
            groups => format!(", groups: [{}]", groups.join(", ")),
        };
        let home = self
            .home
            .map(|home| format!(", home: /srv/{home}, shell: /bin/sh"));
        let (gid, home) = (gid.unwrap_or_default(), home.unwrap_or_default());
        format!("  - add-user: {{ name: {name}, uid: {id}{gid}{groups}{home} }}\n")
    }

    fn command(&self, name: &str, id: u32, root: &Path) -> Command {
        let mut command = tool(if self.is_user { "useradd" } else { "groupadd" }).unwrap();
        command
            .env("SOURCE_DATE_EPOCH", EPOCH)
            .arg("--prefix")
            .arg(root);
        let id = id.to_string();
        if !self.is_user {
            command.args(["--gid", &id, name]);
            return command;
        }
        command.args(["--uid", &id, "--no-create-home"]);
        match GROUPS.get(self.primary) {
            Some((group, _)) => command.args(["--gid", group]),
            None => command.arg("--user-group"),
        };
        if !self.groups.is_empty() {
            let groups: Vec<&str> = self.groups.iter().map(|g| GROUPS[*g].0).collect();
            command.args(["--groups", &groups.join(",")]);
        }
        match self.home {
            Some(home) => {
                command.args(["--home-dir", &format!("/srv/{home}"), "--shell", "/bin/sh"])
            }
            None => command.args(["--shell", "/sbin/nologin"]),
        };
        command.arg(name);
        command
    }
}

/// The files of `/etc` that users and groups are in, in the image of an archive.
fn accounts_of(archive: &Path) -> BTreeMap<String, String> {
    let bytes = |name: &str| {
        let mut tar = tar::Archive::new(std::fs::File::open(archive).unwrap());
        let mut entry = tar
            .entries()
            .unwrap()
            .map(Result::unwrap)
            .find(|entry| entry.path().unwrap().to_str() == Some(name))?;
        let mut bytes = Vec::new();
        entry.read_to_end(&mut bytes).unwrap();
        Some(bytes)
    };
    let manifest: Value = serde_json::from_slice(&bytes("manifest.json").unwrap()).unwrap();
    let mut files = BTreeMap::new();
    for layer in manifest[0]["Layers"].as_array().unwrap() {
        let layer = bytes(layer.as_str().unwrap()).unwrap();
        for entry in tar::Archive::new(&layer[..]).entries().unwrap() {
            let mut entry = entry.unwrap();
            let path = entry.path().unwrap().to_str().unwrap().to_owned();
            if let Some(name) = path
                .strip_prefix("etc/")
                .filter(|name| NAMES.contains(name))
            {
                let mut text = String::new();
                entry.read_to_string(&mut text).unwrap();
                files.insert(name.to_owned(), text);
            }
        }
    }
    files
}

fn apply(directory: &Path, operations: &str, from: &Path, to: &str) -> String {
    let patch = format!("apiVersion: ocipatch/v1\noperations:\n{operations}");
    write_files(directory, &[("fix.yaml", &patch)]);
    let mut apply = command();
    apply
        .env("SOURCE_DATE_EPOCH", EPOCH)
        .arg("apply")
        .arg(directory.join("fix.yaml"));
    let output = apply
        .arg(from)
        .arg("-o")
        .arg(directory.join(to))
        .output()
        .unwrap();
    let stderr = String::from_utf8(output.stderr).unwrap();
    assert!(output.status.success(), "{operations}{stderr}");
    stderr
}

#[test]
fn shadow_utils_add_the_same_users_and_groups() {
    if tool("useradd").is_none() || tool("groupadd").is_none() {
        return;
    }
    let variation = (any::<bool>(), any::<bool>());
    let accounts = proptest::collection::vec(account(), 10);
    check(
        20,
        &(variation, accounts),
        |((has_nis, is_open), accounts)| {
            let directory = tempfile::tempdir().unwrap();
            let root = directory.path().join("root");
            let nis = |text: &str, line: &str| match (has_nis, is_open) {
                (true, _) => format!("{text}{line}\n"),
                (false, true) => text.trim_end().to_owned(),
                (false, false) => text.to_owned(),
            };
            write_files(
                &root,
                &[
                    ("etc/passwd", &nis(PASSWD, "+::::::")),
                    ("etc/group", &nis(GROUP, "+:::")),
                    ("etc/shadow", &nis(SHADOW, "+::::::::")),
                    ("etc/gshadow", GSHADOW),
                    ("etc/login.defs", LOGIN_DEFS),
                ],
            );
            apply(
                directory.path(),
                "  - add-layer: { from: root }\n",
                &fixture("docker20.tar"),
                "base.tar",
            );
            let mut operations = String::new();
            for (n, account) in accounts.iter().enumerate() {
                let (name, id) = (format!("u{n}"), 2000 + 7 * u32::try_from(n).unwrap());
                operations.push_str(&account.operation(&name, id));
                let output = account.command(&name, id, &root).output().unwrap();
                assert!(output.status.success(), "{account:?} {output:?}");
            }
            apply(
                directory.path(),
                &operations,
                &directory.path().join("base.tar"),
                "out.tar",
            );
            let found = accounts_of(&directory.path().join("out.tar"));
            for name in NAMES {
                let wanted = std::fs::read_to_string(root.join("etc").join(name)).unwrap();
                assert_eq!(found[name], wanted, "{name} by\n{operations}");
            }
            Ok(())
        },
    );
}

#[test]
fn a_patch_that_adds_accounts_changes_nothing_when_it_is_applied_again() {
    let directory = tempfile::tempdir().unwrap();
    let path = |name: &str| directory.path().join(name);
    let mut operations = String::new();
    for (n, account) in samples(6, &account()).into_iter().enumerate() {
        let id = 2000 + u32::try_from(n).unwrap();
        let account = Account {
            primary: 9,
            groups: Vec::new(),
            ..account
        };
        operations.push_str(&account.operation(&format!("u{n}"), id));
    }
    apply(
        directory.path(),
        &operations,
        &fixture("docker20.tar"),
        "once.tar",
    );
    apply(
        directory.path(),
        &operations,
        &path("once.tar"),
        "twice.tar",
    );
    assert_eq!(
        accounts_of(&path("once.tar")),
        accounts_of(&path("twice.tar"))
    );
    assert_eq!(accounts_of(&path("once.tar")).len(), 2);
}

const OPERATIONS: &str = "  - add-layer: { from: root }
  - add-group: { name: data, gid: 5000 }
  - add-user: { name: app, uid: 4321, groups: [data], home: /srv/app, create-home: true }
  - add-user: { name: other, uid: 4322, gid: data }
  - retag: [\"app:users\"]
";

fn run(docker: &Docker) {
    let Some(busybox) = find_busybox() else {
        return;
    };
    let directory = tempfile::tempdir().unwrap();
    std::fs::create_dir_all(directory.path().join("root/bin")).unwrap();
    std::fs::copy(busybox, directory.path().join("root/bin/busybox")).unwrap();
    apply(
        directory.path(),
        OPERATIONS,
        &fixture("docker20.tar"),
        "out.tar",
    );
    ok([Path::new("verify"), &directory.path().join("out.tar")]);
    docker.load(&directory.path().join("out.tar"));
    let run = |user: &str, script: &str| {
        let run = "run --rm --pull never --network none --entrypoint /bin/busybox --user";
        let run = run.split(' ').chain([user, "app:users"]);
        docker.ok(&run.chain(["sh", "-c", script]).collect::<Vec<_>>())
    };
    let id = "/bin/busybox id -u; /bin/busybox id -g; /bin/busybox id -G; echo $HOME";
    assert_eq!(run("app", id), "4321\n4321\n4321 5000\n/srv/app\n");
    assert_eq!(run("other", id), "4322\n5000\n5000\n/home/other\n");
    assert_eq!(run("app:data", id), "4321\n5000\n5000\n/srv/app\n");
    assert_eq!(
        run(
            "app",
            "echo here >/srv/app/file && /bin/busybox cat /srv/app/file"
        ),
        "here\n"
    );
}

/// A program without libraries that tells who runs it.
fn find_busybox() -> Option<std::path::PathBuf> {
    let path = tool("busybox")?.get_program().to_owned();
    let found = std::env::split_paths(&std::env::var_os("PATH")?)
        .map(|directory| directory.join(&path))
        .find(|path| path.is_file());
    if found.is_none() {
        absent("busybox", "not on PATH");
    }
    found
}

#[test]
fn docker_20_runs_as_a_user_of_a_patch() {
    if let Some(docker) = Docker::v20() {
        run(&docker);
    }
}

#[test]
fn docker_28_runs_as_a_user_of_a_patch() {
    if let Some(docker) = Docker::v28() {
        run(&docker);
    }
}

//! Archives in directories that are changed where they lie: what is in the middle of a change is read as it will be, and
//! nothing acts on it but the next run that writes.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::Output;

use tempfile::TempDir;

use crate::binary::{NO_CACHE, command, listing};
use crate::engine::{absent, is_root, tool};
use crate::faults::leads_somewhere;
use crate::nothing_lost::{home, run};

pub(crate) const LINE: &str = "apply fix.yaml app --in-place";

/// Where a run was killed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Moment {
    /// The list is being written.
    Unlisted,
    /// All is ready, and the old images are there.
    Prepared,
    /// The first document is the new one.
    Begun,
    /// All documents are the new ones.
    Switched,
}

/// A home in which a run of `LINE` was killed; `None` where that cannot be done.
fn interrupted(archive: &str, moment: Moment) -> Option<TempDir> {
    let mut strace = tool("strace")?;
    let home = home(archive);
    let inject = match moment {
        Moment::Unlisted => "renameat:signal=KILL:when=1",
        Moment::Prepared => "renameat:signal=KILL:when=2",
        Moment::Begun => "renameat:signal=KILL:when=3",
        Moment::Switched => "unlinkat:signal=KILL:when=1",
    };
    strace.current_dir(home.path());
    strace.args(["-f", "-qq", "-o", "/dev/null", "-e"]);
    strace.arg(format!("inject={inject}"));
    strace.arg(env!("CARGO_BIN_EXE_ocipatch")).envs(NO_CACHE);
    let output = strace.args(LINE.split(' ')).output().unwrap();
    assert!(output.status.code().is_none(), "{output:?}");
    assert!(change(home.path()).is_dir());
    Some(home)
}

/// The directory of the change that was cut short.
fn change(home: &Path) -> PathBuf {
    let items = fs::read_dir(home.join("app")).unwrap();
    let mut found = items.map(|item| item.unwrap().path()).filter(|path| {
        let name = path.file_name().unwrap().to_str().unwrap();
        name.starts_with(".change.") && name.ends_with(".ocipatch")
    });
    let path = found.next().expect("a change was begun");
    assert!(found.next().is_none());
    path
}

/// Runs a line in `home`, whatever comes of it.
pub(crate) fn end(home: &Path, line: &str) -> Output {
    let mut command = command();
    command.current_dir(home).args(line.split(' '));
    command.output().unwrap()
}

const READERS: [&str; 6] = [
    "inspect --format json app",
    "inspect --files app",
    "verify app",
    "plan --format json label.yaml app",
    "diff --files app app.tar",
    "apply -q label.yaml app",
];

#[test]
fn readers_see_what_the_next_run_will_make_and_nothing_changes() {
    for archive in ["skopeo-oci.tar", "docker20.tar", "docker26.tar"] {
        for moment in [
            Moment::Unlisted,
            Moment::Prepared,
            Moment::Begun,
            Moment::Switched,
        ] {
            if moment == Moment::Begun && archive == "skopeo-oci.tar" {
                // Its only document is its first one.
                continue;
            }
            let (Some(cut), ended) = (interrupted(archive, moment), home(archive)) else {
                return;
            };
            if matches!(moment, Moment::Begun | Moment::Switched) {
                run(ended.path(), LINE);
            }
            let before = listing(cut.path());
            for reader in READERS {
                let output = run(cut.path(), reader);
                let wanted = run(ended.path(), reader);
                assert!(
                    output.stdout == wanted.stdout,
                    "{archive} {moment:?} {reader}"
                );
                assert_eq!(listing(cut.path()), before, "{reader}");
            }
            for (output, line) in [
                ("out.tar", "pack app out.tar"),
                ("out", "apply label.yaml app -o out/"),
            ] {
                for home in [&cut, &ended] {
                    run(home.path(), line);
                }
                let of = |home: &TempDir| {
                    let mut lines = listing(home.path());
                    lines.retain(|line| line.starts_with(output));
                    lines
                };
                assert_eq!(of(&cut), of(&ended), "{archive} {moment:?} {line}");
            }
        }
    }
}

/// A run of root is killed, and somebody else looks at the directory.
#[test]
fn whoever_may_read_the_archive_may_read_the_change() {
    if !is_root() {
        return absent("another user", "only root may become one");
    }
    for moment in [Moment::Prepared, Moment::Begun, Moment::Switched] {
        let Some(home) = interrupted("docker20.tar", moment) else {
            return;
        };
        let open = fs::Permissions::from_mode(0o755);
        fs::set_permissions(home.path(), open).unwrap();
        let nobody = |line: &str| {
            let mut command = command();
            command.current_dir(home.path()).args(line.split(' '));
            command.uid(65534).gid(65534).output()
        };
        if nobody("--version").is_err() {
            return absent("another user", "nobody may not run the program here");
        }
        for line in ["inspect app", "verify app"] {
            let output = nobody(line).unwrap();
            assert!(output.status.success(), "{moment:?} {line}: {output:?}");
            assert_eq!(output.stdout, run(home.path(), line).stdout, "{line}");
        }
    }
}

#[test]
fn what_is_no_file_is_not_changed_in_place() {
    let home = home("docker20.tar");
    rustix::fs::mkfifoat(rustix::fs::CWD, home.path().join("pipe"), 0o644.into()).unwrap();
    for place in ["pipe", "/dev/null"] {
        let output = end(home.path(), &format!("apply fix.yaml {place} --in-place"));
        let message = format!("error: `{place}` cannot be changed in place\n");
        assert_eq!(String::from_utf8_lossy(&output.stderr), message);
        assert_eq!(output.status.code(), Some(3));
    }
}

#[test]
fn a_run_that_is_refused_ends_nothing() {
    for moment in [Moment::Unlisted, Moment::Prepared, Moment::Switched] {
        let Some(home) = interrupted("skopeo-oci.tar", moment) else {
            return;
        };
        let rejected = "apiVersion: ocipatch/v1\noperations: [unset-label: [nonexist]]\n";
        fs::write(home.path().join("rejected.yaml"), rejected).unwrap();
        let before = listing(home.path());
        for (line, code) in [
            ("apply rejected.yaml app --in-place", 1),
            ("apply missing.yaml app --in-place", 3),
            ("apply label.yaml app --in-place --check", 2),
            ("apply label.yaml app --check", 0),
            ("apply label.yaml app --in-place --iidfile missing/id", 3),
        ] {
            let output = end(home.path(), line);
            assert_eq!(output.status.code(), Some(code), "{line}: {output:?}");
            assert_eq!(listing(home.path()), before, "{line}");
        }
    }
}

#[test]
fn a_list_that_was_cut_short_began_nothing() {
    for cut in [0, 1, 18, 40, 200] {
        let Some(home) = interrupted("skopeo-oci.tar", Moment::Prepared) else {
            return;
        };
        // After a power failure a file may be shorter than it was.
        let lines = change(home.path()).join("lines");
        let text = fs::read(&lines).unwrap();
        assert!(text.len() > 200, "{text:?}");
        fs::write(&lines, &text[..cut]).unwrap();
        let index = fs::read(home.path().join("app/index.json")).unwrap();
        run(home.path(), "verify app");
        run(home.path(), "apply label.yaml app --in-place");
        assert_ne!(fs::read(home.path().join("app/index.json")).unwrap(), index);
        let is_ours = |line: &String| line.contains(".ocipatch");
        assert!(!listing(home.path()).iter().any(is_ours));
    }
}

#[test]
fn what_somebody_else_has_written_since_stays() {
    for moment in [Moment::Prepared, Moment::Switched] {
        let Some(home) = interrupted("skopeo-oci.tar", moment) else {
            return;
        };
        let app = home.path().join("app");
        // The same images by another text: what it names must not go, whichever they are.
        let mut text = fs::read(app.join("index.json")).unwrap();
        text.push(b'\n');
        fs::remove_file(app.join("index.json")).unwrap();
        fs::write(app.join("index.json"), &text).unwrap();
        let blobs = listing(&app.join("blobs"));
        // Nothing to do, but to tidy up.
        let line = "apply none.yaml app --in-place";
        let none = "apiVersion: ocipatch/v1\noperations: [unset-label: {match: [nonexist], if-missing: ignore}]\n";
        fs::write(home.path().join("none.yaml"), none).unwrap();
        run(home.path(), line);
        assert_eq!(fs::read(app.join("index.json")).unwrap(), text);
        leads_somewhere(&app, "after the next run");
        assert_eq!(listing(&app.join("blobs")), blobs);
        assert!(!listing(&app).iter().any(|line| line.contains("ocipatch")));
    }
}

/// Of several documents one was switched, and somebody wrote another one: theirs stays, and with it what it names.
#[test]
fn what_somebody_else_has_written_between_two_documents_stays() {
    let Some(home) = interrupted("docker26.tar", Moment::Begun) else {
        return;
    };
    let app = home.path().join("app");
    let mut text = fs::read(app.join("index.json")).unwrap();
    text.push(b'\n');
    fs::write(app.join("index.json"), &text).unwrap();
    let blobs = listing(&app.join("blobs"));
    let trusting = "apiVersion: ocipatch/v1\ntarget: {trust: manifest.json}\noperations: [unset-label: {match: [nonexist], if-missing: ignore}]\n";
    fs::write(home.path().join("none.yaml"), trusting).unwrap();
    let output = end(home.path(), "inspect app");
    assert!(!output.status.success(), "the halves disagree: {output:?}");
    run(
        home.path(),
        "apply none.yaml app --in-place --keep-replaced",
    );
    leads_somewhere(&app, "after the next run");
    let kept = listing(&app.join("blobs"));
    assert!(blobs.iter().all(|line| kept.contains(line)), "{kept:#?}");
    assert!(!listing(&app).iter().any(|line| line.contains("ocipatch")));
}

#[test]
fn a_directory_that_was_moved_is_ended_and_a_copy_is_refused() {
    for moment in [Moment::Unlisted, Moment::Prepared, Moment::Switched] {
        let Some(home) = interrupted("docker20.tar", moment) else {
            return;
        };
        let place = |name: &str| home.path().join(name);
        let copied = std::process::Command::new("cp")
            .args([Path::new("-a"), &place("app"), &place("copy")])
            .status();
        assert!(copied.unwrap().success());
        let before = listing(home.path());
        for line in [
            "inspect copy",
            "verify copy",
            "plan fix.yaml copy",
            "apply fix.yaml copy --in-place",
            "apply fix.yaml copy -o out/",
            "pack copy out.tar",
        ] {
            let output = end(home.path(), line);
            let stderr = String::from_utf8_lossy(&output.stderr);
            assert_eq!(output.status.code(), Some(3), "{line}: {output:?}");
            assert!(
                stderr.contains("interrupted change of another directory"),
                "{stderr}"
            );
            assert!(stderr.contains("the entry `.change."), "{stderr}");
            assert_eq!(listing(home.path()), before, "{line}");
        }
        // As the message says.
        let own = change(home.path()).file_name().unwrap().to_owned();
        fs::remove_dir_all(place("copy").join(own)).unwrap();
        if moment != Moment::Switched {
            run(home.path(), "inspect copy");
        }
        fs::rename(place("app"), place("moved")).unwrap();
        let line = match moment {
            Moment::Switched => "apply label.yaml moved --in-place",
            _ => "apply fix.yaml moved --in-place",
        };
        run(home.path(), line);
        run(home.path(), "apply fix.yaml app.tar -o wanted/");
        assert_eq!(listing(&place("moved")), listing(&place("wanted")));
    }
}

/// Somebody wrote a blob that the change would create, and may have named it by now.
#[test]
fn a_file_of_somebody_else_is_not_taken_back() {
    let Some(home) = interrupted("skopeo-oci.tar", Moment::Prepared) else {
        return;
    };
    let app = home.path().join("app");
    let lines = fs::read_to_string(change(home.path()).join("lines")).unwrap();
    let created = lines.lines().find(|line| line.starts_with("created "));
    let name = created.unwrap().rsplit_once(' ').unwrap().1;
    let blob = app.join(name);
    let bytes = fs::read(&blob).unwrap();
    fs::write(app.join("other"), &bytes).unwrap();
    fs::rename(app.join("other"), &blob).unwrap();
    let other = "apiVersion: ocipatch/v1\noperations: [set-label: {other: x}]\n";
    fs::write(home.path().join("other.yaml"), other).unwrap();
    run(home.path(), "apply other.yaml app --in-place");
    assert_eq!(fs::read(&blob).unwrap(), bytes);
    leads_somewhere(&app, "after the next run");
}

#[test]
fn two_runs_do_not_change_one_archive_at_once() {
    for image in ["app", "app.tar"] {
        let home = home("skopeo-oci.tar");
        let before = listing(home.path());
        let held = fs::File::open(home.path().join(image)).unwrap();
        rustix::fs::flock(&held, rustix::fs::FlockOperation::LockExclusive).unwrap();
        let line = format!("apply fix.yaml {image} --in-place");
        let output = end(home.path(), &line);
        let message = format!("error: `{image}` is being changed by another run\n");
        assert_eq!(String::from_utf8_lossy(&output.stderr), message);
        assert_eq!(output.status.code(), Some(3));
        assert_eq!(listing(home.path()), before);
        drop(held);
        run(home.path(), &line);
    }
}

/// A program that calls the library may take no lock; the change itself is held too.
#[test]
fn a_change_that_is_under_way_is_not_taken_back() {
    let Some(home) = interrupted("skopeo-oci.tar", Moment::Prepared) else {
        return;
    };
    let before = listing(home.path());
    let held = fs::File::open(change(home.path())).unwrap();
    rustix::fs::flock(&held, rustix::fs::FlockOperation::LockExclusive).unwrap();
    let output = end(home.path(), LINE);
    let message = "error: `app` is being changed by another run\n";
    assert_eq!(String::from_utf8_lossy(&output.stderr), message);
    assert_eq!(listing(home.path()), before);
    drop(held);
    run(home.path(), LINE);
}

#[test]
fn many_runs_at_once_leave_a_complete_layout() {
    let home = home("skopeo-oci.tar");
    let run = |_| {
        let mut command = command();
        command.current_dir(home.path()).args(LINE.split(' '));
        command.stdout(std::process::Stdio::null());
        command.stderr(std::process::Stdio::null());
        command.spawn().unwrap()
    };
    let children: Vec<_> = (0..8).map(run).collect();
    let codes = children
        .into_iter()
        .map(|mut child| child.wait().unwrap().code());
    let codes: Vec<_> = codes.collect();
    assert!(codes.contains(&Some(0)), "{codes:?}");
    // 1: one that came after another, and found the image renamed. 3: one that came while another was at it.
    let told = |code: &Option<i32>| matches!(code, Some(0 | 1 | 3));
    assert!(codes.iter().all(told), "{codes:?}");
    leads_somewhere(&home.path().join("app"), "after all of them");
    assert!(
        !listing(home.path())
            .iter()
            .any(|line| line.contains("ocipatch"))
    );
}

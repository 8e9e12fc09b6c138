//! Docker daemons as processes: what is on this machine, and how one starts and ends.

use std::fs::File;
use std::os::unix::fs::FileExt;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use super::release::Release;
use super::{find, is_root};

/// How long a daemon may take to start or end on a machine busy with other tests.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

/// Where a daemon keeps images.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Store {
    Vfs,
    /// Extracts each layer alone.
    Overlay,
    Containerd,
}

/// A daemon: its version, by the release that has it, and its store.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Kind {
    pub(crate) release: Release,
    pub(crate) store: Store,
}

impl Kind {
    pub(crate) const V20: Self = Self {
        release: Release::Bookworm,
        store: Store::Vfs,
    };

    /// As `tests/engines/dockerd` calls it.
    pub(super) fn name(self) -> String {
        let store = match self.store {
            Store::Vfs => "",
            Store::Overlay => "-overlay",
            Store::Containerd => "-containerd",
        };
        self.release.docker().to_owned() + store
    }

    pub(super) fn missing(self) -> Option<String> {
        if !is_root() {
            return Some("a daemon needs root".to_owned());
        }
        if find("docker").is_none() {
            return Some("no docker client on PATH".to_owned());
        }
        if self.release != Release::Bookworm {
            return self.release.missing();
        }
        let Some(daemon) = find("dockerd") else {
            return Some("no dockerd".to_owned());
        };
        let version = Command::new(daemon).arg("--version").output();
        let version = String::from_utf8(version.unwrap().stdout).unwrap();
        (!version.contains("version 20.10")).then(|| format!("dockerd is {}", version.trim()))
    }
}

/// Whether overlayfs is there and takes what is in the directory for temporary files. Where it does not, nothing that can be
/// installed helps, so this is said and is no failure.
pub(crate) fn mounts_overlays() -> bool {
    let directory = tempfile::tempdir().unwrap();
    for name in ["lower", "upper", "work", "merged"] {
        std::fs::create_dir(directory.path().join(name)).unwrap();
    }
    let mount = "mount -t overlay overlay -o lowerdir=lower,upperdir=upper,workdir=work merged";
    let mut unshare = Command::new("unshare");
    unshare.args(["--mount", "sh", "-c", mount]);
    let output = unshare.current_dir(directory.path()).output();
    let mounts = output.is_ok_and(|output| output.status.success());
    if !mounts {
        println!("skipped: no overlay can be mounted in the directory for temporary files");
    }
    mounts
}

/// One process tree with its state. It ends with this value, or with the process, however that ends.
#[derive(Debug)]
pub(super) struct Daemon {
    pub(super) state: PathBuf,
    /// Ends the daemon when the pipe to its stdin closes, as even SIGKILL of this process makes it do.
    pub(super) watchdog: Child,
}

impl Daemon {
    pub(super) fn start(kind: Kind) -> Result<Self, Absence> {
        let state = tempfile::Builder::new()
            .prefix("ocipatch-docker-")
            .tempdir()
            .unwrap()
            .keep();
        // Has no name, so it needs no removal and is still there when the state is gone.
        let log = tempfile::tempfile().unwrap();
        let watchdog =
            Command::new(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/engines/dockerd"))
                .arg(kind.name())
                .arg(&state)
                .stdin(Stdio::piped())
                .stdout(log.try_clone().unwrap())
                .stderr(log.try_clone().unwrap())
                // What ends the tests as a group must leave the watchdog time to clean up.
                .process_group(0)
                .spawn()
                .unwrap();
        let mut daemon = Self { state, watchdog };
        let ready = eventually(PATIENCE, || {
            daemon.has_exited().is_some() || daemon.answers()
        });
        match daemon.has_exited() {
            None if ready => Ok(daemon),
            None => Err(Absence::Broken(format!(
                "no answer in {PATIENCE:?}\n{}",
                tail(&log)
            ))),
            Some(status) => Err(Absence::Broken(format!("{status}\n{}", tail(&log)))),
        }
    }

    fn has_exited(&mut self) -> Option<ExitStatus> {
        self.watchdog.try_wait().unwrap()
    }

    fn answers(&self) -> bool {
        self.client()
            .arg("version")
            .output()
            .unwrap()
            .status
            .success()
    }

    pub(super) fn client(&self) -> Command {
        let mut client =
            Command::new(find("docker").expect("looked for before the daemon started"));
        for variable in [
            "DOCKER_CONTEXT",
            "DOCKER_TLS",
            "DOCKER_TLS_VERIFY",
            "DOCKER_API_VERSION",
        ] {
            client.env_remove(variable);
        }
        client
            .env(
                "DOCKER_HOST",
                format!("unix://{}/docker.sock", self.state.display()),
            )
            .env("DOCKER_CONFIG", self.state.join("client"))
            // Plain `docker build` is the oracle; BuildKit would have to fetch a frontend or be installed.
            .env("DOCKER_BUILDKIT", "0");
        client
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        drop(self.watchdog.stdin.take());
        let _ = self.watchdog.wait();
    }
}

/// Why there is no daemon.
#[derive(Debug)]
pub(crate) enum Absence {
    Missing(String),
    Broken(String),
}

/// Whether `done` holds before `patience` ends.
pub(crate) fn eventually(patience: Duration, mut done: impl FnMut() -> bool) -> bool {
    let start = Instant::now();
    while !done() {
        if start.elapsed() > patience {
            return false;
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    true
}

/// The end of a log that a daemon may still be writing.
fn tail(log: &File) -> String {
    let mut bytes = vec![0; 6000];
    let length = log.metadata().unwrap().len();
    let read = log
        .read_at(&mut bytes, length.saturating_sub(6000))
        .unwrap();
    String::from_utf8_lossy(&bytes[..read]).into_owned()
}

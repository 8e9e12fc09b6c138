//! Docker daemons, each started once per test process.

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::Duration;

use serde_json::Value;

use super::absent;
use super::archive_bytes::image_order;
use super::daemon::{Absence, Daemon, Kind, Store, eventually, mounts_overlays};
use super::release::Release;
use super::tree::tree;

/// `docker save` writes several images in random order; so often it is asked again for the wanted one.
const SAVES: usize = 40;

/// A daemon that the tests of a process share; the first one that asks starts it.
type Shared = OnceLock<Result<Mutex<Docker>, Absence>>;

/// What the containerd store of Docker 28 says of an image that it keeps and cannot unpack; `docker load` then succeeds.
const UNUNPACKED: &str = "Error unpacking image";

/// A running daemon. It ends with this value, or with the process, however that ends.
#[derive(Debug)]
pub(crate) struct Docker {
    kind: Kind,
    /// Replaced by a reset that finds no other way.
    daemon: RefCell<Daemon>,
}

impl Docker {
    pub(crate) fn v20() -> Option<MutexGuard<'static, Self>> {
        static DOCKER: Shared = Shared::new();
        Self::shared(Release::Bookworm, Store::Vfs, &DOCKER)
    }

    pub(crate) fn v20_overlay() -> Option<MutexGuard<'static, Self>> {
        static DOCKER: Shared = Shared::new();
        mounts_overlays().then(|| Self::shared(Release::Bookworm, Store::Overlay, &DOCKER))?
    }

    pub(crate) fn v26() -> Option<MutexGuard<'static, Self>> {
        static DOCKER: Shared = Shared::new();
        Self::shared(Release::Trixie, Store::Vfs, &DOCKER)
    }

    pub(crate) fn v26_containerd() -> Option<MutexGuard<'static, Self>> {
        static DOCKER: Shared = Shared::new();
        Self::shared(Release::Trixie, Store::Containerd, &DOCKER)
    }

    pub(crate) fn v28() -> Option<MutexGuard<'static, Self>> {
        static DOCKER: Shared = Shared::new();
        Self::shared(Release::Forky, Store::Vfs, &DOCKER)
    }

    pub(crate) fn v28_containerd() -> Option<MutexGuard<'static, Self>> {
        static DOCKER: Shared = Shared::new();
        Self::shared(Release::Forky, Store::Containerd, &DOCKER)
    }

    fn shared(
        release: Release,
        store: Store,
        docker: &'static Shared,
    ) -> Option<MutexGuard<'static, Self>> {
        let kind = Kind { release, store };
        match docker.get_or_init(|| Self::start(kind).map(Mutex::new)) {
            // A test that failed says nothing about the daemon.
            Ok(docker) => Some(docker.lock().unwrap_or_else(PoisonError::into_inner)),
            Err(Absence::Missing(reason)) => {
                absent(&format!("Docker {}", kind.name()), reason);
                None
            }
            Err(Absence::Broken(log)) => panic!("Docker {} does not start:\n{log}", kind.name()),
        }
    }

    pub(crate) fn start(kind: Kind) -> Result<Self, Absence> {
        match kind.missing() {
            Some(reason) => Err(Absence::Missing(reason)),
            None => Ok(Self {
                kind,
                daemon: RefCell::new(Daemon::start(kind)?),
            }),
        }
    }

    pub(crate) fn kind(&self) -> Kind {
        self.kind
    }

    /// Where sockets and images are, until the next reset.
    pub(crate) fn state(&self) -> PathBuf {
        self.daemon.borrow().state.clone()
    }

    /// Kills what is to clean up after the daemon, as the machine might.
    pub(crate) fn kill_watchdog(&self) {
        let watchdog = &mut self.daemon.borrow_mut().watchdog;
        watchdog.kill().unwrap();
        watchdog.wait().unwrap();
    }

    /// The client, talking to this daemon and knowing nothing of the user's settings.
    pub(crate) fn command(&self, args: &[&str]) -> Command {
        let mut command = self.daemon.borrow().client();
        command.args(args);
        command
    }

    /// The stdout of a command that has to succeed.
    #[track_caller]
    pub(crate) fn ok(&self, args: &[&str]) -> String {
        String::from_utf8(stdout(&mut self.command(args))).unwrap()
    }

    /// Empties the store: `docker load` does not read a layer again that is already there.
    #[track_caller]
    pub(crate) fn reset(&self) {
        self.remove_all();
        // Only containerd removes layers some time after their image.
        let patience = if self.kind.store == Store::Containerd {
            Duration::from_secs(1)
        } else {
            Duration::ZERO
        };
        if !eventually(patience, || self.leftovers().is_empty()) {
            // Docker 26 keeps the layers of an exported container, and the blobs of a failed load.
            let daemon = Daemon::start(self.kind).expect("it started before");
            self.daemon.replace(daemon);
        }
        assert_eq!(self.ok(&["images", "--all", "--quiet"]), "");
        assert_eq!(self.leftovers(), "");
    }

    /// Removes every container and image. Layers may stay, for the next image that has them.
    #[track_caller]
    pub(crate) fn remove_all(&self) {
        self.remove(&["ps", "--all", "--quiet"], &["rm", "--force", "--volumes"]);
        self.remove(
            &["images", "--all", "--quiet", "--no-trunc"],
            &["rmi", "--force"],
        );
    }

    fn remove(&self, list: &[&str], remove: &[&str]) {
        let listed = self.ok(list);
        // An image is listed once per tag.
        let ids: BTreeSet<&str> = listed.lines().collect();
        if !ids.is_empty() {
            // A parent goes with its last child, so some may be gone when their turn comes.
            let _ = self.command(remove).args(ids).output().unwrap();
        }
    }

    /// Layers that are still in the store, whether an image has them or not.
    fn leftovers(&self) -> String {
        let driver = match self.kind.store {
            Store::Vfs => "vfs",
            Store::Overlay => "overlay2",
            Store::Containerd => return self.leftovers_of_containerd(),
        };
        let layers = format!("data/image/{driver}/layerdb/sha256");
        let layers = std::fs::read_dir(self.state().join(layers)).into_iter();
        let layers = layers.flatten().map(|layer| layer.unwrap().path());
        layers
            .map(|layer| layer.display().to_string() + "\n")
            .collect()
    }

    fn leftovers_of_containerd(&self) -> String {
        let list = |args: &[&str]| {
            let ctr = &mut self.ctr().expect("comes with dockerd");
            String::from_utf8(stdout(ctr.args(["--namespace", "moby"]).args(args))).unwrap()
        };
        let snapshots = list(&["snapshots", "--snapshotter", "native", "list"]);
        list(&["content", "list", "--quiet"])
            + snapshots.split_once('\n').map_or("", |(_, rows)| rows)
    }

    /// `ctr` of the same release, talking to the containerd under this daemon. A namespace of its own keeps images apart.
    pub(crate) fn ctr(&self) -> Option<Command> {
        let mut ctr = self.kind.release.tool("ctr")?;
        ctr.arg("--address")
            .arg(self.state().join("exec/containerd/containerd.sock"));
        Some(ctr)
    }

    /// What `docker load` says.
    #[track_caller]
    pub(crate) fn load(&self, archive: &Path) -> String {
        let said = self.ok(&["load", "--input", archive.to_str().unwrap()]);
        assert!(!said.contains(UNUNPACKED), "{said}");
        said
    }

    /// What `docker load` says of an archive that is damaged.
    #[track_caller]
    pub(crate) fn load_fails(&self, archive: &Path) -> String {
        let archive = archive.to_str().unwrap();
        let output = self.command(&["load", "--input", archive]).output();
        let output = output.unwrap();
        let said = [output.stdout, output.stderr].concat();
        let said = String::from_utf8_lossy(&said).into_owned();
        let has_failed = !output.status.success() || said.contains(UNUNPACKED);
        assert!(has_failed, "{archive} was loaded: {said}");
        said
    }

    #[track_caller]
    pub(crate) fn save(&self, references: &[&str], archive: &Path) {
        self.ok(&[&["save", "--output", archive.to_str().unwrap()], references].concat());
    }

    /// Saves until the images stand in the order of `original`; Docker orders them by chance.
    #[track_caller]
    pub(crate) fn save_like(&self, references: &[&str], original: &Path, archive: &Path) {
        let wanted = image_order(&std::fs::read(original).unwrap());
        let found = (0..SAVES).any(|_| {
            self.save(references, archive);
            image_order(&std::fs::read(archive).unwrap()) == wanted
        });
        assert!(
            found,
            "{SAVES} saves of {references:?} never had the order {wanted:?}"
        );
    }

    #[track_caller]
    pub(crate) fn inspect(&self, reference: &str) -> Value {
        let images: Value =
            serde_json::from_str(&self.ok(&["image", "inspect", reference])).unwrap();
        images[0].clone()
    }

    /// The stdout of a container.
    #[track_caller]
    pub(crate) fn run(&self, reference: &str, args: &[&str]) -> String {
        self.ok(&[
            &[
                "run",
                "--rm",
                "--pull",
                "never",
                "--network",
                "none",
                reference,
            ],
            args,
        ]
        .concat())
    }

    /// The file tree of a container, sorted by path, one line an entry: `0755 0/0 dir usr/bin`,
    /// `0777 0/0 symlink bin -> usr/bin`, `0644 0/0 file etc/hosts 0 bytes 8fd1…`. Extended attributes follow.
    #[track_caller]
    pub(crate) fn export_tree(&self, reference: &str) -> Vec<String> {
        tree(&self.export(reference))
    }

    /// What `docker export` gives of a container that never ran.
    #[track_caller]
    pub(crate) fn export(&self, reference: &str) -> Vec<u8> {
        let container = self.create(reference);
        self.export_container(&container)
    }

    /// The same of many images. Their containers go together.
    #[track_caller]
    pub(crate) fn exports(&self, references: &[String]) -> Vec<Vec<u8>> {
        let create = |reference: &String| self.create(reference);
        let containers: Vec<String> = references.iter().map(create).collect();
        let export = |container: &String| stdout(&mut self.command(&["export", container]));
        let tars = containers.iter().map(export).collect();
        stdout(self.command(&["rm", "--volumes"]).args(containers));
        tars
    }

    /// A container, by its id.
    #[track_caller]
    fn create(&self, reference: &str) -> String {
        // An image without a command needs one to become a container; it is never run.
        let container = self.ok(&[
            "create",
            "--pull",
            "never",
            "--network",
            "none",
            reference,
            "-",
        ]);
        container.trim().to_owned()
    }

    /// The stdout of a container, and then its file tree.
    #[track_caller]
    pub(crate) fn run_and_export(&self, reference: &str, args: &[&str]) -> (String, Vec<String>) {
        let run = "run --name ran --pull never --network none".split(' ');
        let run: Vec<&str> = run.chain([reference]).chain(args.iter().copied()).collect();
        self.ok(&run);
        // On a busy machine a container may end before its output is attached to; the daemon keeps all of it.
        let said = self.ok(&["logs", "ran"]);
        (said, tree(&self.export_container("ran")))
    }

    /// The files of a container, which goes.
    #[track_caller]
    fn export_container(&self, container: &str) -> Vec<u8> {
        let tar = stdout(&mut self.command(&["export", container]));
        self.ok(&["rm", "--volumes", container]);
        tar
    }
}

#[track_caller]
fn stdout(command: &mut Command) -> Vec<u8> {
    let output = command.output().unwrap();
    assert!(
        output.status.success(),
        "{command:?}: {}\n{}",
        output.status,
        String::from_utf8_lossy(&output.stderr)
    );
    output.stdout
}

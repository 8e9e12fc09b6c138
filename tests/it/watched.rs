//! What a watcher is told: each phase with its bytes, which it comes to in the end.
#![allow(clippy::unwrap_used, reason = "helpers of tests may fail as tests do")]

use std::sync::Mutex;
use std::thread::{self, ThreadId};

use ocipatch::archive::Layer;
use ocipatch::compression::Compression;
use ocipatch::watch::{self, Counted, Watcher};
use ocipatch::{Archive, Job, Patches};

use crate::binary::write_files;
use crate::edit::fixture;

/// What was begun, how many bytes it is to come to, what counts, and how far it came.
type Phase = (String, u64, Counted, u64);

static PHASES: Mutex<Vec<Phase>> = Mutex::new(Vec::new());

/// Sees the work of one thread: other tests work meanwhile.
struct OfThread(ThreadId);

impl OfThread {
    fn sees(&self, what: impl FnOnce(&mut Vec<Phase>)) {
        if thread::current().id() == self.0 {
            what(&mut PHASES.lock().unwrap());
        }
    }
}

impl Watcher for OfThread {
    fn begins(&self, what: &str, n_bytes: u64, counted: Counted) {
        self.sees(|phases| phases.push((what.to_owned(), n_bytes, counted, 0)));
    }

    fn moves(&self, n_bytes: u64, counted: Counted) {
        self.sees(|phases| {
            if let Some(phase) = phases.last_mut().filter(|phase| phase.2 == counted) {
                phase.3 += n_bytes;
            }
        });
    }

    fn is_at(&self, n_bytes: u64) {
        self.sees(|phases| phases.last_mut().unwrap().3 = n_bytes);
    }
}

#[test]
fn each_phase_comes_to_what_it_began_with() {
    assert!(watch::set(Box::new(OfThread(thread::current().id()))));
    let home = tempfile::tempdir().unwrap();
    let patch = "apiVersion: ocipatch/v1\noperations:\n  - append-text: { path: /etc/app.conf, content: more }\n  - add-layer: { files: [{ path: /srv/a, content: abc }] }\n";
    write_files(home.path(), &[("fix.yaml", patch)]);
    let patches = Patches::read([home.path().join("fix.yaml")])
        .unwrap()
        .parse()
        .unwrap();
    for name in ["docker26.tar", "docker20.tar.gz", "podman-oci.tar"] {
        let archive = Archive::open(fixture(name)).unwrap();
        let layers = archive.images()[0].layers().iter();
        let n_layer_bytes: u64 = layers.map(Layer::size).sum();
        let out = home.path().join("out.tar");
        let job = Job::new().spool(home.path());
        let plan = job.plan(&archive, &patches).unwrap();
        plan.publish(&out).unwrap();
        let phases = std::mem::take(&mut *PHASES.lock().unwrap());
        // What was decompressed is looked through before the layers are read.
        let (opened, phases) = phases.split_at(phases.len() - 5);
        assert!(opened.iter().all(|phase| phase.3 >= phase.1), "{opened:?}");
        assert_eq!(opened.len(), usize::from(name.contains(".gz")));
        let whats: Vec<&str> = phases.iter().map(|phase| phase.0.as_str()).collect();
        let writing = format!("writing `{}`", out.display());
        let names = [
            "reading layers",
            "reading files",
            "making layer 1",
            "making layer 2",
            &writing,
        ];
        assert_eq!(whats, names, "{phases:?}");
        let [layers, files, one, two, written] = phases else {
            unreachable!("there are five")
        };
        assert_eq!(
            (layers.1, layers.3),
            (n_layer_bytes, n_layer_bytes),
            "{name}"
        );
        // Nothing is read behind the file. What compresses a layer is told by its first bytes, which are read twice.
        let mut sizes = archive.images()[0].layers().iter().map(Layer::size);
        assert!(sizes.any(|size| size == files.1), "{files:?}");
        assert!((1..=files.1 + 8).contains(&files.3), "{files:?}");
        for made in [one, two] {
            assert_eq!((made.1, made.3), (2560, 2560), "{made:?}");
        }
        // Before compression. New entries could have long names.
        let bytes = std::fs::read(&out).unwrap();
        let plain = match Compression::detect(&bytes) {
            Compression::None => bytes.len() as u64,
            packed => std::io::copy(
                &mut packed.decoder(&bytes[..]).unwrap(),
                &mut std::io::sink(),
            )
            .unwrap(),
        };
        assert_eq!(written.3, plain, "{name}");
        assert!(
            (plain..plain + 32 * 1024).contains(&written.1),
            "{written:?}"
        );
    }
}

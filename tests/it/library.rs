//! The library as another program uses it.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::path::Path;

use ocipatch::apply::prepare;
use ocipatch::archive::{Archive, Source};
use ocipatch::gather::{Base, NotPlanned, Patches, Setting, gather};
use ocipatch::patch::PatchFile;

/// Each needs something else of the inventory: documents, the tree, contents of files, what layers hold, expected contents.
const OPERATIONS: &[&str] = &[
    "set-label: {a: b}",
    "set-annotation: {on: manifest, set: {a: b}}",
    "remove-path: ['/etc/**']",
    "add-layer: {files: [{path: /etc/new, content: x}]}",
    "patch-file: {path: /etc/greeting, diff: \"@@ -1 +1 @@\\n-hello from the base layer\\n+x\\n\"}",
    "patch-file: {path: /etc/greeting, in: layer, diff: \"@@ -1 +1 @@\\n-hello from the base layer\\n+x\\n\"}",
    "squash: all",
    "remove-path: {match: ['/etc/**'], purge: true}",
    "set-mode: {set: {'/etc/**': go-w}, in: layer}",
    "add-tag: ['app:2']",
    // These do not fit.
    "unset-label: ['absent']",
    "remove-path: ['/absent']",
    "patch-file: {path: /etc/greeting, diff: \"@@ -1 +1 @@\\n-absent\\n+x\\n\"}",
];

fn fixture(name: &str) -> Archive {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures");
    Archive::open(Source::open(&path.join(name), &std::env::temp_dir()).unwrap()).unwrap()
}

fn patch(operation: &str) -> Patches {
    let text = format!("apiVersion: ocipatch/v1\noperations:\n- {operation}\n");
    let file = PatchFile::parse("fix.yaml", text.as_bytes()).unwrap();
    Patches::from((file, Base::of(Path::new("./fix.yaml"))))
}

#[test]
fn planning_twice_gives_the_same_plan() {
    let spool = std::env::temp_dir();
    let mut n_planned = 0;
    for name in ["docker26.tar", "docker20.tar", "skopeo-oci.tar"] {
        let archive = fixture(name);
        for operation in OPERATIONS {
            let patches = patch(operation);
            let gathered = gather(&patches, &archive, &Setting::default()).unwrap();
            let planned = || match gathered.plan() {
                Ok(plan) => {
                    let prepared = prepare(&plan, &archive, &gathered.opened, &spool).unwrap();
                    Ok(serde_json::to_string(&prepared.summary).unwrap())
                }
                Err(NotPlanned::Rejected(rejected)) => Err(rejected.to_json().to_string()),
                Err(NotPlanned::Failed(error)) => panic!("{operation}: {error}"),
            };
            let first = planned();
            assert_eq!(first, planned(), "{name}: {operation}");
            n_planned += usize::from(first.is_ok());
        }
    }
    assert!(n_planned > 12, "{n_planned} plans");
}

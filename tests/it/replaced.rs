//! What becomes of the blobs that a change in place replaces.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::fs;
use std::path::{Path, PathBuf};

use crate::binary::listing;
use crate::faults::leads_somewhere;
use crate::in_place::{LINE, end};
use crate::nothing_lost::{home, run};

/// The blobs that a layout names, by the paths of the files.
fn named(app: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut unread = vec![app.join("index.json")];
    while let Some(path) = unread.pop() {
        let Ok(value) = serde_json::from_slice(&fs::read(&path).unwrap()) else {
            continue;
        };
        let mut values: Vec<serde_json::Value> = vec![value];
        while let Some(value) = values.pop() {
            if let Some(digest) = value["digest"].as_str() {
                let blob = app.join("blobs").join(digest.replace(':', "/"));
                unread.push(blob.clone());
                found.push(blob);
            }
            values.extend(
                value
                    .as_object()
                    .into_iter()
                    .flat_map(|map| map.values().cloned()),
            );
            values.extend(value.as_array().into_iter().flatten().cloned());
        }
    }
    found
}

#[test]
fn a_reader_that_began_before_finds_every_blob_where_replaced_ones_are_kept() {
    for archive in ["skopeo-oci.tar", "docker26.tar", "docker26-containerd.tar"] {
        for keeps in [false, true] {
            let home = home(archive);
            let app = home.path().join("app");
            let named_before = named(&app);
            let flag = if keeps { " --keep-replaced" } else { "" };
            run(home.path(), &format!("{LINE}{flag}"));
            let missing = named_before.iter().filter(|blob| !blob.exists()).count();
            // A configuration and a manifest at least are others.
            assert!(
                if keeps { missing == 0 } else { missing >= 2 },
                "{archive}: {missing}"
            );
            leads_somewhere(&app, archive);
            let report = String::from_utf8(end(home.path(), "verify app").stdout).unwrap();
            assert_eq!(report.contains("orphan"), keeps, "{report}");
        }
    }
}

#[test]
fn purged_content_goes_with_its_blob() {
    let home = home("skopeo-oci.tar");
    let app = home.path().join("app");
    let purge = "apiVersion: ocipatch/v1\noperations: [remove-path: {match: [/srv/data/secret.txt], purge: true}]\n";
    fs::write(home.path().join("purge.yaml"), purge).unwrap();
    let old = named(&app);
    run(home.path(), "apply purge.yaml app --in-place");
    let new = named(&app);
    let gone: Vec<_> = old.iter().filter(|blob| !new.contains(blob)).collect();
    // The layer, the configuration and the manifest.
    assert_eq!(gone.len(), 3, "{gone:?}");
    assert!(gone.iter().all(|blob| !blob.exists()));
}

#[test]
fn blobs_are_kept_only_where_there_are_some() {
    let said = |archive: &str, line: &str, message: &str| {
        let home = home(archive);
        let before = listing(home.path());
        let output = end(home.path(), line);
        let stderr = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(2), "{stderr}");
        assert!(stderr.contains(message), "{stderr}");
        assert_eq!(listing(home.path()), before);
    };
    let of_a_file = "`app.tar` is a file";
    said(
        "skopeo-oci.tar",
        "apply fix.yaml app.tar --in-place --keep-replaced",
        of_a_file,
    );
    said(
        "docker20.tar",
        &format!("{LINE} --keep-replaced"),
        "`app` is in another form",
    );
    said(
        "skopeo-oci.tar",
        "apply fix.yaml app -o out/ --keep-replaced",
        "cannot be used with '--keep-replaced'",
    );
}

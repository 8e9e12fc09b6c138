//! From a fleet to its lock: what is asked, what is refused, what drifts.

use ocipatch::fleet::drift;

use super::fake::{Fake, digest, lock, patch_reader, problems, write};

const LABEL: &str = "{apiVersion: ocipatch/v1, operations: [set-label: {a: b}]}";

fn fleet(to: &str, images: &str) -> String {
    format!(
        "{{apiVersion: ocipatch/v1, kind: Fleet, patches: [label.yaml], to: \"{to}\", images: [{images}]}}"
    )
}

fn home(to: &str, images: &str) -> tempfile::TempDir {
    let temporary = tempfile::tempdir().unwrap();
    write(
        temporary.path(),
        &[("fleet.yaml", &fleet(to, images)), ("label.yaml", LABEL)],
    );
    temporary
}

#[test]
fn tags_are_listed_once_for_a_repository_and_each_digest_is_asked_once() {
    let fake = Fake::with(&[
        "r.io/app:1.0.0",
        "r.io/app:1.1.0",
        "r.io/app:2.0.0",
        "r.io/app:x",
        "b:3",
    ]);
    let home = home(
        "localhost/{name}:{tag}",
        "{from: r.io/app, tags: {semver: \"1\"}}, {from: \"b:3\"}, {from: r.io/app, tags: {glob: [x]}}",
    );
    let lock = lock(&patch_reader(home.path()), &fake).unwrap();
    assert_eq!(fake.asked(), [1, 4, 0, 0]);
    let entries = lock.entries().iter();
    let entries: Vec<_> = entries
        .map(|it| (it.to.full(), it.from.full(), it.digest))
        .collect();
    let entry = |to: &str, from: &str, name: &str| (to.to_owned(), from.to_owned(), digest(name));
    assert_eq!(
        entries,
        [
            entry("localhost/app:1.0.0", "r.io/app:1.0.0", "r.io/app:1.0.0"),
            entry("localhost/app:1.1.0", "r.io/app:1.1.0", "r.io/app:1.1.0"),
            entry("localhost/app:x", "r.io/app:x", "r.io/app:x"),
            entry("localhost/b:3", "docker.io/library/b:3", "b:3"),
        ]
    );
    assert_eq!(lock.recipes().len(), 1);
}

#[test]
fn what_cannot_be_locked_is_told_at_its_place() {
    let fake = Fake::with(&[
        "r.io/app:1",
        "r.io/app:2",
        "r.io/other/app:1",
        "r.io/app:1-patched",
    ]);
    for (to, images, wanted) in [
        (
            "localhost/{name}:{tag}",
            "{from: r.io/app, tags: {semver: \">=9\"}}, {from: \"r.io/app:1\"}",
            vec!["no-such-tag: none of the 3 tags of `r.io/app` is selected"],
        ),
        (
            "localhost/{name}:{tag}",
            "{from: \"r.io/gone:1\"}",
            vec!["no-such-tag: there is no image `r.io/gone:1`"],
        ),
        (
            "localhost/{name}:{tag}",
            "{from: \"r.io/app:1\"}, {from: \"r.io/other/app:1\"}",
            vec![
                "same-destination: `r.io/app:1` and `r.io/other/app:1` both go to `localhost/app:1`",
            ],
        ),
        (
            "localhost/{name}:{tag}",
            "{from: \"r.io/app:1\"}, {from: r.io/app, tags: {newest: 9, exclude: [\"*-*\", \"2\"]}}",
            vec!["same-destination: `r.io/app:1` goes to `localhost/app:1` twice"],
        ),
        // In place: the next lock would take the result as a source.
        (
            "{registry}/{repository}:{tag}",
            "{from: \"r.io/app:2\"}",
            vec![
                "same-destination: `r.io/app:2` goes to `r.io/app:2`, which is a source of the fleet",
            ],
        ),
        (
            "r.io/app:{tag}-patched",
            "{from: \"r.io/app:1\"}, {from: \"r.io/app:1-patched\"}",
            vec![
                "same-destination: `r.io/app:1` goes to `r.io/app:1-patched`, which is a source of the fleet",
            ],
        ),
        (
            "r.io/app:{tag}-new",
            "{from: r.io/app, tags: {glob: [\"*\"], exclude: [\"*-patched\"]}}",
            vec![
                "same-destination: `r.io/app:1` goes to `r.io/app:1-new`, which would be a source of the fleet",
                "same-destination: `r.io/app:2` goes to `r.io/app:2-new`, which would be a source of the fleet",
            ],
        ),
        (
            "r.io/{registry}/{name}:{tag}",
            "{from: \"localhost:5000/app:1\"}",
            vec![
                "invalid-reference: `localhost:5000/app:1` would go to `r.io/localhost:5000/app:1`: a repository is lower-case letters and digits, joined by `.`, `_`, `__` or `-` and separated by `/`",
            ],
        ),
    ] {
        let home = home(to, images);
        assert_eq!(
            problems(lock(&patch_reader(home.path()), &fake)),
            wanted,
            "{images}"
        );
        assert_eq!(fake.asked()[2..], [0, 0]);
    }
    // A range of versions leaves out what has a suffix, and so the destinations.
    let home = home(
        "r.io/app:{tag}-new",
        "{from: r.io/app, tags: {semver: \"*\"}}",
    );
    assert_eq!(
        lock(&patch_reader(home.path()), &fake)
            .unwrap()
            .entries()
            .len(),
        2
    );
}

#[test]
fn drift_names_every_image_that_is_different() {
    let fake = Fake::with(&["r.io/app:1", "r.io/app:2", "r.io/b:1"]);
    let images = "{from: r.io/app, tags: {glob: [\"*\"]}}, {from: \"r.io/b:1\"}";
    let home = home("localhost/{name}:{tag}", images);
    let patch_reader = patch_reader(home.path());
    let old = lock(&patch_reader, &fake).unwrap();
    assert_eq!(
        drift(&old, &lock(&patch_reader, &fake).unwrap()),
        Vec::<String>::new()
    );
    fake.put("r.io/app:3", digest("3"));
    fake.put("r.io/app:1", digest("new"));
    fake.images.lock().unwrap().remove("r.io/app:2");
    let new = lock(&patch_reader, &fake).unwrap();
    let short = |text: &str| digest(text).short();
    assert_eq!(
        drift(&old, &new),
        [
            "localhost/app:2: no longer part of the fleet".to_owned(),
            format!(
                "localhost/app:1: `r.io/app:1` moved from {} to {}",
                short("r.io/app:1"),
                short("new")
            ),
            "localhost/app:3: not in the lock".to_owned(),
        ]
    );
    write(
        home.path(),
        &[("label.yaml", &LABEL.replace("a: b", "a: c"))],
    );
    let patched = lock(&patch_reader, &fake).unwrap();
    let lines = drift(&new, &patched);
    assert_eq!(lines.len(), 3);
    assert!(lines[0].ends_with(": the patches, their args or their files are different"));
}

//! Which names may be given and moved, and what is told of those that may not.

use super::Site;

#[test]
fn the_tag_that_was_read_moves_in_place_alone() {
    let site = Site::start();
    site.push("docker26.tar", "app:1");
    let before = site.digest("app:1");
    for line in [
        "apply label.yaml @app:1 -o @app:1",
        "apply label.yaml @app:1 --push",
    ] {
        let told = site.fails(3, line);
        assert!(
            told.contains("is the tag that was read; use `--in-place`"),
            "{told}"
        );
        assert_eq!(site.digest("app:1"), before);
    }
    site.ok("apply label.yaml @app:1 --in-place");
    assert_ne!(site.digest("app:1"), before);
}

#[test]
fn a_name_that_exists_is_moved_if_that_is_asked_for() {
    let site = Site::start();
    site.push("docker26.tar", "app:1");
    site.push("crane.tar", "app:2");
    let before = site.digest("app:2");
    let told = site.fails(3, "apply label.yaml @app:1 -o @app:2");
    assert!(
        told.contains(&before) && told.contains("`--overwrite`"),
        "{told}"
    );
    assert_eq!(site.digest("app:2"), before);
    site.ok("apply label.yaml @app:1 -o @app:2 --overwrite");
    assert_ne!(site.digest("app:2"), before);
}

#[test]
fn every_name_of_the_patched_image_is_pushed() {
    let site = Site::start();
    site.push("docker26.tar", "app:rc");
    let domain = site.server.domain();
    site.patch(
        "release.yaml",
        &format!("operations: [retag: [\"{domain}/app:1.2\", \"{domain}/mirror/app:1\"]]"),
    );
    let rc = site.digest("app:rc");
    let pushed = site.ok("apply -q release.yaml @app:rc --push");
    assert_eq!(pushed.lines().count(), 2, "{pushed}");
    assert_eq!(site.digest("app:1.2"), rc);
    assert_eq!(site.digest("mirror/app:1"), rc);
    assert_eq!(site.digest("app:rc"), rc);
    site.patch("untag.yaml", "operations: [retag: []]");
    let told = site.fails(1, "apply untag.yaml @app:rc --push");
    assert!(!told.is_empty());
}

#[test]
fn a_name_that_was_moved_meanwhile_stays_as_it_is() {
    let site = Site::start();
    site.push("docker26.tar", "app:1");
    let read = site.digest("app:1");
    // What was planned is for another image than the one that the tag stands for now.
    site.push("crane.tar", "app:other");
    site.ok("apply -q @app:other -o @app:1 --overwrite");
    let now = site.digest("app:1");
    let line = format!("apply label.yaml @app:1@{read} --in-place");
    let told = site.fails(1, &line);
    assert!(told.contains(&read) && told.contains(&now), "{told}");
    assert_eq!(site.digest("app:1"), now);
}

#[test]
fn what_cannot_be_named_is_told_before_anything_is_sent() {
    let mut site = Site::start();
    site.push("docker26.tar", "app:1");
    let digest = site.digest("app:1");
    let fixture = crate::edit::fixture("docker26-two-images.tar");
    let two = fixture.display();
    site.server.forget();
    for (code, line, told) in [
        (
            2,
            format!("apply label.yaml @app:1 -o @app@{digest}"),
            "use a tag",
        ),
        (
            2,
            "apply label.yaml @App:1 -o x.tar".to_owned(),
            "lower case",
        ),
        (
            2,
            "apply label.yaml @app:1 --to oci-archive -o @app:2".to_owned(),
            "`--to` is the form of a file",
        ),
        (
            2,
            "apply label.yaml @app:1 --overwrite -o x.tar".to_owned(),
            "`--overwrite`",
        ),
        (
            2,
            "unpack @app:1 out".to_owned(),
            "write it to a file first",
        ),
        (3, format!("apply {two} -o @two:1"), "`--push`"),
        (
            3,
            format!("apply label.yaml @app@{digest} --in-place"),
            "no tag to move",
        ),
    ] {
        let shown = site.fails(code, &line);
        assert!(shown.contains(told), "{line}\n{shown}");
    }
    let requests = site.server.requests();
    assert!(
        requests.iter().all(|request| request.starts_with("GET")),
        "{requests:?}"
    );
}

#[test]
fn a_bare_name_leads_to_the_word() {
    let site = Site::start();
    for name in [
        "nginx:latest",
        "registry.example.com/team/app:1",
        "docker:nginx",
    ] {
        let told = site.fails(3, &format!("apply label.yaml {name} -o x.tar"));
        let bare = name.strip_prefix("docker:").unwrap_or(name);
        assert!(
            told.contains(&format!(" docker://{bare} -o x.tar`")),
            "{told}"
        );
    }
    let told = site.fails(3, "apply label.yaml ./nginx.tar -o x.tar");
    assert!(!told.contains("docker://"), "{told}");
}

#[test]
fn one_name_that_may_not_be_given_leaves_all_others() {
    let site = Site::start();
    site.push("docker26.tar", "app:1");
    site.push("crane.tar", "app:z");
    let domain = site.server.domain();
    let tags = format!(
        "operations: [retag: [\"{domain}/app:a\", \"{domain}/other:b\", \"{domain}/app:z\"]]"
    );
    site.patch("retag.yaml", &tags);
    let before = [site.digest("app:1"), site.digest("app:z")];
    let told = site.fails(3, "apply retag.yaml @app:1 --push");
    assert!(
        told.contains("app:z") && !told.contains("written:"),
        "{told}"
    );
    for name in ["app:a", "other:b"] {
        site.fails(3, &format!("inspect @{name}"));
    }
    site.patch(
        "add.yaml",
        &format!("operations: [add-tag: [\"{domain}/app:z\"], set-label: {{a: b}}]"),
    );
    site.fails(3, "apply add.yaml @app:1 --push --in-place");
    assert_eq!([site.digest("app:1"), site.digest("app:z")], before);
}

#[test]
fn another_spelling_of_the_name_that_was_read_is_that_name() {
    let site = Site::start();
    site.push("docker26.tar", "app:1");
    let port = site.server.domain().rsplit_once(':').unwrap().1.to_owned();
    let line = format!("docker://localhost:{port}/app:1 -o docker://LOCALHOST:{port}/app:1");
    let told = site.fails(3, &format!("apply label.yaml {line} --overwrite"));
    assert!(told.contains("`--in-place`"), "{told}");
}

#[test]
fn a_check_shows_the_digest_that_a_push_gives_an_archive() {
    let mut site = Site::start();
    let archive = crate::edit::fixture("docker26.tar");
    let archive = archive.display();
    site.server.forget();
    let ran = site.run(&format!("apply --check --push label.yaml {archive}"));
    assert_eq!(ran.code, Some(0), "{}", ran.stderr);
    assert!(site.server.requests().is_empty());
    site.ok(&format!("apply -q label.yaml {archive} -o @app:1"));
    assert!(ran.stderr.contains(&site.digest("app:1")), "{}", ran.stderr);
}

#[test]
fn a_tag_that_was_removed_meanwhile_is_told_as_such() {
    let site = Site::start();
    site.push("docker26.tar", "app:1");
    let digest = site.digest("app:1");
    site.server.remove_tag("app", "1");
    let told = site.fails(1, &format!("apply label.yaml @app:1@{digest} --in-place"));
    assert!(told.contains("removed"), "{told}");
}

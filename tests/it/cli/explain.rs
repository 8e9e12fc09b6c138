//! `ocipatch explain`: every topic has a page that fits a terminal, and every report of problems leads to one.

use std::collections::BTreeSet;

use ocipatch::operation::definitions;
use ocipatch::patch::Expectation;
use ocipatch::problem::Code;

use crate::binary;

/// The widest line, in columns; no character of these pages is wide.
const WIDTH: usize = 80;

fn explain(topic: &str) -> String {
    let page = binary::ok(["explain", topic]);
    for line in page.lines() {
        assert!(line.chars().count() <= WIDTH, "{topic}: {line}");
    }
    page
}

/// A page without its line breaks, so that a sentence can be found.
fn flat(page: &str) -> String {
    page.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// What a shell offers after `explain`, as its completions list it.
fn offered() -> BTreeSet<String> {
    let script = binary::ok(["completions", "bash"]);
    let (_, after) = script
        .split_once("\n        ocipatch__explain)")
        .or_else(|| script.split_once("ocipatch__subcmd__explain)"))
        .unwrap();
    let (_, after) = after.split_once("opts=\"").unwrap();
    let (words, _) = after.split_once('"').unwrap();
    let words = words
        .split_whitespace()
        .filter(|word| !word.starts_with(['-', '[']));
    words.map(str::to_owned).collect()
}

#[test]
fn every_topic_that_a_shell_offers_has_a_page() {
    let topics = offered();
    for name in [
        "set-label",
        "add-layer.files",
        "target.images",
        "expect.label",
        "fleet.images",
        "unknown-operation",
        "oci-archive",
    ] {
        assert!(topics.contains(name), "{name}");
    }
    let topics: Vec<&str> = topics.iter().map(String::as_str).collect();
    // All in one run: a topic that is none would be a usage error.
    let pages = binary::ok(["explain"].iter().chain(&topics));
    assert!(
        pages.lines().all(|line| line.chars().count() <= WIDTH),
        "{pages}"
    );
    for topic in topics {
        let title = pages
            .lines()
            .any(|line| line.starts_with(&format!("{topic} (")));
        assert!(title, "{topic}");
    }
}

#[test]
fn an_operation_is_explained_whole() {
    for it in definitions() {
        let page = explain(it.name);
        let text = flat(&page);
        for part in [it.docs.does, it.docs.takes, it.docs.example] {
            assert!(text.contains(&flat(part)), "{}: {page}", it.name);
        }
    }
    let page = explain("set-line");
    assert!(page.contains("\n  path (required)\n"), "{page}");
    assert!(
        page.contains("- `layer`: The layer that contains the file"),
        "{page}"
    );
    let page = explain("add-layer");
    assert!(
        page.contains("ocipatch explain add-layer.files\n"),
        "{page}"
    );
    assert!(explain("add-layer.files").contains("\n  path (required)\n"));
}

#[test]
fn preconditions_keys_and_forms_are_explained() {
    for name in Expectation::NAMES {
        let page = explain(&format!("expect.{name}"));
        assert!(
            page.starts_with(&format!("expect.{name} (precondition)\n")),
            "{page}"
        );
    }
    assert_eq!(explain("label"), explain("expect.label"));
    for (topic, shown) in [
        ("args", "  from-env\n"),
        ("args.default", "The value if none is given."),
        ("target.platforms", "multi-platform"),
        ("history", "- `per-operation`: "),
        ("fleet", "  images (required)\n"),
        ("fleet.images.tags", "semver"),
        ("docker://", "registry"),
        ("expect.config.healthcheck.retries", "consecutive failures"),
        ("invisible-character", "cannot be seen"),
        ("shell-form", "[/bin/sh, -c"),
    ] {
        let page = explain(topic);
        assert!(page.contains(shown), "{topic}: {page}");
    }
}

#[test]
fn a_page_says_what_a_value_looks_like_and_its_keys() {
    let page = "target (key)

The images of the archive to change; optional if there is only one.

Value: The images that a patch changes. The default is the only image, for all
  its platforms

Keys:
  images
      Selects the images that one of these patterns matches; optional if there
      is only one image.
      Value: Patterns over tags and ids; for example `app:*`
  platforms
      Selects the platforms of a multi-platform image that one of these patterns
      matches; all by default.
      Value: Patterns over platforms; for example `linux/amd64`
  trust
      Which document to trust if `manifest.json` and `index.json` contradict
      each other.
      Value: One of the two documents that list the images of an archive
      - `manifest.json`: The document that `docker load` reads.
      - `index.json`: The document that readers of OCI layouts read.
";
    assert_eq!(explain("target"), page);
    // What its sentence says is not said again.
    let check = explain("set-healthcheck");
    assert!(
        check.contains("  retries\n") && !check.contains("Value: The number"),
        "{check}"
    );
    let files = explain("add-layer.files");
    assert!(files.contains("\n      - `true`\n"), "{files}");
}

#[test]
fn every_problem_code_says_what_to_do() {
    let mut advice = BTreeSet::new();
    for code in Code::ALL {
        let page = flat(&explain(code.as_str()));
        assert!(page.contains(code.meaning()), "{page}");
        assert!(page.contains(&flat(code.advice())), "{page}");
        assert!(code.advice().len() > 60, "{code}: {}", code.advice());
        advice.insert(code.advice());
    }
    // Patterns that match nothing share theirs.
    assert!(advice.len() + 5 >= Code::ALL.len(), "{}", advice.len());
}

#[test]
fn the_list_has_every_topic_of_its_groups() {
    let list = binary::ok(["explain"]);
    let names = list.lines().filter_map(|line| line.strip_prefix("  "));
    let names: BTreeSet<&str> = names.filter_map(|line| line.split(' ').next()).collect();
    let operations = definitions().iter().map(|it| it.name);
    for name in operations.chain(Code::ALL.iter().map(|code| code.as_str())) {
        assert!(names.contains(name), "{name}");
    }
    assert!(list.lines().all(|line| line.chars().count() <= WIDTH));
    for item in [
        "\n  set-label           Sets labels. Existing ones keep their position, new ones\n                      come last.\n",
        "\n  expect.label       ",
        "\n  fleet.images ",
    ] {
        assert!(list.contains(item), "{list}");
    }
    assert!(
        list.starts_with("`ocipatch explain TOPIC` explains one of these."),
        "{list}"
    );
}

#[test]
fn a_wrong_topic_leads_to_the_right_one() {
    for (wrong, right) in [
        ("set-lable", "`set-label`"),
        ("unkown-operation", "`unknown-operation`"),
        ("oci-archiv", "`oci-archive`"),
        ("add-layer.file", "`add-layer.files`"),
        ("taget", "`target`"),
    ] {
        let message = binary::fails(2, ["explain", wrong]);
        assert!(
            message.contains("did you mean") && message.contains(right),
            "{message}"
        );
    }
    let message = binary::fails(2, ["explain", "xyzzy"]);
    assert!(
        message.contains("`ocipatch explain` lists the topics"),
        "{message}"
    );
}

#[test]
fn a_report_ends_with_its_topics() {
    let directory = tempfile::tempdir().unwrap();
    let patch = "apiVersion: ocipatch/v1\noperations:\n  - set-lable: {a: b}\n  - set-label: {}\n  - set-env: {}\n";
    binary::write_files(directory.path(), &[("fix.yaml", patch)]);
    let path = directory.path().join("fix.yaml");
    let report = binary::fails(1, [std::ffi::OsStr::new("check"), path.as_os_str()]);
    let line = "\nFor more about the problems: ocipatch explain unknown-operation empty\n";
    assert_eq!(report.matches("For more about").count(), 1, "{report}");
    assert!(report.ends_with(line), "{report}");
    let pages = binary::ok(["explain", "unknown-operation", "empty"]);
    assert!(pages.contains("unknown-operation (problem)") && pages.contains("\nempty (problem)"));
}

//! Which tags a filter takes.

use ocipatch::fleet::{FleetFile, TagFilter};

fn filter(tags: &str) -> TagFilter {
    let text = format!(
        "{{apiVersion: ocipatch/v1, kind: Fleet, patches: [p.yaml], to: \"localhost/{{name}}:{{tag}}\", images: [{{from: a/b, tags: {tags}}}]}}"
    );
    let file = FleetFile::parse("fleet.yaml", text.as_bytes());
    let file = file.unwrap_or_else(|rejected| panic!("{}", crate::patch::render(&rejected)));
    file.fleet().images[0].tags.clone().unwrap()
}

#[test]
fn tags_are_taken_by_version_by_name_and_by_age() {
    let all = [
        "1.3.9",
        "1.4.0",
        "v1.4.1",
        "1.5",
        "1.10.0",
        "1.10.1-rc1",
        "2.0.0",
        "2",
        "latest",
        "1.4.0-alpine",
        "1.5.0-alpine",
        "1.10.0-alpine",
        "nightly-2026-01-31",
        "nightly-2026-02-01",
    ];
    for (tags, wanted) in [
        (
            "{semver: \">=1.4, <2\"}",
            vec!["1.10.0", "1.4.0", "1.5", "v1.4.1"],
        ),
        // By version and not by name: 1.10 is newer than 1.5.
        ("{semver: \">=1.4, <2\", newest: 2}", vec!["1.10.0", "1.5"]),
        (
            "{semver: \"1.4\"}",
            vec!["1.10.0", "1.4.0", "1.5", "v1.4.1"],
        ),
        ("{semver: \"~1.4\"}", vec!["1.4.0", "v1.4.1"]),
        (
            "{semver: \"*\", exclude: [\"v*\", \"1.?*\"]}",
            vec!["2", "2.0.0"],
        ),
        ("{semver: \"=1.10.1-rc1\"}", vec!["1.10.1-rc1"]),
        ("{glob: [\"*-alpine\"], newest: 1}", vec!["1.10.0-alpine"]),
        // Not versions: by name.
        (
            "{glob: [\"nightly-*\"], newest: 1}",
            vec!["nightly-2026-02-01"],
        ),
        ("{glob: [\"l*\", \"2*\"]}", vec!["2", "2.0.0", "latest"]),
        (
            "{newest: 2, glob: [\"2\", \"latest\", \"2.0.0\"]}",
            vec!["2.0.0", "latest"],
        ),
        ("{glob: [none]}", vec![]),
        ("{newest: 999999, glob: [\"1.5\"]}", vec!["1.5"]),
    ] {
        let found = filter(tags).select(all.iter().map(|&tag| tag.to_owned()).collect());
        assert_eq!(found, wanted, "{tags}");
        // Neither the order of the registry nor a tag that comes twice makes a difference.
        let again = all.iter().rev().chain(&all).map(|&tag| tag.to_owned());
        assert_eq!(filter(tags).select(again.collect()), wanted, "{tags}");
    }
}

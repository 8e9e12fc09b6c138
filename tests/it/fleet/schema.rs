//! The schema that editors use, held against the parser; `UPDATE=1` rewrites `schema/fleet.schema.json`.

use std::fs;
use std::path::Path;

use ocipatch::fleet::{FleetFile, schema};
use serde_json::Value;

use super::file::VALID;
use crate::schema::everything_is_described;

const IMAGE: &str = "from: \"r.example.com/a:1\"";

fn fleet(image: &str) -> String {
    format!(
        "apiVersion: ocipatch/v1\nkind: Fleet\npatches: [p.yaml]\nto: \"r.example.com/p/{{name}}:{{tag}}\"\nimages: [{{ {image} }}]\n"
    )
}

fn parser_accepts(text: &str) -> bool {
    FleetFile::parse("fleet.yaml", text.as_bytes()).is_ok()
}

fn schema_accepts(text: &str) -> bool {
    let value: Value = serde_yaml::from_str(text).unwrap();
    jsonschema::draft7::is_valid(&schema(), &value)
}

#[test]
fn the_schema_file_is_the_one_of_the_types() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("schema/fleet.schema.json");
    let text = serde_json::to_string_pretty(&schema()).unwrap() + "\n";
    if std::env::var_os("UPDATE").is_some() {
        fs::write(&path, &text).unwrap();
    }
    assert_eq!(fs::read_to_string(&path).unwrap(), text);
}

#[test]
fn the_schema_is_a_draft_7_schema_and_describes_everything() {
    assert!(jsonschema::draft7::meta::is_valid(&schema()));
    everything_is_described(&schema());
}

#[test]
fn parser_and_schema_accept_the_same_fleets() {
    let tags = |tags: &str| fleet(&format!("from: r.example.com/a, tags: {tags}"));
    for text in [
        VALID.to_owned(),
        fleet(IMAGE),
        tags("{ semver: 1.4 }"),
        tags("{ semver: \"*\", newest: 3 }"),
        tags("{ glob: [\"*\"], newest: \"3\" }"),
        tags("{ exclude: [1] }"),
        fleet(&format!(
            "{IMAGE}, args: {{ a-b: 1, _c: true }}, platform: linux/arm/v7"
        )),
        fleet(&format!(
            "{IMAGE}, patches: [q.yaml], to: \"localhost:5000/{{repository}}:x\""
        )),
    ] {
        assert!(parser_accepts(&text), "parser: {text}");
        assert!(schema_accepts(&text), "schema: {text}");
    }
    for text in [
        VALID.replace("kind: Fleet", "kind: Patch"),
        VALID.replace("kind: Fleet\n", ""),
        VALID.replace("ocipatch/v1", "ocipatch/v2"),
        VALID.replace("images:", "image:"),
        "apiVersion: ocipatch/v1\nkind: Fleet\nimages: []\n".to_owned(),
        tags("{}"),
        tags("{ newest: 0 }"),
        tags("{ newest: -1 }"),
        tags("{ newest: 1.5 }"),
        tags("{ glob: \"*\" }"),
        tags("{ glob: [] }"),
        tags("{ glob: [a, a] }"),
        tags("{ glob: [\"\"] }"),
        tags("{ semver: \"\" }"),
        tags("{ newer: 1 }"),
        fleet("to: \"r.example.com/a:1\""),
        fleet("from: \"docker://r.example.com/a:1\""),
        fleet(&format!(
            "from: \"r.example.com/a@sha256:{}\"",
            "0".repeat(64)
        )),
        fleet(&format!("{IMAGE}, to: \"r.example.com/{{name}}\"")),
        fleet(&format!("{IMAGE}, to: \"\"")),
        fleet(&format!("{IMAGE}, args: {{ 1a: b }}")),
        fleet(&format!("{IMAGE}, args: {{ a: [b] }}")),
        fleet(&format!("{IMAGE}, args: {{}}")),
        fleet(&format!("{IMAGE}, patches: []")),
        fleet(&format!("{IMAGE}, patches: [/p.yaml]")),
        fleet(&format!("{IMAGE}, platform: linux")),
    ] {
        assert!(!parser_accepts(&text), "parser: {text}");
        assert!(!schema_accepts(&text), "schema: {text}");
    }
}

#[test]
fn some_mistakes_only_the_parser_knows() {
    for text in [
        // The grammar of references, templates and ranges, and what keys say together.
        fleet("from: \"r.example.com/A:1\""),
        fleet("from: r.example.com/a"),
        fleet(&format!("{IMAGE}, tags: {{ newest: 1 }}")),
        fleet(&format!("{IMAGE}, to: \"{{name}}:{{tag}}\"")),
        fleet(&format!("{IMAGE}, to: \"r.example.com/{{image}}:{{tag}}\"")),
        fleet("from: r.example.com/a, tags: { semver: \">=1.4 <2\" }"),
        fleet(IMAGE).replace("patches: [p.yaml]\n", ""),
        fleet(&format!("{IMAGE}, patches: [p.yaml]")),
    ] {
        assert!(!parser_accepts(&text), "parser: {text}");
        assert!(schema_accepts(&text), "schema: {text}");
    }
}

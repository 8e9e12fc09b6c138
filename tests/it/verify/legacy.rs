//! Legacy ids, derived here from the documents that a version of Docker would have written: `verify` knows all of them.
#![allow(clippy::unwrap_used, reason = "helpers of tests may fail as tests do")]

use std::path::Path;

use ocipatch::archive::Source;
use ocipatch::digest::Digest;
use ocipatch::verify::verify_strictly;

use super::check;
use super::damages::{BASE, CONFIG, TOP, V1_BASE, V1_TOP};
use crate::binary::{ok, write_files};
use crate::edit::{Archive, fixture};

/// Returns the members of an object of Go, in order, as they are spelled; those that `keys` names are all.
fn members<'a>(text: &'a str, keys: &[&'a str]) -> Vec<(&'a str, &'a str)> {
    let starts = keys.iter().filter_map(|key| {
        let spelled = format!("\"{key}\":");
        // A key of the outer object is one that ends at its level.
        let mut at = text.match_indices(&spelled).map(|(at, _)| at);
        let at = at.find(|&at| {
            let depth = |of: char| text[..at].matches(of).count();
            depth('{') == depth('}') + 1
        })?;
        Some((at, *key, at + spelled.len()))
    });
    let mut starts: Vec<_> = starts.collect();
    starts.sort_unstable();
    let ends = starts.iter().skip(1).map(|(at, ..)| at - 1);
    let ends: Vec<usize> = ends.chain([text.len() - 1]).collect();
    let members = starts.iter().zip(ends);
    members
        .map(|((_, key, start), end)| (*key, &text[*start..end]))
        .collect()
}

/// Returns the id that Docker derives for a layer from its document (moby `image/v1/imagev1.go`, `CreateID`).
fn id(document: &str, layer: &str, parent: Option<&str>) -> String {
    let keys = [
        "architecture",
        "author",
        "comment",
        "config",
        "container",
        "container_config",
        "created",
        "docker_version",
        "variant",
        "Size",
        "parent",
        "id",
        "os",
    ];
    let mut hashed = members(document, &keys);
    // Below the top `os` is stored and not hashed.
    let is_hashed = |key| !matches!(key, "id" | "parent") && (parent.is_some() || key != "os");
    hashed.retain(|(key, _)| is_hashed(key));
    let layer = format!("\"sha256:{layer}\"");
    hashed.push(("layer_id", &layer));
    let parent = parent.map(|parent| format!("\"sha256:{parent}\""));
    hashed.extend(parent.as_deref().map(|parent| ("parent", parent)));
    hashed.sort_unstable();
    let members = hashed
        .iter()
        .map(|(key, value)| format!("\"{key}\":{value}"));
    let text = format!("{{{}}}", members.collect::<Vec<_>>().join(","));
    Digest::of(text.as_bytes()).hex()
}

type Edits<'a> = &'a [(&'a str, &'a str)];

/// Edits the configuration and what Docker makes of it, and has the ids derived again.
fn written_by_docker(config: Edits, top: Edits, base: Edits) -> Archive {
    let mut archive = Archive::fixture("docker20.tar");
    let (base_json, top_json) = (format!("{V1_BASE}/json"), format!("{V1_TOP}/json"));
    for (name, edits) in [(CONFIG, config), (&top_json, top), (&base_json, base)] {
        for (old, new) in edits {
            archive.replace(name, old, new);
        }
    }
    archive.repair();
    let text =
        |archive: &mut Archive, part| String::from_utf8(archive.entry(part).data.clone()).unwrap();
    let chain = Digest::of(format!("sha256:{BASE} sha256:{TOP}").as_bytes()).hex();
    let base_id = id(&text(&mut archive, &base_json), BASE, None);
    let top_id = id(&text(&mut archive, &top_json), &chain, Some(&base_id));
    archive.replace_everywhere(V1_BASE, &base_id);
    archive.replace_everywhere(V1_TOP, &top_id);
    archive
}

#[test]
fn ids_of_every_version_of_docker_are_known() {
    let created = "\"created\":\"2026-11-23T05:26:24.153984503Z\",";
    let (mac, without_mac) = ("\"MacAddress\":\"a\",\"OnBuild\"", "\"OnBuild\"");
    let check_of = |more: &str| format!("\"StartPeriod\":1000000000,{more}\"Retries\"");
    let (check_20, check_25) = (check_of(""), check_of("\"StartInterval\":7,"));
    let versions: [(&str, Edits, Edits, Edits); 7] = [
        ("as it is", &[], &[], &[]),
        // `StartInterval` is known since Docker 25.
        ("20", &[(&check_20, &check_25)], &[], &[]),
        (
            "25",
            &[(&check_20, &check_25)],
            &[(&check_20, &check_25)],
            &[],
        ),
        // A configuration without a time: year 1, and `null` since Docker 25.
        (
            "20",
            &[(
                ",\"created\":\"2026-11-23T05:26:24.153984503Z\",\"docker",
                ",\"docker",
            )],
            &[(created, "\"created\":\"0001-01-01T00:00:00Z\",")],
            &[],
        ),
        (
            "25",
            &[(
                ",\"created\":\"2026-11-23T05:26:24.153984503Z\",\"docker",
                ",\"docker",
            )],
            &[(created, "\"created\":null,")],
            &[],
        ),
        // `MacAddress` is kept up to Docker 28; Docker 29 leaves out an empty `OnBuild`.
        ("28", &[(without_mac, mac)], &[(without_mac, mac)], &[]),
        (
            "29",
            &[(without_mac, mac)],
            &[],
            &[("\"OnBuild\":null,", "")],
        ),
    ];
    for (version, config, top, base) in versions {
        let report = check(&written_by_docker(config, top, base));
        assert!(
            report.findings.is_empty(),
            "Docker {version}, {config:?}: {report}"
        );
    }
}

#[test]
fn ids_are_derived_from_texts_as_go_escapes_them() {
    for short in ["\\u0008\\u000c", "\\b\\f"] {
        let go = format!(
            "\\\"\\\\\\n\\r\\t{short}\\u0000\\u001f\\u003c\\u003e\\u0026\\u2028\\u2029\u{7f}é"
        );
        // The configuration may be spelled in any way.
        let other = "\\\"\\\\\\n\\r\\t\\b\\u000C\\u0000\\u001F<>&\u{2028}\u{2029}\\u007f\\u00e9";
        let archive = written_by_docker(&[("myvalue", other)], &[("myvalue", &go)], &[]);
        let report = check(&archive);
        assert!(report.findings.is_empty(), "{short}: {report}");
    }
}

/// What Docker writes of each field that a configuration may have, in the order of its structs.
#[allow(clippy::too_many_lines, reason = "it is one table")]
#[test]
fn ids_are_derived_from_every_field() {
    let cases: [(Edits, Edits); 12] = [
        (
            &[
                ("\"Tty\":false", "\"Tty\":true"),
                (
                    "\"ExposedPorts\":{\"8080/tcp\":{}}",
                    "\"ExposedPorts\":{\"9/udp\":{},\"10/tcp\":{}}",
                ),
            ],
            &[
                ("\"Tty\":false", "\"Tty\":true"),
                (
                    "\"ExposedPorts\":{\"8080/tcp\":{}}",
                    "\"ExposedPorts\":{\"10/tcp\":{},\"9/udp\":{}}",
                ),
            ],
        ),
        (
            &[(
                "\"Entrypoint\":[\"/bin/greet\"]",
                "\"Entrypoint\":\"/bin/greet\"",
            )],
            &[],
        ),
        (
            &[("\"Cmd\":[\"/etc/greeting\"]", "\"Cmd\":null")],
            &[("\"Cmd\":[\"/etc/greeting\"]", "\"Cmd\":null")],
        ),
        (
            &[(
                "\"Cmd\":[\"/etc/greeting\"]",
                "\"ArgsEscaped\":true,\"Cmd\":[]",
            )],
            &[
                ("\"Cmd\":[\"/etc/greeting\"]", "\"Cmd\":[]"),
                (
                    "\"Image\":\"sha256:fe562fd5d7a14d193e9dbb07eb55eed6abd020e659b4cdfc186739b7695d3cc2\",\"Volumes\":{\"/srv/data\":{}},\"WorkingDir\":\"/opt/app\",\"Entrypoint\":[\"/bin/greet\"],\"OnBuild\":[\"ENV CHILD=1\"],\"Labels\":{\"maintainer\":\"ops@example.com\",\"mylabel\":\"myvalue\"},\"StopSignal\":\"SIGINT\",\"Shell\":[\"/bin/greet\",\"-c\"]},\"architecture",
                    "\"ArgsEscaped\":true,\"Image\":\"sha256:fe562fd5d7a14d193e9dbb07eb55eed6abd020e659b4cdfc186739b7695d3cc2\",\"Volumes\":{\"/srv/data\":{}},\"WorkingDir\":\"/opt/app\",\"Entrypoint\":[\"/bin/greet\"],\"OnBuild\":[\"ENV CHILD=1\"],\"Labels\":{\"maintainer\":\"ops@example.com\",\"mylabel\":\"myvalue\"},\"StopSignal\":\"SIGINT\",\"Shell\":[\"/bin/greet\",\"-c\"]},\"architecture",
                ),
            ],
        ),
        (
            &[
                (
                    "\"Shell\":",
                    "\"StopTimeout\":7,\"NetworkDisabled\":true,\"Shell\":",
                ),
                ("\"Labels\":{", "\"Labels\":{\"z\":\"\",\"a\":\"1\","),
            ],
            &[
                ("\"Shell\":", "\"StopTimeout\":7,\"Shell\":"),
                ("\"OnBuild\":[", "\"NetworkDisabled\":true,\"OnBuild\":["),
                (
                    "\"Labels\":{\"maintainer\":\"ops@example.com\",\"mylabel\":\"myvalue\"}",
                    "\"Labels\":{\"a\":\"1\",\"maintainer\":\"ops@example.com\",\"mylabel\":\"myvalue\",\"z\":\"\"}",
                ),
            ],
        ),
        // Of a health check what is zero is left out.
        (
            &[(
                "\"Healthcheck\":{\"Test\":[\"CMD\",\"/bin/greet\"],\"Interval\":30000000000",
                "\"Healthcheck\":{\"Test\":[],\"Interval\":0",
            )],
            &[(
                "\"Healthcheck\":{\"Test\":[\"CMD\",\"/bin/greet\"],\"Interval\":30000000000,",
                "\"Healthcheck\":{",
            )],
        ),
        (
            &[(
                "{\"arch",
                "{\"comment\":\"c\",\"author\":\"a\",\"variant\":\"v1\",\"arch",
            )],
            &[
                ("\"created\"", "\"comment\":\"c\",\"created\""),
                ("\"config\":{", "\"author\":\"a\",\"config\":{"),
                ("\"os\"", "\"variant\":\"v1\",\"os\""),
            ],
        ),
        (
            &[("{\"arch", "{\"Size\":7,\"arch")],
            &[("\"os\":\"linux\"", "\"os\":\"linux\",\"Size\":7")],
        ),
        (&[("{\"arch", "{\"Size\":0,\"comment\":\"\",\"arch")], &[]),
        (
            &[("24.153984503Z\",\"docker", "24.153984500Z\",\"docker")],
            &[("24.153984503Z", "24.1539845Z")],
        ),
        (
            &[("24.153984503Z\",\"docker", "24.000+00:00\",\"docker")],
            &[("24.153984503Z", "24Z")],
        ),
        (
            &[("24.153984503Z\",\"docker", "24.5+01:00\",\"docker")],
            &[("24.153984503Z", "24.5+01:00")],
        ),
    ];
    for (i, (config, top)) in cases.into_iter().enumerate() {
        let report = check(&written_by_docker(config, top, &[]));
        assert!(report.findings.is_empty(), "case {i}, {config:?}: {report}");
    }
}

/// Two derive the ids: what writes them, and what checks them.
#[test]
fn ids_of_texts_with_any_characters_are_those_that_are_checked() {
    let home = tempfile::tempdir().unwrap();
    let text = r"\b\f\n\t\x01\x7f<>&\u2028\u2029é😀";
    let patch = format!(
        "apiVersion: ocipatch/v1\noperations:\n- set-label: {{org.example.odd: \"{text}\"}}\n- set-author: \"{text}\"\n"
    );
    write_files(home.path(), &[("fix.yaml", &patch)]);
    let (fix, out) = (home.path().join("fix.yaml"), home.path().join("out.tar"));
    for name in [
        "docker20.tar",
        "docker26.tar",
        "docker28.tar",
        "podman-docker.tar",
        "podman58-docker.tar",
    ] {
        let image = fixture(name);
        ok([Path::new("apply"), &fix, &image, Path::new("-o"), &out]);
        let found = |path: &Path| {
            let source = Source::open(path, &std::env::temp_dir()).unwrap();
            let report = verify_strictly(&source).unwrap();
            report
                .findings
                .iter()
                .map(|finding| finding.rule)
                .collect::<Vec<_>>()
        };
        assert_eq!(found(&out), found(&image), "{name}");
    }
}

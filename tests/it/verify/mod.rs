//! Real archives have no errors, and each rule catches an archive that no other rule catches.
//!
//! `tests/verify.txt` holds what is said about each; `UPDATE=1` rewrites it.
#![allow(clippy::unwrap_used, reason = "helpers of tests may fail as tests do")]

mod damages;
mod edits;
mod legacy;

use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use ocipatch::archive::Source;
use ocipatch::digest::Digest;
use ocipatch::verify::{Report, Rule, Severity, verify, verify_strictly};

use self::damages::{
    BASE, CONFIG, DAMAGES, Damage, HARMLESS, OTHER, V1_BASE, V1_TOP, by_sha512, sha512,
};
use crate::binary::command;
use crate::edit::{Archive, fixture};

fn check(archive: &Archive) -> Report {
    verify(&archive.open().unwrap()).unwrap()
}

fn strictly(archive: &Archive) -> Report {
    verify_strictly(&archive.open().unwrap()).unwrap()
}

#[test]
fn advice_about_the_archives_of_real_tools_is_true() {
    use Rule::{AnnotationKey, History, IndexPlatform, OuterCompression, StatedMediaType};
    // Every image here has a label whose key names no domain. docker, podman and skopeo state no platform in `index.json`,
    // and of the last two these versions leave the type of the index to the reader.
    for (name, advice) in [
        ("docker20.tar", &[AnnotationKey][..]),
        ("docker20.tar.gz", &[OuterCompression, AnnotationKey]),
        ("docker20-untagged.tar", &[AnnotationKey]),
        ("docker20-two-images.tar", &[AnnotationKey]),
        ("docker20-nasty.tar", &[History, AnnotationKey]),
        ("docker26.tar", &[AnnotationKey, IndexPlatform]),
        ("docker26-two-images.tar", &[AnnotationKey, IndexPlatform]),
        ("docker26-containerd.tar", &[AnnotationKey, IndexPlatform]),
        ("buildx-docker.tar", &[AnnotationKey]),
        ("buildx-oci.tar", &[AnnotationKey]),
        ("buildx-oci-multi.tar", &[AnnotationKey]),
        ("crane.tar", &[AnnotationKey]),
        ("podman-docker.tar", &[AnnotationKey]),
        (
            "podman-oci.tar",
            &[AnnotationKey, IndexPlatform, StatedMediaType],
        ),
        (
            "skopeo-oci.tar",
            &[AnnotationKey, IndexPlatform, StatedMediaType],
        ),
    ] {
        let source = Source::open(&fixture(name), &std::env::temp_dir()).unwrap();
        let report = verify_strictly(&source).unwrap();
        let mut rules: Vec<Rule> = report.findings.iter().map(|finding| finding.rule).collect();
        rules.dedup();
        assert_eq!(rules, advice, "{name}\n{report}");
        assert!(report.is_ok(), "{name}\n{report}");
    }
}

#[test]
fn archives_of_real_tools_have_no_errors() {
    for (name, warnings) in [
        ("docker20.tar", &[][..]),
        ("docker20.tar.gz", &[Rule::OuterCompression]),
        ("docker20-untagged.tar", &[]),
        ("docker20-two-images.tar", &[]),
        // A short history is part of what makes it nasty.
        ("docker20-nasty.tar", &[Rule::History]),
        ("docker26.tar", &[]),
        ("docker26-two-images.tar", &[]),
        ("docker26-containerd.tar", &[]),
        ("buildx-docker.tar", &[]),
        ("buildx-oci.tar", &[]),
        ("buildx-oci-multi.tar", &[]),
        ("crane.tar", &[]),
        ("podman-docker.tar", &[]),
        ("podman-oci.tar", &[]),
        ("skopeo-oci.tar", &[]),
    ] {
        let source = Source::open(&fixture(name), &std::env::temp_dir()).unwrap();
        let report = verify(&source).unwrap();
        let rules: Vec<Rule> = report.findings.iter().map(|finding| finding.rule).collect();
        assert_eq!(rules, warnings, "{name}\n{report}");
        assert!(report.is_ok(), "{name}\n{report}");
    }
}

#[test]
fn strictly_a_warning_is_a_failure_and_advice_is_none() {
    let run = |arguments: &[&str], name: &str| {
        let output = command()
            .arg("verify")
            .args(arguments)
            .arg(fixture(name))
            .output();
        output.unwrap().status.code()
    };
    for (name, of_strict) in [
        ("docker20.tar", 0),
        ("docker20-nasty.tar", 3),
        ("skopeo-oci.tar", 0),
    ] {
        assert_eq!(run(&[], name), Some(0), "{name}");
        assert_eq!(run(&["--strict"], name), Some(of_strict), "{name}");
    }
}

#[test]
fn an_extracted_archive_is_the_same_to_verify() {
    let directory = tempfile::tempdir().unwrap();
    for name in ["docker20-two-images.tar", "docker26.tar"] {
        let path = directory.path().join(name);
        let bytes = fs::read(fixture(name)).unwrap();
        tar::Archive::new(bytes.as_slice()).unpack(&path).unwrap();
        let from_directory = verify(&Source::open(&path, directory.path()).unwrap()).unwrap();
        let from_tar = verify(&Source::open(&fixture(name), directory.path()).unwrap()).unwrap();
        assert_eq!(from_directory.to_string(), from_tar.to_string());
        assert!(from_tar.findings.is_empty(), "{from_tar}");
    }
}

#[test]
fn a_report_ends_with_a_line_that_says_what_was_checked() {
    let report = check(&Archive::fixture("docker26-two-images.tar"));
    assert_eq!(
        report.to_string(),
        "2 images, 5 layers, 37 kB: all digests, sizes, diff ids, ids and references agree"
    );
    let mut archive = Archive::fixture("docker20.tar");
    archive.replace("VERSION", "1.0", "\u{1b}[2J");
    archive.add("\u{1b}[31m", b"");
    let report = check(&archive);
    assert_eq!(
        report.to_string(),
        format!(
            "error[v1-version] {V1_BASE}/VERSION: is not `1.0`\n\
             warning[orphan] \\u{{1b}}[31m: belongs to no image of the archive\n\
             1 image, 2 layers, 24 kB: 1 error, 1 warning"
        )
    );
    let json = serde_json::to_value(&report).unwrap();
    assert_eq!(json["findings"][0]["rule"], "v1-version");
    assert_eq!(json["findings"][0]["severity"], "error");
    assert_eq!(json["images"][0]["platform"], "linux/amd64");
    assert_eq!(json["images"][0]["image_id"], format!("sha256:{CONFIG}"));
}

#[test]
fn ids_that_docker_derived_in_another_time_zone_are_known() {
    let zero = concat!(
        r#"{"Hostname":"","Domainname":"","User":"","AttachStdin":false,"AttachStdout":false,"AttachStderr":false,"#,
        r#""Tty":false,"OpenStdin":false,"StdinOnce":false,"Env":null,"Cmd":null,"Image":"","Volumes":null,"#,
        r#""WorkingDir":"","Entrypoint":null,"OnBuild":null,"Labels":null}"#
    );
    let (utc, berlin) = ("1970-01-01T00:00:00Z", "1970-01-01T01:00:00+01:00");
    let id = |time: &str| {
        let hashed = format!(
            r#"{{"container_config":{zero},"created":"{time}","layer_id":"sha256:{BASE}"}}"#
        );
        Digest::of(hashed.as_bytes()).hex()
    };
    assert_eq!(id(utc), V1_BASE);
    let mut archive = Archive::fixture("docker20.tar");
    archive.replace(&format!("{V1_BASE}/json"), utc, berlin);
    archive.replace_everywhere(V1_BASE, &id(berlin));
    // The top layer's id follows from its parent's, so it is another one too.
    let report = check(&archive);
    let messages: Vec<&str> = report.findings.iter().map(|f| f.message.as_str()).collect();
    let [message] = messages[..] else {
        panic!("{report}")
    };
    let top = message.rsplit('`').nth(1).unwrap();
    archive.replace_everywhere(V1_TOP, top);
    let report = check(&archive);
    assert!(report.findings.is_empty(), "{report}");
}

#[test]
fn what_is_named_by_sha512_is_computed() {
    let mut archive = Archive::fixture("skopeo-oci.tar");
    by_sha512(&mut archive, "sha256/722078");
    archive.replace("blobs/sha512/", "myvalue", "my_alue");
    let report = check(&archive);
    let errors = |report: &Report| -> Vec<Rule> {
        let findings = report.findings.iter();
        let errors = findings.filter(|finding| finding.severity == Severity::Error);
        errors.map(|finding| finding.rule).collect()
    };
    assert_eq!(errors(&report), [Rule::BlobDigest], "{report}");
    assert!(report.to_string().contains("sha512:"), "{report}");

    // The diff id of a layer that is compressed.
    let mut archive = Archive::fixture("crane.tar");
    let mut layer = archive.entry(".tar.gz").data.clone();
    layer = damages::decompressed(&layer);
    let (short, long) = (Digest::of(&layer).hex(), sha512(&layer));
    archive.replace(
        "sha256:",
        &format!("sha256:{short}"),
        &format!("sha512:{long}"),
    );
    archive.repair();
    let report = check(&archive);
    assert_eq!(errors(&report), [], "{report}");
    archive.replace("sha256:", &long, &"0".repeat(128));
    archive.repair();
    let report = check(&archive);
    assert_eq!(errors(&report), [Rule::DiffId], "{report}");
}

/// A statement may list every file of an image: it is streamed, and its size is not that of a document.
#[test]
fn a_statement_of_many_megabytes_is_read() {
    let mut archive = Archive::fixture("buildx-oci-multi.tar");
    let long = format!("\"files\":\"{}\",\"predicate\":", "x".repeat(9 << 20));
    archive.replace("sha256/1cc24a", "\"predicate\":", &long);
    // What the number is longer, the blank is shorter: no other size changes.
    let size = format!("\"size\": {}", archive.entry("sha256/1cc24a").data.len());
    archive.replace("sha256/8cd939", "\"size\": 4808", &size);
    assert_eq!(size.len(), "\"size\": 4808".len() + 3);
    archive.replace(
        "sha256/8cd939",
        "\"schemaVersion\": 2,\n  ",
        "\"schemaVersion\":2,\n",
    );
    archive.repair();
    let report = check(&archive);
    assert!(report.findings.is_empty(), "{report}");
}

#[test]
fn what_no_reader_may_refuse_is_not_found() {
    // Unknown keys, unknown media types, blobs of nothing, referrers of what is elsewhere, several platforms of which one is
    // missing: image-spec has a MUST for each.
    let mut archive = Archive::fixture("docker26-containerd.tar");
    let other = format!(
        "[{{\"mediaType\":\"application/x-y\",\"digest\":\"sha256:{OTHER}\",\"size\":1,\"unknown\":[7]}},{{"
    );
    archive.replace("index.json", "[{", &other);
    archive.replace("sha256/b35f", "{\"schema", "{\"x\":{},\"schema");
    archive.replace(CONFIG, "{\"arch", "{\"x\":{},\"arch");
    archive.repair();
    let report = check(&archive);
    assert!(report.is_ok(), "{report}");
    let rules: Vec<Rule> = report.findings.iter().map(|finding| finding.rule).collect();
    assert_eq!(rules, [Rule::AbsentBlob], "{report}");
}

#[test]
fn a_hostile_archive_cannot_blow_up_the_report_or_drown_an_error() {
    let mut archive = Archive::fixture("docker20.tar");
    archive.replace("VERSION", "1.0", "1.1");
    let tag = format!("\"{}\",", "X".repeat(10_000)).repeat(300);
    archive.replace(
        "manifest.json",
        "[\"greeter:1\"",
        &format!("[{tag}\"greeter:1\""),
    );
    for i in 0..6000 {
        archive.add(&format!("junk/{i}"), b"");
    }
    let report = check(&archive);
    assert!(
        report
            .findings
            .iter()
            .any(|finding| finding.rule == Rule::V1Version)
    );
    assert!(report.to_string().len() < 2_000_000);
}

fn changed(name: &str, change: Damage) -> Archive {
    let mut archive = Archive::fixture(name);
    change(&mut archive);
    archive
}

fn edited(name: &str, part: &str, (old, new): (&str, &str)) -> Archive {
    let mut archive = Archive::fixture(name);
    archive.replace(part, old, new);
    archive.repair();
    archive
}

/// Returns every rule with an archive that breaks it, how bad that is, and the archive as it was.
fn damaged() -> impl Iterator<Item = (Rule, Severity, &'static str, Archive)> {
    let changed = DAMAGES
        .iter()
        .map(|(rule, severity, name, damage)| (*rule, *severity, *name, changed(name, *damage)));
    let edited = edits::EDITS
        .iter()
        .map(|&(rule, severity, name, part, old, new)| {
            (rule, severity, name, edited(name, part, (old, new)))
        });
    changed.chain(edited)
}

#[test]
fn each_rule_catches_what_no_other_catches() {
    let (mut failures, mut said) = (Vec::new(), String::new());
    for (i, (rule, severity, name, archive)) in damaged().enumerate() {
        let known = strictly(&Archive::fixture(name)).findings;
        let mut report = strictly(&archive);
        let is_known = |message: &String| known.iter().any(|known| known.message == *message);
        report
            .findings
            .retain(|finding| !is_known(&finding.message));
        // Advice stands beside an error where it has to; `tests/verify.txt` shows it.
        let findings = report.findings.iter();
        let worst = severity.max(Severity::Warning);
        let findings = findings.filter(|finding| finding.severity <= worst);
        let mut rules: Vec<Rule> = findings.map(|finding| finding.rule).collect();
        rules.dedup();
        let first = report.findings.first().map(|finding| finding.severity);
        if rules != [rule] || first != Some(severity) {
            failures.push(format!("case {i}, {rule}, {severity}, {name}:\n{report}"));
        }
        writeln!(said, "# {name}\n{report}\n").unwrap();
    }
    assert!(failures.is_empty(), "{}", failures.join("\n\n"));
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/verify.txt");
    if std::env::var_os("UPDATE").is_some() {
        fs::write(&path, &said).unwrap();
    }
    assert_eq!(said, fs::read_to_string(&path).unwrap());
}

#[test]
fn what_every_reader_takes_is_not_found() {
    let edits = edits::HARMLESS.iter();
    let edits = edits.map(|&(name, part, old, new)| (name, edited(name, part, (old, new))));
    let changed = HARMLESS
        .iter()
        .map(|(name, change)| (*name, changed(name, *change)));
    for (i, (name, archive)) in changed.chain(edits).enumerate() {
        let known = strictly(&Archive::fixture(name)).findings;
        let report = strictly(&archive);
        let is_known = |message: &String| known.iter().any(|known| known.message == *message);
        let mut found = report.findings.iter();
        assert!(
            found.all(|finding| is_known(&finding.message)),
            "case {i}, {name}:\n{report}"
        );
    }
}

#[test]
fn no_rule_is_without_a_damaged_archive() {
    for rule in Rule::ALL {
        // docker20.tar.gz is its case.
        let is_covered = *rule == Rule::OuterCompression || DAMAGES.iter().any(|(r, ..)| r == rule);
        assert!(is_covered, "{rule}");
    }
}

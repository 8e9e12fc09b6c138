//! Real archives have no errors, and each rule catches an archive that no other rule catches.
//!
//! One file because the damages are one list, and what is said about them is short.
#![allow(clippy::unwrap_used, reason = "helpers of tests may fail as tests do")]

use std::io::Write;

use ocipatch::archive::Source;
use ocipatch::compression::Compression;
use ocipatch::digest::Digest;
use ocipatch::verify::{Report, Rule, verify, verify_strictly};
use tar::EntryType;

use crate::edit::{self, Archive, fixture};

const BASE: &str = "65ecc442f26c8e151468334455f008b106365cc85a90c23e42f8827c19f62955";
const TOP: &str = "e389ba439fbca16cf9888144484c9e6cc56d67238e02c4ab4d5ad69f77de3caf";
const CONFIG: &str = "fba3ad4aca61080a0cdecdcaa2abf0497c03c54b342b782b65df3e779b38beee";
const V1_BASE: &str = "a26bb6160b554c9d44a078cdbc7e80251853c08aa69de97b11804492fd9a05ad";
const V1_TOP: &str = "c6feb8eae558727a76eaf657569f3e2a48611f8364b36babfe202d588011e4f7";
const OTHER: &str = "1111111111111111111111111111111111111111111111111111111111111111";
/// The manifest blobs of docker26.tar and docker26-containerd.tar.
const MANIFEST_26: &str = "sha256/0b07";
const MANIFEST_C: &str = "sha256/b35f";

fn check(archive: &Archive) -> Report {
    verify(&archive.open().unwrap()).unwrap()
}

fn strictly(archive: &Archive) -> Report {
    verify_strictly(&archive.open().unwrap()).unwrap()
}

#[test]
fn advice_about_the_archives_of_real_tools_is_true() {
    for (name, advice) in [
        ("docker20.tar", &[][..]),
        ("docker26.tar", &[]),
        ("docker26-containerd.tar", &[]),
        ("buildx-oci-multi.tar", &[]),
        ("crane.tar", &[]),
        ("podman-docker.tar", &[]),
        // Their versions leave the type of the index, or of the manifest, to the reader.
        ("podman-oci.tar", &[Rule::StatedMediaType]),
        ("skopeo-oci.tar", &[Rule::StatedMediaType]),
    ] {
        let report = strictly(&Archive::fixture(name));
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
fn an_extracted_archive_is_the_same_to_verify() {
    let directory = tempfile::tempdir().unwrap();
    for name in ["docker20-two-images.tar", "docker26.tar"] {
        let path = directory.path().join(name);
        let bytes = std::fs::read(fixture(name)).unwrap();
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

type Damage = fn(&mut Archive);

/// Each rule, a real archive, and what to do to it.
#[rustfmt::skip]
const DAMAGES: &[(Rule, &str, Damage)] = &[
    (Rule::NoManifest, "docker26.tar", |a| a.remove("manifest.json")),
    (Rule::BadJson, "docker20.tar", |a| a.entry("repositories").data = b"{".to_vec()),
    (Rule::BadJson, "docker20.tar", |a| a.entry("repositories").data = b"[".repeat(100_000)),
    (Rule::BadJson, "docker20.tar", |a| a.entry("repositories").data = vec![b' '; 5 << 20]),
    (Rule::TrailingBytes, "docker20.tar", |a| a.entry("manifest.json").data.push(b'x')),
    (Rule::RepeatedKey, "docker20.tar", |a| a.replace("manifest.json", "[{", "[{\"Config\":\"x\",")),
    (Rule::AmbiguousKey, "docker20.tar", |a| a.replace("manifest.json", "[{", "[{\"layer\u{17f}\":[],")),
    (Rule::BadShape, "docker20.tar", |a| a.replace("manifest.json", "[{", "[{\"LayerSources\":7,")),
    (Rule::MissingEntry, "docker20.tar", |a| a.remove(&format!("{V1_BASE}/layer.tar"))),
    (Rule::MissingEntry, "docker20-two-images.tar", |a| {
        let link = format!("../{OTHER}/layer.tar");
        a.entry("59ec9b39a8a9173eacef0d841d4642bdc2ac9a19c415599579d27891fed0a40c/layer.tar").header.set_link_name(link).unwrap();
    }),
    (Rule::MissingEntry, "docker20-two-images.tar", |a| {
        a.entry("59ec9b39a8a9173eacef0d841d4642bdc2ac9a19c415599579d27891fed0a40c/layer.tar").header.set_link_name("layer.tar").unwrap();
    }),
    (Rule::UnportableLink, "docker20.tar", |a| {
        let name = format!("{V1_BASE}/layer.tar");
        let mut link = a.entry(&name).clone();
        a.entry(&name).name = String::from("data");
        link.header.set_entry_type(EntryType::Link);
        link.header.set_link_name("data").unwrap();
        link.data.clear();
        a.entries.push(link);
    }),
    (Rule::DuplicateEntry, "docker20.tar", |a| { let twin = a.entry("repositories").clone(); a.entries.push(twin); }),
    (Rule::EntryName, "docker26.tar", |a| a.entry("oci-layout").name = String::from("./oci-layout")),
    (Rule::PathSpelling, "docker20.tar", |a| a.replace("manifest.json", "\"Config\":\"", "\"Config\":\"./")),
    (Rule::BlobDigest, "docker26.tar", |a| {
        let media_type = "\"mediaType\":\"application/vnd.oci.image.manifest.v1+json\"";
        a.replace(MANIFEST_26, &format!("\"schemaVersion\":2,{media_type}"), &format!("{media_type},\"schemaVersion\":2"));
    }),
    // A blob may be a link; what it leads to must have the digest of its name all the same.
    (Rule::BlobDigest, "docker26-containerd.tar", |a| {
        a.add("data", b"");
        a.entry("data").data = a.entry(MANIFEST_C).data.clone();
        a.replace("data", "{\"schemaVersion\":2,", "{\"schemaVersion\":2 ,");
        a.replace("index.json", "\"size\":577", "\"size\":578");
        let blob = a.entry(MANIFEST_C);
        blob.header.set_entry_type(EntryType::Symlink);
        blob.header.set_link_name("../../data").unwrap();
        blob.data.clear();
    }),
    (Rule::BlobName, "docker26.tar", |a| a.add("blobs/sha512/abc", b"x")),
    (Rule::ConfigName, "docker20.tar", |a| a.entry(CONFIG).data.push(b'\n')),
    (Rule::LayerName, "crane.tar", |a| {
        let name = a.entry(".tar.gz").name.clone();
        a.replace_everywhere(&name, &format!("{OTHER}.tar.gz"));
    }),
    (Rule::Orphan, "docker20.tar", |a| a.add("notes.txt", b"x")),
    (Rule::Orphan, "docker26.tar", |a| {
        let stale = a.entry("2505d4").data.clone();
        let stale = String::from_utf8(stale).unwrap().replace(V1_TOP, OTHER).into_bytes();
        a.add("blobs/sha256/5", &stale);
        let hex = Digest::of(&stale).hex();
        a.entry("sha256/5").name = format!("blobs/sha256/{hex}");
    }),
    (Rule::LayerCount, "docker26-containerd.tar", |a| a.replace("manifest.json", &format!(",\"blobs/sha256/{TOP}\""), "")),
    (Rule::DiffId, "docker26-containerd.tar", |a| {
        a.replace(CONFIG, &format!("\"sha256:{BASE}\",\"sha256:{TOP}\""), &format!("\"sha256:{TOP}\",\"sha256:{BASE}\""));
        a.repair();
    }),
    (Rule::DiffId, "docker26-containerd.tar", |a| {
        a.replace(CONFIG, &format!("\"sha256:{BASE}\","), "\"sha256:abc\",");
        a.repair();
    }),
    (Rule::DiffId, "docker20.tar", |a| {
        let data = &mut a.entry(&format!("{V1_BASE}/layer.tar")).data;
        let at = data.windows(5).position(|window| window == b"hello").unwrap();
        data[at] ^= 1;
    }),
    // The diff id covers what stands behind the end of the tar.
    (Rule::DiffId, "docker20.tar", |a| a.entry(&format!("{V1_BASE}/layer.tar")).data.push(7)),
    (Rule::LayerCompression, "crane.tar", |a| { a.entry(".tar.gz").data.truncate(100); a.repair(); }),
    (Rule::UnportableCompression, "crane.tar", |a| {
        let data = recompress(&a.entry(".tar.gz").data, Compression::Zstd);
        a.entry(".tar.gz").data = data;
        a.repair();
    }),
    (Rule::LayerMediaType, "buildx-docker.tar", |a| {
        let manifest = manifest_blob(a);
        a.replace(&manifest, "diff.tar.gzip", "diff.tar");
        a.repair();
    }),
    (Rule::LayerTar, "docker26-containerd.tar", |a| { a.entry(BASE).data = b"no tar".repeat(200); a.repair(); }),
    (Rule::LayerDuplicatePath, "docker26-containerd.tar", |a| set_layer(a, &[(EntryType::Regular, "a"), (EntryType::Regular, "./a")])),
    (Rule::LayerSparse, "docker26-containerd.tar", |a| set_layer(a, &[(EntryType::GNUSparse, "a")])),
    (Rule::LayerWhiteout, "docker26-containerd.tar", |a| set_layer(a, &[(EntryType::Regular, "d/.wh.")])),
    (Rule::LayerHardLink, "docker26-containerd.tar", |a| set_layer(a, &[(EntryType::Link, "a -> b"), (EntryType::Regular, "b")])),
    (Rule::Rootfs, "docker26-containerd.tar", |a| { a.replace(CONFIG, "\"type\":\"layers\"", "\"type\":\"other\""); a.repair(); }),
    (Rule::Platform, "docker26-containerd.tar", |a| { a.replace(CONFIG, "\"os\":\"linux\",", ""); a.repair(); }),
    (Rule::History, "docker26-containerd.tar", |a| { a.replace(CONFIG, "\"history\":[", "\"history\":[{\"created_by\":\"x\"},"); a.repair(); }),
    (Rule::Env, "docker26-containerd.tar", |a| { a.replace(CONFIG, "\"PATH=/usr/bin:/bin\"", "\"PATH\""); a.repair(); }),
    (Rule::Created, "docker26-containerd.tar", |a| { a.replace(CONFIG, "\"2026-11-23T05:26:24.153984503Z\"", "\"yesterday\""); a.repair(); }),
    (Rule::RepoTag, "docker26-containerd.tar", |a| a.replace("manifest.json", "\"greeter:1\"", "\"greeter:1\",\"Greeter:1\"")),
    (Rule::RepoTag, "docker26-containerd.tar", |a| a.replace("manifest.json", "\"greeter:1\"", "\"greeter:1\",\"app\"")),
    (Rule::TagTwice, "docker20-two-images.tar", |a| a.replace("manifest.json", "\"greeter2:latest\"", "\"greeter2:latest\",\"docker.io/library/greeter:1\"")),
    (Rule::Repositories, "docker20.tar", |a| a.replace("repositories", V1_TOP, V1_BASE)),
    (Rule::Repositories, "docker26.tar", |a| a.replace("repositories", TOP, V1_TOP)),
    (Rule::Repositories, "docker20.tar", |a| a.replace("repositories", "\"1\"", "\"2\"")),
    (Rule::Repositories, "docker20.tar", |a| a.remove("repositories")),
    (Rule::V1Version, "docker20.tar", |a| a.replace("VERSION", "1.0", "1.1")),
    (Rule::V1Json, "docker20.tar", |a| a.replace(&format!("{V1_TOP}/json"), &format!("\"id\":\"{V1_TOP}\""), &format!("\"id\":\"{OTHER}\""))),
    (Rule::V1Json, "docker20.tar", |a| a.replace(&format!("{V1_TOP}/json"), "myvalue", "stale")),
    (Rule::V1Json, "docker26.tar", |a| { a.replace("2505d4", "myvalue", "stale"); a.repair(); }),
    (Rule::V1Parent, "docker20.tar", |a| a.replace(&format!("{V1_TOP}/json"), V1_BASE, OTHER)),
    (Rule::V1Id, "docker20.tar", |a| a.replace_everywhere(V1_BASE, OTHER)),
    (Rule::Parent, "docker20-two-images.tar", |a| {
        let parent = format!("[{{\"Parent\":\"sha256:{CONFIG}\",");
        a.replace("manifest.json", "[{", &parent);
    }),
    (Rule::LayerSource, "docker26.tar", |a| a.replace("manifest.json", "\"size\":2560", "\"size\":2561")),
    (Rule::LayerSource, "docker26.tar", |a| a.replace("manifest.json", &format!("\"digest\":\"sha256:{TOP}\""), "\"digest\":\"sha256:abc\"")),
    (Rule::LayerSource, "docker26.tar", |a| a.replace("manifest.json", &format!("\"sha256:{TOP}\":"), &format!("\"sha256:{OTHER}\":"))),
    (Rule::LayerSource, "docker26.tar", |a| a.replace("manifest.json", "application/vnd.oci.image.layer.v1.tar", "text/plain")),
    (Rule::OciLayout, "docker26.tar", |a| a.replace("oci-layout", "1.0.0", "1.0.1")),
    (Rule::OciLayout, "docker26.tar", |a| a.remove("oci-layout")),
    (Rule::NullManifests, "docker26.tar", |a| {
        a.entry("index.json").data = br#"{"schemaVersion":2,"manifests":null}"#.to_vec();
        a.replace("manifest.json", "[\"greeter:1\"]", "null");
        a.remove("repositories");
    }),
    (Rule::SchemaVersion, "docker26-containerd.tar", |a| { a.replace(MANIFEST_C, "\"schemaVersion\":2", "\"schemaVersion\":1"); a.repair(); }),
    (Rule::MediaType, "docker26-containerd.tar", |a| {
        a.replace(MANIFEST_C, "application/vnd.docker.distribution.manifest.v2+json", "application/vnd.oci.image.manifest.v1+json");
        a.repair();
    }),
    (Rule::AmbiguousDocument, "docker26-containerd.tar", |a| { a.replace(MANIFEST_C, "{\"schema", "{\"manifests\":[],\"schema"); a.repair(); }),
    (Rule::DescriptorDigest, "docker26-containerd.tar", |a| {
        a.replace(MANIFEST_C, "{\"schema", "{\"subject\":{\"mediaType\":\"a/b\",\"digest\":\"sha256:../../x\",\"size\":1},\"schema");
        a.repair();
    }),
    (Rule::DescriptorSize, "docker26-containerd.tar", |a| a.replace("index.json", "\"size\":577", "\"size\":578")),
    (Rule::DescriptorSize, "docker26-containerd.tar", |a| a.replace("index.json", "\"size\":577", "\"size\":577e0")),
    (Rule::DescriptorData, "docker26-containerd.tar", |a| a.replace("index.json", "\"size\":577", "\"size\":577,\"data\":\"e30=\"")),
    (Rule::DescriptorPlatform, "docker26-containerd.tar", |a| {
        a.replace("index.json", "\"size\":577", "\"size\":577,\"platform\":{\"os\":\"linux\",\"architecture\":\"s390x\"}");
    }),
    // A platform that was left out: its manifest, its configuration and what speaks of it, or the configuration alone.
    (Rule::AbsentBlob, "buildx-oci-multi.tar", |a| { a.remove("0e21d22e"); a.remove("b777ee1b"); }),
    (Rule::AbsentBlob, "buildx-oci-multi.tar", |a| a.remove("b777ee1b")),
    (Rule::ArtifactType, "docker26-containerd.tar", |a| { a.replace(MANIFEST_C, "{\"schema", "{\"artifactType\":\"a b\",\"schema"); a.repair(); }),
    (Rule::ArtifactType, "docker26-containerd.tar", |a| a.replace("index.json", "\"size\":577", "\"size\":577,\"artifactType\":\"\"")),
    (Rule::Urls, "docker26-containerd.tar", |a| a.replace("index.json", "\"size\":577", "\"size\":577,\"urls\":[\"example.com\"]")),
    (Rule::Urls, "docker26-containerd.tar", |a| a.replace("index.json", "\"size\":577", "\"size\":577,\"urls\":[\"ftp://example.com\"]")),
    (Rule::DescriptorPlatform, "docker26-containerd.tar", |a| a.replace("index.json", "\"size\":577", "\"size\":577,\"platform\":{\"os\":\"linux\"}")),
    (Rule::BadShape, "docker26-containerd.tar", |a| a.replace("index.json", "\"size\":577", "\"size\":577,\"urls\":7")),
    (Rule::BadShape, "skopeo-oci.tar", |a| { a.replace("sha256/2d446a", "{\"schema", "{\"annotations\":null,\"schema"); a.repair(); }),
    (Rule::IndexPlatform, "buildx-oci-multi.tar", |a| { a.replace("sha256/3b80ae", "\"platform\"", "\"flatform\""); a.repair(); }),
    (Rule::IndexPlatform, "docker26-containerd.tar", |a| {
        a.replace(CONFIG, "\"architecture\":\"amd64\"", "\"architecture\":\"x86_64\"");
        a.repair();
        a.replace("index.json", "\"annotations\":", "\"platform\":{\"os\":\"linux\",\"architecture\":\"x86_64\"},\"annotations\":");
    }),
    (Rule::StatedMediaType, "docker26-containerd.tar", |a| {
        a.replace(MANIFEST_C, "\"mediaType\":\"application/vnd.docker.distribution.manifest.v2+json\",", "");
        a.repair();
    }),
    (Rule::ForeignLayer, "docker26-containerd.tar", |a| {
        a.replace(MANIFEST_C, "application/vnd.docker.image.rootfs.diff.tar", "application/vnd.docker.image.rootfs.foreign.diff.tar");
        a.repair();
    }),
    (Rule::NoLayers, "skopeo-oci.tar", empty_image),
    (Rule::AnnotationKey, "skopeo-oci.tar", |a| { a.replace("sha256/2d446a", "{\"schema", "{\"annotations\":{\"key\":\"value\"},\"schema"); a.repair(); }),
    (Rule::RefName, "skopeo-oci.tar", |a| a.replace("index.json", "greeter:1", "-greeter")),
    (Rule::RefName, "skopeo-oci.tar", |a| {
        a.replace("sha256/2d446a", "\"layers\":[{", "\"layers\":[{\"annotations\":{\"org.opencontainers.image.ref.name\":\"a\"},");
        a.repair();
    }),
    (Rule::IndexDepth, "docker26-containerd.tar", |a| {
        for _ in 0..10 {
            let index = a.entry("index.json").data.clone();
            let hex = Digest::of(&index).hex();
            let (digest, size) = (format!("sha256:{hex}"), index.len());
            a.entry("index.json").data = format!(
                "{{\"schemaVersion\":2,\"manifests\":[{{\"mediaType\":\"application/vnd.oci.image.index.v1+json\",\"digest\":\"{digest}\",\"size\":{size},\"annotations\":{{\"io.containerd.image.name\":\"docker.io/library/greeter:1\"}}}}]}}"
            ).into_bytes();
            a.add(&format!("blobs/sha256/{hex}"), &index);
        }
        // What lies too deep is not read, so nothing else may speak of it.
        a.remove("manifest.json");
        a.remove(MANIFEST_C);
        a.remove(CONFIG);
        a.remove(BASE);
        a.remove(TOP);
    }),
    (Rule::HybridImage, "docker26-containerd.tar", |a| {
        a.entry("index.json").data = br#"{"schemaVersion":2,"manifests":[]}"#.to_vec();
        a.remove(MANIFEST_C);
    }),
    (Rule::HybridTag, "docker26-containerd.tar", |a| a.replace("index.json", "greeter:1", "greeter:2")),
    (Rule::HybridTag, "docker26-containerd.tar", |a| a.replace("index.json", "ref.name\":\"1\"", "ref.name\":\"2\"")),
    (Rule::HybridTag, "docker26-containerd.tar", |a| a.replace("manifest.json", "\"greeter:1\"", "\"greeter:1\",\"greeter:2\"")),
];

/// An image of no layers, as `FROM scratch` alone gives it.
fn empty_image(archive: &mut Archive) {
    archive
        .entries
        .retain(|entry| !entry.name.starts_with("blobs/sha256/"));
    let mut put = |text: String| {
        let hex = Digest::of(text.as_bytes()).hex();
        archive.add(&format!("blobs/sha256/{hex}"), text.as_bytes());
        format!("\"digest\":\"sha256:{hex}\",\"size\":{}", text.len())
    };
    let config = put(String::from(
        r#"{"architecture":"amd64","os":"linux","rootfs":{"type":"layers","diff_ids":[]}}"#,
    ));
    let media_type =
        |kind: &str| format!("\"mediaType\":\"application/vnd.oci.image.{kind}.v1+json\"");
    let (own, of_config) = (media_type("manifest"), media_type("config"));
    let manifest = put(format!(
        "{{\"schemaVersion\":2,{own},\"config\":{{{of_config},{config}}},\"layers\":[]}}"
    ));
    archive.entry("index.json").data = format!(
        "{{\"schemaVersion\":2,{},\"manifests\":[{{{own},{manifest}}}]}}",
        media_type("index")
    )
    .into_bytes();
}

fn set_layer(archive: &mut Archive, lines: &[(EntryType, &str)]) {
    archive.entry(BASE).data = edit::layer(lines);
    archive.repair();
}

fn recompress(data: &[u8], compression: Compression) -> Vec<u8> {
    let mut plain = Vec::new();
    let mut decoder = Compression::detect(data).decoder(data).unwrap();
    std::io::Read::read_to_end(&mut decoder, &mut plain).unwrap();
    let mut encoder = compression.encoder(Vec::new()).unwrap();
    encoder.write_all(&plain).unwrap();
    encoder.finish().unwrap()
}

fn manifest_blob(archive: &Archive) -> String {
    let is_manifest = |data: &[u8]| String::from_utf8_lossy(data).contains("\"layers\":");
    let mut blobs = archive
        .entries
        .iter()
        .filter(|entry| entry.name.starts_with("blobs/"));
    let manifest = blobs.find(|entry| is_manifest(&entry.data)).unwrap();
    manifest.name.clone()
}

#[test]
fn each_rule_catches_what_no_other_catches() {
    let mut failures = Vec::new();
    for (i, (rule, name, damage)) in DAMAGES.iter().enumerate() {
        let mut archive = Archive::fixture(name);
        damage(&mut archive);
        let mut report = check(&archive);
        if report.findings.is_empty() {
            // Then it is advice that the archive as it was did not need.
            let known = strictly(&Archive::fixture(name)).findings;
            report = strictly(&archive);
            report.findings.retain(|finding| !known.contains(finding));
        }
        let mut rules: Vec<Rule> = report.findings.iter().map(|finding| finding.rule).collect();
        rules.dedup();
        if rules != [*rule] {
            failures.push(format!("case {i}, {rule}, {name}:\n{report}"));
        }
    }
    assert!(failures.is_empty(), "{}", failures.join("\n\n"));
}

#[test]
fn no_rule_is_without_a_damaged_archive() {
    for rule in Rule::ALL {
        // docker20.tar.gz is its case.
        let is_covered = *rule == Rule::OuterCompression || DAMAGES.iter().any(|(r, ..)| r == rule);
        assert!(is_covered, "{rule}");
    }
}

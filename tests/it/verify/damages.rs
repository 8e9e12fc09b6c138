//! Each rule, a real archive, and what to do to it so that this rule and no other catches it.
//!
//! One file because it is one list.
#![allow(clippy::unwrap_used, reason = "helpers of tests may fail as tests do")]

use std::io::Write;

use ocipatch::compression::Compression;
use ocipatch::digest::Digest;
use ocipatch::verify::Rule;
use ocipatch::verify::Severity::{self, Advice, Error, Warning};
use sha2::Digest as _;
use tar::EntryType;

use crate::edit::{self, Archive};
use crate::raw::{self, Raw, Sparse};
use crate::stale::base64;

pub(super) const BASE: &str = "65ecc442f26c8e151468334455f008b106365cc85a90c23e42f8827c19f62955";
pub(super) const TOP: &str = "e389ba439fbca16cf9888144484c9e6cc56d67238e02c4ab4d5ad69f77de3caf";
pub(super) const CONFIG: &str = "fba3ad4aca61080a0cdecdcaa2abf0497c03c54b342b782b65df3e779b38beee";
pub(super) const V1_BASE: &str = "a26bb6160b554c9d44a078cdbc7e80251853c08aa69de97b11804492fd9a05ad";
pub(super) const V1_TOP: &str = "c6feb8eae558727a76eaf657569f3e2a48611f8364b36babfe202d588011e4f7";
pub(super) const OTHER: &str = "1111111111111111111111111111111111111111111111111111111111111111";
/// The manifest blobs of docker26.tar and docker26-containerd.tar.
const MANIFEST_26: &str = "sha256/0b07";
const MANIFEST_C: &str = "sha256/b35f";
/// The ids of podman-docker.tar.
const PODMAN_BASE: &str = "8116c121814408e2695bf5df067fdb2e37541156281d5efa90d35989489058a9";
const PODMAN_TOP: &str = "c9d0c36040eeb165d8affedc64b9d1f8fbbb93deddbdf0dd58655780a5996d18";
/// What the attestation of buildx-oci-multi.tar is about that has the statement 1cc24a.
const ATTESTED: &str = "sha256:8def2172d83cc9e1bc47936bc1ce3cc225aab088ed28d8c53b4622f628749779";

pub(super) type Damage = fn(&mut Archive);

/// Each rule, how bad it is to break it, a real archive, and what to do to it.
#[rustfmt::skip]
pub(super) const DAMAGES: &[(Rule, Severity, &str, Damage)] = &[
    (Rule::NoManifest, Error, "docker26.tar", |a| a.remove("manifest.json")),
    (Rule::BadJson, Error, "docker20.tar", |a| a.entry("repositories").data = b"{".to_vec()),
    (Rule::BadJson, Error, "docker20.tar", |a| a.entry("repositories").data = b"[".repeat(100_000)),
    (Rule::BadJson, Error, "docker20.tar", |a| a.entry("repositories").data = vec![b' '; 5 << 20]),
    (Rule::TrailingBytes, Error, "docker20.tar", |a| a.entry("manifest.json").data.push(b'x')),
    (Rule::RepeatedKey, Error, "docker20.tar", |a| a.replace("manifest.json", "[{", "[{\"Config\":\"x\",")),
    (Rule::AmbiguousKey, Error, "docker20.tar", |a| a.replace("manifest.json", "[{", "[{\"layer\u{17f}\":[],")),
    (Rule::BadShape, Error, "docker20.tar", |a| a.replace("manifest.json", "[{", "[{\"LayerSources\":7,")),
    (Rule::MissingEntry, Error, "docker20.tar", |a| a.remove(&format!("{V1_BASE}/layer.tar"))),
    (Rule::MissingEntry, Error, "docker20-two-images.tar", |a| {
        let link = format!("../{OTHER}/layer.tar");
        a.entry("59ec9b39a8a9173eacef0d841d4642bdc2ac9a19c415599579d27891fed0a40c/layer.tar").header.set_link_name(link).unwrap();
    }),
    (Rule::MissingEntry, Error, "docker20-two-images.tar", |a| {
        a.entry("59ec9b39a8a9173eacef0d841d4642bdc2ac9a19c415599579d27891fed0a40c/layer.tar").header.set_link_name("layer.tar").unwrap();
    }),
    (Rule::UnportableLink, Warning, "docker20.tar", |a| {
        let name = format!("{V1_BASE}/layer.tar");
        let mut link = a.entry(&name).clone();
        a.entry(&name).name = String::from("data");
        link.header.set_entry_type(EntryType::Link);
        link.header.set_link_name("data").unwrap();
        link.data.clear();
        a.entries.push(link);
    }),
    (Rule::DuplicateEntry, Warning, "docker20.tar", |a| { let twin = a.entry("repositories").clone(); a.entries.push(twin); }),
    (Rule::EntryName, Warning, "docker26.tar", |a| a.entry("oci-layout").name = String::from("./oci-layout")),
    (Rule::PathSpelling, Warning, "docker20.tar", |a| a.replace("manifest.json", "\"Config\":\"", "\"Config\":\"./")),
    (Rule::BlobDigest, Error, "docker26.tar", |a| {
        let media_type = "\"mediaType\":\"application/vnd.oci.image.manifest.v1+json\"";
        a.replace(MANIFEST_26, &format!("\"schemaVersion\":2,{media_type}"), &format!("{media_type},\"schemaVersion\":2"));
    }),
    // A blob may be a link; what it leads to must have the digest of its name all the same.
    (Rule::BlobDigest, Error, "docker26-containerd.tar", |a| {
        a.add("data", b"");
        a.entry("data").data = a.entry(MANIFEST_C).data.clone();
        a.replace("data", "{\"schemaVersion\":2,", "{\"schemaVersion\":2 ,");
        a.replace("index.json", "\"size\":577", "\"size\":578");
        let blob = a.entry(MANIFEST_C);
        blob.header.set_entry_type(EntryType::Symlink);
        blob.header.set_link_name("../../data").unwrap();
        blob.data.clear();
    }),
    (Rule::DirVersion, Warning, "skopeo-oci.tar", as_directory),
    (Rule::BlobName, Error, "docker26.tar", |a| a.add("blobs/sha512/abc", b"x")),
    (Rule::ConfigName, Error, "docker20.tar", |a| a.entry(CONFIG).data.push(b'\n')),
    (Rule::LayerName, Error, "crane.tar", |a| {
        let name = a.entry(".tar.gz").name.clone();
        a.replace_everywhere(&name, &format!("{OTHER}.tar.gz"));
    }),
    (Rule::Orphan, Warning, "docker20.tar", |a| a.add("notes.txt", b"x")),
    (Rule::Orphan, Warning, "docker26.tar", |a| {
        let stale = a.entry("2505d4").data.clone();
        let stale = String::from_utf8(stale).unwrap().replace(V1_TOP, OTHER).into_bytes();
        a.add("blobs/sha256/5", &stale);
        let hex = Digest::of(&stale).hex();
        a.entry("sha256/5").name = format!("blobs/sha256/{hex}");
    }),
    (Rule::LayerCount, Error, "docker26-containerd.tar", |a| a.replace("manifest.json", &format!(",\"blobs/sha256/{TOP}\""), "")),
    (Rule::DiffId, Error, "docker26-containerd.tar", |a| {
        a.replace(CONFIG, &format!("\"sha256:{BASE}\",\"sha256:{TOP}\""), &format!("\"sha256:{TOP}\",\"sha256:{BASE}\""));
        a.repair();
    }),
    (Rule::DiffId, Error, "docker26-containerd.tar", |a| {
        a.replace(CONFIG, &format!("\"sha256:{BASE}\","), "\"sha256:abc\",");
        a.repair();
    }),
    (Rule::DiffId, Error, "docker20.tar", |a| {
        let data = &mut a.entry(&format!("{V1_BASE}/layer.tar")).data;
        let at = data.windows(5).position(|window| window == b"hello").unwrap();
        data[at] ^= 1;
    }),
    // The diff id covers what stands behind the end of the tar.
    (Rule::DiffId, Error, "docker20.tar", |a| a.entry(&format!("{V1_BASE}/layer.tar")).data.push(7)),
    (Rule::LayerCompression, Error, "crane.tar", |a| { a.entry(".tar.gz").data.truncate(100); a.repair(); }),
    (Rule::UnportableCompression, Warning, "crane.tar", |a| {
        let data = recompress(&a.entry(".tar.gz").data, Compression::Zstd);
        a.entry(".tar.gz").data = data;
        a.repair();
    }),
    (Rule::LayerMediaType, Warning, "buildx-docker.tar", |a| {
        let manifest = manifest_blob(a);
        a.replace(&manifest, "diff.tar.gzip", "diff.tar");
        a.repair();
    }),
    (Rule::LayerTar, Error, "docker26-containerd.tar", |a| { a.entry(BASE).data = b"no tar".repeat(200); a.repair(); }),
    (Rule::LayerDuplicatePath, Error, "docker26-containerd.tar", |a| set_layer(a, &[(EntryType::Regular, "a"), (EntryType::Regular, "./a")])),
    (Rule::LayerSparse, Error, "docker26-containerd.tar", |a| set_layer(a, &[(EntryType::GNUSparse, "a")])),
    (Rule::SparseSave, Warning, "docker26-containerd.tar", |a| {
        a.entry(BASE).data = raw::stream(&[Sparse::V10.file("a", 1 << 40, &[(7, b"piece")])]);
        a.repair();
    }),
    (Rule::LayerEntryType, Error, "docker26-containerd.tar", |a| set_layer(a, &[(EntryType::Continuous, "a")])),
    (Rule::LayerEntryType, Error, "docker26-containerd.tar", |a| set_layer(a, &[(EntryType::new(b'V'), "a")])),
    (Rule::WhiteoutDevice, Warning, "docker26-containerd.tar", |a| set_layer(a, &[(EntryType::Char, "a")])),
    (Rule::OwnWhiteout, Error, "docker26-containerd.tar", |a| set_layer(a, &[(EntryType::Regular, "a"), (EntryType::Regular, ".wh.a")])),
    (Rule::OwnWhiteout, Error, "docker26-containerd.tar", |a| set_layer(a, &[(EntryType::Regular, "d/e/a"), (EntryType::Regular, "./.wh.d")])),
    (Rule::OwnWhiteout, Error, "docker26-containerd.tar", |a| set_layer(a, &[(EntryType::Regular, ".wh.d"), (EntryType::Regular, "d/e/a")])),
    (Rule::WhiteoutDirectory, Warning, "docker26-containerd.tar", |a| set_layer(a, &[(EntryType::Regular, ".wh.d"), (EntryType::Directory, "d/"), (EntryType::Regular, "d/a")])),
    (Rule::LayerWhiteout, Error, "docker26-containerd.tar", |a| set_layer(a, &[(EntryType::Regular, "d/.wh.")])),
    (Rule::LayerHardLink, Warning, "docker26-containerd.tar", |a| set_layer(a, &[(EntryType::Link, "a -> b"), (EntryType::Regular, "b")])),
    (Rule::Rootfs, Error, "docker26-containerd.tar", |a| { a.replace(CONFIG, "\"type\":\"layers\"", "\"type\":\"other\""); a.repair(); }),
    (Rule::Platform, Warning, "docker26-containerd.tar", |a| { a.replace(CONFIG, "\"os\":\"linux\",", ""); a.repair(); }),
    (Rule::History, Error, "docker26-containerd.tar", |a| { a.replace(CONFIG, "\"history\":[", "\"history\":[{\"created_by\":\"x\"},"); a.repair(); }),
    (Rule::Env, Warning, "docker26-containerd.tar", |a| { a.replace(CONFIG, "\"PATH=/usr/bin:/bin\"", "\"PATH\""); a.repair(); }),
    (Rule::Created, Error, "docker26-containerd.tar", |a| { a.replace(CONFIG, "\"2026-11-23T05:26:24.153984503Z\"", "\"yesterday\""); a.repair(); }),
    (Rule::RepoTag, Error, "docker26-containerd.tar", |a| a.replace("manifest.json", "\"greeter:1\"", "\"greeter:1\",\"Greeter:1\"")),
    (Rule::RepoTag, Error, "docker26-containerd.tar", |a| a.replace("manifest.json", "\"greeter:1\"", "\"greeter:1\",\"app\"")),
    (Rule::TagTwice, Error, "docker20-two-images.tar", |a| a.replace("manifest.json", "\"greeter2:latest\"", "\"greeter2:latest\",\"docker.io/library/greeter:1\"")),
    (Rule::Repositories, Error, "docker20.tar", |a| a.replace("repositories", V1_TOP, V1_BASE)),
    (Rule::Repositories, Error, "docker26.tar", |a| a.replace("repositories", TOP, V1_TOP)),
    (Rule::Repositories, Error, "docker20.tar", |a| a.replace("repositories", "\"1\"", "\"2\"")),
    (Rule::Repositories, Warning, "docker20.tar", |a| a.remove("repositories")),
    (Rule::V1Version, Error, "docker20.tar", |a| a.replace("VERSION", "1.0", "1.1")),
    (Rule::V1Json, Error, "docker20.tar", |a| a.replace(&format!("{V1_TOP}/json"), &format!("\"id\":\"{V1_TOP}\""), &format!("\"id\":\"{OTHER}\""))),
    (Rule::V1Json, Warning, "docker20.tar", |a| a.replace(&format!("{V1_TOP}/json"), "myvalue", "stale")),
    (Rule::V1Json, Warning, "docker26.tar", |a| { a.replace("2505d4", "myvalue", "stale"); a.repair(); }),
    (Rule::V1Parent, Error, "docker20.tar", |a| a.replace(&format!("{V1_TOP}/json"), V1_BASE, OTHER)),
    (Rule::V1Id, Warning, "docker20.tar", |a| a.replace_everywhere(V1_BASE, OTHER)),
    (Rule::Parent, Error, "docker20-two-images.tar", |a| {
        let parent = format!("[{{\"Parent\":\"sha256:{CONFIG}\",");
        a.replace("manifest.json", "[{", &parent);
    }),
    (Rule::LayerSource, Error, "docker26.tar", |a| a.replace("manifest.json", "\"size\":2560", "\"size\":2561")),
    (Rule::LayerSource, Error, "docker26.tar", |a| a.replace("manifest.json", &format!("\"digest\":\"sha256:{TOP}\""), "\"digest\":\"sha256:abc\"")),
    (Rule::LayerSource, Error, "docker26.tar", |a| a.replace("manifest.json", &format!("\"sha256:{TOP}\":"), &format!("\"sha256:{OTHER}\":"))),
    (Rule::LayerSource, Warning, "docker26.tar", |a| a.replace("manifest.json", "application/vnd.oci.image.layer.v1.tar", "text/plain")),
    (Rule::OciLayout, Error, "docker26.tar", |a| a.replace("oci-layout", "1.0.0", "1.0.1")),
    (Rule::OciLayout, Error, "docker26.tar", |a| a.remove("oci-layout")),
    (Rule::NullManifests, Warning, "docker26.tar", |a| {
        a.entry("index.json").data = br#"{"schemaVersion":2,"manifests":null}"#.to_vec();
        a.replace("manifest.json", "[\"greeter:1\"]", "null");
        a.remove("repositories");
    }),
    (Rule::SchemaVersion, Error, "docker26-containerd.tar", |a| { a.replace(MANIFEST_C, "\"schemaVersion\":2", "\"schemaVersion\":1"); a.repair(); }),
    (Rule::MediaType, Error, "docker26-containerd.tar", |a| {
        a.replace(MANIFEST_C, "application/vnd.docker.distribution.manifest.v2+json", "application/vnd.oci.image.manifest.v1+json");
        a.repair();
    }),
    (Rule::AmbiguousDocument, Error, "docker26-containerd.tar", |a| { a.replace(MANIFEST_C, "{\"schema", "{\"manifests\":[],\"schema"); a.repair(); }),
    (Rule::DescriptorDigest, Error, "docker26-containerd.tar", |a| {
        a.replace(MANIFEST_C, "{\"schema", "{\"subject\":{\"mediaType\":\"a/b\",\"digest\":\"sha256:../../x\",\"size\":1},\"schema");
        a.repair();
    }),
    (Rule::DescriptorSize, Error, "docker26-containerd.tar", |a| a.replace("index.json", "\"size\":577", "\"size\":578")),
    (Rule::DescriptorSize, Error, "docker26-containerd.tar", |a| a.replace("index.json", "\"size\":577", "\"size\":577e0")),
    (Rule::DescriptorData, Error, "docker26-containerd.tar", |a| a.replace("index.json", "\"size\":577", "\"size\":577,\"data\":\"e30=\"")),
    (Rule::DescriptorPlatform, Warning, "docker26-containerd.tar", |a| {
        a.replace("index.json", "\"size\":577", "\"size\":577,\"platform\":{\"os\":\"linux\",\"architecture\":\"s390x\"}");
    }),
    // A platform that was left out: its manifest, its configuration and what speaks of it, or the configuration alone.
    (Rule::AbsentBlob, Warning, "buildx-oci-multi.tar", |a| { a.remove("0e21d22e"); a.remove("b777ee1b"); }),
    (Rule::AbsentBlob, Warning, "buildx-oci-multi.tar", |a| a.remove("b777ee1b")),
    (Rule::ArtifactType, Error, "docker26-containerd.tar", |a| { a.replace(MANIFEST_C, "{\"schema", "{\"artifactType\":\"a b\",\"schema"); a.repair(); }),
    (Rule::ArtifactType, Error, "docker26-containerd.tar", |a| a.replace("index.json", "\"size\":577", "\"size\":577,\"artifactType\":\"\"")),
    (Rule::Urls, Error, "docker26-containerd.tar", |a| a.replace("index.json", "\"size\":577", "\"size\":577,\"urls\":[\"example.com\"]")),
    (Rule::Urls, Advice, "docker26-containerd.tar", |a| a.replace("index.json", "\"size\":577", "\"size\":577,\"urls\":[\"ftp://example.com\"]")),
    (Rule::DescriptorPlatform, Error, "docker26-containerd.tar", |a| a.replace("index.json", "\"size\":577", "\"size\":577,\"platform\":{\"os\":\"linux\"}")),
    (Rule::BadShape, Error, "docker26-containerd.tar", |a| a.replace("index.json", "\"size\":577", "\"size\":577,\"urls\":7")),
    (Rule::BadShape, Error, "skopeo-oci.tar", |a| { a.replace("sha256/2d446a", "{\"schema", "{\"annotations\":null,\"schema"); a.repair(); }),
    (Rule::IndexPlatform, Advice, "buildx-oci-multi.tar", |a| { a.replace("sha256/3b80ae", "\"platform\"", "\"flatform\""); a.repair(); }),
    (Rule::IndexPlatform, Advice, "docker26-containerd.tar", |a| {
        a.replace(CONFIG, "\"architecture\":\"amd64\"", "\"architecture\":\"x86_64\"");
        a.repair();
        a.replace("index.json", "\"annotations\":", "\"platform\":{\"os\":\"linux\",\"architecture\":\"x86_64\"},\"annotations\":");
    }),
    (Rule::StatedMediaType, Advice, "docker26-containerd.tar", |a| {
        a.replace(MANIFEST_C, "\"mediaType\":\"application/vnd.docker.distribution.manifest.v2+json\",", "");
        a.repair();
    }),
    (Rule::ForeignLayer, Advice, "docker26-containerd.tar", |a| {
        a.replace(MANIFEST_C, "application/vnd.docker.image.rootfs.diff.tar", "application/vnd.docker.image.rootfs.foreign.diff.tar");
        a.repair();
    }),
    (Rule::NoLayers, Advice, "skopeo-oci.tar", empty_image),
    (Rule::AnnotationKey, Advice, "skopeo-oci.tar", |a| { a.replace("sha256/2d446a", "{\"schema", "{\"annotations\":{\"key\":\"value\"},\"schema"); a.repair(); }),
    (Rule::RefName, Advice, "skopeo-oci.tar", |a| a.replace("index.json", "greeter:1", "-greeter")),
    (Rule::RefName, Advice, "skopeo-oci.tar", |a| {
        a.replace("sha256/2d446a", "\"layers\":[{", "\"layers\":[{\"annotations\":{\"org.opencontainers.image.ref.name\":\"a\"},");
        a.repair();
    }),
    (Rule::IndexDepth, Error, "docker26-containerd.tar", |a| {
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
    (Rule::HybridImage, Error, "docker26-containerd.tar", |a| {
        a.entry("index.json").data = br#"{"schemaVersion":2,"manifests":[]}"#.to_vec();
        a.remove(MANIFEST_C);
    }),
    // The same layers, stored otherwise than the index has them: in the only item, and in one of two.
    (Rule::HybridImage, Error, "docker26-containerd.tar", |a| {
        let compressed = add_compressed(a, TOP);
        a.replace("manifest.json", &format!("\"blobs/sha256/{TOP}\""), &format!("\"{compressed}\""));
    }),
    (Rule::HybridImage, Error, "docker26-containerd.tar", |a| {
        let item = String::from_utf8(a.entry("manifest.json").data.clone()).unwrap();
        let item = item.trim().trim_matches(['[', ']']).to_owned();
        let other = item.replace(&format!("blobs/sha256/{TOP}"), &add_compressed(a, TOP));
        a.entry("manifest.json").data = format!("[{item},{}]", other.replace("greeter:1", "greeter:2")).into_bytes();
        let index = String::from_utf8(a.entry("index.json").data.clone()).unwrap();
        let descriptor = &index[index.find("[{").unwrap() + 1..index.rfind(']').unwrap()];
        let other = descriptor.replace("greeter:1", "greeter:2").replace("ref.name\":\"1\"", "ref.name\":\"2\"");
        a.entry("index.json").data = index.replace(descriptor, &format!("{descriptor},{other}")).into_bytes();
    }),
    (Rule::HybridTag, Error, "docker26-containerd.tar", |a| a.replace("index.json", "greeter:1", "greeter:2")),
    (Rule::HybridTag, Error, "docker26-containerd.tar", |a| a.replace("index.json", "ref.name\":\"1\"", "ref.name\":\"2\"")),
    (Rule::HybridTag, Error, "docker26-containerd.tar", |a| a.replace("manifest.json", "\"greeter:1\"", "\"greeter:1\",\"greeter:2\"")),
    (Rule::BadShape, Warning, "docker26-containerd.tar", |a| { a.replace(CONFIG, "\"Volumes\":{\"/srv/data\":{}}", "\"Volumes\":{\"/srv/data\":{\"a\":1}}"); a.repair(); }),
    (Rule::LargeManifest, Warning, "docker20.tar", |a| a.replace("manifest.json", "[{", &format!("[{}{{", " ".repeat(1 << 20)))),
    (Rule::LongNumber, Advice, "docker26-containerd.tar", |a| { a.replace(CONFIG, "\"os\":", "\"a\":9007199254740992,\"os\":"); a.repair(); }),
    (Rule::LayerDepth, Warning, "docker26-containerd.tar", |a| {
        let twice = |item: &str| format!("{item},").repeat(124);
        a.replace("manifest.json", &format!("\"blobs/sha256/{TOP}\""), &format!("{}\"blobs/sha256/{TOP}\"", twice(&format!("\"blobs/sha256/{TOP}\""))));
        let layer = format!("{{\"mediaType\":\"application/vnd.docker.image.rootfs.diff.tar\",\"digest\":\"sha256:{TOP}\",\"size\":2560}}");
        a.replace(MANIFEST_C, &layer, &format!("{}{layer}", twice(&layer)));
        a.replace(CONFIG, &format!("\"sha256:{TOP}\""), &format!("{}\"sha256:{TOP}\"", twice(&format!("\"sha256:{TOP}\""))));
        a.replace(CONFIG, "\"history\":[", &format!("\"history\":[{}", twice("{}")));
        a.repair();
    }),
    (Rule::WhiteoutOrder, Advice, "docker26-containerd.tar", |a| set_layer(a, &[(EntryType::Regular, "a"), (EntryType::Regular, "d/b"), (EntryType::Regular, ".wh.c")])),
    (Rule::OpaqueWhiteout, Advice, "docker26-containerd.tar", |a| set_layer(a, &[(EntryType::Directory, "d/"), (EntryType::Regular, "d/.wh..wh..opq")])),
    (Rule::Platform, Error, "skopeo-oci.tar", |a| { a.replace("sha256/722078", "\"os\":\"linux\",", ""); a.repair(); }),
    (Rule::BlobsDirectory, Error, "skopeo-oci.tar", |a| {
        a.remove("blobs/");
        set_manifests(a, "[]");
    }),
    (Rule::NullManifests, Error, "skopeo-oci.tar", |a| {
        a.remove("blobs/sha256/");
        set_manifests(a, "null");
    }),
    (Rule::SeveralEntries, Advice, "skopeo-oci.tar", |a| {
        let index = String::from_utf8(a.entry("index.json").data.clone()).unwrap();
        let at = index.find("[{").unwrap() + 1;
        let platform = "{\"platform\":{\"os\":\"linux\",\"architecture\":\"amd64\"},";
        let descriptor = index[at..index.rfind(']').unwrap()].replacen('{', platform, 1);
        set_manifests(a, &format!("[{descriptor},{}]", descriptor.replace("greeter:1", "greeter:2")));
    }),
    (Rule::UnportableDigest, Warning, "skopeo-oci.tar", |a| by_sha512(a, "sha256/722078")),
    (Rule::UnportableDigest, Warning, "docker26-containerd.tar", |a| {
        let long = sha512(&a.entry(BASE).data);
        a.replace(CONFIG, &format!("\"diff_ids\":[\"sha256:{BASE}\""), &format!("\"diff_ids\":[\"sha512:{long}\""));
        a.repair();
    }),
    (Rule::UnportableDigest, Warning, "skopeo-oci.tar", |a| {
        a.replace("index.json", "[{", &format!("[{{\"mediaType\":\"a/b\",\"digest\":\"blake3:{OTHER}\",\"size\":1}},{{"));
        a.add(&format!("blobs/blake3/{OTHER}"), b"x");
    }),
    (Rule::BlobName, Error, "skopeo-oci.tar", |a| a.add(&format!("blobs/sha256/{OTHER}.tar"), b"x")),
    (Rule::DescriptorDigest, Error, "docker26-containerd.tar", |a| set_subject(a, "\"mediaType\":\"a/b\",\"digest\":\"sha512:abc\",\"size\":1")),
    (Rule::DescriptorData, Error, "docker26-containerd.tar", |a| {
        set_subject(a, &format!("\"mediaType\":\"a/b\",\"digest\":\"sha256:{OTHER}\",\"size\":2,\"data\":\"e30=\""));
    }),
    (Rule::DescriptorData, Error, "docker26-containerd.tar", |a| {
        let empty = "44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a";
        set_subject(a, &format!("\"mediaType\":\"a/b\",\"digest\":\"sha256:{empty}\",\"size\":3,\"data\":\"e30=\""));
    }),
    // Other bytes of the same length: of an empty blob that is there, of the configuration and of a manifest.
    (Rule::DescriptorData, Error, "docker26-containerd.tar", |a| {
        let hex = Digest::of(b"{}").hex();
        a.add(&format!("blobs/sha256/{hex}"), b"{}");
        set_subject(a, &format!("\"mediaType\":\"a/b\",\"digest\":\"sha256:{hex}\",\"size\":2,\"data\":\"W10=\""));
    }),
    (Rule::DescriptorData, Error, "docker26-containerd.tar", |a| {
        let data = other_data(a, CONFIG);
        a.replace(MANIFEST_C, "\"size\":3734", &format!("\"size\":3734,\"data\":\"{data}\""));
        a.repair();
    }),
    (Rule::DescriptorData, Error, "skopeo-oci.tar", |a| {
        let data = other_data(a, "sha256/2d446a");
        a.replace("index.json", "\"digest\":", &format!("\"data\":\"{data}\",\"digest\":"));
    }),
    (Rule::EmptyDescriptor, Error, "docker26-containerd.tar", |a| {
        set_subject(a, &format!("\"mediaType\":\"application/vnd.oci.empty.v1+json\",\"digest\":\"sha256:{OTHER}\",\"size\":2"));
    }),
    (Rule::Urls, Error, "docker26-containerd.tar", |a| a.replace("index.json", "\"size\":577", "\"size\":577,\"urls\":[\"https://example.com/a b\"]")),
    (Rule::Urls, Error, "docker26-containerd.tar", |a| a.replace("index.json", "\"size\":577", "\"size\":577,\"urls\":[\"https://example.com/%4\"]")),
    (Rule::ArtifactType, Advice, "docker26-containerd.tar", |a| { a.replace(MANIFEST_C, "{\"schema", "{\"artifactType\":\"a/b\",\"schema"); a.repair(); }),
    (Rule::NoLayers, Advice, "skopeo-oci.tar", |a| {
        let config = ("application/vnd.oci.empty.v1+json", "{}");
        only_manifest(a, ",\"artifactType\":\"a/b\"", config, &[("a/b", "")]);
    }),
    (Rule::ArtifactType, Error, "skopeo-oci.tar", |a| {
        let config = ("application/vnd.oci.empty.v1+json", "{}");
        only_manifest(a, "", config, &[("a/b", "x")]);
    }),
    (Rule::IndexPlatform, Advice, "docker26-containerd.tar", |a| {
        a.replace(CONFIG, "\"architecture\":\"amd64\"", "\"architecture\":\"arm\",\"variant\":\"v9\"");
        a.repair();
        a.replace("index.json", "\"annotations\":", "\"platform\":{\"os\":\"linux\",\"architecture\":\"arm\",\"variant\":\"v9\"},\"annotations\":");
    }),
    (Rule::IndexPlatform, Advice, "docker26-containerd.tar", |a| {
        a.replace(CONFIG, "\"os\":\"linux\"", "\"os\":\"windows\"");
        a.repair();
        a.replace("index.json", "\"annotations\":", "\"platform\":{\"os\":\"windows\",\"architecture\":\"amd64\",\"os.features\":[\"a\"]},\"annotations\":");
    }),
    (Rule::ReservedKey, Warning, "skopeo-oci.tar", |a| {
        a.replace("sha256/2d446a", "{\"schema", "{\"annotations\":{\"org.opencontainers.image.name\":\"value\"},\"schema");
        a.repair();
    }),
    (Rule::ReservedKey, Warning, "docker26-containerd.tar", |a| { a.replace(CONFIG, "\"mylabel\"", "\"org.opencontainers.mylabel\""); a.repair(); }),
    (Rule::AnnotationKey, Advice, "docker26-containerd.tar", |a| { a.replace(CONFIG, "\"mylabel\"", "\"label\""); a.repair(); }),
    (Rule::RefName, Advice, "skopeo-oci.tar", |a| a.replace("index.json", "greeter:1", "greeter..1")),
    (Rule::Attestation, Warning, "buildx-oci-multi.tar", |a| {
        let about = format!("\"vnd.docker.reference.digest\": \"{ATTESTED}\"");
        a.replace("sha256/3b80ae", &about, &about.replace(ATTESTED, &format!("sha256:{OTHER}")));
        a.repair();
    }),
    (Rule::Attestation, Warning, "buildx-oci-multi.tar", |a| {
        a.replace("sha256/1cc24a", &ATTESTED.replace("sha256:", "\"sha256\":\""), &format!("\"sha256\":\"{OTHER}"));
        a.repair();
    }),
    (Rule::Attestation, Warning, "buildx-oci-multi.tar", |a| {
        a.replace("sha256/1cc24a", "\"subject\":[", "\"subject\":[7,");
        a.replace("sha256/8cd939", "4808", "4810");
        a.repair();
    }),
    // What a manifest says itself that it is about counts as what the index says.
    (Rule::Attestation, Warning, "docker26-containerd.tar", |a| {
        let statement = format!("{{\"subject\":[{{\"name\":\"a\",\"digest\":{{\"sha256\":\"{OTHER}\"}}}}]}}");
        let subject = format!(",\"artifactType\":\"a/b\",\"subject\":{{\"mediaType\":\"a/b\",\"digest\":\"sha256:{CONFIG}\",\"size\":3734}}");
        let config = ("application/vnd.oci.empty.v1+json", "{}");
        let descriptor = put_manifest(a, &subject, config, &[("application/vnd.in-toto+json", &statement)]);
        a.replace("index.json", "[{", &format!("[{descriptor},{{"));
    }),
    (Rule::DiffId, Error, "buildx-oci-multi.tar", |a| {
        let statement = a.entry("sha256/1cc24a").name.replace("blobs/sha256/", "");
        a.replace("sha256/2bd53c", &statement, OTHER);
        a.repair();
    }),
    (Rule::V1Id, Warning, "podman-docker.tar", |a| a.replace_everywhere(PODMAN_BASE, OTHER)),
    (Rule::V1Id, Warning, "podman-docker.tar", |a| {
        let mut link = a.entry(&format!("{PODMAN_BASE}/layer.tar")).clone();
        link.name = format!("{OTHER}/layer.tar");
        a.entries.push(link);
        a.add(&format!("{OTHER}/VERSION"), b"1.0");
        a.add(&format!("{OTHER}/json"), format!("{{\"id\":\"{OTHER}\"}}").as_bytes());
    }),
    (Rule::V1Json, Warning, "podman-docker.tar", |a| a.replace(&format!("{PODMAN_TOP}/json"), "myvalue", "stale")),
    (Rule::V1Json, Warning, "podman-docker.tar", |a| a.replace(&format!("{PODMAN_TOP}/json"), PODMAN_BASE, OTHER)),
    (Rule::V1Json, Warning, "podman-docker.tar", |a| {
        a.replace_everywhere(PODMAN_BASE, BASE);
        a.replace_everywhere(PODMAN_TOP, &chain_id());
        a.replace(&format!("{}/json", chain_id()), "myvalue", "stale");
    }),
    (Rule::V1Link, Error, "podman-docker.tar", |a| {
        a.entry(&format!("{PODMAN_BASE}/layer.tar")).header.set_link_name(format!("../{TOP}.tar")).unwrap();
    }),
    (Rule::Repositories, Error, "podman-docker.tar", |a| a.replace("repositories", PODMAN_TOP, PODMAN_BASE)),
    (Rule::V1Version, Error, "podman-docker.tar", |a| a.replace(&format!("{PODMAN_TOP}/VERSION"), "1.0", "1.1")),
    (Rule::Created, Error, "docker26-containerd.tar", |a| { a.replace(CONFIG, "\"2026-11-23T05:26:24.153984503Z\",\"docker", "\"2026-11-23\",\"docker"); a.repair(); }),
    (Rule::Created, Error, "docker26-containerd.tar", |a| { a.replace(CONFIG, "\"2026-11-23T05:26:12.777566036Z\"", "7"); a.repair(); }),
    (Rule::Urls, Error, "docker26-containerd.tar", |a| a.replace("index.json", "\"size\":577", "\"size\":577,\"urls\":[\"1http://example.com\"]")),
    (Rule::Urls, Error, "docker26-containerd.tar", |a| a.replace("index.json", "\"size\":577", "\"size\":577,\"urls\":[7]")),
    (Rule::Parent, Error, "docker26-containerd.tar", |a| add_child(a, ("ONBUILD ENV CHILD=1\"", "ONBUILD ENV CHILD=2\""))),
    (Rule::Parent, Error, "docker26-containerd.tar", |a| add_child(a, ("WORKDIR /opt/app\",\"empty_layer\":true", "WORKDIR /opt/app\",\"author\":\"a\",\"empty_layer\":true"))),
    (Rule::Parent, Error, "docker26-containerd.tar", |a| add_child(a, ("{\"created_by\":\"child\"", "{\"empty_layer\":true},{\"created_by\":\"child\""))),
    (Rule::Parent, Warning, "docker20.tar", |a| a.replace("manifest.json", "[{", &format!("[{{\"Parent\":\"sha256:{OTHER}\","))),
    (Rule::ForeignLayer, Advice, "skopeo-oci.tar", |a| { a.replace("sha256/2d446a", "application/vnd.oci.image.layer.v1.tar", "application/vnd.oci.image.layer.nondistributable.v1.tar"); a.repair(); }),
    (Rule::AnnotationKey, Advice, "skopeo-oci.tar", |a| a.replace("index.json", "\"annotations\":{", "\"annotations\":{\"key\":\"a\",")),
    (Rule::RefName, Advice, "skopeo-oci.tar", |a| a.replace("index.json", "greeter:1", "greeter~1")),
    (Rule::RefName, Advice, "skopeo-oci.tar", |a| a.replace("index.json", "greeter:1", "a//b")),
    (Rule::DescriptorPlatform, Error, "docker26-containerd.tar", |a| a.replace("index.json", "\"size\":577", "\"size\":577,\"platform\":{\"architecture\":\"amd64\",\"os\":\"\"}")),
    (Rule::NoLayers, Advice, "skopeo-oci.tar", |a| only_manifest(a, ",\"artifactType\":\"a/b\"", ("application/vnd.oci.empty.v1+json", "{}"), &[])),
    (Rule::ReservedKey, Warning, "skopeo-oci.tar", |a| a.replace("index.json", "\"annotations\":{", "\"annotations\":{\"org.opencontainers\":\"a\",")),
    (Rule::Attestation, Warning, "skopeo-oci.tar", |a| a.replace("index.json", "\"annotations\":{", "\"annotations\":{\"io.containerd.manifest.subject\":\"sha256:abc\",")),
    (Rule::UnportableDigest, Warning, "docker26-containerd.tar", |a| {
        let long = "1".repeat(128);
        let statement = format!("{{\"subject\":[{{\"name\":\"a\",\"digest\":{{\"sha512\":\"{long}\"}}}}]}}");
        let subject = format!(",\"artifactType\":\"a/b\",\"subject\":{{\"mediaType\":\"a/b\",\"digest\":\"sha512:{long}\",\"size\":3}}");
        let config = ("application/vnd.oci.empty.v1+json", "{}");
        let descriptor = put_manifest(a, &subject, config, &[("application/vnd.in-toto+json", &statement)]);
        a.replace("index.json", "}]}", &format!("}},{descriptor}]}}"));
    }),
    // What two descriptors say of one platform: the image's own, and that of the index.
    (Rule::DescriptorPlatform, Warning, "docker26-containerd.tar", |a| {
        set_platform(a, ("linux", "arm"), ",\"variant\":\"v7\"");
        a.replace("index.json", "\"v7\"", "\"v6\"");
    }),
    (Rule::HybridImage, Error, "docker26-containerd.tar", |a| {
        let config = "{\"architecture\":\"amd64\",\"os\":\"linux\",\"rootfs\":{\"type\":\"layers\",\"diff_ids\":[]}}";
        let descriptor = put_manifest(a, "", ("application/vnd.oci.image.config.v1+json", config), &[]);
        a.replace("index.json", "}]}", &format!("}},{descriptor}]}}"));
    }),
    // The same bytes compressed are the same layer of the image, and another one of the archive.
    (Rule::HybridImage, Error, "docker26-containerd.tar", |a| {
        let plain = a.entry(BASE).data.clone();
        let compressed = recompress(&plain, Compression::Gzip);
        let (hex, size) = (Digest::of(&compressed).hex(), compressed.len());
        a.add(&format!("blobs/sha256/{hex}"), &compressed);
        let media_type = "application/vnd.docker.image.rootfs.diff.tar";
        let stated = |more: &str, hex: &str, size: usize| {
            format!("{{\"mediaType\":\"{media_type}{more}\",\"digest\":\"sha256:{hex}\",\"size\":{size}}}")
        };
        a.replace(MANIFEST_C, &stated("", BASE, plain.len()), &stated(".gzip", &hex, size));
        a.repair();
    }),
    (Rule::V1Version, Warning, "docker20.tar", |a| a.remove(&format!("{V1_TOP}/VERSION"))),
    (Rule::V1Version, Error, "docker20.tar", |a| a.entry(&format!("{V1_TOP}/VERSION")).data = b"1.0\n".to_vec()),
    (Rule::V1Json, Error, "docker20.tar", |a| a.remove(&format!("{V1_TOP}/json"))),
    (Rule::V1Json, Error, "docker20.tar", |a| {
        let json = a.entry(&format!("{V1_TOP}/json"));
        json.header.set_entry_type(EntryType::Directory);
        json.data.clear();
    }),
    (Rule::BadJson, Error, "docker20.tar", |a| a.entry(&format!("{V1_TOP}/json")).data = b"[]".to_vec()),
    (Rule::UnportableLink, Warning, "docker20-two-images.tar", |a| {
        let name = "59ec9b39a8a9173eacef0d841d4642bdc2ac9a19c415599579d27891fed0a40c/layer.tar";
        let mut link = a.entry(name).clone();
        link.name = name.replace("layer.tar", "link");
        a.entry(name).header.set_link_name("link").unwrap();
        a.entries.push(link);
    }),
    (Rule::UnportableCompression, Warning, "crane.tar", |a| {
        let data = recompress(&a.entry(".tar.gz").data, Compression::Xz);
        a.entry(".tar.gz").data = data;
        a.repair();
    }),
    (Rule::DirVersion, Warning, "skopeo-oci.tar", |a| { as_directory(a); a.add("version", b"Directory Transport Version: 2.0\n"); }),
    (Rule::DirVersion, Warning, "skopeo-oci.tar", |a| { as_directory(a); a.add("version", &[b"Directory Transport Version: 1.1\n".as_slice(), &[b' '; 64]].concat()); }),
    (Rule::BlobDigest, Error, "skopeo-oci.tar", |a| { as_directory(a); a.add("version", b"Directory Transport Version: 1.1\n"); a.replace("722078", "myvalue", "my_alue"); }),
    (Rule::LayerWhiteout, Error, "docker26-containerd.tar", |a| set_layer(a, &[(EntryType::Regular, "d/.wh.."), (EntryType::Regular, "e/.wh...")])),
    (Rule::LayerEntryType, Error, "docker26-containerd.tar", |a| {
        set_layer(a, &[(EntryType::Continuous, "a"), (EntryType::Continuous, "b"), (EntryType::Continuous, "c"), (EntryType::Continuous, "d"), (EntryType::Continuous, "e")]);
    }),
    (Rule::LayerDuplicatePath, Error, "docker26-containerd.tar", |a| set_layer(a, &[(EntryType::Regular, ".wh.a"), (EntryType::Regular, ".wh.a")])),
    (Rule::LayerHardLink, Warning, "docker26-containerd.tar", |a| set_layer(a, &[(EntryType::Regular, "d/b"), (EntryType::Link, "a -> b")])),
    (Rule::Repositories, Warning, "docker26.tar", |a| a.remove("repositories")),
    // A tar that ends because its stream does is told once; one that is none in an intact stream is told.
    (Rule::LayerCompression, Error, "crane.tar", |a| { let data = &mut a.entry(".tar.gz").data; data.truncate(data.len() / 2); a.repair(); }),
    (Rule::LayerTar, Error, "crane.tar", |a| {
        let plain = decompressed(&a.entry(".tar.gz").data);
        let mut encoder = Compression::Gzip.encoder(Vec::new()).unwrap();
        encoder.write_all(&b"no tar".repeat(200)).unwrap();
        let diff_id = Digest::of(&b"no tar".repeat(200)).hex();
        a.entry(".tar.gz").data = encoder.finish().unwrap();
        a.replace("sha256:", &Digest::of(&plain).hex(), &diff_id);
        a.repair();
    }),
];

/// Archives that differ from real ones in what every reader takes.
#[rustfmt::skip]
pub(super) const HARMLESS: &[(&str, Damage)] = &[
    ("docker26-containerd.tar", |a| set_platform(a, ("linux", "amd64"), ",\"os.features\":[\"a\"]")),
    ("docker26-containerd.tar", |a| set_platform(a, ("windows", "amd64"), ",\"os.features\":[\"win32k\"]")),
    ("docker26-containerd.tar", |a| set_platform(a, ("linux", "arm"), ",\"variant\":\"v7\"")),
    ("docker26-containerd.tar", |a| set_platform(a, ("linux", "arm64"), ",\"variant\":\"v8\"")),
    ("docker26-containerd.tar", |a| set_platform(a, ("linux", "riscv64"), ",\"variant\":\"any\"")),
    ("docker26-containerd.tar", |a| set_platform(a, ("hurd", "386"), "")),
    // No image, and so none for a platform.
    ("docker26-containerd.tar", |a| {
        let config = ("application/vnd.oci.empty.v1+json", "{}");
        let descriptor = put_manifest(a, ",\"artifactType\":\"a/b\"", config, &[("a/b", "x")]);
        a.replace("index.json", "}]}", &format!("}},{descriptor}]}}"));
    }),
    ("buildx-oci-multi.tar", |a| {
        let unknown = "\"platform\": {\n        \"architecture\": \"unknown\",\n        \"os\": \"unknown\"\n      }";
        a.replace("sha256/3b80ae", unknown, "\"urls\": []");
        a.repair();
    }),
    ("docker26-containerd.tar", |a| { a.replace(CONFIG, "\"2026-11-23T05:26:24.153984503Z\",\"docker", "\"2026-11-23T05:26:24+01:00\",\"docker"); a.repair(); }),
    ("docker26-containerd.tar", |a| { a.replace(CONFIG, "\"2026-11-23T05:26:24.153984503Z\",\"docker", "null,\"docker"); a.repair(); }),
    ("docker26-containerd.tar", |a| a.replace("index.json", "\"size\":577", "\"size\":577,\"urls\":[\"http://example.com/a?b=%4f\",\"https://example.com\",\"HTTPS://example.com\"]")),
    ("skopeo-oci.tar", |a| a.replace("index.json", "greeter:1", "example.com/a--b_c/greeter:v1.0+2@x")),
    // What is spoken of is in the archive, though not in this index.
    ("buildx-oci-multi.tar", |a| a.replace("index.json", "\"annotations\":{", &format!("\"annotations\":{{\"vnd.docker.reference.digest\":\"{ATTESTED}\","))),
    ("docker26-containerd.tar", |a| {
        set_platform(a, ("linux", "arm"), ",\"variant\":\"v7\"");
        a.replace("index.json", ",\"variant\":\"v7\"", "");
    }),
    ("skopeo-oci.tar", |a| {
        as_directory(a);
        a.add("version", b"Directory Transport Version: 1.2\n");
        a.add("signature-1", b"a");
        a.add("signature-2", b"b");
    }),
    ("docker26-containerd.tar", |a| {
        a.entry(BASE).data = raw::stream(&[Raw::new(b'g', "g"), Raw::new(b'g', "g"), Raw::device(b'3', "a", (1, 3)), Raw::device(b'4', "b", (0, 0))]);
        a.repair();
    }),
    ("docker26-containerd.tar", |a| set_layer(a, &[(EntryType::Regular, ".wh.a"), (EntryType::Regular, "a")])),
    // Links from the root, names from the root, and siblings of whiteouts.
    ("docker26-containerd.tar", |a| set_layer(a, &[(EntryType::Regular, "b"), (EntryType::Link, "a -> /b"), (EntryType::Link, "c -> ./b")])),
    ("docker26-containerd.tar", |a| set_layer(a, &[(EntryType::Regular, "/b"), (EntryType::Link, "a -> b")])),
    ("docker26-containerd.tar", |a| set_layer(a, &[(EntryType::Regular, ".wh.a"), (EntryType::Regular, "b"), (EntryType::Regular, "d/.wh.a"), (EntryType::Regular, "d/b")])),
    ("docker26-containerd.tar", |a| set_layer(a, &[(EntryType::XGlobalHeader, "g"), (EntryType::Fifo, "f"), (EntryType::Symlink, "s -> nowhere")])),
    ("docker26-containerd.tar", |a| {
        a.replace(CONFIG, "\"os\":\"linux\"", "\"os\":\"windows\"");
        set_layer(a, &[(EntryType::Link, "Files/a -> Files\\b")]);
    }),
    // An artifact whose configuration has the type of an image's, as cosign writes it, is for no platform.
    ("docker26-containerd.tar", |a| {
        let config = format!("{{\"rootfs\":{{\"type\":\"layers\",\"diff_ids\":[\"sha256:{OTHER}\"]}}}}");
        let config = ("application/vnd.oci.image.config.v1+json", config.as_str());
        let descriptor = put_manifest(a, "", config, &[("a/b", "x")]);
        let platform = "{\"platform\":{\"os\":\"unknown\",\"architecture\":\"unknown\"},";
        let descriptor = descriptor.replacen('{', platform, 1);
        a.entry("index.json").data.truncate(0);
        set_manifests(a, &format!("[{descriptor}]"));
        a.remove("manifest.json");
        a.remove(MANIFEST_C);
        a.remove(CONFIG);
        a.remove(BASE);
        a.remove(TOP);
    }),
    // Nor is one whose configuration says nothing.
    ("docker26-containerd.tar", |a| {
        let config = ("application/vnd.oci.image.config.v1+json", "{}");
        let descriptor = put_manifest(a, "", config, &[("a/b", "x")]);
        a.replace("index.json", "}]}", &format!("}},{descriptor}]}}"));
    }),
    // podman once called its directories by the chain id, and before that by the diff id.
    ("podman-docker.tar", |a| { a.replace_everywhere(PODMAN_BASE, BASE); a.replace_everywhere(PODMAN_TOP, &chain_id()); }),
    ("podman-docker.tar", |a| { a.replace_everywhere(PODMAN_BASE, BASE); a.replace_everywhere(PODMAN_TOP, TOP); }),
    // Docker compares the history of a parent by what it knows; absent, empty and false are the same.
    ("docker26-containerd.tar", |a| add_child(a, ("ONBUILD ENV CHILD=1\"", "ONBUILD ENV CHILD=1\""))),
    ("docker26-containerd.tar", |a| add_child(a, ("ONBUILD ENV CHILD=1\"", "ONBUILD ENV CHILD=1\",\"comment\":\"\",\"author\":null,\"other\":1"))),
    ("docker26-containerd.tar", |a| add_child(a, ("in / \"", "in / \",\"empty_layer\":false"))),
];

/// The chain id of the upper one of both layers.
fn chain_id() -> String {
    Digest::of(format!("sha256:{BASE} sha256:{TOP}").as_bytes()).hex()
}

/// Adds a blob again, compressed, and returns its name.
fn add_compressed(archive: &mut Archive, part: &str) -> String {
    let data = recompress(&archive.entry(part).data, Compression::Gzip);
    let name = format!("blobs/sha256/{}", Digest::of(&data).hex());
    archive.add(&name, &data);
    name
}

/// The last byte of a blob is another one, in base64.
fn other_data(archive: &mut Archive, part: &str) -> String {
    let mut data = archive.entry(part).data.clone();
    *data.last_mut().unwrap() = b'\n';
    base64(&data)
}

/// An image of no layers, as `FROM scratch` alone gives it.
fn empty_image(archive: &mut Archive) {
    let config =
        r#"{"architecture":"amd64","os":"linux","rootfs":{"type":"layers","diff_ids":[]}}"#;
    let config = ("application/vnd.oci.image.config.v1+json", config);
    only_manifest(archive, "", config, &[]);
}

/// Makes an archive a layout of one manifest.
fn only_manifest(archive: &mut Archive, keys: &str, config: (&str, &str), layers: &[(&str, &str)]) {
    archive
        .entries
        .retain(|entry| !entry.name.starts_with("blobs/sha256/"));
    let descriptor = put_manifest(archive, keys, config, layers);
    let platform = "\"platform\":{\"os\":\"linux\",\"architecture\":\"amd64\"}";
    let descriptor = descriptor.replacen('{', &format!("{{{platform},"), 1);
    set_manifests(archive, &format!("[{descriptor}]"));
}

/// Adds a manifest of `keys`, a configuration and layers, each a media type and a text, and returns its descriptor.
fn put_manifest(
    archive: &mut Archive,
    keys: &str,
    config: (&str, &str),
    layers: &[(&str, &str)],
) -> String {
    let mut put = |media_type: &str, text: &str| {
        let hex = Digest::of(text.as_bytes()).hex();
        archive.add(&format!("blobs/sha256/{hex}"), text.as_bytes());
        let size = text.len();
        format!("{{\"mediaType\":\"{media_type}\",\"digest\":\"sha256:{hex}\",\"size\":{size}}}")
    };
    let config = put(config.0, config.1);
    let layers: Vec<String> = layers.iter().map(|layer| put(layer.0, layer.1)).collect();
    let layers = layers.join(",");
    let media_type = "application/vnd.oci.image.manifest.v1+json";
    let text = format!(
        "{{\"schemaVersion\":2,\"mediaType\":\"{media_type}\"{keys},\"config\":{config},\"layers\":[{layers}]}}"
    );
    put(media_type, &text)
}

fn set_manifests(archive: &mut Archive, manifests: &str) {
    let media_type = "application/vnd.oci.image.index.v1+json";
    let index =
        format!("{{\"schemaVersion\":2,\"mediaType\":\"{media_type}\",\"manifests\":{manifests}}}");
    archive.entry("index.json").data = index.into_bytes();
}

fn set_subject(archive: &mut Archive, descriptor: &str) {
    archive.replace(
        MANIFEST_C,
        "{\"schema",
        &format!("{{\"subject\":{{{descriptor}}},\"schema"),
    );
    archive.repair();
}

/// Writes the same image as a `dir:`, still without `version`.
fn as_directory(archive: &mut Archive) {
    archive.remove("index.json");
    archive.remove("oci-layout");
    archive.entries.retain(|entry| !entry.name.ends_with('/'));
    for entry in &mut archive.entries {
        entry.name = entry.name.replace("blobs/sha256/", "");
    }
    archive.entry("2d446a").name = String::from("manifest.json");
}

/// Writes the platform of the configuration and of its descriptor, and something more of the latter.
fn set_platform(archive: &mut Archive, (os, architecture): (&str, &str), more: &str) {
    let variant = more.strip_prefix(",\"variant\"").map_or("", |_| more);
    let config = &mut archive.entry(CONFIG).data;
    let text = String::from_utf8(config.clone()).unwrap();
    let stated = format!("{{\"architecture\":\"{architecture}\"{variant}");
    let text = text.replace("{\"architecture\":\"amd64\"", &stated);
    let stated = format!("\"os\":\"{os}\",\"rootfs\"");
    *config = text
        .replace("\"os\":\"linux\",\"rootfs\"", &stated)
        .into_bytes();
    archive.repair();
    let platform =
        format!("\"platform\":{{\"os\":\"{os}\",\"architecture\":\"{architecture}\"{more}}},");
    let annotations = "\"annotations\":";
    archive.replace("index.json", annotations, &(platform + annotations));
}

/// Adds an untagged image whose parent is the one that is there: its configuration with one entry more, and one text for another.
fn add_child(archive: &mut Archive, (old, new): (&str, &str)) {
    let config = String::from_utf8(archive.entry(CONFIG).data.clone()).unwrap();
    let child = ",{\"created_by\":\"child\",\"empty_layer\":true}],\"os\"";
    let config = config.replace("],\"os\"", child);
    assert!(config.contains(old), "{old}");
    let config = config.replace(old, new);
    let name = format!("blobs/sha256/{}", Digest::of(config.as_bytes()).hex());
    archive.add(&name, config.as_bytes());
    let item = format!(
        "[{{\"Config\":\"{name}\",\"Parent\":\"sha256:{CONFIG}\",\"RepoTags\":null,\"Layers\":[\"blobs/sha256/{BASE}\",\"blobs/sha256/{TOP}\"]}},{{"
    );
    archive.replace("manifest.json", "[{", &item);
}

pub(super) fn sha512(data: &[u8]) -> String {
    let digest = sha2::Sha512::digest(data);
    let hex = |hex: String, byte: &u8| hex + &format!("{byte:02x}");
    digest.iter().fold(String::new(), hex)
}

/// Names a blob by its SHA-512.
pub(super) fn by_sha512(archive: &mut Archive, part: &str) {
    let entry = archive.entry(part);
    let hex = entry.name.rsplit('/').next().unwrap().to_owned();
    let long = sha512(&entry.data);
    entry.name = format!("blobs/sha512/{long}");
    archive.replace_everywhere(&format!("sha256:{hex}"), &format!("sha512:{long}"));
    archive.repair();
}

fn set_layer(archive: &mut Archive, lines: &[(EntryType, &str)]) {
    archive.entry(BASE).data = edit::layer(lines);
    archive.repair();
}

pub(super) fn decompressed(data: &[u8]) -> Vec<u8> {
    let mut plain = Vec::new();
    let mut decoder = Compression::detect(data).decoder(data).unwrap();
    std::io::Read::read_to_end(&mut decoder, &mut plain).unwrap();
    plain
}

fn recompress(data: &[u8], compression: Compression) -> Vec<u8> {
    let plain = decompressed(data);
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

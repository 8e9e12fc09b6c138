//! Attestations within an index, and what refers to an image from outside.

use std::io::Read;

use ocipatch::media_type::{INDEX, MANIFEST};
use ocipatch::registry::{Name, Registries, Settings};
use ocipatch::{Digest, Reference};

use super::Site;

#[test]
fn attestations_of_an_index_follow_the_patch() {
    let site = Site::start();
    site.push("buildx-oci-multi.tar", "app:1");
    let told = site.fails(1, "apply label.yaml @app:1 -o @app:2");
    assert!(told.contains("attested"), "{told}");
    site.patch(
        "keep.yaml",
        "attestations: keep\noperations: [set-label: {team: web}]",
    );
    site.patch(
        "drop.yaml",
        "attestations: drop\noperations: [set-label: {team: web}]",
    );
    site.ok("apply -q keep.yaml @app:1 -o @app:keep");
    site.ok("apply -q drop.yaml @app:1 -o @app:drop");
    let shown = |tag: &str| site.ok(&format!("inspect --format json @app:{tag}"));
    assert!(shown("keep").contains("attestation"));
    assert!(!shown("drop").contains("attestation"));
    for tag in ["keep", "drop"] {
        let ran = site.run(&format!("verify @app:{tag}"));
        assert_eq!(ran.code, Some(0), "{}", ran.stdout);
    }
}

#[test]
fn one_platform_changes_and_the_others_keep_their_bytes() {
    let mut site = Site::start();
    site.push("buildx-oci-multi.tar", "app:1");
    site.patch(
        "arm.yaml",
        "attestations: drop\ntarget: {platforms: [linux/arm64]}\noperations: [set-label: {team: web}]",
    );
    let requests = site.requests("apply -q arm.yaml @app:1 -o @app:2");
    let sent: Vec<_> = requests
        .iter()
        .filter(|request| request.starts_with("PUT"))
        .collect();
    // A configuration, a manifest, and the index under its name.
    assert_eq!(sent.len(), 3, "{requests:#?}");
    let difference = site.ok("diff @app:1 @app:2");
    assert!(difference.contains("linux/arm64"), "{difference}");
}

/// Stores something that refers to an image, and lists it under the tag for that, as clients do where a registry does not.
fn sign(site: &Site, name: &str, subject: &str) -> String {
    let registries = Registries::new(Settings::default()).unwrap();
    let reference = Reference::parse(&format!("{}/{name}", site.server.domain())).unwrap();
    let app = registries.repository(&reference);
    let config: &[u8] = b"{}";
    let open = || Ok(Box::new(config) as Box<dyn Read + Send>);
    let digest = Digest::of(config);
    app.upload(app.start_upload().unwrap(), digest, 2, &open)
        .unwrap();
    let subject_size = app
        .find_manifest(Name::Digest(Digest::parse(subject).unwrap()))
        .unwrap()
        .unwrap()
        .size;
    let manifest = format!(
        r#"{{"schemaVersion":2,"mediaType":"{MANIFEST}","artifactType":"application/vnd.example.sbom","config":{{"mediaType":"application/vnd.oci.empty.v1+json","digest":"{digest}","size":2}},"layers":[{{"mediaType":"application/vnd.oci.empty.v1+json","digest":"{digest}","size":2}}],"subject":{{"mediaType":"{MANIFEST}","digest":"{subject}","size":{subject_size}}}}}"#
    );
    let own = Digest::of(manifest.as_bytes());
    app.put_manifest(Name::Digest(own), MANIFEST, manifest.as_bytes())
        .unwrap();
    let index = format!(
        r#"{{"schemaVersion":2,"mediaType":"{INDEX}","manifests":[{{"mediaType":"{MANIFEST}","digest":"{own}","size":{},"artifactType":"application/vnd.example.sbom"}}]}}"#,
        manifest.len()
    );
    let tag = subject.replace(':', "-");
    app.put_manifest(Name::Tag(&tag), INDEX, index.as_bytes())
        .unwrap();
    own.to_string()
}

/// What is listed as referring to an image.
fn listed(site: &Site, name: &str) -> serde_json::Value {
    let registries = Registries::new(Settings::default()).unwrap();
    let reference = Reference::parse(&format!("{}/{name}", site.server.domain())).unwrap();
    let digest = Digest::parse(&site.digest(name)).unwrap();
    let listed = registries.repository(&reference).referrers(digest).unwrap();
    serde_json::from_slice(&listed).unwrap()
}

#[test]
fn what_refers_to_an_image_is_pointed_at_the_new_one_or_left_with_the_old() {
    let site = Site::start();
    site.push("docker26.tar", "app:1");
    let old = site.digest("app:1");
    let sbom = sign(&site, "app:1", &old);
    site.patch(
        "keep.yaml",
        "attestations: keep\noperations: [set-label: {team: web}]",
    );
    for name in ["app:2", "elsewhere/app:1"] {
        site.ok(&format!("apply -q keep.yaml @app:1 -o @{name}"));
        let listed = listed(&site, name);
        let item = &listed["manifests"][0];
        assert_eq!(
            item["artifactType"], "application/vnd.example.sbom",
            "{listed}"
        );
        assert_ne!(item["digest"], sbom.as_str(), "its subject is another one");
    }
    // Unless a patch says so, it stays with the image as it was, which is still there.
    site.ok("apply -q label.yaml @app:1 -o @app:3");
    site.patch("other.yaml", "operations: [set-label: {team: other}]");
    site.ok("apply -q other.yaml @app:1 --in-place");
    assert_eq!(
        listed(&site, "app:1")["manifests"]
            .as_array()
            .unwrap()
            .len(),
        0
    );
    let by_digest = site.ok(&format!("inspect @app@{old}"));
    assert!(by_digest.contains(&old), "{by_digest}");
}

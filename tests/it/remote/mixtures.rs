//! A registry on one side, and a file, a layout or another registry on the other.

use super::Site;
use crate::binary::NO_CACHE;
use crate::edit::fixture;
use crate::registry::server::Server;

/// Archives of every writer, as far as each has one image.
const FIXTURES: &[&str] = &[
    "buildx-docker.tar",
    "buildx-oci-multi.tar",
    "buildx-oci.tar",
    "crane.tar",
    "docker20-nasty.tar",
    "docker20.tar",
    "docker20.tar.gz",
    "docker26-containerd.tar",
    "docker26.tar",
    "docker28.tar",
    "podman-oci.tar",
    "podman58-docker.tar",
    "skopeo-oci.tar",
];

#[test]
fn every_form_goes_into_a_registry_and_comes_back_with_the_same_digest() {
    let site = Site::start();
    for archive in FIXTURES {
        let name = format!("{}:1", archive.replace('.', "-"));
        site.push(archive, &name);
        site.ok(&format!("verify @{name}"));
        let digest = site.digest(&name);
        site.ok(&format!("apply -q @{name} --to oci-archive -o back.tar"));
        site.ok("verify back.tar");
        let again = format!("again/{name}");
        site.ok(&format!("apply -q back.tar -o @{again}"));
        assert_eq!(site.digest(&again), digest, "{archive}");
    }
}

#[test]
fn an_image_of_a_registry_becomes_what_docker_loads() {
    let site = Site::start();
    site.push("docker26.tar", "app:1");
    site.ok("apply -q label.yaml @app:1 -o app.tar");
    site.ok("apply -q label.yaml @app:1 -o layout/");
    site.ok("apply -q label.yaml @app:1 -o @app:2");
    assert!(site.path("layout/index.json").exists());
    for other in ["app.tar", "layout", "@app:2"] {
        let difference = site.ok(&format!("diff --format json --files {} {other}", "app.tar"));
        let difference: serde_json::Value = serde_json::from_str(&difference).unwrap();
        let images = difference["images"].as_array().unwrap();
        assert!(
            images
                .iter()
                .all(|image| image["config"].as_array().unwrap().is_empty()),
            "{difference}"
        );
    }
    let names = std::process::Command::new("tar")
        .arg("-tf")
        .arg(site.path("app.tar"))
        .output()
        .unwrap();
    assert!(String::from_utf8_lossy(&names.stdout).contains("manifest.json"));
}

#[test]
fn one_registry_feeds_another_without_a_file_in_between() {
    let mut site = Site::start();
    let other = Server::start();
    let Some(mut limited) = crate::engine::tool("prlimit") else {
        return;
    };
    // More than a file may have.
    std::fs::write(site.path("large"), random(3 << 20)).unwrap();
    site.patch(
        "large.yaml",
        "operations: [add-layer: {files: [{path: /large, from: large}], compression: none}]",
    );
    let archive = fixture("docker26.tar");
    site.ok(&format!(
        "apply -q large.yaml {} -o @app:1",
        archive.display()
    ));
    let target = format!("docker://{}/copy:1", other.domain());
    let copied = limited
        .arg("--fsize=1000000")
        .envs(NO_CACHE)
        .arg(env!("CARGO_BIN_EXE_ocipatch"))
        .args(["apply", "-q", &site.name("app:1"), "-o", &target])
        .output()
        .unwrap();
    assert!(
        copied.status.success(),
        "{}",
        String::from_utf8_lossy(&copied.stderr)
    );
    site.ok(&format!("verify {target}"));
    assert!(site.ok(&format!("diff @app:1 {target}")).contains("copy:1"));
    // The second time only the configuration is read.
    let again = site.requests(&format!("apply -q @app:1 -o {target}"));
    assert_eq!(again.len(), 2, "{again:?}");
}

/// Bytes that nothing compresses.
fn random(n: usize) -> Vec<u8> {
    let mut state = 1_u64;
    let next = || {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1);
        (state >> 56) as u8
    };
    std::iter::repeat_with(next).take(n).collect()
}

#[test]
fn one_platform_of_an_index_is_written_alone() {
    let site = Site::start();
    site.push("buildx-oci-multi.tar", "app:1");
    let told = site.fails(3, "apply -q @app:1 -o app.tar");
    assert!(told.contains("--platform"), "{told}");
    site.ok("apply -q @app:1 --platform linux/arm64 -o app.tar");
    assert!(site.ok("inspect app.tar").contains("linux/arm64"));
    site.ok("apply -q @app:1 --platform linux/arm64 -o @arm:1");
    assert!(!site.ok("inspect @arm:1").contains("linux/amd64"));
}

#[test]
fn what_is_looked_into_is_what_an_archive_of_it_shows() {
    let site = Site::start();
    site.push("docker26.tar", "app:1");
    let archive = fixture("docker26.tar");
    let archive = archive.display();
    assert_eq!(
        site.ok("cat @app:1 /etc/greeting"),
        site.ok(&format!("cat {archive} /etc/greeting"))
    );
    site.ok("export @app:1 -o tree.tar");
    site.ok(&format!("export {archive} -o own.tar"));
    let read = |name: &str| std::fs::read(site.path(name)).unwrap();
    assert_eq!(read("tree.tar"), read("own.tar"));
    let difference = site.ok(&format!("diff --files {archive} @app:1"));
    assert!(!difference.contains("files"), "{difference}");
    site.ok("init @app:1 -o first.yaml");
}

#[test]
fn a_base_of_a_registry_takes_the_place_of_another() {
    let site = Site::start();
    site.push("docker26.tar", "base:1");
    site.patch(
        "new.yaml",
        "operations: [add-layer: {files: [{path: /etc/new, content: new}]}]",
    );
    site.ok("apply -q new.yaml @base:1 -o @base:2");
    site.patch(
        "own.yaml",
        "operations: [add-layer: {files: [{path: /srv/own, content: own}]}]",
    );
    site.ok("apply -q own.yaml @base:1 -o @app:1");
    let (from, onto) = (site.name("base:1"), site.name("base:2"));
    site.patch(
        "rebase.yaml",
        &format!("operations: [rebase: {{from: \"{from}\", onto: \"{onto}\"}}]"),
    );
    site.ok("apply -q rebase.yaml @app:1 -o @app:2");
    assert_eq!(site.ok("cat @app:2 /etc/new"), "new");
    assert_eq!(site.ok("cat @app:2 /srv/own"), "own");
}

#[test]
fn no_connection_is_made_for_what_is_not_in_a_registry() {
    let Some(strace) = crate::engine::tool("strace") else {
        return;
    };
    let site = Site::start();
    let archive = fixture("docker26.tar");
    let trace = site.path("trace");
    let mut strace = strace;
    let status = strace
        .args(["-f", "-e", "trace=%network", "-o"])
        .arg(&trace)
        .envs(NO_CACHE)
        .arg(env!("CARGO_BIN_EXE_ocipatch"))
        .args(["apply", "-q", "label.yaml"])
        .arg(archive)
        .args(["-o", "out.tar"])
        .current_dir(site.directory.path())
        .output()
        .unwrap()
        .status;
    assert!(status.success());
    let trace = std::fs::read_to_string(trace).unwrap();
    assert!(!trace.contains("socket("), "{trace}");
}

#[test]
fn what_is_told_of_one_platform_is_about_that_alone() {
    let site = Site::start();
    site.push("buildx-oci-multi.tar", "app:1");
    let archive = fixture("buildx-oci-multi.tar");
    for image in ["@app:1".to_owned(), archive.display().to_string()] {
        let line = format!("apply -q {image} --platform linux/arm64 --to oci-archive -o arm.tar");
        let told = site.ok(&format!("{line} --digest-file d --iidfile i"));
        let id = std::fs::read_to_string(site.path("i")).unwrap();
        assert!(site.ok("inspect arm.tar").contains(&id), "{told}");
        assert_eq!(site.ok(&line).lines().count(), 1);
    }
}

//! What other tools make of images that were patched in a registry: none refuses one or reads another.

use std::process::Command;

use super::Site;
use crate::engine::{Docker, Release, podman_pull};
use crate::registry::server::Server;

const RELEASES: [Release; 2] = [Release::Bookworm, Release::Forky];

/// A registry with patched images: the name of each, without the registry, and how many platforms it has.
fn patched() -> Option<(Site, Vec<(&'static str, usize)>)> {
    let site = Site::of(Server::with("", "")?);
    site.patch(
        "fix.yaml",
        "attestations: keep
operations:
  - set-label: {team: web}
  - add-layer: {files: [{path: /etc/greeting, content: \"hello from a registry\\n\"}]}",
    );
    let images = [
        ("docker26.tar", "docker:2", 1),
        ("podman-oci.tar", "podman:2", 1),
        ("crane.tar", "crane:2", 1),
        ("buildx-oci-multi.tar", "multi:2", 2),
    ];
    for (archive, name, _) in images {
        let old = name.replace(":2", ":1");
        site.push(archive, &old);
        site.ok(&format!("apply -q fix.yaml @{old} -o @{name}"));
        site.ok(&format!("apply -q fix.yaml @{old} -o @elsewhere/{name}"));
        site.ok(&format!("verify @elsewhere/{name}"));
    }
    Some((site, images.map(|(_, name, n)| (name, n)).to_vec()))
}

#[track_caller]
fn said(command: &mut Command) -> String {
    let output = command.output().unwrap();
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let error = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{command:?}\n{text}\n{error}");
    text
}

#[test]
fn crane_validates_every_layer() {
    let Some((site, images)) = patched() else {
        return;
    };
    for (name, n_platforms) in images {
        for name in [name.to_owned(), format!("elsewhere/{name}")] {
            let Some(mut crane) = Release::Forky.tool("crane") else {
                return;
            };
            let name = format!("{}/{name}", site.server.domain());
            crane.args(["validate", "--insecure", "--remote", &name]);
            // It takes the statements of BuildKit for layers, and refuses them.
            crane.args((n_platforms > 1).then_some("--fast"));
            said(&mut crane);
        }
    }
}

#[test]
fn oras_copies_them_with_all_that_they_lead_to() {
    let Some((site, images)) = patched() else {
        return;
    };
    for (name, _) in images {
        let Some(mut oras) = Release::Forky.tool("oras") else {
            return;
        };
        let from = format!("{}/{name}", site.server.domain());
        let to = site.path(&name.replace(':', "-"));
        let to = format!("{}:copy", to.display());
        said(oras.args([
            "cp",
            "--recursive",
            "--from-plain-http",
            &from,
            "--to-oci-layout",
            &to,
        ]));
        let layout = to.strip_suffix(":copy").unwrap();
        site.ok(&format!("verify {layout}"));
    }
}

#[test]
fn skopeo_copies_them_old_and_new() {
    let Some((site, images)) = patched() else {
        return;
    };
    for release in RELEASES {
        for (name, _) in &images {
            let Some(mut skopeo) = release.tool("skopeo") else {
                return;
            };
            let from = format!("docker://{}/{name}", site.server.domain());
            let layout = site.path(&format!("{release:?}-{}", name.replace(':', "-")));
            let to = format!("oci:{}:copy", layout.display());
            skopeo.args([
                "--insecure-policy",
                "copy",
                "--all",
                "--src-tls-verify=false",
            ]);
            said(skopeo.args([&from, &to]));
            let copied = site.ok(&format!("inspect --format json {}", layout.display()));
            assert!(copied.contains(&site.digest(name)), "{copied}");
        }
    }
}

#[test]
fn podman_pulls_them_old_and_new() {
    let Some((site, images)) = patched() else {
        return;
    };
    for release in RELEASES {
        for (name, _) in &images {
            let name = format!("{}/{name}", site.server.domain());
            let Some(config) = podman_pull(release, &name) else {
                return;
            };
            assert_eq!(config["Labels"]["team"], "web", "{config}");
        }
    }
}

#[test]
fn docker_loads_and_runs_what_is_written_from_a_registry() {
    let Some((site, images)) = patched() else {
        return;
    };
    for engine in [Docker::v20, Docker::v28, Docker::v28_containerd] {
        let Some(docker) = engine() else { continue };
        for (name, n_platforms) in &images {
            let archive = site.path("from-registry.tar");
            let platform = if *n_platforms > 1 {
                "--platform linux/amd64"
            } else {
                ""
            };
            site.ok(&format!(
                "apply -q @{name} {platform} -o {}",
                archive.display()
            ));
            docker.load(&archive);
            let name = format!("{}/{name}", site.server.domain());
            assert_eq!(docker.inspect(&name)["Config"]["Labels"]["team"], "web");
            assert_eq!(docker.run(&name, &[]), "hello from a registry\n");
            docker.ok(&["image", "rm", "-f", &name]);
        }
    }
}

#[test]
fn a_layer_added_to_a_plain_image_of_a_registry_is_compressed() {
    let Some(site) = Server::with("", "").map(Site::of) else {
        return;
    };
    site.patch(
        "empty.yaml",
        "operations: [set-platform: {os: linux, architecture: amd64}]",
    );
    site.ok("apply -q empty.yaml scratch -o @empty:1");
    site.patch(
        "add.yaml",
        "operations: [add-layer: {files: [{path: /a, content: a}]}]",
    );
    site.ok("apply -q add.yaml @empty:1 -o @empty:2");
    let Some(mut crane) = Release::Forky.tool("crane") else {
        return;
    };
    let name = format!("{}/empty:2", site.server.domain());
    said(crane.args(["validate", "--insecure", "--remote", &name]));
}

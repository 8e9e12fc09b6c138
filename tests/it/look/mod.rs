//! What is shown of an image: `cat`.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod cat;
mod found;

use std::path::{Path, PathBuf};

use crate::cases::build;
use crate::cases::text::Image;

/// Fixtures with one image whose files are known.
const GREETERS: &[&str] = &[
    "buildx-docker.tar",
    "buildx-oci.tar",
    "crane.tar",
    "docker20-untagged.tar",
    "docker20.tar",
    "docker20.tar.gz",
    "docker26-containerd.tar",
    "docker26.tar",
    "docker28-containerd.tar",
    "docker28.tar",
    "podman-docker.tar",
    "podman-oci.tar",
    "podman58-docker.tar",
    "skopeo-oci.tar",
];

/// Writes the archive of an image that is described as in a case.
fn written(directory: &Path, image: &str) -> PathBuf {
    let path = directory.join("app.tar");
    std::fs::write(&path, build::hybrid(&[Image::parse(image)])).unwrap();
    path
}

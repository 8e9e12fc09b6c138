//! The structs that Go reads image documents into, as far as we read them: image-spec `specs-go/v1`, and of moby
//! `api/types/container` (`Config`, `HealthConfig`), `image` (`Image`) and `image/tarexport` (`manifestItem`).

use super::json::{Fields, Shape};

const P: Shape = Shape::Plain;

/// An image configuration.
pub const CONFIG: Fields = &[
    ("created", P),
    ("author", P),
    ("architecture", P),
    ("variant", P),
    ("os", P),
    ("os.version", P),
    ("os.features", P),
    ("config", Shape::Struct(CONTAINER)),
    ("rootfs", Shape::Struct(&[("type", P), ("diff_ids", P)])),
    ("history", Shape::List(HISTORY)),
    ("comment", P),
    ("container", P),
    ("docker_version", P),
];

#[rustfmt::skip]
const HISTORY: Fields = &[("created", P), ("author", P), ("created_by", P), ("comment", P), ("empty_layer", P)];

#[rustfmt::skip]
const CONTAINER: Fields = &[
    ("Hostname", P), ("Domainname", P), ("User", P), ("AttachStdin", P), ("AttachStdout", P), ("AttachStderr", P),
    ("ExposedPorts", P), ("Tty", P), ("OpenStdin", P), ("StdinOnce", P), ("Env", P), ("Cmd", P),
    ("Healthcheck", Shape::Struct(HEALTHCHECK)), ("ArgsEscaped", P), ("Image", P), ("Volumes", P), ("WorkingDir", P),
    ("Entrypoint", P), ("NetworkDisabled", P), ("MacAddress", P), ("OnBuild", P), ("Labels", P), ("StopSignal", P),
    ("StopTimeout", P), ("Shell", P),
];

#[rustfmt::skip]
const HEALTHCHECK: Fields = &[
    ("Test", P), ("Interval", P), ("Timeout", P), ("StartPeriod", P), ("StartInterval", P), ("Retries", P),
];

/// A manifest or an index of OCI or of Docker's schema 2.
pub const MANIFEST: Fields = &[
    ("schemaVersion", P),
    ("mediaType", P),
    ("artifactType", P),
    ("config", Shape::Struct(DESCRIPTOR)),
    ("layers", Shape::List(DESCRIPTOR)),
    ("manifests", Shape::List(DESCRIPTOR)),
    ("subject", Shape::Struct(DESCRIPTOR)),
    ("annotations", P),
];

const DESCRIPTOR: Fields = &[
    ("mediaType", P),
    ("digest", P),
    ("size", P),
    ("urls", P),
    ("annotations", P),
    ("data", P),
    ("platform", Shape::Struct(PLATFORM)),
    ("artifactType", P),
];

#[rustfmt::skip]
const PLATFORM: Fields = &[("architecture", P), ("os", P), ("os.version", P), ("os.features", P), ("variant", P)];

/// An item of `manifest.json` in an archive of `docker save`.
pub const SAVED: Fields = &[
    ("Config", P),
    ("RepoTags", P),
    ("Layers", P),
    ("Parent", P),
    ("LayerSources", Shape::Map(DESCRIPTOR)),
];

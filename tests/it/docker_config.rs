//! An operation means what the instruction of a Dockerfile means: a real Docker builds one image and loads the other.
//!
//! What no instruction can do is loaded into the same Docker and found to be gone.
#![allow(clippy::unwrap_used, reason = "helpers of tests may fail as tests do")]

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use crate::binary;
use crate::engine::{Docker, Release, fixture};
use crate::operations::{FieldSample, documented, field_samples};

/// Instructions, and the operations that mean the same.
const PAIRS: &[(&str, &str)] = &[
    (
        "LABEL mylabel=new fresh=\"a b\"",
        "set-label: { mylabel: new, fresh: a b }",
    ),
    (
        "ENV GREETING_FILE=/x NEW=\"a b\"",
        "set-env: { GREETING_FILE: /x, NEW: a b }",
    ),
    ("ENV PATH=/opt/bin:$PATH", "prepend-env: { PATH: /opt/bin }"),
    ("ENV PATH=$PATH:/opt/bin", "append-env: { PATH: /opt/bin }"),
    (
        "ENTRYPOINT [\"/bin/other\", \"-v\"]",
        "set-entrypoint: [/bin/other, -v]",
    ),
    ("CMD [\"one\", \"\", \"1.10\"]", "set-cmd: [one, '', 1.10]"),
    ("CMD []", "unset: [cmd]"),
    ("USER app:app", "set-user: app:app"),
    ("WORKDIR /srv/data/../x", "set-workdir: /srv/data/../x"),
    (
        "SHELL [\"/bin/sh\", \"-eu\", \"-c\"]",
        "set-shell: [/bin/sh, -eu, -c]",
    ),
    ("STOPSIGNAL SIGRTMIN+3", "set-stop-signal: SIGRTMIN+3"),
    ("STOPSIGNAL 9", "set-stop-signal: 9"),
    (
        "EXPOSE 80 53/UDP 8000-8002",
        "add-port: [80, 53/UDP, 8000-8002]",
    ),
    (
        "VOLUME [\"/data\", \"/var/x/\"]",
        "add-volume: [/data, /var/x/]",
    ),
    (
        "HEALTHCHECK --interval=1m30s --timeout=1.5s --start-period=500ms --retries=7 CMD [\"/bin/up\", \"-q\"]",
        "set-healthcheck: { test: [CMD, /bin/up, -q], interval: 1m30s, timeout: 1.5s, start-period: 500ms, retries: 7 }",
    ),
    (
        "HEALTHCHECK CMD curl -f localhost || exit 1",
        "set-healthcheck: { test: curl -f localhost || exit 1 }",
    ),
    ("HEALTHCHECK NONE", "set-healthcheck: { test: [NONE] }"),
    (
        "ONBUILD COPY . /opt\nONBUILD USER app",
        "add-onbuild: [COPY . /opt, USER app]",
    ),
    (
        "MAINTAINER Ann <ann@example.com>",
        "set-author: Ann <ann@example.com>",
    ),
];

/// What no instruction takes back, and where it is gone.
const REMOVALS: &[(&str, &str)] = &[
    ("remove-volume: ['*']", "/Config/Volumes"),
    ("remove-port: [8080]", "/Config/ExposedPorts"),
    ("unset-env: ['*']", "/Config/Env"),
    ("unset-label: ['*']", "/Config/Labels"),
    ("unset: [healthcheck]", "/Config/Healthcheck"),
    ("unset: [onbuild]", "/Config/OnBuild"),
    ("unset: [user]", "/Config/User"),
    ("unset: [stop-signal]", "/Config/StopSignal"),
    ("unset: [entrypoint]", "/Config/Entrypoint"),
    ("unset: [volumes]", "/Config/Volumes"),
    ("unset: [shell]", "/Config/Shell"),
    ("unset: [labels]", "/Config/Labels"),
    ("unset: [env]", "/Config/Env"),
    ("unset: [ports]", "/Config/ExposedPorts"),
    ("unset: [workdir]", "/Config/WorkingDir"),
];

/// What no instruction sets, and what Docker then says; fields that one operation sets come from its sample.
const SETTINGS: &[(&str, &str, &str)] = &[
    (
        "set-platform: { architecture: arm64, variant: v8 }",
        "/Architecture",
        "\"arm64\"",
    ),
    (
        "set-platform: { architecture: arm64, variant: v8 }",
        "/Variant",
        "\"v8\"",
    ),
];
/// The same, of Docker 25 and later.
const LATER_SETTINGS: &[(&str, &str, &str)] = &[(
    "set-healthcheck: { start-interval: 2s }",
    "/Config/Healthcheck/StartInterval",
    "2000000000",
)];

fn patched(home: &Path, operations: &str) -> PathBuf {
    let (patch, output) = (home.join("fix.yaml"), home.join("out.tar"));
    let text =
        format!("apiVersion: ocipatch/v1\noperations:\n- {operations}\n- retag: ['patched:1']\n");
    fs::write(&patch, text).unwrap();
    let paths =
        [&patch, &fixture("docker20.tar"), &output].map(|path| path.to_str().unwrap().to_owned());
    binary::ok(["apply", "--quiet", &paths[0], &paths[1], "-o", &paths[2]]);
    output
}

/// `docker inspect`, less what speaks of the build and not of the image.
fn inspect(docker: &Docker, name: &str) -> Value {
    let image = docker.inspect(name);
    let mut config = image["Config"].clone();
    for key in ["Image", "Hostname"] {
        config.as_object_mut().unwrap().remove(key);
    }
    json!({"Config": config, "Author": image["Author"], "Os": image["Os"], "Architecture": image["Architecture"]})
}

#[test]
fn every_operation_on_the_configuration_is_held_against_docker() {
    let pairs = PAIRS.iter().map(|(_, operation)| operation);
    let removals = REMOVALS.iter().map(|(operation, _)| operation);
    let settings = SETTINGS.iter().map(|(operation, ..)| operation);
    let fields = fields();
    let fields = fields.iter().map(|field| field.line.as_str());
    let tried = pairs.chain(removals).chain(settings).copied();
    let tried: Vec<&str> = tried.chain(fields).collect();
    for operation in documented().iter().filter(|o| o.is_of_configuration()) {
        let begins = format!("{}:", operation.name);
        let is_tried = tried.iter().any(|text| text.starts_with(&begins));
        assert!(is_tried, "{}", operation.name);
    }
}

#[test]
fn an_operation_means_what_the_instruction_means() {
    let Some(docker) = Docker::v20() else { return };
    docker.reset();
    docker.load(&fixture("docker20.tar"));
    let home = tempfile::tempdir().unwrap();
    // The fixture would run its triggers in every build.
    let base = patched(home.path(), "unset: [onbuild]");
    docker.load(&base);
    docker.ok(&["tag", "patched:1", "base:1"]);
    for (instruction, operations) in PAIRS {
        let dockerfile = home.path().join("Dockerfile");
        fs::write(&dockerfile, format!("FROM base:1\n{instruction}\n")).unwrap();
        let context = home.path().join("context");
        fs::create_dir_all(&context).unwrap();
        let mut build =
            docker.command(&["build", "--quiet", "--network", "none", "--tag", "built:1"]);
        build
            .arg("--file")
            .arg(&dockerfile)
            .arg(&context)
            .env("DOCKER_BUILDKIT", "0");
        let output = build.output().unwrap();
        assert!(
            output.status.success(),
            "{instruction}: {}",
            String::from_utf8_lossy(&output.stderr)
        );
        docker.load(&patched(
            home.path(),
            &format!("unset: [onbuild]\n- {operations}"),
        ));
        let mut built = inspect(&docker, "built:1");
        let patched = inspect(&docker, "patched:1");
        if instruction.starts_with("ENTRYPOINT") {
            // A build drops the command with the entrypoint that it was for.
            assert_eq!(built["Config"]["Cmd"], Value::Null);
            built["Config"]["Cmd"] = patched["Config"]["Cmd"].clone();
        }
        if instruction.starts_with("CMD []") {
            // An empty command is no command.
            assert_eq!(built["Config"]["Cmd"].take(), json!([]));
        }
        assert_eq!(patched, built, "{instruction}");
    }
}

/// What a build changed, as a patch, changes the same: `docker inspect` cannot tell one from the other.
#[test]
fn a_patch_made_of_what_a_build_changed_changes_the_same() {
    let Some(docker) = Docker::v20() else { return };
    docker.reset();
    let home = tempfile::tempdir().unwrap();
    docker.load(&patched(home.path(), "unset: [onbuild]"));
    docker.ok(&["tag", "patched:1", "base:1"]);
    let instructions: Vec<&str> = PAIRS.iter().map(|(instruction, _)| *instruction).collect();
    // All at once: an entrypoint drops the command, which then comes again.
    let path = |name: &str| home.path().join(name);
    fs::write(
        path("Dockerfile"),
        format!("FROM base:1\n{}\n", instructions.join("\n")),
    )
    .unwrap();
    let mut build = docker.command(&[
        "build",
        "--quiet",
        "--network",
        "none",
        "--tag",
        "built:1",
        "--file",
    ]);
    fs::create_dir(path("context")).unwrap();
    build
        .arg(path("Dockerfile"))
        .arg(path("context"))
        .env("DOCKER_BUILDKIT", "0");
    assert!(build.output().unwrap().status.success());
    docker.save(&["base:1"], &path("base.tar"));
    docker.save(&["built:1"], &path("built.tar"));
    // Of a build Docker also keeps how it was done, which no operation says.
    let options = ["diff", "-q", "--as-patch", "--partial"].map(PathBuf::from);
    let patch = binary::ok(
        options
            .into_iter()
            .chain([path("base.tar"), path("built.tar")]),
    );
    fs::write(path("turn.yaml"), &patch).unwrap();
    let missing = patch
        .lines()
        .filter_map(|line| line.strip_prefix("#   image base:1: "));
    let missing: Vec<&str> = missing
        .map(|line| line.split(':').next().unwrap())
        .collect();
    assert_eq!(
        missing,
        ["container_config", "config.Image", "container"],
        "{patch}"
    );
    let mut built = inspect(&docker, "built:1");
    // An empty command is no command.
    assert_eq!(built["Config"]["Cmd"].take(), json!([]));
    docker.ok(&["rmi", "--force", "built:1"]);
    let arguments = [
        PathBuf::from("apply"),
        PathBuf::from("-q"),
        path("turn.yaml"),
        path("base.tar"),
        PathBuf::from("-o"),
        path("turned.tar"),
    ];
    binary::ok(arguments);
    docker.load(&path("turned.tar"));
    assert_eq!(inspect(&docker, "built:1"), built, "{patch}");
}

#[test]
fn what_no_instruction_takes_back_is_gone() {
    for kind in [Docker::v20, Docker::v28] {
        let Some(docker) = kind() else { continue };
        docker.reset();
        docker.load(&fixture("docker20.tar"));
        let home = tempfile::tempdir().unwrap();
        for (operation, place) in REMOVALS {
            let there = docker.inspect("greeter:1").pointer(place).cloned();
            assert!(!is_empty(there.as_ref()), "{place} is there before");
            docker.load(&patched(home.path(), operation));
            let left = docker.inspect("patched:1").pointer(place).cloned();
            assert!(is_empty(left.as_ref()), "{operation}: {left:?}");
        }
        if docker.kind().release == Release::Bookworm {
            docker.load(&patched(home.path(), "remove-volume: ['*']"));
            let container = docker.ok(&["create", "--network", "none", "patched:1"]);
            let mounts = docker.ok(&["inspect", "--format", "{{len .Mounts}}", container.trim()]);
            assert_eq!(mounts, "0\n", "no volume is made for a container");
        }
    }
}

/// Docker 28 keeps some of it without showing it.
#[test]
fn what_no_instruction_sets_is_set() {
    for kind in [Docker::v20, Docker::v26] {
        let Some(docker) = kind() else { continue };
        docker.reset();
        let home = tempfile::tempdir().unwrap();
        let later = if docker.kind().release == Release::Bookworm {
            &[]
        } else {
            LATER_SETTINGS
        };
        let settings = SETTINGS.iter().chain(later);
        let settings = settings.map(|(operation, place, value)| {
            let value = serde_json::from_str(value).unwrap();
            ((*operation).to_owned(), (*place).to_owned(), value)
        });
        let fields = fields().into_iter();
        let fields = fields.map(|field| (field.line, place(field.path), field.value));
        for (operation, place, value) in settings.chain(fields) {
            docker.load(&patched(home.path(), &operation));
            let found = docker.inspect("patched:1").pointer(&place).cloned();
            assert_eq!(found, Some(value), "{operation}");
        }
    }
}

/// The operations that set one field and that no instruction stands for.
fn fields() -> Vec<FieldSample> {
    let pairs = PAIRS.iter().map(|(_, operation)| *operation);
    field_samples(pairs)
}

/// Where `docker inspect` has a field: under the same keys, all of which begin in upper case.
fn place(path: &[&str]) -> String {
    let capital = |word: &str| {
        let (first, rest) = word.split_at(1);
        first.to_uppercase() + rest
    };
    let key = |key: &&str| key.split('_').map(capital).collect::<String>();
    let keys = path.iter().map(key);
    keys.fold(String::new(), |place, key| place + "/" + &key)
}

fn is_empty(value: Option<&Value>) -> bool {
    match value {
        None | Some(Value::Null) => true,
        Some(Value::String(text)) => text.is_empty(),
        Some(Value::Array(items)) => items.is_empty(),
        Some(Value::Object(members)) => members.is_empty(),
        Some(_) => false,
    }
}

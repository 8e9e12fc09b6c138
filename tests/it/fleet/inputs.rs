//! The digest of everything that a recipe consists of: what changes it, and what does not.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use ocipatch::digest::Digest;
use ocipatch::timestamp::Timestamp;

use super::fake::{patch_reader, problems, recipes, write};

const FLEET: &str = r#"
apiVersion: ocipatch/v1
kind: Fleet
patches: [p/all.yaml]
args: { TEAM: web }
to: "localhost/p/{name}:{tag}"
images: [{ from: "a:1" }]
"#;
const PATCH: &str = r#"
apiVersion: ocipatch/v1
args: { TEAM: {}, MOOD: { default: calm }, HOME_: { from-env: FLEET_HOME, default: none }, KEY: { from-env: FLEET_KEY, secret: true } }
operations:
  - set-label: { team: "${TEAM}", mood: "${MOOD}", home: "${HOME_}", key: "${KEY}" }
  - add-layer: { from: files, exclude: ["*.bak"], files: [{ path: /one, from: one.txt }] }
  - append-text: { path: /etc/motd, from: more.txt }
"#;

fn files(directory: &Path) {
    write(
        directory,
        &[
            ("fleet.yaml", FLEET),
            ("p/all.yaml", PATCH),
            ("p/one.txt", "1"),
            ("p/more.txt", "more"),
            ("p/files/a", "a"),
            ("p/files/deep/b", "b"),
            ("p/files/c.bak", "c"),
        ],
    );
}

fn inputs(directory: &Path, environment: &[(&str, &str)]) -> Digest {
    let mut patch_reader = patch_reader(directory);
    let pairs = environment
        .iter()
        .map(|(name, value)| (name.into(), value.into()));
    patch_reader.environment.environment = pairs.collect::<BTreeMap<_, _>>();
    let key = patch_reader
        .environment
        .environment
        .entry("FLEET_KEY".into());
    key.or_insert_with(|| "hunter2".into());
    recipes(&patch_reader).unwrap().1[0].0.inputs
}

#[test]
fn everything_that_gets_into_an_image_counts() {
    let temporary = tempfile::tempdir().unwrap();
    let home = temporary.path();
    files(home);
    let first = inputs(home, &[]);
    assert_eq!(inputs(home, &[]), first);
    let changes: &[(&str, &dyn Fn())] = &[
        ("the patch", &|| {
            write(home, &[("p/all.yaml", &PATCH.replace("mood:", "temper:"))]);
        }),
        ("an arg", &|| {
            write(home, &[("fleet.yaml", &FLEET.replace("web", "db"))]);
        }),
        ("the platform", &|| {
            write(
                home,
                &[(
                    "fleet.yaml",
                    &FLEET.replace("\"a:1\"", "\"a:1\", platform: linux/arm64"),
                )],
            );
        }),
        ("a file of a directory", &|| {
            write(home, &[("p/files/deep/b", "B")]);
        }),
        ("a new file", &|| {
            write(home, &[("p/files/deep/c", "")]);
        }),
        ("a removed file", &|| {
            fs::remove_file(home.join("p/files/a")).unwrap();
        }),
        ("another name", &|| {
            fs::rename(home.join("p/files/a"), home.join("p/files/z")).unwrap();
        }),
        ("a link", &|| {
            std::os::unix::fs::symlink("a", home.join("p/files/l")).unwrap();
        }),
        ("an empty directory", &|| {
            fs::create_dir(home.join("p/files/e")).unwrap();
        }),
        ("an executable", &|| {
            fs::set_permissions(home.join("p/files/a"), fs::Permissions::from_mode(0o755)).unwrap();
        }),
        ("a single file", &|| {
            write(home, &[("p/one.txt", "2")]);
        }),
        ("a text to add", &|| {
            write(home, &[("p/more.txt", "less")]);
        }),
    ];
    for (what, change) in changes {
        change();
        assert_ne!(inputs(home, &[]), first, "{what}");
        fs::remove_dir_all(home.join("p")).unwrap();
        files(home);
        assert_eq!(inputs(home, &[]), first, "{what}");
    }
    assert_ne!(
        inputs(home, &[("FLEET_HOME", "/home")]),
        first,
        "an arg of the environment"
    );
    let mut timed = patch_reader(home);
    timed
        .environment
        .environment
        .insert("FLEET_KEY".into(), "hunter2".into());
    timed.source_date_epoch = Timestamp::from_unix_seconds(1);
    assert_ne!(
        recipes(&timed).unwrap().1[0].0.inputs,
        first,
        "SOURCE_DATE_EPOCH"
    );
}

#[test]
fn what_gets_into_no_image_does_not_count() {
    let temporary = tempfile::tempdir().unwrap();
    let home = temporary.path();
    files(home);
    let first = inputs(home, &[]);
    let other = tempfile::tempdir().unwrap();
    files(other.path());
    assert_eq!(inputs(other.path(), &[]), first, "another directory");
    write(
        home,
        &[
            ("p/files/c.bak", "other"),
            ("p/unused", ""),
            ("fleet.lock", ""),
        ],
    );
    assert_eq!(inputs(home, &[]), first, "files that are left out");
    fs::set_permissions(home.join("p/files/a"), fs::Permissions::from_mode(0o600)).unwrap();
    assert_eq!(inputs(home, &[]), first, "a umask");
    write(
        home,
        &[("fleet.yaml", &FLEET.replace("localhost/p", "localhost/q"))],
    );
    assert_eq!(inputs(home, &[]), first, "the destination");
    // The digest of a short secret gives it away.
    assert_eq!(inputs(home, &[("FLEET_KEY", "other")]), first, "a secret");
}

#[test]
fn args_are_those_that_the_patches_declare() {
    let temporary = tempfile::tempdir().unwrap();
    let home = temporary.path();
    let one = "{apiVersion: ocipatch/v1, args: {A: {default: a}}, operations: [set-label: {a: \"${A}\"}]}";
    let two = "{apiVersion: ocipatch/v1, args: {B: {}, S: {secret: true, from-env: S}}, operations: [set-label: {b: \"${B}\", s: \"${S}\"}]}";
    let fleet = |args: &str, of_second: &str| {
        format!(
            "{{apiVersion: ocipatch/v1, kind: Fleet, patches: [one.yaml], args: {args}, to: \"localhost/p/{{name}}:{{tag}}\", images: [{{from: \"a:1\"}}, {{from: \"b:1\", patches: [two.yaml], args: {of_second}}}]}}"
        )
    };
    let with = |args: &str, of_second: &str| {
        write(
            home,
            &[
                ("fleet.yaml", &fleet(args, of_second)),
                ("one.yaml", one),
                ("two.yaml", two),
            ],
        );
        let mut patch_reader = patch_reader(home);
        patch_reader
            .environment
            .environment
            .insert("S".into(), "hunter2".into());
        recipes(&patch_reader)
    };
    let (_, recipes) = with("{A: x, B: y}", "{B: z}").unwrap();
    let args: Vec<String> = recipes
        .iter()
        .map(|(recipe, _)| format!("{:?}", recipe.args))
        .collect();
    assert_eq!(args, [r#"[("A", "x")]"#, r#"[("A", "x"), ("B", "z")]"#]);
    assert_eq!(
        problems(with("{A: x, C: y}", "{B: z, D: z}")),
        [
            "undeclared-arg: no patch of the fleet declares the argument `C`",
            "undeclared-arg: no patch of image 2 declares the argument `D`",
        ]
    );
    assert_eq!(
        problems(with("{S: x, B: y}", "{S: z}")),
        [
            "misplaced-arg: `S` is a secret, and this file is not",
            "misplaced-arg: `S` is a secret, and this file is not",
        ]
    );
    assert_eq!(
        problems(with("{A: x}", "{A: z}")),
        ["unset-arg: `B` has no value"]
    );
}

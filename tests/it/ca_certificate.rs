//! Certificates are where `update-ca-certificates` and `openssl rehash` put them, and stay there.
#![allow(clippy::unwrap_used, reason = "helpers of tests may fail as tests do")]

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::process::Command;

use proptest::prelude::Strategy;
use serde_json::Value;

use crate::binary::{listing, ok, write_files};
use crate::engine::{absent, fixture, is_root, tool};
use crate::random::samples;

const STORE: &str = "etc/ssl/certs";
const ANCHORS: &str = "usr/local/share/ca-certificates";

#[track_caller]
fn output(command: &mut Command) -> String {
    let output = command.output().unwrap();
    assert!(output.status.success(), "{command:?} {output:?}");
    String::from_utf8(output.stdout).unwrap()
}

fn apply(directory: &Path, operation: &str, from: &Path, to: &str) {
    let patch = format!("apiVersion: ocipatch/v1\noperations:\n  - {operation}\n");
    write_files(directory, &[("fix.yaml", &patch)]);
    let (patch, to) = (directory.join("fix.yaml"), directory.join(to));
    ok([Path::new("apply"), &patch, from, Path::new("-o"), &to]);
}

/// Unpacks the layers of an archive, which remove nothing.
fn unpack(archive: &Path, root: &Path) {
    let inside = root.with_extension("archive");
    let unpack = |tar: &Path, to: &Path| {
        let file = fs::File::open(tar).unwrap();
        let mut tar = tar::Archive::new(file);
        tar.set_overwrite(true);
        tar.unpack(to).unwrap();
    };
    unpack(archive, &inside);
    let manifest = fs::read(inside.join("manifest.json")).unwrap();
    let manifest: Value = serde_json::from_slice(&manifest).unwrap();
    for layer in manifest[0]["Layers"].as_array().unwrap() {
        unpack(&inside.join(layer.as_str().unwrap()), root);
    }
}

/// Writes certificates with such subjects, one after another.
fn certificates(openssl: &str, directory: &Path, subjects: &[Subject]) -> String {
    let key = directory.join("key.pem");
    output(
        Command::new(openssl)
            .args(["genpkey", "-algorithm", "ed25519", "-out"])
            .arg(&key),
    );
    let certificate = |subject: &Subject| {
        let config = format!(
            "[req]\nstring_mask = {}\ndistinguished_name = dn\n[dn]\n",
            subject.mask
        );
        write_files(directory, &[("openssl.cnf", &config)]);
        let mut request = Command::new(openssl);
        request.args([
            "req",
            "-x509",
            "-new",
            "-utf8",
            "-days",
            "36500",
            "-multivalue-rdn",
            "-subj",
            &subject.text,
        ]);
        output(
            request
                .arg("-config")
                .arg(directory.join("openssl.cnf"))
                .arg("-key")
                .arg(&key),
        )
    };
    subjects.iter().map(certificate).collect()
}

/// A subject, as `openssl req` takes it, and how its strings are encoded.
#[derive(Debug, Clone)]
struct Subject {
    text: String,
    mask: &'static str,
}

fn subject() -> impl Strategy<Value = Subject> {
    let name = "[A-Za-z0-9 .()'\\-]{1,12}[éßÄ日本]?[ A-Za-z]{0,8}";
    let parts = (
        name,
        "[ ]{0,2}[A-Z][a-z]{1,8}[ ]{1,3}[A-Z]{1,3}[ ]{0,2}",
        0..4_u8,
    );
    let mask = proptest::sample::select(vec![
        "utf8only",
        "default",
        "pkix",
        "MASK:0x4",
        "MASK:0x800",
        "nombstr",
    ]);
    (parts, mask).prop_map(|((name, organization, form), mask)| {
        let text = match form {
            0 => format!("/CN=x{name}"),
            1 => format!("/C=DE/O=y{organization}/CN=x{name}"),
            2 => format!("/O=y{organization}"),
            _ => format!("/C=DE/O=y{organization}+OU=z{organization}/emailAddress=a@b.c"),
        };
        // Latin-1 has no such letters, and a string of printable ones neither.
        let is_wide = mask != "utf8only" && mask != "MASK:0x800";
        let text = if is_wide {
            text.replace(|c: char| !c.is_ascii(), "")
        } else {
            text
        };
        Subject { text, mask }
    })
}

#[test]
fn openssl_links_to_the_same_certificates() {
    let Some(openssl) = tool("openssl").map(|it| it.get_program().to_str().unwrap().to_owned())
    else {
        return;
    };
    let directory = tempfile::tempdir().unwrap();
    let root = directory.path().join("root");
    write_files(
        &root,
        &[
            ("etc/ssl/certs/ca-certificates.crt", "# none\n"),
            ("etc/ssl/certs/00000000.0", ""),
        ],
    );
    let image = directory.path().join("base.tar");
    apply(
        directory.path(),
        "add-layer: { from: root }",
        &fixture("docker20.tar"),
        "base.tar",
    );
    let subjects = samples(100, &subject());
    let text = certificates(&openssl, directory.path(), &subjects);
    write_files(directory.path(), &[("ca.pem", &text)]);
    apply(
        directory.path(),
        "add-ca-certificate: { from: ca.pem }",
        &image,
        "out.tar",
    );
    let out = directory.path().join("out");
    unpack(&directory.path().join("out.tar"), &out);
    let bundle = fs::read_to_string(out.join(STORE).join("ca-certificates.crt")).unwrap();
    assert_eq!(bundle, format!("# none\n{text}"));

    // Each link that leads to a file of the image leads there on this machine too, for `openssl rehash`.
    let store = out.join(STORE);
    let mut hashes: BTreeMap<String, u32> = BTreeMap::new();
    for item in fs::read_dir(&store).unwrap() {
        let path = item.unwrap().path();
        let name = path.file_name().unwrap().to_str().unwrap().to_owned();
        let Ok(target) = fs::read_link(&path) else {
            continue;
        };
        if target.is_absolute() {
            fs::remove_file(&path).unwrap();
            fs::copy(out.join(target.strip_prefix("/").unwrap()), &path).unwrap();
        } else {
            *hashes
                .entry(name.split('.').next().unwrap().to_owned())
                .or_default() += 1;
            fs::remove_file(&path).unwrap();
        }
    }
    fs::remove_file(store.join("00000000.0")).unwrap();
    output(Command::new(&openssl).arg("rehash").arg(&store));
    let mut wanted: BTreeMap<String, u32> = BTreeMap::new();
    for item in fs::read_dir(&store).unwrap() {
        let path = item.unwrap().path();
        if fs::read_link(&path).is_ok() {
            let name = path.file_name().unwrap().to_str().unwrap();
            *wanted
                .entry(name.split('.').next().unwrap().to_owned())
                .or_default() += 1;
        }
    }
    assert_eq!(hashes, wanted);
    let n_links: u32 = hashes.values().sum();
    assert!(n_links as usize >= subjects.len(), "{hashes:?}");
}

/// Runs a script in which a root is that of this machine's certificates.
#[track_caller]
fn within(root: &Path, script: &str) -> String {
    let binds = format!(
        "set -e; for path in {STORE} {ANCHORS} usr/share/ca-certificates etc/ca-certificates.conf; do \
         mount --bind \"$1/$path\" \"/$path\"; done; {script}"
    );
    let mut unshare = tool("unshare").unwrap();
    output(
        unshare
            .args(["--mount", "sh", "-c", &binds, "sh"])
            .arg(root),
    )
}

/// The links of a store.
fn links(root: &Path) -> Vec<String> {
    let lines = listing(&root.join(STORE)).into_iter();
    lines.filter(|line| line.contains(" -> ")).collect()
}

/// The certificates of a bundle, sorted.
fn bundle(root: &Path) -> Vec<String> {
    let text = fs::read_to_string(root.join(STORE).join("ca-certificates.crt")).unwrap();
    let all = text.split_inclusive("-----END CERTIFICATE-----\n");
    let mut all: Vec<String> = all.map(str::to_owned).collect();
    all.sort();
    all
}

/// Writes what `update-ca-certificates` makes a store of, as this machine has it.
fn write_store(base: &Path) {
    for name in [STORE, ANCHORS, "usr/share"] {
        fs::create_dir_all(base.join(name)).unwrap();
    }
    fs::copy(
        "/etc/ca-certificates.conf",
        base.join("etc/ca-certificates.conf"),
    )
    .unwrap();
    output(
        Command::new("cp")
            .args(["-a", "/usr/share/ca-certificates"])
            .arg(base.join("usr/share")),
    );
    write_files(
        base,
        &[("usr/local/share/ca-certificates/note.txt", "none\n")],
    );
}

#[test]
fn update_ca_certificates_finds_what_a_patch_has_added() {
    let tools = ["unshare", "update-ca-certificates", "openssl"];
    if tools.iter().any(|name| tool(name).is_none()) {
        return;
    }
    if !is_root() || !Path::new("/etc/ca-certificates.conf").exists() {
        return absent(
            "update-ca-certificates",
            "its files are replaced in a namespace of root",
        );
    }
    let directory = tempfile::tempdir().unwrap();
    let path = |name: &str| directory.path().join(name);
    let base = path("base");
    write_store(&base);
    let update = "update-ca-certificates --hooksdir /none 2>&1";
    within(&base, update);

    let subject = |text: &str| Subject {
        text: text.to_owned(),
        mask: "utf8only",
    };
    let subjects = [
        subject("/O=Example/CN=Beispiel (Wurzel) Ä"),
        subject("/CN=Another Root"),
        subject("/CN=another  root"),
    ];
    write_files(
        directory.path(),
        &[(
            "ca.pem",
            &certificates("openssl", directory.path(), &subjects),
        )],
    );
    apply(
        directory.path(),
        "add-layer: { from: base }",
        &fixture("docker20.tar"),
        "base.tar",
    );
    apply(
        directory.path(),
        "add-ca-certificate: { from: ca.pem }",
        &path("base.tar"),
        "out.tar",
    );
    unpack(&path("out.tar"), &path("patched"));
    ok([Path::new("verify"), &path("out.tar")]);

    // What it makes of the certificates alone.
    let anchors = path("patched").join(ANCHORS);
    output(
        Command::new("cp")
            .arg("-a")
            .arg(anchors.join("."))
            .arg(base.join(ANCHORS)),
    );
    assert!(within(&base, update).contains("3 added, 0 removed"));
    assert_eq!(links(&path("patched")), links(&base));
    assert_eq!(bundle(&path("patched")), bundle(&base));

    // And of the patched image: nothing.
    let first = path("first.pem");
    let text = fs::read_to_string(path("ca.pem")).unwrap();
    fs::write(
        &first,
        text.split_inclusive("-----END CERTIFICATE-----\n")
            .next()
            .unwrap(),
    )
    .unwrap();
    let verify = format!(
        "openssl verify -no-CAfile -CApath /etc/ssl/certs {}",
        first.display()
    );
    assert!(within(&path("patched"), &verify).ends_with(": OK\n"));
    let before = links(&path("patched"));
    assert!(within(&path("patched"), update).contains("0 added, 0 removed"));
    assert_eq!(links(&path("patched")), before);
    assert_eq!(bundle(&path("patched")), bundle(&base));
}

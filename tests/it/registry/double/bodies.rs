//! Bodies and heads that are not what they say.

use std::io::{Read, Write};
use std::time::{Duration, Instant};

use ocipatch::Digest;
use ocipatch::registry::{Name, Settings};

use super::{Answer, Double};

const BYTES: &[u8] = b"0123456789";
const MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";

fn impatient() -> Settings {
    Settings {
        patience: Duration::from_millis(200),
        ..Settings::default()
    }
}

fn blob(double: &Double, settings: Settings) -> Result<Vec<u8>, String> {
    let app = double.app(settings);
    let mut bytes = Vec::new();
    let blob = app.blob(Digest::of(BYTES), BYTES.len() as u64);
    let result = blob
        .map_err(|error| error.to_string())?
        .read_to_end(&mut bytes);
    result.map(|_| bytes).map_err(|error| error.to_string())
}

#[test]
fn a_blob_in_chunks_or_without_a_length_is_read() {
    let chunked = Answer::new(200)
        .header("Transfer-Encoding", "chunked")
        .body("4\r\n0123\r\n6\r\n456789\r\n0\r\n\r\n");
    let until_end = Answer::new(200)
        .header("Transfer-Encoding", "identity")
        .header("Connection", "close")
        .body(BYTES)
        .last();
    for answer in [chunked, until_end, Answer::new(200).body(BYTES)] {
        let double = Double::new(move |_| answer.clone());
        assert_eq!(blob(&double, Settings::default()).unwrap(), BYTES);
        assert_eq!(
            double.headers("accept-encoding"),
            [Some("identity".to_owned())]
        );
    }
}

#[test]
fn a_blob_that_breaks_off_or_does_not_end_is_an_error() {
    let length = |size: &str| Answer::new(200).header("Content-Length", size);
    let chunked = || Answer::new(200).header("Transfer-Encoding", "chunked");
    for (answer, reason) in [
        (length("10").body("01234").last(), "after 5 of 10 bytes"),
        (length("5").body("01234"), "`5`, not `10`"),
        (length("99").body(BYTES), "`99`, not `10`"),
        (
            chunked().body("5\r\n01234\r\n").last(),
            "after 5 of 10 bytes",
        ),
        (
            chunked().body("b\r\n0123456789a\r\n0\r\n\r\n"),
            "longer than its 10 bytes",
        ),
        (chunked().endless("1\r\n0\r\n"), "longer than its 10 bytes"),
        (length("10").body("01234567890").last(), ""),
        (
            length("10").body("0123456780"),
            "the digest of what the registry sent",
        ),
        (
            length("10").body("0123").slow(Duration::from_secs(2)),
            "after 0 of 10 bytes",
        ),
    ] {
        let double = Double::new(move |_| answer.clone());
        let start = Instant::now();
        match blob(&double, impatient()) {
            Ok(bytes) => assert!(reason.is_empty() && bytes == BYTES),
            Err(error) => assert!(!reason.is_empty() && error.contains(reason), "{error}"),
        }
        assert!(start.elapsed() < Duration::from_secs(20));
    }
}

#[test]
fn a_manifest_has_a_bound() {
    let manifest = |size: usize| {
        let mut body = br#"{"schemaVersion":2,"layers":[]}"#.to_vec();
        body.resize(size, b' ');
        Answer::new(200).header("Content-Type", MANIFEST).body(body)
    };
    let get = |answer: Answer| {
        let double = Double::new(move |_| answer.clone());
        let manifest = double.app(Settings::default()).manifest(Name::Tag("1"));
        manifest.map_err(|error| error.to_string())
    };
    let most = 4 * 1024 * 1024;
    assert_eq!(get(manifest(most)).unwrap().bytes.len(), most);
    assert!(get(manifest(most + 1)).unwrap_err().contains("4194304"));
    let chunk = format!("100000\r\n{}\r\n", " ".repeat(0x10_0000));
    let endless = Answer::new(200).header("Transfer-Encoding", "chunked");
    assert!(get(endless.endless(chunk)).unwrap_err().contains("4194304"));
}

#[test]
fn a_head_that_is_none_or_has_no_end_is_an_error() {
    for sent in [
        "SSH-2.0-OpenSSH_9.2\r\n\r\n".to_owned(),
        "HTTP/1.1 999999 X\r\n\r\n".to_owned(),
        "HTTP/1.1 200 X\r\nContent-Length: x\r\n\r\n".to_owned(),
        format!("HTTP/1.1 200 X\r\n{}", "A: b\r\n".repeat(100_000)),
        String::new(),
    ] {
        let double = Double::raw(move |_, _, stream| {
            stream.write_all(sent.as_bytes()).ok()?;
            None
        });
        let error = double.app(impatient()).manifest(Name::Tag("1"));
        let error = error.unwrap_err().to_string();
        assert!(
            error.contains("GET 127.0.0.1:") || error.contains("content-length"),
            "{error}"
        );
    }
    // No word at all.
    let double = Double::raw(|_, _, _| {
        std::thread::sleep(Duration::from_secs(2));
        None
    });
    let error = double.app(impatient()).manifest(Name::Tag("1"));
    assert!(error.unwrap_err().to_string().contains("failed"));
}

#[test]
fn a_lying_digest_is_an_error_with_both() {
    let other = Digest::of(b"other").to_string();
    let said = other.clone();
    let double = Double::new(move |_| {
        Answer::new(200)
            .header("Content-Type", MANIFEST)
            .header("Docker-Content-Digest", &said)
            .body("{}")
    });
    let app = double.app(Settings::default());
    let own = Digest::of(b"{}").to_string();
    for error in [
        app.manifest(Name::Tag("1")).map(drop),
        app.put_manifest(Name::Tag("1"), MANIFEST, b"{}").map(drop),
    ] {
        let error = error.unwrap_err().to_string();
        assert!(error.contains(&other) && error.contains(&own), "{error}");
    }
    let error = app.find_manifest(Name::Digest(Digest::of(b"{}")));
    assert!(error.unwrap_err().to_string().contains(&other));
}

#[test]
fn what_a_registry_writes_drives_no_terminal() {
    let double = Double::new(|_| {
        Answer::new(403)
            .body("{\"errors\":[{\"code\":\"DENIED\",\"message\":\"\\u001b[2J\\r\\n::error::x\"}]}")
    });
    let error = double.app(Settings::default()).tags();
    let error = error.unwrap_err().to_string();
    assert!(
        error.contains("DENIED") && !error.contains(['\u{1b}', '\n', '\r']),
        "{error}"
    );
    let double = Double::new(|_| Answer::new(502).body("upstream\u{1b}[0m failed").last());
    let error = double
        .app(Settings::default())
        .put_manifest(Name::Tag("1"), MANIFEST, b"{}");
    assert!(
        error
            .unwrap_err()
            .to_string()
            .contains(r"upstream\u{1b}[0m failed")
    );
}

#[test]
fn a_document_that_comes_byte_by_byte_is_not_waited_for() {
    for status in [200, 403] {
        let trickle = Answer::new(status)
            .header("Content-Type", MANIFEST)
            .body(" ".repeat(1000))
            .slow(Duration::from_millis(50));
        let double = Double::new(move |_| trickle.clone());
        let start = Instant::now();
        let error = double
            .app(impatient())
            .manifest(Name::Tag("1"))
            .unwrap_err();
        assert!(start.elapsed() < Duration::from_secs(20), "{error}");
    }
}

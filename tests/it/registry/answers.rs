//! What registries answer, byte for byte where we look: the one of these tests says what `docker-registry` says.

use std::fmt::Write as _;
use std::io::{BufReader, Write as _};
use std::net::TcpStream;

use ocipatch::Digest;
use ocipatch::media_type::{INDEX, MANIFEST};
use serde_json::{Value, json};

use super::double::{Asked, head, read_body};
use super::server::Server;

const BLOB: &[u8] = b"helloworld";
const BYTES: &str = "Content-Type: application/octet-stream";

fn ask(server: &Server, line: &str, header: &str, body: &[u8]) -> Asked {
    let mut stream = TcpStream::connect(server.domain()).unwrap();
    let domain = server.domain();
    let size = body.len();
    let request =
        format!("{line} HTTP/1.1\r\nHost: {domain}\r\nContent-Length: {size}\r\n{header}\r\n\r\n");
    stream.write_all(request.as_bytes()).unwrap();
    stream.write_all(body).unwrap();
    let mut reader = BufReader::new(stream);
    let mut answer = head(&mut reader).unwrap();
    if !line.starts_with("HEAD ") {
        read_body(&mut answer, &mut reader).unwrap();
    }
    answer
}

/// The status, the code of an error, and what else clients look at.
fn said(answer: &Asked) -> String {
    let mut said = answer.target.clone();
    let body: Value = serde_json::from_slice(&answer.body).unwrap_or_default();
    if let Some(code) = body["errors"][0]["code"].as_str() {
        write!(said, " {code}").unwrap();
    }
    for name in ["Range", "Content-Range", "Docker-Content-Digest"] {
        if let Some(value) = answer.header(name) {
            write!(said, " {value}").unwrap();
        }
    }
    said
}

/// Sends what leads to an answer about a session; returns the path of it.
fn session(server: &Server, line: &str, body: &[u8], wanted: &str) -> String {
    let answer = ask(server, line, BYTES, body);
    assert_eq!(said(&answer), wanted, "{line}");
    let location = answer.header("location").unwrap();
    let path = location.strip_prefix(&format!("http://{}", server.domain()));
    assert!(answer.header("docker-upload-uuid").is_some());
    path.unwrap().to_owned()
}

#[test]
fn a_session_takes_a_blob_in_one_or_several_parts() {
    let server = Server::start();
    let digest = Digest::of(BLOB);
    let start = || session(&server, "POST /v2/app/blobs/uploads/", b"", "202 0-0");
    let put = |path: &str, digest: &str, body: &[u8]| {
        let line = format!("PUT {path}&digest={digest}");
        said(&ask(&server, &line, BYTES, body))
    };
    let first = start();
    let second = session(&server, &format!("PATCH {first}"), b"hello", "202 0-4");
    let third = session(&server, &format!("GET {second}"), b"", "204 0-4");
    assert_eq!(
        put(&third, &digest.to_string(), b"world"),
        format!("201 {digest}")
    );
    let get = |path: &str| said(&ask(&server, &format!("GET {path}"), "A: b", b""));
    assert_eq!(get(&third), "404 BLOB_UPLOAD_UNKNOWN");
    let wrong = start();
    assert_eq!(put(&wrong, "sha256:12", BLOB), "400 DIGEST_INVALID");
    let wrong = start();
    assert_eq!(
        put(&wrong, &digest.to_string(), b"other"),
        "400 DIGEST_INVALID"
    );
    let ended = start();
    assert_eq!(
        said(&ask(&server, &format!("DELETE {ended}"), "A: b", b"")),
        "204"
    );
    assert_eq!(get(&ended), "404 BLOB_UPLOAD_UNKNOWN");
}

/// What is sent, with one header and a body, and what is said to it.
type Row<'a> = (&'a str, &'a str, &'a str, &'a str);

/// Sends rows one after the other; `{1}` stands for the first of the digests.
fn check(server: &Server, digests: &[Digest], rows: &[Row<'_>]) {
    let full = |text: &str| {
        let digests = digests.iter().enumerate();
        digests.fold(text.to_owned(), |text, (i, digest)| {
            text.replace(&format!("{{{}}}", i + 1), &digest.to_string())
        })
    };
    for (line, header, body, wanted) in rows {
        let answer = ask(server, &full(line), header, body.as_bytes());
        assert_eq!(said(&answer), full(wanted), "{line} {header} {body}");
    }
}

/// A registry with one blob in `app`.
fn with_blob() -> Server {
    let server = Server::start();
    let path = session(&server, "POST /v2/app/blobs/uploads/", b"", "202 0-0");
    let line = format!("PUT {path}&digest={}", Digest::of(BLOB));
    ask(&server, &line, BYTES, BLOB);
    server
}

#[test]
fn blobs_are_read_and_mounted_where_they_are() {
    let server = with_blob();
    let digests = [Digest::of(BLOB), Digest::of(b"other")];
    let plain = "A: b";
    let start = "POST /v2/to/blobs/uploads/";
    let mount = |what: &str| format!("{start}?mount={what}");
    let rows: &[Row<'_>] = &[
        ("GET /v2/", plain, "", "200"),
        ("GET /v3/", plain, "", "404"),
        ("GET /v2/app/blobs/{1}", plain, "", "200 {1}"),
        ("HEAD /v2/app/blobs/{1}", plain, "", "200 {1}"),
        ("GET /v2/app/blobs/{2}", plain, "", "404 BLOB_UNKNOWN"),
        ("HEAD /v2/app/blobs/{2}", plain, "", "404"),
        ("GET /v2/to/blobs/{1}", plain, "", "404 BLOB_UNKNOWN"),
        (
            "GET /v2/app/blobs/{1}",
            "Range: bytes=3-8",
            "",
            "206 bytes 3-8/10 {1}",
        ),
        (&mount("{2}&from=app"), plain, "", "202 0-0"),
        (&mount("{1}&from=none"), plain, "", "202 0-0"),
        (&mount("{1}&from=app"), plain, "", "201 {1}"),
        ("HEAD /v2/to/blobs/{1}", plain, "", "200 {1}"),
    ];
    check(&server, &digests, rows);
}

#[test]
fn manifests_are_taken_if_all_is_there_that_they_name() {
    let server = with_blob();
    let (blob, other) = (Digest::of(BLOB), Digest::of(b"other"));
    let manifest = |config: Digest, layer: Digest| {
        let descriptor = |digest: Digest| json!({ "digest": digest.to_string(), "size": 10 });
        let (config, layer) = (descriptor(config), descriptor(layer));
        json!({ "schemaVersion": 2, "mediaType": MANIFEST, "config": config, "layers": [layer] })
            .to_string()
    };
    let index = |manifest: Digest| {
        let child = json!({ "mediaType": MANIFEST, "digest": manifest.to_string(), "size": 1 });
        json!({ "schemaVersion": 2, "mediaType": INDEX, "manifests": [child] }).to_string()
    };
    let good = manifest(blob, blob);
    let own = Digest::of(good.as_bytes());
    let all = index(own);
    let digests = [blob, own, Digest::of(all.as_bytes())];
    let oci = &*format!("Content-Type: {MANIFEST}");
    let list = &*format!("Content-Type: {INDEX}");
    let accept = &*format!("Accept: {MANIFEST}, text/html");
    let plain = "A: b";
    let (one, by_digest) = ("/v2/app/manifests/1", "/v2/app/manifests/{2}");
    let (put, get) = (&*format!("PUT {one}"), &*format!("GET {one}"));
    let (no_blob, invalid) = ("400 MANIFEST_BLOB_UNKNOWN", "400 MANIFEST_INVALID");
    let unknown = "404 MANIFEST_UNKNOWN";
    let rows: &[Row<'_>] = &[
        ("GET /v2/app/tags/list", plain, "", "404 NAME_UNKNOWN"),
        (put, oci, &manifest(other, blob), no_blob),
        (put, oci, &manifest(blob, other), no_blob),
        (put, list, &index(other), no_blob),
        (put, oci, "{", invalid),
        (put, oci, &index(own), invalid),
        (put, "Content-Type: text/plain", &good, invalid),
        (
            "PUT /v2/app/manifests/{1}",
            oci,
            &good,
            "400 DIGEST_INVALID",
        ),
        (get, accept, "", unknown),
        (put, oci, &good, "201 {2}"),
        (&format!("PUT {by_digest}"), oci, &good, "201 {2}"),
        (get, accept, "", "200 {2}"),
        (&format!("HEAD {one}"), accept, "", "200 {2}"),
        (&format!("GET {by_digest}"), accept, "", "200 {2}"),
        ("GET /v2/to/manifests/{2}", accept, "", unknown),
        // What is there in a type that is not asked for.
        (get, "Accept: text/html", "", unknown),
        (get, "Accept: */*", "", unknown),
        ("PUT /v2/app/manifests/2", list, &all, "201 {3}"),
        ("GET /v2/app/tags/list?n=1000", plain, "", "200"),
        ("POST /v2/app/tags/list", plain, "", "405"),
        ("GET /v2/app/referrers/{2}", plain, "", "404"),
        (&format!("DELETE {one}"), plain, "", "400 DIGEST_INVALID"),
        (&format!("DELETE {by_digest}"), plain, "", "202"),
        (&format!("DELETE {by_digest}"), plain, "", unknown),
        (get, accept, "", unknown),
    ];
    check(&server, &digests, rows);
}

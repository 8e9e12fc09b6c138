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

#[test]
fn every_request_has_its_answer() {
    let server = Server::start();
    let digest = Digest::of(BLOB);

    let path = session(&server, "POST /v2/app/blobs/uploads/", b"", "202 0-0");
    ask(&server, &format!("PUT {path}&digest={digest}"), BYTES, BLOB);
    let other = Digest::of(b"other");
    let manifest = |config: Digest, layers: &[Digest]| {
        let layers: Vec<Value> = layers
            .iter()
            .map(|it| json!({ "digest": it.to_string() }))
            .collect();
        let config = json!({ "digest": config.to_string(), "size": 10 });
        json!({ "schemaVersion": 2, "mediaType": MANIFEST, "config": config, "layers": layers })
            .to_string()
    };
    let good = manifest(digest, &[digest]);
    let own = Digest::of(good.as_bytes());
    let index = |manifest: Digest| {
        let manifests =
            json!([{ "digest": manifest.to_string(), "size": 1, "mediaType": MANIFEST }]);
        json!({ "schemaVersion": 2, "mediaType": INDEX, "manifests": manifests }).to_string()
    };
    let oci = format!("Content-Type: {MANIFEST}");
    let list = format!("Content-Type: {INDEX}");
    let accept = format!("Accept: {MANIFEST}, text/html");
    let get = "A: b";
    let blob = format!("200 {digest}");
    let taken = format!("201 {own}");
    let there = format!("200 {own}");
    for (line, header, body, wanted) in [
        ("GET /v2/", get, "", "200"),
        ("GET /v3/", get, "", "404"),
        ("GET /v2/app/blobs/{blob}", get, "", &blob),
        ("HEAD /v2/app/blobs/{blob}", get, "", &blob),
        ("GET /v2/app/blobs/{other}", get, "", "404 BLOB_UNKNOWN"),
        ("GET /v2/to/blobs/{blob}", get, "", "404 BLOB_UNKNOWN"),
        (
            "GET /v2/app/blobs/{blob}",
            "Range: bytes=3-8",
            "",
            "206 bytes 3-8/10 {blob}",
        ),
        (
            "POST /v2/to/blobs/uploads/?mount={blob}&from=app",
            get,
            "",
            "201 {blob}",
        ),
        ("HEAD /v2/to/blobs/{blob}", get, "", &blob),
        (
            "POST /v2/to/blobs/uploads/?mount={other}&from=app",
            get,
            "",
            "202 0-0",
        ),
        (
            "POST /v2/to/blobs/uploads/?mount={blob}&from=none",
            get,
            "",
            "202 0-0",
        ),
        ("GET /v2/app/tags/list", get, "", "404 NAME_UNKNOWN"),
        (
            "PUT /v2/app/manifests/1",
            &oci,
            &manifest(other, &[]),
            "400 MANIFEST_BLOB_UNKNOWN",
        ),
        (
            "PUT /v2/app/manifests/1",
            &oci,
            &manifest(digest, &[other]),
            "400 MANIFEST_BLOB_UNKNOWN",
        ),
        ("PUT /v2/app/manifests/1", &oci, "{", "400 MANIFEST_INVALID"),
        (
            "PUT /v2/app/manifests/1",
            &oci,
            &index(own),
            "400 MANIFEST_INVALID",
        ),
        (
            "PUT /v2/app/manifests/1",
            "Content-Type: text/plain",
            &good,
            "400 MANIFEST_INVALID",
        ),
        (
            "PUT /v2/app/manifests/{blob}",
            &oci,
            &good,
            "400 DIGEST_INVALID",
        ),
        (
            "PUT /v2/app/manifests/1",
            &list,
            &index(other),
            "400 MANIFEST_BLOB_UNKNOWN",
        ),
        (
            "GET /v2/app/manifests/1",
            &accept,
            "",
            "404 MANIFEST_UNKNOWN",
        ),
        ("PUT /v2/app/manifests/1", &oci, &good, &taken),
        ("PUT /v2/app/manifests/{own}", &oci, &good, &taken),
        ("GET /v2/app/manifests/1", &accept, "", &there),
        ("HEAD /v2/app/manifests/1", &accept, "", &there),
        ("GET /v2/app/manifests/{own}", &accept, "", &there),
        (
            "GET /v2/to/manifests/{own}",
            &accept,
            "",
            "404 MANIFEST_UNKNOWN",
        ),
        (
            "GET /v2/app/manifests/1",
            "Accept: text/html",
            "",
            "404 MANIFEST_UNKNOWN",
        ),
        (
            "GET /v2/app/manifests/1",
            "Accept: */*",
            "",
            "404 MANIFEST_UNKNOWN",
        ),
        (
            "PUT /v2/app/manifests/2",
            &list,
            &index(own),
            &format!("201 {}", Digest::of(index(own).as_bytes())),
        ),
        ("GET /v2/app/tags/list?n=1000", get, "", "200"),
        ("POST /v2/app/tags/list", get, "", "405"),
        ("GET /v2/app/referrers/{own}", get, "", "404"),
        ("DELETE /v2/app/manifests/1", get, "", "400 DIGEST_INVALID"),
        ("DELETE /v2/app/manifests/{own}", get, "", "202"),
        (
            "DELETE /v2/app/manifests/{own}",
            get,
            "",
            "404 MANIFEST_UNKNOWN",
        ),
        (
            "GET /v2/app/manifests/1",
            &accept,
            "",
            "404 MANIFEST_UNKNOWN",
        ),
    ] {
        let full = |text: &str| {
            let text = text.replace("{blob}", &digest.to_string());
            let text = text.replace("{other}", &other.to_string());
            text.replace("{own}", &own.to_string())
        };
        let answer = ask(&server, &full(line), header, body.as_bytes());
        assert_eq!(said(&answer), full(wanted), "{line} {header} {body}");
    }
}

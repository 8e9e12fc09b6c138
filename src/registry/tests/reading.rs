//! Manifests and blobs as they are read.

use std::io::{self, Read};

use crate::digest::Digest;
use crate::media_type;

use super::super::{Failure, MAX_MANIFEST_BYTES, Name, Response};
use super::{Fake, answer, app};

#[test]
fn a_blob_is_what_its_digest_says_or_an_error() {
    let digest = Digest::of(b"0123456789");
    let read = |size: u64, headers: &[(&str, &str)], body: &str| {
        let fake = Fake::of((0..3).map(|_| answer(200, headers, body)));
        let mut bytes = Vec::new();
        let mut blob = app(&fake)
            .blob(digest, size)
            .map_err(|error| error.to_string())?;
        let result = blob.read_to_end(&mut bytes);
        result.map(|_| bytes).map_err(|error| error.to_string())
    };
    assert_eq!(read(10, &[], "0123456789").unwrap(), b"0123456789");
    let right = [("content-length", "10")];
    assert_eq!(read(10, &right, "0123456789").unwrap(), b"0123456789");
    for (size, headers, body, reason) in [
        (10, &[][..], "012345678", "broke off after 9 of 10 bytes"),
        (10, &[], "0123456789a", "longer than its 10 bytes"),
        (10, &[], "0123456780", "digest of what the registry sent"),
        (0, &[], "", "digest of what the registry sent"),
        (0, &[], "0", "longer than its 0 bytes"),
        (
            10,
            &[("Content-Length", "11")],
            "0123456789a",
            "`11`, not `10`",
        ),
        (
            10,
            &[("Content-Length", "-1")],
            "0123456789",
            "`-1`, not `10`",
        ),
    ] {
        let error = read(size, headers, body).unwrap_err();
        assert!(error.contains(reason), "{error}");
    }
}

#[test]
fn the_read_of_the_last_byte_fails_and_so_do_all_that_follow() {
    let fake = Fake::of([answer(200, &[], "0123456780")]);
    let mut blob = app(&fake).blob(Digest::of(b"0123456789"), 10).unwrap();
    let mut buffer = [0; 9];
    blob.read_exact(&mut buffer).unwrap();
    assert!(blob.read(&mut buffer).is_err());
    assert!(blob.read(&mut buffer).is_err());
}

#[test]
fn a_manifest_has_the_digest_that_was_asked_for_and_that_the_registry_names() {
    let body = r#"{"schemaVersion":2,"layers":[]}"#;
    let digest = Digest::of(body.as_bytes()).to_string();
    let other = Digest::of(b"other").to_string();
    let oci = (
        "Content-Type",
        "application/vnd.oci.image.manifest.v1+json; charset=utf-8",
    );
    let get = |headers: &[(&str, &str)], body: &str, name: Name<'_>| {
        let fake = Fake::of([answer(200, headers, body)]);
        app(&fake).manifest(name).map_err(|error| error.to_string())
    };
    for said in [None, Some(digest.as_str()), Some("sha512:00")] {
        let said = said.map(|said| ("Docker-Content-Digest", said));
        let headers: Vec<_> = said.into_iter().chain([oci]).collect();
        let manifest = get(&headers, body, Name::Tag("1")).unwrap();
        assert_eq!(manifest.media_type, media_type::MANIFEST);
        assert_eq!(manifest.digest.to_string(), digest);
    }
    for said in [other.as_str(), "sha256:", "", "x\u{1b}[0m"] {
        let error = get(
            &[oci, ("docker-content-digest", said)],
            body,
            Name::Tag("1"),
        );
        let error = error.unwrap_err();
        assert!(
            error.contains("the digest that the registry names"),
            "{error}"
        );
        assert!(!error.contains('\u{1b}'));
    }
    let error = get(&[oci], body, Name::Digest(Digest::of(b"other")));
    assert!(error.unwrap_err().contains(&other));
    // The type is that of the document where the header is vague.
    for (body, media_type) in [
        (body, media_type::MANIFEST),
        (r#"{"manifests":[]}"#, media_type::INDEX),
        (
            r#"{"mediaType":"application/vnd.docker.distribution.manifest.v2+json"}"#,
            media_type::DOCKER_MANIFEST,
        ),
    ] {
        let manifest = get(&[("Content-Type", "text/plain")], body, Name::Tag("1")).unwrap();
        assert_eq!(manifest.media_type, media_type);
    }
    // Else it is that of the header, whatever the document says.
    for said in [
        media_type::MANIFEST,
        media_type::DOCKER_MANIFEST,
        media_type::INDEX,
        media_type::DOCKER_LIST,
    ] {
        let body = r#"{"schemaVersion":1,"mediaType":"x","layers":[],"manifests":[]}"#;
        let manifest = get(&[("Content-Type", said)], body, Name::Tag("1")).unwrap();
        assert_eq!(manifest.media_type, said);
    }
    for (said, body, reason) in [
        (
            "application/vnd.docker.distribution.manifest.v1+prettyjws",
            "{}",
            "schema 1",
        ),
        ("application/json", r#"{"schemaVersion":1}"#, "schema 1"),
        ("text/html", "<html>", "`text/html`"),
    ] {
        let error = get(&[("Content-Type", said)], body, Name::Tag("1")).unwrap_err();
        assert!(error.contains(reason), "{error}");
    }
}

#[test]
fn a_body_without_an_end_is_an_error() {
    let endless = || {
        Ok(Response {
            status: 200,
            headers: Vec::new(),
            body: Box::new(io::repeat(b' ')),
        })
    };
    let error = app(&Fake::of([endless()])).manifest(Name::Tag("1"));
    let error = error.unwrap_err().to_string();
    assert!(error.contains(&MAX_MANIFEST_BYTES.to_string()), "{error}");
    let error = app(&Fake::of([endless()])).tags().unwrap_err().to_string();
    assert!(error.contains("16777216"), "{error}");
    let refusal = Ok(Response {
        status: 400,
        headers: Vec::new(),
        body: Box::new(io::repeat(b' ')),
    });
    let error = app(&Fake::of([refusal])).manifest(Name::Tag("1"));
    assert!(error.unwrap_err().to_string().contains("400"));
}

#[test]
fn what_is_found_has_a_digest_from_the_header_or_from_the_bytes() {
    let digest = Digest::of(b"{\"layers\":[]}");
    let text = digest.to_string();
    let full = [
        ("Docker-Content-Digest", text.as_str()),
        ("Content-Length", "13"),
        ("Content-Type", "application/vnd.oci.image.manifest.v1+json"),
    ];
    let fake = Fake::of([answer(200, &full, "")]);
    let found = app(&fake).find_manifest(Name::Tag("1")).unwrap().unwrap();
    assert_eq!((found.digest, found.size), (digest, 13));
    for headers in [&full[1..], &full[..1], &[]] {
        let fake = Fake::of([
            answer(200, headers, ""),
            answer(200, &full, "{\"layers\":[]}"),
        ]);
        let found = app(&fake).find_manifest(Name::Tag("1")).unwrap().unwrap();
        assert_eq!((found.digest, found.size), (digest, 13));
        assert_eq!(fake.sent().len(), 2);
    }
}

#[test]
fn what_is_no_tag_is_not_asked_for() {
    for tag in ["", "../../app", "a/b", "a?b", "a\r\nb", "sha256:0"] {
        let app = app(&Fake::of([]));
        assert!(app.manifest(Name::Tag(tag)).is_err());
        assert!(app.find_manifest(Name::Tag(tag)).is_err());
        assert!(app.put_manifest(Name::Tag(tag), "t", b"{}").is_err());
    }
}

/// Sends some bytes and then breaks.
struct Breaking(&'static [u8]);

impl Read for Breaking {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self.0.read(buffer)? {
            0 => Err(io::ErrorKind::ConnectionReset.into()),
            n => Ok(n),
        }
    }
}

/// Is interrupted by a signal once.
struct Interrupted(Option<io::ErrorKind>, &'static [u8]);

impl Read for Interrupted {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self.0.take() {
            Some(kind) => Err(kind.into()),
            None => self.1.read(buffer),
        }
    }
}

#[test]
fn a_blob_that_a_signal_interrupts_is_not_asked_for_again() {
    let body = Interrupted(Some(io::ErrorKind::Interrupted), b"0123456789");
    let fake = Fake::of([Ok(Response {
        status: 200,
        headers: Vec::new(),
        body: Box::new(body),
    })]);
    let mut bytes = Vec::new();
    let mut blob = app(&fake).blob(Digest::of(b"0123456789"), 10).unwrap();
    blob.read_to_end(&mut bytes).unwrap();
    assert_eq!(bytes, b"0123456789");
    let missing = app(&Fake::of([answer(404, &[], "")])).blob(Digest::of(b""), 0);
    assert!(matches!(
        missing,
        Err(crate::error::Error::NotInRegistry { .. })
    ));
}

fn breaking(status: u16, range: &str, bytes: &'static [u8]) -> Result<Response, Failure> {
    Ok(Response {
        status,
        headers: vec![("Content-Range".to_owned(), range.to_owned())],
        body: Box::new(Breaking(bytes)),
    })
}

#[test]
fn a_blob_that_broke_off_goes_on_where_it_was() {
    let read = |answers: Vec<Result<Response, Failure>>| {
        let fake = Fake::of(answers);
        let mut bytes = Vec::new();
        let mut blob = app(&fake).blob(Digest::of(b"0123456789"), 10).unwrap();
        let result = blob.read_to_end(&mut bytes);
        result.map(|_| bytes).map_err(|error| error.to_string())
    };
    let first = || breaking(200, "", b"0123");
    for answers in [
        vec![first(), breaking(206, "bytes 4-9/10", b"456789")],
        // The registry knows no ranges.
        vec![first(), breaking(200, "", b"0123456789")],
        vec![
            first(),
            breaking(206, "bytes 4-9/10", b"45"),
            breaking(206, "bytes 6-9/10", b"6789"),
        ],
    ] {
        assert_eq!(read(answers).unwrap(), b"0123456789");
    }
    for answers in [
        vec![first(), breaking(206, "bytes 0-9/10", b"0123456789")],
        vec![first(), breaking(206, "", b"456789")],
        vec![first(), breaking(416, "bytes */10", b"")],
        vec![first(), breaking(200, "", b"01")],
        vec![
            first(),
            breaking(206, "bytes 4-9/10", b""),
            breaking(206, "bytes 4-9/10", b""),
        ],
    ] {
        let error = read(answers).unwrap_err();
        assert!(error.contains("broke off after 4 of 10 bytes"), "{error}");
    }
    let other = vec![first(), breaking(206, "bytes 4-9/10", b"456780")];
    assert!(
        read(other)
            .unwrap_err()
            .contains("the digest of what the registry sent")
    );
}

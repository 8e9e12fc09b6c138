//! Mounts, uploads, manifests as they are sent.

use crate::digest::Digest;
use crate::media_type;

use super::super::{Failure, MAX_MANIFEST_BYTES, Name, Response};
use super::{Fake, answer, app, broken, opened, repository};

#[test]
fn a_mount_that_is_refused_is_an_upload() {
    let digest = Digest::of(b"0123456789");
    let location = [("Location", "/up/1?state=x")];
    let fake = Fake::of([answer(201, &[], "")]);
    let (to, from) = (app(&fake), repository(&fake, "r.example/from"));
    assert!(to.mount(digest, &from).unwrap().is_none());
    let mount = format!("POST https://r.example/v2/app/blobs/uploads/?mount={digest}&from=from");
    assert_eq!(fake.sent(), [mount.as_str()]);
    for status in [400, 401, 403, 404, 405] {
        let fake = Fake::of([
            answer(status, &[], ""),
            answer(202, &location, ""),
            answer(201, &[], ""),
        ]);
        let to = app(&fake);
        let upload = to.mount(digest, &from).unwrap().unwrap();
        to.upload(upload, digest, 10, &opened).unwrap();
        let put = format!("PUT https://r.example/up/1?state=x&digest={digest} <- 0123456789");
        let post = "POST https://r.example/v2/app/blobs/uploads/";
        assert_eq!(fake.sent(), [mount.as_str(), post, &put]);
    }
    // The session of the answer is used.
    let fake = Fake::of([answer(202, &location, "")]);
    assert!(app(&fake).mount(digest, &from).unwrap().is_some());
    // Another registry has nothing to mount.
    let fake = Fake::of([answer(202, &location, "")]);
    let elsewhere = repository(&fake, "other.example/from");
    assert!(app(&fake).mount(digest, &elsewhere).unwrap().is_some());
    assert_eq!(
        fake.sent(),
        ["POST https://r.example/v2/app/blobs/uploads/"]
    );
}

#[test]
fn an_upload_that_broke_off_goes_on_where_the_registry_is_or_begins_again() {
    let digest = Digest::of(b"0123456789");
    let at = |path: &str| [("Location".to_owned(), path.to_owned())];
    let session = |path: &str| {
        let [(name, value)] = at(path);
        answer(202, &[(&name, &value)], "")
    };
    let upload = |answers: Vec<Result<Response, Failure>>| {
        let fake = Fake::of([session("/up/1")].into_iter().chain(answers));
        let app = app(&fake);
        let upload = app.start_upload().unwrap();
        let result = app.upload(upload, digest, 10, &opened);
        let sent: Vec<String> = fake.sent()[1..]
            .iter()
            .map(|sent| {
                sent.replace("https://r.example", "")
                    .replace(&digest.to_string(), "D")
            })
            .collect();
        (result.map_err(|error| error.to_string()), sent)
    };
    let has = |range: &str| answer(204, &[("Location", "/up/2"), ("Range", range)], "");
    let all = "PUT /up/1?digest=D <- 0123456789";
    let (result, sent) = upload(vec![broken(), has("0-3"), answer(201, &[], "")]);
    result.unwrap();
    assert_eq!(
        sent,
        [all, "GET /up/1", "PUT /up/2?digest=D (4-9) <- 456789"]
    );
    // 503 after a part of it is the same.
    let (result, sent) = upload(vec![
        answer(503, &[], ""),
        has("bytes=0-8"),
        answer(201, &[], ""),
    ]);
    result.unwrap();
    assert_eq!(sent[2], "PUT /up/2?digest=D (9-9) <- 9");
    // The answer was lost, and the blob is there.
    let (result, sent) = upload(vec![broken(), answer(404, &[], ""), answer(200, &[], "")]);
    result.unwrap();
    assert_eq!(sent[2], "HEAD /v2/app/blobs/D");
    // No word on what is there, or a wrong one: from the start.
    for range in [
        "0-0",
        "0-9",
        "0-99999999999999999999",
        "0-18446744073709551615",
        "x",
        "",
    ] {
        let (result, sent) = upload(vec![
            broken(),
            has(range),
            answer(404, &[], ""),
            session("/up/3"),
            answer(201, &[], ""),
        ]);
        result.unwrap();
        assert_eq!(
            sent.last().unwrap(),
            "PUT /up/3?digest=D <- 0123456789",
            "{range}"
        );
    }
    // A session that has ended.
    for status in [404, 416] {
        let (result, _) = upload(vec![
            answer(status, &[], ""),
            answer(404, &[], ""),
            session("/up/3"),
            answer(201, &[], ""),
        ]);
        result.unwrap();
    }
    // It does not go on for ever.
    let ended = || [answer(416, &[], ""), answer(404, &[], ""), session("/up/1")];
    let (result, sent) = upload((0..9).flat_map(|_| ended()).collect());
    assert!(result.unwrap_err().contains("416"));
    assert_eq!(
        sent.iter().filter(|sent| sent.starts_with("PUT")).count(),
        3
    );
    let refused = answer(
        400,
        &[],
        r#"{"errors":[{"code":"DIGEST_INVALID","message":"no\u001b[0m"}]}"#,
    );
    let (result, _) = upload(vec![refused]);
    assert!(result.unwrap_err().contains(r"DIGEST_INVALID: no\u{1b}[0m"));
    let lying = answer(201, &[("Docker-Content-Digest", "sha256:00")], "");
    let (result, _) = upload(vec![lying]);
    assert!(
        result
            .unwrap_err()
            .contains("the digest that the registry names")
    );
}

#[test]
fn an_upload_that_gets_no_further_begins_again() {
    let digest = Digest::of(b"0123456789");
    let session = |path: &str| answer(202, &[("Location", path)], "");
    let has = || answer(204, &[("Range", "0-3")], "");
    let fake = Fake::of([
        session("/up/1"),
        broken(),
        has(),
        broken(),
        has(),
        answer(404, &[], ""),
        session("/up/2"),
        answer(201, &[], ""),
    ]);
    let app = app(&fake);
    let upload = app.start_upload().unwrap();
    app.upload(upload, digest, 10, &opened).unwrap();
    let last = format!("PUT https://r.example/up/2?digest={digest} <- 0123456789");
    assert_eq!(fake.sent().last(), Some(&last));
}

#[test]
fn the_session_of_an_upload_is_where_it_may_be() {
    for (location, to) in [
        ("/up?a=b", Some("https://r.example/up?a=b&digest=D")),
        (
            "https://r.example/up",
            Some("https://r.example/up?digest=D"),
        ),
        (
            "https://store.example/up?sig=%2B",
            Some("https://store.example/up?sig=%2B&digest=D"),
        ),
        ("http://r.example/up", None),
        ("https://10.0.0.1/up", None),
        ("https://[::1]/up", None),
        ("/up\r\nX: y", None),
    ] {
        let digest = Digest::of(b"0123456789");
        let fake = Fake::of([
            answer(202, &[("Location", location)], ""),
            answer(201, &[], ""),
        ]);
        let app = app(&fake);
        let upload = app.start_upload();
        assert_eq!(upload.is_ok(), to.is_some(), "{location}");
        if let (Ok(upload), Some(to)) = (upload, to) {
            app.upload(upload, digest, 10, &opened).unwrap();
            let sent = fake.sent()[1].replace(&digest.to_string(), "D");
            assert_eq!(sent, format!("PUT {to} <- 0123456789"));
        }
    }
}

#[test]
fn a_manifest_is_stored_as_it_is_or_not_at_all() {
    let bytes = b"{\"schemaVersion\":2}";
    let put = |answer| {
        let fake = Fake::of([answer]);
        let put = app(&fake).put_manifest(Name::Tag("1"), media_type::MANIFEST, bytes);
        put.map_err(|error| error.to_string())
    };
    put(answer(201, &[], "")).unwrap();
    let own = Digest::of(bytes).to_string();
    put(answer(201, &[("docker-content-digest", &own)], "")).unwrap();
    let lying = put(answer(201, &[("Docker-Content-Digest", "sha256:1")], ""));
    assert!(lying.unwrap_err().contains("`sha256:1`"));
    let immutable = r#"{"errors":[{"code":"TAG_INVALID","message":"The image tag '1' already exists and cannot be overwritten because the repository is immutable."}]}"#;
    let error = put(answer(400, &[], immutable)).unwrap_err();
    assert!(
        error.contains("r.example/app:1") && error.contains("is immutable"),
        "{error}"
    );
    let fake = Fake::of([answer(201, &[], "")]);
    let largest = vec![b' '; MAX_MANIFEST_BYTES];
    app(&fake)
        .put_manifest(Name::Tag("1"), "t", &largest)
        .unwrap();
    let fake = Fake::of([]);
    let large = vec![b' '; MAX_MANIFEST_BYTES + 1];
    assert!(
        app(&fake)
            .put_manifest(Name::Tag("1"), "t", &large)
            .is_err()
    );
}

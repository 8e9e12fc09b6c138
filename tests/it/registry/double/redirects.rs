//! Registries that send requests elsewhere.

use std::io::{Cursor, Read};
use std::sync::Arc;

use ocipatch::Digest;
use ocipatch::registry::{Name, Settings};

use super::{Answer, Double, with_password};

const BYTES: &[u8] = b"0123456789";

/// A registry that wants a password, and sends everyone to `location`.
fn redirecting(location: &str) -> Double {
    let location = location.to_owned();
    Double::new(move |asked| match asked.header("authorization") {
        None => Answer::new(401).header("WWW-Authenticate", "Basic realm=\"x\""),
        Some(_) if asked.target == "/here" => Answer::new(200).body(BYTES),
        Some(_) => Answer::new(307).header("Location", &location),
    })
}

#[test]
fn another_port_gets_no_password() {
    let store = Double::new(|_| Answer::new(200).body(BYTES));
    let double = redirecting(&format!("http://{}/blob?signature=x", store.domain()));
    let app = double.app(with_password(double.domain()));
    let mut bytes = Vec::new();
    let mut blob = app.blob(Digest::of(BYTES), 10).unwrap();
    blob.read_to_end(&mut bytes).unwrap();
    assert_eq!(bytes, BYTES);
    assert_eq!(store.lines(), ["GET /blob?signature=x"]);
    assert_eq!(store.headers("authorization"), [None]);
    // The same host and port does.
    let double = redirecting("/here");
    let app = double.app(with_password(double.domain()));
    app.blob(Digest::of(BYTES), 10).unwrap();
    assert_eq!(double.headers("authorization").iter().flatten().count(), 2);
}

#[test]
fn a_body_follows_its_redirect() {
    let store = Double::new(|_| Answer::new(201));
    let there = format!("http://{}/put", store.domain());
    let double = Double::new(move |asked| {
        if asked.method == "POST" {
            Answer::new(202).header("Location", "up/1?state=x")
        } else {
            Answer::new(307).header("Location", &there)
        }
    });
    let app = double.app(Settings::default());
    let upload = app.start_upload().unwrap();
    let open = || Ok(Box::new(Cursor::new(BYTES)) as Box<dyn Read + Send>);
    let digest = Digest::of(BYTES);
    app.upload(upload, digest, 10, &open).unwrap();
    let lines = double.lines();
    assert_eq!(
        lines[1],
        format!("PUT /v2/app/blobs/uploads/up/1?state=x&digest={digest}")
    );
    assert_eq!(store.lines(), ["PUT /put"]);
}

#[test]
fn a_loop_ends() {
    for location in ["/v2/app/manifests/1", "?again", "//127.0.0.1:1/x"] {
        let location = Arc::new(location.to_owned());
        let double = Double::new(move |_| Answer::new(302).header("Location", &location));
        let error = double.app(Settings::default()).manifest(Name::Tag("1"));
        let error = error.unwrap_err().to_string();
        assert!(
            error.contains("more than 5 times") || error.contains("failed"),
            "{error}"
        );
        assert!(double.lines().len() <= 6);
    }
}

#[test]
fn an_address_that_is_none_is_not_followed() {
    for location in [
        "",
        "http://",
        "http://a b/",
        "gopher://x/",
        "http://u:p@127.0.0.1/",
        "/a\u{1b}b",
        "/\u{e9}",
    ] {
        let double = Double::new(move |_| Answer::new(302).header("Location", location));
        let error = double.app(Settings::default()).manifest(Name::Tag("1"));
        let error = error.unwrap_err().to_string();
        assert!(
            error.contains("127.0.0.1:") && !error.contains('\u{1b}'),
            "{error}"
        );
        assert!(!error.contains("u:p"), "{error}");
    }
}

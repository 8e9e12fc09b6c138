//! Registries that want to be left alone for a while, and how many ask them at once.

use std::io::Read;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use ocipatch::Digest;
use ocipatch::registry::{Name, Settings};

use super::{Answer, Double};
use crate::registry::server::free_port;

#[test]
fn a_registry_is_asked_again_after_the_time_that_it_wants() {
    let ask = |status| {
        let n_asked = AtomicUsize::new(0);
        let double = Double::new(move |_| match n_asked.fetch_add(1, Ordering::SeqCst) {
            0 => Answer::new(status).header("Retry-After", "1").body("busy"),
            _ => Answer::new(404),
        });
        let start = Instant::now();
        let app = double.app(Settings::default());
        assert!(app.find_manifest(Name::Tag("1")).unwrap().is_none());
        assert!(start.elapsed() >= Duration::from_secs(1));
        assert_eq!(double.lines().len(), 2);
    };
    std::thread::scope(|scope| {
        scope.spawn(|| ask(429));
        scope.spawn(|| ask(503));
    });
}

#[test]
fn everyone_waits_for_a_registry_that_wants_to_rest() {
    let n_asked = Arc::new(AtomicUsize::new(0));
    let counter = Arc::clone(&n_asked);
    let double = Double::new(move |_| match counter.fetch_add(1, Ordering::SeqCst) {
        0 => Answer::new(429).header("Retry-After", "1"),
        _ => Answer::new(404),
    });
    let app = double.app(Settings::default());
    std::thread::scope(|scope| {
        scope.spawn(|| app.has_blob(Digest::of(b"a")).unwrap());
        while n_asked.load(Ordering::SeqCst) == 0 {
            std::thread::sleep(Duration::from_millis(5));
        }
        std::thread::sleep(Duration::from_millis(100));
        let start = Instant::now();
        app.has_blob(Digest::of(b"b")).unwrap();
        assert!(start.elapsed() > Duration::from_millis(500));
    });
}

#[test]
fn only_so_many_ask_at_once() {
    let (n_now, n_most) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
    let (now, most) = (Arc::clone(&n_now), Arc::clone(&n_most));
    let double = Double::new(move |_| {
        let n = now.fetch_add(1, Ordering::SeqCst) + 1;
        most.fetch_max(n, Ordering::SeqCst);
        std::thread::sleep(Duration::from_millis(40));
        now.fetch_sub(1, Ordering::SeqCst);
        Answer::new(200)
    });
    let app = double.app(Settings {
        n_at_once: 2,
        ..Settings::default()
    });
    std::thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| assert!(app.has_blob(Digest::of(b"a")).unwrap()));
        }
    });
    assert_eq!(n_most.load(Ordering::SeqCst), 2);
    assert_eq!(double.lines().len(), 8);
}

#[test]
fn nobody_there_is_an_error_soon() {
    let start = Instant::now();
    let app = super::app_of(&format!("127.0.0.1:{}", free_port()), Settings::default());
    let error = app.manifest(Name::Tag("1")).unwrap_err().to_string();
    assert!(error.contains("refused"), "{error}");
    assert!(start.elapsed() < Duration::from_secs(10));
}

#[test]
fn a_connection_that_was_closed_meanwhile_is_opened_again() {
    let double = Double::new(|_| Answer::new(404).last());
    let app = double.app(Settings::default());
    for _ in 0..3 {
        assert!(app.find_manifest(Name::Tag("1")).unwrap().is_none());
        std::thread::sleep(Duration::from_millis(20));
    }
}

#[test]
fn one_connection_serves_for_all() {
    let n_asked = AtomicUsize::new(0);
    let double = Double::new(move |asked| {
        let n = n_asked.fetch_add(1, Ordering::SeqCst);
        match (asked.method.as_str(), n) {
            (_, 0) => Answer::new(429).header("Retry-After", "0").body("busy"),
            (_, 1) => Answer::new(401)
                .header("WWW-Authenticate", "Basic")
                .body("{\"errors\":[]}"),
            (_, 2) => Answer::new(404).body("{\"errors\":[]}"),
            (_, 3) => Answer::new(307)
                .header("Location", "/elsewhere")
                .body("there"),
            ("POST", _) => Answer::new(202).header("Location", "/up"),
            ("PUT", _) => Answer::new(201),
            _ => Answer::new(200).body("0123456789"),
        }
    });
    let app = double.app(super::with_password(double.domain()));
    let digest = Digest::of(b"0123456789");
    assert!(app.manifest(Name::Tag("1")).is_err());
    for _ in 0..2 {
        let mut bytes = Vec::new();
        app.blob(digest, 10)
            .unwrap()
            .read_to_end(&mut bytes)
            .unwrap();
    }
    let upload = app.start_upload().unwrap();
    let open = || Ok(Box::new(&b"0123456789"[..]) as Box<dyn Read + Send>);
    app.upload(upload, digest, 10, &open).unwrap();
    app.has_blob(digest).unwrap();
    assert_eq!(double.lines().len(), 9);
    assert_eq!(double.n_connections(), 1);
}

//! Where requests go, how often, and what is said of them.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use crate::digest::Digest;
use crate::reference::Reference;

use super::super::{Name, Registries, Settings, Transport};
use super::{Fake, answer, app, broken, repository};

#[test]
fn docker_hub_has_one_address_and_one_name() {
    for name in [
        "app",
        "docker.io/app",
        "index.docker.io/library/app",
        "registry-1.docker.io/library/app",
    ] {
        let fake = Fake::of([answer(404, &[], "")]);
        let app = repository(&fake, name);
        assert_eq!(app.shown(), "docker.io/library/app");
        assert!(app.is_same(&repository(&fake, "docker.io/app")));
        assert!(!app.is_same(&repository(&fake, "docker.io/other/app")));
        assert!(!app.is_same(&repository(&fake, "r.example/library/app")));
        assert!(app.find_manifest(Name::Tag("1")).unwrap().is_none());
        assert_eq!(
            fake.sent(),
            ["HEAD https://registry-1.docker.io/v2/library/app/manifests/1"]
        );
    }
}

#[test]
fn only_this_machine_and_named_registries_are_reached_in_the_clear() {
    for (domain, is_https) in [
        ("r.example", true),
        ("r.example:5000", true),
        ("10.0.0.1:5000", true),
        ("localhost.example:5000", true),
        ("localhost:5000", false),
        ("127.0.0.1:5000", false),
        ("[::1]:5000", false),
        ("named.example:80", false),
        ("NAMED.example:80", false),
        ("named.example", true),
    ] {
        let fake = Fake::of([answer(404, &[], "")]);
        let settings = Settings {
            plain_http: vec!["named.example:80".to_owned()],
            ..Settings::default()
        };
        let registries = Registries::over(Arc::clone(&fake) as Arc<dyn Transport>, settings);
        let name = Reference::parse(&format!("{domain}/a/b")).unwrap();
        let app = registries.repository(&name);
        app.find_manifest(Name::Tag("1")).unwrap();
        let sent = fake.sent().remove(0);
        assert_eq!(sent.starts_with("HEAD https://"), is_https, "{sent}");
    }
}

#[test]
fn redirects_are_followed_a_few_times_and_only_to_where_they_may_lead() {
    let blob = |location: &str| {
        let fake = Fake::of([
            answer(307, &[("Location", location)], ""),
            answer(200, &[], "0123456789"),
        ]);
        let result = app(&fake).blob(Digest::of(b"0123456789"), 10);
        result
            .map(|_| fake.sent().remove(1))
            .map_err(|error| error.to_string())
    };
    for (location, to) in [
        (
            "https://store.example/a?sig=1",
            "https://store.example/a?sig=1",
        ),
        ("//store.example/a", "https://store.example/a"),
        ("/a", "https://r.example/a"),
        ("a", "https://r.example/v2/app/blobs/a"),
        ("../a", "https://r.example/v2/app/a"),
        ("https://store.example", "https://store.example/"),
        ("https://store.example#a", "https://store.example/"),
    ] {
        assert_eq!(blob(location).unwrap(), format!("GET {to}"), "{location}");
    }
    for location in [
        "http://r.example/a",
        "https://127.0.0.1/a",
        "https://localhost/a",
        "https://10.1.2.3/a",
        "https://169.254.169.254/latest",
        "https://[fe80::1]/a",
        "https://[::ffff:192.168.0.1]/a",
        "https://user:secret@store.example/a",
        "https://store.example/a b",
        "https://store.example/a\r\nX: y",
        "https:///a",
        "file:///etc/passwd",
    ] {
        let error = blob(location).unwrap_err();
        assert!(error.contains("redirected to"), "{error}");
        assert!(
            !error.contains("secret") && !error.contains('\r'),
            "{error}"
        );
    }
    let again = || answer(302, &[("Location", "/again?signature=s3cret")], "");
    let fake = Fake::of((0..9).map(|_| again()));
    let error = app(&fake).manifest(Name::Tag("1")).unwrap_err().to_string();
    assert!(error.contains("more than 5 times"), "{error}");
    assert_eq!(fake.sent().len(), 6);
}

#[test]
fn a_busy_registry_is_asked_again() {
    let busy = |status| answer(status, &[("Retry-After", "7")], "");
    let fake = Fake::of([busy(429), busy(503), answer(404, &[], "")]);
    assert!(app(&fake).find_manifest(Name::Tag("1")).unwrap().is_none());
    let pauses = fake.pauses();
    assert_eq!(pauses.len(), 2);
    for pause in pauses {
        assert!(pause > Duration::from_secs(6) && pause < Duration::from_secs(9));
    }
    let fake =
        Fake::of((0..5).map(|_| answer(429, &[], r#"{"errors":[{"code":"TOOMANYREQUESTS"}]}"#)));
    let error = app(&fake).manifest(Name::Tag("1")).unwrap_err().to_string();
    assert!(error.contains("TOOMANYREQUESTS"), "{error}");
    let fake = Fake::of([broken(), broken(), answer(404, &[], "")]);
    assert!(!app(&fake).has_blob(Digest::of(b"")).unwrap());
    let fake = Fake::of([broken(), broken(), broken()]);
    let error = app(&fake).tags().unwrap_err().to_string();
    assert!(error.contains("connection reset"), "{error}");
}

#[test]
fn a_trace_has_each_request_and_no_secret() {
    let lines = Arc::new(Mutex::new(Vec::new()));
    let kept = Arc::clone(&lines);
    let settings = Settings {
        trace: Some(Arc::new(move |line: &str| {
            kept.lock().unwrap().push(line.to_owned());
        })),
        ..Settings::default()
    };
    let fake = Fake::of([
        answer(
            307,
            &[("Location", "https://store.example/a?sig=s3cret")],
            "",
        ),
        answer(200, &[("Content-Length", "10")], "0123456789"),
    ]);
    let registries = Registries::over(Arc::clone(&fake) as Arc<dyn Transport>, settings);
    let app = registries.repository(&Reference::parse("r.example/app").unwrap());
    app.blob(Digest::of(b"0123456789"), 10).unwrap();
    let lines = lines.lock().unwrap();
    assert_eq!(lines.len(), 2);
    assert!(
        lines[0].starts_with("GET r.example/v2/app/blobs/sha256:"),
        "{lines:?}"
    );
    assert!(
        lines[1].starts_with("GET store.example/a 200 10 bytes "),
        "{lines:?}"
    );
}

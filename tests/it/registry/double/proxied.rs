//! Registries behind a proxy.

use std::io::Write;

use ocipatch::registry::{Name, Settings};

use super::{Double, app_of};

/// A proxy that plays the registry behind it too.
fn proxy() -> Double {
    Double::raw(|asked, _, stream| {
        let answer: &[u8] = if asked.method == "CONNECT" {
            b"HTTP/1.1 200 OK\r\n\r\n"
        } else {
            b"HTTP/1.1 404 X\r\nContent-Length: 0\r\n\r\n"
        };
        stream.write_all(answer).ok()
    })
}

fn settings(proxy: &Double) -> Settings {
    Settings {
        plain_http: vec!["registry.example".to_owned()],
        http_proxy: Some(format!("http://me:secret@{}", proxy.domain())),
        ..Settings::default()
    }
}

#[test]
fn a_proxy_is_used_and_gets_its_own_password() {
    let proxy = proxy();
    let app = app_of("registry.example", settings(&proxy));
    assert!(app.find_manifest(Name::Tag("1")).unwrap().is_none());
    let lines = proxy.lines();
    assert_eq!(
        lines,
        ["CONNECT registry.example:80", "HEAD /v2/app/manifests/1"]
    );
    let passwords = proxy.headers("proxy-authorization");
    assert_eq!(passwords, [Some("Basic bWU6c2VjcmV0".to_owned()), None]);
}

#[test]
fn a_proxy_is_not_used_for_this_machine_or_an_exception() {
    let proxy = proxy();
    let double = Double::new(|_| super::Answer::new(404));
    let app = double.app(settings(&proxy));
    assert!(app.find_manifest(Name::Tag("1")).unwrap().is_none());
    let app = app_of(
        "registry.example",
        Settings {
            no_proxy: Some("example".to_owned()),
            ..settings(&proxy)
        },
    );
    // No such host, and nobody to ask for it.
    assert!(app.find_manifest(Name::Tag("1")).is_err());
    assert_eq!(proxy.lines(), Vec::<String>::new());
}

#[test]
fn a_proxy_that_is_none_is_an_error_without_its_password() {
    for address in [
        "http://me:secret@",
        "gopher://me:secret@proxy",
        "http://me:secret@a b",
    ] {
        let result = ocipatch::registry::Registries::new(Settings {
            https_proxy: Some(address.to_owned()),
            ..Settings::default()
        });
        let error = result.unwrap_err().to_string();
        assert!(
            error.contains("proxy") && !error.contains("secret"),
            "{error}"
        );
    }
}

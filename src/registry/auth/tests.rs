//! Being let in, by a registry that a test plays.

use std::sync::Arc;

use super::super::tests::{Fake, answer};
use super::super::{
    Access, CredentialSource, Failure, Name, Registries, Repository, Response, Settings, Transport,
};
use crate::digest::Digest;
use crate::reference::Reference;

const TOKEN: &str = r#"{"token":"t1","expires_in":300}"#;
/// `me:secret`
const PASSWORD: &str = r#"{"auths":{"r.example":{"auth":"bWU6c2VjcmV0"}}}"#;

fn challenge(realm: &str) -> Result<Response, Failure> {
    let value = format!(r#"Bearer realm="{realm}",service="s",scope="repository:x:pull""#);
    answer(401, &[("WWW-Authenticate", &value)], "")
}

fn over(fake: &Arc<Fake>, config: &str) -> Registries {
    let settings = Settings {
        credentials: vec![CredentialSource::Text("test".to_owned(), config.to_owned())],
        ..Settings::default()
    };
    Registries::over(Arc::clone(fake) as Arc<dyn Transport>, settings)
}

fn repository(registries: &Registries, name: &str) -> Repository {
    registries.repository(&Reference::parse(name).unwrap())
}

/// What is sent for the first manifest of `r.example/app`, or the error.
fn first(answers: Vec<Result<Response, Failure>>, config: &str) -> Result<Vec<String>, String> {
    let fake = Fake::of(answers);
    let registries = over(&fake, config);
    let app = repository(&registries, "r.example/app");
    match app.find_manifest(Name::Tag("1")) {
        Ok(_) => Ok(fake.sent()),
        Err(error) => Err(error.to_string()),
    }
}

#[test]
fn one_token_serves_for_all_that_was_announced() {
    let location = [("Location", "/up/1")];
    let fake = Fake::of([
        challenge("https://auth.example/token?a=b"),
        answer(200, &[], TOKEN),
        answer(404, &[], ""),
        answer(201, &[], ""),
        answer(202, &location, ""),
    ]);
    let registries = over(&fake, PASSWORD);
    let from = repository(&registries, "r.example/from");
    let to = repository(&registries, "r.example/to");
    registries.announce(&from, Access::Pull);
    registries.announce(&to, Access::Push);
    registries.announce(&to, Access::Pull);
    assert!(from.find_manifest(Name::Tag("1")).unwrap().is_none());
    assert!(to.mount(Digest::of(b""), &from).unwrap().is_none());
    to.start_upload().unwrap();
    let sent = fake.sent();
    let head = "HEAD https://r.example/v2/from/manifests/1";
    assert_eq!(sent[0], head);
    assert_eq!(
        sent[1],
        "GET https://auth.example/token?a=b&service=s&scope=repository:from:pull&scope=repository:to:pull%2Cpush&\
         account=me&client_id=ocipatch [Basic bWU6c2VjcmV0]"
    );
    assert_eq!(sent[2], format!("{head} [Bearer t1]"));
    assert!(sent[3..].iter().all(|sent| sent.ends_with(" [Bearer t1]")));
}

#[test]
fn what_was_not_announced_gets_a_token_of_its_own() {
    let fake = Fake::of([
        challenge("https://auth.example/token"),
        answer(200, &[], TOKEN),
        answer(404, &[], ""),
        answer(200, &[], r#"{"access_token":"t2"}"#),
        answer(404, &[], ""),
        answer(404, &[], ""),
    ]);
    let registries = over(&fake, "");
    for name in ["a", "b", "a"] {
        let repository = repository(&registries, &format!("r.example/{name}"));
        repository.find_manifest(Name::Tag("1")).unwrap();
    }
    let sent = fake.sent();
    // Nobody asks for the challenge again, and nobody without a password says a name.
    assert_eq!(
        sent[3],
        "GET https://auth.example/token?service=s&scope=repository:b:pull"
    );
    assert!(sent[4].ends_with("/b/manifests/1 [Bearer t2]"));
    assert!(sent[5].ends_with("/a/manifests/1 [Bearer t1]"));
}

#[test]
fn a_token_that_is_refused_midway_is_renewed_once() {
    let refused = || challenge("https://auth.example/token");
    let fake = Fake::of([
        refused(),
        answer(200, &[], TOKEN),
        answer(404, &[], ""),
        refused(),
        answer(200, &[], r#"{"token":"t2"}"#),
        answer(404, &[], ""),
        refused(),
        answer(200, &[], r#"{"token":"t3"}"#),
        refused(),
    ]);
    let app = repository(&over(&fake, PASSWORD), "r.example/app");
    for _ in 0..2 {
        assert!(app.find_manifest(Name::Tag("1")).unwrap().is_none());
    }
    assert!(fake.sent()[5].ends_with("[Bearer t2]"));
    let error = app.find_manifest(Name::Tag("1")).unwrap_err().to_string();
    assert!(
        error.contains("401") && error.contains("docker login r.example"),
        "{error}"
    );
    // What is first refused with a new token is refused.
    let answers = vec![refused(), answer(200, &[], TOKEN), refused()];
    assert!(first(answers, PASSWORD).is_err());
}

#[test]
fn a_token_is_renewed_before_it_ends() {
    let fake = Fake::of([
        challenge("https://auth.example/token"),
        answer(200, &[], r#"{"token":"t1","expires_in":0.001}"#),
        answer(404, &[], ""),
        answer(404, &[], ""),
    ]);
    let app = repository(&over(&fake, ""), "r.example/app");
    for _ in 0..2 {
        app.find_manifest(Name::Tag("1")).unwrap();
    }
    // A lifetime that is no whole number is not known: that of the specification.
    assert!(fake.sent()[3].ends_with("[Bearer t1]"));
    let mut door = super::Door::default();
    let short = std::time::Duration::from_millis(2);
    door.keep("a".to_owned(), None, Some(short));
    std::thread::sleep(short);
    assert!(door.ticket(&[], None).is_none());
    door.keep("b".to_owned(), None, Some(std::time::Duration::MAX));
    assert_eq!(door.ticket(&[], None).unwrap().value, "b");
    // A later one, not that which was refused.
    assert!(door.ticket(&[], Some(2)).is_none());
    assert_eq!(door.keep("c".to_owned(), None, None).number, 3);
    assert_eq!(door.ticket(&[], Some(2)).unwrap().value, "c");
}

#[test]
fn a_token_request_that_fails_is_an_error() {
    for (token, reason) in [
        (
            answer(401, &[], r#"{"details":"incorrect username or password"}"#),
            "incorrect username",
        ),
        (answer(403, &[], ""), "403"),
        (answer(200, &[], "{}"), "without a token"),
        (answer(200, &[], r#"{"token":""}"#), "without a token"),
        (
            answer(200, &[], r#"{"token":"a\r\nX: y"}"#),
            "without a token",
        ),
        (answer(200, &[], "not JSON"), "without a token"),
        (
            answer(307, &[("Location", "https://other.example/")], ""),
            "307",
        ),
    ] {
        let error = first(
            vec![challenge("https://auth.example/token"), token],
            PASSWORD,
        );
        let error = error.unwrap_err();
        assert!(error.contains(reason), "{error}");
        assert!(
            error.contains("the token request GET auth.example/token"),
            "{error}"
        );
    }
    let large = answer(200, &[], &" ".repeat(1024 * 1024 + 1));
    let error = first(
        vec![challenge("https://auth.example/token"), large],
        PASSWORD,
    );
    assert!(error.unwrap_err().contains("1048576"));
}

#[test]
fn a_scope_that_is_refused_does_not_refuse_the_others() {
    let fake = Fake::of([
        challenge("https://auth.example/token"),
        answer(403, &[], ""),
        answer(200, &[], TOKEN),
        answer(404, &[], ""),
    ]);
    let registries = over(&fake, "");
    let app = repository(&registries, "r.example/app");
    registries.announce(&repository(&registries, "r.example/closed"), Access::Push);
    assert!(app.find_manifest(Name::Tag("1")).unwrap().is_none());
    assert_eq!(
        fake.sent()[2],
        "GET https://auth.example/token?service=s&scope=repository:app:pull"
    );
}

#[test]
fn a_token_server_is_one_that_may_have_a_password() {
    for (registry, realm, is_allowed) in [
        ("r.example", "https://auth.example/token", true),
        ("r.example", "https://auth.example:8443/", true),
        ("r.example", "http://auth.example/token", false),
        ("r.example", "http://r.example/token", false),
        ("r.example", "https://127.0.0.1/token", false),
        ("r.example", "https://localhost/token", false),
        ("r.example", "https://10.0.0.1/token", false),
        ("r.example", "https://[fd00::1]/token", false),
        ("r.example", "https://169.254.169.254/token", false),
        ("r.example", "https://[::ffff:10.0.0.1]/token", false),
        ("r.example", "https://user:secret@auth.example/token", false),
        ("r.example", "https://auth.example/a\r\nX: y", false),
        ("r.example", "file:///etc/passwd", false),
        ("r.example", "/token", false),
        ("r.example", "", false),
        ("10.0.0.1:5000", "https://10.0.0.2/token", true),
        ("10.0.0.1:5000", "https://127.0.0.1/token", false),
        ("127.0.0.1:5000", "http://127.0.0.1:5001/token", true),
        ("127.0.0.1:5000", "http://localhost:5001/token", true),
        ("127.0.0.1:5000", "http://auth.example/token", false),
        ("127.0.0.1:5000", "https://auth.example/token", true),
    ] {
        let fake = Fake::of([
            challenge(realm),
            answer(200, &[], TOKEN),
            answer(404, &[], ""),
        ]);
        let app = repository(&over(&fake, PASSWORD), &format!("{registry}/app"));
        let result = app
            .find_manifest(Name::Tag("1"))
            .map_err(|error| error.to_string());
        assert_eq!(result.is_ok(), is_allowed, "{registry} {realm} {result:?}");
        if let Err(error) = result {
            assert!(
                !error.contains("secret") && !error.contains('\r'),
                "{error}"
            );
            assert_eq!(fake.sent().len(), 1);
        }
    }
}

#[test]
fn a_password_is_sent_to_its_registry_alone() {
    let basic = || answer(401, &[("www-authenticate", "Basic realm=\"r\"")], "");
    let sent = first(vec![basic(), answer(404, &[], "")], PASSWORD).unwrap();
    let head = "HEAD https://r.example/v2/app/manifests/1";
    assert_eq!(
        sent,
        [head.to_owned(), format!("{head} [Basic bWU6c2VjcmV0]")]
    );
    // A wrong one is not sent twice.
    let error = first(vec![basic(), basic()], PASSWORD).unwrap_err();
    assert!(error.contains("401"), "{error}");
    let error = first(vec![basic()], "{}").unwrap_err();
    assert!(error.contains("401"), "{error}");
    for (location, is_sent) in [
        ("https://r.example/other", true),
        ("https://R.example:443/other", true),
        ("https://r.example:444/other", false),
        ("https://store.example/other", false),
    ] {
        let redirect = answer(307, &[("Location", location)], "");
        let sent = first(vec![basic(), redirect, answer(404, &[], "")], PASSWORD).unwrap();
        assert_eq!(sent[2].contains("[Basic"), is_sent, "{sent:?}");
    }
    // What it is redirected to asks in vain.
    let redirect = answer(307, &[("Location", "https://store.example/other")], "");
    let error = first(vec![basic(), redirect, basic()], PASSWORD).unwrap_err();
    assert!(error.contains("401"), "{error}");
}

#[test]
fn the_session_of_an_upload_elsewhere_gets_no_password() {
    let basic = answer(401, &[("www-authenticate", "Basic")], "");
    let location = [("Location", "https://store.example/up?s=1")];
    let fake = Fake::of([basic, answer(202, &location, ""), answer(201, &[], "")]);
    let app = repository(&over(&fake, PASSWORD), "r.example/app");
    let upload = app.start_upload().unwrap();
    let digest = Digest::of(b"");
    app.upload(upload, digest, 0, &|| Ok(Box::new(std::io::empty())))
        .unwrap();
    assert_eq!(
        fake.sent()[2],
        format!("PUT https://store.example/up?s=1&digest={digest}")
    );
}

#[test]
fn an_identity_token_is_exchanged() {
    let config = r#"{"auths":{"r.example":{"identitytoken":"refresh+me"}}}"#;
    let realm = challenge("https://auth.example/token");
    let sent = first(
        vec![
            realm,
            answer(200, &[], r#"{"access_token":"t1"}"#),
            answer(404, &[], ""),
        ],
        config,
    );
    assert_eq!(
        sent.unwrap()[1],
        "POST https://auth.example/token <- grant_type=refresh_token&service=s&client_id=ocipatch&\
         scope=repository:app:pull&refresh_token=refresh%2Bme"
    );
}

#[test]
fn nothing_secret_is_in_what_a_developer_prints() {
    let settings = Settings {
        credentials: vec![CredentialSource::Text(
            "DOCKER_AUTH_CONFIG".into(),
            PASSWORD.into(),
        )],
        https_proxy: Some("http://me:bWU6c2VjcmV0@proxy.example".to_owned()),
        ..Settings::default()
    };
    let fake = Fake::of([
        answer(401, &[("www-authenticate", "Basic")], ""),
        answer(202, &[("Location", "/up?state=bWU6c2VjcmV0")], ""),
    ]);
    let registries = Registries::over(Arc::clone(&fake) as Arc<dyn Transport>, settings.clone());
    let app = repository(&registries, "r.example/app");
    let upload = app.start_upload().unwrap();
    let shown = format!(
        "{settings:?} {registries:?} {app:?} {upload:?} {:?}",
        app.host
    );
    assert!(!shown.contains("bWU6c2VjcmV0"), "{shown}");
}

#[test]
fn a_server_that_sends_a_secret_back_is_not_quoted() {
    let realm = || challenge("https://auth.example/token");
    let basic = || answer(401, &[("www-authenticate", "Basic")], "");
    let echo = |status, secret: &str| {
        answer(
            status,
            &[],
            &format!(r#"{{"errors":[{{"code":"X","message":"you sent {secret} here"}}]}}"#),
        )
    };
    let identity = r#"{"auths":{"r.example":{"identitytoken":"refresh+me"}}}"#;
    for (answers, config, secret) in [
        (
            vec![basic(), echo(403, "bWU6c2VjcmV0")],
            PASSWORD,
            "bWU6c2VjcmV0",
        ),
        (vec![basic(), echo(400, "me:secret")], PASSWORD, "secret"),
        (vec![realm(), echo(403, "secret")], PASSWORD, "secret"),
        (
            vec![realm(), echo(403, "refresh+me")],
            identity,
            "refresh+me",
        ),
        (
            vec![
                realm(),
                answer(200, &[], r#"{"token":"t0k3n"}"#),
                echo(400, "t0k3n"),
            ],
            "",
            "t0k3n",
        ),
    ] {
        let error = first_manifest(answers, config);
        assert!(error.contains("***") && !error.contains(secret), "{error}");
    }
}

/// The error of reading a manifest, whose refusal has a body.
fn first_manifest(answers: Vec<Result<Response, Failure>>, config: &str) -> String {
    let fake = Fake::of(answers);
    let app = repository(&over(&fake, config), "r.example/app");
    app.manifest(Name::Tag("1")).unwrap_err().to_string()
}

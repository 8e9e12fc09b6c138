//! Tags and referrers.

use crate::digest::Digest;
use crate::media_type;

use super::super::{Failure, Response};
use super::{Fake, answer, app};

#[test]
fn lists_have_pages_and_an_end() {
    let page = |tags: &str, next: &str| {
        let link = format!("<{next}>; rel=\"next\"");
        let headers = [("Link", link.as_str())];
        let headers = if next.is_empty() { &[][..] } else { &headers };
        answer(200, headers, &format!(r#"{{"name":"app","tags":{tags}}}"#))
    };
    let fake = Fake::of([
        page(r#"["b","a"]"#, "/v2/app/tags/list?n=2&last=b"),
        page("null", "?last=c"),
        page(r#"["c"]"#, ""),
    ]);
    assert_eq!(app(&fake).tags().unwrap(), ["a", "b", "c"]);
    let first = "GET https://r.example/v2/app/tags/list?";
    let queries = ["n=1000", "n=2&last=b", "last=c"];
    assert_eq!(fake.sent(), queries.map(|query| format!("{first}{query}")));
    for next in [
        "https://other.example/v2/app/tags/list",
        "http://r.example/v2/app/tags/list",
        "/v2/app/tags/list?n=1000",
    ] {
        let error = app(&Fake::of([page("[]", next)])).tags().unwrap_err();
        assert!(
            error.to_string().contains("no end or lead elsewhere"),
            "{error}"
        );
    }
    for tags in [r#"["../../x"]"#, r#"["a\r\nb"]"#, "[1]", r#"[""]"#] {
        let error = app(&Fake::of([page(tags, "")])).tags().unwrap_err();
        assert!(error.to_string().contains("cannot be a tag"), "{error}");
    }
    // One page after the other, without an end.
    let endless = (0..20_000).map(|i| page("[]", &format!("?last={i}")));
    let fake = Fake::of(endless);
    assert!(app(&fake).tags().is_err());
    assert_eq!(fake.sent().len(), 1023);
}

#[test]
fn referrers_come_from_the_api_or_from_a_tag() {
    let digest = Digest::of(b"");
    let index = [("Content-Type", media_type::INDEX)];
    let next = [index[0], ("Link", "<?page=2>; rel=next")];
    let one = r#"{"manifests":[{"size":1}]}"#;
    let get = |answers: Vec<Result<Response, Failure>>| {
        let fake = Fake::of(answers);
        let bytes = app(&fake).referrers(digest).unwrap();
        let value: serde_json::Value = serde_json::from_slice(&bytes).unwrap();
        (value["manifests"].as_array().unwrap().len(), fake.sent())
    };
    assert_eq!(
        get(vec![answer(200, &next, one), answer(200, &index, one)]).0,
        2
    );
    for unknown in [
        answer(404, &[], ""),
        answer(405, &[], ""),
        answer(200, &[("Content-Type", "text/html")], "<html>"),
    ] {
        let (n, sent) = get(vec![unknown, answer(200, &index, one)]);
        assert_eq!(n, 1);
        let tag = format!("sha256-{}", digest.hex());
        assert_eq!(
            sent[1],
            format!("GET https://r.example/v2/app/manifests/{tag}")
        );
    }
    assert_eq!(get(vec![answer(404, &[], ""), answer(404, &[], "")]).0, 0);
    // It is asked once whether it has a list.
    let none = || answer(404, &[], "");
    let fake = Fake::of([none(), none(), none()]);
    let app = app(&fake);
    for _ in 0..2 {
        app.referrers(digest).unwrap();
    }
    let asked = fake.sent();
    let of_api = asked.iter().filter(|sent| sent.contains("/referrers/"));
    assert_eq!((asked.len(), of_api.count()), (3, 1));
    let fake = Fake::of([answer(403, &[], "")]);
    assert!(super::app(&fake).referrers(digest).is_err());
}

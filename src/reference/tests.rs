use super::{Glob, InvalidReference, Reference, is_domain};

#[test]
fn familiar_and_full_names_are_the_same_reference() {
    for (text, familiar, full) in [
        ("app", "app:latest", "docker.io/library/app:latest"),
        ("app:1", "app:1", "docker.io/library/app:1"),
        (
            "docker.io/library/app:1",
            "app:1",
            "docker.io/library/app:1",
        ),
        ("index.docker.io/app:1", "app:1", "docker.io/library/app:1"),
        ("team/app:1", "team/app:1", "docker.io/team/app:1"),
        ("localhost/app:1", "localhost/app:1", "localhost/app:1"),
        (
            "r.example:5000/a/b:c",
            "r.example:5000/a/b:c",
            "r.example:5000/a/b:c",
        ),
        ("[::1]:5000/a:b", "[::1]:5000/a:b", "[::1]:5000/a:b"),
        (
            "docker.io/a/library/b:1",
            "a/library/b:1",
            "docker.io/a/library/b:1",
        ),
    ] {
        let reference = Reference::parse(text).unwrap();
        assert_eq!(
            (reference.familiar().as_str(), reference.full().as_str()),
            (familiar, full),
            "{text}"
        );
    }
}

#[test]
fn what_docker_refuses_is_refused_with_its_reason() {
    use InvalidReference::{Digest, Domain, Empty, ImageId, Path, Tag, TooLong, UpperCase};
    let long = "a/".repeat(130) + "a:1";
    for (text, reason) in [
        ("", Empty),
        ("app@sha256:00", Digest),
        (&"ab".repeat(32), ImageId),
        ("App:1", UpperCase),
        ("-a.b/app:1", Domain),
        ("a.b:x/app:1", Domain),
        ("a..b:1", Path),
        ("a___b:1", Path),
        ("/app:1", Path),
        ("app:", Tag),
        ("app:.1", Tag),
        ("app:ä", Tag),
        (&long, TooLong),
    ] {
        assert_eq!(Reference::parse(text), Err(reason), "{text}");
    }
}

#[test]
fn a_layout_may_hold_a_tag_alone() {
    let bare = Reference::from_ref_name("1.0").unwrap();
    assert!(bare.is_bare());
    assert_eq!(
        (bare.familiar(), bare.full(), bare.familiar_repository()),
        ("1.0".into(), "1.0".into(), String::new())
    );
    assert_eq!(
        Reference::from_ref_name("localhost/app:1")
            .unwrap()
            .familiar(),
        "localhost/app:1"
    );
    assert!(Reference::from_ref_name("a b").is_err());
    assert_ne!(bare, Reference::parse("1.0").unwrap());
}

#[test]
fn a_layout_may_hold_any_name_that_image_spec_allows() {
    for name in ["v1.0+build", "app@b", "A/B", "a:b:c", "x--y", "a/b/c+d"] {
        let reference = Reference::from_ref_name(name).unwrap();
        assert!(reference.is_bare() || !name.contains(['+', '@']), "{name}");
        assert!(reference.familiar().starts_with(name), "{name}");
    }
    for name in ["", "-a", "a+", "a@@b", "a/", "/a", "a b", "ä", "a+/b"] {
        assert!(Reference::from_ref_name(name).is_err(), "{name}");
    }
}

#[test]
fn globs_cover_whole_texts() {
    for (glob, text, matches) in [
        ("app:*", "app:1", true),
        ("app:*", "other/app:1", false),
        ("*", "", true),
        ("a*b*c", "aXbYbZc", true),
        ("a*b*c", "aXbYbZ", false),
        ("v?.*", "v1.2", true),
        ("v?", "v12", false),
        ("com.vendor.*", "com.vendor.", true),
    ] {
        assert_eq!(Glob::new(glob).matches(text), matches, "{glob} {text}");
    }
    assert!(
        Reference::parse("app:1")
            .unwrap()
            .matches(&Glob::new("docker.io/library/*"))
    );
    assert!(
        Reference::parse("app:1")
            .unwrap()
            .matches(&Glob::new("app"))
    );
}

/// A name in brackets is an address of IPv6, and nothing else.
#[test]
fn a_domain_is_a_host_or_an_address_and_perhaps_a_port() {
    for domain in [
        "localhost",
        "a.b",
        "a-b.c",
        "a:1",
        "a:65535",
        "[::1]",
        "[::1]:5000",
        "[fe80::A]:1",
        "127.0.0.1:80",
    ] {
        assert!(is_domain(domain), "{domain}");
    }
    for other in [
        "", ":1", "a:", "a:b", "a..b", "-a", "a-", "[", "[]", "[]:1", "[::1", "[host]:1", "[::1]a",
        "[::1]:", "[::1]:x",
    ] {
        assert!(!is_domain(other), "{other}");
    }
}

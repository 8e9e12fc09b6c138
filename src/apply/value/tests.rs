//! What is shown of a value that changes.

use serde_json::{Value, json};

use super::{Shown, around, before, cut, on_one_line, put_change};
use crate::page::{Page, View};

fn shown(old: &Value, new: &Value, is_full: bool) -> String {
    let view = View {
        is_full,
        ..View::default()
    };
    let mut page = Page::new(view);
    put_change(&mut page, 0, &[], (Some(old), Some(new)));
    page.into_text()
}

#[test]
fn a_long_text_is_cut_and_says_how_much_is_missing() {
    let text = |n| "é".repeat(n);
    assert_eq!(cut(text(300), false), text(300));
    assert_eq!(
        cut(text(301), false),
        format!("{}… (1 more character)", text(300))
    );
    assert_eq!(
        cut(text(303), false),
        format!("{}… (3 more characters)", text(300))
    );
    assert_eq!(cut(text(303), true), text(303));
}

#[test]
fn what_comes_or_goes_is_one_value() {
    let (one, other) = (json!("a"), json!([1]));
    for (sides, expected) in [
        ((None, None), ""),
        ((Some(&one), None), "\"a\""),
        ((None, Some(&other)), "[1]"),
        ((Some(&one), Some(&other)), "\"a\" → [1]"),
    ] {
        assert_eq!(on_one_line(sides), expected);
        let mut page = Page::new(View::default());
        put_change(&mut page, 0, &[], sides);
        assert_eq!(page.into_text().trim_end(), expected);
    }
    let long = json!("a".repeat(400));
    assert!(on_one_line((Some(&long), None)).ends_with("a… (102 more characters)"));
}

#[test]
fn a_little_of_what_both_have_is_shown_by_words() {
    let chars = |text: &str| text.chars().collect::<Vec<char>>();
    for (text, start) in [
        ("", 0),
        ("a b", 0),
        ("123456789012345", 0),
        ("1234567890123456", 0),
        ("12345678901234567", 1),
        ("12 4567890123456789", 3),
        ("1234567 90123456789", 7),
        ("123 567890123456789", 3),
    ] {
        assert_eq!(before(&chars(text)), start, "{text}");
    }
    for (text, n) in [
        ("", 0),
        ("a b", 3),
        ("12345678901234/", 15),
        ("123456789012345/", 16),
        ("1234567890123456/", 16),
        ("12/4567890123456", 3),
        ("12/45/7890123456", 6),
    ] {
        assert_eq!(around(&chars(text)), n, "{text}");
    }
}

#[test]
fn short_values_are_whole() {
    assert_eq!(shown(&json!("a"), &json!("b"), false), "\"a\" → \"b\"\n");
    assert_eq!(shown(&json!(1), &json!(null), false), "1 → null\n");
    let (old, new) = (json!(["serve"]), json!(["serve", "-v"]));
    assert_eq!(
        shown(&old, &new, false),
        "[\"serve\"] → [\"serve\",\"-v\"]\n"
    );
}

#[test]
fn of_long_ones_the_part_that_differs_is_shown() {
    let url = |version: &str| {
        json!(format!(
            "https://registry.example.com/team/charts/releases/{version}/app-and-its-parts.tar.gz"
        ))
    };
    assert_eq!(
        shown(&url("v1"), &url("v2"), false),
        "\"…/releases/v1/app-and-its-…\" → \"…/releases/v2/app-and-its-…\"\n"
    );
    let whole = shown(&url("v1"), &url("v2"), true);
    assert_eq!(whole.matches("registry.example.com").count(), 2, "{whole}");
    // Escapes are not cut in two.
    let text = |end: &str| json!(format!("{}\"\u{1}\"{end}", "é".repeat(90)));
    let parts = shown(&text("a"), &text("b"), false);
    assert_eq!(parts, "\"…\\\"\\u0001\\\"a\" → \"…\\\"\\u0001\\\"b\"\n");
}

#[test]
fn two_parts_are_on_one_line_while_that_is_short() {
    // A name and two texts that have little in common.
    let text = |c: &str, n| json!(c.repeat(n));
    for (n, is_one_line) in [(58, true), (59, false)] {
        let told = shown(&text("a", n), &text("b", n), false);
        let expected = if is_one_line {
            format!("{} → {}\n", text("a", n), text("b", n))
        } else {
            format!("\n    - {}\n    + {}\n", text("a", n), text("b", n))
        };
        assert_eq!(told, expected);
    }
    // Only one of them has lines: both are shown as values.
    let (lines, line) = (json!("a\nb\n".repeat(30)), json!("a".repeat(80)));
    for (old, new) in [(&lines, &line), (&line, &lines)] {
        let told = shown(old, new, false);
        assert!(told.contains("- \"") && told.contains("+ \""), "{told}");
    }
}

#[test]
fn what_is_left_out_of_a_part_is_marked() {
    let shown = Shown::of(&json!("abcdef"));
    for (from, to, expected) in [
        (0, 6, "\"abcdef\""),
        (1, 6, "\"…bcdef\""),
        (0, 5, "\"abcde…\""),
        (2, 4, "\"…cd…\""),
    ] {
        assert_eq!(shown.part(from, to), expected);
    }
    let long = Shown::of(&json!("a".repeat(302)));
    let cut = |n| format!("\"{}…\"", "a".repeat(n));
    assert_eq!(long.part(0, 302), cut(300) + " (2 more characters)");
    assert_eq!(long.part(0, 300), cut(300));
}

#[test]
fn no_two_halves_are_equal() {
    for (old, new) in [
        ("x".repeat(900), "x".repeat(901)),
        ("x".repeat(900), format!("{}y", "x".repeat(900))),
        (
            format!("a{}", "x".repeat(900)),
            format!("b{}", "x".repeat(900)),
        ),
        (
            format!("{}a{}", "x ".repeat(400), "y ".repeat(400)),
            format!("{}b{}", "x ".repeat(400), "y ".repeat(400)),
        ),
        ("é\u{301}".repeat(400), "é".repeat(400)),
    ] {
        let text = shown(&json!(old), &json!(new), false);
        let (one, other) = text
            .split_once('→')
            .or_else(|| text.split_once("\n    + "))
            .unwrap();
        let bare = |text: &str| text.trim().trim_start_matches("- ").trim().to_owned();
        assert_ne!(bare(one), bare(other), "{text}");
        assert!(text.len() < 2000, "{text}");
    }
}

#[test]
fn texts_and_lists_are_shown_by_lines() {
    let text = |line: &str| {
        json!(format!(
            "{}{line}\n{}",
            "one\n".repeat(20),
            "two\n".repeat(20)
        ))
    };
    assert_eq!(
        shown(&text("old"), &text("new"), false),
        "\n    20   one\n    21 - old\n    21 + new\n    22   two\n"
    );
    let words = |word: &str| {
        json!([
            "/usr/bin/java",
            "-Xmx2g",
            word,
            "-jar",
            "/srv/app/lib/application.jar",
            "serve"
        ])
    };
    assert_eq!(
        shown(&words("-Da=1"), &words("-Da=2"), false),
        "\n      \"/usr/bin/java\"\n      \"-Xmx2g\"\n    - \"-Da=1\"\n    + \"-Da=2\"\n      \"-jar\"\n      \"/srv/app/lib/application.jar\"\n      \"serve\"\n"
    );
}

//! Texts before and after an edit, byte for byte, and what is refused.

use serde_json::{Value as Json, json};

use super::value;
use ocipatch::document::{Edit, Format, Pointer, Refused};

fn edit(json: &Json) -> Edit {
    let pointer = |text: &str| Pointer::parse(text).unwrap();
    let unset = json["unset"].as_array().into_iter().flatten();
    let set = json["set"].as_object().into_iter().flatten();
    Edit {
        unset: unset.map(|text| pointer(text.as_str().unwrap())).collect(),
        merge: json.get("merge").map(value),
        set: set.map(|(at, json)| (pointer(at), value(json))).collect(),
    }
}

pub(super) fn edited(format: Format, text: &str, json: &Json) -> Result<Option<String>, Refused> {
    format.edit(text, &edit(json))
}

#[track_caller]
fn check(format: Format, old: &str, json: &Json, new: &str) {
    assert_eq!(edited(format, old, json).unwrap().as_deref(), Some(new));
    assert_eq!(edited(format, new, json), Ok(None));
}

#[track_caller]
fn unchanged(format: Format, text: &str, json: &Json) {
    assert_eq!(edited(format, text, json), Ok(None));
}

#[track_caller]
pub(super) fn refused(format: Format, text: &str, json: &Json, message: &str) {
    assert_eq!(edited(format, text, json).unwrap_err().to_string(), message);
}

use Format::{Json as J, Toml as T, Yaml as Y};

#[test]
fn json_keeps_its_layout() {
    check(
        J,
        "{\n  \"a\": [\"b\"],\n  \"c\": {\"d\": 1}\n}",
        &json!({"set": {"/a/-": "e", "/c/f": 2}}),
        "{\n  \"a\": [\"b\", \"e\"],\n  \"c\": {\"d\": 1, \"f\": 2}\n}",
    );
    let set = json!({"set": {"/c": [1, {"d": "<&>"}]}});
    check(
        J,
        r#"{"a":1,"b":[ 2 ]}"#,
        &set,
        r#"{"a":1,"b":[ 2 ],"c":[1,{"d":"<&>"}]}"#,
    );
    check(
        J,
        "{\n\t\"z\": 1.50,\n\t\"c\": [ 2 ]\n}\n",
        &set,
        "{\n\t\"z\": 1.50,\n\t\"c\": [\n\t\t1,\n\t\t{\n\t\t\t\"d\": \"<&>\"\n\t\t}\n\t]\n}\n",
    );
    check(
        J,
        "\u{feff}{\r\n  \"a\": [\r\n    1\r\n  ]\r\n}\r\n",
        &json!({"set": {"/a/-": 2}, "unset": ["/b"]}),
        "\u{feff}{\r\n  \"a\": [\r\n    1,\r\n    2\r\n  ]\r\n}\r\n",
    );
}

#[test]
fn what_a_text_says_already_stays_as_it_is_spelled() {
    let edits = json!({"set": {"/a": 1.5, "/b/0": "x", "/b/-": "x", "/c": {"e": 2, "d": 1}}, "unset": ["/z", "/b/7", "/a/q"]});
    unchanged(
        J,
        r#"{"a": 15e-1, "b": ["\u0078"], "c": {"d":1,  "e":2}}"#,
        &edits,
    );
    unchanged(T, "a = 1_5e-1\nb = ['x']\nc.d = 0x1\nc.e = +2\n", &edits);
    unchanged(Y, "a: 1.50\nb: ['x']\nc:\n   d: 0x1\n   e:   2\n", &edits);
    unchanged(
        T,
        "at = 2020-01-01\n",
        &json!({"set": {"/at": "2020-01-01"}}),
    );
    unchanged(
        Y,
        "at: 2020-01-01\n",
        &json!({"set": {"/at": "2020-01-01"}}),
    );
}

#[test]
fn a_date_stays_a_date_and_another_bare_word_is_quoted() {
    let edits = json!({"set": {"/at": "2021-02-03"}});
    check(T, "at = 2020-01-01 # c\n", &edits, "at = 2021-02-03 # c\n");
    check(Y, "at: 2020-01-01 # c\n", &edits, "at: 2021-02-03 # c\n");
    check(
        Y,
        "at: no # c\n",
        &json!({"set": {"/at": "no"}}),
        "at: \"no\" # c\n",
    );
}

#[test]
fn toml_keeps_comments_quotes_and_the_kind_of_table() {
    check(
        T,
        "# top\n\n# of a\n[a] # h\nk = 'v' # c\nd.e = 1\n  x = [\n    1, # one\n    2 # two\n  ]\n\n# of b\n[b.c]\n",
        &json!({"set": {"/a/k": "w", "/a/d/f": 2, "/a/x/-": 3, "/a/n": {"m": 1}, "/b/o": true, "/top": "t"}}),
        "# top\n\ntop = \"t\"\n\n# of a\n[a] # h\nk = 'w' # c\nd.e = 1\nd.f = 2\n  x = [\n    1, # one\n    2, # two\n    3\n  ]\n\n[a.n]\nm = 1\n\n# of b\n[b.c]\n\n[b]\no = true\n",
    );
    check(
        T,
        "[[a]]\nn = 1\n[a.s]\nx = 1\n[[a]]\nn = 2\n",
        &json!({"set": {"/a/-": {"n": 3}, "/a/0/s/y": 2, "/a/0/t": {"z": 1}}}),
        "[[a]]\nn = 1\n[a.s]\nx = 1\ny = 2\n\n[a.t]\nz = 1\n[[a]]\nn = 2\n\n[[a]]\nn = 3\n",
    );
    check(
        T,
        "a = 1\r\nb = { c = 1, d = 2 }\r\n[e]\r\n",
        &json!({"unset": ["/b/c"], "set": {"/e/f": "x", "/b/g": 1}}),
        "a = 1\r\nb = { d = 2, g = 1 }\r\n[e]\r\nf = \"x\"\r\n",
    );
    check(T, "", &json!({"set": {"/a/b/c": 1}}), "[a.b]\nc = 1\n");
    check(T, "a = 1", &json!({"set": {"/b": 2}}), "a = 1\nb = 2");
}

#[test]
fn yaml_keeps_comments_quotes_and_indentation() {
    check(
        Y,
        "# top\na: 'x'   # of a\nb:\n    - \"1\" # one\n    # between\n    - \"2\"\n\nc: {d: 1}  # flow\ne: |\n  old\n  text\n# end\n",
        &json!({"set": {"/a": "y", "/b/-": "3", "/c/f": [1], "/e": "new\n\nlines\n", "/g": {"h": {"i": null}}}}),
        "# top\na: 'y'   # of a\nb:\n    - \"1\" # one\n    # between\n    - \"2\"\n    - \"3\"\n\nc: {d: 1, f: [1]}  # flow\ne: |\n  new\n\n  lines\ng:\n    h:\n        i: null\n# end\n",
    );
    check(
        Y,
        "a:\n- b: 1\n  # about c\n  c: 2\n- d\n-\n",
        &json!({"unset": ["/a/0/b"], "set": {"/a/1": {"e": 1}, "/a/2": [1]}}),
        "a:\n-\n  # about c\n  c: 2\n- e: 1\n- - 1\n",
    );
    check(
        Y,
        "a:\r\n  b: 1\r\n",
        &json!({"set": {"/a/c": 2}}),
        "a:\r\n  b: 1\r\n  c: 2\r\n",
    );
    check(
        Y,
        "a:\n  b: 1 # c\n  # d\n",
        &json!({"unset": ["/a/b"]}),
        "a: {}\n  # d\n",
    );
    check(
        Y,
        "# nothing\n",
        &json!({"set": {"/a": [{"b": 1}]}}),
        "# nothing\na:\n  - b: 1\n",
    );
    check(Y, "a: 1", &json!({"set": {"/b": "c"}}), "a: 1\nb: c");
    check(
        Y,
        "on:\n  push:\n",
        &json!({"set": {"/on/push/branches": ["main"]}}),
        "on:\n  push:\n    branches:\n      - main\n",
    );
    check(
        Y,
        "? a\n: 1\nb: 2\n",
        &json!({"set": {"/b": 3}}),
        "? a\n: 1\nb: 3\n",
    );
}

#[test]
fn a_merge_patch_removes_with_null() {
    let merge = json!({"merge": {"a": {"b": null, "c": {"d": 1, "e": null}}, "f": null}});
    check(
        J,
        r#"{"a": {"b": 1, "g": 2}, "f": []}"#,
        &merge,
        r#"{"a": {"g": 2, "c": {"d": 1}}}"#,
    );
    check(
        T,
        "f = 1\n[a]\nb = 1\ng = 2\n",
        &merge,
        "[a]\ng = 2\n\n[a.c]\nd = 1\n",
    );
    check(
        Y,
        "a:\n  b: 1\n  g: 2\nf: []\n",
        &merge,
        "a:\n  g: 2\n  c:\n    d: 1\n",
    );
}

#[test]
fn an_index_of_unset_is_that_of_the_old_list() {
    let old = "- a # 0\n- a # 1\n- a # 2\n";
    let unset = json!({"unset": ["/0", "/1"]});
    assert_eq!(
        edited(Y, old, &unset).unwrap().as_deref(),
        Some("- a # 2\n")
    );
}

#[test]
fn what_does_not_fit_is_refused_with_its_pointer() {
    let set = |at: &str| json!({"set": {at: 5}});
    refused(
        J,
        r#"{"a": "x"}"#,
        &set("/a/b"),
        "`/a/b`: `/a` is a string, not a map or a list",
    );
    refused(
        J,
        r#"{"a": [1, 2]}"#,
        &set("/a/7"),
        "`/a/7`: `/a` has 2 items",
    );
    refused(
        J,
        r#"{"a": [1]}"#,
        &set("/a/01"),
        "`/a/01`: `/a` is a list: use an index or `-`",
    );
    refused(
        T,
        "a = 1\n",
        &json!({"set": {"/b": [null]}}),
        "`/b`: TOML has no null",
    );
    refused(
        T,
        "a = 1\n",
        &json!({"merge": {"b": [null]}}),
        "TOML has no null",
    );
    refused(
        Y,
        "a: 1\nb: 2\na: 3\n",
        &set("/a"),
        "`/a`: the key appears twice",
    );
    refused(
        Y,
        "a: &x {b: 1}\nc: *x\n",
        &set("/a/b"),
        "`/a`: it has an anchor, and an alias refers to it",
    );
    refused(
        Y,
        "a: &x {b: 1}\nc: *x\n",
        &set("/c/b"),
        "`/c/b`: `/c` is an alias, not a map or a list",
    );
    refused(
        Y,
        "a: !t x\n",
        &set("/a"),
        "`/a`: it has an anchor or a tag",
    );
    refused(
        Y,
        "a: 1\n---\na: 2\n",
        &set("/a"),
        "it has 2 documents; this operation edits files with one",
    );
}

#[test]
fn what_is_not_of_the_format_is_refused_with_its_place() {
    let set = json!({"set": {"/a": 1}});
    refused(
        J,
        "{\n \"a\": 01}",
        &set,
        "it is not JSON: line 2, column 7: no number of JSON",
    );
    refused(
        J,
        "{\n // c\n}",
        &set,
        "it is JSON with comments, which this operation does not edit (line 2, column 2)",
    );
    refused(
        J,
        "{\"a\": 1, \"a\": 2}",
        &set,
        "it is not JSON: line 1, column 10: the key `a` appears twice in one object",
    );
    assert!(
        edited(T, "a = \n", &set)
            .unwrap_err()
            .reason
            .starts_with("it is not TOML: line 1, column ")
    );
    assert!(
        edited(Y, "a: [1\nb: 2", &set)
            .unwrap_err()
            .reason
            .starts_with("it is not YAML: line 2, column ")
    );
    let deep = format!("{}{}", "[".repeat(200_000), "]".repeat(200_000));
    for format in [J, T, Y] {
        let text = if format == T {
            format!("a = {deep}")
        } else {
            deep.clone()
        };
        edited(format, &text, &set).unwrap_err();
        edited(format, &format!("a: {text}"), &set).unwrap_err();
    }
    edited(T, &format!("{}a = 1", "a.".repeat(100_000)), &set).unwrap_err();
    edited(Y, &format!("{}1", "- ".repeat(100_000)), &set).unwrap_err();
    // Nine levels of nine aliases each: aliases stay aliases.
    let mut laughs = "a: &a0 [1]\n".to_owned();
    for level in 1..40 {
        let aliases = vec![format!("*a{}", level - 1); 9].join(", ");
        laughs.extend([format!("b{level}: &a{level} [{aliases}]\n")]);
    }
    check(
        Y,
        &laughs,
        &json!({"set": {"/z": 1}}),
        &format!("{laughs}z: 1\n"),
    );
}

//! Where an item and a block scalar end, with commas, comments and blank lines, byte for byte.

use ocipatch::document::Format::{self, Toml as T, Yaml as Y};
use serde_json::json;

use super::named::{edited, refused};

#[test]
fn items_between_brackets_come_and_go_with_their_commas() {
    let add = json!({"set": {"/a/-": 9}});
    let first = json!({"unset": ["/a/0"]});
    let second = json!({"unset": ["/a/1"]});
    let third = json!({"unset": ["/a/2"]});
    for (old, edit, new) in [
        ("a = [1]\n", &add, "a = [1, 9]\n"),
        ("a = [1,]\n", &add, "a = [1, 9,]\n"),
        ("a = [ 1 , ] # c\n", &add, "a = [ 1 , 9, ] # c\n"),
        ("a = [\n  1\n]\n", &add, "a = [\n  1,\n  9\n]\n"),
        (
            "a = [\n  1, # one\n]\n",
            &add,
            "a = [\n  1, # one\n  9,\n]\n",
        ),
        (
            "a = [\n  1 # one\n  ,\n]\n",
            &add,
            "a = [\n  1 # one\n  ,\n  9,\n]\n",
        ),
        (
            "a = [\n  1 # one,\n  ]\n",
            &add,
            "a = [\n  1, # one,\n  9\n  ]\n",
        ),
        ("a = [1,\n  2]\n", &add, "a = [1,\n  2, 9]\n"),
        (
            "a = [\r\n\t1,\r\n]\r\n",
            &add,
            "a = [\r\n\t1,\r\n\t9,\r\n]\r\n",
        ),
        ("a = [1, 2, 3]\n", &first, "a = [2, 3]\n"),
        ("a = [1, 2, 3]\n", &second, "a = [1, 3]\n"),
        ("a = [1, 2, 3]\n", &third, "a = [1, 2]\n"),
        ("a = [1, 2, 3,]\n", &third, "a = [1, 2,]\n"),
        (
            "a = [\n  1, # one\n  2, # two\n  3 # three\n]\n",
            &first,
            "a = [\n  2, # two\n  3 # three\n]\n",
        ),
        (
            "a = [\n  1, # one\n  2, # two\n  3 # three\n]\n",
            &second,
            "a = [\n  1, # one\n  3 # three\n]\n",
        ),
        (
            "a = [\n  1, # one\n  2, # two\n  3 # three\n]\n",
            &third,
            "a = [\n  1, # one\n  2 # two\n]\n",
        ),
        (
            "a = [\n  1,\n  2,\n  3,\n]\n",
            &third,
            "a = [\n  1,\n  2,\n]\n",
        ),
        ("a = [1, 2,\n  3]\n", &third, "a = [1, 2]\n"),
        ("a = [1, 2,\n  3]\n", &first, "a = [2,\n  3]\n"),
        ("a = [\n  1, 2,\n  3\n]\n", &third, "a = [\n  1, 2\n]\n"),
    ] {
        let found = edited(T, old, edit).unwrap().unwrap();
        assert_eq!(found, new, "{old}{edit}");
    }
    for (old, edit) in [
        ("a = [1, # one\n  2, 3]\n", &first),
        ("a = [\n  1, 2, # two\n  3, 4]\n", &second),
    ] {
        refused(
            T,
            old,
            edit,
            "`/a`: a comment stands between items that share a line with it",
        );
    }
}

#[test]
fn block_scalars_end_where_their_lines_do() {
    for header in ["|", ">", "|-", "|+", ">2", "|2-", ">+2", "| # why", "|  "] {
        for between in ["", "\n", "\n\n"] {
            let old = format!("a:\n  b: {header}\n    x\n{between}  c: 1\nd: 2\n");
            // `+` keeps the blank lines in the value.
            let left = if header.contains('+') { "" } else { between };
            for (edit, expected) in [
                (
                    json!({"set": {"/a/b": "z"}}),
                    format!("a:\n  b: z\n{left}  c: 1\nd: 2\n"),
                ),
                (
                    json!({"unset": ["/a/b"]}),
                    format!("a:\n{left}  c: 1\nd: 2\n"),
                ),
            ] {
                let found = edited(Y, &old, &edit).unwrap().unwrap();
                assert_eq!(found, expected, "{old}{edit}");
            }
        }
    }
}

#[track_caller]
fn check(format: Format, rows: &[(&str, serde_json::Value, &str)]) {
    let found = rows.iter().map(|(old, set, _)| {
        let edit = json!({ "set": set });
        let found = edited(format, old, &edit);
        found.map_or_else(
            |refused| refused.to_string(),
            |new| new.unwrap_or((*old).to_owned()),
        )
    });
    let expected: Vec<&str> = rows.iter().map(|(_, _, new)| *new).collect();
    assert_eq!(found.collect::<Vec<_>>(), expected);
}

#[test]
fn a_value_of_toml_is_spelled_like_the_one_that_it_replaces() {
    check(
        T,
        &[
            ("a = \"x\"\n", json!({"/a": "y"}), "a = \"y\"\n"),
            ("a = 'x'\n", json!({"/a": "y"}), "a = 'y'\n"),
            ("a = 'x'\n", json!({"/a": "it's"}), "a = \"it's\"\n"),
            ("a = 'x'\n", json!({"/a": "\t"}), "a = \"\\t\"\n"),
            ("a = '''x'''\n", json!({"/a": "y"}), "a = \"y\"\n"),
            ("a = 2020-01-01\n", json!({"/a": "y"}), "a = \"y\"\n"),
            (
                "a = 'x'\n",
                json!({"/a": "2020-01-01"}),
                "a = '2020-01-01'\n",
            ),
            (
                "a = [2020-01-01]\n",
                json!({"/a/-": "2020-01-01"}),
                "a = [2020-01-01]\n",
            ),
            ("", json!({"/a": {}}), "a = {}\n"),
        ],
    );
    refused(
        T,
        "a = 2020-01-01\n",
        &json!({"set": {"/a/b": 1}}),
        "`/a/b`: `/a` is a scalar, not a map or a list",
    );
    let null = json!({"set": {"/b": {"c": null}}});
    refused(T, "a = 1\n", &null, "`/b`: TOML has no null");
}

#[test]
fn new_keys_of_toml_stand_behind_the_last_one_and_as_far_in() {
    check(
        T,
        &[
            (
                "[a]\nd.e = 1\n\n[b]\n",
                json!({"/a/k": 2}),
                "[a]\nd.e = 1\nk = 2\n\n[b]\n",
            ),
            (
                "[a]\n  d.e = 1\n",
                json!({"/a/k": 2}),
                "[a]\n  d.e = 1\n  k = 2\n",
            ),
            (
                "[a]\n  x = 1\n",
                json!({"/a/k": 2}),
                "[a]\n  x = 1\n  k = 2\n",
            ),
            (
                "[a]\n  x = 1\n    [a.b]\n    z = 1\n",
                json!({"/a/k": 2}),
                "[a]\n  x = 1\n  k = 2\n    [a.b]\n    z = 1\n",
            ),
            (
                "a = 1\n# end\n",
                json!({"/b": {"c": 1}}),
                "a = 1\n# end\n\n[b]\nc = 1\n",
            ),
        ],
    );
    // Of several that go, one may reach into the line of the next one.
    let found = edited(
        T,
        "a = [1, 2,\n  3,\n  4]\n",
        &json!({"unset": ["/a/1", "/a/2"]}),
    );
    assert_eq!(found.unwrap().unwrap(), "a = [1,   4]\n");
}

#[test]
fn a_value_of_yaml_goes_where_there_was_none() {
    check(
        Y,
        &[
            ("{a, b: 1}\n", json!({"/a": 2}), "{a: 2, b: 1}\n"),
            ("{a: , b: 1}\n", json!({"/a": 2}), "{a: 2 , b: 1}\n"),
            (
                "-\n- x\n",
                json!({"/0": {"a": 1, "b": 2}}),
                "- a: 1\n  b: 2\n- x\n",
            ),
            (
                "k:\n  -\n",
                json!({"/k/0": {"a": 1, "b": 2}}),
                "k:\n  - a: 1\n    b: 2\n",
            ),
            (
                "a: &x\n  - 1\n",
                json!({"/a/-": 2}),
                "a: &x\n  - 1\n  - 2\n",
            ),
            ("a: !t\n- 1\n", json!({"/a/-": 2}), "a: !t\n- 1\n- 2\n"),
            (
                "a: |\nb: 1\n",
                json!({"/a": "x\ny\n"}),
                "a: |\n  x\n  y\nb: 1\n",
            ),
            (
                "a: |\n\n\n  x\nb: 1\n",
                json!({"/a": "z\nz\n"}),
                "a: |\n  z\n  z\nb: 1\n",
            ),
            (
                "a: |  # c\n\n   x\nb: 1\n",
                json!({"/a": "z\nz\n"}),
                "a: |\n   z\n   z\nb: 1\n",
            ),
        ],
    );
    check(
        Y,
        &[
            ("a: |\nb: 1\n", json!({"/a": "z"}), "a: z\nb: 1\n"),
            ("a: >-\n\nb: 1\n", json!({"/a": "z"}), "a: z\n\nb: 1\n"),
            ("a: |+\n\nb: 1\n", json!({"/a": "z"}), "a: z\n\nb: 1\n"),
            ("a: |\r\nb: 1\r\n", json!({"/a": "z"}), "a: z\r\nb: 1\r\n"),
            ("a: |", json!({"/a": "z"}), "a: z"),
        ],
    );
    for (old, new) in [("a: |\nb: 1\n", "b: 1\n"), ("b: 1\na: |  # c\n", "b: 1\n")] {
        let found = edited(Y, old, &json!({"unset": ["/a"]}));
        assert_eq!(found.unwrap().unwrap(), new, "{old}");
    }
}

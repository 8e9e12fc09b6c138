//! Where an item and a block scalar end, with commas, comments and blank lines, byte for byte.

use ocipatch::document::Format::{Toml as T, Yaml as Y};
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

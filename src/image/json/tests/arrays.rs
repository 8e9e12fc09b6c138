//! Edits of arrays, byte for byte.

use super::super::{ArrayEdit, Value};
use super::{parse, text};

/// The text after an edit of the array that is its member `a`.
fn array(before: &str, edit: impl FnOnce(&mut ArrayEdit<'_>)) -> String {
    let mut document = parse(before);
    document.edit_array(&[], "a", &[], edit);
    text(&document)
}

#[test]
fn items_come_and_go_with_the_white_space_of_their_neighbours() {
    let x = || Value::text("x");
    for (before, index, inserted) in [
        (r#"{"a":[1, 2]}"#, 0, r#"{"a":["x", 1, 2]}"#),
        (r#"{"a":[1, 2]}"#, 1, r#"{"a":[1, "x", 2]}"#),
        (r#"{"a":[1, 2]}"#, 2, r#"{"a":[1, 2, "x"]}"#),
        (r#"{"a":[ 1,2 ]}"#, 9, r#"{"a":[ 1,2,"x" ]}"#),
        (r#"{"a":[ 1 ,2 ]}"#, 1, r#"{"a":[ 1 ,"x",2 ]}"#),
        (r#"{"a":[1]}"#, 0, r#"{"a":["x",1]}"#),
        (r#"{"a":[]}"#, 0, r#"{"a":["x"]}"#),
        (r#"{"a":null}"#, 0, r#"{"a":["x"]}"#),
        ("{}", 0, r#"{"a":["x"]}"#),
        (
            "{\n \"a\": [\n  1\n ]\n}",
            0,
            "{\n \"a\": [\n  \"x\",\n  1\n ]\n}",
        ),
        (
            "{\n \"a\": [\n  1\n ]\n}",
            1,
            "{\n \"a\": [\n  1,\n  \"x\"\n ]\n}",
        ),
        ("{\n \"a\": []\n}", 0, "{\n \"a\": [\n  \"x\"\n ]\n}"),
    ] {
        assert_eq!(
            array(before, |array| array.insert(index, x())),
            inserted,
            "{before} {index}"
        );
    }
    for (before, index, removed) in [
        (r#"{"a":[1, 2, 3]}"#, 0, r#"{"a":[2, 3]}"#),
        (r#"{"a":[1, 2, 3]}"#, 1, r#"{"a":[1, 3]}"#),
        (r#"{"a":[1, 2, 3]}"#, 2, r#"{"a":[1, 2]}"#),
        (r#"{"a":[ 1,2 ]}"#, 0, r#"{"a":[ 2 ]}"#),
        (r#"{"a":[ 1,2 ]}"#, 1, r#"{"a":[ 1 ]}"#),
        (r#"{"a":[1]}"#, 0, r#"{"a":[]}"#),
        (
            "{\n \"a\": [\n  1,\n  2\n ]\n}",
            1,
            "{\n \"a\": [\n  1\n ]\n}",
        ),
    ] {
        assert_eq!(
            array(before, |array| array.remove(index)),
            removed,
            "{before} {index}"
        );
    }
}

#[test]
fn an_item_keeps_its_id_while_others_come_and_go() {
    array(r#"{"a":[1,2]}"#, |array| {
        assert!(!array.is_empty());
        let last = array.last_id().unwrap();
        assert_eq!(array.index(last), 1);
        array.insert(0, Value::text("x"));
        assert_eq!((array.index(last), array.len()), (2, 3));
        array.remove(1);
        assert_eq!(array.index(last), 1);
        array.replace_by_id(last, Value::text("y"));
        assert_eq!(array.get(1).as_text().as_deref(), Some("y"));
        array.remove(1);
        array.remove(0);
        assert!(array.is_empty() && array.last_id().is_none());
    });
}

#[test]
fn members_of_items_are_set_and_taken() {
    let one = || Value::text("1");
    let inner = || Value::object([("k", one())]);
    for (before, edit, after) in [
        (
            r#"{"a":[0,{"b":2}]}"#,
            (|array, value, _| array.set(1, "c", &[], value))
                as fn(&mut ArrayEdit<'_>, Value, Value),
            r#"{"a":[0,{"b":2,"c":"1"}]}"#,
        ),
        (
            r#"{"a":[null]}"#,
            |array, value, _| array.set(0, "c", &[], value),
            r#"{"a":[{"c":"1"}]}"#,
        ),
        (
            "{\n \"a\": [\n  {\n   \"b\": 1\n  }\n ]\n}",
            |array, _, inner| array.set(0, "c", &[], inner),
            "{\n \"a\": [\n  {\n   \"b\": 1,\n   \"c\": {\n    \"k\": \"1\"\n   }\n  }\n ]\n}",
        ),
        (
            "{\n \"a\": [\n  1\n ]\n}",
            |array, _, inner| array.replace(0, inner),
            "{\n \"a\": [\n  {\n   \"k\": \"1\"\n  }\n ]\n}",
        ),
        (
            "{\n \"a\": [\n  1\n ]\n}",
            |array, _, inner| array.replace_by_id(array.last_id().unwrap(), inner),
            "{\n \"a\": [\n  {\n   \"k\": \"1\"\n  }\n ]\n}",
        ),
        (
            "{\n \"a\": [\n  {}\n ]\n}",
            |array, value, _| array.set_within(0, "w", "k", value),
            "{\n \"a\": [\n  {\n   \"w\": {\n    \"k\": \"1\"\n   }\n  }\n ]\n}",
        ),
        (
            r#"{"a":[{"w":{"b":2}}]}"#,
            |array, value, _| array.set_within(0, "w", "k", value),
            r#"{"a":[{"w":{"b":2,"k":"1"}}]}"#,
        ),
        (
            r#"{"a":[{"w":null}]}"#,
            |array, value, _| array.set_within(0, "w", "k", value),
            r#"{"a":[{"w":{"k":"1"}}]}"#,
        ),
        (
            r#"{"a":[{"w":{"b":2,"k":1}}]}"#,
            |array, _, _| assert!(array.take_within(0, "w", "k")),
            r#"{"a":[{"w":{"b":2}}]}"#,
        ),
        (
            r#"{"a":[{"w":{"k":1},"x":1}]}"#,
            |array, _, _| assert!(array.take_within(0, "w", "k")),
            r#"{"a":[{"x":1}]}"#,
        ),
        (
            r#"{"a":[{"w":{"b":2}},3]}"#,
            |array, _, _| {
                assert!(!array.take_within(0, "w", "k"));
                assert!(!array.take_within(0, "x", "k"));
                assert!(!array.take_within(1, "w", "k"));
                assert!(!array.take(0, "x"));
                assert!(!array.take(1, "x"));
            },
            r#"{"a":[{"w":{"b":2}},3]}"#,
        ),
        (
            r#"{"a":[{"b":1,"c":2}]}"#,
            |array, _, _| assert!(array.take(0, "b")),
            r#"{"a":[{"c":2}]}"#,
        ),
    ] {
        assert_eq!(array(before, |array| edit(array, one(), inner())), after);
    }
    let mut document = parse("[ 1 ]");
    document.edit_root_array(|array| array.push(one()));
    assert_eq!(text(&document), r#"[ 1,"1" ]"#);
}

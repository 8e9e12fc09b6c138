use proptest::prelude::{Just, Strategy, any, prop, prop_oneof, proptest};

use super::escape::spells;
use super::{Document, Shape, Value, decode, encode};

mod arrays;

fn parse(text: &str) -> Document {
    Document::parse(text.as_bytes()).unwrap()
}

fn text(document: &Document) -> String {
    String::from_utf8(document.to_bytes()).unwrap()
}

fn set(before: &str, path: &[&str], key: &str, value: Value) -> String {
    let mut document = parse(before);
    document.set(path, key, &[], value);
    text(&document)
}

#[test]
fn spelling_and_white_space_survive() {
    for spelled in [
        r#"{"a":1e2,"b":-0,"c":1.10,"d":"\u003c\/","e":[ ],"f":{ }}"#,
        "\n [ 1 ,\t2 , {\r\n \"a\" : null } ] \n",
        "\"\\ud83d\\ude00\"",
        "123456789012345678901234567890",
    ] {
        assert_eq!(text(&parse(spelled)), spelled);
    }
}

#[test]
fn a_value_is_laid_out_where_it_takes_the_place_of_another() {
    let new = || Document::parse(br#"{"x":[1]}"#).unwrap().root;
    let before = "{\n  \"a\": {\n    \"b\": 1\n  }\n}\n";
    let after = "{\n  \"a\": {\n    \"b\": {\n      \"x\": [\n        1\n      ]\n    }\n  }\n}\n";
    assert_eq!(set(before, &["a"], "b", new()), after);
    let after = "{\n  \"a\": {\n    \"x\": [\n      1\n    ]\n  }\n}\n";
    assert_eq!(set(before, &[], "a", new()), after);
}

#[test]
fn what_is_no_json_is_refused() {
    let deep = "[".repeat(129) + &"]".repeat(129);
    for (wrong, offset) in [
        ("", 0),
        ("{", 1),
        ("\u{feff}{}", 0),
        ("{} x", 3),
        (r#"{"a":1,"a":2}"#, 7),
        (r#"{"a":1,"\u0061":2}"#, 7),
        ("[1,]", 3),
        ("01", 0),
        ("1.", 0),
        ("nul", 0),
        ("NaN", 0),
        ("\"\\x\"", 1),
        ("\"\\u12\"", 1),
        ("\"a\nb\"", 2),
        ("\"a", 2),
        ("{a:1}", 1),
        ("[1}", 2),
        ("[[]}", 3),
        (r#"{"a":1]"#, 6),
        (r#"{"a":[1}"#, 7),
        ("[}", 1),
        ("{]", 1),
        (&deep, 128),
    ] {
        assert_eq!(
            Document::parse(wrong.as_bytes()).unwrap_err().offset,
            offset,
            "{wrong}"
        );
    }
    assert_eq!(
        Document::parse(b"\"\xff\"").unwrap_err().reason,
        "not UTF-8"
    );
}

#[test]
fn only_what_is_within_each_other_is_deep() {
    let many = |item: &str| format!("[{}0]", format!("{item},").repeat(200));
    for text in [many("[0]"), many(r#"{"a":0}"#), many(r#"{"a":[0]}"#)] {
        assert!(Document::parse(text.as_bytes()).is_ok(), "{text}");
    }
}

#[test]
fn a_set_changes_only_what_it_names() {
    let one = || Value::text("1");
    assert_eq!(
        set(r#"{"b":0,"a":9}"#, &[], "b", one()),
        r#"{"b":"1","a":9}"#
    );
    assert_eq!(
        set(r#"{"a":0,"c":0}"#, &[], "b", one()),
        r#"{"a":0,"b":"1","c":0}"#
    );
    assert_eq!(
        set(r#"{"c":0,"a":0}"#, &[], "b", one()),
        r#"{"c":0,"a":0,"b":"1"}"#
    );
    assert_eq!(
        set(r#"{"c":{"l":null}}"#, &["c", "l"], "b", one()),
        r#"{"c":{"l":{"b":"1"}}}"#
    );
    assert_eq!(
        set("{\n  \"a\": 0\n}\n", &[], "b", one()),
        "{\n  \"a\": 0,\n  \"b\": \"1\"\n}\n"
    );
    assert_eq!(
        set(
            "{\n  \"a\": {}\n}",
            &["a"],
            "b",
            Value::array([one(), one()])
        ),
        "{\n  \"a\": {\n    \"b\": [\n      \"1\",\n      \"1\"\n    ]\n  }\n}"
    );
    assert_eq!(
        set(r#"{"a": 0, "c": 1}"#, &[], "b", one()),
        r#"{"a": 0, "b": "1", "c": 1}"#
    );
    assert_eq!(
        set("{\n  \"b\": 0\n}", &[], "a", one()),
        "{\n  \"a\": \"1\",\n  \"b\": 0\n}"
    );
}

#[test]
fn a_removal_leaves_the_neighbours_in_shape() {
    let remove = |before: &str, key| {
        let mut document = parse(before);
        assert!(document.remove(&[], key));
        text(&document)
    };
    assert_eq!(
        remove("{\n  \"a\": 0,\n  \"b\": 1\n}", "b"),
        "{\n  \"a\": 0\n}"
    );
    assert_eq!(
        remove("{\n  \"a\": 0,\n  \"b\": 1\n}", "a"),
        "{\n  \"b\": 1\n}"
    );
    assert_eq!(remove(r#"{"a":0}"#, "a"), "{}");
}

#[test]
fn keys_that_are_sorted_again_have_a_new_one_among_them() {
    let mut document = parse(r#"{"b":0,"a":0}"#);
    document.set(&[], "c", &["b", "c"], Value::text("1"));
    assert_eq!(text(&document), r#"{"b":0,"c":"1","a":0}"#);
    document.remove(&[], "a");
    document.set(&[], "a", &[], Value::text("1"));
    assert_eq!(text(&document), r#"{"a":"1","b":0,"c":"1"}"#);
}

#[test]
fn a_new_value_is_laid_out_as_the_document_is() {
    let two = || Value::array([Value::text("1"), Value::text("2")]);
    for (before, after) in [
        (
            r#"{"b": 0, "c": 1}"#,
            r#"{"a": ["1", "2"], "b": 0, "c": 1}"#,
        ),
        (r#"{"b":0,"c":1}"#, r#"{"a":["1","2"],"b":0,"c":1}"#),
        (r#"{"b":[1, 2]}"#, r#"{"a":["1", "2"], "b":[1, 2]}"#),
        (
            "{\r\n\t\"b\": 0\r\n}",
            "{\r\n\t\"a\": [\r\n\t\t\"1\",\r\n\t\t\"2\"\r\n\t],\r\n\t\"b\": 0\r\n}",
        ),
    ] {
        assert_eq!(set(before, &[], "a", two()), after);
    }
}

#[test]
fn documents_are_equal_if_their_texts_are() {
    let one = parse(r#"{"a":[1]}"#);
    assert_eq!(one, parse(r#"{"a":[1]}"#));
    for other in [
        r#"{"a":[2]}"#,
        r#"{"b":[1]}"#,
        r#"{"a":[1] }"#,
        r#"{"a":[1]} "#,
    ] {
        assert_ne!(one, parse(other), "{other}");
    }
    assert_eq!(
        Document::parse(b"[1,]").unwrap_err().to_string(),
        "byte 3: expected a JSON value"
    );
}

#[test]
fn a_known_key_goes_where_its_format_has_it() {
    let mut document = parse(r#"{"User":"","zzz":1,"OnBuild":null}"#);
    document.set(
        &[],
        "Labels",
        &["User", "OnBuild", "Labels", "StopSignal"],
        Value::object([]),
    );
    assert_eq!(
        text(&document),
        r#"{"User":"","zzz":1,"OnBuild":null,"Labels":{}}"#
    );
}

#[test]
fn a_field_is_found_under_whatever_letters_and_keeps_them() {
    const FIELDS: Shape = Shape::Struct(&[
        ("Layers", Shape::Plain),
        ("config", Shape::Struct(&[("User", Shape::Plain)])),
        ("history", Shape::List(&[("created", Shape::Plain)])),
    ]);
    let read = |json: &str| {
        let mut document = parse(json);
        document.root.read_as(FIELDS).map(|()| document)
    };
    let mut document = read(r#"{"layer\u017f":[ ],"Config":{"uSER":"a"},"x":{"user":1}}"#).unwrap();
    document.set(&["config"], "User", &[], Value::text("b"));
    document.set(&["config"], "Labels", &[], Value::object([]));
    let expected = r#"{"layer\u017f":[ ],"Config":{"Labels":{},"uSER":"b"},"x":{"user":1}}"#;
    assert_eq!(text(&document), expected);
    assert!(document.root.get("Layers").is_some() && document.root.get("layer\u{17f}").is_none());
    let names: Vec<_> = document
        .root
        .members()
        .unwrap()
        .map(|(key, _)| key)
        .collect();
    assert_eq!(names, ["Layers", "config", "x"]);
    document.remove(&[], "config");
    assert_eq!(text(&document), r#"{"layer\u017f":[ ],"x":{"user":1}}"#);
    for (wrong, keys) in [
        (r#"{"layers":[],"Layers":null}"#, ["layers", "Layers"]),
        (r#"{"LAYERS":[],"layerS":[]}"#, ["LAYERS", "layerS"]),
        (
            r#"{"config":{"User":"","u\u017fer":""}}"#,
            ["User", "u\u{17f}er"],
        ),
        (
            r#"{"history":[{"created":1},{"created":1,"CREATED":2}]}"#,
            ["created", "CREATED"],
        ),
    ] {
        let message = read(wrong).unwrap_err().to_string();
        let keys = format!("the keys `{}` and `{}` are both", keys[0], keys[1]);
        assert!(message.starts_with(&keys), "{message}");
    }
    assert_eq!(parse(r#"{"Layers":null}"#).root.field("Layers"), None);
}

#[test]
fn strings_are_spelled_as_go_spells_them() {
    let text = "<&>\u{2028}\u{1}\u{7f}\t\"\\é😀";
    assert_eq!(
        encode(text),
        "\"\\u003c\\u0026\\u003e\\u2028\\u0001\u{7f}\\t\\\"\\\\é😀\""
    );
    assert_eq!(decode("\"\\ud83d\\ude00 \\ud83d x\\/\""), "😀 \u{fffd} x/");
    assert_eq!(
        parse("{ \"<\" : [1e2 , \"&\"] }").root.compact(),
        "{\"\\u003c\":[1e2,\"\\u0026\"]}"
    );
    let spaced = parse(r#"{ "a" : 1 , "b" : { } , "c" : [ 1 , 2 , 3 ] }"#);
    assert_eq!(spaced.root.compact(), r#"{"a":1,"b":{},"c":[1,2,3]}"#);
}

fn json() -> impl Strategy<Value = serde_json::Value> {
    let leaf = prop_oneof![
        Just(serde_json::Value::Null),
        any::<bool>().prop_map(Into::into),
        any::<i64>().prop_map(Into::into),
        any::<String>().prop_map(Into::into),
    ];
    leaf.prop_recursive(4, 40, 5, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..5).prop_map(Into::into),
            prop::collection::btree_map(any::<String>(), inner, 0..5)
                .prop_map(|map| map.into_iter().collect::<serde_json::Map<_, _>>().into()),
        ]
    })
}

proptest! {
    #[test]
    fn strings_round_trip(text: String) {
        assert_eq!(decode(&encode(&text)), text);
        assert_eq!(serde_json::from_str::<String>(&encode(&text)).unwrap(), text);
    }

    #[test]
    fn an_edit_means_what_it_means_to_serde_json(
        members in prop::collection::btree_map(any::<String>(), json(), 0..6),
        key: String,
        pretty: bool,
    ) {
        let mut expected: serde_json::Value = members.into_iter().collect::<serde_json::Map<_, _>>().into();
        let before =
            if pretty { serde_json::to_string_pretty(&expected) } else { serde_json::to_string(&expected) }.unwrap();
        let mut document = parse(&before);
        assert_eq!(text(&document), before);
        let had = expected.get(&key).is_some();
        document.set(&[], &key, &[], Value::array([Value::text("new"), Value::object([])]));
        expected[&key] = serde_json::json!(["new", {}]);
        assert_eq!(serde_json::from_str::<serde_json::Value>(&text(&document)).unwrap(), expected);
        if !had {
            assert!(document.remove(&[], &key));
            // An object that was `{}` on one line stays that way; everything else is the old text again.
            assert_eq!(text(&document), before);
        }
    }

    #[test]
    fn no_bytes_panic(bytes: Vec<u8>) {
        let _ = Document::parse(&bytes);
    }
}

#[test]
fn a_string_spells_what_it_decodes_to_and_nothing_else() {
    let spelled = [
        r#""""#,
        r#""ab""#,
        r#""a\\b""#,
        r#""\u0061b""#,
        r#""a\nb""#,
        r#""\ud83d\ude00""#,
        r#""\ud83d""#,
        "\"\u{1f600}\"",
        "\"\u{fffd}\"",
    ];
    let texts = spelled.map(|spelled| decode(spelled).into_owned());
    let others = ["a\\b", "a\\nb", "ab ", "\\u0061b"].map(str::to_owned);
    for spelled in spelled {
        for text in texts.iter().chain(&others) {
            assert_eq!(spells(spelled, text), decode(spelled) == *text, "{spelled}");
        }
    }
}

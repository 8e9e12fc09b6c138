//! JSON documents, which keep every byte that nobody changes.

use ocipatch::image::Config;
use ocipatch::image::json::{Document, Value};
use serde_json::Value as Json;

/// Parses any bytes as a document, and as a configuration; holds them against another parser, and edits them.
pub(crate) fn any_document(bytes: &[u8]) {
    let document = Document::parse(bytes);
    if let Ok(document) = &document {
        assert!(document.to_bytes() == bytes, "unchanged bytes changed");
        let meant: Option<Json> = serde_json::from_slice(bytes).ok();
        if let Some(meant) = meant {
            // Repeated keys mean the last one to the other parser.
            assert!(
                document.root.to_json() == meant || has_twins(&document.root),
                "{meant}"
            );
        }
        edit(document.clone());
    }
    if let Ok(config) = Config::parse(bytes) {
        assert!(document.is_ok());
        assert!(config.to_bytes() == bytes);
        let again = Config::parse(&config.to_bytes()).unwrap();
        assert!(again == config);
        let _ = (config.platform().to_string(), config.n_history_layers());
    }
}

fn has_twins(value: &Value) -> bool {
    if let Some(members) = value.members() {
        let members: Vec<_> = members.collect();
        let is_twin = |(i, (key, _)): (usize, &(std::borrow::Cow<'_, str>, &Value))| {
            members[..i].iter().any(|(other, _)| other == key)
        };
        return members.iter().enumerate().any(is_twin)
            || members.iter().any(|(_, value)| has_twins(value));
    }
    value.items().is_some_and(|mut items| items.any(has_twins))
}

/// Sets and removes a key: the rest is as it was, and the document is still one.
fn edit(mut document: Document) {
    let before = document.root.to_json();
    let Some(keys) = before.as_object() else {
        return;
    };
    let path: &[&str] = &[];
    document.set(path, "\u{1f600}new", &[], Value::text("\"\u{0}\u{2028}</é"));
    let changed = Document::parse(&document.to_bytes()).unwrap();
    assert_eq!(
        changed.root.get("\u{1f600}new").unwrap().as_text().unwrap(),
        "\"\u{0}\u{2028}</é"
    );
    for key in keys.keys() {
        let (old, new) = (before.get(key), changed.root.get(key).map(Value::to_json));
        assert!(old == new.as_ref() || has_twins(&changed.root), "{key:?}");
    }
    assert!(document.remove(path, "\u{1f600}new") || keys.contains_key("\u{1f600}new"));
    Document::parse(&document.to_bytes()).unwrap();
}

//! What is wrong with a document whatever its keys mean.

use std::collections::HashMap;
use std::ops::Range;

use super::yaml::Kind;
use crate::problem::{Address, Code, Problem, line_after, quoted};
use crate::shape::Problems;
use crate::shape::node::{Node, Value};

/// Adds what is wrong with a document: tags, merge keys, repeated keys.
pub(super) fn check_tree(
    node: &Node,
    address: &Address,
    text: &str,
    kind: Kind,
    problems: &mut Problems,
) {
    if node.is_alias {
        return;
    }
    check_tag(node, address, kind, problems);
    match &node.value {
        Value::Null | Value::Text(_) | Value::Unknown => {}
        Value::List(items) => {
            for (i, item) in items.iter().enumerate() {
                check_tree(item, &address.clone().index(i), text, kind, problems);
            }
        }
        Value::Map(pairs) => {
            let mut first_places: HashMap<&str, &Range<usize>> = HashMap::new();
            for (i, (key, value)) in pairs.iter().enumerate() {
                if problems.is_full() {
                    return;
                }
                let address = address.clone().index(i);
                let key_address = address.clone().on_key();
                check_tree(value, &address, text, kind, problems);
                check_tag(key, &key_address, kind, problems);
                let Some(key_text) = key.as_text() else {
                    continue;
                };
                if key_text == "<<" {
                    let noun = kind.noun();
                    let message = format!("`<<` is a merge key, which a {noun} cannot use");
                    let problem = Problem::new(Code::MergeKey, key_address, message);
                    problems.add(
                        problem.with_help("write the keys out, or use an alias for a whole value"),
                    );
                } else if let Some(first) = first_places.get(key_text) {
                    let message = format!(
                        "{} appears twice in this map, on lines {} and {}",
                        quoted(key_text),
                        line_after(&text.as_bytes()[..first.start]),
                        line_after(&text.as_bytes()[..key.span.start])
                    );
                    let problem = Problem::new(Code::RepeatedKey, key_address, message);
                    problems.add(problem.with_help("keep one of the two"));
                } else {
                    first_places.insert(key_text, &key.span);
                }
            }
        }
    }
}

fn check_tag(node: &Node, address: &Address, kind: Kind, problems: &mut Problems) {
    if let Some(tag) = &node.tag
        && !node.is_alias
        && !matches!(tag.as_str(), "tag:yaml.org,2002:str" | "!")
    {
        let tag = tag.replace("tag:yaml.org,2002:", "!!");
        let noun = kind.noun();
        let message = format!("the YAML tag {} has no meaning in a {noun}", quoted(&tag));
        let problem = Problem::new(Code::Tag, address.clone(), message);
        problems.add(problem.with_help("remove it, or quote the string"));
    }
}

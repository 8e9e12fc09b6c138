//! Edits of JSON, by the documents that keep every byte nobody asked to change.

use super::node::{Key, Kind, Node};
use super::{Edit, MAX_VALUES, Refused, edited, line_and_column};
use crate::image::json::{self, Document, Place};

pub(super) fn edit(text: &str, edit: &Edit) -> Result<Option<String>, Refused> {
    edited(text, edit, read, |_, new, mut document| {
        write(&mut document.place(), new);
        Ok(String::from_utf8(document.to_bytes()).expect("a document is made of strings"))
    })
}

fn parse(text: &str) -> Result<Document, Refused> {
    Document::parse(text.as_bytes()).map_err(|error| {
        let place = line_and_column(text, error.offset);
        let rest = text.as_bytes().get(error.offset..).unwrap_or_default();
        if rest.starts_with(b"//") || rest.starts_with(b"/*") {
            return Refused::whole(format!(
                "it is JSON with comments, which this operation does not edit ({place})"
            ));
        }
        Refused::whole(format!("it is not JSON: {place}: {}", error.reason))
    })
}

fn read(text: &str) -> Result<(Node, Document), Refused> {
    let document = parse(text)?;
    let mut n_left = MAX_VALUES;
    let node = read_value(&document.root, 0, &mut n_left)?;
    Ok((node, document))
}

fn read_value(value: &json::Value, origin: usize, n_left: &mut usize) -> Result<Node, Refused> {
    *n_left = n_left.checked_sub(1).ok_or_else(Refused::too_many)?;
    let kind = match value {
        json::Value::Literal(literal) => match &**literal {
            "null" => Kind::Null,
            "true" => Kind::Bool(true),
            "false" => Kind::Bool(false),
            number => Kind::Number(number.to_owned()),
        },
        json::Value::Text(spelled) => Kind::Text(json::decode(spelled).into_owned()),
        json::Value::Array(_) => {
            let items = value.items().into_iter().flatten().enumerate();
            let items = items.map(|(index, item)| read_value(item, index, n_left));
            Kind::List(items.collect::<Result<_, _>>()?)
        }
        json::Value::Object(_) => {
            let members = value.members().into_iter().flatten().enumerate();
            let members = members.map(|(index, (key, value))| {
                let value = read_value(value, index, n_left)?;
                Ok((Key::Text(key.into_owned()), value))
            });
            Kind::Map(members.collect::<Result<_, _>>()?)
        }
    };
    Ok(Node::at(origin, kind))
}

/// Writes the changes of a value to its place.
fn write(place: &mut Place<'_>, node: &Node) {
    if node.is_new {
        place.replace(spelled(node));
        return;
    }
    write_kept(place, node);
    let children = node.kind.children();
    for (key, child) in children.filter(|(_, child)| child.origin.is_none()) {
        match key {
            Some(key) => place.put(quoted(key.text()).into(), spelled(child)),
            None => place.push(spelled(child)),
        }
    }
}

/// Writes the children that the text has, and removes those that are gone.
fn write_kept(place: &mut Place<'_>, node: &Node) {
    let mut kept = Vec::new();
    for (_, child) in node.kind.children() {
        if let Some(origin) = child.origin
            && let Some(mut place) = place.child(origin)
        {
            kept.push(origin);
            write(&mut place, child);
        }
    }
    let mut kept = kept.into_iter().rev().peekable();
    for index in (0..place.len()).rev() {
        if kept.next_if_eq(&index).is_none() {
            place.remove(index);
        }
    }
}

fn spelled(node: &Node) -> json::Value {
    match &node.kind {
        Kind::Null => json::Value::null(),
        Kind::Bool(value) => json::Value::boolean(*value),
        Kind::Number(spelled) | Kind::Other(spelled) => {
            json::Value::Literal(spelled.clone().into())
        }
        Kind::Text(text) => json::Value::Text(quoted(text).into()),
        Kind::List(items) => json::Value::array(items.iter().map(spelled)),
        Kind::Map(pairs) => {
            let members = pairs
                .iter()
                .map(|(key, node)| (quoted(key.text()).into(), spelled(node)));
            json::Value::spelled_object(members)
        }
    }
}

/// Returns a string of JSON with no more escapes than it needs.
fn quoted(text: &str) -> String {
    serde_json::to_string(text).expect("a string is JSON")
}

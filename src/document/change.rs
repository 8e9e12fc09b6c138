//! An edit of values: what it removes, merges and sets, whatever the format of the text.

use super::node::{Key, Kind, Node, Value};
use super::pointer::Pointer;
use super::{Edit, Refused};

/// Changes the values of a document as an edit says.
pub(super) fn change(root: &mut Node, edit: &Edit) -> Result<(), Refused> {
    let mut found = Vec::new();
    for pointer in &edit.unset {
        found.extend(places(root, pointer)?);
    }
    // From the back, so that an index means the item that the document has there.
    found.sort_unstable();
    found.dedup();
    for place in found.iter().rev() {
        remove(root, place);
    }
    if let Some(patch) = &edit.merge {
        merge(root, patch, &Pointer::default())?;
    }
    edit.set
        .iter()
        .try_for_each(|(pointer, value)| set(root, pointer, value))
}

/// Returns the places below the root on the way to a value, if it is there; what has no children has none of that name either.
fn places(root: &Node, pointer: &Pointer) -> Result<Option<Vec<usize>>, Refused> {
    let mut node = root;
    let mut place = Vec::new();
    for (depth, step) in pointer.steps().iter().enumerate() {
        let next = match &node.kind {
            Kind::Map(pairs) => find(pairs, step, &pointer.up_to(depth))?,
            Kind::List(items) => {
                let index = parse_index(step);
                index.filter(|&index| index < items.len())
            }
            kind if kind.is_alias() => return Err(no_container(kind, pointer, depth)),
            _ => None,
        };
        let Some(next) = next else {
            return Ok(None);
        };
        node = match &node.kind {
            Kind::Map(pairs) => &pairs[next].1,
            Kind::List(items) => &items[next],
            _ => unreachable!("a place was found in it"),
        };
        place.push(next);
    }
    Ok(Some(place))
}

fn remove(root: &mut Node, place: &[usize]) {
    let Some((&last, above)) = place.split_last() else {
        root.change_to(&Value::Null);
        return;
    };
    let mut node = root;
    for &step in above {
        node = match &mut node.kind {
            Kind::Map(pairs) => &mut pairs[step].1,
            Kind::List(items) => &mut items[step],
            _ => return,
        };
    }
    match &mut node.kind {
        Kind::Map(pairs) => drop(pairs.remove(last)),
        Kind::List(items) => drop(items.remove(last)),
        _ => {}
    }
}

/// Merges a patch into a value (RFC 7396, section 2).
fn merge(node: &mut Node, patch: &Value, at: &Pointer) -> Result<(), Refused> {
    let Value::Map(changes) = patch else {
        node.change_to(patch);
        return Ok(());
    };
    if !matches!(node.kind, Kind::Map(_)) {
        node.change_to(&Value::Map(Vec::new()));
    }
    let Kind::Map(pairs) = &mut node.kind else {
        unreachable!("it was just made one");
    };
    for (key, value) in changes {
        match (find(pairs, key, at)?, value) {
            (Some(place), Value::Null) => drop(pairs.remove(place)),
            (None, Value::Null) => {}
            (Some(place), value) => merge(&mut pairs[place].1, value, &at.child(key))?,
            (None, value) => {
                pairs.push((Key::Text(key.clone()), Node::new(&without_nulls(value))));
            }
        }
    }
    Ok(())
}

/// Returns what a patch makes of nothing.
fn without_nulls(patch: &Value) -> Value {
    let Value::Map(pairs) = patch else {
        return patch.clone();
    };
    let kept = pairs.iter().filter(|(_, value)| *value != Value::Null);
    Value::Map(
        kept.map(|(key, value)| (key.clone(), without_nulls(value)))
            .collect(),
    )
}

/// Sets a value; what is absent or null on the way becomes a map, or a list where `-` appends to it.
fn set(root: &mut Node, pointer: &Pointer, value: &Value) -> Result<(), Refused> {
    let mut node = root;
    for (depth, step) in pointer.steps().iter().enumerate() {
        if matches!(node.kind, Kind::Null) {
            node.change_to(&within(&pointer.steps()[depth..], value));
            return Ok(());
        }
        let rest = &pointer.steps()[depth + 1..];
        match &mut node.kind {
            Kind::Map(pairs) => {
                let Some(place) = find(pairs, step, &pointer.up_to(depth))? else {
                    pairs.push((Key::Text(step.clone()), Node::new(&within(rest, value))));
                    return Ok(());
                };
                node = &mut pairs[place].1;
            }
            Kind::List(items) => {
                let n = items.len();
                let index = index(step, pointer, depth)?;
                match index {
                    Some(index) if index < n => node = &mut items[index],
                    Some(index) if index > n => {
                        let list = pointer.up_to(depth);
                        let count = match n {
                            1 => "1 item".to_owned(),
                            n => format!("{n} items"),
                        };
                        let reason = format!("`{list}` has {count}");
                        return Err(Refused::at(pointer.up_to(depth + 1), reason));
                    }
                    _ => {
                        let item = within(rest, value);
                        let is_there =
                            index.is_none() && items.iter().any(|old| old.kind.says(&item));
                        if !is_there {
                            items.push(Node::new(&item));
                        }
                        return Ok(());
                    }
                }
            }
            kind => return Err(no_container(kind, pointer, depth)),
        }
    }
    node.change_to(value);
    Ok(())
}

/// Returns the maps and lists that hold a value at the end of `steps`.
fn within(steps: &[String], value: &Value) -> Value {
    steps
        .iter()
        .rev()
        .fold(value.clone(), |value, step| match step.as_str() {
            "-" => Value::List(vec![value]),
            key => Value::Map(vec![(key.to_owned(), value)]),
        })
}

fn find(pairs: &[(Key, Node)], name: &str, map: &Pointer) -> Result<Option<usize>, Refused> {
    let mut places = (0..pairs.len()).filter(|&place| pairs[place].0.is(name));
    let place = places.next();
    match places.next() {
        Some(_) => Err(Refused::at(
            map.child(name),
            "the key appears twice".to_owned(),
        )),
        None => Ok(place),
    }
}

/// Returns the index that a step means, or none for `-`, the place behind the last item.
fn index(step: &str, pointer: &Pointer, depth: usize) -> Result<Option<usize>, Refused> {
    let index = parse_index(step);
    if index.is_none() && step != "-" {
        let reason = format!("`{}` is a list: use an index or `-`", pointer.up_to(depth));
        return Err(Refused::at(pointer.up_to(depth + 1), reason));
    }
    Ok(index)
}

/// Returns the index that a step is (RFC 6901, section 4).
fn parse_index(step: &str) -> Option<usize> {
    let is_index = step == "0" || !step.starts_with(['0', '+']);
    step.parse().ok().filter(|_| is_index)
}

fn no_container(kind: &Kind, pointer: &Pointer, depth: usize) -> Refused {
    let found = kind.name();
    let reason = format!("`{}` is {found}, not a map or a list", pointer.up_to(depth));
    Refused::at(pointer.clone(), reason)
}

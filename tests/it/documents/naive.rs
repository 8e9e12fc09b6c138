//! The same edits of plain values, as the RFCs have them.

use serde_json::{Value as Json, json};

use super::value;
use ocipatch::document::{Edit, Pointer};

/// An edit as the naive editor takes it.
#[derive(Debug, Default)]
pub(super) struct Plain {
    pub(super) unset: Vec<Vec<String>>,
    pub(super) merge: Option<Json>,
    pub(super) set: Vec<(Vec<String>, Json)>,
}

impl Plain {
    pub(super) fn edit(&self) -> Edit {
        let pointer = |steps: &Vec<String>| {
            let steps = steps.iter();
            let steps =
                steps.map(|step| format!("/{}", step.replace('~', "~0").replace('/', "~1")));
            Pointer::parse(&steps.collect::<Vec<_>>().concat()).unwrap()
        };
        Edit {
            unset: self.unset.iter().map(pointer).collect(),
            merge: self.merge.as_ref().map(value),
            set: self
                .set
                .iter()
                .map(|(steps, json)| (pointer(steps), value(json)))
                .collect(),
        }
    }

    /// Returns what it makes of a value; nothing where it does not fit.
    pub(super) fn apply(&self, old: &Json) -> Option<Json> {
        let mut new = old.clone();
        let mut unset: Vec<_> = self
            .unset
            .iter()
            .filter_map(|steps| found(old, steps))
            .collect();
        unset.sort();
        unset.dedup();
        for place in unset.iter().rev() {
            remove(&mut new, place);
        }
        if let Some(patch) = &self.merge {
            merge(&mut new, patch);
        }
        for (steps, json) in &self.set {
            set(&mut new, steps, json)?;
        }
        Some(new)
    }
}

fn child(json: &mut Json, step: usize) -> &mut Json {
    match json {
        Json::Array(items) => &mut items[step],
        Json::Object(map) => map.iter_mut().nth(step).unwrap().1,
        _ => unreachable!(),
    }
}

fn found(json: &Json, steps: &[String]) -> Option<Vec<usize>> {
    let mut json = json;
    let mut place = Vec::new();
    for step in steps {
        let index = match json {
            Json::Array(items) => step
                .parse()
                .ok()
                .filter(|&index: &usize| index < items.len())?,
            Json::Object(map) => map.keys().position(|key| key == step)?,
            _ => return None,
        };
        place.push(index);
        json = match json {
            Json::Array(items) => &items[index],
            Json::Object(map) => &map[step],
            _ => unreachable!(),
        };
    }
    Some(place)
}

fn remove(json: &mut Json, place: &[usize]) {
    let (&last, above) = place.split_last().unwrap();
    match above.iter().fold(json, |json, &step| child(json, step)) {
        Json::Array(items) => drop(items.remove(last)),
        Json::Object(map) => {
            let key = map.keys().nth(last).unwrap().clone();
            map.shift_remove(&key);
        }
        _ => unreachable!(),
    }
}

/// `MergePatch` of RFC 7396, section 2.
fn merge(target: &mut Json, patch: &Json) {
    let Json::Object(patch) = patch else {
        *target = patch.clone();
        return;
    };
    if !target.is_object() {
        *target = json!({});
    }
    let target = target.as_object_mut().unwrap();
    for (key, value) in patch {
        if value.is_null() {
            target.shift_remove(key);
        } else {
            merge(target.entry(key.clone()).or_insert(Json::Null), value);
        }
    }
}

fn set(json: &mut Json, steps: &[String], new: &Json) -> Option<()> {
    let Some((step, rest)) = steps.split_first() else {
        *json = new.clone();
        return Some(());
    };
    if json.is_null() {
        *json = if step == "-" { json!([]) } else { json!({}) };
    }
    match json {
        Json::Object(map) => set(map.entry(step.clone()).or_insert(Json::Null), rest, new),
        Json::Array(items) if step == "-" => {
            let mut item = Json::Null;
            set(&mut item, rest, new)?;
            if !items.contains(&item) {
                items.push(item);
            }
            Some(())
        }
        Json::Array(items) => {
            let index: usize = step.parse().ok()?;
            if index == items.len() {
                items.push(Json::Null);
            }
            set(items.get_mut(index)?, rest, new)
        }
        _ => None,
    }
}

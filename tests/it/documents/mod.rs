//! Random edits of random documents, against a naive edit of the same values; and the texts that are worth a name.
#![allow(clippy::unwrap_used, reason = "helpers of tests may fail as tests do")]

use proptest::prelude::{Strategy, any, prop, proptest};
use serde_json::{Value as Json, json};

use self::naive::Plain;
use self::random::{Dice, random, random_map};
use ocipatch::document::{Edit, Format, Pointer, Refused, Value};

mod ends;
mod naive;
mod named;
mod random;
mod render;
mod render_toml;
mod tools;

fn value(json: &Json) -> Value {
    match json {
        Json::Null => Value::Null,
        Json::Bool(value) => Value::Bool(*value),
        Json::Number(number) => Value::Number(number.to_string()),
        Json::String(text) => Value::Text(text.clone()),
        Json::Array(items) => Value::List(items.iter().map(value).collect()),
        Json::Object(map) => Value::Map(
            map.iter()
                .map(|(key, item)| (key.clone(), value(item)))
                .collect(),
        ),
    }
}

/// Every pointer into a value, with the value.
fn pointers(json: &Json, at: &[String], all: &mut Vec<(Vec<String>, Json)>) {
    let below = |step: String| [at, &[step]].concat();
    match json {
        Json::Array(items) => {
            for (index, item) in items.iter().enumerate() {
                all.push((below(index.to_string()), item.clone()));
                pointers(item, &below(index.to_string()), all);
            }
        }
        Json::Object(map) => {
            for (key, item) in map {
                all.push((below(key.clone()), item.clone()));
                pointers(item, &below(key.clone()), all);
            }
        }
        _ => {}
    }
}

fn random_edit(dice: &mut Dice, json: &Json, has_null: bool) -> Plain {
    let mut all = Vec::new();
    pointers(json, &[], &mut all);
    let mut edit = Plain::default();
    for _ in 0..=dice.below(3) {
        let (mut at, there) = match all.len() {
            0 => (Vec::new(), json.clone()),
            n => all[dice.below(n)].clone(),
        };
        match dice.below(6) {
            0 if !at.is_empty() => edit.unset.push(at),
            1 => {
                let mut patch = random_map(dice, 3, true);
                if !has_null {
                    without_nulls_in_lists(&mut patch);
                }
                let wrap = |patch, step: &String| json!({ step.clone(): patch });
                let has_index = at.iter().any(|step| step.parse::<usize>().is_ok());
                edit.merge = Some(if has_index {
                    patch
                } else {
                    at.iter().rev().fold(patch, wrap)
                });
            }
            2 if there.is_array() => {
                at.push("-".to_owned());
                edit.set.push((at, random(dice, 2, has_null)));
            }
            3 if there.is_object() => {
                at.push(dice.pick(&["new", "on", "a b", "alpha"]).to_owned());
                edit.set.push((at, random(dice, 2, has_null)));
            }
            4 if there.is_object() => {
                at.extend(["made".to_owned(), "within".to_owned()]);
                edit.set.push((at, random(dice, 1, has_null)));
            }
            _ if !at.is_empty() => edit.set.push((at, random(dice, 2, has_null))),
            _ => {}
        }
    }
    edit
}

fn without_nulls_in_lists(json: &mut Json) {
    match json {
        Json::Array(items) => items.iter_mut().for_each(|item| {
            if item.is_null() {
                *item = json!(0);
            }
            without_nulls(item);
        }),
        Json::Object(map) => map.values_mut().for_each(without_nulls_in_lists),
        _ => {}
    }
}

fn without_nulls(json: &mut Json) {
    match json {
        Json::Null => *json = json!(0),
        Json::Array(items) => items.iter_mut().for_each(without_nulls),
        Json::Object(map) => map.values_mut().for_each(without_nulls),
        _ => {}
    }
}

fn read(format: Format, text: &str) -> Json {
    try_read(format, text).unwrap()
}

/// Returns the values of a document, by a parser that knows nothing of edits; what an alias stands for is there twice.
fn try_read(format: Format, text: &str) -> Option<Json> {
    match format {
        Format::Json => serde_json::from_str(text).ok(),
        Format::Toml => Some(render_toml::read_toml(text)),
        Format::Yaml => {
            let options = serde_yaml::options! {
                merge_keys: serde_yaml::options::MergeKeyPolicy::AsOrdinary,
            };
            serde_yaml::from_str_with_options(text, options).ok()
        }
    }
}

fn check(format: Format, seed: u64) {
    let mut dice = Dice(seed);
    let has_null = format != Format::Toml;
    let old = random_map(&mut dice, 4, has_null);
    let text = render::render(format, &old, &mut dice);
    assert_eq!(read(format, &text), old, "the text of the test:\n{text}");
    let plain = random_edit(&mut dice, &old, has_null);
    let found = format.edit(&text, &plain.edit());
    let Some(expected) = plain.apply(&old) else {
        assert!(found.is_err(), "{plain:?}\n{text}");
        return;
    };
    let new = match found {
        Ok(new) => new,
        Err(refused) => {
            assert!(is_known(&refused), "{refused}\n{plain:?}\n{text}");
            return;
        }
    };
    let new_text = new.as_deref().unwrap_or(&text);
    assert_eq!(
        read(format, new_text),
        expected,
        "{plain:?}\n{text}\n---\n{new_text}"
    );
    assert_eq!(
        new.is_none(),
        old == expected,
        "{plain:?}\n{text}\n---\n{new_text}"
    );
    if plain.apply(&expected).as_ref() == Some(&expected) {
        assert_eq!(
            format.edit(new_text, &plain.edit()),
            Ok(None),
            "{plain:?}\n{new_text}"
        );
    }
}

/// What is refused by design, and not because the result was wrong.
fn is_known(refused: &Refused) -> bool {
    let reason = &refused.reason;
    [
        "not a map or a list",
        "use an index",
        "dotted keys",
        "array of tables has only",
    ]
    .iter()
    .any(|known| reason.contains(known))
}

/// Returns how many lines only the first text has.
fn n_lost(old: &str, new: &str) -> usize {
    let mut left: Vec<&str> = new.lines().collect();
    let mut n_lost = 0;
    for line in old.lines() {
        match left.iter().position(|other| *other == line) {
            Some(at) => drop(left.remove(at)),
            None => n_lost += 1,
        }
    }
    n_lost
}

fn check_lines(format: Format, seed: u64) {
    let mut dice = Dice(seed);
    let old = random_map(&mut dice, 4, false);
    let text = render::on_lines(format, &old, &mut dice);
    assert_eq!(read(format, &text), old, "the text of the test:\n{text}");
    let mut all = Vec::new();
    pointers(&old, &[], &mut all);
    let is_leaf = |json: &Json| !json.is_array() && !json.is_object();
    for (steps, there) in &all {
        if is_leaf(there) {
            let set = Plain {
                set: vec![(steps.clone(), json!("another"))],
                ..Plain::default()
            };
            let new = format.edit(&text, &set.edit()).unwrap();
            let new = new.as_deref().unwrap_or(&text);
            assert!(
                n_lost(&text, new) <= 1 && n_lost(new, &text) <= 1,
                "{set:?}\n{text}\n---\n{new}"
            );
        }
        let unset = Plain {
            unset: vec![steps.clone()],
            ..Plain::default()
        };
        let new = format.edit(&text, &unset.edit()).unwrap().unwrap();
        // The line before the last member loses its comma; a map or list that is empty now has its brackets.
        let most = if format == Format::Toml { 2 } else { 1 };
        assert!(n_lost(&new, &text) <= most, "{unset:?}\n{text}\n---\n{new}");
        if there.is_object() {
            let steps = [steps.as_slice(), &["quite new".to_owned()]].concat();
            let set = Plain {
                set: vec![(steps, json!(1))],
                ..Plain::default()
            };
            let new = format.edit(&text, &set.edit()).unwrap().unwrap();
            assert!(n_lost(&text, &new) <= 1, "{set:?}\n{text}\n---\n{new}");
        }
    }
}

fn seeds() -> impl Strategy<Value = u64> {
    // Another seed is another document: there is nothing to shrink.
    any::<u64>().no_shrink()
}

proptest! {
    #[test]
    fn edited_json_says_what_a_naive_edit_says(seed in seeds()) {
        check(Format::Json, seed);
    }

    #[test]
    fn edited_toml_says_what_a_naive_edit_says(seed in seeds()) {
        check(Format::Toml, seed);
    }

    #[test]
    fn edited_yaml_says_what_a_naive_edit_says(seed in seeds()) {
        check(Format::Yaml, seed);
    }

    #[test]
    fn other_lines_stay(seed in seeds()) {
        for format in [Format::Json, Format::Toml, Format::Yaml] {
            check_lines(format, seed);
        }
    }

    #[test]
    fn no_text_panics(text in "[-a:#\\[\\]{},\"'|>&*!? \n\t=.0]{0,40}", key in "[a0-]{1}") {
        let pointer = Pointer::parse(&format!("/{key}")).unwrap();
        let edit = Edit { set: vec![(pointer.clone(), Value::Text("x".into()))], ..Edit::default() };
        let unset = Edit { unset: vec![pointer], ..Edit::default() };
        for format in [Format::Json, Format::Toml, Format::Yaml] {
            let _ = format.edit(&text, &edit);
            let _ = format.edit(&text, &unset);
        }
    }

    #[test]
    fn no_bytes_panic(bytes in prop::collection::vec(any::<char>(), 0..40)) {
        let text: String = bytes.into_iter().collect();
        let edit = Edit { set: vec![(Pointer::parse("/a").unwrap(), Value::Null)], ..Edit::default() };
        for format in [Format::Json, Format::Toml, Format::Yaml] {
            let _ = format.edit(&text, &edit);
        }
    }
}

//! What turns one JSON document into another, value by value.

use serde_json::Value;

use crate::patch::DraftValue;

/// More values than these are better read as a diff.
const MAX_VALUES: usize = 5;

/// Returns `set` and `unset` of an `edit-json` that turns one document into another. Nothing if one of the texts is not JSON, or if many
/// values differ.
pub(super) fn edit(old: &str, new: &str) -> Option<Vec<(&'static str, DraftValue)>> {
    let parse = |text: &str| serde_json::from_str::<Value>(text).ok();
    let (old, new) = (parse(old)?, parse(new)?);
    let mut difference = Difference::default();
    difference.find("", &old, &new)?;
    let Difference { set, unset } = difference;
    let n = set.len() + unset.len();
    if n == 0 || n > MAX_VALUES {
        return None;
    }
    let set = (!set.is_empty()).then_some(("set", DraftValue::Map(set)));
    let unset = (!unset.is_empty()).then_some(("unset", DraftValue::texts(&unset)));
    Some(set.into_iter().chain(unset).collect())
}

#[derive(Default)]
struct Difference {
    set: Vec<(String, DraftValue)>,
    unset: Vec<String>,
}

impl Difference {
    /// Finds the values that differ below a pointer. Nothing if one of them cannot be written.
    fn find(&mut self, pointer: &str, old: &Value, new: &Value) -> Option<()> {
        match (old, new) {
            _ if old == new => {}
            (Value::Object(old), Value::Object(new)) => {
                for (key, value) in old {
                    let pointer = below(pointer, key);
                    match new.get(key) {
                        Some(new) => self.find(&pointer, value, new)?,
                        None => self.unset.push(pointer),
                    }
                }
                for (key, value) in new.iter().filter(|(key, _)| !old.contains_key(*key)) {
                    self.set.push((below(pointer, key), draft(value)?));
                }
            }
            (Value::Array(old), Value::Array(new)) if old.len() == new.len() => {
                for (i, (old, new)) in old.iter().zip(new).enumerate() {
                    self.find(&format!("{pointer}/{i}"), old, new)?;
                }
            }
            (Value::Array(old), Value::Array(new)) if new.starts_with(old) => {
                for value in &new[old.len()..] {
                    self.set.push((format!("{pointer}/-"), draft(value)?));
                }
            }
            _ => self.set.push((pointer.to_owned(), draft(new)?)),
        }
        Some(())
    }
}

/// Returns the pointer to a member (RFC 6901, section 3).
fn below(pointer: &str, key: &str) -> String {
    format!("{pointer}/{}", key.replace('~', "~0").replace('/', "~1"))
}

/// Returns a value as a patch has it.
fn draft(value: &Value) -> Option<DraftValue> {
    Some(match value {
        Value::Null => DraftValue::Word("null"),
        Value::Bool(true) => DraftValue::Word("true"),
        Value::Bool(false) => DraftValue::Word("false"),
        Value::Number(number) => DraftValue::Number(number.as_i64()?),
        Value::String(text) => DraftValue::text(text),
        Value::Array(items) => {
            DraftValue::List(items.iter().map(draft).collect::<Option<Vec<_>>>()?)
        }
        Value::Object(members) => {
            let pair = |(key, value): (&String, &Value)| Some((key.clone(), draft(value)?));
            DraftValue::Map(members.iter().map(pair).collect::<Option<Vec<_>>>()?)
        }
    })
}

#[cfg(test)]
mod tests {
    use super::edit;

    #[test]
    fn the_values_that_differ_are_set_or_unset() {
        for (old, new, expected) in [
            ("1", "1", None),
            ("1", "x", None),
            ("x", "1", None),
            ("1", "2", Some(r#"[("set", Map([("", Number(2))]))]"#)),
            ("1", "2.5", None),
            (
                r#"{"a":1,"b":{"c":2}}"#,
                r#"{"b":{"c":3,"d~/":null}}"#,
                Some(
                    r#"[("set", Map([("/b/c", Number(3)), ("/b/d~0~1", Word("null"))])), ("unset", List([Text("/a")]))]"#,
                ),
            ),
            (
                "[1,2,3]",
                "[1,4,3]",
                Some(r#"[("set", Map([("/1", Number(4))]))]"#),
            ),
            (
                "[1]",
                "[1,2,true]",
                Some(r#"[("set", Map([("/-", Number(2)), ("/-", Word("true"))]))]"#),
            ),
            (
                "[1,2]",
                "[1]",
                Some(r#"[("set", Map([("", List([Number(1)]))]))]"#),
            ),
            (
                "[1]",
                "[2,3]",
                Some(r#"[("set", Map([("", List([Number(2), Number(3)]))]))]"#),
            ),
            (
                r#"{"a":[]}"#,
                r#"{"a":{"b":[false,"x"]}}"#,
                Some(r#"[("set", Map([("/a", Map([("b", List([Word("false"), Text("x")]))]))]))]"#),
            ),
            (
                "[0,0,0,0,0]",
                "[1,1,1,1,1]",
                Some(
                    r#"[("set", Map([("/0", Number(1)), ("/1", Number(1)), ("/2", Number(1)), ("/3", Number(1)), ("/4", Number(1))]))]"#,
                ),
            ),
            ("[0,0,0,0,0,0]", "[1,1,1,1,1,1]", None),
            (
                r#"{"a":1,"b":1}"#,
                r#"{"b":2}"#,
                Some(r#"[("set", Map([("/b", Number(2))])), ("unset", List([Text("/a")]))]"#),
            ),
            (r#"{"a":1,"b":1,"c":1}"#, r#"{"d":1,"e":1,"f":1}"#, None),
        ] {
            let found = edit(old, new).map(|found| format!("{found:?}"));
            assert_eq!(found.as_deref(), expected, "{old} {new}");
        }
    }
}

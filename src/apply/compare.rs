//! The differences between two JSON values, each at the deepest path that has it.

use super::summary::ConfigChange;
use crate::image::json::Value;
use crate::plan::Change;

/// How many pairs of history entries are compared to find what two histories have in common; where there would be more, all
/// of the one goes and all of the other comes, but for what both begin and end with. About a thousand entries of each.
const MAX_COMPARED: usize = 1 << 20;

/// Returns which items of a list are not in a shorter one that has the others in their order.
fn missing(before: &[&Value], after: &[&Value]) -> Option<Vec<usize>> {
    let mut rest = after.iter().peekable();
    let is_gone = |i: &usize| rest.next_if(|value| value.means(before[*i])).is_none();
    let gone: Vec<usize> = (0..before.len()).filter(is_gone).collect();
    (before.len() == after.len() + gone.len()).then_some(gone)
}

fn removed(path: &[String], index: usize, value: &Value) -> ConfigChange {
    ConfigChange {
        path: [path, &[index.to_string()]].concat(),
        change: Change::Removed,
        old: Some(value.to_json()),
        new: None,
    }
}

/// Adds the entries of a list that go, by their old index, and those that come, by their new one.
fn compare_entries(
    path: &mut Vec<String>,
    before: &[&Value],
    after: &[&Value],
    changes: &mut Vec<ConfigChange>,
) {
    // A long history is mostly as it was: only what follows that is searched.
    let both = before.iter().zip(after);
    let n_same = both.take_while(|(one, other)| one.means(other)).count();
    let (mut before, mut after) = (&before[n_same..], &after[n_same..]);
    if (before.len() + 1).saturating_mul(after.len() + 1) > MAX_COMPARED {
        let ends = before.iter().rev().zip(after.iter().rev());
        let n_last = ends.take_while(|(one, other)| one.means(other)).count();
        (before, after) = (
            &before[..before.len() - n_last],
            &after[..after.len() - n_last],
        );
    }
    if (before.len() + 1).saturating_mul(after.len() + 1) > MAX_COMPARED {
        for (i, old) in before.iter().enumerate() {
            changes.push(removed(path, n_same + i, old));
        }
        for (j, new) in after.iter().enumerate() {
            path.push((n_same + j).to_string());
            compare(path, None, Some(new), changes);
            path.pop();
        }
        return;
    }
    // How many entries the rests of both lists from here on have in common.
    let mut common = vec![vec![0_u32; after.len() + 1]; before.len() + 1];
    for (i, old) in before.iter().enumerate().rev() {
        for (j, new) in after.iter().enumerate().rev() {
            common[i][j] = if old.means(new) {
                common[i + 1][j + 1] + 1
            } else {
                common[i + 1][j].max(common[i][j + 1])
            };
        }
    }
    let (mut i, mut j) = (0, 0);
    while i < before.len() || j < after.len() {
        let (old, new) = (before.get(i), after.get(j));
        if let (Some(old), Some(new)) = (old, new)
            && old.means(new)
        {
            (i, j) = (i + 1, j + 1);
        } else if let Some(old) = old.filter(|_| common[i + 1][j] == common[i][j]) {
            changes.push(removed(path, n_same + i, old));
            i += 1;
        } else {
            path.push((n_same + j).to_string());
            compare(path, None, new.copied(), changes);
            path.pop();
            j += 1;
        }
    }
}

/// Tells whether a list is a command, of which one word means nothing without the others.
fn is_command(path: &[String]) -> bool {
    let keys: Vec<&str> = path.iter().map(String::as_str).collect();
    matches!(
        keys[..],
        ["config", "Entrypoint" | "Cmd" | "Shell"] | ["config", "Healthcheck", "Test"]
    )
}

/// Adds every difference between two values, at the deepest path that holds it.
pub(crate) fn compare(
    path: &mut Vec<String>,
    old: Option<&Value>,
    new: Option<&Value>,
    changes: &mut Vec<ConfigChange>,
) {
    if let (Some(old), Some(new)) = (old, new) {
        if old.means(new) {
            return;
        }
        if let (Some(before), Some(after)) = (old.members(), new.members()) {
            for (key, value) in before {
                path.push(key.clone().into_owned());
                compare(path, Some(value), new.get(&key), changes);
                path.pop();
            }
            for (key, value) in after.filter(|(key, _)| old.get(key).is_none()) {
                path.push(key.into_owned());
                compare(path, None, Some(value), changes);
                path.pop();
            }
            return;
        }
        if let (Some(before), Some(after)) = (old.items(), new.items())
            && !is_command(path)
        {
            let (before, after): (Vec<&Value>, Vec<&Value>) = (before.collect(), after.collect());
            if let Some(gone) = missing(&before, &after) {
                changes.extend(gone.iter().map(|&i| removed(path, i, before[i])));
                return;
            }
            // Entries of a history come and go; none is ever edited.
            if path[..] == ["history"] {
                return compare_entries(path, &before, &after, changes);
            }
            for i in 0..before.len().max(after.len()) {
                path.push(i.to_string());
                compare(path, before.get(i).copied(), after.get(i).copied(), changes);
                path.pop();
            }
            return;
        }
    }
    let change = match (old, new) {
        (None, _) => Change::Added,
        (_, None) => Change::Removed,
        _ => Change::Changed,
    };
    // An object that appears is shown by its members: `config.Labels.x`, not `config.Labels`.
    if let (None | Some(Value::Literal(_)), Some(Value::Object(_))) = (old, new)
        && path.first().is_some_and(|key| key == "config")
        && let Some(members) = new.and_then(Value::members)
        && members.len() > 0
    {
        for (key, value) in new.and_then(Value::members).into_iter().flatten() {
            path.push(key.into_owned());
            compare(path, None, Some(value), changes);
            path.pop();
        }
        return;
    }
    changes.push(ConfigChange {
        path: path.clone(),
        change,
        old: old.map(Value::to_json),
        new: new.map(Value::to_json),
    });
}

#[cfg(test)]
mod tests {
    use super::{MAX_COMPARED, compare};
    use crate::image::json::Document;
    use crate::plan::Change;

    /// Returns what changes as lines, such as `+ config.Labels.a: "b"`.
    fn changes(old: &str, new: &str) -> Vec<String> {
        let [old, new] = [old, new].map(|text| Document::parse(text.as_bytes()).unwrap());
        let mut changes = Vec::new();
        compare(
            &mut Vec::new(),
            Some(&old.root),
            Some(&new.root),
            &mut changes,
        );
        let lines = changes.iter().map(|it| {
            let sign = match it.change {
                Change::Added => '+',
                Change::Removed => '-',
                Change::Changed => '~',
                Change::Kept => unreachable!("what stays is not listed"),
            };
            let values = [&it.old, &it.new].into_iter().flatten();
            let values: Vec<String> = values.map(ToString::to_string).collect();
            format!("{sign} {}: {}", it.path.join("."), values.join(" → "))
        });
        lines.collect()
    }

    /// A history of entries that are written as letters.
    fn history(entries: &str) -> String {
        let entries: Vec<String> = entries.chars().map(|c| format!("\"{c}\"")).collect();
        format!(r#"{{"history":[{}]}}"#, entries.join(","))
    }

    #[test]
    fn a_difference_is_told_where_it_is() {
        for (old, new, expected) in [
            ("{}", "{}", &[][..]),
            (r#"{"a":1}"#, r#"{"a":1.0}"#, &["~ a: 1 → 1.0"]),
            (
                r#"{"a":{"b":1,"c":2}}"#,
                r#"{"a":{"c":3,"d":4}}"#,
                &["- a.b: 1", "~ a.c: 2 → 3", "+ a.d: 4"],
            ),
            (r#"{"a":1}"#, r#"{"a":{"b":1}}"#, &[r#"~ a: 1 → {"b":1}"#]),
            ("{}", r#"{"a":{"b":1}}"#, &[r#"+ a: {"b":1}"#]),
            // What the configuration gets is told by its members.
            (
                "{}",
                r#"{"config":{"Labels":{"a":"b"},"User":""}}"#,
                &[r#"+ config.Labels.a: "b""#, r#"+ config.User: """#],
            ),
            (
                r#"{"config":{"Labels":null}}"#,
                r#"{"config":{"Labels":{"a":"b"}}}"#,
                &[r#"+ config.Labels.a: "b""#],
            ),
            (
                r#"{"config":{}}"#,
                r#"{"config":{"Labels":{}}}"#,
                &["+ config.Labels: {}"],
            ),
            (
                r#"{"config":{"Labels":{"a":"b"}}}"#,
                r#"{"config":{}}"#,
                &[r#"- config.Labels: {"a":"b"}"#],
            ),
            // The items of a list go, or change one by one; those of a command do not.
            (
                r#"{"config":{"Env":["a","b","c"]}}"#,
                r#"{"config":{"Env":["b"]}}"#,
                &[r#"- config.Env.0: "a""#, r#"- config.Env.2: "c""#],
            ),
            (
                r#"{"config":{"Env":["a","b"]}}"#,
                r#"{"config":{"Env":["a","c","d"]}}"#,
                &[r#"~ config.Env.1: "b" → "c""#, r#"+ config.Env.2: "d""#],
            ),
            (
                r#"{"config":{"Env":["a","b","c"]}}"#,
                r#"{"config":{"Env":["c","d"]}}"#,
                &[
                    r#"~ config.Env.0: "a" → "c""#,
                    r#"~ config.Env.1: "b" → "d""#,
                    r#"- config.Env.2: "c""#,
                ],
            ),
            (
                r#"{"config":{"Cmd":["a","b"]}}"#,
                r#"{"config":{"Cmd":["a"]}}"#,
                &[r#"~ config.Cmd: ["a","b"] → ["a"]"#],
            ),
            (
                r#"{"config":{"Healthcheck":{"Test":["a"]}}}"#,
                r#"{"config":{"Healthcheck":{"Test":["b"]}}}"#,
                &[r#"~ config.Healthcheck.Test: ["a"] → ["b"]"#],
            ),
            (
                r#"{"config":{"Test":["a"]}}"#,
                r#"{"config":{"Test":["b"]}}"#,
                &[r#"~ config.Test.0: "a" → "b""#],
            ),
            (
                r#"{"Cmd":["a"]}"#,
                r#"{"Cmd":["b"]}"#,
                &[r#"~ Cmd.0: "a" → "b""#],
            ),
        ] {
            assert_eq!(changes(old, new), expected, "{old} {new}");
        }
    }

    #[test]
    fn entries_of_a_history_come_and_go() {
        for (old, new, expected) in [
            ("ab", "abc", "+2c"),
            ("abc", "ac", "-1b"),
            ("abc", "axc", "-1b +1x"),
            ("abcd", "xbcy", "-0a +0x -3d +3y"),
            ("abab", "ba", "-0a -3b"),
            ("ab", "ba", "-0a +1a"),
            ("", "ab", "+0a +1b"),
            ("aabb", "bbaac", "-0a -1a +2a +3a +4c"),
        ] {
            let lines = changes(&history(old), &history(new));
            let lines: Vec<String> = lines
                .iter()
                .map(|line| line.replace(" history.", "").replace(['"', ':', ' '], ""))
                .collect();
            assert_eq!(lines.join(" "), expected, "{old} {new}");
        }
    }

    #[test]
    fn histories_are_searched_up_to_a_limit() {
        let n = MAX_COMPARED.isqrt() - 1;
        let list = |name: &str, n: usize| format!("\"{name}\",").repeat(n - 1);
        let told = |n_old: usize, n_new: usize| {
            let [old, new] = [("a", n_old), ("b", n_new)]
                .map(|(name, n)| format!(r#"{{"history":[{}"{name}"]}}"#, list(name, n)))
                // One in the middle is the same.
                .map(|text| text.replacen(r#""a","a""#, r#""a","x""#, 1))
                .map(|text| text.replacen(r#""b","b""#, r#""b","x""#, 1));
            changes(&old, &new).len()
        };
        assert_eq!(told(n, n), 2 * n - 2);
        assert_eq!(told(n, n + 1), 2 * n + 1);
        assert_eq!(told(n + 1, n), 2 * n + 1);
    }

    #[test]
    fn of_long_histories_the_ends_are_compared() {
        let n = MAX_COMPARED.isqrt();
        let middles = ["a", "b"].map(|name| format!("\"{name}\",").repeat(n));
        let [old, new] =
            middles.map(|middle| format!(r#"{{"history":["first",{middle}"x","last"]}}"#));
        let lines = changes(&old, &new);
        assert_eq!(lines.len(), 2 * n);
        assert_eq!(lines[0], r#"- history.1: "a""#);
        assert_eq!(lines[n - 1], format!(r#"- history.{n}: "a""#));
        assert_eq!(lines[n], r#"+ history.1: "b""#);
        assert_eq!(lines[2 * n - 1], format!(r#"+ history.{n}: "b""#));
    }
}

//! Random spellings of values in TOML, and values read from it.

use std::fmt::Write;

use serde_json::{Map, Value as Json};

use super::random::Dice;
use super::render::quoted;

struct Toml<'d> {
    dice: &'d mut Dice,
    on_lines: bool,
    n_comments: usize,
}

pub(super) fn toml(json: &Json, dice: &mut Dice, on_lines: bool) -> String {
    let mut toml = Toml {
        dice,
        on_lines,
        n_comments: 0,
    };
    let mut text = String::new();
    toml.table(&mut text, json.as_object().unwrap(), &[]);
    if toml.dice.one_in(3) {
        text.push_str("\n# the end");
    } else if toml.dice.one_in(3) && text.ends_with('\n') && !on_lines {
        text.pop();
    }
    text
}

impl Toml<'_> {
    fn comment(&mut self, text: &mut String) {
        if self.dice.one_in(4) {
            self.n_comments += 1;
            writeln!(text, "# comment {}", self.n_comments).unwrap();
        }
        if self.dice.one_in(6) {
            text.push('\n');
        }
    }

    /// Writes what is below a header: values first, then tables.
    fn table(&mut self, text: &mut String, map: &Map<String, Json>, path: &[String]) {
        let is_table = |json: &Json| json.as_object().is_some_and(|map| !map.is_empty());
        let is_tables = |json: &Json| {
            json.as_array()
                .is_some_and(|items| !items.is_empty() && items.iter().all(Json::is_object))
        };
        let mut later = Vec::new();
        for (key, value) in map {
            let on_own = is_table(value) || is_tables(value);
            if on_own && (self.on_lines || self.dice.one_in(2)) {
                later.push((key, value));
            } else {
                self.comment(text);
                self.pair(text, &toml_key(key), value);
            }
        }
        for (key, value) in later {
            let path = [path, &[toml_key(key)]].concat();
            let name = path.join(".");
            match value {
                Json::Object(map) => {
                    let is_named = !map
                        .values()
                        .all(|value| is_table(value) || is_tables(value))
                        || self.dice.one_in(2);
                    if is_named || self.on_lines {
                        self.comment(text);
                        writeln!(text, "[{name}] # {name:?}").unwrap();
                        self.table(text, map, &path);
                    } else {
                        self.only_tables(text, map, &path);
                    }
                }
                Json::Array(items) => {
                    for item in items {
                        self.comment(text);
                        writeln!(text, "[[{name}]]").unwrap();
                        self.table(text, item.as_object().unwrap(), &path);
                    }
                }
                _ => unreachable!(),
            }
        }
    }

    /// Writes the tables of a table that has no header.
    fn only_tables(&mut self, text: &mut String, map: &Map<String, Json>, path: &[String]) {
        for (key, value) in map {
            let path = [path, &[toml_key(key)]].concat();
            let name = path.join(".");
            let tables = value
                .as_array()
                .map_or_else(|| vec![value], |items| items.iter().collect());
            for table in tables {
                let header = if value.is_array() {
                    format!("[[{name}]]")
                } else {
                    format!("[{name}]")
                };
                writeln!(text, "\n{header}").unwrap();
                self.table(text, table.as_object().unwrap(), &path);
            }
        }
    }

    fn pair(&mut self, text: &mut String, key: &str, value: &Json) {
        if let Json::Object(map) = value
            && !map.is_empty()
            && !self.on_lines
            && self.dice.one_in(2)
        {
            for (inner, value) in map {
                self.pair(text, &format!("{key}.{}", toml_key(inner)), value);
            }
            return;
        }
        write!(text, "{key} = ").unwrap();
        self.inline(text, value, true);
        if self.dice.one_in(4) {
            self.n_comments += 1;
            write!(text, " # behind {}", self.n_comments).unwrap();
        }
        text.push('\n');
    }

    fn inline(&mut self, text: &mut String, json: &Json, may_break: bool) {
        match json {
            Json::Array(items)
                if !items.is_empty() && may_break && (self.on_lines || self.dice.one_in(2)) =>
            {
                text.push_str("[\n");
                for (index, item) in items.iter().enumerate() {
                    text.push_str("  ");
                    self.inline(text, item, false);
                    let is_last = index + 1 == items.len();
                    text.push_str(if is_last && self.dice.one_in(2) {
                        ""
                    } else {
                        ","
                    });
                    text.push_str(if self.dice.one_in(4) {
                        " # of, an item\n"
                    } else {
                        "\n"
                    });
                }
                text.push(']');
            }
            Json::Array(items) => {
                text.push('[');
                for (index, item) in items.iter().enumerate() {
                    text.push_str(if index == 0 { "" } else { ", " });
                    self.inline(text, item, false);
                }
                text.push(']');
            }
            Json::Object(map) if map.is_empty() => text.push_str("{}"),
            Json::Object(map) => {
                text.push_str("{ ");
                for (index, (key, item)) in map.iter().enumerate() {
                    text.push_str(if index == 0 { "" } else { ", " });
                    write!(text, "{} = ", toml_key(key)).unwrap();
                    self.inline(text, item, false);
                }
                text.push_str(" }");
            }
            Json::String(string)
                if self.dice.one_in(3)
                    && !string.contains(|c: char| c.is_control() || c == '\'') =>
            {
                write!(text, "'{string}'").unwrap();
            }
            Json::String(string) => text.push_str(&quoted(string)),
            other => text.push_str(&other.to_string()),
        }
    }
}

fn toml_key(key: &str) -> String {
    let is_bare = !key.is_empty()
        && key
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_');
    if is_bare { key.to_owned() } else { quoted(key) }
}

pub(super) fn read_toml(text: &str) -> Json {
    let document = toml_edit::Document::parse(text).unwrap();
    let item = document.as_item();
    toml_item(item)
}

fn toml_item(item: &toml_edit::Item) -> Json {
    match item {
        toml_edit::Item::Value(value) => toml_value(value),
        toml_edit::Item::Table(table) => toml_table(table),
        toml_edit::Item::ArrayOfTables(tables) => tables.iter().map(toml_table).collect(),
        toml_edit::Item::None => Json::Null,
    }
}

fn toml_table(table: &toml_edit::Table) -> Json {
    Json::Object(
        table
            .iter()
            .map(|(key, item)| (key.to_owned(), toml_item(item)))
            .collect(),
    )
}

fn toml_value(value: &toml_edit::Value) -> Json {
    match value {
        toml_edit::Value::String(text) => text.value().as_str().into(),
        toml_edit::Value::Integer(number) => (*number.value()).into(),
        toml_edit::Value::Float(number) => (*number.value()).into(),
        toml_edit::Value::Boolean(value) => (*value.value()).into(),
        toml_edit::Value::Datetime(date) => date.value().to_string().into(),
        toml_edit::Value::Array(items) => items.iter().map(toml_value).collect(),
        toml_edit::Value::InlineTable(table) => Json::Object(
            table
                .iter()
                .map(|(key, value)| (key.to_owned(), toml_value(value)))
                .collect(),
        ),
    }
}

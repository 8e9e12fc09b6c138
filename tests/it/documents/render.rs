//! Random spellings of values: comments, quotes, indentation, inline and not.

use std::fmt::Write;

use serde_json::{Map, Value as Json};

use super::random::Dice;
use super::render_toml::toml;
use ocipatch::document::Format;

/// Returns a text that says `json`, in many styles.
pub(super) fn render(format: Format, json: &Json, dice: &mut Dice) -> String {
    let text = match format {
        Format::Json if dice.one_in(2) => json.to_string(),
        Format::Json => serde_json::to_string_pretty(json).unwrap(),
        Format::Toml => toml(json, dice, false),
        Format::Yaml => yaml(json, dice, false),
    };
    if dice.one_in(4) && !text.contains("\\n") && format != Format::Yaml {
        text.replace('\n', "\r\n")
    } else {
        text
    }
}

/// Returns a text with every value on a line of its own.
pub(super) fn on_lines(format: Format, json: &Json, dice: &mut Dice) -> String {
    match format {
        Format::Json => serde_json::to_string_pretty(json).unwrap(),
        Format::Toml => toml(json, dice, true),
        Format::Yaml => yaml(json, dice, true),
    }
}

pub(super) fn quoted(text: &str) -> String {
    // JSON does not escape what YAML and TOML do not take as it is.
    serde_json::to_string(text)
        .unwrap()
        .chars()
        .fold(String::new(), |mut all, c| {
            if matches!(
                c,
                '\u{7f}'..='\u{9f}' | '\u{2028}' | '\u{2029}' | '\u{feff}'
            ) {
                write!(all, "\\u{:04x}", u32::from(c)).unwrap();
            } else {
                all.push(c);
            }
            all
        })
}

struct Yaml<'d> {
    dice: &'d mut Dice,
    step: usize,
    list_step: usize,
    on_lines: bool,
    n_comments: usize,
}

fn yaml(json: &Json, dice: &mut Dice, on_lines: bool) -> String {
    let step = [2, 4][dice.below(2)];
    let list_step = [0, 2][dice.below(2)];
    let mut yaml = Yaml {
        dice,
        step,
        list_step,
        on_lines,
        n_comments: 0,
    };
    let mut text = String::new();
    if !on_lines && yaml.dice.one_in(4) {
        text.push_str("--- # start\n");
    }
    match json {
        Json::Object(map) if !map.is_empty() => yaml.map(&mut text, map, 0, true),
        _ => text.push_str("{}\n"),
    }
    if yaml.dice.one_in(3) {
        text.push_str("\n# the end");
    } else if yaml.dice.one_in(3) && !text.ends_with("\n\n") && !on_lines {
        text.pop();
    }
    text
}

impl Yaml<'_> {
    fn comment(&mut self, text: &mut String, indent: usize) {
        if self.dice.one_in(4) {
            self.n_comments += 1;
            let n = self.n_comments;
            writeln!(text, "{:indent$}# comment {n}", "").unwrap();
        }
        if self.dice.one_in(8) {
            text.push('\n');
        }
    }

    fn end(&mut self, text: &mut String) {
        if self.dice.one_in(4) {
            self.n_comments += 1;
            write!(text, " # behind {}", self.n_comments).unwrap();
        }
        text.push('\n');
    }

    fn map(
        &mut self,
        text: &mut String,
        map: &Map<String, Json>,
        indent: usize,
        mut on_line: bool,
    ) {
        for (key, value) in map {
            if on_line {
                self.comment(text, indent);
                write!(text, "{:indent$}", "").unwrap();
            }
            on_line = true;
            let is_bare = key.len() > 1 && key.bytes().all(|b| b.is_ascii_lowercase());
            let is_bare = is_bare && !matches!(key.as_str(), "on" | "no" | "off" | "true" | "null");
            text.push_str(&if is_bare && self.dice.one_in(2) {
                key.clone()
            } else {
                quoted(key)
            });
            text.push(':');
            self.value(text, value, indent, false);
        }
    }

    fn list(&mut self, text: &mut String, items: &[Json], indent: usize, mut on_line: bool) {
        for item in items {
            if on_line {
                self.comment(text, indent);
                write!(text, "{:indent$}", "").unwrap();
            }
            on_line = true;
            text.push('-');
            self.value(text, item, indent, true);
        }
    }

    fn value(&mut self, text: &mut String, json: &Json, indent: usize, in_list: bool) {
        let is_flow = !self.on_lines && self.dice.one_in(4);
        match json {
            Json::Object(map) if !map.is_empty() && !is_flow => {
                if in_list && self.dice.one_in(2) {
                    text.push(' ');
                    self.map(text, map, indent + 2, false);
                } else {
                    self.end(text);
                    let within = indent + self.step;
                    self.map(text, map, within, true);
                }
            }
            Json::Array(items) if !items.is_empty() && !is_flow => {
                if in_list && self.dice.one_in(2) {
                    text.push(' ');
                    self.list(text, items, indent + 2, false);
                } else {
                    self.end(text);
                    let within = indent + if in_list { 2 } else { self.list_step };
                    self.list(text, items, within, true);
                }
            }
            Json::Null if self.dice.one_in(2) => self.end(text),
            Json::String(lines) if !self.on_lines && is_literal(lines) && self.dice.one_in(2) => {
                let (lines, header) = match lines.strip_suffix('\n') {
                    Some(lines) => (lines, " |\n"),
                    None => (lines.as_str(), " |-\n"),
                };
                text.push_str(header);
                let within = indent + self.step;
                for line in lines.split('\n') {
                    writeln!(text, "{:within$}{line}", "").unwrap();
                }
                text.push_str(if self.dice.one_in(3) { "\n" } else { "" });
            }
            _ => {
                text.push(' ');
                self.flow(text, json, indent + 2);
                self.end(text);
            }
        }
    }

    fn flow(&mut self, text: &mut String, json: &Json, indent: usize) {
        let newline = format!("\n{:indent$}", "");
        let (open, close) = if !self.on_lines && self.dice.one_in(4) {
            (newline.as_str(), newline.as_str())
        } else {
            ("", "")
        };
        match json {
            Json::Array(items) => {
                text.push('[');
                text.push_str(open);
                for (index, item) in items.iter().enumerate() {
                    text.push_str(if index == 0 { "" } else { ", " });
                    self.flow(text, item, indent + 2);
                }
                text.push_str(if !items.is_empty() && self.dice.one_in(4) {
                    ","
                } else {
                    ""
                });
                text.push_str(close);
                text.push(']');
            }
            Json::Object(map) => {
                text.push('{');
                text.push_str(open);
                for (index, (key, item)) in map.iter().enumerate() {
                    text.push_str(if index == 0 { "" } else { ", " });
                    write!(text, "{}: ", quoted(key)).unwrap();
                    self.flow(text, item, indent + 2);
                }
                text.push_str(close);
                text.push('}');
            }
            Json::String(string) => {
                let is_single = !string.contains(|c: char| {
                    c.is_control() || c == '\'' || c == '\u{feff}' || c == '\u{2028}'
                });
                if is_single && self.dice.one_in(3) {
                    write!(text, "'{string}'").unwrap();
                } else {
                    text.push_str(&quoted(string));
                }
            }
            other => text.push_str(&other.to_string()),
        }
    }
}

fn is_literal(lines: &str) -> bool {
    matches!(
        lines,
        "two\nlines" | "two\nlines\n" | "a" | "a: b" | "- x" | "#x"
    )
}

//! YAML as a tree of nodes that know their place, with every scalar as the text that was written.
//!
//! Serde stops at the first value of a wrong type, and turns `1.10` into a number before anyone asked. So the YAML is
//! read into this tree first, where nothing has a type but text, list and map, and decoded from there.

use std::fmt;
use std::ops::Range;

use serde::de::{Deserialize, Deserializer, Error, MapAccess, SeqAccess, Visitor};
use serde_yaml::{Location, Spanned, Tagged};

use crate::problem::{Address, AddressStep, Part, floor_char_boundary};

/// A value with its place in the text; what an alias stands for has the place of the alias.
#[derive(Debug)]
pub(crate) struct Node {
    pub(crate) span: Range<usize>,
    /// The same value stands elsewhere, behind an anchor, and has been looked at there.
    pub(crate) is_alias: bool,
    pub(crate) tag: Option<String>,
    /// The value of a secret was filled in.
    pub(crate) is_secret: bool,
    /// A scalar without quotes, which YAML may take for something else than a string.
    pub(crate) is_plain: bool,
    pub(crate) value: Value,
}

#[derive(Debug)]
pub(crate) enum Value {
    Null,
    Text(String),
    /// A text with an argument in it whose value is not known; what there is to say of that is said elsewhere.
    Unknown,
    List(Vec<Node>),
    /// Pairs in the order of the text; repeated keys are all there.
    Map(Vec<(Node, Node)>),
}

impl Node {
    pub(crate) fn as_text(&self) -> Option<&str> {
        match &self.value {
            Value::Text(text) => Some(text),
            _ => None,
        }
    }
}

/// Reads every document of `text` that has something in it.
pub(crate) fn parse(text: &str) -> Result<Vec<Node>, serde_yaml::Error> {
    let options = serde_yaml::options! {
        with_snippet: false,
        strict_booleans: true,
        leading_zero_numbers_as_strings: true,
        underscored_numbers_as_strings: true,
        non_finite_float_policy: serde_yaml::NonFiniteFloatPolicy::PassThrough,
        // Both are looked for in the tree, together with all other problems.
        duplicate_keys: serde_yaml::options::DuplicateKeyPolicy::PassThrough,
        merge_keys: serde_yaml::options::MergeKeyPolicy::AsOrdinary,
        budget: serde_yaml::budget! {
            max_depth: 32,
            max_nodes: 100_000,
            max_documents: 1_000,
            max_aliases: 1_000,
            // One anchor used in a hundred operations is what anchors are for; replay is limited below.
            enforce_alias_anchor_ratio: false,
        },
        alias_limits: serde_yaml::alias_limits! {
            max_total_replayed_events: 100_000,
            max_replay_stack_depth: 16,
        },
    };
    let documents: Vec<RawNode> = serde_yaml::from_multiple_with_options(text, options)?;
    Ok(documents
        .into_iter()
        .map(|raw| raw.into_node(text))
        .collect())
}

/// Returns the bytes that `address` means in `documents`, or the nearest ones above it that exist.
pub(crate) fn locate(documents: &[Node], address: &Address) -> Option<Range<usize>> {
    if let Part::Text(range) = address.part() {
        return Some(range.clone());
    }
    let mut node = documents.get(address.document_index()?)?;
    let mut key = None;
    for step in address.steps() {
        let next = match (step, &node.value) {
            (AddressStep::Key(name), Value::Map(pairs)) => pairs
                .iter()
                .find(|(key, _)| key.as_text() == Some(name))
                .map(|(key, value)| (Some(key), value)),
            (AddressStep::Index(index), Value::Map(pairs)) => {
                pairs.get(*index).map(|(key, value)| (Some(key), value))
            }
            (AddressStep::Index(index), Value::List(items)) => {
                items.get(*index).map(|item| (None, item))
            }
            _ => None,
        };
        let Some((next_key, next_node)) = next else {
            return Some(node.span.clone());
        };
        (key, node) = (next_key, next_node);
    }
    match key {
        // Nothing is written behind the colon; the key is what the author sees.
        Some(key) if *address.part() == Part::Key || node.span.is_empty() => Some(key.span.clone()),
        _ => Some(node.span.clone()),
    }
}

#[derive(serde::Deserialize)]
#[serde(transparent)]
struct RawNode(Spanned<Tagged<RawValue>>);

enum RawValue {
    Null,
    /// A scalar that is no string to YAML; its text is read from the source.
    Plain,
    Text(String),
    List(Vec<RawNode>),
    Map(Vec<(RawNode, RawNode)>),
}

impl RawNode {
    fn into_node(self, text: &str) -> Node {
        let defined = range(self.0.defined, text);
        let is_alias = self.0.referenced != self.0.defined;
        let Tagged(raw, tag) = self.0.value;
        let is_plain = !text[defined.clone()].starts_with(['"', '\'', '|', '>']);
        let value = match raw {
            RawValue::Null => Value::Null,
            RawValue::Plain => Value::Text(text[defined.clone()].to_owned()),
            RawValue::Text(value) => Value::Text(value),
            RawValue::List(items) => {
                Value::List(items.into_iter().map(|item| item.into_node(text)).collect())
            }
            RawValue::Map(pairs) => Value::Map(
                pairs
                    .into_iter()
                    .map(|(key, value)| (key.into_node(text), value.into_node(text)))
                    .collect(),
            ),
        };
        let span = if is_alias {
            range(self.0.referenced, text)
        } else {
            whole(defined, &value, text)
        };
        Node {
            span,
            is_alias,
            tag,
            is_secret: false,
            is_plain,
            value,
        }
    }
}

fn range(location: Location, text: &str) -> Range<usize> {
    let span = location.span();
    let bytes = |n: Option<u64>| n.and_then(|n| usize::try_from(n).ok()).unwrap_or(0);
    let start = floor_char_boundary(text, bytes(span.byte_offset()));
    let end = start.saturating_add(bytes(span.byte_len()));
    start..floor_char_boundary(text, end)
}

/// The parser marks only the beginning of a list or map. A flow one is marked up to its bracket, a block one by its
/// first item or key: marking all of it would hide what is meant.
fn whole(start: Range<usize>, value: &Value, text: &str) -> Range<usize> {
    let line_end = |from: usize| {
        text[from..]
            .find(['\n', '\r'])
            .map_or(text.len(), |n| from + n)
    };
    let (first, last) = match value {
        Value::Null | Value::Text(_) | Value::Unknown => return trim_end(start, text),
        Value::List(items) => (items.first(), items.last()),
        Value::Map(pairs) => (
            pairs.first().map(|(key, _)| key),
            pairs.last().map(|(_, value)| value),
        ),
    };
    if !start.is_empty() {
        let content_end = last.map_or(start.end, |last| last.span.end.max(start.end));
        return start.start..closing_bracket(content_end, text);
    }
    match first {
        Some(first) => start.start..first.span.end.clamp(start.start, line_end(start.start)),
        None => start,
    }
}

/// Block scalars end behind their last line break, which nobody wants to see marked.
fn trim_end(range: Range<usize>, text: &str) -> Range<usize> {
    range.start..range.start + text[range.clone()].trim_end().len()
}

fn closing_bracket(from: usize, text: &str) -> usize {
    let mut is_comment = false;
    let mut before = ' ';
    for (i, c) in text[from..].char_indices() {
        match c {
            '\n' | '\r' => is_comment = false,
            '#' if before.is_whitespace() => is_comment = true,
            ']' | '}' if !is_comment => return from + i + 1,
            _ => {}
        }
        before = c;
    }
    from
}

impl<'de> Deserialize<'de> for RawValue {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(RawVisitor)
    }
}

struct RawVisitor;

impl<'de> Visitor<'de> for RawVisitor {
    type Value = RawValue;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a YAML value")
    }

    fn visit_unit<E: Error>(self) -> Result<RawValue, E> {
        Ok(RawValue::Null)
    }

    fn visit_bool<E: Error>(self, _: bool) -> Result<RawValue, E> {
        Ok(RawValue::Plain)
    }

    fn visit_i64<E: Error>(self, _: i64) -> Result<RawValue, E> {
        Ok(RawValue::Plain)
    }

    fn visit_i128<E: Error>(self, _: i128) -> Result<RawValue, E> {
        Ok(RawValue::Plain)
    }

    fn visit_u64<E: Error>(self, _: u64) -> Result<RawValue, E> {
        Ok(RawValue::Plain)
    }

    fn visit_u128<E: Error>(self, _: u128) -> Result<RawValue, E> {
        Ok(RawValue::Plain)
    }

    fn visit_f64<E: Error>(self, _: f64) -> Result<RawValue, E> {
        Ok(RawValue::Plain)
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<RawValue, E> {
        Ok(RawValue::Text(text.to_owned()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut access: A) -> Result<RawValue, A::Error> {
        let mut items = Vec::new();
        while let Some(item) = access.next_element()? {
            items.push(item);
        }
        Ok(RawValue::List(items))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut access: A) -> Result<RawValue, A::Error> {
        let mut pairs = Vec::new();
        while let Some(pair) = access.next_entry()? {
            pairs.push(pair);
        }
        Ok(RawValue::Map(pairs))
    }
}

#[cfg(test)]
mod tests {
    use super::closing_bracket;

    #[test]
    fn a_bracket_in_a_comment_closes_nothing() {
        for (text, end) in [
            ("]", 1),
            (" }", 2),
            ("a#]", 3),
            (" # ]\n]", 6),
            (" # ]\r]", 6),
            (" # ]\n # }\n ]x", 12),
            ("\t#]\n}", 5),
            (" # ]", 0),
            ("", 0),
        ] {
            assert_eq!(closing_bracket(0, text), end, "{text:?}");
        }
        assert_eq!(closing_bracket(2, "[]x]"), 4);
    }
}

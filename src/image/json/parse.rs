//! The strict reader: RFC 8259, no repeated keys, bounded depth.

use std::borrow::Cow;
use std::collections::{HashMap, HashSet};
use std::fmt;
use std::sync::Arc;

use super::escape::decode;
use super::list::{Item, Key, List};
use super::members::Members;
use super::spelling::{Space, Spelling};
use super::value::Value;

use crate::printable;

/// How deep arrays and objects may nest, as in `serde_json`.
pub const MAX_DEPTH: usize = 128;
/// Spellings count in 32 bits. In bytes.
const MAX_BYTES: usize = u32::MAX as usize;

/// Why a text is not a JSON document, and at which byte.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ParseError {
    /// Bytes from the start of the text.
    pub offset: usize,
    /// What is wrong there.
    pub reason: String,
}

impl fmt::Display for ParseError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "byte {}: {}", self.offset, self.reason)
    }
}

impl std::error::Error for ParseError {}

pub(super) fn document(bytes: &[u8]) -> Result<(Space, Value, Space), ParseError> {
    let error = |offset, reason: &str| ParseError {
        offset,
        reason: reason.to_owned(),
    };
    if bytes.len() > MAX_BYTES {
        return Err(error(MAX_BYTES, "more than 4 GiB"));
    }
    let text = std::str::from_utf8(bytes);
    let text = text.map_err(|invalid| error(invalid.valid_up_to(), "not UTF-8"))?;
    if text.starts_with('\u{feff}') {
        return Err(error(0, "a byte order mark"));
    }
    let shared = Arc::new(text.to_owned());
    let mut parser = Parser {
        text,
        shared: &shared,
        at: 0,
        depth: 0,
        spaces: HashMap::new(),
        empty_array: Arc::new(List::of([])),
        empty_object: Arc::new(List::of([]).into()),
    };
    let before = parser.space();
    let value = parser.value()?;
    let after = parser.space();
    if parser.at < text.len() {
        return Err(parser.error("unexpected data after the document"));
    }
    Ok((before, value, after))
}

struct Parser<'a> {
    text: &'a str,
    /// The copy of it that all spellings are slices of.
    shared: &'a Arc<String>,
    at: usize,
    depth: usize,
    /// Every run of white space so far: the same few come again and again.
    spaces: HashMap<&'a str, Space>,
    empty_array: Arc<List<()>>,
    empty_object: Arc<Members>,
}

impl<'a> Parser<'a> {
    fn error(&self, reason: &str) -> ParseError {
        ParseError {
            offset: self.at,
            reason: reason.to_owned(),
        }
    }

    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    /// Takes bytes as long as `is_part` says so.
    fn take_while(&mut self, is_part: impl Fn(u8) -> bool) -> &'a str {
        let start = self.at;
        while self.peek().is_some_and(&is_part) {
            self.at += 1;
        }
        &self.text[start..self.at]
    }

    fn space(&mut self) -> Space {
        let space = self.take_while(|b| matches!(b, b' ' | b'\t' | b'\n' | b'\r'));
        if space.is_empty() {
            return Space::default();
        }
        let new = || space.to_owned().into();
        self.spaces.entry(space).or_insert_with(new).clone()
    }

    /// Returns what was read since `start`.
    fn spelling(&self, start: usize) -> Spelling {
        Spelling::slice(self.shared, start, self.at)
    }

    fn value(&mut self) -> Result<Value, ParseError> {
        match self.peek() {
            None => Err(self.error("the document ends where a value is expected")),
            Some(b'"') => self.string().map(Value::Text),
            Some(b'[') => {
                let list = self.list(b']', |_| Ok(()))?;
                Ok(Value::Array(if is_empty(&list) {
                    Arc::clone(&self.empty_array)
                } else {
                    Arc::new(list)
                }))
            }
            Some(b'{') => {
                let mut seen = HashSet::new();
                let list = self.list(b'}', |parser| parser.key(&mut seen))?;
                drop(seen);
                Ok(Value::Object(if is_empty(&list) {
                    Arc::clone(&self.empty_object)
                } else {
                    Arc::new(list.into())
                }))
            }
            Some(b'-' | b'0'..=b'9') => self.number(),
            Some(b'a'..=b'z') => {
                let start = self.at;
                let word = self.take_while(|b| b.is_ascii_lowercase());
                if matches!(word, "null" | "true" | "false") {
                    return Ok(Value::Literal(self.spelling(start)));
                }
                self.at = start;
                Err(self.error("expected a JSON value"))
            }
            Some(_) => Err(self.error("expected a JSON value")),
        }
    }

    fn list<K>(
        &mut self,
        close: u8,
        mut key: impl FnMut(&mut Self) -> Result<K, ParseError>,
    ) -> Result<List<K>, ParseError> {
        self.depth += 1;
        if self.depth > MAX_DEPTH {
            return Err(self.error("arrays and objects nest more than 128 deep"));
        }
        self.at += 1;
        let mut items = Vec::new();
        let mut blank = Space::default();
        let mut before = self.space();
        if self.peek() == Some(close) {
            blank = before;
        } else {
            loop {
                let key = key(self)?;
                let value = self.value()?;
                let after = self.space();
                items.push(Some(Item {
                    before,
                    key,
                    value,
                    after,
                }));
                match self.peek() {
                    Some(b',') => self.at += 1,
                    Some(b) if b == close => break,
                    _ => return Err(self.error("neither `,` nor the closing bracket")),
                }
                before = self.space();
            }
        }
        self.at += 1;
        self.depth -= 1;
        let items = items.into();
        Ok(List { items, blank })
    }

    fn key(&mut self, seen: &mut HashSet<Cow<'a, str>>) -> Result<Key, ParseError> {
        if self.peek() != Some(b'"') {
            return Err(self.error("an object's key is a string"));
        }
        let start = self.at;
        let spelled = self.string()?;
        let name = decode(&self.text[start..self.at]);
        if seen.contains(&name) {
            self.at = start;
            return Err(self.error(&format!(
                "the key `{}` appears twice in one object",
                printable::line(&name)
            )));
        }
        seen.insert(name);
        let before_colon = self.space();
        if self.peek() != Some(b':') {
            return Err(self.error("no `:` after an object's key"));
        }
        self.at += 1;
        let after_colon = self.space();
        Ok(Key {
            spelled,
            field: None,
            before_colon,
            after_colon,
        })
    }

    fn string(&mut self) -> Result<Spelling, ParseError> {
        let start = self.at;
        self.at += 1;
        loop {
            self.take_while(|b| b >= 0x20 && b != b'"' && b != b'\\');
            match self.peek() {
                Some(b'"') => {
                    self.at += 1;
                    return Ok(self.spelling(start));
                }
                Some(b'\\') => {
                    let rest = &self.text.as_bytes()[self.at + 1..];
                    let length = match rest.first() {
                        Some(b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't') => 2,
                        Some(b'u')
                            if rest.len() > 4 && rest[1..5].iter().all(u8::is_ascii_hexdigit) =>
                        {
                            6
                        }
                        _ => return Err(self.error("no escape of JSON")),
                    };
                    self.at += length;
                }
                Some(_) => return Err(self.error("a control character inside a string")),
                None => return Err(self.error("a string without an end")),
            }
        }
    }

    /// `-? (0 | [1-9][0-9]*) (. [0-9]+)? ([eE] [+-]? [0-9]+)?`
    fn number(&mut self) -> Result<Value, ParseError> {
        let start = self.at;
        if self.peek() == Some(b'-') {
            self.at += 1;
        }
        let whole = self.take_while(|b| b.is_ascii_digit());
        let mut valid = !whole.is_empty() && (whole == "0" || !whole.starts_with('0'));
        if self.peek() == Some(b'.') {
            self.at += 1;
            valid &= !self.take_while(|b| b.is_ascii_digit()).is_empty();
        }
        if matches!(self.peek(), Some(b'e' | b'E')) {
            self.at += 1;
            if matches!(self.peek(), Some(b'+' | b'-')) {
                self.at += 1;
            }
            valid &= !self.take_while(|b| b.is_ascii_digit()).is_empty();
        }
        if !valid {
            self.at = start;
            return Err(self.error("no number of JSON"));
        }
        Ok(Value::Literal(self.spelling(start)))
    }
}

/// Tells whether nothing is between the brackets, not even white space.
fn is_empty<K>(list: &List<K>) -> bool {
    list.items.is_empty() && list.blank.as_str().is_empty()
}

//! JSON as it is spelled, with references for the digests and sizes of other parts of an archive.

use std::fmt::Write as _;

use serde_json::Value;

use super::model::Writer;

/// A value; keys may repeat, and numbers are what they are spelled as.
#[derive(Clone)]
pub(crate) enum Json {
    /// Anything that is written as it is.
    Token(String),
    Text(Vec<Piece>),
    List(Vec<Self>),
    Map(Vec<(Vec<Piece>, Self)>),
    /// How many bytes a blob has.
    Size(usize),
}

/// A piece of a string.
#[derive(Clone)]
pub(crate) enum Piece {
    Text(String),
    /// The digest of a blob as it is stored, in hex digits.
    Hex(usize),
    /// The digest of a layer's uncompressed bytes.
    Plain(usize),
}

impl Piece {
    /// Cuts a text at the digests that are known.
    pub(crate) fn cut(text: &str, known: &[(String, Self)]) -> Vec<Self> {
        for (hex, piece) in known {
            if let Some(at) = text.find(hex.as_str()) {
                let mut pieces = Self::cut(&text[..at], known);
                pieces.push(piece.clone());
                pieces.extend(Self::cut(&text[at + hex.len()..], known));
                return pieces;
            }
        }
        if text.is_empty() {
            return Vec::new();
        }
        vec![Self::Text(text.to_owned())]
    }

    /// The blob that it names.
    pub(crate) fn blob(&self) -> Option<usize> {
        match self {
            Self::Text(_) => None,
            Self::Hex(blob) | Self::Plain(blob) => Some(*blob),
        }
    }

    fn blob_mut(&mut self) -> Option<&mut usize> {
        match self {
            Self::Text(_) => None,
            Self::Hex(blob) | Self::Plain(blob) => Some(blob),
        }
    }
}

impl Json {
    pub(crate) fn text(text: &str) -> Self {
        Self::Text(vec![Piece::Text(text.to_owned())])
    }

    /// Reads a document whose digests are known; nothing if it is none.
    pub(crate) fn read(bytes: &[u8], known: &[(String, Piece)]) -> Option<Self> {
        let value: Value = serde_json::from_slice(bytes).ok()?;
        matches!(value, Value::Object(_) | Value::Array(_)).then(|| Self::of(&value, known))
    }

    fn of(value: &Value, known: &[(String, Piece)]) -> Self {
        match value {
            Value::String(text) => Self::Text(Piece::cut(text, known)),
            Value::Array(items) => {
                Self::List(items.iter().map(|item| Self::of(item, known)).collect())
            }
            Value::Object(members) => {
                let mut pairs: Vec<(Vec<Piece>, Self)> = members
                    .iter()
                    .map(|(key, value)| (Piece::cut(key, known), Self::of(value, known)))
                    .collect();
                let is =
                    |key: &[Piece], name: &str| matches!(key, [Piece::Text(text)] if text == name);
                let digest = pairs.iter().find(|(key, _)| is(key, "digest"));
                let blob = digest.and_then(|(_, value)| value.blob());
                if let Some(blob) = blob {
                    let size = pairs.iter_mut().find(|(key, _)| is(key, "size"));
                    if let Some((_, size)) = size {
                        *size = Self::Size(blob);
                    }
                }
                Self::Map(pairs)
            }
            other => Self::Token(other.to_string()),
        }
    }

    /// The first blob that the value itself names.
    fn blob(&self) -> Option<usize> {
        match self {
            Self::Text(pieces) => pieces.iter().find_map(Piece::blob),
            Self::Size(blob) => Some(*blob),
            _ => None,
        }
    }

    /// Tells whether the value, or anything in it, names a blob.
    pub(crate) fn names(&self, blob: usize) -> bool {
        match self {
            Self::List(items) => items.iter().any(|item| item.names(blob)),
            Self::Map(pairs) => pairs.iter().any(|(key, value)| {
                key.iter().any(|piece| piece.blob() == Some(blob)) || value.names(blob)
            }),
            other => other.blob() == Some(blob),
        }
    }

    /// Has the value name another blob wherever it names `old`.
    pub(crate) fn rename(&mut self, old: usize, new: usize) {
        let swap = |blob: &mut usize| {
            if *blob == old {
                *blob = new;
            }
        };
        match self {
            Self::Token(_) => {}
            Self::Size(blob) => swap(blob),
            Self::Text(pieces) => pieces.iter_mut().filter_map(Piece::blob_mut).for_each(swap),
            Self::List(items) => items.iter_mut().for_each(|item| item.rename(old, new)),
            Self::Map(pairs) => {
                for (key, value) in pairs {
                    key.iter_mut().filter_map(Piece::blob_mut).for_each(swap);
                    value.rename(old, new);
                }
            }
        }
    }

    /// How many values there are, itself counted.
    pub(crate) fn n_nodes(&self) -> usize {
        match self {
            Self::List(items) => 1 + items.iter().map(Self::n_nodes).sum::<usize>(),
            Self::Map(pairs) => {
                1 + pairs
                    .iter()
                    .map(|(_, value)| value.n_nodes())
                    .sum::<usize>()
            }
            _ => 1,
        }
    }

    /// The value of that number, in the order of the text.
    pub(crate) fn nth(&mut self, n: &mut usize) -> Option<&mut Self> {
        if *n == 0 {
            return Some(self);
        }
        *n -= 1;
        match self {
            Self::List(items) => items.iter_mut().find_map(|item| item.nth(n)),
            Self::Map(pairs) => pairs.iter_mut().find_map(|(_, value)| value.nth(n)),
            _ => None,
        }
    }

    /// Calls `edit` for every list in the value.
    pub(crate) fn each_list(&mut self, edit: &mut impl FnMut(&mut Vec<Self>)) {
        match self {
            Self::List(items) => {
                for item in items.iter_mut() {
                    item.each_list(edit);
                }
                edit(items);
            }
            Self::Map(pairs) => {
                for (_, value) in pairs {
                    value.each_list(edit);
                }
            }
            _ => {}
        }
    }

    pub(crate) fn write(&self, writer: &Writer<'_>) -> String {
        let text = |pieces: &[Piece]| Value::from(writer.text(pieces)).to_string();
        match self {
            Self::Token(token) => token.clone(),
            Self::Text(pieces) => text(pieces),
            Self::Size(blob) => writer.written(*blob).bytes.len().to_string(),
            Self::List(items) => {
                let items: Vec<String> = items.iter().map(|item| item.write(writer)).collect();
                format!("[{}]", items.join(","))
            }
            Self::Map(pairs) => {
                let mut written = String::from("{");
                for (i, (key, value)) in pairs.iter().enumerate() {
                    let comma = if i > 0 { "," } else { "" };
                    write!(written, "{comma}{}:{}", text(key), value.write(writer))
                        .expect("a String takes all");
                }
                written + "}"
            }
        }
    }
}

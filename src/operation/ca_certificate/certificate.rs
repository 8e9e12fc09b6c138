//! Certificates (RFC 5280, section 4.1): what tells one from another, and the names that files with one get.

use sha1::{Digest as _, Sha1};

use super::der::{
    BIT_STRING, Element, Elements, INTEGER, OBJECT_IDENTIFIER, SEQUENCE, SET, UTF8_STRING, element,
};
use crate::digest::Digest;

/// `commonName`, `organizationalUnitName`, `organizationName` (RFC 5280, appendix A.1): the first one that there is names it.
const NAMES: [&[u8]; 3] = [&[0x55, 4, 3], &[0x55, 4, 11], &[0x55, 4, 10]];
const VERSION: u8 = 0xa0;
/// More characters of a name than anybody reads.
const MAX_NAME_CHARS: usize = 64;

/// A certificate.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Certificate {
    pub(super) der: Vec<u8>,
    /// The name of its subject, for messages and names of files.
    pub(super) name: String,
    /// The hash of the subject by which OpenSSL finds the file.
    pub(super) subject_hash: u32,
}

impl Certificate {
    /// Reads a certificate. Its signature and dates are not checked.
    pub(super) fn parse(der: &[u8]) -> Option<Self> {
        let mut outside = Elements::of(der);
        let mut parts = outside.next_of(SEQUENCE)?.elements();
        let mut signed = parts.next_of(SEQUENCE)?.elements();
        parts.next_of(SEQUENCE)?;
        parts.next_of(BIT_STRING)?;
        let first = signed.next()?;
        let serial = if first.tag == VERSION {
            signed.next()?
        } else {
            first
        };
        signed.next_of(SEQUENCE)?;
        let _issuer = signed.next_of(SEQUENCE)?;
        let _validity = signed.next_of(SEQUENCE)?;
        let subject = signed.next_of(SEQUENCE)?;
        signed.next_of(SEQUENCE)?;
        if serial.tag != INTEGER || !parts.is_empty() || !outside.is_empty() {
            return None;
        }
        let subject = attributes(subject)?;
        Some(Self {
            der: der.to_vec(),
            name: name(&subject).unwrap_or_else(|| "certificate".to_owned()),
            subject_hash: subject_hash(&subject)?,
        })
    }

    /// Returns the name of a file with the certificate, without an extension: its own name, and enough of its fingerprint
    /// to tell it from one that was issued again.
    pub(super) fn file_stem(&self) -> String {
        let is_plain = |c: char| c.is_ascii_alphanumeric() || c == '-';
        let plain = |c| if is_plain(c) { c } else { '_' };
        let name: String = self.name.chars().map(plain).collect();
        format!("{name}_{}", &Digest::of(&self.der).hex()[..8])
    }
}

/// One attribute of a subject: what it is, and its value.
struct Attribute<'a> {
    kind: Element<'a>,
    value: Element<'a>,
}

/// Returns the attributes of a name, by their sets.
fn attributes<'a>(name: Element<'a>) -> Option<Vec<Vec<Attribute<'a>>>> {
    let attribute = |pair: Element<'a>| {
        let mut pair = pair.elements();
        let attribute = Attribute {
            kind: pair.next_of(OBJECT_IDENTIFIER)?,
            value: pair.next()?,
        };
        pair.is_empty().then_some(attribute)
    };
    let sets = name.elements().all_of(SET)?.into_iter();
    let sets = sets.map(|set| {
        let pairs = set.elements().all_of(SEQUENCE)?.into_iter();
        pairs.map(attribute).collect()
    });
    sets.collect()
}

fn name(subject: &[Vec<Attribute<'_>>]) -> Option<String> {
    let last = |kind: &[u8]| {
        let mut all = subject.iter().flatten().rev();
        all.find(|it| it.kind.content == kind)
    };
    let attribute = NAMES.iter().find_map(|kind| last(kind))?;
    let Value::Text(text) = Value::of(attribute.value)? else {
        return None;
    };
    let name: String = text.trim().chars().take(MAX_NAME_CHARS).collect();
    (!name.is_empty()).then_some(name)
}

/// The value of an attribute, as OpenSSL compares it.
enum Value {
    Text(String),
    /// Of a kind that is compared byte by byte.
    Other,
}

impl Value {
    /// Reads a value, unless it is damaged (`ASN1_MASK_CANON` and `ASN1_STRING_to_UTF8`, `crypto/asn1`).
    fn of(value: Element<'_>) -> Option<Self> {
        let units = |n_bytes: usize| {
            let units = value.content.chunks(n_bytes).map(|unit| {
                let unit = (unit.len() == n_bytes).then_some(unit)?;
                char::from_u32(unit.iter().fold(0, |c, byte| c << 8 | u32::from(*byte)))
            });
            units.collect::<Option<String>>()
        };
        let text = match value.tag {
            UTF8_STRING => String::from_utf8(value.content.to_vec()).ok(),
            // PrintableString, TeletexString, IA5String and VisibleString are read as Latin-1.
            0x13 | 0x14 | 0x16 | 0x1a => units(1),
            // BMPString and UniversalString.
            0x1e => units(2),
            0x1c => units(4),
            _ => return Some(Self::Other),
        };
        text.map(Self::Text)
    }
}

/// Returns the hash of a subject (`X509_NAME_hash`): of its canonical encoding (`x509_name_canon`, `crypto/x509/x_name.c`), in which
/// strings are UTF-8, small, and have single spaces only inside; the first four bytes, the lowest first.
fn subject_hash(subject: &[Vec<Attribute<'_>>]) -> Option<u32> {
    let mut canonical = Vec::new();
    for set in subject {
        let mut entries = Vec::new();
        for attribute in set {
            let value = match Value::of(attribute.value)? {
                Value::Text(text) => element(UTF8_STRING, canonical_text(&text).as_bytes()),
                Value::Other => attribute.value.whole.to_vec(),
            };
            entries.push(element(SEQUENCE, &[attribute.kind.whole, &value].concat()));
        }
        // A set is written in the order of the encodings of its parts.
        entries.sort();
        canonical.extend(element(SET, &entries.concat()));
    }
    // Nothing is trusted because of this hash.
    let hash = Sha1::digest(&canonical);
    Some(u32::from_le_bytes([hash[0], hash[1], hash[2], hash[3]]))
}

fn canonical_text(text: &str) -> String {
    // As `isspace` in the C locale.
    let is_space = |c: char| matches!(c, ' ' | '\t'..='\r');
    let words: Vec<&str> = text
        .split(is_space)
        .filter(|word| !word.is_empty())
        .collect();
    words.join(" ").to_ascii_lowercase()
}

#[cfg(test)]
mod tests {
    use super::{Element, Value};

    #[test]
    fn strings_of_every_kind_are_read() {
        for (tag, content, text) in [
            (0x0c, &b"\xc3\xa4"[..], Some("ä")),
            (0x0c, b"\xe4", None),
            (0x13, b"a", Some("a")),
            (0x14, b"\xe4", Some("ä")),
            (0x1a, b"", Some("")),
            (0x1e, b"\x00\xe4\x20\xac", Some("ä€")),
            (0x1e, b"\x00", None),
            (0x1e, b"\xd8\x00", None),
            (0x1c, b"\x00\x00\x20\xac", Some("€")),
            (0x1c, b"\x00\x00\x20", None),
            (0x1c, b"\x00\x11\x00\x00", None),
        ] {
            let whole = content;
            let found = Value::of(Element {
                tag,
                whole,
                content,
            });
            let found = found.map(|value| match value {
                Value::Text(text) => text,
                Value::Other => "other".to_owned(),
            });
            assert_eq!(found.as_deref(), text, "{tag:#x} {content:?}");
        }
        let number = Element {
            tag: 0x02,
            whole: b"",
            content: b"\x01",
        };
        assert!(matches!(Value::of(number), Some(Value::Other)));
    }
}

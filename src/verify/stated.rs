//! Digests as documents and names state them (descriptor.md, "Digests"): `algorithm:encoded`.
//!
//! Every engine computes SHA-256; SHA-512 is registered too, and some engines take it, so it is computed here. The
//! grammar has room for more, of which no more can be said than that.

use std::fmt;
use std::io::{self, Read, Write};

use sha2::Digest as _;

use crate::digest::Digest;

/// A digest that keeps the grammar.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Stated {
    Sha256(Digest),
    Sha512(Sha512),
    /// Of an algorithm that is not computed here.
    Other,
}

/// A SHA-512 digest.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Sha512([u8; 64]);

/// Parses a digest; nothing where it breaks the grammar, or the rules of its own algorithm.
pub(super) fn parse(text: &str) -> Option<Stated> {
    let (algorithm, encoded) = text.split_once(':')?;
    let is_component = |component: &str| {
        let mut bytes = component.bytes();
        !component.is_empty() && bytes.all(|b| b.is_ascii_lowercase() || b.is_ascii_digit())
    };
    let is_encoded = |b: u8| b.is_ascii_alphanumeric() || b"=_-".contains(&b);
    let is_digest = algorithm.split(['+', '.', '_', '-']).all(is_component)
        && !encoded.is_empty()
        && encoded.bytes().all(is_encoded);
    match algorithm {
        _ if !is_digest => None,
        "sha256" => Digest::parse_hex(encoded).map(Stated::Sha256),
        "sha512" => Sha512::parse_hex(encoded).map(Stated::Sha512),
        "blake3" => Digest::parse_hex(encoded).map(|_| Stated::Other),
        _ => Some(Stated::Other),
    }
}

/// Returns where a layout has the content of that digest, which must have been parsed.
pub(super) fn blob_name(text: &str) -> String {
    format!("blobs/{}", text.replacen(':', "/", 1))
}

impl Stated {
    /// Tells whether `bytes` have that digest; nothing where that cannot be told.
    pub(super) fn is_of(self, bytes: &[u8]) -> Option<bool> {
        match self {
            Self::Sha256(digest) => Some(Digest::of(bytes) == digest),
            Self::Sha512(digest) => {
                let mut hasher = Hasher::default();
                hasher.0.update(bytes);
                Some(hasher.finish() == digest)
            }
            Self::Other => None,
        }
    }
}

impl Sha512 {
    fn parse_hex(hex: &str) -> Option<Self> {
        let mut bytes = [0; 64];
        let (pairs, rest) = hex.as_bytes().as_chunks::<2>();
        if pairs.len() != bytes.len() || !rest.is_empty() {
            return None;
        }
        for (byte, &[high, low]) in bytes.iter_mut().zip(pairs) {
            *byte = digit(high)? << 4 | digit(low)?;
        }
        Some(Self(bytes))
    }

    /// Reads `reader` to its end; returns the digest of what it gave and how many bytes that were.
    pub(super) fn of_reader(reader: &mut dyn Read) -> io::Result<(Self, u64)> {
        let mut hasher = Hasher::default();
        let n_bytes = io::copy(reader, &mut hasher)?;
        Ok((hasher.finish(), n_bytes))
    }
}

impl fmt::Display for Sha512 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("sha512:")?;
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

fn digit(b: u8) -> Option<u8> {
    match b {
        b'0'..=b'9' => Some(b - b'0'),
        b'a'..=b'f' => Some(b - b'a' + 10),
        _ => None,
    }
}

/// Hashes what is written to it.
#[derive(Debug, Default)]
pub(super) struct Hasher(sha2::Sha512);

impl Hasher {
    pub(super) fn finish(self) -> Sha512 {
        Sha512(self.0.finalize().into())
    }
}

impl Write for Hasher {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.update(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::{Sha512, Stated, parse};

    /// FIPS 180-2, appendix C.1.
    const OF_ABC: &str = "sha512:ddaf35a193617abacc417349ae20413112e6fa4e89a97ea20a9eeee64b55d39a2192992a274fc1a836ba3c23a3feebbd454d4423643ce80e2a9ac94fa54ca49f";

    #[test]
    fn the_grammar_is_that_of_the_specification() {
        let hex = "0".repeat(64);
        for (text, is_right) in [
            (format!("sha256:{hex}"), true),
            (format!("sha256:{}", &hex[1..]), false),
            (format!("sha256:{}", "A".repeat(64)), false),
            (format!("sha512:{hex}{hex}"), true),
            (format!("sha512:{hex}"), false),
            (format!("blake3:{hex}"), true),
            ("blake3:0".to_owned(), false),
            (
                "multihash+base58:QmRZxt2b1FVZPNqd8hsiykDL3TdBDeTSPX9Kv46HmX4Gx8".to_owned(),
                true,
            ),
            (
                "sha256+b64u:LCa0a2j_xo_5m0U8HTBBNBNCLXBkg7-g-YpeiGJm564".to_owned(),
                true,
            ),
            ("sha256".to_owned(), false),
            ("a..b:c".to_owned(), false),
            ("a:../../x".to_owned(), false),
            ("../a:b".to_owned(), false),
            (":x".to_owned(), false),
            ("x:".to_owned(), false),
        ] {
            assert_eq!(parse(&text).is_some(), is_right, "{text}");
        }
    }

    #[test]
    fn the_vector_of_the_standard_is_met() {
        let (found, n_bytes) = Sha512::of_reader(&mut &b"abc"[..]).expect("a slice can be read");
        assert_eq!(n_bytes, 3);
        assert_eq!(found.to_string(), OF_ABC);
        assert_eq!(parse(OF_ABC), Some(Stated::Sha512(found)));
        assert_eq!(Stated::Sha512(found).is_of(b"abc"), Some(true));
        assert_eq!(Stated::Sha512(found).is_of(b"abd"), Some(false));
    }
}

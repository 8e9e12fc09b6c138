//! Content digests: what a blob's bytes hash to, and what a layer's uncompressed bytes hash to.
//!
//! Both are SHA-256 and print alike, yet mixing them up is the classic bug of image tools, so they are different
//! types with no conversion between them. Only `sha256` is understood; another algorithm is refused where it is read.

use std::fmt;
use std::io::{self, Read, Write};

use sha2::{Digest as _, Sha256};

use crate::printable;

/// A SHA-256 content digest, `sha256:<64 lower-case hex>` (image-spec descriptor.md, "Digests").
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Digest([u8; 32]);

/// The digest of a layer's *uncompressed* tar stream, every byte of it (image-spec config.md, "Layer `DiffID`").
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct DiffId([u8; 32]);

/// The identity of a stack of layers (image-spec config.md, "Layer `ChainID`").
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ChainId([u8; 32]);

/// Why a text is not a digest.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InvalidDigest(String);

impl fmt::Display for InvalidDigest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "`{}` is not `sha256:` and 64 lower-case hex digits",
            printable::line(&self.0)
        )
    }
}

impl std::error::Error for InvalidDigest {}

macro_rules! sha256_text {
    ($name:ident) => {
        impl $name {
            /// Parses `sha256:<64 lower-case hex>`.
            pub fn parse(text: &str) -> Result<Self, InvalidDigest> {
                let invalid = || InvalidDigest(text.chars().take(100).collect());
                text.strip_prefix("sha256:")
                    .and_then(parse_hex)
                    .map(Self)
                    .ok_or_else(invalid)
            }

            /// Parses 64 lower-case hex digits without the algorithm, as file names carry them.
            #[must_use]
            pub fn parse_hex(hex: &str) -> Option<Self> {
                parse_hex(hex).map(Self)
            }

            /// Returns the 64 hex digits without the algorithm.
            #[must_use]
            pub fn hex(&self) -> String {
                hex(&self.0)
            }

            /// Returns the first 12 hex digits, the form people read.
            #[must_use]
            pub fn short(&self) -> String {
                let mut hex = self.hex();
                hex.truncate(12);
                hex
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "sha256:{}", self.hex())
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!(stringify!($name), "({})"), self.short())
            }
        }

        impl serde::Serialize for $name {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }
    };
}

sha256_text!(Digest);
sha256_text!(DiffId);
sha256_text!(ChainId);

impl From<DiffId> for Digest {
    fn from(diff_id: DiffId) -> Self {
        Self(diff_id.0)
    }
}

impl Digest {
    /// Returns the digest of `bytes`.
    #[must_use]
    pub fn of(bytes: &[u8]) -> Self {
        Self(Sha256::digest(bytes).into())
    }

    /// Reads `reader` to its end; returns the digest of what it gave and how many bytes that were.
    pub fn of_reader(reader: &mut dyn Read) -> io::Result<(Self, u64)> {
        let mut hashing = Hashing::new(io::sink());
        let mut buffer = vec![0; 128 * 1024];
        loop {
            let n = match reader.read(&mut buffer) {
                Ok(0) => break,
                Ok(n) => n,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => return Err(error),
            };
            hashing.write_all(&buffer[..n])?;
        }
        let (state, n_bytes, _) = hashing.into_parts();
        Ok((Self(state.finalize().into()), n_bytes))
    }
}

impl ChainId {
    /// Returns the chain id of the stack that ends in `diff_id` on top of `parent`.
    #[must_use]
    pub fn extend(parent: Option<Self>, diff_id: DiffId) -> Self {
        match parent {
            None => Self(diff_id.0),
            Some(parent) => Self(Sha256::digest(format!("{parent} {diff_id}")).into()),
        }
    }
}

/// A writer that hashes and counts the bytes that its inner writer accepted.
pub struct Hashing<W> {
    inner: W,
    state: Sha256,
    n_bytes: u64,
}

impl<W> fmt::Debug for Hashing<W> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Hashing")
            .field("n_bytes", &self.n_bytes)
            .finish_non_exhaustive()
    }
}

impl<W: Write> Hashing<W> {
    /// Starts hashing what is written to `inner`.
    pub fn new(inner: W) -> Self {
        Self {
            inner,
            state: Sha256::new(),
            n_bytes: 0,
        }
    }

    fn into_parts(self) -> (Sha256, u64, W) {
        (self.state, self.n_bytes, self.inner)
    }

    /// Ends a stream of blob bytes: its digest, its size in bytes, and the inner writer.
    pub fn finish(self) -> (Digest, u64, W) {
        let (state, n_bytes, inner) = self.into_parts();
        (Digest(state.finalize().into()), n_bytes, inner)
    }

    /// Ends a stream of uncompressed layer bytes: its diff id, its size in bytes, and the inner writer.
    pub fn finish_layer(self) -> (DiffId, u64, W) {
        let (state, n_bytes, inner) = self.into_parts();
        (DiffId(state.finalize().into()), n_bytes, inner)
    }
}

impl<W: Write> Write for Hashing<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let n = self.inner.write(bytes)?;
        self.state.update(&bytes[..n]);
        self.n_bytes += n as u64;
        Ok(n)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.inner.flush()
    }
}

fn parse_hex(text: &str) -> Option<[u8; 32]> {
    let digit = |byte: u8| match byte {
        b'0'..=b'9' => Some(byte - b'0'),
        b'a'..=b'f' => Some(byte - b'a' + 10),
        _ => None,
    };
    let text: &[u8; 64] = text.as_bytes().try_into().ok()?;
    let mut bytes = [0; 32];
    for (byte, pair) in bytes.iter_mut().zip(text.chunks_exact(2)) {
        *byte = digit(pair[0])? << 4 | digit(pair[1])?;
    }
    Some(bytes)
}

fn hex(bytes: &[u8; 32]) -> String {
    bytes
        .iter()
        .fold(String::with_capacity(64), |mut hex, byte| {
            for nibble in [byte >> 4, byte & 15] {
                hex.push(char::from_digit(nibble.into(), 16).expect("a nibble is below 16"));
            }
            hex
        })
}

#[cfg(test)]
mod tests {
    use super::{ChainId, DiffId, Digest};

    #[test]
    fn what_is_no_digest_is_shown_in_one_line() {
        assert_eq!(
            Digest::parse("a\nb").unwrap_err().to_string(),
            "`a\\nb` is not `sha256:` and 64 lower-case hex digits"
        );
    }

    #[test]
    fn only_lower_case_sha256_of_full_length_is_a_digest() {
        let hex = "5f70bf18a086007016e948b04aed3b82103a36bea41755b6cddfaf10ace3c6ef";
        assert_eq!(
            Digest::parse(&format!("sha256:{hex}")).unwrap(),
            Digest::of(&[0; 1024])
        );
        for wrong in [
            "",
            hex,
            "sha256:../../x",
            &format!("sha512:{hex}"),
            &format!("sha256:{}", hex.to_uppercase()),
        ] {
            assert!(Digest::parse(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn chain_ids_follow_the_vector_of_a_real_archive() {
        let diff = |hex: &str| DiffId::parse_hex(hex).unwrap();
        let base = ChainId::extend(
            None,
            diff("8897395fd26dc44ad0e2a834335b33198cb41ac4d98dfddf58eced3853fa7b17"),
        );
        let top = ChainId::extend(
            Some(base),
            diff("6b617a2706576ed038acdc3aa668cac62010386a5a3d227d83aada32085c9f29"),
        );
        assert_eq!(
            top.hex(),
            "e10430d6eeebc50796f4c7435259699ea3bde509b50ca259d82abe9d6fbd99bd"
        );
    }
}

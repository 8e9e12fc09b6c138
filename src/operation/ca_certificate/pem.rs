//! Certificates as text (RFC 7468).

use crate::base64;

/// Characters in a line.
const WIDTH: usize = 64;

/// What stands between two lines with the same label; around it may be any text.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Block {
    /// As in `CERTIFICATE`.
    pub(super) label: String,
    /// The number of the line that begins it.
    pub(super) line: usize,
    /// What it encodes; nothing if it has no end or is not base64.
    pub(super) der: Option<Vec<u8>>,
}

/// Returns the blocks of a text.
pub(super) fn blocks(text: &[u8]) -> Vec<Block> {
    let mut blocks = Vec::new();
    let mut open: Option<(Block, Vec<u8>)> = None;
    for (i, line) in text.split(|byte| *byte == b'\n').enumerate() {
        let line = line.trim_ascii();
        if let Some(label) = label(line, b"-----BEGIN ") {
            let block = Block {
                label,
                line: i + 1,
                der: None,
            };
            blocks.extend(open.replace((block, Vec::new())).map(|(cut, _)| cut));
        } else if let Some(label) = label(line, b"-----END ") {
            blocks.extend(open.take().map(|(block, base64)| Block {
                der: base64::decode(&base64).filter(|_| block.label == label),
                ..block
            }));
        } else if let Some((_, base64)) = &mut open {
            base64.extend_from_slice(line);
        }
    }
    blocks.extend(open.map(|(cut, _)| cut));
    blocks
}

fn label(line: &[u8], start: &[u8]) -> Option<String> {
    let label = line.strip_prefix(start)?.strip_suffix(b"-----")?;
    Some(String::from_utf8_lossy(label).into_owned())
}

/// Returns a certificate as OpenSSL writes it.
pub(super) fn encode(der: &[u8]) -> Vec<u8> {
    let mut text = b"-----BEGIN CERTIFICATE-----\n".to_vec();
    for line in base64::encode(der).chunks(WIDTH) {
        text.extend_from_slice(line);
        text.push(b'\n');
    }
    text.extend_from_slice(b"-----END CERTIFICATE-----\n");
    text
}

#[cfg(test)]
mod tests {
    use super::{Block, blocks, encode};

    #[test]
    fn what_is_encoded_is_decoded_again() {
        for n in 0..200_u8 {
            let der: Vec<u8> = (0..n).map(|i| i.wrapping_mul(n)).collect();
            let text = encode(&der);
            assert!(text.split(|b| *b == b'\n').all(|line| line.len() <= 64));
            assert_eq!(blocks(&text)[0].der.as_ref(), Some(&der));
        }
        assert_eq!(
            encode(b"ab"),
            b"-----BEGIN CERTIFICATE-----\nYWI=\n-----END CERTIFICATE-----\n"
        );
    }

    #[test]
    fn blocks_are_found_between_other_text() {
        let text = b"Issuer: x\r\n-----BEGIN A-----\r\nYWI=\r\n-----END A-----\r\nmore\n-----BEGIN B-----\nYWI=\n-----BEGIN C-----\nYW\n  I=\n-----END C-----\n-----BEGIN D-----\nYWI=\n-----END E-----\n-----BEGIN F-----\n";
        let block = |label: &str, line, der: Option<&[u8]>| Block {
            label: label.to_owned(),
            line,
            der: der.map(<[u8]>::to_vec),
        };
        let expected = [
            block("A", 2, Some(b"ab")),
            block("B", 6, None),
            block("C", 8, Some(b"ab")),
            block("D", 12, None),
            block("F", 15, None),
        ];
        assert_eq!(blocks(text), expected);
    }
}

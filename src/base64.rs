//! Base64 with padding (RFC 4648, section 4).

const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/// Decodes a text without white space; nothing if it is not base64. Bits behind the last byte may be anything.
pub(crate) fn decode(text: &[u8]) -> Option<Vec<u8>> {
    if !text.len().is_multiple_of(4) {
        return None;
    }
    let n_padding = text.iter().rev().take_while(|b| **b == b'=').count();
    if n_padding > 2 {
        return None;
    }
    let mut bytes = Vec::with_capacity(text.len() / 4 * 3);
    for group in text[..text.len() - n_padding].chunks(4) {
        let mut bits = 0_u32;
        for &b in group {
            bits = bits << 6 | digit(b)?;
        }
        bits <<= 6 * (4 - group.len());
        bytes.extend(&bits.to_be_bytes()[1..group.len()]);
    }
    Some(bytes)
}

fn digit(b: u8) -> Option<u32> {
    Some(u32::from(match b {
        b'A'..=b'Z' => b - b'A',
        b'a'..=b'z' => b - b'a' + 26,
        b'0'..=b'9' => b - b'0' + 52,
        b'+' => 62,
        b'/' => 63,
        _ => return None,
    }))
}

/// Encodes bytes, in one line.
pub(crate) fn encode(bytes: &[u8]) -> Vec<u8> {
    let mut text = Vec::with_capacity(bytes.len().div_ceil(3) * 4);
    for group in bytes.chunks(3) {
        let byte = |i: usize| u32::from(group.get(i).copied().unwrap_or(0));
        let bits = byte(0) << 16 | byte(1) << 8 | byte(2);
        for i in 0..4 {
            let value = (bits >> (18 - 6 * i) & 0x3f) as usize;
            text.push(if i <= group.len() {
                ALPHABET[value]
            } else {
                b'='
            });
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::{decode, encode};

    #[test]
    fn padding_tells_the_length() {
        for (text, bytes) in [("e30=", "{}"), ("YWJj", "abc"), ("YQ==", "a"), ("", "")] {
            assert_eq!(decode(text.as_bytes()).as_deref(), Some(bytes.as_bytes()));
            assert_eq!(encode(bytes.as_bytes()), text.as_bytes());
        }
        for wrong in [
            "YQ=", "Y===", "YQ=a", "Y Q=", "YWI", "YWI==", "YW=I", "YW-=", "====",
        ] {
            assert_eq!(decode(wrong.as_bytes()), None, "{wrong}");
        }
    }

    #[test]
    fn what_is_encoded_is_decoded_again() {
        for n in 0..200_u8 {
            let bytes: Vec<u8> = (0..n).map(|i| i.wrapping_mul(n)).collect();
            assert_eq!(decode(&encode(&bytes)), Some(bytes));
        }
    }
}

//! Base64 as embedded `data` has it (RFC 4648, section 4).

/// Decodes padded base64; nothing where the text is none.
pub(super) fn decode(text: &str) -> Option<Vec<u8>> {
    let text = text.as_bytes();
    if !text.len().is_multiple_of(4) {
        return None;
    }
    let n_padding = text.iter().rev().take_while(|&&b| b == b'=').count();
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

#[cfg(test)]
mod tests {
    use super::decode;

    #[test]
    fn padding_tells_the_length() {
        assert_eq!(decode("e30=").as_deref(), Some(b"{}".as_slice()));
        assert_eq!(decode("YWJj").as_deref(), Some(b"abc".as_slice()));
        assert_eq!(decode("YQ==").as_deref(), Some(b"a".as_slice()));
        assert_eq!(decode(""), Some(Vec::new()));
        for wrong in ["YQ=", "Y===", "YQ=a", "Y Q="] {
            assert_eq!(decode(wrong), None, "{wrong}");
        }
    }
}

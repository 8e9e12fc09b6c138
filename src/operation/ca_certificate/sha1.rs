//! SHA-1 (FIPS 180-4): part of the names that OpenSSL looks certificates up by. Nothing is trusted because of it.

const ROUNDS: [u32; 4] = [0x5a82_7999, 0x6ed9_eba1, 0x8f1b_bcdc, 0xca62_c1d6];

/// Returns the hash.
pub(super) fn sha1(message: &[u8]) -> [u8; 20] {
    let mut state = [
        0x6745_2301,
        0xefcd_ab89,
        0x98ba_dcfe,
        0x1032_5476,
        0xc3d2_e1f0,
    ];
    let n_bits = 8 * message.len() as u64;
    let mut padded = message.to_vec();
    padded.push(0x80);
    while padded.len() % 64 != 56 {
        padded.push(0);
    }
    padded.extend(n_bits.to_be_bytes());
    for block in padded.as_chunks::<64>().0 {
        add_block(&mut state, block);
    }
    let mut hash = [0; 20];
    for (bytes, word) in hash.as_chunks_mut::<4>().0.iter_mut().zip(state) {
        *bytes = word.to_be_bytes();
    }
    hash
}

#[expect(clippy::many_single_char_names, reason = "the standard names them so")]
fn add_block(state: &mut [u32; 5], block: &[u8; 64]) {
    let mut words = [0_u32; 80];
    for (word, bytes) in words.iter_mut().zip(block.as_chunks::<4>().0) {
        *word = u32::from_be_bytes(*bytes);
    }
    for i in 16..80 {
        words[i] = (words[i - 3] ^ words[i - 8] ^ words[i - 14] ^ words[i - 16]).rotate_left(1);
    }
    let [mut a, mut b, mut c, mut d, mut e] = *state;
    for (i, word) in words.into_iter().enumerate() {
        let mixed = match i / 20 {
            0 => b & c | !b & d,
            2 => b & c | b & d | c & d,
            _ => b ^ c ^ d,
        };
        let sum = a.rotate_left(5).wrapping_add(mixed).wrapping_add(e);
        let sum = sum.wrapping_add(word).wrapping_add(ROUNDS[i / 20]);
        (e, d, c, b, a) = (d, c, b.rotate_left(30), a, sum);
    }
    for (word, new) in state.iter_mut().zip([a, b, c, d, e]) {
        *word = word.wrapping_add(new);
    }
}

#[cfg(test)]
mod tests {
    use super::sha1;

    #[test]
    fn the_examples_of_the_standard_come_out() {
        let hex = |message: &[u8]| -> String {
            let hash = u128::from_be_bytes(*sha1(message).first_chunk().unwrap());
            format!("{hash:032x}")
        };
        assert_eq!(hex(b"abc"), "a9993e364706816aba3e25717850c26c");
        assert_eq!(hex(b""), "da39a3ee5e6b4b0d3255bfef95601890");
        assert_eq!(
            hex(b"abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq"),
            "84983e441c3bd26ebaae4aa1f95129e5"
        );
        assert_eq!(
            hex(&vec![b'a'; 1_000_000]),
            "34aa973cd4c4daa4f61eeb2bdbad2731"
        );
    }
}

//! Patterns that patches select names and keys by.

use std::collections::HashMap;

/// A pattern over whole texts: `*` is any run of characters, `?` any one, everything else itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Glob(String);

impl Glob {
    /// The longest pattern with a `*` or `?` that a patch may have: the time of a match is that of its text times what 64
    /// such characters take at once. In bytes.
    pub const MAX_BYTES: usize = 4096;

    /// Takes `pattern`; every text is a valid pattern.
    #[must_use]
    pub fn new(pattern: &str) -> Self {
        Self(pattern.to_owned())
    }

    /// Returns the pattern as written.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Tells whether the pattern may cover a text besides itself.
    #[must_use]
    pub fn has_wildcard(&self) -> bool {
        self.0.contains(['*', '?'])
    }

    /// Tells whether the pattern covers all of `text`.
    #[must_use]
    pub fn matches(&self, text: &str) -> bool {
        let Some((first, others)) = self.0.split_once('*') else {
            return prefix(&self.0, text) == Some(text.len());
        };
        let (middle, last) = others.rsplit_once('*').unwrap_or(("", others));
        let Some(rest) = prefix(first, text).map(|end| &text[end..]) else {
            return false;
        };
        let Some(mut rest) = suffix(last, rest).map(|start| &rest[..start]) else {
            return false;
        };
        // The first place for each piece leaves the most to the others.
        for piece in middle.split('*').filter(|piece| !piece.is_empty()) {
            match find(piece, rest) {
                Some(end) => rest = &rest[end..],
                None => return false,
            }
        }
        true
    }
}

/// Returns where the beginning of `text` that `piece` covers ends.
fn prefix(piece: &str, text: &str) -> Option<usize> {
    if !piece.contains('?') {
        return text.starts_with(piece).then_some(piece.len());
    }
    let mut chars = text.chars();
    let covers = |wanted| chars.next().is_some_and(|c| wanted == '?' || wanted == c);
    piece
        .chars()
        .all(covers)
        .then(|| text.len() - chars.as_str().len())
}

/// Returns where the end of `text` that `piece` covers begins.
fn suffix(piece: &str, text: &str) -> Option<usize> {
    if !piece.contains('?') {
        return text.strip_suffix(piece).map(str::len);
    }
    let n = piece.chars().count().checked_sub(1)?;
    let (start, _) = text.char_indices().nth_back(n)?;
    prefix(piece, &text[start..]).map(|_| start)
}

/// Returns where the first part of `text` that `piece` covers ends.
fn find(piece: &str, text: &str) -> Option<usize> {
    if !piece.contains('?') {
        return text.find(piece).map(|start| start + piece.len());
    }
    // For each character, where in the piece it may be; a bit of `ends` says that as much of the piece ends here.
    let n = piece.chars().count();
    let n_words = n.div_ceil(64);
    let mut masks: HashMap<char, Vec<u64>> = HashMap::new();
    let mut any = vec![0_u64; n_words];
    for (i, c) in piece.chars().enumerate() {
        let bit = 1 << (i % 64);
        if c == '?' {
            any[i / 64] |= bit;
        } else {
            masks.entry(c).or_insert_with(|| vec![0; n_words])[i / 64] |= bit;
        }
    }
    let mut ends = vec![0_u64; n_words];
    for (at, c) in text.char_indices() {
        let mask = masks.get(&c);
        let mut carry = 1;
        for (w, word) in ends.iter_mut().enumerate() {
            let shifted = *word << 1 | carry;
            carry = *word >> 63;
            *word = shifted & (any[w] | mask.map_or(0, |mask| mask[w]));
        }
        if ends[n_words - 1] >> ((n - 1) % 64) & 1 == 1 {
            return Some(at + c.len_utf8());
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::Glob;
    use proptest::prelude::proptest;

    /// What a pattern means, tried in every way.
    fn covers(pattern: &[char], text: &[char]) -> bool {
        match pattern.split_first() {
            None => text.is_empty(),
            Some(('*', rest)) => (0..=text.len()).any(|n| covers(rest, &text[n..])),
            Some((wanted, rest)) => text
                .split_first()
                .is_some_and(|(c, text)| (*wanted == '?' || wanted == c) && covers(rest, text)),
        }
    }

    proptest! {
        #[test]
        fn a_pattern_covers_what_it_says(pattern in "[ab?*é]{0,8}", text in "[abé]{0,10}") {
            let chars = |text: &str| text.chars().collect::<Vec<char>>();
            let wanted = covers(&chars(&pattern), &chars(&text));
            assert_eq!(Glob::new(&pattern).matches(&text), wanted, "{pattern} {text}");
        }

        #[test]
        fn a_long_piece_is_found(start in 0_usize..100, n in 1_usize..200) {
            let text = format!("{}{}{}", "a".repeat(start), "b".repeat(n), "c".repeat(70));
            let matches = |piece: String| Glob::new(&format!("*{piece}*")).matches(&text);
            assert!(matches(format!("?{}?", "b".repeat(n - 1) + "c")));
            assert!(!matches(format!("?{}?", "b".repeat(n + 1))));
            assert_eq!(matches(format!("{}?b", "a".repeat(start))), n > 1);
        }
    }

    #[test]
    fn a_match_costs_what_text_and_pattern_weigh() {
        let text = "a".repeat(1 << 20);
        for pattern in [
            format!("*{}b", "a".repeat(4000)),
            format!("*{}b*", "a".repeat(4000)),
            format!("*{}b*", "?a".repeat(2000)),
            format!("*{}b", "a*".repeat(2000)),
        ] {
            assert!(!Glob::new(&pattern).matches(&text));
        }
    }
}

//! Values that are used and never shown.
//!
//! Whatever is made for people or programs to read is masked here, and only here: plans, notes, problems. What is
//! written into an image is what its patch says.

use serde_json::Value;

use crate::printable;

const MASK: &str = "***";
/// Of a secret that was cut for a message, shorter beginnings tell nothing.
const MIN_CUT_CHARS: usize = 4;

/// The values of a patch that must not be shown.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Secrets {
    /// Every way in which one may be spelled, the longest first: one secret may hold another.
    spellings: Vec<String>,
}

/// What is to be shown, and may have a secret in it.
#[derive(Debug)]
pub enum Shown<'a> {
    /// A text.
    Text(&'a mut String),
    /// The texts of a JSON value.
    Json(&'a mut Value),
}

// Nothing shows a secret, not even a trace.
impl std::fmt::Debug for Secrets {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Secrets")
    }
}

impl Secrets {
    /// Adds a value; an empty one hides nothing.
    pub fn add(&mut self, value: &str) {
        let json = Value::from(value).to_string();
        let in_json = json[1..json.len() - 1].to_owned();
        let go_json = ["<", ">", "&"].iter().fold(in_json.clone(), |text, c| {
            text.replace(c, &format!("\\u{:04x}", c.as_bytes()[0]))
        });
        self.spellings
            .extend([value.to_owned(), in_json, go_json, printable::line(value)]);
        self.settle();
    }

    /// Tells whether nothing has to be masked.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.spellings.is_empty()
    }

    /// Adds the secrets of another patch.
    pub fn extend(&mut self, other: &Self) {
        self.spellings.extend(other.spellings.iter().cloned());
        self.settle();
    }

    fn settle(&mut self) {
        self.spellings.retain(|spelling| !spelling.is_empty());
        self.spellings
            .sort_by(|a, b| b.len().cmp(&a.len()).then_with(|| a.cmp(b)));
        self.spellings.dedup();
    }

    /// Returns `text` with `***` for every secret in it, also for the beginning of one before a `…`.
    #[must_use]
    pub fn mask(&self, text: &str) -> String {
        // What was cut goes first: a shorter secret in it would hide that it is the beginning of a longer one.
        let whole = |text: String, cut: bool| {
            let spellings = self.spellings.iter();
            spellings
                .filter(|spelling| spelling.contains('…') == cut)
                .fold(text, |text, spelling| text.replace(spelling, MASK))
        };
        let text = whole(text.to_owned(), true);
        let pieces: Vec<&str> = text.split('…').collect();
        let (last, cut) = pieces.split_last().expect("a text has a last piece");
        let masked: String = cut.iter().map(|piece| self.mask_end(piece) + "…").collect();
        whole(masked + last, false)
    }

    /// Masks the longest beginning of a secret that `text` ends with.
    fn mask_end(&self, text: &str) -> String {
        let beginnings = self.spellings.iter().flat_map(|spelling| {
            let ends = spelling.char_indices().map(|(at, _)| at);
            ends.skip(MIN_CUT_CHARS).map(|end| &spelling[..end])
        });
        let longest = beginnings
            .filter(|beginning| text.ends_with(beginning))
            .max_by_key(|beginning| beginning.len());
        match longest {
            Some(beginning) => text[..text.len() - beginning.len()].to_owned() + MASK,
            None => text.to_owned(),
        }
    }

    /// Masks everything that is to be shown.
    pub fn mask_all<'s>(&self, shown: impl IntoIterator<Item = Shown<'s>>) {
        for shown in shown {
            match shown {
                Shown::Text(text) => *text = self.mask(text),
                Shown::Json(value) => self.mask_json(value),
            }
        }
    }

    /// Masks the texts of a JSON value, keys left out: no secret gets there.
    pub fn mask_json(&self, value: &mut Value) {
        match value {
            Value::String(text) => *text = self.mask(text),
            Value::Array(items) => items.iter_mut().for_each(|item| self.mask_json(item)),
            Value::Object(members) => members.values_mut().for_each(|value| self.mask_json(value)),
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Secrets;
    use serde_json::json;

    fn secrets(values: &[&str]) -> Secrets {
        let mut secrets = Secrets::default();
        for value in values {
            secrets.add(value);
        }
        secrets
    }

    #[test]
    fn a_secret_is_masked_in_every_spelling() {
        let secrets = secrets(&["a\"<\n>b", "hunter2", ""]);
        for text in [
            "a\"<\n>b",
            "a\\\"<\\n>b",
            "a\\\"\\u003c\\n\\u003eb",
            "a\"<\\n>b",
        ] {
            assert_eq!(secrets.mask(&format!("x {text}!")), "x ***!");
        }
        assert_eq!(secrets.mask("hunter2-hunter2"), "***-***");
        assert_eq!(secrets.mask("hunter"), "hunter");
        let mut value = json!({"hunter2": ["xhunter2", 2]});
        secrets.mask_json(&mut value);
        assert_eq!(value, json!({"hunter2": ["x***", 2]}));
        assert_eq!(format!("{secrets:?}"), "Secrets");
    }

    #[test]
    fn a_secret_that_was_cut_is_masked() {
        let secrets = secrets(&["0123456789", "0123", "a…b"]);
        assert_eq!(secrets.mask("x012345… 0123 012…"), "x***… *** 012…");
        assert_eq!(secrets.mask("0123456789… a…b"), "***… ***");
        assert_eq!(secrets.mask("one … more"), "one … more");
    }

    #[test]
    fn a_secret_within_another_does_not_uncover_it() {
        assert_eq!(secrets(&["ab", "abcd"]).mask("abcd ab"), "*** ***");
    }
}

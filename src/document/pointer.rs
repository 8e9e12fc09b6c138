//! JSON pointers (RFC 6901): where in a document a value is.

use std::fmt;

/// A pointer, such as `/spec/containers/0/image`; the empty one is the whole document.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Pointer {
    steps: Vec<String>,
}

impl Pointer {
    /// Parses a pointer; `~1` is a `/` within a key, and `~0` a `~` (RFC 6901, section 4).
    pub fn parse(text: &str) -> Result<Self, InvalidPointer> {
        if text.is_empty() {
            return Ok(Self::default());
        }
        let Some(rest) = text.strip_prefix('/') else {
            return Err(InvalidPointer::NoSlash);
        };
        let steps = rest.split('/').map(unescape).collect::<Option<_>>();
        steps
            .map(|steps| Self { steps })
            .ok_or(InvalidPointer::Escape)
    }

    /// Returns the keys and indexes, without escapes.
    #[must_use]
    pub fn steps(&self) -> &[String] {
        &self.steps
    }

    /// Returns the pointer to the first `n` steps.
    #[must_use]
    pub fn up_to(&self, n: usize) -> Self {
        Self {
            steps: self.steps[..n].to_vec(),
        }
    }

    /// Goes down to a child.
    pub fn push(&mut self, step: String) {
        self.steps.push(step);
    }

    /// Goes up again.
    pub fn pop(&mut self) {
        self.steps.pop();
    }

    /// Returns the pointer to a child.
    #[must_use]
    pub fn child(&self, step: &str) -> Self {
        let mut steps = self.steps.clone();
        steps.push(step.to_owned());
        Self { steps }
    }
}

impl fmt::Display for Pointer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let escaped = |step: &String| step.replace('~', "~0").replace('/', "~1");
        self.steps
            .iter()
            .try_for_each(|step| write!(f, "/{}", escaped(step)))
    }
}

/// Why a text is not a pointer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum InvalidPointer {
    /// It starts with something else than `/`.
    NoSlash,
    /// A `~` is followed by neither `0` nor `1`.
    Escape,
}

fn unescape(step: &str) -> Option<String> {
    let mut text = String::with_capacity(step.len());
    let mut rest = step;
    while let Some((before, after)) = rest.split_once('~') {
        text.push_str(before);
        text.push(match after.as_bytes().first() {
            Some(b'0') => '~',
            Some(b'1') => '/',
            _ => return None,
        });
        rest = &after[1..];
    }
    text.push_str(rest);
    Some(text)
}

#[cfg(test)]
mod tests {
    use super::{InvalidPointer, Pointer};

    #[test]
    fn a_pointer_is_its_keys_with_two_escapes() {
        // The examples of RFC 6901, section 5.
        let cases: [(&str, &[&str]); 8] = [
            ("", &[]),
            ("/foo", &["foo"]),
            ("/foo/0", &["foo", "0"]),
            ("/", &[""]),
            ("/a~1b", &["a/b"]),
            ("/m~0n", &["m~n"]),
            ("/~01", &["~1"]),
            ("/ /\"", &[" ", "\""]),
        ];
        for (text, steps) in cases {
            let pointer = Pointer::parse(text).unwrap();
            assert_eq!(pointer.steps(), steps, "{text}");
            assert_eq!(pointer.to_string(), text);
        }
    }

    #[test]
    fn what_is_not_a_pointer_is_refused() {
        assert_eq!(Pointer::parse("foo"), Err(InvalidPointer::NoSlash));
        assert_eq!(Pointer::parse("#/foo"), Err(InvalidPointer::NoSlash));
        for text in ["/a~", "/a~2b", "/~/b", "/~é"] {
            assert_eq!(Pointer::parse(text), Err(InvalidPointer::Escape), "{text}");
        }
    }
}

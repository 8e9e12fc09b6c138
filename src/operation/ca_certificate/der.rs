//! The elements of a certificate (X.690, "Distinguished encoding rules").

pub(super) const INTEGER: u8 = 0x02;
pub(super) const BIT_STRING: u8 = 0x03;
pub(super) const OBJECT_IDENTIFIER: u8 = 0x06;
pub(super) const UTF8_STRING: u8 = 0x0c;
pub(super) const SEQUENCE: u8 = 0x30;
pub(super) const SET: u8 = 0x31;

/// An element.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Element<'a> {
    pub(super) tag: u8,
    /// With its tag and length.
    pub(super) whole: &'a [u8],
    pub(super) content: &'a [u8],
}

/// The elements inside another one that were not read yet.
#[derive(Debug, Clone, Copy)]
pub(super) struct Elements<'a>(&'a [u8]);

impl<'a> Elements<'a> {
    pub(super) fn of(bytes: &'a [u8]) -> Self {
        Self(bytes)
    }

    pub(super) fn is_empty(self) -> bool {
        self.0.is_empty()
    }

    /// Returns the next element, whatever it is.
    pub(super) fn next(&mut self) -> Option<Element<'a>> {
        let (&tag, rest) = self.0.split_first()?;
        let (&first, rest) = rest.split_first()?;
        // Tags of several bytes are not in a certificate, lengths without end not in DER.
        if tag & 0x1f == 0x1f || first == 0x80 {
            return None;
        }
        let n_bytes = usize::from(if first < 0x80 { 0 } else { first & 0x7f });
        if n_bytes > 4 {
            return None;
        }
        let (length, rest) = rest.split_at_checked(n_bytes)?;
        let length = match n_bytes {
            0 => usize::from(first),
            _ => length
                .iter()
                .fold(0, |length, byte| length << 8 | usize::from(*byte)),
        };
        let (content, rest) = rest.split_at_checked(length)?;
        let whole = &self.0[..self.0.len() - rest.len()];
        self.0 = rest;
        Some(Element {
            tag,
            whole,
            content,
        })
    }

    /// Returns the next element, which has to be of that kind.
    pub(super) fn next_of(&mut self, tag: u8) -> Option<Element<'a>> {
        self.next().filter(|element| element.tag == tag)
    }

    /// Returns all elements, which have to be of that kind.
    pub(super) fn all_of(mut self, tag: u8) -> Option<Vec<Element<'a>>> {
        let mut all = Vec::new();
        while !self.is_empty() {
            all.push(self.next_of(tag)?);
        }
        Some(all)
    }
}

impl<'a> Element<'a> {
    pub(super) fn elements(self) -> Elements<'a> {
        Elements(self.content)
    }
}

/// Encodes an element.
pub(super) fn element(tag: u8, content: &[u8]) -> Vec<u8> {
    let mut element = vec![tag];
    if let Ok(length @ 0..0x80) = u8::try_from(content.len()) {
        element.push(length);
    } else {
        let length = content.len().to_be_bytes();
        let n_zeros = length.iter().take_while(|byte| **byte == 0).count();
        let length = &length[n_zeros..];
        element.push(0x80 | u8::try_from(length.len()).expect("it has at most 8 bytes"));
        element.extend_from_slice(length);
    }
    element.extend_from_slice(content);
    element
}

#[cfg(test)]
mod tests {
    use super::{Elements, SEQUENCE, element};

    #[test]
    fn an_element_is_read_as_it_was_written() {
        for length in [0, 1, 127, 128, 255, 256, 65_536] {
            let content = vec![7; length];
            let whole = element(SEQUENCE, &content);
            let mut elements = Elements::of(&whole);
            let found = elements.next_of(SEQUENCE).unwrap();
            assert_eq!((found.content, found.whole), (&content[..], &whole[..]));
            assert!(elements.is_empty());
            if length > 0 {
                assert_eq!(Elements::of(&whole[..whole.len() - 1]).next(), None);
            }
        }
        for bad in [
            &[][..],
            &[0x30],
            &[0x30, 0x80, 0, 0],
            &[0x1f, 0x81, 0],
            &[0x30, 0x85, 0, 0, 0, 0, 0],
        ] {
            assert_eq!(Elements::of(bad).next(), None, "{bad:?}");
        }
    }
}

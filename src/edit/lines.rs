//! Lines of a text whose ends are kept as they are.

/// What ends a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum LineEnd {
    Lf,
    CrLf,
}

impl LineEnd {
    /// Returns what ends the lines of a text; the first one counts.
    pub(crate) fn of(text: &[u8]) -> Self {
        let first = text.split_inclusive(|byte| *byte == b'\n').next();
        match first {
            Some(line) if line.ends_with(b"\r\n") => Self::CrLf,
            _ => Self::Lf,
        }
    }

    pub(crate) fn as_bytes(self) -> &'static [u8] {
        match self {
            Self::Lf => b"\n",
            Self::CrLf => b"\r\n",
        }
    }

    /// Returns a text of a patch with this end at each of its lines.
    pub(crate) fn convert(self, text: &[u8]) -> Vec<u8> {
        let mut converted = Vec::with_capacity(text.len());
        for line in lines(text) {
            converted.extend_from_slice(line.text);
            if !line.end.is_empty() {
                converted.extend_from_slice(self.as_bytes());
            }
        }
        converted
    }

    /// Does what [`convert`](Self::convert) does.
    pub(crate) fn convert_text(self, text: &str) -> String {
        let converted = self.convert(text.as_bytes());
        String::from_utf8(converted).expect("line ends are ASCII")
    }
}

/// A line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct TextLine<'t> {
    /// What it says.
    pub(crate) text: &'t [u8],
    /// `\n`, `\r\n`, or nothing at the end of the text.
    pub(crate) end: &'t [u8],
}

/// Returns the lines of a text.
pub(crate) fn lines(text: &[u8]) -> impl DoubleEndedIterator<Item = TextLine<'_>> {
    text.split_inclusive(|byte| *byte == b'\n').map(|line| {
        let text = match line {
            [text @ .., b'\r', b'\n'] | [text @ .., b'\n'] => text,
            _ => line,
        };
        TextLine {
            text,
            end: &line[text.len()..],
        }
    })
}

/// Returns the number of the line that holds the byte at `offset`; the first is 1.
pub(crate) fn line_number(text: &[u8], offset: usize) -> usize {
    text[..offset].split(|byte| *byte == b'\n').count()
}

/// Adds what ends the last line, unless something does.
pub(crate) fn close(text: &mut Vec<u8>, end: LineEnd) {
    if !text.is_empty() && !text.ends_with(b"\n") {
        text.extend_from_slice(end.as_bytes());
    }
}

#[cfg(test)]
mod tests {
    use super::{LineEnd, close, line_number, lines};

    #[test]
    fn every_line_has_its_own_end() {
        let found: Vec<_> = lines(b"a\r\nb\n\r\r\nc")
            .map(|it| (it.text, it.end))
            .collect();
        let expected: [(&[u8], &[u8]); 4] = [
            (b"a", b"\r\n"),
            (b"b", b"\n"),
            (b"\r", b"\r\n"),
            (b"c", b""),
        ];
        assert_eq!(found, expected);
        assert_eq!(lines(b"").count(), 0);
        assert_eq!(line_number(b"a\nb\n", 2), 2);
    }

    #[test]
    fn what_is_added_ends_as_the_rest_does() {
        assert_eq!(LineEnd::of(b"a\r\nb\n"), LineEnd::CrLf);
        assert_eq!(LineEnd::of(b"a"), LineEnd::Lf);
        assert_eq!(LineEnd::CrLf.convert(b"x\ny\r\nz"), b"x\r\ny\r\nz");
        let mut text = b"a\r\nb".to_vec();
        close(&mut text, LineEnd::CrLf);
        assert_eq!(text, b"a\r\nb\r\n");
        close(&mut text, LineEnd::CrLf);
        assert_eq!(text, b"a\r\nb\r\n");
    }
}

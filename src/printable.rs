//! What may be printed: the one place that decides which characters of a foreign string reach a reader.
//!
//! Names, tags, paths and values come from strangers. Printed as they are, they could drive a terminal, reorder the text
//! around them, hide characters, or give commands to a CI runner. Every text output goes through [`line()`] or [`lines`],
//! JSON through [`json`]. The rule: Unicode's categories Cc, Cf, Co, Zl, Zp and Zs (but for the space), noncharacters,
//! `Default_Ignorable_Code_Point` (UAX #44) and two blank symbols are written as escapes.

use std::borrow::Cow;
use std::ffi::OsStr;
use std::fmt::{self, Write};
use std::io;
use std::os::unix::ffi::OsStrExt;

use serde::Serialize;

/// More marks than this on one character cover the lines around it.
const MAX_MARKS: usize = 4;

/// Tells whether a character is shown by itself: it takes space, and has no effect on the characters around it.
#[must_use]
pub fn is_visible(c: char) -> bool {
    if c.is_ascii() {
        return matches!(c, ' '..='~');
    }
    // The last two code points of each plane are noncharacters.
    if u32::from(c) & 0xfffe == 0xfffe {
        return false;
    }
    !matches!(c,
        '\u{80}'..='\u{a0}' | '\u{ad}' | '\u{34f}' | '\u{600}'..='\u{605}' | '\u{61c}' | '\u{6dd}' | '\u{70f}'
        | '\u{890}'..='\u{891}' | '\u{8e2}' | '\u{115f}'..='\u{1160}' | '\u{1680}' | '\u{17b4}'..='\u{17b5}'
        | '\u{180b}'..='\u{180f}' | '\u{2000}'..='\u{200f}' | '\u{2028}'..='\u{202f}' | '\u{205f}'..='\u{206f}'
        // U+2800 is braille without a dot, U+1D159 a note without a head.
        | '\u{2800}' | '\u{3000}' | '\u{3164}' | '\u{e000}'..='\u{f8ff}' | '\u{fdd0}'..='\u{fdef}'
        | '\u{fe00}'..='\u{fe0f}' | '\u{feff}' | '\u{ffa0}' | '\u{fff0}'..='\u{fffb}' | '\u{110bd}' | '\u{110cd}'
        | '\u{13430}'..='\u{1343f}' | '\u{1bca0}'..='\u{1bca3}' | '\u{1d159}' | '\u{1d173}'..='\u{1d17a}'
        | '\u{e0000}'..='\u{e0fff}' | '\u{f0000}'..)
}

/// Returns `U+200B` for a character.
#[must_use]
pub fn code_point(c: char) -> String {
    format!("U+{:04X}", u32::from(c))
}

/// Returns `text` on one line, with an escape for each character that is not visible: `\n`, `\r`, `\t`, `\u{200b}`.
///
/// A combining mark is kept on the character that it belongs to, and escaped on anything else. A bracket that would begin
/// a command gets a backslash (see [`begins_command`]). Backslashes stay, so what is escaped twice is as if it were
/// escaped once.
#[must_use]
pub fn line(text: &str) -> String {
    let mut escaper = Escaper::default();
    text.chars().for_each(|c| escaper.push(c));
    escaper.text
}

/// Writes a line through [`line()`].
pub fn put(out: &mut impl Write, text: fmt::Arguments<'_>) -> fmt::Result {
    writeln!(out, "{}", line(&text.to_string()))
}

/// Returns a whole output for people, in which nothing but its line breaks and visible characters is left.
///
/// No line of it is a command to GitHub's runner, which takes `::name::` at the start of a line for one, blanks aside.
#[must_use]
pub fn lines(text: &str) -> String {
    let harmless = |text: &str| {
        let text = line(text);
        let rest = text.trim_start();
        let (indent, is_command) = (text.len() - rest.len(), rest.starts_with("::"));
        let backslash = if is_command { "\\" } else { "" };
        format!("{}{backslash}{rest}", &text[..indent])
    };
    let lines: Vec<String> = text.split('\n').map(harmless).collect();
    lines.join("\n")
}

/// Tells whether a bracket behind this text would begin a command to a CI runner.
///
/// GitHub's takes `##[name]` for one, anywhere in a line (`ActionCommand.cs` of actions/runner); those of others are
/// `##vso[…]` and `##teamcity[…]`.
#[must_use]
pub fn begins_command(before: &str) -> bool {
    let name = before.trim_end_matches(|c: char| c.is_ascii_alphanumeric());
    name.ends_with("##")
}

/// Returns a JSON document over several lines: the same data, with JSON escapes for what [`line()`] escapes.
///
/// # Panics
///
/// If a map has keys that are not strings, which no document of ours has.
#[must_use]
pub fn json(value: &impl Serialize) -> String {
    let document =
        serde_json::to_string_pretty(value).expect("our own documents have strings for keys");
    escaped(&document)
}

/// Writes the document that [`json`] returns, line by line, so that a long one need not be in memory at once.
pub fn write_json(out: &mut dyn io::Write, value: &impl Serialize) -> io::Result<()> {
    let mut lines = Lines {
        out,
        line: Vec::new(),
    };
    serde_json::to_writer_pretty(&mut lines, value)?;
    lines.end()
}

/// A writer of JSON that escapes one line at a time.
struct Lines<'a> {
    out: &'a mut dyn io::Write,
    line: Vec<u8>,
}

impl Lines<'_> {
    fn end(&mut self) -> io::Result<()> {
        let line = escaped(&String::from_utf8_lossy(&self.line));
        self.line.clear();
        self.out.write_all(line.as_bytes())
    }
}

impl io::Write for Lines<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        for part in bytes.split_inclusive(|&byte| byte == b'\n') {
            self.line.extend_from_slice(part);
            if part.ends_with(b"\n") {
                self.end()?;
            }
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }
}

fn escaped(document: &str) -> String {
    let mut result = String::with_capacity(document.len());
    for c in document.chars() {
        // Outside of its strings JSON has visible characters and line breaks alone.
        if (is_visible(c) || c == '\n') && !(c == '[' && begins_command(&result)) {
            result.push(c);
        } else {
            for unit in c.encode_utf16(&mut [0; 2]) {
                write!(result, "\\u{unit:04x}").expect("writing to a String succeeds");
            }
        }
    }
    result
}

/// Returns bytes as text; each byte that is not UTF-8 is `\xff`.
#[must_use]
pub fn decoded(bytes: &[u8]) -> Cow<'_, str> {
    if let Ok(text) = std::str::from_utf8(bytes) {
        return Cow::Borrowed(text);
    }
    let mut result = String::with_capacity(bytes.len() + 16);
    for chunk in bytes.utf8_chunks() {
        result.push_str(chunk.valid());
        write!(result, "{}", chunk.invalid().escape_ascii()).expect("writing to a String succeeds");
    }
    Cow::Owned(result)
}

/// Returns a path of this machine, or another string of its, as text; each byte that is not UTF-8 is `\xff`.
#[must_use]
pub fn path<S: AsRef<OsStr> + ?Sized>(path: &S) -> String {
    decoded(path.as_ref().as_bytes()).into_owned()
}

/// The text of a file, as it is shown line by line.
///
/// Line breaks and tabs stay, and everything else that is not visible is escaped. It knows which of its bytes show which
/// bytes of the original.
#[derive(Debug, Clone)]
pub struct Excerpt {
    text: String,
    /// Where each character that is shown in another way ends: in the original, and here. In bytes.
    ends: Vec<(usize, usize)>,
}

impl Excerpt {
    /// Shows `text`.
    #[must_use]
    pub fn of(text: &str) -> Self {
        let mut escaper = Escaper::default();
        let mut ends = Vec::new();
        let mut chars = text.char_indices().peekable();
        while let Some((at, c)) = chars.next() {
            let before = escaper.text.len();
            match c {
                '\n' | '\t' => escaper.keep(c),
                // Half of a line break.
                '\r' if chars.peek().is_some_and(|(_, next)| *next == '\n') => {}
                c => escaper.push(c),
            }
            let after = escaper.text.len();
            if after - before != c.len_utf8() {
                ends.push((at + c.len_utf8(), after));
            }
        }
        Self {
            text: escaper.text,
            ends,
        }
    }

    /// Returns the text as it is shown.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Returns where the byte `at` of the original is shown.
    #[must_use]
    pub fn shown(&self, at: usize) -> usize {
        let n = self.ends.partition_point(|(original, _)| *original <= at);
        let (original, shown) = self.before(n);
        let shown = shown + (at - original);
        let next = self.ends.get(n).map_or(self.text.len(), |end| end.1);
        shown.min(next)
    }

    /// Returns which byte of the original the byte `at` shows.
    #[must_use]
    pub fn original(&self, at: usize) -> usize {
        let n = self.ends.partition_point(|(_, shown)| *shown <= at);
        let (original, shown) = self.before(n);
        let original = original + (at - shown);
        self.ends.get(n).map_or(original, |end| original.min(end.0))
    }

    fn before(&self, n: usize) -> (usize, usize) {
        n.checked_sub(1).map_or((0, 0), |last| self.ends[last])
    }
}

/// Text that grows by characters, with escapes for those that are not visible.
#[derive(Default)]
struct Escaper {
    text: String,
    /// How many marks are on the last character; nothing where it is one that marks would only disfigure.
    marks: Option<usize>,
}

impl Escaper {
    fn push(&mut self, c: char) {
        if !is_visible(c) {
            return self.escape(c);
        }
        if !is_mark(c) {
            if c == '[' && begins_command(&self.text) {
                self.text.push('\\');
            }
            return self.keep(c);
        }
        match &mut self.marks {
            Some(n) if *n < MAX_MARKS => {
                *n += 1;
                self.text.push(c);
            }
            _ => self.escape(c),
        }
    }

    fn keep(&mut self, c: char) {
        self.text.push(c);
        self.marks = (!c.is_ascii() || c.is_ascii_alphanumeric()).then_some(0);
    }

    fn escape(&mut self, c: char) {
        if c.is_ascii() {
            self.text.extend(c.escape_default());
        } else {
            self.text.extend(c.escape_unicode());
        }
        self.marks = None;
    }
}

/// Tells whether a visible character combines with the one before it (`Grapheme_Extend`), or is not in Unicode yet.
fn is_mark(c: char) -> bool {
    !c.is_ascii() && c.escape_debug().len() > 1
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use regex::Regex;

    use super::{Excerpt, Lines, decoded, is_visible, json, line, lines, path, write_json};

    #[test]
    fn the_table_is_that_of_unicode() {
        let invisible = r"[\p{Cc}\p{Cf}\p{Co}\p{Zl}\p{Zp}\p{Zs}\p{Default_Ignorable_Code_Point}\p{Noncharacter_Code_Point}\u{2800}\u{1D159}]";
        let invisible = Regex::new(invisible).unwrap();
        for c in '\0'..=char::MAX {
            let is_invisible = c != ' ' && invisible.is_match(c.encode_utf8(&mut [0; 4]));
            assert_eq!(is_visible(c), !is_invisible, "{:x}", u32::from(c));
        }
    }

    #[test]
    fn what_is_not_visible_is_an_escape() {
        for (text, shown) in [
            ("a b\\n", "a b\\n"),
            ("a\r\n\tb\u{1b}[0m\u{7f}", "a\\r\\n\\tb\\u{1b}[0m\\u{7f}"),
            ("\u{9b}1m\u{202e}x\u{200b}", "\\u{9b}1m\\u{202e}x\\u{200b}"),
            ("\u{a0}KEY\u{feff}", "\\u{a0}KEY\\u{feff}"),
            ("\u{e0041}", "\\u{e0041}"),
            ("日本 é e\u{301} ñ", "日本 é e\u{301} ñ"),
        ] {
            assert_eq!(line(text), shown);
            assert_eq!(line(&line(text)), shown);
        }
    }

    #[test]
    fn marks_stay_on_their_characters_and_are_few() {
        assert_eq!(line("\u{301}a"), "\\u{301}a");
        assert_eq!(line("`\u{301}`"), "`\\u{301}`");
        assert_eq!(line("\u{200b}\u{301}"), "\\u{200b}\\u{301}");
        let zalgo = format!("a{}b", "\u{301}".repeat(6));
        let shown = format!("a{}\\u{{301}}\\u{{301}}b", "\u{301}".repeat(4));
        assert_eq!(line(&zalgo), shown);
    }

    #[test]
    fn no_line_is_a_command_of_a_runner() {
        for (text, shown) in [
            ("a\n  ::error::x", "a\n  \\::error::x"),
            ("::x\n:: y\na ::b", "\\::x\n\\:: y\na ::b"),
            ("x ##[error]y ##vso[a] [b]", "x ##\\[error]y ##vso\\[a] [b]"),
            ("##[##teamcity[a", "##\\[##teamcity\\[a"),
            ("# [a] #[b] a##b ## [c]", "# [a] #[b] a##b ## [c]"),
            ("a\u{85}::error::b\r", "a\\u{85}::error::b\\r"),
            ("\u{a0}::error::b", "\\u{a0}::error::b"),
        ] {
            assert_eq!(lines(text), shown);
            assert_eq!(lines(&lines(text)), shown);
        }
    }

    #[test]
    fn json_is_the_same_data_in_visible_characters() {
        let value = serde_json::json!({"\u{202e}\\": ["\u{7f}\u{9b}\u{200b}\"", "\u{e0041}é\n\u{1b}", "##[x]"], "##": []});
        let text = json(&value);
        assert!(text.chars().all(|c| is_visible(c) || c == '\n'), "{text}");
        assert!(text.contains("\\udb40\\udc41é\\n\\u001b"), "{text}");
        assert!(!text.contains("##["), "{text}");
        assert_eq!(
            serde_json::from_str::<serde_json::Value>(&text).unwrap(),
            value
        );
        let mut written = Vec::new();
        write_json(&mut written, &value).unwrap();
        assert_eq!(String::from_utf8(written).unwrap(), text);
        // A long document need not be in memory at once.
        let (out, line) = (&mut Vec::new(), Vec::new());
        let mut lines = Lines { out, line };
        lines.write_all(b"a\nb").unwrap();
        assert_eq!(lines.line, b"b");
    }

    #[test]
    fn bytes_that_are_no_text_are_shown_one_by_one() {
        assert_eq!(decoded(b"a\xff\xe2\x80b"), "a\\xff\\xe2\\x80b");
        assert_eq!(decoded("é".as_bytes()), "é");
        assert_eq!(path("a/b"), "a/b");
    }

    #[test]
    fn an_excerpt_knows_where_everything_is() {
        let text = "a\u{200b}y\r\n\té\u{1b}\u{e0041}x";
        let excerpt = Excerpt::of(text);
        assert_eq!(excerpt.text(), "a\\u{200b}y\n\té\\u{1b}\\u{e0041}x");
        let both = |c| (text.find(c).unwrap(), excerpt.text().find(c).unwrap());
        for c in ['a', 'y', '\n', '\t', 'é', 'x'] {
            let (original, shown) = both(c);
            assert_eq!(excerpt.shown(original), shown, "{c:?}");
            assert_eq!(excerpt.original(shown), original, "{c:?}");
        }
        assert_eq!(excerpt.shown(1), 1);
        assert_eq!(excerpt.shown(text.len()), excerpt.text().len());
        assert_eq!(excerpt.original(excerpt.text().len()), text.len());
        for at in 0..=text.len() {
            assert!(
                excerpt.text().is_char_boundary(excerpt.shown(at)) || !text.is_char_boundary(at)
            );
        }
    }
}

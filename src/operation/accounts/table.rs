//! Files with an account in each line: passwd(5), group(5), shadow(5), gshadow(5).

use crate::edit::lines::{LineEnd, TextLine, close, lines};
use crate::edit::text::{TextEdit, TextFile};
use crate::printable;
use crate::problem::quoted;

/// Where the name is in a line of each of the files.
pub(super) const NAME: usize = 0;
/// Where the number is in a line of `/etc/passwd` and `/etc/group`.
pub(super) const ID: usize = 2;
/// Where the primary group is in a line of `/etc/passwd`.
pub(super) const PRIMARY: usize = 3;
/// Where the members are in a line of `/etc/group` and `/etc/gshadow`.
const MEMBERS: usize = 3;
/// Where the home directory is in a line of `/etc/passwd`.
pub(super) const HOME: usize = 5;
/// Where the shell is in a line of `/etc/passwd`.
pub(super) const SHELL: usize = 6;

/// One of the files, and what becomes of it.
pub(super) struct Table {
    /// Nothing if the image does not have the file and need not.
    file: Option<TextFile>,
    text: Vec<u8>,
}

/// A line.
#[derive(Clone, Copy)]
pub(super) struct Row<'t> {
    number: usize,
    line: &'t [u8],
}

impl<'t> Row<'t> {
    /// Returns a field; one that the line does not have is empty.
    pub(super) fn field(self, index: usize) -> &'t [u8] {
        let mut fields = self.line.split(|byte| *byte == b':');
        fields.nth(index).unwrap_or_default()
    }

    /// Returns a field for messages.
    pub(super) fn quoted(self, index: usize) -> String {
        quoted(&printable::decoded(self.field(index)))
    }

    /// Returns a field that is a number.
    pub(super) fn number_at(self, index: usize) -> Option<u32> {
        str::from_utf8(self.field(index)).ok()?.parse().ok()
    }
}

impl Table {
    pub(super) fn new(file: Option<TextFile>) -> Self {
        let text = file.as_ref().map(|file| file.text.to_vec());
        Self {
            file,
            text: text.unwrap_or_default(),
        }
    }

    fn rows(&self) -> impl Iterator<Item = Row<'_>> {
        let lines = lines(&self.text).enumerate();
        let rows = lines.map(|(i, line)| Row {
            number: i + 1,
            line: line.text,
        });
        rows.filter(|row| !is_nis(row.line) && !row.line.starts_with(b"#"))
    }

    /// Returns the line of a name; the first one counts.
    pub(super) fn named(&self, name: &str) -> Option<Row<'_>> {
        self.rows().find(|row| row.field(NAME) == name.as_bytes())
    }

    /// Returns the first line with this number.
    pub(super) fn numbered(&self, id: u32) -> Option<Row<'_>> {
        self.rows().find(|row| row.number_at(ID) == Some(id))
    }

    /// Says where a line is and, if all users of the image may read it, what it is.
    pub(super) fn shown(&self, row: Row<'_>) -> String {
        let Some(file) = &self.file else {
            return String::new();
        };
        let place = format!("line {} of {}", row.number, file.name());
        if file.is_private {
            return place;
        }
        format!("{place}, {}", quoted(&printable::decoded(row.line)))
    }

    /// Adds a line of a name that has none: at the end, but before the lines that include those of NIS, as shadow-utils does
    /// (`add_one_entry_nis` in lib/commonio.c).
    pub(super) fn add(&mut self, name: &str, rest: &str) {
        let all: Vec<TextLine<'_>> = lines(&self.text).collect();
        let n_before = all.iter().position(|line| is_nis(line.text));
        let n_before = n_before.unwrap_or(all.len());
        let end = LineEnd::of(&self.text);
        let mut text = joined(&all[..n_before]);
        close(&mut text, end);
        text.extend_from_slice(format!("{name}:{rest}").as_bytes());
        text.extend_from_slice(end.as_bytes());
        text.extend(joined(&all[n_before..]));
        self.text = text;
    }

    /// Adds a member to a group, unless the group has it or there is no such group.
    pub(super) fn add_member(&mut self, group: &str, member: &str) {
        let Some(row) = self.named(group) else {
            return;
        };
        let members = row.field(MEMBERS);
        let mut each = members.split(|byte| *byte == b',');
        if each.any(|it| it == member.as_bytes()) {
            return;
        }
        let comma: &[u8] = if members.is_empty() { b"" } else { b"," };
        let members = [members, comma, member.as_bytes()].concat();
        let mut fields: Vec<&[u8]> = row.line.split(|b| *b == b':').collect();
        fields.resize(fields.len().max(MEMBERS + 1), b"");
        fields[MEMBERS] = &members;
        let line = fields.join(&b':');
        let mut all: Vec<TextLine<'_>> = lines(&self.text).collect();
        all[row.number - 1].text = &line;
        self.text = joined(&all);
    }

    /// Returns what becomes of the file, if anything.
    pub(super) fn edit(self) -> Option<TextEdit> {
        let file = self.file?;
        let text = self.text;
        (*text != *file.text).then_some(TextEdit { file, text })
    }
}

/// Tells whether a line includes or excludes accounts of NIS, rather than being one.
fn is_nis(line: &[u8]) -> bool {
    matches!(line.first(), Some(b'+' | b'-'))
}

fn joined(lines: &[TextLine<'_>]) -> Vec<u8> {
    let parts: Vec<&[u8]> = lines.iter().flat_map(|it| [it.text, it.end]).collect();
    parts.concat()
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::Table;
    use crate::edit::text::TextFile;
    use crate::image_path::ImagePath;

    fn table(text: &str) -> Table {
        let path = ImagePath::parse("/etc/group").unwrap();
        Table::new(Some(TextFile {
            text: Arc::from(text.as_bytes()),
            ..TextFile::absent(path)
        }))
    }

    fn text(table: Table) -> Option<String> {
        table
            .edit()
            .map(|edit| String::from_utf8(edit.text).unwrap())
    }

    #[test]
    fn a_line_is_added_before_those_of_nis() {
        for (before, after) in [
            ("", "b:x\n"),
            ("a:x:0:", "a:x:0:\nb:x\n"),
            ("a:x:0:\r\n", "a:x:0:\r\nb:x\r\n"),
            ("a:x:0:\n\n# end\n", "a:x:0:\n\n# end\nb:x\n"),
            ("a:x:0:\n+@all\n-bad\n+", "a:x:0:\nb:x\n+@all\n-bad\n+"),
            ("+", "b:x\n+"),
        ] {
            let mut table = table(before);
            table.add("b", "x");
            assert_eq!(text(table).as_deref(), Some(after), "{before:?}");
        }
    }

    #[test]
    fn a_member_is_added_once_and_nothing_else_changes() {
        for (before, after) in [
            ("b:x:1:\n", Some("b:x:1:m\n")),
            ("b:x:1", Some("b:x:1:m")),
            ("b\n", Some("b:::m\n")),
            (
                "a:x:0:\r\nb:x:1:k,l\r\nc:\r\n",
                Some("a:x:0:\r\nb:x:1:k,l,m\r\nc:\r\n"),
            ),
            ("b:x:1:mm,m\n", None),
            ("a:x:1:\n", None),
            ("b:x:1:k\nb:x:1:m\n", Some("b:x:1:k,m\nb:x:1:m\n")),
            ("b:x:1:\n", Some("b:x:1:m\n")),
            ("#b:x:1:\n+b:x:1:\n", None),
        ] {
            let mut table = table(before);
            table.add_member("b", "m");
            assert_eq!(text(table).as_deref(), after, "{before:?}");
        }
    }

    #[test]
    fn lines_are_found_by_name_and_number() {
        let table = table("#a:x:5:\n\na:x:07:\nb:x:five:\nc:x:7:\n+d:x:9:\n");
        let line = |row: Option<super::Row<'_>>| row.map(|row| row.number);
        assert_eq!(line(table.named("a")), Some(3));
        assert_eq!(line(table.named("")), Some(2));
        assert_eq!(line(table.numbered(7)), Some(3));
        assert_eq!(line(table.numbered(5)), None);
        assert_eq!(line(table.numbered(9)), None);
        let row = table.named("b").unwrap();
        assert_eq!(table.shown(row), "line 4 of `/etc/group`, `b:x:five:`");
    }
}

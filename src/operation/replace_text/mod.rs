//! `replace-text`: a text of a file, or what a regular expression matches, replaced as often as is said.

mod matches;
mod template;

use serde_json::json;

use self::matches::Matches;
use self::template::Template;
use super::edit_options::{EditOptions, Edited};
use super::{Docs, Inverse, Needs, Room, ValueOf};
use crate::edit::image::EditedImage;
use crate::edit::lines::{line_number, lines};
use crate::edit::text::TextFile;
use crate::image_path::ImagePath;
use crate::problem::{Code, quoted};
use crate::shape::{
    Expression, Field, PlainText, Problems, Record, Rule, SomeText, line_regex, listed, one_of,
    record, shape,
};

/// How many places a message shows.
const MAX_SHOWN: usize = 5;
/// Lines that are compared with a text that is not found. In bytes of the file.
const MAX_COMPARED: usize = 1 << 20;
/// What is alike enough to be meant, of 1.
const ALIKE: f64 = 0.85;

record! {
    /// A file, and what is replaced in it.
    pub struct Replacement("Replacement") {
        /// The file of the image.
        "path" pub path: ImagePath = required::<ImagePath>("specify the file of the image, as in `path: /etc/hosts`");
        /// What is replaced.
        pub needle: Needle = one_of::<Needle>();
        /// The new text. With `pattern`, `$1` is what its first group matched, `$0` all of it, and `$$` a `$`.
        "with" pub with: String = required::<PlainText>("write the new text, as in `with: new`; `\"\"` removes the old one");
        /// How often the file must have it; the default is 1.
        "count" pub count: Times = default_to::<Times>(Times::Exactly(1));
        /// Where the edit goes.
        pub options: EditOptions = flatten::<EditOptions>();
    }
    rule GroupsExist;
}

/// What is replaced.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Needle {
    /// This text.
    Find(String),
    /// What this regular expression matches.
    Pattern(String),
}

one_of! {
    Needle, "has neither `find` nor `pattern`", "has both `find` and `pattern`", "write the old text under `find`, or a regular expression under `pattern`";
    /// The old text as it is, which may have several lines.
    "find" SomeText => Needle::Find;
    /// A regular expression; `^` and `$` match at each line.
    "pattern" Expression => Needle::Pattern;
}

/// How often a file has what is replaced.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Times {
    /// As often as this.
    Exactly(usize),
    /// Once at least.
    All,
}

const TIMES_HELP: &str = "write how often the file has it, or `all`";

shape! {
    /// How often a file has it: a number, or `all` for once or more
    impl Times, "Times" {
        |_| json!({
            "type": ["string", "integer"],
            "minimum": 1,
            "maximum": 999_999_999,
            "pattern": "^([1-9][0-9]{0,8}|all)$",
            "patternErrorMessage": TIMES_HELP,
            "examples": ["all"],
        }),
        times
    }
}

fn times(field: &Field<'_>, problems: &mut Problems) -> Option<Times> {
    let text = field.some_word(problems)?;
    if text == "all" {
        return Some(Times::All);
    }
    let number = text.parse().ok();
    let number = number.filter(|n: &usize| (1..1_000_000_000).contains(n) && n.to_string() == text);
    if number.is_none() {
        let message = format!("{} is {}", field.name, quoted(text));
        let problem = field.problem(Code::InvalidValue, message);
        problems.add(problem.with_help(TIMES_HELP));
    }
    number.map(Times::Exactly)
}

/// What `with` takes from groups, `pattern` has.
#[derive(Debug, Clone, Copy)]
struct GroupsExist;

impl Rule for GroupsExist {
    fn check(&self, record: &Record<'_>, problems: &mut Problems) {
        let pattern = record.peek::<Expression>("pattern");
        let with = record.peek::<PlainText>("with");
        let (Some(pattern), Some(text), Some(field)) = (pattern, with, record.get("with")) else {
            return;
        };
        let n_groups = line_regex(&pattern).captures_len() - 1;
        let used = Template::of_pattern(&text).last_group();
        if let Some(used) = used.filter(|used| *used > n_groups) {
            let groups = if n_groups == 1 { "group" } else { "groups" };
            let message = format!(
                "{} uses `${used}`, but the pattern has {n_groups} {groups}",
                field.name
            );
            let problem = field.problem(Code::InvalidValue, message);
            problems.add(
                problem.with_help("put what `$1` refers to in parentheses; write `$$` for a `$`"),
            );
        }
    }
}

impl Room for Replacement {
    type Shape = Self;

    const KEY: &'static str = "replace-text";

    const DOCS: Docs = Docs {
        does: "Replaces a text in a file, or what a regular expression matches.",
        takes: "`{path: path, find: string, with: string}`, or `pattern` with a regular expression instead of `find`, and `count` (a number, 1 by default, or `all`), `in`, `if-missing` and `created-by`",
        example: "{ path: /etc/a, pattern: 'port=(\\d)', with: 'port=8$1' }",
        before: "layers: [etc/ etc/a(\"port=1\\n\")]",
        after: "layers: [etc/ etc/a(\"port=1\\n\")] [etc/ etc/a(\"port=81\\n\")]",
    };

    const INVERSE: Inverse = Inverse::Never("layers that differ are taken as they are");

    const SAMPLES: &'static [&'static str] =
        &["{ path: /etc/greeting, pattern: '^(\\w+).*', with: '$1!', count: all }"];

    fn needs(replacement: &ValueOf<Self>) -> Needs<'_> {
        Needs::edit(replacement.options.place)
    }

    fn plan<'a>(replacement: &'a ValueOf<Self>, image: &mut EditedImage<'a>) {
        if let Some(file) = replacement.options.file(&replacement.path, image) {
            replacement.plan_in(file, image);
        }
    }
}

impl Replacement {
    fn plan_in(&self, file: TextFile, image: &mut EditedImage<'_>) {
        let address = image.address();
        let found = match &self.needle {
            Needle::Find(find) => {
                if str::from_utf8(&file.text).is_err() && !find.is_ascii() {
                    // Of which encoding it is nobody can say.
                    let place = address.key("path");
                    image.utf8(&file, &place);
                    return;
                }
                Matches::of_text(find, &self.with, &file.text)
            }
            Needle::Pattern(pattern) => {
                let place = address.clone().key("path");
                let Some(text) = image.utf8(&file, &place) else {
                    return;
                };
                Matches::of_pattern(pattern, &self.with, text)
            }
        };
        match self.edited(&file.text, &found) {
            Some(edited) => self.options.edit(file, edited, image, &address),
            None => self.refuse(&file, &found, image),
        }
    }

    /// Returns what the replacement comes to; nothing if there are more or fewer places than is said.
    fn edited(&self, text: &[u8], found: &Matches) -> Option<Edited> {
        let n = found.new.len();
        let (is_wanted, n_least) = match self.count {
            Times::Exactly(wanted) => (n == wanted, wanted),
            Times::All => (n > 0, 1),
        };
        if is_wanted {
            return Some(Edited::Changed(found.replaced(text)));
        }
        let is_done = n == 0 && found.n_done.is_none_or(|n_done| n_done >= n_least);
        is_done.then(|| {
            let what = if self.with.is_empty() {
                "is without the text"
            } else {
                "has the new text"
            };
            Edited::Unchanged(what.to_owned())
        })
    }

    fn refuse(&self, file: &TextFile, found: &Matches, image: &mut EditedImage<'_>) {
        let (key, needle) = match &self.needle {
            Needle::Find(find) => ("find", find),
            Needle::Pattern(pattern) => ("pattern", pattern),
        };
        let wanted = match self.count {
            Times::Exactly(n) => n,
            Times::All => 1,
        };
        let (name, needle) = (file.name(), quoted(needle));
        let address = image.address().key(key);
        if found.new.is_empty() {
            let message = match self.needle {
                Needle::Find(_) => format!("{name} does not contain {needle}"),
                Needle::Pattern(_) => format!("{name} has no match of {needle}"),
            };
            let nearest = match &self.needle {
                Needle::Find(find) => nearest(find, file),
                Needle::Pattern(_) => None,
            };
            let help = match nearest {
                Some(line) => format!("the nearest is {line}"),
                None => format!(
                    "`ocipatch cat` with the image and `{}` shows the file",
                    file.path
                ),
            };
            return image.problem(Code::EditRejected, address, message, &help);
        }
        let places = found
            .new
            .iter()
            .take(MAX_SHOWN)
            .map(|(range, _)| place(file, range.start));
        let n_more = found.new.len().saturating_sub(MAX_SHOWN);
        let more = (n_more > 0).then(|| format!("{n_more} more"));
        let places = listed(places.chain(more), "and");
        let n = found.new.len();
        let times = if n == 1 { "time" } else { "times" };
        let has = match self.needle {
            Needle::Find(_) => "contains",
            Needle::Pattern(_) => "matches",
        };
        let message = format!("{name} {has} {needle} {n} {times}, not {wanted}: {places}");
        let help = format!("write more of the text, or `count: {n}`");
        image.problem(Code::EditRejected, address, message, &help);
    }
}

/// Returns the line that is most like a text that was not found.
fn nearest(find: &str, file: &TextFile) -> Option<String> {
    if file.is_private || file.text.len() > MAX_COMPARED || find.contains('\n') {
        return None;
    }
    let find = find.trim();
    let lines = lines(&file.text).enumerate();
    let lines = lines.filter_map(|(i, line)| Some((i + 1, str::from_utf8(line.text).ok()?)));
    let scored =
        lines.map(|(number, line)| (strsim::jaro_winkler(line.trim(), find), number, line));
    let alike = scored.filter(|(score, ..)| *score > ALIKE);
    // Of several the first.
    let best = alike.max_by(|a, b| a.0.total_cmp(&b.0).then(b.1.cmp(&a.1)))?;
    Some(format!("line {}, {}", best.1, quoted(best.2)))
}

/// Says where a match stands, and what its line says if everybody may read that.
fn place(file: &TextFile, offset: usize) -> String {
    let number = line_number(&file.text, offset);
    if file.is_private {
        return format!("line {number}");
    }
    let line = lines(&file.text).nth(number - 1);
    let line = line.map_or_else(String::new, |line| {
        String::from_utf8_lossy(line.text).into_owned()
    });
    format!("line {number} ({})", quoted(line.trim()))
}

#[cfg(test)]
mod tests {
    use super::{MAX_COMPARED, nearest, place};
    use crate::edit::text::TextFile;
    use crate::image_path::ImagePath;

    fn file(text: &str, is_private: bool) -> TextFile {
        TextFile {
            path: ImagePath::parse("/a").unwrap(),
            text: text.as_bytes().into(),
            is_private,
        }
    }

    #[test]
    fn the_nearest_line_is_named_where_everybody_may_read_it() {
        let text = "x\n  listen 80;\nlisten 80;\nlisten 443;\n";
        for (find, line) in [
            ("listen 81;", Some("line 2, `  listen 80;`")),
            (" listen 444;", Some("line 4, `listen 443;`")),
            ("nothing", None),
            ("listen 81;\n", None),
        ] {
            assert_eq!(nearest(find, &file(text, false)).as_deref(), line);
            assert_eq!(nearest(find, &file(text, true)), None);
        }
        let fill = |n| format!("{text}{}", "y".repeat(n - text.len()));
        for (n, is_told) in [(MAX_COMPARED, true), (MAX_COMPARED + 1, false)] {
            let told = nearest("listen 81;", &file(&fill(n), false));
            assert_eq!(told.is_some(), is_told);
        }
    }

    #[test]
    fn a_place_is_a_line_and_what_it_says() {
        let text = "one\n  two\n";
        for (offset, is_private, expected) in [
            (0, false, "line 1 (`one`)"),
            (6, false, "line 2 (`two`)"),
            (6, true, "line 2"),
        ] {
            assert_eq!(place(&file(text, is_private), offset), expected);
        }
    }
}

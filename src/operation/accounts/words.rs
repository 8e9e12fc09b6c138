//! Names, numbers and paths as the files of users and groups take them.

use serde_json::json;

use crate::image_path::ImagePath;
use crate::problem::{Code, quoted};
use crate::shape::{Field, Problems, Shape, distinct, set, shape, string_like};

/// Linux has larger numbers, but engines run no process as such a user (CVE-2024-40635).
const MAX_ID: u32 = i32::MAX as u32;
/// What shadow-utils allows (`is_valid_name` in libmisc/chkname.c, and `GROUP_NAME_MAX_LENGTH`), in bytes.
const MAX_NAME_BYTES: usize = 32;

const PATH_HELP: &str = "write an absolute path without `..` and `:`, as in `/home/app`";
const EXISTING: &str = "^[^:,\\s\\u0000-\\u001f\\u007f-\\u009f]+$";
/// A number has one spelling.
const GROUP: &str = "^(0|[1-9][0-9]{0,9}|(?![0-9]+$)[^:,\\s\\u0000-\\u001f\\u007f-\\u009f]+)$";
const EXISTING_HELP: &str = "a name has no `:`, `,`, space or control character";

shape! {
    /// The name of a user or group: `a` to `z`, `0` to `9`, `_` and `-`; it may end in `$`
    pub(super) struct AccountName("AccountName") -> String {
        |_| json!({
            "type": "string",
            "pattern": "^[a-z_][a-z0-9_-]*\\$?$",
            "patternErrorMessage": name_help(),
            "maxLength": MAX_NAME_BYTES,
        }),
        account_name
    }
}

shape! {
    /// The number of a user or group
    pub(super) struct AccountId("AccountId") -> u32 {
        |_| json!({
            "type": ["string", "integer"],
            "minimum": 0,
            "maximum": MAX_ID,
            "pattern": "^(0|[1-9][0-9]{0,9})$",
            "patternErrorMessage": id_help(),
        }),
        account_id
    }
}

/// A group, as the patch names it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum GroupName {
    /// By its number.
    Id(u32),
    /// By its name.
    Name(String),
}

shape! {
    /// A group, by its number or name
    impl GroupName, "GroupName" {
        |_| json!({
            "type": ["string", "integer"],
            "minimum": 0,
            "maximum": MAX_ID,
            "pattern": GROUP,
            "patternErrorMessage": EXISTING_HELP,
        }),
        |field, problems| {
            let is_number = field.node.as_text().is_some_and(is_digits);
            if is_number {
                account_id(field, problems).map(Self::Id)
            } else {
                existing_name(field, problems).map(Self::Name)
            }
        }
    }
}

shape! {
    /// The name of a user or group that the image has
    struct ExistingName("ExistingName") -> String {
        |_| string_like(EXISTING, EXISTING_HELP),
        existing_name
    }
}

shape! {
    /// Names of users or groups that the image has, each once
    pub(super) struct ExistingNames("ExistingNames") -> Vec<String> {
        set::<ExistingName>,
        |field, problems| {
            distinct(field, "audio", problems, |item, problems| {
                Some(vec![existing_name(item, problems)?])
            })
        }
    }
}

shape! {
    /// An absolute path in the image, without `..` and `:`
    pub(super) struct AccountPath("AccountPath") -> ImagePath {
        |_| string_like("^(?!(.*/)?\\.\\.(/|$))/[^:\\u0000-\\u001f\\u007f-\\u009f]*$", PATH_HELP),
        account_path
    }
}

fn is_digits(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())
}

fn account_name(field: &Field<'_>, problems: &mut Problems) -> Option<String> {
    let text = field.some_word(problems)?;
    let stem = text.strip_suffix('$').unwrap_or(text);
    let is_start = |byte: &u8| byte.is_ascii_lowercase() || *byte == b'_';
    let is_part = |byte: u8| is_start(&byte) || byte.is_ascii_digit() || byte == b'-';
    let is_name = stem.as_bytes().first().is_some_and(is_start) && stem.bytes().all(is_part);
    if is_name && text.len() <= MAX_NAME_BYTES {
        return Some(text.to_owned());
    }
    let message = format!("{} is {}", field.name, quoted(text));
    let problem = field.problem(Code::InvalidValue, message);
    problems.add(problem.with_help(name_help()));
    None
}

fn name_help() -> String {
    format!(
        "write up to {MAX_NAME_BYTES} of `a` to `z`, `0` to `9`, `_` and `-`, beginning with a letter or `_`"
    )
}

fn id_help() -> String {
    format!("write a whole number from 0 to {MAX_ID}")
}

fn account_id(field: &Field<'_>, problems: &mut Problems) -> Option<u32> {
    let text = field.some_word(problems)?;
    let id = text.parse().ok().filter(|id: &u32| *id <= MAX_ID);
    // One spelling each, as for other numbers.
    let id = id.filter(|id| id.to_string() == text);
    if id.is_none() {
        let message = format!("{} is {}", field.name, quoted(text));
        let problem = field.problem(Code::InvalidValue, message);
        problems.add(problem.with_help(id_help()));
    }
    id
}

/// A name that others have chosen; it need only fit into a line.
fn existing_name(field: &Field<'_>, problems: &mut Problems) -> Option<String> {
    let text = field.some_word(problems)?;
    let is_bad = |c: char| c == ':' || c == ',' || c.is_whitespace() || c.is_control();
    if text.contains(is_bad) {
        let message = format!("{} is {}", field.name, quoted(text));
        let problem = field.problem(Code::InvalidValue, message);
        problems.add(problem.with_help(EXISTING_HELP));
        return None;
    }
    Some(text.to_owned())
}

fn account_path(field: &Field<'_>, problems: &mut Problems) -> Option<ImagePath> {
    let text = field.word(problems)?;
    if text.contains(|c: char| c == ':' || c.is_control()) {
        let message = format!("{} is {}", field.name, quoted(text));
        let problem = field.problem(Code::InvalidPath, message);
        let help = "a line of `/etc/passwd` has no place for `:` or a control character";
        problems.add(problem.with_help(help));
        return None;
    }
    ImagePath::decode(field, problems)
}

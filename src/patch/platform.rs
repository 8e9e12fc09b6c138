//! `set-platform`: the machine that an image is for.

use schemars::JsonSchema;

use super::decode::{Field, Problems};
use super::schema;
use super::values::{distinct, word};
use crate::problem::{Code, quoted};

const KEYS: [&str; 5] = ["os", "architecture", "variant", "os-version", "os-features"];
/// What other systems call what Go calls by the second name.
const ALIASES: [(&str, &str); 8] = [
    ("x86_64", "amd64"),
    ("x86-64", "amd64"),
    ("aarch64", "arm64"),
    ("i386", "386"),
    ("i686", "386"),
    ("armhf", "arm"),
    ("armel", "arm"),
    ("macos", "darwin"),
];

/// The parts of a platform that change; omitted ones stay as they are.
#[derive(Debug, Clone, PartialEq, Eq, Default, JsonSchema)]
#[schemars(deny_unknown_fields, rename_all = "kebab-case", extend("minProperties" = 1))]
pub struct PlatformChange {
    /// The operating system, as a `GOOS` value.
    #[schemars(with = "Option<schema::PlatformPart>")]
    pub os: Option<String>,
    /// The CPU architecture, as a `GOARCH` value.
    #[schemars(with = "Option<schema::PlatformPart>")]
    pub architecture: Option<String>,
    /// The CPU variant, such as `v7`.
    #[schemars(with = "Option<schema::PlatformPart>")]
    pub variant: Option<String>,
    /// The version of the operating system, for Windows.
    #[schemars(with = "Option<schema::PlatformPart>")]
    pub os_version: Option<String>,
    /// The required features of the operating system, for Windows.
    #[schemars(with = "Option<schema::PlatformParts>")]
    pub os_features: Option<Vec<String>>,
}

impl PlatformChange {
    pub(super) fn decode(field: &Field<'_>, problems: &mut Problems) -> Option<Self> {
        let record = field.record(&KEYS, problems)?;
        if KEYS.iter().all(|key| record.get(key).is_none()) {
            let problem = field.problem(Code::Empty, "`set-platform` is empty");
            problems.add(problem.with_help(
                "it takes `os`, `architecture`, `variant`, `os-version` and `os-features`",
            ));
        }
        let mut of = |key| record.get(key).and_then(|field| part(field, problems));
        Some(Self {
            os: of("os"),
            architecture: of("architecture"),
            variant: of("variant"),
            os_version: of("os-version"),
            os_features: record.get("os-features").and_then(|field| {
                let one =
                    |item: &Field<'_>, problems: &mut Problems| Some(vec![part(item, problems)?]);
                distinct(field, "win32k", problems, one)
            }),
        })
    }
}

fn part(field: &Field<'_>, problems: &mut Problems) -> Option<String> {
    let text = word(field, problems)?;
    let is_word = text
        .chars()
        .all(|c| c.is_ascii_alphanumeric() || "._-".contains(c));
    let alias = ALIASES
        .iter()
        .find(|(theirs, _)| text.eq_ignore_ascii_case(theirs));
    if is_word && alias.is_none() {
        return Some(text);
    }
    let message = format!(
        "{} is {}, which is not a valid name",
        field.name,
        quoted(&text)
    );
    let problem = field.problem(Code::InvalidPlatform, message);
    problems.add(match alias {
        Some((_, name)) => problem.with_help(format!("write `{name}`")),
        None => problem.with_help("use letters, digits, `.`, `_` and `-`, as in `amd64`"),
    });
    None
}

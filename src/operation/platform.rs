//! `set-platform`: what the image runs on.

use serde_json::json;

use super::inverse::said;
use super::{ConfigDifference, Docs, Inverse, Needs, Reach, Room, ValueOf, fields};
use crate::config_field::ConfigField;
use crate::edit::EditedImage;
use crate::image::json::Value;
use crate::problem::{Code, quoted};
use crate::shape::{Field, NotEmpty, Problems, distinct, plain, record, set, shape};

record! {
    /// The parts of a platform that change; omitted ones stay as they are.
    #[derive(Default)]
    pub struct PlatformChange("PlatformChange") {
        /// The operating system, as a `GOOS` value.
        "os" pub os: Option<String> = optional::<PlatformPart>();
        /// The CPU architecture, as a `GOARCH` value.
        "architecture" pub architecture: Option<String> = optional::<PlatformPart>();
        /// The CPU variant, such as `v7`.
        "variant" pub variant: Option<String> = optional::<PlatformPart>();
        /// The version of the operating system, for Windows.
        "os-version" pub os_version: Option<String> = optional::<PlatformPart>();
        /// The required features of the operating system, for Windows.
        "os-features" pub os_features: Option<Vec<String>> = optional::<PlatformParts>();
    }
    rule NotEmpty(Code::Empty);
}

shape! {
    /// A name as in Go, such as `linux`, `arm64` or `v7`
    struct PlatformPart("PlatformPart") -> String {
        |_| json!({
            "type": ["string", "number"],
            "pattern": format!("^(?!({})$)[A-Za-z0-9._-]+$", ALIASES.map(|(theirs, _)| in_any_case(theirs)).join("|")),
            "patternErrorMessage": "use the name that Go has, as in `amd64`: letters, digits, `.`, `_` and `-`",
        }),
        part
    }
}

shape! {
    /// Names, each once
    struct PlatformParts("PlatformParts") -> Vec<String> {
        set::<PlatformPart>,
        |field, problems| {
            distinct(field, "win32k", problems, |item, problems| Some(vec![part(item, problems)?]))
        }
    }
}

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

fn in_any_case(word: &str) -> String {
    let letter = |c: char| match c {
        'a'..='z' => format!("[{c}{}]", c.to_ascii_uppercase()),
        other => other.to_string(),
    };
    word.chars().map(letter).collect()
}

fn part(field: &Field<'_>, problems: &mut Problems) -> Option<String> {
    let text = plain(field, field.some_word(problems)?, problems)?;
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

const PARTS: [(ConfigField, &str); 5] = [
    (ConfigField::Os, "os"),
    (ConfigField::Architecture, "architecture"),
    (ConfigField::Variant, "variant"),
    (ConfigField::OsVersion, "os-version"),
    (ConfigField::OsFeatures, "os-features"),
];

impl Room for PlatformChange {
    type Shape = Self;

    const KEY: &'static str = "set-platform";

    const DOCS: Docs = Docs {
        does: "Sets parts of the platform; omitted ones stay as they are.",
        takes: "`{os: name, architecture: name, variant: name, os-version: string, os-features: [string, …]}`",
        example: "{ architecture: arm, variant: v7 }",
        before: "\"architecture\":\"arm\",\"variant\":\"v6\"",
        after: "\"architecture\":\"arm\",\"variant\":\"v7\"",
    };

    const INVERSE: Inverse = Inverse::Config(difference);

    const SAMPLES: &'static [&'static str] = &[
        "{ architecture: arm, variant: v7 }",
        "{ os-features: [x], os-version: '1' }",
    ];

    fn needs(_: &ValueOf<Self>) -> Needs<'_> {
        Needs::only(Reach::Platform)
    }

    fn plan<'a>(platform: &'a ValueOf<Self>, image: &mut EditedImage<'a>) {
        let text = |text: &Option<String>| text.as_deref().map(Value::text);
        let values = [
            text(&platform.os),
            text(&platform.architecture),
            text(&platform.variant),
            text(&platform.os_version),
            platform.os_features.as_deref().map(Value::texts),
        ];
        fields::set_parts(image, PARTS.into_iter().zip(values));
    }
}

fn difference(difference: &mut ConfigDifference<'_>) {
    difference.parts(&PARTS, PlatformChange::KEY, false, said);
}

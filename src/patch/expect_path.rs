//! Preconditions on files of the image.

use serde_json::json;

use crate::digest::Digest;
use crate::image_path::ImagePath;
use crate::problem::{Address, Code, quoted};
use crate::shape::node::Value;
use crate::shape::{
    ANY_PATH, Field, Map, NotEmpty, Octal, Problems, Word, any_path_key, record, shape,
};

const HELP: &str = "write `exists`, `absent`, or a map of `sha256`, `mode` and `symlink`";

record! {
    /// What is expected of a path.
    pub struct PathExpectation("ExpectedPath") {
        /// The path.
        pub path: ImagePath = set_later(ImagePath::root());
        /// Whether anything is to be there at all.
        pub exists: bool = set_later(true);
        /// The digest of the file that the path leads to.
        "sha256" pub sha256: Option<Digest> = optional::<Sha256>();
        /// The permission bits of the file that the path leads to.
        "mode" pub mode: Option<u32> = optional::<Octal>();
        /// The path is a symbolic link with exactly this target.
        "symlink" pub symlink: Option<String> = optional::<Word>();
        index: usize = set_later(0);
    }
    rule NotEmpty(Code::Empty);
}

impl PathExpectation {
    /// Returns the address of what is wanted of the path, given the one of the precondition.
    #[must_use]
    pub fn address(&self, expectation: Address) -> Address {
        expectation.index(self.index)
    }
}

shape! {
    /// What is expected of paths in the image
    pub(super) struct ExpectedPaths("ExpectedPaths") -> Vec<PathExpectation> {
        |definitions| json!({
            "type": "object",
            "minProperties": 1,
            "propertyNames": ANY_PATH.schema(),
            "additionalProperties": {
                "anyOf": [
                    { "enum": ["exists", "absent"] },
                    definitions.refer::<PathExpectation>(),
                ],
            },
        }),
        paths
    }
}

shape! {
    /// The 64 hex digits that `sha256sum` prints
    struct Sha256("Sha256") -> Digest {
        |_| json!({
            "type": ["string", "number"],
            "pattern": "^(sha256:)?[0-9a-f]{64}$",
            "patternErrorMessage": "write 64 lower-case hex digits, as `sha256sum` prints them",
        }),
        digest
    }
}

fn paths(field: &Field<'_>, problems: &mut Problems) -> Option<Vec<PathExpectation>> {
    let entries = field.entries(
        "write at least one path, as in `{/etc/motd: exists}`",
        problems,
    )?;
    let mut paths = Vec::new();
    for (index, (name, value)) in entries.iter().enumerate() {
        let path = any_path_key(name, value, problems);
        if let (Some(path), Some(expected)) = (path, expected(value, problems)) {
            paths.push(PathExpectation {
                path,
                index,
                ..expected
            });
        }
    }
    Some(paths)
}

fn expected(field: &Field<'_>, problems: &mut Problems) -> Option<PathExpectation> {
    let exists = match &field.node.value {
        Value::Text(text) if text == "exists" => true,
        Value::Text(text) if text == "absent" => false,
        Value::Text(text) => {
            let message = format!("{} is {}", field.name, quoted(text));
            problems.add(field.problem(Code::InvalidValue, message).with_help(HELP));
            return None;
        }
        Value::Unknown => return None,
        _ => return PathExpectation::decode_map(field, problems),
    };
    Some(PathExpectation {
        path: ImagePath::root(),
        exists,
        sha256: None,
        mode: None,
        symlink: None,
        index: 0,
    })
}

/// As `sha256sum` prints it, or with the algorithm in front.
fn digest(field: &Field<'_>, problems: &mut Problems) -> Option<Digest> {
    let text = field.word(problems)?;
    let digest = Digest::parse_hex(text.strip_prefix("sha256:").unwrap_or(text));
    if digest.is_none() {
        let message = format!("{} is {}", field.name, quoted(text));
        let problem = field.problem(Code::InvalidValue, message);
        problems
            .add(problem.with_help("write the 64 lower-case hex digits that `sha256sum` prints"));
    }
    digest
}

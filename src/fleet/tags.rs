//! Which tags of a repository a fleet takes.

use semver::VersionReq;
use serde_json::json;

use super::version::version;
use crate::problem::{Code, quoted};
use crate::reference::Glob;
use crate::shape::{Field, NotEmpty, Problems, distinct, record, set, shape};

record! {
    /// The tags of a repository to take: those that satisfy `semver` and `glob` and no pattern of `exclude`.
    pub struct TagFilter("Tags") {
        /// A range of versions, such as `>=1.4, <2`. A tag is a version if it has up to three numbers, with or without a leading
        /// `v`; `1.4` is `1.4.0`. What follows a `-` is a pre-release, which a range includes only if it names one for the same three
        /// numbers.
        "semver" pub semver: Option<VersionRange> = optional::<VersionRange>();
        /// Patterns of which one must match the tag; `*` matches any characters.
        "glob" pub globs: Vec<Glob> = default::<TagPatterns>();
        /// Take only so many of the tags, the newest ones: by version if all of them are versions, otherwise the last ones by name.
        "newest" pub newest: Option<usize> = optional::<Newest>();
        /// Patterns of tags to leave out.
        "exclude" pub exclude: Vec<Glob> = default::<TagPatterns>();
    }
    rule NotEmpty(Code::Empty);
}

/// A range of versions.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VersionRange(VersionReq);

shape! {
    /// A range of versions, such as `>=1.4, <2`; comparators are separated by commas, and `1.4` means `^1.4`
    impl VersionRange, "VersionRange" {
        |_| json!({ "type": ["string", "number"], "minLength": 1 }),
        |field, problems| {
            let text = field.some_word(problems)?;
            match VersionReq::parse(text) {
                Ok(range) => Some(VersionRange(range)),
                Err(reason) => {
                    let message = format!("{} is not a range of versions: {reason}", quoted(text));
                    let problem = field.problem(Code::InvalidValue, message);
                    problems.add(problem.with_help("separate comparators by commas, as in `>=1.4, <2`"));
                    None
                }
            }
        }
    }
}

shape! {
    /// A pattern over tags, such as `*-alpine`; `*` matches any characters, and `?` one character
    struct TagPattern("TagPattern") -> Glob {
        |_| json!({ "type": ["string", "number", "boolean"], "minLength": 1, "maxLength": 128 }),
        |field, problems| {
            let text = field.some_word(problems)?;
            if text.len() > 128 {
                let message = format!("{} is longer than 128 bytes, and so than any tag", quoted(text));
                problems.add(field.problem(Code::InvalidValue, message));
                return None;
            }
            Some(Glob::new(text))
        }
    }
}

shape! {
    /// Patterns over tags, each once
    struct TagPatterns("TagPatterns") -> Vec<Glob> {
        set::<TagPattern>,
        |field, problems| {
            let read = |item: &Field<'_>, problems: &mut Problems| {
                TagPattern::decode(item, problems).map(|glob| vec![glob.as_str().to_owned()])
            };
            let patterns = distinct(field, "*-alpine", problems, read)?;
            Some(patterns.iter().map(|pattern| Glob::new(pattern)).collect())
        }
    }
}

shape! {
    /// A number of tags, 1 or more
    struct Newest("Newest") -> usize {
        |_| json!({
            "type": ["integer", "string"],
            "minimum": 1,
            "maximum": 999_999,
            "pattern": "^[1-9][0-9]{0,5}$",
            "patternErrorMessage": "write a number from 1 to 999999",
        }),
        |field, problems| {
            let text = field.some_word(problems)?;
            let is_number = text.len() <= 6 && text.bytes().all(|byte| byte.is_ascii_digit());
            if !is_number || text.starts_with('0') {
                let message = format!("{} is {}, not a number from 1 to 999999", field.name, quoted(text));
                problems.add(field.problem(Code::InvalidValue, message));
                return None;
            }
            text.parse().ok()
        }
    }
}

impl TagFilter {
    /// Tells whether a tag is one of those of which `newest` takes some.
    #[must_use]
    pub fn covers(&self, tag: &str) -> bool {
        let is_in = |range: &VersionRange| version(tag).is_some_and(|it| range.0.matches(&it));
        self.semver.as_ref().is_none_or(is_in)
            && (self.globs.is_empty() || self.globs.iter().any(|glob| glob.matches(tag)))
            && !self.exclude.iter().any(|glob| glob.matches(tag))
    }

    /// Returns the tags to take, sorted by name; whatever the order of `tags` and how often one is in it.
    #[must_use]
    pub fn select(&self, mut tags: Vec<String>) -> Vec<String> {
        tags.retain(|tag| self.covers(tag));
        tags.sort();
        tags.dedup();
        let Some(newest) = self.newest else {
            return tags;
        };
        let versions: Option<Vec<_>> = tags.iter().map(|tag| version(tag)).collect();
        if let Some(versions) = versions {
            let mut pairs: Vec<_> = versions.into_iter().zip(tags).collect();
            pairs.sort();
            tags = pairs.into_iter().map(|(_, tag)| tag).collect();
        }
        tags.drain(..tags.len().saturating_sub(newest));
        tags.sort();
        tags
    }
}

//! What of a source directory stays out, by the rules of `.dockerignore` (moby/patternmatcher, `patternmatcher.go`):
//! patterns are relative to the directory, a pattern that matches a directory matches all in it, `**` is any number of
//! directories, `!` takes out of what patterns before it matched, and the last word counts.

use serde_json::json;

use super::file_pattern::{FilePattern, Matching};
use crate::problem::{Code, quoted};
use crate::shape::{Field, Problems, shape, too_long};

/// Each path is held against each of them.
const MAX_PATTERNS: usize = 1000;

/// Patterns over the paths of a source directory.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Exclude {
    rules: Vec<Rule>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Rule {
    pattern: FilePattern,
    is_exception: bool,
}

shape! {
    /// Patterns of `.dockerignore` over the paths below `from`
    impl Exclude, "Excluded" {
        |_| json!({
            "type": "array",
            "minItems": 1,
            "items": { "type": ["string", "number", "boolean"], "minLength": 1 },
        }),
        exclude
    }
}

fn exclude(field: &Field<'_>, problems: &mut Problems) -> Option<Exclude> {
    let items = field.items(
        "write at least one pattern, as in `[\"**/*.md\"]`",
        problems,
    )?;
    if items.len() > MAX_PATTERNS {
        let message = format!(
            "{} patterns are given; at most {MAX_PATTERNS} are allowed",
            items.len()
        );
        let problem = field.problem(Code::InvalidValue, message);
        problems.add(problem.with_help("one pattern with `*` or `**` matches many paths"));
        return None;
    }
    let rules: Vec<Option<Rule>> = items
        .iter()
        .map(|item| {
            let text = item.some_word(problems)?;
            if let Some(problem) = too_long(item, text) {
                problems.add(problem);
                return None;
            }
            let rule = Rule::new(text);
            if rule.is_none() {
                let message = format!("{} is not a pattern", quoted(text));
                let problem = item.problem(Code::InvalidValue, message);
                problems.add(problem.with_help(
                    "patterns are those of `.dockerignore`: paths below `from` with `*`, `?`, `[a-z]`, `**` and a leading `!`",
                ));
            }
            rule
        })
        .collect();
    let rules = rules.into_iter().collect::<Option<Vec<Rule>>>()?;
    Some(Exclude { rules })
}

impl Exclude {
    /// Tells whether a path relative to the source stays out. Bytes that are not UTF-8 count as one character each.
    #[must_use]
    pub fn is_excluded(&self, path: &[u8]) -> bool {
        let path = String::from_utf8_lossy(path);
        let mut matching = Matching::default();
        self.rules.iter().fold(false, |is_excluded, rule| {
            let is_asked = is_excluded == rule.is_exception;
            let is_matched = is_asked && rule.pattern.matches_way(&path, &mut matching);
            if is_matched {
                !rule.is_exception
            } else {
                is_excluded
            }
        })
    }

    /// Tells whether everything in an excluded directory is excluded too.
    #[must_use]
    pub fn is_deep(&self) -> bool {
        self.rules.iter().all(|rule| !rule.is_exception)
    }
}

impl Rule {
    fn new(text: &str) -> Option<Self> {
        let pattern = text.trim();
        let (pattern, is_exception) = match pattern.strip_prefix('!') {
            Some(rest) => (rest.trim(), true),
            None => (pattern, false),
        };
        let mut parts = Vec::new();
        for part in pattern.split('/') {
            match part {
                "" | "." => {}
                ".." => {
                    parts.pop()?;
                }
                part => parts.push(part),
            }
        }
        if parts.is_empty() {
            return None;
        }
        Some(Self {
            pattern: FilePattern::parse(&parts.join("/"))?,
            is_exception,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::{Exclude, Rule};

    fn exclude(patterns: &[&str]) -> Exclude {
        let rules = patterns.iter().map(|text| Rule::new(text).expect(text));
        Exclude {
            rules: rules.collect(),
        }
    }

    #[test]
    fn an_exception_may_be_in_an_excluded_directory() {
        assert!(exclude(&[]).is_deep() && exclude(&["d", "**/x"]).is_deep());
        assert!(!exclude(&["d", "!d/x"]).is_deep());
    }

    /// The expectations are those of moby/patternmatcher's documentation and of `docker build`.
    #[test]
    fn patterns_mean_what_they_mean_to_docker() {
        for (patterns, excluded, kept) in [
            (vec!["*.md"], vec!["a.md", "a.md/b"], vec!["d/a.md", "amd"]),
            (vec!["**/*.md"], vec!["a.md", "d/e/a.md"], vec!["a.mdx"]),
            (vec!["/d/"], vec!["d", "d/e/f"], vec!["dd", "e/d"]),
            (vec!["./d/../e"], vec!["e"], vec!["d"]),
            (vec!["d/**"], vec!["d/e", "d/e/f"], vec!["d", "e"]),
            (vec!["**"], vec!["a", "b/c"], vec![]),
            (
                vec!["a?c", "x[0-9]", "y[^a]"],
                vec!["abc", "x1", "yb"],
                vec!["a/c", "xa", "ya"],
            ),
            (
                vec!["\\*", "a+b.c"],
                vec!["*", "a+b.c"],
                vec!["b", "aab.c", "a+bxc"],
            ),
            (
                vec!["d", "!d/keep"],
                vec!["d", "d/x"],
                vec!["d/keep", "d/keep/x"],
            ),
            (
                vec!["*", "!*.txt", "a.txt"],
                vec!["b", "a.txt"],
                vec!["b.txt"],
            ),
            (vec!["[]]", "[a-]"], vec!["]", "-", "a"], vec!["b"]),
        ] {
            let exclude = exclude(&patterns);
            for path in excluded {
                assert!(exclude.is_excluded(path.as_bytes()), "{patterns:?} {path}");
            }
            for path in kept {
                assert!(!exclude.is_excluded(path.as_bytes()), "{patterns:?} {path}");
            }
        }
        assert!(exclude(&["a?"]).is_excluded(b"a\xff"));
    }

    #[test]
    fn what_is_no_pattern_is_refused() {
        for text in ["!", "/", ".", "a/..", "../a", "[a", "a\\", "[b-a]"] {
            assert!(Rule::new(text).is_none(), "{text}");
        }
    }
}

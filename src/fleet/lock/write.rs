//! A lock as text.

use std::fmt::{self, Write as _};

use serde::Serialize;
use serde::ser::{SerializeMap, Serializer};

use super::{Entry, Lock, Recipe};
use crate::digest::Digest;
use crate::platform::PlatformPattern;

/// The first line.
pub(super) const HEADER: &str = r#"{"apiVersion":"ocipatch/v1","kind":"FleetLock"}"#;

#[derive(Serialize)]
struct RecipeLine<'a> {
    inputs: Digest,
    patches: &'a [String],
    #[serde(skip_serializing_if = "Pairs::is_empty")]
    args: Pairs<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    platform: Option<&'a str>,
}

#[derive(Serialize)]
struct EntryLine<'a> {
    to: &'a str,
    from: &'a str,
    digest: Digest,
    inputs: Digest,
    #[serde(skip_serializing_if = "Option::is_none")]
    result: Option<Digest>,
}

struct Pairs<'a>(&'a [(String, String)]);

impl Pairs<'_> {
    fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl Serialize for Pairs<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(self.0.len()))?;
        for (name, value) in self.0 {
            map.serialize_entry(name, value)?;
        }
        map.end()
    }
}

pub(super) fn recipe_line(recipe: &Recipe) -> String {
    line(&RecipeLine {
        inputs: recipe.inputs,
        patches: &recipe.patches,
        args: Pairs(&recipe.args),
        platform: recipe.platform.as_ref().map(PlatformPattern::as_str),
    })
}

pub(super) fn entry_line(entry: &Entry, inputs: Digest) -> String {
    line(&EntryLine {
        to: &entry.to.full(),
        from: &entry.from.full(),
        digest: entry.digest,
        inputs,
        result: entry.result,
    })
}

fn line(value: &impl Serialize) -> String {
    serde_json::to_string(value).expect("texts and digests are JSON")
}

impl fmt::Display for Lock {
    /// Writes the text of the lock, with a line break at its end.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{HEADER}")?;
        for recipe in &self.recipes {
            writeln!(f, "{}", recipe_line(recipe))?;
        }
        for entry in &self.entries {
            let inputs = self.recipe_of(entry).inputs;
            f.write_str(&entry_line(entry, inputs))?;
            f.write_char('\n')?;
        }
        Ok(())
    }
}

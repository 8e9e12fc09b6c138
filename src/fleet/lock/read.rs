//! A lock read from its text, which must be what is written for it: nothing else, in no other order, in no other spelling.

use std::borrow::Cow;
use std::collections::{BTreeMap, HashMap, HashSet};
use std::io::{BufRead, Read as _};

use serde::Deserialize;

use super::write::{HEADER, entry_line, recipe_line};
use super::{Entry, Lock, MAX_ENTRIES, Recipe, Unlockable, bad};
use crate::digest::Digest;
use crate::error::Error;
use crate::platform::PlatformPattern;
use crate::problem::quoted;
use crate::reference::Reference;

/// A line is at most as long as the values of a fleet file spelled in JSON. In bytes.
const MAX_LINE_BYTES: u64 = 8 << 20;
const AGAIN: &str = "write the lock again with `ocipatch fleet lock`";

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RecipeLine {
    inputs: String,
    patches: Vec<String>,
    #[serde(default)]
    args: BTreeMap<String, String>,
    platform: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct EntryLine<'a> {
    #[serde(borrow)]
    to: Cow<'a, str>,
    #[serde(borrow)]
    from: Cow<'a, str>,
    #[serde(borrow)]
    digest: Cow<'a, str>,
    #[serde(borrow)]
    inputs: Cow<'a, str>,
    #[serde(borrow)]
    result: Option<Cow<'a, str>>,
}

impl Lock {
    /// Reads the lock that messages call `name`.
    pub fn read(name: &str, mut reader: impl BufRead) -> Result<Self, Error> {
        let mut reading = Reading {
            lock: Self::default(),
            places: HashMap::new(),
        };
        let mut line = Vec::new();
        let mut number = 0;
        loop {
            number += 1;
            line.clear();
            let read = (&mut reader)
                .take(MAX_LINE_BYTES)
                .read_until(b'\n', &mut line);
            let n = read.map_err(Error::in_place(name))?;
            if n == 0 && number > 1 {
                break;
            }
            let text = text(&line).and_then(|text| reading.line(number, text));
            text.map_err(|reason| bad(name, number, reason))?;
        }
        let lock = reading.lock;
        let named: HashSet<usize> = lock.entries.iter().map(|entry| entry.recipe).collect();
        if let Some(i) = (0..lock.recipes.len()).find(|i| !named.contains(i)) {
            let reason = format!("no image has this recipe; {AGAIN}");
            return Err(bad(name, i + 2, reason));
        }
        lock.check().map_err(|reason| lock.locate(name, &reason))?;
        Ok(lock)
    }

    fn locate(&self, name: &str, reason: &Unlockable) -> Error {
        let (Unlockable::SameDestination(to) | Unlockable::DestinationIsSource(to)) = reason;
        let entry = self.entries.iter().position(|entry| entry.to == *to);
        let line = self.recipes.len() + 2 + entry.unwrap_or_default();
        bad(
            name,
            line,
            format!("the destination `{to}` is the source of an image"),
        )
    }
}

struct Reading {
    lock: Lock,
    places: HashMap<Digest, usize>,
}

impl Reading {
    fn line(&mut self, number: usize, text: &str) -> Result<(), String> {
        if number == 1 {
            return header(text);
        }
        if ["<<<<<<<", "=======", ">>>>>>>"]
            .iter()
            .any(|mark| text.starts_with(mark))
        {
            return Err(format!("a merge left its conflict here; {AGAIN}"));
        }
        let written = if text.starts_with(r#"{"inputs":"#) {
            self.recipe(text)?
        } else {
            self.entry(text)?
        };
        if written == text {
            return Ok(());
        }
        Err(format!("it is not spelled as it is written; {AGAIN}"))
    }

    fn recipe(&mut self, text: &str) -> Result<String, String> {
        let line: RecipeLine = serde_json::from_str(text).map_err(|error| invalid(&error))?;
        let platform = line.platform.map(|platform| {
            let invalid = || format!("{} is not a platform", quoted(&platform));
            PlatformPattern::parse(&platform).ok_or_else(invalid)
        });
        let recipe = Recipe {
            inputs: digest(&line.inputs)?,
            patches: line.patches,
            args: line.args.into_iter().collect(),
            platform: platform.transpose()?,
        };
        let is_sorted = self
            .lock
            .recipes
            .last()
            .is_none_or(|last| last.inputs < recipe.inputs);
        if !is_sorted || !self.lock.entries.is_empty() {
            return Err(format!("the recipe is not in its place; {AGAIN}"));
        }
        if recipe.patches.is_empty() {
            return Err("the recipe has no patches".to_owned());
        }
        self.places.insert(recipe.inputs, self.lock.recipes.len());
        let written = recipe_line(&recipe);
        self.lock.recipes.push(recipe);
        Ok(written)
    }

    fn entry(&mut self, text: &str) -> Result<String, String> {
        let line: EntryLine<'_> = serde_json::from_str(text).map_err(|error| invalid(&error))?;
        let inputs = digest(&line.inputs)?;
        let recipe = self.places.get(&inputs).copied();
        let entry = Entry {
            to: reference(&line.to)?,
            from: reference(&line.from)?,
            digest: digest(&line.digest)?,
            recipe: recipe.ok_or_else(|| format!("there is no recipe `{inputs}`"))?,
            result: line.result.as_deref().map(digest).transpose()?,
        };
        match self.lock.entries.last().map(|last| last.to.cmp(&entry.to)) {
            Some(std::cmp::Ordering::Equal) => {
                return Err(format!("another image has the destination `{}`", entry.to));
            }
            Some(std::cmp::Ordering::Greater) => {
                return Err(format!("the image is not in its place; {AGAIN}"));
            }
            _ => {}
        }
        if self.lock.entries.len() == MAX_ENTRIES {
            return Err(format!("a fleet has at most {MAX_ENTRIES} images"));
        }
        let written = entry_line(&entry, inputs);
        self.lock.entries.push(entry);
        Ok(written)
    }
}

fn text(line: &[u8]) -> Result<&str, String> {
    let line = std::str::from_utf8(line).map_err(|_| "it is not UTF-8".to_owned())?;
    match line.strip_suffix('\n') {
        Some(text) => Ok(text),
        None if line.len() as u64 == MAX_LINE_BYTES => Err("it is too long".to_owned()),
        None => Err(format!("the file ends in the middle of it; {AGAIN}")),
    }
}

fn header(text: &str) -> Result<(), String> {
    if text == HEADER {
        return Ok(());
    }
    if text.contains("FleetLock") {
        return Err(format!("this version of ocipatch reads `{HEADER}`"));
    }
    Err("this is not the lock of a fleet; name the lock, which `ocipatch fleet lock` writes beside the fleet file".to_owned())
}

fn digest(text: &str) -> Result<Digest, String> {
    Digest::parse(text).map_err(|reason| reason.to_string())
}

fn reference(text: &str) -> Result<Reference, String> {
    Reference::parse(text)
        .map_err(|reason| format!("{} is not the name of an image: {reason}", quoted(text)))
}

/// The line is known, and the column means little to people.
fn invalid(error: &serde_json::Error) -> String {
    let said = error.to_string();
    let said = said.split(" at line ").next().unwrap_or(&said);
    format!("{said}; {AGAIN}")
}

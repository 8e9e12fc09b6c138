//! What operations of a plan have wanted of an image so far: whatever a later one undoes, its author did not mean.

use std::collections::BTreeMap;

use super::effect::Removed;
use crate::annotation::AnnotationPlace;
use crate::config_field::ConfigField;
use crate::image_path::ImagePath;
use crate::problem::{Address, quoted};
use crate::reference::Reference;

/// The patch files of a plan, for messages that speak of lines.
pub(crate) trait PatchLines {
    /// Returns the line of a place in a file, counting from 1.
    fn line(&self, file: usize, address: &Address) -> usize;

    /// Returns the path of a file.
    fn path(&self, file: usize) -> &str;
}

/// A thing that operations change: where it is, and its name in messages.
#[derive(Debug, Clone)]
pub(crate) struct Claimed {
    path: Vec<String>,
    name: String,
}

/// What an operation wants of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Intent {
    /// That it has this value.
    Set(String),
    /// That it is there.
    Add,
    /// That its value has this in it too.
    Extend,
    /// That it is not there.
    Remove,
}

/// An intent, and where in which patch file it stands.
#[derive(Debug, Clone)]
pub(crate) struct Claim {
    pub(crate) claimed: Claimed,
    pub(crate) intent: Intent,
    pub(crate) file: usize,
    pub(crate) address: Address,
}

impl Claimed {
    pub(crate) fn field(field: ConfigField) -> Self {
        Self {
            path: field.path().iter().map(|&key| key.to_owned()).collect(),
            name: quoted(field.name()),
        }
    }

    /// A part of a field; `kind` is what one is called.
    pub(crate) fn part(field: ConfigField, kind: &str, key: &str) -> Self {
        let mut claimed = Self::field(field);
        claimed.path.push(key.to_owned());
        claimed.name = format!("{kind} {}", quoted(key));
        claimed
    }

    /// A variable of the environment, whose name has no case on Windows.
    pub(crate) fn variable(name: &str, is_windows: bool) -> Self {
        let key = if is_windows {
            name.to_lowercase()
        } else {
            name.to_owned()
        };
        Self::part(ConfigField::Env, "variable", &key)
    }

    pub(crate) fn annotation(on: AnnotationPlace, key: &str) -> Self {
        Self {
            path: vec![
                "annotations".to_owned(),
                on.name().to_owned(),
                key.to_owned(),
            ],
            name: format!("{} annotation {}", on.name(), quoted(key)),
        }
    }

    /// What is said of a file, such as its mode.
    pub(crate) fn file(path: &ImagePath, what: &str) -> Self {
        Self {
            path: vec!["files".to_owned(), what.to_owned(), path.to_string()],
            name: format!("{what} of {}", quoted(&path.to_text())),
        }
    }

    pub(crate) fn tag(tag: &Reference) -> Self {
        Self {
            path: vec!["tags".to_owned(), tag.full()],
            name: format!("tag {}", quoted(&tag.familiar())),
        }
    }
}

impl Intent {
    /// Tells whether a later intent undoes this one.
    fn is_undone_by(&self, later: &Self) -> bool {
        match (self, later) {
            (Self::Set(one), Self::Set(other)) => one != other,
            (Self::Extend, Self::Set(_)) => true,
            (earlier, Self::Remove) => *earlier != Self::Remove,
            _ => false,
        }
    }

    fn describe(&self) -> String {
        match self {
            Self::Set(value) => format!("set to {}", quoted(value)),
            Self::Add => "added".to_owned(),
            Self::Extend => "extended".to_owned(),
            Self::Remove => "removed".to_owned(),
        }
    }
}

impl Claim {
    /// Says that an earlier intent is undone by this one.
    pub(crate) fn contradiction(&self, undone: &Self, files: &dyn PatchLines) -> String {
        let is_part = self.claimed.path.len() > undone.claimed.path.len();
        let name = if is_part {
            &self.claimed.name
        } else {
            &undone.claimed.name
        };
        format!(
            "{name} is {} on {} and {} on {}",
            undone.intent.describe(),
            undone.place(files, self.file),
            self.intent.describe(),
            self.place(files, self.file)
        )
    }

    /// Where the claim stands, for a reader of the file `here`.
    fn place(&self, files: &dyn PatchLines, here: usize) -> String {
        let line = files.line(self.file, &self.address);
        if self.file == here {
            return format!("line {line}");
        }
        format!("line {line} of {}", quoted(files.path(self.file)))
    }
}

/// The last intent about each thing.
#[derive(Debug, Clone, Default)]
pub(crate) struct Claims {
    /// By the path of the thing, with the number of the claim.
    by_path: BTreeMap<Vec<String>, (usize, Claim)>,
    n_made: usize,
}

impl Claims {
    /// Takes a claim in; returns the latest of those that it undoes: about the same thing, what holds it or is in it.
    pub(crate) fn add(&mut self, claim: Claim) -> Option<Claim> {
        let path = &claim.claimed.path;
        let holders = (0..path.len()).filter_map(|n| self.by_path.get(&path[..n]));
        let within = self.by_path.range(path.clone()..);
        let within = within.take_while(|(other, _)| other.starts_with(path));
        let undone = holders
            .chain(within.map(|(_, old)| old))
            .filter(|(_, old)| old.intent.is_undone_by(&claim.intent))
            .max_by_key(|(number, _)| *number)
            .map(|(_, old)| old.clone());
        self.by_path.insert(path.clone(), (self.n_made, claim));
        self.n_made += 1;
        undone
    }
}

/// Returns the claim on something with a name that goes; values are claimed where they are set.
pub(crate) fn claimed_by(removed: Removed<'_>, is_windows: bool) -> Claimed {
    match removed {
        Removed::Label(key) => Claimed::part(ConfigField::Labels, "label", key),
        Removed::Variable(key) => Claimed::variable(key, is_windows),
        Removed::Item(field, item) => Claimed::part(field, "item", item),
        Removed::Annotation(on, key) => Claimed::annotation(on, key),
        Removed::Tag(tag) => Claimed::tag(tag),
    }
}

//! A YAML file that somebody wrote, as a patch or a fleet is: its bytes checked and parsed, and problems put in their places.

use std::sync::Arc;

use super::file::MAX_FILE_BYTES;
use super::{syntax, tree};
use crate::problem::{Address, Code, Problem, Rejected, Source, line_after, quoted};
use crate::shape::Problems;
use crate::shape::node::{self, Node};

/// What the author wanted to write.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// A patch.
    Patch,
    /// A fleet of images.
    Fleet,
}

impl Kind {
    /// Returns the noun.
    pub(crate) fn noun(self) -> &'static str {
        match self {
            Self::Patch => "patch",
            Self::Fleet => "fleet",
        }
    }
}

/// A YAML file: its text, and a tree for each of its documents.
#[derive(Debug, Clone)]
pub(crate) struct Yaml {
    /// As reports show it.
    pub(crate) name: String,
    pub(crate) text: Arc<str>,
    pub(crate) documents: Arc<[Node]>,
}

impl Yaml {
    /// Parses the bytes of the file `name`; what its documents mean is looked at later.
    pub(crate) fn parse(
        name: &str,
        bytes: &[u8],
        kind: Kind,
    ) -> Result<(Self, Vec<Node>), Rejected> {
        let mut yaml = Self {
            name: name.to_owned(),
            text: "".into(),
            documents: Arc::new([]),
        };
        yaml.text = match text_of(name, bytes, kind) {
            Ok(text) => text.into(),
            Err(problem) => {
                return Err(Rejected::new(&yaml.source(), vec![problem], |_| None));
            }
        };
        match node::parse(&yaml.text) {
            Ok(documents) => Ok((yaml, documents)),
            Err(error) => Err(yaml.reject(vec![syntax::problem(&error, &yaml.text)])),
        }
    }

    /// Adds what is wrong with a document whatever its keys mean.
    pub(crate) fn check(
        &self,
        document: &Node,
        address: &Address,
        kind: Kind,
        problems: &mut Problems,
    ) {
        tree::check_tree(document, address, &self.text, kind, problems);
    }

    /// Returns the name and the text, as reports show them.
    pub(crate) fn source(&self) -> Source {
        Source::new(&self.name, Arc::clone(&self.text))
    }

    /// Returns `problems` with their places, in the order of the text.
    pub(crate) fn reject(&self, problems: Vec<Problem>) -> Rejected {
        Rejected::new(&self.source(), problems, |problem| {
            node::locate(&self.documents, problem.address())
        })
    }
}

fn text_of<'a>(name: &str, bytes: &'a [u8], kind: Kind) -> Result<&'a str, Problem> {
    if bytes.len() > MAX_FILE_BYTES {
        let message = format!(
            "{} has {} bytes; a {} has at most {MAX_FILE_BYTES}",
            quoted(name),
            bytes.len(),
            kind.noun()
        );
        return Err(Problem::new(Code::FileTooLarge, Address::file(), message));
    }
    let text = std::str::from_utf8(bytes).map_err(|error| {
        let at = error.valid_up_to();
        let line = line_after(&bytes[..at]);
        let message = format!(
            "{} has bytes on line {line} that are not UTF-8",
            quoted(name)
        );
        Problem::new(Code::NotUtf8, Address::file(), message).with_help("save the file as UTF-8")
    })?;
    // The mark is no part of the first line; places are counted without it.
    Ok(text.strip_prefix('\u{feff}').unwrap_or(text))
}

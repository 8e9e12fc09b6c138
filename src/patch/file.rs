//! A patch file: its bytes read, its arguments filled in, its documents decoded, and problems put in their places.

use super::Patch;
use super::args::{ArgValues, Args, Unset};
use super::invisible;
use super::substitute::substitute;
use super::yaml::{Kind, Yaml};
use crate::digest::Digest;
use crate::problem::{Address, Code, Note, Problem, Rejected, line_after, quoted};
use crate::secret::Secrets;
use crate::shape::node;
use crate::shape::{Field, Problems};

/// The size in bytes that no patch file exceeds.
pub const MAX_FILE_BYTES: usize = 1024 * 1024;

/// A patch file that was read without a mistake.
#[derive(Debug, Clone)]
pub struct PatchFile {
    yaml: Yaml,
    digest: Digest,
    secrets: Secrets,
    patches: Vec<Patch>,
    arg_names: Vec<String>,
    args: Vec<Vec<(String, String)>>,
    notes: Vec<Note>,
}

/// A patch file that was read without a mistake, but for what depends on args without a value: that is not in it.
#[derive(Debug, Clone)]
pub struct PatchOutline(PatchFile);

impl PatchOutline {
    /// Returns the names of the args that the documents of the file declare.
    #[must_use]
    pub fn arg_names(&self) -> &[String] {
        self.0.arg_names()
    }

    /// Returns what is known of the file: not to be applied.
    #[must_use]
    pub fn file(&self) -> &PatchFile {
        &self.0
    }
}

impl PatchFile {
    /// Parses the bytes of the file `name`, whose args have defaults; reports have the name as it is, and history and the like
    /// what stands behind its last `/`.
    pub fn parse(name: &str, bytes: &[u8]) -> Result<Self, Rejected> {
        Self::parse_with(name, bytes, &ArgValues::default())
    }

    /// Parses the bytes of the file `name` with values for the args that it declares.
    pub fn parse_with(name: &str, bytes: &[u8], values: &ArgValues) -> Result<Self, Rejected> {
        Self::read(name, bytes, values, Unset::IsProblem)
    }

    /// Looks for what is wrong with a file whatever the values of the args that have none.
    pub fn check(name: &str, bytes: &[u8], values: &ArgValues) -> Result<PatchOutline, Rejected> {
        Self::read(name, bytes, values, Unset::IsUnknown).map(PatchOutline)
    }

    fn read(name: &str, bytes: &[u8], values: &ArgValues, unset: Unset) -> Result<Self, Rejected> {
        let (yaml, mut documents) = Yaml::parse(name, bytes, Kind::Patch)?;
        let mut file = Self {
            yaml,
            digest: Digest::of(bytes),
            secrets: Secrets::default(),
            patches: Vec::new(),
            arg_names: Vec::new(),
            args: Vec::new(),
            notes: Vec::new(),
        };
        let mut problems = Problems::default();
        for (i, document) in documents.iter_mut().enumerate() {
            let address = Address::document(i);
            file.yaml
                .check(document, &address, Kind::Patch, &mut problems);
            let whole = Field {
                node: document,
                address,
                name: "a patch".to_owned(),
            };
            if let Some(problem) = of_another_kind(&whole) {
                problems.add(problem);
                continue;
            }
            let mut args = Args::declared(&whole, values, unset, &mut problems);
            substitute(document, i, &mut args, &mut problems);
            args.tell_unused(&mut problems);
            args.secrets().for_each(|secret| file.secrets.add(secret));
            file.arg_names.extend(args.names());
            file.args.push(args.shown());
            file.patches
                .extend(Patch::decode_document(document, i, &mut problems));
        }
        if documents.is_empty() {
            let message = format!("{} contains no patch", quoted(name));
            let problem = Problem::new(Code::NoPatch, Address::file(), message);
            problems.add(problem.with_help(super::API_VERSION_HELP));
        }
        file.yaml.documents = documents.into();
        let remarks = problems.take_remarks();
        if !problems.is_empty() {
            return Err(file.reject(problems.into_vec()));
        }
        let source = file.yaml.source();
        file.notes = invisible::notes(&file.yaml.documents, &source);
        let notes = remarks.into_iter();
        let notes = notes.map(|(kind, range, message)| Note::new(kind, &source, range, message));
        file.notes.extend(notes);
        file.notes.sort_by_key(Note::start);
        Ok(file)
    }

    /// Returns the name of the file without its directories.
    #[must_use]
    pub fn name(&self) -> &str {
        self.path().rsplit('/').next().unwrap_or(self.path())
    }

    /// Returns the name as it was given to [`PatchFile::parse`].
    #[must_use]
    pub fn path(&self) -> &str {
        &self.yaml.name
    }

    /// Returns the digest of the file's bytes.
    #[must_use]
    pub fn digest(&self) -> Digest {
        self.digest
    }

    /// Returns the file's text.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.yaml.text
    }

    /// Returns the patches, one per document; there is at least one.
    #[must_use]
    pub fn patches(&self) -> &[Patch] {
        &self.patches
    }

    /// Returns the names of the args that its documents declare.
    #[must_use]
    pub fn arg_names(&self) -> &[String] {
        &self.arg_names
    }

    /// Returns for each document the values of its args, less secrets.
    #[must_use]
    pub fn args(&self) -> &[Vec<(String, String)>] {
        &self.args
    }

    /// Returns what its author should know though nothing is wrong.
    #[must_use]
    pub fn notes(&self) -> &[Note] {
        &self.notes
    }

    /// Returns the values that must not be shown.
    #[must_use]
    pub fn secrets(&self) -> &Secrets {
        &self.secrets
    }

    /// Returns `problems` with their places in this file, in the order of the text; secrets of the file are masked.
    #[must_use]
    pub fn reject(&self, problems: Vec<Problem>) -> Rejected {
        let masked = problems
            .into_iter()
            .map(|problem| problem.masked(&self.secrets));
        self.yaml.reject(masked.collect())
    }

    /// Returns the bytes of the text that `address` means.
    pub(super) fn locate(&self, address: &Address) -> Option<std::ops::Range<usize>> {
        node::locate(&self.yaml.documents, address)
    }

    /// Returns the line of `address`, counting from 1.
    #[must_use]
    pub fn line(&self, address: &Address) -> usize {
        let start = node::locate(&self.yaml.documents, address).map_or(0, |range| range.start);
        line_after(&self.text().as_bytes()[..start])
    }
}

/// A fleet that is given as a patch has nothing that a patch has; one problem says it all.
fn of_another_kind(document: &Field<'_>) -> Option<Problem> {
    let kind = document.value_of("kind")?;
    let found = kind.node.as_text()?;
    let problem = kind.problem(
        Code::OtherKind,
        format!("this is a {}, not a patch", quoted(found)),
    );
    Some(if found == "Fleet" {
        problem.with_help("use `ocipatch fleet lock` and `ocipatch fleet apply`")
    } else {
        problem.with_help("a patch has no `kind`")
    })
}

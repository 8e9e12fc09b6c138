//! Patch files: YAML text in, [`Patch`] values out, or every mistake in the text at once.
//!
//! This is the only place that knows YAML. It promises that a [`Patch`] is well-formed; whether it fits an image is for
//! the planner to find out, which reports through [`PatchFile::reject`].

mod add_layer;
mod annotations;
mod decode;
mod duration;
mod env;
mod healthcheck;
mod node;
mod operation;
mod platform;
mod ports;
mod removal;
mod schema;
mod syntax;
mod tags;
mod target;
mod values;

use std::sync::Arc;

use schemars::JsonSchema;

pub use self::add_layer::AddLayer;
pub use self::annotations::{AnnotationRemoval, Annotations};
pub use self::env::EnvPart;
pub use self::healthcheck::Healthcheck;
pub use self::operation::Operation;
pub use self::platform::PlatformChange;
pub use self::removal::{IfMissing, Removal, Unset};
pub use self::schema::schema;
pub use self::target::{Attestations, ImagePattern, Target, Trust};
use crate::digest::Digest;
use crate::problem::{Address, Code, Problem, Rejected, Source, line_after, quoted};
use decode::{Field, Problems, Record};
use node::Node;

/// The size in bytes that no patch file exceeds.
pub const MAX_FILE_BYTES: usize = 1024 * 1024;

const API_VERSION_HELP: &str = "begin it with `apiVersion: ocipatch/v1`";
const OPERATIONS_HELP: &str = "write at least one operation, as in `- retag: [\"app:2\"]`";

/// A patch file that was read without a mistake.
#[derive(Debug, Clone)]
pub struct PatchFile {
    name: String,
    digest: Digest,
    text: Arc<str>,
    patches: Vec<Patch>,
}

/// One patch: a document of a patch file.
#[derive(Debug, Clone, PartialEq, Eq, JsonSchema)]
#[schemars(
    title = "ocipatch patch",
    deny_unknown_fields,
    rename_all = "camelCase"
)]
pub struct Patch {
    /// The version of the patch language; it fixes every byte of the result.
    pub api_version: ApiVersion,
    /// What the patch is for, for people.
    #[schemars(with = "Option<schema::Text>")]
    pub description: Option<String>,
    /// The images of the archive to change; not needed if there is only one.
    #[schemars(with = "Option<Target>")]
    pub target: Target,
    /// What becomes of attestations, signatures and other referrers of images that change; `refuse` if not given.
    #[schemars(with = "Option<Attestations>")]
    pub attestations: Attestations,
    /// Which entries the history gets for what changes no layer; `per-patch` if not given.
    #[schemars(with = "Option<History>")]
    pub history: History,
    /// What to do, in order; each sees what the ones before it did.
    #[schemars(length(min = 1))]
    pub operations: Vec<Operation>,
}

/// A version of the patch language.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ApiVersion {
    /// `ocipatch/v1`
    V1,
}

/// Which entries a history gets besides the ones of added layers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, JsonSchema)]
#[schemars(rename_all = "kebab-case")]
pub enum History {
    /// One for a patch that changes the configuration and adds no layer.
    #[default]
    PerPatch,
    /// One for each operation that changes the configuration.
    PerOperation,
    /// None.
    None,
}

impl PatchFile {
    /// Parses the bytes of the file `name`; the name is only for reports.
    pub fn parse(name: &str, bytes: &[u8]) -> Result<Self, Rejected> {
        let text = text_of(name, bytes).map_err(|problem| {
            Rejected::new(&Source::new(name, "".into()), vec![problem], |_| None)
        })?;
        let mut file = Self {
            name: name.to_owned(),
            digest: Digest::of(bytes),
            text: text.into(),
            patches: Vec::new(),
        };
        let documents = match node::parse(&file.text) {
            Ok(documents) => documents,
            Err(error) => return Err(file.reject(vec![syntax::problem(&error, &file.text)])),
        };
        let mut problems = Problems::default();
        for (i, document) in documents.iter().enumerate() {
            decode::check_tree(document, &Address::document(i), &file.text, &mut problems);
            file.patches
                .extend(Patch::decode(document, i, &mut problems));
        }
        if documents.is_empty() {
            let problem = Problem::new(
                Code::NoPatch,
                Address::file(),
                format!("{} holds no patch", quoted(name)),
            );
            problems.add(problem.with_help(API_VERSION_HELP));
        }
        if !problems.is_empty() {
            return Err(file.reject_in(&documents, problems.into_vec()));
        }
        Ok(file)
    }

    /// Returns the name given to [`PatchFile::parse`].
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Returns the digest of the file's bytes.
    #[must_use]
    pub fn digest(&self) -> Digest {
        self.digest
    }

    /// Returns the file's text.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Returns the patches, one per document; there is at least one.
    #[must_use]
    pub fn patches(&self) -> &[Patch] {
        &self.patches
    }

    /// Returns `problems` with their places in this file, in the order of the text.
    #[must_use]
    pub fn reject(&self, problems: Vec<Problem>) -> Rejected {
        let documents = node::parse(&self.text).unwrap_or_default();
        self.reject_in(&documents, problems)
    }

    /// Returns the line of `address`, counting from 1.
    #[must_use]
    pub fn line(&self, address: &Address) -> usize {
        let documents = node::parse(&self.text).unwrap_or_default();
        let start = node::locate(&documents, address).map_or(0, |range| range.start);
        line_after(&self.text.as_bytes()[..start])
    }

    fn reject_in(&self, documents: &[Node], problems: Vec<Problem>) -> Rejected {
        let source = Source::new(&self.name, Arc::clone(&self.text));
        Rejected::new(&source, problems, |problem| {
            node::locate(documents, problem.address())
        })
    }
}

fn text_of<'a>(name: &str, bytes: &'a [u8]) -> Result<&'a str, Problem> {
    if bytes.len() > MAX_FILE_BYTES {
        let message = format!(
            "{} has {} bytes, more than the {MAX_FILE_BYTES} of the largest patch",
            quoted(name),
            bytes.len()
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

impl Patch {
    fn decode(node: &Node, document: usize, problems: &mut Problems) -> Option<Self> {
        let field = Field {
            node,
            address: Address::document(document),
            name: "a patch".to_owned(),
        };
        let keys = [
            "apiVersion",
            "description",
            "target",
            "attestations",
            "history",
            "operations",
        ];
        let record = field.record(&keys, problems)?;
        let api_version = ApiVersion::decode(&record, problems);
        let description = record
            .get("description")
            .and_then(|field| field.text(problems))
            .map(str::to_owned);
        let target = match record.get("target") {
            Some(field) => Target::decode(field, problems),
            None => Some(Target::default()),
        };
        let attestations = match record.get("attestations") {
            Some(field) => Attestations::decode(field, problems),
            None => Some(Attestations::default()),
        };
        let history = match record.get("history") {
            Some(field) => History::decode(field, problems),
            None => Some(History::default()),
        };
        let mut operations = Vec::new();
        if let Some(field) =
            record.require("operations", Code::MissingKey, OPERATIONS_HELP, problems)
            && let Some(items) = field.items(OPERATIONS_HELP, problems)
        {
            for (i, mut item) in items.into_iter().enumerate() {
                item.name = format!("operation {}", i + 1);
                item.address = item.address.in_operation(i);
                operations.extend(Operation::decode(&item, problems));
            }
        }
        Some(Self {
            api_version: api_version?,
            description,
            target: target?,
            attestations: attestations?,
            history: history?,
            operations,
        })
    }
}

impl ApiVersion {
    fn decode(record: &Record<'_>, problems: &mut Problems) -> Option<Self> {
        let field = record.require("apiVersion", Code::ApiVersion, API_VERSION_HELP, problems)?;
        match field.word(problems)? {
            "ocipatch/v1" => Some(Self::V1),
            other => {
                let message = format!("this build does not know {}", quoted(other));
                let problem = field.problem(Code::ApiVersion, message);
                problems.add(problem.with_help("it knows `ocipatch/v1`"));
                None
            }
        }
    }
}

impl History {
    fn decode(field: &Field<'_>, problems: &mut Problems) -> Option<Self> {
        let choices = [
            ("per-patch", Self::PerPatch),
            ("per-operation", Self::PerOperation),
            ("none", Self::None),
        ];
        field.choice(&choices, problems)
    }
}

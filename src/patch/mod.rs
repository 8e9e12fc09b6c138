//! Patch files: YAML text in, [`Patch`] values out, or every mistake in the text at once.
//!
//! This is the only place that knows YAML. It promises that a [`Patch`] is well-formed; whether it fits an image is for
//! the planner to find out, which reports through [`PatchFile::reject`]. A [`PatchDraft`] goes the other way: a patch that
//! a program has thought of becomes text.

mod add_layer;
mod annotations;
mod args;
mod decode;
mod draft;
mod duration;
mod env;
mod exclude;
mod expect;
mod expect_config;
mod expect_path;
mod file;
mod file_diff;
mod file_mode;
mod file_pattern;
mod healthcheck;
mod invisible;
mod layer_removal;
mod layer_replacement;
mod layer_selector;
mod new_file;
mod node;
mod one_key;
mod operation;
mod path_moves;
mod path_removal;
mod path_settings;
mod paths;
mod pattern;
mod platform;
mod ports;
mod rebase;
mod recompression;
mod removal;
mod schema;
mod squash;
mod substitute;
mod syntax;
mod tags;
mod target;
mod time_limit;
mod tree;
mod values;

use schemars::JsonSchema;

pub use self::add_layer::{
    AddLayer, LayerCompression, LayerMode, LayerOwner, LayerTime, LayerXattrs, Symlinks,
};
pub use self::annotations::{AnnotationRemoval, Annotations};
pub use self::args::ArgValues;
pub use self::draft::{DraftValue, PatchDraft};
pub use self::duration::spell_duration;
pub use self::env::EnvPart;
pub use self::exclude::Exclude;
pub use self::expect::Expectation;
pub use self::expect_config::Expected;
pub use self::expect_path::PathExpectation;
pub use self::file::{MAX_FILE_BYTES, PatchFile, PatchOutline};
pub use self::file_diff::{DiffSource, FileDiff};
pub use self::file_mode::{Clause, FileMode};
pub use self::healthcheck::Healthcheck;
pub use self::layer_removal::LayerRemoval;
pub use self::layer_replacement::LayerReplacement;
pub use self::layer_selector::{LayerRange, LayerSelector};
pub use self::new_file::{NewContent, NewFile};
pub use self::operation::Operation;
pub use self::path_moves::PathMoves;
pub use self::path_removal::PathRemoval;
pub use self::path_settings::{EditPlace, PathSettings};
pub use self::pattern::{MAX_PATTERN_BYTES, MAX_REGEX_BYTES};
pub use self::platform::PlatformChange;
pub use self::rebase::{BaseImage, Rebase};
pub use self::recompression::Recompression;
pub use self::removal::{IfMissing, Removal, Unset};
pub use self::schema::schema;
pub use self::squash::Squash;
pub use self::target::{Attestations, ImagePattern, Target, Trust};
pub use self::time_limit::TimeLimit;
use crate::problem::{Address, Code, quoted};
use decode::{Field, Problems, Record};
use node::Node;

const API_VERSION_HELP: &str = "start it with `apiVersion: ocipatch/v1`";
const OPERATIONS_HELP: &str = "write at least one operation, as in `- retag: [\"app:2\"]`";

/// One patch: a document of a patch file.
#[derive(Debug, Clone, PartialEq, Eq, JsonSchema)]
#[schemars(
    title = "ocipatch patch",
    deny_unknown_fields,
    rename_all = "camelCase"
)]
pub struct Patch {
    /// The version of the patch language; it determines every byte of the result.
    pub api_version: ApiVersion,
    /// What the patch is for; not interpreted.
    #[schemars(with = "Option<schema::Text>")]
    pub description: Option<String>,
    /// The variables of the patch: `${name}` in a value inserts the value of `name`.
    #[schemars(with = "Option<args::Declarations>")]
    pub args: Vec<String>,
    /// The images of the archive to change; optional if there is only one.
    #[schemars(with = "Option<Target>")]
    pub target: Target,
    /// Preconditions that every targeted image must satisfy.
    #[schemars(with = "Option<expect::Expectations>")]
    pub expect: Vec<Expectation>,
    /// What to do with attestations, signatures and other referrers of images that change; the default is `refuse`.
    #[schemars(with = "Option<Attestations>")]
    pub attestations: Attestations,
    /// Which history entries to add besides those of added layers; the default is `per-patch`.
    #[schemars(with = "Option<History>")]
    pub history: History,
    /// Which annotations record the patch in a changed image; none by default.
    #[schemars(with = "Option<Provenance>")]
    pub provenance: Provenance,
    /// The changes, in order; each operation sees the result of those before it.
    #[schemars(length(min = 1))]
    pub operations: Vec<Operation>,
}

/// A version of the patch language.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ApiVersion {
    /// `ocipatch/v1`
    V1,
}

/// Which history entries to add besides those of added layers.
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

/// Which annotations record the patches in a changed image.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, JsonSchema)]
#[schemars(rename_all = "kebab-case")]
pub enum Provenance {
    /// Nothing.
    #[default]
    None,
    /// Annotations of the manifest name the patches, and the image that they were applied to.
    Annotate,
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
            "args",
            "target",
            "expect",
            "attestations",
            "history",
            "provenance",
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
        let expect = match record.get("expect") {
            Some(field) => expect::decode(field, problems),
            None => Some(Vec::new()),
        };
        let attestations = match record.get("attestations") {
            Some(field) => Attestations::decode(field, problems),
            None => Some(Attestations::default()),
        };
        let history = match record.get("history") {
            Some(field) => History::decode(field, problems),
            None => Some(History::default()),
        };
        let provenance = match record.get("provenance") {
            Some(field) => Provenance::decode(field, problems),
            None => Some(Provenance::default()),
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
            args: args::names(&record),
            target: target?,
            expect: expect?,
            attestations: attestations?,
            history: history?,
            provenance: provenance?,
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
                let message = format!("{} is not supported by this version", quoted(other));
                let problem = field.problem(Code::ApiVersion, message);
                problems.add(problem.with_help("use `ocipatch/v1`"));
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

impl Provenance {
    fn decode(field: &Field<'_>, problems: &mut Problems) -> Option<Self> {
        let choices = [("none", Self::None), ("annotate", Self::Annotate)];
        field.choice(&choices, problems)
    }
}

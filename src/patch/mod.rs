//! Patch files: YAML text in, [`Patch`] values out, or every mistake in the text at once.
//!
//! Only this module and the shapes below it know YAML. It promises that a [`Patch`] is well-formed; whether it fits an image is for
//! the planner to find out, which reports through [`PatchFile::reject`]. A [`PatchDraft`] goes the other way: a patch that
//! a program has thought of becomes text.

mod append;
mod args;
mod draft;
mod expect;
mod expect_config;
mod expect_path;
mod file;
mod invisible;
mod scalar;
mod schema;
mod substitute;
mod syntax;
mod target;
mod tree;
mod yaml;

use serde_json::json;

pub(crate) use self::args::ARG;
pub use self::args::ArgValues;
pub use self::draft::{DraftValue, PatchDraft};
pub use self::expect::Expectation;
pub use self::expect_config::Expected;
pub use self::expect_path::PathExpectation;
pub use self::file::{MAX_FILE_BYTES, PatchFile, PatchOutline};
pub use self::schema::schema;
pub(crate) use self::substitute::is_name;
pub use self::target::{Attestations, ImagePattern, Target, Trust};
pub(crate) use self::yaml::{Kind, Yaml};
pub use crate::operation::{
    AddLayer, AnnotationRemoval, Annotations, BaseImage, Clause, DiffSource, EnvPart, Exclude,
    FileDiff, FileMode, Healthcheck, LayerMode, LayerOwner, LayerRemoval, LayerReplacement,
    LayerTime, LayerXattrs, NewContent, NewFile, Operation, PathMoves, PathRemoval, PathSettings,
    PlatformChange, Rebase, Recompression, SetField, Squash, Symlinks, TimeLimit, Unset,
};
use crate::problem::{Address, Code, quoted};
use crate::shape::node::Node;
pub use crate::shape::{
    EditPlace, Given, IfMissing, LayerCompression, LayerRange, LayerSelector, MAX_PATTERN_BYTES,
    MAX_REGEX_BYTES, Removal, spell_duration,
};
use crate::shape::{Field, Map, Problems, Shape, Text, choices, list, record, shape};

const API_VERSION_HELP: &str = "start it with `apiVersion: ocipatch/v1`";
const OPERATIONS_HELP: &str = "write at least one operation, as in `- retag: [\"app:2\"]`";

record! {
    /// One patch: a document of a patch file.
    pub struct Patch("Patch") {
        /// The version of the patch language; it determines every byte of the result.
        "apiVersion" pub api_version: ApiVersion = required_or::<ApiVersion>(Code::ApiVersion, API_VERSION_HELP);
        /// What the patch is for; not interpreted.
        "description" pub description: Option<String> = optional::<Text>();
        /// The variables of the patch: `${name}` in a value inserts the value of `name`.
        "args" pub args: Vec<String> = default::<args::Declarations>();
        /// The images of the archive to change; optional if there is only one.
        "target" pub target: Target = default::<Target>();
        /// Preconditions that every targeted image must satisfy.
        "expect" pub expect: Vec<Expectation> = default::<expect::Expectations>();
        /// What to do with attestations, signatures and other referrers of images that change; the default is `refuse`.
        "attestations" pub attestations: Attestations = default::<Attestations>();
        /// Which history entries to add besides those of added layers; the default is `per-patch`.
        "history" pub history: History = default::<History>();
        /// Which annotations record the patch in a changed image; none by default.
        "provenance" pub provenance: Provenance = default::<Provenance>();
        /// The changes, in order; each operation sees the result of those before it.
        "operations" pub operations: Vec<Operation> = required::<Operations>(OPERATIONS_HELP);
    }
    stray operation_above;
}

/// Says where to write an operation that is a key of the patch.
fn operation_above(key: &str) -> Option<String> {
    let help = Operation::help_for(key)?;
    Some(format!("operations belong below `operations`: {help}"))
}

/// A version of the patch language.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ApiVersion {
    /// `ocipatch/v1`
    V1,
}

shape! {
    /// The version of the patch language
    impl ApiVersion, "ApiVersion" {
        |_| json!({ "const": "ocipatch/v1" }),
        api_version
    }
}

choices! {
    /// Which history entries to add besides those of added layers.
    pub enum History {
        /// One for a patch that changes the configuration and adds no layer.
        "per-patch" PerPatch,
        /// One for each operation that changes the configuration.
        "per-operation" PerOperation,
        /// None.
        "none" None,
    }
}

choices! {
    /// Which annotations record the patches in a changed image.
    pub enum Provenance {
        /// Nothing.
        "none" None,
        /// Annotations of the manifest name the patches, and the image that they were applied to.
        "annotate" Annotate,
    }
}

shape! {
    /// The changes, in order
    struct Operations("Operations") -> Vec<Operation> { list::<Operation>, operations }
}

impl Patch {
    fn decode_document(node: &Node, document: usize, problems: &mut Problems) -> Option<Self> {
        let whole = Field {
            node,
            address: Address::document(document),
            name: "a patch".to_owned(),
        };
        Self::decode_map(&whole, problems)
    }
}

fn operations(field: &Field<'_>, problems: &mut Problems) -> Option<Vec<Operation>> {
    let mut operations = Vec::new();
    for (i, mut item) in field
        .items(OPERATIONS_HELP, problems)?
        .into_iter()
        .enumerate()
    {
        item.name = format!("operation {}", i + 1);
        item.address = item.address.in_operation(i);
        operations.extend(Operation::decode(&item, problems));
    }
    Some(operations)
}

fn api_version(field: &Field<'_>, problems: &mut Problems) -> Option<ApiVersion> {
    match field.word(problems)? {
        "ocipatch/v1" => Some(ApiVersion::V1),
        other => {
            let message = format!("{} is not supported by this version", quoted(other));
            let problem = field.problem(Code::ApiVersion, message);
            problems.add(problem.with_help("use `ocipatch/v1`"));
            None
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Patch;
    use crate::operation::PATCH_KEYS;
    use crate::shape::Map as _;

    #[test]
    fn a_key_of_the_patch_is_known_among_the_operations() {
        let mut keys = Patch::keys();
        keys.retain(|key| !["apiVersion", "operations"].contains(key));
        assert_eq!(keys, PATCH_KEYS);
    }
}

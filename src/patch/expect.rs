//! `expect`: what must be true of an image for a patch to fit; for each precondition its place in the table and how it
//! is read.

use schemars::JsonSchema;

use super::decode::{Field, Problems};
use super::expect_config::{Expected, fields};
use super::expect_path::{PathExpectation, paths};
use super::layer_selector::layer_number;
use super::one_key::Kind;
use super::values::number;
use super::{env, pattern, schema, target, values};
use crate::config_field::ConfigField;
use crate::digest::DiffId;
use crate::platform::PlatformPattern;
use crate::problem::{Code, quoted};
use crate::reference::Glob;

/// One row per precondition: documentation, name, variant, what the variant holds, its schema, the function that reads it.
macro_rules! expectations {
    ($($(#[$doc:meta])+ $name:literal $variant:ident($holds:ty) as $schema:literal by $decode:path;)+) => {
        /// A precondition, as its author wrote it.
        #[derive(Debug, Clone, PartialEq, Eq, JsonSchema)]
        #[schemars(rename_all = "kebab-case")]
        pub enum Expectation {
            $($(#[$doc])+ $variant(#[schemars(with = $schema)] $holds),)+
        }

        impl Expectation {
            /// The names of all preconditions, in the order of the documentation.
            pub const NAMES: &[&'static str] = &[$($name,)+];

            fn decode_named(name: &str, field: &Field<'_>, problems: &mut Problems) -> Option<Self> {
                match name {
                    $($name => $decode(field, problems).map(Self::$variant),)+
                    _ => unreachable!("the caller has looked `{name}` up in `NAMES`"),
                }
            }
        }
    };
}

expectations! {
    /// Labels have these values.
    ///
    /// Takes `{key: value, …}`.
    "label" Label(Vec<(String, String)>) as "schema::Labels" by values::labels;
    /// Environment variables have these values.
    ///
    /// Takes `{NAME: value, …}`.
    "env" Env(Vec<(String, String)>) as "schema::Variables" by env::variables;
    /// Fields of the configuration have these values; `""` and `[]` mean that a field is empty or missing.
    ///
    /// Takes `{field: value, …}`, with the names that `unset` knows, `os` and `architecture`.
    "config" Config(Vec<(ConfigField, Expected)>) as "super::expect_config::Fields" by fields;
    /// The image has this id.
    ///
    /// Takes `sha256:` and the first digits, at least four.
    "image-id" ImageId(String) as "schema::IdPrefix" by target::id_prefix;
    /// Its OCI manifest, or the index that its names refer to, has this digest.
    ///
    /// Takes `sha256:` and the first digits, at least four.
    "manifest-digest" ManifestDigest(String) as "schema::IdPrefix" by target::id_prefix;
    /// The image is for this platform.
    ///
    /// Takes a platform such as `linux/arm64`; `*` matches any characters.
    "platform" Platform(PlatformPattern) as "PlatformPattern" by target::platform;
    /// One of its tags matches.
    ///
    /// Takes a pattern.
    "tag" Tag(Glob) as "Glob" by tag;
    /// It has this number of layers.
    ///
    /// Takes a number.
    "layers" Layers(i64) as "schema::Count" by count;
    /// Layers have these diff ids; the base is layer 1.
    ///
    /// Takes `{layer: sha256:…, …}`.
    "diff-id" DiffId(Vec<(usize, DiffId)>) as "DiffIds" by diff_ids;
    /// Paths exist, do not exist, or match a description.
    ///
    /// Takes `{path: exists, path: absent, path: {sha256: digest, mode: "0644"}, path: {symlink: target}, …}`.
    "path" Path(Vec<PathExpectation>) as "super::expect_path::Paths" by paths;
}

const EXPECTATION: Kind<'_> = Kind {
    name: "a precondition",
    keys: Expectation::NAMES,
    example: "- label: {version: \"1\"}",
    shape: Code::ExpectationShape,
    unknown: Code::UnknownExpectation,
};

/// Reads `expect` of a patch.
pub(super) fn decode(field: &Field<'_>, problems: &mut Problems) -> Option<Vec<Expectation>> {
    let help = "write at least one precondition, as in `- label: {version: \"1\"}`";
    let mut expectations = Vec::new();
    for (i, mut item) in field.items(help, problems)?.into_iter().enumerate() {
        item.name = format!("precondition {}", i + 1);
        if let Some((name, value)) = EXPECTATION.decode(&item, problems) {
            expectations.extend(Expectation::decode_named(name, &value, problems));
        }
    }
    Some(expectations)
}

fn tag(field: &Field<'_>, problems: &mut Problems) -> Option<Glob> {
    let text = field.some_word(problems)?;
    pattern::glob(text, field, problems)
}

fn count(field: &Field<'_>, problems: &mut Problems) -> Option<i64> {
    number(field, 0, problems)
}

fn diff_ids(field: &Field<'_>, problems: &mut Problems) -> Option<Vec<(usize, DiffId)>> {
    let entries = field.entries("write at least one `layer: sha256:…`", problems)?;
    let mut diff_ids = Vec::new();
    for (key, value) in entries {
        let layer = layer_number(key);
        if layer.is_none() {
            let mut key_field = value.clone();
            key_field.address = key_field.address.on_key();
            let message = format!("{} is not the number of a layer", quoted(key));
            let problem = key_field.problem(Code::InvalidValue, message);
            problems.add(problem.with_help("the base is layer 1"));
        }
        diff_ids.extend(layer.zip(diff_id(&value, problems)));
    }
    Some(diff_ids)
}

pub(super) fn diff_id(field: &Field<'_>, problems: &mut Problems) -> Option<DiffId> {
    let text = field.word(problems)?;
    let diff_id = DiffId::parse(text).ok();
    if diff_id.is_none() {
        let message = format!("{} is not a diff id", quoted(text));
        let problem = field.problem(Code::InvalidValue, message);
        problems.add(problem.with_help("write `sha256:` and 64 lower-case hex digits"));
    }
    diff_id
}

schema::schemas! {
    Expectations, "Expectations", |generator| schema::list(generator.subschema_for::<Expectation>(), "Preconditions", false);
    DiffIds, "DiffIds", |_| schemars::json_schema!({
        "description": "Diff ids by the number of their layer; the base is layer 1",
        "type": "object",
        "minProperties": 1,
        "propertyNames": { "pattern": "^[1-9][0-9]*$" },
        "additionalProperties": { "type": "string", "pattern": "^sha256:[0-9a-f]{64}$" },
    });
}

pub(super) struct Expectations;
struct DiffIds;

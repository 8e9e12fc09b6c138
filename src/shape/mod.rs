//! Shapes: what the values of a patch look like.
//!
//! A [`Shape`] is declared once, and the declaration gives the decoder and the JSON Schema. A scalar or a list is a
//! [`shape!`], a word out of a few is one of [`choices!`] or [`words!`], and a map with known keys is a [`record!`]. An
//! item with one key, such as an operation, is a row of [`one_key!`].
//!
//! ```text
//! record! {
//!     /// The compression, and the layers it applies to.
//!     pub struct Recompression("LongRecompression") {
//!         /// The new compression.
//!         "to" pub to: LayerCompression = required::<LayerCompression>("specify the compression, as in `to: zstd`");
//!         /// The layers; the default is `all`.
//!         "layers" pub layers: LayerRange = default_to::<LayerRange>(LayerRange::All);
//!     }
//!     short Short::Value("to"), "Recompression", "The new compression, or a map of it and of the layers it applies to";
//! }
//! ```
//!
//! Here `recompress: zstd` is short for `recompress: { to: zstd }`.

mod choices;
mod decode;
mod definitions;
mod document;
mod duration;
mod edit;
mod habits;
mod known;
mod layer_selector;
pub(crate) mod node;
mod one_key;
mod one_of;
pub(crate) mod parts;
mod paths;
mod pattern;
mod permissions;
mod ports;
mod problems;
mod record;
mod removal;
mod rules;
mod spelling;
mod strings;
mod values;

pub(crate) use self::choices::{choices, schema as words_schema, words};
pub(crate) use self::decode::{Field, Problems, Record};
pub(crate) use self::definitions::{
    Definitions, Json, Keys, described, list, map_of, property, set, shape, string_like, text,
};
pub use self::document::Given;
pub(crate) use self::document::{MergePatch, PointerList, PointerMap};
pub use self::duration::spell_duration;
pub(crate) use self::duration::{Duration, Nanoseconds};
pub use self::edit::EditPlace;
pub(crate) use self::edit::{NoNewLayer, PathMap, Paths};
pub(crate) use self::habits::note_shell_form;
pub(crate) use self::known::Known;
pub(crate) use self::layer_selector::{DiffIds, LayerPosition};
pub use self::layer_selector::{LayerCompression, LayerRange, LayerSelector};
pub(crate) use self::one_key::{OneKey, one_key};
pub(crate) use self::one_of::{Alternative, OneOf, one_of};
pub(crate) use self::parts::{Described, Part};
pub(crate) use self::paths::{ANY_PATH, PATH_KEY, SourcePath, any_path_key};
pub(crate) use self::pattern::{Expression, line_regex, regex, too_long};
pub use self::pattern::{MAX_PATTERN_BYTES, MAX_REGEX_BYTES};
pub(crate) use self::permissions::{Ids, Octal, parse_octal};
pub(crate) use self::ports::{Port, Ports};
pub(crate) use self::record::{Map, Short, record};
pub(crate) use self::removal::item_address;
pub use self::removal::{IfMissing, Removal};
pub(crate) use self::rules::{AnyOf, NotEmpty, NotWith, Requires, Rule, require_any};
pub(crate) use self::spelling::{listed, spaced, suggestion};
pub(crate) use self::strings::{
    AnnotationMap, Instructions, Labels, PlainText, SomeText, Text, VARIABLE, Variables, Word,
    Words, bad_name, distinct, plain,
};
pub(crate) use self::values::{Count, Directory, Retries, Seconds, Signal, Time, Volumes, Yes};

/// What a value of a patch looks like: how it is decoded, and how a schema describes it.
pub(crate) trait Shape: Sized + 'static {
    /// What is decoded.
    type Value: 'static;

    /// The name of its definition in the schema.
    const NAME: &'static str;

    /// Returns its definition; what that refers to is added to `definitions`.
    fn schema(definitions: &mut Definitions) -> Json;

    /// Returns a reference to its definition.
    fn refer(definitions: &mut Definitions) -> Json {
        definitions.define::<Self>()
    }

    /// Returns the value of a field, or adds a problem.
    fn decode(field: &Field<'_>, problems: &mut Problems) -> Option<Self::Value>;
}

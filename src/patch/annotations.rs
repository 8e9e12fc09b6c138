//! Annotations: what is said about an image in the documents above its configuration.

use schemars::JsonSchema;

use super::decode::{Field, Problems, Record};
use super::removal::{Matches, Removal};
use super::schema;
use super::values::{bad_key, map};
use crate::annotation::AnnotationPlace;
use crate::problem::{Address, Code};

/// Keys of descriptors that hold the image's name.
const NAMES: [&str; 2] = [
    "io.containerd.image.name",
    "org.opencontainers.image.ref.name",
];

/// Annotations to set, and where.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Annotations {
    /// The document to set them in.
    pub on: AnnotationPlace,
    /// Keys and values.
    pub entries: Vec<(String, String)>,
    is_long: bool,
}

/// Annotations to remove, and from where.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AnnotationRemoval {
    /// The document to remove them from.
    pub on: AnnotationPlace,
    /// Which ones.
    pub removal: Removal,
}

impl Annotations {
    /// Returns the address of a key, given the one of the operation.
    #[must_use]
    pub fn key_address(&self, operation: Address, key: &str) -> Address {
        let map = if self.is_long {
            operation.key("set")
        } else {
            operation
        };
        map.key(key).on_key()
    }

    pub(super) fn decode(field: &Field<'_>, problems: &mut Problems) -> Option<Self> {
        let is_long = field.has_key("on");
        if !is_long {
            return Some(Self {
                on: AnnotationPlace::Manifest,
                entries: entries(field, AnnotationPlace::Manifest, problems)?,
                is_long,
            });
        }
        let record = field.record(&["on", "set"], problems)?;
        let on = place(&record, problems);
        let help = "specify what to set, as in `set: {com.example.key: value}`";
        let set = record.require("set", Code::MissingKey, help, problems);
        let entries = set.and_then(|set| entries(set, on.unwrap_or_default(), problems));
        Some(Self {
            on: on?,
            entries: entries?,
            is_long,
        })
    }
}

impl AnnotationRemoval {
    pub(super) fn decode(field: &Field<'_>, problems: &mut Problems) -> Option<Self> {
        let help = "write at least one pattern; `\"*\"` matches everything";
        let matches = Matches::decode(field, &["on"], help, problems)?;
        let on = match &matches.record {
            Some(record) => place(record, problems),
            None => Some(AnnotationPlace::Manifest),
        };
        let removal = Removal::of(&matches, problems);
        Some(Self {
            on: on?,
            removal: removal?,
        })
    }
}

fn place(record: &Record<'_>, problems: &mut Problems) -> Option<AnnotationPlace> {
    let Some(field) = record.get("on") else {
        return Some(AnnotationPlace::Manifest);
    };
    let choices = AnnotationPlace::ALL.map(|place| (place.name(), place));
    field.choice(&choices, problems)
}

fn entries(
    field: &Field<'_>,
    on: AnnotationPlace,
    problems: &mut Problems,
) -> Option<Vec<(String, String)>> {
    let check = |key: &str| {
        if on == AnnotationPlace::Descriptor && NAMES.contains(&key) {
            let message = format!("`{key}` is reserved for the name of the image");
            return Some((
                Code::InvalidAnnotationKey,
                message + ", which `retag`, `add-tag` and `remove-tag` change",
            ));
        }
        bad_key("annotation", Code::InvalidAnnotationKey, key)
    };
    map(field, check, problems)
}

/// Annotations, and the document to set them in.
#[derive(JsonSchema)]
#[schemars(
    rename = "LongAnnotations",
    deny_unknown_fields,
    rename_all = "kebab-case"
)]
#[expect(
    dead_code,
    reason = "the fields are read by the derive, to describe them"
)]
pub(super) struct LongAnnotations {
    /// The document to set them in.
    on: AnnotationPlace,
    /// Keys and values.
    set: schema::Labels,
}

//! The effects of operations on one image: for the reader of a plan, never for `apply`.

use crate::annotation::AnnotationPlace;
use crate::config_field::ConfigField;
use crate::digest::DiffId;
use crate::reference::Reference;

/// What one operation does to one image.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Step {
    /// The patch file's name.
    pub patch: String,
    /// The operation's name.
    pub operation: &'static str,
    /// Its effects.
    pub effects: Vec<Effect>,
}

/// One effect of an operation. An operation without any changes nothing.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
#[serde(tag = "kind", rename_all = "kebab-case")]
pub enum Effect {
    /// A label gets a value.
    SetLabel {
        /// The key.
        key: String,
        /// The value that it had.
        old: Option<String>,
        /// The value that it gets.
        new: String,
    },
    /// A label is removed.
    UnsetLabel {
        /// The key.
        key: String,
        /// The value that it had.
        old: String,
    },
    /// An environment variable gets a value.
    SetEnv {
        /// The name.
        key: String,
        /// The value that it had.
        old: Option<String>,
        /// The value that it gets.
        new: String,
    },
    /// An environment variable is removed.
    UnsetEnv {
        /// The name.
        key: String,
        /// The value that it had.
        old: String,
    },
    /// A field of the configuration gets a value.
    SetField {
        /// The field, as a patch names it.
        field: ConfigField,
        /// The value that it had.
        old: Option<serde_json::Value>,
        /// The value that it gets.
        new: serde_json::Value,
    },
    /// A field of the configuration is removed.
    UnsetField {
        /// The field, as a patch names it.
        field: ConfigField,
        /// The value that it had.
        old: serde_json::Value,
    },
    /// An item is added to a field.
    AddItem {
        /// The field, as a patch names it.
        field: ConfigField,
        /// The item.
        item: String,
    },
    /// An item of a field is removed.
    RemoveItem {
        /// The field, as a patch names it.
        field: ConfigField,
        /// The item.
        item: String,
    },
    /// An annotation gets a value.
    SetAnnotation {
        /// The document.
        on: AnnotationPlace,
        /// The key.
        key: String,
        /// The value that it had.
        old: Option<String>,
        /// The value that it gets.
        new: String,
    },
    /// An annotation is removed.
    UnsetAnnotation {
        /// The document.
        on: AnnotationPlace,
        /// The key.
        key: String,
        /// The value that it had.
        old: String,
    },
    /// A layer is added.
    AddLayer {
        /// Its index in `Plan::layers`.
        layer: usize,
    },
    /// A layer is removed.
    RemoveLayer {
        /// Its number at that point; the base is layer 1.
        number: usize,
        /// Its diff id.
        #[serde(rename = "diffId")]
        diff_id: DiffId,
    },
    /// A layer is replaced.
    ReplaceLayer {
        /// The number of both; the base is layer 1.
        number: usize,
        /// The diff id of the old layer.
        #[serde(rename = "diffId")]
        diff_id: DiffId,
        /// The new layer: its index in `Plan::layers`.
        layer: usize,
    },
    /// Some entries of a layer are changed.
    RewriteLayer {
        /// Its number at that point; the base is layer 1.
        number: usize,
        /// Its index in `Plan::layers`.
        layer: usize,
    },
    /// Several layers are combined.
    Squash {
        /// The number of the first of them; the base is layer 1.
        first: usize,
        /// The number of the last of them.
        last: usize,
        /// The new layer: its index in `Plan::layers`.
        layer: usize,
    },
    /// The layers of the base are replaced with those of another base.
    Rebase {
        /// How many layers are removed.
        #[serde(rename = "removed")]
        n_removed: usize,
        /// How many are added.
        #[serde(rename = "added")]
        n_added: usize,
    },
    /// A layer is compressed differently.
    Recompress {
        /// Its number at that point; the base is layer 1.
        number: usize,
        /// `gzip`, `zstd` or `none`.
        compression: &'static str,
    },
    /// The times of files in some layers are clamped.
    LimitTimes {
        /// Seconds since 1970.
        latest: i64,
    },
    /// A tag is added.
    AddTag {
        /// The name.
        tag: Reference,
    },
    /// A tag is removed.
    RemoveTag {
        /// The name.
        tag: Reference,
    },
}

/// A thing with a name that an effect takes away.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Removed<'a> {
    Label(&'a str),
    Variable(&'a str),
    Item(ConfigField, &'a str),
    Annotation(AnnotationPlace, &'a str),
    Tag(&'a Reference),
}

impl Effect {
    /// Returns what goes, if that has a name.
    pub(crate) fn removed(&self) -> Option<Removed<'_>> {
        match self {
            Self::UnsetLabel { key, .. } => Some(Removed::Label(key)),
            Self::UnsetEnv { key, .. } => Some(Removed::Variable(key)),
            Self::RemoveItem { field, item } => Some(Removed::Item(*field, item)),
            Self::UnsetAnnotation { on, key, .. } => Some(Removed::Annotation(*on, key)),
            Self::RemoveTag { tag } => Some(Removed::Tag(tag)),
            Self::SetLabel { .. }
            | Self::SetEnv { .. }
            | Self::SetField { .. }
            | Self::UnsetField { .. }
            | Self::AddItem { .. }
            | Self::SetAnnotation { .. }
            | Self::AddLayer { .. }
            | Self::RemoveLayer { .. }
            | Self::ReplaceLayer { .. }
            | Self::RewriteLayer { .. }
            | Self::Squash { .. }
            | Self::Rebase { .. }
            | Self::Recompress { .. }
            | Self::LimitTimes { .. }
            | Self::AddTag { .. } => None,
        }
    }
}

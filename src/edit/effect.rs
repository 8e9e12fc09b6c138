//! What operations come to, one image at a time: for the reader of a plan, never for `apply`.

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
    /// What it comes to.
    pub effects: Vec<Effect>,
}

/// One effect of an operation; an operation without any finds everything as it wants it.
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
    /// A label goes.
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
    /// An environment variable goes.
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
    /// A field of the configuration goes.
    UnsetField {
        /// The field, as a patch names it.
        field: ConfigField,
        /// The value that it had.
        old: serde_json::Value,
    },
    /// A field of several items gets one more.
    AddItem {
        /// The field, as a patch names it.
        field: ConfigField,
        /// The item.
        item: String,
    },
    /// A field of several items loses one.
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
    /// An annotation goes.
    UnsetAnnotation {
        /// The document.
        on: AnnotationPlace,
        /// The key.
        key: String,
        /// The value that it had.
        old: String,
    },
    /// A layer is added on top.
    AddLayer {
        /// Its index in `Plan::layers`.
        layer: usize,
    },
    /// A layer goes.
    RemoveLayer {
        /// Its number by then; the base is layer 1.
        number: usize,
        /// Its diff id.
        #[serde(rename = "diffId")]
        diff_id: DiffId,
    },
    /// Another layer comes in the place of one.
    ReplaceLayer {
        /// The number of both; the base is layer 1.
        number: usize,
        /// The diff id of the one that goes.
        #[serde(rename = "diffId")]
        diff_id: DiffId,
        /// The one that comes: its index in `Plan::layers`.
        layer: usize,
    },
    /// A layer is made anew, with some of its entries changed.
    RewriteLayer {
        /// Its number by then; the base is layer 1.
        number: usize,
        /// Its index in `Plan::layers`.
        layer: usize,
    },
    /// Several layers become one.
    Squash {
        /// The number of the first of them; the base is layer 1.
        first: usize,
        /// The number of the last of them.
        last: usize,
        /// The one that they become: its index in `Plan::layers`.
        layer: usize,
    },
    /// The layers of another base come in place of those of the image's own.
    Rebase {
        /// How many layers go.
        #[serde(rename = "removed")]
        n_removed: usize,
        /// How many come.
        #[serde(rename = "added")]
        n_added: usize,
    },
    /// A layer is stored in another way.
    Recompress {
        /// Its number by then; the base is layer 1.
        number: usize,
        /// `gzip`, `zstd` or `none`.
        compression: &'static str,
    },
    /// No file of some layers is later than a time.
    LimitTimes {
        /// Seconds since 1970.
        latest: i64,
    },
    /// The image gets a name.
    AddTag {
        /// The name.
        tag: Reference,
    },
    /// The image loses a name.
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

impl Removed<'_> {
    /// Returns its name.
    pub(crate) fn name(self) -> String {
        match self {
            Self::Label(name)
            | Self::Variable(name)
            | Self::Item(_, name)
            | Self::Annotation(_, name) => name.to_owned(),
            Self::Tag(tag) => tag.familiar(),
        }
    }
}

//! The operations, each in a room of its own, where all that it is stands together: what it needs, what it does to an image,
//! how `diff --as-patch` comes to say it, and samples of it.

mod accounts;
pub(crate) mod add_layer;
pub(crate) mod annotations;
mod append_text;
mod ca_certificate;
mod docs;
mod edit_document;
mod edit_options;
mod env;
pub(crate) mod fields;
mod healthcheck;
mod inverse;
mod items;
mod labels;
mod move_path;
mod named;
mod needs;
pub(crate) mod new_layer;
mod onbuild;
mod patch_file;
mod path_settings;
mod platform;
mod rebase;
mod recompress;
mod remove_layer;
mod remove_path;
mod replace_layer;
mod replace_text;
mod rewrite_timestamps;
mod set_line;
mod squash;
mod synonyms;
pub(crate) mod tags;
mod unset;

pub use self::accounts::{AddGroup, AddUser, GroupName};
pub use self::annotations::{AnnotationRemoval, Annotations};
pub use self::append_text::{Append, AppendedText};
pub use self::ca_certificate::{AddCaCertificate, CertificateText};
pub use self::docs::Docs;
pub use self::edit_document::DocumentEdit;
pub use self::edit_options::EditOptions;
pub use self::env::EnvPart;
pub use self::fields::SetField;
pub use self::healthcheck::Healthcheck;
pub use self::inverse::DraftValue;
pub(crate) use self::inverse::Operations;
pub(crate) use self::inverse::{ConfigDifference, Inverse};
pub use self::move_path::PathMoves;
pub(crate) use self::needs::{Depth, HostPath, Needs, Reach, Sources};
pub use self::new_layer::{
    AddLayer, Exclude, LayerMode, LayerOwner, LayerTime, LayerXattrs, NewContent, NewFile, Symlinks,
};
pub use self::patch_file::{DiffSource, FileDiff};
pub use self::path_settings::{Clause, FileMode, PathSettings};
pub use self::platform::PlatformChange;
pub use self::rebase::{BaseImage, Rebase};
pub use self::recompress::Recompression;
pub use self::remove_layer::LayerRemoval;
pub use self::remove_path::PathRemoval;
pub use self::replace_layer::LayerReplacement;
pub use self::replace_text::{Needle, Replacement, Times};
pub use self::rewrite_timestamps::TimeLimit;
pub use self::set_line::{Beside, Insert, InsertAt, InsertBeside, SetLine};
pub use self::squash::Squash;
pub use self::unset::Unset;

use std::sync::LazyLock;

use crate::config_field::{ConfigField, Setter, SetterGroup};
use crate::edit::EditedImage;
use crate::problem::Code;
use crate::reference::Reference;
use crate::shape::{self, Definitions, Field, Json, Problems, Removal, Shape};

/// What a room has to say of its operation. Nothing has a default: a room that leaves something out does not compile.
pub(crate) trait Room {
    /// What the author writes: how that is decoded, and described in the schema.
    type Shape: Shape;

    /// The name that the operation has in a patch.
    const KEY: &'static str;

    /// Its documentation.
    const DOCS: Docs;

    /// How a difference comes to be said with it.
    const INVERSE: Inverse;

    /// Values that it takes, as YAML; any image is fit for them.
    const SAMPLES: &'static [&'static str];

    /// Returns what it needs and how far it reaches.
    fn needs(value: &ValueOf<Self>) -> Needs<'_>;

    /// Plans what it does to an image.
    fn plan<'a>(value: &'a ValueOf<Self>, image: &mut EditedImage<'a>);
}

/// The value of the operation of a room.
pub(crate) type ValueOf<R> = <<R as Room>::Shape as Shape>::Value;

/// An operation of the language.
#[derive(Debug)]
pub struct Definition {
    /// The name that it has in a patch.
    pub name: &'static str,
    /// Its documentation.
    pub docs: Docs,
    /// How a difference comes to be said with it.
    pub(crate) inverse: Inverse,
    /// Values that it takes, as YAML; any image is fit for them.
    pub samples: &'static [&'static str],
    takes: Takes,
}

/// How the value of an operation is described and decoded.
#[derive(Debug)]
enum Takes {
    Room {
        refer: fn(&mut Definitions) -> Json,
        decode: fn(&Field<'_>, &mut Problems) -> Option<Operation>,
    },
    Field(&'static Setter),
}

impl Definition {
    fn of<R: Room>(decode: fn(&Field<'_>, &mut Problems) -> Option<Operation>) -> Self {
        let refer = |definitions: &mut Definitions| definitions.refer::<R::Shape>();
        Self {
            name: R::KEY,
            docs: R::DOCS,
            inverse: R::INVERSE,
            samples: R::SAMPLES,
            takes: Takes::Room { refer, decode },
        }
    }

    fn of_field(setter: &'static Setter) -> Self {
        Self {
            name: setter.name,
            docs: setter.docs(),
            inverse: setter.inverse(),
            samples: std::slice::from_ref(&setter.example),
            takes: Takes::Field(setter),
        }
    }

    /// Returns the field, if it sets one and does nothing else.
    #[must_use]
    pub fn field(&self) -> Option<ConfigField> {
        match self.takes {
            Takes::Field(setter) => Some(setter.field),
            Takes::Room { .. } => None,
        }
    }

    /// Returns why `diff --as-patch` never writes it; nothing if it does.
    #[must_use]
    pub fn never_written(&self) -> Option<&'static str> {
        match self.inverse {
            Inverse::Config(_)
            | Inverse::Field(_)
            | Inverse::Annotations
            | Inverse::Tags
            | Inverse::Layers
            | Inverse::Unset
            | Inverse::Beside => None,
            Inverse::Never(reason) => Some(reason),
        }
    }

    fn refer(&self, definitions: &mut Definitions) -> Json {
        match self.takes {
            Takes::Room { refer, .. } => refer(definitions),
            Takes::Field(setter) => setter.refer(definitions),
        }
    }

    fn decode(&self, field: &Field<'_>, problems: &mut Problems) -> Option<Operation> {
        match self.takes {
            Takes::Room { decode, .. } => decode(field, problems),
            Takes::Field(setter) => {
                let set = setter.decode(field, problems)?;
                Some(Operation::SetField(set))
            }
        }
    }
}

/// Returns every operation, in the order of the documentation.
#[must_use]
pub fn definitions() -> &'static [Definition] {
    static DEFINITIONS: LazyLock<Vec<Definition>> = LazyLock::new(all);
    &DEFINITIONS
}

/// One row for each room, with the value of its operation, in the order of the documentation, and between them the groups of operations on one field.
macro_rules! registry {
    ($($variant:ident($value:ty) in $room:ty $(, then fields $group:ident)*;)+) => {
        /// One operation of a patch, as its author wrote it.
        #[derive(Debug, Clone, PartialEq, Eq)]
        #[expect(missing_docs, reason = "each has its documentation in its room")]
        pub enum Operation {
            $($variant($value),)+
            SetField(SetField),
        }

        fn all() -> Vec<Definition> {
            [
                $(
                    vec![Definition::of::<$room>(|field, problems| {
                        <$room as Room>::Shape::decode(field, problems).map(Operation::$variant)
                    })],
                    $(Setter::of_group(SetterGroup::$group).into_iter().map(Definition::of_field).collect(),)*
                )+
            ]
            .into_iter()
            .flatten()
            .collect()
        }

        impl Operation {
            /// Returns the name that it has in a patch.
            #[must_use]
            pub fn name(&self) -> &'static str {
                match self {
                    $(Self::$variant(_) => <$room>::KEY,)+
                    Self::SetField(set) => set.name(),
                }
            }

            /// Returns what it needs and how far it reaches.
            pub(crate) fn needs(&self) -> Needs<'_> {
                match self {
                    $(Self::$variant(value) => <$room>::needs(value),)+
                    Self::SetField(_) => SetField::needs(),
                }
            }

            /// Plans what it does to an image.
            pub(crate) fn plan<'a>(&'a self, image: &mut EditedImage<'a>) {
                match self {
                    $(Self::$variant(value) => <$room>::plan(value, image),)+
                    Self::SetField(set) => set.plan(image),
                }
            }
        }
    };
}

registry! {
    SetLabel(Vec<(String, String)>) in labels::SetLabel;
    UnsetLabel(Removal) in labels::UnsetLabel;
    SetEnv(Vec<(String, String)>) in env::SetEnv;
    UnsetEnv(Removal) in env::UnsetEnv;
    PrependEnv(Vec<EnvPart>) in env::PrependEnv;
    AppendEnv(Vec<EnvPart>) in env::AppendEnv, then fields Process;
    AddPort(Vec<String>) in items::AddPort;
    RemovePort(Removal) in items::RemovePort;
    AddVolume(Vec<String>) in items::AddVolume;
    RemoveVolume(Removal) in items::RemoveVolume;
    SetHealthcheck(Healthcheck) in Healthcheck;
    AddOnbuild(Vec<String>) in onbuild::AddOnbuild;
    Unset(Unset) in Unset, then fields Origin, then fields Host;
    SetPlatform(PlatformChange) in PlatformChange;
    SetAnnotation(Annotations) in annotations::SetAnnotation;
    UnsetAnnotation(AnnotationRemoval) in annotations::UnsetAnnotation;
    AddLayer(AddLayer) in AddLayer;
    RemoveLayer(LayerRemoval) in LayerRemoval;
    RemovePath(PathRemoval) in PathRemoval;
    ReplaceLayer(LayerReplacement) in LayerReplacement;
    Squash(Squash) in Squash;
    Rebase(Rebase) in Rebase;
    Recompress(Recompression) in Recompression;
    RewriteTimestamps(TimeLimit) in TimeLimit;
    MovePath(PathMoves) in PathMoves;
    SetMode(PathSettings<FileMode>) in PathSettings<FileMode>;
    SetOwner(PathSettings<(u32, u32)>) in PathSettings<(u32, u32)>;
    PatchFile(FileDiff) in FileDiff;
    SetLine(SetLine) in SetLine;
    AppendText(Append) in Append;
    ReplaceText(Replacement) in Replacement;
    EditJson(DocumentEdit) in edit_document::EditJson;
    EditToml(DocumentEdit) in edit_document::EditToml;
    EditYaml(DocumentEdit) in edit_document::EditYaml;
    AddCaCertificate(AddCaCertificate) in AddCaCertificate;
    AddUser(AddUser) in AddUser;
    AddGroup(AddGroup) in AddGroup;
    Retag(Vec<Reference>) in tags::Retag;
    AddTag(Vec<Reference>) in tags::AddTag;
    RemoveTag(Removal) in tags::RemoveTag;
}

impl Operation {
    /// Returns the names of all operations, in the order of the documentation.
    #[must_use]
    pub fn names() -> &'static [&'static str] {
        static NAMES: LazyLock<Vec<&str>> =
            LazyLock::new(|| definitions().iter().map(|it| it.name).collect());
        &NAMES
    }

    /// Returns what to write for an operation of this name, or for one that others call so.
    pub(crate) fn help_for(name: &str) -> Option<String> {
        match definitions().iter().find(|row| row.name == name) {
            Some(row) => Some(format!("write `- {name}: {}`", row.docs.example)),
            None => synonyms::operation_for(name),
        }
    }
}

/// Keys of a patch that describe it or its images.
pub(crate) const PATCH_KEYS: [&str; 7] = [
    "description",
    "args",
    "target",
    "expect",
    "attestations",
    "history",
    "provenance",
];

/// Says where to write a key of a patch that is an operation.
fn key_above(name: &str) -> Option<String> {
    let key = PATCH_KEYS.iter().find(|key| **key == name)?;
    Some(format!("write `{key}` above `operations`, without `- `"))
}

impl Shape for Operation {
    type Value = Self;

    const NAME: &'static str = "Operation";

    fn schema(definitions: &mut Definitions) -> Json {
        let rows = self::definitions().iter();
        let properties = rows.map(|row| {
            (
                row.name,
                row.docs.property(row.name, row.refer(definitions)),
            )
        });
        shape::OneKey::schema(
            &["One operation of a patch, as its author wrote it."],
            properties,
        )
    }

    fn decode(field: &Field<'_>, problems: &mut Problems) -> Option<Self> {
        let kind = shape::OneKey {
            name: "an operation",
            keys: Self::names(),
            example: "- retag: [\"app:2\"]",
            shape: Code::OperationShape,
            unknown: Code::UnknownOperation,
            other_name: |name| key_above(name).or_else(|| synonyms::operation_for(name)),
        };
        let (name, value) = kind.decode(field, problems)?;
        let row = definitions().iter().find(|row| row.name == name);
        row.expect("it is one of the names")
            .decode(&value, problems)
    }
}

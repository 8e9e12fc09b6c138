//! The operations, each in a room of its own, where all that it is stands together: what it needs, what it does to an image,
//! how `diff --as-patch` comes to say it, and samples of it.

pub(crate) mod add_layer;
pub(crate) mod annotations;
mod env;
pub(crate) mod fields;
mod healthcheck;
mod inverse;
mod items;
mod labels;
mod move_path;
mod named;
mod needs;
mod onbuild;
mod patch_file;
mod path_settings;
mod platform;
mod rebase;
mod recompress;
mod remove_layer;
mod remove_path;
mod replace_layer;
mod rewrite_timestamps;
mod squash;
pub(crate) mod tags;
mod unset;

pub(crate) use inverse::Operations;
pub use inverse::{ConfigDifference, DraftValue, Inverse};
pub(crate) use needs::{Depth, HostPath, Needs, Reach, Sources};

use crate::edit::EditedImage;
use crate::patch::Operation;

/// An operation. Nothing has a default: a room that leaves something out does not compile.
pub(crate) trait Room {
    /// What the author writes.
    type Value;

    /// The name that it has in a patch.
    const NAME: &'static str;

    /// How a difference comes to be said with it.
    const INVERSE: Inverse;

    /// Values that it takes, as YAML; any image is fit for them.
    const SAMPLES: &'static [&'static str];

    /// Returns what it needs and how far it reaches.
    fn needs(value: &Self::Value) -> Needs<'_>;

    /// Plans what it does to an image.
    fn plan<'a>(value: &'a Self::Value, image: &mut EditedImage<'a>);
}

/// An operation of the language.
#[derive(Debug)]
pub struct Kind {
    /// The name that it has in a patch.
    pub name: &'static str,
    /// How a difference comes to be said with it.
    pub inverse: Inverse,
    /// Values that it takes, as YAML.
    pub samples: &'static [&'static str],
}

impl Kind {
    fn of<R: Room>() -> Self {
        Self {
            name: R::NAME,
            inverse: R::INVERSE,
            samples: R::SAMPLES,
        }
    }
}

/// One row for each room, in the order of the documentation, and between them the groups of operations on one field.
macro_rules! registry {
    ($($variant:ident: $room:ty $(, then fields $group:ident)*;)+) => {
        /// Returns every operation, in the order of the documentation.
        #[must_use]
        pub fn kinds() -> &'static [Kind] {
            static KINDS: std::sync::LazyLock<Vec<Kind>> = std::sync::LazyLock::new(|| {
                let mut kinds = Vec::new();
                $(
                    kinds.push(Kind::of::<$room>());
                    $(kinds.extend(fields::kinds(crate::config_field::SetterGroup::$group));)*
                )+
                kinds
            });
            &KINDS
        }

        impl Operation {
            /// Returns what it needs and how far it reaches.
            pub(crate) fn needs(&self) -> Needs<'_> {
                match self {
                    $(Self::$variant(value) => <$room>::needs(value),)+
                    _ => Needs::only(Reach::Documents),
                }
            }

            /// Plans what it does to an image.
            pub(crate) fn plan<'a>(&'a self, image: &mut EditedImage<'a>) {
                match self {
                    $(Self::$variant(value) => <$room>::plan(value, image),)+
                    other => { let (f, v) = other.assignment(); fields::set(image, f, &v) }
                }
            }
        }
    };
}

registry! {
    SetLabel: labels::SetLabel;
    UnsetLabel: labels::UnsetLabel;
    SetEnv: env::SetEnv;
    UnsetEnv: env::UnsetEnv;
    PrependEnv: env::PrependEnv;
    AppendEnv: env::AppendEnv, then fields Process;
    AddPort: items::AddPort;
    RemovePort: items::RemovePort;
    AddVolume: items::AddVolume;
    RemoveVolume: items::RemoveVolume;
    SetHealthcheck: healthcheck::SetHealthcheck;
    AddOnbuild: onbuild::AddOnbuild;
    Unset: unset::Unset, then fields Origin, then fields Host;
    SetPlatform: platform::SetPlatform;
    SetAnnotation: annotations::SetAnnotation;
    UnsetAnnotation: annotations::UnsetAnnotation;
    AddLayer: add_layer::AddLayer;
    RemoveLayer: remove_layer::RemoveLayer;
    RemovePath: remove_path::RemovePath;
    ReplaceLayer: replace_layer::ReplaceLayer;
    Squash: squash::Squash;
    Rebase: rebase::Rebase;
    Recompress: recompress::Recompress;
    RewriteTimestamps: rewrite_timestamps::RewriteTimestamps;
    MovePath: move_path::MovePath;
    SetMode: path_settings::SetMode;
    SetOwner: path_settings::SetOwner;
    PatchFile: patch_file::PatchFile;
    Retag: tags::Retag;
    AddTag: tags::AddTag;
    RemoveTag: tags::RemoveTag;
}

impl Operation {
    fn assignment(&self) -> (crate::config_field::ConfigField, crate::image::json::Value) {
        use crate::config_field::ConfigField;
        use crate::image::json::Value;
        match self {
            Self::SetEntrypoint(words) => (ConfigField::Entrypoint, Value::texts(words)),
            Self::SetCmd(words) => (ConfigField::Cmd, Value::texts(words)),
            Self::SetUser(text) => (ConfigField::User, Value::text(text)),
            Self::SetWorkdir(text) => (ConfigField::Workdir, Value::text(text)),
            Self::SetShell(words) => (ConfigField::Shell, Value::texts(words)),
            Self::SetStopSignal(text) => (ConfigField::StopSignal, Value::text(text)),
            Self::SetStopTimeout(seconds) => (ConfigField::StopTimeout, Value::integer(*seconds)),
            Self::SetAuthor(text) => (ConfigField::Author, Value::text(text)),
            Self::SetComment(text) => (ConfigField::Comment, Value::text(text)),
            Self::SetCreated(time) => (ConfigField::Created, Value::text(time.as_str())),
            Self::SetHostname(text) => (ConfigField::Hostname, Value::text(text)),
            Self::SetDomainname(text) => (ConfigField::Domainname, Value::text(text)),
            _ => unreachable!(),
        }
    }
}

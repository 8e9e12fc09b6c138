//! The operations that set one field of the configuration, each a row of a table; and fields that are set as parts of others.

use super::{Docs, Inverse, Needs, Reach};
use crate::config_field::{ConfigField, SETTERS, Setter, SetterGroup, Taken};
use crate::edit::claims::{Claimed, Intent};
use crate::edit::{EditedImage, Effect, ImageState};
use crate::image::json::Value;
use crate::problem::Address;
use crate::shape::{
    Definitions, Directory, Field, Json, Problems, Seconds, Shape, Signal, SomeText, Time, Words,
};

/// A field of the configuration, and what it is to be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SetField {
    setter: &'static Setter,
    value: Value,
}

impl SetField {
    /// Returns the name of the operation.
    #[must_use]
    pub fn name(&self) -> &'static str {
        self.setter.name
    }

    /// Returns what it is to be.
    #[must_use]
    pub fn value(&self) -> &Value {
        &self.value
    }

    pub(crate) fn needs() -> Needs<'static> {
        Needs::only(Reach::Documents)
    }

    pub(crate) fn plan(&self, image: &mut EditedImage<'_>) {
        set(image, self.setter.field, &self.value, image.address());
    }
}

impl Setter {
    /// Returns the operations of a group, those that set commands first.
    pub(crate) fn of_group(group: SetterGroup) -> Vec<&'static Self> {
        let mut setters: Vec<&Self> = SETTERS.iter().filter(|it| it.group == group).collect();
        setters.sort_by_key(|setter| setter.takes != Taken::Words);
        setters
    }

    pub(crate) fn docs(&self) -> Docs {
        Docs {
            does: self.does,
            takes: match self.takes {
                Taken::Text => "a string",
                Taken::Words => "`[word, …]`",
                Taken::Directory => "an absolute path",
                Taken::Signal => "a name such as `SIGTERM` or `RTMIN+3`, or a number",
                Taken::Seconds => "seconds; `-1` means no limit",
                Taken::Time => "an RFC 3339 timestamp",
            },
            example: self.example,
            before: self.before,
            after: self.after,
        }
    }

    pub(crate) fn inverse(&self) -> Inverse {
        Inverse::Field(self.field)
    }

    pub(crate) fn refer(&self, definitions: &mut Definitions) -> Json {
        match self.takes {
            Taken::Text => definitions.refer::<SomeText>(),
            Taken::Words => definitions.refer::<Words>(),
            Taken::Directory => definitions.refer::<Directory>(),
            Taken::Signal => definitions.refer::<Signal>(),
            Taken::Seconds => definitions.refer::<Seconds>(),
            Taken::Time => definitions.refer::<Time>(),
        }
    }

    pub(crate) fn decode(
        &'static self,
        field: &Field<'_>,
        problems: &mut Problems,
    ) -> Option<SetField> {
        let value = match self.takes {
            Taken::Text => Value::text(&SomeText::decode(field, problems)?),
            Taken::Words => Value::texts(&Words::decode(field, problems)?),
            Taken::Directory => Value::text(&Directory::decode(field, problems)?),
            Taken::Signal => Value::text(&Signal::decode(field, problems)?),
            Taken::Seconds => Value::integer(Seconds::decode(field, problems)?),
            Taken::Time => Value::text(Time::decode(field, problems)?.as_str()),
        };
        Some(SetField {
            setter: self,
            value,
        })
    }
}

/// Sets the fields that have a value, each of which stands under its key in the operation.
pub(crate) fn set_parts(
    image: &mut EditedImage<'_>,
    parts: impl Iterator<Item = ((ConfigField, &'static str), Option<Value>)>,
) {
    for ((field, key), value) in parts {
        if let Some(value) = value {
            set(image, field, &value, image.address().key(key));
        }
    }
}

fn set(image: &mut EditedImage<'_>, field: ConfigField, value: &Value, address: Address) {
    let shown = value.as_text().map_or_else(|| value.compact(), Into::into);
    image.claim(Claimed::field(field), Intent::Set(shown), address);
    let state = &mut *image.state;
    // Also where it is the one that the image has: the environment is not to replace it.
    state.has_own_time |= field == ConfigField::Created;
    let old = state.config.field(field).map(Value::to_json);
    if !state.config.set_field(field, value.clone()) {
        return;
    }
    image.effects.push(Effect::SetField {
        field,
        old,
        new: value.to_json(),
    });
    if matches!(field, ConfigField::Entrypoint | ConfigField::Cmd) {
        settle_command(state, field);
    }
    state.platform = state.config.platform();
}

/// What goes with another command.
fn settle_command(state: &mut ImageState, field: ConfigField) {
    // The old command was one text that Windows was to take as it is; the new one is words.
    if state.is_windows() && state.config.remove_args_escaped() {
        state.note("`ArgsEscaped` is removed: it described the old command".to_owned());
    }
    if field == ConfigField::Entrypoint && state.config.field(ConfigField::Cmd).is_some() {
        let note = "`set-entrypoint` keeps `cmd`; a build would remove it";
        state.note(note.to_owned());
    }
}

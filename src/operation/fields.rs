//! Fields of the configuration that are set and unset as a whole.

use crate::config_field::ConfigField;
use crate::edit::Effect;
use crate::edit::claims::{Thing, Wish};
use crate::edit::image::{EditedImage, ImageSeen, Missing};
use crate::edit::state::State;
use crate::image::json::Value;
use crate::patch::{Operation, Unset};
use crate::problem::{Code, quoted};

/// A field, what it is to be, and the key in the operation that says so, where there are several.
type Assignment = (ConfigField, Value, Option<&'static str>);

/// Returns the fields that an operation sets; most set one.
pub(crate) fn assignments(operation: &Operation) -> Vec<Assignment> {
    let one = |field, value| vec![(field, value, None)];
    match operation {
        Operation::SetEntrypoint(words) => one(ConfigField::Entrypoint, Value::texts(words)),
        Operation::SetCmd(words) => one(ConfigField::Cmd, Value::texts(words)),
        Operation::SetUser(text) => one(ConfigField::User, Value::text(text)),
        Operation::SetWorkdir(text) => one(ConfigField::Workdir, Value::text(text)),
        Operation::SetShell(words) => one(ConfigField::Shell, Value::texts(words)),
        Operation::SetStopSignal(text) => one(ConfigField::StopSignal, Value::text(text)),
        Operation::SetStopTimeout(seconds) => {
            one(ConfigField::StopTimeout, Value::integer(*seconds))
        }
        Operation::SetAuthor(text) => one(ConfigField::Author, Value::text(text)),
        Operation::SetComment(text) => one(ConfigField::Comment, Value::text(text)),
        Operation::SetCreated(time) => one(ConfigField::Created, Value::text(time.as_str())),
        Operation::SetHostname(text) => one(ConfigField::Hostname, Value::text(text)),
        Operation::SetDomainname(text) => one(ConfigField::Domainname, Value::text(text)),
        Operation::SetHealthcheck(check) => {
            let texts = |words: &Option<Vec<String>>| words.as_deref().map(Value::texts);
            let number = |number: Option<i64>| number.map(Value::integer);
            stated([
                (ConfigField::HealthcheckTest, "test", texts(&check.test)),
                (
                    ConfigField::HealthcheckInterval,
                    "interval",
                    number(check.interval),
                ),
                (
                    ConfigField::HealthcheckTimeout,
                    "timeout",
                    number(check.timeout),
                ),
                (
                    ConfigField::HealthcheckStartPeriod,
                    "start-period",
                    number(check.start_period),
                ),
                (
                    ConfigField::HealthcheckStartInterval,
                    "start-interval",
                    number(check.start_interval),
                ),
                (
                    ConfigField::HealthcheckRetries,
                    "retries",
                    number(check.retries),
                ),
            ])
        }
        Operation::SetPlatform(platform) => {
            let text = |text: &Option<String>| text.as_deref().map(Value::text);
            stated([
                (ConfigField::Os, "os", text(&platform.os)),
                (
                    ConfigField::Architecture,
                    "architecture",
                    text(&platform.architecture),
                ),
                (ConfigField::Variant, "variant", text(&platform.variant)),
                (
                    ConfigField::OsVersion,
                    "os-version",
                    text(&platform.os_version),
                ),
                (
                    ConfigField::OsFeatures,
                    "os-features",
                    platform.os_features.as_deref().map(Value::texts),
                ),
            ])
        }
        _ => Vec::new(),
    }
}

fn stated<const N: usize>(all: [(ConfigField, &'static str, Option<Value>); N]) -> Vec<Assignment> {
    let stated = all.into_iter();
    stated
        .filter_map(|(field, key, value)| Some((field, value?, Some(key))))
        .collect()
}

pub(crate) fn set(image: &mut EditedImage<'_>, assignments: &[Assignment]) {
    for (field, value, key) in assignments {
        let address = match key {
            Some(key) => image.address().key(key),
            None => image.address(),
        };
        let shown = value.as_text().map_or_else(|| value.compact(), Into::into);
        image.claim(Thing::field(*field), Wish::Set(shown), address);
        let state = &mut *image.state;
        // Also where it is the one that the image has: the environment is not to replace it.
        state.has_own_time |= *field == ConfigField::Created;
        let old = state.config.field(*field).map(Value::to_json);
        if !state.config.set_field(*field, value.clone()) {
            continue;
        }
        image.effects.push(Effect::SetField {
            field: *field,
            old,
            new: value.to_json(),
        });
        if matches!(field, ConfigField::Entrypoint | ConfigField::Cmd) {
            settle_command(state, *field);
        }
        state.platform = state.config.platform();
    }
}

/// What goes with another command.
fn settle_command(state: &mut State, field: ConfigField) {
    // The old command was one text that Windows was to take as it is; the new one is words.
    if state.is_windows() && state.config.remove_args_escaped() {
        state.note("`ArgsEscaped` is removed: it described the old command".to_owned());
    }
    if field == ConfigField::Entrypoint && state.config.field(ConfigField::Cmd).is_some() {
        let note = "`set-entrypoint` keeps `cmd`; a build would remove it";
        state.note(note.to_owned());
    }
}

pub(crate) fn unset(image: &mut EditedImage<'_>, unset: &Unset) {
    for (f, &field) in unset.fields.iter().enumerate() {
        let address = unset.field_address(image.address(), f);
        let old = image.state.config.field(field).map(Value::to_json);
        image.look(f, old.is_some(), unset.if_missing, |_| Missing {
            code: Code::NoSuchField,
            address: address.clone(),
            what: format!("nothing in {}", quoted(field.name())),
            help: Box::new(fields_there),
        });
        let Some(old) = old else { continue };
        image.claim(Thing::field(field), Wish::Remove, address);
        let state = &mut *image.state;
        state.config.unset_field(field);
        if field == ConfigField::Env {
            state.variables = None;
        }
        state.platform = state.config.platform();
        image.effects.push(Effect::UnsetField { field, old });
    }
}

/// The fields that images have, or had before the operation.
fn fields_there(images: &[ImageSeen<'_>]) -> String {
    let had = |seen: &ImageSeen<'_>, wanted: ConfigField| {
        let mut effects = seen.effects.iter();
        effects.any(|effect| matches!(effect, Effect::UnsetField { field, .. } if *field == wanted))
    };
    let has = |seen: &ImageSeen<'_>, field: ConfigField| {
        seen.state.config.field(field).is_some() || had(seen, field)
    };
    let fields = ConfigField::ALL.iter().filter(|field| {
        let is_whole = field.is_optional() && field.path().len() < 3;
        is_whole && images.iter().any(|seen| has(seen, **field))
    });
    let there: Vec<String> = fields.map(|field| quoted(field.name())).collect();
    if there.is_empty() {
        return "`if-missing: ignore` allows this".to_owned();
    }
    format!(
        "there is {}; `if-missing: ignore` allows this",
        there.join(", ")
    )
}

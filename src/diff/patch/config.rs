//! The operations that turn one configuration into another.

use super::Operations;
use super::named::{Removed, changes};
use crate::config_field::{ConfigField, Shape};
use crate::diff::config::keys;
use crate::image::Config;
use crate::patch::{DraftValue, PatchDraft, spell_duration};

/// Fields of several things, which are changed thing by thing where that leads there, and else as a whole.
pub(super) const COLLECTIONS: [ConfigField; 6] = [
    ConfigField::Labels,
    ConfigField::Env,
    ConfigField::Ports,
    ConfigField::Volumes,
    ConfigField::Onbuild,
    ConfigField::Healthcheck,
];
/// Fields with one text, and the operation that sets each.
const TEXTS: [(ConfigField, &str); 8] = [
    (ConfigField::User, "set-user"),
    (ConfigField::Workdir, "set-workdir"),
    (ConfigField::StopSignal, "set-stop-signal"),
    (ConfigField::Author, "set-author"),
    (ConfigField::Comment, "set-comment"),
    (ConfigField::Created, "set-created"),
    (ConfigField::Hostname, "set-hostname"),
    (ConfigField::Domainname, "set-domainname"),
];
const COMMANDS: [(ConfigField, &str); 3] = [
    (ConfigField::Entrypoint, "set-entrypoint"),
    (ConfigField::Cmd, "set-cmd"),
    (ConfigField::Shell, "set-shell"),
];
const PLATFORM: [(ConfigField, &str); 5] = [
    (ConfigField::Os, "os"),
    (ConfigField::Architecture, "architecture"),
    (ConfigField::Variant, "variant"),
    (ConfigField::OsVersion, "os-version"),
    (ConfigField::OsFeatures, "os-features"),
];
const HEALTHCHECK: [(ConfigField, &str); 6] = [
    (ConfigField::HealthcheckTest, "test"),
    (ConfigField::HealthcheckInterval, "interval"),
    (ConfigField::HealthcheckTimeout, "timeout"),
    (ConfigField::HealthcheckStartPeriod, "start-period"),
    (ConfigField::HealthcheckStartInterval, "start-interval"),
    (ConfigField::HealthcheckRetries, "retries"),
];

/// Returns what turns `old` into `new`, as far as there are operations for it; the fields `whole` are made anew.
pub(super) fn operations(old: &Config, new: &Config, whole: &[ConfigField]) -> Operations {
    let mut change = Change {
        old,
        new,
        whole,
        unset: Vec::new(),
        operations: Vec::new(),
    };
    change.labels();
    change.environment();
    for (field, name) in COMMANDS {
        change.command(field, name);
    }
    let (process, identity) = TEXTS.split_at(3);
    for &(field, name) in process {
        change.text(field, name);
    }
    change.stop_timeout();
    change.set(ConfigField::Ports, "remove-port", "add-port");
    change.set(ConfigField::Volumes, "remove-volume", "add-volume");
    change.healthcheck();
    change.onbuild();
    for &(field, name) in identity {
        change.text(field, name);
    }
    change.platform();
    let Change {
        unset,
        mut operations,
        ..
    } = change;
    if !unset.is_empty() {
        let names: Vec<&str> = unset.iter().map(|field| field.name()).collect();
        operations.insert(0, ("unset", DraftValue::texts(&names)));
    }
    operations
}

struct Change<'a> {
    old: &'a Config,
    new: &'a Config,
    whole: &'a [ConfigField],
    unset: Vec<ConfigField>,
    operations: Operations,
}

impl Change<'_> {
    /// Adds an operation, unless the language does not have it.
    fn put(&mut self, name: &'static str, value: DraftValue) {
        if PatchDraft::can_say(name, &value) {
            self.operations.push((name, value));
        }
    }

    /// Begins a field anew, if that is wanted; tells whether it is.
    fn clear(&mut self, field: ConfigField) -> bool {
        let is_whole = self.whole.contains(&field);
        if is_whole && self.old.field(field).is_some() {
            self.unset.push(field);
        }
        is_whole
    }

    fn unset(&mut self, field: ConfigField) {
        if field.is_optional() {
            self.unset.push(field);
        }
    }

    fn labels(&mut self) {
        let mut before = self.old.members(ConfigField::Labels);
        if self.clear(ConfigField::Labels) {
            before.clear();
        }
        let after = self.new.members(ConfigField::Labels);
        let named = changes(&before, &after, "unset-label", "set-label");
        self.operations.extend(named);
    }

    fn environment(&mut self) {
        let pairs = |config: &Config| -> Vec<(String, String)> {
            let items = config.texts(ConfigField::Env).into_iter();
            let pair = |item: String| match item.split_once('=') {
                Some((name, value)) => (name.to_owned(), value.to_owned()),
                None => (item, String::new()),
            };
            items.map(pair).collect()
        };
        let mut before = pairs(self.old);
        if self.clear(ConfigField::Env) {
            before.clear();
        }
        let named = changes(&before, &pairs(self.new), "unset-env", "set-env");
        self.operations.extend(named);
    }

    fn command(&mut self, field: ConfigField, name: &'static str) {
        let after = self.new.texts(field);
        if self.old.texts(field) == after {
            return;
        }
        if after.is_empty() {
            self.unset(field);
        } else {
            self.put(name, DraftValue::texts(&after));
        }
    }

    fn text(&mut self, field: ConfigField, name: &'static str) {
        let (before, after) = (text_of(self.old, field), text_of(self.new, field));
        match after {
            after if after == before => {}
            Some(text) => self.put(name, DraftValue::Text(text)),
            None => self.unset(field),
        }
    }

    fn stop_timeout(&mut self) {
        let field = ConfigField::StopTimeout;
        let (before, after) = (number_of(self.old, field), number_of(self.new, field));
        match after {
            after if after == before => {}
            Some(seconds) => self.put("set-stop-timeout", DraftValue::Number(seconds)),
            None => self.unset(field),
        }
    }

    fn set(&mut self, field: ConfigField, remove: &'static str, add: &'static str) {
        let (mut before, after) = (keys(self.old, field), keys(self.new, field));
        if self.clear(field) {
            before.clear();
        }
        let gone = before.iter().filter(|key| !after.contains(*key));
        let gone = Removed::of(gone.cloned(), remove);
        let stays = |key: &&String| before.contains(*key) && !gone.matches(key);
        let new = after.iter().filter(|key| !stays(key)).cloned().collect();
        let new = PatchDraft::sayable(add, new, &DraftValue::texts);
        self.operations
            .extend(gone.list().map(|list| (remove, list)));
        if !new.is_empty() {
            self.operations.push((add, DraftValue::texts(&new)));
        }
    }

    fn healthcheck(&mut self) {
        if self.new.field(ConfigField::Healthcheck).is_none() {
            if self.old.field(ConfigField::Healthcheck).is_some() {
                self.unset(ConfigField::Healthcheck);
            }
            return;
        }
        let is_whole = self.clear(ConfigField::Healthcheck);
        let mut set = Vec::new();
        for (field, key) in HEALTHCHECK {
            let before = value_of(self.old, field).filter(|_| !is_whole);
            match value_of(self.new, field) {
                after if after == before => {}
                Some(value) => {
                    let pair = (key.to_owned(), value);
                    if PatchDraft::can_say("set-healthcheck", &DraftValue::Map(vec![pair.clone()]))
                    {
                        set.push(pair);
                    }
                }
                None => self.unset(field),
            }
        }
        if !set.is_empty() {
            self.operations
                .push(("set-healthcheck", DraftValue::Map(set)));
        }
    }

    fn onbuild(&mut self) {
        let field = ConfigField::Onbuild;
        let (before, after) = (self.old.texts(field), self.new.texts(field));
        let is_whole = self.clear(field);
        let more = match after.strip_prefix(before.as_slice()) {
            Some(more) if !is_whole => more,
            _ => {
                if !is_whole {
                    self.unset(field);
                }
                after.as_slice()
            }
        };
        if !more.is_empty() {
            self.put("add-onbuild", DraftValue::texts(more));
        }
    }

    fn platform(&mut self) {
        let mut set = Vec::new();
        for (field, key) in PLATFORM {
            match value_of(self.new, field) {
                after if after == value_of(self.old, field) => {}
                Some(value) => {
                    let pair = (key.to_owned(), value);
                    if PatchDraft::can_say("set-platform", &DraftValue::Map(vec![pair.clone()])) {
                        set.push(pair);
                    }
                }
                None => self.unset(field),
            }
        }
        if !set.is_empty() {
            self.operations.push(("set-platform", DraftValue::Map(set)));
        }
    }
}

fn text_of(config: &Config, field: ConfigField) -> Option<String> {
    Some(config.field(field)?.as_text()?.into_owned())
}

fn number_of(config: &Config, field: ConfigField) -> Option<i64> {
    config.field(field)?.as_i64()
}

/// What a part of the platform or of the health check holds, as a patch says it.
fn value_of(config: &Config, field: ConfigField) -> Option<DraftValue> {
    match field.shape() {
        Shape::Texts => match config.texts(field).as_slice() {
            [] => None,
            // One text is a command for the shell.
            [kind, command]
                if field == ConfigField::HealthcheckTest
                    && kind == "CMD-SHELL"
                    && !command.is_empty() =>
            {
                Some(DraftValue::text(command))
            }
            texts => Some(DraftValue::texts(texts)),
        },
        Shape::Number => match number_of(config, field)? {
            0 => None,
            number if field == ConfigField::HealthcheckRetries => Some(DraftValue::Number(number)),
            number => Some(match u64::try_from(number) {
                Ok(nanoseconds) => DraftValue::Text(spell_duration(nanoseconds)),
                Err(_) => DraftValue::Number(number),
            }),
        },
        _ => text_of(config, field).map(DraftValue::Text),
    }
}

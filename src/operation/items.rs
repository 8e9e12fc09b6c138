//! Fields that are several items: ports and volumes.

use std::borrow::Cow;

use super::{Docs, Inverse, Needs, Reach, Room, ValueOf};
use crate::config_field::ConfigField;
use crate::edit::Effect;
use crate::edit::claims::{Claimed, Intent};
use crate::edit::image::EditedImage;
use crate::edit::state::ImageState;
use crate::image::Config;
use crate::image::json::Value;
use crate::problem::Code;
use crate::reference::Glob;
use crate::shape::{Ports, Removal, Volumes};

/// `add-port`: ports that are exposed.
pub(crate) struct AddPort;

impl Room for AddPort {
    type Shape = Ports;

    const KEY: &'static str = "add-port";

    const DOCS: Docs = Docs {
        does: "Exposes ports, as `EXPOSE` does.",
        takes: "`[port, …]`; a port is `8080`, `53/udp` or `8000-8010/tcp`",
        example: "[8080, 53/udp]",
        before: "\"ExposedPorts\":{\"80/tcp\":{}}",
        after: "\"ExposedPorts\":{\"53/udp\":{},\"80/tcp\":{},\"8080/tcp\":{}}",
    };

    const INVERSE: Inverse =
        Inverse::Config(|it| it.items(ConfigField::Ports, RemovePort::KEY, Self::KEY));

    const SAMPLES: &'static [&'static str] = &["[80, 53/udp, 8000-8002/tcp]"];

    fn needs(_: &ValueOf<Self>) -> Needs<'_> {
        Needs::only(Reach::Documents)
    }

    fn plan<'a>(ports: &'a ValueOf<Self>, image: &mut EditedImage<'a>) {
        add(image, &PORTS, ports);
    }
}

/// `remove-port`: ports that are no longer exposed.
pub(crate) struct RemovePort;

impl Room for RemovePort {
    type Shape = Removal;

    const KEY: &'static str = "remove-port";

    const DOCS: Docs = Docs {
        does: "Removes the ports that match; `80` means `80/tcp`.",
        takes: "patterns",
        example: "[80]",
        before: "\"ExposedPorts\":{\"443/tcp\":{},\"80/tcp\":{}}",
        after: "\"ExposedPorts\":{\"443/tcp\":{}}",
    };

    const INVERSE: Inverse = Inverse::Beside;

    const SAMPLES: &'static [&'static str] = &["{ match: [80, '*/udp'], if-missing: ignore }"];

    fn needs(_: &ValueOf<Self>) -> Needs<'_> {
        Needs::only(Reach::Documents)
    }

    fn plan<'a>(removal: &'a ValueOf<Self>, image: &mut EditedImage<'a>) {
        remove(image, &PORTS, removal);
    }
}

/// `add-volume`: directories with a volume of their own.
pub(crate) struct AddVolume;

impl Room for AddVolume {
    type Shape = Volumes;

    const KEY: &'static str = "add-volume";

    const DOCS: Docs = Docs {
        does: "Adds volumes, as `VOLUME` does.",
        takes: "`[path, …]`",
        example: "[/data]",
        before: "\"Volumes\":null",
        after: "\"Volumes\":{\"/data\":{}}",
    };

    const INVERSE: Inverse =
        Inverse::Config(|it| it.items(ConfigField::Volumes, RemoveVolume::KEY, Self::KEY));

    const SAMPLES: &'static [&'static str] = &["[/data, /var/x]"];

    fn needs(_: &ValueOf<Self>) -> Needs<'_> {
        Needs::only(Reach::Documents)
    }

    fn plan<'a>(paths: &'a ValueOf<Self>, image: &mut EditedImage<'a>) {
        add(image, &VOLUMES, paths);
    }
}

/// `remove-volume`: directories without one.
pub(crate) struct RemoveVolume;

impl Room for RemoveVolume {
    type Shape = Removal;

    const KEY: &'static str = "remove-volume";

    const DOCS: Docs = Docs {
        does: "Removes the volumes that match.",
        takes: "patterns",
        example: "[\"/var/*\"]",
        before: "\"Volumes\":{\"/data\":{},\"/var/lib\":{}}",
        after: "\"Volumes\":{\"/data\":{}}",
    };

    const INVERSE: Inverse = Inverse::Beside;

    const SAMPLES: &'static [&'static str] = &["{ match: ['/var/*', /data], if-missing: ignore }"];

    fn needs(_: &ValueOf<Self>) -> Needs<'_> {
        Needs::only(Reach::Documents)
    }

    fn plan<'a>(removal: &'a ValueOf<Self>, image: &mut EditedImage<'a>) {
        remove(image, &VOLUMES, removal);
    }
}

/// A field whose items are the keys of an object.
#[derive(Debug)]
struct ItemField {
    field: ConfigField,
    /// What an item is called.
    name: &'static str,
    missing: Code,
    matches: fn(&Glob, &str) -> bool,
}

static PORTS: ItemField = ItemField {
    field: ConfigField::Ports,
    name: "port",
    missing: Code::NoSuchPort,
    matches: |glob, port| {
        let port = ConfigField::Ports.normal_key(port);
        glob.matches(&port)
            || port
                .strip_suffix("/tcp")
                .is_some_and(|number| glob.matches(number))
    },
};
static VOLUMES: ItemField = ItemField {
    field: ConfigField::Volumes,
    name: "volume",
    missing: Code::NoSuchVolume,
    matches: Glob::matches,
};

fn add(image: &mut EditedImage<'_>, kind: &ItemField, items: &[String]) {
    for (n, item) in items.iter().enumerate() {
        let thing = Claimed::part(kind.field, kind.name, item);
        image.claim(thing, Intent::Add, image.address().index(n));
        let config = &mut image.state.config;
        if !there(config, kind.field, item).is_empty() {
            continue;
        }
        config.set_member(kind.field, item, Value::object([]));
        image.effects.push(Effect::AddItem {
            field: kind.field,
            item: item.clone(),
        });
    }
}

fn remove(image: &mut EditedImage<'_>, kind: &'static ItemField, removal: &Removal) {
    image.remove(
        removal,
        kind.name,
        kind.missing,
        |image, glob| {
            let n_before = image.effects.len();
            let state = &mut *image.state;
            let there = if glob.has_wildcard() {
                let keys = keys(state, kind.field);
                state.effort.try_names(keys.len());
                keys
            } else {
                there(
                    &state.config,
                    kind.field,
                    &kind.field.normal_key(glob.as_str()),
                )
            };
            for item in there.into_iter().filter(|key| (kind.matches)(glob, key)) {
                state.config.remove_member(kind.field, &item);
                let field = kind.field;
                image.effects.push(Effect::RemoveItem { field, item });
            }
            image.effects.len() > n_before
        },
        |state| keys(state, kind.field),
    );
}

/// Returns the keys of a field that are spellings of an item.
fn there(config: &Config, field: ConfigField, item: &str) -> Vec<String> {
    let is_there = |key: &String| config.member(field, key).is_some();
    let mut there: Vec<String> = field.spellings(item).into_iter().filter(is_there).collect();
    if there.len() > 1 {
        // In the order of the configuration.
        let order = keys_of(config, field);
        there.sort_by_key(|key| order.iter().position(|other| other == key));
    }
    there
}

fn keys_of(config: &Config, field: ConfigField) -> Vec<String> {
    let keys = config.keys(field).into_iter();
    keys.map(Cow::into_owned).collect()
}

fn keys(state: &ImageState, field: ConfigField) -> Vec<String> {
    keys_of(&state.config, field)
}

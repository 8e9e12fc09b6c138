//! Environment variables: a list of `NAME=value` in which each name has its place.

use super::{ConfigDifference, Docs, Inverse, Needs, Reach, Room, ValueOf};
use crate::config_field::ConfigField;
use crate::edit::Effect;
use crate::edit::claims::{Claimed, Intent};
use crate::edit::image::{EditedImage, Missing, MissingHelp, what_there_is};
use crate::edit::state::ImageState;
use crate::edit::variables::{parted, value};
use crate::image::{Config, ItemId};
use crate::problem::{Code, Problem, quoted};
use crate::reference::Glob;
use crate::shape::{
    IfMissing, PlainText, Removal, Short, SomeText, VARIABLE, Variables, bad_name, map_of, record,
    shape,
};

record! {
    /// A part of a variable's value, with its separator.
    pub struct EnvPart("LongEnvPart") {
        /// The variable.
        pub name: String = set_later(String::new());
        /// The part.
        "value" pub value: String = required::<SomeText>("specify the value");
        /// The string between the part and the rest; the default is `:`.
        "separator" pub separator: String = default_to::<PlainText>(":".to_owned());
        /// What to do if there is no such variable: report a problem (the default) or ignore it.
        "if-missing" pub if_missing: IfMissing = default::<IfMissing>();
    }
    short Short::Value("value"), "EnvPart", "A part of a value, optionally with a separator";
}

shape! {
    /// Parts of values of environment variables by name
    pub(crate) struct EnvParts("EnvParts") -> Vec<EnvPart> {
        |definitions| map_of::<EnvPart>(VARIABLE, definitions),
        |field, problems| {
            let help = "write at least one variable, as in `{PATH: /opt/bin}`";
            let mut parts = Vec::new();
            for (name, value) in field.entries(help, problems)? {
                if let Some((code, message)) = bad_name(name) {
                    problems.add(Problem::new(code, value.address.clone().on_key(), message));
                }
                let part = EnvPart::decode(&value, problems);
                parts.extend(part.map(|part| EnvPart { name: name.to_owned(), ..part }));
            }
            Some(parts)
        }
    }
}

/// `set-env`: variables with new values.
pub(crate) struct SetEnv;

impl Room for SetEnv {
    type Shape = Variables;

    const KEY: &'static str = "set-env";

    const DOCS: Docs = Docs {
        does: "Sets environment variables. Existing ones keep their position, new ones come last.",
        takes: "`{NAME: value, …}`",
        example: "{ LANG: C.UTF-8 }",
        before: "\"Env\":[\"LANG=C\",\"A=b\"]",
        after: "\"Env\":[\"LANG=C.UTF-8\",\"A=b\"]",
    };

    const INVERSE: Inverse = Inverse::Config(difference);

    const SAMPLES: &'static [&'static str] = &["{ A: b, NEW: '<&> =', N: 1.10 }"];

    fn needs(_: &ValueOf<Self>) -> Needs<'_> {
        Needs::only(Reach::Documents)
    }

    fn plan<'a>(variables: &'a ValueOf<Self>, image: &mut EditedImage<'a>) {
        set(image, variables);
    }
}

/// `unset-env`: variables that go.
pub(crate) struct UnsetEnv;

impl Room for UnsetEnv {
    type Shape = Removal;

    const KEY: &'static str = "unset-env";

    const DOCS: Docs = Docs {
        does: "Removes the environment variables whose names match.",
        takes: "patterns",
        example: "[\"*_proxy\"]",
        before: "\"Env\":[\"http_proxy=x\",\"A=b\"]",
        after: "\"Env\":[\"A=b\"]",
    };

    const INVERSE: Inverse = Inverse::Beside;

    const SAMPLES: &'static [&'static str] = &["{ match: [A, '*_proxy'], if-missing: ignore }"];

    fn needs(_: &ValueOf<Self>) -> Needs<'_> {
        Needs::only(Reach::Documents)
    }

    fn plan<'a>(removal: &'a ValueOf<Self>, image: &mut EditedImage<'a>) {
        unset(image, removal);
    }
}

/// `prepend-env`: parts before what variables hold.
pub(crate) struct PrependEnv;

impl Room for PrependEnv {
    type Shape = EnvParts;

    const KEY: &'static str = "prepend-env";

    const DOCS: Docs = Docs {
        does: "Prepends to an environment variable unless its value already starts that way.",
        takes: "`{NAME: part, …}`, or `{NAME: {value: part, separator: string, if-missing: ignore}}`; the default separator is `:`",
        example: "{ PATH: /opt/bin }",
        before: "\"Env\":[\"PATH=/bin\"]",
        after: "\"Env\":[\"PATH=/opt/bin:/bin\"]",
    };

    const INVERSE: Inverse = Inverse::Never("`set-env` says the whole value");

    const SAMPLES: &'static [&'static str] = &["{ PATH: { value: /opt/bin, if-missing: ignore } }"];

    fn needs(parts: &ValueOf<Self>) -> Needs<'_> {
        extending(parts)
    }

    fn plan<'a>(parts: &'a ValueOf<Self>, image: &mut EditedImage<'a>) {
        extend(image, parts, Side::Front);
    }
}

/// `append-env`: parts behind what variables hold.
pub(crate) struct AppendEnv;

impl Room for AppendEnv {
    type Shape = EnvParts;

    const KEY: &'static str = "append-env";

    const DOCS: Docs = Docs {
        does: "Appends to an environment variable unless its value already ends that way.",
        takes: "what `prepend-env` takes",
        example: "{ OPTS: { value: -v, separator: \" \" } }",
        before: "\"Env\":[\"OPTS=-q\"]",
        after: "\"Env\":[\"OPTS=-q -v\"]",
    };

    const INVERSE: Inverse = Inverse::Never("`set-env` says the whole value");

    const SAMPLES: &'static [&'static str] =
        &["{ PATH: { value: /opt/sbin, separator: ':', if-missing: ignore } }"];

    fn needs(parts: &ValueOf<Self>) -> Needs<'_> {
        extending(parts)
    }

    fn plan<'a>(parts: &'a ValueOf<Self>, image: &mut EditedImage<'a>) {
        extend(image, parts, Side::Back);
    }
}

fn difference(difference: &mut ConfigDifference<'_>) {
    let variables = |config: &Config| -> Vec<(String, String)> {
        let items = config.texts(ConfigField::Env).into_iter();
        let pair = |item: String| match item.split_once('=') {
            Some((name, value)) => (name.to_owned(), value.to_owned()),
            None => (item, String::new()),
        };
        items.map(pair).collect()
    };
    difference.named(ConfigField::Env, variables, UnsetEnv::KEY, SetEnv::KEY);
}

fn extending(parts: &[EnvPart]) -> Needs<'_> {
    let needed = parts.iter();
    let needed = needed.filter(|part| part.if_missing == IfMissing::Problem);
    Needs {
        variables: needed.map(|part| part.name.as_str()).collect(),
        ..Needs::only(Reach::Documents)
    }
}

/// Where a part goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Side {
    Front,
    Back,
}

fn set(image: &mut EditedImage<'_>, variables: &[(String, String)]) {
    for (name, value) in variables {
        let address = image.address().key(name).on_key();
        let thing = Claimed::variable(name, image.state.is_windows());
        image.claim(thing, Intent::Set(value.clone()), address);
        set_one(image, name, value);
    }
}

/// Puts parts before or behind what variables hold, where they are not there already.
fn extend(image: &mut EditedImage<'_>, parts: &[EnvPart], side: Side) {
    for (p, part) in parts.iter().enumerate() {
        let address = image.address().key(&part.name).on_key();
        let old = value(image.state, &part.name);
        image.look(p, old.is_some(), part.if_missing, |_| Missing {
            code: Code::NoSuchEnv,
            address: address.clone(),
            what: format!("no variable {}", quoted(&part.name)),
            help: help(&part.name),
        });
        if let Some(old) = old {
            set_one(image, &part.name, &extended(&old, part, side));
            let thing = Claimed::variable(&part.name, image.state.is_windows());
            image.claim(thing, Intent::Extend, address);
        }
    }
}

/// What to do about a variable that is not there.
fn help(name: &str) -> MissingHelp {
    let glob = Glob::new(name);
    Box::new(move |images| {
        let help = what_there_is("variable", images, &names, &glob);
        if help.ends_with('?') {
            return help;
        }
        "`set-env` adds one; `if-missing: ignore` allows this".to_owned()
    })
}

fn unset(image: &mut EditedImage<'_>, removal: &Removal) {
    image.remove(
        removal,
        "variable",
        Code::NoSuchEnv,
        |image, glob| {
            let state = &mut *image.state;
            let gone = matching(state, glob);
            for (id, item) in &gone {
                state.config.remove_item(ConfigField::Env, *id);
                state.variables().remove(parted(item).0, *id);
            }
            let is_found = !gone.is_empty();
            image.effects.extend(gone.into_iter().map(|(_, item)| {
                let (key, old) = parted(&item);
                let (key, old) = (key.to_owned(), old.to_owned());
                Effect::UnsetEnv { key, old }
            }));
            is_found
        },
        names,
    );
}

/// Returns the variables that a pattern covers, in their order.
fn matching(state: &mut ImageState, glob: &Glob) -> Vec<(ItemId, String)> {
    if !glob.has_wildcard() {
        let ids = state.variables().get(glob.as_str()).to_vec();
        let item = |id| Some((id, state.config.item(ConfigField::Env, id)?));
        return ids.into_iter().filter_map(item).collect();
    }
    // Names differ by case, but not on Windows.
    let folded = state
        .is_windows()
        .then(|| Glob::new(&glob.as_str().to_lowercase()));
    let is_meant = |item: &str| match &folded {
        Some(glob) => glob.matches(&parted(item).0.to_lowercase()),
        None => glob.matches(parted(item).0),
    };
    let items = state.config.items(ConfigField::Env);
    state.effort.try_names(items.len());
    let items = items.into_iter();
    items.filter(|(_, item)| is_meant(item)).collect()
}

fn names(state: &ImageState) -> Vec<String> {
    let items = state.config.texts(ConfigField::Env);
    items.iter().map(|item| parted(item).0.to_owned()).collect()
}

/// Sets a variable wherever it stands, or last.
fn set_one(image: &mut EditedImage<'_>, name: &str, new: &str) {
    let state = &mut *image.state;
    let wanted = format!("{name}={new}");
    let old = value(state, name);
    let mut places = state.variables().get(name).to_vec();
    if places.is_empty() {
        let id = state.config.push_item(ConfigField::Env, &wanted);
        state.variables().add(name, id);
    } else {
        places.retain(|&id| state.config.item(ConfigField::Env, id).as_ref() != Some(&wanted));
        if places.is_empty() {
            return;
        }
        for id in places {
            state.config.replace_item(ConfigField::Env, id, &wanted);
        }
    }
    image.effects.push(Effect::SetEnv {
        key: name.to_owned(),
        old,
        new: new.to_owned(),
    });
}

fn extended(old: &str, part: &EnvPart, side: Side) -> String {
    let EnvPart {
        value, separator, ..
    } = part;
    let (front, back) = (format!("{value}{separator}"), format!("{separator}{value}"));
    match side {
        _ if old == value => old.to_owned(),
        _ if old.is_empty() => value.clone(),
        Side::Front if old.starts_with(&front) => old.to_owned(),
        Side::Back if old.ends_with(&back) => old.to_owned(),
        Side::Front => front + old,
        Side::Back => old.to_owned() + &back,
    }
}

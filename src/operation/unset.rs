//! `unset`: fields of the configuration that go.

use super::{Docs, Inverse, Needs, Reach, Room, ValueOf};
use crate::config_field::ConfigField;
use crate::edit::claims::{Claimed, Intent};
use crate::edit::image::Missing;
use crate::edit::{EditedImage, Effect, ImageState};
use crate::image::json::Value;
use crate::problem::{Address, Code, quoted};
use crate::shape::{
    Field, IfMissing, Problems, Short, item_address, record, set, shape, suggestion, words_schema,
};

const HELP: &str = "write at least one field, as in `[healthcheck]`";

record! {
    /// Fields, and what to do if one is empty.
    pub struct Unset("LongUnset") {
        /// The fields.
        "match" pub fields: Vec<ConfigField> = required::<Fields>(HELP);
        /// What to do if a field is empty: report a problem (the default) or ignore it.
        "if-missing" pub if_missing: IfMissing = default::<IfMissing>();
        is_long: bool = is_long();
    }
    short Short::Value("match"), "Unset", "Fields, or a map of them and of options";
}

impl Unset {
    /// Returns the address of the field `index`, given the one of the operation.
    #[must_use]
    pub fn field_address(&self, operation: Address, index: usize) -> Address {
        item_address(operation, index, self.is_long)
    }
}

shape! {
    /// Fields of the configuration, each once
    struct Fields("Fields") -> Vec<ConfigField> { set::<FieldName>, fields }
}

shape! {
    /// A field of the configuration
    struct FieldName("FieldName") -> ConfigField {
        |_| {
            let names = optional().map(|field| (field.name(), field.docs()));
            words_schema(names)
        },
        field_name
    }
}

fn names() -> Vec<&'static str> {
    optional().map(|field| field.name()).collect()
}

fn optional() -> impl Iterator<Item = &'static ConfigField> {
    ConfigField::ALL.iter().filter(|field| field.is_optional())
}

fn field_name(field: &Field<'_>, problems: &mut Problems) -> Option<ConfigField> {
    let name = field.some_text(problems)?;
    let known = ConfigField::optional(name);
    if known.is_none() {
        let message = format!("{} is not a field that can be unset", quoted(name));
        let problem = field.problem(Code::InvalidValue, message);
        problems.add(problem.with_help(suggestion(name, &names())));
    }
    known
}

fn fields(field: &Field<'_>, problems: &mut Problems) -> Option<Vec<ConfigField>> {
    let mut fields = Vec::new();
    for item in field.items(HELP, problems)? {
        match field_name(&item, problems) {
            Some(known) if fields.contains(&known) => {
                let message = format!("{} names `{}` twice", field.name, known.name());
                problems.add(item.problem(Code::RepeatedItem, message));
            }
            known => fields.extend(known),
        }
    }
    Some(fields)
}

impl Room for Unset {
    type Shape = Self;

    const KEY: &'static str = "unset";

    const DOCS: Docs = Docs {
        does: "Removes fields of the configuration.",
        takes: "`[field, …]`",
        example: "[healthcheck, user]",
        before: "\"User\":\"app\",\"Healthcheck\":{\"Retries\":2},\"Image\":\"\"",
        after: "\"Image\":\"\"",
    };

    const INVERSE: Inverse = Inverse::Unset;

    const SAMPLES: &'static [&'static str] = &[
        "{ match: [cmd, healthcheck.interval, healthcheck, env, author, os-version], if-missing: ignore }",
    ];

    fn needs(_: &ValueOf<Self>) -> Needs<'_> {
        Needs::only(Reach::Platform)
    }

    fn plan<'a>(unset: &'a ValueOf<Self>, image: &mut EditedImage<'a>) {
        remove(image, unset);
    }
}

fn remove(image: &mut EditedImage<'_>, unset: &Unset) {
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
        image.claim(Claimed::field(field), Intent::Remove, address);
        let state = &mut *image.state;
        state.config.unset_field(field);
        if field == ConfigField::Env {
            state.variables = None;
        }
        state.platform = state.config.platform();
        image.effects.push(Effect::UnsetField { field, old });
    }
}

/// Names the fields that are there.
fn fields_there(images: &[&ImageState]) -> String {
    let fields = ConfigField::ALL.iter().filter(|field| {
        let is_whole = field.is_optional() && field.path().len() < 3;
        is_whole
            && images
                .iter()
                .any(|state| state.config.field(**field).is_some())
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

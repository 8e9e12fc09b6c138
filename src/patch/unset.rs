//! `unset`: the fields of the configuration that are removed.

use serde_json::json;

use crate::config_field::ConfigField;
use crate::problem::{Address, Code, quoted};
use crate::shape::{
    Field, IfMissing, Problems, Short, item_address, record, set, shape, suggestion,
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
        |_| json!({ "enum": names() }),
        field_name
    }
}

fn names() -> Vec<&'static str> {
    let optional = ConfigField::ALL.iter().filter(|field| field.is_optional());
    optional.map(|field| field.name()).collect()
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

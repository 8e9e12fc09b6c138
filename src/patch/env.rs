//! `prepend-env` and `append-env`: parts of the values of environment variables.

use crate::problem::Problem;
use crate::shape::{
    IfMissing, PlainText, Short, SomeText, VARIABLE, bad_name, map_of, record, shape,
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
    pub(super) struct EnvParts("EnvParts") -> Vec<EnvPart> {
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

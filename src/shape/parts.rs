//! What a field of a record is decoded from: one key, which must be there or need not, one of several keys, or none.

use std::marker::PhantomData;

use serde_json::json;

use super::Shape;
use super::decode::{Problems, Record};
use super::definitions::{Definitions, Json, property, text};
use super::known::required;
use super::one_of::OneOf;
use super::record::Map;
use crate::problem::Code;

/// The definition of a map, as it is put together.
#[derive(Debug, Default)]
pub(crate) struct MapSchema {
    properties: serde_json::Map<String, Json>,
    required: Vec<&'static str>,
    rules: serde_json::Map<String, Json>,
}

impl MapSchema {
    fn add_key(&mut self, key: &str, docs: &[&str], shape: &Json) {
        let property = property(text(docs), shape.clone());
        self.properties.insert(key.to_owned(), property);
    }

    /// Returns what the schema says under `keyword`, beside its properties.
    pub(crate) fn rule(&mut self, keyword: &str) -> &mut Json {
        self.rules.entry(keyword).or_insert(Json::Null)
    }

    pub(crate) fn finish(self, docs: &[&str]) -> Json {
        let mut schema = json!({
            "type": "object",
            "additionalProperties": false,
            "properties": self.properties,
        });
        if !self.required.is_empty() {
            schema["required"] = json!(self.required);
        }
        schema["description"] = text(docs).into();
        for (keyword, value) in self.rules {
            schema[keyword] = value;
        }
        schema
    }
}

/// A key of a record and its documentation.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Key {
    key: &'static str,
    docs: &'static [&'static str],
}

impl Key {
    pub(crate) const fn new(key: &'static str, docs: &'static [&'static str]) -> Self {
        Self { key, docs }
    }

    /// A key that must be there.
    pub(crate) fn required<S: Shape>(self, help: &'static str) -> Keyed<S, S::Value> {
        self.required_or(Code::MissingKey, help)
    }

    /// A key that must be there, with a problem of its own if it is not.
    pub(crate) fn required_or<S: Shape>(
        self,
        code: Code,
        help: &'static str,
    ) -> Keyed<S, S::Value> {
        Keyed {
            key: self,
            absent: Absent::Problem(code, help),
            wrong: None,
            become_value: |value| value,
        }
    }

    /// A key that may be there.
    pub(crate) fn optional<S: Shape>(self) -> Keyed<S, Option<S::Value>> {
        Keyed {
            key: self,
            absent: Absent::Value(None),
            wrong: None,
            become_value: Some,
        }
    }

    /// A key that may be there; if its value is wrong, the rest of the map counts all the same.
    pub(crate) fn tolerant<S: Shape>(self) -> Keyed<S, Option<S::Value>> {
        Keyed {
            wrong: Some(None),
            ..self.optional()
        }
    }

    /// A key that may be there, with the default of its type.
    pub(crate) fn default<S: Shape<Value: Default>>(self) -> Keyed<S, S::Value> {
        self.default_to(S::Value::default())
    }

    /// A key that may be there, with a default.
    pub(crate) fn default_to<S: Shape>(self, default: S::Value) -> Keyed<S, S::Value> {
        Keyed {
            key: self,
            absent: Absent::Value(default),
            wrong: None,
            become_value: |value| value,
        }
    }
}

/// One of the keys of `T`.
pub(crate) fn one_of<T: OneOf>() -> Alternatives<T> {
    Alternatives(PhantomData)
}

/// The keys of another record, in the same map.
pub(crate) fn flatten<M: Map>() -> Flat<M> {
    Flat(PhantomData)
}

/// Whether the map is written in its long form.
pub(crate) fn is_long() -> IsLong {
    IsLong
}

/// What the map does not say: whoever decodes what is around it sets it.
pub(crate) fn set_later<T>(value: T) -> SetLater<T> {
    SetLater(value)
}

/// One key, whose value has the shape `S`.
pub(crate) struct Keyed<S: Shape, V> {
    key: Key,
    absent: Absent<V>,
    /// What counts if the value is wrong; otherwise the whole map is wrong.
    wrong: Option<V>,
    become_value: fn(S::Value) -> V,
}

/// What it means that a key is not there.
enum Absent<V> {
    Problem(Code, &'static str),
    Value(V),
}

pub(crate) struct Alternatives<T>(PhantomData<T>);
pub(crate) struct Flat<M>(PhantomData<M>);
pub(crate) struct IsLong;
pub(crate) struct SetLater<T>(T);

/// The keys that a field of a record is decoded from.
pub(crate) trait Described {
    /// Returns the keys.
    fn keys(&self) -> Vec<&'static str> {
        Vec::new()
    }

    /// Returns groups of keys; of each, one must be there.
    fn required(&self) -> Vec<Vec<&'static str>> {
        Vec::new()
    }

    /// Returns a reference to the shape of the value of `key`, if it is one of them.
    fn refer(&self, _key: &str, _: &mut Definitions) -> Option<Json> {
        None
    }

    /// Adds them to a schema.
    fn describe(&self, _: &mut MapSchema, _: &mut Definitions) {}
}

/// What a field of a record is decoded from.
pub(crate) trait Part: Described {
    type Value;

    /// Returns the value of the field; nothing if what is there is wrong, which has been reported.
    fn decode(self, record: &Record<'_>, problems: &mut Problems) -> Option<Self::Value>;
}

impl<S: Shape, V> Described for Keyed<S, V> {
    fn keys(&self) -> Vec<&'static str> {
        vec![self.key.key]
    }

    fn required(&self) -> Vec<Vec<&'static str>> {
        match self.absent {
            Absent::Problem(Code::MissingKey, _) => vec![self.keys()],
            Absent::Problem(..) | Absent::Value(_) => Vec::new(),
        }
    }

    fn refer(&self, key: &str, definitions: &mut Definitions) -> Option<Json> {
        (key == self.key.key).then(|| definitions.refer::<S>())
    }

    fn describe(&self, schema: &mut MapSchema, definitions: &mut Definitions) {
        if let Absent::Problem(..) = self.absent {
            schema.required.push(self.key.key);
        }
        schema.add_key(self.key.key, self.key.docs, &definitions.refer::<S>());
    }
}

impl<S: Shape, V> Part for Keyed<S, V> {
    type Value = V;

    fn decode(self, record: &Record<'_>, problems: &mut Problems) -> Option<V> {
        let field = match self.absent {
            Absent::Value(value) => match record.get(self.key.key) {
                Some(field) => field,
                None => return Some(value),
            },
            Absent::Problem(code, help) => record.require(self.key.key, code, help, problems)?,
        };
        let value = S::decode(field, problems).map(self.become_value);
        value.or(self.wrong)
    }
}

impl<T: OneOf> Described for Alternatives<T> {
    fn keys(&self) -> Vec<&'static str> {
        T::ALTERNATIVES.iter().map(|it| it.key).collect()
    }

    fn required(&self) -> Vec<Vec<&'static str>> {
        vec![self.keys()]
    }

    fn refer(&self, key: &str, definitions: &mut Definitions) -> Option<Json> {
        let alternative = T::ALTERNATIVES.iter().find(|it| it.key == key)?;
        Some((alternative.refer)(definitions))
    }

    fn describe(&self, schema: &mut MapSchema, definitions: &mut Definitions) {
        for alternative in T::ALTERNATIVES {
            let shape = (alternative.refer)(definitions);
            schema.add_key(alternative.key, alternative.docs, &shape);
        }
        let required = T::ALTERNATIVES
            .iter()
            .map(|it| json!({ "required": [it.key] }));
        *schema.rule("oneOf") = required.collect();
    }
}

impl<T: OneOf> Part for Alternatives<T> {
    type Value = T;

    fn decode(self, record: &Record<'_>, problems: &mut Problems) -> Option<T> {
        T::decode(record, problems)
    }
}

impl<M: Map> Described for Flat<M> {
    fn keys(&self) -> Vec<&'static str> {
        M::keys()
    }

    fn required(&self) -> Vec<Vec<&'static str>> {
        required::<M>()
    }

    fn refer(&self, key: &str, definitions: &mut Definitions) -> Option<Json> {
        M::refer(key, definitions)
    }

    fn describe(&self, schema: &mut MapSchema, definitions: &mut Definitions) {
        M::describe(schema, definitions);
    }
}

impl<M: Map> Part for Flat<M> {
    type Value = M;

    fn decode(self, record: &Record<'_>, problems: &mut Problems) -> Option<M> {
        M::of_record(record, problems)
    }
}

impl Described for IsLong {}

impl Part for IsLong {
    type Value = bool;

    fn decode(self, record: &Record<'_>, _: &mut Problems) -> Option<bool> {
        Some(!record.is_short())
    }
}

impl<T> Described for SetLater<T> {}

impl<T> Part for SetLater<T> {
    type Value = T;

    fn decode(self, _: &Record<'_>, _: &mut Problems) -> Option<T> {
        Some(self.0)
    }
}

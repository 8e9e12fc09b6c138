//! What the schema of a file knows of a key: the same declarations that the parser decodes.

use serde_json::{Map, Value};

/// A place in a schema.
#[derive(Debug, Clone, Copy)]
pub(super) struct Node<'a> {
    schema: &'a Value,
    /// The property itself, with its sentence.
    property: &'a Value,
}

/// A key of a map.
#[derive(Debug, Clone, Copy)]
pub(super) struct Key<'a> {
    pub(super) name: &'a str,
    pub(super) is_required: bool,
    pub(super) node: Node<'a>,
}

impl<'a> Node<'a> {
    pub(super) fn root(schema: &'a Value) -> Self {
        Self {
            schema,
            property: schema,
        }
    }

    /// Returns the operation of that name, or the precondition where the definition is that of preconditions.
    pub(super) fn definition(schema: &'a Value, definition: &str) -> Self {
        Self {
            schema,
            property: &schema["definitions"][definition],
        }
    }

    /// Returns its sentence.
    pub(super) fn sentence(&self) -> &'a str {
        self.property["description"].as_str().unwrap_or_default()
    }

    /// Returns what its value looks like, if that is described apart.
    pub(super) fn shape(&self) -> Option<&'a str> {
        let shape = self.followed()["description"].as_str();
        let bare = |text: &'a str| text.trim_end_matches('.');
        shape.filter(|shape| bare(shape) != bare(self.sentence()))
    }

    /// Returns the words of which one is written, each with its sentence.
    pub(super) fn words(&self) -> Vec<(String, &'a str)> {
        let mut words = Vec::new();
        for schema in self.alternatives() {
            let docs = schema["enumDescriptions"].as_array();
            for (i, word) in schema["enum"].as_array().into_iter().flatten().enumerate() {
                let docs = docs.and_then(|docs| docs[i].as_str()).unwrap_or_default();
                if let Some(word) = word.as_str() {
                    words.push((word.to_owned(), docs));
                }
            }
        }
        words
    }

    /// Returns the examples of its value.
    pub(super) fn examples(&self) -> Vec<String> {
        let texts = self.alternatives().into_iter();
        let examples = texts.filter_map(|schema| schema["examples"].as_array());
        let text = |example: &Value| {
            example
                .as_str()
                .map_or_else(|| example.to_string(), str::to_owned)
        };
        examples.flatten().map(text).collect()
    }

    /// Returns the keys of the map that it is, or of the maps in the list that it is.
    pub(super) fn keys(&self) -> Vec<Key<'a>> {
        let mut keys: Vec<Key<'a>> = Vec::new();
        for schema in self.alternatives() {
            let required = schema["required"].as_array();
            let properties = schema["properties"].as_object();
            for (name, property) in properties.into_iter().flat_map(Map::iter) {
                if keys.iter().all(|key| key.name != name) {
                    keys.push(Key {
                        name,
                        is_required: required.is_some_and(|it| it.iter().any(|key| key == name)),
                        node: Self {
                            schema: self.schema,
                            property,
                        },
                    });
                }
            }
        }
        keys
    }

    /// Returns what a path of keys leads to.
    pub(super) fn at(&self, path: &str) -> Option<Self> {
        let mut keys = self.keys();
        // A key may have dots itself.
        keys.sort_by_key(|key| std::cmp::Reverse(key.name.len()));
        keys.into_iter().find_map(|key| {
            let rest = path.strip_prefix(key.name)?;
            match rest.strip_prefix('.') {
                Some(rest) => key.node.at(rest),
                None if rest.is_empty() => Some(key.node),
                None => None,
            }
        })
    }

    fn followed(&self) -> &'a Value {
        follow(self.schema, self.property)
    }

    /// Returns every schema that a value may fit: the forms of a value, and what is in lists and maps.
    fn alternatives(&self) -> Vec<&'a Value> {
        let mut found = Vec::new();
        self.collect(self.property, &mut found);
        found
    }

    fn collect(&self, schema: &'a Value, found: &mut Vec<&'a Value>) {
        let schema = follow(self.schema, schema);
        if found.iter().any(|other| std::ptr::eq(*other, schema)) {
            return;
        }
        found.push(schema);
        let several = schema["anyOf"].as_array().into_iter().flatten();
        let others = ["then", "else", "items", "additionalProperties"];
        let others = others.into_iter().map(|keyword| &schema[keyword]);
        for alternative in several.chain(others).filter(|it| it.is_object()) {
            self.collect(alternative, found);
        }
    }
}

fn follow<'a>(schema: &'a Value, value: &'a Value) -> &'a Value {
    let reference = value["$ref"].as_str();
    let name = reference.and_then(|reference| reference.rsplit('/').next());
    name.map_or(value, |name| &schema["definitions"][name])
}

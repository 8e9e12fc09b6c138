//! The documentation of an operation, and what an editor makes of it.

use serde_json::json;

use crate::shape::{self, Json, node};

/// The documentation of an operation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Docs {
    /// What it does.
    pub does: &'static str,
    /// What it takes.
    pub takes: &'static str,
    /// A value, as YAML.
    pub example: &'static str,
    /// A piece of an image before that.
    pub before: &'static str,
    /// The same piece after.
    pub after: &'static str,
}

impl Docs {
    /// Returns the property that an operation is in a schema, given its name and the shape of its value.
    pub(super) fn property(&self, name: &str, shape: Json) -> Json {
        let mut property = shape::property(self.does, shape);
        property["markdownDescription"] = self.markdown(name).into();
        if let Some(example) = self.scalar() {
            property["examples"] = json!([example]);
        }
        property
    }

    fn markdown(&self, name: &str) -> String {
        let Self {
            does,
            takes,
            example,
            before,
            after,
        } = self;
        format!(
            "{does}\n\nTakes {takes}.\n\n```yaml\n- {name}: {example}\n```\n\nturns `{before}` into `{after}`"
        )
    }

    /// Returns the example if it is a scalar, which an editor inserts behind the name; what it would do with a map is not YAML.
    fn scalar(&self) -> Option<Json> {
        let documents = node::parse(self.example).expect("the example is YAML");
        let text = documents[0].as_text()?;
        Some(text.parse::<i64>().map_or_else(|_| text.into(), Json::from))
    }
}

//! The JSON Schema of the file of a fleet, for editors; made of the shapes that the parser decodes.

use serde_json::Value;

use super::file::Fleet;
use crate::shape::{Definitions, Map};

/// Returns the JSON Schema (draft-07) of the file of a fleet.
#[must_use]
pub fn schema() -> Value {
    let mut definitions = Definitions::default();
    let mut schema = Fleet::map_schema(&mut definitions);
    schema["title"] = "ocipatch fleet".into();
    schema["$schema"] = "http://json-schema.org/draft-07/schema#".into();
    schema["definitions"] = definitions.into_map().into();
    schema
}

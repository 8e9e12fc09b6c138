//! The JSON Schema of the file of a fleet, for editors; made of the shapes that the parser decodes.

use serde_json::Value;

use super::file::Fleet;
use crate::shape::{Definitions, Map};

/// Returns the JSON Schema (draft-07) of the file of a fleet.
#[must_use]
pub fn schema() -> Value {
    let mut definitions = Definitions::default();
    let root = Fleet::map_schema(&mut definitions);
    definitions.schema_of_file("fleet", root)
}

//! One test binary.

mod patch;
mod schema;

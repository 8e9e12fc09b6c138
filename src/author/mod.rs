//! Operations that a program writes for a person: the smallest ones that say what somebody changed in a text.

mod config;
mod json;
mod operation;

pub(crate) use config::{derived_changes, differences};
pub(crate) use operation::{Drafted, candidates};

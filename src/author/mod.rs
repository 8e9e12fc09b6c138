//! Operations that a program writes for a person: the smallest ones that say what somebody changed in a text.

mod json;
mod operation;

pub(crate) use operation::{Drafted, candidates};

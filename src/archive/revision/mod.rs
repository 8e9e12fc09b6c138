//! A changed archive as a list of entries: everything that depends on a change, derived again.

pub(super) mod annotations;
pub(super) mod cascade;
pub(super) mod dating;
pub(super) mod derive;
pub(super) mod documents;
pub(super) mod index;
mod put;

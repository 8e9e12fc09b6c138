//! Operations on the configuration, the annotations and the names of an image.

pub(super) mod annotations;
pub(super) mod env;
pub(super) mod fields;
pub(super) mod items;
pub(super) mod labels;
pub(super) mod tags;

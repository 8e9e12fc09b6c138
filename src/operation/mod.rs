//! What operations do to an image.

pub(crate) mod add_layer;
pub(crate) mod annotations;
pub(crate) mod env;
pub(crate) mod fields;
pub(crate) mod items;
pub(crate) mod labels;
pub(crate) mod move_path;
pub(crate) mod patch_file;
pub(crate) mod path_settings;
pub(crate) mod rebase;
pub(crate) mod recompress;
pub(crate) mod remove_layer;
pub(crate) mod remove_path;
pub(crate) mod replace_layer;
pub(crate) mod rewrite_timestamps;
pub(crate) mod squash;
pub(crate) mod tags;

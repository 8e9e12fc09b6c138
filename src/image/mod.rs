//! An image's documents, each the raw JSON it is stored as plus typed views of it.

mod config;
mod fields;
mod fitted;
mod invalid_config;
pub mod json;
pub mod keys;

pub use config::{Config, HistoryEntry};
pub use invalid_config::InvalidConfig;
pub use json::ItemId;

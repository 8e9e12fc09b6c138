//! The entries of one layer, kept so that a stack can be laid anew without it, below another, or changed.

use super::Content;
use crate::tarball::{Entry, Input, TarError, TarReader};

/// What a layer holds, in the order of its stream.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct LayerLog {
    /// The entries; whiteouts and what no tree shows are among them.
    pub entries: Vec<LoggedEntry>,
}

/// An entry of a layer, and where its content stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LoggedEntry {
    /// The entry.
    pub entry: Entry,
    /// Its content; of an entry without any, where it would stand.
    pub content: Content,
}

impl LayerLog {
    /// Reads the headers of a layer, which is at `position` in its stack.
    pub fn read(position: usize, reader: &mut TarReader<impl Input>) -> Result<Self, TarError> {
        let mut entries = Vec::new();
        while let Some(entry) = reader.next()? {
            let content = Content {
                layer: position,
                offset: reader.offset(),
            };
            entries.push(LoggedEntry { entry, content });
        }
        Ok(Self { entries })
    }

    /// Returns the log of the same stream at another place in the stack.
    #[must_use]
    pub fn moved_to(mut self, position: usize) -> Self {
        for logged in &mut self.entries {
            logged.content.layer = position;
        }
        self
    }
}

//! A layer that exists, with some of its entries changed or left out: everything else keeps its bytes.

use std::collections::BTreeMap;
use std::io::Write;
use std::sync::Arc;

use super::WriteError;
use super::origin::{Inputs, Origin};
use crate::tarball::{BLOCK_BYTES, END_OF_ARCHIVE, HeaderChange, TarError, TarReader};

/// What becomes of a layer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rewrite {
    /// The layer.
    pub origin: Origin,
    /// What changes of its entries, each known by where its content stands or would stand.
    pub edits: BTreeMap<u64, GroupEdit>,
    /// Times of all entries that are later than this become this.
    pub latest: Option<i64>,
}

/// What becomes of an entry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum GroupEdit {
    /// It is left out.
    Drop,
    /// It changes.
    Change {
        /// The header.
        header: HeaderChange,
        /// Its content, if not what it was.
        content: Option<Arc<[u8]>>,
    },
}

impl GroupEdit {
    /// Adds what a later edit says.
    pub fn and(&mut self, later: Self) {
        match (&mut *self, later) {
            (
                Self::Change { header, content },
                Self::Change {
                    header: later,
                    content: new,
                },
            ) => {
                header.and(later);
                *content = new.or(content.take());
            }
            (edit, later) => *edit = later,
        }
    }
}

/// Writes the layer as it becomes, uncompressed.
pub fn write_rewritten(
    rewrite: &Rewrite,
    inputs: Inputs<'_>,
    mut out: impl Write,
) -> Result<(), WriteError> {
    let mut put = |bytes: &[u8]| out.write_all(bytes).map_err(Failure::Output);
    let mut reader = TarReader::new((inputs.open)(rewrite.origin).map_err(WriteError::Origin)?);
    let failed = |failure| match failure {
        Failure::Tar(error) => WriteError::Tar(rewrite.origin, error),
        Failure::Output(error) => WriteError::Output(error),
    };
    let mut edits = rewrite.edits.iter().peekable();
    let tar = |error| WriteError::Tar(rewrite.origin, error);
    while reader.next().map_err(tar)?.is_some() {
        let edit = edits.next_if(|(offset, _)| **offset == reader.offset());
        let mut change = match edit {
            Some((_, GroupEdit::Drop)) => continue,
            Some((_, GroupEdit::Change { header, .. })) => header.clone(),
            None => HeaderChange::default(),
        };
        change.latest = change.latest.or(rewrite.latest);
        let changed;
        let group = if change == HeaderChange::default() {
            reader.group()
        } else {
            changed = change.apply(reader.group());
            &changed
        };
        put(group).map_err(failed)?;
        match edit {
            Some((
                _,
                GroupEdit::Change {
                    content: Some(content),
                    ..
                },
            )) => {
                put(content).map_err(failed)?;
                let n_bytes = content.len() as u64;
                let padding = usize::try_from(n_bytes.next_multiple_of(BLOCK_BYTES) - n_bytes);
                let padding = padding.expect("padding is below a block");
                put(&END_OF_ARCHIVE[..padding]).map_err(failed)?;
            }
            _ => reader.copy_data(&mut put).map_err(failed)?,
        }
    }
    if edits.next().is_some() {
        return Err(WriteError::OriginChanged(rewrite.origin));
    }
    reader.copy_tail(&mut put).map_err(failed)?;
    out.flush().map_err(WriteError::Output)
}

enum Failure {
    Tar(TarError),
    Output(std::io::Error),
}

impl From<TarError> for Failure {
    fn from(error: TarError) -> Self {
        Self::Tar(error)
    }
}

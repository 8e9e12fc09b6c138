//! Pieces of text as a document spells them: slices that share one copy of it, so that a value costs no allocation.

use std::fmt;
use std::ops::Deref;
use std::sync::Arc;

/// A literal, a string or a key as it is spelled, quotes and escapes included.
#[derive(Clone)]
pub struct Spelling {
    text: Arc<String>,
    start: u32,
    end: u32,
}

impl Spelling {
    /// Takes `start..end` of a text of less than 4 GiB.
    pub(super) fn slice(text: &Arc<String>, start: usize, end: usize) -> Self {
        let offset = |at| u32::try_from(at).expect("longer documents are refused");
        Self {
            text: Arc::clone(text),
            start: offset(start),
            end: offset(end),
        }
    }

    pub(super) fn as_str(&self) -> &str {
        &self.text[self.start as usize..self.end as usize]
    }
}

impl From<String> for Spelling {
    fn from(text: String) -> Self {
        let end = text.len();
        Self::slice(&Arc::new(text), 0, end)
    }
}

impl Deref for Spelling {
    type Target = str;

    fn deref(&self) -> &str {
        self.as_str()
    }
}

impl PartialEq for Spelling {
    fn eq(&self, other: &Self) -> bool {
        self.as_str() == other.as_str()
    }
}

impl Eq for Spelling {}

impl fmt::Debug for Spelling {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self)
    }
}

/// White space between tokens; most often there is none.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Space(Option<Arc<String>>);

impl Space {
    pub(super) fn as_str(&self) -> &str {
        self.0.as_ref().map_or("", |text| text.as_str())
    }

    /// Returns the space and leaves none.
    pub(super) fn take(&mut self) -> Self {
        std::mem::take(self)
    }
}

impl From<String> for Space {
    fn from(text: String) -> Self {
        Self((!text.is_empty()).then(|| Arc::new(text)))
    }
}

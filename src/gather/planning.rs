//! Planning with what was gathered, and reading what planning turns out to depend on.

use std::collections::{BTreeMap, HashSet};
use std::fmt;
use std::sync::Arc;

use super::{Gathered, Reading};
use crate::error::Error;
use crate::layer::{Data, read_contents};
use crate::plan::{Plan, Texts, Unplanned, WantedText, plan};
use crate::problem::Rejected;

/// Why there is no plan.
#[derive(Debug)]
pub enum NotPlanned {
    /// A patch does not fit.
    Rejected(Rejected),
    /// Something that the patch depends on cannot be read.
    Failed(Error),
}

impl fmt::Display for NotPlanned {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Rejected(rejected) => rejected.fmt(f),
            Self::Failed(error) => error.fmt(f),
        }
    }
}

impl std::error::Error for NotPlanned {}

impl From<Rejected> for NotPlanned {
    fn from(rejected: Rejected) -> Self {
        Self::Rejected(rejected)
    }
}

impl From<Error> for NotPlanned {
    fn from(error: Error) -> Self {
        Self::Failed(error)
    }
}

impl Gathered<'_> {
    /// Plans all patches of all files in order; a second call returns the same plan.
    pub fn plan(&self) -> Result<Arc<Plan>, NotPlanned> {
        let mut texts = Texts::default();
        loop {
            let wanted = match plan(self.patches.files(), &self.inventory, &texts) {
                Ok(plan) => return Ok(Arc::new(plan)),
                Err(Unplanned::Rejected(rejected)) => return Err(NotPlanned::Rejected(rejected)),
                Err(Unplanned::Wants(wanted)) => wanted,
            };
            let mut by_image: BTreeMap<usize, HashSet<WantedText>> = BTreeMap::new();
            for wanted in wanted {
                by_image.entry(wanted.image).or_default().insert(wanted);
            }
            for (image, wanted) in by_image {
                let read = self.read(image, wanted, &mut texts);
                read.map_err(NotPlanned::Failed)?;
            }
        }
    }

    /// Reads contents that an image depends on.
    fn read(
        &self,
        image: usize,
        wanted: HashSet<WantedText>,
        texts: &mut Texts,
    ) -> Result<(), Error> {
        let reading = Reading {
            archive: self.archive,
            image: &self.archive.images()[image],
            opened: &self.opened,
        };
        let wanted: Vec<WantedText> = wanted.into_iter().collect();
        let contents: Vec<&Data> = wanted.iter().map(|wanted| &wanted.data).collect();
        let mut read = vec![Vec::new(); contents.len()];
        let mut put = |i: usize, bytes: &[u8]| read[i].extend_from_slice(bytes);
        let open = |origin| reading.open(origin);
        reading.announce(&contents);
        read_contents(&contents, reading.inputs(&open), &mut put)
            .map_err(|error| reading.error(error))?;
        for (wanted, text) in wanted.into_iter().zip(read) {
            texts.insert(wanted, text.into());
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::io;
    use std::path::Path;

    use super::NotPlanned;
    use crate::error::Error;
    use crate::patch::PatchFile;

    #[test]
    fn what_is_not_planned_says_why() {
        let rejected = PatchFile::parse("fix.yaml", b"[]").unwrap_err();
        let text = rejected.to_string();
        assert!(!text.is_empty());
        assert_eq!(NotPlanned::from(rejected).to_string(), text);
        let error = || Error::io(Path::new("a"), io::ErrorKind::NotFound.into());
        assert_eq!(NotPlanned::from(error()).to_string(), error().to_string());
    }
}

//! Planning with what was gathered, and reading what planning turns out to depend on.

use std::fmt;
use std::io::Read as _;
use std::sync::Arc;

use super::{Gathered, OpenSources};
use crate::archive::Archive;
use crate::error::Error;
use crate::layer::{Data, HostFile, Origin};
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
            for wanted in wanted {
                let text = read(&wanted, self.archive, &self.opened);
                texts.insert(wanted, text.map_err(NotPlanned::Failed)?);
            }
        }
    }
}

fn read(wanted: &WantedText, archive: &Archive, opened: &OpenSources) -> Result<Vec<u8>, Error> {
    match &wanted.data {
        Data::None => Ok(Vec::new()),
        Data::Inline(text) => Ok(text.clone()),
        Data::Host(file) => read_host(file, opened),
        Data::Kept(kept) => {
            let (mut stream, place) = match kept.origin {
                Origin::Layer(position) => {
                    let layer = &archive.images()[wanted.image].layers()[position];
                    let place = archive.layer_name(layer).to_owned();
                    (archive.open_layer(layer)?, place)
                }
                Origin::Import(import) => {
                    let import = &opened.imports[import];
                    (import.tar()?, import.place().to_owned())
                }
            };
            let failed = |source| Error::Io {
                place: place.clone(),
                source,
            };
            stream.skip(kept.offset).map_err(failed)?;
            let mut text = Vec::new();
            let read = kept.read(&mut stream).read_to_end(&mut text);
            read.map_err(failed).map(|_| text)
        }
    }
}

fn read_host(file: &HostFile, opened: &OpenSources) -> Result<Vec<u8>, Error> {
    opened.roots[file.root].read(file)
}

//! Planning with what was gathered, and reading what planning turns out to depend on.

use std::fmt;
use std::io::Read as _;
use std::sync::Arc;

use super::{Gathered, OpenSources};
use crate::archive::Archive;
use crate::error::Error;
use crate::layer::{Data, Kept, Origin};
use crate::plan::{Plan, Texts, Unplanned, WantedText, plan};
use crate::problem::Rejected;
use crate::tarball::Input;

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
            let mut contents = Contents::new(self.archive, &self.opened);
            for wanted in in_order(wanted) {
                let text = contents.read(&wanted).map_err(NotPlanned::Failed)?;
                texts.insert(wanted, text);
            }
        }
    }
}

/// Sorts contents so that those of one layer are read in one pass.
fn in_order(mut wanted: Vec<WantedText>) -> Vec<WantedText> {
    wanted.sort_by_key(|wanted| match &wanted.data {
        Data::Kept(kept) => (wanted.image, Some((kept.origin, kept.offset))),
        Data::None | Data::Inline(_) | Data::Host(_) => (wanted.image, None),
    });
    wanted.dedup();
    wanted
}

/// Reads contents; those of one stream, each behind the one before, are read in one pass.
struct Contents<'a> {
    archive: &'a Archive,
    opened: &'a OpenSources,
    current: Option<Current>,
}

/// The stream that was read last, and how far.
struct Current {
    image: usize,
    origin: Origin,
    stream: Box<dyn Input>,
    offset: u64,
}

impl<'a> Contents<'a> {
    fn new(archive: &'a Archive, opened: &'a OpenSources) -> Self {
        Self {
            archive,
            opened,
            current: None,
        }
    }

    fn read(&mut self, wanted: &WantedText) -> Result<Arc<[u8]>, Error> {
        match &wanted.data {
            Data::None => Ok(Arc::default()),
            Data::Inline(text) => Ok(Arc::clone(text)),
            Data::Host(file) => Ok(self.opened.roots[file.root].read(file)?.into()),
            Data::Kept(kept) => self.read_kept(wanted.image, kept),
        }
    }

    fn read_kept(&mut self, image: usize, kept: &Kept) -> Result<Arc<[u8]>, Error> {
        let is_ahead = |it: &Current| {
            (it.image, it.origin) == (image, kept.origin) && it.offset <= kept.offset
        };
        let mut current = match self.current.take().filter(is_ahead) {
            Some(current) => current,
            None => self.open(image, kept.origin)?,
        };
        let mut text = Vec::new();
        let skipped = current.stream.skip(kept.offset - current.offset);
        let read = skipped.and_then(|()| kept.read(&mut current.stream).read_to_end(&mut text));
        read.map_err(|source| Error::Io {
            place: self.place(image, kept.origin),
            source,
        })?;
        current.offset = kept.offset + kept.stored_bytes();
        self.current = Some(current);
        Ok(text.into())
    }

    fn open(&self, image: usize, origin: Origin) -> Result<Current, Error> {
        let stream = match origin {
            Origin::Layer(position) => {
                let layer = &self.archive.images()[image].layers()[position];
                self.archive.open_layer(layer)?
            }
            Origin::Import(import) => self.opened.imports[import].tar()?,
        };
        Ok(Current {
            image,
            origin,
            stream,
            offset: 0,
        })
    }

    fn place(&self, image: usize, origin: Origin) -> String {
        match origin {
            Origin::Layer(position) => {
                let layer = &self.archive.images()[image].layers()[position];
                self.archive.layer_name(layer).to_owned()
            }
            Origin::Import(import) => self.opened.imports[import].place().to_owned(),
        }
    }
}

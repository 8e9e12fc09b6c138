//! What layers are made from: the layers of an image, and what was opened for the plan.

use std::collections::BTreeSet;
use std::io::{self, Write as _};

use super::OpenSources;
use crate::archive::{Archive, Image};
use crate::digest::{Digest, Hashing};
use crate::error::Error;
use crate::layer::{Data, Inputs, OpenOrigin, Origin, WriteError, read_contents};
use crate::tarball::Input;
use crate::watch::{self, Counted};

/// An image, and what is beside its archive.
#[derive(Clone, Copy)]
pub(crate) struct Reading<'a> {
    pub(crate) archive: &'a Archive,
    pub(crate) image: &'a Image,
    pub(crate) opened: &'a OpenSources,
}

impl<'a> Reading<'a> {
    pub(crate) fn open(self, origin: Origin) -> Result<Box<dyn Input>, Error> {
        match origin {
            Origin::Layer(position) => self.archive.open_layer(&self.image.layers()[position]),
            Origin::Import(import) => self.opened.imports[import].tar(),
        }
    }

    pub(crate) fn inputs<'o>(self, open: &'o OpenOrigin<'o>) -> Inputs<'o>
    where
        'a: 'o,
    {
        let roots = &self.opened.roots;
        Inputs { roots, open }
    }

    /// Says that contents are going to be read.
    pub(crate) fn announce(self, contents: &[&Data]) {
        let origins = contents.iter().filter_map(|data| match data {
            Data::Kept(kept) => Some(kept.origin),
            Data::None | Data::Inline(_) | Data::Host(_) => None,
        });
        let origins: BTreeSet<Origin> = origins.collect();
        if origins.is_empty() {
            return;
        }
        let n_bytes = origins.into_iter().map(|origin| self.size(origin)).sum();
        watch::begins(|| "reading files".to_owned(), n_bytes, Counted::Read);
    }

    /// Returns how many bytes an origin has as it is stored; 0 if nobody knows yet.
    pub(crate) fn size(self, origin: Origin) -> u64 {
        match origin {
            Origin::Layer(position) => self.image.layers()[position].size(),
            Origin::Import(import) => {
                let blob = self.opened.imports[import].blob();
                blob.map_or(0, |blob| blob.n_bytes())
            }
        }
    }

    /// Returns what contents hash to; each stream is read once.
    pub(crate) fn digests(self, contents: &[&Data]) -> Result<Vec<Digest>, Error> {
        let mut hashing: Vec<_> = contents.iter().map(|_| Hashing::new(io::sink())).collect();
        let mut put = |i: usize, bytes: &[u8]| {
            let written = hashing[i].write_all(bytes);
            written.expect("a sink takes everything");
        };
        let open = |origin| self.open(origin);
        self.announce(contents);
        read_contents(contents, self.inputs(&open), &mut put).map_err(|error| self.error(error))?;
        let digests = hashing.into_iter().map(|hashing| hashing.finish().0);
        Ok(digests.collect())
    }

    pub(crate) fn place(self, origin: Origin) -> String {
        match origin {
            Origin::Layer(position) => {
                let layer = &self.image.layers()[position];
                self.archive.layer_name(layer).to_owned()
            }
            Origin::Import(import) => self.opened.imports[import].place().to_owned(),
        }
    }

    pub(crate) fn error(self, error: WriteError) -> Error {
        match error {
            WriteError::Host(error) => Error::io(&error.path, error.error),
            WriteError::Changed { path, what } => Error::changed(&path, what),
            WriteError::Origin(error) => error,
            WriteError::Read(origin, source) => Error::in_place(&self.place(origin))(source),
            WriteError::OriginChanged(origin) => Error::Changed {
                place: self.place(origin),
                what: "its entries are different".to_owned(),
            },
            WriteError::Tar(origin, error) => Error::unreadable_layer(self.place(origin), error),
            WriteError::Output(source) => Error::in_place("the output")(source),
        }
    }
}

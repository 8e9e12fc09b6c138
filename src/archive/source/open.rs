//! Opening an archive: a directory, a tar that can be read by position, or a stream of which a copy is kept.

use std::fs::File;
use std::io::{Seek as _, Write as _};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use super::directory::{self, state_of};
use super::spool::{self, decompress};
use super::tar_index::index;
use super::unchanged::compare;
use super::{Directory, Form, Given, Source, Tar};
use crate::compression::Compression;
use crate::error::Error;
use crate::ledger::Location;
use crate::printable;
use crate::tarball::Range;

impl Source {
    /// Opens a tar, plain or compressed, or a directory. Decompressed bytes go to a nameless file in `spool_directory`.
    pub fn open(path: &Path, spool_directory: &Path) -> Result<Self, Error> {
        let file = File::open(path).map_err(Error::at(path))?;
        let place = printable::path(path);
        let metadata = file.metadata().map_err(Error::at(path))?;
        let location = Location::opened_at(path, &file);
        let source = if metadata.is_dir() {
            let walk = directory::walk(&file, path)?;
            let is_read = walk.entries.iter().map(|_| AtomicBool::new(false));
            let linked = walk.entries.iter().filter(|entry| entry.linked().is_some());
            let linked = linked.map(|entry| Location::of(&path.join(&entry.name)));
            let directory = Directory {
                root: file,
                is_mid_change: walk.is_mid_change,
                is_read: is_read.collect(),
                linked: linked.collect(),
            };
            Self::new(place, Form::Directory(directory), walk.entries)
        } else {
            Self::read_stream(file, place, spool_directory)
        };
        Ok(Self {
            location,
            ..source?
        })
    }

    /// Takes a tar, plain or compressed, that is open already, from where it stands: a file at its beginning is used as
    /// it is, and what can be read only once is kept once, decompressed.
    pub fn from_stream(input: File, place: String, spool_directory: &Path) -> Result<Self, Error> {
        let location = Location::of_open(&input, &place);
        let source = Self::read_stream(input, place, spool_directory)?;
        Ok(Self { location, ..source })
    }

    /// Takes a tar that was made just now; it goes to a nameless file in `spool_directory`.
    pub fn from_bytes(bytes: &[u8], place: String, spool_directory: &Path) -> Result<Self, Error> {
        let mut file = spool::nameless(spool_directory)?;
        let written = file.write_all(bytes).and_then(|()| file.rewind());
        written.map_err(|error| Error::spool(spool_directory, error))?;
        Self::from_stream(file, place, spool_directory)
    }

    fn read_stream(mut input: File, place: String, spool_directory: &Path) -> Result<Self, Error> {
        let is_file = input.metadata().is_ok_and(|metadata| metadata.is_file());
        if is_file && input.stream_position().is_ok_and(|position| position == 0) {
            return Self::from_file(input, place, spool_directory);
        }
        let failed = Error::in_place(&place);
        let state = is_file.then(|| state_of(&input)).transpose();
        let state = state.map_err(failed)?;
        let kept = spool::keep(&mut input, &place, spool_directory);
        if let Some(state) = state {
            compare(&state, &state_of(&input).map_err(failed)?, &place)?;
        }
        let (file, compression) = kept?;
        Self::from_tar(file, compression, None, place)
    }

    fn from_file(file: File, place: String, spool_directory: &Path) -> Result<Self, Error> {
        let failed = Error::in_place(&place);
        let state = state_of(&file).map_err(failed)?;
        let compression = Compression::of(Range::new(&file, 0, u64::MAX)).map_err(failed)?;
        if compression == Compression::None {
            let given = Given {
                compressed: None,
                state,
            };
            return Self::from_tar(file, compression, Some(given), place);
        }
        let stream = Range::new(&file, 0, u64::MAX);
        let plain = decompress(stream, state.size, compression, &place, spool_directory);
        compare(&state, &state_of(&file).map_err(failed)?, &place)?;
        let given = Given {
            compressed: Some(file),
            state,
        };
        Self::from_tar(plain?, compression, Some(given), place)
    }

    fn from_tar(
        file: File,
        compression: Compression,
        given: Option<Given>,
        place: String,
    ) -> Result<Self, Error> {
        let failed = Error::in_place(&place);
        let length = file.metadata().map_err(failed)?.len();
        let indexed = index(&file, length, &place);
        if let Some(given) = &given {
            // That explains whatever is wrong with it.
            let now = state_of(given.compressed.as_ref().unwrap_or(&file));
            compare(&given.state, &now.map_err(failed)?, &place)?;
        }
        let (entries, end) = indexed?;
        let tar = Tar {
            file: Arc::new(file),
            end,
            length,
            compression,
            given,
        };
        Self::new(place, Form::Tar(tar), entries)
    }
}

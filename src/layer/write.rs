//! A layer's content as a plain tar stream. Memory does not depend on the layer's size.

use std::fmt;
use std::io::{self, Read as _, Write};
use std::path::PathBuf;

use rustix::fs;
use rustix::io::Errno;

use super::host_files::HostFiles;
use super::origin::{Inputs, Origin, OriginReader};
use super::scan::{HostError, HostFile};
use super::{Data, LayerContent};
use crate::error::Error;
use crate::file_state::FileState;
use crate::printable;
use crate::tarball::{END_OF_ARCHIVE, TarError, header_group, read_some};

const BUFFER_BYTES: usize = 128 * 1024;

/// Why a layer was not written to its end.
#[derive(Debug)]
#[non_exhaustive]
pub enum WriteError {
    /// A source file could not be read.
    Host(HostError),
    /// A source file is not the one that the plan was made for.
    Changed {
        /// The host path.
        path: PathBuf,
        /// What changed.
        what: String,
    },
    /// A stream that content is kept in could not be opened.
    Origin(Error),
    /// A stream that content is kept in could not be read.
    Read(Origin, io::Error),
    /// A stream that content is kept in is not the one that the plan was made for.
    OriginChanged(Origin),
    /// A stream that content is kept in is no tar.
    Tar(Origin, TarError),
    /// The output took no more.
    Output(io::Error),
}

impl fmt::Display for WriteError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Host(error) => error.fmt(f),
            Self::Changed { path, what } => {
                let path = printable::line(&printable::path(path));
                write!(f, "`{path}` changed while it was read: {what}")
            }
            Self::Origin(error) => error.fmt(f),
            Self::Read(_, error) | Self::Output(error) => error.fmt(f),
            Self::OriginChanged(_) => f.write_str("a layer changed while it was read"),
            Self::Tar(_, error) => error.fmt(f),
        }
    }
}

impl std::error::Error for WriteError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Host(error) => Some(error),
            Self::Changed { .. } | Self::OriginChanged(_) => None,
            Self::Origin(error) => Some(error),
            Self::Tar(_, error) => Some(error),
            Self::Read(_, error) | Self::Output(error) => Some(error),
        }
    }
}

/// Returns how many bytes [`write_layer`] will write, without reading a file.
#[must_use]
pub fn layer_size(content: &LayerContent) -> u64 {
    let entries = content.entries.iter().map(|item| {
        let group = header_group(&item.entry).len() as u64;
        group + item.entry.padded_bytes()
    });
    entries.sum::<u64>() + END_OF_ARCHIVE.len() as u64
}

/// Writes the layer, uncompressed.
///
/// A file that is no longer as it was scanned ends the writing: the plan promised other bytes.
pub fn write_layer(
    content: &LayerContent,
    inputs: Inputs<'_>,
    mut out: impl Write,
) -> Result<(), WriteError> {
    let mut buffer = vec![0; BUFFER_BYTES];
    let mut files = HostFiles::new(inputs.roots);
    let mut origins = OriginReader::new(inputs);
    for item in &content.entries {
        let mut put = |bytes: &[u8]| out.write_all(bytes).map_err(WriteError::Output);
        put(&header_group(&item.entry))?;
        copy(
            &item.data,
            (&mut files, &mut origins),
            &mut buffer,
            &mut put,
        )?;
        let padding = item.entry.padded_bytes() - item.entry.size;
        put(&END_OF_ARCHIVE[..usize::try_from(padding).expect("padding is below a block")])?;
    }
    out.write_all(&END_OF_ARCHIVE).map_err(WriteError::Output)?;
    out.flush().map_err(WriteError::Output)
}

/// Reads contents, and gives `put` the bytes of each with its index. What is in tar streams comes in the order of these:
/// each is read once.
pub fn read_contents(
    contents: &[&Data],
    inputs: Inputs<'_>,
    put: &mut dyn FnMut(usize, &[u8]),
) -> Result<(), WriteError> {
    let mut order: Vec<usize> = (0..contents.len()).collect();
    order.sort_by_key(|&i| match contents[i] {
        Data::Kept(kept) => Some((kept.origin, kept.offset)),
        _ => None,
    });
    let mut buffer = vec![0; BUFFER_BYTES];
    let mut files = HostFiles::new(inputs.roots);
    let mut origins = OriginReader::new(inputs);
    for i in order {
        let mut put = |bytes: &[u8]| {
            put(i, bytes);
            Ok(())
        };
        copy(
            contents[i],
            (&mut files, &mut origins),
            &mut buffer,
            &mut put,
        )?;
    }
    Ok(())
}

fn copy(
    data: &Data,
    (files, origins): (&mut HostFiles<'_>, &mut OriginReader<'_>),
    buffer: &mut [u8],
    put: &mut dyn FnMut(&[u8]) -> Result<(), WriteError>,
) -> Result<(), WriteError> {
    match data {
        Data::None => Ok(()),
        Data::Inline(bytes) => put(bytes),
        Data::Host(file) => copy_file(file, files, buffer, put),
        Data::Kept(kept) => origins.copy(kept, buffer, put),
    }
}

fn copy_file(
    file: &HostFile,
    files: &mut HostFiles<'_>,
    buffer: &mut [u8],
    put: &mut dyn FnMut(&[u8]) -> Result<(), WriteError>,
) -> Result<(), WriteError> {
    let root = files.root(file);
    let host = |errno| WriteError::Host(root.error(&file.path, errno));
    let changed = |what: String| WriteError::Changed {
        path: root.host_path(&file.path),
        what,
    };
    let source = match files.open(file) {
        Ok(source) => source,
        // Gone, or a link or something else in its place or on the way to it.
        Err(errno @ (Errno::NOENT | Errno::LOOP | Errno::NOTDIR | Errno::NXIO)) => {
            return Err(changed(std::io::Error::from(errno).to_string()));
        }
        Err(errno) => return Err(host(errno)),
    };
    let check = |source: &std::fs::File| {
        let stat = fs::fstat(source).map_err(host)?;
        let difference = file.state.difference(&FileState::of(&stat));
        difference.map_or(Ok(()), |what| Err(changed(what)))
    };
    check(&source)?;
    let mut rest = (&source).take(file.state.size);
    loop {
        match read_some(&mut rest, buffer) {
            Ok(0) => break,
            Ok(n) => put(&buffer[..n])?,
            Err(error) => {
                return Err(WriteError::Host(HostError {
                    path: root.host_path(&file.path),
                    error,
                }));
            }
        }
    }
    let left = rest.limit();
    // One that became longer or shorter meanwhile says so here.
    check(&source)?;
    if left == 0 {
        return Ok(());
    }
    Err(changed(format!("it ends {left} bytes before its end")))
}

//! The headers of a tar file, each read once.

use std::fs::File;

use super::entry::{MAX_ENTRIES, SourceEntry};
use super::names;
use crate::archive::hidden::refuse_reserved;
use crate::error::Error;
use crate::printable;
use crate::tarball::{BLOCK_BYTES, Kind, Range, TarError, TarReader, TypeFlag};

/// Returns the entries and where they end.
pub(in crate::archive) fn index(
    file: &File,
    length: u64,
    place: &str,
) -> Result<(Vec<SourceEntry>, u64), Error> {
    let not_tar = |offset, reason: String| Error::NotTar {
        place: place.to_owned(),
        offset,
        reason,
    };
    let mut reader = TarReader::new(Range::new(file, 0, length));
    let mut entries = Vec::new();
    loop {
        let entry = match reader.next() {
            Ok(Some(entry)) => entry,
            Ok(None) => break,
            Err(error) => return Err(damaged(place, length, error, entries.last())),
        };
        if entry.kind == Kind::Global {
            continue;
        }
        let Some(name) = names::clean(&entry.name) else {
            let reason = format!(
                "the entry name `{}` leaves the archive or is not UTF-8",
                printable::decoded(&entry.name)
            );
            return Err(not_tar(reader.group_offset(), reason));
        };
        if name.len() > names::MAX_BYTES {
            let reason = format!("an entry name of over {} bytes", names::MAX_BYTES);
            return Err(not_tar(reader.group_offset(), reason));
        }
        refuse_reserved(&name)?;
        if name.is_empty() {
            // The root directory (`./`) carries nothing.
            continue;
        }
        if entry.kind == Kind::Unsupported(TypeFlag(b'S')) || entry.sparse.is_some() {
            let reason =
                "is a sparse file; create the archive again with `tar`, without `--sparse`";
            let reason = reason.to_owned();
            return Err(Error::BadEntry { name, reason });
        }
        if entries.len() == MAX_ENTRIES {
            return Err(not_tar(
                reader.group_offset(),
                format!("more than {MAX_ENTRIES} entries"),
            ));
        }
        entries.push(SourceEntry {
            name,
            kind: entry.kind,
            size: entry.size,
            link_name: entry.link_name,
            mode: entry.mode,
            mtime: entry.mtime.seconds,
            group_offset: reader.group_offset(),
            group_end: reader.offset(),
            data_offset: reader.offset(),
            links_to: None,
            on_disk: None,
        });
    }
    // Of a last entry without all of its padding there is nothing behind what is there.
    let end = reader
        .group_offset()
        .next_multiple_of(BLOCK_BYTES)
        .min(length);
    if entries.is_empty() {
        let reason = if length == 0 {
            "is empty"
        } else {
            "is a tar without entries"
        };
        return Err(Error::NotAnImage {
            place: place.to_owned(),
            reason: reason.to_owned(),
        });
    }
    Ok((entries, end))
}

/// Says where a tar stops being one: not a tar at all, truncated inside an entry, or damaged at a byte.
fn damaged(place: &str, length: u64, error: TarError, last: Option<&SourceEntry>) -> Error {
    let place = place.to_owned();
    let is_of_any_file = error.is_of_any_file();
    let (offset, reason) = match error {
        TarError::Io(source) => return Error::Io { place, source },
        TarError::Invalid { offset, reason } => (offset, reason.to_owned()),
    };
    match last {
        None if is_of_any_file => Error::NotAnImage {
            place,
            reason: "is not a tar, plain or compressed".to_owned(),
        },
        Some(entry) if entry.data_offset + entry.size > length => Error::NotTar {
            place,
            offset: length,
            reason: format!(
                "the archive is truncated inside the entry `{}`, after {} of {} bytes",
                entry.name,
                length.saturating_sub(entry.data_offset),
                entry.size
            ),
        },
        _ => Error::NotTar {
            place,
            offset,
            reason,
        },
    }
}

//! An archive as a directory to look into, and back.
//!
//! `unpack` keeps the tar's headers in a file of ours beside the content, so that `pack` gives the same bytes back
//! for everything that was not edited.

use std::fs::File;
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

use rustix::fs::{Mode, OFlags};
use rustix::io::Errno;

use super::destination::name_file;
use super::extract::extract;
use super::file::{OutputFile, open_stream};
use super::new_directory::new_directory;
use super::pending::sync_directory;
use super::write::{Sink, pad};
use crate::archive::draft::Draft;
use crate::archive::draft::parents::Directories;
use crate::archive::hidden::OWN_DIRECTORY;
use crate::archive::source::Source;
use crate::archive::source::names;
use crate::compression::Compression;
use crate::digest::Digest;
use crate::error::Error;
use crate::ledger::{Extent, Ledger, Location, ReadAs, WrittenAs};
use crate::printable;
use crate::tarball::{
    END_OF_ARCHIVE, Entry, Kind, Mtime, Stream, TarReader, header_group, rename_group,
};
use crate::watch::{self, Counted};

/// The first line of the file that keeps the headers.
const MAGIC: &[u8] = b"ocipatch headers 1\n";
/// The headers of the most entries that an archive may have. In bytes.
const MAX_HEADERS_BYTES: u64 = 1 << 30;

/// Unpacks the archive `source` into `directory`, which must not exist or be empty.
pub fn unpack(source: &Source, directory: &Path) -> Result<(), Error> {
    refuse_overlap(source, directory)?;
    new_directory(directory, |directory| {
        let filled = fill(source, directory);
        // A change of the input explains whatever went wrong.
        source.check().and(filled)
    })
}

/// Refuses a directory to unpack into that is part of the archive, or contains it.
pub(in crate::archive) fn refuse_overlap(source: &Source, directory: &Path) -> Result<(), Error> {
    let mut ledger = Ledger::reading(ReadAs::Archive, source.locations());
    ledger.write(WrittenAs::Output, Extent::Tree, Location::of(directory))?;
    Ok(())
}

/// Writes the entries and, where they come from a tar, what is needed to make the same tar of them again.
pub(in crate::archive) fn fill(source: &Source, directory: &Path) -> Result<(), Error> {
    extract(&Draft::keep_all(source), directory)?;
    let Some((before, behind)) = source.around() else {
        return Ok(());
    };
    let own = directory.join(OWN_DIRECTORY);
    std::fs::create_dir(&own).map_err(Error::at(&own))?;
    let path = headers_of(directory);
    let headers = File::create(&path).map_err(Error::at(&path))?;
    let mut file = io::BufWriter::new(&headers);
    let mut write = |bytes: &[u8]| file.write_all(bytes).map_err(Error::at(&path));
    write(MAGIC)?;
    write(format!("{}\n", source.compression().name()).as_bytes())?;
    for index in 0..source.entries().len() {
        let group = source.group(index)?;
        let length = u32::try_from(group.len()).expect("header groups are bounded");
        write(&length.to_le_bytes())?;
        write(&group)?;
    }
    // What stands around the entries; no header group is empty.
    write(&0_u32.to_le_bytes())?;
    let mut buffer = vec![0; 64 * 1024];
    for piece in [before, behind] {
        write(&piece.n_bytes().to_le_bytes())?;
        let (mut reader, mut left) = (piece.reader(), piece.n_bytes());
        while left > 0 {
            let n = usize::try_from(left).unwrap_or(usize::MAX);
            let n = n.min(buffer.len());
            reader
                .read_exact(&mut buffer[..n])
                .map_err(Error::at(Path::new(source.place())))?;
            write(&buffer[..n])?;
            left -= n as u64;
        }
    }
    file.flush().map_err(Error::at(&path))?;
    headers.sync_all().map_err(Error::at(&path))?;
    sync_directory(&own)
}

/// The headers that `unpack` kept.
struct Headers {
    compression: Compression,
    groups: Vec<(Entry, Vec<u8>)>,
    /// What stands before the first entry.
    prelude: Vec<u8>,
    /// What stands behind the last entry.
    tail: Vec<u8>,
}

fn read_headers(directory: &Path) -> Result<Option<Headers>, Error> {
    let path = headers_of(directory);
    let damaged = || Error::BadEntry {
        name: printable::path(&path),
        reason: "is damaged; remove it to pack without the original headers".to_owned(),
    };
    // A pipe must not block us.
    let flags = OFlags::RDONLY | OFlags::CLOEXEC | OFlags::NONBLOCK;
    let file = match rustix::fs::open(&path, flags, Mode::empty()) {
        Ok(file) => File::from(file),
        Err(Errno::NOENT) => return Ok(None),
        Err(errno) => return Err(Error::io(&path, errno.into())),
    };
    let metadata = file.metadata().map_err(Error::at(&path))?;
    if !metadata.is_file() || metadata.len() > MAX_HEADERS_BYTES {
        return Err(damaged());
    }
    let mut bytes = Vec::new();
    file.take(MAX_HEADERS_BYTES)
        .read_to_end(&mut bytes)
        .map_err(Error::at(&path))?;
    let rest = bytes.strip_prefix(MAGIC).ok_or_else(damaged)?;
    let line = rest.iter().position(|&b| b == b'\n').ok_or_else(damaged)?;
    let all = [
        Compression::None,
        Compression::Gzip,
        Compression::Zstd,
        Compression::Bzip2,
        Compression::Xz,
    ];
    let compression = all
        .into_iter()
        .find(|c| c.name().as_bytes() == &rest[..line])
        .ok_or_else(damaged)?;
    let mut rest = &rest[line + 1..];
    let mut groups = Vec::new();
    while let Some((length, after)) = rest.split_first_chunk::<4>() {
        let length = usize::try_from(u32::from_le_bytes(*length)).map_err(|_| damaged())?;
        if length == 0 {
            rest = after;
            break;
        }
        let group = after.get(..length).ok_or_else(damaged)?;
        let mut reader = TarReader::new(Stream(group));
        let entry = reader.next().ok().flatten().ok_or_else(damaged)?;
        // Nothing else may hide behind it: what is packed is what the directory shows.
        if reader.offset() != group.len() as u64 {
            return Err(damaged());
        }
        groups.push((entry, group.to_vec()));
        rest = &after[length..];
    }
    let mut around = || -> Result<Vec<u8>, Error> {
        let (length, after) = rest.split_first_chunk::<8>().ok_or_else(damaged)?;
        let length = usize::try_from(u64::from_le_bytes(*length)).map_err(|_| damaged())?;
        let (bytes, after) = after.split_at_checked(length).ok_or_else(damaged)?;
        rest = after;
        Ok(bytes.to_vec())
    };
    let (prelude, tail) = (around()?, around()?);
    if !rest.is_empty() {
        return Err(damaged());
    }
    let is_zero = |block: &[u8]| block.iter().all(|&byte| byte == 0);
    // A zero block before the first entry would end the tar there.
    if !has_no_entries(&prelude) || prelude.chunks(512).any(is_zero) || !has_no_entries(&tail) {
        return Err(damaged());
    }
    Ok(Some(Headers {
        compression,
        groups,
        prelude,
        tail,
    }))
}

/// Tells whether a tar reader finds no entry in what stands around entries: a root directory and global headers are none.
fn has_no_entries(bytes: &[u8]) -> bool {
    let mut reader = TarReader::new(Stream(bytes));
    loop {
        match reader.next() {
            Ok(None) => return true,
            Ok(Some(entry)) if entry.kind == Kind::Global => {}
            Ok(Some(entry)) if names::clean(&entry.name).as_deref() == Some("") => {}
            Ok(Some(_)) | Err(_) => return false,
        }
    }
}

/// Packs the directory `source` into the tar `output`: in the order and with the headers that `unpack` kept, where it
/// did; new files go where Docker would put them. The name of the output may ask for a compression ([`Compression::of_name`]).
pub fn pack(source: &Source, directory: &Path, output: &Path) -> Result<(), Error> {
    refuse_input(source, directory, Location::of(output))?;
    match OutputFile::open(output)? {
        OutputFile::Pending(pending) => {
            let file = pending.file.try_clone().map_err(Error::at(output))?;
            write_packed(source, directory, file, output)?;
            name_file(pending, output, || Ok(()))
        }
        OutputFile::Stream(path) => {
            let stream = open_stream(&path).map_err(Error::at(output))?;
            write_packed(source, directory, stream, output)
        }
    }
}

/// Packs as [`pack`] does, into a pipe or file that is open already; `place` is its name in messages.
pub fn pack_into(source: &Source, directory: &Path, file: File, place: &str) -> Result<(), Error> {
    refuse_input(source, directory, Location::of_open(&file, place))?;
    write_packed(source, directory, file, Path::new(place))
}

/// Refuses an output that is in the directory, or the file of headers, which a link may lead to.
fn refuse_input(source: &Source, directory: &Path, output: Location) -> Result<(), Error> {
    let mut ledger = Ledger::reading(ReadAs::Unpacked, source.locations());
    ledger.read(ReadAs::Unpacked, Location::of(&headers_of(directory)))?;
    Ok(ledger.write(WrittenAs::Output, Extent::File, output)?)
}

/// Returns the file that keeps the headers.
fn headers_of(directory: &Path) -> PathBuf {
    directory.join(OWN_DIRECTORY).join("headers")
}

fn write_packed(source: &Source, directory: &Path, file: File, output: &Path) -> Result<(), Error> {
    let headers = read_headers(directory)?;
    let kept = headers.as_ref().map(|headers| headers.compression);
    let compression = Compression::of_name(output)
        .or(kept)
        .unwrap_or(Compression::None);
    let (known, prelude, tail) = match headers {
        Some(headers) => (headers.groups, headers.prelude, headers.tail),
        None => (Vec::new(), Vec::new(), Vec::new()),
    };
    let mut is_packed = vec![false; source.entries().len()];
    // Names, header groups, and where the data is.
    let mut entries: Vec<(String, Vec<u8>, Option<usize>)> = Vec::new();
    for (entry, group) in &known {
        let Some(name) = names::clean(&entry.name) else {
            continue;
        };
        let Some(index) = source.find(&name) else {
            continue;
        };
        let on_disk = &source.entries()[index];
        let is_link =
            entry.kind == Kind::HardLink && matches!(on_disk.kind, Kind::File | Kind::Symlink);
        if !is_link && (on_disk.kind != entry.kind || on_disk.link_name != entry.link_name) {
            continue;
        }
        is_packed[index] = true;
        if is_link && !is_as_linked(source, entry, index)? {
            let data = (on_disk.kind == Kind::File).then_some(index);
            entries.push((name, new_group(on_disk, Some(group)), data));
            continue;
        }
        let data = (entry.kind == Kind::File).then_some(index);
        if data.is_some() && on_disk.size != entry.size {
            let resized = Entry {
                size: on_disk.size,
                ..entry.clone()
            };
            entries.push((name, rename_group(group, &resized), data));
        } else {
            entries.push((name, group.clone(), data));
        }
    }
    // Some writers leave directories out: what those above an entry are for, the entry says.
    let on_disk = source.entries().iter().enumerate();
    let on_disk = on_disk.filter(|(_, entry)| entry.kind == Kind::Directory);
    let directories = Directories::new(on_disk.map(|(index, entry)| (index, entry.name.as_str())));
    let named: Vec<String> = known
        .iter()
        .filter_map(|(entry, _)| names::clean(&entry.name))
        .collect();
    for index in directories.above(named.iter().map(String::as_str)) {
        is_packed[index] = true;
    }
    let is_sorted = entries.is_sorted_by(|a, b| names::walk_order(&a.0, &b.0).is_lt());
    let mut new = Vec::new();
    for (index, on_disk) in source
        .entries()
        .iter()
        .enumerate()
        .filter(|(index, _)| !is_packed[*index])
    {
        let group = new_group(on_disk, known.first().map(|(_, group)| group.as_slice()));
        let data = (on_disk.kind == Kind::File).then_some(index);
        new.push((on_disk.name.clone(), group, data));
    }
    entries.extend(new);
    if is_sorted {
        entries.sort_by(|a, b| names::walk_order(&a.0, &b.0));
    }

    let failed = |source| Error::io(output, source);
    let mut sink = match compression {
        Compression::None => Sink::Plain(file),
        compression => Sink::Compressed(compression.encoder(file).map_err(failed)?),
    };
    let n_bytes = |data: &Option<usize>| data.map_or(0, |index| source.entries()[index].size);
    let n_bytes = entries.iter().map(|(.., data)| n_bytes(data)).sum();
    let what = || format!("writing `{}`", crate::printable::path(output));
    watch::begins(what, n_bytes, Counted::Written);
    sink.write_all(&prelude).map_err(failed)?;
    for (_, group, data) in &entries {
        sink.write_all(group).map_err(failed)?;
        if let Some(index) = data {
            let blob = source.blob(*index)?;
            let piece = blob.piece();
            sink.copy(piece).map_err(failed)?;
            pad(piece.n_bytes(), &mut sink).map_err(failed)?;
        }
    }
    let tail = if tail.is_empty() {
        &END_OF_ARCHIVE[..]
    } else {
        &tail
    };
    sink.write_all(tail).map_err(failed)?;
    sink.finish().map_err(failed)?;
    source.check()
}

/// Tells whether what was a hard link is still like its target: on the disk each can be edited.
fn is_as_linked(source: &Source, link: &Entry, index: usize) -> Result<bool, Error> {
    let target = names::clean(&link.link_name).and_then(|name| source.find(&name));
    let entries = source.entries();
    let is_alike = |&target: &usize| {
        let facts = |index: usize| {
            let entry: &crate::archive::SourceEntry = &entries[index];
            (entry.kind, entry.size, &entry.link_name)
        };
        facts(target) == facts(index)
    };
    let Some(target) = target.filter(is_alike) else {
        return Ok(false);
    };
    if entries[index].kind == Kind::Symlink {
        return Ok(true);
    }
    let digest = |index| {
        let blob = source.blob(index)?;
        let digest = Digest::of_reader(&mut blob.reader());
        digest.map_err(Error::in_place(&source.entries()[index].name))
    };
    Ok(digest(target)? == digest(index)?)
}

fn new_group(on_disk: &crate::archive::SourceEntry, model: Option<&[u8]>) -> Vec<u8> {
    let mut name = on_disk.name.clone().into_bytes();
    if on_disk.kind == Kind::Directory {
        name.push(b'/');
    }
    let entry = Entry {
        name,
        link_name: on_disk.link_name.clone(),
        kind: on_disk.kind,
        size: on_disk.size,
        mode: on_disk.mode,
        mtime: Mtime::of_seconds(on_disk.mtime),
        ..Entry::file()
    };
    match model {
        Some(model) => rename_group(model, &entry),
        None => header_group(&entry),
    }
}

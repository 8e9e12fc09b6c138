//! One layer, streamed once: what its uncompressed bytes hash to, and whether its tar can be unpacked.

use std::collections::HashSet;
use std::io::{self, Read, Write};

use super::stated::{Hasher, Sha512};
use crate::archive::Blob;
use crate::compression::{Compression, MAGIC_BYTES};
use crate::digest::{DiffId, Digest, Hashing};
use crate::printable;
use crate::tarball::{Input, Kind, TarError, TarReader};

const BUFFER_BYTES: usize = 256 * 1024;
/// Paths are remembered by their digests; a layer with more entries is no longer checked for repeated ones.
const MAX_ENTRIES: usize = 1_000_000;
/// How many offenders of a kind are named.
const MAX_NAMED: usize = 3;

/// What was seen in a layer.
#[derive(Debug)]
pub(super) struct LayerFacts {
    pub(super) compression: Compression,
    /// Of the uncompressed bytes, as far as they could be had.
    pub(super) diff_id: DiffId,
    /// The same by SHA-512, where that was asked for.
    pub(super) long_diff_id: Option<Sha512>,
    pub(super) n_bytes: u64,
    /// Why the stream could not be decompressed to its end.
    pub(super) damage: Option<String>,
    pub(super) tar: TarFacts,
}

/// What was seen in a layer's tar.
#[derive(Debug, Default)]
pub(super) struct TarFacts {
    /// Where and why it is no tar.
    pub(super) fault: Option<String>,
    /// Whether there were too many entries to check them all.
    pub(super) is_too_long: bool,
    pub(super) duplicates: Offenders,
    pub(super) sparse: Offenders,
    pub(super) whiteouts: Offenders,
    /// Whiteouts behind siblings of theirs.
    pub(super) late_whiteouts: Offenders,
    /// Directories that hide all that is below them.
    pub(super) opaque: Offenders,
    pub(super) dangling: Offenders,
}

/// The first few names that break a rule, and how many there are.
#[derive(Debug, Default)]
pub(super) struct Offenders {
    pub(super) names: Vec<String>,
    pub(super) n: usize,
}

impl Offenders {
    fn push(&mut self, name: &[u8]) {
        self.n += 1;
        if self.names.len() < MAX_NAMED {
            self.names.push(printable::decoded(name).into_owned());
        }
    }

    /// Returns the names as a message has them; nothing if there are none.
    pub(super) fn text(&self) -> Option<String> {
        if self.n == 0 {
            return None;
        }
        let names: Vec<String> = self.names.iter().map(|name| format!("`{name}`")).collect();
        let names = names.join(", ");
        Some(match self.n - self.names.len() {
            0 => names,
            n_more => format!("{names} and {n_more} more"),
        })
    }
}

/// Tells a blob's compression.
pub(super) fn compression(blob: &Blob) -> io::Result<Compression> {
    let mut first = [0; MAGIC_BYTES];
    let mut filled = 0;
    let mut reader = blob.reader();
    while filled < first.len() {
        match reader.read(&mut first[filled..])? {
            0 => break,
            n => filled += n,
        }
    }
    Ok(Compression::detect(&first[..filled]))
}

/// Streams a layer; its bytes go through SHA-512 as well if `is_long`.
pub(super) fn examine(blob: &Blob, is_long: bool) -> io::Result<LayerFacts> {
    let compression = compression(blob)?;
    let mut input = match compression.decoder(blob.reader()) {
        Ok(decoder) => HashingInput::new(decoder, is_long),
        Err(error) if compression == Compression::None => return Err(error),
        Err(error) => HashingInput::broken(error),
    };
    let mut tar = TarFacts::default();
    let mut reader = TarReader::new(&mut input);
    if let Err(error) = walk(&mut reader, &mut tar) {
        tar.fault = Some(error.to_string());
    }
    // The diff id covers every byte, also those behind the end of the tar.
    input.drain();
    let damage = input.error.take();
    if compression == Compression::None {
        if let Some(error) = damage {
            return Err(error);
        }
    } else if damage.is_some() {
        // The tar is cut short because the stream is; saying so twice helps nobody.
        tar.fault = None;
    }
    let (diff_id, n_bytes, long) = input.hashing.finish_layer();
    Ok(LayerFacts {
        compression,
        diff_id,
        long_diff_id: long.0.map(Hasher::finish),
        n_bytes,
        damage: damage.map(|error| error.to_string()),
        tar,
    })
}

fn walk<R: Input>(reader: &mut TarReader<R>, facts: &mut TarFacts) -> Result<(), TarError> {
    let mut seen: HashSet<Digest> = HashSet::new();
    let mut siblings = Siblings::default();
    while let Some(entry) = reader.next()? {
        if entry.kind == Kind::Global {
            continue;
        }
        if entry.kind == Kind::GnuSparse || entry.is_sparse {
            facts.sparse.push(&entry.name);
        }
        let name = clean(&entry.name);
        let last = name.rsplit(|&b| b == b'/').next().unwrap_or_default();
        if matches!(last, b".wh." | b".wh.." | b".wh...") {
            facts.whiteouts.push(&entry.name);
        }
        if last == b".wh..wh..opq" {
            facts.opaque.push(&entry.name);
        }
        if seen.len() >= MAX_ENTRIES {
            facts.is_too_long = true;
            continue;
        }
        let directory = &name[..name.len() - last.len()];
        if last.starts_with(b".wh.") {
            if siblings.has(directory) {
                facts.late_whiteouts.push(&entry.name);
            }
        } else {
            siblings.insert(directory);
        }
        if entry.kind == Kind::HardLink {
            // Loaders look targets up from the layer's root, so a leading `/` changes nothing.
            let target = clean(&entry.link_name);
            let target = target.strip_prefix(b"/").unwrap_or(&target);
            if !seen.contains(&Digest::of(target))
                && !seen.contains(&Digest::of(&[b"/", target].concat()))
            {
                facts.dangling.push(&entry.name);
            }
        }
        if !seen.insert(Digest::of(&name)) {
            facts.duplicates.push(&entry.name);
        }
    }
    Ok(())
}

/// The directories of which the layer has named something so far.
#[derive(Default)]
struct Siblings {
    directories: HashSet<Digest>,
    /// Of the last entry: most have the directory of the one before.
    last: Option<Vec<u8>>,
}

impl Siblings {
    fn insert(&mut self, directory: &[u8]) {
        if self.last.as_deref() != Some(directory) {
            self.directories.insert(Digest::of(directory));
            self.last = Some(directory.to_vec());
        }
    }

    fn has(&self, directory: &[u8]) -> bool {
        self.directories.contains(&Digest::of(directory))
    }
}

/// Go's `filepath.Clean`, by which tar-split tells names apart.
pub(super) fn clean(name: &[u8]) -> Vec<u8> {
    let is_rooted = name.first() == Some(&b'/');
    let mut parts: Vec<&[u8]> = Vec::new();
    for part in name.split(|&b| b == b'/') {
        match part {
            b"" | b"." => {}
            b".." if parts.last().is_some_and(|&last| last != b"..") => {
                parts.pop();
            }
            b".." if is_rooted => {}
            part => parts.push(part),
        }
    }
    let cleaned = parts.join(&b'/');
    match (is_rooted, cleaned.is_empty()) {
        (true, _) => [b"/", cleaned.as_slice()].concat(),
        (false, true) => b".".to_vec(),
        (false, false) => cleaned,
    }
}

/// SHA-512, where somebody wants it.
struct MaybeLong(Option<Hasher>);

impl Write for MaybeLong {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0
            .as_mut()
            .map_or(Ok(bytes.len()), |hasher| hasher.write(bytes))
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Hashes all that is read through it; passing over is reading, and a failed read ends the stream.
struct HashingInput<'a> {
    reader: Box<dyn Read + 'a>,
    hashing: Hashing<MaybeLong>,
    buffer: Vec<u8>,
    position: usize,
    filled: usize,
    error: Option<io::Error>,
}

impl<'a> HashingInput<'a> {
    fn new(reader: Box<dyn Read + 'a>, is_long: bool) -> Self {
        Self {
            reader,
            hashing: Hashing::new(MaybeLong(is_long.then(Hasher::default))),
            buffer: vec![0; BUFFER_BYTES],
            position: 0,
            filled: 0,
            error: None,
        }
    }

    fn broken(error: io::Error) -> Self {
        let mut input = Self::new(Box::new(io::empty()), false);
        input.error = Some(error);
        input
    }

    /// Makes sure that bytes are buffered; false at the end.
    fn fill(&mut self) -> bool {
        while self.position == self.filled && self.error.is_none() {
            match self.reader.read(&mut self.buffer) {
                Ok(0) => return false,
                Ok(n) => {
                    (self.position, self.filled) = (0, n);
                    self.hashing
                        .write_all(&self.buffer[..n])
                        .expect("a hasher takes everything");
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => self.error = Some(error),
            }
        }
        self.position < self.filled
    }

    fn drain(&mut self) {
        self.position = self.filled;
        while self.fill() {
            self.position = self.filled;
        }
    }
}

impl Read for &mut HashingInput<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if !self.fill() {
            return Ok(0);
        }
        let n = buffer.len().min(self.filled - self.position);
        buffer[..n].copy_from_slice(&self.buffer[self.position..self.position + n]);
        self.position += n;
        Ok(n)
    }
}

impl Input for &mut HashingInput<'_> {
    fn skip(&mut self, mut n: u64) -> io::Result<()> {
        while n > 0 {
            if !self.fill() {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            let step = (self.filled - self.position).min(usize::try_from(n).unwrap_or(usize::MAX));
            self.position += step;
            n -= step as u64;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::clean;

    #[test]
    fn names_are_the_same_where_go_says_so() {
        for (name, cleaned) in [
            ("a", "a"),
            ("./a/", "a"),
            ("/a//b/../c", "/a/c"),
            ("./", "."),
            ("../x", "../x"),
            ("/../x", "/x"),
            ("a/..", "."),
        ] {
            assert_eq!(clean(name.as_bytes()), cleaned.as_bytes(), "{name}");
        }
    }
}

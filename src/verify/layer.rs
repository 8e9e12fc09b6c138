//! One layer, streamed once: what its uncompressed bytes hash to, and whether its tar can be unpacked.

use std::io::{self, Read, Write};

use super::named::{Hidden, Keys, Named, WHITEOUT};
use super::stated::{Hasher, Sha512};
use crate::archive::Blob;
use crate::compression::Compression;
use crate::digest::{DiffId, Hashing};
use crate::printable;
use crate::tarball::{Entry, Input, Kind, TarError, TarReader, TypeFlag, read_some};

const BUFFER_BYTES: usize = 256 * 1024;
/// Paths are remembered by their digests; a layer with more entries is no longer checked for repeated ones.
const MAX_ENTRIES: usize = 1_000_000;
/// How many offenders of a kind are named.
const MAX_NAMED: usize = 3;

const OPAQUE: &[u8] = b".wh..wh..opq";

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
    /// Sparse files in GNU's old form.
    pub(super) sparse: Offenders,
    /// Other entries of types that no engine unpacks.
    pub(super) unsupported: Offenders,
    /// Sparse files in PAX form, which some engines cannot save again.
    pub(super) unsaved: Offenders,
    /// Character devices 0:0.
    pub(super) zero_devices: Offenders,
    pub(super) whiteouts: Offenders,
    /// Whiteouts of what the layer itself has put there.
    pub(super) own_whiteouts: Offenders,
    /// Directories behind a whiteout of their name.
    pub(super) hidden_directories: Offenders,
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

/// Streams a layer; its bytes go through SHA-512 as well if `is_long`.
pub(super) fn examine(blob: &Blob, is_long: bool) -> io::Result<LayerFacts> {
    let compression = Compression::of(blob.reader())?;
    let mut input = HashingInput::new(compression.decoder(blob.reader())?, is_long);
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
    let mut named = Named::default();
    while let Some(entry) = reader.next()? {
        if entry.kind == Kind::Global {
            continue;
        }
        match entry.kind {
            Kind::Unsupported(TypeFlag(b'S')) => facts.sparse.push(&entry.name),
            Kind::Unsupported(_) => facts.unsupported.push(&entry.name),
            Kind::CharDevice if entry.is_zero_device() => facts.zero_devices.push(&entry.name),
            _ if entry.sparse.is_some() => facts.unsaved.push(&entry.name),
            _ => {}
        }
        let name = clean(&entry.name);
        let last = name.rsplit(|&b| b == b'/').next().unwrap_or_default();
        if matches!(last, b".wh." | b".wh.." | b".wh...") {
            facts.whiteouts.push(&entry.name);
        }
        if last == OPAQUE {
            facts.opaque.push(&entry.name);
        }
        if named.n_names() >= MAX_ENTRIES {
            facts.is_too_long = true;
            continue;
        }
        check_names(&mut named, &entry, &name, facts);
    }
    Ok(())
}

/// Checks an entry against those before it.
fn check_names(named: &mut Named, entry: &Entry, name: &[u8], facts: &mut TarFacts) {
    let path = Keys::of(name);
    let directory = &name[..name.len() - path.last.len()];
    match path.last.strip_prefix(WHITEOUT) {
        Some(hidden) => {
            if named.is_sibling(&path) {
                facts.late_whiteouts.push(&entry.name);
            }
            if !matches!(path.last, OPAQUE) && named.hide(&Keys::of(&[directory, hidden].concat()))
            {
                facts.own_whiteouts.push(&entry.name);
            }
        }
        None => match named.hidden_at(&path) {
            Some(Hidden::Itself) if entry.kind == Kind::Directory => {
                facts.hidden_directories.push(&entry.name);
            }
            Some(Hidden::Above) => facts.own_whiteouts.push(&entry.name),
            Some(Hidden::Itself) | None => {}
        },
    }
    if entry.kind == Kind::HardLink {
        // Loaders look targets up from the layer's root, so a leading `/` changes nothing.
        let target = clean(&entry.link_name);
        let target = target.strip_prefix(b"/").unwrap_or(&target);
        let spellings = [target, &[b"/", target].concat()];
        if !spellings.iter().any(|target| named.has(&Keys::of(target))) {
            facts.dangling.push(&entry.name);
        }
    }
    if !named.insert(&path) {
        facts.duplicates.push(&entry.name);
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

    /// Makes sure that bytes are buffered; false at the end.
    fn fill(&mut self) -> bool {
        while self.position == self.filled && self.error.is_none() {
            match read_some(&mut self.reader, &mut self.buffer) {
                Ok(0) => return false,
                Ok(n) => {
                    (self.position, self.filled) = (0, n);
                    self.hashing
                        .write_all(&self.buffer[..n])
                        .expect("a hasher takes everything");
                }
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
    use std::io::{self, Read};

    use super::{HashingInput, clean};
    use crate::digest::Digest;
    use crate::tarball::Input;

    /// Gives two bytes at a time, each after an interruption; at the end it may fail.
    struct Halting {
        rest: &'static [u8],
        is_interrupted: bool,
        end: io::Result<usize>,
    }

    impl Read for Halting {
        fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
            self.is_interrupted ^= true;
            if self.is_interrupted {
                return Err(io::ErrorKind::Interrupted.into());
            }
            match self.rest.read(&mut buffer[..2]) {
                Ok(0) => std::mem::replace(&mut self.end, Ok(0)),
                given => given,
            }
        }
    }

    fn halting(end: io::Result<usize>) -> HashingInput<'static> {
        let reader = Halting {
            rest: b"abcdefg",
            is_interrupted: false,
            end,
        };
        HashingInput::new(Box::new(reader), true)
    }

    #[test]
    fn every_byte_is_hashed_whether_it_is_read_or_skipped() {
        for n_skipped in 0..7 {
            for end in [Ok(0), Err(io::ErrorKind::InvalidData.into())] {
                let is_damaged = end.is_err();
                let mut input = halting(end);
                (&mut input).skip(n_skipped).expect("there are as many");
                let mut next = [0];
                (&mut input).read_exact(&mut next).expect("there is one");
                assert_eq!(u64::from(next[0]), u64::from(b'a') + n_skipped);
                input.drain();
                assert_eq!((&mut input).read(&mut next).ok(), Some(0));
                let found = input.error.take().map(|error| error.kind());
                let damage = is_damaged.then_some(io::ErrorKind::InvalidData);
                assert_eq!(found, damage);
                let (diff_id, n_bytes, long) = input.hashing.finish_layer();
                assert_eq!(diff_id.hex(), Digest::of(b"abcdefg").hex());
                assert_eq!(n_bytes, 7);
                let long = long.0.expect("it was asked for").finish().to_string();
                assert!(long.starts_with("sha512:d716a4188569b68a"), "{long}");
            }
        }
    }

    #[test]
    fn skipping_more_than_there_is_is_an_early_end() {
        for (n, is_there) in [(7, true), (8, false)] {
            let mut input = halting(Ok(0));
            let error = (&mut input).skip(n).err().map(|error| error.kind());
            let wanted = (!is_there).then_some(io::ErrorKind::UnexpectedEof);
            assert_eq!(error, wanted, "{n}");
        }
    }

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

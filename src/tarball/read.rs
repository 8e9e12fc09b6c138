//! Walking a tar stream entry by entry, without touching data that nobody asks for.

use std::collections::HashSet;
use std::fmt;
use std::fs::File;
use std::io::{self, Read};
use std::os::unix::fs::FileExt;

use super::{BLOCK_BYTES, Entry, Kind, Mtime};

const BLOCK: usize = 512;
/// No honest extension header comes near this; Go's own limit is the same. In bytes.
const MAX_EXTENSION_BYTES: u64 = 1 << 20;

/// Bytes that can be read in order and passed over.
pub trait Input: Read {
    /// Passes over `n` bytes; an input that ends before is `UnexpectedEof`.
    fn skip(&mut self, n: u64) -> io::Result<()>;
}

/// Any reader as an [`Input`]; passing over means reading.
#[derive(Debug)]
pub struct Stream<R>(pub R);

impl<R: Read> Read for Stream<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.0.read(buffer)
    }
}

impl<R: Read> Input for Stream<R> {
    fn skip(&mut self, n: u64) -> io::Result<()> {
        let skipped = io::copy(&mut self.0.by_ref().take(n), &mut io::sink())?;
        if skipped < n {
            Err(io::ErrorKind::UnexpectedEof.into())
        } else {
            Ok(())
        }
    }
}

/// A range of a file, read by position; passing over costs nothing.
#[derive(Debug)]
pub struct Range<'a> {
    file: &'a File,
    position: u64,
    end: u64,
}

impl<'a> Range<'a> {
    /// Takes the bytes `start..end` of `file`.
    #[must_use]
    pub fn new(file: &'a File, start: u64, end: u64) -> Self {
        Self {
            file,
            position: start,
            end,
        }
    }
}

impl Read for Range<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let left = self.end.saturating_sub(self.position);
        let n = buffer
            .len()
            .min(usize::try_from(left).unwrap_or(usize::MAX));
        let n = self.file.read_at(&mut buffer[..n], self.position)?;
        self.position += n as u64;
        Ok(n)
    }
}

impl Input for Range<'_> {
    fn skip(&mut self, n: u64) -> io::Result<()> {
        let position = self.position.checked_add(n).filter(|&p| p <= self.end);
        self.position = position.ok_or(io::ErrorKind::UnexpectedEof)?;
        Ok(())
    }
}

/// What is wrong with a tar stream, and at which byte of it.
#[derive(Debug)]
#[non_exhaustive]
pub enum TarError {
    /// The stream could not be read.
    Io(io::Error),
    /// The bytes at `offset` are not tar.
    Invalid {
        /// Bytes from the start of the stream.
        offset: u64,
        /// What is there.
        reason: &'static str,
    },
}

impl fmt::Display for TarError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Io(error) => error.fmt(f),
            Self::Invalid { offset, reason } => write!(f, "byte {offset}: {reason}"),
        }
    }
}

impl std::error::Error for TarError {}

impl From<io::Error> for TarError {
    fn from(error: io::Error) -> Self {
        Self::Io(error)
    }
}

/// Reads entries one after another; data between them is read by the caller or passed over.
#[derive(Debug)]
pub struct TarReader<R> {
    input: R,
    /// Bytes consumed so far.
    offset: u64,
    /// Data and padding of the current entry that nobody has read yet.
    unread_data: u64,
    unread_padding: u64,
    /// The end was seen; what comes behind it is not for us.
    has_ended: bool,
    group: Vec<u8>,
    group_offset: u64,
}

/// What the extension headers before an entry said.
#[derive(Default)]
struct Extensions {
    long_name: Option<Vec<u8>>,
    long_link: Option<Vec<u8>>,
    records: Vec<(Vec<u8>, Vec<u8>)>,
    has_pax: bool,
}

impl<R: Input> TarReader<R> {
    /// Starts at the beginning of `input`.
    pub fn new(input: R) -> Self {
        Self {
            input,
            offset: 0,
            unread_data: 0,
            unread_padding: 0,
            has_ended: false,
            group: Vec::new(),
            group_offset: 0,
        }
    }

    /// Returns the header group of the entry that [`next`](Self::next) gave last, verbatim.
    #[must_use]
    pub fn group(&self) -> &[u8] {
        &self.group
    }

    /// Returns where that group begins, in bytes from the start of the stream.
    #[must_use]
    pub fn group_offset(&self) -> u64 {
        self.group_offset
    }

    /// Returns where reading stands: behind the last header group, or behind what was read of the data.
    #[must_use]
    pub fn offset(&self) -> u64 {
        self.offset
    }

    /// Gives the input back, standing where reading ended.
    pub fn into_input(self) -> R {
        self.input
    }

    /// Returns the next entry, or nothing at the end of the archive (two zero blocks, or no more bytes).
    ///
    /// At the end, [`group_offset`](Self::group_offset) is where the entries end, which is between two blocks if the
    /// stream lacks its last padding. Asking again gives nothing again.
    #[allow(clippy::should_implement_trait)] // A borrowing walk: `group` and `read` speak of the entry given last.
    pub fn next(&mut self) -> Result<Option<Entry>, TarError> {
        self.pass_over_data()?;
        self.group.clear();
        self.group_offset = self.offset;
        if self.has_ended {
            return Ok(None);
        }
        let mut extensions = Extensions::default();
        loop {
            let Some(header) = self.header_block()? else {
                self.has_ended = true;
                return if self.group.is_empty() {
                    Ok(None)
                } else {
                    Err(self.invalid("an extension header with no entry behind it"))
                };
            };
            match header.as_bytes()[156] {
                b'x' => {
                    if extensions.has_pax {
                        return Err(self.invalid("two PAX headers for one entry"));
                    }
                    extensions.has_pax = true;
                    let body = self.extension_body(&header)?;
                    extensions.records =
                        pax_records(&body).ok_or_else(|| self.invalid("a malformed PAX record"))?;
                }
                b'L' => {
                    let name = self.long_name(&header)?;
                    if extensions.long_name.replace(name).is_some() {
                        return Err(self.invalid("two long names for one entry"));
                    }
                }
                b'K' => {
                    let name = self.long_name(&header)?;
                    if extensions.long_link.replace(name).is_some() {
                        return Err(self.invalid("two long link names for one entry"));
                    }
                }
                _ => {
                    let entry = self.entry(&header, extensions)?;
                    if entry.kind == Kind::GnuSparse {
                        self.sparse_blocks(header.as_bytes()[482] == 1)?;
                    }
                    self.unread_data = entry.size;
                    self.unread_padding = entry.padded_bytes() - entry.size;
                    return Ok(Some(entry));
                }
            }
        }
    }

    fn pass_over_data(&mut self) -> Result<(), TarError> {
        let at = self.offset;
        if self.unread_data > 0 {
            self.input
                .skip(self.unread_data)
                .map_err(|error| truncated(error, at, "the data of the last entry is cut short"))?;
            self.offset += self.unread_data;
            self.unread_data = 0;
        }
        if self.unread_padding > 0 {
            match self.input.skip(self.unread_padding) {
                Ok(()) => self.offset += self.unread_padding,
                // Some tars end with the data itself; Go takes that for the end.
                Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => self.has_ended = true,
                Err(error) => return Err(error.into()),
            }
            self.unread_padding = 0;
        }
        Ok(())
    }

    /// Reads one block into the group; nothing at the end of the archive.
    fn header_block(&mut self) -> Result<Option<tar::Header>, TarError> {
        let mut header = tar::Header::new_old();
        if !self.block(header.as_mut_bytes())? {
            return Ok(None);
        }
        if header.as_bytes().iter().all(|&b| b == 0) {
            let mut second = [0; BLOCK];
            return if !self.block(&mut second)? || second.iter().all(|&b| b == 0) {
                Ok(None)
            } else {
                Err(self.invalid("a single zero block between entries"))
            };
        }
        if !has_right_checksum(header.as_bytes()) {
            return Err(self.invalid("a header whose checksum is wrong, or no tar at all"));
        }
        self.group.extend_from_slice(header.as_bytes());
        Ok(Some(header))
    }

    /// Fills `block`; false where the stream ends before it.
    fn block(&mut self, block: &mut [u8; BLOCK]) -> Result<bool, TarError> {
        let mut filled = 0;
        while filled < BLOCK {
            match self.input.read(&mut block[filled..]) {
                Ok(0) if filled == 0 => return Ok(false),
                Ok(0) => return Err(self.invalid("a header that is cut short")),
                Ok(n) => filled += n,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error.into()),
            }
        }
        self.offset += BLOCK_BYTES;
        Ok(true)
    }

    fn extension_body(&mut self, header: &tar::Header) -> Result<Vec<u8>, TarError> {
        let size = number(&header.as_old().size)
            .and_then(|size| u64::try_from(size).ok())
            .ok_or_else(|| self.invalid("an extension header without a size"))?;
        if size > MAX_EXTENSION_BYTES {
            return Err(self.invalid("an extension header of over 1 MiB"));
        }
        let size = usize::try_from(size).expect("below 1 MiB");
        let start = self.group.len();
        self.group.resize(start + size.next_multiple_of(BLOCK), 0);
        let at = self.offset;
        self.input
            .read_exact(&mut self.group[start..])
            .map_err(|error| truncated(error, at, "an extension header that is cut short"))?;
        self.offset += (self.group.len() - start) as u64;
        Ok(self.group[start..start + size].to_vec())
    }

    fn long_name(&mut self, header: &tar::Header) -> Result<Vec<u8>, TarError> {
        let mut name = self.extension_body(header)?;
        name.truncate(until_nul(&name).len());
        Ok(name)
    }

    /// The blocks of a GNU sparse map that did not fit the main header belong to the group.
    fn sparse_blocks(&mut self, mut more: bool) -> Result<(), TarError> {
        while more {
            let mut block = [0; BLOCK];
            if !self.block(&mut block)? {
                return Err(self.invalid("a sparse map that is cut short"));
            }
            if self.group.len() as u64 > MAX_EXTENSION_BYTES {
                return Err(self.invalid("a sparse map of over 1 MiB"));
            }
            self.group.extend_from_slice(&block);
            more = block[504] == 1;
        }
        Ok(())
    }

    fn entry(&self, header: &tar::Header, extensions: Extensions) -> Result<Entry, TarError> {
        let invalid = |reason| self.invalid(reason);
        let raw = header.as_old();
        let field = |bytes: &[u8]| {
            number(bytes).ok_or_else(|| invalid("a number field that holds no number"))
        };
        let unsigned = |bytes: &[u8]| {
            field(bytes).and_then(|n| {
                u64::try_from(n).map_err(|_| invalid("a negative number where none can be"))
            })
        };
        let mut entry = Entry {
            name: header_name(header),
            link_name: until_nul(&raw.linkname).to_vec(),
            kind: Kind::File,
            size: unsigned(&raw.size)?,
            mode: u32::try_from(field(&raw.mode)?)
                .map_err(|_| invalid("a mode that is no mode"))?,
            uid: unsigned(&raw.uid)?,
            gid: unsigned(&raw.gid)?,
            mtime: Mtime {
                seconds: field(&raw.mtime)?,
                nanoseconds: 0,
            },
            device: (0, 0),
            xattrs: Vec::new(),
            is_sparse: false,
        };
        if let Some(ustar) = header.as_ustar() {
            let device = |bytes: &[u8]| {
                number(bytes)
                    .and_then(|n| u32::try_from(n).ok())
                    .unwrap_or(0)
            };
            entry.device = (device(&ustar.dev_major), device(&ustar.dev_minor));
        }
        let has = |wanted: &[u8]| {
            let mut records = extensions.records.iter();
            records.any(|(key, value)| key == wanted && !value.is_empty())
        };
        let has_pax_path = has(b"path");
        let has_pax_link = has(b"linkpath");
        if has_pax_path && extensions.long_name.is_some()
            || has_pax_link && extensions.long_link.is_some()
        {
            return Err(invalid("a GNU and a PAX long name for one entry"));
        }
        for (key, value) in extensions.records {
            apply_record(&mut entry, &key, value).map_err(invalid)?;
        }
        if let Some(name) = extensions.long_name {
            entry.name = name;
        }
        if let Some(link) = extensions.long_link {
            entry.link_name = link;
        }
        entry.kind = match header.as_bytes()[156] {
            b'1' => Kind::HardLink,
            b'2' => Kind::Symlink,
            b'3' => Kind::CharDevice,
            b'4' => Kind::BlockDevice,
            b'5' => Kind::Directory,
            b'6' => Kind::Fifo,
            b'S' => Kind::GnuSparse,
            b'g' => Kind::Global,
            0 if entry.name.ends_with(b"/") => Kind::Directory,
            _ => Kind::File,
        };
        if !entry.kind.has_data() {
            entry.size = 0;
        }
        if !matches!(entry.kind, Kind::HardLink | Kind::Symlink) {
            entry.link_name.clear();
        }
        if entry.size > u64::MAX / 4 {
            return Err(invalid("an entry larger than any file"));
        }
        Ok(entry)
    }

    fn invalid(&self, reason: &'static str) -> TarError {
        TarError::Invalid {
            offset: self.group_offset,
            reason,
        }
    }
}

/// Reads the data of the current entry.
impl<R: Input> Read for TarReader<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let n = buffer
            .len()
            .min(usize::try_from(self.unread_data).unwrap_or(usize::MAX));
        if n == 0 {
            return Ok(0);
        }
        let n = self.input.read(&mut buffer[..n])?;
        if n == 0 {
            return Err(io::Error::new(
                io::ErrorKind::UnexpectedEof,
                "the data of an entry is cut short",
            ));
        }
        self.unread_data -= n as u64;
        self.offset += n as u64;
        Ok(n)
    }
}

fn truncated(error: io::Error, offset: u64, reason: &'static str) -> TarError {
    if error.kind() == io::ErrorKind::UnexpectedEof {
        TarError::Invalid { offset, reason }
    } else {
        error.into()
    }
}

fn until_nul(bytes: &[u8]) -> &[u8] {
    bytes.split(|&b| b == 0).next().unwrap_or_default()
}

/// The name of a header by its own format: only POSIX headers have a prefix (Go, `headerV7.getFormat`).
fn header_name(header: &tar::Header) -> Vec<u8> {
    let bytes = header.as_bytes();
    let name = until_nul(&bytes[..100]);
    let prefix = match (&bytes[257..263], &bytes[263..265]) {
        (b"ustar\0", _) if bytes[508..] == *b"tar\0" => until_nul(&bytes[345..476]),
        (b"ustar\0", _) => until_nul(&bytes[345..500]),
        // Go before 1.8 wrote a prefix under GNU's magic; then GNU's times in its place are no numbers.
        (b"ustar ", b" \0") if !has_gnu_times(bytes) => Some(until_nul(&bytes[345..500]))
            .filter(|prefix| prefix.is_ascii())
            .unwrap_or_default(),
        _ => b"",
    };
    if prefix.is_empty() {
        name.to_vec()
    } else {
        [prefix, b"/", name].concat()
    }
}

fn has_gnu_times(bytes: &[u8; BLOCK]) -> bool {
    [&bytes[345..357], &bytes[357..369]]
        .iter()
        .all(|field| field[0] == 0 || number(field).is_some())
}

/// Parses octal (blanks and NULs around it, cut at a NUL within) or base-256; an empty field is 0, as in Go.
fn number(field: &[u8]) -> Option<i64> {
    if field[0] & 0x80 != 0 {
        let negative = field[0] & 0x40 != 0;
        let mut value: i64 = if negative { -1 } else { 0 };
        for (i, &byte) in field.iter().enumerate() {
            let byte = match (i, negative) {
                (0, true) => byte | 0x80,
                (0, false) => byte & 0x7f,
                _ => byte,
            };
            value.checked_mul(256)?;
            value = value << 8 | i64::from(byte);
        }
        return Some(value);
    }
    let is_blank = |&b: &u8| b == b' ' || b == 0;
    let start = field.iter().position(|b| !is_blank(b)).unwrap_or(0);
    let end = field
        .iter()
        .rposition(|b| !is_blank(b))
        .map_or(0, |i| i + 1);
    let digits = until_nul(field.get(start..end).unwrap_or_default());
    digits.iter().try_fold(0_i64, |value, &digit| match digit {
        b'0'..=b'7' => value.checked_mul(8)?.checked_add(i64::from(digit - b'0')),
        _ => None,
    })
}

/// The sum of all bytes with the checksum field as blanks; old tars summed signed bytes.
fn has_right_checksum(block: &[u8; BLOCK]) -> bool {
    let Some(stored) = number(&block[148..156]) else {
        return false;
    };
    let bytes = || block[..148].iter().chain(&[b' '; 8]).chain(&block[156..]);
    let unsigned: i64 = bytes().map(|&b| i64::from(b)).sum();
    let signed: i64 = bytes().map(|&b| i64::from(b.cast_signed())).sum();
    stored == unsigned || stored == signed
}

/// Splits `<length> <key>=<value>\n` records by their lengths; values may hold anything.
fn pax_records(mut body: &[u8]) -> Option<Vec<(Vec<u8>, Vec<u8>)>> {
    let mut records = Vec::new();
    while !body.is_empty() {
        let blank = body.iter().take(20).position(|&b| b == b' ')?;
        let digits = &body[..blank];
        if digits.is_empty() || !digits.iter().all(u8::is_ascii_digit) {
            return None;
        }
        let length: usize = std::str::from_utf8(digits).ok()?.parse().ok()?;
        if length <= blank + 1 || length > body.len() {
            return None;
        }
        let record = body[blank + 1..length].strip_suffix(b"\n")?;
        let equals = record.iter().position(|&b| b == b'=')?;
        let (key, value) = (&record[..equals], &record[equals + 1..]);
        if key.is_empty() || key.contains(&0) {
            return None;
        }
        records.push((key.to_vec(), value.to_vec()));
        body = &body[length..];
    }
    // The last of several records with one key counts, even if it is empty and so says nothing (Go, `parsePAX`).
    let mut seen = HashSet::new();
    records.reverse();
    records.retain(|(key, _)| seen.insert(key.clone()));
    records.reverse();
    Some(records)
}

/// An empty value means "no record" (Go, `mergePAX`).
fn apply_record(entry: &mut Entry, key: &[u8], value: Vec<u8>) -> Result<(), &'static str> {
    if key.starts_with(b"GNU.sparse.") {
        entry.is_sparse = true;
    }
    if value.is_empty() {
        return Ok(());
    }
    let decimal = |value: &[u8]| {
        std::str::from_utf8(value)
            .ok()
            .and_then(|text| text.parse::<u64>().ok())
    };
    match key {
        b"path" | b"linkpath" | b"GNU.sparse.name" => {
            if value.contains(&0) {
                return Err("a PAX path with a NUL byte");
            }
            match key {
                b"linkpath" => entry.link_name = value,
                _ => entry.name = value,
            }
        }
        b"size" => entry.size = decimal(&value).ok_or("a PAX size that is no number")?,
        b"uid" => entry.uid = decimal(&value).ok_or("a PAX uid that is no number")?,
        b"gid" => entry.gid = decimal(&value).ok_or("a PAX gid that is no number")?,
        b"mtime" => entry.mtime = pax_time(&value).ok_or("a PAX mtime that is no time")?,
        _ => {
            if let Some(name) = key.strip_prefix(b"SCHILY.xattr.") {
                entry.xattrs.push((name.to_vec(), value));
            }
        }
    }
    Ok(())
}

/// `[-]seconds[.fraction]`; digits beyond nanoseconds are cut.
fn pax_time(value: &[u8]) -> Option<Mtime> {
    let text = std::str::from_utf8(value).ok()?;
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    let seconds: i64 = whole.parse().ok()?;
    if !fraction.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    let nanoseconds: u32 = format!("{fraction:0<9.9}").parse().ok()?;
    if whole.starts_with('-') && nanoseconds > 0 {
        return Some(Mtime {
            seconds: seconds.checked_sub(1)?,
            nanoseconds: 1_000_000_000 - nanoseconds,
        });
    }
    Some(Mtime {
        seconds,
        nanoseconds,
    })
}

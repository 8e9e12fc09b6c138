//! Walking a tar stream entry by entry, without touching data that nobody asks for.

use std::fmt;
use std::io::{self, Read};

use super::field::{
    PaxRecord, apply_record, device, has_right_checksum, header_name, number, owner, pax_records,
    until_nul,
};
use super::input::{Input, read_some};
use super::sparse::{Description, GNU_SPARSE};
use super::{BLOCK, BLOCK_BYTES, Entry, Kind, Mtime, TypeFlag};

/// No honest extension header comes near this; Go's own limit is the same. In bytes.
pub(super) const MAX_EXTENSION_BYTES: u64 = 1 << 20;

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

/// What is said of the start of a file that is not a tar, and of a damaged one.
const NO_CHECKSUM: &str = "a header with a wrong checksum, or not a tar";
const TRUNCATED_HEADER: &str = "a truncated header";
const TRUNCATED_EXTENSION: &str = "a truncated extension header";

impl TarError {
    /// Tells whether a file that is not a tar gives this error at its start: it has no checksum, or is too short.
    #[must_use]
    pub(crate) fn is_of_any_file(&self) -> bool {
        let reasons = [NO_CHECKSUM, TRUNCATED_HEADER, TRUNCATED_EXTENSION];
        matches!(self, Self::Invalid { reason, .. } if reasons.contains(reason))
    }
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
    pub(super) input: R,
    /// Bytes consumed so far.
    pub(super) offset: u64,
    /// Data and padding of the current entry that nobody has read yet.
    pub(super) unread_data: u64,
    pub(super) unread_padding: u64,
    /// The end was seen; what comes behind it is not for us.
    pub(super) has_ended: bool,
    pub(super) group: Vec<u8>,
    pub(super) group_offset: u64,
}

/// What the extension headers before an entry said.
#[derive(Default)]
struct Extensions {
    long_name: Option<Vec<u8>>,
    long_link: Option<Vec<u8>>,
    records: Vec<PaxRecord>,
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
                    Err(self.invalid("an extension header without an entry after it"))
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
                    let sparse = Description::take(&mut extensions.records);
                    let mut entry = self.entry(&header, extensions)?;
                    match entry.kind {
                        Kind::Unsupported(GNU_SPARSE) => {
                            self.sparse_blocks(header.as_bytes()[482] == 1)?;
                        }
                        Kind::Unsupported(_) => {}
                        _ => self.sparse_file(&mut entry, &sparse)?,
                    }
                    self.unread_data = entry.stored_bytes();
                    self.unread_padding = entry.padded_bytes() - self.unread_data;
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
                .map_err(|error| truncated(error, at, "the data of the last entry is truncated"))?;
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
            return Err(self.invalid(NO_CHECKSUM));
        }
        self.group.extend_from_slice(header.as_bytes());
        Ok(Some(header))
    }

    /// Fills `block`; false where the stream ends before it.
    pub(super) fn block(&mut self, block: &mut [u8; BLOCK]) -> Result<bool, TarError> {
        let mut filled = 0;
        while filled < BLOCK {
            match read_some(&mut self.input, &mut block[filled..])? {
                0 if filled == 0 => return Ok(false),
                0 => return Err(self.invalid(TRUNCATED_HEADER)),
                n => filled += n,
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
            .map_err(|error| truncated(error, at, TRUNCATED_EXTENSION))?;
        self.offset += (self.group.len() - start) as u64;
        Ok(self.group[start..start + size].to_vec())
    }

    fn long_name(&mut self, header: &tar::Header) -> Result<Vec<u8>, TarError> {
        let mut name = self.extension_body(header)?;
        name.truncate(until_nul(&name).len());
        Ok(name)
    }

    fn entry(&self, header: &tar::Header, extensions: Extensions) -> Result<Entry, TarError> {
        let invalid = |reason| self.invalid(reason);
        let raw = header.as_old();
        let field =
            |bytes: &[u8]| number(bytes).ok_or_else(|| invalid("a number field without a number"));
        let unsigned = |bytes: &[u8]| {
            field(bytes).and_then(|n| {
                u64::try_from(n).map_err(|_| invalid("a negative number where none is allowed"))
            })
        };
        let mut entry = Entry {
            name: header_name(header),
            link_name: until_nul(&raw.linkname).to_vec(),
            kind: Kind::File,
            size: unsigned(&raw.size)?,
            mode: u32::try_from(field(&raw.mode)?).map_err(|_| invalid("an invalid mode"))?,
            uid: owner(field(&raw.uid)?),
            gid: owner(field(&raw.gid)?),
            mtime: Mtime::of_seconds(field(&raw.mtime)?),
            device: device(header.as_bytes())
                .ok_or_else(|| invalid("a number field without a number"))?,
            xattrs: Vec::new(),
            sparse: None,
        };
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
            b'g' => Kind::Global,
            0 if entry.name.ends_with(b"/") => Kind::Directory,
            0 | b'0' => Kind::File,
            other => Kind::Unsupported(TypeFlag(other)),
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

    pub(super) fn invalid(&self, reason: &'static str) -> TarError {
        TarError::Invalid {
            offset: self.group_offset,
            reason,
        }
    }
}

/// Reads the data of the current entry as the stream has it: of a sparse file its pieces.
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
                "the data of an entry is truncated",
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

//! What PAX records, and the map in front of the data, say of a sparse file.

use crate::tarball::field::{PaxRecord, decimal};

const OFFSET: &[u8] = b"GNU.sparse.offset";
const PIECE_BYTES: &[u8] = b"GNU.sparse.numbytes";
const N_PIECES: &[u8] = b"GNU.sparse.numblocks";
const MAP: &[u8] = b"GNU.sparse.map";
/// The name of the file, where `path` is one that old readers are given.
pub(in crate::tarball) const NAME: &[u8] = b"GNU.sparse.name";

const NO_MAP: &str = "a malformed sparse map";

/// Where the map of a sparse file is.
pub(in crate::tarball) enum MapPlace {
    /// In the records.
    Records(Vec<u64>),
    /// In front of the data.
    Data,
}

/// Folds the numbers of format 0.0, of which each is a record of its own, into the one record of 0.1; nothing if they are
/// not pairs (Go, `parsePAX`).
pub(in crate::tarball) fn fold_pairs(records: &mut Vec<PaxRecord>) -> Option<()> {
    let is_of_pair = |(key, _): &mut PaxRecord| key == OFFSET || key == PIECE_BYTES;
    let pairs: Vec<PaxRecord> = records.extract_if(.., is_of_pair).collect();
    let is_in_turn = |(i, (key, value)): (usize, &PaxRecord)| {
        let wanted = if i % 2 == 0 { OFFSET } else { PIECE_BYTES };
        key == wanted && !value.contains(&b',')
    };
    if !pairs.iter().enumerate().all(is_in_turn) {
        return None;
    }
    let numbers: Vec<Vec<u8>> = pairs.into_iter().map(|(_, value)| value).collect();
    if !numbers.is_empty() {
        records.push((MAP.to_vec(), numbers.join(&b',')));
    }
    Some(())
}

/// Returns what to sort a record by: GNU tar reads no map before it knows how many pieces there are.
pub(in crate::tarball) fn order(key: &[u8]) -> &[u8] {
    match key {
        N_PIECES => &MAP[..MAP.len() - 1],
        key => key,
    }
}

/// The records that speak of a sparse file.
pub(in crate::tarball) struct Description(Vec<PaxRecord>);

impl Description {
    pub(in crate::tarball) fn take(records: &mut Vec<PaxRecord>) -> Self {
        let is_of_sparse = |(key, _): &mut PaxRecord| key.starts_with(b"GNU.sparse.");
        Self(records.extract_if(.., is_of_sparse).collect())
    }

    /// Returns where the map is, or nothing for a file that is not sparse. Go takes no file for one whose version it does
    /// not know (`Reader.readGNUSparsePAXHeaders`).
    pub(in crate::tarball) fn map_place(&self) -> Result<Option<MapPlace>, &'static str> {
        let version = |key| self.value(key).unwrap_or_default();
        match (version(b"GNU.sparse.major"), version(b"GNU.sparse.minor")) {
            (b"1", b"0") => Ok(Some(MapPlace::Data)),
            (b"0", b"0" | b"1") => Ok(Some(MapPlace::Records(self.numbers()?))),
            (b"", b"") if self.value(MAP).is_some() => Ok(Some(MapPlace::Records(self.numbers()?))),
            _ => Ok(None),
        }
    }

    fn numbers(&self) -> Result<Vec<u64>, &'static str> {
        let map = self.value(MAP).into_iter();
        let fields = map.flat_map(|map| map.split(|&b| b == b','));
        let numbers: Option<Vec<u64>> = fields.map(unsigned).collect();
        let n_pieces = self.value(N_PIECES).and_then(unsigned);
        let n_wanted = n_pieces.and_then(|n| n.checked_mul(2));
        let is_whole = |numbers: &Vec<u64>| n_wanted == Some(numbers.len() as u64);
        numbers.filter(is_whole).ok_or(NO_MAP)
    }

    /// Returns the size of the whole file, as far as the records state it.
    pub(in crate::tarball) fn real_size(&self) -> Result<Option<u64>, &'static str> {
        let size = self.value(b"GNU.sparse.size");
        let Some(size) = size.or_else(|| self.value(b"GNU.sparse.realsize")) else {
            return Ok(None);
        };
        let size = unsigned(size).ok_or("a sparse file whose size is not a number")?;
        Ok(Some(size))
    }

    /// Returns the name of the file, where it is not in `path`.
    pub(in crate::tarball) fn name(&self) -> Result<Option<Vec<u8>>, &'static str> {
        match self.value(NAME) {
            Some(name) if name.contains(&0) => Err("a PAX path with a NUL byte"),
            name => Ok(name.map(<[u8]>::to_vec)),
        }
    }

    /// An empty value means "no record".
    fn value(&self, key: &[u8]) -> Option<&[u8]> {
        let record = self.0.iter().find(|(found, _)| found == key);
        let value = record.map(|(_, value)| value.as_slice());
        value.filter(|value| !value.is_empty())
    }
}

fn unsigned(value: &[u8]) -> Option<u64> {
    decimal(value).and_then(|n| u64::try_from(n).ok())
}

/// Returns how many lines a map in front of the data has, by its first one: that says how many pieces there are, and each
/// has two more.
pub(in crate::tarball) fn n_lines(text: &[u8]) -> Result<usize, &'static str> {
    let first = text.split(|&b| b == b'\n').next().and_then(unsigned);
    let n_pieces = first.and_then(|n| usize::try_from(n).ok());
    let n_lines = n_pieces.and_then(|n| n.checked_mul(2)?.checked_add(1));
    n_lines.ok_or(NO_MAP)
}

/// Returns the numbers of a map in front of the data, without the first one.
pub(in crate::tarball) fn numbers_of_lines(
    text: &[u8],
    n_lines: usize,
) -> Result<Vec<u64>, &'static str> {
    let lines = text.split(|&b| b == b'\n').take(n_lines).skip(1);
    let numbers: Option<Vec<u64>> = lines.map(unsigned).collect();
    numbers.ok_or(NO_MAP)
}

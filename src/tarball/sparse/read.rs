//! Reading the maps of sparse files, which become part of the header group: data is what the stream has of the content.

use super::SparseMap;
use super::records::{Description, MapPlace, n_lines, numbers_of_lines};
use crate::tarball::read::MAX_EXTENSION_BYTES;
use crate::tarball::{BLOCK, BLOCK_BYTES, Entry, Input, Kind, TarError, TarReader};

const CUT_MAP: &str = "a truncated sparse map";

impl<R: Input> TarReader<R> {
    /// The blocks of a GNU sparse map that did not fit the main header belong to the group.
    pub(in crate::tarball) fn sparse_blocks(&mut self, mut more: bool) -> Result<(), TarError> {
        let start = self.group.len();
        while more {
            let mut block = [0; BLOCK];
            if !self.block(&mut block)? {
                return Err(self.invalid(CUT_MAP));
            }
            self.grow_map(start, &block)?;
            more = block[504] == 1;
        }
        Ok(())
    }

    /// Reads what PAX records say of a sparse file. A map in front of the data becomes part of the group.
    pub(in crate::tarball) fn sparse_file(
        &mut self,
        entry: &mut Entry,
        description: &Description,
    ) -> Result<(), TarError> {
        let invalid = |reason| TarError::Invalid {
            offset: self.group_offset,
            reason,
        };
        let Some(place) = description.map_place().map_err(invalid)? else {
            return Ok(());
        };
        if entry.kind != Kind::File {
            return Err(invalid("a sparse map of something other than a file"));
        }
        let size = description.real_size().map_err(invalid)?;
        if let Some(name) = description.name().map_err(invalid)? {
            entry.name = name;
        }
        let mut stored_bytes = entry.size;
        entry.size = size.unwrap_or(stored_bytes);
        let numbers = match place {
            MapPlace::Records(numbers) => numbers,
            MapPlace::Data => self.sparse_lines(&mut stored_bytes)?,
        };
        let map = SparseMap::new(&numbers, entry.size);
        let map =
            map.ok_or_else(|| self.invalid("a sparse map whose pieces do not fit the file"))?;
        if map.stored_bytes() != stored_bytes {
            return Err(self.invalid("a sparse file whose map does not match its data"));
        }
        entry.sparse = Some(map);
        Ok(())
    }

    /// Reads the map in front of the data, of which there are `stored_bytes` with it.
    fn sparse_lines(&mut self, stored_bytes: &mut u64) -> Result<Vec<u64>, TarError> {
        let start = self.group.len();
        let (mut n_read, mut n_wanted) = (0, 1);
        while n_read < n_wanted {
            let left = stored_bytes.checked_sub(BLOCK_BYTES);
            let mut block = [0; BLOCK];
            let (Some(left), true) = (left, self.block(&mut block)?) else {
                return Err(self.invalid(CUT_MAP));
            };
            self.grow_map(start, &block)?;
            *stored_bytes = left;
            n_read += block.split(|&b| b == b'\n').count() - 1;
            if n_wanted == 1 && n_read > 0 {
                let n = n_lines(&self.group[start..]);
                n_wanted = n.map_err(|reason| self.invalid(reason))?;
            }
        }
        let numbers = numbers_of_lines(&self.group[start..], n_wanted);
        numbers.map_err(|reason| self.invalid(reason))
    }

    /// Adds a block of a map that begins at `start` of the group.
    fn grow_map(&mut self, start: usize, block: &[u8; BLOCK]) -> Result<(), TarError> {
        self.group.extend_from_slice(block);
        if (self.group.len() - start) as u64 > MAX_EXTENSION_BYTES {
            return Err(self.invalid("a sparse map of over 1 MiB"));
        }
        Ok(())
    }
}

//! Copying what the reader does not look into: data with its padding, and what stands behind the last entry.

use super::{END_OF_ARCHIVE, Input, TarError, TarReader, read_some};

const COPY_BYTES: usize = 128 * 1024;

impl<R: Input> TarReader<R> {
    /// Gives `put` the data of the current entry that nobody has read yet, padding as it is.
    pub fn copy_data<E: From<TarError>>(
        &mut self,
        put: &mut dyn FnMut(&[u8]) -> Result<(), E>,
    ) -> Result<(), E> {
        let wanted = self.unread_data + self.unread_padding;
        let copied = self.copy(wanted, put)?;
        if copied < self.unread_data {
            return Err(self
                .invalid("the data of the last entry is truncated")
                .into());
        }
        (self.unread_data, self.unread_padding) = (0, 0);
        // Some tars end with the data itself; Go takes that for the end.
        self.has_ended |= copied < wanted;
        Ok(())
    }

    /// Gives `put` what is behind the last entry, once [`next`](Self::next) has found the end: it is part of the stream.
    pub fn copy_tail<E: From<TarError>>(
        &mut self,
        put: &mut dyn FnMut(&[u8]) -> Result<(), E>,
    ) -> Result<(), E> {
        let n_zeros = usize::try_from(self.offset - self.group_offset);
        put(&END_OF_ARCHIVE[..n_zeros.expect("at most two blocks end an archive")])?;
        self.copy(u64::MAX, put).map(drop)
    }

    fn copy<E: From<TarError>>(
        &mut self,
        limit: u64,
        put: &mut dyn FnMut(&[u8]) -> Result<(), E>,
    ) -> Result<u64, E> {
        let at_most = |n: u64| usize::try_from(n).unwrap_or(COPY_BYTES).min(COPY_BYTES);
        let mut buffer = vec![0; at_most(limit)];
        let mut copied = 0;
        while copied < limit {
            let n = at_most(limit - copied);
            let read = read_some(&mut self.input, &mut buffer[..n]);
            match read.map_err(TarError::from)? {
                0 => break,
                n => {
                    put(&buffer[..n])?;
                    copied += n as u64;
                }
            }
        }
        self.offset += copied;
        Ok(copied)
    }
}

//! Work on a stream by a second thread, while the first one reads on.

use std::io::{self, Write};
use std::sync::mpsc::{SyncSender, sync_channel};

/// What goes from one thread to the other at once. In bytes.
const BLOCK_BYTES: usize = 256 * 1024;
/// How many of those may wait.
const MAX_WAITING: usize = 4;

/// Gives `work` a writer whose bytes go to `output` on another thread; returns what came of both.
pub(super) fn relay<W: Write + Send, T>(
    mut output: W,
    work: impl FnOnce(&mut dyn Write) -> T,
) -> (T, io::Result<W>) {
    let (sender, blocks) = sync_channel::<Vec<u8>>(MAX_WAITING);
    std::thread::scope(|scope| {
        let writing = scope.spawn(move || {
            for block in blocks {
                output.write_all(&block)?;
            }
            Ok(output)
        });
        let mut relay = Relay {
            block: Vec::with_capacity(BLOCK_BYTES),
            sender,
        };
        let done = work(&mut relay);
        // Where this fails the other thread has ended, and says why.
        let _ = relay.send();
        drop(relay);
        let output = writing.join().expect("a writer does not panic");
        (done, output)
    })
}

struct Relay {
    block: Vec<u8>,
    sender: SyncSender<Vec<u8>>,
}

impl Relay {
    fn send(&mut self) -> io::Result<()> {
        let block = std::mem::replace(&mut self.block, Vec::with_capacity(BLOCK_BYTES));
        let sent = self.sender.send(block);
        sent.map_err(|_| io::ErrorKind::BrokenPipe.into())
    }
}

impl Write for Relay {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.block.len() == BLOCK_BYTES {
            self.send()?;
        }
        let n = bytes.len().min(BLOCK_BYTES - self.block.len());
        self.block.extend_from_slice(&bytes[..n]);
        Ok(n)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::io;

    use super::{BLOCK_BYTES, relay};

    #[test]
    fn everything_arrives_in_order() {
        let bytes: Vec<u8> = (0..=255).cycle().take(3 * BLOCK_BYTES + 7).collect();
        let write = |out: &mut dyn io::Write| {
            bytes
                .chunks(1000)
                .try_for_each(|piece| out.write_all(piece))
        };
        let (written, output) = relay(Vec::new(), write);
        written.unwrap();
        assert!(output.unwrap() == bytes);
    }

    #[test]
    fn a_writer_that_fails_ends_the_work() {
        let mut room = vec![0; BLOCK_BYTES / 2];
        let (written, output) = relay(&mut room[..], |out| {
            loop {
                if let Err(error) = out.write_all(&[0; 4096]) {
                    return error.kind();
                }
            }
        });
        assert_eq!(written, io::ErrorKind::BrokenPipe);
        assert_eq!(output.unwrap_err().kind(), io::ErrorKind::WriteZero);
    }
}

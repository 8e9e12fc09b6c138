//! The compressions that archives and layers come in, told by their first bytes.

mod gzip;

use std::io::{self, Read, Write};
use std::path::Path;

use gzip::GzipWriter;

/// How a byte stream is compressed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Compression {
    /// Not at all.
    None,
    /// RFC 1952; one or more members.
    Gzip,
    /// RFC 8878.
    Zstd,
    /// bzip2.
    Bzip2,
    /// The `.xz` format.
    Xz,
}

/// How many of a stream's first bytes [`Compression::detect`] wants to see.
const MAGIC_BYTES: u64 = 8;

/// A zstd frame may ask for up to 2 GiB of window; more than this is refused. In powers of two of bytes.
const MAX_ZSTD_WINDOW_LOG: u32 = 27;
/// What an xz stream may ask its decoder to hold; `xz -9` asks for 65 MiB. In bytes.
const MAX_XZ_MEMORY_BYTES: u64 = 128 << 20;

impl Compression {
    /// Tells the compression from the first bytes of a stream; the first 8 decide.
    ///
    /// A zstd stream may begin with skippable frames (RFC 8878, section 3.1.2), as `pzstd` always writes it; of those one
    /// magic number and a length tell it. Docker 26 and containerd read such streams, podman 4 takes them for damaged tars.
    #[must_use]
    pub fn detect(first: &[u8]) -> Self {
        match first {
            [0x1f, 0x8b, ..] => Self::Gzip,
            [0x28, 0xb5, 0x2f, 0xfd, ..] | [0x50..=0x5f, 0x2a, 0x4d, 0x18, _, _, _, _, ..] => {
                Self::Zstd
            }
            [b'B', b'Z', b'h', ..] => Self::Bzip2,
            [0xfd, b'7', b'z', b'X', b'Z', 0, ..] => Self::Xz,
            _ => Self::None,
        }
    }

    /// Tells the compression of a stream, whose first bytes are read for that.
    pub fn of(stream: impl Read) -> io::Result<Self> {
        let mut first = Vec::new();
        stream.take(MAGIC_BYTES).read_to_end(&mut first)?;
        Ok(Self::detect(&first))
    }

    /// Returns a reader of the uncompressed bytes of a stream, whose compression its first bytes tell.
    pub fn decode<'a>(mut stream: impl Read + 'a) -> io::Result<Box<dyn Read + 'a>> {
        let mut first = Vec::new();
        stream.by_ref().take(MAGIC_BYTES).read_to_end(&mut first)?;
        Self::detect(&first).decoder(io::Cursor::new(first).chain(stream))
    }

    /// Returns the compression that the name of a file stands for, by its end: `.gz` and `.tgz`, `.zst` and `.tzst`, `.bz2` and
    /// `.tbz2`, `.xz` and `.txz`, in any case.
    #[must_use]
    pub fn of_name(path: &Path) -> Option<Self> {
        let end = path.extension()?.to_str()?.to_lowercase();
        Some(match end.as_str() {
            "gz" | "tgz" => Self::Gzip,
            "zst" | "tzst" => Self::Zstd,
            "bz2" | "tbz2" => Self::Bzip2,
            "xz" | "txz" => Self::Xz,
            _ => return None,
        })
    }

    /// Returns the name in messages and JSON.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Gzip => "gzip",
            Self::Zstd => "zstd",
            Self::Bzip2 => "bzip2",
            Self::Xz => "xz",
        }
    }

    /// Returns a reader of the uncompressed bytes; memory is bounded whatever the stream asks for.
    pub fn decoder<'a>(self, input: impl Read + 'a) -> io::Result<Box<dyn Read + 'a>> {
        let input = io::BufReader::with_capacity(128 * 1024, input);
        Ok(match self {
            Self::None => Box::new(input),
            // One member after the other: a plain GzDecoder silently stops after the first.
            Self::Gzip => Box::new(flate2::bufread::MultiGzDecoder::new(input)),
            Self::Zstd => {
                let mut decoder = zstd::Decoder::with_buffer(input)?;
                decoder.window_log_max(MAX_ZSTD_WINDOW_LOG)?;
                Box::new(decoder)
            }
            Self::Bzip2 => Box::new(bzip2::bufread::MultiBzDecoder::new(input)),
            Self::Xz => {
                let flags = liblzma::stream::CONCATENATED;
                let decoder =
                    liblzma::stream::Stream::new_stream_decoder(MAX_XZ_MEMORY_BYTES, flags)?;
                Box::new(liblzma::bufread::XzDecoder::new_stream(input, decoder))
            }
        })
    }

    /// Returns a writer whose output depends on the bytes written to it and on nothing else.
    ///
    /// The parameters are part of `ocipatch/v1`: others would be other bytes for the same patch.
    pub fn encoder<W: Write>(self, output: W) -> io::Result<Encoder<W>> {
        Ok(match self {
            Self::None => Encoder::None(output),
            Self::Gzip => Encoder::Gzip(GzipWriter::new(output)?),
            Self::Zstd => {
                let mut encoder = zstd::Encoder::new(output, 3)?;
                // Any number of workers gives the same bytes, but none at all gives others.
                let n_workers = std::thread::available_parallelism()
                    .map_or(1, usize::from)
                    .min(8);
                encoder.multithread(u32::try_from(n_workers).expect("at most 8"))?;
                Encoder::Zstd(encoder)
            }
            Self::Bzip2 => Encoder::Bzip2(bzip2::write::BzEncoder::new(
                output,
                bzip2::Compression::new(9),
            )),
            Self::Xz => Encoder::Xz(liblzma::write::XzEncoder::new(output, 6)),
        })
    }
}

/// A compressor in front of a writer.
pub enum Encoder<W: Write> {
    /// Passes bytes through.
    None(W),
    /// Writes gzip members without name or time, one for each MiB.
    Gzip(GzipWriter<W>),
    /// Writes one zstd frame.
    Zstd(zstd::Encoder<'static, W>),
    /// Writes one bzip2 stream.
    Bzip2(bzip2::write::BzEncoder<W>),
    /// Writes one xz stream.
    Xz(liblzma::write::XzEncoder<W>),
}

impl<W: Write> std::fmt::Debug for Encoder<W> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Encoder").finish_non_exhaustive()
    }
}

impl<W: Write> Encoder<W> {
    /// Ends the stream and gives the inner writer back.
    pub fn finish(self) -> io::Result<W> {
        match self {
            Self::None(output) => Ok(output),
            Self::Gzip(encoder) => encoder.finish(),
            Self::Zstd(encoder) => encoder.finish(),
            Self::Bzip2(encoder) => encoder.finish(),
            Self::Xz(encoder) => encoder.finish(),
        }
    }

    fn inner(&mut self) -> &mut dyn Write {
        match self {
            Self::None(output) => output,
            Self::Gzip(encoder) => encoder,
            Self::Zstd(encoder) => encoder,
            Self::Bzip2(encoder) => encoder,
            Self::Xz(encoder) => encoder,
        }
    }
}

impl<W: Write> Write for Encoder<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.inner().write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.inner().flush()
    }
}

#[cfg(test)]
mod tests {
    use std::io::{Read, Write};

    use super::Compression;

    #[test]
    fn every_compression_is_told_by_its_first_bytes_and_read_back_in_all_its_members() {
        for compression in [
            Compression::None,
            Compression::Gzip,
            Compression::Zstd,
            Compression::Bzip2,
            Compression::Xz,
        ] {
            let compress = |text: &[u8]| {
                let mut encoder = compression.encoder(Vec::new()).unwrap();
                encoder.write_all(text).unwrap();
                encoder.finish().unwrap()
            };
            let long: Vec<u8> = (0..300_000_u32)
                .flat_map(|i| (i / 7).to_le_bytes())
                .collect();
            let compressed = compress(&long);
            assert_eq!(compressed, compress(&long));
            let mut back = Vec::new();
            compression
                .decoder(compressed.as_slice())
                .unwrap()
                .read_to_end(&mut back)
                .unwrap();
            assert_eq!(back, long);
            let mut stream = compress(b"one ");
            assert_eq!(stream, compress(b"one "));
            assert_eq!(Compression::detect(&stream), compression);
            stream.extend(compress(b"two"));
            let mut text = String::new();
            compression
                .decoder(stream.as_slice())
                .unwrap()
                .read_to_string(&mut text)
                .unwrap();
            assert_eq!(text, "one two", "{compression:?}");
        }
    }

    /// A frame that decoders pass over: one of 16 magic numbers, and a length.
    fn skippable(magic: u8, content: &[u8]) -> Vec<u8> {
        let length = u32::try_from(content.len()).unwrap().to_le_bytes();
        [&[magic, 0x2a, 0x4d, 0x18], &length[..], content].concat()
    }

    #[test]
    fn zstd_streams_may_have_skippable_frames_anywhere() {
        let frame = |text: &[u8]| {
            let mut encoder = Compression::Zstd.encoder(Vec::new()).unwrap();
            encoder.write_all(text).unwrap();
            encoder.finish().unwrap()
        };
        let large = skippable(0x57, &vec![7; 1 << 20]);
        for (stream, text) in [
            ([skippable(0x50, b"size"), frame(b"one")].concat(), "one"),
            ([skippable(0x5f, b""), frame(b"one")].concat(), "one"),
            (
                [skippable(0x50, b"").repeat(3000), frame(b"one")].concat(),
                "one",
            ),
            ([large.clone(), frame(b"one"), large].concat(), "one"),
            (
                [
                    frame(b"one "),
                    skippable(0x5a, b"\0"),
                    frame(b"two"),
                    skippable(0x51, b"end"),
                ]
                .concat(),
                "one two",
            ),
            (
                [skippable(0x50, b"no frame at all"), skippable(0x50, b"")].concat(),
                "",
            ),
        ] {
            let mut text_of_all = String::new();
            let decoder = Compression::Zstd.decoder(stream.as_slice());
            decoder.unwrap().read_to_string(&mut text_of_all).unwrap();
            assert_eq!(text_of_all, text);
            if stream.starts_with(&[0x28]) {
                continue;
            }
            assert_eq!(Compression::detect(&stream), Compression::Zstd);
            assert_eq!(
                Compression::of(stream.as_slice()).unwrap(),
                Compression::Zstd
            );
        }
        // A frame that is cut short is no empty stream.
        let cut = skippable(0x50, b"content");
        let mut text = Vec::new();
        let decoder = Compression::Zstd.decoder(&cut[..cut.len() - 1]).unwrap();
        assert!(decoder.take(9).read_to_end(&mut text).is_err());
        for first in [
            &b"\x60\x2a\x4d\x18\0\0\0\0"[..],
            b"\x4f\x2a\x4d\x18\0\0\0\0",
            b"\x50\x2a\x4d\x18\0\0\0",
        ] {
            assert_eq!(Compression::detect(first), Compression::None);
        }
    }
}

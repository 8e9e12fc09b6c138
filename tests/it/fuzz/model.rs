//! An archive as its parts: entries, documents, layers. Every digest, size, diff id and name that the parts have by each
//! other is derived as the archive is written, so that what was changed gets past the checks.

use std::cell::RefCell;
use std::io::{Read, Write as _};

use ocipatch::compression::Compression;
use ocipatch::digest::Digest;

use super::json::{Json, Piece};

/// An archive in parts.
#[derive(Clone)]
pub(crate) struct Model {
    pub(crate) blobs: Vec<Blob>,
    pub(crate) entries: Vec<Entry>,
    pub(crate) compression: Compression,
}

/// The content of an entry.
#[derive(Clone)]
pub(crate) enum Blob {
    Document(Json),
    Layer(Layer),
    Bytes(Vec<u8>),
}

/// An entry of the archive.
#[derive(Clone)]
pub(crate) struct Entry {
    pub(crate) header: tar::Header,
    pub(crate) name: Vec<Piece>,
    pub(crate) link: Vec<Piece>,
    pub(crate) blob: Option<usize>,
}

/// A layer as its tar has it: extension headers are entries too.
#[derive(Clone)]
pub(crate) struct Layer {
    pub(crate) items: Vec<Item>,
    pub(crate) compression: Compression,
    /// Whether the stream begins with a frame that readers of zstd skip, or has a second gzip member.
    pub(crate) has_more: bool,
    /// Zero blocks at the end.
    pub(crate) n_end_blocks: usize,
}

/// A header and its data.
#[derive(Clone)]
pub(crate) struct Item {
    pub(crate) header: tar::Header,
    pub(crate) data: Vec<u8>,
    /// The size that the header states, where it is not that of the data.
    pub(crate) stated: Option<u64>,
}

/// A blob as it is written, and its digests as stored and as decompressed.
#[derive(Clone)]
pub(crate) struct Written {
    pub(crate) bytes: Vec<u8>,
    pub(crate) hex: String,
    pub(crate) plain_hex: String,
}

impl Model {
    /// Takes a tar of images to pieces.
    pub(crate) fn read(bytes: &[u8]) -> Self {
        let mut raw = Vec::new();
        let mut archive = tar::Archive::new(bytes);
        for entry in archive.entries().expect("a seed is a tar") {
            let mut entry = entry.expect("a seed has no damage");
            let mut data = Vec::new();
            entry.read_to_end(&mut data).expect("a seed is whole");
            let name = String::from_utf8_lossy(&entry.path_bytes()).into_owned();
            let link = entry.link_name_bytes().unwrap_or_default();
            let link = String::from_utf8_lossy(&link).into_owned();
            raw.push((entry.header().clone(), name, link, data));
        }
        let mut known: Vec<(String, Piece)> = Vec::new();
        let mut blobs = Vec::new();
        for (.., data) in raw.iter().filter(|(.., data)| !data.is_empty()) {
            let number = blobs.len();
            known.push((Digest::of(data).hex(), Piece::Hex(number)));
            let blob = match Layer::read(data) {
                Some((layer, plain)) => {
                    known.push((Digest::of(&plain).hex(), Piece::Plain(number)));
                    Blob::Layer(layer)
                }
                None => Blob::Bytes(data.clone()),
            };
            blobs.push(blob);
        }
        for blob in &mut blobs {
            if let Blob::Bytes(bytes) = blob
                && let Some(document) = Json::read(bytes, &known)
            {
                *blob = Blob::Document(document);
            }
        }
        let mut number = 0;
        let entries = raw.into_iter().map(|(header, name, link, data)| {
            let blob = (!data.is_empty()).then_some(number);
            number += usize::from(blob.is_some());
            Entry {
                header,
                name: Piece::cut(&name, &known),
                link: Piece::cut(&link, &known),
                blob,
            }
        });
        Self {
            entries: entries.collect(),
            blobs,
            compression: Compression::None,
        }
    }

    /// Writes the archive; what refers to itself does so by zeros.
    pub(crate) fn to_bytes(&self) -> Vec<u8> {
        let writer = Writer {
            model: self,
            written: RefCell::new(vec![State::Unknown; self.blobs.len()]),
        };
        let mut bytes = Vec::new();
        for entry in &self.entries {
            let (name, link) = (writer.text(&entry.name), writer.text(&entry.link));
            let data = entry.blob.map(|blob| writer.written(blob).bytes);
            let mut header = entry.header.clone();
            put_name(&mut header, &mut bytes, b'L', name.as_bytes());
            put_name(&mut header, &mut bytes, b'K', link.as_bytes());
            put(&header, &data.unwrap_or_default(), None, &mut bytes);
        }
        bytes.resize(bytes.len() + 1024, 0);
        compressed(&bytes, self.compression)
    }
}

#[derive(Clone)]
enum State {
    Unknown,
    /// It is being written: whoever asks now is part of it.
    Open,
    Done(Written),
}

/// What derives digests as they are asked for.
pub(crate) struct Writer<'a> {
    model: &'a Model,
    written: RefCell<Vec<State>>,
}

impl Writer<'_> {
    pub(crate) fn written(&self, blob: usize) -> Written {
        let state = self.written.borrow()[blob].clone();
        if let State::Done(written) = state {
            return written;
        }
        let zeros = "0".repeat(64);
        if matches!(state, State::Open) {
            return Written {
                bytes: Vec::new(),
                hex: zeros.clone(),
                plain_hex: zeros,
            };
        }
        self.written.borrow_mut()[blob] = State::Open;
        let (plain, bytes) = match &self.model.blobs[blob] {
            Blob::Bytes(bytes) => (None, bytes.clone()),
            Blob::Document(document) => (None, document.write(self).into_bytes()),
            Blob::Layer(layer) => {
                let plain = layer.plain();
                let stored = layer.stored(&plain);
                (Some(plain), stored)
            }
        };
        let hex = Digest::of(&bytes).hex();
        let plain_hex = plain.map_or_else(|| hex.clone(), |plain| Digest::of(&plain).hex());
        let written = Written {
            bytes,
            hex,
            plain_hex,
        };
        self.written.borrow_mut()[blob] = State::Done(written.clone());
        written
    }

    pub(crate) fn text(&self, pieces: &[Piece]) -> String {
        let text = |piece: &Piece| match piece {
            Piece::Text(text) => text.clone(),
            Piece::Hex(blob) => self.written(*blob).hex,
            Piece::Plain(blob) => self.written(*blob).plain_hex,
        };
        pieces.iter().map(text).collect()
    }
}

impl Layer {
    /// Takes a layer to pieces, if it is one; returns its uncompressed bytes too.
    fn read(bytes: &[u8]) -> Option<(Self, Vec<u8>)> {
        let compression = Compression::detect(bytes);
        let mut plain = Vec::new();
        let mut decoder = compression.decoder(bytes).ok()?;
        decoder.read_to_end(&mut plain).ok()?;
        if plain.len() < 512 || plain.get(257..262) != Some(b"ustar") {
            return None;
        }
        let mut items = Vec::new();
        for entry in tar::Archive::new(plain.as_slice())
            .entries()
            .ok()?
            .raw(true)
        {
            let mut entry = entry.ok()?;
            let mut data = Vec::new();
            entry.read_to_end(&mut data).ok()?;
            items.push(Item {
                header: entry.header().clone(),
                data,
                stated: None,
            });
        }
        let layer = Self {
            items,
            compression,
            has_more: false,
            n_end_blocks: 2,
        };
        Some((layer, plain))
    }

    pub(crate) fn empty() -> Self {
        Self {
            items: Vec::new(),
            compression: Compression::None,
            has_more: false,
            n_end_blocks: 2,
        }
    }

    pub(crate) fn plain(&self) -> Vec<u8> {
        let mut bytes = Vec::new();
        for item in &self.items {
            put(&item.header, &item.data, item.stated, &mut bytes);
        }
        bytes.resize(bytes.len() + 512 * self.n_end_blocks, 0);
        bytes
    }

    fn stored(&self, plain: &[u8]) -> Vec<u8> {
        let stored = compressed(plain, self.compression);
        match self.compression {
            Compression::Zstd if self.has_more => {
                // RFC 8878, 3.1.2: a frame of user data.
                [b"\x50\x2a\x4d\x18\x03\0\0\0abc", stored.as_slice()].concat()
            }
            Compression::Gzip if self.has_more => {
                [stored.as_slice(), &compressed(&[], self.compression)].concat()
            }
            _ => stored,
        }
    }
}

/// Compressed by one thread and as fast as can be: the bytes need not be those of `ocipatch/v1`.
fn compressed(bytes: &[u8], compression: Compression) -> Vec<u8> {
    if compression == Compression::None {
        return bytes.to_vec();
    }
    let mut encoder = compression.encoder(Vec::new()).expect("memory takes all");
    encoder.write_all(bytes).expect("memory takes all");
    encoder.finish().expect("memory takes all")
}

/// Puts a name or link name into a header, or in front of it, as GNU tar does with long ones.
fn put_name(header: &mut tar::Header, bytes: &mut Vec<u8>, kind: u8, name: &[u8]) {
    if name.len() > 100 {
        let mut long = tar::Header::new_gnu();
        long.as_old_mut().linkflag = [kind];
        put(&long, name, None, bytes);
    }
    let old = header.as_old_mut();
    let field = if kind == b'L' {
        &mut old.name
    } else {
        &mut old.linkname
    };
    let n = name.len().min(100);
    *field = [0; 100];
    field[..n].copy_from_slice(&name[..n]);
}

/// Puts an entry with the checksum of its header.
fn put(header: &tar::Header, data: &[u8], stated: Option<u64>, bytes: &mut Vec<u8>) {
    let mut header = header.clone();
    header.set_size(stated.unwrap_or(data.len() as u64));
    header.set_cksum();
    bytes.extend_from_slice(header.as_bytes());
    bytes.extend_from_slice(data);
    bytes.resize(bytes.len().next_multiple_of(512), 0);
}

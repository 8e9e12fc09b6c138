//! Reading the documents of an archive, and what they say of one image.

use std::collections::{HashMap, HashSet};

use super::items::{self, Item};
use crate::archive::source::Source;
use crate::archive::{Image, Layer, MAX_DOCUMENT_BYTES, OciManifest};
use crate::compression::Compression;
use crate::digest::Digest;
use crate::error::Error;
use crate::image::json::{Document, Shape, Value};
use crate::image::keys;
use crate::image::{Config, InvalidConfig};
use crate::reference::Reference;

/// Reads a document at the top of the archive with `read`, where there is one.
pub(in crate::archive) fn read_optional(
    source: &Source,
    name: &str,
    read: impl FnOnce(&Source, &str) -> Result<Document, Error>,
) -> Result<Option<Document>, Error> {
    source.find(name).map(|_| read(source, name)).transpose()
}

/// Reads an index, a manifest, or a list of images by name.
pub(in crate::archive) fn read_document(source: &Source, name: &str) -> Result<Document, Error> {
    read_wanted(source, name, FORM)
}

/// Does what [`read_document`] does; `wanted_by` is the document that names it, for messages.
pub(in crate::archive) fn read_wanted(
    source: &Source,
    name: &str,
    wanted_by: &str,
) -> Result<Document, Error> {
    let index = source.resolve(name, wanted_by)?;
    parse(&source.read(index, MAX_DOCUMENT_BYTES)?, name)
}

/// Reads a document of another kind by name, such as a table of names.
pub(in crate::archive) fn read_plain(source: &Source, name: &str) -> Result<Document, Error> {
    let index = source.resolve(name, FORM)?;
    parse_as(&source.read(index, MAX_DOCUMENT_BYTES)?, name, |_| {
        Shape::Plain
    })
}

/// What wants the documents that belong to the form, for messages.
const FORM: &str = "the form of the archive";

/// Parses an index, a manifest, or a list of images, which messages call `name`.
pub(in crate::archive) fn parse(bytes: &[u8], name: &str) -> Result<Document, Error> {
    parse_as(bytes, name, |root| match root {
        Value::Array(_) => Shape::List(keys::SAVED),
        _ => Shape::Struct(keys::MANIFEST),
    })
}

fn parse_as(
    bytes: &[u8],
    name: &str,
    shape: impl FnOnce(&Value) -> Shape,
) -> Result<Document, Error> {
    let bad = |reason: String| Error::BadDocument {
        name: name.to_owned(),
        reason,
    };
    let mut document = Document::parse(bytes).map_err(|error| bad(error.to_string()))?;
    let shape = shape(&document.root);
    let read = document.root.read_as(shape);
    read.map_err(|error| bad(error.to_string()))?;
    Ok(document)
}

/// What documents of images may come to together when each is counted for every image that has it, in bytes; besides, four
/// times what they come to when each is counted once. Images that share one large document must not each cost its size.
const MAX_SHARED_BYTES: u64 = 8 << 20;
const MAX_SHARED_RATIO: u64 = 4;
/// What a layer or a name takes besides its text. In bytes.
pub(in crate::archive) const ITEM_BYTES: usize = 64;

/// Reads images; a configuration that several have is read once.
pub(in crate::archive) struct ImageReader<'a> {
    source: &'a Source,
    /// By entry.
    configs: HashMap<usize, (Config, Digest)>,
    /// By entry, how a layer is compressed.
    compressions: HashMap<usize, Compression>,
    /// What the documents come to, each counted once, and each for every image.
    once: u64,
    for_all: u64,
}

impl<'a> ImageReader<'a> {
    pub(in crate::archive) fn new(source: &'a Source) -> Self {
        Self {
            source,
            configs: HashMap::new(),
            compressions: HashMap::new(),
            once: 0,
            for_all: 0,
        }
    }

    /// Reads what `item` says of an image, which has the names `tags` besides; `wanted_by` is the document that says it, for
    /// messages. Whether other images have that document or these names too is for `is_shared` to say.
    pub(in crate::archive) fn read(
        &mut self,
        item: &Item,
        tags: &[Reference],
        wanted_by: &str,
        is_shared: bool,
    ) -> Result<Image, Error> {
        let source = self.source;
        let entry = source.resolve(&item.config, wanted_by)?;
        let (config, image_id) = self.config(item, entry)?;
        let texts = item.layers.iter().chain(&item.tags).map(String::len);
        let texts = texts.chain(tags.iter().map(|tag| tag.tag().len()));
        let own: usize = texts.map(|text| text + ITEM_BYTES).sum();
        self.once += if is_shared { 0 } else { own as u64 };
        self.for_all += source.entries()[entry].size + own as u64;
        check_shared(self.for_all, self.once, wanted_by)?;
        self.read_image(item, (entry, config, image_id), tags, wanted_by)
    }

    /// Tells whether what was read is more than an archive may make us hold: that is no fault of one image.
    pub(in crate::archive) fn is_spent(&self) -> bool {
        check_shared(self.for_all, self.once, "").is_err()
    }

    fn config(&mut self, item: &Item, entry: usize) -> Result<(Config, Digest), Error> {
        let known = self.configs.get(&entry).cloned();
        let bytes = match &known {
            Some(_) => Vec::new(),
            None => self.source.read(entry, MAX_DOCUMENT_BYTES)?,
        };
        let image_id = known
            .as_ref()
            .map_or_else(|| Digest::of(&bytes), |(_, id)| *id);
        // A name that states a digest is a promise.
        if let Some(stated) = items::digest_in_name(&item.config)
            && stated != image_id
        {
            let what = format!("the digest of the configuration `{}`", item.config);
            return Err(Error::Mismatch {
                what,
                found: image_id.to_string(),
                wanted: stated.to_string(),
            });
        }
        if let Some(known) = known {
            return Ok(known);
        }
        let config = Config::parse(&bytes).map_err(|error| match error {
            InvalidConfig::NoRootfs => Error::NotAnImage {
                place: item.config.clone(),
                reason: "has no `rootfs`, which the configuration of an image has".to_owned(),
            },
            error => Error::BadDocument {
                name: item.config.clone(),
                reason: error.to_string(),
            },
        })?;
        self.once += bytes.len() as u64;
        self.configs.insert(entry, (config.clone(), image_id));
        Ok((config, image_id))
    }

    fn read_image(
        &mut self,
        item: &Item,
        (config_entry, config, image_id): (usize, Config, Digest),
        tags: &[Reference],
        wanted_by: &str,
    ) -> Result<Image, Error> {
        let source = self.source;
        if config.diff_ids().len() != item.layers.len() {
            return Err(Error::OtherLayers {
                document: wanted_by.to_owned(),
                reason: format!(
                    "lists {} layers for `{}`, which has {} diff ids",
                    item.layers.len(),
                    item.config,
                    config.diff_ids().len()
                ),
            });
        }
        let all = config.diff_ids().iter().copied();
        let all: HashSet<Digest> = all.map(Digest::from).collect();
        let mut layers = Vec::with_capacity(item.layers.len());
        for (path, &diff_id) in item.layers.iter().zip(config.diff_ids()) {
            let stated = item.stated.get(layers.len()).copied();
            let is_there = stated.is_none() || source.find(path).is_some();
            let entry = is_there
                .then(|| source.resolve(path, wanted_by))
                .transpose()?;
            let (size, compression) = match (entry, stated) {
                // To look at it would mean to fetch it.
                (Some(entry), Some(stated)) if source.fetched_by(entry).is_some() => stated,
                (Some(entry), _) => (source.entries()[entry].size, self.compression(entry)?),
                (None, stated) => stated.expect("what nothing is stated of was resolved"),
            };
            let layer = Layer {
                diff_id,
                path: path.clone(),
                entry,
                size,
                compression,
            };
            check_name(source, &layer, &all, item, wanted_by)?;
            layers.push(layer);
        }
        let mut names = items::tags(item)?;
        names.extend_from_slice(tags);
        Ok(Image {
            config,
            image_id,
            config_entry,
            layers,
            tags: names,
            manifest: None,
            group: 0,
        })
    }

    /// Tells how a layer is compressed from its first bytes: names and media types have been wrong before.
    fn compression(&mut self, entry: usize) -> Result<Compression, Error> {
        if let Some(known) = self.compressions.get(&entry) {
            return Ok(*known);
        }
        let blob = self.source.blob(entry)?;
        let compression = blob.compression(&self.source.entries()[entry].name)?;
        self.compressions.insert(entry, compression);
        Ok(compression)
    }
}

/// Checks what the documents of images come to `for_all` of them, compared with what they come to when each is counted `once`.
pub(in crate::archive) fn check_shared(
    for_all: u64,
    once: u64,
    wanted_by: &str,
) -> Result<(), Error> {
    let allowed = MAX_SHARED_BYTES + MAX_SHARED_RATIO * once;
    if for_all <= allowed {
        return Ok(());
    }
    Err(Error::BadDocument {
        name: wanted_by.trim_matches('`').to_owned(),
        reason: format!(
            "images share documents of {for_all} bytes, counted for each image; at most {allowed} are allowed (8 MiB and 4 times the documents)"
        ),
    })
}

/// A plain layer that is named by the diff id of another layer of the image stands in that one's place.
fn check_name(
    source: &Source,
    layer: &Layer,
    all: &HashSet<Digest>,
    item: &Item,
    wanted_by: &str,
) -> Result<(), Error> {
    let name = layer.entry.map(|entry| &source.entries()[entry].name);
    let Some(stated) = name.and_then(|name| items::digest_in_name(name)) else {
        return Ok(());
    };
    let is_misplaced = layer.compression == Compression::None
        && stated != layer.diff_id.into()
        && all.contains(&stated);
    if !is_misplaced {
        return Ok(());
    }
    Err(Error::OtherLayers {
        document: wanted_by.to_owned(),
        reason: format!(
            "lists the layer `{}` where `{}` has the diff id `{}`",
            layer.path, item.config, layer.diff_id
        ),
    })
}

/// Reads the document `name` that a descriptor names; its digest and size must be as stated.
pub(in crate::archive) fn read_manifest(
    source: &Source,
    descriptor: &Value,
    digest: Digest,
    name: &str,
) -> Result<OciManifest, Error> {
    let index = source.resolve(name, "`index.json`")?;
    let bytes = source.read(index, MAX_DOCUMENT_BYTES)?;
    let found = Digest::of(&bytes);
    if found != digest {
        return Err(Error::Mismatch {
            what: format!("the digest of `{name}`"),
            found: found.to_string(),
            wanted: digest.to_string(),
        });
    }
    let size = descriptor.get("size").and_then(Value::as_u64);
    if size != Some(bytes.len() as u64) {
        return Err(Error::Mismatch {
            what: format!("the size of `{name}`"),
            found: bytes.len().to_string(),
            wanted: size.map_or_else(|| "no size".to_owned(), |size| size.to_string()),
        });
    }
    Ok(OciManifest {
        digest: found,
        document: parse(&bytes, name)?,
    })
}

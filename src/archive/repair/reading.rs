//! One image of an archive that was edited by hand: as it is, under the names that it has, and as its bytes say that it must be.

use std::collections::HashMap;

use super::measure::{Measure, Measured};
use crate::archive::dialect::state::{State, StateLayer};
use crate::archive::documents::items::{self, Item};
use crate::archive::documents::read::{ITEM_BYTES, check_shared};
use crate::archive::draft::Content;
use crate::archive::{Image, Layer, MAX_DOCUMENT_BYTES, Source, names};
use crate::compression::Compression;
use crate::digest::{DiffId, Digest};
use crate::error::Error;
use crate::image::Config;
use crate::image::json::Document;
use crate::reference::Reference;

/// An image, as it is and as it is to be.
#[derive(Debug)]
pub(super) struct Found {
    /// Its names are those that are there, right or wrong; its content is right.
    pub(super) image: Image,
    /// The configuration as it is stored, if it is one.
    pub(super) stated: Option<Config>,
    /// What the image must be.
    pub(super) state: State,
}

/// Reads images whose documents may be wrong about their bytes.
#[derive(Debug)]
pub(super) struct Reading<'a> {
    source: &'a Source,
    pub(super) measure: Measure<'a>,
    /// By entry, the bytes of a configuration.
    configs: HashMap<usize, Vec<u8>>,
    /// What the documents come to, each counted once, and each for every image.
    once: u64,
    for_all: u64,
}

/// One layer as an image has it.
struct FoundLayer<'p> {
    path: &'p str,
    entry: usize,
    measured: Measured,
    /// The diff id that the configuration states for it.
    stated: Option<DiffId>,
}

impl<'a> Reading<'a> {
    pub(super) fn new(source: &'a Source) -> Self {
        Self {
            source,
            measure: Measure::new(source),
            configs: HashMap::new(),
            once: 0,
            for_all: 0,
        }
    }

    pub(super) fn source(&self) -> &'a Source {
        self.source
    }

    /// Reads the image that `item` describes, in a group; `wanted_by` is the document that describes it, for messages. A
    /// configuration or a layer that is missing is an error.
    pub(super) fn image(
        &mut self,
        item: &Item,
        tags: Vec<Reference>,
        group: usize,
        wanted_by: &str,
    ) -> Result<Found, Error> {
        let source = self.source;
        let config_entry = source.resolve(&item.config, wanted_by)?;
        self.weigh(item, config_entry, wanted_by)?;
        let stated = Config::parse(self.config(config_entry)?).ok();
        let own_id = Digest::of(self.config(config_entry)?);
        let stated_id = items::digest_in_name(&item.config).unwrap_or(own_id);
        let mut layers = Vec::with_capacity(item.layers.len());
        for (i, path) in item.layers.iter().enumerate() {
            let entry = source.resolve(path, wanted_by)?;
            layers.push(FoundLayer {
                path,
                entry,
                measured: self.measure.layer(entry)?,
                stated: stated
                    .as_ref()
                    .and_then(|config| config.diff_ids().get(i).copied()),
            });
        }
        let diff_ids: Vec<DiffId> = layers.iter().map(|layer| layer.measured.diff_id).collect();
        let config =
            Config::parse_fitted(self.config(config_entry)?, &diff_ids, stated_id != own_id);
        let config = config.map_err(|error| Error::BadDocument {
            name: item.config.clone(),
            reason: error.to_string(),
        })?;
        let state = State {
            image_id: config.digest(),
            config: config.clone(),
            layers: layers.iter().map(FoundLayer::state).collect(),
            tags: tags.clone(),
            manifest: None,
            group,
            annotations: Vec::new(),
            keeps_referrers: true,
        };
        let image = Image {
            config,
            image_id: stated_id,
            config_entry,
            layers: layers.iter().map(FoundLayer::layer).collect(),
            tags,
            manifest: None,
            group,
        };
        Ok(Found {
            image,
            stated,
            state,
        })
    }

    /// Tells whether a configuration describes layers.
    pub(super) fn has_rootfs(&mut self, config: &str, wanted_by: &str) -> Result<bool, Error> {
        let entry = self.source.resolve(config, wanted_by)?;
        let document = Document::parse(self.config(entry)?);
        // What is no document is told when it is read as one.
        Ok(document.map_or(true, |document| document.root.get("rootfs").is_some()))
    }

    fn config(&mut self, entry: usize) -> Result<&[u8], Error> {
        if !self.configs.contains_key(&entry) {
            let bytes = self.source.read(entry, MAX_DOCUMENT_BYTES)?;
            self.configs.insert(entry, bytes);
        }
        Ok(&self.configs[&entry])
    }

    /// Images that share one large document must not each cost its size.
    pub(super) fn weigh(
        &mut self,
        item: &Item,
        config: usize,
        wanted_by: &str,
    ) -> Result<(), Error> {
        let texts = item.layers.iter().chain(&item.tags).map(String::len);
        let own: usize = texts.map(|text| text + ITEM_BYTES).sum();
        let size = self.source.entries()[config].size;
        let is_known = self.configs.contains_key(&config);
        self.once += own as u64 + if is_known { 0 } else { size };
        self.for_all += own as u64 + size;
        check_shared(self.for_all, self.once, wanted_by)
    }
}

impl FoundLayer<'_> {
    /// The layer under the name that it has.
    fn layer(&self) -> Layer {
        let Measured {
            diff_id,
            size,
            compression,
            ..
        } = self.measured;
        let named = items::digest_in_name(self.path).filter(|_| compression == Compression::None);
        let named = named.and_then(|digest| DiffId::parse_hex(&digest.hex()));
        Layer {
            diff_id: named.or(self.stated).unwrap_or(diff_id),
            path: self.path.to_owned(),
            entry: Some(self.entry),
            size,
            compression,
        }
    }

    /// The layer under the name that it must have: its own, unless that states another digest.
    fn state(&self) -> StateLayer {
        StateLayer {
            diff_id: self.measured.diff_id,
            digest: Some(self.measured.digest),
            size: self.measured.size,
            compression: self.measured.compression,
            path: (!self.is_misnamed()).then(|| self.path.to_owned()),
            content: Some(Content::Entry(self.entry)),
        }
    }

    fn is_misnamed(&self) -> bool {
        let diff_id = Digest::from(self.measured.diff_id);
        if let Some(named) = items::digest_in_name(self.path) {
            let is_blob = self.path.starts_with("blobs/");
            return named != self.measured.digest && (is_blob || named != diff_id);
        }
        // A directory may be named by a diff id, or by an id of another kind that stays.
        let named = names::hex_within(self.path).and_then(Digest::parse_hex);
        named.is_some() && named != Some(diff_id) && named == self.stated.map(Digest::from)
    }
}

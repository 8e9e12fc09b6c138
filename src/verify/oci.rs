//! `oci-layout`, `index.json` and what they lead to: indexes, manifests, descriptors.

use std::collections::{BTreeMap, HashSet};
use std::rc::Rc;

use super::checker::Checker;
use super::config::{self, Config};
use super::descriptor::{self, Descriptor, Presence};
use super::json::{Json, known};
use super::{Rule, advice, attestation, document, image_config};
use crate::error::Error;
use crate::tarball::Kind;

pub(super) const INDEX: &str = "index.json";
pub(super) const LAYOUT: &str = "oci-layout";
const BLOBS: &str = "blobs";
/// Indexes in indexes; real images have one or two levels.
const MAX_DEPTH: usize = 8;
/// Descriptors that are followed of indexes that were followed before: what is followed once costs what its bytes say.
const MAX_VISITS: usize = 10_000;
pub(super) const INDEX_TYPES: [&str; 2] = [
    "application/vnd.oci.image.index.v1+json",
    "application/vnd.docker.distribution.manifest.list.v2+json",
];
pub(super) const MANIFEST_TYPES: [&str; 2] = [
    "application/vnd.oci.image.manifest.v1+json",
    "application/vnd.docker.distribution.manifest.v2+json",
];
/// The images that `index.json` leads to.
#[derive(Debug, Default)]
pub(super) struct Oci {
    /// By the entry of the manifest.
    pub(super) images: BTreeMap<usize, OciImage>,
    n_visits: usize,
    /// The indexes that were followed, by their entries.
    followed: HashSet<usize>,
    /// Images that an index lists, and the archive does not hold.
    n_absent: usize,
}

/// An image manifest.
#[derive(Debug)]
pub(super) struct OciImage {
    /// Where it came first.
    pub(super) position: usize,
    pub(super) config: Option<Rc<Config>>,
    pub(super) layers: Vec<OciLayer>,
    /// `io.containerd.image.name` of the top descriptors that lead here.
    pub(super) names: Vec<String>,
    /// `org.opencontainers.image.ref.name`, likewise.
    pub(super) ref_names: Vec<String>,
    /// The manifest that it is about.
    subject: Option<String>,
    /// Whether `index.json` itself names it.
    pub(super) is_top: bool,
    /// Whether it is that of an image; artifacts may have layers that are none.
    pub(super) is_image: bool,
}

/// A layer descriptor.
#[derive(Debug)]
pub(super) struct OciLayer {
    pub(super) media_type: String,
    pub(super) entry: Option<usize>,
    /// Whether it is left out of archives on purpose.
    pub(super) is_foreign: bool,
}

impl OciLayer {
    /// Returns whether the media type is one of layers, and the compression it states.
    pub(super) fn stated_compression(&self) -> Option<&'static str> {
        let media_type = self.media_type.as_str();
        match media_type {
            _ if !image_config::is_layer(media_type) => None,
            _ if media_type.ends_with("tar") => Some("none"),
            _ if media_type.ends_with("tar.gzip") || media_type.ends_with("tar+gzip") => {
                Some("gzip")
            }
            _ if media_type.ends_with("tar.zstd") || media_type.ends_with("tar+zstd") => {
                Some("zstd")
            }
            _ => None,
        }
    }
}

/// Names that the top descriptor of a walk carries.
#[derive(Clone, Copy, Default)]
pub(super) struct Names<'j> {
    name: Option<&'j str>,
    ref_name: Option<&'j str>,
}

/// Reads the layout; nothing if the archive has no trace of one.
pub(super) fn read(checker: &mut Checker, has_manifest: bool) -> Result<Option<Oci>, Error> {
    let has_layout = checker.source.find(LAYOUT).is_some();
    let has_index = checker.source.find(INDEX).is_some();
    if !has_layout && !has_index {
        let is_hybrid = checker
            .source
            .entries()
            .iter()
            .any(|e| e.name.starts_with("blobs/sha256/"));
        if !has_manifest && is_hybrid {
            checker.error(
                Rule::OciLayout,
                LAYOUT,
                "is missing, but the archive has blobs",
            );
        }
        return Ok(None);
    }
    check_layout(checker, has_layout)?;
    let mut oci = Oci::default();
    let Some(entry) = checker.resolve(INDEX, LAYOUT, "the index of a layout") else {
        return Ok(Some(oci));
    };
    let Some(json) = checker.document(entry)? else {
        return Ok(Some(oci));
    };
    document::check_index(checker, &json, INDEX, &INDEX_TYPES);
    let manifests = json
        .get("manifests")
        .and_then(Json::list)
        .unwrap_or_default();
    advice::check_entries(checker, manifests);
    for (i, item) in manifests.iter().enumerate() {
        let path = format!(".manifests[{i}]");
        let Some(descriptor) = descriptor::read(checker, item, INDEX, path, listed(item))? else {
            continue;
        };
        let annotation = |key| item.get("annotations")?.member(key)?.text();
        let names = Names {
            name: annotation("io.containerd.image.name"),
            ref_name: annotation("org.opencontainers.image.ref.name"),
        };
        let n_images = oci.images.len();
        follow(checker, &mut oci, &descriptor, names, 0)?;
        check_leads_somewhere(checker, &oci, &descriptor, n_images);
    }
    Ok(Some(oci))
}

/// What `index.json` names is there; of an unknown kind it may be elsewhere (image-layout.md).
fn listed(item: &Json) -> Presence {
    let media_type = item
        .get("mediaType")
        .and_then(Json::text)
        .unwrap_or_default();
    if MANIFEST_TYPES.contains(&media_type) || INDEX_TYPES.contains(&media_type) {
        Presence::Needed
    } else {
        Presence::Listed
    }
}

/// Of the platforms of an index, some may be left out, but not all.
pub(super) fn check_leads_somewhere(
    checker: &mut Checker,
    oci: &Oci,
    descriptor: &Descriptor,
    n_images: usize,
) {
    let Some(entry) = descriptor.entry else {
        return;
    };
    let is_index = INDEX_TYPES.contains(&descriptor.media_type);
    if is_index && oci.images.is_empty() && n_images == 0 && oci.n_absent > 0 {
        let message = "references no image in the archive";
        checker.error(Rule::MissingEntry, checker.name(entry), message);
    }
}

/// `blobs` is a directory, and there even if nothing is in it. A tar need not name what is in its entries' names.
fn check_blobs(checker: &mut Checker) {
    let entries = checker.source.entries();
    let is_there = entries.iter().any(|entry| {
        entry.name == BLOBS && entry.kind == Kind::Directory || entry.name.starts_with("blobs/")
    });
    if !is_there {
        let message = "is not a directory of the archive, but layouts require it";
        checker.error(Rule::BlobsDirectory, BLOBS, message);
    }
}

fn check_layout(checker: &mut Checker, has_layout: bool) -> Result<(), Error> {
    check_blobs(checker);
    if !has_layout {
        checker.error(
            Rule::OciLayout,
            LAYOUT,
            "is missing, but `index.json` exists",
        );
        return Ok(());
    }
    let Some(entry) = checker.resolve(LAYOUT, LAYOUT, "the version of the layout") else {
        return Ok(());
    };
    let Some(json) = checker.document(entry)? else {
        return Ok(());
    };
    checker.check_keys(&json, known::LAYOUT, LAYOUT, "");
    let version = json
        .get("imageLayoutVersion")
        .and_then(Json::text)
        .unwrap_or_default();
    if version != "1.0.0" {
        let message = format!("has `{version}` at `.imageLayoutVersion`, not `1.0.0`");
        checker.error(Rule::OciLayout, LAYOUT, message);
    }
    Ok(())
}

/// Follows a descriptor to the images that it leads to.
pub(super) fn follow(
    checker: &mut Checker,
    oci: &mut Oci,
    descriptor: &Descriptor,
    names: Names,
    depth: usize,
) -> Result<(), Error> {
    let Some(entry) = descriptor.entry else {
        oci.n_absent += 1;
        return Ok(());
    };
    let place = checker.name(entry);
    if depth > MAX_DEPTH || oci.n_visits > MAX_VISITS {
        let message =
            format!("is over {MAX_DEPTH} indexes deep, or after over {MAX_VISITS} descriptors");
        checker.error(Rule::IndexDepth, place, message);
        return Ok(());
    }
    let media_type = [descriptor.media_type];
    if INDEX_TYPES.contains(&descriptor.media_type) {
        let Some(json) = checker.document(entry)? else {
            return Ok(());
        };
        document::check_index(checker, &json, place, &media_type);
        let manifests = json
            .get("manifests")
            .and_then(Json::list)
            .unwrap_or_default();
        let is_again = !oci.followed.insert(entry);
        for (i, item) in manifests.iter().enumerate() {
            oci.n_visits += usize::from(is_again);
            let path = format!(".manifests[{i}]");
            if let Some(inner) = descriptor::read(checker, item, place, path, Presence::Listed)? {
                follow(checker, oci, &inner, names, depth + 1)?;
            }
            if oci.n_visits > MAX_VISITS {
                break;
            }
        }
    } else if MANIFEST_TYPES.contains(&descriptor.media_type) {
        if !oci.images.contains_key(&entry) {
            let Some(json) = checker.document(entry)? else {
                return Ok(());
            };
            let position = oci.images.len();
            // The manifest of another platform may be there without the platform.
            let presence = if depth == 0 {
                Presence::Needed
            } else {
                Presence::Listed
            };
            if let Some(image) =
                read_manifest(checker, &json, place, media_type, position, presence)?
            {
                oci.images.insert(entry, image);
            } else {
                oci.n_absent += 1;
            }
        }
        if let Some(image) = oci.images.get_mut(&entry) {
            image.names.extend(names.name.map(str::to_owned));
            image.ref_names.extend(names.ref_name.map(str::to_owned));
            image.is_top |= depth == 0;
            descriptor::check_platform(checker, descriptor, image.config.as_deref(), place);
            let about = descriptor.attested().or(image.subject.as_deref());
            for layer in &image.layers {
                if let (Some(about), Some(entry)) = (about, layer.entry)
                    && attestation::is_statement(&layer.media_type)
                {
                    attestation::check_statement(checker, entry, about)?;
                }
            }
        }
    }
    Ok(())
}

fn read_manifest(
    checker: &mut Checker,
    json: &Json,
    place: &str,
    media_type: [&str; 1],
    position: usize,
    presence: Presence,
) -> Result<Option<OciImage>, Error> {
    if !json.is_map() {
        checker.bad_shape(place, ".", Some(json), "an object");
        return Ok(None);
    }
    document::check_head(checker, json, place, &media_type);
    let mut image = OciImage {
        position,
        config: None,
        layers: Vec::new(),
        names: Vec::new(),
        ref_names: Vec::new(),
        subject: None,
        is_top: false,
        is_image: false,
    };
    match json.get("config") {
        None => checker.bad_shape(place, ".config", None, "a descriptor"),
        Some(item) => {
            let descriptor =
                descriptor::read(checker, item, place, ".config".to_owned(), presence)?;
            document::check_empty(checker, json, descriptor.as_ref(), place);
            if presence == Presence::Listed
                && descriptor
                    .as_ref()
                    .is_some_and(|config| config.entry.is_none())
            {
                return Ok(None);
            }
            if let Some(Descriptor {
                media_type,
                entry: Some(entry),
                ..
            }) = descriptor
                && image_config::is_config(media_type)
                && image_config::has_rootfs(checker, entry)?
            {
                image.is_image = image_config::has_layers_only(json);
                image.config = config::read(checker, entry, image.is_image)?;
            }
        }
    }
    let Some(Json::List(layers)) = json.get("layers") else {
        checker.bad_shape(
            place,
            ".layers",
            json.get("layers"),
            "a list of descriptors",
        );
        return Ok(Some(image));
    };
    advice::check_layers(checker, layers, place);
    for (i, item) in layers.iter().enumerate() {
        let media_type = item
            .get("mediaType")
            .and_then(Json::text)
            .unwrap_or_default();
        let is_foreign =
            media_type.contains("nondistributable") || media_type.contains(".foreign.");
        let path = format!(".layers[{i}]");
        let presence = if is_foreign {
            Presence::Elsewhere
        } else {
            Presence::Needed
        };
        let descriptor = descriptor::read(checker, item, place, path, presence)?;
        image.layers.push(OciLayer {
            media_type: media_type.to_owned(),
            entry: descriptor.and_then(|descriptor| descriptor.entry),
            is_foreign,
        });
    }
    advice::check_artifact(checker, json, layers, &image_config::TYPES, place);
    if let Some(item) = json.get("subject") {
        image.subject = item.get("digest").and_then(Json::text).map(str::to_owned);
        // What a referrer is about may well be elsewhere (image-spec, image-layout.md).
        descriptor::read(
            checker,
            item,
            place,
            ".subject".to_owned(),
            Presence::Elsewhere,
        )?;
    }
    if let Some(config) = &image.config
        && config.diff_ids.len() != image.layers.len()
    {
        let (n_layers, n_diff_ids) = (image.layers.len(), config.diff_ids.len());
        let message = format!("has {n_layers} layers, but its config has {n_diff_ids} diff ids");
        checker.error(Rule::LayerCount, place, message);
    }
    Ok(Some(image))
}

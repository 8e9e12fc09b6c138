//! `oci-layout`, `index.json` and what they lead to: indexes, manifests, descriptors.

use std::collections::BTreeMap;
use std::rc::Rc;

use super::Rule;
use super::checker::Checker;
use super::config::{self, Config};
use super::descriptor::{self, Descriptor};
use super::json::{Json, known};
use crate::error::Error;

pub(super) const INDEX: &str = "index.json";
pub(super) const LAYOUT: &str = "oci-layout";
/// Indexes in indexes; real images have one or two levels.
const MAX_DEPTH: usize = 8;
/// Descriptors of indexes that are followed, the same blob each time it is named.
const MAX_VISITS: usize = 10_000;
const INDEX_TYPES: [&str; 2] = [
    "application/vnd.oci.image.index.v1+json",
    "application/vnd.docker.distribution.manifest.list.v2+json",
];
const MANIFEST_TYPES: [&str; 2] = [
    "application/vnd.oci.image.manifest.v1+json",
    "application/vnd.docker.distribution.manifest.v2+json",
];
const CONFIG_TYPES: [&str; 2] = [
    "application/vnd.oci.image.config.v1+json",
    "application/vnd.docker.container.image.v1+json",
];

/// The images that `index.json` leads to.
#[derive(Debug, Default)]
pub(super) struct Oci {
    /// By the entry of the manifest.
    pub(super) images: BTreeMap<usize, OciImage>,
    n_visits: usize,
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
    /// Whether `index.json` itself names it.
    pub(super) is_top: bool,
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
            _ if !is_layer_type(media_type) => None,
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

/// Tells whether a media type is one of layers.
pub(super) fn is_layer_type(media_type: &str) -> bool {
    let families = [
        "application/vnd.oci.image.layer.",
        "application/vnd.docker.image.rootfs.",
    ];
    families.iter().any(|family| media_type.starts_with(family))
}

/// Names that the top descriptor of a walk carries.
#[derive(Clone, Copy)]
struct Names<'j> {
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
                "is not there, and the archive has blobs",
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
    check_index(checker, &json, INDEX, &INDEX_TYPES);
    let manifests = json
        .get("manifests")
        .and_then(Json::list)
        .unwrap_or_default();
    for (i, item) in manifests.iter().enumerate() {
        let path = format!(".manifests[{i}]");
        let Some(descriptor) = descriptor::read(checker, item, INDEX, path, true)? else {
            continue;
        };
        let annotation = |key| item.get("annotations")?.get(key)?.text();
        let names = Names {
            name: annotation("io.containerd.image.name"),
            ref_name: annotation("org.opencontainers.image.ref.name"),
        };
        follow(checker, &mut oci, &descriptor, names, 0)?;
    }
    Ok(Some(oci))
}

fn check_layout(checker: &mut Checker, has_layout: bool) -> Result<(), Error> {
    if !has_layout {
        checker.error(Rule::OciLayout, LAYOUT, "is not there, and `index.json` is");
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

fn follow(
    checker: &mut Checker,
    oci: &mut Oci,
    descriptor: &Descriptor,
    names: Names,
    depth: usize,
) -> Result<(), Error> {
    let Some(entry) = descriptor.entry else {
        return Ok(());
    };
    let place = checker.name(entry);
    oci.n_visits += 1;
    if depth > MAX_DEPTH || oci.n_visits > MAX_VISITS {
        let message =
            format!("is nested over {MAX_DEPTH} indexes deep, or comes {MAX_VISITS} times");
        checker.error(Rule::IndexDepth, place, message);
        return Ok(());
    }
    let media_type = [descriptor.media_type];
    if INDEX_TYPES.contains(&descriptor.media_type) {
        let Some(json) = checker.document(entry)? else {
            return Ok(());
        };
        check_index(checker, &json, place, &media_type);
        let manifests = json
            .get("manifests")
            .and_then(Json::list)
            .unwrap_or_default();
        for (i, item) in manifests.iter().enumerate() {
            let path = format!(".manifests[{i}]");
            if let Some(inner) = descriptor::read(checker, item, place, path, true)? {
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
            if let Some(image) = read_manifest(checker, &json, place, media_type, position)? {
                oci.images.insert(entry, image);
            }
        }
        if let Some(image) = oci.images.get_mut(&entry) {
            image.names.extend(names.name.map(str::to_owned));
            image.ref_names.extend(names.ref_name.map(str::to_owned));
            image.is_top |= depth == 0;
            descriptor::check_platform(checker, descriptor, image.config.as_deref(), place);
        }
    }
    Ok(())
}

/// What indexes and manifests have in common.
fn check_head(checker: &mut Checker, json: &Json, place: &str, media_types: &[&str]) {
    checker.check_keys(json, known::MANIFEST, place, "");
    if json.get("schemaVersion") != Some(&Json::Integer(2)) {
        let found = match json.get("schemaVersion") {
            Some(Json::Integer(n)) => n.to_string(),
            other => other.map_or("nothing", Json::kind).to_owned(),
        };
        let message = format!("has {found} at `.schemaVersion`, not 2");
        checker.error(Rule::SchemaVersion, place, message);
    }
    if let Some(own) = checker.text(json, "mediaType", place, "")
        && !media_types.contains(&own)
    {
        let message = format!("has `{own}` at `.mediaType`, not `{}`", media_types[0]);
        checker.error(Rule::MediaType, place, message);
    }
    let has_manifests = json.get_any("manifests").is_some();
    let other = ["config", "layers"]
        .into_iter()
        .find(|key| json.get_any(key).is_some());
    if let (true, Some(other)) = (has_manifests, other) {
        let message = format!(
            "has both `manifests` and `{other}`, and is index to some readers, manifest to others"
        );
        checker.error(Rule::AmbiguousDocument, place, message);
    }
    descriptor::check_annotations(checker, json, place, "");
}

fn check_index(checker: &mut Checker, json: &Json, place: &str, media_types: &[&str]) {
    if !json.is_map() {
        return checker.bad_shape(place, ".", Some(json), "an object");
    }
    check_head(checker, json, place, media_types);
    match json.get_any("manifests") {
        Some(Json::List(_)) => {}
        Some(Json::Null) => {
            checker.has_null_manifests |= place == INDEX;
            let message = "has null at `.manifests`, not a list; containerd imports nothing";
            checker.warning(Rule::NullManifests, place, message);
        }
        other => checker.bad_shape(place, ".manifests", other, "a list"),
    }
}

fn read_manifest(
    checker: &mut Checker,
    json: &Json,
    place: &str,
    media_type: [&str; 1],
    position: usize,
) -> Result<Option<OciImage>, Error> {
    if !json.is_map() {
        checker.bad_shape(place, ".", Some(json), "an object");
        return Ok(None);
    }
    check_head(checker, json, place, &media_type);
    let mut image = OciImage {
        position,
        config: None,
        layers: Vec::new(),
        names: Vec::new(),
        ref_names: Vec::new(),
        is_top: false,
    };
    match json.get("config") {
        None => checker.bad_shape(place, ".config", None, "a descriptor"),
        Some(item) => {
            let descriptor = descriptor::read(checker, item, place, ".config".to_owned(), true)?;
            if let Some(Descriptor {
                media_type,
                entry: Some(entry),
                ..
            }) = descriptor
                && CONFIG_TYPES.contains(&media_type)
            {
                image.config = config::read(checker, entry)?;
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
    for (i, item) in layers.iter().enumerate() {
        let media_type = item
            .get("mediaType")
            .and_then(Json::text)
            .unwrap_or_default();
        let is_foreign =
            media_type.contains("nondistributable") || media_type.contains(".foreign.");
        let path = format!(".layers[{i}]");
        let descriptor = descriptor::read(checker, item, place, path, !is_foreign)?;
        image.layers.push(OciLayer {
            media_type: media_type.to_owned(),
            entry: descriptor.and_then(|descriptor| descriptor.entry),
            is_foreign,
        });
    }
    if let Some(item) = json.get("subject") {
        // What a referrer is about may well be elsewhere (image-spec, image-layout.md).
        descriptor::read(checker, item, place, ".subject".to_owned(), false)?;
    }
    if let Some(config) = &image.config
        && config.diff_ids.len() != image.layers.len()
    {
        let (n_layers, n_diff_ids) = (image.layers.len(), config.diff_ids.len());
        let message = format!("has {n_layers} layers, and its config has {n_diff_ids} diff ids");
        checker.error(Rule::LayerCount, place, message);
    }
    Ok(Some(image))
}

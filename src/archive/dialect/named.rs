//! Archives of writers whose names we cannot derive: crane, ko and kaniko, bazel, nix, and whoever comes next.
//!
//! Every name stays; a new file is named as its neighbour is, with the digest of its own bytes where that has one.

use super::state::{Files, Part, Paths, State, StateLayer};
use super::v1_directories::{push_config, shared_configs};
use super::{Closest, Dialect, Facts, Tagless, containers_image};
use crate::archive::documents::graph::Graph;
use crate::archive::{Contents, names};
use crate::compression::Compression;
use crate::error::Error;
use crate::image::Config;

/// How names of layers end, the longer ones first.
const ENDS: [&str; 5] = [".tar.bz2", ".tar.zst", ".tar.gz", ".tar.xz", ".tar"];

/// The dialect: whatever else has a `manifest.json`.
#[derive(Debug)]
pub(super) struct Named;

impl Dialect for Named {
    fn facts(&self) -> &'static Facts {
        &Facts {
            description: "docker archive of another writer (crane, ko, kaniko, bazel, nix, …)",
            keeps_layers_plain: false,
            is_of_dockers_store: false,
            has_full_names: false,
            manifest_json: Some(Tagless::Null),
            index: None,
        }
    }

    fn files(&self, contents: &Contents, states: &[State], _: Option<&Graph>) -> Files {
        files(contents, states)
    }

    fn closest(
        &self,
        contents: &Contents,
        stated: &[Option<Config>],
    ) -> Result<Option<Closest>, Error> {
        // Its layers may have had other names.
        Ok(containers_image::closest(contents, stated))
    }
}

/// Returns the files of `states`.
fn files(contents: &Contents, states: &[State]) -> Files {
    let mut files = Files::default();
    let shared = shared_configs(contents);
    for (image, state) in states.iter().enumerate() {
        let mut layers: Vec<String> = Vec::new();
        for (i, layer) in state.layers.iter().enumerate() {
            let path = layer.path.clone();
            let path = path.unwrap_or_else(|| new_name(contents, image, layer));
            files.push_layer(contents, &path, layer, image, Part::LayerTar(i));
            layers.push(path);
        }
        let config = push_config(&mut files, contents, image, state, &shared);
        files.paths.push(Paths {
            config,
            top: String::new(),
            layers,
        });
    }
    files
}

/// `<digest>.tar.gz` beside `<digest>.tar.gz`, `<diff id>/layer.tar` beside `<diff id>/layer.tar`, `layers/<digest>.tar`
/// beside `layers/base.tar`.
pub(super) fn new_name(contents: &Contents, image: usize, layer: &StateLayer) -> String {
    let digest = layer.digest.expect("a new layer's digest is known").hex();
    let end = match layer.compression {
        Compression::None => "tar",
        Compression::Zstd => "tar.zst",
        _ => "tar.gz",
    };
    let Some(neighbour) = contents.images[image].layers.last() else {
        return format!("{digest}.{end}");
    };
    // What says how it is compressed is kept as long as it is true, or as untrue as it was.
    let is_alike = neighbour.compression == layer.compression;
    // The name of an uncompressed neighbour does not tell which of its digests it is: then it is that of the bytes.
    // Blobs are named by their bytes whatever the neighbour is named by.
    let is_diff_id = |hex| {
        hex == neighbour.diff_id.hex()
            && neighbour.compression != Compression::None
            && !neighbour.path.starts_with("blobs/")
    };
    let path = match names::hex_within(&neighbour.path) {
        Some(hex) if is_diff_id(hex) => neighbour.path.replace(hex, &layer.diff_id.hex()),
        Some(hex) => neighbour.path.replace(hex, &digest),
        None => {
            let (directory, file) = match neighbour.path.rsplit_once('/') {
                Some((directory, file)) => (format!("{directory}/"), file),
                None => (String::new(), neighbour.path.as_str()),
            };
            let own_end = file.split_once('.').map_or(end, |(_, end)| end);
            format!("{directory}{digest}.{own_end}")
        }
    };
    let stem = ENDS.iter().find_map(|end| path.strip_suffix(end));
    match stem {
        Some(stem) if !is_alike => format!("{stem}.{end}"),
        _ => path,
    }
}

//! Archives of writers whose names we cannot derive: crane, ko and kaniko, bazel, nix, and whoever comes next.
//!
//! Every name stays; a new file is named as its neighbour is, with the digest of its own bytes where that has one.

use super::Archive;
use super::state::{Files, LayerData, Part, Paths, State, StateLayer};
use super::v1_directories::push_config;

/// Returns the files of `states`.
pub(super) fn files(archive: &Archive, states: &[State]) -> Files {
    let mut files = Files::default();
    for (image, state) in states.iter().enumerate() {
        let mut layers: Vec<String> = Vec::new();
        for (i, layer) in state.layers.iter().enumerate() {
            let path = match &layer.data {
                LayerData::Kept { path, .. } => path.clone(),
                LayerData::Added(_) => new_name(archive, image, layer),
            };
            files.push_layer(archive, &path, layer, image, Part::LayerTar(i));
            layers.push(path);
        }
        let config = push_config(&mut files, archive, image, state);
        files.paths.push(Paths {
            config,
            top: String::new(),
            layers,
        });
    }
    files
}

/// `<digest>.tar.gz` beside `<digest>.tar.gz`, `<diff id>/layer.tar` beside `<diff id>/layer.tar`.
fn new_name(archive: &Archive, image: usize, layer: &StateLayer) -> String {
    let digest = layer.digest.expect("a new layer's digest is known").hex();
    let Some(neighbour) = archive.images[image].layers.last() else {
        return format!("{digest}.tar");
    };
    let old = neighbour.diff_id.hex();
    if neighbour.path.contains(&old) {
        return neighbour.path.replace(&old, &layer.diff_id.hex());
    }
    let hex = neighbour
        .path
        .split(|c: char| !c.is_ascii_hexdigit())
        .find(|part| part.len() == 64);
    match hex {
        Some(hex) => neighbour.path.replace(hex, &digest),
        None => format!("{digest}.tar"),
    }
}

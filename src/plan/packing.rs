//! Layers on their way to a registry.

use std::collections::btree_map::Entry;

use super::Packed;
use super::run::Run;
use crate::compression::Compression;
use crate::edit::PlannedLayer;

impl Run<'_> {
    /// Has layers compressed that are not, but for those of which a patch says that they are to be so. Docker, podman and skopeo
    /// push no others, and crane reads no others (go-containerregistry `pkg/v1/partial/compressed.go`).
    pub(super) fn pack_layers(&mut self, packed: Packed) {
        if packed == Packed::None {
            return;
        }
        let to = Compression::Gzip;
        let is_about_all = self.states.iter().all(|state| state.steps.is_empty());
        for state in &mut self.states {
            let is_pushed = is_about_all || !state.steps.is_empty();
            // Of an image without all its layers nothing can be compressed.
            if !is_pushed || state.absent_layer.is_some() {
                continue;
            }
            let mut n_packed = 0;
            for layer in &state.layers {
                match *layer {
                    PlannedLayer::Kept(kept)
                        if packed == Packed::All
                            && state.compressions[kept] == Compression::None =>
                    {
                        if let Entry::Vacant(entry) = state.recompressed.entry(kept) {
                            entry.insert(to);
                            n_packed += 1;
                        }
                    }
                    PlannedLayer::Kept(_) => {}
                    PlannedLayer::Made(made) => {
                        let wanted = &mut self.layers[made].compression;
                        *wanted = wanted.or(is_plain(&state.compressions).then_some(to));
                    }
                }
            }
            if n_packed > 0 {
                let layers = if n_packed == 1 {
                    "layer is"
                } else {
                    "layers are"
                };
                state.notes.push(format!(
                    "{n_packed} {layers} compressed with gzip, as in other images of registries"
                ));
            }
        }
    }
}

/// Tells whether a new layer would not be compressed either, like those around it.
fn is_plain(compressions: &[Compression]) -> bool {
    compressions
        .last()
        .is_none_or(|top| *top == Compression::None)
}

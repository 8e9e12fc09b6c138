//! `recompress`: layers that are stored in another way, and nothing else about them.

use super::source::compression;
use crate::compression::Compression;
use crate::patch::Recompression;
use crate::plan::work::Work;
use crate::plan::{Effect, PlannedLayer};
use crate::problem::{Code, Problem, quoted};

pub(in crate::plan) fn recompress(work: &mut Work<'_>, recompression: &Recompression) {
    if work.is_for_windows() {
        return;
    }
    let to = compression(recompression.to);
    let address = work.address.clone();
    if !work.takes_compression(to, &address) {
        return;
    }
    for i in 0..work.images.len() {
        let Some(positions) = work.positions(i, recompression.layers) else {
            continue;
        };
        let state = &mut work.states[work.images[i]];
        for position in positions {
            let was = match state.layers[position] {
                PlannedLayer::Kept(kept) => {
                    let was = state.recompressed.get(&kept);
                    let was = was.copied().unwrap_or(state.compressions[kept]);
                    if was != to {
                        state.recompressed.insert(kept, to);
                    }
                    Some(was)
                }
                PlannedLayer::Made(layer) => work.layers[layer].compression.replace(to),
            };
            if was != Some(to) {
                // The manifest becomes another, and what is said of an image is said of its manifest.
                state.is_changed = true;
                work.effects[i].push(Effect::Recompress {
                    number: position + 1,
                    compression: to.name(),
                });
            }
        }
    }
}

impl Work<'_> {
    /// Tells whether layers can be compressed so in the form that is written; a problem if not.
    pub(in crate::plan) fn takes_compression(
        &mut self,
        compression: Compression,
        address: &crate::problem::Address,
    ) -> bool {
        let is_taken = !self.keeps_plain || compression == Compression::None;
        if !is_taken {
            let name = quoted(compression.name());
            let message =
                format!("this form of archive stores layers uncompressed, not with {name}");
            let problem = Problem::new(Code::UnsupportedForm, address.clone(), message);
            let help = "use `--to oci-archive` for a form that allows it";
            self.problems.push(problem.with_help(help));
        }
        is_taken
    }
}

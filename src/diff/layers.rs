//! Stacks of layers: what both begin with, what both end with, and what stands between.

use serde::Serialize;

use crate::archive::Layer;
use crate::digest::DiffId;
use crate::plan::Change;

/// One layer of either image.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct LayerDifference {
    /// Whether both images have it, or which one.
    pub change: Change,
    /// The digest of the uncompressed layer.
    pub diff_id: DiffId,
    /// Bytes in the archive that has it; the new one if both do.
    pub size: u64,
}

/// Returns how many layers both stacks begin with, and how many of the others both end with.
pub(super) fn shared_ends(old: &[Layer], new: &[Layer]) -> (usize, usize) {
    let is_same = |(a, b): &(&Layer, &Layer)| a.diff_id() == b.diff_id();
    let n_first = old.iter().zip(new).take_while(is_same).count();
    let ends = old[n_first..].iter().rev().zip(new[n_first..].iter().rev());
    (n_first, ends.take_while(is_same).count())
}

pub(super) fn compare_layers(old: &[Layer], new: &[Layer]) -> Vec<LayerDifference> {
    let (n_first, n_last) = shared_ends(old, new);
    let (old_rest, new_rest) = (&old[n_first..], &new[n_first..]);
    let describe = |change| {
        move |layer: &Layer| LayerDifference {
            change,
            diff_id: layer.diff_id(),
            size: layer.size(),
        }
    };
    let gone = &old_rest[..old_rest.len() - n_last];
    let (come, last) = new_rest.split_at(new_rest.len() - n_last);
    let kept = new[..n_first].iter().map(describe(Change::Kept));
    kept.chain(gone.iter().map(describe(Change::Removed)))
        .chain(come.iter().map(describe(Change::Added)))
        .chain(last.iter().map(describe(Change::Kept)))
        .collect()
}

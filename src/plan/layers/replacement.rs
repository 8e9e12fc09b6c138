//! Another layer in the place of one.

use super::removal::{self, kept, one_layer};
use super::source::Source;
use crate::patch::LayerReplacement;
use crate::plan::work::Work;
use crate::plan::{Effect, RemovedLayer};

pub(in crate::plan) fn replace<'a>(work: &mut Work<'a>, replacement: &'a LayerReplacement) {
    let address = work.address.clone();
    let with = address.clone().key("with");
    let Some(source) = Source::of(work, &replacement.with, with.clone()) else {
        return;
    };
    if work.is_for_windows() {
        return;
    }
    let mut is_found = false;
    for i in 0..work.images.len() {
        if !work.may_go_on() {
            return;
        }
        let Some(position) = one_layer(work, i, &replacement.layer, &mut is_found) else {
            continue;
        };
        let Some(kept) = kept(work, i, position) else {
            continue;
        };
        let image = work.images[i];
        let state = &work.states[image];
        let diff_id = state
            .diff_id(position)
            .expect("a layer that is kept has one");
        let Some(new) = source.made(work, i, position) else {
            continue;
        };
        // What the history says of the layer stays, unless the patch says something else.
        if let Some(created_by) = &replacement.with.created_by {
            work.states[image].retell(position, created_by);
        }
        let layer = work.layers.len();
        if work.lay(i, position..position + 1, new, &with).is_none() {
            continue;
        }
        work.note_hidden(i, position);
        let state = &mut work.states[image];
        state.untold.remove(&layer);
        state.n_rewrites += 1;
        state.recompressed.remove(&kept);
        state.removed.push(RemovedLayer {
            position: kept,
            files: Vec::new(),
        });
        state.forget_base();
        work.effects[i].push(Effect::ReplaceLayer {
            number: position + 1,
            diff_id,
            layer,
        });
    }
    removal::tell_missing(work, &replacement.layer, replacement.if_missing, is_found);
}

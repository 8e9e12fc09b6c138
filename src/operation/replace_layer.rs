//! Another layer in the place of one.

use super::{Depth, Inverse, Needs, Reach, Room, Sources};
use crate::edit::image::EditedImage;
use crate::edit::layer_source::Source;
use crate::edit::selection::{kept, one_layer};
use crate::edit::{Effect, RemovedLayer};
use crate::patch::LayerReplacement;

/// `replace-layer`.
pub(crate) struct ReplaceLayer;

impl Room for ReplaceLayer {
    type Value = LayerReplacement;

    const NAME: &'static str = "replace-layer";

    const INVERSE: Inverse = Inverse::Layers;

    const SAMPLES: &'static [&'static str] =
        &["{ layer: 1, with: { files: [{ path: /srv/new/replaced, content: r }] } }"];

    fn needs(replacement: &Self::Value) -> Needs<'_> {
        Needs {
            sources: Sources::Layer {
                add: &replacement.with,
                key: Some("with"),
            },
            ..Needs::only(Reach::Layers(Depth::Layers))
        }
    }

    fn plan<'a>(replacement: &'a Self::Value, image: &mut EditedImage<'a>) {
        replace(image, replacement);
    }
}

fn replace<'a>(image: &mut EditedImage<'a>, replacement: &'a LayerReplacement) {
    let address = image.address();
    let with = address.clone().key("with");
    let Some(source) = Source::of(image, &replacement.with, with.clone()) else {
        return;
    };
    if image.is_for_windows() {
        return;
    }
    let position = one_layer(image, &replacement.layer, replacement.if_missing);
    let Some(position) = position else { return };
    let Some(kept) = kept(image, position) else {
        return;
    };
    let diff_id = image.state.diff_id(position);
    let diff_id = diff_id.expect("a layer that is kept has one");
    let Some(new) = source.made(image, position) else {
        return;
    };
    // What the history says of the layer stays, unless the patch says something else.
    if let Some(created_by) = &replacement.with.created_by {
        image.state.retell(position, created_by);
    }
    let layer = image.layers.len();
    if image.lay(position..position + 1, new, &with).is_none() {
        return;
    }
    image.note_hidden(position);
    let state = &mut *image.state;
    state.untold.remove(&layer);
    state.n_rewrites += 1;
    state.recompressed.remove(&kept);
    state.removed.push(RemovedLayer {
        position: kept,
        files: Vec::new(),
    });
    state.forget_base();
    image.effects.push(Effect::ReplaceLayer {
        number: position + 1,
        diff_id,
        layer,
    });
}

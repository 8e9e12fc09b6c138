//! Taking a layer away: which one it is, and what the file tree is without it.

use super::{Depth, Docs, Inverse, Needs, Reach, Room, ValueOf};
use crate::edit::selection::{kept, one_layer};
use crate::edit::{EditedImage, Effect, RemovedLayer, tree_changes};
use crate::problem::{Code, quoted};
use crate::shape::{IfMissing, LayerSelector, Short, record};

record! {
    /// One layer: by `layer`, `diff-id` or `created-by`.
    pub struct LayerRemoval("LongLayerRemoval") {
        /// The layer.
        pub layer: LayerSelector = one_of::<LayerSelector>();
        /// What to do if no image has such a layer: report a problem (the default) or ignore it.
        "if-missing" pub if_missing: IfMissing = default::<IfMissing>();
    }
    short Short::Value("layer"), "LayerRemoval", "The number of a layer (the base is 1), or a map that selects the layer in another way";
}

impl Room for LayerRemoval {
    type Shape = Self;

    const KEY: &'static str = "remove-layer";

    const DOCS: Docs = Docs {
        does: "Removes a layer with its files, diff id and history entry.",
        takes: "the number of a layer (the base is 1), `{diff-id: digest}`, or `{created-by: regular expression}`",
        example: "2",
        before: "layers: [etc/ etc/a] [etc/b]",
        after: "layers: [etc/ etc/a]",
    };

    const INVERSE: Inverse = Inverse::Layers;

    const SAMPLES: &'static [&'static str] = &["{ created-by: no such layer, if-missing: ignore }"];

    fn needs(_: &ValueOf<Self>) -> Needs<'_> {
        Needs::only(Reach::Layers(Depth::Layers))
    }

    fn plan<'a>(removal: &'a ValueOf<Self>, image: &mut EditedImage<'a>) {
        remove(image, removal);
    }
}

fn remove(image: &mut EditedImage<'_>, removal: &LayerRemoval) {
    if let Some(position) = one_layer(image, &removal.layer, removal.if_missing) {
        remove_from(image, position);
    }
}

fn remove_from(image: &mut EditedImage<'_>, position: usize) {
    let Some(kept) = kept(image, position) else {
        return;
    };
    let state = &mut *image.state;
    let number = position + 1;
    let name = quoted(&state.display_name());
    if state.layers.len() == 1 {
        let message = format!("{name} would have no layers");
        let help = "engines do not run an image without layers";
        return image.problem(Code::LayerConflict, image.address(), message, help);
    }
    let diff_id = state
        .diff_id(position)
        .expect("a layer that is kept has one");
    let tree = state.tree.as_ref();
    let tree = tree.expect("the tree was read for every image that may lose a layer");
    let mut layers = state.layers.clone();
    layers.remove(position);
    let without = match state.tree_of(&layers) {
        Ok(without) => without,
        Err(error) => {
            let reason = state.reason(&error, &state.layers);
            let message = format!("without layer {number} of {name}, {reason}");
            let help = "an upper layer needs this one";
            return image.problem(Code::LayerConflict, image.address(), message, help);
        }
    };
    let files = tree_changes::between(tree, &without);
    state.tree = Some(without);
    state.forget_history(position..position + 1);
    state.recompressed.remove(&kept);
    state.layers = layers;
    state.removed.push(RemovedLayer {
        position: kept,
        files,
    });
    state.forget_base();
    image.effects.push(Effect::RemoveLayer { number, diff_id });
}

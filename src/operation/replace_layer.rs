//! Another layer in the place of one.

use super::new_layer::source::Source;
use super::{AddLayer, Depth, Docs, Inverse, Needs, Reach, Room, Sources, ValueOf};
use crate::edit::image::EditedImage;
use crate::edit::selection::{kept, one_layer};
use crate::edit::{Effect, RemovedLayer};
use crate::shape::{
    Definitions, Field, IfMissing, Json, Known, LayerSelector, Map, Problems, Shape, record,
};

record! {
    /// One layer, by `layer`, `diff-id` or `created-by`, and its replacement.
    pub struct LayerReplacement("LayerReplacement") {
        /// The layer that is replaced.
        pub layer: LayerSelector = one_of::<LayerSelector>();
        /// The new layer.
        "with" pub with: AddLayer = required::<ReplacementLayer>("specify the new layer, as in `with: { from: ./rootfs }`");
        /// What to do if no image has such a layer: report a problem (the default) or ignore it.
        "if-missing" pub if_missing: IfMissing = default::<IfMissing>();
    }
}

/// A layer whose position is that of another: all that `add-layer` takes, but no `at`.
struct ReplacementLayer;

const POSITION: &str = "at";

impl Shape for ReplacementLayer {
    type Value = AddLayer;

    const NAME: &'static str = "ReplacementLayer";

    fn schema(definitions: &mut Definitions) -> Json {
        let mut schema = AddLayer::map_schema(definitions);
        let properties = schema["properties"].as_object_mut();
        let at = properties.and_then(|properties| properties.shift_remove(POSITION));
        at.expect("a layer has a position");
        schema
    }

    fn decode(field: &Field<'_>, problems: &mut Problems) -> Option<AddLayer> {
        let mut known = Known::of::<AddLayer>();
        known.keys.retain(|key| *key != POSITION);
        AddLayer::of_record(&field.record(&known, problems)?, problems)
    }
}

impl Room for LayerReplacement {
    type Shape = Self;

    const KEY: &'static str = "replace-layer";

    const DOCS: Docs = Docs {
        does: "Replaces a layer.",
        takes: "`{layer: number, with: {…}}`, or `diff-id` or `created-by` instead of `layer`; `with` takes what `add-layer` takes",
        example: "{ layer: 1, with: { files: [{ path: /etc/b, content: hi }] } }",
        before: "layers: [etc/ etc/a] [etc/ etc/c]",
        after: "layers: [etc/ etc/b] [etc/ etc/c]",
    };

    const INVERSE: Inverse = Inverse::Layers;

    const SAMPLES: &'static [&'static str] =
        &["{ layer: 1, with: { files: [{ path: /srv/new/replaced, content: r }] } }"];

    fn needs(replacement: &ValueOf<Self>) -> Needs<'_> {
        Needs {
            sources: Sources::Layer {
                add: &replacement.with,
                key: Some("with"),
            },
            ..Needs::only(Reach::Layers(Depth::Layers))
        }
    }

    fn plan<'a>(replacement: &'a ValueOf<Self>, image: &mut EditedImage<'a>) {
        replace(image, replacement);
    }
}

fn replace<'a>(image: &mut EditedImage<'a>, replacement: &'a LayerReplacement) {
    let address = image.address();
    let with = address.clone().key("with");
    let Some(source) = Source::of(image, &replacement.with, with.clone()) else {
        return;
    };
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

//! Several layers made one: what they change together of the tree below them.

use std::collections::BTreeMap;
use std::ops::Range;

use super::{Depth, Docs, Inverse, Needs, Reach, Room, ValueOf};
use crate::edit::image::EditedImage;
use crate::edit::kept::first_unsupported;
use crate::edit::laying::LayerToLay;
use crate::edit::merged::merged;
use crate::edit::state::ImageState;
use crate::edit::{Effect, MadeContent, MadeLayer, PlannedLayer, RemovedLayer};
use crate::layer::{ZERO_DEVICE, lay_out};
use crate::printable;
use crate::problem::{Code, quoted};
use crate::shape::{LayerCompression, LayerRange, Short, Word, record};

record! {
    /// The layers to combine, and the history entry and compression of the new one.
    pub struct Squash("LongSquash") {
        /// The layers.
        "layers" pub layers: LayerRange = required::<LayerRange>("specify the layers, as in `layers: 2-4` or `layers: all`");
        /// The `created_by` of the history entry.
        "created-by" pub created_by: Option<String> = optional::<Word>();
        /// The compression of the new layer; by default that of the layer below.
        "compression" pub compression: Option<LayerCompression> = optional::<LayerCompression>();
    }
    short Short::Value("layers"), "Squash", "The layers to combine, or a map of these and of options";
}

impl Room for Squash {
    type Shape = Self;

    const KEY: &'static str = "squash";

    const DOCS: Docs = Docs {
        does: "Combines layers into one with the same files.",
        takes: "`all`, the first and last layer as in `2-4`, or `{layers: 2-4, created-by: string, compression: gzip}`",
        example: "all",
        before: "layers: [etc/ etc/a etc/b] [etc/ etc/.wh.a etc/c]",
        after: "layers: [etc/ etc/b etc/c]",
    };

    const INVERSE: Inverse = Inverse::Never("two archives do not tell which layers were combined");

    const SAMPLES: &'static [&'static str] = &["all", "{ layers: added }"];

    fn needs(_: &ValueOf<Self>) -> Needs<'_> {
        Needs::only(Reach::Layers(Depth::Layers))
    }

    fn plan<'a>(squash: &'a ValueOf<Self>, image: &mut EditedImage<'a>) {
        self::squash(image, squash);
    }
}

fn squash(image: &mut EditedImage<'_>, squash: &Squash) {
    let Some(range) = contiguous(image, squash.layers) else {
        return;
    };
    // One layer is one already.
    if range.len() > 1 {
        squash_range(image, range, squash);
    }
}

fn contiguous(image: &mut EditedImage<'_>, range: LayerRange) -> Option<Range<usize>> {
    let positions = image.positions(range)?;
    let (Some(&first), Some(&last)) = (positions.first(), positions.last()) else {
        return None;
    };
    if last - first + 1 != positions.len() {
        let name = quoted(&image.state.display_name());
        let message = format!("the layers that were added to {name} are not adjacent");
        let address = image.address();
        let help = "select the first and the last layer, as in `2-4`";
        image.problem(Code::LayerConflict, address, message, help);
        return None;
    }
    Some(first..last + 1)
}

fn squash_range(image: &mut EditedImage<'_>, range: Range<usize>, squash: &Squash) {
    let address = image.address();
    let state = &*image.state;
    let fit = "the layers fitted each other when they were read";
    let below = state.tree_of(&state.layers[..range.start]).expect(fit);
    let after = state.tree_of(&state.layers[..range.end]).expect(fit);
    let places: Vec<usize> = range
        .clone()
        .map(|position| state.place(state.layers[position]))
        .collect();
    let edits = merged(state, (&below, &after), &places, image.layers);
    if let Some(found) = first_unsupported(&after, edits.keys()) {
        return image.refuse_unsupported(&found, &address);
    }
    let made = MadeLayer {
        image: image.number,
        content: MadeContent::Composed(lay_out(edits, &after, image.around.epoch)),
        from: None,
        created_by: squash.created_by.clone(),
        compression: squash.compression.map(LayerCompression::compression),
        files: Vec::new(),
        texts: BTreeMap::new(),
    };
    let note = zero_devices(state, &places);
    let state = &mut *image.state;
    if let Some(note) = note {
        state.note(note);
    }
    state.forget_history(range.clone());
    for position in range.clone().rev() {
        let kept = match state.layers[position] {
            PlannedLayer::Kept(kept) => Some(kept),
            PlannedLayer::Made(layer) => {
                state.untold.remove(&layer);
                image.layers[layer].stands_for()
            }
        };
        if let Some(position) = kept {
            state.recompressed.remove(&position);
            state.removed.push(RemovedLayer {
                position,
                files: Vec::new(),
            });
        }
    }
    state.forget_base();
    let (first, last) = (range.start + 1, range.end);
    let layer = image.layers.len();
    if image
        .lay(range, LayerToLay { made, log: None }, &address)
        .is_some()
    {
        // The files are what they were; only the layer that holds them is another.
        image.layers[layer].files.clear();
        image.effects.push(Effect::Squash { first, last, layer });
    }
}

/// Says of which character devices 0:0 nothing is left but what they hide.
fn zero_devices(state: &ImageState, places: &[usize]) -> Option<String> {
    let logs = state.logs.as_ref().expect("the layers were read");
    let entries = places.iter().flat_map(|place| &logs[place].entries);
    let mut devices = entries.filter(|logged| logged.entry.is_zero_device());
    let first = &devices.next()?.entry.name;
    let first = quoted(&format!("/{}", printable::decoded(first)));
    let more = match devices.count() {
        0 => String::new(),
        n => format!(" (and {n} more)"),
    };
    Some(format!(
        "{first}{more} is {ZERO_DEVICE}: it is squashed as one"
    ))
}

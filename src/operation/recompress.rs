//! `recompress`: layers that are stored in another way, and nothing else about them.

use super::{Depth, Docs, Inverse, Needs, Reach, Room, ValueOf};
use crate::compression::Compression;
use crate::edit::image::EditedImage;
use crate::edit::{Effect, PlannedLayer};
use crate::problem::{Code, quoted};
use crate::shape::{LayerCompression, LayerRange, Short, record};

record! {
    /// The compression, and the layers it applies to.
    pub struct Recompression("LongRecompression") {
        /// The new compression.
        "to" pub to: LayerCompression = required::<LayerCompression>("specify the compression, as in `to: zstd`");
        /// The layers; the default is `all`.
        "layers" pub layers: LayerRange = default_to::<LayerRange>(LayerRange::All);
    }
    short Short::Value("to"), "Recompression", "The new compression, or a map of it and of the layers it applies to";
}

impl Room for Recompression {
    type Shape = Self;

    const KEY: &'static str = "recompress";

    const DOCS: Docs = Docs {
        does: "Changes the compression of layers; their content and the image id stay the same.",
        takes: "`gzip`, `zstd` or `none`, or `{to: zstd, layers: 2-4}`",
        example: "zstd",
        before: "compression: gzip gzip",
        after: "compression: zstd zstd",
    };

    const INVERSE: Inverse = Inverse::Never("how a layer is stored is not compared");

    const SAMPLES: &'static [&'static str] = &["none"];

    fn needs(_: &ValueOf<Self>) -> Needs<'_> {
        Needs::only(Reach::Layers(Depth::Documents))
    }

    fn plan<'a>(recompression: &'a ValueOf<Self>, image: &mut EditedImage<'a>) {
        recompress(image, recompression);
    }
}

fn recompress(image: &mut EditedImage<'_>, recompression: &Recompression) {
    let to = recompression.to.compression();
    if !is_taken(image, to) {
        return;
    }
    let Some(positions) = image.positions(recompression.layers) else {
        return;
    };
    let state = &mut *image.state;
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
            PlannedLayer::Made(layer) => image.layers[layer].compression.replace(to),
        };
        if was != Some(to) {
            // The manifest becomes another, and what is said of an image is said of its manifest.
            state.is_changed = true;
            image.effects.push(Effect::Recompress {
                number: position + 1,
                compression: to.name(),
            });
        }
    }
}

/// Tells whether layers can be compressed so in the form that is written; a problem if not.
fn is_taken(image: &mut EditedImage<'_>, to: Compression) -> bool {
    let is_taken = !image.around.keeps_plain || to == Compression::None;
    if !is_taken {
        let name = quoted(to.name());
        let message = format!("this form of archive stores layers uncompressed, not with {name}");
        let help = "use `--to oci-archive` for a form that allows it";
        image.refuse_all(Code::UnsupportedForm, image.address(), message, help);
    }
    is_taken
}

//! `add-layer`: a layer with the files of a directory, of a tar or of the patch.

use super::new_layer::source::Source;
use super::{AddLayer, Depth, Docs, Inverse, Needs, Reach, Room, Sources, ValueOf};
use crate::edit::EditedImage;
use crate::problem::{Code, quoted, several};

impl Room for AddLayer {
    type Shape = Self;

    const KEY: &'static str = "add-layer";

    const DOCS: Docs = Docs {
        does: "Adds a layer with the files of a directory or a tar, or with files defined in the patch.",
        takes: "`{from: directory or tar, to: path}`, `{files: [{path: path, content: string}, …]}` or both, and options such as `owner`, `mode` and `at`",
        example: "{ files: [{ path: /etc/b, content: hi }] }",
        before: "layers: [etc/ etc/a]",
        after: "layers: [etc/ etc/a] [etc/ etc/b]",
    };

    const INVERSE: Inverse = Inverse::Layers;

    const SAMPLES: &'static [&'static str] =
        &["{ files: [{ path: /srv/new/a, content: 'onen' }, { path: /srv/new/b, symlink: a }] }"];

    fn needs(add: &ValueOf<Self>) -> Needs<'_> {
        // A tar that is a layer as it is may bring whiteouts, and what lies above it has to fit.
        let is_on_top = !add.as_is && add.at.is_none();
        let depth = if is_on_top {
            Depth::Tree
        } else {
            Depth::Layers
        };
        Needs {
            sources: Sources::Layer { add, key: None },
            ..Needs::only(Reach::Layers(depth))
        }
    }

    fn plan<'a>(add: &'a ValueOf<Self>, image: &mut EditedImage<'a>) {
        self::add(image, add);
    }
}

fn add<'a>(image: &mut EditedImage<'a>, add: &'a AddLayer) {
    let address = image.address();
    let Some(source) = Source::of(image, add, address.clone()) else {
        return;
    };
    let n_layers = image.state.layers.len();
    let at = add.at.unwrap_or(n_layers + 1);
    if at > n_layers + 1 {
        let name = quoted(&image.state.display_name());
        let layers = several(n_layers, "layer", "layers");
        let message = format!("{name} has {layers}, so a new one cannot be layer {at}");
        let help = "a new layer is inserted below the layer with its number, or on top";
        return image.problem(Code::NoSuchLayer, address.key("at"), message, help);
    }
    let position = at - 1;
    let Some(made) = source.made(image, position) else {
        return;
    };
    if let Some(effect) = image.lay(position..position, made, &address) {
        image.effects.push(effect);
        image.note_hidden(position);
    }
}

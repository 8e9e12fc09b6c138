//! `add-layer`: a layer with the files of a directory, of a tar or of the patch.

use crate::edit::EditedImage;
use crate::edit::layer_source::Source;
use crate::patch::AddLayer;
use crate::problem::{Code, quoted};

/// Adds a layer to the image.
pub(crate) fn add<'a>(image: &mut EditedImage<'a>, add: &'a AddLayer) {
    let address = image.address();
    let Some(source) = Source::of(image, add, address.clone()) else {
        return;
    };
    if image.is_for_windows() {
        return;
    }
    let n_layers = image.state.layers.len();
    let at = add.at.unwrap_or(n_layers + 1);
    if at > n_layers + 1 {
        let name = quoted(&image.state.display_name());
        let message = format!("{name} has {n_layers} layers, so a new one cannot be layer {at}");
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

//! Taking a layer away: which one it is, and what the file tree is without it.

use regex_lite::Regex;

use crate::image::json::Value;
use crate::patch::{IfMissing, LayerRemoval, LayerSelector};
use crate::plan::edited_image::{EditedImage, Missing};
use crate::plan::effect::Effect;
use crate::plan::state::State;
use crate::plan::{PlannedLayer, RemovedLayer, tree_changes};
use crate::problem::{Code, quoted};

pub(in crate::plan) fn remove(image: &mut EditedImage<'_>, removal: &LayerRemoval) {
    if image.is_for_windows() {
        return;
    }
    if let Some(position) = one_layer(image, &removal.layer, removal.if_missing) {
        remove_from(image, position);
    }
}

/// Returns where in the stack the layer is that `selector` is about; several are a problem, and so is none in any image,
/// unless the patch says otherwise.
pub(in crate::plan) fn one_layer(
    image: &mut EditedImage<'_>,
    selector: &LayerSelector,
    if_missing: IfMissing,
) -> Option<usize> {
    let positions = positions(image.state, selector);
    image.look(0, !positions.is_empty(), if_missing, |image| {
        let help = help(image.state, selector);
        Missing {
            code: Code::NoSuchLayer,
            address: image.address(),
            what: format!("no layer {}", describe(selector)),
            help: Box::new(move |_| help.clone()),
        }
    });
    match positions[..] {
        [] => None,
        [position] => Some(position),
        _ => {
            let name = quoted(&image.state.display_name());
            let numbers: Vec<String> = positions.iter().map(|p| (p + 1).to_string()).collect();
            let message = format!("layers {} of {name} match", numbers.join(", "));
            let help = "select one by its number, or write one operation for each";
            image.problem(Code::AmbiguousLayer, image.address(), message, help);
            None
        }
    }
}

/// Returns where in the stack the layers are that `selector` is about.
fn positions(state: &State, selector: &LayerSelector) -> Vec<usize> {
    let n_layers = state.layers.len();
    match selector {
        LayerSelector::Number(number) => (number - 1..n_layers).take(1).collect(),
        LayerSelector::DiffId(wanted) => {
            let is_wanted = |&position: &usize| state.diff_id(position) == Some(*wanted);
            (0..n_layers).filter(is_wanted).collect()
        }
        LayerSelector::CreatedBy(pattern) => {
            let pattern = Regex::new(pattern).expect("it was compiled when it was read");
            let told = told(state).into_iter().take(n_layers).enumerate();
            let matching = told.filter(|(_, text)| pattern.is_match(text));
            matching.map(|(position, _)| position).collect()
        }
    }
}

/// Returns what the history says of each layer; nothing where it does not tell of every layer.
fn told(state: &State) -> Vec<String> {
    if !state.has_full_history {
        return Vec::new();
    }
    let created_by = |entry: &Value| {
        let text = entry.get("created_by").and_then(Value::as_text);
        text.map_or_else(String::new, std::borrow::Cow::into_owned)
    };
    state.config.layer_history().map(created_by).collect()
}

fn describe(selector: &LayerSelector) -> String {
    match selector {
        LayerSelector::Number(number) => number.to_string(),
        LayerSelector::DiffId(diff_id) => quoted(&diff_id.to_string()),
        LayerSelector::CreatedBy(pattern) => {
            format!("with the history entry {}", quoted(pattern))
        }
    }
}

fn help(state: &State, selector: &LayerSelector) -> String {
    match selector {
        LayerSelector::CreatedBy(_) if !state.has_full_history => {
            "the history does not cover every layer; select the layer by its number".to_owned()
        }
        _ => format!(
            "there are {} layers; the base is layer 1; `if-missing: ignore` allows the layer to be missing",
            state.layers.len()
        ),
    }
}

/// Returns which layer of the image as it is stands at `position`, or adds the problem that an earlier operation has made
/// it another.
pub(super) fn kept(image: &mut EditedImage<'_>, position: usize) -> Option<usize> {
    let state = &*image.state;
    let layer = match state.layers[position] {
        PlannedLayer::Kept(kept) => return Some(kept),
        PlannedLayer::Made(layer) => &image.layers[layer],
    };
    let (number, name) = (position + 1, quoted(&state.display_name()));
    let what = if layer.stands_for().is_some() {
        "changed"
    } else {
        "added"
    };
    let message = format!("layer {number} of {name} was {what} by an earlier operation");
    let help = "keep one of the two";
    image.problem(Code::Contradiction, image.address(), message, help);
    None
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
            let reason = state.reason(&error, &layers);
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

//! Which layers of an image an operation is about.

use regex_lite::Regex;

use super::image::Missing;
use super::{EditedImage, ImageState, PlannedLayer};
use crate::image::json::Value;
use crate::problem::{Code, quoted, several};
use crate::shape::{IfMissing, LayerRange, LayerSelector};

impl EditedImage<'_> {
    /// Returns the positions that a range means in the stack; a problem if it has no such layers.
    pub(crate) fn positions(&mut self, range: LayerRange) -> Option<Vec<usize>> {
        let state = &*self.state;
        let n_layers = state.layers.len();
        match range {
            LayerRange::All => Some((0..n_layers).collect()),
            LayerRange::Numbers(first, last) if last <= n_layers => {
                Some((first - 1..last).collect())
            }
            LayerRange::Numbers(_, last) => {
                let name = quoted(&state.display_name());
                let message = format!("{name} has no layer {last}");
                let help = format!("{}; the base is layer 1", there_are(n_layers));
                let address = self.address();
                self.problem(Code::NoSuchLayer, address, message, &help);
                None
            }
            LayerRange::Added => {
                let is_made = |&position: &usize| matches!(state.layers[position], PlannedLayer::Made(layer) if self.layers[layer].stands_for().is_none());
                Some((0..n_layers).filter(is_made).collect())
            }
        }
    }
}

/// Returns where in the stack the layer is that `selector` is about; several are a problem, and so is none in any image,
/// unless the patch says otherwise.
pub(crate) fn one_layer(
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
fn positions(state: &ImageState, selector: &LayerSelector) -> Vec<usize> {
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
fn told(state: &ImageState) -> Vec<String> {
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

fn there_are(n_layers: usize) -> String {
    let are = if n_layers == 1 { "is" } else { "are" };
    format!("there {are} {}", several(n_layers, "layer", "layers"))
}

fn help(state: &ImageState, selector: &LayerSelector) -> String {
    match selector {
        LayerSelector::CreatedBy(_) if !state.has_full_history => {
            "the history does not cover every layer; select the layer by its number".to_owned()
        }
        _ => format!(
            "{}; the base is layer 1; `if-missing: ignore` allows the layer to be missing",
            there_are(state.layers.len())
        ),
    }
}

/// Returns which layer of the image as it is stands at `position`, or adds the problem that an earlier operation has made
/// it another.
pub(crate) fn kept(image: &mut EditedImage<'_>, position: usize) -> Option<usize> {
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

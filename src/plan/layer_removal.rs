//! Taking a layer away: which one it is, and what the file tree is without it.

use regex_lite::Regex;

use super::effect::Effect;
use super::state::State;
use super::work::Work;
use super::{Change, FileChange, PlannedLayer, RemovedLayer, target};
use crate::image::json::Value;
use crate::patch::{IfMissing, LayerRemoval, LayerSelector};
use crate::problem::{Code, quoted};
use crate::rootfs::{Node, Rootfs, RootfsError};
use crate::tarball::Kind;

/// What of a base image a manifest tells (image-spec annotations.md, "Pre-Defined Annotation Keys").
const BASE_IMAGE: &str = "org.opencontainers.image.base.";

pub(super) fn remove(work: &mut Work<'_>, removal: &LayerRemoval) {
    let mut is_found = false;
    for i in 0..work.images.len() {
        let state = &work.states[work.images[i]];
        if state.is_windows() {
            let message = format!(
                "{} is a Windows image, whose layers have another form",
                quoted(&state.display_name())
            );
            let help = "labels and tags of Windows images can be changed";
            work.problem(
                Code::UnsupportedPlatform,
                work.address.clone(),
                message,
                help,
            );
            return;
        }
        let positions = positions(state, &removal.layer);
        is_found |= !positions.is_empty();
        match positions[..] {
            [] => {}
            [position] => remove_from(work, i, position),
            _ => {
                let name = quoted(&state.display_name());
                let numbers: Vec<String> = positions.iter().map(|p| (p + 1).to_string()).collect();
                let message = format!("layers {} of {name} are such", numbers.join(", "));
                let help = "name one by its number, or write an operation for each";
                work.problem(Code::AmbiguousLayer, work.address.clone(), message, help);
            }
        }
    }
    if !is_found && removal.if_missing == IfMissing::Problem {
        let (these_have, wanted) = (
            target::these_have(work.states, work.images),
            describe(&removal.layer),
        );
        let help = help(&work.states[work.images[0]], &removal.layer);
        let message = format!("{these_have} no layer {wanted}");
        work.problem(Code::NoSuchLayer, work.address.clone(), message, &help);
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
            format!("of which the history says {}", quoted(pattern))
        }
    }
}

fn help(state: &State, selector: &LayerSelector) -> String {
    match selector {
        LayerSelector::CreatedBy(_) if !state.has_full_history => {
            "the history does not tell of every layer; name the layer by its number".to_owned()
        }
        _ => format!(
            "there are {} layers, of which the base is layer 1; `if-missing: ignore` makes a layer that is not there no problem",
            state.layers.len()
        ),
    }
}

fn remove_from(work: &mut Work<'_>, i: usize, position: usize) {
    let state = &mut work.states[work.images[i]];
    let number = position + 1;
    let name = quoted(&state.display_name());
    let PlannedLayer::Kept(kept) = state.layers[position] else {
        let message = format!("layer {number} of {name} is one that an earlier operation adds");
        let help = "keep one of the two";
        return work.problem(Code::Contradiction, work.address.clone(), message, help);
    };
    if state.layers.len() == 1 {
        let message = format!("{name} would be left without a layer");
        let help = "engines do not run an image without layers";
        return work.problem(Code::LayerConflict, work.address.clone(), message, help);
    }
    let diff_id = state
        .diff_id(position)
        .expect("a layer that is kept has one");
    let tree = state.tree.as_ref();
    let tree = tree.expect("the tree was read for every image that may lose a layer");
    let without = match tree.without(kept) {
        Ok(without) => without,
        Err(error) => {
            let message = format!(
                "without layer {number} of {name}, {}",
                reason(&error, state)
            );
            let help = "an upper layer needs this one";
            return work.problem(Code::LayerConflict, work.address.clone(), message, help);
        }
    };
    let files = changes(tree, &without);
    state.tree = Some(without);
    state.layers.remove(position);
    state.config.remove_diff_id(position);
    if state.has_full_history {
        state.config.remove_layer_history(position);
    }
    state.removed.push(RemovedLayer {
        position: kept,
        files,
    });
    forget_base(state);
    work.effects[i].push(Effect::RemoveLayer { number, diff_id });
}

fn reason(error: &RootfsError, state: &State) -> String {
    let RootfsError::Entry {
        layer,
        name,
        reason,
    } = error
    else {
        return error.to_string();
    };
    let now = state
        .layers
        .iter()
        .position(|it| *it == PlannedLayer::Kept(*layer));
    let of = now.map_or_else(
        || "a layer that is added".to_owned(),
        |p| format!("layer {}", p + 1),
    );
    let name = quoted(&String::from_utf8_lossy(name));
    format!("{name} of {of} would be {reason}")
}

/// What is said about the base image speaks of layers that are perhaps no longer there.
fn forget_base(state: &mut State) {
    let documents = [
        &mut state.annotations.manifest,
        &mut state.annotations.descriptor,
    ];
    let mut is_dropped = false;
    for annotations in documents.into_iter().flatten() {
        let n_before = annotations.len();
        annotations.retain(|(key, _)| !key.starts_with(BASE_IMAGE));
        is_dropped |= annotations.len() < n_before;
    }
    if is_dropped {
        state.note(format!(
            "annotations `{BASE_IMAGE}*` are dropped: they speak of the layers as they were"
        ));
    }
}

/// Returns what differs for one who looks at both trees, sorted by path.
fn changes(before: &Rootfs, after: &Rootfs) -> Vec<FileChange> {
    let mut files = Vec::new();
    for (path, node) in before {
        let change = match after.get(&path) {
            None => Change::Removed,
            Some(other) if !looks_like(node, other) => Change::Changed,
            Some(_) => continue,
        };
        files.push((path, change, node.kind));
    }
    for (path, node) in after {
        if before.get(&path).is_none() {
            files.push((path, Change::Added, node.kind));
        }
    }
    files.sort_by(|a, b| a.0.cmp(&b.0));
    let change = |(path, change, kind)| {
        let slash = if kind == Kind::Directory { "/" } else { "" };
        let path = format!("{path}{slash}");
        FileChange { change, path }
    };
    files.into_iter().map(change).collect()
}

fn looks_like(one: &Node, other: &Node) -> bool {
    let is_directory = one.kind == Kind::Directory;
    (one.kind, one.mode, one.uid, one.gid, one.device)
        == (other.kind, other.mode, other.uid, other.gid, other.device)
        && one.link_name == other.link_name
        && one.xattrs == other.xattrs
        && (one.content == other.content || one.kind != Kind::File)
        && (one.mtime == other.mtime || is_directory)
}

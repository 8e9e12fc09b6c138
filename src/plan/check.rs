//! What is wrong with a patch whatever the image: operations of which one undoes the other.
//!
//! The operations are planned for an image that has nothing but what they cannot do without. What they say of each
//! other there, they say of each other everywhere; what they say of that image is nobody's business.

use std::collections::{HashMap, HashSet};
use std::rc::Rc;

use super::effort::Effort;
use super::names::Names;
use super::state::State;
use super::work::Work;
use super::{InventoryImage, OperationId, Texts, work_on};
use crate::annotation::{Annotations, ImageAnnotations, Referring};
use crate::config_field::ConfigField;
use crate::image::Config;
use crate::patch::{IfMissing, Operation, Patch, PatchOutline};
use crate::problem::{Address, Code, Problem, Rejected};

/// Returns the contradictions that can be seen without an image: those within one document, and those of documents that
/// are about the only image.
pub fn contradictions(outline: &PatchOutline) -> Result<(), Rejected> {
    let file = outline.file();
    let files = std::slice::from_ref(file);
    let mut only = state(file.patches());
    let mut found: Vec<Problem> = Vec::new();
    for (d, patch) in file.patches().iter().enumerate() {
        let mut own = state(std::slice::from_ref(patch));
        let is_about_all = patch.target.images.is_empty() && patch.target.platforms.is_empty();
        let state = if is_about_all { &mut only } else { &mut own };
        let mut names = Names::of(std::slice::from_ref(state));
        for (o, operation) in patch.operations.iter().enumerate() {
            if operation.needs_layers() {
                continue;
            }
            let effort = Rc::clone(&state.effort);
            let mut problems = Vec::new();
            let mut effects = [Vec::new()];
            let mut work = Work {
                files,
                id: OperationId {
                    file: 0,
                    document: d,
                    operation: o,
                },
                names: &names,
                states: std::slice::from_mut(state),
                images: &[0],
                address: Address::operation(d, o),
                sources: &HashMap::new(),
                epoch: 0,
                layers: &mut Vec::new(),
                texts: &Texts::default(),
                wanted: &mut Vec::new(),
                keeps_open: false,
                keeps_plain: true,
                effort: &effort,
                effects: &mut effects,
                problems: &mut problems,
            };
            work_on(&mut work, operation);
            names.follow(0, &effects[0]);
            problems.retain(|problem| problem.code() == Code::Contradiction);
            found.extend(problems);
        }
    }
    if found.is_empty() {
        return Ok(());
    }
    Err(file.reject(found))
}

/// An image with the variables that operations extend, and with a place for every annotation.
fn state(patches: &[Patch]) -> State {
    let mut config = Config::parse(b"{\"rootfs\":{}}").expect("it has all that it must have");
    let operations = patches.iter().flat_map(|patch| &patch.operations);
    let parts = operations.flat_map(|operation| match operation {
        Operation::PrependEnv(parts) | Operation::AppendEnv(parts) => parts.as_slice(),
        _ => &[],
    });
    let mut there = HashSet::new();
    for part in parts.filter(|part| part.if_missing == IfMissing::Problem) {
        if there.insert(&part.name) {
            config.push_item(ConfigField::Env, &format!("{}=", part.name));
        }
    }
    let image = InventoryImage {
        image_id: config.digest(),
        config,
        tags: Vec::new(),
        group: 0,
        digests: Vec::new(),
        referrers: Referring::default(),
        annotations: ImageAnnotations {
            manifest: Some(Annotations::default()),
            index: Some(Annotations::default()),
            descriptor: Some(Annotations::default()),
        },
        is_index_referred_to: false,
        layer_sizes: Vec::new(),
        layer_compressions: Vec::new(),
        tree: None,
        logs: None,
        contents: HashMap::new(),
    };
    let effort = Effort::of(std::slice::from_ref(&image));
    State::new(&image, false, Rc::new(effort))
}

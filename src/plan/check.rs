//! What is wrong with a patch whatever the image: operations of which one undoes the other.
//!
//! The operations are planned for an image that has nothing but what they cannot do without. What they say of each
//! other there, they say of each other everywhere; what they say of that image is nobody's business.

use std::collections::{HashMap, HashSet};

use super::run::Run;
use super::{Inventory, OperationId};
use crate::annotation::{Annotations, ImageAnnotations, Referring};
use crate::config_field::ConfigField;
use crate::edit::{InventoryImage, Texts};
use crate::image::Config;
use crate::patch::{Patch, PatchOutline};
use crate::problem::{Code, Problem, Rejected};

/// Returns the contradictions that can be seen without an image: those within one document, and those of documents that
/// are about the only image.
pub fn contradictions(outline: &PatchOutline) -> Result<(), Rejected> {
    let file = outline.file();
    let files = std::slice::from_ref(file);
    let inventory = inventory_for(file.patches());
    let texts = Texts::default();
    let mut all = Run::new(files, &inventory, &texts);
    let mut found: Vec<Problem> = Vec::new();
    for (d, patch) in file.patches().iter().enumerate() {
        let is_about_all = patch.target.images.is_empty() && patch.target.platforms.is_empty();
        if is_about_all {
            found.extend(of_patch(&mut all, d, patch));
        } else {
            let inventory = inventory_for(std::slice::from_ref(patch));
            found.extend(of_patch(&mut Run::new(files, &inventory, &texts), d, patch));
        }
    }
    if found.is_empty() {
        return Ok(());
    }
    Err(file.reject(found))
}

/// Returns what the operations of one document undo.
fn of_patch(run: &mut Run<'_>, document: usize, patch: &Patch) -> Vec<Problem> {
    let operations = patch.operations.iter().enumerate();
    for (operation, _) in
        operations.filter(|(_, operation)| !operation.needs().reach.is_about_layers())
    {
        let id = OperationId {
            file: 0,
            document,
            operation,
        };
        run.operation(id, &[0], false);
    }
    let mut problems = std::mem::take(&mut run.problems);
    problems.retain(|problem| problem.code() == Code::Contradiction);
    problems
}

/// An image with the variables that operations extend, and with a place for every annotation.
fn inventory_for(patches: &[Patch]) -> Inventory {
    let mut config = Config::parse(b"{\"rootfs\":{}}").expect("it has all that it must have");
    let operations = patches.iter().flat_map(|patch| &patch.operations);
    let variables = operations.flat_map(|operation| operation.needs().variables);
    let mut there = HashSet::new();
    for name in variables {
        if there.insert(name) {
            config.push_item(ConfigField::Env, &format!("{name}="));
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
        absent_layer: None,
        layer_sizes: Vec::new(),
        layer_compressions: Vec::new(),
        tree: None,
        logs: None,
        contents: HashMap::new(),
    };
    Inventory {
        images: vec![image],
        unread: Vec::new(),
        sources: HashMap::new(),
        keeps_plain: true,
        packed: super::Packed::None,
        has_names: true,
        source_date_epoch: None,
        shown: Vec::new(),
    }
}

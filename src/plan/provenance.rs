//! What a changed image tells of its patches in the annotations of its manifest, where a patch asks for that.
//!
//! Annotations say that the patches, in their order, make this image of the one with that digest. So all patches of a
//! run are told of if one asks for it, and an image that tells of its patches goes on telling. A patch that changes nothing
//! else is not told of, and may be applied again.

use std::collections::BTreeMap;

use crate::annotation::{AnnotationPlace, Annotations, PATCHED_BASE, PATCHES};
use crate::compression::Compression;
use crate::digest::Digest;
use crate::edit::state::PatchRecord;
use crate::edit::{ImageState, PlannedLayer};
use crate::image::Config;
use crate::patch::PatchFile;
use crate::problem::{Address, Code, Problem, quoted};

/// An image before its patch.
pub(super) struct Before {
    config: Config,
    layers: Vec<PlannedLayer>,
    recompressed: BTreeMap<usize, Compression>,
    n_rewrites: usize,
    annotations: Option<Annotations>,
}

impl Before {
    pub(super) fn of(state: &ImageState) -> Self {
        Self {
            config: state.config.clone(),
            layers: state.layers.clone(),
            recompressed: state.recompressed.clone(),
            n_rewrites: state.n_rewrites,
            annotations: state.annotations.manifest.clone(),
        }
    }

    /// The configuration.
    pub(super) fn config(&self) -> &Config {
        &self.config
    }

    fn differs(&self, state: &ImageState) -> bool {
        self.config != state.config
            || self.layers != state.layers
            || self.recompressed != state.recompressed
            || self.n_rewrites != state.n_rewrites
            || self.annotations != state.annotations.manifest
    }
}

/// Has the patches of the run told, if there is a place for that.
pub(super) fn want(state: &mut ImageState, document: &Address) -> Result<(), Problem> {
    if state.annotations.manifest.is_some() && !state.digests.is_empty() {
        state.provenance.is_wanted = true;
        return Ok(());
    }
    let address = document.clone().key("provenance");
    let name = quoted(&state.display_name());
    let message = format!("{name} has no OCI manifest in this archive to annotate");
    let problem = Problem::new(Code::NoSuchDocument, address, message);
    Err(problem.with_help(
        "`apply --to oci-archive` writes a form that has one; `--provenance FILE` records the same for any form",
    ))
}

/// Takes down that `file` has changed the image, if it has.
pub(super) fn take_down(state: &mut ImageState, before: &Before, file: &PatchFile) {
    if !before.differs(state) {
        return;
    }
    let patch = format!("{}@{}", file.name(), file.digest());
    let patches = &mut state.provenance.patches;
    // A file of several documents is one patch.
    if patches.last() != Some(&patch) {
        patches.push(patch);
    }
}

/// Writes the annotations, once all patches are planned.
pub(super) fn annotate(state: &mut ImageState) {
    let PatchRecord { is_wanted, patches } = std::mem::take(&mut state.provenance);
    let base = state.digests.first().map(Digest::to_string);
    let (Some(base), Some(there)) = (base, state.annotations.on_mut(AnnotationPlace::Manifest))
    else {
        return;
    };
    let patches = patches.join(",");
    if patches.is_empty() {
        return;
    }
    if let Some(told) = there.get(PATCHES) {
        let told = format!("{told},{patches}");
        there.set(PATCHES, &told);
    } else if is_wanted {
        there.take(PATCHED_BASE);
        there.set(PATCHED_BASE, &base);
        there.set(PATCHES, &patches);
    }
}

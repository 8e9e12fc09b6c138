//! What a changed image tells of its patches in the annotations of its manifest, where a patch asks for that.
//!
//! Annotations say that the patches, in their order, make this image of the one with that digest. A patch that changes
//! nothing else is not told of, so that it may be applied again.

use super::state::State;
use crate::annotation::AnnotationPlace;
use crate::digest::Digest;
use crate::image::Config;
use crate::patch::PatchFile;
use crate::problem::{Address, Code, Problem, quoted};

/// The digest of the manifest that the first of the patches was applied to. Not `org.opencontainers.image.base.digest`:
/// that is what the image was built from, which may be known already and stays true.
const BASE: &str = "ocipatch.base.digest";
/// The patches, as `NAME@sha256:DIGEST`, joined by commas.
const PATCHES: &str = "ocipatch.patches";

/// An image before its patch.
pub(super) struct Before {
    config: Config,
    n_removed: usize,
    layers: Vec<super::PlannedLayer>,
    annotations: Option<Vec<(String, String)>>,
}

impl Before {
    pub(super) fn of(state: &State) -> Self {
        Self {
            config: state.config.clone(),
            n_removed: state.removed.len(),
            layers: state.layers.clone(),
            annotations: state.annotations.manifest.clone(),
        }
    }

    /// The configuration.
    pub(super) fn config(&self) -> &Config {
        &self.config
    }

    fn differs(&self, state: &State) -> bool {
        self.config != state.config
            || self.n_removed != state.removed.len()
            || self.layers != state.layers
            || self.annotations != state.annotations.manifest
    }
}

/// Annotates an image that its patch has changed, or returns the problem that it cannot be annotated.
pub(super) fn annotate(
    state: &mut State,
    before: &Before,
    file: &PatchFile,
    document: &Address,
) -> Result<(), Problem> {
    let is_changed = before.differs(state);
    let base = state.digests.first().map(Digest::to_string);
    let name = quoted(&state.display_name());
    let (Some(base), Some(there)) = (base, state.annotations.on_mut(AnnotationPlace::Manifest))
    else {
        let address = document.clone().key("provenance");
        let message = format!("{name} has no OCI manifest in this archive to be annotated");
        let problem = Problem::new(Code::NoSuchDocument, address, message);
        return Err(problem.with_help(
            "`apply --to oci-archive` makes a form that has one; `--provenance FILE` tells the same in any form",
        ));
    };
    if !is_changed {
        return Ok(());
    }
    let this = format!("{}@{}", file.name(), file.digest());
    match there.iter_mut().find(|(key, _)| key == PATCHES) {
        // A file of several documents is one patch file.
        Some(_) if state.told.as_ref() == Some(&this) => {}
        Some((_, patches)) => *patches = format!("{patches},{this}"),
        None => {
            there.retain(|(key, _)| key != BASE);
            there.push((BASE.to_owned(), base));
            there.push((PATCHES.to_owned(), this.clone()));
        }
    }
    state.told = Some(this);
    Ok(())
}

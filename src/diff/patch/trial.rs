//! A patch held against what it was made for: what differs once it is applied.

use std::path::PathBuf;

use super::annotations::lasting;
use super::config::COLLECTIONS;
use super::{LayerTar, Subject};
use crate::annotation::{AnnotationEdit, ImageAnnotations};
use crate::apply::compare_tags;
use crate::apply::{ConfigChange, annotation, describe, shown};
use crate::archive::{Archive, Headers};
use crate::config_field::ConfigField;
use crate::diff::annotation_edits;
use crate::diff::config::{compare_configs, field_of};
use crate::error::Error;
use crate::gather::{Base, Conditions, NotPlanned, Patches, gather};
use crate::operation::Sources;
use crate::ordered::OrderedMap;
use crate::patch::PatchFile;
use crate::plan::{Change, HostSource, ImagePlan, LayerSource, OperationId, Plan, PlannedLayer};
use crate::problem::{Code, Problem, Rejected};
use crate::rootfs::LayerLog;

/// Something that still differs.
pub(super) struct Left {
    /// The old image, where one is meant.
    pub(super) image: Option<usize>,
    /// The field of several things that it lies in.
    pub(super) field: Option<ConfigField>,
    /// What it is, for people.
    pub(super) text: String,
}

/// What a trial found.
pub(super) struct Outcome {
    pub(super) left: Vec<Left>,
    /// Whether it took more work than a patch may.
    pub(super) is_too_much: bool,
}

/// Returns what differs between the new images and what the patch file `text` makes of the old ones.
pub(super) fn outcome(text: &str, subject: &Subject<'_>) -> Result<Outcome, Error> {
    let (old, new) = (subject.old, subject.new);
    let files = match read(text) {
        Ok(files) => files,
        Err(rejected) => return Ok(told(&rejected)),
    };
    // The tars are not written yet: whatever lies where they will be is not looked at.
    let based = |file: PatchFile| {
        let base = Base {
            patch_file: None,
            directory: PathBuf::from("/dev/null"),
            allow_outside: true,
        };
        (file, base)
    };
    let patches: Patches = files.into_iter().map(based).collect();
    let mut gathered = gather(&patches, old, &Conditions::default())?;
    for (id, tar) in taken(patches.files(), subject) {
        gathered.inventory.sources.insert(id, finding(tar, new)?);
    }
    let plan = match gathered.plan() {
        Ok(plan) => plan,
        Err(NotPlanned::Rejected(rejected)) => return Ok(told(&rejected)),
        Err(NotPlanned::Failed(error)) => return Err(error),
    };
    let mut left = Vec::new();
    for &(a, b) in subject.pairs {
        compare(&plan.images[a], (old, a), (new, b), &mut left);
        if subject.style.layers.is_some() {
            compare_layers(&plan, a, (old, new, b), subject, &mut left);
        }
    }
    Ok(Outcome {
        left,
        is_too_much: false,
    })
}

/// Returns the operations that take a tar, and which.
fn taken<'a>(files: &[PatchFile], subject: &'a Subject<'_>) -> Vec<(OperationId, &'a LayerTar)> {
    let mut taken = Vec::new();
    for (d, patch) in files.iter().flat_map(PatchFile::patches).enumerate() {
        for (o, operation) in patch.operations.iter().enumerate() {
            let Sources::Layer { add, .. } = operation.needs().sources else {
                continue;
            };
            let from = add.from.as_deref().unwrap_or_default();
            let id = OperationId {
                file: 0,
                document: d,
                operation: o,
            };
            taken.extend(tar_of(from, subject).map(|tar| (id, tar)));
        }
    }
    taken
}

fn tar_of<'a>(from: &str, subject: &'a Subject<'_>) -> Option<&'a LayerTar> {
    let name = from.rsplit('/').next()?;
    let place = subject.places.get(name)?;
    subject.tars.get(*place)
}

/// What will be found where a tar is.
fn finding(tar: &LayerTar, new: &Archive) -> Result<HostSource, Error> {
    let (image, position) = tar.place;
    let layer = &new.images()[image].layers()[position];
    let read = |headers: &mut Headers<'_>| LayerLog::read(0, headers);
    let log = new.read_headers(layer, read)?.map_err(|error| {
        let name = new.layer_name(layer).to_owned();
        Error::unreadable_layer(name, error)
    })?;
    Ok(HostSource {
        from: Some(LayerSource::Tar { import: 0, log }),
        ..HostSource::default()
    })
}

fn compare_layers(
    plan: &Plan,
    a: usize,
    (old, new, b): (&Archive, &Archive, usize),
    subject: &Subject<'_>,
    left: &mut Vec<Left>,
) {
    let before = &old.images()[a];
    let planned = plan.images[a].layers.iter().map(|layer| match *layer {
        PlannedLayer::Kept(position) => Some(before.layers()[position].diff_id()),
        PlannedLayer::Made(made) => {
            let from = plan.layers[made].from.as_deref()?;
            Some(tar_of(from, subject)?.diff_id)
        }
    });
    let wanted = new.images()[b].layers().iter();
    if !planned.eq(wanted.map(|layer| Some(layer.diff_id()))) {
        left.push(Left {
            image: Some(a),
            field: None,
            text: format!("image {}: layers", shown(&before.display_name())),
        });
    }
}

/// A text without operations is no patch, and changes nothing.
fn read(text: &str) -> Result<Vec<PatchFile>, Rejected> {
    if text.is_empty() {
        return Ok(Vec::new());
    }
    PatchFile::parse("the patch", text.as_bytes()).map(|file| vec![file])
}

fn told(rejected: &Rejected) -> Outcome {
    let problem = |problem: &Problem| Left {
        image: None,
        field: None,
        text: problem.message(),
    };
    let mut problems = rejected.problems();
    Outcome {
        left: rejected.problems().map(problem).collect(),
        is_too_much: problems.any(|problem| problem.code() == Code::TooMuchWork),
    }
}

fn compare(
    planned: &ImagePlan,
    (old, a): (&Archive, usize),
    (new, b): (&Archive, usize),
    left: &mut Vec<Left>,
) {
    let (before, after) = (&old.images()[a], &new.images()[b]);
    let name = shown(&before.display_name());
    let mut add = |field, text: String| {
        left.push(Left {
            image: Some(a),
            field,
            text: format!("image {name}: {text}"),
        });
    };
    let (mut changes, _history) = compare_configs(&planned.config, after.config());
    for (key, n) in crowds(&mut changes) {
        add(None, format!("{}: {n} differences", describe(&key)));
    }
    for change in changes {
        let field = field_of(&change, &COLLECTIONS);
        add(field, describe(&change));
    }
    let planned_annotations = revised(old.annotations(a), &planned.annotations);
    let edits = annotation_edits(&lasting(planned_annotations), &lasting(new.annotations(b)));
    for edit in edits {
        add(None, describe(&annotation(&edit)));
    }
    for tag in compare_tags(&planned.tags, after.tags()) {
        if tag.change != Change::Kept {
            add(None, format!("tag {}", tag.tag));
        }
    }
}

/// Takes out what differs in keys of the root that no tool knows, where that is much; returns these keys.
fn crowds(changes: &mut Vec<ConfigChange>) -> Vec<(ConfigChange, usize)> {
    let mut counts: OrderedMap<String, usize> = OrderedMap::default();
    for change in changes.iter().filter(|change| change.path[0] != "config") {
        let n = counts.get(&change.path[0]).copied().unwrap_or_default();
        counts.insert(change.path[0].clone(), n + 1);
    }
    let is_crowd = |key: &str| counts.get(key).is_some_and(|n| *n > 2);
    changes.retain(|change| !is_crowd(&change.path[0]));
    let crowds = counts.iter().filter(|(_, n)| **n > 2);
    let change = |key| ConfigChange {
        path: vec![key],
        change: Change::Changed,
        old: None,
        new: None,
    };
    crowds.map(|(key, n)| (change(key.clone()), *n)).collect()
}

/// Returns annotations as a plan leaves them.
fn revised(mut annotations: ImageAnnotations, edits: &[AnnotationEdit]) -> ImageAnnotations {
    for edit in edits {
        let Some(pairs) = annotations.on_mut(edit.on) else {
            continue;
        };
        match &edit.new {
            Some(value) => drop(pairs.set(&edit.key, value)),
            None => drop(pairs.take(&edit.key)),
        }
    }
    annotations
}

#[cfg(test)]
mod tests {
    use super::{Change, ConfigChange, crowds};

    #[test]
    fn more_than_two_differences_of_a_key_that_no_tool_knows_are_a_crowd() {
        for (given, left, crowd) in [
            ("", "", ""),
            ("x.a x.b", "x.a x.b", ""),
            ("x.a y.a x.b x.c", "y.a", "x:3"),
            ("y.a x.a y.b x.b y.c x.c x.d", "", "y:3 x:4"),
            (
                "config.a config.b config.c",
                "config.a config.b config.c",
                "",
            ),
        ] {
            let change = |path: &str| ConfigChange {
                path: path.split('.').map(str::to_owned).collect(),
                change: Change::Added,
                old: None,
                new: None,
            };
            let mut changes: Vec<ConfigChange> = given.split_whitespace().map(change).collect();
            let found = crowds(&mut changes);
            let found = found
                .iter()
                .map(|(key, n)| format!("{}:{n}", key.path.join(".")));
            let found: Vec<String> = found.collect();
            let kept = changes.iter().map(|change| change.path.join("."));
            let kept: Vec<String> = kept.collect();
            assert_eq!(
                (kept.join(" "), found.join(" ")),
                (left.into(), crowd.into())
            );
        }
    }
}

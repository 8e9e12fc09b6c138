//! The operations that turn one stack of layers into another: what goes is removed, what comes is a tar beside the patch.

use std::collections::{HashMap, HashSet};
use std::io::Write;
use std::ops::Range;

use super::Operations;
use crate::archive::{Archive, Image, Layer};
use crate::diff::layers::{Run, runs};
use crate::digest::{DiffId, Hashing};
use crate::error::Error;
use crate::patch::{DraftValue, PatchDraft};
use crate::tarball::read_some;

const BUFFER_BYTES: usize = 128 * 1024;

/// A layer of the new archive that a patch takes from a tar.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LayerTar {
    /// The name of the tar within its directory.
    pub name: String,
    /// What the tar hashes to.
    pub diff_id: DiffId,
    /// The image that has the layer, and its position there; the base is 0.
    pub place: (usize, usize),
}

impl LayerTar {
    /// Writes the tar; one that is not what `new` says of it is an error.
    pub fn write(&self, new: &Archive, out: impl Write) -> Result<(), Error> {
        let (image, position) = self.place;
        let layer = &new.images()[image].layers()[position];
        let name = || new.layer_name(layer).to_owned();
        let failed = |place: String| move |source| Error::Io { place, source };
        let mut stream = new.open_layer(layer)?;
        let mut hashing = Hashing::new(out);
        let mut buffer = vec![0; BUFFER_BYTES];
        loop {
            let read = read_some(&mut stream, &mut buffer);
            let n = read.map_err(|error| failed(name())(error))?;
            if n == 0 {
                break;
            }
            let written = hashing.write_all(&buffer[..n]);
            written.map_err(failed(self.name.clone()))?;
        }
        new.source().check()?;
        let (found, _, _) = hashing.finish_layer();
        if found == self.diff_id {
            return Ok(());
        }
        Err(Error::Mismatch {
            what: format!("the diff id of `{}`", name()),
            found: found.to_string(),
            wanted: self.diff_id.to_string(),
        })
    }
}

/// In which order layers come and go: what lies above them has to fit at every moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Order {
    RemoveFirst,
    AddFirst,
    /// From the top down one takes the place of another, as far as there are both.
    Exchange,
}

/// Returns the layers of the new archive that the images of `pairs` get, each once.
pub(super) fn tars(old: &Archive, new: &Archive, pairs: &[(usize, usize)]) -> Vec<LayerTar> {
    let mut tars: Vec<LayerTar> = Vec::new();
    let mut seen = HashSet::new();
    for &(a, b) in pairs {
        let (before, after) = (old.images()[a].layers(), new.images()[b].layers());
        let come = runs(before, after).into_iter().filter_map(|run| match run {
            Run::Differs { new, .. } => Some(new),
            Run::Kept(_) => None,
        });
        for position in come.flatten() {
            let diff_id = after[position].diff_id();
            if seen.insert(diff_id) {
                tars.push(LayerTar {
                    name: name(diff_id),
                    diff_id,
                    place: (b, position),
                });
            }
        }
    }
    tars
}

fn name(diff_id: DiffId) -> String {
    format!("{}.tar", diff_id.short())
}

/// Returns what turns the layers of `old` into those of `new`, which lie in `directory`, as the patch spells it.
pub(super) fn operations(old: &Image, new: &Image, directory: &str, order: Order) -> Operations {
    let (before, after) = (old.layers(), new.layers());
    let told = new.created_by();
    let mut counts: HashMap<DiffId, usize> = HashMap::new();
    for layer in before.iter().chain(after) {
        *counts.entry(layer.diff_id()).or_default() += 1;
    }
    let which = |position| which(before, &counts, position);
    let tar = |position: usize, at| {
        let told = told.get(position).and_then(Option::as_deref);
        tar(new, position, directory, at, told)
    };
    let mut operations = Operations::new();
    // From the top down, so that the numbers of the others stay.
    for run in runs(before, after).into_iter().rev() {
        let Run::Differs {
            old: gone,
            new: come,
        } = run
        else {
            continue;
        };
        let is_top = gone.end == before.len();
        let removals = |gone: Range<usize>| gone.rev().map(|position| removal(which(position)));
        let additions = |come: Range<usize>, n_below: usize| {
            let first = come.start;
            come.map(move |position| {
                let at =
                    (!is_top || order == Order::Exchange).then_some(n_below + position - first + 1);
                ("add-layer", tar(position, at))
            })
        };
        let n_both = match order {
            Order::Exchange => gone.len().min(come.len()),
            _ => 0,
        };
        let exchanged = (1..=n_both).map(|n| {
            let mut which = vec![which(gone.end - n)];
            which.push(("with".to_owned(), tar(come.end - n, None)));
            ("replace-layer", DraftValue::Map(which))
        });
        let removed = removals(gone.start..gone.end - n_both);
        let added = come.start..come.end - n_both;
        match order {
            Order::AddFirst => operations.extend(additions(added, gone.end).chain(removed)),
            _ => operations.extend(exchanged.chain(removed).chain(additions(added, gone.start))),
        }
    }
    operations
}

/// How a layer of the old image is named: by its diff id, or by its number where that is not enough.
fn which(
    before: &[Layer],
    counts: &HashMap<DiffId, usize>,
    position: usize,
) -> (String, DraftValue) {
    let diff_id = before[position].diff_id();
    if counts[&diff_id] == 1 {
        return ("diff-id".to_owned(), DraftValue::Text(diff_id.to_string()));
    }
    ("layer".to_owned(), number(position + 1))
}

fn removal(which: (String, DraftValue)) -> (&'static str, DraftValue) {
    let value = match which {
        (key, number) if key == "layer" => number,
        diff_id => DraftValue::Map(vec![diff_id]),
    };
    ("remove-layer", value)
}

/// What `add-layer` takes for a layer of the new image.
fn tar(
    image: &Image,
    position: usize,
    directory: &str,
    at: Option<usize>,
    created_by: Option<&str>,
) -> DraftValue {
    let tar = format!("{directory}/{}", name(image.layers()[position].diff_id()));
    let mut pairs = vec![
        ("from".to_owned(), DraftValue::Text(tar)),
        ("as-is".to_owned(), DraftValue::Word("true")),
    ];
    pairs.extend(at.map(|at| ("at".to_owned(), number(at))));
    let plain = DraftValue::Map(pairs.clone());
    let Some(created_by) = created_by else {
        return plain;
    };
    pairs.push(("created-by".to_owned(), DraftValue::text(created_by)));
    let told = DraftValue::Map(pairs);
    if PatchDraft::can_say("add-layer", &told) {
        told
    } else {
        plain
    }
}

fn number(number: usize) -> DraftValue {
    DraftValue::Number(i64::try_from(number).expect("no image has so many layers"))
}

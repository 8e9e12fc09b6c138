//! Notes on purged contents that an image still has: same size, same digest.

use std::collections::{HashMap, HashSet};

use crate::archive::Archive;
use crate::digest::Digest;
use crate::error::Error;
use crate::gather::{OpenSources, Reading};
use crate::layer::Data;
use crate::plan::{PlacedContent, Plan, Remains};
use crate::tarball::MAX_HOLE_BYTES;

/// How many purged files a plan speaks of, and how many places of each; the others are counted.
const MAX_FILES: usize = 20;
const MAX_PLACES: usize = 5;

/// Returns the notes of each image.
pub(super) fn notes(
    plan: &Plan,
    archive: &Archive,
    opened: &OpenSources,
) -> Result<Vec<Vec<String>>, Error> {
    let images = plan.images.iter().enumerate();
    images
        .map(|(i, image)| {
            let reading = Reading {
                archive,
                image: &archive.images()[i],
                opened,
            };
            notes_of(&image.remains, reading)
        })
        .collect()
}

fn notes_of(remains: &Remains, reading: Reading<'_>) -> Result<Vec<String>, Error> {
    let (purged, remaining) = (&remains.purged, &remains.remaining);
    let all = || purged.iter().chain(remaining);
    let (digests, n_unread) = digests(all().map(|content| &content.data), reading)?;
    let digest = |content: &PlacedContent| digests.get(&content.data);
    let mut places: HashMap<&Digest, Vec<&PlacedContent>> = HashMap::new();
    for content in remaining {
        if let Some(digest) = digest(content) {
            places.entry(digest).or_default().push(content);
        }
    }
    let mut notes = Vec::new();
    let mut n_more = 0;
    for content in purged {
        // Each content once, by the first of its names.
        let Some(places) = digest(content).and_then(|digest| places.remove(digest)) else {
            continue;
        };
        if notes.len() == MAX_FILES {
            n_more += 1;
            continue;
        }
        let shown = places.iter().take(MAX_PLACES).map(|place| {
            let number = place.layer.expect("what remains is in a layer") + 1;
            format!("`{}` (layer {number})", place.path)
        });
        let shown = shown.collect::<Vec<_>>().join(", ");
        let more = match places.len().saturating_sub(MAX_PLACES) {
            0 => String::new(),
            n => format!(" and {n} more"),
        };
        notes.push(format!(
            "`{}` is purged, and the image still has its content: {shown}{more}",
            content.path
        ));
    }
    if n_more > 0 {
        let s = if n_more == 1 { "" } else { "s" };
        notes.push(format!(
            "the image still has the content of {n_more} more purged file{s}"
        ));
    }
    if n_unread > 0 {
        let were = if n_unread == 1 { " was" } else { "s were" };
        notes.push(format!(
            "{n_unread} sparse file{were} not compared with purged files: together their holes have over {MAX_HOLE_BYTES} bytes"
        ));
    }
    Ok(notes)
}

/// Returns what contents hash to, and how many were not read because of their holes.
fn digests<'d>(
    contents: impl Iterator<Item = &'d Data>,
    reading: Reading<'_>,
) -> Result<(HashMap<&'d Data, Digest>, usize), Error> {
    let mut seen = HashSet::new();
    let distinct: Vec<&Data> = contents.filter(|data| seen.insert(*data)).collect();
    let n_distinct = distinct.len();
    let mut left = MAX_HOLE_BYTES;
    let is_read = |data: &&Data| match left.checked_sub(data.hole_bytes()) {
        None => false,
        Some(rest) => {
            left = rest;
            true
        }
    };
    let wanted: Vec<&Data> = distinct.into_iter().filter(is_read).collect();
    let digests = reading.digests(&wanted)?;
    let n_unread = n_distinct - wanted.len();
    Ok((wanted.into_iter().zip(digests).collect(), n_unread))
}

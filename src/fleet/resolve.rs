//! From the file of a fleet to its lock: tags listed and filtered, digests asked for, destinations named.

use std::collections::HashMap;
use std::num::NonZeroUsize;

use super::lock::{Entry, Lock, Recipe};
use super::parallel::each;
use super::{FleetFile, World};
use crate::digest::Digest;
use crate::error::Error;
use crate::gather::NotPlanned;
use crate::problem::{Address, Code, Problem, quoted};
use crate::reference::Reference;

/// A source before its digest is known.
struct Found {
    /// The image of the fleet file, counting from 0.
    image: usize,
    from: Reference,
    to: Reference,
}

/// Asks the registries for the sources of a fleet. `recipes` has the recipe of each image of the file.
pub fn resolve(
    file: &FleetFile,
    recipes: &[Recipe],
    world: &dyn World,
    threads: NonZeroUsize,
) -> Result<Lock, NotPlanned> {
    let mut problems = Vec::new();
    let sources = sources(file, world, threads, &mut problems)?;
    let mut found = Vec::new();
    for (image, from) in sources {
        match destination(file, image, &from) {
            Ok(to) => found.push(Found { image, from, to }),
            Err(problem) => problems.push(problem),
        }
    }
    check(file, &found, &mut problems);
    if !problems.is_empty() {
        return Err(file.reject(problems).into());
    }
    let digests = each(found.len(), threads, |i| world.digest(&found[i].from));
    let mut entries = Vec::with_capacity(found.len());
    for (found, digest) in found.into_iter().zip(digests) {
        match digest? {
            Some(digest) => entries.push(Entry {
                to: found.to,
                from: found.from,
                digest,
                recipe: found.image,
                result: None,
            }),
            None => problems.push(absent(file, &found)),
        }
    }
    if !problems.is_empty() {
        return Err(file.reject(problems).into());
    }
    Ok(Lock::new(recipes, entries).expect("destinations were checked"))
}

/// Returns every source, each with its image of the file. The tags of a repository are listed once.
fn sources(
    file: &FleetFile,
    world: &dyn World,
    threads: NonZeroUsize,
    problems: &mut Vec<Problem>,
) -> Result<Vec<(usize, Reference)>, Error> {
    let images = &file.fleet().images;
    let mut repositories: Vec<&Reference> = Vec::new();
    let mut places: HashMap<String, usize> = HashMap::new();
    for image in images.iter().filter(|image| image.tags.is_some()) {
        places
            .entry(image.from.full_repository())
            .or_insert_with(|| {
                repositories.push(&image.from);
                repositories.len() - 1
            });
    }
    let listed = each(repositories.len(), threads, |i| world.tags(repositories[i]));
    let listed: Vec<Vec<String>> = listed.into_iter().collect::<Result<_, _>>()?;
    let mut sources = Vec::new();
    for (i, image) in images.iter().enumerate() {
        let Some(filter) = &image.tags else {
            sources.push((i, image.from.clone()));
            continue;
        };
        let repository = image.from.full_repository();
        let tags = filter.select(listed[places[&repository]].clone());
        if tags.is_empty() {
            let n = listed[places[&repository]].len();
            let message = format!(
                "none of the {n} tags of {} is selected",
                quoted(&repository)
            );
            let address = FleetFile::image(i).key("tags");
            problems.push(Problem::new(Code::NoSuchTag, address, message));
        }
        for tag in tags {
            // What a registry lists need not be a tag.
            match Reference::parse(&format!("{repository}:{tag}")) {
                Ok(reference) => sources.push((i, reference)),
                Err(reason) => {
                    return Err(Error::BadDocument {
                        name: repository,
                        reason: format!("lists the tag {}, but {reason}", quoted(&tag)),
                    });
                }
            }
        }
    }
    Ok(sources)
}

fn to_address(file: &FleetFile, image: usize) -> Address {
    match file.fleet().images[image].to {
        Some(_) => FleetFile::image(image).key("to"),
        None => Address::document(0).key("to"),
    }
}

fn destination(file: &FleetFile, image: usize, from: &Reference) -> Result<Reference, Problem> {
    let fleet = file.fleet();
    let template = fleet.images[image].to.as_ref().or(fleet.to.as_ref());
    let template = template.expect("a fleet without it is refused");
    template.fill(from).map_err(|(text, reason)| {
        let message = format!("`{from}` would go to {}: {reason}", quoted(&text));
        Problem::new(Code::InvalidReference, to_address(file, image), message)
    })
}

/// Adds what is wrong with the destinations: two sources have one, or it is a source now, or it would be one the next time.
fn check(file: &FleetFile, found: &[Found], problems: &mut Vec<Problem>) {
    let mut first: HashMap<&Reference, &Found> = HashMap::new();
    for it in found {
        let Some(other) = first.insert(&it.to, it) else {
            continue;
        };
        let message = if other.from == it.from {
            format!("`{}` goes to `{}` twice", it.from, it.to)
        } else {
            format!("`{}` and `{}` both go to `{}`", other.from, it.from, it.to)
        };
        let problem = Problem::new(Code::SameDestination, FleetFile::image(it.image), message);
        problems.push(problem.with_help("give one of them another `to`, or leave one out"));
    }
    let sources: HashMap<&Reference, usize> = found.iter().map(|it| (&it.from, it.image)).collect();
    for it in found {
        let is_source = sources.contains_key(&it.to);
        let repository = it.to.full_repository();
        let would_be = file.fleet().images.iter().any(|image| {
            let filter = image.tags.as_ref();
            filter.is_some_and(|filter| filter.covers(it.to.tag()))
                && image.from.full_repository() == repository
        });
        if is_source || would_be {
            let when = if is_source { "is" } else { "would be" };
            let message = format!(
                "`{}` goes to `{}`, which {when} a source of the fleet",
                it.from, it.to
            );
            let problem = Problem::new(Code::SameDestination, to_address(file, it.image), message);
            problems.push(problem.with_help(
                "each lock would patch the patched image again: use another repository, or `exclude` these tags",
            ));
        }
    }
}

fn absent(file: &FleetFile, found: &Found) -> Problem {
    let key = match file.fleet().images[found.image].tags {
        Some(_) => "tags",
        None => "from",
    };
    let message = format!("there is no image `{}`", found.from);
    Problem::new(
        Code::NoSuchTag,
        FleetFile::image(found.image).key(key),
        message,
    )
}

/// What is different between two locks, a line for each image.
#[must_use]
pub fn drift(old: &Lock, new: &Lock) -> Vec<String> {
    let mut lines = Vec::new();
    for entry in old.entries() {
        if new.entry(&entry.to).is_none() {
            lines.push(format!("{}: no longer part of the fleet", entry.to));
        }
    }
    for entry in new.entries() {
        let Some(known) = old.entry(&entry.to) else {
            lines.push(format!("{}: not in the lock", entry.to));
            continue;
        };
        let short = |digest: Digest| digest.short();
        if known.from != entry.from {
            lines.push(format!(
                "{}: made of `{}`, not of `{}`",
                entry.to, entry.from, known.from
            ));
        } else if known.digest != entry.digest {
            let (old, new) = (short(known.digest), short(entry.digest));
            lines.push(format!(
                "{}: `{}` moved from {old} to {new}",
                entry.to, entry.from
            ));
        }
        if old.recipe_of(known).inputs != new.recipe_of(entry).inputs {
            lines.push(format!(
                "{}: the patches, their args or their files are different",
                entry.to
            ));
        }
    }
    lines
}

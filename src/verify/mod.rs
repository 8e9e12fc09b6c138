//! Checks an archive from its bytes alone: every digest, size, diff id, id, count and cross-reference is computed again.
//!
//! It trusts no number that it did not compute, and it shares no code with what writes archives: it has its own JSON,
//! its own derivations and its own idea of each format. All that is wrong is collected; nothing is repaired.

mod advice;
mod attestation;
mod before_1_10;
mod checker;
mod config;
mod containers_image;
mod contents;
mod derive;
mod descriptor;
mod directory;
mod document;
mod hash;
mod hybrid;
mod image_config;
mod json;
mod layer;
mod lint;
mod named;
mod oci;
mod report;
mod rule;
mod save;
mod stated;
mod tags;
mod v1;

pub use report::{Finding, ImageSummary, Report, Severity};
pub use rule::Rule;

use crate::archive::Source;
use crate::error::Error;
use checker::Checker;

/// Checks all images of `source`.
///
/// An error is only what keeps the archive from being read; whatever is wrong with its content is a finding.
pub fn verify(source: &Source) -> Result<Report, Error> {
    run(Checker::new(source, false))
}

/// Checks all images of `source`, and tells what the specification only advises (its SHOULD) as well.
pub fn verify_strictly(source: &Source) -> Result<Report, Error> {
    run(Checker::new(source, true))
}

fn run(checker: Checker<'_>) -> Result<Report, Error> {
    let source = checker.source;
    let report = check(checker);
    // A change of the archive explains whatever was found.
    source.check().and(report)
}

fn check(mut checker: Checker<'_>) -> Result<Report, Error> {
    let source = checker.source;
    let directory = directory::read(&mut checker)?;
    let (save, oci) = if directory.is_some() {
        (None, directory)
    } else {
        let save = save::read(&mut checker)?;
        let oci = oci::read(&mut checker, save.is_some())?;
        match (save, oci) {
            (None, None) => (before_1_10::read(&mut checker)?, None),
            both => both,
        }
    };
    let has_repositories = source.find("repositories").is_some();
    let is_whole = checker.is_directory || oci.is_some() && !has_repositories;
    if save.is_none() && !is_whole {
        let message = "is missing; `docker load` requires it";
        checker.error(Rule::NoManifest, save::MANIFEST, message);
    }
    let save = save.unwrap_or_default();
    let oci = oci.unwrap_or_default();
    let facts = contents::check(&mut checker, &save, &oci)?;
    tags::check(&mut checker, &save, &facts)?;
    save::check_sources(&mut checker, &save, &facts);
    save::check_parents(&mut checker, &save, &facts);
    v1::check(&mut checker, &save)?;
    hybrid::check(&mut checker, &save, &oci);
    lint::check(&mut checker)?;
    let images = hybrid::summaries(&save, &oci, &facts);
    Ok(checker.into_report(images, facts.n_bytes))
}

#[cfg(test)]
mod tests;

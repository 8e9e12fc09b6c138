//! What loads somewhere, not everywhere; and what belongs to nothing.

use super::Rule;
use super::checker::Checker;
use crate::archive::names;
use crate::compression::Compression;
use crate::error::Error;
use crate::printable;
use crate::tarball::{Kind, Stream, TarReader};

/// Headers are only read again where there are few; more entries than this are no archive of a tool.
const MAX_SPELLINGS: usize = 20_000;

/// Checks the outer archive.
pub(super) fn check(checker: &mut Checker) -> Result<(), Error> {
    let compression = checker.source.compression();
    if compression != Compression::None {
        let message = format!(
            "is compressed with {}, which ctr does not read",
            compression.name()
        );
        checker.warning(Rule::OuterCompression, checker.source.place(), message);
    }
    for index in 0..checker.source.entries().len() {
        check_entry(checker, index);
        if index < MAX_SPELLINGS {
            check_spelling(checker, index)?;
        }
    }
    Ok(())
}

fn check_entry(checker: &mut Checker, index: usize) {
    let entry = &checker.source.entries()[index];
    let name = &entry.name;
    if checker.source.find(name) != Some(index) {
        if entry.kind != Kind::Directory {
            checker.warning(Rule::DuplicateEntry, name, "appears twice in the archive");
        }
        return;
    }
    if !matches!(entry.kind, Kind::Directory) && !checker.is_used(index) {
        checker.warning(Rule::Orphan, name, "belongs to no image of the archive");
        return;
    }
    if entry.is_hard_link() {
        let message = "is a hard link, which ctr and podman do not follow";
        checker.warning(Rule::UnportableLink, name, message);
        return;
    }
    let target = match entry.kind {
        Kind::Symlink => names::resolve(name, &entry.link_name),
        _ => return,
    };
    let found = target.and_then(|target| checker.source.find(&target));
    // A link that a document needs and that leads nowhere is `missing-entry` already.
    if let Some(target) = found
        && checker.source.resolve(name, "").is_ok()
        && checker.source.entries()[target].kind != Kind::File
    {
        let message = format!(
            "links to `{}`, which is also a link; ctr follows only one",
            checker.name(target)
        );
        checker.warning(Rule::UnportableLink, name, message);
    }
}

fn check_spelling(checker: &mut Checker, index: usize) -> Result<(), Error> {
    let group = checker.source.group(index)?;
    let mut reader = TarReader::new(Stream(group.as_slice()));
    let Ok(Some(entry)) = reader.next() else {
        return Ok(());
    };
    let name = &checker.source.entries()[index].name;
    let spelled = entry.name.strip_suffix(b"/").unwrap_or(&entry.name);
    if spelled != name.as_bytes() {
        let message = format!(
            "is spelled `{}`, which some loaders do not find",
            printable::decoded(&entry.name)
        );
        checker.warning(Rule::EntryName, name, message);
    }
    Ok(())
}

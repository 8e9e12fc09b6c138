//! The `dir:` form of skopeo and podman (containers/image `directory/directory_transport.go`): `manifest.json` is a manifest
//! or an index, and every other document and blob is named by its digest.

use super::checker::Checker;
use super::descriptor::Descriptor;
use super::oci::{self, INDEX, INDEX_TYPES, LAYOUT, MANIFEST_TYPES, Names, Oci};
use super::save::MANIFEST;
use super::stated::{self, Stated};
use super::{Rule, json::Json};
use crate::digest::Digest;
use crate::error::Error;

const VERSION: &str = "version";
const VERSION_START: &[u8] = b"Directory Transport Version: 1.";
/// Longer than any version. In bytes.
const MAX_VERSION_BYTES: u64 = 64;
/// How documents that an index lists end.
const DOCUMENT_END: &str = ".manifest.json";

/// Reads the images; nothing if the archive is in another form.
pub(super) fn read(checker: &mut Checker) -> Result<Option<Oci>, Error> {
    let is_there = |name: &&str| checker.source.find(name).is_some();
    if checker.source.find(MANIFEST).is_none() || [INDEX, LAYOUT].iter().any(is_there) {
        return Ok(None);
    }
    let Ok(entry) = checker.source.resolve(MANIFEST, MANIFEST) else {
        return Ok(None);
    };
    let Some((_, json)) = checker.maybe_document(entry)? else {
        return Ok(None);
    };
    if json.get("schemaVersion").is_none() {
        return Ok(None);
    }
    checker.is_directory = true;
    check_version(checker)?;
    let has_manifests = json.get("manifests").is_some();
    let [usual, _] = if has_manifests {
        INDEX_TYPES
    } else {
        MANIFEST_TYPES
    };
    let stated = json.get("mediaType").and_then(Json::text);
    let known = INDEX_TYPES.iter().chain(&MANIFEST_TYPES);
    let known = stated.and_then(|stated| known.copied().find(|known| *known == stated));
    let mut oci = Oci::default();
    let top = Descriptor::implied(known.unwrap_or(usual), entry, checker.name(entry));
    oci::follow(checker, &mut oci, &top, Names::default(), 0)?;
    oci::check_leads_somewhere(checker, &oci, &top, 0);
    use_signatures(checker, "");
    let entries = checker.source.entries().iter();
    let documents: Vec<String> = entries
        .filter_map(|entry| Some(entry.name.strip_suffix(DOCUMENT_END)?.to_owned()))
        .collect();
    for hex in documents {
        use_signatures(checker, &format!("{hex}."));
    }
    Ok(Some(oci))
}

fn check_version(checker: &mut Checker) -> Result<(), Error> {
    let Some(entry) = checker.source.find(VERSION) else {
        let message = "is missing; skopeo does not write over such a directory";
        checker.warning(Rule::DirVersion, VERSION, message);
        return Ok(());
    };
    checker.use_entry(entry);
    let file = checker.source.resolve(VERSION, VERSION).ok();
    let is_short = |entry: &usize| checker.source.entries()[*entry].size <= MAX_VERSION_BYTES;
    let read = |entry| checker.source.read(entry, MAX_VERSION_BYTES);
    let text = file.filter(is_short).map(read).transpose()?;
    if !text.is_some_and(|text| text.starts_with(VERSION_START)) {
        let message = "is not `Directory Transport Version: 1.1`";
        checker.warning(Rule::DirVersion, VERSION, message);
    }
    Ok(())
}

/// Says that the signatures of a manifest belong to it; they are numbered from 1 without a gap.
fn use_signatures(checker: &mut Checker, prefix: &str) {
    let files = (1..).map(|n: usize| format!("{prefix}signature-{n}"));
    let source = checker.source;
    for entry in files.map_while(|file| source.find(&file)) {
        checker.use_entry(entry);
    }
}

/// Returns where a blob or document of that digest is, which must have been parsed.
pub(super) fn name_of(digest: &str, media_type: &str) -> String {
    let (_, hex) = digest.split_once(':').unwrap_or(("", digest));
    let is_document = INDEX_TYPES.contains(&media_type) || MANIFEST_TYPES.contains(&media_type);
    if is_document {
        format!("{hex}{DOCUMENT_END}")
    } else {
        hex.to_owned()
    }
}

/// Returns the digest that the name of a blob or a document promises.
pub(super) fn named(name: &str) -> Option<Stated> {
    let hex = name.strip_suffix(DOCUMENT_END).unwrap_or(name);
    Digest::parse_hex(hex)?;
    stated::parse(&format!("sha256:{hex}"))
}

//! What all checks share: the archive, its documents, and the findings so far.

use std::collections::{BTreeMap, HashSet};
use std::rc::Rc;

use super::config::Config;
use super::json::{self, Json};
use super::stated::{self, Stated};
use super::{Finding, ImageSummary, Report, Rule, Severity, directory};
use crate::archive::{Source, names};
use crate::error::Error;
use crate::tarball::Kind;

/// Containerd stops at 20 MiB, c/image at 4 MiB; no image needs more.
const MAX_DOCUMENT_BYTES: u64 = 4 << 20;
/// What all documents that are held at once may take.
const MAX_DOCUMENTS_BYTES: u64 = 32 << 20;
/// Of each severity: a hostile archive must not make the report larger than itself, nor drown errors in warnings.
const MAX_FINDINGS: usize = 5_000;
/// Of a place or a message, whose parts come from the archive.
const MAX_TEXT_BYTES: usize = 1024;
/// How many links may lead from one name to its data.
const MAX_HOPS: usize = 8;
/// The largest integer up to which a double tells all integers apart.
const MAX_DOUBLE_INTEGER: u128 = (1 << 53) - 1;

/// The state of one verification.
pub(super) struct Checker<'a> {
    pub(super) source: &'a Source,
    findings: Vec<Finding>,
    n_errors: usize,
    n_warnings: usize,
    n_pieces_of_advice: usize,
    is_strict: bool,
    documents: BTreeMap<usize, Option<Rc<Json>>>,
    n_document_bytes: u64,
    pub(super) configs: BTreeMap<usize, Option<Rc<Config>>>,
    /// Whether `index.json` has `manifests: null`.
    pub(super) has_null_manifests: bool,
    /// Whether it is in the `dir:` form.
    pub(super) is_directory: bool,
    /// Entries that belong to something.
    used: HashSet<usize>,
}

impl<'a> Checker<'a> {
    pub(super) fn new(source: &'a Source, is_strict: bool) -> Self {
        Self {
            source,
            findings: Vec::new(),
            n_errors: 0,
            n_warnings: 0,
            n_pieces_of_advice: 0,
            is_strict,
            documents: BTreeMap::new(),
            n_document_bytes: 0,
            configs: BTreeMap::new(),
            has_null_manifests: false,
            is_directory: false,
            used: HashSet::new(),
        }
    }

    pub(super) fn error(&mut self, rule: Rule, place: &str, message: impl AsRef<str>) {
        self.find(rule, Severity::Error, place, message.as_ref());
    }

    pub(super) fn warning(&mut self, rule: Rule, place: &str, message: impl AsRef<str>) {
        self.find(rule, Severity::Warning, place, message.as_ref());
    }

    /// Tells what a specification advises, where that is asked for.
    pub(super) fn advice(&mut self, rule: Rule, place: &str, message: impl AsRef<str>) {
        if self.is_strict {
            self.find(rule, Severity::Advice, place, message.as_ref());
        }
    }

    pub(super) fn find(&mut self, rule: Rule, severity: Severity, place: &str, message: &str) {
        let n = match severity {
            Severity::Error => &mut self.n_errors,
            Severity::Warning => &mut self.n_warnings,
            Severity::Advice => &mut self.n_pieces_of_advice,
        };
        *n += 1;
        if *n <= MAX_FINDINGS {
            self.findings.push(Finding {
                rule,
                severity,
                place: short(place).to_owned(),
                message: short(message).to_owned(),
            });
        }
    }

    pub(super) fn into_report(self, images: Vec<ImageSummary>, n_bytes: u64) -> Report {
        let mut findings = self.findings;
        findings.sort_by(|a, b| {
            let key = |f: &Finding| (f.severity, f.place.clone(), f.rule, f.message.clone());
            key(a).cmp(&key(b))
        });
        findings.dedup();
        Report {
            images,
            findings,
            n_bytes,
        }
    }

    /// Tells whether the image specification is all that describes the archive: no `manifest.json` does as well, for
    /// whose sake Docker breaks some of its rules.
    pub(super) fn is_layout(&self) -> bool {
        self.source.find(super::save::MANIFEST).is_none()
    }

    /// Reports a broken rule of the image specification that Docker breaks as well where it writes `manifest.json`.
    pub(super) fn error_of_layout(&mut self, rule: Rule, place: &str, message: &str) {
        let severity = if self.is_layout() {
            Severity::Error
        } else {
            Severity::Warning
        };
        self.find(rule, severity, place, message);
    }

    /// Reports a digest that not every engine computes.
    pub(super) fn check_algorithm(&mut self, stated: Stated, place: &str, path: &str) {
        let message = match stated {
            Stated::Sha256(_) => return,
            Stated::Sha512(_) => "has a SHA-512 digest",
            Stated::Other => "has a digest of an unsupported algorithm, which was not checked,",
        };
        let message = format!("{message} at `{path}`; docker and umoci support only SHA-256");
        self.warning(Rule::UnportableDigest, place, message);
    }

    /// Returns where the content of a digest is, which must have been parsed; where that is a document, its media type says so.
    pub(super) fn blob_name(&self, digest: &str, media_type: &str) -> String {
        if self.is_directory {
            directory::name_of(digest, media_type)
        } else {
            stated::blob_name(digest)
        }
    }

    /// Tells whether the archive has the manifest or index of a digest, which must have been parsed.
    pub(super) fn has_document(&self, digest: &str) -> bool {
        let name = self.blob_name(digest, super::oci::MANIFEST_TYPES[0]);
        self.source.find(&name).is_some()
    }

    /// Returns the name of an entry.
    pub(super) fn name(&self, entry: usize) -> &'a str {
        &self.source.entries()[entry].name
    }

    /// Says that an entry belongs to something.
    pub(super) fn use_entry(&mut self, entry: usize) {
        let mut entry = Some(entry);
        // What a hard link leads to has its data.
        while let Some(used) = entry.filter(|&entry| self.used.insert(entry)) {
            entry = self.source.entries()[used].links_to();
        }
    }

    /// Says so of all entries, where nothing tells what belongs to what.
    pub(super) fn use_all(&mut self) {
        self.used.extend(0..self.source.entries().len());
    }

    pub(super) fn is_used(&self, entry: usize) -> bool {
        self.used.contains(&entry)
    }

    /// Follows `name` to a regular file; what is on the way belongs to `place`, what is wrong there is reported.
    pub(super) fn resolve(&mut self, name: &str, place: &str, what: &str) -> Option<usize> {
        let mut current = names::clean(name.as_bytes());
        let mut n_hops = 0;
        loop {
            let found = current.as_deref().and_then(|name| self.source.find(name));
            let Some(entry) = found else {
                let message = if n_hops == 0 {
                    format!("{what} is `{name}`, which is not in the archive")
                } else {
                    format!("{what} is `{name}`, a broken link")
                };
                self.error(Rule::MissingEntry, place, message);
                return None;
            };
            self.use_entry(entry);
            let item = &self.source.entries()[entry];
            current = match item.kind {
                Kind::File => return Some(entry),
                Kind::Symlink => names::resolve(&item.name, &item.link_name),
                // One that follows a file is a file itself.
                Kind::HardLink => None,
                _ => {
                    let message = format!("{what} is `{name}`, which is not a regular file");
                    self.error(Rule::MissingEntry, place, message);
                    return None;
                }
            };
            n_hops += 1;
            if n_hops > MAX_HOPS {
                let message = format!("{what} is `{name}`, a link that leads to itself");
                self.error(Rule::MissingEntry, place, message);
                return None;
            }
        }
    }

    /// Reads and parses a document once; what is wrong with its text is reported once.
    pub(super) fn document(&mut self, entry: usize) -> Result<Option<Rc<Json>>, Error> {
        if let Some(document) = self.documents.get(&entry) {
            return Ok(document.clone());
        }
        self.use_entry(entry);
        let size = self.source.entries()[entry].size;
        let name = self.name(entry);
        let document = if size > MAX_DOCUMENT_BYTES {
            let message = format!("has {size} bytes; a document has at most {MAX_DOCUMENT_BYTES}");
            self.error(Rule::BadJson, name, message);
            None
        } else if self.n_document_bytes + size > MAX_DOCUMENTS_BYTES {
            let message = format!(
                "was not read: the documents have over {MAX_DOCUMENTS_BYTES} bytes together"
            );
            self.error(Rule::BadJson, name, message);
            None
        } else {
            self.n_document_bytes += size;
            let bytes = self.source.read(entry, MAX_DOCUMENT_BYTES)?;
            self.parse(name, &bytes).map(Rc::new)
        };
        self.documents.insert(entry, document.clone());
        Ok(document)
    }

    fn parse(&mut self, name: &str, bytes: &[u8]) -> Option<Json> {
        let (json, trailing) = match json::parse(bytes) {
            Ok(parsed) => parsed,
            Err(reason) => {
                self.error(Rule::BadJson, name, format!("is not JSON: {reason}"));
                return None;
            }
        };
        if let Some(reason) = trailing {
            let message = format!("has something behind its JSON value: {reason}");
            self.error(Rule::TrailingBytes, name, message);
        }
        json.repeated_keys(&mut |path| {
            let message = format!("has the key `{}` twice", short(path));
            self.error(Rule::RepeatedKey, name, message);
        });
        if let Some(n) = json.integer_above(MAX_DOUBLE_INTEGER) {
            let message = format!("has the number {n}, which a double cannot represent");
            self.advice(Rule::LongNumber, name, message);
        }
        Some(json)
    }

    /// Reads an entry that may be a document of ours or anything else.
    pub(super) fn maybe_document(&self, entry: usize) -> Result<Option<(Vec<u8>, Json)>, Error> {
        if self.source.entries()[entry].size > MAX_DOCUMENT_BYTES {
            return Ok(None);
        }
        let bytes = self.source.read(entry, MAX_DOCUMENT_BYTES)?;
        if bytes.first() != Some(&b'{') {
            return Ok(None);
        }
        let parsed = json::parse(&bytes).ok();
        Ok(parsed.map(|(json, _)| (bytes, json)))
    }

    /// Reports keys that readers would take for one they know.
    pub(super) fn check_keys(&mut self, json: &Json, known: &[&str], place: &str, path: &str) {
        for (key, _) in json.members() {
            let Some(same) = known.iter().find(|known| json::is_field(key, known)) else {
                continue;
            };
            if same == key {
                continue;
            }
            let message =
                format!("has the key `{path}.{key}`, which some readers treat as `{same}`");
            let is_same = |(key, _): &&(String, Json)| json::is_field(key, same);
            let severity = if json.members().iter().filter(is_same).nth(1).is_some() {
                Severity::Error
            } else {
                Severity::Warning
            };
            self.find(Rule::AmbiguousKey, severity, place, &message);
        }
    }

    /// Reports a value that is not what it must be.
    pub(super) fn bad_shape(
        &mut self,
        place: &str,
        path: &str,
        found: Option<&Json>,
        wanted: &str,
    ) {
        let found = found.map_or("nothing", Json::kind);
        let message = format!("has {found} at `{path}`, not {wanted}");
        self.error(Rule::BadShape, place, message);
    }

    /// Returns the member `key` as a text; absent is nothing, another type is reported.
    pub(super) fn text<'j>(
        &mut self,
        json: &'j Json,
        key: &str,
        place: &str,
        path: &str,
    ) -> Option<&'j str> {
        let value = json.get(key)?;
        if value.text().is_none() {
            self.bad_shape(place, &format!("{path}.{key}"), Some(value), "a string");
        }
        value.text()
    }
}

fn short(text: &str) -> &str {
    let mut end = text.len().min(MAX_TEXT_BYTES);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    &text[..end]
}

#[cfg(test)]
mod tests {
    use super::{MAX_TEXT_BYTES, short};

    #[test]
    fn a_long_text_is_cut_between_characters() {
        for (n, rest, length) in [
            (MAX_TEXT_BYTES, "", MAX_TEXT_BYTES),
            (MAX_TEXT_BYTES, "a", MAX_TEXT_BYTES),
            (MAX_TEXT_BYTES - 2, "é", MAX_TEXT_BYTES),
            (MAX_TEXT_BYTES - 1, "éa", MAX_TEXT_BYTES - 1),
            (MAX_TEXT_BYTES - 1, "😀a", MAX_TEXT_BYTES - 1),
            (MAX_TEXT_BYTES - 3, "😀a", MAX_TEXT_BYTES - 3),
        ] {
            let text = "a".repeat(n) + rest;
            assert_eq!(short(&text), &text[..length], "{n} {rest}");
        }
    }
}

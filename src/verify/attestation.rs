//! What is said about an image against the image: attestations of `BuildKit`, and other referrers that name their subject.

use std::collections::BTreeSet;
use std::fmt;
use std::io::BufReader;

use serde::Deserialize;
use serde::de::{Deserializer, IgnoredAny, SeqAccess, Visitor};

use super::Rule;
use super::checker::Checker;
use super::json::Json;
use super::stated;
use crate::error::Error;

/// The digest of the manifest that an attestation is about (`BuildKit` `attestation-storage.md`).
const ATTESTED: &str = "vnd.docker.reference.digest";
/// The same of a referrer, as containerd exports it.
const REFERRED: &str = "io.containerd.manifest.subject";
const STATEMENT_TYPE: &str = "application/vnd.in-toto+json";
/// Statements about an image have a subject for each of its names.
const MAX_SUBJECTS: usize = 1000;
/// A list of all files of an image may be long; what one text of it takes is memory.
const MAX_STATEMENT_BYTES: u64 = 64 << 20;

/// Tells whether a media type is that of a statement.
pub(super) fn is_statement(media_type: &str) -> bool {
    media_type == STATEMENT_TYPE
}

/// Returns what a descriptor says that it is about.
pub(super) fn attested(descriptor: &Json) -> Option<&str> {
    descriptor.get("annotations")?.member(ATTESTED)?.text()
}

/// Checks that what the descriptors of an index are about is in the index, or at least in the archive.
pub(super) fn check_references(checker: &mut Checker, manifests: &[Json], place: &str) {
    let digest = |item: &Json| Some(item.get("digest")?.text()?.to_owned());
    let listed: BTreeSet<String> = manifests.iter().filter_map(digest).collect();
    for (i, item) in manifests.iter().enumerate() {
        for key in [ATTESTED, REFERRED] {
            let annotations = item.get("annotations");
            let Some(about) = annotations.and_then(|map| map.member(key)?.text()) else {
                continue;
            };
            let is_stored = stated::parse(about).is_some() && checker.has_document(about);
            if !is_stored && !listed.contains(about) {
                let message = format!(
                    "has `{about}` at `.manifests[{i}].annotations.{key}`, which does not exist"
                );
                checker.warning(Rule::Attestation, place, message);
            }
        }
    }
}

/// Checks that a statement is about the manifest that it is attached to.
pub(super) fn check_statement(
    checker: &mut Checker,
    entry: usize,
    about: &str,
) -> Result<(), Error> {
    let place = checker.name(entry);
    let blob = checker.source.blob(entry)?;
    if blob.n_bytes() > MAX_STATEMENT_BYTES {
        let message =
            format!("has over {MAX_STATEMENT_BYTES} bytes and was not checked as a statement");
        checker.warning(Rule::Attestation, place, message);
        return Ok(());
    }
    let statement = serde_json::from_reader::<_, Statement>(BufReader::new(blob.reader()));
    let message = match statement {
        Err(error) if error.is_io() => {
            return Err(Error::Io {
                place: place.to_owned(),
                source: error.into(),
            });
        }
        Err(error) => format!("is not an in-toto statement: {error}"),
        Ok(Statement { subject }) if subject.0.contains(about) => return Ok(()),
        Ok(Statement { subject }) => {
            let found = subject.0.first().map_or("nothing", String::as_str);
            format!("describes `{found}`, but is attached to `{about}`")
        }
    };
    checker.warning(Rule::Attestation, place, message);
    Ok(())
}

/// As much of a statement as is of interest; the predicate may be megabytes.
#[derive(Deserialize)]
struct Statement {
    #[serde(default)]
    subject: Subjects,
}

/// Digests of subjects, spelled as descriptors do.
#[derive(Default)]
struct Subjects(BTreeSet<String>);

#[derive(Deserialize)]
struct Subject {
    #[serde(default)]
    digest: Digests,
}

#[derive(Default, Deserialize)]
struct Digests {
    sha256: Option<String>,
    sha512: Option<String>,
}

impl<'de> Deserialize<'de> for Subjects {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_seq(SubjectsVisitor)
    }
}

struct SubjectsVisitor;

impl<'de> Visitor<'de> for SubjectsVisitor {
    type Value = Subjects;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list of subjects")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Subjects, A::Error> {
        let mut found = BTreeSet::new();
        while found.len() < MAX_SUBJECTS {
            let Some(Subject { digest }) = items.next_element()? else {
                return Ok(Subjects(found));
            };
            let spelled = |name, hex: Option<String>| hex.map(|hex| format!("{name}:{hex}"));
            found.extend(spelled("sha256", digest.sha256));
            found.extend(spelled("sha512", digest.sha512));
        }
        while items.next_element::<IgnoredAny>()?.is_some() {}
        Ok(Subjects(found))
    }
}

#[cfg(test)]
mod tests {
    use super::{MAX_SUBJECTS, Statement};

    #[test]
    fn subjects_are_digests_as_descriptors_spell_them() {
        let subject = |hex: &str| format!(r#"{{"name":"a","digest":{{"sha256":"{hex}"}}}}"#);
        let long = r#"{"digest":{"sha512":"b"}}"#.to_owned();
        let many = (0..MAX_SUBJECTS + 2).map(|i| subject(&i.to_string()));
        for (subjects, found) in [
            (vec![], vec![]),
            (vec!["{}".to_owned()], vec![]),
            (vec![subject("c"), long], vec!["sha256:c", "sha512:b"]),
            (many.collect(), vec!["sha256:0"; MAX_SUBJECTS]),
        ] {
            let text = format!(r#"{{"subject":[{}],"predicate":{{}}}}"#, subjects.join(","));
            let statement: Statement = serde_json::from_str(&text).expect("it is a statement");
            let subjects = statement.subject.0;
            assert_eq!(subjects.len(), found.len());
            assert!(found.iter().all(|digest| subjects.contains(*digest)));
            assert!(!subjects.contains(&format!("sha256:{MAX_SUBJECTS}")));
        }
    }
}

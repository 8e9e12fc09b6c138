//! What `inspect` tells of an archive besides its images.

use serde::Serialize;

use crate::archive::{Archive, Other, Unread};
use crate::digest::Digest;
use crate::printable;

/// What is no image, and what cannot be read.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Beside {
    /// Attestations, signatures, artifacts.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    others: Vec<OtherReport>,
    /// What is listed and not there, or not whole.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    unreadable: Vec<UnreadReport>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct OtherReport {
    kind: String,
    digest: Digest,
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    about: Vec<Digest>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct UnreadReport {
    name: String,
    reason: String,
    is_absent: bool,
}

impl Beside {
    pub(super) fn of(archive: &Archive) -> Self {
        Self {
            others: archive.others().into_iter().map(OtherReport::of).collect(),
            unreadable: archive.unread().iter().map(UnreadReport::of).collect(),
        }
    }

    /// Tells of them, for people.
    pub(super) fn text(&self) -> String {
        let mut text = String::new();
        if !self.others.is_empty() {
            text.push('\n');
            put(&mut text, format_args!("others"));
        }
        for other in &self.others {
            let about: Vec<String> = other.about.iter().map(Digest::short).collect();
            let about = match about.as_slice() {
                [] => String::new(),
                about => format!(", about {}", about.join(", ")),
            };
            let kind = &other.kind;
            put(
                &mut text,
                format_args!("  sha256:{}  {kind}{about}", other.digest.short()),
            );
        }
        if !self.unreadable.is_empty() {
            text.push('\n');
            put(&mut text, format_args!("unreadable"));
        }
        for unread in &self.unreadable {
            put(
                &mut text,
                format_args!("  {}: {}", unread.name, unread.reason),
            );
        }
        text
    }
}

impl OtherReport {
    fn of(other: Other) -> Self {
        let Other {
            kind,
            digest,
            name,
            about,
        } = other;
        Self {
            kind,
            digest,
            name,
            about,
        }
    }
}

impl UnreadReport {
    fn of(unread: &Unread) -> Self {
        Self {
            name: unread.display_name(),
            reason: unread.error.to_string(),
            is_absent: unread.is_absent,
        }
    }
}

fn put(text: &mut String, line: std::fmt::Arguments<'_>) {
    printable::put(text, line).expect("writing to a String succeeds");
}

//! The part of a report of `inspect` that is not about images.

use serde::Serialize;

use super::inspect::put;
use crate::archive::{Archive, Other, Unread};
use crate::digest::Digest;

/// Everything that is not an image, and everything that cannot be read.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Beside {
    /// Attestations, signatures, artifacts.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    others: Vec<Other>,
    /// Listed, but missing or damaged.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    unreadable: Vec<UnreadReport>,
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
            others: archive.others(),
            unreadable: archive.unread().iter().map(UnreadReport::of).collect(),
        }
    }

    /// Returns the text for people.
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

impl UnreadReport {
    fn of(unread: &Unread) -> Self {
        Self {
            name: unread.display_name(),
            reason: unread.error.to_string(),
            is_absent: unread.is_absent,
        }
    }
}

//! What verification found, as text and as JSON.

use std::fmt;

use serde::Serialize;

use super::Rule;
use crate::digest::Digest;
use crate::printable;

/// How bad a finding is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Severity {
    /// Two things that must agree do not, or some loader refuses the image.
    Error,
    /// Every loader takes it, or says nothing about it.
    Warning,
    /// A specification advises against it; told where that is asked for.
    Advice,
}

/// One broken rule at one place.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// The rule.
    pub rule: Rule,
    /// How bad it is.
    pub severity: Severity,
    /// The entry of the archive.
    pub place: String,
    /// What is there, and what was wanted.
    pub message: String,
}

/// An image of the archive.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct ImageSummary {
    /// The digest of the config, where the config could be read.
    pub image_id: Option<Digest>,
    /// Its names, as the archive spells them.
    pub tags: Vec<String>,
    /// `os/architecture` or `os/architecture/variant`; empty where the config has none.
    pub platform: String,
    /// How many layers it has.
    pub n_layers: usize,
}

/// All that was found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Report {
    /// The images, in the order of the archive.
    pub images: Vec<ImageSummary>,
    /// The findings: errors first, then by place, rule and message.
    pub findings: Vec<Finding>,
    /// How many bytes were hashed; a compressed layer counts as stored and as decompressed.
    pub n_bytes: u64,
}

impl Report {
    /// Tells whether no finding is an error.
    #[must_use]
    pub fn is_ok(&self) -> bool {
        self.count(Severity::Error) == 0
    }

    /// Returns how many findings have that severity.
    #[must_use]
    pub fn count(&self, severity: Severity) -> usize {
        let same = |finding: &&Finding| finding.severity == severity;
        self.findings.iter().filter(same).count()
    }
}

impl fmt::Display for Severity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Error => "error",
            Self::Warning => "warning",
            Self::Advice => "advice",
        })
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            rule,
            severity,
            place,
            message,
        } = self;
        let finding = format!("{severity}[{rule}] {place}: {message}");
        f.write_str(&printable::line(&finding))
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for finding in &self.findings {
            writeln!(f, "{finding}")?;
        }
        let n_layers = self.images.iter().map(|image| image.n_layers).sum();
        let images = count(self.images.len(), "image");
        let layers = count(n_layers, "layer");
        write!(f, "{images}, {layers}, {}: ", size(self.n_bytes))?;
        let n_errors = self.count(Severity::Error);
        let n_warnings = self.count(Severity::Warning);
        if n_errors > 0 {
            f.write_str(&count(n_errors, "error"))?;
        } else {
            f.write_str("all digests, sizes, diff ids, ids and references agree")?;
        }
        if n_warnings > 0 {
            write!(f, ", {}", count(n_warnings, "warning"))?;
        }
        match self.count(Severity::Advice) {
            0 => {}
            1 => f.write_str(", 1 piece of advice")?,
            n => write!(f, ", {n} pieces of advice")?,
        }
        let is_stale =
            |finding: &Finding| finding.severity == Severity::Error && finding.rule.is_of_derived();
        if self.findings.iter().any(is_stale) {
            f.write_str("; if it was edited by hand, use `ocipatch repair`")?;
        }
        Ok(())
    }
}

fn count(n: usize, what: &str) -> String {
    format!("{n} {what}{}", if n == 1 { "" } else { "s" })
}

fn size(n_bytes: u64) -> String {
    match n_bytes {
        0..10_000 => format!("{n_bytes} bytes"),
        10_000..10_000_000 => format!("{} kB", n_bytes / 1000),
        10_000_000..10_000_000_000 => format!("{} MB", n_bytes / 1_000_000),
        _ => format!("{} GB", n_bytes / 1_000_000_000),
    }
}

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

#[cfg(test)]
mod tests {
    use super::{Finding, ImageSummary, Report, Rule, Severity};

    const AGREES: &str = "all digests, sizes, diff ids, ids and references agree";

    /// A report of images of so many layers.
    fn report(layers: &[usize], n_bytes: u64, found: &[(Rule, Severity)]) -> Report {
        let image = |&n_layers| ImageSummary {
            image_id: None,
            tags: Vec::new(),
            platform: String::new(),
            n_layers,
        };
        let finding = |&(rule, severity)| Finding {
            rule,
            severity,
            place: "a".to_owned(),
            message: "is wrong".to_owned(),
        };
        Report {
            images: layers.iter().map(image).collect(),
            findings: found.iter().map(finding).collect(),
            n_bytes,
        }
    }

    #[test]
    fn the_last_line_says_what_was_checked() {
        for (layers, n_bytes, wanted) in [
            (&[][..], 0, "0 images, 0 layers, 0 bytes"),
            (&[1], 9_999, "1 image, 1 layer, 9999 bytes"),
            (&[1, 2], 10_000, "2 images, 3 layers, 10 kB"),
            (&[0], 9_999_999, "1 image, 0 layers, 9999 kB"),
            (&[1], 10_000_000, "1 image, 1 layer, 10 MB"),
            (&[1], 9_999_999_999, "1 image, 1 layer, 9999 MB"),
            (&[1], 10_000_000_000, "1 image, 1 layer, 10 GB"),
        ] {
            let text = report(layers, n_bytes, &[]).to_string();
            assert_eq!(text, format!("{wanted}: {AGREES}"));
        }
    }

    #[test]
    fn the_last_line_counts_what_was_found() {
        let error = (Rule::BadJson, Severity::Error);
        let stale = (Rule::BlobDigest, Severity::Error);
        let warning = (Rule::BlobDigest, Severity::Warning);
        let advice = (Rule::RefName, Severity::Advice);
        let repair = "; if it was edited by hand, use `ocipatch repair`";
        for (found, n_errors, wanted) in [
            (&[warning][..], 0, format!("{AGREES}, 1 warning")),
            (&[advice], 0, format!("{AGREES}, 1 piece of advice")),
            (&[error], 1, "1 error".to_owned()),
            (
                &[error, stale, warning, warning, advice, advice],
                2,
                format!("2 errors, 2 warnings, 2 pieces of advice{repair}"),
            ),
        ] {
            let report = report(&[1], 1, found);
            let text = report.to_string();
            let last = format!("1 image, 1 layer, 1 bytes: {wanted}");
            assert_eq!(text.lines().last(), Some(last.as_str()));
            assert_eq!(text.lines().count(), found.len() + 1);
            assert_eq!(report.count(Severity::Error), n_errors);
            assert_eq!(report.is_ok(), n_errors == 0);
        }
    }
}

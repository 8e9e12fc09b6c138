//! Which images a patch is about, and what else it says of the archive.

use schemars::JsonSchema;

use super::decode::{Field, Problems};
use super::{PatchFile, pattern, schema};
use crate::platform::PlatformPattern;
use crate::problem::{Address, Code, Problem, Rejected, quoted};
use crate::reference::Glob;

const MIN_ID_DIGITS: usize = 4;

/// The images that a patch changes. The default is the only image, for all its platforms.
#[derive(Debug, Clone, PartialEq, Eq, Default, JsonSchema)]
#[schemars(
    deny_unknown_fields,
    rename_all = "kebab-case",
    extend("minProperties" = 1)
)]
pub struct Target {
    /// Selects the images that one of these patterns matches; optional if there is only one image.
    #[schemars(with = "Option<schema::ImagePatterns>")]
    pub images: Vec<ImagePattern>,
    /// Selects the platforms of a multi-platform image that one of these patterns matches; all by default.
    #[schemars(with = "Option<schema::PlatformPatterns>")]
    pub platforms: Vec<PlatformPattern>,
    /// Which document to trust if `manifest.json` and `index.json` contradict each other.
    pub trust: Option<Trust>,
}

/// One of the two documents that list the images of an archive.
#[derive(Debug, Clone, Copy, PartialEq, Eq, JsonSchema)]
pub enum Trust {
    /// The document that `docker load` reads.
    #[schemars(rename = "manifest.json")]
    Manifest,
    /// The document that readers of OCI layouts read.
    #[schemars(rename = "index.json")]
    Index,
}

/// What to do with attestations, signatures and other referrers of an image that changes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, JsonSchema)]
#[schemars(rename_all = "kebab-case")]
pub enum Attestations {
    /// Reject the patch if an image has attestations or signatures.
    #[default]
    Refuse,
    /// Remove them.
    Drop,
    /// Keep them and point them at the changed image. Their content still describes the old one.
    Keep,
}

/// How a patch names images.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ImagePattern {
    /// By their tags.
    Name(Glob),
    /// By the first hex digits of their id, without `sha256:`; at least four.
    Id(String),
}

impl Target {
    pub(super) fn decode(field: &Field<'_>, problems: &mut Problems) -> Option<Self> {
        let record = field.record(&["images", "platforms", "trust"], problems)?;
        let help = "write at least one pattern, or remove it if there is only one image";
        let images = match record.get("images") {
            Some(images) => images.items(help, problems)?,
            None => Vec::new(),
        };
        let images = images
            .iter()
            .filter_map(|item| ImagePattern::decode(item, problems))
            .collect();
        let help = "write at least one platform, or remove `platforms` to select all";
        let platforms = match record.get("platforms") {
            Some(platforms) => platforms.items(help, problems)?,
            None => Vec::new(),
        };
        let platforms = platforms
            .iter()
            .filter_map(|item| platform(item, problems))
            .collect();
        let trust = match record.get("trust") {
            Some(field) => Some(Trust::decode(field, problems)?),
            None => None,
        };
        let keys = ["images", "platforms", "trust"];
        if keys.iter().all(|key| record.get(key).is_none()) {
            let problem = field.problem(Code::MissingKey, "`target` is empty");
            problems.add(problem.with_help("it takes `images`, `platforms` and `trust`"));
        }
        Some(Self {
            images,
            platforms,
            trust,
        })
    }
}

pub(super) fn platform(field: &Field<'_>, problems: &mut Problems) -> Option<PlatformPattern> {
    let text = field.some_text(problems)?;
    let pattern = PlatformPattern::parse(text);
    if pattern.is_none() {
        let message = format!("{} is not a platform", quoted(text));
        let problem = field.problem(Code::InvalidPlatform, message);
        let help = "write `os/architecture` or `os/architecture/variant`, as in `linux/arm64`";
        problems.add(problem.with_help(help));
    }
    pattern
}

impl Attestations {
    pub(super) fn decode(field: &Field<'_>, problems: &mut Problems) -> Option<Self> {
        let choices = [
            ("refuse", Self::Refuse),
            ("drop", Self::Drop),
            ("keep", Self::Keep),
        ];
        field.choice(&choices, problems)
    }
}

impl Trust {
    pub(super) fn decode(field: &Field<'_>, problems: &mut Problems) -> Option<Self> {
        let choices = [
            ("manifest.json", Self::Manifest),
            ("index.json", Self::Index),
        ];
        field.choice(&choices, problems)
    }

    /// Returns what the patches trust; they may not trust different things.
    pub fn of(files: &[PatchFile]) -> Result<Option<Self>, Rejected> {
        let mut first: Option<Self> = None;
        for file in files {
            for (i, patch) in file.patches().iter().enumerate() {
                let Some(trust) = patch.target.trust else {
                    continue;
                };
                if *first.get_or_insert(trust) != trust {
                    let address = Address::document(i).key("target").key("trust");
                    let message = "a patch before this one trusts the other document";
                    let problem = Problem::new(Code::AmbiguousTarget, address, message);
                    let help = "all patches of a run must trust the same document";
                    return Err(file.reject(vec![problem.with_help(help)]));
                }
            }
        }
        Ok(first)
    }
}

impl ImagePattern {
    fn decode(field: &Field<'_>, problems: &mut Problems) -> Option<Self> {
        let text = field.some_word(problems)?;
        if text.starts_with("sha256:") {
            return id_prefix(field, problems).map(Self::Id);
        }
        pattern::glob(text, field, problems).map(Self::Name)
    }
}

/// Reads `sha256:` and some digits; returns the digits.
pub(super) fn id_prefix(field: &Field<'_>, problems: &mut Problems) -> Option<String> {
    let text = field.word(problems)?;
    let is_hex = |digits: &&str| {
        let is_digit = |b| matches!(b, b'0'..=b'9' | b'a'..=b'f');
        (MIN_ID_DIGITS..=64).contains(&digits.len()) && digits.bytes().all(is_digit)
    };
    let digits = text.strip_prefix("sha256:").filter(is_hex);
    if digits.is_none() {
        let message = format!("{} is not the start of an image id", quoted(text));
        let problem = field.problem(Code::InvalidImageId, message);
        problems.add(problem.with_help("write `sha256:` and 4 to 64 lower-case hex digits"));
    }
    digits.map(str::to_owned)
}

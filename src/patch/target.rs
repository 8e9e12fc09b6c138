//! Which images a patch is about, and what else it says of the archive.

use std::fmt;

use serde_json::json;

use super::PatchFile;
use crate::digest::Digest;
use crate::platform::PlatformPattern;
use crate::problem::{Address, Code, Problem, Rejected, quoted};
use crate::reference::{Glob, Reference};
use crate::shape::{Field, NotEmpty, Problems, choices, list, record, shape, string_like, words};

const MIN_ID_DIGITS: usize = 4;
const ID_HELP: &str = "write `sha256:` and 4 to 64 lower-case hex digits";
const PLATFORM_HELP: &str =
    "write `os/architecture` or `os/architecture/variant`, as in `linux/arm64`";

record! {
    /// The images that a patch changes. The default is the only image, for all its platforms.
    #[derive(Default)]
    pub struct Target("Target") {
        /// Selects the images that one of these patterns matches; optional if there is only one image.
        "images" pub images: Vec<ImagePattern> = default::<ImagePatterns>();
        /// Selects the platforms of a multi-platform image that one of these patterns matches; all by default.
        "platforms" pub platforms: Vec<PlatformPattern> = default::<PlatformPatterns>();
        /// Which document to trust if `manifest.json` and `index.json` contradict each other.
        "trust" pub trust: Option<Trust> = optional::<Trust>();
    }
    rule NotEmpty(Code::MissingKey);
}

words! {
    /// One of the two documents that list the images of an archive.
    pub enum Trust {
        /// The document that `docker load` reads.
        "manifest.json" Manifest,
        /// The document that readers of OCI layouts read.
        "index.json" Index,
    }
}

choices! {
    /// What to do with attestations, signatures and other referrers of an image that changes.
    pub enum Attestations {
        /// Reject the patch if an image has attestations or signatures.
        "refuse" Refuse,
        /// Remove them.
        "drop" Drop,
        /// Keep them and point them at the changed image. Their content still describes the old one.
        "keep" Keep,
    }
}

/// How a patch names images.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ImagePattern {
    /// By their tags.
    Name(Glob),
    /// By the first hex digits of their id, without `sha256:`; at least four.
    Id(String),
}

impl ImagePattern {
    /// Parses a pattern as a patch has it; nothing if it begins with `sha256:` and is not the start of an id.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        if text.starts_with("sha256:") {
            return id_digits(text).map(|digits| Self::Id(digits.to_owned()));
        }
        Some(Self::Name(Glob::new(text)))
    }

    /// Tells whether the pattern means an image with these tags and digests. Docker with the containerd store shows the digest of
    /// the manifest or index as the id.
    pub fn matches<'a>(
        &self,
        tags: impl IntoIterator<Item = &'a Reference>,
        digests: impl IntoIterator<Item = &'a Digest>,
    ) -> bool {
        match self {
            Self::Name(glob) => {
                let mut tags = tags.into_iter().peekable();
                // `*` is every image, also one without a name.
                tags.peek().is_none() && glob.matches("") || tags.any(|tag| tag.matches(glob))
            }
            Self::Id(prefix) => {
                let mut digests = digests.into_iter();
                digests.any(|digest| digest.hex().starts_with(prefix))
            }
        }
    }

    /// Tells whether the pattern means something that cannot be read. `*` matches only images that can.
    pub fn means<'a>(
        &self,
        tags: impl IntoIterator<Item = &'a Reference>,
        digest: Option<&'a Digest>,
    ) -> bool {
        match self {
            Self::Name(glob) if glob.as_str() == "*" => false,
            Self::Name(glob) => tags.into_iter().any(|tag| tag.matches(glob)),
            Self::Id(_) => self.matches([], digest),
        }
    }
}

impl fmt::Display for ImagePattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Name(glob) => f.write_str(glob.as_str()),
            Self::Id(prefix) => write!(f, "sha256:{prefix}"),
        }
    }
}

shape! {
    /// Patterns over tags and ids
    struct ImagePatterns("ImagePatterns") -> Vec<ImagePattern> {
        list::<ImagePattern>,
        |field, problems| {
            let help = "write at least one pattern, or remove it if there is only one image";
            let items = field.items(help, problems)?;
            Some(items.iter().filter_map(|item| ImagePattern::decode(item, problems)).collect())
        }
    }
}

shape! {
    /// Patterns over platforms
    struct PlatformPatterns("PlatformPatterns") -> Vec<PlatformPattern> {
        list::<PlatformPattern>,
        |field, problems| {
            let help = "write at least one platform, or remove `platforms` to select all";
            let items = field.items(help, problems)?;
            Some(items.iter().filter_map(|item| PlatformPattern::decode(item, problems)).collect())
        }
    }
}

shape! {
    /// A pattern over the image's tags, such as `app:*`, or the start of its id, `sha256:4fdc`
    impl ImagePattern, "ImagePattern" {
        |_| json!({
            "type": ["string", "number", "boolean"],
            "pattern": "^(sha256:[0-9a-f]{4,64}$|(?!sha256:)[\\s\\S])",
            "patternErrorMessage": ID_HELP,
            "examples": ["app:*"],
        }),
        |field, problems| {
            if field.some_word(problems)?.starts_with("sha256:") {
                return IdPrefix::decode(field, problems).map(ImagePattern::Id);
            }
            Glob::decode(field, problems).map(ImagePattern::Name)
        }
    }
}

shape! {
    /// A platform, such as `linux/arm64` or `linux/arm/v7`; without a variant it matches all variants, and `*` matches any characters
    impl PlatformPattern, "PlatformPattern" {
        |_| json!({
            "type": "string",
            "pattern": "^[A-Za-z0-9._*?()-]+(/[A-Za-z0-9._*?()-]+){1,2}$",
            "patternErrorMessage": PLATFORM_HELP,
            "examples": ["linux/amd64"],
        }),
        platform
    }
}

shape! {
    /// The start of a digest, such as `sha256:4fdc`
    pub(super) struct IdPrefix("IdPrefix") -> String {
        |_| string_like("^sha256:[0-9a-f]{4,64}$", ID_HELP),
        id_prefix
    }
}

impl Trust {
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

fn platform(field: &Field<'_>, problems: &mut Problems) -> Option<PlatformPattern> {
    let text = field.some_text(problems)?;
    let pattern = PlatformPattern::parse(text);
    if pattern.is_none() {
        let message = format!("{} is not a platform", quoted(text));
        let problem = field.problem(Code::InvalidPlatform, message);
        problems.add(problem.with_help(PLATFORM_HELP));
    }
    pattern
}

/// Reads `sha256:` and some digits; returns the digits.
fn id_prefix(field: &Field<'_>, problems: &mut Problems) -> Option<String> {
    let text = field.word(problems)?;
    let digits = id_digits(text);
    if digits.is_none() {
        let message = format!("{} is not the start of an image id", quoted(text));
        let problem = field.problem(Code::InvalidImageId, message);
        problems.add(problem.with_help(ID_HELP));
    }
    digits.map(str::to_owned)
}

fn id_digits(text: &str) -> Option<&str> {
    let digits = text.strip_prefix("sha256:")?;
    let is_digit = |b| matches!(b, b'0'..=b'9' | b'a'..=b'f');
    let is_hex = (MIN_ID_DIGITS..=64).contains(&digits.len()) && digits.bytes().all(is_digit);
    is_hex.then_some(digits)
}

#[cfg(test)]
mod tests {
    use super::{Digest, ImagePattern, Reference};

    #[test]
    fn a_pattern_means_images_by_tag_or_id() {
        let tag = Reference::parse("app:1").expect("it is a reference");
        let digest = Digest::of(b"");
        let (id, other) = (&digest.to_string()[..11], "sha256:ffff");
        for (pattern, tags, matches, means) in [
            ("*", &[][..], true, false),
            ("*", &[&tag], true, false),
            ("app:*", &[], false, false),
            ("app:*", &[&tag], true, true),
            ("app:2", &[&tag], false, false),
            (id, &[], true, true),
            (other, &[&tag], false, false),
        ] {
            let found = ImagePattern::parse(pattern).expect("it is a pattern");
            assert_eq!(found.to_string(), pattern);
            let tags = || tags.iter().copied();
            assert_eq!(found.matches(tags(), [&digest]), matches, "{pattern}");
            assert_eq!(found.means(tags(), Some(&digest)), means, "{pattern}");
            let by_id = pattern == id;
            assert_eq!(found.means(tags(), None), means && !by_id, "{pattern}");
        }
        for text in ["sha256:", "sha256:123", "sha256:12345G"] {
            assert_eq!(ImagePattern::parse(text), None, "{text}");
        }
    }
}

//! Image references as people write them: `app:1`, `registry.example.com:5000/team/app:2.0`.
//!
//! The grammar and the familiar/full name rules are those of distribution/reference (regexp.go, normalize.go).
//! A reference here always names a tag: that is all an archive can hold.

mod glob;
mod registry_image;

use std::cmp::Ordering;
use std::fmt;
use std::sync::Arc;

pub use glob::Glob;
pub use registry_image::{InvalidImage, RegistryImage, WORD};

const DEFAULT_DOMAIN: &str = "docker.io";
const OFFICIAL_NAMESPACE: &str = "library";
/// distribution/reference `NameTotalLengthMax`, in bytes, domain included.
const MAX_NAME_BYTES: usize = 255;
/// distribution/reference `TagRegexp`: `[\w][\w.-]{0,127}`.
const MAX_TAG_BYTES: usize = 128;

/// A tagged image name in its normal form: domain, path and tag all known. Copies share the text.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Reference {
    /// The full name, or the tag alone.
    text: Arc<str>,
    /// How many bytes the domain has, and the path; a tag alone has neither.
    n_domain: u8,
    n_path: u8,
}

/// Why a text is not a tagged reference.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum InvalidReference {
    /// Nothing was written.
    Empty,
    /// The name carries a digest (`@sha256:…`); an archive holds tags only.
    Digest,
    /// The name is 64 hex digits, which everywhere means an image id.
    ImageId,
    /// The repository has upper-case letters.
    UpperCase,
    /// The registry host is not a host name with an optional port.
    Domain,
    /// The repository path is not lower-case components separated by `/`.
    Path,
    /// The tag is not a word of up to 128 letters, digits, `_`, `.` and `-`.
    Tag,
    /// The name without its tag is longer than 255 bytes.
    TooLong,
}

impl fmt::Display for InvalidReference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Empty => "it is empty",
            Self::Digest => "it has a digest; use a tag",
            Self::ImageId => "64 hex digits are an image id, not a name",
            Self::UpperCase => "a repository name is lower case",
            Self::Domain => "its registry is not a host name with an optional port",
            Self::Path => {
                "a repository is lower-case letters and digits, joined by `.`, `_`, `__` or `-` and separated by `/`"
            }
            Self::Tag => {
                "a tag is up to 128 letters, digits, `_`, `.` and `-`, and starts with none of the last two"
            }
            Self::TooLong => "its name is longer than 255 bytes",
        })
    }
}

impl std::error::Error for InvalidReference {}

impl Reference {
    /// Parses a familiar or full name; a missing tag is `latest`, as `docker tag` takes it.
    pub fn parse(text: &str) -> Result<Self, InvalidReference> {
        if text.is_empty() {
            return Err(InvalidReference::Empty);
        }
        if text.contains('@') {
            return Err(InvalidReference::Digest);
        }
        let (name, tag) = match text.rsplit_once(':') {
            Some((name, tag)) if !tag.contains('/') => (name, tag),
            _ => (text, "latest"),
        };
        if name.len() == 64 && name.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f')) {
            return Err(InvalidReference::ImageId);
        }
        let (domain, path) = split_domain(name);
        if path.bytes().any(|byte| byte.is_ascii_uppercase()) {
            return Err(InvalidReference::UpperCase);
        }
        if !is_domain(domain) {
            return Err(InvalidReference::Domain);
        }
        if path.is_empty() || !path.split('/').all(is_path_component) {
            return Err(InvalidReference::Path);
        }
        if !is_tag(tag) {
            return Err(InvalidReference::Tag);
        }
        let path = if domain == DEFAULT_DOMAIN && !path.contains('/') {
            format!("{OFFICIAL_NAMESPACE}/{path}")
        } else {
            path.to_owned()
        };
        if domain.len() + 1 + path.len() > MAX_NAME_BYTES {
            return Err(InvalidReference::TooLong);
        }
        let length = |text: &str| u8::try_from(text.len()).expect("both are within the limit");
        Ok(Self {
            text: format!("{domain}/{path}:{tag}").into(),
            n_domain: length(domain),
            n_path: length(&path),
        })
    }

    /// Takes a name as OCI layouts hold it (`org.opencontainers.image.ref.name`): a whole reference, or a tag alone.
    ///
    /// A tag alone stands for itself; it has no repository. So does every other name that image-spec allows, such as
    /// `v1.0+build`, which umoci and skopeo write.
    pub fn from_ref_name(text: &str) -> Result<Self, InvalidReference> {
        if text.contains([':', '/'])
            && let Ok(reference) = Self::parse(text)
        {
            return Ok(reference);
        }
        if !is_tag(text) && !is_ref_name(text) {
            return Err(InvalidReference::Tag);
        }
        Ok(Self {
            text: text.into(),
            n_domain: 0,
            n_path: 0,
        })
    }

    fn parts(&self) -> [&str; 3] {
        [self.domain(), self.path(), self.tag()]
    }

    pub(crate) fn domain(&self) -> &str {
        &self.text[..self.n_domain.into()]
    }

    pub(crate) fn path(&self) -> &str {
        let start = usize::from(self.n_domain) + usize::from(!self.is_bare());
        &self.text[start..start + usize::from(self.n_path)]
    }

    /// Tells whether this is a tag alone, or another name without a repository.
    #[must_use]
    pub fn is_bare(&self) -> bool {
        self.n_path == 0
    }

    /// Returns the repository as Docker prints it: `app`, `team/app`, `registry.example.com/app`.
    #[must_use]
    pub fn familiar_repository(&self) -> String {
        if self.is_bare() {
            return String::new();
        }
        if self.domain() != DEFAULT_DOMAIN {
            return self.full_repository();
        }
        let official = self.path().strip_prefix("library/");
        let official = official.filter(|rest| !rest.contains('/'));
        official.unwrap_or(self.path()).to_owned()
    }

    /// Returns the repository with its registry: `docker.io/library/app`.
    #[must_use]
    pub fn full_repository(&self) -> String {
        if self.is_bare() {
            String::new()
        } else {
            format!("{}/{}", self.domain(), self.path())
        }
    }

    /// Returns the name as Docker prints it: `app:1`.
    #[must_use]
    pub fn familiar(&self) -> String {
        if self.is_bare() {
            return self.full();
        }
        format!("{}:{}", self.familiar_repository(), self.tag())
    }

    /// Returns the name with its registry: `docker.io/library/app:1`.
    #[must_use]
    pub fn full(&self) -> String {
        self.text.to_string()
    }

    /// Returns the tag alone.
    #[must_use]
    pub fn tag(&self) -> &str {
        if self.is_bare() {
            return &self.text;
        }
        &self.text[usize::from(self.n_domain) + usize::from(self.n_path) + 2..]
    }

    /// Tells whether `glob` matches the familiar name, the full name, or a repository with any tag.
    #[must_use]
    pub fn matches(&self, glob: &Glob) -> bool {
        glob.matches(&self.familiar())
            || glob.matches(&self.full())
            || glob.matches(&self.familiar_repository())
            || glob.matches(&self.full_repository())
    }
}

impl Ord for Reference {
    fn cmp(&self, other: &Self) -> Ordering {
        self.parts().cmp(&other.parts())
    }
}

impl PartialOrd for Reference {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl fmt::Display for Reference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.familiar())
    }
}

impl fmt::Debug for Reference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Reference({})", self.full())
    }
}

impl serde::Serialize for Reference {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// The first component is a registry if it looks like a host (normalize.go, `splitDockerDomain`).
fn split_domain(name: &str) -> (&str, &str) {
    match name.split_once('/') {
        Some((first, rest))
            if first.contains(['.', ':'])
                || first == "localhost"
                || first.bytes().any(|b| b.is_ascii_uppercase()) =>
        {
            let domain = if first == "index.docker.io" {
                DEFAULT_DOMAIN
            } else {
                first
            };
            (domain, rest)
        }
        _ => (DEFAULT_DOMAIN, name),
    }
}

/// Tells whether a text is a host name or an address, with an optional port.
pub(crate) fn is_domain(domain: &str) -> bool {
    let (host, port) = match domain.strip_prefix('[') {
        Some(rest) => match rest.split_once(']') {
            Some((address, port)) => {
                let is_address = !address.is_empty()
                    && address.bytes().all(|b| b.is_ascii_hexdigit() || b == b':');
                return is_address && is_port(port);
            }
            None => return false,
        },
        None => match domain.find(':') {
            Some(at) => domain.split_at(at),
            None => (domain, ""),
        },
    };
    let is_label = |label: &str| {
        !label.is_empty()
            && label
                .bytes()
                .all(|b| b.is_ascii_alphanumeric() || b == b'-')
            && !label.starts_with('-')
            && !label.ends_with('-')
    };
    host.split('.').all(is_label) && is_port(port)
}

/// Takes the port with its colon, or nothing.
fn is_port(port: &str) -> bool {
    match port.strip_prefix(':') {
        Some(digits) => !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit()),
        None => port.is_empty(),
    }
}

/// `[a-z0-9]+((\.|_|__|-+)[a-z0-9]+)*`
fn is_path_component(component: &str) -> bool {
    let is_word = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
    let bytes = component.as_bytes();
    let (Some(&first), Some(&last)) = (bytes.first(), bytes.last()) else {
        return false;
    };
    is_word(first)
        && is_word(last)
        && bytes.split(|&b| is_word(b)).all(|separator| {
            matches!(separator, b"" | b"." | b"_" | b"__") || separator.iter().all(|&b| b == b'-')
        })
}

/// Tells whether a text is a tag.
pub(crate) fn is_tag(tag: &str) -> bool {
    let is_word = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
    tag.len() <= MAX_TAG_BYTES
        && tag.bytes().next().is_some_and(is_word)
        && tag.bytes().all(|b| is_word(b) || matches!(b, b'.' | b'-'))
}

/// image-spec annotations.md: words of letters and digits with one separator or `--` between two, joined by `/`.
fn is_ref_name(name: &str) -> bool {
    let is_component = |component: &str| {
        let words = component.split("--");
        words
            .flat_map(|words| words.split(['-', '.', '_', ':', '@', '+']))
            .all(|word| !word.is_empty() && word.bytes().all(|b| b.is_ascii_alphanumeric()))
    };
    name.split('/').all(is_component)
}

#[cfg(test)]
mod tests;

//! Platforms: for which machine an image is, and how a patch names some of them.
//!
//! Names are those of Go (`GOOS`, `GOARCH`; image-spec image-index.md). Spellings that mean the same are one, as
//! containerd has it (containerd/platforms `normalizeArch`).

use std::fmt;

use crate::reference::Glob;

/// The machine that an image is for.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Platform {
    os: String,
    architecture: String,
    variant: String,
    os_version: String,
}

impl Platform {
    /// Takes the fields as a configuration or a descriptor states them; what is empty is not stated.
    #[must_use]
    pub fn new(os: &str, architecture: &str, variant: &str, os_version: &str) -> Self {
        let own = |text: &str| text.to_owned();
        Self {
            os: own(os),
            architecture: own(architecture),
            variant: own(variant),
            os_version: own(os_version),
        }
    }

    /// Returns the names by which a pattern may mean the platform, in one spelling.
    fn names(&self) -> [String; 4] {
        let (os, architecture, variant) =
            normalize(&self.os, &self.architecture, Some(&self.variant));
        let short = format!("{os}/{architecture}");
        let versioned = format!("{os}({})/{architecture}", self.os_version);
        let with = |name: &str| match &variant {
            Some(variant) => format!("{name}/{variant}"),
            None => name.to_owned(),
        };
        let (full, versioned_full) = (with(&short), with(&versioned));
        [short, full, versioned, versioned_full]
    }
}

impl fmt::Display for Platform {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let stated = |text: &str| if text.is_empty() { "unknown" } else { text }.to_owned();
        f.write_str(&stated(&self.os))?;
        if !self.os_version.is_empty() {
            write!(f, "({})", self.os_version)?;
        }
        write!(f, "/{}", stated(&self.architecture))?;
        if !self.variant.is_empty() {
            write!(f, "/{}", self.variant)?;
        }
        Ok(())
    }
}

/// How a patch names platforms: `linux/arm64`, `linux/arm/v7`, `linux/*`. Without a variant all variants are meant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PlatformPattern {
    text: String,
    glob: Glob,
}

impl PlatformPattern {
    /// Takes `os/architecture` or `os/architecture/variant`; each may hold `*` and `?`. Nothing where it is neither.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let parts: Vec<&str> = text.split('/').collect();
        let (os, architecture, variant) = match *parts.as_slice() {
            [os, architecture] => (os, architecture, None),
            [os, architecture, variant] => (os, architecture, Some(variant)),
            _ => return None,
        };
        let is_plain = |part: &&str| {
            let is_allowed = |c: char| c.is_ascii_alphanumeric() || "._-*?()".contains(c);
            !part.is_empty() && part.chars().all(is_allowed)
        };
        if !parts.iter().all(is_plain) {
            return None;
        }
        let (os, architecture, variant) = normalize(os, architecture, variant);
        let pattern = match variant {
            Some(variant) => format!("{os}/{architecture}/{variant}"),
            None => format!("{os}/{architecture}"),
        };
        Some(Self {
            text: text.to_owned(),
            glob: Glob::new(&pattern),
        })
    }

    /// Returns the pattern as written.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Returns os, architecture and variant, if these are one of each; the variant may be empty.
    #[must_use]
    pub fn parts(&self) -> Option<[&str; 3]> {
        if self.text.contains(['*', '?', '(']) {
            return None;
        }
        let mut parts = self.text.splitn(3, '/');
        let mut next = || parts.next().unwrap_or_default();
        Some([next(), next(), next()])
    }

    /// Tells whether the pattern means `platform`.
    #[must_use]
    pub fn matches(&self, platform: &Platform) -> bool {
        platform.names().iter().any(|name| self.glob.matches(name))
    }
}

/// Brings spellings that mean the same together. Of a platform, a variant that is not stated is the usual one; of a
/// pattern (`None`) it stays open.
fn normalize(
    os: &str,
    architecture: &str,
    variant: Option<&str>,
) -> (String, String, Option<String>) {
    let os = match os.to_lowercase().as_str() {
        "macos" => "darwin".to_owned(),
        os => os.to_owned(),
    };
    let variant = variant.map(str::to_lowercase);
    let (architecture, variant) = match architecture.to_lowercase().as_str() {
        "x86_64" | "x86-64" => ("amd64", variant),
        "i386" | "i486" | "i586" | "i686" => ("386", None),
        "aarch64" => ("arm64", variant),
        "armhf" => ("arm", Some("v7".to_owned())),
        "armel" => ("arm", Some("v6".to_owned())),
        other => return normalize_variant(os, other.to_owned(), variant),
    };
    normalize_variant(os, architecture.to_owned(), variant)
}

fn normalize_variant(
    os: String,
    architecture: String,
    variant: Option<String>,
) -> (String, String, Option<String>) {
    let variant = variant.and_then(|variant| {
        let usual = match (architecture.as_str(), variant.as_str()) {
            (_, "") if architecture != "arm" => return None,
            ("amd64", "v1") | ("arm64", "8" | "v8" | "v8.0") => return None,
            ("arm64", "9" | "9.0" | "v9.0") => "v9",
            ("arm", "" | "7") => "v7",
            ("arm", "5") => "v5",
            ("arm", "6") => "v6",
            ("arm", "8") => "v8",
            (_, other) => other,
        };
        Some(usual.to_owned())
    });
    (os, architecture, variant)
}

#[cfg(test)]
mod tests {
    use super::{Platform, PlatformPattern, normalize_variant};

    fn matches(pattern: &str, platform: &Platform) -> bool {
        PlatformPattern::parse(pattern).unwrap().matches(platform)
    }

    #[test]
    fn spellings_that_mean_the_same_are_one() {
        let arm = Platform::new("linux", "arm", "", "");
        assert!(matches("linux/arm", &arm) && matches("linux/arm/v7", &arm));
        let (_, _, variant) = normalize_variant("linux".into(), "arm".into(), Some(String::new()));
        assert_eq!(variant.as_deref(), Some("v7"));
        assert!(matches("linux/armhf", &arm) && !matches("linux/arm/v6", &arm));
        let arm64 = Platform::new("linux", "arm64", "v8", "");
        assert!(matches("linux/arm64", &arm64) && matches("Linux/aarch64/v8", &arm64));
        let amd64 = Platform::new("linux", "amd64", "", "");
        assert!(matches("linux/x86_64", &amd64) && !matches("linux/amd64/v2", &amd64));
        assert!(matches("*/amd64", &amd64) && !matches("windows/*", &amd64));
    }

    #[test]
    fn a_pattern_without_a_variant_means_all() {
        for variant in ["v5", "v6", "v7"] {
            assert!(matches(
                "linux/arm",
                &Platform::new("linux", "arm", variant, "")
            ));
        }
    }

    #[test]
    fn windows_has_versions() {
        let windows = Platform::new("windows", "amd64", "", "10.0.17763.1");
        assert_eq!(windows.to_string(), "windows(10.0.17763.1)/amd64");
        assert!(
            matches("windows/amd64", &windows) && matches("windows(10.0.17763.*)/amd64", &windows)
        );
        assert!(!matches("windows(10.0.20348.*)/amd64", &windows));
    }

    #[test]
    fn what_is_no_platform_is_no_pattern() {
        for text in ["", "linux", "linux/", "/amd64", "a/b/c/d", "linux/amd 64"] {
            assert_eq!(PlatformPattern::parse(text), None, "{text}");
        }
    }
}

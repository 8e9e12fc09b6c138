//! Tags as versions.

use semver::{BuildMetadata, Prerelease, Version};

/// Returns the version that a tag is: up to three numbers, with or without a leading `v`, and whatever follows a `-` as the
/// pre-release. Numbers that are left out are zero, and leading zeros do not count, as in `24.04`.
pub(super) fn version(tag: &str) -> Option<Version> {
    let tag = tag.strip_prefix('v').unwrap_or(tag);
    let (numbers, pre) = tag.split_once('-').unwrap_or((tag, ""));
    let mut parts = [0_u64; 3];
    for (i, number) in numbers.split('.').enumerate() {
        if number.is_empty() || !number.bytes().all(|byte| byte.is_ascii_digit()) {
            return None;
        }
        *parts.get_mut(i)? = number.parse().ok()?;
    }
    if tag.ends_with('-') {
        return None;
    }
    Some(Version {
        major: parts[0],
        minor: parts[1],
        patch: parts[2],
        pre: Prerelease::new(pre).ok()?,
        build: BuildMetadata::EMPTY,
    })
}

#[cfg(test)]
mod tests {
    use super::version;

    #[test]
    fn up_to_three_numbers_are_a_version() {
        for (tag, wanted) in [
            ("1.4.2", "1.4.2"),
            ("v1.2", "1.2.0"),
            ("1", "1.0.0"),
            ("24.04", "24.4.0"),
            ("20260131", "20260131.0.0"),
            ("1.27.1-alpine3.20", "1.27.1-alpine3.20"),
            ("v2.0.0-rc.1", "2.0.0-rc.1"),
        ] {
            assert_eq!(
                version(tag).map(|it| it.to_string()).as_deref(),
                Some(wanted)
            );
        }
        for tag in [
            "latest",
            "",
            "v",
            "1.2.3.4",
            "1..2",
            "1.2.",
            "1.2-",
            "vv1",
            "V1",
            "1.2_3",
            "1.2.3-01",
            "1.x",
            "99999999999999999999",
            "-1",
            "+1",
            "1.+2",
        ] {
            assert_eq!(version(tag), None, "{tag}");
        }
    }
}

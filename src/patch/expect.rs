//! `expect`: what must be true of an image for a patch to fit; for each precondition its place in the table and how it
//! is read.

use super::expect_config::{Expected, Fields};
use super::expect_path::{ExpectedPaths, PathExpectation};
use super::target::IdPrefix;
use crate::config_field::ConfigField;
use crate::digest::DiffId;
use crate::platform::PlatformPattern;
use crate::problem::Code;
use crate::reference::Glob;
use crate::shape::{Count, DiffIds, Labels, OneKey, Variables, list, one_key, shape};

one_key! {
    /// A precondition, as its author wrote it.
    pub enum Expectation, OneKey {
        name: "a precondition",
        keys: Self::NAMES,
        example: "- label: {version: \"1\"}",
        shape: Code::ExpectationShape,
        unknown: Code::UnknownExpectation,
        other_name,
    };
    /// Labels have these values.
    ///
    /// Takes `{key: value, …}`.
    "label" Label(Vec<(String, String)>) is Labels;
    /// Environment variables have these values.
    ///
    /// Takes `{NAME: value, …}`.
    "env" Env(Vec<(String, String)>) is Variables;
    /// Fields of the configuration have these values; `""` and `[]` mean that a field is empty or missing.
    ///
    /// Takes `{field: value, …}`, with the names that `unset` knows, `os` and `architecture`.
    "config" Config(Vec<(ConfigField, Expected)>) is Fields;
    /// The image has this id.
    ///
    /// Takes `sha256:` and the first digits, at least four.
    "image-id" ImageId(String) is IdPrefix;
    /// Its OCI manifest, or the index that its names refer to, has this digest.
    ///
    /// Takes `sha256:` and the first digits, at least four.
    "manifest-digest" ManifestDigest(String) is IdPrefix;
    /// The image is for this platform.
    ///
    /// Takes a platform such as `linux/arm64`; `*` matches any characters.
    "platform" Platform(PlatformPattern);
    /// One of its tags matches.
    ///
    /// Takes a pattern.
    "tag" Tag(Glob);
    /// It has this number of layers.
    ///
    /// Takes a number.
    "layers" Layers(i64) is Count;
    /// Layers have these diff ids; the base is layer 1.
    ///
    /// Takes `{layer: sha256:…, …}`.
    "diff-id" DiffId(Vec<(usize, DiffId)>) is DiffIds;
    /// Paths exist, do not exist, or match a description.
    ///
    /// Takes `{path: exists, path: absent, path: {sha256: digest, mode: "0644"}, path: {symlink: target}, …}`.
    "path" Path(Vec<PathExpectation>) is ExpectedPaths;
}

/// Says which precondition is about what one of this name would be about.
fn other_name(name: &str) -> Option<String> {
    let known = match name {
        "environment" | "variable" | "variables" => "env",
        "cmd" | "entrypoint" | "field" | "fields" | "user" | "workdir" => "config",
        "id" => "image-id",
        "digest" => "manifest-digest",
        "arch" | "architecture" | "os" => "platform",
        "image" | "name" | "reference" => "tag",
        "n-layers" | "layer-count" => "layers",
        "absent" | "exists" | "file" | "files" => "path",
        _ => return None,
    };
    Some(format!("use `{known}`"))
}

shape! {
    /// Preconditions
    pub(super) struct Expectations("Expectations") -> Vec<Expectation> {
        list::<Expectation>,
        |field, problems| {
            let help = "write at least one precondition, as in `- label: {version: \"1\"}`";
            let mut expectations = Vec::new();
            for (i, mut item) in field.items(help, problems)?.into_iter().enumerate() {
                item.name = format!("precondition {}", i + 1);
                expectations.extend(Expectation::decode(&item, problems));
            }
            Some(expectations)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Expectation, other_name};

    #[test]
    fn names_from_elsewhere_lead_to_the_precondition_of_the_same() {
        for (known, names) in [
            ("env", "environment variable variables"),
            ("config", "cmd entrypoint field fields user workdir"),
            ("image-id", "id"),
            ("manifest-digest", "digest"),
            ("platform", "arch architecture os"),
            ("tag", "image name reference"),
            ("layers", "n-layers layer-count"),
            ("path", "absent exists file files"),
        ] {
            assert!(Expectation::NAMES.contains(&known), "{known}");
            for name in names.split(' ') {
                assert_eq!(other_name(name), Some(format!("use `{known}`")), "{name}");
            }
        }
        assert_eq!(other_name("labels"), None);
    }
}

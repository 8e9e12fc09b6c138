//! What an index or a manifest says of itself.

use super::checker::Checker;
use super::descriptor::{self, Descriptor};
use super::json::{Json, known};
use super::oci::INDEX;
use super::{Rule, advice, attestation};

/// What indexes and manifests have in common.
pub(super) fn check_head(checker: &mut Checker, json: &Json, place: &str, media_types: &[&str]) {
    checker.check_keys(json, known::MANIFEST, place, "");
    if json.get("schemaVersion") != Some(&Json::Integer(2)) {
        let found = match json.get("schemaVersion") {
            Some(Json::Integer(n)) => n.to_string(),
            other => other.map_or("nothing", Json::kind).to_owned(),
        };
        let message = format!("has {found} at `.schemaVersion`, not 2");
        checker.error(Rule::SchemaVersion, place, message);
    }
    if let Some(own) = checker.text(json, "mediaType", place, "")
        && !media_types.contains(&own)
    {
        let message = format!("has `{own}` at `.mediaType`, not `{}`", media_types[0]);
        checker.error(Rule::MediaType, place, message);
    }
    let has_manifests = json.get_any("manifests").is_some();
    let other = ["config", "layers"]
        .into_iter()
        .find(|key| json.get_any(key).is_some());
    if let (true, Some(other)) = (has_manifests, other) {
        let message = format!(
            "has both `manifests` and `{other}`, and is an index to some readers, a manifest to others"
        );
        checker.error(Rule::AmbiguousDocument, place, message);
    }
    descriptor::check_annotations(checker, json, place, "");
    descriptor::check_artifact_type(checker, json, place, "");
    advice::check_document(checker, json, place);
}

/// Whose configuration is empty says by `artifactType` what it is (manifest.md).
pub(super) fn check_empty(
    checker: &mut Checker,
    json: &Json,
    config: Option<&Descriptor>,
    place: &str,
) {
    let is_empty = config.is_some_and(Descriptor::is_empty);
    if is_empty && json.get("artifactType").is_none() {
        let message = "has an empty configuration and no `.artifactType`";
        checker.error(Rule::ArtifactType, place, message);
    }
}

pub(super) fn check_index(checker: &mut Checker, json: &Json, place: &str, media_types: &[&str]) {
    if !json.is_map() {
        return checker.bad_shape(place, ".", Some(json), "an object");
    }
    check_head(checker, json, place, media_types);
    match json.get_any("manifests") {
        Some(Json::List(manifests)) => {
            advice::check_platforms(checker, manifests, place);
            attestation::check_references(checker, manifests, place);
        }
        Some(Json::Null) => {
            checker.has_null_manifests |= place == INDEX;
            let message = "has null at `.manifests`, not a list; containerd imports nothing";
            checker.error_of_layout(Rule::NullManifests, place, message);
        }
        other => checker.bad_shape(place, ".manifests", other, "a list"),
    }
}

//! What the image-spec advises (its SHOULD) about documents and descriptors: told by `--strict`.

use super::checker::Checker;
use super::config::Config;
use super::json::Json;
use super::{Rule, attestation};

const REF_NAME: &str = "org.opencontainers.image.ref.name";
/// Architectures of Go (`go tool dist list`), which image-index.md wants.
const ARCHITECTURES: [&str; 14] = [
    "386", "amd64", "arm", "arm64", "loong64", "mips", "mips64", "mips64le", "mipsle", "ppc64",
    "ppc64le", "riscv64", "s390x", "wasm",
];
/// Variants of processors (image-index.md, "Platform Variants"); of other architectures there are none.
const VARIANTS: [(&str, &[&str]); 2] = [("arm", &["v6", "v7", "v8"]), ("arm64", &["v8"])];
/// The keys that specifications have given: annotations.md, conversion.md ("Annotation Fields"), and the referrers of the
/// distribution specification.
const RESERVED_KEYS: [&str; 23] = [
    "org.opencontainers.image.created",
    "org.opencontainers.image.authors",
    "org.opencontainers.image.url",
    "org.opencontainers.image.documentation",
    "org.opencontainers.image.source",
    "org.opencontainers.image.version",
    "org.opencontainers.image.revision",
    "org.opencontainers.image.vendor",
    "org.opencontainers.image.licenses",
    "org.opencontainers.image.ref.name",
    "org.opencontainers.image.title",
    "org.opencontainers.image.description",
    "org.opencontainers.image.base.digest",
    "org.opencontainers.image.base.name",
    "org.opencontainers.image.os",
    "org.opencontainers.image.os.version",
    "org.opencontainers.image.os.features",
    "org.opencontainers.image.architecture",
    "org.opencontainers.image.variant",
    "org.opencontainers.image.author",
    "org.opencontainers.image.exposedPorts",
    "org.opencontainers.image.stopSignal",
    "org.opencontainers.referrers.filtersApplied",
];
/// Operating systems of Go, likewise.
const SYSTEMS: [&str; 17] = [
    "aix",
    "android",
    "darwin",
    "dragonfly",
    "freebsd",
    "illumos",
    "ios",
    "js",
    "linux",
    "netbsd",
    "openbsd",
    "plan9",
    "solaris",
    "wasip1",
    "windows",
    "zos",
    "hurd",
];

/// Checks what a manifest or an index says of itself.
pub(super) fn check_document(checker: &mut Checker, json: &Json, place: &str) {
    if json.get("mediaType").is_none() {
        let message = "states no `.mediaType`";
        checker.advice(Rule::StatedMediaType, place, message);
    }
    check_keys(checker, json.get("annotations"), place, ".annotations");
}

/// Checks the layers of a manifest.
pub(super) fn check_layers(checker: &mut Checker, layers: &[Json], place: &str) {
    if layers.is_empty() {
        checker.advice(
            Rule::NoLayers,
            place,
            "has no layers; some readers require one",
        );
    }
    for (i, layer) in layers.iter().enumerate() {
        let media_type = layer.get("mediaType").and_then(Json::text);
        let is_foreign =
            |text: &str| text.contains("nondistributable") || text.contains(".foreign.");
        if media_type.is_some_and(is_foreign) {
            let message = format!("has a layer at `.layers[{i}]` that may not be distributed");
            checker.advice(Rule::ForeignLayer, place, message);
        }
    }
}

/// Checks a descriptor; `is_named` where it may name an image: in `index.json`.
pub(super) fn check_descriptor(
    checker: &mut Checker,
    json: &Json,
    place: &str,
    path: &str,
    is_named: bool,
) {
    let annotations = json.get("annotations");
    check_keys(checker, annotations, place, &format!("{path}.annotations"));
    let Some(name) = annotations.and_then(|map| map.member(REF_NAME)?.text()) else {
        return;
    };
    if !is_named {
        let message = format!("has a name at `{path}`; only `index.json` has names");
        checker.advice(Rule::RefName, place, message);
    } else if !is_ref_name(name) {
        let message =
            format!("has `{name}` at `{path}.annotations.{REF_NAME}`, which is not a reference");
        checker.advice(Rule::RefName, place, message);
    }
}

/// image-spec annotations.md: words of letters and digits, joined by one separator each, or by `--`.
fn is_ref_name(name: &str) -> bool {
    let is_word = |word: &str| !word.is_empty() && word.bytes().all(|b| b.is_ascii_alphanumeric());
    let is_component = |component: &str| {
        let separated = component.replace("--", "-");
        separated.split(['-', '.', '_', ':', '@', '+']).all(is_word)
    };
    name.split('/').all(is_component)
}

/// Checks how an index spells the platforms of its images.
pub(super) fn check_platforms(checker: &mut Checker, manifests: &[Json], place: &str) {
    for (i, item) in manifests.iter().enumerate() {
        let Some(platform) = item.get("platform") else {
            continue;
        };
        let stated = |key| platform.get(key).and_then(Json::text).unwrap_or_default();
        let mut unknown = |key, value: &str, whom: &str| {
            let message = format!(
                "has `{value}` at `.manifests[{i}].platform.{key}`, which {whom} does not know"
            );
            checker.advice(Rule::IndexPlatform, place, message);
        };
        for (key, known) in [("architecture", &ARCHITECTURES[..]), ("os", &SYSTEMS[..])] {
            let stated = stated(key);
            if !stated.is_empty() && stated != "unknown" && !known.contains(&stated) {
                unknown(key, stated, "Go");
            }
        }
        let variant = stated("variant");
        let mut of_architecture = VARIANTS
            .iter()
            .filter(|(name, _)| *name == stated("architecture"));
        if let Some((_, known)) = of_architecture.next()
            && !variant.is_empty()
            && !known.contains(&variant)
        {
            unknown("variant", variant, "the image specification");
        }
        let features = platform.get("os.features").and_then(Json::list);
        for feature in features.unwrap_or_default().iter().filter_map(Json::text) {
            if stated("os") == "windows" && feature != "win32k" {
                unknown("os.features", feature, "the image specification");
            }
        }
    }
}

/// descriptor.md: the descriptor of an image says which platform that is for.
pub(super) fn check_no_platform(
    checker: &mut Checker,
    descriptor: &Json,
    config: Option<&Config>,
    place: &str,
    path: &str,
) {
    if config.is_some() && attestation::attested(descriptor).is_none() {
        let message = format!("states no platform at `{path}`, which is an image");
        checker.advice(Rule::IndexPlatform, place, message);
    }
}

/// podman and skopeo find an image by itself only where it is alone.
pub(super) fn check_entries(checker: &mut Checker, manifests: &[Json]) {
    if checker.is_layout() && manifests.len() > 1 {
        let n = manifests.len();
        let message = format!("has {n} manifests; `podman load` accepts a layout with one");
        checker.advice(Rule::SeveralEntries, super::oci::INDEX, message);
    }
}

/// manifest.md, "Guidelines for Artifact Usage".
pub(super) fn check_artifact(
    checker: &mut Checker,
    json: &Json,
    layers: &[Json],
    image_types: &[&str],
    place: &str,
) {
    let config_type = json
        .get("config")
        .and_then(|config| config.get("mediaType"));
    let is_image = config_type
        .and_then(Json::text)
        .is_some_and(|text| image_types.contains(&text));
    let is_artifact = json.get("artifactType").is_some();
    if is_image && is_artifact {
        let message = "has an `.artifactType` and an image configuration";
        checker.advice(Rule::ArtifactType, place, message);
    }
    let is_filled = |layer: &Json| layer.get("size") != Some(&Json::Integer(0));
    if !is_image && !layers.is_empty() && !layers.iter().any(is_filled) {
        let message = "has no layer of more than 0 bytes; the specified empty layer is `{}`";
        checker.advice(Rule::NoLayers, place, message);
    }
}

/// Checks the keys of annotations, and of labels, which follow the same rules.
///
/// annotations.md, "Rules": keys use a reverse domain notation, such as `com.example.key`, and those below
/// `org.opencontainers` are the specification's to give.
pub(super) fn check_keys(checker: &mut Checker, map: Option<&Json>, place: &str, path: &str) {
    for (key, _) in map.map(Json::members).unwrap_or_default() {
        if !key.contains('.') {
            let message = format!("has `{key}` at `{path}`, which has no domain");
            checker.advice(Rule::AnnotationKey, place, message);
        }
        let is_reserved = key == "org.opencontainers" || key.starts_with("org.opencontainers.");
        if is_reserved && !RESERVED_KEYS.contains(&key.as_str()) {
            let message =
                format!("has `{key}` at `{path}`, a reserved name that no specification defines");
            checker.warning(Rule::ReservedKey, place, message);
        }
    }
}

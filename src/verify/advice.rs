//! What the image-spec advises (its SHOULD) about documents and descriptors: told by `--strict`.

use super::Rule;
use super::checker::Checker;
use super::json::Json;

const REF_NAME: &str = "org.opencontainers.image.ref.name";
/// Architectures of Go (`go tool dist list`), which image-index.md wants.
const ARCHITECTURES: [&str; 14] = [
    "386", "amd64", "arm", "arm64", "loong64", "mips", "mips64", "mips64le", "mipsle", "ppc64",
    "ppc64le", "riscv64", "s390x", "wasm",
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
            "has no layers; some readers want one",
        );
    }
    for (i, layer) in layers.iter().enumerate() {
        let media_type = layer.get("mediaType").and_then(Json::text);
        let is_foreign =
            |text: &str| text.contains("nondistributable") || text.contains(".foreign.");
        if media_type.is_some_and(is_foreign) {
            let message = format!("has a layer at `.layers[{i}]` that may not be passed on");
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
    let Some(name) = annotations.and_then(|map| map.get(REF_NAME)?.text()) else {
        return;
    };
    if !is_named {
        let message = format!("names what is at `{path}`; only `index.json` gives names");
        checker.advice(Rule::RefName, place, message);
    } else if !is_ref_name(name) {
        let message =
            format!("has `{name}` at `{path}.annotations.{REF_NAME}`, which is no reference");
        checker.advice(Rule::RefName, place, message);
    }
}

/// image-spec annotations.md: words of letters and digits, joined by separators.
fn is_ref_name(name: &str) -> bool {
    let is_word = |word: &str| {
        !word.is_empty()
            && word.starts_with(|c: char| c.is_ascii_alphanumeric())
            && word.ends_with(|c: char| c.is_ascii_alphanumeric())
            && word
                .bytes()
                .all(|b| b.is_ascii_alphanumeric() || b"-._:@+".contains(&b))
    };
    name.split('/').all(is_word)
}

/// Checks that an index tells its images apart by their platforms.
pub(super) fn check_platforms(checker: &mut Checker, manifests: &[Json], place: &str) {
    let several = manifests.iter().filter(|item| is_image(item)).count() > 1;
    for (i, item) in manifests
        .iter()
        .enumerate()
        .filter(|(_, item)| is_image(item))
    {
        let Some(platform) = item.get("platform") else {
            // One without others is told apart by its name.
            if several && place != super::oci::INDEX {
                let message = format!("states no platform at `.manifests[{i}]`, one of several");
                checker.advice(Rule::IndexPlatform, place, message);
            }
            continue;
        };
        for (key, known) in [("architecture", &ARCHITECTURES[..]), ("os", &SYSTEMS[..])] {
            let stated = platform.get(key).and_then(Json::text).unwrap_or_default();
            if !stated.is_empty() && stated != "unknown" && !known.contains(&stated) {
                let message = format!(
                    "has `{stated}` at `.manifests[{i}].platform.{key}`, which Go does not know"
                );
                checker.advice(Rule::IndexPlatform, place, message);
            }
        }
    }
}

fn is_image(descriptor: &Json) -> bool {
    let is_attestation = descriptor
        .get("annotations")
        .is_some_and(|map| map.get("vnd.docker.reference.type").is_some());
    let media_type = descriptor
        .get("mediaType")
        .and_then(Json::text)
        .unwrap_or_default();
    let artifact = descriptor.get("artifactType").is_some();
    super::oci::MANIFEST_TYPES.contains(&media_type) && !is_attestation && !artifact
}

/// annotations.md, "Rules": keys use a reverse domain notation, such as `com.example.key`.
pub(super) fn check_keys(checker: &mut Checker, map: Option<&Json>, place: &str, path: &str) {
    for (key, _) in map.map(Json::members).unwrap_or_default() {
        if !key.contains('.') {
            let message = format!("has `{key}` at `{path}`, which names no domain");
            checker.advice(Rule::AnnotationKey, place, message);
        }
    }
}

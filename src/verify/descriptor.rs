//! Descriptors: media type, digest and size of a blob, wherever a document names one.

use super::checker::Checker;
use super::config::Config;
use super::json::{Json, known};
use super::{Rule, advice, attestation, stated};
use crate::base64;
use crate::error::Error;

/// Embedded data is for small documents.
const MAX_DATA_BYTES: u64 = 4 << 20;
/// The type of a blob that is there because something has to be (manifest.md, "Guidance for an Empty Descriptor").
const EMPTY_TYPE: &str = "application/vnd.oci.empty.v1+json";
/// The content of all blobs of that type.
const EMPTY: &[u8] = b"{}";

/// A descriptor.
pub(super) struct Descriptor<'j> {
    json: &'j Json,
    pub(super) media_type: &'j str,
    /// As stated; what is no digest is reported.
    digest: &'j str,
    /// As stated; what is no size is reported.
    size: Option<u64>,
    /// The blob, where it is in the archive.
    pub(super) entry: Option<usize>,
    /// The document that has it, and where.
    place: String,
    path: String,
}

/// Whether the blob that a descriptor names has to be in the archive.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Presence {
    /// It must.
    Needed,
    /// It may be left out, as that of another platform is; said where it is.
    Listed,
    /// It is elsewhere as likely.
    Elsewhere,
}

/// Reads a descriptor and checks what needs no hashing.
pub(super) fn read<'j>(
    checker: &mut Checker,
    json: &'j Json,
    place: &str,
    path: String,
    presence: Presence,
) -> Result<Option<Descriptor<'j>>, Error> {
    if !json.is_map() {
        checker.bad_shape(place, &path, Some(json), "a descriptor");
        return Ok(None);
    }
    checker.check_keys(json, known::DESCRIPTOR, place, &path);
    check_annotations(checker, json, place, &path);
    let is_named = place == super::oci::INDEX;
    advice::check_descriptor(checker, json, place, &path, is_named);
    check_urls(checker, json, place, &path);
    check_artifact_type(checker, json, place, &path);
    let media_type = json
        .get("mediaType")
        .and_then(Json::text)
        .unwrap_or_default();
    if !is_media_type(media_type) {
        let message =
            format!("has `{media_type}` at `{path}.mediaType`, which is not a media type");
        checker.error(Rule::MediaType, place, message);
    }
    let stated_digest = json.get("digest").and_then(Json::text).unwrap_or_default();
    let mut entry = None;
    if let Some(stated) = stated::parse(stated_digest) {
        checker.check_algorithm(stated, place, &format!("{path}.digest"));
        let name = checker.blob_name(stated_digest, media_type);
        if presence == Presence::Needed || checker.source.find(&name).is_some() {
            entry = checker.resolve(&name, place, &format!("`{path}.digest`"));
        } else if presence == Presence::Listed {
            let message = format!("lists `{name}` at `{path}`, which is not in the archive");
            checker.warning(Rule::AbsentBlob, place, message);
        }
    } else {
        let message = format!(
            "has `{stated_digest}` at `{path}.digest`, which is not a digest such as `sha256:` and 64 lower-case hex digits"
        );
        checker.error(Rule::DescriptorDigest, place, message);
    }
    let size = match json.get("size") {
        Some(Json::Integer(n)) => u64::try_from(*n).ok(),
        _ => None,
    };
    let found = entry.map(|entry| checker.source.entries()[entry].size);
    if size.is_none() || found.is_some() && size != found {
        let stated = size.map_or("no size".to_owned(), |n| n.to_string());
        let found = found.map_or("some".to_owned(), |n| n.to_string());
        let message =
            format!("has {stated} at `{path}.size`, but `{stated_digest}` has {found} bytes");
        checker.error(Rule::DescriptorSize, place, message);
    }
    let descriptor = Descriptor {
        json,
        media_type,
        digest: stated_digest,
        size,
        entry,
        place: place.to_owned(),
        path,
    };
    check_data(checker, &descriptor)?;
    check_empty(checker, &descriptor);
    Ok(Some(descriptor))
}

fn check_urls(checker: &mut Checker, json: &Json, place: &str, path: &str) {
    let urls = json.get("urls");
    if urls.is_some_and(|urls| urls.list().is_none()) {
        checker.bad_shape(place, &format!("{path}.urls"), urls, "a list of strings");
    }
    for url in urls.and_then(Json::list).unwrap_or_default() {
        let scheme = url
            .text()
            .filter(|url| is_of_url_characters(url))
            .and_then(|url| url.split_once(':'))
            .map(|(scheme, _)| scheme);
        let message =
            format!("has a URL at `{path}.urls` that is not an absolute HTTP or HTTPS URL");
        match scheme {
            Some(scheme) if is_of_web(scheme) => {}
            Some(scheme) if is_scheme(scheme) => checker.advice(Rule::Urls, place, message),
            _ => checker.error(Rule::Urls, place, message),
        }
    }
}

/// RFC 3986, section 2.
fn is_of_url_characters(url: &str) -> bool {
    let is_escape = |rest: &str| {
        let hex = rest.as_bytes().get(..2);
        hex.is_some_and(|hex| hex.iter().all(u8::is_ascii_hexdigit))
    };
    let is_character = |b: u8| b.is_ascii_alphanumeric() || b"-._~:/?#[]@!$&'()*+,;=%".contains(&b);
    url.bytes().all(is_character) && url.split('%').skip(1).all(is_escape)
}

fn is_of_web(scheme: &str) -> bool {
    let is = |known: &str| scheme.eq_ignore_ascii_case(known);
    is("http") || is("https")
}

/// RFC 3986, section 3.1.
fn is_scheme(text: &str) -> bool {
    text.starts_with(|c: char| c.is_ascii_alphabetic())
        && text
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || b"+-.".contains(&b))
}

/// Checks that an `artifactType` is a media type, where there is one.
pub(super) fn check_artifact_type(checker: &mut Checker, json: &Json, place: &str, path: &str) {
    if let Some(artifact_type) = checker.text(json, "artifactType", place, path)
        && !is_media_type(artifact_type)
    {
        let message =
            format!("has `{artifact_type}` at `{path}.artifactType`, which is not a media type");
        checker.error(Rule::ArtifactType, place, message);
    }
}

fn check_data(checker: &mut Checker, descriptor: &Descriptor) -> Result<(), Error> {
    let Descriptor { place, path, .. } = descriptor;
    let Some(data) = checker.text(descriptor.json, "data", place, path) else {
        return Ok(());
    };
    let is_same = match (base64::decode(data.as_bytes()), descriptor.entry) {
        (None, _) => false,
        (Some(data), None) => {
            let stated = stated::parse(descriptor.digest);
            let is_of = |bytes: &[u8]| stated.and_then(|stated| stated.is_of(bytes));
            descriptor.size == Some(data.len() as u64) && is_of(&data) != Some(false)
        }
        (Some(data), Some(entry)) => {
            checker.source.entries()[entry].size == data.len() as u64
                && checker.source.read(entry, MAX_DATA_BYTES)? == data
        }
    };
    if !is_same {
        let message = format!("has bytes at `{path}.data` that differ from the blob");
        checker.error(Rule::DescriptorData, place, message);
    }
    Ok(())
}

/// Whatever has the type of what is empty is `{}`.
fn check_empty(checker: &mut Checker, descriptor: &Descriptor) {
    let stated = stated::parse(descriptor.digest);
    let is_other = stated.and_then(|stated| stated.is_of(EMPTY)) == Some(false)
        || descriptor.size != Some(EMPTY.len() as u64);
    if descriptor.is_empty() && is_other {
        let message = format!(
            "has a blob at `{}` with the media type of `{{}}`",
            descriptor.path
        );
        checker.error(Rule::EmptyDescriptor, &descriptor.place, message);
    }
}

impl Descriptor<'_> {
    /// Returns the descriptor of what is at the top of a `dir:`, where none is written.
    pub(super) fn implied(media_type: &'static str, entry: usize, place: &str) -> Self {
        Self {
            json: &Json::Null,
            media_type,
            digest: "",
            size: None,
            entry: Some(entry),
            place: place.to_owned(),
            path: String::new(),
        }
    }

    /// Tells whether it is of nothing.
    pub(super) fn is_empty(&self) -> bool {
        self.media_type == EMPTY_TYPE
    }

    /// Returns the digest of the manifest that it is an attestation about.
    pub(super) fn attested(&self) -> Option<&str> {
        attestation::attested(self.json)
    }
}

/// Compares the platform that a descriptor states with its config's.
pub(super) fn check_platform(
    checker: &mut Checker,
    descriptor: &Descriptor,
    config: Option<&Config>,
    place: &str,
) {
    let Some(platform) = descriptor.json.get("platform") else {
        if *descriptor.json == Json::Null {
            return;
        }
        let Descriptor { place, path, .. } = descriptor;
        advice::check_no_platform(checker, descriptor.json, config, place, path);
        return;
    };
    let stated = |key| platform.get(key).and_then(Json::text).unwrap_or_default();
    for key in ["os", "architecture"] {
        if stated(key).is_empty() {
            let message = format!("is for a platform without `{key}` by its descriptor");
            checker.error(Rule::DescriptorPlatform, place, message);
            return;
        }
    }
    // An attestation says `unknown`, and its config may say nothing.
    if stated("os") == "unknown" {
        return;
    }
    for key in ["os", "architecture", "variant"] {
        let stated = stated(key);
        let found = config.map_or(stated, |config| config.text(key));
        // arm64 is v8 unless somebody says otherwise.
        let is_default = key == "variant" && (stated.is_empty() || found.is_empty());
        if stated != found && !is_default {
            let message =
                format!("is for `{key}` `{stated}` by its descriptor, and `{found}` by its config");
            checker.warning(Rule::DescriptorPlatform, place, message);
        }
    }
}

/// RFC 6838, section 4.2.
fn is_media_type(text: &str) -> bool {
    let is_name = |name: &str| {
        (1..=127).contains(&name.len())
            && name.as_bytes()[0].is_ascii_alphanumeric()
            && name
                .bytes()
                .all(|b| b.is_ascii_alphanumeric() || b"!#$&^_.+-".contains(&b))
    };
    text.split_once('/')
        .is_some_and(|(kind, name)| is_name(kind) && is_name(name))
}

/// Checks that `annotations` maps texts to texts.
pub(super) fn check_annotations(checker: &mut Checker, json: &Json, place: &str, path: &str) {
    // Absent or empty where there are none (annotations.md): null is neither.
    let annotations = json.get_any("annotations");
    let path = format!("{path}.annotations");
    if annotations.is_some_and(|value| !value.is_map()) {
        checker.bad_shape(place, &path, annotations, "an object");
    }
    for (key, value) in annotations.map(Json::members).unwrap_or_default() {
        if value.text().is_none() {
            checker.bad_shape(place, &format!("{path}.{key}"), Some(value), "a string");
        }
    }
}

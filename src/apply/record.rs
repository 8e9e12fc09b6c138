//! What a run tells other programs about its output: the metadata of `docker buildx build --metadata-file`, and provenance
//! (in-toto Statement v1 with the predicate SLSA Provenance v1).

use serde_json::{Map, Value, json};

use super::Prepared;
use super::summary::ImageSummary;
use crate::digest::Digest;
use crate::gather::{Material, MaterialKind};
use crate::reference::Reference;
use crate::secret::Secrets;

/// Who made a statement, and by which rules: SLSA wants a URI.
const BUILDER: &str = "urn:ocipatch";
const BUILD_TYPE: &str = "urn:ocipatch:v1";

/// A patch that was applied.
#[derive(Debug, Clone)]
pub struct AppliedPatch {
    /// The name of its file.
    pub name: String,
    /// The digest of the file's bytes.
    pub digest: Digest,
    /// For each of its documents the values of its args, less secrets.
    pub args: Vec<Vec<(String, String)>>,
}

impl Prepared<'_> {
    /// Returns the images that the patches are about, changed or not; all of them where there was no patch.
    #[must_use]
    pub fn targeted(&self) -> Vec<&ImageSummary> {
        let images = &self.summary.images;
        let is_about_all = images.iter().all(|image| image.steps.is_empty());
        let is_targeted = |image: &&ImageSummary| is_about_all || !image.steps.is_empty();
        images.iter().filter(is_targeted).collect()
    }

    /// Returns what buildx puts into its metadata file for the image, or for the index, that `image` belongs to (buildx
    /// `docs/reference/buildx_build.md`); digests of manifests only where the form has manifests.
    #[must_use]
    pub fn metadata(&self, image: &ImageSummary) -> Value {
        let mut metadata = Map::new();
        let mut put = |key: &str, value: Value| drop(metadata.insert(key.to_owned(), value));
        if image.index_digest.is_none() {
            put("containerimage.config.digest", json!(image.image_id));
        }
        let wanted = image.root_digest();
        let roots = self.revision.roots.iter().flatten();
        if let Some(root) = roots.clone().find(|root| Some(root.digest) == wanted) {
            put(
                "containerimage.descriptor",
                json!({ "mediaType": root.media_type, "digest": root.digest, "size": root.size }),
            );
            put("containerimage.digest", json!(root.digest));
        }
        let names = full_names(image);
        if !names.is_empty() {
            put("image.name", json!(names.join(",")));
        }
        Value::Object(metadata)
    }

    /// Returns the statement that the targeted images are what `patches` make of what they were, and of `materials`.
    ///
    /// Its subjects are the images, and for images of several platforms their index with every image in it. An image is known by the
    /// digest of its manifest, or by its id where the form has no manifests.
    #[must_use]
    pub fn provenance(
        &self,
        patches: &[AppliedPatch],
        materials: &[Material],
        secrets: &Secrets,
    ) -> Value {
        let targeted = self.targeted();
        let is_result = |image: &&ImageSummary| {
            let shares = |other: &&ImageSummary| {
                image.index_digest.is_some() && other.index_digest == image.index_digest
            };
            targeted
                .iter()
                .any(|it| std::ptr::eq(*it, *image) || shares(it))
        };
        let (mut subjects, mut resolved) = (Vec::new(), Vec::new());
        for image in self.summary.images.iter().filter(is_result) {
            let names = full_names(image);
            let name = names.first().unwrap_or(&image.name);
            let of_index = image.index_digest.map(|digest| artifact(name, digest));
            let was_index = image
                .old_index_digest
                .map(|digest| artifact(&image.name, digest));
            put_new(&mut subjects, of_index);
            put_new(&mut resolved, was_index);
            let now = image.manifest_digest.unwrap_or(image.image_id);
            let before = image.old_manifest_digest.unwrap_or(image.old_image_id);
            put_new(&mut subjects, Some(of_platform(image, name, now)));
            put_new(&mut resolved, Some(of_platform(image, &image.name, before)));
        }
        let patch = |patch: &AppliedPatch| artifact(&patch.name, patch.digest);
        resolved.extend(patches.iter().map(patch));
        for material in materials {
            let mut material = dependency(material);
            secrets.mask_json(&mut material["name"]);
            resolved.push(material);
        }
        let with_args = |applied: &AppliedPatch| {
            let mut patch = patch(applied);
            if applied.args.iter().any(|args| !args.is_empty()) {
                let object = |args: &Vec<(String, String)>| -> Value {
                    let pairs = args.iter().cloned();
                    pairs
                        .map(|(name, value)| (name, Value::from(value)))
                        .collect()
                };
                patch["args"] = applied.args.iter().map(object).collect();
                // A secret may have been given to another one too.
                secrets.mask_json(&mut patch["args"]);
            }
            patch
        };
        let patches: Vec<Value> = patches.iter().map(with_args).collect();
        json!({
            "_type": "https://in-toto.io/Statement/v1",
            "subject": subjects,
            "predicateType": "https://slsa.dev/provenance/v1",
            "predicate": {
                "buildDefinition": {
                    "buildType": BUILD_TYPE,
                    "externalParameters": { "patches": patches },
                    "resolvedDependencies": resolved,
                },
                "runDetails": {
                    "builder": {
                        "id": BUILDER,
                        "version": { "ocipatch": env!("CARGO_PKG_VERSION") },
                    },
                },
            },
        })
    }
}

/// A resource descriptor (in-toto attestation, `spec/v1/resource_descriptor.md`).
fn artifact(name: &str, digest: Digest) -> Value {
    json!({ "name": name, "digest": { "sha256": digest.hex() } })
}

fn of_platform(image: &ImageSummary, name: &str, digest: Digest) -> Value {
    let mut artifact = artifact(name, digest);
    artifact["annotations"] = json!({ "platform": image.platform });
    artifact
}

/// A file, an image by its configuration, or a directory by the digest that in-toto has for one.
fn dependency(material: &Material) -> Value {
    let mut dependency = artifact(&material.name, material.digest);
    match material.kind {
        MaterialKind::File => {}
        MaterialKind::Image => {
            dependency["mediaType"] = "application/vnd.oci.image.config.v1+json".into();
        }
        MaterialKind::Directory(n_files) => {
            dependency["digest"] = json!({ "dirHash": material.digest.hex() });
            dependency["annotations"] = json!({ "files": n_files });
        }
    }
    dependency
}

fn put_new(artifacts: &mut Vec<Value>, artifact: Option<Value>) {
    artifacts.extend(artifact.filter(|artifact| !artifacts.contains(artifact)));
}

fn full_names(image: &ImageSummary) -> Vec<String> {
    image.names().map(Reference::full).collect()
}

//! What `apply` says of its output: in files, and on standard output.

use std::path::PathBuf;

use crate::apply::ImageSummary;
use crate::archive::{Destination, Push, SideFile};
use crate::cli::failure::Failure;
use crate::cli::output;
use crate::cli::target::Target;
use crate::digest::Digest;
use crate::job::Plan;
use crate::ledger::WrittenAs;
use crate::printable;
use crate::reference::Reference;

const IMAGE_ID: &str = "the image id";
const DIGEST: &str = "the digest";

/// What is written besides the image.
#[derive(Debug)]
pub(super) struct Records {
    pub(super) files: Vec<SideFile<'static>>,
    /// What standard output gets, unless it gets the image.
    printed: String,
    /// What that is, in messages.
    printed_name: &'static str,
}

impl Records {
    /// Returns what goes into the files that describe the output, and onto standard output.
    pub(super) fn of<'p>(
        side_files: impl Iterator<Item = (WrittenAs, &'p PathBuf)>,
        plan: &Plan<'_>,
        destination: Option<&Destination>,
        rules: impl Fn() -> Result<String, Failure>,
    ) -> Result<Self, Failure> {
        let targeted = plan.targeted();
        let ids = ids(&targeted);
        let one = |flag: &str| match ids.as_slice() {
            [id] => Ok(*id),
            _ => Err(Failure::Usage(format!(
                "`{flag}` requires one image, but {} images are targeted",
                ids.len()
            ))),
        };
        let lines: Vec<String> = ids.iter().map(|id| format!("{id}\n")).collect();
        let mut records = Self {
            files: Vec::new(),
            printed: lines.concat(),
            printed_name: IMAGE_ID,
        };
        if let Some(Destination::Registry(push)) = destination {
            (records.printed, records.printed_name) = (pinned(push), "the pushed names");
        }
        for (role, path) in side_files {
            let (text, name) = match role {
                // Without a newline, as `docker build --iidfile` does.
                WrittenAs::Iidfile => (one("--iidfile")?.to_string(), IMAGE_ID),
                WrittenAs::DigestFile => {
                    one("--digest-file")?;
                    let image = targeted.first().expect("one image is targeted");
                    (digest_of(image)?.to_string(), DIGEST)
                }
                WrittenAs::MetadataFile => {
                    one("--metadata-file")?;
                    let image = targeted.first().expect("one image is targeted");
                    (pretty(&metadata(plan, image, destination)), "the metadata")
                }
                WrittenAs::Depfile => (rules()?, "the rules for make"),
                _ => (pretty(&plan.provenance()?), "the provenance"),
            };
            match Target::of(path) {
                Target::StandardOutput => (records.printed, records.printed_name) = (text, name),
                Target::Path(path) => records.files.push(SideFile::text(role, path, text)),
            }
        }
        Ok(records)
    }

    /// Prints what is for standard output. Whoever waits for it has to be told if it does not arrive.
    pub(super) fn print(&self, destination: &Destination) -> Result<(), Failure> {
        output::data(&self.printed).map_err(|error| {
            let files = self.files.iter().map(SideFile::shown);
            let written: Vec<String> = [destination.shown()].into_iter().chain(files).collect();
            error
                .after(&written, &[self.printed_name.to_owned()])
                .into()
        })
    }
}

/// Returns what buildx reports of an image: pushed, it has the names that it was pushed under.
fn metadata(
    plan: &Plan<'_>,
    image: &ImageSummary,
    destination: Option<&Destination>,
) -> serde_json::Value {
    let mut metadata = plan.metadata(image);
    if let Some(Destination::Registry(push)) = destination {
        let names = push.images.iter().flat_map(|(_, names)| names);
        let names: Vec<String> = names.map(Reference::full).collect();
        metadata["image.name"] = names.join(",").into();
    }
    metadata
}

/// Returns each pushed image by its repository and digest, a line for each: that is what it stays, wherever its tags move.
fn pinned(push: &Push) -> String {
    let mut lines = Vec::new();
    for (digest, names) in &push.images {
        lines.extend(
            names
                .iter()
                .map(|name| format!("{}@{digest}\n", name.full_repository())),
        );
    }
    lines.dedup();
    lines.concat()
}

/// Returns the digest by which registries have an image.
fn digest_of(image: &ImageSummary) -> Result<Digest, Failure> {
    image.root_digest().ok_or_else(|| {
        let message =
            "`--digest-file` requires a form with manifests; use `--to oci-archive`, or a registry";
        Failure::Usage(message.to_owned())
    })
}

fn pretty(value: &serde_json::Value) -> String {
    format!("{}\n", printable::json(value))
}

/// The ids of images; several under one name have the digest of their index for one.
fn ids(images: &[&ImageSummary]) -> Vec<Digest> {
    let mut ids = Vec::new();
    for image in images {
        let shares = |other: &&&ImageSummary| other.index_digest == image.index_digest;
        let id = match image.index_digest {
            Some(index) if images.iter().filter(shares).count() > 1 => index,
            _ => image.image_id,
        };
        if !ids.contains(&id) {
            ids.push(id);
        }
    }
    ids
}

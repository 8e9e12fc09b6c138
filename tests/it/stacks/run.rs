//! Images of generated layers, and patches applied to them, without a process for each.
#![allow(clippy::unwrap_used, reason = "helpers of tests may fail as tests do")]

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{Read as _, Seek as _, Write as _};
use std::path::Path;

use ocipatch::apply::prepare;
use ocipatch::archive::{self, Archive, Destination, Source, publish};
use ocipatch::gather::{Base, Conditions, NotPlanned, Patches, gather};
use ocipatch::patch::PatchFile;
use ocipatch::problem::Rejected;
use ocipatch::tarball::{ContentReader, Entry, TarReader};
use ocipatch::verify::{Finding, Rule, verify};
use proptest::test_runner::TestCaseError;

use super::item::{Hand, Item, items, stream};
use super::model::Tree;
use crate::cases::build;
use crate::cases::text::Image;
use crate::edit;

/// Returns what Docker would save.
pub(crate) fn archive(layers: &[Vec<Item>], hand: Hand) -> Vec<u8> {
    let image = Image {
        tags: vec!["app:1".to_owned()],
        streams: layers.iter().map(|layer| stream(layer, hand)).collect(),
        ..Image::default()
    };
    build::v1_directories(&[image])
}

/// Returns an OCI layout, which keeps layers in any compression.
pub(crate) fn layout(layers: &[Vec<Item>], hand: Hand) -> Vec<u8> {
    let image = Image {
        tags: vec!["app:1".to_owned()],
        streams: layers.iter().map(|layer| stream(layer, hand)).collect(),
        ..Image::default()
    };
    let mut archive = edit::Archive::read(&build::hybrid(&[image]));
    archive.remove("manifest.json");
    archive.remove("repositories");
    archive.to_bytes()
}

fn file(bytes: &[u8]) -> File {
    let mut file = tempfile::tempfile().unwrap();
    file.write_all(bytes).unwrap();
    file.rewind().unwrap();
    file
}

fn source(bytes: &[u8]) -> Source {
    Source::from_stream(file(bytes), "app.tar".to_owned(), Path::new("/tmp")).unwrap()
}

fn told(rejected: &Rejected) -> String {
    let problems = rejected.problems();
    let lines =
        problems.map(|problem| format!("{}: {}\n", problem.code().as_str(), problem.message()));
    lines.collect()
}

/// A patch with these operations, each in a line of its own.
pub(crate) fn patch(operations: &[String]) -> String {
    let lines = operations
        .iter()
        .map(|operation| format!("  - {operation}\n"));
    format!(
        "apiVersion: ocipatch/v1\noperations:\n{}",
        lines.collect::<String>()
    )
}

/// Applies a patch; where it does not fit, the problems are returned.
pub(crate) fn apply(bytes: &[u8], patch: &str, directory: &Path) -> Result<Vec<u8>, String> {
    let file =
        PatchFile::parse("fix.yaml", patch.as_bytes()).map_err(|rejected| told(&rejected))?;
    let base = Base {
        directory: directory.to_owned(),
        ..Base::default()
    };
    let patches = Patches::from((file, base));
    let archive = Archive::open(source(bytes)).unwrap();
    let conditions = Conditions {
        spool: "/tmp".into(),
        ..Conditions::default()
    };
    let gathered =
        gather(&patches, &archive, &conditions).map_err(|error| format!("error: {error}"))?;
    let plan = match gathered.plan() {
        Ok(plan) => plan,
        Err(NotPlanned::Rejected(rejected)) => return Err(told(&rejected)),
        Err(NotPlanned::Failed(error)) => return Err(format!("error: {error}")),
    };
    let prepared = prepare(&plan, &archive, &gathered.opened, Path::new("/tmp")).unwrap();
    let out = tempfile::tempfile().unwrap();
    publish(
        &prepared.revision.draft,
        &Destination::Stream(out.try_clone().unwrap()),
    )
    .unwrap();
    let mut out = out;
    out.rewind().unwrap();
    let mut bytes = Vec::new();
    out.read_to_end(&mut bytes).unwrap();
    Ok(bytes)
}

/// What there is to know of an archive of one image.
#[derive(Debug, Clone)]
pub(crate) struct Seen {
    pub(crate) streams: Vec<Vec<u8>>,
    pub(crate) layers: Vec<Vec<Item>>,
    pub(crate) diff_ids: Vec<String>,
    pub(crate) image_id: String,
}

impl Seen {
    /// The tree that the layers make.
    pub(crate) fn tree(&self) -> Tree {
        Tree::of(&self.layers).unwrap()
    }
}

/// What layers may be like that nobody meant to write; and what some loaders do not know.
const WILD: [Rule; 7] = [
    Rule::LayerDuplicatePath,
    Rule::LayerWhiteout,
    Rule::OwnWhiteout,
    Rule::WhiteoutDirectory,
    Rule::WhiteoutDevice,
    Rule::LayerHardLink,
    Rule::UnportableCompression,
];

/// Looks at an archive, in which nothing may be wrong but what layers are like.
pub(crate) fn seen(bytes: &[u8]) -> Result<Seen, TestCaseError> {
    let report = verify(&source(bytes)).unwrap();
    let is_wrong = |finding: &&Finding| !WILD.contains(&finding.rule);
    if let Some(finding) = report.findings.iter().find(is_wrong) {
        return Err(TestCaseError::fail(format!("{finding:?}")));
    }
    let archive = Archive::open(source(bytes)).unwrap();
    Ok(seen_in(&archive, &archive.images()[0]))
}

/// Returns the entries of each layer of an archive of one image, with the content of the files, also of sparse ones.
pub(crate) fn seen_with_sparse(bytes: &[u8]) -> Vec<Vec<(Entry, Vec<u8>)>> {
    let archive = Archive::open(source(bytes)).unwrap();
    let layers = archive.images()[0].layers().iter();
    let entries = |layer| {
        let mut reader = TarReader::new(archive.open_layer(layer).unwrap());
        let mut entries = Vec::new();
        while let Some(entry) = reader.next().unwrap() {
            let mut content = Vec::new();
            ContentReader::new(&mut reader, entry.size, entry.sparse.as_ref())
                .read_to_end(&mut content)
                .unwrap();
            entries.push((entry, content));
        }
        entries
    };
    layers.map(entries).collect()
}

/// Looks at every image of an archive of several, by its name.
pub(crate) fn all_seen(archive: &Path) -> BTreeMap<String, Seen> {
    let archive = Archive::open(source(&std::fs::read(archive).unwrap())).unwrap();
    let images = archive.images().iter();
    images
        .map(|image| (image.tags()[0].to_string(), seen_in(&archive, image)))
        .collect()
}

fn seen_in(archive: &Archive, image: &archive::Image) -> Seen {
    let mut streams = Vec::new();
    for layer in image.layers() {
        let mut stream = Vec::new();
        archive
            .open_layer(layer)
            .unwrap()
            .read_to_end(&mut stream)
            .unwrap();
        streams.push(stream);
    }
    Seen {
        layers: streams.iter().map(|stream| items(stream)).collect(),
        streams,
        diff_ids: image
            .layers()
            .iter()
            .map(|layer| layer.diff_id().to_string())
            .collect(),
        image_id: image.image_id().to_string(),
    }
}

//! `ocipatch inspect`

use std::collections::HashMap;
use std::ffi::OsString;
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::path::PathBuf;

use clap::{Args, ValueHint};
use serde::{Serialize, Serializer};

use super::beside::Beside;
use super::cache::CacheOptions;
use super::failure::Failure;
use super::inputs::{INPUT, input};
use super::registry::RegistryOptions;
use super::trust::Trust;
use super::{Format, output, target};
use crate::annotation::{AnnotationPlace, ImageAnnotations};
use crate::apply::bytes;
use crate::archive::{Archive, Layer};
use crate::diff::{device_name, kind_name};
use crate::digest::{DiffId, Digest};
use crate::gather::read_trees;
use crate::image_path::ImagePath;
use crate::ledger::Ledger;
use crate::look::{Digests, Filter, Unseen, View};
use crate::patch::spell_duration;
use crate::printable;
use crate::reference::Reference;
use crate::rootfs::Node;
use crate::tarball::Kind;

/// Shows what an archive holds.
#[derive(Debug, Args)]
pub(super) struct Inspect {
    /// A tar, an extracted directory, `docker://NAME` for an image in a registry, or `-` for standard input
    #[arg(value_hint = ValueHint::FilePath)]
    image: PathBuf,
    #[command(flatten)]
    registries: RegistryOptions,
    /// Show only these paths of the file tree, and what is below them; patterns are those of `remove-path`
    #[arg(value_name = "PATH", value_hint = ValueHint::Other)]
    paths: Vec<OsString>,
    /// Show the merged file tree of each image, and the layer that each path comes from
    #[arg(long)]
    files: bool,
    /// Show the files that come from this layer; the base is 1
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    layer: Option<u32>,
    /// Show the SHA-256 digest of each file, as `sha256` of `expect: path` takes it
    #[arg(long)]
    sha256: bool,
    /// The document to read if `manifest.json` and `index.json` disagree
    #[arg(long, value_enum, value_name = "DOCUMENT", help_heading = INPUT)]
    trust: Option<Trust>,
    /// Output format
    #[arg(long, value_enum, default_value = "text")]
    format: Format,
    #[command(flatten)]
    cache: CacheOptions,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Report<'a> {
    format_version: u32,
    form: &'static str,
    compression: &'static str,
    images: Vec<ImageReport<'a>>,
    #[serde(flatten)]
    beside: Beside,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ImageReport<'a> {
    tags: Vec<Reference>,
    image_id: Digest,
    #[serde(skip_serializing_if = "Option::is_none")]
    manifest_digest: Option<Digest>,
    #[serde(skip_serializing_if = "Option::is_none")]
    index_digest: Option<Digest>,
    platform: String,
    created: Option<String>,
    /// By document, those that the form has.
    #[serde(skip_serializing_if = "serde_json::Map::is_empty")]
    annotations: serde_json::Map<String, serde_json::Value>,
    layers: Vec<LayerReport>,
    config: serde_json::Value,
    #[serde(skip_serializing_if = "Option::is_none")]
    files: Option<Files<'a>>,
}

/// The merged tree of an image, told path by path only as it is printed.
struct Files<'a> {
    view: View,
    layers: &'a [Layer],
    /// Nothing if nobody asked for it.
    digests: Option<&'a Digests>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct LayerReport {
    diff_id: DiffId,
    size: u64,
    created_by: Option<String>,
    /// Whether the archive lacks it; shown only then.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    is_absent: bool,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct FileReport {
    path: String,
    kind: &'static str,
    mode: String,
    uid: u64,
    gid: u64,
    size: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    target: Option<String>,
    /// Major and minor number of a device.
    #[serde(skip_serializing_if = "Option::is_none")]
    device: Option<String>,
    /// The position of the layer that the path comes from; the base is 0.
    layer: usize,
    #[serde(skip_serializing_if = "Option::is_none")]
    sha256: Option<String>,
}

impl Inspect {
    pub(super) fn run(&self, mut ledger: Ledger) -> Result<(), Failure> {
        target::enter_report(&mut ledger)?;
        let archive = self
            .registries
            .job(ledger)?
            .cache(self.cache.directory())
            .look_into(input(&self.image)?, self.trust.map(Into::into))?;
        let archive = archive.contents();
        let all: Vec<usize> = (0..archive.images().len()).collect();
        let is_whole = |&&i: &&usize| archive.images()[i].absent_layer().is_none();
        let whole: Vec<usize> = all.iter().filter(is_whole).copied().collect();
        let mut views = HashMap::new();
        let mut digests = Digests::default();
        if self.shows_files() {
            let trees = read_trees(archive, &whole)?;
            views = self.filter().views(archive, trees).map_err(Unseen::from)?;
            if self.sha256 {
                digests = Digests::read(archive, &views)?;
            }
        }
        archive.source().check()?;
        let digests = self.sha256.then_some(&digests);
        let images = all.into_iter().map(|i| {
            let layers = archive.images()[i].layers();
            let files = views.remove(&i).map(|view| Files {
                view,
                layers,
                digests,
            });
            image_report(archive, i, files)
        });
        let report = Report {
            format_version: 1,
            form: archive.form(),
            compression: archive.source().compression().name(),
            images: images.collect(),
            beside: Beside::of(archive),
        };
        match self.format {
            Format::Json => output::json(&report)?,
            Format::Text => output::stream(|out| write_text(out, &report))?,
        }
        // Everything that can be read is printed by now.
        match archive.unread().iter().find(|unread| !unread.is_absent) {
            Some(_) => Err(Failure::Unsound),
            None => Ok(()),
        }
    }
}

impl Inspect {
    fn shows_files(&self) -> bool {
        self.files || self.sha256 || self.layer.is_some() || !self.paths.is_empty()
    }

    fn filter(&self) -> Filter {
        let patterns = self.paths.iter();
        Filter {
            patterns: patterns
                .map(|path| ImagePath::confined(path.as_bytes()))
                .collect(),
            layer: self.layer.map(|number| number as usize - 1),
        }
    }
}

fn image_report<'a>(archive: &Archive, index: usize, files: Option<Files<'a>>) -> ImageReport<'a> {
    let image = &archive.images()[index];
    let config = image.config();
    let mut created_by = image.created_by().into_iter();
    let layers = image.layers().iter().map(|layer| LayerReport {
        diff_id: layer.diff_id(),
        size: layer.size(),
        created_by: created_by.next().flatten(),
        is_absent: layer.blob().is_none(),
    });
    ImageReport {
        tags: image.tags().to_vec(),
        image_id: image.image_id(),
        manifest_digest: image.manifest_digest(),
        index_digest: archive.index_of(image),
        platform: image.platform().to_string(),
        created: config.created().map(ToString::to_string),
        annotations: annotations(&archive.annotations(index)),
        layers: layers.collect(),
        config: config.document().root.to_json(),
        files,
    }
}

/// Annotations by key, by the document that they stand in.
fn annotations(all: &ImageAnnotations) -> serde_json::Map<String, serde_json::Value> {
    let of = |place: AnnotationPlace| {
        let pairs = all.on(place)?.pairs();
        let object = pairs
            .map(|(key, value)| (key.to_owned(), serde_json::Value::from(value)))
            .collect();
        Some((place.name().to_owned(), object))
    };
    AnnotationPlace::ALL.into_iter().filter_map(of).collect()
}

impl Files<'_> {
    fn iter(&self) -> impl Iterator<Item = FileReport> {
        let sha256 = |node: &Node| Some(self.digests?.of(self.layers, node)?.hex());
        self.view.iter().map(move |(path, node)| FileReport {
            path: path.to_string(),
            kind: kind_name(node.kind),
            mode: format!("{:04o}", node.mode & 0o7777),
            uid: node.uid,
            gid: node.gid,
            size: node.size,
            target: (node.kind == Kind::Symlink)
                .then(|| printable::decoded(&node.link_name).into_owned()),
            device: device_name(node),
            layer: node.layer,
            sha256: sha256(node),
        })
    }
}

impl Serialize for Files<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.iter())
    }
}

fn write_text(out: &mut dyn io::Write, report: &Report<'_>) -> io::Result<()> {
    writeln!(out, "form      {}", report.form)?;
    if report.compression != "none" {
        writeln!(out, "packed    {}", report.compression)?;
    }
    for image in &report.images {
        out.write_all(printable::lines(&image_text(image)).as_bytes())?;
        if let Some(files) = &image.files {
            writeln!(out, "files")?;
            let with_digest = files.digests.is_some();
            files
                .iter()
                .try_for_each(|file| write_file(out, &file, with_digest))?;
        }
    }
    out.write_all(printable::lines(&report.beside.text()).as_bytes())
}

fn write_file(out: &mut dyn io::Write, file: &FileReport, with_digest: bool) -> io::Result<()> {
    let digest = if with_digest {
        format!("{:64}  ", file.sha256.as_deref().unwrap_or("-"))
    } else {
        String::new()
    };
    let target = file
        .target
        .as_ref()
        .map_or_else(String::new, |target| format!(" -> {target}"));
    let line = format!(
        "  {} {:>5}:{:<5} {:>9}  layer {}  {digest}{}{}{target}",
        file.mode,
        file.uid,
        file.gid,
        bytes(file.size),
        file.layer + 1,
        file.path,
        if file.kind == "directory" { "/" } else { "" },
    );
    writeln!(out, "{}", printable::line(&line))
}

fn image_text(image: &ImageReport<'_>) -> String {
    let mut text = String::from("\n");
    let tags: Vec<String> = image.tags.iter().map(ToString::to_string).collect();
    put(
        &mut text,
        format_args!(
            "tags     {}",
            if tags.is_empty() {
                "none".to_owned()
            } else {
                tags.join(", ")
            }
        ),
    );
    put(&mut text, format_args!("image id {}", image.image_id));
    if let Some(digest) = image.index_digest {
        put(&mut text, format_args!("index    {digest}"));
    }
    if let Some(digest) = image.manifest_digest {
        put(&mut text, format_args!("manifest {digest}"));
    }
    put(&mut text, format_args!("platform {}", image.platform));
    if let Some(created) = &image.created {
        put(&mut text, format_args!("created  {created}"));
    }
    for key in ["author", "comment"] {
        if let Some(value) = image.config[key].as_str().filter(|value| !value.is_empty()) {
            put(&mut text, format_args!("{key:8} {value}"));
        }
    }
    put(&mut text, format_args!("layers"));
    for layer in &image.layers {
        let created_by = layer.created_by.as_deref().unwrap_or_default();
        let created_by: String = created_by.chars().take(60).collect();
        let line = format!(
            "  sha256:{}  {:>9}  {}{created_by}",
            layer.diff_id.short(),
            bytes(layer.size),
            if layer.is_absent {
                "(not in the archive) "
            } else {
                ""
            },
        );
        put(&mut text, format_args!("{}", line.trim_end()));
    }
    put(&mut text, format_args!("config"));
    config_lines(&mut text, &image.config["config"], "  ");
    let is_some = |value: &serde_json::Value| value.as_object().is_some_and(|map| !map.is_empty());
    if image.annotations.values().any(is_some) {
        put(&mut text, format_args!("annotations"));
        for (place, annotations) in image.annotations.iter().filter(|(_, map)| is_some(map)) {
            put(&mut text, format_args!("  {place}"));
            config_lines(&mut text, annotations, "    ");
        }
    }
    text
}

/// The fields of `config` that say something, one a line; labels and the like one below the other.
fn config_lines(text: &mut String, config: &serde_json::Value, indent: &str) {
    use serde_json::Value;
    for (key, value) in config.as_object().into_iter().flatten() {
        match value {
            Value::Null | Value::Bool(false) => {}
            Value::Object(check) if key == "Healthcheck" => {
                put(text, format_args!("{indent}{key}"));
                for (key, value) in check {
                    let length = value.as_u64().filter(|_| key != "Retries");
                    let value = length.map_or_else(|| value.to_string(), spell_duration);
                    put(text, format_args!("{indent}  {key} = {value}"));
                }
            }
            Value::String(value) if value.is_empty() && indent.len() < 4 => {}
            Value::Object(members) if !members.is_empty() => {
                put(text, format_args!("{indent}{key}"));
                for (key, value) in members {
                    let is_set = value.as_object().is_some_and(serde_json::Map::is_empty);
                    let value = if is_set {
                        String::new()
                    } else {
                        format!(" = {value}")
                    };
                    put(text, format_args!("{indent}  {key}{value}"));
                }
            }
            value => put(text, format_args!("{indent}{key} = {value}")),
        }
    }
}

pub(super) fn put(text: &mut String, line: std::fmt::Arguments<'_>) {
    printable::put(text, line).expect("writing to a String succeeds");
}

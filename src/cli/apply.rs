//! `ocipatch apply`

use std::fs::File;
use std::io::{self, IsTerminal};
use std::os::fd::AsFd;
use std::path::{Path, PathBuf};

use clap::{Args, ValueEnum};

use super::failure::{Failure, ProblemFormat, say};
use super::inputs::{Inputs, Planned};
use super::output;
use super::record::Record;
use crate::apply::{ImageSummary, Prepared};
use crate::archive::{Conversion, Destination, Form, Lock, Replaced, publish};
use crate::digest::Digest;
use crate::error::Error;
use crate::platform::PlatformPattern;

/// Applies patches to an image archive.
#[derive(Debug, Args)]
#[command(override_usage = "ocipatch apply [OPTIONS] <PATCH>... <IMAGE>")]
#[expect(clippy::struct_excessive_bools, reason = "each is a flag of its own")]
pub(super) struct Apply {
    #[command(flatten)]
    inputs: Inputs,
    /// Where the patched archive goes: a file, a directory (`dir/`), or `-` for standard output, which is the default
    #[arg(short, long, value_name = "OUT", conflicts_with_all = ["in_place", "check"])]
    output: Option<PathBuf>,
    /// Change IMAGE itself
    #[arg(long, conflicts_with = "check")]
    in_place: bool,
    /// Keep the blobs of an OCI layout that the change replaces, for programs that are reading it
    #[arg(long, requires = "in_place", conflicts_with_all = ["output", "check", "to", "platform"])]
    keep_replaced: bool,
    /// Only tell whether the patches fit and what they would change
    #[arg(long)]
    check: bool,
    /// Recompute every digest of IMAGE first, as `ocipatch verify` does
    #[arg(long)]
    verify: bool,
    /// Write the archive in this form instead of its own, as a tar or a directory; no patch is needed then
    #[arg(long, value_enum, value_name = "FORM", conflicts_with = "in_place")]
    to: Option<To>,
    /// Of an image for several platforms write only the one for this, such as `linux/arm64`
    #[arg(long, value_name = "PLATFORM", value_parser = platform, conflicts_with = "in_place")]
    platform: Option<PlatformPattern>,
    /// Write the new image id to this file
    #[arg(long, value_name = "FILE")]
    iidfile: Option<PathBuf>,
    /// Write the new digests and names to this file, as JSON with the keys of `docker buildx build`
    #[arg(long, value_name = "FILE")]
    metadata_file: Option<PathBuf>,
    /// Write to this file what was made of what, as an in-toto statement with SLSA provenance
    #[arg(long, value_name = "FILE")]
    provenance: Option<PathBuf>,
}

/// The forms of `--to`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum To {
    DockerArchive,
    OciArchive,
    OciDir,
    DockerDir,
}

impl From<To> for Form {
    fn from(to: To) -> Self {
        match to {
            To::DockerArchive => Self::DockerArchive,
            To::OciArchive => Self::OciArchive,
            To::OciDir => Self::OciDirectory,
            To::DockerDir => Self::DockerDirectory,
        }
    }
}

fn platform(text: &str) -> Result<PlatformPattern, String> {
    PlatformPattern::parse(text).ok_or_else(|| "it is no `os/architecture[/variant]`".to_owned())
}

impl Apply {
    pub(super) fn run(&self, quiet: bool) -> Result<(), Failure> {
        // To write an image in another form is something to do.
        if self.to.is_none() && self.platform.is_none() {
            self.inputs.want_patch()?;
        }
        let to_stdout = self
            .output
            .as_deref()
            .is_none_or(|path| path.as_os_str() == "-")
            && !self.in_place;
        if to_stdout && !self.check && io::stdout().is_terminal() {
            let message = "an archive is not for a terminal; use `-o OUT`, `--in-place`, or redirect standard output";
            return Err(Failure::Usage(message.to_owned()));
        }
        if self.in_place && self.inputs.image().as_os_str() == "-" {
            return Err(Failure::Usage(
                "standard input cannot be changed in place".to_owned(),
            ));
        }
        // Held to the end: what another run writes meanwhile would be lost.
        let _lock = self
            .in_place
            .then(|| Lock::take(self.inputs.image()))
            .transpose()?;
        let form = self.to.map(Form::from);
        let planned = self.inputs.plan(ProblemFormat::Text, form)?;
        self.refuse_to_keep(&planned)?;
        if self.verify {
            let report = crate::verify::verify(planned.archive.source())?;
            if !report.is_ok() {
                say(&report.to_string());
                return Err(Failure::Unsound);
            }
        }
        let is_directory = planned.archive.source().is_directory();
        let destination = if self.check {
            None
        } else {
            Some(self.destination(is_directory)?)
        };
        let conversion = Conversion {
            form: self.to.map(Form::from),
            platform: self.platform.clone(),
        };
        let prepared = planned.prepare(&conversion)?;
        let ids = ids(&prepared.targeted());
        let records = self.records(&planned, &prepared, &ids)?;
        if let Some(destination) = &destination {
            publish(&prepared.revision.draft, destination)?;
        }
        if !quiet {
            say(prepared.summary.to_string().trim_end());
        }
        for (file, content) in records {
            file.write(&content)?;
        }
        if to_stdout || self.check {
            return Ok(());
        }
        let lines: Vec<String> = ids.iter().map(|id| format!("{id}\n")).collect();
        Ok(output::text(&lines.concat())?)
    }

    /// Blobs of a layout stay side by side with those that replace them, and nothing else does.
    fn refuse_to_keep(&self, planned: &Planned) -> Result<(), Failure> {
        let is_layout = planned.archive.source().is_directory() && planned.archive.has_blobs();
        if !self.keep_replaced || is_layout {
            return Ok(());
        }
        let image = self.inputs.image().display();
        Err(Failure::Usage(format!(
            "`--keep-replaced` keeps blobs of a directory that is an OCI layout, and `{image}` is {}",
            if planned.archive.source().is_directory() {
                "of another form"
            } else {
                "a file, which is replaced as a whole"
            }
        )))
    }

    /// Opens the files that tell of the output, and says what goes into them.
    fn records(
        &self,
        planned: &Planned,
        prepared: &Prepared<'_>,
        ids: &[Digest],
    ) -> Result<Vec<(Record, String)>, Failure> {
        let one = |flag: &str| match ids {
            [id] => Ok(*id),
            _ => Err(Failure::Usage(format!(
                "`{flag}` is about one image, and {} images are targeted",
                ids.len()
            ))),
        };
        let mut contents = Vec::new();
        if let Some(path) = &self.iidfile {
            // Without a newline, as `docker build --iidfile` does.
            contents.push((path, one("--iidfile")?.to_string()));
        }
        if let Some(path) = &self.metadata_file {
            one("--metadata-file")?;
            let targeted = prepared.targeted();
            let image = targeted.first().expect("one image is targeted");
            contents.push((path, pretty(&prepared.metadata(image))));
        }
        if let Some(path) = &self.provenance {
            let statement = prepared.provenance(&planned.patches, &planned.plan.secrets);
            contents.push((path, pretty(&statement)));
        }
        if self.check {
            return Ok(Vec::new());
        }
        let open = |(path, content): (&PathBuf, String)| Ok((Record::open(path)?, content));
        contents.into_iter().map(open).collect()
    }

    fn destination(&self, image_is_directory: bool) -> Result<Destination, Failure> {
        if self.in_place {
            let replaced = if self.keep_replaced {
                Replaced::Kept
            } else {
                Replaced::Removed
            };
            let image = self.inputs.image().to_owned();
            return Ok(Destination::InPlace(image, replaced));
        }
        let Some(path) = self
            .output
            .as_deref()
            .filter(|path| path.as_os_str() != "-")
        else {
            if self.to.is_some_and(|to| Form::from(to).is_directory()) {
                return Err(Failure::Usage(
                    "a directory needs a name: say which by `-o DIRECTORY`".to_owned(),
                ));
            }
            let stdout = io::stdout().as_fd().try_clone_to_owned().map(File::from);
            let stdout = stdout.map_err(|source| Error::Io {
                place: "standard output".to_owned(),
                source,
            })?;
            return Ok(Destination::Stream(stdout));
        };
        let is_directory_path =
            path.as_os_str().as_encoded_bytes().ends_with(b"/") || path.is_dir();
        let wants_directory = self.to.map(|to| Form::from(to).is_directory());
        if wants_directory == Some(false) && is_directory_path {
            let shown = path.display();
            return Err(Failure::Usage(format!(
                "`{shown}` is a directory, and `--to` wants a tar"
            )));
        }
        if wants_directory.unwrap_or(is_directory_path) {
            return Ok(Destination::Directory(path.components().collect()));
        }
        if !image_is_directory || wants_directory.is_some() {
            return Ok(Destination::File(path.to_owned()));
        }
        if looks_like_tar(path) {
            let shown = path.display();
            return Err(Failure::Usage(format!(
                "IMAGE is a directory, so OUT will be one: say `-o {shown}/` for that, or `-o - > {shown}` for a tar"
            )));
        }
        Ok(Destination::Directory(path.to_owned()))
    }
}

fn looks_like_tar(path: &Path) -> bool {
    let name = path
        .file_name()
        .unwrap_or_default()
        .to_string_lossy()
        .to_lowercase();
    [".tar", ".tgz", ".gz", ".zst", ".bz2", ".xz"]
        .iter()
        .any(|end| name.ends_with(end))
}

fn pretty(value: &serde_json::Value) -> String {
    format!("{value:#}\n")
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

//! `ocipatch apply`

use std::path::PathBuf;

use clap::{Args, ValueEnum};

use super::destination::{self, output_of, refuse_stream};
use super::failure::{Failure, ProblemFormat, say_lines};
use super::inputs::Inputs;
use super::target::{self, Target};
use super::{output, selection};
use crate::apply::ImageSummary;
use crate::archive::{Destination, Form, Replaced, SideFile};
use crate::digest::Digest;
use crate::job::{Archive, Plan};
use crate::ledger::{Ledger, WrittenAs};
use crate::platform::PlatformPattern;
use crate::printable;

/// Applies patches to an image archive.
#[derive(Debug, Args)]
#[command(override_usage = "ocipatch apply [OPTIONS] <PATCH>... <IMAGE>")]
#[expect(clippy::struct_excessive_bools, reason = "each is a flag of its own")]
pub(super) struct Apply {
    #[command(flatten)]
    inputs: Inputs,
    /// Write the patched archive to a file, a directory (`dir/`), or `-` for standard output (the default)
    #[arg(short, long, value_name = "OUT", conflicts_with_all = ["in_place", "check"])]
    output: Option<PathBuf>,
    /// Change IMAGE itself
    #[arg(long, conflicts_with = "check")]
    in_place: bool,
    /// Keep the replaced blobs of an OCI layout, for programs that are reading it
    #[arg(long, requires = "in_place", conflicts_with_all = ["output", "check", "to", "platform"])]
    keep_replaced: bool,
    /// Only check whether the patches fit, and show what they would change
    #[arg(long)]
    check: bool,
    /// Verify every digest of IMAGE first, as `ocipatch verify` does
    #[arg(long)]
    verify: bool,
    /// Convert the archive to this form; patches are optional
    #[arg(long, value_enum, value_name = "FORM", conflicts_with = "in_place")]
    to: Option<To>,
    /// Write only this platform of a multi-platform image, such as `linux/arm64`
    #[arg(long, value_name = "PLATFORM", value_parser = selection::platform, conflicts_with = "in_place")]
    platform: Option<PlatformPattern>,
    /// Write the new image id to this file, or `-` for standard output
    #[arg(long, value_name = "FILE")]
    iidfile: Option<PathBuf>,
    /// Write the new digests and names to this file or `-`, as JSON with the keys of `docker buildx build`
    #[arg(long, value_name = "FILE")]
    metadata_file: Option<PathBuf>,
    /// Write an in-toto statement with SLSA provenance to this file or `-`
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
            To::DockerArchive => Self::DOCKER_ARCHIVE,
            To::OciArchive => Self::OCI_ARCHIVE,
            To::OciDir => Self::OCI_DIRECTORY,
            To::DockerDir => Self::DOCKER_DIRECTORY,
        }
    }
}

const IMAGE_ID: &str = "the image id";

/// What is written besides the image.
#[derive(Debug)]
struct Records {
    files: Vec<SideFile<'static>>,
    /// What standard output gets, unless it gets the image.
    printed: String,
    /// What that is, in messages.
    printed_name: &'static str,
}

impl Apply {
    pub(super) fn run(&self, quiet: bool, mut ledger: Ledger) -> Result<(), Failure> {
        // To write an image in another form is something to do.
        if self.to.is_none() && self.platform.is_none() {
            self.inputs.want_patch()?;
        }
        let image = self.inputs.image();
        if self.in_place {
            refuse_stream(image)?;
        }
        let destination = (!self.check).then(|| self.destination()).transpose()?;
        self.enter(destination.as_ref(), &mut ledger)?;
        let patches = self.inputs.read_patches(ProblemFormat::Text, ledger)?;
        let mut patches = patches.convert(self.to.map(Form::from), self.platform.clone());
        let archive = if self.in_place {
            patches.open_in_place(image)?
        } else {
            patches.open(image)?
        };
        let decided = patches.decide(&archive)?;
        self.refuse_to_keep(&archive)?;
        if self.verify {
            let report = archive.verify()?;
            if !report.is_ok() {
                say_lines(&report.to_string());
                return Err(Failure::Unsound);
            }
        }
        let plan = decided.derive()?;
        let records = self.records(&plan)?;
        match &destination {
            Some(destination) => write(&plan, destination, &records)?,
            None => plan.check_form()?,
        }
        if !quiet {
            say_lines(plan.to_string().trim_end());
        }
        match &destination {
            None | Some(Destination::Stream(_)) => Ok(()),
            Some(destination) => print(destination, &records),
        }
    }

    /// Blobs of a layout stay side by side with those that replace them, and nothing else does.
    fn refuse_to_keep(&self, archive: &Archive) -> Result<(), Failure> {
        let archive = archive.contents();
        let is_layout = archive.source().is_directory() && archive.has_blobs();
        if !self.keep_replaced || is_layout {
            return Ok(());
        }
        let image = printable::path(self.inputs.image());
        Err(Failure::Usage(format!(
            "`--keep-replaced` requires an OCI layout directory, but `{image}` is {}",
            if archive.source().is_directory() {
                "in another form"
            } else {
                "a file"
            }
        )))
    }

    /// Enters everything that is going to be written; standard output gets the image id where nothing else goes there.
    fn enter(&self, destination: Option<&Destination>, ledger: &mut Ledger) -> Result<(), Failure> {
        let mut gets_id = match destination {
            None => false,
            Some(destination) => destination::enter(destination, ledger)?,
        };
        for (role, path) in self.side_files() {
            let target = Target::of(path);
            target.enter(role, ledger)?;
            gets_id &= target != Target::StandardOutput;
        }
        if gets_id {
            target::enter_report(ledger)?;
        }
        Ok(())
    }

    fn destination(&self) -> Result<Destination, Failure> {
        let image = self.inputs.image();
        if self.in_place {
            let replaced = if self.keep_replaced {
                Replaced::Kept
            } else {
                Replaced::Removed
            };
            return Ok(Destination::InPlace(image.to_owned(), replaced));
        }
        let wants_directory = self.to.map(|to| Form::from(to).is_directory());
        output_of(image, self.output.as_deref(), wants_directory)
    }

    fn side_files(&self) -> impl Iterator<Item = (WrittenAs, &PathBuf)> {
        let files = [
            (WrittenAs::Iidfile, &self.iidfile),
            (WrittenAs::MetadataFile, &self.metadata_file),
            (WrittenAs::Provenance, &self.provenance),
        ];
        files
            .into_iter()
            .filter_map(|(role, path)| Some((role, path.as_ref()?)))
    }

    /// Returns what goes into the files that describe the output, and onto standard output.
    fn records(&self, plan: &Plan<'_>) -> Result<Records, Failure> {
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
        let mut records = Records {
            files: Vec::new(),
            printed: lines.concat(),
            printed_name: IMAGE_ID,
        };
        for (role, path) in self.side_files() {
            let (text, name) = match role {
                // Without a newline, as `docker build --iidfile` does.
                WrittenAs::Iidfile => (one("--iidfile")?.to_string(), IMAGE_ID),
                WrittenAs::MetadataFile => {
                    one("--metadata-file")?;
                    let image = targeted.first().expect("one image is targeted");
                    (pretty(&plan.metadata(image)), "the metadata")
                }
                _ => (pretty(&plan.provenance()), "the provenance"),
            };
            match Target::of(path) {
                Target::StandardOutput => (records.printed, records.printed_name) = (text, name),
                Target::Path(path) => records.files.push(SideFile::text(role, path, text)),
            }
        }
        Ok(records)
    }
}

/// Writes the image, then the files that describe it.
fn write(plan: &Plan<'_>, destination: &Destination, records: &Records) -> Result<(), Failure> {
    let written = plan.publish_with(destination, &records.files);
    written.map_err(|error| match destination {
        Destination::Stream(_) => Failure::of_stream(error),
        _ => error.into(),
    })
}

/// Prints what is for standard output. Whoever waits for it has to be told if it does not arrive.
fn print(destination: &Destination, records: &Records) -> Result<(), Failure> {
    output::data(&records.printed).map_err(|error| {
        let files = records.files.iter().map(SideFile::shown);
        let written: Vec<String> = [destination.shown()].into_iter().chain(files).collect();
        error
            .after(&written, &[records.printed_name.to_owned()])
            .into()
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

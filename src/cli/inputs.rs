//! The arguments that several commands share: patches, an image, and what planning them needs.

use std::fs::File;
use std::io::{self, Read};
use std::os::fd::AsFd;
use std::path::{Path, PathBuf};

use clap::{Args, ValueHint};

use super::args::{ArgOptions, refuse_undeclared};
use super::cache::CacheOptions;
use super::failure::{Failure, ProblemFormat};
use super::mistaken;
use super::registry::{self, RegistryOptions};
use crate::archive::Form;
use crate::error::Error;
use crate::gather::{NotPlanned, Patches, enter_sources};
use crate::job::{Archive, Decided, Input, Job, PatchTexts};
use crate::ledger::{Ledger, Location, ReadAs};
use crate::patch::MAX_FILE_BYTES;
use crate::platform::PlatformPattern;
use crate::printable;
use crate::problem::Note;
use crate::registry::Reach;
use crate::tarball::Kind;
use crate::timestamp::Timestamp;

/// The heading of options about what is read.
pub(super) const INPUT: &str = "Input";

/// What help calls patches and an image.
pub(super) const PATCHES_AND_IMAGE: &str = "PATCH|IMAGE";

/// What messages call standard input.
const STDIN: &str = "standard input";

/// Patches and the image that they are for.
#[derive(Debug, Args)]
pub(super) struct Inputs {
    /// Patch files, applied in order, then the image: a tar (plain, gzip, zstd, bzip2 or xz), an extracted directory,
    /// `-` for standard input, `docker://NAME` for an image in a registry, or `scratch` for an empty image
    #[arg(required = true, num_args = 1.., value_name = PATCHES_AND_IMAGE, value_hint = ValueHint::FilePath)]
    paths: Vec<PathBuf>,
    /// Allow paths in a patch that lead outside its directory
    #[arg(long, help_heading = INPUT)]
    allow_outside: bool,
    #[command(flatten)]
    args: ArgOptions,
    #[command(flatten)]
    registries: RegistryOptions,
    #[command(flatten)]
    cache: CacheOptions,
}

/// Patches that were read, and the run that they are for.
#[derive(Debug)]
pub(super) struct ReadPatches {
    patches: Patches,
    format: ProblemFormat,
    job: Job,
    image: ImageWord,
}

/// What the image is.
#[derive(Debug)]
enum ImageWord {
    /// An archive.
    Archive,
    /// The one that begins with nothing, for this os, architecture and variant.
    Scratch(Option<[String; 3]>),
}

impl Inputs {
    /// The image as it was typed.
    pub(super) fn image(&self) -> &Path {
        self.paths.last().expect("clap wants at least one path")
    }

    /// Returns the patches and the image as they were typed.
    pub(super) fn paths(&self) -> &[PathBuf] {
        &self.paths
    }

    fn patches(&self) -> &[PathBuf] {
        &self.paths[..self.paths.len() - 1]
    }

    /// The first patch as it was typed.
    pub(super) fn first_patch(&self) -> String {
        let first = self.patches().first();
        first.map_or_else(String::new, |path| path.to_string_lossy().into_owned())
    }

    /// Every file that was named on the command line and read, with the files of an archive that is a directory.
    pub(super) fn read_paths(&self, archive: &Archive) -> Vec<PathBuf> {
        let is_file = |path: &&PathBuf| path.as_os_str() != "-";
        let named = self.patches().iter().chain(self.args.files());
        let mut paths: Vec<PathBuf> = named.filter(is_file).cloned().collect();
        let (source, image) = (archive.contents().source(), self.image());
        if source.is_directory() && source.repository().is_none() && !is_scratch(image) {
            let files = source
                .entries()
                .iter()
                .filter(|entry| entry.kind == Kind::File);
            paths.extend(files.map(|file| image.join(&file.name)));
        } else if source.repository().is_none() && !is_scratch(image) && image.as_os_str() != "-" {
            paths.push(image.to_owned());
        }
        paths
    }

    /// Reads the patches. From here on everything that is going to be read is in the ledger.
    pub(super) fn read_patches(
        &self,
        format: ProblemFormat,
        mut ledger: Ledger,
    ) -> Result<ReadPatches, Failure> {
        let is_stdin = |path: &&PathBuf| path.as_os_str() == "-";
        if self.paths.iter().filter(is_stdin).count() > 1 {
            return Err(Failure::Usage(
                "only one input can be standard input".to_owned(),
            ));
        }
        if !is_scratch(self.image()) {
            enter(self.image(), ReadAs::Image, &mut ledger)?;
        }
        let values = self.args.values(&mut ledger)?;
        let mut texts = read_texts(self.patches(), &mut ledger)?;
        if self.allow_outside {
            texts = texts.allow_outside();
        }
        let patches = texts
            .with_args(&values)
            .map_err(|rejected| Failure::Rejected(rejected, format))?;
        refuse_undeclared(&values, &patches.arg_names())?;
        enter_sources(&patches, &mut ledger)?;
        Ok(ReadPatches {
            patches,
            format,
            job: self.registries.job(ledger)?.cache(self.cache.directory()),
            image: if is_scratch(self.image()) {
                ImageWord::Scratch(None)
            } else {
                ImageWord::Archive
            },
        })
    }
}

impl ReadPatches {
    /// Returns how registries are reached.
    pub(super) fn reach(&self) -> Reach {
        self.job.reach().clone()
    }

    /// Returns the notes on the patches, each with the path of its file.
    pub(super) fn notes(&self) -> Vec<(String, Note)> {
        let files = self.patches.files().iter();
        let notes = files.flat_map(|file| file.notes().iter().map(|it| (file.path(), it)));
        notes
            .map(|(path, note)| (path.to_owned(), note.clone()))
            .collect()
    }

    /// Chooses the form and the platform of the output.
    pub(super) fn convert(
        mut self,
        form: Option<Form>,
        platform: Option<&PlatformPattern>,
    ) -> Result<Self, Failure> {
        if let Some(form) = form {
            self.job = self.job.to(form);
        }
        let Some(platform) = platform else {
            return Ok(self);
        };
        if let ImageWord::Scratch(scratch) = &mut self.image {
            let Some(parts) = platform.parts() else {
                let platform = platform.as_str();
                let message = format!(
                    "`{platform}` is a pattern, but `{SCRATCH}` needs a platform such as `linux/amd64`"
                );
                return Err(Failure::Usage(message));
            };
            *scratch = Some(parts.map(str::to_owned));
        } else {
            self.job = self.job.platform(platform.clone());
        }
        Ok(self)
    }

    /// Has the output be what registries hold.
    pub(super) fn pushed(mut self) -> Self {
        self.job = self.job.pushed();
        self
    }

    /// Opens the image; `-` is standard input.
    pub(super) fn open(&mut self, image: &Path) -> Result<Archive, Failure> {
        let input = match &self.image {
            ImageWord::Scratch(platform) => Input::Scratch(platform.clone()),
            ImageWord::Archive => input(image)?,
        };
        let opened = self.job.open_for(input, &self.patches);
        opened.map_err(|failed| self.failure(failed))
    }

    /// Opens and locks an image that is changed in place.
    pub(super) fn open_in_place(&mut self, image: &Path) -> Result<Archive, Failure> {
        if self.is_scratch() {
            let message = format!("`{SCRATCH}` is not an archive; write the image with `-o`");
            return Err(Failure::Usage(message));
        }
        let opened = self.job.open_in_place(image, &self.patches);
        opened.map_err(|failed| self.failure(failed))
    }

    /// Plans for the image, up to where contents are read.
    pub(super) fn decide(mut self, archive: &Archive) -> Result<Decided<'_>, Failure> {
        if let Some(time) = source_date_epoch()? {
            self.job = self.job.source_date_epoch(time);
        }
        let decided = self.job.decide(archive, &self.patches);
        let decided = decided.map_err(|failed| self.failure(failed))?;
        if self.is_scratch() && !decided.has_platforms() {
            let message = format!(
                "`{SCRATCH}` has no platform; add `--platform linux/amd64` or the like, or `set-platform` to the patch"
            );
            return Err(Failure::Usage(message));
        }
        Ok(decided)
    }

    fn is_scratch(&self) -> bool {
        matches!(self.image, ImageWord::Scratch(_))
    }

    fn failure(&self, failed: NotPlanned) -> Failure {
        match failed {
            NotPlanned::Rejected(rejected) => Failure::Rejected(rejected, self.format),
            NotPlanned::Failed(error) => error.into(),
        }
    }
}

/// The image that begins with nothing.
const SCRATCH: &str = "scratch";

/// Tells whether a path is the word for an image that begins with nothing; a file of this name is `./scratch`.
fn is_scratch(image: &Path) -> bool {
    image.as_os_str() == SCRATCH
}

/// Reads patch files; `-` is standard input.
pub(super) fn read_texts(paths: &[PathBuf], ledger: &mut Ledger) -> Result<PatchTexts, Failure> {
    for path in paths {
        enter(path, ReadAs::Patch, ledger)?;
    }
    let mut texts = PatchTexts::default();
    for path in paths {
        if path.as_os_str() != "-" {
            texts.read(path)?;
            continue;
        }
        mistaken::refuse_terminal("patch")?;
        let mut bytes = Vec::new();
        let read = io::stdin()
            .take(MAX_FILE_BYTES as u64 + 1)
            .read_to_end(&mut bytes);
        read.map_err(stdin_error)?;
        texts.push("-", bytes, ".")?;
    }
    Ok(texts)
}

fn stdin_error(source: io::Error) -> Error {
    Error::Io {
        place: STDIN.to_owned(),
        source,
    }
}

/// Enters an input in the ledger; `-` is standard input.
pub(super) fn enter(path: &Path, role: ReadAs, ledger: &mut Ledger) -> Result<(), Failure> {
    if registry::image(path)?.is_some() {
        return Ok(());
    }
    let location = if path.as_os_str() == "-" {
        Location::of_open(&io::stdin(), STDIN)
    } else {
        Location::of(path)
    };
    Ok(ledger.read(role, location)?)
}

/// Returns the run of a command that has entered its outputs in `ledger`.
pub(super) fn job(ledger: Ledger) -> Job {
    let job = Job::new().with_ledger(ledger);
    match temporary_directory() {
        Some(directory) => job.spool(directory),
        None => job,
    }
}

/// Returns the directory for temporary files, if the user has chosen one.
pub(super) fn temporary_directory() -> Option<PathBuf> {
    let directory = std::env::var_os("TMPDIR").filter(|directory| !directory.is_empty());
    directory.map(PathBuf::from)
}

/// Returns what a path means to a command that takes archives alone.
pub(super) fn local_input(path: &Path) -> Result<Input, Failure> {
    let Some(image) = registry::image(path)? else {
        return input(path);
    };
    Err(Failure::Usage(format!(
        "`{image}` is in a registry; write it to a file first, with `ocipatch apply {image} -o FILE`"
    )))
}

/// Returns what a path means; `-` is standard input, and `docker://` an image in a registry.
pub(super) fn input(path: &Path) -> Result<Input, Failure> {
    if let Some(image) = registry::image(path)? {
        return Ok(Input::Registry(image));
    }
    if path.as_os_str() != "-" {
        return Ok(path.into());
    }
    mistaken::refuse_terminal("image")?;
    let input = io::stdin().as_fd().try_clone_to_owned().map(File::from);
    Ok(Input::Stream(input.map_err(stdin_error)?, STDIN.to_owned()))
}

/// The time that a reproducible build gives (reproducible-builds.org, `SOURCE_DATE_EPOCH`).
pub(super) fn source_date_epoch() -> Result<Option<Timestamp>, Failure> {
    let Some(value) = std::env::var_os("SOURCE_DATE_EPOCH").filter(|value| !value.is_empty())
    else {
        return Ok(None);
    };
    let seconds = value
        .to_str()
        .filter(|text| text.bytes().all(|byte| byte.is_ascii_digit()))
        .and_then(|text| text.parse().ok());
    let time = seconds.and_then(Timestamp::from_unix_seconds);
    let usage = || {
        Failure::Usage(format!(
            "SOURCE_DATE_EPOCH is `{}`, not seconds since 1970",
            printable::path(&value)
        ))
    };
    time.map(Some).ok_or_else(usage)
}

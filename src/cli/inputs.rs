//! The arguments that several commands share: patches, an image, and what planning them needs.

use std::fs::File;
use std::io::{self, Read};
use std::os::fd::AsFd;
use std::path::{Path, PathBuf};

use clap::Args;

use super::args::{ArgOptions, refuse_undeclared};
use super::failure::{Failure, ProblemFormat};
use crate::apply::{AppliedPatch, Prepared, prepare_as};
use crate::archive::{Archive, Conversion, Form, Half, Source};
use crate::compression::Compression;
use crate::error::Error;
use crate::gather::{self, Base, NotPlanned, Opened, Setting, enter_sources};
use crate::ledger::{Ledger, Location, ReadAs};
use crate::patch::{MAX_FILE_BYTES, PatchFile, Trust};
use crate::plan::Plan;
use crate::printable;
use crate::problem::Rejected;
use crate::timestamp::Timestamp;

/// Patches and the image that they are for.
#[derive(Debug, Args)]
pub(super) struct Inputs {
    /// Patch files, applied in order, then the image: a tar (plain, gzip, zstd, bzip2 or xz), a directory that one was
    /// extracted into, or `-` for standard input
    #[arg(required = true, num_args = 1.., value_name = "PATCH|IMAGE")]
    paths: Vec<PathBuf>,
    /// Let paths in a patch lead out of the patch file's directory
    #[arg(long)]
    allow_outside: bool,
    #[command(flatten)]
    args: ArgOptions,
}

/// Patches that were read, and where everything is that they are to be planned with.
#[derive(Debug)]
pub(super) struct Patches {
    patches: gather::Patches,
    format: ProblemFormat,
    ledger: Ledger,
}

/// Inputs that were read, and the plan for them.
#[derive(Debug)]
pub(super) struct Planned {
    pub(super) archive: Archive,
    pub(super) plan: Plan,
    /// The patches that were read.
    pub(super) patches: Vec<AppliedPatch>,
    opened: Opened,
    spool: PathBuf,
}

impl Planned {
    /// Reads what is to be added and derives every digest.
    pub(super) fn prepare(&self, conversion: &Conversion) -> Result<Prepared<'_>, Error> {
        prepare_as(
            &self.plan,
            &self.archive,
            &self.opened,
            &self.spool,
            conversion,
        )
    }
}

impl Inputs {
    /// The image as it was typed.
    pub(super) fn image(&self) -> &Path {
        self.paths.last().expect("clap wants at least one path")
    }

    fn patches(&self) -> &[PathBuf] {
        &self.paths[..self.paths.len() - 1]
    }

    /// Says so where there is no patch.
    pub(super) fn want_patch(&self) -> Result<(), Failure> {
        if self.patches().is_empty() {
            let message = "a patch is missing: patches come first, the image last";
            return Err(Failure::Usage(message.to_owned()));
        }
        Ok(())
    }

    /// Reads the patches. From here on everything that is going to be read is in the ledger.
    pub(super) fn read_patches(
        &self,
        format: ProblemFormat,
        mut ledger: Ledger,
    ) -> Result<Patches, Failure> {
        let is_stdin = |path: &&PathBuf| path.as_os_str() == "-";
        if self.paths.iter().filter(is_stdin).count() > 1 {
            return Err(Failure::Usage(
                "only one input can be standard input".to_owned(),
            ));
        }
        enter(self.image(), ReadAs::Image, &mut ledger)?;
        let values = self.args.values(&mut ledger)?;
        let parse = |name: &str, bytes: &[u8]| PatchFile::parse_with(name, bytes, &values);
        let files = read_patches(self.patches(), &mut ledger, parse)?
            .map_err(|rejected| Failure::Rejected(rejected, format))?;
        let declared: Vec<&[String]> = files.iter().map(PatchFile::arg_names).collect();
        refuse_undeclared(&values, &declared.concat())?;
        let base = |path: &PathBuf| Base {
            patch_file: (!is_stdin(&path)).then(|| path.clone()),
            allow_outside: self.allow_outside,
            ..Base::of(path)
        };
        let bases = self.patches().iter().map(base);
        let patches: gather::Patches = files.into_iter().zip(bases).collect();
        enter_sources(&patches, &mut ledger)?;
        Ok(Patches {
            patches,
            format,
            ledger,
        })
    }
}

impl Patches {
    /// Reads the image and plans for the form that the archive will be written in, if another.
    pub(super) fn plan(mut self, image: &Path, form: Option<Form>) -> Result<Planned, Failure> {
        let rejected = |rejected| Failure::Rejected(rejected, self.format);
        let files = self.patches.files();
        let trusted = Trust::of(files)
            .map_err(rejected)?
            .map(|trust| match trust {
                Trust::Manifest => Half::Manifest,
                Trust::Index => Half::Index,
            });
        let source = open_source(image, ReadAs::Image, &mut self.ledger)?;
        let archive = Archive::open_trusting(source, trusted)?;
        let spool = spool_directory();
        let setting = Setting {
            spool: spool.clone(),
            source_date_epoch: source_date_epoch()?,
            is_converted: form.is_some(),
            ledger: self.ledger,
        };
        let gathered = gather::gather(&self.patches, &archive, &setting)?;
        let plan = gathered.plan();
        let plan = plan.map_err(|not_planned| match not_planned {
            NotPlanned::Rejected(problems) => rejected(problems),
            NotPlanned::Failed(error) => error.into(),
        })?;
        let opened = gathered.opened;
        let applied = |file: &PatchFile| AppliedPatch {
            name: file.name().to_owned(),
            digest: file.digest(),
            args: file.args().to_vec(),
        };
        Ok(Planned {
            archive,
            plan,
            patches: files.iter().map(applied).collect(),
            opened,
            spool,
        })
    }
}

/// Reads patch files by `parse`, which is given their names and bytes; the problems of all of them come together.
pub(super) fn read_patches<T>(
    paths: &[PathBuf],
    ledger: &mut Ledger,
    parse: impl Fn(&str, &[u8]) -> Result<T, Rejected>,
) -> Result<Result<Vec<T>, Rejected>, Failure> {
    for path in paths {
        enter(path, ReadAs::Patch, ledger)?;
    }
    let mut files = Vec::with_capacity(paths.len());
    let mut rejected: Option<Rejected> = None;
    for path in paths {
        let bytes = read_patch(path)?;
        if is_archive(&bytes) {
            let shown = printable::path(path);
            return Err(Failure::Usage(format!(
                "`{shown}` is an archive, not a patch: patches come first, the image last"
            )));
        }
        match parse(&printable::path(path), &bytes) {
            Ok(file) => files.push(file),
            Err(problems) => {
                rejected = Some(match rejected {
                    Some(rejected) => rejected.and(problems),
                    None => problems,
                });
            }
        }
    }
    Ok(rejected.map_or(Ok(files), Err))
}

/// Tells whether bytes begin as a tar or a compressed stream does; no text does.
fn is_archive(bytes: &[u8]) -> bool {
    let is_tar = bytes.get(257..262) == Some(b"ustar");
    is_tar || Compression::detect(bytes) != Compression::None
}

/// Reads a patch file, or enough of it to see that it is too long for one.
fn read_patch(path: &Path) -> Result<Vec<u8>, Failure> {
    let limit = MAX_FILE_BYTES as u64 + 1;
    let mut bytes = Vec::new();
    if path.as_os_str() == "-" {
        io::stdin()
            .take(limit)
            .read_to_end(&mut bytes)
            .map_err(|source| Error::Io {
                place: "standard input".to_owned(),
                source,
            })?;
    } else {
        let file = File::open(path).map_err(Error::at(path))?;
        file.take(limit)
            .read_to_end(&mut bytes)
            .map_err(Error::at(path))?;
    }
    Ok(bytes)
}

/// Enters an input in the ledger; `-` is standard input.
pub(super) fn enter(path: &Path, role: ReadAs, ledger: &mut Ledger) -> Result<(), Failure> {
    let location = if path.as_os_str() == "-" {
        Location::of_open(&io::stdin(), "standard input")
    } else {
        Location::of(path)
    };
    Ok(ledger.read(role, location)?)
}

/// Opens an archive; `-` is standard input.
pub(super) fn open_source(
    path: &Path,
    role: ReadAs,
    ledger: &mut Ledger,
) -> Result<Source, Failure> {
    enter(path, role, ledger)?;
    let spool = spool_directory();
    if path.as_os_str() == "-" {
        let place = "standard input".to_owned();
        let input = io::stdin().as_fd().try_clone_to_owned().map(File::from);
        let input = input.map_err(|source| Error::Io {
            place: place.clone(),
            source,
        })?;
        return Ok(Source::from_stream(input, place, &spool)?);
    }
    Ok(Source::open(path, &spool)?)
}

/// Where streams and decompressed archives are kept while they are read: room is wanted, not speed.
fn spool_directory() -> PathBuf {
    match std::env::var_os("TMPDIR").filter(|directory| !directory.is_empty()) {
        Some(directory) => directory.into(),
        None => "/var/tmp".into(),
    }
}

/// The time that a reproducible build gives (reproducible-builds.org, `SOURCE_DATE_EPOCH`).
fn source_date_epoch() -> Result<Option<Timestamp>, Failure> {
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

//! `ocipatch apply`

mod depfile;
mod records;
mod talk;

use std::path::{Path, PathBuf};

use clap::{Args, ValueHint};
use records::Records;

use crate::archive::{Destination, Form, Replaced};
use crate::cli::destination::{self, output_of, refuse_stream};
use crate::cli::failure::{Failure, ProblemFormat, say_lines};
use crate::cli::form::To;
use crate::cli::inputs::Inputs;
use crate::cli::mistaken::Positionals;
use crate::cli::target::{self, Target};
use crate::cli::{progress, registry, selection};
use crate::job::{Archive, Moves, Names, Plan};
use crate::ledger::{Ledger, WrittenAs};
use crate::platform::PlatformPattern;
use crate::printable;
use crate::reference::RegistryImage;
use crate::registry::{Access, Reach, Registries};

/// Applies patches to an image archive.
#[derive(Debug, Args)]
#[command(override_usage = "ocipatch apply [OPTIONS] <PATCH>... <IMAGE>")]
#[expect(clippy::struct_excessive_bools, reason = "each is a flag of its own")]
pub(super) struct Apply {
    #[command(flatten)]
    inputs: Inputs,
    /// Write the patched archive to a file, a directory (`dir/`), `docker://NAME` in a registry, or `-` for standard output (the
    /// default)
    ///
    /// A name that ends in `.gz`, `.tgz`, `.zst`, `.bz2` or `.xz` is written in that compression; any other output has the compression of
    /// IMAGE. The file appears when it is complete.
    #[arg(short, long, value_name = "OUT", value_hint = ValueHint::FilePath, help_heading = "Output", conflicts_with_all = ["in_place", "check", "push"])]
    output: Option<PathBuf>,
    /// Change IMAGE itself; of a registry, move the tag that was read
    ///
    /// If the run is interrupted, the old or the new images remain, and the next run removes what was left over.
    #[arg(long, help_heading = "Output", conflicts_with = "check")]
    in_place: bool,
    /// Push the patched image to registries, under every name that it has; with `--check`, only show what that would be
    #[arg(long, help_heading = "Output", conflicts_with = "to")]
    push: bool,
    /// Move tags that exist in the registry
    #[arg(long, help_heading = "Output", conflicts_with = "check")]
    overwrite: bool,
    /// Keep the replaced blobs of an OCI layout, for programs that are reading it
    #[arg(long, help_heading = "Output", requires = "in_place", conflicts_with_all = ["output", "check", "to", "platform"])]
    keep_replaced: bool,
    /// Only check whether the patches fit, and show what they would change
    ///
    /// Nothing is written. `ocipatch plan` prints the same to standard output.
    #[arg(long, visible_alias = "dry-run", help_heading = "Checks")]
    check: bool,
    /// Show long values, texts and lists of files to their end
    #[arg(long, help_heading = "Output")]
    full: bool,
    /// Verify every digest of IMAGE first, as `ocipatch verify` does
    #[arg(long, help_heading = "Checks")]
    verify: bool,
    /// Convert the archive to this form; patches are optional
    #[arg(
        long,
        value_enum,
        value_name = "FORM",
        help_heading = "Output",
        conflicts_with = "in_place"
    )]
    to: Option<To>,
    /// Write only this platform of a multi-platform image, such as `linux/arm64`
    #[arg(long, value_name = "PLATFORM", value_parser = selection::platform, help_heading = "Output", conflicts_with = "in_place")]
    platform: Option<PlatformPattern>,
    /// Write the new image id to this file, or `-` for standard output
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath, help_heading = "Output")]
    iidfile: Option<PathBuf>,
    /// Write the digest of the new manifest or index to this file, or `-` for standard output
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath, help_heading = "Output")]
    digest_file: Option<PathBuf>,
    /// Write the new digests and names to this file or `-`, as JSON with the keys of `docker buildx build`
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath, help_heading = "Output")]
    metadata_file: Option<PathBuf>,
    /// Write an in-toto statement with SLSA provenance to this file or `-`
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath, help_heading = "Output")]
    provenance: Option<PathBuf>,
    /// Write rules for make to this file: OUT depends on every file that was read
    #[arg(
        long,
        value_name = "FILE",
        value_hint = ValueHint::FilePath,
        help_heading = "Output",
        requires = "output",
        conflicts_with = "check"
    )]
    depfile: Option<PathBuf>,
    /// Leave OUT, and the files that describe it, as they are if they have the same bytes already
    #[arg(
        long,
        help_heading = "Output",
        requires = "output",
        conflicts_with = "check"
    )]
    if_changed: bool,
}

/// Where the image goes.
#[derive(Debug)]
enum Output {
    /// To files or standard output.
    Local(Destination),
    /// To registries: under this name, or under all that it has.
    Registry(Names),
}

impl Apply {
    pub(super) fn image(&self) -> &Path {
        self.inputs.image()
    }

    pub(super) fn output_path(&self) -> Option<&Path> {
        self.output.as_deref()
    }

    pub(super) fn positionals(&self) -> Positionals<'_> {
        let goes_somewhere = self.output.is_some() || self.in_place || self.push || self.check;
        Positionals {
            words: self.inputs.paths(),
            output: Some(if goes_somewhere { "" } else { "-o patched.tar" }),
        }
    }

    /// Tells whether the output is a directory by its form.
    pub(super) fn writes_directory(&self) -> bool {
        let form = self.to.map(|to| Form::from(to).is_directory());
        form.unwrap_or_else(|| self.inputs.image().is_dir())
    }

    pub(super) fn run(&self, quiet: bool, mut ledger: Ledger) -> Result<(), Failure> {
        let image = self.inputs.image();
        let is_remote = registry::image(image)?.is_some();
        if self.in_place {
            refuse_stream(image)?;
        }
        let output = (!self.check).then(|| self.output(is_remote)).transpose()?;
        self.refuse_to_compare(output.as_ref())?;
        let is_pushed = self.push || matches!(output, Some(Output::Registry(_)));
        // To write an image in another form, or elsewhere, is something to do.
        if self.to.is_none() && self.platform.is_none() && !is_remote && !is_pushed {
            self.positionals().want_patch()?;
        }
        self.enter(output.as_ref(), &mut ledger)?;
        let patches = self.inputs.read_patches(ProblemFormat::Text, ledger)?;
        let form = self.form(output.as_ref(), is_remote)?;
        let mut patches = patches.convert(form, self.platform.as_ref())?;
        if is_pushed {
            patches = patches.pushed();
        }
        let reach = patches.reach();
        self.announce(output.as_ref(), &reach)?;
        let archive = if self.in_place && !is_remote {
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
        let destination = match output {
            None => None,
            Some(Output::Local(destination)) => Some(destination),
            Some(Output::Registry(names)) => Some(self.push(&plan, reach.registries()?, &names)?),
        };
        let rules = || self.rules(&archive, &plan);
        let records = Records::of(self.side_files(), &plan, destination.as_ref(), rules)?;
        let is_written = match &destination {
            Some(destination) if self.if_changed => {
                plan.publish_if_changed(destination, &records.files)?
            }
            Some(destination) => write(&plan, destination, &records).map(|()| true)?,
            None => plan.check_form().map(|()| true)?,
        };
        progress::end();
        if !quiet {
            talk::tell(&plan, destination.as_ref(), is_written, self.full);
        }
        match &destination {
            None | Some(Destination::Stream(_)) => Ok(()),
            Some(destination) => records.print(destination),
        }
    }

    /// Says where something is going to be pushed, so that one token serves for all.
    fn announce(&self, output: Option<&Output>, reach: &Reach) -> Result<(), Failure> {
        let read = registry::image(self.inputs.image())?;
        let name = match output {
            Some(Output::Registry(Names::One(name))) => Some(name),
            Some(Output::Registry(Names::Read | Names::All)) => {
                read.as_ref().map(RegistryImage::repository)
            }
            Some(Output::Local(_)) | None => None,
        };
        if let Some(name) = name {
            let registries = reach.registries()?;
            registries.announce(&registries.repository(name), Access::Push);
        }
        Ok(())
    }

    /// Returns the rules of `--depfile`.
    fn rules(&self, archive: &Archive, plan: &Plan<'_>) -> Result<String, Failure> {
        let output = self.output.as_deref().unwrap_or(Path::new(""));
        let Some(name) = output.to_str().filter(|name| depfile::has_spelling(name)) else {
            let shown = printable::path(output);
            return Err(Failure::Usage(format!(
                "make cannot express the name `{shown}`"
            )));
        };
        let inputs = self.inputs.read_paths(archive).into_iter();
        Ok(depfile::rules(name, inputs.chain(plan.source_paths())))
    }

    fn push(
        &self,
        plan: &Plan<'_>,
        registries: &Registries,
        names: &Names,
    ) -> Result<Destination, Failure> {
        let moves = Moves {
            the_one_read: self.in_place,
            others: self.overwrite,
        };
        Ok(plan.push(registries, names, moves)?)
    }

    /// Returns the form that is written, where it is not that of the image: registries hold what a layout does, and an image of one
    /// becomes what `docker load` takes.
    fn form(&self, output: Option<&Output>, is_remote: bool) -> Result<Option<Form>, Failure> {
        let asked_for = self.to.map(Form::from);
        match output {
            Some(Output::Registry(_)) if asked_for.is_some() => Err(Failure::Usage(
                "`--to` is the form of a file, but the output is in a registry".to_owned(),
            )),
            Some(Output::Local(Destination::Directory(_))) if is_remote => {
                Ok(asked_for.or(Some(Form::OCI_DIRECTORY)))
            }
            Some(Output::Local(_)) if is_remote => Ok(asked_for.or(Some(Form::DOCKER_ARCHIVE))),
            _ => Ok(asked_for),
        }
    }

    /// A file is compared, and is a target of make.
    fn refuse_to_compare(&self, output: Option<&Output>) -> Result<(), Failure> {
        let is_file = matches!(output, Some(Output::Local(Destination::File(_))));
        let is_directory = matches!(output, Some(Output::Local(Destination::Directory(_))));
        let refused = |flag: &str, wanted: &str| {
            Err(Failure::Usage(format!(
                "`{flag}` requires {wanted} as the output: use `-o OUT`"
            )))
        };
        if self.if_changed && !is_file {
            return refused("--if-changed", "a file");
        }
        if self.depfile.is_some() && !is_file && !is_directory {
            return refused("--depfile", "a file or a directory");
        }
        Ok(())
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
            match (
                archive.source().repository(),
                archive.source().is_directory()
            ) {
                (Some(_), _) => "in a registry",
                (None, true) => "in another form",
                (None, false) => "a file",
            }
        )))
    }

    /// Enters everything that is going to be written; standard output gets the image id where nothing else goes there.
    fn enter(&self, output: Option<&Output>, ledger: &mut Ledger) -> Result<(), Failure> {
        let mut gets_id = match output {
            None => false,
            Some(Output::Local(destination)) => destination::enter(destination, ledger)?,
            Some(Output::Registry(_)) => true,
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

    fn output(&self, is_remote: bool) -> Result<Output, Failure> {
        if self.push {
            return Ok(Output::Registry(Names::All));
        }
        let output = self.output.as_deref().map(registry::output).transpose()?;
        match output.flatten() {
            Some(name) => Ok(Output::Registry(Names::One(name))),
            None if self.in_place && is_remote => Ok(Output::Registry(Names::Read)),
            None if self.overwrite => Err(Failure::Usage(
                "`--overwrite` moves tags in a registry; use it with `-o docker://NAME` or `--push`".to_owned(),
            )),
            None => self.destination().map(Output::Local),
        }
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
            (WrittenAs::DigestFile, &self.digest_file),
            (WrittenAs::MetadataFile, &self.metadata_file),
            (WrittenAs::Provenance, &self.provenance),
            (WrittenAs::Depfile, &self.depfile),
        ];
        files
            .into_iter()
            .filter_map(|(role, path)| Some((role, path.as_ref()?)))
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

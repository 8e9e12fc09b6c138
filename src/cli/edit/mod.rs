//! `ocipatch edit`

mod editor;

use std::ffi::OsString;
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::path::PathBuf;

use clap::{Args, ValueHint};

use self::editor::in_editor;
use super::args::{ArgOptions, refuse_undeclared};
use super::cache::CacheOptions;
use super::failure::{Failure, say};
use super::inputs::{enter, input};
use super::registry::RegistryOptions;
use super::selection::SelectionOptions;
use super::{output, target};
use crate::archive::{SideFile, write_files};
use crate::gather::directory_of;
use crate::image::Config;
use crate::image_path::ImagePath;
use crate::job::{
    Archive, EditedFile, Extended, Job, NotEdited, PatchEdit, PatchStart, PatchTexts,
};
use crate::ledger::{Extent, Ledger, Location, ReadAs, WrittenAs};
use crate::look::Absent;
use crate::patch::ArgValues;
use crate::printable;

/// Opens files of an image in an editor, and writes what you change as operations of a patch.
#[derive(Debug, Args)]
pub(super) struct Edit {
    /// A tar, an extracted directory, or `docker://NAME` for an image in a registry; it stays as it is
    #[arg(value_hint = ValueHint::FilePath)]
    image: PathBuf,
    #[command(flatten)]
    registries: RegistryOptions,
    /// Paths in the image, such as `/etc/app.conf`; links are followed
    #[arg(required_unless_present = "config", value_hint = ValueHint::Other)]
    paths: Vec<OsString>,
    /// Edit the configuration of the image as JSON
    #[arg(long, conflicts_with = "paths")]
    config: bool,
    /// Add the operations to this patch file, which is created if it does not exist; by default, the patch is printed
    #[arg(short, long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    patch: Option<PathBuf>,
    /// Let the patch read files outside its directory
    #[arg(long, requires = "patch")]
    allow_outside: bool,
    #[command(flatten)]
    selection: SelectionOptions,
    #[command(flatten)]
    args: ArgOptions,
    #[command(flatten)]
    cache: CacheOptions,
}

impl Edit {
    pub(super) fn run(&self, quiet: bool, mut ledger: Ledger) -> Result<(), Failure> {
        if self.image.as_os_str() == "-" {
            let message = "the editor needs standard input; save the image to a file first";
            return Err(Failure::Usage(message.to_owned()));
        }
        let existing = self.enter(&mut ledger)?;
        let values = self.args.values(&mut ledger)?;
        let mut job = self.registries.job(ledger)?.cache(self.cache.directory());
        let (archive, start) = self.open(existing, &values, &mut job)?;
        let ledger = job.ledger().clone();
        let edit = PatchEdit {
            start,
            archive: &archive,
            values: &values,
            name: self.patch_name(),
            directory: self
                .patch
                .as_deref()
                .map_or(PathBuf::from("."), directory_of),
            allows_outside: self.allow_outside,
            job: &job,
        };
        let write = |extended: &Extended| {
            archive.contents().source().check()?;
            self.write(extended, &ledger, quiet)
        };
        let is_changed = if self.config {
            edit_config(&edit, write)?
        } else {
            let paths = self.paths.iter();
            let paths: Vec<ImagePath> = paths
                .map(|path| ImagePath::confined(path.as_bytes()))
                .collect();
            edit_files(&edit, &paths, write)?
        };
        if !is_changed && !quiet {
            say("nothing was changed, and nothing was written");
        }
        Ok(())
    }

    /// Enters what is read and written; returns the patch if it is there.
    fn enter(&self, ledger: &mut Ledger) -> Result<Option<PatchTexts>, Failure> {
        let Some(patch) = &self.patch else {
            target::enter_report(ledger)?;
            enter(&self.image, ReadAs::Image, ledger)?;
            return Ok(None);
        };
        ledger.write(WrittenAs::Patch, Extent::File, Location::of(patch))?;
        enter(&self.image, ReadAs::Image, ledger)?;
        match std::fs::symlink_metadata(patch) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            _ => {
                ledger.read(ReadAs::Patch, Location::of(patch))?;
                let mut texts = PatchTexts::default();
                texts.read(patch)?;
                Ok(Some(texts))
            }
        }
    }

    fn open(
        &self,
        existing: Option<PatchTexts>,
        values: &ArgValues,
        job: &mut Job,
    ) -> Result<(Archive, PatchStart), Failure> {
        let image = input(&self.image)?;
        let Some(texts) = existing else {
            refuse_undeclared(values, &[])?;
            let archive = job.look_into(image, self.selection.trusted())?;
            let number = self.selection.selection().only(archive.contents())?;
            return Ok((archive, PatchStart::New(number)));
        };
        if self.selection.is_given() {
            let message = "the patch selects its images itself, with `target`";
            return Err(Failure::Usage(message.to_owned()));
        }
        let patches = texts.with_args(values)?;
        refuse_undeclared(values, &patches.arg_names())?;
        let archive = job.open_for(image, &patches).map_err(NotEdited::from)?;
        let file = patches.files().first().expect("one was read");
        Ok((archive, PatchStart::File(file.clone())))
    }

    fn patch_name(&self) -> String {
        self.patch
            .as_deref()
            .map_or_else(|| "-".to_owned(), printable::path)
    }

    fn write(&self, extended: &Extended, ledger: &Ledger, quiet: bool) -> Result<(), Failure> {
        let Some(path) = &self.patch else {
            return Ok(output::report(&extended.text)?);
        };
        let file = SideFile::text(WrittenAs::Patch, path.clone(), extended.text.clone());
        write_files(ledger, None, &[file])?;
        if !quiet {
            let names: Vec<String> = extended
                .added
                .iter()
                .map(|name| format!("`{name}`"))
                .collect();
            say(&format!(
                "{}: added {}",
                printable::path(path),
                names.join(", ")
            ));
        }
        Ok(())
    }
}

/// Has files edited, and the patch written that says how; tells whether anything changed.
fn edit_files(
    edit: &PatchEdit<'_>,
    paths: &[ImagePath],
    write: impl FnOnce(&Extended) -> Result<(), Failure>,
) -> Result<bool, Failure> {
    let texts = edit.texts(paths)?;
    let name = |path: &ImagePath| path.file_name().unwrap_or_default().to_vec();
    let files: Vec<(Vec<u8>, &str)> = paths
        .iter()
        .zip(&texts)
        .map(|(path, text)| (name(path), text.as_str()))
        .collect();
    in_editor(&files, |new| {
        let files = paths.iter().zip(&texts).zip(new);
        let changed = files.filter(|((_, old), new)| *old != new);
        let changed = changed.map(|((path, old), new)| EditedFile {
            path: path.clone(),
            old: old.clone(),
            new,
        });
        let changed: Vec<EditedFile> = changed.collect();
        if changed.is_empty() {
            return Ok(false);
        }
        write(&edit.with_files(&changed)?)?;
        Ok(true)
    })
}

/// Does for the configuration what [`edit_files`] does for files.
fn edit_config(
    edit: &PatchEdit<'_>,
    write: impl FnOnce(&Extended) -> Result<(), Failure>,
) -> Result<bool, Failure> {
    let old = edit.config()?;
    let text = printable::json(&old.document().root.to_json()) + "\n";
    in_editor(&[(b"config.json".to_vec(), &text)], |new| {
        let new = Config::parse(new[0].as_bytes()).map_err(|reason| {
            let message = format!("the edited text is not a configuration: {reason}");
            Failure::Absent(Absent::new(message))
        })?;
        match edit.with_config(&old, &new)? {
            Some(extended) => write(&extended).map(|()| true),
            None => Ok(false),
        }
    })
}

/// Returns the editor that the user has chosen, as `git` and `crontab` look for it.
fn editor_command() -> OsString {
    let given = |name| std::env::var_os(name).filter(|command| !command.is_empty());
    given("VISUAL")
        .or_else(|| given("EDITOR"))
        .unwrap_or_else(|| "vi".into())
}

//! `ocipatch export`

use std::ffi::OsString;
use std::io::{self, BufWriter};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use clap::{Args, ValueHint};

use super::cache::CacheOptions;
use super::destination::looks_like_tar;
use super::failure::{Failure, say};
use super::inputs::input;
use super::registry::RegistryOptions;
use super::selection::SelectionOptions;
use super::target::Target;
use crate::archive::{NotMade, SideFile, write_files};
use crate::compression::Compression;
use crate::error::Error;
use crate::image_path::ImagePath;
use crate::ledger::{Extent, Ledger, Location, WrittenAs};
use crate::look::Part;
use crate::printable;

/// Writes the file tree of an image.
#[derive(Debug, Args)]
pub(super) struct Export {
    /// A tar, an extracted directory, `docker://NAME` for an image in a registry, or `-` for standard input
    #[arg(value_hint = ValueHint::FilePath)]
    image: PathBuf,
    #[command(flatten)]
    registries: RegistryOptions,
    /// Export only this path; if it is a directory, names in the output are relative to it
    #[arg(default_value = "/", value_hint = ValueHint::Other)]
    path: OsString,
    /// A directory that does not exist or is empty, a file that ends in `.tar` or, compressed, `.tar.gz` and the like, or `-` for a tar on standard output
    #[arg(short, long, value_name = "OUT", default_value = "-", value_hint = ValueHint::FilePath)]
    output: PathBuf,
    #[command(flatten)]
    selection: SelectionOptions,
    #[command(flatten)]
    cache: CacheOptions,
}

impl Export {
    pub(super) fn image(&self) -> &Path {
        &self.image
    }

    pub(super) fn run(&self, quiet: bool, mut ledger: Ledger) -> Result<(), Failure> {
        let target = Target::of(&self.output);
        let directory = target.path().filter(|path| is_directory(path));
        match directory {
            Some(path) => ledger.write(WrittenAs::Output, Extent::Tree, Location::of(path))?,
            None => target.enter(WrittenAs::Output, &mut ledger)?,
        }
        let advice = "use `-o OUT` or redirect standard output";
        let stdout = target.open_standard_output(advice)?;
        let mut job = self.registries.job(ledger)?.cache(self.cache.directory());
        let archive = job.look_into(input(&self.image)?, self.selection.trusted())?;
        let archive = archive.contents();
        let image = self.selection.selection().only(archive)?;
        let part = Part::of(archive, image, &ImagePath::confined(self.path.as_bytes()))?;
        let mut not_made = NotMade::default();
        if let Some(directory) = directory {
            not_made = part.write_directory(&directory.components().collect::<PathBuf>())?;
        } else if let Some(stdout) = stdout {
            let mut out = BufWriter::with_capacity(1 << 16, stdout);
            let written = part.write_tar(&mut out, "standard output");
            written.map_err(Failure::of_stream)?;
        } else if let Some(path) = target.path() {
            let file = SideFile {
                role: WrittenAs::Output,
                path: path.to_owned(),
                write: Box::new(|out| write_tar(&part, path, out)),
            };
            write_files(job.ledger(), None, &[file])?;
        }
        if !quiet {
            for note in notes(part.left_out(), not_made) {
                say(&note);
            }
        }
        Ok(())
    }
}

/// Whether a path is made a directory: what exists decides, then the name.
fn is_directory(path: &Path) -> bool {
    let is_named_so = path.as_os_str().as_encoded_bytes().ends_with(b"/");
    is_named_so || path.is_dir() || (!path.exists() && !looks_like_tar(path))
}

/// Writes a tar in the compression that its name asks for.
fn write_tar(part: &Part<'_>, path: &Path, out: &mut dyn io::Write) -> Result<(), Error> {
    let place = printable::path(path);
    let failed = Error::in_place(&place);
    let compression = Compression::of_name(path).unwrap_or(Compression::None);
    let mut encoder = compression.encoder(out).map_err(failed)?;
    part.write_tar(&mut encoder, &place)?;
    encoder.finish().map(drop).map_err(failed)
}

fn notes(left_out: Option<(ImagePath, usize)>, not_made: NotMade) -> Vec<String> {
    let mut notes = Vec::new();
    if let Some((first, n)) = left_out {
        notes.push(match n {
            1 => format!("note: `{first}` has a type that no engine unpacks, and was left out"),
            n => format!(
                "note: `{first}` and {} more have types that no engine unpacks, and were left out",
                n - 1
            ),
        });
    }
    let NotMade {
        n_devices,
        n_xattrs,
    } = not_made;
    if n_devices > 0 {
        notes.push(format!(
            "note: devices were left out, since only root can make them: {n_devices}"
        ));
    }
    if n_xattrs > 0 {
        notes.push(format!(
            "note: extended attributes that could not be set: {n_xattrs}"
        ));
    }
    notes
}

#[cfg(test)]
mod tests {
    use super::{ImagePath, NotMade, notes};

    #[test]
    fn what_is_not_in_the_output_is_told() {
        let left_out = |n| Some((ImagePath::parse("/a").unwrap(), n));
        let not_made = |n_devices, n_xattrs| NotMade {
            n_devices,
            n_xattrs,
        };
        for (left_out, not_made, expected) in [
            (None, not_made(0, 0), &[][..]),
            (
                left_out(1),
                not_made(0, 0),
                &["note: `/a` has a type that no engine unpacks, and was left out"],
            ),
            (
                left_out(3),
                not_made(0, 0),
                &["note: `/a` and 2 more have types that no engine unpacks, and were left out"],
            ),
            (
                None,
                not_made(1, 0),
                &["note: devices were left out, since only root can make them: 1"],
            ),
            (
                None,
                not_made(0, 2),
                &["note: extended attributes that could not be set: 2"],
            ),
        ] {
            assert_eq!(notes(left_out, not_made), expected);
        }
    }
}

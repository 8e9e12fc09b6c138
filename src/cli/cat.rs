//! `ocipatch cat`

use std::ffi::OsString;
use std::os::unix::ffi::OsStrExt;
use std::path::PathBuf;

use clap::{Args, ValueHint};

use super::cache::CacheOptions;
use super::failure::Failure;
use super::inputs::input;
use super::registry::RegistryOptions;
use super::selection::SelectionOptions;
use super::{output, target};
use crate::image_path::ImagePath;
use crate::ledger::Ledger;
use crate::look::{copy_content, see};
use crate::printable;
use crate::tarball::Kind;

/// Prints a file as the image shows it.
#[derive(Debug, Args)]
pub(super) struct Cat {
    /// A tar, an extracted directory, `docker://NAME` for an image in a registry, or `-` for standard input
    #[arg(value_hint = ValueHint::FilePath)]
    image: PathBuf,
    #[command(flatten)]
    registries: RegistryOptions,
    /// A path in the image, such as `/etc/os-release`; links are followed
    #[arg(value_hint = ValueHint::Other)]
    path: OsString,
    #[command(flatten)]
    selection: SelectionOptions,
    #[command(flatten)]
    cache: CacheOptions,
}

impl Cat {
    pub(super) fn run(&self, mut ledger: Ledger) -> Result<(), Failure> {
        target::enter_report(&mut ledger)?;
        let archive = self
            .registries
            .job(ledger)?
            .cache(self.cache.directory())
            .look_into(input(&self.image)?, self.selection.trusted())?;
        let archive = archive.contents();
        let image = self.selection.selection().only(archive)?;
        let sight = see(archive, image, &ImagePath::confined(self.path.as_bytes()))?;
        let (path, node) = sight.found().expect("it was seen");
        if node.kind == Kind::Directory {
            archive.source().check()?;
            let names = sight.tree.children(path).into_iter().flatten();
            let mut lines = names.map(|(name, node)| {
                let slash = if node.kind == Kind::Directory {
                    "/"
                } else {
                    ""
                };
                let name = printable::line(&printable::decoded(name));
                format!("{}{slash}\n", printable::lines(&name))
            });
            return Ok(output::stream(|out| {
                lines.try_for_each(|line| out.write_all(line.as_bytes()))
            })?);
        }
        output::pieces(|write| copy_content(archive, image, (path, node), write))?;
        Ok(archive.source().check()?)
    }
}

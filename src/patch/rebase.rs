//! `rebase`: the base that an image has, and the one that it gets.

use crate::problem::Address;
use crate::reference::Glob;
use crate::shape::{Short, SourcePath, record};

const HELP: &str = "write both, as in `{ from: old-base.tar, onto: new-base.tar }`";

record! {
    /// Both bases.
    pub struct Rebase("Rebase") {
        /// The current base of the image.
        "from" pub from: BaseImage = required::<BaseImage>(HELP);
        /// The new base.
        "onto" pub onto: BaseImage = required::<BaseImage>(HELP);
    }
}

record! {
    /// An image of another archive.
    pub struct BaseImage("LongBaseImage") {
        /// The archive, or an extracted one, relative to the patch file.
        "archive" pub archive: String = required::<SourcePath>("specify its path, as in `archive: base.tar`");
        /// A pattern over the tags, if the archive contains several images.
        "image" pub image: Option<Glob> = optional::<Glob>();
        is_long: bool = is_long();
    }
    short Short::Value("archive"), "BaseImage",
        "An archive or an extracted directory, relative to the patch file, or a map that also selects one of its images";
}

impl BaseImage {
    /// Returns the address of the archive, given the one of the base.
    #[must_use]
    pub fn archive_address(&self, base: Address) -> Address {
        if self.is_long {
            base.key("archive")
        } else {
            base
        }
    }
}

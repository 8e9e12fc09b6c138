//! What an operation needs to be planned, and how far it reaches.

use super::BaseImage;
use super::{AddLayer, Exclude, NewContent};
use crate::ledger::ReadAs;
use crate::reference::WORD;
use crate::shape::EditPlace;

/// What an operation needs, and how far it reaches.
#[derive(Debug)]
pub(crate) struct Needs<'a> {
    /// How far it reaches.
    pub(crate) reach: Reach,
    /// What it takes from the host.
    pub(crate) sources: Sources<'a>,
    /// The variables that the image has to have.
    pub(crate) variables: Vec<&'a str>,
}

impl Needs<'_> {
    /// Returns what an operation needs that takes nothing from the host.
    pub(crate) fn only(reach: Reach) -> Self {
        Self {
            reach,
            sources: Sources::None,
            variables: Vec::new(),
        }
    }

    /// Returns what an operation needs that changes files in that place, and takes nothing from the host.
    pub(crate) fn edit(place: EditPlace) -> Self {
        Self::only(match place {
            EditPlace::NewLayer => Reach::FilesAbove,
            EditPlace::Layer => Reach::FilesWithin,
        })
    }
}

/// What of an image an operation changes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Reach {
    /// Its documents.
    Documents,
    /// Its names, and so which images a later patch is about.
    Names,
    /// Fields of its configuration among which the platform may be, and so which images a later patch is about.
    Platform,
    /// Files, in a layer above the others.
    FilesAbove,
    /// Files, in the layers that hold them.
    FilesWithin,
    /// Its layers, of which it needs to know as much as that.
    Layers(Depth),
}

impl Reach {
    /// Tells whether it is about layers or the files in them.
    pub(crate) fn is_about_layers(self) -> bool {
        match self {
            Self::Documents | Self::Names | Self::Platform => false,
            Self::FilesAbove | Self::FilesWithin | Self::Layers(_) => true,
        }
    }

    /// Tells whether it looks at layers one by one, so that those that earlier operations made have to be laid out.
    pub(crate) fn looks_into_layers(self) -> bool {
        self.is_about_layers() && self != Self::FilesAbove
    }

    /// Tells whether it changes files of the image, rather than bringing a layer of its own.
    pub(crate) fn is_about_files(self) -> bool {
        matches!(self, Self::FilesAbove | Self::FilesWithin)
    }

    /// Tells whether it changes which images a later patch is about.
    pub(crate) fn is_about_targets(self) -> bool {
        matches!(self, Self::Names | Self::Platform)
    }

    /// Returns what it needs to know of the layers.
    pub(crate) fn depth(self) -> Depth {
        match self {
            Self::Documents | Self::Names | Self::Platform => Depth::Documents,
            Self::FilesAbove => Depth::Tree,
            Self::FilesWithin => Depth::Layers,
            Self::Layers(depth) => depth,
        }
    }
}

/// What operations and preconditions need to know of the layers of an image.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Depth {
    /// Nothing.
    Documents,
    /// The file tree that they make.
    Tree,
    /// What each of them holds.
    Layers,
}

/// What an operation takes from the host.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Sources<'a> {
    /// Nothing.
    None,
    /// What a new layer takes, which stands under `key` of the operation, or is all of it.
    Layer {
        add: &'a AddLayer,
        key: Option<&'static str>,
    },
    /// A diff.
    Diff(&'a str),
    /// What it puts into a text.
    Content(&'a str),
    /// Images of other archives: the base that goes, and the one that comes.
    Bases {
        from: &'a BaseImage,
        onto: &'a BaseImage,
    },
}

/// A path of the host that a patch names, and what it is read as.
#[derive(Debug, Clone, Copy)]
pub(crate) struct HostPath<'a> {
    pub(crate) role: ReadAs,
    /// As the patch spells it.
    pub(crate) path: &'a str,
    /// What of a directory is not read.
    pub(crate) exclude: Option<&'a Exclude>,
}

impl<'a> Sources<'a> {
    /// Returns every path.
    pub(crate) fn paths(self) -> Vec<HostPath<'a>> {
        match self {
            Self::None => Vec::new(),
            Self::Layer { add, .. } => {
                let from = add.from.iter().map(|path| HostPath::of_layer(path, add));
                let files = add.files.iter().filter_map(|file| match &file.content {
                    NewContent::From(path) => Some(HostPath::file(ReadAs::NewFile, path)),
                    NewContent::Text(_)
                    | NewContent::Symlink(_)
                    | NewContent::Hardlink(_)
                    | NewContent::Directory => None,
                });
                from.chain(files).collect()
            }
            Self::Diff(path) => vec![HostPath::file(ReadAs::FileDiff, path)],
            Self::Content(path) => vec![HostPath::file(ReadAs::Content, path)],
            Self::Bases { from, onto } => {
                let bases = [from, onto].into_iter();
                let files = bases.filter(|base| !base.archive.starts_with(WORD));
                let path = |base: &'a BaseImage| HostPath::file(ReadAs::BaseArchive, &base.archive);
                files.map(path).collect()
            }
        }
    }
}

impl<'a> HostPath<'a> {
    /// Returns a file, or a directory that is read with everything in it.
    pub(crate) fn file(role: ReadAs, path: &'a str) -> Self {
        Self {
            role,
            path,
            exclude: None,
        }
    }

    /// Returns the source of a layer.
    pub(crate) fn of_layer(path: &'a str, add: &'a AddLayer) -> Self {
        Self {
            role: ReadAs::LayerSource,
            path,
            exclude: Some(&add.exclude),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Depth, Reach};

    #[test]
    fn what_an_operation_reaches_says_what_it_needs() {
        for (reach, depth, is_about_layers, looks_into, is_about_files, is_about_targets) in [
            (
                Reach::Documents,
                Depth::Documents,
                false,
                false,
                false,
                false,
            ),
            (Reach::Names, Depth::Documents, false, false, false, true),
            (Reach::Platform, Depth::Documents, false, false, false, true),
            (Reach::FilesAbove, Depth::Tree, true, false, true, false),
            (Reach::FilesWithin, Depth::Layers, true, true, true, false),
            (
                Reach::Layers(Depth::Tree),
                Depth::Tree,
                true,
                true,
                false,
                false,
            ),
        ] {
            assert_eq!(reach.depth(), depth, "{reach:?}");
            assert_eq!(reach.is_about_layers(), is_about_layers, "{reach:?}");
            assert_eq!(reach.looks_into_layers(), looks_into, "{reach:?}");
            assert_eq!(reach.is_about_files(), is_about_files, "{reach:?}");
            assert_eq!(reach.is_about_targets(), is_about_targets, "{reach:?}");
        }
    }
}

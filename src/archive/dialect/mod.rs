//! What each writer of archives writes: a dialect is one file of this room, and one line of [`FAMILIES`]. Nothing outside
//! asks which one it is.
//!
//! A dialect's file answers the same questions as every other one:
//!
//! | Question | Answered by |
//! |---|---|
//! | Which documents list the images, and what do they say of them? | `list`; dialects that list alike share one |
//! | Is this archive mine? | `recognize`; best by deriving it again ([`reproduces`]), which also tells the rules for legacy ids |
//! | Which files exist, how is each named, what is in those that are derived? | [`Dialect::files`] |
//! | Which other files does the archive have that are removed when an image changes? | [`Dialect::files_there`] |
//! | Are layers plain, how are names and images without a name spelled, which documents are kept up? | [`Dialect::facts`] |
//!
//! An existing archive keeps its order, its headers and its white space.
//!
//! A dialect whose documents none of the others has is a family of its own, with a `list` that reads them. One that differs only
//! in names or ids, such as v1 directories named by chain ids, joins the family of a lone `manifest.json`. The `dir:` form of
//! skopeo is read as the layout that it would be ([`Graph::read_directory`]).

mod before_1_10;
pub(super) mod containerd;
mod containers_image;
mod dir;
pub(super) mod form;
mod generation;
mod go;
mod hybrid;
pub(super) mod layout;
mod named;
pub(super) mod state;
mod v1_config;
mod v1_directories;

use std::fmt::Debug;

use super::documents::graph::Graph;
use super::documents::store::Store;
use super::documents::{Documents, Listed, items};
use super::{Contents, Source};
use crate::error::Error;
use crate::image::json::Value;
use crate::reference::Reference;
use state::{Files, State};

/// Who wrote an archive, or is to be followed in writing one.
pub(super) trait Dialect: Debug + Send + Sync {
    /// Returns what is the same in every archive of the dialect.
    fn facts(&self) -> &'static Facts;

    /// Returns the files that the writer writes for `states`, and for everything else that `graph` leads to.
    fn files(&self, contents: &Contents, states: &[State], graph: Option<&Graph>) -> Files;

    /// Returns the files of the archive as it is: those, and what else goes unless it is derived again. `stays` tells which
    /// images do not change.
    fn files_there(
        &self,
        contents: &Contents,
        states: &[State],
        stays: &dyn Fn(usize) -> bool,
    ) -> Files {
        let _ = stays;
        self.files(contents, states, contents.graph.as_ref())
    }
}

/// What is the same in every archive of a dialect.
#[derive(Debug)]
pub(super) struct Facts {
    /// The form in a few words.
    pub(super) description: &'static str,
    /// Whether every layer is uncompressed.
    pub(super) keeps_layers_plain: bool,
    /// Whether `repositories` comes with the first tag and goes with the last one, and items name their parents: so does
    /// Docker's own store.
    pub(super) is_of_dockers_store: bool,
    /// Whether `manifest.json` and `repositories` have whole names; familiar ones if not.
    pub(super) has_full_names: bool,
    /// Whether there is a `manifest.json`, and what it says of the tags of an image that has none.
    pub(super) manifest_json: Option<Tagless>,
    /// Whether there is an `index.json`, and what it is like.
    pub(super) index: Option<Index>,
}

/// How `manifest.json` lists no tags.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Tagless {
    /// As `null`.
    Null,
    /// As an empty list.
    Empty,
}

/// What an `index.json` is like.
#[derive(Debug, Clone, Copy)]
pub(super) struct Index {
    /// Whether it says which images there are; if not, it repeats what `manifest.json` says.
    pub(super) says_which_images: bool,
    /// Whether it lists images without a name.
    pub(super) lists_nameless: bool,
    /// Whether a new name is spelled as containerd does, whole beside the tag; if not, by the reference alone, as long as no
    /// other name is whole.
    pub(super) has_whole_names: bool,
    /// How what it leads to is named; in a `dir:` it is implied, and has no names of images.
    pub(super) store: Store,
}

impl Facts {
    /// Spells a name as this writer does in `manifest.json`.
    pub(super) fn spell(&self, tag: &Reference) -> String {
        if self.has_full_names {
            tag.full()
        } else {
            tag.familiar()
        }
    }

    /// Spells the names of an image as this writer does in `manifest.json`.
    pub(super) fn spell_all(&self, tags: &[Reference]) -> Value {
        if tags.is_empty() && self.manifest_json != Some(Tagless::Empty) {
            return Value::null();
        }
        Value::array(tags.iter().map(|tag| Value::text(&self.spell(tag))))
    }

    /// Spells a repository as this writer does in `repositories`.
    pub(super) fn spell_repository(&self, tag: &Reference) -> String {
        if self.has_full_names {
            tag.full_repository()
        } else {
            tag.familiar_repository()
        }
    }

    /// Tells whether a changed archive can have this form: that of before Docker 1.10 is only read.
    pub(super) fn is_written(&self) -> bool {
        self.manifest_json.is_some() || self.index.is_some()
    }

    /// Tells whether it is an OCI layout and nothing else.
    pub(super) fn is_bare_layout(&self) -> bool {
        self.manifest_json.is_none() && self.is_stored_as(Store::Blobs)
    }

    /// Tells whether there is an index, and what it leads to is named so.
    pub(super) fn is_stored_as(&self, store: Store) -> bool {
        self.index.is_some_and(|index| index.store == store)
    }

    /// Tells whether who asks for that form has it in this one: what `docker load` takes, or a layout.
    pub(super) fn is_like(&self, form: &Self) -> bool {
        self.manifest_json.is_some() == form.manifest_json.is_some()
            && self.is_bare_layout() == form.is_bare_layout()
    }
}

/// Reads the images that a kind of documents lists; nothing where the archive does not have these.
type List = fn(&Source, &mut Documents) -> Result<Option<Listed>, Error>;

/// Tells whether a dialect wrote the archive.
type Recognize = fn(&Contents) -> Result<Option<Box<dyn Dialect>>, Error>;

/// Dialects that list their images alike.
pub(super) struct Family {
    list: List,
    /// Those that can be told, in the order in which they are asked.
    told: &'static [Recognize],
    /// What it is if it is none of those.
    otherwise: fn() -> Box<dyn Dialect>,
}

/// All dialects: the first family that lists images is the one.
const FAMILIES: &[Family] = &[
    Family {
        list: layout::list,
        told: &[|contents| Ok(dir::recognize(contents))],
        otherwise: || Box::new(layout::Layout),
    },
    Family {
        list: containerd::list,
        told: &[],
        otherwise: || Box::new(containerd::Containerd),
    },
    Family {
        list: hybrid::list,
        told: &[hybrid::recognize],
        otherwise: || Box::new(hybrid::UNKNOWN),
    },
    Family {
        list: list_items,
        told: &[containers_image::recognize, v1_directories::recognize],
        otherwise: || Box::new(named::Named),
    },
    Family {
        list: before_1_10::list,
        told: &[],
        otherwise: || Box::new(before_1_10::BeforeV110),
    },
];

/// Reads the images that a `manifest.json` lists that stands alone.
fn list_items(source: &Source, documents: &mut Documents) -> Result<Option<Listed>, Error> {
    let manifest = documents.manifest.as_ref();
    let Some(manifest) = manifest.filter(|_| documents.graph.is_none()) else {
        return Ok(None);
    };
    let (listed, unread) = items::images(source, manifest)?;
    documents.unread.extend(unread);
    Ok(Some(listed))
}

/// Reads the images that the documents list; nothing where these are of no dialect. Also says whose they may be.
pub(super) fn list(
    source: &Source,
    documents: &mut Documents,
) -> Result<Option<(Listed, &'static Family)>, Error> {
    for family in FAMILIES {
        if let Some(listed) = (family.list)(source, documents)? {
            return Ok(Some((listed, family)));
        }
    }
    Ok(None)
}

impl Family {
    /// Tells who wrote an archive.
    pub(super) fn recognize(&self, contents: &Contents) -> Result<Box<dyn Dialect>, Error> {
        // Of a half that is trusted nothing is derived again: both are written anew.
        let told = self.told.iter().filter(|_| contents.trusted.is_none());
        for recognize in told {
            if let Some(dialect) = recognize(contents)? {
                return Ok(dialect);
            }
        }
        Ok((self.otherwise)())
    }
}

/// Tells whether a dialect, run on the archive as it is, gives the files that are there.
fn reproduces(dialect: &dyn Dialect, contents: &Contents) -> Result<bool, Error> {
    let files = dialect.files(contents, &contents.states(), contents.graph.as_ref());
    for file in &files.derived {
        let Some(index) = contents.source.find(&file.name) else {
            return Ok(false);
        };
        if !contents.holds(index, &file.content, &[])? {
            return Ok(false);
        }
    }
    let mut images = files.paths.iter().zip(&contents.images);
    Ok(images.all(|(paths, image)| {
        let layers = image.layers.iter().map(|layer| &layer.path);
        paths.layers.iter().eq(layers)
    }))
}

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
//! | By whose rules are stale legacy ids derived again? | [`Dialect::closest`] |
//! | Are layers plain, how are names and images without a name spelled, which documents are kept up? | [`Dialect::facts`] |
//!
//! An existing archive keeps its order, its headers and its white space.
//!
//! A dialect whose documents none of the others has is a family of its own, with a `list` that reads them. One that differs only
//! in names or ids, such as v1 directories named by chain ids, joins the family of a lone `manifest.json`. The `dir:` form of
//! skopeo is read as the layout that it would be ([`Graph::read_directory`]).

mod before_1_10;
mod closest;
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
mod unnamed;
mod v1_config;
mod v1_directories;
mod v1_kept;

pub(super) use layout::item as item_of_manifest;

use std::fmt::Debug;

use super::documents::graph::Graph;
use super::documents::store::Store;
use super::documents::{Documents, Listed, items};
use super::{Contents, Source};
use crate::error::Error;
use crate::image::Config;
use crate::image::json::{Document, Value};
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

    /// Returns the dialect by whose rules legacy ids are derived again in an archive where they may be stale: the closest one,
    /// if some ids follow its rules; otherwise ids stay. `stated` are the configurations as the archive has them.
    fn closest(
        &self,
        contents: &Contents,
        stated: &[Option<Config>],
    ) -> Result<Option<Closest>, Error> {
        let _ = (contents, stated);
        Ok(None)
    }
}

/// A dialect that derives some legacy ids of an archive, where others may be stale.
#[derive(Debug)]
pub(super) struct Closest {
    pub(super) dialect: Box<dyn Dialect>,
    /// Files of legacy ids that are removed unless they are derived again, besides those that the archive's own dialect knows.
    pub(super) stale: Vec<String>,
    /// Whether every layer gets the name that the dialect gives it.
    pub(super) names_layers: bool,
}

/// What is the same in every archive of a dialect.
#[derive(Debug)]
pub(super) struct Facts {
    /// The form in a few words.
    pub(super) description: &'static str,
    /// Whether every layer is uncompressed.
    pub(super) keeps_layers_plain: bool,
    /// Whether `repositories` comes with the first tag and goes with the last one: so does Docker's own store.
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

/// The dialect that has no files but those that documents name, all under the names that they have.
pub(super) const NAMED: &dyn Dialect = &named::Named;

/// Reads the images that a kind of documents lists; nothing where the archive does not have these.
type List = fn(&Source, &mut Documents) -> Result<Option<Listed>, Error>;

/// Tells whether a dialect wrote the archive.
type Recognize = fn(&Contents) -> Result<Option<Box<dyn Dialect>>, Error>;

/// Dialects that list their images alike.
pub(super) struct Family {
    list: List,
    /// Tells by which documents there are whether it would list the images, if these documents were right.
    has: fn(Option<&Document>, Option<&Graph>) -> bool,
    /// Those that can be told, in the order in which they are asked.
    told: &'static [Recognize],
    /// What it is if it is none of those.
    otherwise: fn() -> Box<dyn Dialect>,
}

/// All dialects: the first family that lists images is the one.
const FAMILIES: &[Family] = &[
    Family {
        list: layout::list,
        has: |manifest, graph| manifest.is_none() && graph.is_some(),
        told: &[|contents| Ok(dir::recognize(contents))],
        otherwise: || Box::new(layout::Layout),
    },
    Family {
        list: containerd::list,
        has: |manifest, graph| {
            let both = manifest.zip(graph);
            both.is_some_and(|(manifest, graph)| !items::list_sources(manifest, graph))
        },
        told: &[],
        otherwise: || Box::new(containerd::Containerd),
    },
    Family {
        list: hybrid::list,
        has: |manifest, graph| {
            let both = manifest.zip(graph);
            both.is_some_and(|(manifest, graph)| items::list_sources(manifest, graph))
        },
        told: &[hybrid::recognize],
        otherwise: || Box::new(hybrid::UNKNOWN),
    },
    Family {
        list: list_items,
        has: |manifest, graph| manifest.is_some() && graph.is_none(),
        told: &[containers_image::recognize, v1_directories::recognize],
        otherwise: || Box::new(named::Named),
    },
    Family {
        list: before_1_10::list,
        has: |manifest, graph| manifest.is_none() && graph.is_none(),
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

/// Tells who wrote an archive whose documents list these images, right or wrong.
pub(super) fn of_documents(contents: &Contents) -> Result<Box<dyn Dialect>, Error> {
    let (manifest, graph) = (contents.manifest.as_ref(), contents.graph.as_ref());
    let family = FAMILIES.iter().find(|family| (family.has)(manifest, graph));
    match family {
        Some(family) => family.recognize(contents),
        None => Ok(Box::new(named::Named)),
    }
}

/// Tells whether a dialect, run on the archive as it is, gives the files that are there.
pub(super) fn reproduces(dialect: &dyn Dialect, contents: &Contents) -> Result<bool, Error> {
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

#[cfg(test)]
mod tests;

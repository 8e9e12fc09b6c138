//! The `dir:` form of skopeo and podman (containers/image `directory/directory_dest.go`): one image, or one index of images,
//! without a name.

use super::state::{Files, Part, State};
use super::{Dialect, Facts, Index, hybrid};
use crate::archive::Contents;
use crate::archive::documents::graph::Graph;
use crate::archive::documents::store::Store;
use crate::archive::draft::Content;

/// The file that says which form this is. Readers do not look at it; writers do before they write over a directory.
const VERSION: &str = "version";

/// The dialect.
#[derive(Debug)]
struct SkopeoDir;

impl Dialect for SkopeoDir {
    fn facts(&self) -> &'static Facts {
        &Facts {
            description: "directory of skopeo or podman (`dir:`)",
            keeps_layers_plain: false,
            is_of_dockers_store: false,
            has_full_names: false,
            manifest_json: None,
            index: Some(Index {
                says_which_images: true,
                lists_nameless: true,
                has_whole_names: false,
                store: Store::Flat,
            }),
        }
    }

    fn files(&self, contents: &Contents, states: &[State], graph: Option<&Graph>) -> Files {
        let mut files = hybrid::files(contents, None, states, graph);
        for (file, name) in graph.into_iter().flat_map(Graph::signatures) {
            if let Some(entry) = contents.source.find(&file) {
                files.push(name, Content::Entry(entry), 0, Part::OtherBlob);
            }
        }
        if let Some(entry) = contents.source.find(VERSION) {
            files.push(
                VERSION.to_owned(),
                Content::Entry(entry),
                0,
                Part::OtherBlob,
            );
        }
        files
    }
}

/// Tells whether the single manifest of a `dir:` is all that lists the images.
pub(super) fn recognize(contents: &Contents) -> Option<Box<dyn Dialect>> {
    let graph = contents.graph.as_ref();
    let is_it = graph.is_some_and(|graph| graph.store == Store::Flat);
    is_it.then(|| Box::new(SkopeoDir) as Box<dyn Dialect>)
}

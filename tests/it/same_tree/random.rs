//! Random stacks, and random edits of them.

use std::collections::BTreeMap;

use proptest::collection::vec;

use super::shown::{Engine, Meant};
use super::views::{self, Images, Views};
use crate::cases::build;
use crate::cases::text::Image;
use crate::engine::{Docker, Release};
use crate::random::samples;
use crate::stacks::any_edit::any_edit;
use crate::stacks::edit::{Edit, Wanted};
use crate::stacks::honest;
use crate::stacks::item::{Hand, Item, stream};
use crate::stacks::model::Tree;

/// So many stacks are tried.
const N: u32 = 40;

/// Makes the first edit that has a place, one of single files if there is any; returns what the patch says.
fn edit(tree: &mut Tree, edits: &[Edit]) -> Option<String> {
    let is_of_all = |edit: &&Edit| matches!(edit, Edit::Squash | Edit::Times(_));
    let (of_all, of_files): (Vec<&Edit>, Vec<&Edit>) = edits.iter().partition(is_of_all);
    of_files.into_iter().chain(of_all).find_map(|edit| {
        let mut edited = tree.clone();
        let (operation, wanted) = edit.make(&mut edited)?;
        (wanted == Wanted::Done).then(|| {
            *tree = edited;
            operation
        })
    })
}

/// What is wrong with the view of each engine; overlays and what extracts one layer over the other are both among them.
fn wrong(meant: &BTreeMap<String, Meant>, images: &Images) -> Vec<String> {
    let mut wrong = images.misread(meant);
    let mut compare = |views: Option<Views>, engine: Engine| {
        if let Some(views) = views {
            wrong.extend(views::compare(meant, &views, engine));
        }
    };
    let docker = Docker::v20_overlay().map(|docker| views::docker(&docker, images));
    compare(docker, views::DOCKER);
    let podman = views::podman(images, Release::Forky, "overlay");
    compare(podman, views::PODMAN_OVERLAY);
    // Once for each image, so the one that starts at once; `rows` has the other.
    compare(views::umoci(images, Release::Bookworm), views::UMOCI);
    wrong
}

#[test]
fn engines_show_random_stacks_and_edits_of_them_as_they_are_meant() {
    let directory = tempfile::tempdir().unwrap();
    let place = |name: &str| directory.path().join(name);
    let stacks: Vec<(Vec<Vec<Item>>, Vec<Edit>)> =
        samples(N, &(honest::stack(1..6), vec(any_edit(), 4)));
    let (mut bases, mut patches) = (Vec::new(), Vec::new());
    let (mut meant, mut edited) = (BTreeMap::new(), BTreeMap::new());
    for (number, (layers, edits)) in stacks.iter().enumerate() {
        let name = format!("stack-{number}");
        bases.push(Image {
            tags: vec![format!("app:{name}")],
            labels: vec![("stack".to_owned(), number.to_string())],
            streams: layers
                .iter()
                .map(|layer| stream(layer, Hand::Plain))
                .collect(),
            ..Image::default()
        });
        let mut tree = Tree::of(layers).unwrap();
        meant.insert(name.clone(), Meant::new(tree.clone(), layers));
        if let Some(operation) = edit(&mut tree, edits) {
            patches.push(views::patch(&name, &[operation]));
        }
        edited.insert(name, tree);
    }
    assert!(patches.len() * 10 > stacks.len() * 9, "{}", patches.len());
    std::fs::write(place("base.tar"), build::v1_directories(&bases)).unwrap();
    std::fs::write(place("fix.yaml"), patches.join("---\n")).unwrap();
    let base = Images::new(place("base.tar"), place("base"));
    let patched = base.patched(&place("fix.yaml"), place("out.tar"), place("out"));
    let of_edited = |(name, tree): (String, Tree)| {
        let meant = Meant::new(tree, &patched.by_name[&name].layers);
        (name, meant)
    };
    let edited: BTreeMap<String, Meant> = edited.into_iter().map(of_edited).collect();
    for (what, meant, images) in [("stacks", &meant, &base), ("edits", &edited, &patched)] {
        let wrong = wrong(meant, images);
        let patches = patches.join("---\n");
        assert!(wrong.is_empty(), "{what}:\n{}\n{patches}", wrong.join("\n"));
    }
}

//! Certificates that come into the stores of an image.

use std::collections::BTreeSet;

use super::certificate::Certificate;
use super::der::{Elements, SEQUENCE};
use super::hashed::HashedDirectory;
use super::stores::{Anchors, anchors_of, others};
use super::{LABELS, TRUSTED, pem};
use crate::edit::files::{EditTarget, FileEdit};
use crate::edit::image::EditedImage;
use crate::edit::lines::{LineEnd, close};
use crate::edit::text::{TextEdit, TextFile};
use crate::image_path::ImagePath;
use crate::problem::{Address, Code, quoted};
use crate::shape::EditPlace;
use crate::tarball::{Entry, Kind};

/// A file with certificates.
struct Store {
    file: TextFile,
    has: BTreeSet<Vec<u8>>,
    /// The text as it will be.
    text: Vec<u8>,
}

/// A directory with certificates that were added to an image.
struct AnchorDirectory {
    anchors: Anchors,
    /// Its real path.
    path: ImagePath,
    files: Vec<Store>,
}

/// Adds certificates to an image that has `bundles`.
pub(super) fn add(
    certificates: &[Certificate],
    bundles: BTreeSet<ImagePath>,
    (created_by, address): (Option<&str>, &Address),
    image: &mut EditedImage<'_>,
) {
    let families: BTreeSet<Anchors> = bundles.iter().map(anchors_of).collect();
    let Some(mut bundles) = read(bundles, address, image) else {
        return;
    };
    let (known, new): (Vec<&Certificate>, Vec<&Certificate>) = certificates
        .iter()
        .partition(|it| bundles.iter().all(|bundle| bundle.has.contains(&it.der)));
    for certificate in known {
        let name = quoted(&certificate.name);
        image
            .state
            .note(format!("the image already has the certificate {name}"));
    }
    if new.is_empty() {
        return;
    }
    let directories: Option<Vec<AnchorDirectory>> = families
        .into_iter()
        .map(|anchors| directory(anchors, address, image))
        .collect();
    let Some(mut directories) = directories else {
        return;
    };
    let tree = image.state.tree.as_ref().expect("the tree was read");
    let mut hashed = HashedDirectory::all(tree);
    for certificate in new {
        for bundle in &mut bundles {
            bundle.add(certificate);
        }
        let anchors = directories
            .iter_mut()
            .map(|directory| directory.add(certificate));
        let anchors: Vec<ImagePath> = anchors.collect();
        for directory in &mut hashed {
            directory.add(certificate, &anchors[0]);
        }
    }
    note_others(image);
    let files = directories
        .into_iter()
        .flat_map(|directory| directory.files);
    let edits = bundles
        .into_iter()
        .chain(files)
        .filter_map(Store::edit)
        .collect();
    let links = hashed.into_iter().flat_map(HashedDirectory::links);
    let links = links.map(|(path, target)| (path, link(target, image)));
    let links = links.collect();
    let target = EditTarget {
        place: EditPlace::NewLayer,
        created_by,
        address,
    };
    image.edit_texts(edits, links, &target);
}

/// Reads files with certificates. Nothing if one of them cannot be read, which is told, or if nobody has read it yet.
fn read(
    paths: impl IntoIterator<Item = ImagePath>,
    address: &Address,
    image: &mut EditedImage<'_>,
) -> Option<Vec<Store>> {
    // All are asked for before the first one that is not there ends it.
    let files = paths.into_iter().map(|path| image.text_at(path, address));
    let files: Vec<Option<TextFile>> = files.collect();
    files.into_iter().map(|file| file.map(Store::of)).collect()
}

/// Looks into the directory of a family, which need not be there.
fn directory(
    anchors: Anchors,
    address: &Address,
    image: &mut EditedImage<'_>,
) -> Option<AnchorDirectory> {
    let tree = image.state.tree.as_ref().expect("the tree was read");
    let path = ImagePath::parse(anchors.directory).expect("it is absolute");
    let Ok(path) = tree.directory_at(&path) else {
        let message = format!(
            "{} is not a directory and cannot become one",
            quoted(anchors.directory)
        );
        let help = "`remove-path` before this operation removes what is in the way";
        image.problem(Code::LayerConflict, address.clone(), message, help);
        return None;
    };
    let files = tree.below(&path).filter(|(path, node)| {
        node.kind == Kind::File && path.to_text().ends_with(anchors.extension)
    });
    let files: Vec<ImagePath> = files.map(|(path, _)| path).collect();
    let files = read(files, address, image)?;
    Some(AnchorDirectory {
        anchors,
        path,
        files,
    })
}

fn link(link_name: Vec<u8>, image: &EditedImage<'_>) -> FileEdit {
    let entry = Entry {
        kind: Kind::Symlink,
        mode: 0o777,
        link_name,
        ..Entry::file()
    };
    FileEdit {
        new: Some(image.new_entry(entry)),
        ..FileEdit::default()
    }
}

fn note_others(image: &mut EditedImage<'_>) {
    let tree = image.state.tree.as_ref().expect("the tree was read");
    let others = others(tree);
    for path in others {
        let name = quoted(&path.to_text());
        image.state.note(format!(
            "{name} is in a format of its own and stays without the certificates"
        ));
    }
}

impl Store {
    fn of(file: TextFile) -> Self {
        let certificates = pem::blocks(&file.text).into_iter().filter_map(|block| {
            let der = block.der?;
            let is_one = block.label == TRUSTED || LABELS.contains(&block.label.as_str());
            // Trust settings are behind the certificate.
            let certificate = Elements::of(&der).next_of(SEQUENCE)?;
            is_one.then(|| certificate.whole.to_vec())
        });
        Self {
            has: certificates.collect(),
            text: file.text.to_vec(),
            file,
        }
    }

    fn add(&mut self, certificate: &Certificate) {
        if self.has.insert(certificate.der.clone()) {
            let end = LineEnd::of(&self.text);
            close(&mut self.text, end);
            self.text
                .extend(end.convert(&pem::encode(&certificate.der)));
        }
    }

    fn edit(self) -> Option<TextEdit> {
        let Self { file, text, .. } = self;
        (*text != *file.text).then_some(TextEdit { file, text })
    }
}

impl AnchorDirectory {
    /// Adds a file with one certificate, unless one has it; returns the path.
    fn add(&mut self, certificate: &Certificate) -> ImagePath {
        let has = |store: &&Store| store.has.contains(&certificate.der);
        if let Some(store) = self.files.iter().find(has) {
            return store.file.path.clone();
        }
        let name = format!("{}{}", certificate.file_stem(), self.anchors.extension);
        let path = self.path.join(name.as_bytes());
        let mut store = Store::of(TextFile::absent(path.clone()));
        store.add(certificate);
        self.files.push(store);
        path
    }
}

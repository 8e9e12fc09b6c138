//! The directory of a layer of Docker 1.10 to 24 whose id nothing we know derives: it keeps its name.

use super::state::{Files, Part, StateLayer};
use super::v1_directories::directory_of;
use crate::archive::draft::Content;
use crate::archive::{Contents, MAX_DOCUMENT_BYTES, names};
use crate::image::json::{Document, Value};
use crate::tarball::Kind;

/// The directory of a layer that keeps its name, whatever that is.
pub(super) struct Kept<'a> {
    pub(super) contents: &'a Contents,
    /// Whether it names the layer below, whatever it named.
    pub(super) is_chained: bool,
    pub(super) layer: &'a StateLayer,
    pub(super) path: &'a str,
    /// The directory of the layer below, as it is to be.
    pub(super) below: Option<&'a str>,
    /// Where it was in the image.
    pub(super) position: Option<usize>,
    /// The file of an earlier layer that is the same.
    pub(super) first: Option<&'a String>,
}

impl Kept<'_> {
    /// Adds what stands in the directory, so that it goes when the layer does.
    pub(super) fn push(&self, files: &mut Files, image: usize, i: usize) {
        let Some(directory) = directory_of(self.path) else {
            files.push_layer(
                self.contents,
                self.path,
                self.layer,
                image,
                Part::LayerTar(i),
            );
            return;
        };
        let source = &self.contents.source;
        let mut push = |name: &str, content: Content, part: Part| {
            files.push(name.to_owned(), content, image, part);
            files.stamp_fixed(name);
        };
        if source.find(directory).is_some() {
            push(directory, Content::Directory, Part::LayerDirectory(i));
        }
        let version = format!("{directory}/VERSION");
        if let Some(content) = self.as_it_is(&version) {
            push(&version, content, Part::Version(i));
        }
        let json = format!("{directory}/json");
        let relinked = || self.relinked(&json, image);
        let new = || self.is_chained.then(|| self.new_document(directory));
        if let Some(content) = relinked().or_else(|| self.as_it_is(&json)).or_else(new) {
            push(&json, content, Part::LegacyJson(i));
        }
        if let Some(content) = self.tar() {
            push(self.path, content, Part::LayerTar(i));
        }
    }

    /// A document that names the layer and the one below.
    fn new_document(&self, directory: &str) -> Content {
        let mut members = vec![("id", Value::text(directory))];
        members.extend(self.below.map(|below| ("parent", Value::text(below))));
        Content::Bytes(Document::new(Value::object(members)).to_bytes())
    }

    /// The file of that name, if it is one.
    fn as_it_is(&self, name: &str) -> Option<Content> {
        let entry = self.contents.source.find(name)?;
        let found = &self.contents.source.entries()[entry];
        (found.kind == Kind::File).then_some(Content::Entry(entry))
    }

    /// The layer, or the link to it as long as that leads there.
    fn tar(&self) -> Option<Content> {
        let source = &self.contents.source;
        let found = &source.entries()[source.find(self.path)?];
        let own = || self.layer.content.clone();
        match found.kind {
            Kind::File => own(),
            Kind::Symlink => {
                let target = String::from_utf8(found.link_name.clone()).ok()?;
                let leads_to = names::resolve(&found.name, target.as_bytes());
                match self.first {
                    Some(first) if leads_to.as_ref() == Some(first) => {
                        Some(Content::Symlink(target))
                    }
                    Some(first) => Some(Content::Symlink(format!("../{first}"))),
                    None => own(),
                }
            }
            _ => None,
        }
    }

    /// The document of the layer with another parent, where it named the one below and that is another now.
    fn relinked(&self, json: &str, image: usize) -> Option<Content> {
        let contents = self.contents;
        let old = &contents.images[image].layers;
        let below = self.position?.checked_sub(1).map(|below| &old[below].path);
        let below = below.and_then(|path| directory_of(path));
        let is_as_was = below == self.below && !self.is_chained;
        let index = contents.source.find(json).filter(|_| !is_as_was)?;
        let bytes = contents.source.read(index, MAX_DOCUMENT_BYTES).ok()?;
        let mut document = Document::parse(&bytes).ok()?;
        let named = document.root.get("parent").and_then(Value::as_text);
        let is_right = named.as_deref() == self.below;
        if is_right || !self.is_chained && named.as_deref() != below {
            return None;
        }
        match self.below {
            Some(parent) => document.set(&[], "parent", &["id", "parent"], Value::text(parent)),
            None => {
                document.remove(&[], "parent");
            }
        }
        Some(Content::Bytes(document.to_bytes()))
    }
}

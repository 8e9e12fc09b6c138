//! Text files of an image that operations edit: found, read, and changed.

use std::collections::btree_map::Entry as Slot;
use std::sync::Arc;

use super::files::{EditTarget, FileEdit, FileEdits};
use super::image::{EditedImage, Missing};
use super::lines::line_number;
use super::state::ImageState;
use super::{MadeLayer, PlannedLayer, TextChange, Texts, WantedText};
use crate::image_path::ImagePath;
use crate::layer::Data;
use crate::problem::{Address, Code, quoted};
use crate::rootfs::{Node, Resolution};
use crate::shape::IfMissing;
use crate::tarball::{Entry, HeaderChange, Kind, Mtime};

/// What is held in memory to be edited; no text that people edit is larger. In bytes.
const MAX_BYTES: u64 = 64 << 20;
/// Others may read it.
const OTHERS_READ: u32 = 0o004;

/// A file of the image, and what is in it.
#[derive(Debug, Clone)]
pub(crate) struct TextFile {
    /// The real path.
    pub(crate) path: ImagePath,
    /// What is in it, of any encoding.
    pub(crate) text: Arc<[u8]>,
    /// Whether only some users of the image may read it, so that nobody else is shown it.
    pub(crate) is_private: bool,
}

/// What becomes of a text file.
pub(crate) struct TextEdit {
    pub(crate) file: TextFile,
    pub(crate) text: Vec<u8>,
}

/// The path of a file that an operation names.
pub(crate) struct NamedFile<'a> {
    pub(crate) path: &'a ImagePath,
    /// Where the patch names it.
    pub(crate) address: Address,
    pub(crate) if_missing: IfMissing,
    /// What to do if no image has it.
    pub(crate) help: &'static str,
}

impl TextFile {
    /// Returns the file that an edit puts where nothing is: 0644, of 0:0.
    pub(crate) fn absent(path: ImagePath) -> Self {
        Self {
            path,
            text: Arc::default(),
            is_private: false,
        }
    }

    /// Returns the path for messages.
    pub(crate) fn name(&self) -> String {
        quoted(&self.path.to_text())
    }
}

impl EditedImage<'_> {
    /// Finds the file that an operation names, and reads it: links are followed. Nothing if there is none or it is not a text file,
    /// which is told, or if nobody has read it yet: then everything is planned again.
    pub(crate) fn named_text(&mut self, named: &NamedFile<'_>) -> Option<TextFile> {
        let tree = self.state.tree.as_ref().expect("the tree was read");
        let found = match tree.resolve(named.path) {
            Resolution::Found { path } => Some(path),
            _ => None,
        };
        self.look(0, found.is_some(), named.if_missing, |_| {
            Missing::path(named.address.clone(), named.path, named.help)
        });
        self.text_at(found?, &named.address)
    }

    /// Reads the file at a real path, which `address` asks for; the rest is as for [`named_text`](Self::named_text).
    pub(crate) fn text_at(&mut self, path: ImagePath, address: &Address) -> Option<TextFile> {
        let name = quoted(&path.to_text());
        match looked_at(
            &*self.state,
            self.layers,
            (self.number, self.around.texts),
            path,
        ) {
            Looked::Text(file) => return Some(file),
            Looked::Unread(wanted) => self.want(wanted),
            Looked::NoText(reason) => {
                let message = format!("{name} {reason}");
                let help = "only regular files of up to 64 MiB can be edited";
                self.problem(Code::InvalidPath, address.clone(), message, help);
            }
        }
        None
    }

    /// Returns the text of a file, which has to be UTF-8; if it is not, that is told.
    pub(crate) fn utf8<'t>(&mut self, file: &'t TextFile, address: &Address) -> Option<&'t str> {
        match str::from_utf8(&file.text) {
            Ok(text) => Some(text),
            Err(error) => {
                let line = line_number(&file.text, error.valid_up_to());
                let message = format!("line {line} of {} is not UTF-8", file.name());
                let help =
                    "`append-text`, and `replace-text` with `find`, take files of any encoding";
                self.problem(Code::NotText, address.clone(), message, help);
                None
            }
        }
    }

    /// Changes a text file.
    pub(crate) fn edit_text(&mut self, edit: TextEdit, target: &EditTarget<'_>) {
        self.edit_texts(vec![edit], FileEdits::new(), target);
    }

    /// Changes text files, and other files with them.
    pub(crate) fn edit_texts(
        &mut self,
        edits: Vec<TextEdit>,
        mut others: FileEdits,
        target: &EditTarget<'_>,
    ) {
        let mut changes = Vec::new();
        for TextEdit { file, text } in edits {
            let text: Arc<[u8]> = text.into();
            let edit = FileEdit {
                header: HeaderChange {
                    size: Some(text.len() as u64),
                    mtime: Some(self.around.epoch),
                    ..HeaderChange::default()
                },
                content: Some(Arc::clone(&text)),
                new: Some(self.new_entry(Entry::file())),
                ..FileEdit::default()
            };
            others.insert(file.path.clone(), edit);
            changes.push((file, text));
        }
        self.edit_files(others, target);
        for (file, text) in changes {
            self.note_text(&file, text);
        }
    }

    /// Returns the entry of something that the plan puts where nothing is: it has the time that new files get.
    pub(crate) fn new_entry(&self, entry: Entry) -> Entry {
        let mtime = Mtime::of_seconds(self.around.epoch);
        Entry { mtime, ..entry }
    }

    /// Notes in the layer that has a text now what became of it.
    fn note_text(&mut self, file: &TextFile, after: Arc<[u8]>) {
        let state = &*self.state;
        let tree = state.tree.as_ref().expect("the tree was read");
        let node = tree.get(&file.path).expect("it is there now");
        // In a kept layer it was refused.
        let PlannedLayer::Made(index) = state.layer_at(node.content.layer) else {
            return;
        };
        match self.layers[index].texts.entry(file.path.to_string()) {
            Slot::Vacant(slot) => {
                slot.insert(TextChange {
                    before: Arc::clone(&file.text),
                    after,
                    is_private: file.is_private,
                });
            }
            Slot::Occupied(mut slot) => {
                let change = slot.get_mut();
                change.after = after;
                change.is_private |= file.is_private;
            }
        }
    }
}

/// What there is to say of a file at a real path.
pub(crate) enum Looked {
    /// This is in it.
    Text(TextFile),
    /// Nobody has read it yet.
    Unread(WantedText),
    /// It is nothing that is edited as a text, for this reason.
    NoText(&'static str),
}

/// Looks at a file that an image has at a real path; `number` is the image's in the archive.
pub(crate) fn looked_at(
    state: &ImageState,
    layers: &[MadeLayer],
    (number, texts): (usize, &Texts),
    path: ImagePath,
) -> Looked {
    let tree = state.tree.as_ref().expect("the tree was read");
    let node = tree.get(&path).expect("what was found is there");
    if let Some(reason) = unreadable(node) {
        return Looked::NoText(reason);
    }
    let is_private = node.mode & OTHERS_READ == 0;
    let file = |text| TextFile {
        path,
        text,
        is_private,
    };
    let wanted = match state.data(node, layers) {
        Data::Inline(text) => return Looked::Text(file(text)),
        data => WantedText {
            image: number,
            data,
        },
    };
    match texts.get(&wanted) {
        Some(text) => Looked::Text(file(Arc::clone(text))),
        None => Looked::Unread(wanted),
    }
}

/// Returns why the text of a file cannot be edited, if so.
fn unreadable(node: &Node) -> Option<&'static str> {
    match node.kind {
        Kind::File if node.size > MAX_BYTES => Some("is larger than 64 MiB"),
        Kind::File => None,
        Kind::Directory => Some("is a directory"),
        _ => Some("is not a file"),
    }
}

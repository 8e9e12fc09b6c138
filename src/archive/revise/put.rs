//! What a revision puts into the draft of the new archive, and what it leaves out.

use std::collections::{BTreeMap, HashMap, HashSet};

use super::dating::{mtime_of, redated};
use crate::archive::Contents;
use crate::archive::dialect::Facts;
use crate::archive::dialect::state::{Derived, Files, Role, State};
use crate::archive::documents::graph::OCI_LAYOUT;
use crate::archive::documents::store::Store;
use crate::archive::draft::drafting::Drafting;
use crate::archive::draft::{Content, Draft, StoredLayer};
use crate::error::Error;

/// The documents at the top, by name; one that is to be gone has no bytes.
type Documents = [(&'static str, Option<Vec<u8>>); 3];

/// Drafts an archive of the same dialect: what is not derived stays.
pub(super) fn revised<'a>(
    contents: &'a Contents,
    (old_files, new_files): (&Files, Files),
    new: &[State],
    documents: Documents,
    stored: Vec<StoredLayer<'a>>,
) -> Result<Draft<'a>, Error> {
    let mut drafting = Drafting::new(&contents.source);
    // A dialect may derive a file of that name itself.
    let is_derived = documents
        .each_ref()
        .map(|(name, _)| new_files.get(name).is_some());
    put_files(
        &mut drafting,
        contents,
        (old_files, new_files),
        new,
        &stored,
    )?;
    for ((name, bytes), is_derived) in documents.into_iter().zip(is_derived) {
        match bytes {
            Some(bytes) => put_document(&mut drafting, contents, name, bytes)?,
            None if is_derived => {}
            None => drafting.remove(name),
        }
    }
    drafting.fit_directories();
    let mut draft = drafting.finish();
    draft.free_links();
    draft.layers = stored;
    Ok(draft)
}

/// Drafts an archive of another dialect: what is derived, sorted by name, and no more.
pub(super) fn anew<'a>(
    contents: &'a Contents,
    (facts, files): (&Facts, Files),
    documents: Documents,
    stored: Vec<StoredLayer<'a>>,
) -> Result<Draft<'a>, Error> {
    let source = &contents.source;
    let mut entries = BTreeMap::new();
    for file in files.derived {
        for (at, _) in file.name.match_indices('/') {
            entries.insert(file.name[..at].to_owned(), Content::Directory);
        }
        entries.insert(file.name, file.content);
    }
    for (name, bytes) in documents {
        if let Some(bytes) = bytes {
            entries.insert(name.to_owned(), Content::Bytes(bytes));
        }
    }
    if facts.is_stored_as(Store::Blobs) {
        let layout = match source.find("oci-layout") {
            Some(_) => Content::Entry(source.resolve("oci-layout", "the form of the archive")?),
            None => Content::Bytes(OCI_LAYOUT.to_vec()),
        };
        entries.insert("oci-layout".to_owned(), layout);
    }
    let mut draft = Draft::anew(source);
    for (name, content) in entries {
        draft.push(&name, content);
    }
    draft.layers = stored;
    Ok(draft)
}

/// Has the draft hold the new files and none of the old ones that are no more.
fn put_files(
    drafting: &mut Drafting<'_>,
    contents: &Contents,
    (old_files, new_files): (&Files, Files),
    new: &[State],
    stored: &[StoredLayer<'_>],
) -> Result<(), Error> {
    let held = contents.items.iter().flat_map(|item| &item.held);
    let held: HashSet<&String> = held.collect();
    for file in &old_files.derived {
        if new_files.get(&file.name).is_none() && !held.contains(&file.name) {
            drafting.remove(&file.name);
        }
    }
    let parts: HashMap<Role, &Derived> = old_files
        .derived
        .iter()
        .map(|file| (file.role, file))
        .collect();
    for file in new_files.derived {
        let held = contents.source.find(&file.name);
        if let Some(index) = held
            && contents.holds(index, &file.content, stored)?
        {
            // Of a file that images share, the first image dates it; that can be another one now.
            let was = old_files.get(&file.name);
            let mtime = was.and_then(|was| redated(contents, index, was, &file, new));
            if let Some(mtime) = mtime {
                let content = match file.content {
                    Content::Directory => Content::Directory,
                    _ => Content::Entry(index),
                };
                drafting.put(&file.name, content, index, mtime);
            }
            continue;
        }
        let was = old_files.get(&file.name);
        if held.is_some() && was.is_some_and(|was| was.content == file.content) {
            // Derived as before, and not what is there: its writer had other rules, and nothing about it changes.
            continue;
        }
        let model = model_of(&parts, file.role, contents);
        let mtime = mtime_of(contents, model, &parts, &file, new);
        drafting.put(&file.name, file.content, model, mtime);
    }
    Ok(())
}

/// Has the draft hold a document, unless it is there already.
fn put_document(
    drafting: &mut Drafting<'_>,
    contents: &Contents,
    name: &str,
    bytes: Vec<u8>,
) -> Result<(), Error> {
    let model = contents
        .source
        .find(name)
        .or_else(|| contents.source.find("manifest.json"));
    let model = model.expect("`repositories` is new only beside a manifest.json");
    let is_same = contents
        .source
        .find(name)
        .is_some_and(|index| index == model)
        && contents.holds(model, &Content::Bytes(bytes.clone()), &[])?;
    if !is_same {
        drafting.put(
            name,
            Content::Bytes(bytes),
            model,
            contents.source.entries()[model].mtime,
        );
    }
    Ok(())
}

/// The old entry whose header a new file takes: the same part of the same image, of the layer below where that is
/// new, else the image's configuration.
fn model_of(parts: &HashMap<Role, &Derived>, role: Role, contents: &Contents) -> usize {
    let mut part = Some(role.part);
    while let Some(wanted) = part {
        let file = parts.get(&Role {
            image: role.image,
            part: wanted,
        });
        if let Some(index) = file.and_then(|file| contents.source.find(&file.name)) {
            return index;
        }
        part = wanted.below();
    }
    let image = contents.images.get(role.image);
    let index = || contents.source.find("index.json");
    image
        .map(|image| image.config_entry)
        .or_else(index)
        .expect("without images there is an `index.json`")
}

//! OCI manifests and the entries of `index.json` of a revised archive: the old documents with what changed.

use crate::archive::form::descriptor::{
    NAME, REF_NAME, digest_of, follow_media_type, media_type_of, name_of, new_descriptor, rewrite,
    rewrite_member,
};
use crate::archive::form::state::{LayerData, StateLayer};
use crate::archive::{Dialect, OciManifest};
use crate::digest::Digest;
use crate::image::json::{ArrayEdit, Document, Value};
use crate::media_type;
use crate::reference::Reference;

/// Returns the manifest of a revised image: the old document with another configuration and the layers as they are
/// now; descriptors of kept layers are kept.
pub(in crate::archive) fn revise_manifest(
    manifest: &OciManifest,
    image_id: Digest,
    config_size: u64,
    layers: &[StateLayer],
) -> OciManifest {
    let mut document = manifest.document.clone();
    rewrite_member(&mut document, "config", image_id, config_size);
    let old: Vec<Value> = manifest
        .document
        .root
        .get("layers")
        .and_then(Value::items)
        .into_iter()
        .flatten()
        .cloned()
        .collect();
    let is_docker = old
        .last()
        .is_some_and(|layer| media_type_of(layer).starts_with("application/vnd.docker."));
    let mut unused: Vec<&Value> = old.iter().collect();
    let wanted: Vec<Value> = layers
        .iter()
        .map(|layer| {
            let digest = layer
                .digest
                .expect("the layers of a manifest are named by digest");
            // A layer that stands twice has two descriptors, which may say different things.
            let is_it = |item: &Value| digest_of(item) == Some(digest);
            let next = unused.iter().position(|item| is_it(item));
            let next = next.map(|at| unused.remove(at).clone());
            let kept = next.or_else(|| old.iter().find(|item| is_it(item)).cloned());
            kept.unwrap_or_else(|| {
                let media_type = media_type::layer(layer.compression, is_docker)
                    .expect("a new layer is plain, gzip or zstd");
                new_descriptor(media_type, digest, layer.size)
            })
        })
        .collect();
    if layers
        .iter()
        .any(|layer| matches!(layer.data, LayerData::Added(_)))
        || wanted.len() != old.len()
    {
        document.edit_array(&[], "layers", &[], |items| {
            for (i, descriptor) in wanted.into_iter().enumerate() {
                if i == items.len() {
                    items.push(descriptor);
                } else if *items.get(i) != descriptor {
                    items.replace(i, descriptor);
                }
            }
            while items.len() > layers.len() {
                items.remove(items.len() - 1);
            }
        });
    }
    OciManifest {
        digest: Digest::of(&document.to_bytes()),
        document,
    }
}

/// Returns the group that a descriptor of `index.json` is of. Groups may have equal content; then the name tells them
/// apart.
pub(in crate::archive) fn owner_of(
    descriptor: &Value,
    roots: &[Option<Digest>],
    tags: &[Vec<Reference>],
) -> Option<usize> {
    let digest = digest_of(descriptor)?;
    let name = name_of(descriptor).ok().flatten();
    let is_named = |i: &usize| name.as_ref().is_some_and(|name| tags[*i].contains(name));
    let mut described = (0..roots.len()).filter(|&i| roots[i] == Some(digest));
    let first = described.clone().next();
    described.find(is_named).or(first)
}

/// Has a group's entries name `top`, one entry per tag.
pub(in crate::archive) fn revise_descriptors(
    items: &mut ArrayEdit<'_>,
    owners: &mut Vec<Option<usize>>,
    group: usize,
    (top, document): (Digest, &Document),
    tags: &[Reference],
    dialect: &Dialect,
    follow: &dyn Fn(&mut ArrayEdit<'_>, usize),
) {
    let positions: Vec<usize> = (0..items.len())
        .filter(|&i| owners[i] == Some(group))
        .collect();
    let old: Vec<Value> = positions.iter().map(|&i| items.get(i).clone()).collect();
    let at = positions.first().copied().unwrap_or(items.len());
    for &i in positions.iter().rev() {
        items.remove(i);
        owners.remove(i);
    }
    let size = document.to_bytes().len() as u64;
    let new = || {
        let stated = media_type_of(&document.root);
        let media_type = if stated.is_empty() {
            media_type::MANIFEST
        } else {
            &stated
        };
        new_descriptor(media_type, top, size)
    };
    // Docker 26 lists an image without tags, by a descriptor without a name, only if nothing is listed before it.
    if tags.is_empty() && (at == 0 || dialect.lists_nameless()) {
        owners.insert(at, Some(group));
        items.insert(at, old.first().cloned().unwrap_or_else(new));
        rewrite(items, at, top, size);
        follow_media_type(items, at, document);
        follow(items, at);
        items.take_within(at, "annotations", NAME);
        items.take_within(at, "annotations", REF_NAME);
    }
    for (n, tag) in tags.iter().enumerate() {
        let is_named = |item: &&Value| name_of(item).ok().flatten().as_ref() == Some(tag);
        let named = old.iter().find(is_named);
        // Another name of the image is the same descriptor otherwise.
        let model = named.or(old.first()).cloned();
        owners.insert(at + n, Some(group));
        items.insert(at + n, model.unwrap_or_else(new));
        rewrite(items, at + n, top, size);
        follow_media_type(items, at + n, document);
        follow(items, at + n);
        if named.is_none() {
            name_descriptor(items, at + n, tag, dialect);
        }
    }
}

/// Names a descriptor as its writer does: containerd by both annotations, others by the reference alone.
fn name_descriptor(items: &mut ArrayEdit<'_>, i: usize, tag: &Reference, dialect: &Dialect) {
    let has_name = crate::archive::form::descriptor::annotation(items.get(i), NAME).is_some();
    if *dialect == Dialect::Layout && !has_name {
        items.set_within(i, "annotations", REF_NAME, Value::text(&tag.familiar()));
    } else {
        items.set_within(i, "annotations", NAME, Value::text(&tag.full()));
        items.set_within(i, "annotations", REF_NAME, Value::text(tag.tag()));
    }
}

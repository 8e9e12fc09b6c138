//! Names of images: a name stands for one image of an archive, and moving it from another takes a word of its own.

use std::collections::HashSet;

use serde_json::json;

use super::{Docs, DraftValue, Inverse, Needs, Operations, Reach, Room, ValueOf};
use crate::edit::Effect;
use crate::edit::claims::{Claimed, Intent};
use crate::edit::image::EditedImage;
use crate::problem::{Code, quoted};
use crate::reference::Reference;
use crate::shape::{Field, Problems, Removal, set, shape};

/// The parts of a reference (distribution/reference, reference.go).
const HOST: &str = r"([A-Za-z0-9]([A-Za-z0-9-]*[A-Za-z0-9])?(\.[A-Za-z0-9]([A-Za-z0-9-]*[A-Za-z0-9])?)*|\[[0-9A-Fa-f:]+\])";
const NAME: &str = r"[a-z0-9]+((\.|_|__|-+)[a-z0-9]+)*";
const TAG: &str = "[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}";

shape! {
    /// A tag with its repository, such as `app:2` or `registry.example.com/app:2`
    struct Tag("Reference") -> Reference {
        |_| json!({
            "type": ["string", "number", "boolean"],
            "minLength": 1,
            "pattern": format!("^({HOST}(:[0-9]+)?/)?{NAME}(/{NAME})*(:{TAG})?$"),
            "patternErrorMessage": "write a name in lower case and a tag, as in `app:2`",
            "examples": ["app:2"],
        }),
        reference
    }
}

shape! {
    /// Tags, each once
    pub(crate) struct AddedTags("References") -> Vec<Reference> {
        set::<Tag>,
        |field, problems| references(field, "write at least one tag, as in `[\"app:2\"]`", problems)
    }
}

shape! {
    /// All tags of an image.
    pub(crate) struct Tags like AddedTags, -> Vec<Reference> {
        |field, problems| {
            let help = "write at least one tag; to leave the image without any, write `remove-tag: [\"*\"]`";
            references(field, help, problems)
        }
    }
}

fn reference(field: &Field<'_>, problems: &mut Problems) -> Option<Reference> {
    let text = field.word(problems)?;
    match Reference::parse(text) {
        Ok(reference) => Some(reference),
        Err(reason) => {
            let message = format!("{} is not a tag of an image: {reason}", quoted(text));
            let problem = field.problem(Code::InvalidReference, message);
            problems.add(problem.with_help(
                "write `name:tag`, as in `app:2` or `registry.example.com:5000/team/app:2`",
            ));
            None
        }
    }
}

fn references(field: &Field<'_>, help: &str, problems: &mut Problems) -> Option<Vec<Reference>> {
    let mut references = Vec::new();
    let mut seen = HashSet::new();
    for item in field.items(help, problems)? {
        let Some(reference) = reference(&item, problems) else {
            continue;
        };
        if seen.insert(reference.clone()) {
            references.push(reference);
        } else {
            let message = format!("{} names the tag `{reference}` twice", field.name);
            problems.add(item.problem(Code::RepeatedItem, message));
        }
    }
    Some(references)
}

/// `retag`: the image has these tags and no others.
pub(crate) struct Retag;

impl Room for Retag {
    type Shape = Tags;

    const KEY: &'static str = "retag";

    const DOCS: Docs = Docs {
        does: "Replaces all tags of the image.",
        takes: "`[name:tag, …]`",
        example: "[\"app:2\"]",
        before: "\"RepoTags\":[\"app:1\"]",
        after: "\"RepoTags\":[\"app:2\"]",
    };

    const INVERSE: Inverse = Inverse::Tags;

    const SAMPLES: &'static [&'static str] =
        &["['app:2']", "[app, 'registry.example.com:5000/team/app:2']"];

    fn needs(_: &ValueOf<Self>) -> Needs<'_> {
        Needs::only(Reach::Names)
    }

    fn plan<'a>(tags: &'a ValueOf<Self>, image: &mut EditedImage<'a>) {
        retag(image, tags);
    }
}

/// `add-tag`: the image has these tags besides its own.
pub(crate) struct AddTag;

impl Room for AddTag {
    type Shape = AddedTags;

    const KEY: &'static str = "add-tag";

    const DOCS: Docs = Docs {
        does: "Adds tags to the image.",
        takes: "`[name:tag, …]`",
        example: "[\"app:2\"]",
        before: "\"RepoTags\":[\"app:1\"]",
        after: "\"RepoTags\":[\"app:1\",\"app:2\"]",
    };

    const INVERSE: Inverse = Inverse::Tags;

    const SAMPLES: &'static [&'static str] =
        &["['app:2', 'registry.example.com:5000/team/app:stable']"];

    fn needs(_: &ValueOf<Self>) -> Needs<'_> {
        Needs::only(Reach::Names)
    }

    fn plan<'a>(tags: &'a ValueOf<Self>, image: &mut EditedImage<'a>) {
        add(image, tags);
    }
}

/// `remove-tag`: tags that go.
pub(crate) struct RemoveTag;

impl Room for RemoveTag {
    type Shape = Removal;

    const KEY: &'static str = "remove-tag";

    const DOCS: Docs = Docs {
        does: "Removes the tags that match.",
        takes: "patterns",
        example: "[\"*:1\"]",
        before: "\"RepoTags\":[\"app:1\",\"app:2\"]",
        after: "\"RepoTags\":[\"app:2\"]",
    };

    const INVERSE: Inverse = Inverse::Tags;

    const SAMPLES: &'static [&'static str] = &["{ match: [old, '*:1'], if-missing: ignore }"];

    fn needs(_: &ValueOf<Self>) -> Needs<'_> {
        Needs::only(Reach::Names)
    }

    fn plan<'a>(removal: &'a ValueOf<Self>, image: &mut EditedImage<'a>) {
        remove(image, removal);
    }
}

/// Returns what turns the tags `before` into those `after`.
pub(crate) fn difference(before: &[Reference], after: &[Reference]) -> Operations {
    let names = |tags: &mut dyn Iterator<Item = &Reference>| -> Vec<String> {
        tags.map(Reference::familiar).collect()
    };
    let is_after: HashSet<&Reference> = after.iter().collect();
    let is_before: HashSet<&Reference> = before.iter().collect();
    let gone = names(&mut before.iter().filter(|tag| !is_after.contains(tag)));
    let new = names(&mut after.iter().filter(|tag| !is_before.contains(tag)));
    let (name, tags) = match (gone.is_empty(), new.is_empty()) {
        (true, true) => return Operations::new(),
        (true, false) => (AddTag::KEY, new),
        (false, true) => (RemoveTag::KEY, gone),
        (false, false) => (Retag::KEY, names(&mut after.iter())),
    };
    vec![(name, DraftValue::texts(&tags))]
}

/// Gives the image these tags and no others.
fn retag(image: &mut EditedImage<'_>, tags: &[Reference]) {
    if !can_be_named(image, tags) {
        return;
    }
    let wanted: HashSet<&Reference> = tags.iter().collect();
    let state = &mut *image.state;
    let gone = state.tags.keys().filter(|tag| !wanted.contains(tag));
    let gone = gone.map(|tag| Effect::RemoveTag { tag: tag.clone() });
    image.effects.extend(gone);
    let new = tags.iter().filter(|tag| !state.tags.contains(*tag));
    let new = new.map(|tag| Effect::AddTag { tag: tag.clone() });
    image.effects.extend(new);
    // Another order of the same tags changes nothing.
    if !image.effects.is_empty() {
        state.tags = tags.iter().map(|tag| (tag.clone(), ())).collect();
    }
    claim(image, tags);
}

/// Gives the image these tags besides its own.
fn add(image: &mut EditedImage<'_>, tags: &[Reference]) {
    if !can_be_named(image, tags) {
        return;
    }
    for tag in tags {
        if image.state.tags.insert(tag.clone(), ()).is_none() {
            image.effects.push(Effect::AddTag { tag: tag.clone() });
        }
    }
    claim(image, tags);
}

/// A tag is wanted also where it is there already, and what `retag` does not name is not wanted.
fn claim(image: &mut EditedImage<'_>, tags: &[Reference]) {
    let address = image.address();
    image.claim_effects(0, &address);
    for (t, tag) in tags.iter().enumerate() {
        image.claim(Claimed::tag(tag), Intent::Add, address.clone().index(t));
    }
}

/// Takes the tags that match.
fn remove(image: &mut EditedImage<'_>, removal: &Removal) {
    let names = image.around.names;
    image.remove(
        removal,
        "tag",
        Code::NoSuchTag,
        |image, glob| {
            let state = &mut *image.state;
            let meant = (!glob.has_wildcard()).then(|| names.meant(glob.as_str()));
            let gone: Vec<Reference> = match meant {
                // Most images of an archive have no such name.
                Some(meant) if !names.has(state.group, &meant) => Vec::new(),
                Some((Some(tag), None)) => {
                    let is_there = state.tags.contains(&tag);
                    is_there.then_some(tag).into_iter().collect()
                }
                _ => {
                    let tags = state.tags.keys();
                    state.effort.try_names(state.tags.len());
                    tags.filter(|tag| tag.matches(glob)).cloned().collect()
                }
            };
            for tag in &gone {
                state.tags.remove(tag);
            }
            let is_found = !gone.is_empty();
            image
                .effects
                .extend(gone.into_iter().map(|tag| Effect::RemoveTag { tag }));
            is_found
        },
        |state| state.tags.keys().map(Reference::familiar).collect(),
    );
}

/// Tells whether the image may get `tags`: it is the only one that is targeted, for however many platforms, and no other
/// holds one of the tags.
fn can_be_named(image: &mut EditedImage<'_>, tags: &[Reference]) -> bool {
    if !image.around.has_names {
        let message = "the `dir:` form of skopeo and podman has no place for tags";
        let help = "write another form, as in `--to docker-archive -o OUT`, or give the image its name when you copy it, as in `skopeo copy dir:DIR docker://NAME:TAG`";
        image.refuse_all(Code::UnsupportedForm, image.address(), message, help);
        return false;
    }
    let n_groups = image.around.n_groups;
    if n_groups > 1 {
        let message = format!("{n_groups} images are targeted, but a tag can name only one");
        let help = "narrow `target` to one image";
        image.refuse_all(Code::TagTaken, image.address(), message, help);
        return false;
    }
    let mut is_free = true;
    for (i, tag) in tags.iter().enumerate() {
        let names = image.around.names;
        let holder = names.holder(tag);
        if let Some(holder) = holder.filter(|holder| *holder != image.state.group) {
            let id = names.id(holder).short();
            let message = format!(
                "the tag {} belongs to image `sha256:{id}`",
                quoted(&tag.familiar())
            );
            let help = "remove it from that image first, with `remove-tag` in a separate document before this one";
            image.refuse_all(Code::TagTaken, image.address().index(i), message, help);
            is_free = false;
        }
    }
    is_free
}

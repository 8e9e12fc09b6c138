//! Annotations of manifests, indexes and descriptors, where the archive has such.

use super::inverse::CanSay;
use super::named::NamedChanges;
use super::{DraftValue, Inverse, Needs, Operations, Reach, Room};
use crate::annotation::{self, AnnotationPlace, ImageAnnotations};
use crate::edit::Effect;
use crate::edit::claims::{Thing, Wish};
use crate::edit::image::EditedImage;
use crate::patch::{AnnotationRemoval, Annotations};
use crate::problem::{Code, quoted};

/// `set-annotation`: annotations with new values.
pub(crate) struct SetAnnotation;

impl Room for SetAnnotation {
    type Value = Annotations;

    const NAME: &'static str = "set-annotation";

    const INVERSE: Inverse = Inverse::Annotations;

    const SAMPLES: &'static [&'static str] = &[
        "{ com.example.note: seen }",
        "{ on: descriptor, set: { on: b } }",
    ];

    fn needs(_: &Self::Value) -> Needs<'_> {
        Needs::only(Reach::Documents)
    }

    fn plan<'a>(annotations: &'a Self::Value, image: &mut EditedImage<'a>) {
        set(image, annotations);
    }
}

/// `unset-annotation`: annotations that go.
pub(crate) struct UnsetAnnotation;

impl Room for UnsetAnnotation {
    type Value = AnnotationRemoval;

    const NAME: &'static str = "unset-annotation";

    const INVERSE: Inverse = Inverse::Annotations;

    const SAMPLES: &'static [&'static str] = &["{ match: ['com.*'], if-missing: ignore }"];

    fn needs(_: &Self::Value) -> Needs<'_> {
        Needs::only(Reach::Documents)
    }

    fn plan<'a>(removal: &'a Self::Value, image: &mut EditedImage<'a>) {
        unset(image, removal);
    }
}

/// Returns what turns `old` into `new` at one place; nothing where the old archive has no such document.
pub(crate) fn difference(
    old: &ImageAnnotations,
    new: &ImageAnnotations,
    on: AnnotationPlace,
    can_say: CanSay,
) -> Operations {
    let Some(before) = old.on(on) else {
        return Operations::new();
    };
    let after = new
        .on(on)
        .map(annotation::Annotations::to_vec)
        .unwrap_or_default();
    let changes = NamedChanges::between(
        &before.to_vec(),
        &after,
        (UnsetAnnotation::NAME, SetAnnotation::NAME),
        can_say,
    );
    let place = || ("on".to_owned(), DraftValue::text(on.name()));
    let is_usual = on == AnnotationPlace::Manifest;
    let mut operations = Operations::new();
    if let Some(gone) = changes.gone.list() {
        operations.push((
            UnsetAnnotation::NAME,
            if is_usual {
                gone
            } else {
                DraftValue::Map(vec![place(), ("match".to_owned(), gone)])
            },
        ));
    }
    if !changes.set.is_empty() {
        let short = DraftValue::Map(changes.set);
        let is_short = is_usual && can_say(SetAnnotation::NAME, &short);
        operations.push((
            SetAnnotation::NAME,
            if is_short {
                short
            } else {
                DraftValue::Map(vec![place(), ("set".to_owned(), short)])
            },
        ));
    }
    operations
}

fn set(image: &mut EditedImage<'_>, annotations: &Annotations) {
    let on = annotations.on;
    if !is_there(image, on) {
        return;
    }
    for (key, new) in &annotations.entries {
        let address = annotations.key_address(image.address(), key);
        let thing = Thing::annotation(on, key);
        image.claim(thing, Wish::Set(new.clone()), address);
        let Some(there) = image.state.annotations.on_mut(on) else {
            continue;
        };
        if there.get(key) == Some(new) {
            continue;
        }
        let old = there.set(key, new);
        let (key, new) = (key.clone(), new.clone());
        image
            .effects
            .push(Effect::SetAnnotation { on, key, old, new });
    }
    settle(image, on);
}

fn unset(image: &mut EditedImage<'_>, AnnotationRemoval { on, removal }: &AnnotationRemoval) {
    let on = *on;
    if !is_there(image, on) {
        return;
    }
    image.remove(
        removal,
        thing(on),
        Code::NoSuchAnnotation,
        move |image, glob| {
            let state = &mut *image.state;
            let Some(there) = state.annotations.on_mut(on) else {
                return false;
            };
            let gone = if glob.has_wildcard() {
                state.effort.try_names(there.pairs().count());
                there.remove(|key| glob.matches(key))
            } else {
                let key = glob.as_str();
                let gone = there.take(key);
                gone.map(|old| (key.to_owned(), old)).into_iter().collect()
            };
            let is_found = !gone.is_empty();
            let effect = |(key, old)| Effect::UnsetAnnotation { on, key, old };
            image.effects.extend(gone.into_iter().map(effect));
            is_found
        },
        move |state| {
            let there = state.annotations.on(on);
            let there = there
                .into_iter()
                .flat_map(crate::annotation::Annotations::pairs);
            there.map(|(key, _)| key.to_owned()).collect()
        },
    );
    settle(image, on);
}

/// How an annotation is spoken of.
fn thing(on: AnnotationPlace) -> &'static str {
    match on {
        AnnotationPlace::Manifest => "annotation on its manifest",
        AnnotationPlace::Index => "annotation on its index",
        AnnotationPlace::Descriptor => "annotation on its descriptor",
    }
}

/// Tells whether the image has such a document.
fn is_there(image: &mut EditedImage<'_>, on: AnnotationPlace) -> bool {
    if image.state.annotations.on(on).is_some() {
        return true;
    }
    let name = quoted(&image.state.display_name());
    let (message, help) = match on {
        AnnotationPlace::Index => (
            format!("the names of {name} do not refer to an index"),
            "only multi-platform images have one; use `on: manifest` for other images",
        ),
        _ => (
            format!("{name} has no OCI manifest in this archive"),
            "archives of Docker 1.10 to 24 and crane have none; labels work in every form",
        ),
    };
    image.problem_of_all(Code::NoSuchDocument, image.address(), message, help);
    false
}

/// What is said about a document that changes may no longer hold.
fn settle(image: &mut EditedImage<'_>, on: AnnotationPlace) {
    let is_said = on == AnnotationPlace::Manifest || image.state.is_index_referred_to;
    image.state.is_changed |= is_said && !image.effects.is_empty();
}

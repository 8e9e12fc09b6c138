//! Annotations of manifests, indexes and descriptors, where the archive has such.

use serde_json::json;

use super::inverse::CanSay;
use super::named::NamedChanges;
use super::{Docs, DraftValue, Inverse, Needs, Operations, Reach, Room, ValueOf};
use crate::annotation::{self, AnnotationPlace, ImageAnnotations};
use crate::edit::Effect;
use crate::edit::claims::{Claimed, Intent};
use crate::edit::image::EditedImage;
use crate::problem::{Address, Code, Problem, quoted};
use crate::shape::{AnnotationMap, Problems, Record, Removal, Rule, Short, record, shape};

/// Keys of descriptors that hold the image's name.
const NAMES: [&str; 2] = [
    "io.containerd.image.name",
    "org.opencontainers.image.ref.name",
];

shape! {
    /// The manifest (the default), the index that the names refer to, or the descriptors of the manifest
    impl AnnotationPlace, "AnnotationPlace" {
        |_| json!({ "enum": AnnotationPlace::ALL.map(AnnotationPlace::name) }),
        |field, problems| {
            let choices = AnnotationPlace::ALL.map(|place| (place.name(), place));
            field.choice(&choices, problems)
        }
    }
}

record! {
    /// Annotations, and the document to set them in.
    pub struct Annotations("LongAnnotations") {
        /// The document to set them in.
        "on" pub on: AnnotationPlace = default::<AnnotationPlace>();
        /// Keys and values.
        "set" pub entries: Vec<(String, String)>
            = required::<AnnotationMap>("specify what to set, as in `set: {com.example.key: value}`");
        is_long: bool = is_long();
    }
    short Short::Map { key: "set", unless: "on" }, "Annotations",
        "Annotations of the manifest, or a map of annotations and the document to set them in";
    rule NoNames;
}

impl Annotations {
    /// Returns the address of a key, given the one of the operation.
    #[must_use]
    pub fn key_address(&self, operation: Address, key: &str) -> Address {
        let map = if self.is_long {
            operation.key("set")
        } else {
            operation
        };
        map.key(key).on_key()
    }
}

/// No annotation of a descriptor is the name of the image.
struct NoNames;

impl Rule for NoNames {
    fn check(&self, record: &Record<'_>, problems: &mut Problems) {
        if record.peek::<AnnotationPlace>("on") != Some(AnnotationPlace::Descriptor) {
            return;
        }
        let set = record.get("set");
        let entries = set.and_then(|set| set.entries("", &mut Problems::default()));
        for (key, field) in entries.unwrap_or_default() {
            if NAMES.contains(&key) {
                let message = format!(
                    "`{key}` is reserved for the name of the image, which `retag`, `add-tag` and `remove-tag` change"
                );
                let address = field.address.on_key();
                problems.add(Problem::new(Code::InvalidAnnotationKey, address, message));
            }
        }
    }
}

record! {
    /// Patterns, where to remove from, and what to do if one matches nothing.
    pub struct AnnotationRemoval("LongAnnotationRemoval") {
        /// The document to remove from.
        "on" pub on: AnnotationPlace = default::<AnnotationPlace>();
        /// The annotations.
        pub removal: Removal = flatten::<Removal>();
    }
    short Short::Value("match"), "AnnotationRemoval",
        "Patterns, or a map of them, the document to remove from, and options";
}

/// `set-annotation`: annotations with new values.
pub(crate) struct SetAnnotation;

impl Room for SetAnnotation {
    type Shape = Annotations;

    const KEY: &'static str = "set-annotation";

    const DOCS: Docs = Docs {
        does: "Sets annotations of the manifest, of the index that the names refer to, or of the descriptors of the manifest.",
        takes: "`{key: value, …}`, or `{on: index, set: {key: value, …}}` with `manifest`, `index` or `descriptor`",
        example: "{ a.b: new }",
        before: "\"annotations\":{\"a.b\":\"old\"}",
        after: "\"annotations\":{\"a.b\":\"new\"}",
    };

    const INVERSE: Inverse = Inverse::Annotations;

    const SAMPLES: &'static [&'static str] = &[
        "{ com.example.note: seen }",
        "{ on: descriptor, set: { on: b } }",
    ];

    fn needs(_: &ValueOf<Self>) -> Needs<'_> {
        Needs::only(Reach::Documents)
    }

    fn plan<'a>(annotations: &'a ValueOf<Self>, image: &mut EditedImage<'a>) {
        set(image, annotations);
    }
}

/// `unset-annotation`: annotations that go.
pub(crate) struct UnsetAnnotation;

impl Room for UnsetAnnotation {
    type Shape = AnnotationRemoval;

    const KEY: &'static str = "unset-annotation";

    const DOCS: Docs = Docs {
        does: "Removes the annotations whose keys match.",
        takes: "patterns, also with `on: index` or `on: descriptor` beside `match`",
        example: "[\"com.vendor.*\"]",
        before: "\"annotations\":{\"com.vendor.os\":\"tiny\",\"a\":\"b\"}",
        after: "\"annotations\":{\"a\":\"b\"}",
    };

    const INVERSE: Inverse = Inverse::Annotations;

    const SAMPLES: &'static [&'static str] = &["{ match: ['com.*'], if-missing: ignore }"];

    fn needs(_: &ValueOf<Self>) -> Needs<'_> {
        Needs::only(Reach::Documents)
    }

    fn plan<'a>(removal: &'a ValueOf<Self>, image: &mut EditedImage<'a>) {
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
        (UnsetAnnotation::KEY, SetAnnotation::KEY),
        can_say,
    );
    let place = || ("on".to_owned(), DraftValue::text(on.name()));
    let is_usual = on == AnnotationPlace::Manifest;
    let mut operations = Operations::new();
    if let Some(gone) = changes.gone.list() {
        operations.push((
            UnsetAnnotation::KEY,
            if is_usual {
                gone
            } else {
                DraftValue::Map(vec![place(), ("match".to_owned(), gone)])
            },
        ));
    }
    if !changes.set.is_empty() {
        let short = DraftValue::Map(changes.set);
        let is_short = is_usual && can_say(SetAnnotation::KEY, &short);
        operations.push((
            SetAnnotation::KEY,
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
        let thing = Claimed::annotation(on, key);
        image.claim(thing, Intent::Set(new.clone()), address);
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
    image.refuse_all(Code::NoSuchDocument, image.address(), message, help);
    false
}

/// What is said about a document that changes may no longer hold.
fn settle(image: &mut EditedImage<'_>, on: AnnotationPlace) {
    let is_said = on == AnnotationPlace::Manifest || image.state.is_index_referred_to;
    image.state.is_changed |= is_said && !image.effects.is_empty();
}

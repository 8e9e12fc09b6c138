//! `set-annotation` and `unset-annotation`: annotations of the documents above the configuration.

use serde_json::json;

use crate::annotation::AnnotationPlace;
use crate::problem::{Address, Code, Problem};
use crate::shape::{self, Problems, Record, Removal, Rule, Short, record, shape};

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
            = required::<shape::Annotations>("specify what to set, as in `set: {com.example.key: value}`");
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

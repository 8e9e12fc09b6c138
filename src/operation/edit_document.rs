//! `edit-json`, `edit-toml`, `edit-yaml`: values of a document, found by their pointers.

use super::edit_options::{EditOptions, Edited};
use super::{Docs, Inverse, Needs, Room, ValueOf};
use crate::document::{Edit, Format, Pointer, Refused};
use crate::edit::image::EditedImage;
use crate::edit::text::TextFile;
use crate::image_path::ImagePath;
use crate::problem::{Address, Code, quoted};
use crate::shape::parts::MapSchema;
use crate::shape::{
    Given, MergePatch, PointerList, PointerMap, Problems, Record, Rule, record, require_any,
};

record! {
    /// A file, and the values of it that change: `unset` comes first, then `merge`, then `set`.
    pub struct DocumentEdit("DocumentEdit") {
        /// The file of the image.
        "path" pub path: ImagePath = required::<ImagePath>("specify the file of the image, as in `path: /etc/app.json`");
        /// The values to set. What is missing on the way is made.
        "set" pub set: Vec<(Pointer, Given)> = default::<PointerMap>();
        /// The values to remove, if they are there. Indexes are those of the lists before the edit.
        "unset" pub unset: Vec<Pointer> = default::<PointerList>();
        /// A map that is merged into the document.
        "merge" pub merge: Option<Given> = optional::<MergePatch>();
        /// Where the edit goes.
        pub options: EditOptions = flatten::<EditOptions>();
    }
    rule Changes;
}

/// There is something to change.
#[derive(Debug, Clone, Copy)]
struct Changes;

const CHANGES: [&str; 3] = ["set", "unset", "merge"];

impl Rule for Changes {
    fn check(&self, record: &Record<'_>, problems: &mut Problems) {
        if CHANGES.iter().all(|key| record.get(key).is_none()) {
            let help =
                "write what changes, as in `set: {/log/level: debug}`, or `unset` or `merge`";
            record.require("set", Code::MissingKey, help, problems);
        }
    }

    fn describe(&self, schema: &mut MapSchema) {
        require_any(&CHANGES, schema);
    }
}

/// `edit-json`
pub(crate) struct EditJson;
/// `edit-toml`
pub(crate) struct EditToml;
/// `edit-yaml`
pub(crate) struct EditYaml;

const TAKES: &str = "`{path: path, set: {pointer: value}, unset: [pointer], merge: map}` with at least one of the last three, and `in`, `if-missing` and `created-by`";
/// No file of every image is of one of the formats.
const SAMPLE: &str = "{ path: /etc/none, set: { /a/b: [1, x] }, if-missing: ignore }";
const INVERSE: Inverse = Inverse::Never("layers that differ are taken as they are");

impl Room for EditJson {
    type Shape = DocumentEdit;

    const KEY: &'static str = "edit-json";

    const DOCS: Docs = Docs {
        does: "Changes values of a JSON file and keeps the rest byte for byte.",
        takes: TAKES,
        example: "{ path: /etc/a, set: { /port: 2 } }",
        before: "layers: [etc/ etc/a(\"{\\\"port\\\":1}\")]",
        after: "layers: [etc/ etc/a(\"{\\\"port\\\":1}\")] [etc/ etc/a(\"{\\\"port\\\":2}\")]",
    };

    const INVERSE: Inverse = INVERSE;

    const SAMPLES: &'static [&'static str] = &[SAMPLE];

    fn needs(edit: &ValueOf<Self>) -> Needs<'_> {
        Needs::edit(edit.options.place)
    }

    fn plan<'a>(edit: &'a ValueOf<Self>, image: &mut EditedImage<'a>) {
        edit.plan(Format::Json, image);
    }
}

impl Room for EditToml {
    type Shape = DocumentEdit;

    const KEY: &'static str = "edit-toml";

    const DOCS: Docs = Docs {
        does: "Changes values of a TOML file and keeps the rest byte for byte, comments included.",
        takes: TAKES,
        example: "{ path: /etc/a, set: { /port: 2 } }",
        before: "layers: [etc/ etc/a(\"port=1\\n#c\\n\")]",
        after: "layers: [etc/ etc/a(\"port=1\\n#c\\n\")] [etc/ etc/a(\"port=2\\n#c\\n\")]",
    };

    const INVERSE: Inverse = INVERSE;

    const SAMPLES: &'static [&'static str] = &[SAMPLE];

    fn needs(edit: &ValueOf<Self>) -> Needs<'_> {
        Needs::edit(edit.options.place)
    }

    fn plan<'a>(edit: &'a ValueOf<Self>, image: &mut EditedImage<'a>) {
        edit.plan(Format::Toml, image);
    }
}

impl Room for EditYaml {
    type Shape = DocumentEdit;

    const KEY: &'static str = "edit-yaml";

    const DOCS: Docs = Docs {
        does: "Changes values of a YAML file and keeps the rest byte for byte, comments included.",
        takes: TAKES,
        example: "{ path: /etc/a, set: { /port: 2 } }",
        before: "layers: [etc/ etc/a(\"{\\\"port\\\":1}\\n#c\\n\")]",
        after: "layers: [etc/ etc/a(\"{\\\"port\\\":1}\\n#c\\n\")] [etc/ etc/a(\"{\\\"port\\\":2}\\n#c\\n\")]",
    };

    const INVERSE: Inverse = INVERSE;

    const SAMPLES: &'static [&'static str] = &[SAMPLE];

    fn needs(edit: &ValueOf<Self>) -> Needs<'_> {
        Needs::edit(edit.options.place)
    }

    fn plan<'a>(edit: &'a ValueOf<Self>, image: &mut EditedImage<'a>) {
        edit.plan(Format::Yaml, image);
    }
}

impl DocumentEdit {
    fn plan<'a>(&'a self, format: Format, image: &mut EditedImage<'a>) {
        let Some(mut file) = self.options.file(&self.path, image) else {
            return;
        };
        let address = image.address();
        let Some(text) = image.utf8(&file, &address.clone().key("path")) else {
            return;
        };
        match format.edit(text, &self.edit()) {
            Ok(Some(text)) => {
                // A secret is spelled in the file as its format has it, which no mask knows.
                file.is_private |= self.has_secret();
                let edited = Edited::Changed(text.into_bytes());
                self.options.edit(file, edited, image, &address);
            }
            Ok(None) => {
                let edited = Edited::Unchanged("has these values".to_owned());
                self.options.edit(file, edited, image, &address);
            }
            Err(refused) => self.refuse(&refused, format, &file, image),
        }
    }

    fn edit(&self) -> Edit {
        let set = self.set.iter();
        Edit {
            unset: self.unset.clone(),
            merge: self.merge.as_ref().map(|given| given.value.clone()),
            set: set
                .map(|(pointer, given)| (pointer.clone(), given.value.clone()))
                .collect(),
        }
    }

    fn has_secret(&self) -> bool {
        let set = self.set.iter().map(|(_, given)| given);
        set.chain(&self.merge).any(|given| given.is_secret)
    }

    fn refuse(
        &self,
        refused: &Refused,
        format: Format,
        file: &TextFile,
        image: &mut EditedImage<'_>,
    ) {
        let name = file.name();
        let address = self.place(refused.pointer.as_ref(), image.address());
        if let Some(pointer) = &refused.pointer {
            let place = if pointer.steps().is_empty() {
                name
            } else {
                format!("{name}, {}", quoted(&pointer.to_string()))
            };
            let message = format!("{place}: {}", refused.reason);
            return image.bare_problem(Code::EditRejected, address, message);
        }
        // The reason may quote the file.
        let (message, help) = if file.is_private {
            (
                format!("{name} cannot be edited as {}", format.name()),
                "some users of the image may not read the file, so the reason is not shown",
            )
        } else {
            (
                format!("{name} cannot be edited: {}", refused.reason),
                "`set-line` and `replace-text` change any text",
            )
        };
        image.problem(Code::EditRejected, address, message, help);
    }

    /// Returns where the patch asks for what is refused at a pointer.
    fn place(&self, refused: Option<&Pointer>, address: Address) -> Address {
        let Some(refused) = refused else {
            return address.key("path");
        };
        let is_meant = |pointer: &Pointer| {
            let n = pointer.steps().len().min(refused.steps().len());
            pointer.steps()[..n] == refused.steps()[..n]
        };
        if let Some((pointer, _)) = self.set.iter().find(|(pointer, _)| is_meant(pointer)) {
            return address.key("set").key(&pointer.to_string()).on_key();
        }
        if let Some(index) = self.unset.iter().position(is_meant) {
            return address.key("unset").index(index);
        }
        if self.merge.is_some() {
            address.key("merge")
        } else {
            address.key("path")
        }
    }
}

//! The names that operations give to images.

use std::collections::HashSet;

use serde_json::json;

use crate::problem::{Code, quoted};
use crate::reference::Reference;
use crate::shape::{Field, Problems, set, shape};

shape! {
    /// A tag with its repository, such as `app:2` or `registry.example.com/app:2`
    struct Tag("Reference") -> Reference {
        |_| json!({ "type": ["string", "number", "boolean"], "minLength": 1 }),
        reference
    }
}

shape! {
    /// Tags, each once
    pub(super) struct AddedTags("References") -> Vec<Reference> {
        set::<Tag>,
        |field, problems| references(field, "write at least one tag, as in `[\"app:2\"]`", problems)
    }
}

shape! {
    /// All tags of an image.
    pub(super) struct Tags like AddedTags, -> Vec<Reference> {
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

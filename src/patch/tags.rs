//! The names that operations give to images.

use std::collections::HashSet;

use super::decode::{Field, Problems};
use crate::problem::{Code, quoted};
use crate::reference::Reference;

pub(super) fn retag(field: &Field<'_>, problems: &mut Problems) -> Option<Vec<Reference>> {
    references(
        field,
        "write at least one tag; to leave the image without any, write `remove-tag: [\"*\"]`",
        problems,
    )
}

pub(super) fn add(field: &Field<'_>, problems: &mut Problems) -> Option<Vec<Reference>> {
    references(
        field,
        "write at least one tag, as in `[\"app:2\"]`",
        problems,
    )
}

fn references(field: &Field<'_>, help: &str, problems: &mut Problems) -> Option<Vec<Reference>> {
    let mut references: Vec<Reference> = Vec::new();
    let mut seen = HashSet::new();
    for item in field.items(help, problems)? {
        let Some(text) = item.word(problems) else {
            continue;
        };
        match Reference::parse(text) {
            Ok(reference) if !seen.insert(reference.clone()) => {
                let message = format!("{} names the tag `{reference}` twice", field.name);
                problems.add(item.problem(Code::RepeatedItem, message));
            }
            Ok(reference) => references.push(reference),
            Err(reason) => {
                let message = format!("{} is not a tag of an image: {reason}", quoted(text));
                let problem = item.problem(Code::InvalidReference, message);
                problems.add(problem.with_help(
                    "write `name:tag`, as in `app:2` or `registry.example.com:5000/team/app:2`",
                ));
            }
        }
    }
    Some(references)
}

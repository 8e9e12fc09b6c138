//! What operations on files of an image have in common.

use std::marker::PhantomData;

use super::decode::{Field, Problems, Record};
use super::definitions::{Definitions, Json, described, map_of};
use super::paths::{PATH_KEY, path_key};
use super::rules::Rule;
use super::{Shape, choices};
use crate::image_path::ImagePath;
use crate::problem::Code;

choices! {
    /// The layer in which files are changed.
    pub enum EditPlace {
        /// A new one on top, which is the default.
        "new-layer" NewLayer,
        /// The layer that contains the file, which is rebuilt.
        "layer" Layer,
    }
}

/// `created-by` has no effect with `in: layer`: a layer that is rebuilt keeps its history entry.
#[derive(Debug, Clone, Copy)]
pub(crate) struct NoNewLayer;

impl Rule for NoNewLayer {
    fn check(&self, record: &Record<'_>, problems: &mut Problems) {
        if let Some(field) = record.get("created-by")
            && record.peek::<EditPlace>("in") == Some(EditPlace::Layer)
        {
            let message = format!("{} has no effect if no layer is added", field.name);
            let problem = field.problem(Code::InvalidValue, message);
            problems.add(problem.with_help("the layer keeps its history entry"));
        }
    }
}

/// A map from paths of the image, of which there is at least one.
pub(crate) trait PathMap: 'static {
    /// The shape of each value.
    type To: Shape;

    const NAME: &'static str;
    const DESCRIPTION: &'static str;
    const HELP: &'static str;

    /// Adds what is wrong with a pair.
    fn check(_: &ImagePath, _: &<Self::To as Shape>::Value, _: &Field<'_>, _: &mut Problems) {}
}

/// The shape of a map from paths.
pub(crate) struct Paths<M>(PhantomData<M>);

impl<M: PathMap> Shape for Paths<M> {
    type Value = Vec<(ImagePath, <M::To as Shape>::Value)>;

    const NAME: &'static str = M::NAME;

    fn schema(definitions: &mut Definitions) -> Json {
        described(&[M::DESCRIPTION], map_of::<M::To>(PATH_KEY, definitions))
    }

    fn decode(field: &Field<'_>, problems: &mut Problems) -> Option<Self::Value> {
        let mut pairs = Vec::new();
        for (name, field) in field.entries(M::HELP, problems)? {
            let path = path_key(name, &field, problems);
            let pair = path.zip(M::To::decode(&field, problems));
            if let Some((path, value)) = &pair {
                M::check(path, value, &field, problems);
            }
            pairs.push(pair);
        }
        pairs.into_iter().collect()
    }
}

//! What operations on files of an image have in common.

use std::marker::PhantomData;

use super::decode::{Field, Problems, Record};
use super::definitions::{Definitions, Json, described, map_of};
use super::paths::{PATH_KEY, path_key, wrong_key};
use super::rules::Rule;
use super::{Shape, choices};
use crate::image_path::ImagePath;
use crate::problem::{Code, quoted};

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
    /// The key of the map where options stand beside it.
    const KEY: &'static str;

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
        let entries = field.entries(M::HELP, problems)?;
        if let Some((name, field)) = entries.iter().find(|it| is_named_path(it)) {
            let message = format!(
                "{} is not a path: the keys of this map are paths",
                quoted(name)
            );
            problems.add(wrong_key(field, message, M::HELP));
            return None;
        }
        if let Some((name, field)) = entries.iter().find(|(name, _)| OPTIONS.contains(name)) {
            let message = format!("{} is an option, not a path", quoted(name));
            let help = format!("write the paths below `{}`, and `{name}` beside it", M::KEY);
            problems.add(wrong_key(field, message, &help));
            return None;
        }
        for (name, field) in entries {
            let path = path_key(name, &field, problems);
            let pair = path.and_then(|path| {
                let value = M::To::decode(&field, problems)?;
                M::check(&path, &value, &field, problems);
                Some((path, value))
            });
            pairs.push(pair);
        }
        pairs.into_iter().collect()
    }
}

/// What stands beside a map of paths in the long form of an operation.
const OPTIONS: [&str; 3] = ["created-by", "if-missing", "in"];

/// Tells whether a key says what its value is, as in `path: /etc/app.conf`: other operations have such keys.
fn is_named_path((name, field): &(&str, Field<'_>)) -> bool {
    let value = field.node.as_text().unwrap_or_default();
    !name.contains('/') && value.starts_with('/')
}

//! The declaration of words of which one is written.

use serde_json::json;

use super::definitions::{Json, text};

/// Returns the schema of words, each with its documentation.
pub(crate) fn schema(docs: &[&str], words: &[(&str, &[&str])]) -> Json {
    let words = words
        .iter()
        .map(|(word, docs)| json!({ "type": "string", "const": word, "description": text(docs) }));
    json!({ "oneOf": words.collect::<Vec<Json>>(), "description": text(docs) })
}

/// Declares words of which the first is the default: for each its documentation, the word, and the variant.
macro_rules! choices {
    (
        $(#[doc = $doc:literal])+ $vis:vis enum $name:ident {
            $(#[doc = $first_doc:literal])+ $first_word:literal $first:ident,
            $($(#[doc = $word_doc:literal])+ $word:literal $variant:ident,)+
        }
    ) => {
        $(#[doc = $doc])+
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
        $vis enum $name {
            $(#[doc = $first_doc])+ #[default] $first,
            $($(#[doc = $word_doc])+ $variant,)+
        }

        $crate::shape::words!(@impl choice, $name, [$($doc),+], {
            [$($first_doc),+] $first_word $first,
            $([$($word_doc),+] $word $variant,)+
        });
    };
}
pub(crate) use choices;

/// Declares words without a default: for each its documentation, the word, and the variant.
macro_rules! words {
    (
        $(#[doc = $doc:literal])+ $vis:vis enum $name:ident {
            $($(#[doc = $word_doc:literal])+ $word:literal $variant:ident,)+
        }
    ) => {
        $(#[doc = $doc])+
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        $vis enum $name { $($(#[doc = $word_doc])+ $variant,)+ }

        $crate::shape::words!(@impl one_of, $name, [$($doc),+], {
            $([$($word_doc),+] $word $variant,)+
        });
    };
    (@impl $choose:ident, $name:ident, [$($doc:literal),+], { $([$($word_doc:literal),+] $word:literal $variant:ident,)+ }) => {
        impl $crate::shape::Shape for $name {
            type Value = Self;

            const NAME: &'static str = stringify!($name);

            fn schema(_: &mut $crate::shape::Definitions) -> $crate::shape::Json {
                $crate::shape::words_schema(&[$($doc),+], &[$(($word, &[$($word_doc),+])),+])
            }

            fn decode(
                field: &$crate::shape::Field<'_>,
                problems: &mut $crate::shape::Problems,
            ) -> Option<Self> {
                field.$choose(&[$(($word, Self::$variant)),+], problems)
            }
        }
    };
}
pub(crate) use words;

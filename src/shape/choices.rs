//! The declaration of words of which one is written.

use serde_json::json;

use super::definitions::Json;

/// Returns the schema of words, each with its documentation.
pub(crate) fn schema<'a>(words: impl IntoIterator<Item = (&'a str, &'a str)>) -> Json {
    let (words, docs): (Vec<&str>, Vec<&str>) = words.into_iter().unzip();
    // Keywords of editors; that of plain text is for those that show no Markdown.
    json!({ "enum": words, "enumDescriptions": docs, "markdownEnumDescriptions": docs })
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
                let words = $crate::shape::words_schema([$(($word, concat!($($word_doc),+).trim_ascii())),+]);
                $crate::shape::described(&[$($doc),+], words)
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

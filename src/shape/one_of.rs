//! The declaration of keys of which a record has exactly one.

use super::decode::{Problems, Record};
use super::definitions::{Definitions, Json};
use crate::problem::Code;

/// One of the keys.
pub(crate) struct Alternative<T> {
    pub(crate) key: &'static str,
    pub(crate) docs: &'static [&'static str],
    pub(crate) refer: fn(&mut Definitions) -> Json,
    pub(crate) decode: fn(&super::Field<'_>, &mut Problems) -> Option<T>,
}

/// What a record says under one of several keys; [`one_of!`] declares it.
pub(crate) trait OneOf: Sized + 'static {
    const ALTERNATIVES: &'static [Alternative<Self>];
    /// What a record without any of the keys does.
    const NONE: &'static str;
    /// What a record with several of the keys does.
    const SEVERAL: &'static str;
    const HELP: &'static str;

    fn decode(record: &Record<'_>, problems: &mut Problems) -> Option<Self> {
        let given = Self::ALTERNATIVES.iter();
        let mut given = given.filter_map(|it| Some((it, record.get(it.key)?)));
        let (code, message) = match (given.next(), given.next()) {
            (Some((alternative, field)), None) => return (alternative.decode)(field, problems),
            (None, _) if Self::ALTERNATIVES.iter().any(|it| record.is_meant(it.key)) => {
                return None;
            }
            (None, _) => (Code::MissingKey, Self::NONE),
            (Some(_), Some(_)) => (Code::InvalidValue, Self::SEVERAL),
        };
        let whole = record.whole();
        let problem = whole.problem(code, format!("{} {message}", whole.name));
        problems.add(problem.with_help(Self::HELP));
        None
    }
}

/// Declares keys of which a record has exactly one: what a record without any of them does, what one with several of
/// them does, help for both, and for each key its documentation, the key, its shape, and what the value becomes.
macro_rules! one_of {
    (
        $type:ty, $none:literal, $several:literal, $help:expr;
        $($(#[doc = $doc:literal])+ $key:literal $shape:ty => $become:expr;)+
    ) => {
        impl $crate::shape::OneOf for $type {
            const ALTERNATIVES: &'static [$crate::shape::Alternative<Self>] = &[$(
                $crate::shape::Alternative {
                    key: $key,
                    docs: &[$($doc),+],
                    refer: |definitions| definitions.refer::<$shape>(),
                    decode: |field, problems| {
                        <$shape as $crate::shape::Shape>::decode(field, problems).map($become)
                    },
                },
            )+];
            const NONE: &'static str = $none;
            const SEVERAL: &'static str = $several;
            const HELP: &'static str = $help;
        }
    };
}
pub(crate) use one_of;

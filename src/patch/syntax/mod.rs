//! What the YAML parser says, in the words of a patch's author.

mod cause;
mod scan;

use std::ops::Range;

use self::cause::{Cause, alias, cause};

use serde_yaml::Error;
use serde_yaml::budget::BudgetBreach;

use crate::problem::{Address, Code, Problem};

const NESTED_TOO_DEEPLY: &str = "lists and maps are nested too deeply";

/// Returns the parser's error as a problem that marks the place.
pub(super) fn problem(error: &Error, text: &str) -> Problem {
    let address = place(error, text).map_or_else(Address::file, Address::text);
    let too_complex = |what: &str| Problem::new(Code::TooComplex, address.clone(), what);
    let syntax = |what: &str| Problem::new(Code::Syntax, address.clone(), what);
    match error {
        Error::AliasError { error, .. } => problem(error, text),
        Error::Budget { breach, .. } => match breach {
            BudgetBreach::Depth { .. } => too_complex(NESTED_TOO_DEEPLY),
            BudgetBreach::Documents { .. } => too_complex("the file has too many documents"),
            _ => too_complex("the file has too many values"),
        },
        Error::AliasReplayCounterOverflow { .. }
        | Error::AliasReplayLimitExceeded { .. }
        | Error::AliasExpansionLimitExceeded { .. }
        | Error::AliasReplayStackDepthExceeded { .. } => {
            too_complex("the file's aliases expand to too many values")
        }
        Error::RecursiveReferencesRequireWeakTypes { .. } => {
            syntax("the alias is inside the value that it refers to")
        }
        // Without a tag, any text is a value.
        Error::InvalidBooleanStrict { .. }
        | Error::InvalidScalar { .. }
        | Error::InvalidBinaryBase64 { .. }
        | Error::BinaryNotUtf8 { .. }
        | Error::TaggedScalarCannotDeserializeIntoString { .. } => {
            let message = "the value does not have the type of its YAML tag";
            Problem::new(Code::Tag, address, message)
                .with_help("remove the tag; scalars are taken literally")
        }
        Error::UnknownAnchor { .. } => {
            let unquoted = place(error, text).and_then(|place| alias(&place, text));
            unquoted.map_or_else(
                || {
                    syntax("no anchor of this name precedes the alias")
                        .with_help("an anchor is written `&name` and is valid within one document")
                },
                Into::into,
            )
        }
        _ => {
            let said = without_position(&error.to_string());
            let cause = place(error, text).and_then(|place| cause(&said, &place, text));
            cause.map_or_else(|| from_parser(&said, &address), Into::into)
        }
    }
}

impl From<Cause> for Problem {
    fn from(cause: Cause) -> Self {
        let address = Address::text(cause.place);
        Self::new(Code::Syntax, address, cause.message).with_help(cause.help)
    }
}

/// The parser's own words are kept where they are clear.
fn from_parser(said: &str, address: &Address) -> Problem {
    let known = [
        (
            "tabs disallowed",
            "found a tab where YAML expects spaces",
            Some("indent with spaces"),
        ),
        (
            "tab character",
            "found a tab where YAML expects spaces",
            Some("indent with spaces"),
        ),
        (
            "mapping values are not allowed",
            "found a second `:` after a value",
            Some("quote a value that contains `: `"),
        ),
        (
            "illegal placement of ':'",
            "found a `:` inside a list or string",
            Some("close the bracket or quote above, or quote the string"),
        ),
        ("unclosed bracket", "the bracket is never closed", None),
        ("misplaced bracket", "the bracket closes nothing", None),
        ("unclosed quote", "the quote is never closed", None),
        (
            "unknown escape character",
            "the string in double quotes has an unknown `\\` escape",
            Some("write `\\\\` for a backslash, or use single quotes"),
        ),
        (
            "did not find expected '-' indicator",
            "found a key where the list expects its next `- ` item",
            Some("check the indentation of this line and the ones above"),
        ),
        (
            "hexadecimal number",
            "the string in double quotes has an unknown `\\` escape",
            Some("write `\\\\` for a backslash, or use single quotes"),
        ),
    ];
    match known.iter().find(|(theirs, ..)| said.contains(theirs)) {
        Some((_, ours, None)) => Problem::new(Code::Syntax, address.clone(), ours),
        Some((_, ours, Some(help))) => {
            Problem::new(Code::Syntax, address.clone(), ours).with_help(help)
        }
        None if said.contains("recursion limit") => {
            Problem::new(Code::TooComplex, address.clone(), NESTED_TOO_DEEPLY)
        }
        None if said.starts_with("unexpected character") => Problem::new(
            Code::Syntax,
            address.clone(),
            "a value cannot start with this character",
        )
        .with_help("quote the value"),
        None => Problem::new(Code::Syntax, address.clone(), format!("not YAML: {said}")),
    }
}

/// Report and JSON give the position themselves.
fn without_position(message: &str) -> String {
    match message.rsplit_once(" at line ") {
        Some((said, _)) => said.to_owned(),
        None => message.to_owned(),
    }
}

fn place(error: &Error, text: &str) -> Option<Range<usize>> {
    let location = error.location()?;
    let line = usize::try_from(location.line()).ok()?.checked_sub(1)?;
    let column = usize::try_from(location.column()).ok()?.saturating_sub(1);
    let line_start = match line {
        0 => 0,
        n => text
            .match_indices('\n')
            .nth(n - 1)
            .map_or(text.len(), |(at, _)| at + 1),
    };
    let rest = &text[line_start..];
    let line_text = rest.lines().next().unwrap_or_default();
    let start = line_text
        .char_indices()
        .nth(column)
        .map_or(line_text.len(), |(at, _)| at);
    let word = line_text[start..]
        .find([' ', ',', ']', '}', '\t'])
        .unwrap_or(line_text.len() - start);
    let first_char = line_text[start..].chars().next().map_or(0, char::len_utf8);
    let end = start + word.max(first_char);
    Some(line_start + start..line_start + end)
}

#[cfg(test)]
mod tests {
    use super::{from_parser, without_position};
    use crate::problem::Address;

    #[test]
    fn what_the_parser_says_is_said_in_our_words_or_its_own() {
        for (said, ours) in [
            (
                "tabs disallowed here",
                "found a tab where YAML expects spaces",
            ),
            ("unclosed bracket '['", "the bracket is never closed"),
            (
                "recursion limit exceeded",
                "lists and maps are nested too deeply",
            ),
            (
                "unexpected character: `@`",
                "a value cannot start with this character",
            ),
            (
                "an unexpected character",
                "not YAML: an unexpected character",
            ),
            ("something else", "not YAML: something else"),
        ] {
            assert_eq!(from_parser(said, &Address::file()).message(), ours);
        }
        let said = without_position("a at line 1 at line 2, column 3");
        assert_eq!(said, "a at line 1");
        assert_eq!(without_position("a"), "a");
    }
}

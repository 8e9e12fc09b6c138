//! What is wrong with a patch: the author's mistakes, collected, each with a code and a place.
//!
//! A [`Problem`] names its place by an [`Address`], a path of keys and indices that knows nothing of lines and columns.
//! Only [`Rejected`], which a patch file makes of its problems, holds the text and the place in it.

mod address;
mod explanation;
mod note;
mod rejected;
mod sarif;

use std::fmt;

pub use address::{Address, AddressStep, Part};
pub use note::{Note, NoteKind};
pub use rejected::{Rejected, Source};
pub use sarif::sarif;

use crate::printable;
use crate::secret::Secrets;

/// How many problems of one file are kept; beyond that the file is no patch and nobody reads on.
pub const MAX_PROBLEMS: usize = 200;

const MAX_QUOTED_CHARS: usize = 80;

macro_rules! codes {
    ($($(#[doc = $doc:literal])+ $variant:ident $word:literal,)+) => {
        /// What kind of mistake a problem is, as a stable word that scripts may match.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        #[non_exhaustive]
        pub enum Code { $($(#[doc = $doc])+ $variant,)+ }

        impl Code {
            /// Every code, in the order of the documentation.
            pub const ALL: &[Self] = &[$(Self::$variant,)+];

            /// Returns the word.
            #[must_use]
            pub fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $word,)+ }
            }

            /// Returns what it means, as a sentence.
            #[must_use]
            pub fn meaning(self) -> &'static str {
                match self { $(Self::$variant => concat!($($doc),+).trim_ascii(),)+ }
            }
        }
    };
}

codes! {
    /// The file is too large for a patch.
    FileTooLarge "file-too-large",
    /// The file is not UTF-8 text.
    NotUtf8 "not-utf8",
    /// The file contains no patch: it is empty or has only comments.
    NoPatch "no-patch",
    /// The text is not YAML.
    Syntax "syntax",
    /// The YAML is nested too deeply, or expands to too much.
    TooComplex "too-complex",
    /// The operations rebuild layers and try patterns more often than the limit allows.
    TooMuchWork "too-much-work",
    /// A YAML tag such as `!env`; patches cannot use tags.
    Tag "tag",
    /// A YAML merge key `<<`; patches cannot use merge keys.
    MergeKey "merge-key",
    /// A file of another kind, such as a fleet where a patch is expected.
    OtherKind "other-kind",
    /// `apiVersion` is missing or unknown to this version of ocipatch.
    ApiVersion "api-version",
    /// A required key is missing.
    MissingKey "missing-key",
    /// A key that is not allowed here.
    UnknownKey "unknown-key",
    /// A key that appears twice in one map.
    RepeatedKey "repeated-key",
    /// An operation that does not exist.
    UnknownOperation "unknown-operation",
    /// An operation that is not a map with exactly one key.
    OperationShape "operation-shape",
    /// A list, map or string where another of these is expected.
    WrongType "wrong-type",
    /// Null where a value is expected.
    Null "null",
    /// An empty list, map or string.
    Empty "empty",
    /// A value that is not allowed here.
    InvalidValue "invalid-value",
    /// A label key with invalid characters.
    InvalidLabelKey "invalid-label-key",
    /// An invalid name of an environment variable.
    InvalidEnvName "invalid-env-name",
    /// An annotation key with invalid characters, or one that is reserved for the image's name.
    InvalidAnnotationKey "invalid-annotation-key",
    /// An invalid path.
    InvalidPath "invalid-path",
    /// A string that is not a tagged image reference.
    InvalidReference "invalid-reference",
    /// A string that is not the start of an image id.
    InvalidImageId "invalid-image-id",
    /// A string that is not a platform.
    InvalidPlatform "invalid-platform",
    /// One list names the same thing twice.
    RepeatedItem "repeated-item",
    /// A `${name}` that `args` does not declare.
    UndeclaredArg "undeclared-arg",
    /// An argument that has no value.
    UnsetArg "unset-arg",
    /// An argument that nothing in the patch uses.
    UnusedArg "unused-arg",
    /// A `${` without `name}`, or an invalid argument name.
    MalformedArg "malformed-arg",
    /// A value that does not match the declaration of its argument.
    InvalidArg "invalid-arg",
    /// An argument in a key or in `args`, or a secret where it would be visible.
    MisplacedArg "misplaced-arg",
    /// A precondition that does not exist.
    UnknownExpectation "unknown-expectation",
    /// A precondition that is not a map with exactly one key.
    ExpectationShape "expectation-shape",
    /// A precondition that the image does not satisfy.
    ExpectationFailed "expectation-failed",
    /// A pattern of `target` that matches no image of the archive.
    NoSuchImage "no-such-image",
    /// A platform of `target` that matches no image of the archive.
    NoSuchPlatform "no-such-platform",
    /// The archive contains several images, and the patch has no target.
    AmbiguousTarget "ambiguous-target",
    /// A label pattern that matches nothing.
    NoSuchLabel "no-such-label",
    /// An environment variable, or a pattern over their names, that matches nothing.
    NoSuchEnv "no-such-env",
    /// A port pattern that matches nothing.
    NoSuchPort "no-such-port",
    /// A volume pattern that matches nothing.
    NoSuchVolume "no-such-volume",
    /// A field to unset that is empty.
    NoSuchField "no-such-field",
    /// An annotation pattern that matches nothing.
    NoSuchAnnotation "no-such-annotation",
    /// An annotation of a manifest, index or descriptor that the archive does not have.
    NoSuchDocument "no-such-document",
    /// Two operations of one plan; the second undoes the first.
    Contradiction "contradiction",
    /// A tag pattern that matches nothing.
    NoSuchTag "no-such-tag",
    /// A path, or a pattern over paths, that matches nothing.
    NoSuchPath "no-such-path",
    /// A layer that does not exist.
    NoSuchLayer "no-such-layer",
    /// Several layers match where one is expected.
    AmbiguousLayer "ambiguous-layer",
    /// A tag that another image of the archive has.
    TagTaken "tag-taken",
    /// Images of a fleet that have the same destination, or one that is also a source.
    SameDestination "same-destination",
    /// A source that does not exist or is not a directory.
    NoSuchSource "no-such-source",
    /// A source outside the patch file's directory.
    OutsideSource "outside-source",
    /// Something in a source that cannot be in a layer.
    InvalidSource "invalid-source",
    /// A source whose files do not fit the image's file tree.
    LayerConflict "layer-conflict",
    /// A diff that does not fit the file.
    DiffRejected "diff-rejected",
    /// An edit that does not fit the file.
    EditRejected "edit-rejected",
    /// A file that is not UTF-8, for an operation that edits text.
    NotText "not-text",
    /// An operation that the form of the archive does not allow.
    UnsupportedForm "unsupported-form",
    /// An image that is damaged, or is not in the archive.
    UnreadableImage "unreadable-image",
    /// An operation that needs a layer which the archive leaves out.
    AbsentLayer "absent-layer",
    /// An operation that this image's platform does not allow.
    UnsupportedPlatform "unsupported-platform",
    /// The image has attestations or signatures, and the patch does not say what to do with them.
    Attested "attested",
}

impl fmt::Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// One mistake of the patch's author.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Problem {
    code: Code,
    address: Address,
    // Boxed: functions return a problem as their error, which should be small. Kept as given, for secrets to be found.
    message: Box<str>,
    help: Option<Box<str>>,
}

impl Problem {
    /// Returns a problem; `message` may quote anything.
    #[must_use]
    pub fn new(code: Code, address: Address, message: impl AsRef<str>) -> Self {
        Self {
            code,
            address,
            message: message.as_ref().into(),
            help: None,
        }
    }

    /// Returns the problem with a line that says what to do.
    #[must_use]
    pub fn with_help(mut self, help: impl AsRef<str>) -> Self {
        self.help = Some(help.as_ref().into());
        self
    }

    /// Returns the problem without the secrets that its words hold.
    #[must_use]
    pub fn masked(mut self, secrets: &Secrets) -> Self {
        self.message = secrets.mask(&self.message).into();
        self.help = self.help.map(|help| secrets.mask(&help).into());
        self
    }

    /// Returns the kind of mistake.
    #[must_use]
    pub fn code(&self) -> Code {
        self.code
    }

    /// Returns the place of the mistake.
    #[must_use]
    pub fn address(&self) -> &Address {
        &self.address
    }

    /// Returns what is wrong, on one line, in characters that may be printed.
    #[must_use]
    pub fn message(&self) -> String {
        printable::line(&self.message)
    }

    /// Returns what to do about it, on one line, in characters that may be printed.
    #[must_use]
    pub fn help(&self) -> Option<String> {
        self.help.as_deref().map(printable::line)
    }
}

/// Returns `value` for a message: in backticks, cut when it is long. What prints the message escapes it.
#[must_use]
pub fn quoted(value: &str) -> String {
    let mut text: String = value.chars().take(MAX_QUOTED_CHARS).collect();
    if text.len() < value.len() {
        text.push('…');
    }
    format!("`{text}`")
}

/// Returns how many there are of something, in words for one and for any other number.
pub(crate) fn several(n: usize, one: &str, many: &str) -> String {
    format!("{n} {}", if n == 1 { one } else { many })
}

/// Returns the number of the line that begins behind `before`, counting from 1.
pub(crate) fn line_after(before: &[u8]) -> usize {
    before.split(|&b| b == b'\n').count()
}

/// Returns the largest character boundary of `text` up to `offset`.
pub(crate) fn floor_char_boundary(text: &str, offset: usize) -> usize {
    let mut offset = offset.min(text.len());
    while !text.is_char_boundary(offset) {
        offset -= 1;
    }
    offset
}

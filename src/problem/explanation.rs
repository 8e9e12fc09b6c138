//! What `ocipatch explain` says of a problem beside its meaning: the usual cause, and what to do.

use super::{Code, NoteKind};

impl Code {
    /// Returns the usual cause of the problem and what to do about it, as sentences.
    #[must_use]
    #[expect(clippy::too_many_lines, reason = "one row for each code")]
    pub fn advice(self) -> &'static str {
        match self {
            Self::FileTooLarge => {
                "Usually another file was named by mistake, such as the archive. Pass the patch first and the image last. Move the content of large files into a directory, and add that with `add-layer: {from: DIRECTORY}`."
            }
            Self::NotUtf8 => {
                "The file is binary, or an editor saved it in another encoding. Save it as UTF-8. Bytes that are not text belong in a file of their own, which `add-layer` takes."
            }
            Self::NoPatch => {
                "A patch has at least `apiVersion: ocipatch/v1` and `operations`. `ocipatch init IMAGE` writes a first one."
            }
            Self::Syntax => {
                "The parser stops at the first place that is not YAML, so the mistake is there or just before. The usual ones: a tab as indentation, a quote that is never closed, and a `:`, `*`, `&`, `[` or `{` that needs quotes around its value."
            }
            Self::TooComplex => {
                "Aliases that refer to aliases multiply what a file means, and very deep nesting does the same to its reader. Write the values out, or split the patch into several files."
            }
            Self::TooMuchWork => {
                "Each operation with `in: layer`, and each pattern over a large image, costs time. Combine operations of one kind, write paths instead of patterns, or split the patch into several runs."
            }
            Self::Tag => {
                "YAML tags make values of types that a patch does not have. Remove the tag. Values from outside are args: declare one under `args`, and write `${name}`."
            }
            Self::MergeKey => {
                "Merge keys hide which values a map has. Write the keys out, or use an alias for a whole value."
            }
            Self::OtherKind => {
                "`ocipatch fleet` takes the file of a fleet, which starts with `kind: Fleet`; all other commands take patches. Use the command that fits the file."
            }
            Self::ApiVersion => {
                "Start the file with `apiVersion: ocipatch/v1`. A later version needs a later ocipatch."
            }
            Self::MissingKey => {
                "The message names the key. `ocipatch explain` with the name of the operation lists its keys and says which are required."
            }
            Self::UnknownKey => {
                "The key is misspelled, belongs to another operation, or is indented under the wrong one. `ocipatch explain` with the name of the operation lists its keys."
            }
            Self::RepeatedKey => {
                "Readers of YAML disagree about which of the two values counts, so neither does. Remove one, or use two operations."
            }
            Self::UnknownOperation => {
                "The name is misspelled, or a later version has the operation. `ocipatch explain` lists all operations."
            }
            Self::OperationShape => {
                "An operation is one item of the list: its name, a colon, and its value, as in `- set-label: {key: value}`. Start each operation with its own `- `, and indent its value further than its name."
            }
            Self::WrongType => {
                "A list is written `[a, b]` or as lines that start with `- `; a map is written `{a: b}` or as indented lines. The help shows the form that is expected."
            }
            Self::Null => {
                "A key with nothing behind its colon is null, and so are `~` and `null`. Write the value, or `\"\"` for an empty string. A value on the next line must be indented further than its key."
            }
            Self::Empty => {
                "An empty value would do nothing, and usually something was forgotten. Write at least one item, or remove the key. `unset` clears fields of the configuration."
            }
            Self::InvalidValue => {
                "The message shows the value, and the help shows what is expected. `ocipatch explain OPERATION.KEY` describes the values of a key."
            }
            Self::InvalidLabelKey => {
                "A label key has at least one character and no control characters. Look for a stray line break or tab within the quotes."
            }
            Self::InvalidEnvName => {
                "The name of a variable has at least one character, no `=` and no control characters. `set-env` takes a map: write `{NAME: value}` instead of `NAME=value`."
            }
            Self::InvalidAnnotationKey => {
                "An annotation key has no control characters. The name of an image is its tag: use `retag` or `add-tag` instead of setting `org.opencontainers.image.ref.name`."
            }
            Self::InvalidPath => {
                "A path in an image starts with `/` and has no `..`. A path of this machine is relative to the patch file and below its directory."
            }
            Self::InvalidReference => {
                "A reference is a name in lower case and a tag, as in `app:2` or `registry.example.com/team/app:2`. Digests and image ids are not tags."
            }
            Self::InvalidImageId => {
                "Write `sha256:` and the first digits of the id, at least four, in lower case. `ocipatch inspect IMAGE` shows the ids."
            }
            Self::InvalidPlatform => {
                "Write a platform as `os/architecture` or `os/architecture/variant`, with the names of Go: `amd64` instead of `x86_64`, `arm64` instead of `aarch64`."
            }
            Self::RepeatedItem => {
                "Two items mean the same, perhaps in two spellings: `app` is `app:latest`, and `80` is `80/tcp`. Remove one of them."
            }
            Self::UndeclaredArg => {
                "Declare the arg under `args`, or correct its name. For the characters `${` themselves, write `$${`."
            }
            Self::UnsetArg => {
                "Set the value with `--arg NAME=VALUE` or `--arg-file`, or give the arg a `default`. An arg with `from-env` also takes the value of that environment variable, unless it is empty."
            }
            Self::UnusedArg => {
                "An arg that has no effect is usually a misspelled one. Remove its declaration, or use it as `${name}`."
            }
            Self::MalformedArg => {
                "A name starts with a letter or `_`, followed by letters, digits, `_` and `-`, between `${` and `}`. For the characters `${` themselves, write `$${`."
            }
            Self::InvalidArg => {
                "The value that was given is not one that the patch allows by `pattern` or `enum`. Give another value; the pattern must match the whole value."
            }
            Self::MisplacedArg => {
                "Args are values: they cannot be keys, and `args` itself has none. A secret can only be where plans and archives do not show it in names: the value of a label, a variable or an annotation, a word of a command, or the content of a file."
            }
            Self::UnknownExpectation => {
                "The name is misspelled, or a later version has the precondition. `ocipatch explain expect` describes all of them."
            }
            Self::ExpectationShape => {
                "A precondition is one item of the list: its name, a colon, and its value, as in `- label: {key: value}`. Start each with its own `- `."
            }
            Self::ExpectationFailed => {
                "The image is not the one that the patch was written for; the message shows what it has. Use the right image, or change the precondition after you have checked that the patch fits."
            }
            Self::NoSuchImage => {
                "The archive has no such tag or id; `ocipatch inspect IMAGE` lists what it has. A name without a registry is one of Docker Hub: for another, write the registry too."
            }
            Self::NoSuchPlatform => {
                "No image of the archive is for this platform; `ocipatch inspect IMAGE` lists the platforms. A pattern without a variant matches all variants."
            }
            Self::AmbiguousTarget => {
                "Say which images the patch is for: `target: {images: [app:1]}`. `target: {images: [\"*\"]}` selects all of them."
            }
            Self::NoSuchLabel
            | Self::NoSuchEnv
            | Self::NoSuchPort
            | Self::NoSuchVolume
            | Self::NoSuchAnnotation
            | Self::NoSuchTag => {
                "Usually the name is misspelled, or the image has changed since the patch was written. `ocipatch inspect IMAGE` shows what there is. If it does not matter, write `{match: [PATTERN], if-missing: ignore}`."
            }
            Self::NoSuchField => {
                "The image does not set the field, so there is nothing to remove. `ocipatch inspect IMAGE` shows its configuration. If it does not matter, write `unset: {match: [FIELD], if-missing: ignore}`."
            }
            Self::NoSuchDocument => {
                "Archives of `docker save` before version 25 have no OCI manifest, and an image for one platform may have no index. Use `on: manifest`, or convert the archive first with `ocipatch apply --to oci-archive`."
            }
            Self::Contradiction => {
                "One operation sets what the other removes, perhaps in another patch file of the same run. Remove one of the two, or apply the patches in separate runs."
            }
            Self::NoSuchPath => {
                "The image has no such path at this point; earlier operations count. `ocipatch inspect --files IMAGE` lists the paths. Links are not followed in a pattern: use the path where the file is. If it does not matter, write `if-missing: ignore`."
            }
            Self::NoSuchLayer => {
                "Layers are counted from the base, which is 1, and operations see the layers that earlier ones left. `ocipatch inspect IMAGE` lists layers with their history."
            }
            Self::AmbiguousLayer => {
                "The expression matches the history of several layers. Make it longer, or select the layer by `layer` or `diff-id`."
            }
            Self::TagTaken => {
                "A tag names one image of an archive. Move it: remove it from the other image with `remove-tag` first, or choose another tag."
            }
            Self::SameDestination => {
                "Two images would overwrite each other, or one would overwrite a source. Use `{repository}` and `{tag}` in `to`, or give an image a `to` of its own."
            }
            Self::NoSuchSource => {
                "Paths are relative to the patch file, not to the current directory. Check the spelling, and whether the file is checked in."
            }
            Self::OutsideSource => {
                "A patch reads only files of its own directory, so that it cannot take others from the machine. Move or copy the source beside the patch; a link that leads out does not help."
            }
            Self::InvalidSource => {
                "The message names the file and the reason. Leave it out with `exclude`, or mend it."
            }
            Self::LayerConflict => {
                "The source has a file where the image has a directory, or its path leads through something that is not one. `ocipatch inspect --files IMAGE` shows the tree. Remove the path first, or choose another `to`; `symlinks` says what to do about links."
            }
            Self::DiffRejected => {
                "The lines around a change are not in the file as the diff has them. Make the diff from the file that the image has, which `ocipatch cat IMAGE PATH` prints, or allow some `fuzz`."
            }
            Self::EditRejected => {
                "What the edit looks for is not in the file, or is there more often than expected. `ocipatch cat IMAGE PATH` prints the file."
            }
            Self::NotText => {
                "Text operations need UTF-8. Replace the whole file with `add-layer` instead."
            }
            Self::UnsupportedForm => {
                "Another form can hold the result: convert with `--to oci-archive` or `--to docker-archive`. `ocipatch explain oci-archive` describes the forms."
            }
            Self::UnreadableImage => {
                "`ocipatch verify IMAGE` lists what is wrong. Save or pull the archive again; if it was edited by hand, `ocipatch repair` may mend it. Other images of the archive can be patched: select them in `target`."
            }
            Self::AbsentLayer => {
                "The archive lists the layer and does not contain it, so its files cannot be read or changed. Save the whole image, or use operations that need no layers, such as `set-label`."
            }
            Self::UnsupportedPlatform => {
                "Operations on files are for Linux images; those on the configuration work everywhere. Select other images in `target.platforms`."
            }
            Self::Attested => {
                "A changed image has another digest, so attestations and signatures no longer apply to it. Write `attestations: drop` at the top of the patch, or `attestations: keep` to point them at the new image, and sign it again."
            }
        }
    }
}

impl NoteKind {
    /// Returns the usual cause and what to do about it, as sentences.
    #[must_use]
    pub fn advice(self) -> &'static str {
        match self {
            Self::InvisibleCharacter => {
                "It usually comes from copied text, and makes two names that look alike different. Type the name again, or write the character as an escape in double quotes if it is meant."
            }
            Self::ShellForm => {
                "A list is run without a shell, so `&&`, `|` and `$NAME` are plain characters. Write one word per item, or run a shell: `[/bin/sh, -c, \"COMMAND\"]`."
            }
            Self::UnexpandedVariable => {
                "Neither ocipatch nor the engine expands a variable in the value of another. To add a part to a value, use `prepend-env` or `append-env`; for a value from outside, declare an arg."
            }
        }
    }
}

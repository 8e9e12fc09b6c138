//! Patches and an image that were typed in another order than `PATCH... IMAGE`.

use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};

use super::Mistake;
use super::command_line::{spelled, typed};
use super::transports::{is_name, reachable};
use crate::cli::failure::Failure;
use crate::error::Error;
use crate::job::is_archive_file;
use crate::printable;
use crate::reference::WORD;

const ORDER: &str = "patches come first, the image last";

/// What a word seems to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Patch,
    Image,
    /// A directory without an image.
    Directory,
    /// What does not exist, and is not the name of an image.
    Missing,
    /// What cannot be seen without reading it, such as a pipe.
    Unknown,
}

/// The words of a command that takes patches and an image.
#[derive(Debug, Clone, Copy)]
pub(in crate::cli) struct Positionals<'a> {
    pub(in crate::cli) words: &'a [PathBuf],
    /// What it needs besides to write an archive, where it writes one.
    pub(in crate::cli) output: Option<&'static str>,
}

impl Positionals<'_> {
    /// Says so where there is no patch.
    pub(in crate::cli) fn want_patch(self) -> Result<(), Failure> {
        let [word] = self.words else {
            return Ok(());
        };
        let (message, help) = match kind(word) {
            Kind::Patch => return Err(self.without_image().into()),
            Kind::Image => (
                format!("the patch is missing: {ORDER}"),
                format!(
                    "`ocipatch init {} > fix.yaml` writes a first one, then `{}`",
                    printable::path(&reachable(word)),
                    self.in_order(&["fix.yaml".into(), word.clone()])
                ),
            ),
            _ => (
                format!("expected a patch and an image: {ORDER}"),
                format!(
                    "`{}`",
                    self.in_order(&["fix.yaml".into(), "image.tar".into()])
                ),
            ),
        };
        Err(Mistake { message, help }.into())
    }

    /// Returns the failure that explains another one, if the order of the words does.
    pub(in crate::cli) fn explain(self, failure: Failure) -> Failure {
        let is_explained = matches!(
            &failure,
            Failure::Usage(_)
                | Failure::World(
                    Error::NotPatch { .. }
                        | Error::Io { .. }
                        | Error::NotAnImage { .. }
                        | Error::NotTar { .. }
                )
        );
        let mistake = is_explained.then(|| self.mistake()).flatten();
        mistake.map_or(failure, Into::into)
    }

    fn mistake(self) -> Option<Mistake> {
        let kinds: Vec<Kind> = self.words.iter().map(|word| kind(word)).collect();
        let (last, before) = kinds.split_last()?;
        if let Some(i) = before.iter().position(|&kind| kind == Kind::Directory) {
            return Some(directory(self.words, i, |words| self.in_order(words)));
        }
        let image = before.iter().position(|&kind| kind == Kind::Image);
        match (image, last) {
            (None, Kind::Patch) => Some(self.without_image()),
            (Some(i), Kind::Patch) => Some(self.swapped(i)),
            (Some(i), Kind::Image | Kind::Missing) if i > 0 && i + 2 == kinds.len() => {
                Some(self.one_too_many())
            }
            _ => None,
        }
    }

    fn without_image(self) -> Mistake {
        let words = [self.words, &["image.tar".into()]].concat();
        let line = self.in_order(&words);
        Mistake {
            message: format!("the image is missing: {ORDER}"),
            help: format!("`docker save NAME -o image.tar`, then `{line}`"),
        }
    }

    fn swapped(self, image: usize) -> Mistake {
        let mut words = self.words.to_vec();
        let image = words.remove(image);
        let message = format!("`{}` is an image, but {ORDER}", printable::path(&image));
        words.push(image);
        Mistake {
            message,
            help: format!("`{}`", self.in_order(&words)),
        }
    }

    /// The last word follows the image.
    fn one_too_many(self) -> Mistake {
        let (last, words) = self.words.split_last().expect("there is an image");
        let (image, shown) = (&words[words.len() - 1], printable::path(last));
        let line = in_order(self.words, words);
        let help = if self.output.is_some() {
            format!("`{line} -o {shown}`")
        } else {
            format!("`{line}`")
        };
        Mistake {
            message: format!(
                "`{shown}` follows the image `{}`, but {ORDER}",
                printable::path(image)
            ),
            help,
        }
    }

    /// Returns the command line with its positional words in another order; it writes to a file.
    fn in_order(self, words: &[PathBuf]) -> String {
        let line = in_order(self.words, words);
        match self.output {
            Some(option) if !option.is_empty() => format!("{line} {option}"),
            _ => line,
        }
    }
}

/// Returns the mistake of a command that takes patches and an image, and got neither.
pub(in crate::cli) fn nothing_typed() -> Mistake {
    let mut line = typed();
    line.extend(["fix.yaml".into(), "image.tar".into()]);
    Mistake {
        message: format!("the patch and the image are missing: {ORDER}"),
        help: format!(
            "`ocipatch init image.tar > fix.yaml` writes a first patch, then `{}`",
            spelled(&line)
        ),
    }
}

/// Returns the mistake of a command that takes patches alone.
pub(in crate::cli) fn instead_of_patches(words: &[PathBuf]) -> Option<Mistake> {
    let kinds: Vec<Kind> = words.iter().map(|word| kind(word)).collect();
    if let Some(i) = kinds.iter().position(|&kind| kind == Kind::Directory) {
        return Some(directory(words, i, |with| in_order(words, with)));
    }
    let image = &words[kinds.iter().position(|&kind| kind == Kind::Image)?];
    let shown = printable::path(&reachable(image));
    Some(Mistake {
        message: format!("`{}` is an image, not a patch", printable::path(image)),
        help: format!(
            "`ocipatch verify {shown}` checks an image, `ocipatch plan PATCH {shown}` a patch for it"
        ),
    })
}

fn kind(word: &Path) -> Kind {
    let text = word.to_string_lossy();
    if text == "scratch" || text.starts_with(WORD) {
        return Kind::Image;
    }
    if word.is_dir() {
        let documents = ["index.json", "manifest.json", "oci-layout"];
        let is_image = documents.iter().any(|name| word.join(name).exists());
        return if is_image {
            Kind::Image
        } else {
            Kind::Directory
        };
    }
    if word.is_file() {
        let is_patch = [".yaml", ".yml"].iter().any(|end| text.ends_with(end));
        return match (is_archive_file(word), is_patch) {
            (true, _) => Kind::Image,
            (false, true) => Kind::Patch,
            (false, false) => Kind::Unknown,
        };
    }
    if text == "-" || word.exists() {
        Kind::Unknown
    } else if is_name(word) {
        Kind::Image
    } else {
        Kind::Missing
    }
}

/// Returns the mistake of a directory among patches.
fn directory(words: &[PathBuf], i: usize, line: impl Fn(&[PathBuf]) -> String) -> Mistake {
    let pattern = words[i].join("*.yaml");
    let shown = printable::path(&pattern);
    let mut with = words.to_vec();
    with[i] = pattern;
    // For the shell to expand.
    let line = line(&with).replace(&format!("'{shown}'"), &shown);
    Mistake {
        message: format!(
            "`{}` is a directory, not a patch",
            printable::path(&words[i])
        ),
        help: format!("name the patch files in it: `{line}`"),
    }
}

/// Returns the command line with other positional words; options follow them.
fn in_order(typed_words: &[PathBuf], words: &[PathBuf]) -> String {
    let mut rest = typed();
    // From the end, where words are rarely values of options.
    for word in typed_words.iter().rev() {
        let is_it = |typed: &OsString| typed.as_os_str() == word.as_os_str();
        if let Some(at) = rest.iter().rposition(is_it) {
            rest.remove(at);
        }
    }
    let command = rest.iter().position(|word| !is_option(word));
    let at = command.map_or(0, |at| at + 1);
    let words = words.iter().map(|word| reachable(word).into_os_string());
    rest.splice(at..at, words);
    spelled(&rest)
}

fn is_option(word: &OsStr) -> bool {
    word.as_encoded_bytes().starts_with(b"-")
}

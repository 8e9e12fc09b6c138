//! Images by the names that other programs give them: transports of containers-transports(5), URLs, bare names.

use std::path::{Path, PathBuf};

use super::command_line::{quoted, retyped, with_output};
use super::{Mistake, stem};
use crate::cli::failure::Failure;
use crate::printable;
use crate::reference::{Reference, WORD};

/// What a word means to other programs.
#[derive(Debug, PartialEq, Eq)]
enum Meaning<'a> {
    /// A file or a directory, and the image in it.
    Path(&'a str, Option<&'a str>),
    /// An image that an engine has.
    Engine(&'static str, &'a str),
    /// An image in a registry.
    Registry(&'a str),
    /// An image in a registry, or one that an engine has.
    Name(&'a str),
}

/// What names a file or a directory; behind another colon follows the name of an image.
const PATHS: &[(&str, &str)] = &[
    ("docker-archive:", "docker-archive"),
    ("oci-archive:", "oci-archive"),
    ("oci:", "oci-dir"),
    ("dir:", "oci-archive"),
];
const ENGINES: &[(&str, &str)] = &[
    ("docker-daemon:", "docker"),
    ("containers-storage:", "podman"),
];
const REGISTRIES: &[&str] = &["docker:", "https://", "http://", "oci://", "registry:"];

fn meaning(word: &str) -> Option<Meaning<'_>> {
    let without = |start: &str| word.strip_prefix(start).filter(|rest| !rest.is_empty());
    if word.starts_with(WORD) {
        return None;
    }
    if let Some(name) = REGISTRIES.iter().find_map(|start| without(start)) {
        return Some(Meaning::Registry(name));
    }
    if let Some((name, engine)) = ENGINES
        .iter()
        .find_map(|(start, engine)| Some((without(start)?, engine)))
    {
        return Some(Meaning::Engine(engine, name));
    }
    if let Some(rest) = PATHS.iter().find_map(|(start, _)| without(start)) {
        let (path, image) = match rest.split_once(':') {
            Some((path, image)) if !path.is_empty() => (path, Some(image)),
            _ => (rest, None),
        };
        return Some(Meaning::Path(path, image));
    }
    let looks_like_a_file = word.starts_with(['.', '/'])
        || [
            ".tar", ".json", ".gz", ".tgz", ".zst", ".xz", ".bz2", ".yaml", ".yml", "/",
        ]
        .iter()
        .any(|end| word.ends_with(end));
    let name = word.split('@').next().expect("a first part");
    (!looks_like_a_file && Reference::parse(name).is_ok()).then_some(Meaning::Name(word))
}

/// Tells whether a word is the name of an image to other programs, and no path.
pub(super) fn is_name(word: &Path) -> bool {
    word.to_str().and_then(meaning).is_some()
}

/// Returns what an image is called here that has a name elsewhere; an engine's has to be saved first.
pub(super) fn reachable(word: &Path) -> PathBuf {
    let text = word.to_str().filter(|_| !word.exists());
    match text.and_then(meaning) {
        Some(Meaning::Path(path, _)) => path.into(),
        Some(Meaning::Registry(name) | Meaning::Name(name)) => format!("{WORD}{name}").into(),
        Some(Meaning::Engine(..)) | None => word.to_owned(),
    }
}

/// Says what to type for a word that is not a file and looks like the name of an image.
pub(in crate::cli) fn remedy(word: &str) -> Option<String> {
    let instead = |new: &str| {
        let is_it = |typed: &std::ffi::OsStr| printable::path(typed) == word;
        retyped(|typed| is_it(typed).then(|| new.into()))
    };
    let saved = |engine: &str, name: &str| {
        let file = format!("{}.tar", stem(Path::new(name)));
        let (name, line) = (quoted(name), instead(&file));
        format!("`{engine} save {name} -o {file}`, then `{line}`")
    };
    Some(match meaning(word)? {
        Meaning::Path(path, None) => format!("write the path alone: `{}`", instead(path)),
        Meaning::Path(path, Some(image)) => format!(
            "write the path alone, and `target: {{images: [\"{image}\"]}}` in the patch if there are several images: `{}`",
            instead(path)
        ),
        Meaning::Engine(engine, name) => saved(engine, name),
        Meaning::Registry(name) => format!("use `{}`", instead(&format!("{WORD}{name}"))),
        Meaning::Name(name) => format!(
            "for an image in a registry, use `{}`; for one that Docker has, {}",
            instead(&format!("{WORD}{name}")),
            saved("docker", name)
        ),
    })
}

/// Refuses an output that other programs would not write to a file of this name; `./` before it is always a file.
pub(in crate::cli) fn refuse_output(output: &Path) -> Result<(), Failure> {
    let Some(word) = output.to_str() else {
        return Ok(());
    };
    let help = if let Some((_, engine)) = ENGINES.iter().find(|(start, _)| word.starts_with(start))
    {
        format!(
            "the patch names the image (`add-tag`), and the engine loads it: `{} | {engine} load`",
            with_output("-", None)
        )
    } else if let Some((start, form)) = PATHS.iter().find(|(start, _)| word.starts_with(start)) {
        let path = word[start.len()..].split(':').next().expect("a first part");
        if *start == "dir:" {
            let file = format!("{path}.tar");
            let form = Some(*form);
            format!(
                "`{}`, then `skopeo copy oci-archive:{file} {word}`",
                with_output(&file, form)
            )
        } else {
            format!("write the path alone: `{}`", with_output(path, Some(form)))
        }
    } else if let Some(start) = REGISTRIES
        .iter()
        .find(|start| word.starts_with(*start) && !word.starts_with(WORD))
    {
        format!(
            "use `{}`",
            with_output(&format!("{WORD}{}", &word[start.len()..]), None)
        )
    } else {
        return Ok(());
    };
    let message = format!("`{word}` is not the name of a file, a directory or `{WORD}NAME`");
    Err(Mistake { message, help }.into())
}

#[cfg(test)]
mod tests {
    use super::{Meaning, meaning};

    #[test]
    fn words_mean_what_they_mean_to_other_programs() {
        for (word, means) in [
            ("alpine:3", Some(Meaning::Name("alpine:3"))),
            (
                "r.example.com:5000/a/b",
                Some(Meaning::Name("r.example.com:5000/a/b")),
            ),
            ("docker-daemon:a:1", Some(Meaning::Engine("docker", "a:1"))),
            ("containers-storage:a", Some(Meaning::Engine("podman", "a"))),
            ("oci:dir", Some(Meaning::Path("dir", None))),
            (
                "docker-archive:x.tar:a:1",
                Some(Meaning::Path("x.tar", Some("a:1"))),
            ),
            ("dir:/srv/x", Some(Meaning::Path("/srv/x", None))),
            ("docker-archive::a", Some(Meaning::Path(":a", None))),
            ("docker:a", Some(Meaning::Registry("a"))),
            (
                "https://r.example.com/a:1",
                Some(Meaning::Registry("r.example.com/a:1")),
            ),
            ("docker://a", None),
            ("app.tar", None),
            ("./app", None),
            ("layout/", None),
            ("A B", None),
        ] {
            assert_eq!(meaning(word), means, "{word}");
        }
    }
}

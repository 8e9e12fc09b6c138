//! Where a file is in a repository, as pull requests and code scanners name it.

use std::path::{Path, PathBuf};

/// Returns the path of a file relative to the root of the git work tree that the command runs in, or to the current directory if
/// that is in none. A file outside has its absolute path, and a name that is no path to a file stays as it is.
pub(super) fn in_sources(name: &str) -> String {
    relative(name).unwrap_or_else(|| name.to_owned())
}

fn relative(name: &str) -> Option<String> {
    let here = std::env::current_dir().ok()?.canonicalize().ok()?;
    let path = Path::new(name);
    // A link is a file of the repository itself, but the directories above it are where they lead.
    let directory = here.join(path.parent()?).canonicalize().ok()?;
    let path = directory.join(path.file_name()?);
    let below = match path.strip_prefix(work_tree(&here)) {
        Ok(below) => below,
        // Such as `/dev/fd/63`, which leads to a place of this process alone.
        Err(_) if Path::new(name).is_absolute() => return None,
        Err(_) => &path,
    };
    below.to_str().map(str::to_owned)
}

/// The innermost directory that has a `.git`: a directory, or a file in a linked work tree or a submodule.
fn work_tree(here: &Path) -> PathBuf {
    let root = here.ancestors().find(|above| above.join(".git").exists());
    root.unwrap_or(here).to_owned()
}

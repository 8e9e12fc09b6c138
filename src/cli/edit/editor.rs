//! The files that are open in an editor, in a directory that nobody else may read.

use std::fs::{self, DirBuilder};
use std::io::{ErrorKind, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};
use std::process::Command;

use super::editor_command;
use crate::cli::failure::{Failure, say};
use crate::cli::inputs::temporary_directory;
use crate::error::Error;
use crate::printable;

/// How many names are tried.
const MAX_TRIES: u32 = 1000;

/// Opens texts in an editor, each in a file of this name, and hands over what they are then. If that is of no use, the files stay,
/// and where they are is told; else they go.
pub(super) fn in_editor<T>(
    texts: &[(Vec<u8>, &str)],
    use_them: impl FnOnce(Vec<String>) -> Result<T, Failure>,
) -> Result<T, Failure> {
    let mut open = OpenFiles {
        directory: private_directory(&temporary_directory().unwrap_or_else(|| "/tmp".into()))?,
        files: Vec::new(),
        are_kept: false,
    };
    open.write(texts)?;
    open.edit()?;
    let used = open.read().and_then(use_them);
    if used.is_err() {
        open.keep();
    }
    used
}

/// Files in a directory of their own, which are removed with it.
#[derive(Debug)]
struct OpenFiles {
    directory: PathBuf,
    files: Vec<PathBuf>,
    are_kept: bool,
}

impl Drop for OpenFiles {
    fn drop(&mut self) {
        if !self.are_kept {
            // What cannot be removed is in a directory for that.
            let _ = fs::remove_dir_all(&self.directory);
        }
    }
}

impl OpenFiles {
    /// Writes texts to new files, each in a directory of its own: two may have the same name.
    fn write(&mut self, texts: &[(Vec<u8>, &str)]) -> Result<(), Failure> {
        for (i, (name, text)) in texts.iter().enumerate() {
            let directory = self.directory.join(i.to_string());
            let made = private().create(&directory);
            made.map_err(Error::at(&directory))?;
            let path = directory.join(file_name(name));
            let mut options = fs::OpenOptions::new();
            let opened = options.write(true).create_new(true).mode(0o600).open(&path);
            let written = opened.and_then(|mut file| file.write_all(text.as_bytes()));
            written.map_err(Error::at(&path))?;
            self.files.push(path);
        }
        Ok(())
    }

    /// Waits for the editor. The command may have arguments, so a shell takes it apart.
    fn edit(&self) -> Result<(), Failure> {
        let editor = editor_command();
        let shown = printable::path(&editor);
        let mut line = editor.clone();
        line.push(" \"$@\"");
        let mut command = Command::new("/bin/sh");
        command.arg("-c").arg(line).arg(editor).args(&self.files);
        let ended = command.status().map_err(|source| Error::Io {
            place: shown.clone(),
            source,
        })?;
        if ended.success() {
            return Ok(());
        }
        let message = format!("the editor `{shown}` failed ({ended}); nothing was written");
        Err(Failure::Usage(message))
    }

    /// Returns what is in the files now.
    fn read(&self) -> Result<Vec<String>, Failure> {
        let read = |path: &PathBuf| Ok(fs::read_to_string(path).map_err(Error::at(path))?);
        self.files.iter().map(read).collect()
    }

    fn keep(&mut self) {
        self.are_kept = true;
        for file in &self.files {
            let path = printable::path(file);
            say(&format!("the edited text is in `{path}`"));
        }
    }
}

fn private() -> DirBuilder {
    let mut builder = DirBuilder::new();
    builder.mode(0o700);
    builder
}

/// Makes a directory that was not there.
fn private_directory(parent: &Path) -> Result<PathBuf, Failure> {
    let id = std::process::id();
    let mut n = 0;
    loop {
        let path = parent.join(format!("ocipatch-edit-{id}-{n}"));
        match private().create(&path) {
            Ok(()) => return Ok(path),
            Err(error) if error.kind() == ErrorKind::AlreadyExists && n < MAX_TRIES => n += 1,
            Err(error) => return Err(Error::io(&path, error).into()),
        }
    }
}

/// Returns a name that an editor tells the kind of the file by, whatever else is in it.
fn file_name(name: &[u8]) -> String {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"._-".contains(&byte);
    let name: String = name
        .iter()
        .map(|&byte| {
            if is_plain(byte) {
                char::from(byte)
            } else {
                '_'
            }
        })
        .collect();
    let is_special = name.is_empty() || name.starts_with('-') || name == "." || name == "..";
    if is_special {
        format!("file{name}")
    } else {
        name
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::MetadataExt as _;

    use super::{MAX_TRIES, file_name, private_directory};

    #[test]
    fn a_directory_is_a_new_one_that_nobody_else_may_read() {
        let directory = tempfile::tempdir().unwrap();
        let made: Vec<_> = (0..3)
            .map(|_| private_directory(directory.path()).unwrap())
            .collect();
        for (i, path) in made.iter().enumerate() {
            assert_eq!(path.metadata().unwrap().mode() & 0o7777, 0o700);
            assert!(!made[..i].contains(path));
        }
        assert!(private_directory(&directory.path().join("nothing")).is_err());
        // Where none is free, an error is better than to go on for ever.
        let (id, full) = (std::process::id(), directory.path().join("full"));
        for n in 0..=MAX_TRIES {
            let name = format!("ocipatch-edit-{id}-{n}");
            std::fs::create_dir_all(full.join(name)).unwrap();
        }
        assert!(private_directory(&full).is_err());
    }

    #[test]
    fn a_name_is_one_that_every_editor_takes_for_a_file() {
        for (name, expected) in [
            (&b"app.conf"[..], "app.conf"),
            (b"A_b-1", "A_b-1"),
            (b"...", "..."),
            (b"a b/c\xff", "a_b_c_"),
            (b"", "file"),
            (b".", "file."),
            (b"..", "file.."),
            (b"-x", "file-x"),
        ] {
            assert_eq!(file_name(name), expected);
        }
    }
}

//! The files that are open in an editor, in a directory that nobody else may read.

use std::fs::{self, DirBuilder};
use std::io::Write as _;
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::PathBuf;
use std::process::Command;

use super::editor_command;
use crate::cli::failure::{Failure, say};
use crate::cli::inputs::temporary_directory;
use crate::error::Error;
use crate::printable;

/// How many names are tried.
const MAX_TRIES: u32 = 1000;

/// Files in an editor.
#[derive(Debug)]
pub(super) struct Workplace {
    directory: PathBuf,
    files: Vec<PathBuf>,
}

impl Workplace {
    /// Writes texts to new files, each under its own name in a directory of its own.
    pub(super) fn new<'t>(
        texts: impl IntoIterator<Item = (&'t [u8], &'t str)>,
    ) -> Result<Self, Failure> {
        let mut workplace = Self {
            directory: private_directory()?,
            files: Vec::new(),
        };
        for (i, (name, text)) in texts.into_iter().enumerate() {
            let directory = workplace.directory.join((i + 1).to_string());
            let made = private().create(&directory);
            made.map_err(Error::at(&directory))?;
            let path = directory.join(file_name(name));
            let mut options = fs::OpenOptions::new();
            let opened = options.write(true).create_new(true).mode(0o600).open(&path);
            let written = opened.and_then(|mut file| file.write_all(text.as_bytes()));
            written.map_err(Error::at(&path))?;
            workplace.files.push(path);
        }
        Ok(workplace)
    }

    /// Opens the files, and waits for the editor. The command may have arguments, so a shell takes it apart.
    pub(super) fn open_editor(&self) -> Result<(), Failure> {
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
        self.remove_all();
        let message = format!("the editor `{shown}` failed ({ended}); nothing was written");
        Err(Failure::Usage(message))
    }

    /// Returns what is in the files now.
    pub(super) fn read(&self) -> Result<Vec<String>, Failure> {
        let read = |path: &PathBuf| Ok(fs::read_to_string(path).map_err(Error::at(path))?);
        self.files.iter().map(read).collect()
    }

    /// Removes the files.
    pub(super) fn remove(self) {
        self.remove_all();
    }

    /// Says where the files are that were edited in vain.
    pub(super) fn left(self, failure: Failure) -> Failure {
        for file in &self.files {
            say(&format!(
                "the edited text is in `{}`",
                printable::path(file)
            ));
        }
        failure
    }

    fn remove_all(&self) {
        // What cannot be removed is in a directory for that.
        let _ = fs::remove_dir_all(&self.directory);
    }
}

fn private() -> DirBuilder {
    let mut builder = DirBuilder::new();
    builder.mode(0o700);
    builder
}

/// Makes a directory that was not there.
fn private_directory() -> Result<PathBuf, Failure> {
    let parent = temporary_directory().unwrap_or_else(|| "/tmp".into());
    let id = std::process::id();
    let mut tries = (0..MAX_TRIES).map(|n| parent.join(format!("ocipatch-edit-{id}-{n}")));
    loop {
        let path = tries.next().unwrap_or_else(|| parent.clone());
        match private().create(&path) {
            Ok(()) => return Ok(path),
            Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists && path != parent => {}
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

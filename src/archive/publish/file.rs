//! Files that an output consists of: each is complete before it gets its name, or is a stream that is written as it is.

use std::fs::File;
use std::io::{self, Write};
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};

use rustix::fs::Access;

use super::pending::{PendingFile, sync_directories};
use crate::error::Error;
use crate::ledger::{Descriptor, Extent, Ledger, Location, WrittenAs, followed};
use crate::printable;

/// Writes the content of a file; the same bytes at every call.
pub type WriteFile<'a> = dyn Fn(&mut dyn Write) -> Result<(), Error> + 'a;

/// A file that is written beside an output, or as one of several.
pub struct SideFile<'a> {
    /// What it is for.
    pub role: WrittenAs,
    /// Where it goes. A link is followed, a file is replaced, and a pipe or a device is written as it is.
    pub path: PathBuf,
    /// Its content.
    pub write: Box<WriteFile<'a>>,
}

impl SideFile<'_> {
    /// Returns a file of this text.
    #[must_use]
    pub fn text(role: WrittenAs, path: PathBuf, text: String) -> Self {
        let place = printable::path(&path);
        let write = move |out: &mut dyn Write| {
            let written = out.write_all(text.as_bytes());
            written.map_err(Error::in_place(&place))
        };
        Self {
            role,
            path,
            write: Box::new(write),
        }
    }

    /// Returns the file in words.
    #[must_use]
    pub fn shown(&self) -> String {
        format!("{} ({})", quoted(&self.path), self.role)
    }
}

/// Enters files in a ledger, in place of what it has for their roles.
pub(in crate::archive) fn enter_all(
    files: &[SideFile<'_>],
    ledger: &mut Ledger,
) -> Result<(), Error> {
    for file in files {
        ledger.forget(file.role);
    }
    for file in files {
        ledger.write(file.role, Extent::File, Location::of(&file.path))?;
    }
    Ok(())
}

impl std::fmt::Debug for SideFile<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SideFile")
            .field("role", &self.role)
            .field("path", &self.path)
            .finish_non_exhaustive()
    }
}

/// Files that are complete, and that nobody sees yet.
#[derive(Debug)]
pub(in crate::archive) struct Complete<'f> {
    files: Vec<(&'f SideFile<'f>, OutputFile)>,
}

impl<'f> Complete<'f> {
    /// Writes the content of files and makes it durable. What goes into a stream waits for [`Complete::name`].
    pub(in crate::archive) fn write(
        files: impl IntoIterator<Item = &'f SideFile<'f>>,
    ) -> Result<Self, Error> {
        let complete = |file: &'f SideFile<'f>| {
            let mut output = OutputFile::open(&file.path)?;
            if let OutputFile::Pending(pending) = &mut output {
                (file.write)(&mut pending.file)?;
                pending.file.sync_all().map_err(Error::at(&file.path))?;
            }
            Ok((file, output))
        };
        let files = files
            .into_iter()
            .map(complete)
            .collect::<Result<_, Error>>()?;
        Ok(Self { files })
    }

    /// Returns the files in words.
    pub(in crate::archive) fn shown(&self) -> Vec<String> {
        let shown = |(file, _): &(&SideFile<'_>, OutputFile)| file.shown();
        self.files.iter().map(shown).collect()
    }

    /// Gives the files their names, in order, and makes these last.
    pub(in crate::archive) fn name(self) -> Result<(), Error> {
        let shown = self.shown();
        let mut directories = Vec::new();
        for (i, (file, output)) in self.files.into_iter().enumerate() {
            let named = match output {
                OutputFile::Pending(pending) => {
                    directories.push(parent(pending.target()).to_owned());
                    pending.name()
                }
                OutputFile::Stream(path) => open_stream(&path)
                    .map_err(Error::at(&path))
                    .and_then(|mut stream| (file.write)(&mut stream)),
            };
            named.map_err(|error| error.after(&shown[..i], &shown[i..]))?;
        }
        directories.sort();
        directories.dedup();
        sync_directories(&directories).map_err(|error| error.after(&shown, &[]))
    }
}

/// Writes files that appear once all of them are complete, in order; `directory` is made for them if it is missing.
///
/// `ledger` has what the command reads and what else it writes. A file that would replace any of that is an error, and
/// nothing is written.
pub fn write_files(
    ledger: &Ledger,
    directory: Option<&Path>,
    files: &[SideFile<'_>],
) -> Result<(), Error> {
    let mut ledger = ledger.clone();
    enter_all(files, &mut ledger)?;
    let made = directory.map_or(Ok(Vec::new()), make_directories)?;
    let written = Complete::write(files).and_then(Complete::name);
    if written.is_err() {
        remove_empty(&made);
    }
    written
}

/// Makes a directory and the missing ones above it; returns those that were made, from the innermost out.
fn make_directories(path: &Path) -> Result<Vec<PathBuf>, Error> {
    // Of a link that leads nowhere yet the directory that it names is made.
    let (path, _) = followed(path).map_err(Error::at(path))?;
    let is_missing = |path: &&Path| !path.as_os_str().is_empty() && !path.exists();
    let missing = path.ancestors().take_while(is_missing);
    let missing: Vec<PathBuf> = missing.map(Path::to_owned).collect();
    if let Err(error) = std::fs::create_dir_all(&path) {
        remove_empty(&missing);
        return Err(Error::io(&path, error));
    }
    Ok(missing)
}

fn remove_empty(directories: &[PathBuf]) {
    for path in directories {
        let _ = std::fs::remove_dir(path);
    }
}

/// A file on its way to its name, or a stream.
#[derive(Debug)]
pub(in crate::archive) enum OutputFile {
    /// A file that is complete before it replaces what has its name.
    Pending(PendingFile),
    /// A pipe, a device, or an open file that is named by its descriptor. Another file in its place would reach nobody.
    Stream(PathBuf),
}

impl OutputFile {
    /// Opens a file that nobody sees yet, with the permissions and the owner of the one that it will replace.
    pub(in crate::archive) fn open(path: &Path) -> Result<Self, Error> {
        let (target, descriptor) = followed(path).map_err(Error::at(path))?;
        let is_named_directory = path.as_os_str().as_encoded_bytes().ends_with(b"/");
        let there = std::fs::metadata(&target);
        let is_directory = there.as_ref().is_ok_and(std::fs::Metadata::is_dir);
        if is_directory || is_named_directory {
            return Err(Error::Output {
                place: printable::path(path),
                reason: "is a directory".to_owned(),
            });
        }
        let is_replaced = there.as_ref().map_or(true, std::fs::Metadata::is_file);
        if !is_replaced || descriptor != Descriptor::None {
            if !matches!(descriptor, Descriptor::Own(1 | 2)) {
                let access = rustix::fs::access(&target, Access::WRITE_OK);
                access.map_err(|errno| Error::io(path, errno.into()))?;
            }
            return Ok(Self::Stream(target));
        }
        let pending = PendingFile::create(&target)?;
        if let Ok(there) = there {
            inherit(&pending.file, &there).map_err(Error::at(path))?;
        }
        Ok(Self::Pending(pending))
    }
}

/// Opens a stream; an open file that is named by its descriptor is written behind what it contains.
pub(in crate::archive) fn open_stream(path: &Path) -> io::Result<File> {
    match followed(path)? {
        // Opened again, a file would be written over from its start.
        (_, Descriptor::Own(1)) => own_stream(&io::stdout()),
        (_, Descriptor::Own(2)) => own_stream(&io::stderr()),
        (path, _) => {
            let is_file = std::fs::metadata(&path)?.is_file();
            let mut options = std::fs::OpenOptions::new();
            options.write(true).append(is_file).open(path)
        }
    }
}

fn own_stream(stream: &impl std::os::fd::AsFd) -> io::Result<File> {
    stream.as_fd().try_clone_to_owned().map(File::from)
}

/// Passes on permissions, and the owner where the system lets us.
fn inherit(file: &File, old: &std::fs::Metadata) -> io::Result<()> {
    let _ = std::os::unix::fs::fchown(file, Some(old.uid()), Some(old.gid()));
    let mode = std::fs::Permissions::from_mode(old.mode() & 0o777);
    file.set_permissions(mode)
}

/// Returns the directory of a file.
pub(in crate::archive) fn parent(path: &Path) -> &Path {
    let parent = path.parent();
    parent
        .filter(|parent| !parent.as_os_str().is_empty())
        .unwrap_or(Path::new("."))
}

pub(in crate::archive) fn quoted(path: &Path) -> String {
    format!("`{}`", printable::path(path))
}

#[cfg(test)]
mod tests {
    use std::fs::{self, File};
    use std::io::{self, Write as _};
    use std::os::fd::AsRawFd as _;
    use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, symlink};
    use std::path::{Path, PathBuf};

    use super::{OutputFile, SideFile, make_directories, open_stream, parent, write_files};
    use crate::archive::tests::names;
    use crate::error::Error;
    use crate::ledger::{Ledger, WrittenAs};

    #[test]
    fn what_is_at_a_path_decides_how_it_is_written() {
        let home = tempfile::tempdir().unwrap();
        let opened = |path: &Path| match OutputFile::open(path) {
            Ok(OutputFile::Pending(pending)) => format!("replaces {}", pending.target().display()),
            Ok(OutputFile::Stream(path)) => format!("writes to {}", path.display()),
            Err(error) => error.to_string(),
        };
        let at = |name: &str| home.path().join(name);
        fs::create_dir(at("directory")).unwrap();
        fs::write(at("file"), "").unwrap();
        symlink("target", at("link")).unwrap();
        for name in ["directory", "directory/", "new/"] {
            let path = at(name);
            assert_eq!(
                opened(&path),
                format!("`{}` is a directory", path.display())
            );
        }
        for (name, target) in [("file", "file"), ("new", "new"), ("link", "target")] {
            assert_eq!(
                opened(&at(name)),
                format!("replaces {}", at(target).display())
            );
        }
        let file = File::options().append(true).open(at("file")).unwrap();
        let open = format!("/proc/self/fd/{}", file.as_raw_fd());
        for path in ["/dev/null", &open, "/proc/self/fd/1", "/proc/self/fd/2"] {
            assert_eq!(opened(Path::new(path)), format!("writes to {path}"));
        }
        // It is known before anything is written.
        let closed = "/proc/self/fd/999999";
        assert_eq!(
            opened(Path::new(closed)),
            format!("`{closed}`: No such file or directory (os error 2)")
        );
        assert_eq!(names(home.path()), ["directory", "file", "link"]);
    }

    #[test]
    fn a_file_gets_the_permissions_of_the_one_it_replaces() {
        let home = tempfile::tempdir().unwrap();
        let path = home.path().join("out");
        fs::write(&path, "").unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o4751)).unwrap();
        let Ok(OutputFile::Pending(pending)) = OutputFile::open(&path) else {
            panic!("a file is replaced");
        };
        assert_eq!(pending.file.metadata().unwrap().mode() & 0o7777, 0o751);
    }

    #[test]
    fn an_open_file_is_written_behind_what_it_contains() {
        let home = tempfile::tempdir().unwrap();
        let path = home.path().join("out");
        fs::write(&path, "before").unwrap();
        let file = File::open(&path).unwrap();
        let named = PathBuf::from(format!("/proc/self/fd/{}", file.as_raw_fd()));
        open_stream(&named)
            .unwrap()
            .write_all(b" and behind")
            .unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"before and behind");
        open_stream(Path::new("/dev/null"))
            .unwrap()
            .write_all(b"x")
            .unwrap();
        open_stream(&home.path().join("gone")).unwrap_err();
        for (number, own) in [
            (1, File::from(own(&io::stdout()))),
            (2, File::from(own(&io::stderr()))),
        ] {
            let stream = open_stream(Path::new(&format!("/dev/fd/{number}"))).unwrap();
            let id = |file: &File| file.metadata().map(|it| (it.dev(), it.ino())).unwrap();
            assert_eq!(id(&stream), id(&own));
        }
    }

    fn own(stream: &impl std::os::fd::AsFd) -> std::os::fd::OwnedFd {
        stream.as_fd().try_clone_to_owned().unwrap()
    }

    #[test]
    fn files_appear_together_or_not_at_all() {
        let home = tempfile::tempdir().unwrap();
        let at = |name: &str| home.path().join(name);
        let directory = at("a/b");
        let ledger = Ledger::default();
        let write = |second: SideFile<'_>| {
            let first = SideFile::text(WrittenAs::Iidfile, at("a/b/one"), "1".to_owned());
            write_files(&ledger, Some(&directory), &[first, second])
        };
        let failing = SideFile {
            role: WrittenAs::Provenance,
            path: at("a/b/two"),
            write: Box::new(|_| Err(Error::io(Path::new("x"), io::ErrorKind::Other.into()))),
        };
        assert_eq!(write(failing).unwrap_err().to_string(), "`x`: other error");
        assert_eq!(names(home.path()), Vec::<String>::new());
        let two = SideFile::text(WrittenAs::Provenance, at("a/b/two"), "2".to_owned());
        assert_eq!(
            two.shown(),
            format!("`{}` (`--provenance`)", at("a/b/two").display())
        );
        write(two).unwrap();
        assert_eq!(fs::read(at("a/b/one")).unwrap(), b"1");
        assert_eq!(fs::read(at("a/b/two")).unwrap(), b"2");
        // A stream is written last, where it is.
        let stream = SideFile::text(WrittenAs::Provenance, "/dev/full".into(), "2".to_owned());
        let full = write(stream).unwrap_err().to_string();
        let expected = format!(
            "`/dev/full`: No space left on device (os error 28)\nwritten: `{}` (`--iidfile`)\nnot written: `/dev/full` (`--provenance`)",
            at("a/b/one").display()
        );
        assert_eq!(full, expected);
    }

    #[test]
    fn directories_are_made_or_none_of_them() {
        let home = tempfile::tempdir().unwrap();
        let at = |name: &str| home.path().join(name);
        assert_eq!(make_directories(&at("a/b")).unwrap(), [at("a/b"), at("a")]);
        assert_eq!(make_directories(&at("a/c")).unwrap(), [at("a/c")]);
        assert_eq!(make_directories(&at("a/c")).unwrap(), Vec::<PathBuf>::new());
        symlink("target", at("link")).unwrap();
        assert_eq!(make_directories(&at("link")).unwrap(), [at("target")]);
        fs::write(at("file"), "").unwrap();
        make_directories(&at("file/x")).unwrap_err();
        let long = "x".repeat(300);
        make_directories(&at(&format!("new/{long}"))).unwrap_err();
        assert_eq!(names(home.path()), ["a", "file", "link", "target"]);
        assert_eq!(parent(Path::new("x")), Path::new("."));
        assert_eq!(parent(Path::new("a/x")), Path::new("a"));
        assert_eq!(parent(Path::new("/")), Path::new("."));
    }
}

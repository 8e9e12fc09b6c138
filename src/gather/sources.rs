//! Where operations take files from: directories and files beside the patch.

use std::fs::File;
use std::io::Read as _;
use std::path::Path;

use super::host_path::is_of_the_path;
use super::unusable::{Unusable, usable};
use super::{Base, OpenSources};
use crate::archive::Import;
use crate::digest::Digest;
use crate::error::Error;
use crate::file_state::FileState;
use crate::layer::{Scan, SourceDirectory, SourceEntry, SourceKind};
use crate::ledger::{Ledger, ReadAs};
use crate::operation::HostPath;
use crate::patch::{AddLayer, LayerXattrs, NewContent};
use crate::plan::{HostSource, LayerSource};
use crate::problem::{Address, Code, Problem, quoted};
use crate::rootfs::LayerLog;
use crate::tarball::{TarError, TarReader};
use crate::unified_diff::UnifiedDiff;

/// Nobody reads a longer one. In bytes.
const MAX_TEXT_BYTES: u64 = 64 << 20;

/// Looks at everything that a layer takes from the host; what is found is added to `opened`.
pub(super) fn find(
    add: &AddLayer,
    base: &Base,
    operation: &Address,
    opened: &mut OpenSources,
) -> Result<HostSource, Error> {
    let mut host = HostSource::default();
    if let Some(from) = &add.from {
        let source = HostPath::of_layer(from, add);
        let address = operation.clone().key("from");
        let found = source.find(base, &address, &mut opened.ledger);
        let found = found.and_then(|real| from_source(&real, add, operation, opened));
        host.from = usable(found, &mut host.problems)?;
    }
    let keeps_xattrs = add.xattrs == Some(LayerXattrs::Keep);
    for (i, file) in add.files.iter().enumerate() {
        let NewContent::From(from) = &file.content else {
            host.files.push(None);
            continue;
        };
        let address = operation.clone().key("files").index(i).key("from");
        let source = HostPath::file(ReadAs::NewFile, from);
        let found = source.find(base, &address, &mut opened.ledger);
        let found = found.and_then(|real| {
            let (root, path) = opened.place_of_file(&real, base)?;
            let entry = file_at(&opened.roots[root], path, from, keeps_xattrs, &address)?;
            Ok((root, entry))
        });
        let found = usable(found, &mut host.problems)?;
        host.files.extend(found.map(Some));
    }
    Ok(host)
}

/// Reads a diff that a patch takes from a file.
pub(super) fn find_diff(
    from: &str,
    base: &Base,
    operation: &Address,
    ledger: &mut Ledger,
) -> Result<HostSource, Error> {
    let mut host = HostSource::default();
    let source = HostPath::file(ReadAs::FileDiff, from);
    let Some(read) = read_whole(&source, base, operation, (&mut host, ledger))? else {
        return Ok(host);
    };
    let parse = |text: Vec<u8>| UnifiedDiff::parse(&text).map_err(|reason| reason.to_string());
    match read.and_then(parse) {
        Ok(diff) => host.diff = Some(diff),
        Err(reason) => {
            let message = format!("{} is not a unified diff: {reason}", quoted(from));
            let problem = Problem::new(Code::InvalidSource, operation.clone().key("from"), message);
            let help = "name a file with the output of `diff -u old new`";
            host.problems.push(problem.with_help(help));
        }
    }
    Ok(host)
}

/// Reads what an operation puts into a text, from a file.
pub(super) fn find_content(
    from: &str,
    base: &Base,
    operation: &Address,
    ledger: &mut Ledger,
) -> Result<HostSource, Error> {
    let mut host = HostSource::default();
    let source = HostPath::file(ReadAs::Content, from);
    let Some(read) = read_whole(&source, base, operation, (&mut host, ledger))? else {
        return Ok(host);
    };
    match read {
        Ok(content) => host.content = Some(content),
        Err(reason) => {
            let message = format!("{} cannot be read: {reason}", quoted(from));
            let problem = Problem::new(Code::InvalidSource, operation.clone().key("from"), message);
            host.problems.push(problem.with_help("name a text file"));
        }
    }
    Ok(host)
}

/// Reads a file that an operation takes from `from`. Nothing if it cannot be used, which `host` tells then; the reason if it
/// cannot be read.
fn read_whole(
    source: &HostPath<'_>,
    base: &Base,
    operation: &Address,
    (host, ledger): (&mut HostSource, &mut Ledger),
) -> Result<Option<Result<Vec<u8>, String>>, Error> {
    let address = operation.clone().key("from");
    let found = source.find(base, &address, ledger);
    let Some(real) = usable(found, &mut host.problems)? else {
        return Ok(None);
    };
    let mut text = Vec::new();
    Ok(Some(
        match read_unchanged(&real, MAX_TEXT_BYTES + 1, &mut text)? {
            Err(error) if !is_of_the_path(&error) => return Err(Error::io(&real, error)),
            Err(error) => Err(error.to_string()),
            Ok(n) if n as u64 > MAX_TEXT_BYTES => Err("it is larger than 64 MiB".to_owned()),
            Ok(_) => {
                host.text = Some(Digest::of(&text));
                Ok(text)
            }
        },
    ))
}

/// Reads a file of at most `limit` bytes, which must not change meanwhile.
fn read_unchanged(
    path: &Path,
    limit: u64,
    text: &mut Vec<u8>,
) -> Result<std::io::Result<usize>, Error> {
    let file = File::open(path).map_err(Error::at(path))?;
    let state = || {
        let stat = rustix::fs::fstat(&file);
        let stat = stat.map_err(|errno| Error::io(path, errno.into()))?;
        Ok::<_, Error>(FileState::of(&stat))
    };
    let was = state()?;
    let read = (&file).take(limit).read_to_end(text);
    match was.difference(&state()?) {
        None => Ok(read),
        Some(what) => Err(Error::changed(path, what)),
    }
}

/// Opens and scans a directory, or opens and reads a tar.
fn from_source(
    real: &Path,
    add: &AddLayer,
    operation: &Address,
    opened: &mut OpenSources,
) -> Result<LayerSource, Unusable> {
    let from = quoted(add.from.as_deref().unwrap_or_default());
    let problem = |code, key, message: String, help: &str| {
        let address = operation.clone().key(key);
        Err(Problem::new(code, address, message).with_help(help).into())
    };
    if std::fs::metadata(real).map_err(Error::at(real))?.is_dir() {
        if add.as_is {
            let message = format!("{from} is a directory, but `as-is` requires a tar");
            let help = "remove `as-is`, or name a tar";
            return problem(Code::NoSuchSource, "from", message, help);
        }
        let (directory, scan) = directory(real, add)?;
        opened.roots.push(directory);
        return Ok(LayerSource::Directory(opened.roots.len() - 1, scan));
    }
    let help = "name a directory or a tar; a single file goes under `files`, as in `files: [{ path: /in/the/image, from: file }]`";
    let Some(import) = Import::open(real)? else {
        let message = format!("{from} is neither a directory nor a file");
        return problem(Code::NoSuchSource, "from", message, help);
    };
    let log = LayerLog::read(0, &mut TarReader::new(import.tar()?));
    match log {
        Ok(log) if !log.entries.is_empty() || add.as_is => {
            opened.imports.push(import);
            let import = opened.imports.len() - 1;
            Ok(LayerSource::Tar { import, log })
        }
        Ok(_) => problem(Code::Empty, "from", format!("{from} is an empty tar"), help),
        Err(TarError::Io(source)) if source.raw_os_error().is_some() => {
            Err(Error::io(real, source).into())
        }
        Err(error) => {
            let reason = match &error {
                TarError::Invalid { reason, .. } => (*reason).to_owned(),
                other => other.to_string(),
            };
            let message = format!("{from} is a file, but not a tar: {reason}");
            problem(Code::InvalidSource, "from", message, help)
        }
    }
}

fn directory(real: &Path, add: &AddLayer) -> Result<(SourceDirectory, Scan), Error> {
    let scan = || {
        let directory = SourceDirectory::open(real)?;
        let is_deep = add.exclude.is_deep();
        let keeps_xattrs = add.xattrs == Some(LayerXattrs::Keep);
        let is_excluded = |path: &[u8]| is_deep && add.exclude.is_excluded(path);
        let mut scan = directory.scan(&is_excluded, keeps_xattrs)?;
        if !is_deep {
            let entries = scan.entries.iter();
            let kept = entries.filter(|entry| !add.exclude.is_excluded(&entry.path));
            scan.entries = kept.cloned().collect();
            scan.problems
                .retain(|(path, _)| !add.exclude.is_excluded(path));
        }
        Ok((directory, scan))
    };
    scan().map_err(host_error)
}

pub(super) fn file_at(
    directory: &SourceDirectory,
    path: &[u8],
    from: &str,
    keeps_xattrs: bool,
    address: &Address,
) -> Result<SourceEntry, Unusable> {
    let problem = |code, reason: &str| {
        let message = format!("{} is {reason}", quoted(from));
        Err(Problem::new(code, address.clone(), message).into())
    };
    if path.is_empty() {
        return problem(Code::NoSuchSource, "a directory; expected a file");
    }
    match directory.entry(path, keeps_xattrs).map_err(host_error)? {
        Ok(entry) if entry.kind == SourceKind::File => Ok(entry),
        Ok(entry) if entry.kind == SourceKind::Directory => {
            problem(Code::NoSuchSource, "a directory; expected a file")
        }
        Ok(_) => problem(Code::InvalidSource, "not a regular file"),
        Err(reason) => problem(Code::InvalidSource, &format!("not to be used: {reason}")),
    }
}

impl OpenSources {
    /// Returns where a single file is: a directory that is open for all such files, and the path below that. Files below
    /// the patch share the patch's directory: each directory that is open takes a handle.
    fn place_of_file<'f>(
        &mut self,
        file: &'f Path,
        base: &Base,
    ) -> Result<(usize, &'f [u8]), Error> {
        let home = std::fs::canonicalize(&base.directory).map_err(Error::at(&base.directory))?;
        let directory = if file.starts_with(&home) {
            &home
        } else {
            file.parent().unwrap_or(file)
        };
        let known = self.file_roots.get(directory).copied();
        let root = known.unwrap_or(self.roots.len());
        if known.is_none() {
            let opened = SourceDirectory::open(directory).map_err(host_error)?;
            self.roots.push(opened);
            self.file_roots.insert(directory.to_owned(), root);
        }
        let path = file.strip_prefix(directory).unwrap_or(file);
        Ok((
            root,
            std::os::unix::ffi::OsStrExt::as_bytes(path.as_os_str()),
        ))
    }
}

fn host_error(error: crate::layer::HostError) -> Error {
    Error::io(&error.path, error.error)
}

//! Where operations take files from: directories and files beside the patch.

use std::fs::File;
use std::io::Read as _;
use std::path::{Path, PathBuf};

use super::{Base, Opened};
use crate::archive::Import;
use crate::error::Error;
use crate::layer::{Scan, SourceDirectory, SourceEntry, SourceKind};
use crate::patch::{AddLayer, LayerXattrs, NewContent};
use crate::plan::{FromFinding, SourceFinding};
use crate::printable;
use crate::problem::{Address, Code, Problem, quoted};
use crate::rootfs::LayerLog;
use crate::tarball::{TarError, TarReader};
use crate::unified_diff::UnifiedDiff;

/// Nobody reads a longer one. In bytes.
const MAX_DIFF_BYTES: u64 = 64 << 20;

/// Looks at everything that a layer takes from the host; what is found is added to `opened`.
pub(super) fn find(
    add: &AddLayer,
    base: &Base,
    operation: &Address,
    opened: &mut Opened,
) -> Result<SourceFinding, Error> {
    let mut finding = SourceFinding::default();
    if let Some(from) = &add.from {
        match real_path(from, base, &operation.clone().key("from"))? {
            Ok(real) => match from_source(&real, add, operation, opened)? {
                Ok(found) => finding.from = Some(found),
                Err(problem) => finding.problems.push(problem),
            },
            Err(problem) => finding.problems.push(problem),
        }
    }
    let keeps_xattrs = add.xattrs == Some(LayerXattrs::Keep);
    for (i, file) in add.files.iter().enumerate() {
        let NewContent::From(from) = &file.content else {
            finding.files.push(None);
            continue;
        };
        let address = operation.clone().key("files").index(i).key("from");
        let found = match real_path(from, base, &address)? {
            Ok(real) => file_at(&real, from, keeps_xattrs, &address)?,
            Err(problem) => Err(problem),
        };
        match found {
            Ok((directory, entry)) => {
                opened.roots.push(directory);
                finding.files.push(Some((opened.roots.len() - 1, entry)));
            }
            Err(problem) => finding.problems.push(problem),
        }
    }
    Ok(finding)
}

/// Reads a diff that a patch takes from a file.
pub(super) fn find_diff(
    from: &str,
    base: &Base,
    operation: &Address,
) -> Result<SourceFinding, Error> {
    let mut finding = SourceFinding::default();
    let address = operation.clone().key("from");
    let real = match real_path(from, base, &address)? {
        Ok(real) => real,
        Err(problem) => {
            finding.problems.push(problem);
            return Ok(finding);
        }
    };
    let file = File::open(&real).map_err(Error::at(&real))?;
    let mut text = Vec::new();
    let mut limited = file.take(MAX_DIFF_BYTES + 1);
    let read = limited.read_to_end(&mut text);
    let reason = match read {
        Err(error) => error.to_string(),
        Ok(n) if n as u64 > MAX_DIFF_BYTES => "it is larger than any diff".to_owned(),
        Ok(_) => match UnifiedDiff::parse(&text) {
            Ok(diff) => {
                finding.diff = Some(diff);
                return Ok(finding);
            }
            Err(reason) => reason.to_string(),
        },
    };
    let message = format!("{} is no unified diff: {reason}", quoted(from));
    let problem = Problem::new(Code::InvalidSource, address, message);
    let help = "name a file with what `diff -u old new` prints";
    finding.problems.push(problem.with_help(help));
    Ok(finding)
}

/// Returns where a path of a patch leads, if that is a place which it may name.
pub(super) fn real_path(
    from: &str,
    base: &Base,
    address: &Address,
) -> Result<Result<PathBuf, Problem>, Error> {
    let problem = |code, message: String, help: String| {
        Ok(Err(
            Problem::new(code, address.clone(), message).with_help(help)
        ))
    };
    let real = match std::fs::canonicalize(base.directory.join(from)) {
        Ok(real) => real,
        Err(error) => {
            let message = match error.kind() {
                std::io::ErrorKind::NotFound => {
                    format!("there is no file or directory {}", quoted(from))
                }
                _ => format!("{} cannot be opened: {error}", quoted(from)),
            };
            let help = format!(
                "paths are relative to the patch file's directory, `{}`",
                printable::path(&base.directory)
            );
            return problem(Code::NoSuchSource, message, help);
        }
    };
    let home = std::fs::canonicalize(&base.directory).map_err(Error::at(&base.directory))?;
    if !base.allow_outside && !real.starts_with(&home) {
        let message = format!("{} leads out of the patch file's directory", quoted(from));
        let help = "`--allow-outside` permits that".to_owned();
        return problem(Code::OutsideSource, message, help);
    }
    Ok(Ok(real))
}

/// Opens and scans a directory, or opens and reads a tar.
fn from_source(
    real: &Path,
    add: &AddLayer,
    operation: &Address,
    opened: &mut Opened,
) -> Result<Result<FromFinding, Problem>, Error> {
    let from = quoted(add.from.as_deref().unwrap_or_default());
    let problem = |code, key, message: String, help: &str| {
        let address = operation.clone().key(key);
        Ok(Err(Problem::new(code, address, message).with_help(help)))
    };
    if real.is_dir() {
        if add.as_is {
            let message = format!("{from} is a directory, and only a tar is a layer as it is");
            let help = "leave `as-is` out, or name a tar";
            return problem(Code::NoSuchSource, "from", message, help);
        }
        let (directory, scan) = directory(real, add)?;
        opened.roots.push(directory);
        return Ok(Ok(FromFinding::Directory(opened.roots.len() - 1, scan)));
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
            Ok(Ok(FromFinding::Tar { import, log }))
        }
        Ok(_) => problem(Code::Empty, "from", format!("{from} is an empty tar"), help),
        Err(TarError::Io(source)) if source.raw_os_error().is_some() => {
            Err(Error::io(real, source))
        }
        Err(error) => {
            let reason = match &error {
                TarError::Invalid { reason, .. } => (*reason).to_owned(),
                other => other.to_string(),
            };
            let message = format!("{from} is a file, but no tar: {reason}");
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

fn file_at(
    real: &Path,
    from: &str,
    keeps_xattrs: bool,
    address: &Address,
) -> Result<Result<(SourceDirectory, SourceEntry), Problem>, Error> {
    let problem = |code, reason: &str| {
        let message = format!("{} is {reason}", quoted(from));
        Ok(Err(Problem::new(code, address.clone(), message)))
    };
    let (Some(parent), Some(name)) = (real.parent(), real.file_name()) else {
        return problem(Code::NoSuchSource, "a directory, and a file was wanted");
    };
    let directory = SourceDirectory::open(parent).map_err(host_error)?;
    let name = std::os::unix::ffi::OsStrExt::as_bytes(name);
    match directory.entry(name, keeps_xattrs).map_err(host_error)? {
        Ok(entry) if entry.kind == SourceKind::File => Ok(Ok((directory, entry))),
        Ok(entry) if entry.kind == SourceKind::Directory => {
            problem(Code::NoSuchSource, "a directory, and a file was wanted")
        }
        Ok(_) => problem(Code::InvalidSource, "no regular file"),
        Err(reason) => problem(Code::InvalidSource, &format!("not to be used: {reason}")),
    }
}

fn host_error(error: crate::layer::HostError) -> Error {
    Error::io(&error.path, error.error)
}

//! Where operations take files from: directories and files beside the patch.

use std::path::{Path, PathBuf};

use super::Base;
use crate::error::Error;
use crate::layer::{Scan, SourceDirectory, SourceEntry, SourceKind};
use crate::patch::{AddLayer, NewContent};
use crate::plan::SourceFinding;
use crate::problem::{Address, Code, Problem, quoted};

/// Looks at everything that a layer takes from the host; what is opened is added to `roots`.
pub(super) fn find(
    add: &AddLayer,
    base: &Base,
    operation: &Address,
    roots: &mut Vec<SourceDirectory>,
) -> Result<SourceFinding, Error> {
    let mut finding = SourceFinding::default();
    if let Some(from) = &add.from {
        match real_path(from, base, &operation.clone().key("from"))? {
            Ok(real) => {
                if let Some(found) = directory(&real, add) {
                    let (directory, scan) = found?;
                    roots.push(directory);
                    finding.directory = Some((roots.len() - 1, scan));
                } else {
                    finding.problems.push(not_a_directory(from, operation));
                }
            }
            Err(problem) => finding.problems.push(problem),
        }
    }
    for (i, file) in add.files.iter().enumerate() {
        let NewContent::From(from) = &file.content else {
            finding.files.push(None);
            continue;
        };
        let address = operation.clone().key("files").index(i).key("from");
        let found = match real_path(from, base, &address)? {
            Ok(real) => file_at(&real, from, &address)?,
            Err(problem) => Err(problem),
        };
        match found {
            Ok((directory, entry)) => {
                roots.push(directory);
                finding.files.push(Some((roots.len() - 1, entry)));
            }
            Err(problem) => finding.problems.push(problem),
        }
    }
    Ok(finding)
}

/// Returns where a path of a patch leads, if that is a place which it may name.
fn real_path(
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
                base.directory.display()
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

/// Opens and scans a directory; nothing if it is something else.
fn directory(real: &Path, add: &AddLayer) -> Option<Result<(SourceDirectory, Scan), Error>> {
    if !real.is_dir() {
        return None;
    }
    let scan = || {
        let directory = SourceDirectory::open(real)?;
        let is_deep = add.exclude.is_deep();
        let mut scan = directory.scan(&|path| is_deep && add.exclude.is_excluded(path))?;
        if !is_deep {
            let entries = scan.entries.iter();
            let kept = entries.filter(|entry| !add.exclude.is_excluded(&entry.path));
            scan.entries = kept.cloned().collect();
            scan.problems
                .retain(|(path, _)| !add.exclude.is_excluded(path));
        }
        Ok((directory, scan))
    };
    Some(scan().map_err(host_error))
}

fn not_a_directory(from: &str, operation: &Address) -> Problem {
    let message = format!("{} is a file, and a directory was wanted", quoted(from));
    let address = operation.clone().key("from");
    Problem::new(Code::NoSuchSource, address, message)
        .with_help("write it under `files`, as in `files: [{ path: /in/the/image, from: file }]`")
}

fn file_at(
    real: &Path,
    from: &str,
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
    match directory.entry(name).map_err(host_error)? {
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

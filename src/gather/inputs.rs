//! Everything that patches consist of, as lines of text that are equal where the patches do the same to every image: the patch files,
//! the values of their args, and every file that they add.
//!
//! Secrets are left out, since the digest of a short text gives it away.

use std::collections::HashMap;
use std::fmt::Write as _;
use std::io::{self, Write as _};
use std::path::Path;

use super::unusable::usable;
use super::{NotPlanned, OpenSources, Patches, sources};
use crate::archive::Import;
use crate::digest::{Digest, Hashing};
use crate::error::Error;
use crate::layer::{
    Data, HostFile, Inputs, SourceDirectory, SourceEntry, SourceKind, WriteError, read_contents,
};
use crate::ledger::Ledger;
use crate::operation::Sources;
use crate::patch::{AddLayer, BaseImage, LayerMode, LayerOwner, LayerTime};
use crate::plan::LayerSource;
use crate::problem::{Address, Code, Problem, quoted};
use crate::reference::RegistryImage;

/// Which metadata of a file get into a layer.
#[derive(Debug, Clone, Copy, Default)]
struct Kept {
    mode: bool,
    owner: bool,
    time: bool,
}

impl Patches {
    /// Returns a line for everything that the patches consist of, in the order of the patches and sorted within each operation.
    pub(crate) fn inputs(&self, ledger: &Ledger) -> Result<Vec<String>, NotPlanned> {
        let mut lines = Vec::new();
        let mut opened = OpenSources {
            ledger: ledger.clone(),
            ..OpenSources::default()
        };
        for (file, base) in self.iter() {
            lines.push(format!("patch {} {}", json(file.name()), file.digest()));
            for (d, args) in file.args().iter().enumerate() {
                for (name, value) in args {
                    lines.push(format!("arg {d} {} {}", json(name), json(value)));
                }
            }
            let mut problems = Vec::new();
            for (d, patch) in file.patches().iter().enumerate() {
                for (o, operation) in patch.operations.iter().enumerate() {
                    let address = Address::operation(d, o);
                    let sources = operation.needs().sources;
                    if let Sources::Layer { add, key } = sources {
                        let address = match key {
                            Some(key) => address.key(key),
                            None => address,
                        };
                        let mut host = sources::find(add, base, &address, &mut opened)?;
                        problems.append(&mut host.problems);
                        layer(&host, add, &opened, &mut lines)?;
                        continue;
                    }
                    if let Sources::Bases { from, onto } = sources {
                        let keys = [(from, "from"), (onto, "onto")];
                        problems
                            .extend(keys.iter().filter_map(|(base, key)| {
                                unpinned(base, address.clone().key(key))
                            }));
                    }
                    for source in sources.paths() {
                        let found = source.find(base, &address, &mut opened.ledger);
                        if let Some(real) = usable(found, &mut problems)? {
                            lines.push(format!("source {}", json(source.path)));
                            of_path(&real, &mut lines)?;
                        }
                    }
                }
            }
            if !problems.is_empty() {
                return Err(file.reject(problems).into());
            }
        }
        Ok(lines)
    }
}

/// A base in a registry is an input too: its tag may move, and its digest is in the text of the patch.
fn unpinned(base: &BaseImage, address: Address) -> Option<Problem> {
    let named = RegistryImage::parse(&base.archive)?.ok()?;
    if named.digest().is_some() {
        return None;
    }
    let message = format!("{} has no digest", quoted(&base.archive));
    let problem = Problem::new(Code::NoSuchSource, base.archive_address(address), message);
    Some(problem.with_help("a fleet takes a base from a registry by its digest, as in `docker://registry.example.com/base:1@sha256:…`"))
}

/// Adds what a layer takes from the host.
fn layer(
    host: &crate::plan::HostSource,
    add: &AddLayer,
    opened: &OpenSources,
    lines: &mut Vec<String>,
) -> Result<(), Error> {
    let kept = Kept {
        mode: add.mode == Some(LayerMode::Keep),
        owner: add.owner == Some(LayerOwner::Keep),
        time: add.mtime == Some(LayerTime::Keep),
    };
    match &host.from {
        Some(LayerSource::Directory(root, scan)) => {
            lines.push("directory".to_owned());
            let entries: Vec<_> = scan.entries.iter().map(|entry| (*root, entry)).collect();
            of_entries(&entries, &opened.roots, kept, lines)?;
        }
        Some(LayerSource::Tar { import, .. }) => of_tar(&opened.imports[*import], lines)?,
        None => {}
    }
    let files: Vec<_> = host.files.iter().flatten().collect();
    let files: Vec<_> = files.iter().map(|(root, entry)| (*root, entry)).collect();
    of_entries(&files, &opened.roots, kept, lines)
}

/// Adds a file with all its bytes, or a directory with everything in it.
fn of_path(real: &Path, lines: &mut Vec<String>) -> Result<(), Error> {
    if let Some(import) = Import::open(real)? {
        return of_tar(&import, lines);
    }
    let failed = |error: crate::layer::HostError| Error::io(&error.path, error.error);
    let directory = SourceDirectory::open(real).map_err(failed)?;
    let scan = directory.scan(&|_| false, false).map_err(failed)?;
    let entries: Vec<_> = scan.entries.iter().map(|entry| (0, entry)).collect();
    of_entries(&entries, &[directory], Kept::default(), lines)
}

fn of_tar(import: &Import, lines: &mut Vec<String>) -> Result<(), Error> {
    lines.push(format!("file {}", of_blob(import)?));
    Ok(())
}

/// Returns what the bytes of a file hash to.
pub(super) fn of_blob(import: &Import) -> Result<Digest, Error> {
    let blob = import.blob()?;
    let read = Digest::of_reader(&mut blob.reader());
    let (digest, _) = read.map_err(Error::in_place(import.place()))?;
    import.check()?;
    Ok(digest)
}

fn of_entries(
    entries: &[(usize, &SourceEntry)],
    roots: &[SourceDirectory],
    kept: Kept,
    lines: &mut Vec<String>,
) -> Result<(), Error> {
    let digests = digests(entries, roots)?;
    let mut names: HashMap<(u64, u64), &[u8]> = HashMap::new();
    for ((_, entry), digest) in entries.iter().zip(digests) {
        let path = text(&entry.path);
        let mut line = match &entry.kind {
            SourceKind::Directory => format!("directory {path}"),
            SourceKind::File => format!("file {path} {digest}"),
            SourceKind::Symlink { target } => format!("symlink {path} {}", text(target)),
            SourceKind::Fifo => format!("fifo {path}"),
            SourceKind::CharDevice(major, minor) => format!("char {path} {major} {minor}"),
            SourceKind::BlockDevice(major, minor) => format!("block {path} {major} {minor}"),
        };
        let mut add = |part: String| write!(line, " {part}").expect("a string takes everything");
        if entry.kind == SourceKind::File && entry.n_links > 1 {
            let inode = (entry.state.device, entry.state.inode);
            let first = names.entry(inode).or_insert(&entry.path);
            add(format!("same={}", text(first)));
        }
        if kept.mode {
            add(format!("mode={:o}", entry.mode));
        } else if entry.kind == SourceKind::File && entry.mode & 0o100 != 0 {
            add("executable".to_owned());
        }
        if kept.owner {
            add(format!("owner={}:{}", entry.uid, entry.gid));
        }
        if kept.time {
            let time = entry.state.mtime;
            add(format!("mtime={}.{:09}", time.seconds, time.nanoseconds));
        }
        for (name, value) in &entry.xattrs {
            add(format!("xattr={}={}", text(name), Digest::of(value)));
        }
        lines.push(line);
    }
    Ok(())
}

/// Returns what the contents hash to; what is no file has no content.
pub(super) fn digests(
    entries: &[(usize, &SourceEntry)],
    roots: &[SourceDirectory],
) -> Result<Vec<Digest>, Error> {
    let data = entries.iter().map(|(root, entry)| match entry.kind {
        SourceKind::File => Data::Host(HostFile {
            root: *root,
            path: entry.path.clone(),
            state: entry.state,
        }),
        _ => Data::None,
    });
    let data: Vec<Data> = data.collect();
    let contents: Vec<&Data> = data.iter().collect();
    let mut hashing: Vec<_> = data.iter().map(|_| Hashing::new(io::sink())).collect();
    let mut put = |i: usize, bytes: &[u8]| {
        let written = hashing[i].write_all(bytes);
        written.expect("a sink takes everything");
    };
    let inputs = Inputs {
        roots,
        open: &|_| unreachable!("files of the host are in no stream"),
    };
    read_contents(&contents, inputs, &mut put).map_err(|error| match error {
        WriteError::Host(error) => Error::io(&error.path, error.error),
        WriteError::Changed { path, what } => Error::changed(&path, what),
        other => Error::in_place("a source of a patch")(io::Error::other(other.to_string())),
    })?;
    let digests = hashing.into_iter().map(|hashing| hashing.finish().0);
    Ok(digests.collect())
}

fn json(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

/// A path need not be UTF-8.
fn text(bytes: &[u8]) -> String {
    match std::str::from_utf8(bytes) {
        Ok(text) => json(text),
        Err(_) => format!("{bytes:?}"),
    }
}

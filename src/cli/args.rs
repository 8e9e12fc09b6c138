//! Values for the args of patches, as several commands take them.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::Read as _;
use std::path::{Path, PathBuf};

use clap::{Args, ValueHint};

use super::failure::Failure;
use super::inputs::INPUT;
use crate::error::Error;
use crate::ledger::{Ledger, Location, ReadAs};
use crate::patch::ArgValues;
use crate::printable;

/// The largest file of arguments: as much as a patch may come to with their values. In bytes.
const MAX_FILE_BYTES: u64 = 16 << 20;

/// Values for args.
#[derive(Debug, Args)]
pub(super) struct ArgOptions {
    /// Set an argument of the patches
    #[arg(long = "arg", value_name = "NAME=VALUE", help_heading = INPUT)]
    given: Vec<String>,
    /// Read arguments from a file of `NAME=VALUE` lines; `#` starts a comment line, and `--arg` takes precedence
    #[arg(long = "arg-file", value_name = "FILE", value_hint = ValueHint::FilePath, help_heading = INPUT)]
    files: Vec<PathBuf>,
}

impl ArgOptions {
    /// Returns the files of `--arg-file`.
    pub(super) fn files(&self) -> &[PathBuf] {
        &self.files
    }

    /// Reads the files, the arguments and the environment.
    pub(super) fn values(&self, ledger: &mut Ledger) -> Result<ArgValues, Failure> {
        for path in &self.files {
            ledger.read(ReadAs::ArgFile, Location::of(path))?;
        }
        let mut given = BTreeMap::new();
        for path in &self.files {
            // A later file outweighs an earlier one.
            given.extend(read(path)?);
        }
        let lines = self.given.iter().map(String::as_str);
        given.extend(pairs(lines, "--arg")?);
        Ok(ArgValues {
            given,
            environment: std::env::vars_os().collect(),
        })
    }
}

/// Refuses values that no patch declares an argument for: whoever gives one means something by it.
pub(super) fn refuse_undeclared(values: &ArgValues, declared: &[&str]) -> Result<(), Failure> {
    let is_undeclared = |name: &&String| !declared.contains(&name.as_str());
    let Some(name) = values.given.keys().find(is_undeclared) else {
        return Ok(());
    };
    let shown: Vec<String> = declared.iter().map(|name| format!("`{name}`")).collect();
    let there = if shown.is_empty() {
        "the patches declare no arguments".to_owned()
    } else {
        format!("there is {}", shown.join(", "))
    };
    Err(Failure::Usage(format!(
        "no patch declares the argument `{name}`; {there}"
    )))
}

fn read(path: &Path) -> Result<BTreeMap<String, String>, Failure> {
    let place = printable::path(path);
    let mut bytes = Vec::new();
    File::open(path)
        .and_then(|file| file.take(MAX_FILE_BYTES + 1).read_to_end(&mut bytes))
        .map_err(Error::at(path))?;
    if bytes.len() as u64 > MAX_FILE_BYTES {
        let message =
            format!("`{place}` has more than {MAX_FILE_BYTES} bytes, the limit for an arg file");
        return Err(Failure::Usage(message));
    }
    let text = String::from_utf8(bytes)
        .map_err(|_| Failure::Usage(format!("`{place}` is not UTF-8 text")))?;
    let is_value = |line: &&str| !line.trim().is_empty() && !line.trim_start().starts_with('#');
    pairs(text.lines().filter(is_value), &place)
}

/// Cuts `NAME=VALUE`s; a message names them by the name alone, since the value may be a secret.
fn pairs<'a>(
    lines: impl Iterator<Item = &'a str>,
    place: &str,
) -> Result<BTreeMap<String, String>, Failure> {
    let mut pairs = BTreeMap::new();
    for (i, line) in lines.enumerate() {
        let Some((name, value)) = line.split_once('=') else {
            let message = format!("value {} of `{place}` is not `NAME=VALUE`", i + 1);
            return Err(Failure::Usage(message));
        };
        if pairs.insert(name.to_owned(), value.to_owned()).is_some() {
            let message = format!("`{place}` sets the argument `{name}` twice");
            return Err(Failure::Usage(message));
        }
    }
    Ok(pairs)
}

//! Where a command writes an archive, from what was typed.

use std::ffi::OsStr;
use std::path::Path;

use super::failure::Failure;
use super::target::Target;
use crate::archive::Destination;
use crate::compression::Compression;
use crate::ledger::{Ledger, WrittenAs};
use crate::printable;

/// Returns where the archive goes that is made of `image`: to `output`, or to standard output; `wants_directory` if its form says
/// whether it is one.
pub(super) fn output_of(
    image: &Path,
    output: Option<&Path>,
    wants_directory: Option<bool>,
) -> Result<Destination, Failure> {
    let target = match output {
        Some(path) => Target::of(path),
        None => Target::StandardOutput,
    };
    let Some(path) = target.path() else {
        if wants_directory == Some(true) {
            return Err(Failure::Usage(
                "a directory needs a name: use `-o DIRECTORY`".to_owned(),
            ));
        }
        let advice = "use `-o OUT`, `--in-place`, or redirect standard output";
        let stdout = target.open_standard_output(advice)?;
        return Ok(Destination::Stream(
            stdout.expect("the target is standard output"),
        ));
    };
    let is_directory_path = path.as_os_str().as_encoded_bytes().ends_with(b"/") || path.is_dir();
    if wants_directory == Some(false) && is_directory_path {
        let shown = printable::path(path);
        return Err(Failure::Usage(format!(
            "`{shown}` is a directory, but `--to` writes a tar"
        )));
    }
    if wants_directory.unwrap_or(is_directory_path) {
        return Ok(Destination::Directory(path.components().collect()));
    }
    if !image.is_dir() || wants_directory.is_some() {
        return Ok(Destination::File(path.to_owned()));
    }
    if looks_like_tar(path) {
        let shown = printable::path(path);
        return Err(Failure::Usage(match Compression::of_name(path) {
            None => format!(
                "IMAGE is a directory, so OUT must be one: use `-o {shown}/`, or `-o - > {shown}` for a tar"
            ),
            Some(_) => format!(
                "IMAGE is a directory, so OUT must be one; for a compressed tar, use `--to oci-archive -o {shown}`"
            ),
        }));
    }
    Ok(Destination::Directory(path.to_owned()))
}

/// Refuses to change standard input.
pub(super) fn refuse_stream(image: &Path) -> Result<(), Failure> {
    if image.as_os_str() == "-" {
        return Err(Failure::Usage(
            "standard input cannot be changed in place".to_owned(),
        ));
    }
    Ok(())
}

/// Enters the destination in the ledger; tells whether it leaves standard output free.
pub(super) fn enter(destination: &Destination, ledger: &mut Ledger) -> Result<bool, Failure> {
    if matches!(destination, Destination::Stream(_)) {
        Target::StandardOutput.enter(WrittenAs::Output, ledger)?;
        return Ok(false);
    }
    destination.enter(ledger)?;
    Ok(true)
}

pub(super) fn looks_like_tar(path: &Path) -> bool {
    let is_plain = |end: &OsStr| end.eq_ignore_ascii_case("tar");
    path.extension().is_some_and(is_plain) || Compression::of_name(path).is_some()
}

//! Names are text from a stranger: whatever they hold, no output acts on a terminal, a page or a runner.
//!
//! Places are not listed by hand: they are the scalars of patches with every operation, the strings of every document of
//! real archives, and the arguments of every command. What is added to any of them is tried from then on.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod archives;
mod arguments;
mod clean;
mod notes;
mod patches;

use std::ffi::OsStr;
use std::path::Path;
use std::process::Output;

use crate::binary::{command, write_files};
use clean::Format;

/// Drives a terminal: CSI, title, hyperlink, clipboard, and the controls of one byte less in UTF-8.
const CONTROLS: &str = "a\u{1b}[31mb\u{1b}]0;t\u{7}c\u{1b}]8;;http://x\u{1b}\\d\u{1b}]52;c;eA==\u{7}e\u{7f}f\u{9b}1mg\u{9d}0;h\u{9c}\u{90}i\u{8}";
/// Hides, reorders, or looks like nothing.
const INVISIBLE: &str = "\u{202e}a\u{2066}b\u{2069}c\u{200b}d\u{feff}e\u{ad}f\u{2060}g\u{a0}h\u{3164}i\u{e0041}j\u{2028}k\u{2029}l\u{85}m\u{61c}n\u{180e}o\u{2800}p\u{fe0f}q\u{d}\u{301}";
/// Begins lines of its own.
const LINES: &str = "x\nINJECTED\r\nINJECTED\rINJECTED\n  ::error::INJECTED\n##[error]INJECTED\n";
/// Is code for a page, or a command for a runner.
const MARKUP: &str = "`````` @everyone <img src=x> | a | [b](javascript:alert(1)) ![c](http://x) **d** ##[error]f ##vso[task.x]g </details> #1 %0A::error::h ~~~ {0}";
/// Is a command where it stands first.
const COMMAND: &str = "::error file=x,line=1::INJECTED";

const PAYLOADS: [&str; 5] = [CONTROLS, INVISIBLE, LINES, MARKUP, COMMAND];

/// How many patches one run is given: so few that each problem is told.
const AT_ONCE: usize = 20;

/// Runs a command on patches in `home`, each a file named by its position, and looks at every byte that it prints.
#[track_caller]
fn run_on(
    home: &Path,
    format: Format,
    command: &[&str],
    patches: &[String],
    image: &[&str],
) -> Output {
    let names: Vec<String> = (0..patches.len()).map(|i| format!("{i}.yaml")).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let patches = patches.iter().map(String::as_str);
    let files: Vec<(&str, &str)> = names.iter().copied().zip(patches).collect();
    write_files(home, &files);
    run(home, format, &[command, &names, image].concat())
}

/// Runs a command in `home`, and looks at every byte that it prints.
#[track_caller]
fn run<S: AsRef<OsStr>>(home: &Path, format: Format, arguments: &[S]) -> Output {
    let mut command = command();
    command.current_dir(home).args(arguments);
    let output = command.output().unwrap();
    clean::check(&output, format);
    output
}

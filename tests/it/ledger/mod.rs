//! No written path is ever a read path: every path that a command writes, crossed with every path that it reads and
//! with every other one that it writes, in every spelling.
//!
//! The tables are in `table.rs`. A role of the ledger, or an argument of the command line that takes a path, and that is
//! in no row of the table, fails a test.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod allowed;
mod home;
mod library;
mod side_files;
mod spelling;
mod streams;
mod table;

use std::collections::BTreeSet;
use std::path::PathBuf;

use clap::CommandFactory;
use ocipatch::ledger::{ReadAs, WrittenAs};

use crate::random::takes;
use home::Home;
use spelling::{Spelling, of_existing, of_missing};
use table::{COMMANDS, Line, Place, Read, Written};

/// Counts of what was refused.
#[derive(Debug, Default)]
struct Counts {
    pairs: usize,
    runs: usize,
}

#[test]
fn every_role_is_in_a_row_of_the_table() {
    let lines = || COMMANDS.iter();
    // The commands of fleets do nothing without a registry; `fleet` has tests of their paths.
    let of_fleets = [ReadAs::Fleet, ReadAs::FleetLock];
    for role in ReadAs::ALL.iter().filter(|role| !of_fleets.contains(role)) {
        let is_read = |line: &Line| line.reads().iter().any(|read| read.role == *role);
        assert!(lines().any(is_read), "{role:?}");
    }
    let of_fleets = [WrittenAs::FleetLock, WrittenAs::FleetReport];
    for role in WrittenAs::ALL
        .iter()
        .filter(|role| !of_fleets.contains(role))
    {
        let is_written = |line: &Line| line.writes.iter().any(|written| written.role == *role);
        assert!(lines().any(is_written), "{role:?}");
    }
}

#[test]
fn every_argument_that_takes_a_path_is_in_a_row_of_the_table() {
    let mut wanted = BTreeSet::new();
    for command in ocipatch::cli::Arguments::command().get_subcommands() {
        for argument in command.get_arguments() {
            let kind = argument.get_value_parser().type_id();
            if kind == std::any::TypeId::of::<PathBuf>() {
                wanted.insert(format!("{} {}", command.get_name(), argument.get_id()));
            }
        }
    }
    let mut found = BTreeSet::new();
    for line in COMMANDS {
        let command = line.words.split(' ').find(|word| !word.starts_with('-'));
        let arguments = line.reads().into_iter().map(|read| read.argument);
        let arguments = arguments.chain(line.writes.iter().map(|written| written.argument));
        for argument in arguments.filter(|argument| !argument.is_empty()) {
            found.insert(format!("{} {argument}", command.unwrap()));
        }
    }
    assert_eq!(found, wanted);
}

#[test]
fn each_line_of_the_table_does_its_work_where_no_path_is_used_twice() {
    for line in COMMANDS {
        let home = Home::new();
        let output = home.run(line, None);
        assert!(output.status.success(), "{}: {output:?}", line.words);
    }
}

#[test]
fn no_written_path_is_a_read_path() {
    let counts = each_line(|line, counts| {
        let home = Home::new();
        for written in line.writes {
            for read in line.reads() {
                let is_allowed = (written.role, read.role) == (WrittenAs::InPlace, ReadAs::Image);
                if !is_allowed {
                    cross_with_read(&home, line, written, &read, counts);
                }
            }
        }
    });
    println!(
        "{} pairs of a written and a read path, refused in {} runs",
        counts.pairs, counts.runs
    );
    assert!(counts.pairs > 200, "{counts:?}");
}

#[test]
fn no_path_is_written_twice() {
    let counts = each_line(|line, counts| {
        for written in line.writes {
            for other in line.writes {
                let is_stream = |written: &Written| written.place == Place::Stream;
                let are_streams = is_stream(written) && is_stream(other);
                if written.role != other.role && !are_streams && !belong(written, other) {
                    cross_with_written(line, written, other, counts);
                }
            }
        }
    });
    println!(
        "{} ordered pairs of two written paths, refused in {} runs",
        counts.pairs, counts.runs
    );
    assert!(counts.pairs > 100, "{counts:?}");
}

/// A tar of `--layers` lies in its directory.
fn belong(a: &Written, b: &Written) -> bool {
    let is_layer = |written: &Written| {
        matches!(
            written.role,
            WrittenAs::LayerDirectory | WrittenAs::LayerTar
        )
    };
    is_layer(a) && is_layer(b)
}

/// Runs `cross` for each line, on two threads.
fn each_line(cross: impl Fn(&Line, &mut Counts) + Sync) -> Counts {
    let next = std::sync::atomic::AtomicUsize::new(0);
    let work = || {
        let mut counts = Counts::default();
        loop {
            let i = next.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
            match COMMANDS.get(i) {
                Some(line) => {
                    let mut of_line = Counts::default();
                    cross(line, &mut of_line);
                    counts.pairs += of_line.pairs;
                    counts.runs += of_line.runs;
                }
                None => return counts,
            }
        }
    };
    std::thread::scope(|scope| {
        let other = scope.spawn(work);
        let own = work();
        let other = other.join().unwrap();
        Counts {
            pairs: own.pairs + other.pairs,
            runs: own.runs + other.runs,
        }
    })
}

/// In turn one of the spellings: every role meets all of them. `OCIPATCH_CASES=13` has every pair meet all of them.
fn in_turn(spellings: Vec<Spelling>, line: &Line, counts: &Counts) -> Vec<Spelling> {
    let turn = line.words.len() + counts.pairs;
    let n = spellings.len();
    let spellings = spellings.into_iter().enumerate();
    let chosen = spellings.filter(|(i, _)| takes(n + i - turn % n, n));
    chosen.map(|(_, spelling)| spelling).collect()
}

fn cross_with_read(home: &Home, line: &Line, written: &Written, read: &Read, counts: &mut Counts) {
    counts.pairs += 1;
    // An image that is changed in place is written too.
    let is_in_place = |written: &Written| written.role == WrittenAs::InPlace;
    let is_also_written = read.role == ReadAs::Image && line.writes.iter().any(is_in_place);
    let also = is_also_written.then(|| WrittenAs::InPlace.to_string());
    let roles: Vec<String> = also.into_iter().chain([read.role.to_string()]).collect();
    let spellings = of_existing(home, read.path, Place::File, written);
    for spelling in in_turn(spellings, line, counts) {
        refuses(home, line, written, &spelling, &roles);
        counts.runs += 1;
    }
}

fn cross_with_written(line: &Line, written: &Written, other: &Written, counts: &mut Counts) {
    counts.pairs += 1;
    let is_also_read = other.role == WrittenAs::InPlace;
    let also = is_also_read.then(|| ReadAs::Image.to_string());
    let roles: Vec<String> = also.into_iter().chain([other.role.to_string()]).collect();
    let home = Home::new();
    for spelling in in_turn(of_missing(&home, other, written), line, counts) {
        refuses(&home, line, written, &spelling, &roles);
        counts.runs += 1;
    }
    // Nothing of it has changed.
    home.make(other);
    let spellings = of_existing(&home, &home.path_of(other), other.place, written);
    for spelling in in_turn(spellings, line, counts) {
        refuses(&home, line, written, &spelling, &roles);
        counts.runs += 1;
    }
}

/// Runs a line with one of its written paths spelled so; it has to be refused, naming both roles, and
/// change nothing.
#[track_caller]
fn refuses(home: &Home, line: &Line, written: &Written, spelling: &Spelling, others: &[String]) {
    let path = spelling.put(home, written);
    let is_new = !home.path(&path).exists();
    let redirected = (written.place == Place::Stream).then(|| home.append(&path));
    let is_made = redirected.is_some() && is_new;
    let before = home.state();
    let output = home.run(line, Some((written, &path, redirected)));
    // Where standard error is what is refused, standard output has the message.
    let message = String::from_utf8([output.stdout, output.stderr].concat()).unwrap();
    let what = format!(
        "{}: {:?} by {spelling:?} as {path}: {message}",
        line.words, written.role
    );
    assert_eq!(output.status.code(), Some(line.usage_code()), "{what}");
    let role = written.role.to_string();
    let names_other = others.iter().any(|other| message.contains(other));
    assert!(message.contains(&role) && names_other, "{what}");
    assert_eq!(home.state(), before, "{what}");
    if is_made {
        std::fs::remove_file(home.path(&path).canonicalize().unwrap()).unwrap();
    }
    Spelling::remove(home, written);
}

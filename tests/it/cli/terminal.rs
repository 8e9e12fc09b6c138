//! What is shown where somebody reads: colour, signs, width, and how far long work is.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::fs;
use std::process::Output;

use super::{Home, texts};
use crate::binary::{NO_CACHE, write_files};

const PLAN: &str = "plan fix.yaml app.tar";

/// Runs a command line with these variables.
fn run(home: &Home, variables: &[(&str, &str)], line: &str) -> Output {
    let mut command = home.command(line);
    for name in [
        "NO_COLOR",
        "CLICOLOR",
        "CLICOLOR_FORCE",
        "LC_ALL",
        "LC_CTYPE",
        "LANG",
    ] {
        command.env_remove(name);
    }
    command.envs(variables.iter().copied()).output().unwrap()
}

/// Runs a command line in a terminal of so many columns; returns what appears there. Nothing without `script`.
fn in_terminal(
    home: &Home,
    columns: u16,
    variables: &[(&str, &str)],
    line: &str,
) -> Option<String> {
    let mut script = crate::engine::tool("script")?;
    let program = env!("CARGO_BIN_EXE_ocipatch");
    let command = format!("stty cols {columns} rows 40; {program} {line}");
    let output = script
        .args(["-qec", &command, "/dev/null"])
        .current_dir(home.0.path())
        .env_remove("NO_COLOR")
        .envs(NO_CACHE)
        .env("TERM", "xterm")
        .envs(variables.iter().copied())
        .output()
        .unwrap();
    Some(String::from_utf8_lossy(&output.stdout).replace('\r', ""))
}

#[test]
fn colour_is_where_it_is_welcome() {
    let home = Home::new();
    let lines = [
        PLAN,
        "apply --check fix.yaml app.tar",
        "diff app.tar other.tar",
        "plan no.yaml app.tar",
    ];
    home.ends(0, "apply fix.yaml app.tar -o other.tar");
    for (variables, option, expected) in [
        (&[][..], "", false),
        (&[], " --color always", true),
        (&[("NO_COLOR", "1")], " --color always", true),
        (&[("CLICOLOR_FORCE", "1")], "", true),
        (&[("CLICOLOR_FORCE", "0")], "", false),
        (&[("CLICOLOR_FORCE", "1")], " --color never", false),
        (&[("CLICOLOR_FORCE", "1"), ("NO_COLOR", "1")], "", false),
    ] {
        for line in lines {
            let output = run(&home, variables, &format!("{line}{option}"));
            let (stdout, stderr) = texts(&output);
            let has_colour = (stdout + &stderr).contains("\u{1b}[");
            assert_eq!(has_colour, expected, "{line}{option} {variables:?}");
        }
    }
    for line in [
        "--help",
        "diff",
        "plan --nothing",
        "plan fix.yaml no.tar",
        "inspect -x",
    ] {
        let (stdout, stderr) = texts(&run(&home, &[], &format!("--color=always {line}")));
        assert!((stdout + &stderr).contains("\u{1b}["), "{line}");
    }
    // Data for programs never has any.
    for line in [
        "plan --format json fix.yaml app.tar",
        "plan --format markdown fix.yaml app.tar",
        "schema",
        "inspect --json app.tar",
    ] {
        let (stdout, _) = texts(&run(&home, &[], &format!("{line} --color always")));
        assert!(!stdout.contains('\u{1b}'), "{line}");
    }
    // What is behind `--` is no option.
    let (_, told) = texts(&run(&home, &[], "explain -- --color=always"));
    assert!(
        told.contains("no topic") && !told.contains('\u{1b}'),
        "{told}"
    );
}

#[test]
fn a_terminal_has_colour_unless_the_environment_says_otherwise() {
    let home = Home::new();
    for (variables, expected) in [
        (&[][..], true),
        (&[("NO_COLOR", "1")], false),
        (&[("NO_COLOR", "")], true),
        (&[("CLICOLOR", "0")], false),
        (&[("TERM", "dumb")], false),
    ] {
        let Some(shown) = in_terminal(&home, 80, variables, PLAN) else {
            return;
        };
        assert!(shown.contains("image greeter:1"), "{shown}");
        assert_eq!(
            shown.contains("\u{1b}["),
            expected,
            "{variables:?}: {shown}"
        );
    }
}

#[test]
fn colour_changes_nothing_but_colours() {
    let home = Home::new();
    for line in [PLAN, "plan no.yaml app.tar", "diff app.tar app.tar"] {
        let (plain, told) = texts(&home.run(line));
        let (coloured, told_in_colour) = texts(&home.run(&format!("{line} --color always")));
        assert_eq!(without_colours(&coloured), plain);
        // The marks of problems lie closer to each other in colour.
        let words = |text: &str| {
            text.split_whitespace()
                .map(str::to_owned)
                .collect::<Vec<_>>()
        };
        assert_eq!(words(&without_colours(&told_in_colour)), words(&told));
    }
}

fn without_colours(text: &str) -> String {
    let mut parts = text.split("\u{1b}[");
    let first = parts.next().unwrap().to_owned();
    parts.fold(first, |text, part| text + part.split_once('m').unwrap().1)
}

#[test]
fn signs_are_ascii_where_the_locale_has_no_others() {
    let home = Home::new();
    let lines = [
        PLAN,
        "plan no.yaml app.tar",
        "apply --check fix.yaml app.tar",
        "inspect app.tar",
        "--help",
    ];
    for (variables, expected) in [
        (&[("LC_ALL", "C")][..], true),
        (&[("LANG", "POSIX")], true),
        (
            &[("LC_CTYPE", "de_DE.ISO-8859-1"), ("LANG", "C.UTF-8")],
            true,
        ),
        (&[("LC_ALL", "C.UTF-8"), ("LANG", "C")], false),
        (&[], false),
    ] {
        let outputs = lines.map(|line| texts(&run(&home, variables, line)));
        let all: String = outputs
            .iter()
            .map(|(stdout, stderr)| stdout.clone() + stderr)
            .collect();
        assert_eq!(all.is_ascii(), expected, "{variables:?}: {all}");
    }
    let (plan, _) = texts(&run(&home, &[("LC_ALL", "C")], PLAN));
    assert!(plan.contains("\"myvalue\" -> \"modifiedvalue\""), "{plan}");
    assert!(plan.contains("  ##########\n"), "{plan}");
    // What is no sign of ours is the image's.
    write_files(
        home.0.path(),
        &[(
            "fix.yaml",
            "apiVersion: ocipatch/v1\noperations:\n  - set-label: {mylabel: é}\n",
        )],
    );
    let (plan, _) = texts(&run(&home, &[("LC_ALL", "C")], PLAN));
    assert!(plan.contains("-> \"é\""), "{plan}");
    let (json, _) = texts(&run(
        &home,
        &[("LC_ALL", "C")],
        "plan --format json fix.yaml app.tar",
    ));
    assert!(json.contains('é'), "{json}");
}

#[test]
fn documents_are_the_same_in_every_locale() {
    let home = Home::new();
    for line in [
        "plan --format markdown fix.yaml app.tar",
        "plan --format markdown no.yaml app.tar",
        "plan --format json fix.yaml app.tar",
        "plan --format github fix.yaml app.tar",
        "schema diff",
        "init app.tar",
        "cat app.tar /etc/app.conf",
        "man",
    ] {
        let [c, utf_8] =
            ["C", "C.UTF-8"].map(|locale| run(&home, &[("LC_ALL", locale)], line).stdout);
        assert!(!c.is_empty(), "{line}");
        assert_eq!(c, utf_8, "{line}");
    }
}

#[test]
fn text_is_as_wide_as_the_terminal() {
    let home = Home::new();
    let long = "one two three four five six seven eight nine ten ".repeat(8);
    let patch = format!("apiVersion: ocipatch/v1\noperations:\n  - set-cmd: [\"{long}\"]\n");
    write_files(
        home.0.path(),
        &[
            ("note.yaml", &patch),
            (
                "no.yaml",
                "apiVersion: ocipatch/v1\noperations:\n  - set-healthcheck: {test: [a]}\n",
            ),
        ],
    );
    for (columns, widest) in [(40, 60), (60, 60), (80, 80), (120, 120), (500, 200)] {
        for line in ["plan note.yaml app.tar", "plan no.yaml app.tar"] {
            let Some(shown) = in_terminal(&home, columns, &[("NO_COLOR", "1")], line) else {
                return;
            };
            let prose = shown.lines().filter(|line| {
                let line = line.trim_start();
                ["note:", "×", "│", "help:"]
                    .iter()
                    .any(|start| line.starts_with(start))
            });
            let n = prose.map(|line| line.chars().count()).max().unwrap();
            assert!(n <= widest, "{columns}: {n}: {shown}");
        }
    }
    // Digests fit into the columns of old terminals, and are never cut.
    let Some(shown) = in_terminal(&home, 80, &[("NO_COLOR", "1")], PLAN) else {
        return;
    };
    let ids: Vec<&str> = shown
        .lines()
        .filter(|line| line.contains("sha256:") && !line.starts_with(' '))
        .collect();
    assert_eq!(ids.len(), 3, "{shown}");
    assert!(ids.iter().all(|line| line.len() <= 80), "{shown}");
    let (shown, _) = home.ends(0, "inspect app.tar");
    let ids = shown
        .lines()
        .filter(|line| line.contains("sha256:") && !line.starts_with(' '));
    assert!(
        ids.inspect(|line| assert!(line.len() <= 80, "{line}"))
            .count()
            > 1
    );
}

#[test]
fn nothing_of_a_plan_is_hidden() {
    let home = Home::new();
    let files: Vec<String> = (0..30)
        .map(|i| format!("{{path: /srv/{i}, content: x}}"))
        .collect();
    let files = files.join(", ");
    let long = format!("{}end", "word ".repeat(200));
    let patch = format!(
        "apiVersion: ocipatch/v1\noperations:\n  - set-label: {{mylabel: \"{long}\"}}\n  - add-layer: {{files: [{files}]}}\n"
    );
    write_files(home.0.path(), &[("fix.yaml", &patch)]);
    let (plan, _) = home.ends(0, PLAN);
    assert!(
        plan.contains("more characters)") && plan.contains("… and 10 more"),
        "{plan}"
    );
    assert!(
        plan.ends_with("\nPlan: 1 field, 1 layer (+32.3 kB)\n"),
        "{plan}"
    );
    for line in [
        "plan --full fix.yaml app.tar",
        "apply --check --full fix.yaml app.tar",
    ] {
        let (stdout, stderr) = texts(&home.run(line));
        let plan = stdout + &stderr;
        assert!(
            plan.contains(&long) && plan.contains("/srv/29") && !plan.contains('…'),
            "{plan}"
        );
    }
}

#[test]
fn the_steps_of_the_work_are_told_where_that_is_asked_for() {
    let home = Home::new();
    write_files(
        home.0.path(),
        &[(
            "layer.yaml",
            "apiVersion: ocipatch/v1\noperations:\n  - squash: all\n",
        )],
    );
    for options in ["-v", "--progress plain"] {
        let (_, told) = home.ends(0, &format!("apply {options} layer.yaml app.tar -o out.tar"));
        let steps: Vec<&str> = told
            .lines()
            .filter(|line| {
                ["reading ", "making ", "writing "]
                    .iter()
                    .any(|start| line.starts_with(start))
            })
            .collect();
        assert_eq!(steps.len(), 3, "{told}");
        assert!(steps[0].starts_with("reading layers: 2"), "{told}");
        assert!(steps[1].starts_with("making layer 1: "), "{told}");
        assert!(steps[2].starts_with("writing `out.tar`: "), "{told}");
        assert_eq!(told.contains(" s\n"), options == "-v", "{told}");
    }
    let (_, told) = home.ends(0, "apply fix.yaml app.tar -o out.tar");
    let size = fs::metadata(home.path("out.tar")).unwrap().len();
    assert!(
        size > 1000 && told.ends_with("\nwrote `out.tar`: 38.4 kB\n"),
        "{size}: {told}"
    );
    let (_, told) = home.ends(0, "apply -q --progress plain fix.yaml app.tar -o out.tar");
    assert_eq!(told, "");
    home.ends(2, "apply -q -v fix.yaml app.tar -o out.tar");
}

#[test]
fn long_work_has_a_bar_that_is_gone_in_the_end() {
    let home = Home::new();
    fs::write(home.path("large"), vec![7; 80 << 20]).unwrap();
    let patch = "apiVersion: ocipatch/v1\noperations: [add-layer: {files: [{path: /large, from: large}]}]\n";
    write_files(home.0.path(), &[("large.yaml", patch)]);
    home.ends(0, "apply large.yaml app.tar -o large.tar");
    // A reader that waits holds the output up.
    let shown = |option: &str| {
        let line = format!("apply {option} fix.yaml large.tar -o - | (sleep 2; cat >/dev/null)");
        in_terminal(&home, 80, &[], &line)
    };
    let (shown, without) = std::thread::scope(|scope| {
        let without = ["-q", "--progress none"].map(|option| scope.spawn(move || shown(option)));
        (shown(""), without.map(|it| it.join().unwrap()))
    });
    let Some(shown) = shown else {
        return;
    };
    assert!(
        shown.contains("writing standard output: ") && shown.contains("MiB of 80.0"),
        "{shown}"
    );
    assert!(shown.contains(" left"), "{shown}");
    let behind = shown.rsplit("MiB of").next().unwrap();
    assert!(behind.contains("image greeter:1"), "{shown}");
    for shown in without.map(Option::unwrap) {
        assert!(!shown.contains("MiB"), "{shown}");
    }
}

//! What was typed, and the environment: every argument of every command.

use clap::CommandFactory;
use ocipatch::cli::Arguments;

use super::clean::{self, Format};
use super::{PAYLOADS, run};
use crate::binary::{command, write_files};
use crate::edit::fixture;
use crate::random::takes;

#[test]
fn no_argument_gets_out_of_its_place() {
    let home = tempfile::tempdir().unwrap();
    let patch = "apiVersion: ocipatch/v1\nargs: {name: {from-env: NAME, pattern: '[a-z]*', default: a}}\noperations:\n  - set-label: {a: '${name}'}\n";
    write_files(home.path(), &[("fix.yaml", patch)]);
    std::fs::copy(fixture("docker26.tar"), home.path().join("app.tar")).unwrap();
    let mut n_options = 0;
    let text = |arguments: &[&str]| run(home.path(), Format::Text, arguments);
    for (p, payload) in PAYLOADS.into_iter().enumerate() {
        text(&[payload]);
        text(&[&format!("--{payload}")]);
        text(&[&format!("-{payload}")]);
        for (c, command) in Arguments::command().get_subcommands().enumerate() {
            let name = command.get_name();
            let lines = [
                &[name, payload][..],
                &[name, payload, payload],
                &[name, "fix.yaml", payload],
                &[name, "app.tar", payload],
                &[name, payload, "app.tar"],
                &[name, "fix.yaml", "app.tar", "x", payload],
                &[name, "fix.yaml", "app.tar", &format!("--{payload}")],
            ];
            // In turn a sixth of them: each line meets one payload at most. `OCIPATCH_CASES=6` has each
            // meet all.
            for (i, line) in lines.iter().enumerate() {
                if takes(i + c + p, 6) {
                    text(line);
                }
            }
            for option in command.get_opts() {
                n_options += 1;
                let option = option.get_long().unwrap();
                let alone = format!("--{option}={payload}");
                let with_name = format!("--{option}=name={payload}");
                let lines = [
                    [name, &alone, "fix.yaml", "app.tar"],
                    [name, &alone, "app.tar", "app.tar"],
                    [name, &with_name, "fix.yaml", "app.tar"],
                ];
                // In turn one of them, or none. `OCIPATCH_CASES=6` has each option meet every payload in each.
                for (i, line) in lines.iter().enumerate() {
                    if takes(i + n_options + p, 6) {
                        text(line);
                    }
                }
            }
        }
        for variable in ["SOURCE_DATE_EPOCH", "TMPDIR", "NAME", "NO_COLOR"] {
            let mut plan = command();
            plan.current_dir(home.path())
                .args(["plan", "fix.yaml", "app.tar"]);
            clean::check(&plan.env(variable, payload).output().unwrap(), Format::Text);
        }
        for values in [
            payload.to_owned(),
            format!("name={payload}"),
            format!("{payload}=x\n{payload}=x"),
        ] {
            write_files(home.path(), &[("values", &values)]);
            text(&["check", "--arg-file=values", "fix.yaml"]);
        }
    }
    assert!(n_options > 20 * PAYLOADS.len(), "{n_options}");
}

//! Options that another command or program has: each message says what to type or write instead.

use super::Home;
use super::mistaken::told;

#[test]
fn options_of_other_commands_and_programs_lead_to_ours() {
    let home = Home::new();
    for (line, option, help) in [
        (
            "plan fix.yaml app.tar --push",
            "--push",
            "`plan` sends nothing; use `ocipatch apply --check fix.yaml app.tar --push`",
        ),
        (
            "-q plan fix.yaml app.tar -o out.tar",
            "-o",
            "`plan` writes nothing; use `ocipatch -q apply fix.yaml app.tar -o out.tar`",
        ),
        (
            "unpack app.tar -o new",
            "-o",
            "`unpack` takes the new directory after the image: `ocipatch unpack app.tar new`",
        ),
        (
            "apply -f fix.yaml app.tar -o out.tar",
            "-f",
            "patches come first, the image last: `ocipatch apply fix.yaml app.tar -o out.tar`",
        ),
        (
            "check --build-arg a=secret fix.yaml",
            "--build-arg",
            "use `ocipatch check --arg a=… fix.yaml`",
        ),
        (
            "apply fix.yaml app.tar -t app:2 -o out.tar",
            "-t",
            "write `- retag: [\"app:2\"]` in the patch",
        ),
        (
            "apply fix.yaml app.tar --label a=b -o out.tar",
            "--label",
            "write `- set-label: { name: value }` in the patch",
        ),
    ] {
        let command = line.trim_start_matches("-q ").split(' ').next().unwrap();
        let error = format!("`{command}` has no option `{option}`");
        told(&home, 2, &[[line, &error, help]]);
    }
    // Where 2 says that something changes, this is 3.
    let (_, stderr) = home.ends(3, "plan --detailed-exitcode fix.yaml app.tar --push");
    assert!(stderr.contains("apply --check"), "{stderr}");
    // What no program has is left to the nearest name.
    let (_, stderr) = home.ends(2, "apply fix.yaml app.tar --outpt out.tar");
    assert!(stderr.contains("'--output'"), "{stderr}");
}

#[test]
fn a_fleet_without_a_lock_is_told_what_writes_it() {
    let home = Home::new();
    let help = "`ocipatch fleet lock` writes it, beside the file of the fleet";
    for (line, name) in [
        ("fleet plan", "fleet.lock"),
        ("fleet apply", "fleet.lock"),
        ("fleet status", "fleet.lock"),
        ("fleet plan no.lock", "no.lock"),
    ] {
        told(
            &home,
            2,
            &[[line, &format!("there is no lock `{name}`"), help]],
        );
    }
}

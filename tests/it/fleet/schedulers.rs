//! The recipes of `patches/fleet/`: each is run with the variables that its scheduler sets, and GNU parallel runs its own.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use ocipatch::fleet::FleetFile;
use ocipatch::ledger::Ledger;
use serde_json::Value;

use super::home::Home;
use crate::binary::{NO_CACHE, command};
use crate::engine::tool;

fn recipe(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("patches/fleet")
        .join(name)
}

fn yaml(name: &str) -> Value {
    serde_yaml::from_str(&fs::read_to_string(recipe(name)).unwrap()).unwrap()
}

/// A program that finds `ocipatch` and is in the directory of the lock.
fn program(name: impl AsRef<std::ffi::OsStr>, home: &Home) -> Command {
    let binary = command();
    let binary = Path::new(binary.get_program()).parent().unwrap();
    let path = format!("{}:{}", binary.display(), std::env::var("PATH").unwrap());
    let mut command = Command::new(name);
    command
        .envs(NO_CACHE)
        .env("PATH", path)
        .current_dir(home.path());
    command
}

/// Runs a command and returns how many lines of its messages start with `word`.
fn count(mut command: Command, word: &str) -> usize {
    let output = command.output().unwrap();
    assert!(output.status.success(), "{output:?}");
    let told = String::from_utf8(output.stderr).unwrap();
    let is_it = |line: &&str| line.starts_with(&format!("{word} "));
    told.lines().filter(is_it).count()
}

fn fleet_of(n: usize) -> Home {
    let tags: Vec<String> = (0..n).map(|i| format!("1.4.{i}")).collect();
    let tags: Vec<&str> = tags.iter().map(String::as_str).collect();
    let home = Home::with(&tags);
    home.succeeds("fleet lock");
    home
}

#[test]
fn gnu_parallel_runs_the_shards() {
    if tool("parallel").is_none() {
        return;
    }
    let mut home = fleet_of(8);
    for (word, n) in [("pushed", 8), ("done", 0)] {
        home.server.forget();
        let mut script = program(recipe("parallel"), &home);
        script.arg("3");
        assert_eq!(count(script, word), 8);
        let asked = home.server.requests();
        let is_tag = |it: &&String| it.starts_with("PUT /v2/patched/team/app/manifests/1.4.");
        let given = asked
            .iter()
            .filter(is_tag)
            .filter(|it| it.ends_with(" 201"));
        assert_eq!(given.count(), n, "{asked:?}");
    }
    assert_eq!(home.succeeds("fleet status --exit-code"), "8 done\n");
}

#[test]
fn each_recipe_runs_with_the_variables_of_its_scheduler() {
    let home = fleet_of(16);
    let shell = |line: &str| {
        let mut command = program("sh", &home);
        command.args(["-c", line]);
        command
    };
    let again = || {
        let mut n = 0;
        for i in 0..16 {
            let mut slurm = program(recipe("slurm"), &home);
            slurm.envs([
                ("SLURM_ARRAY_TASK_MIN", "0"),
                ("SLURM_ARRAY_TASK_MAX", "15"),
            ]);
            slurm.envs([
                ("SLURM_ARRAY_TASK_COUNT", "16"),
                ("SLURM_ARRAY_TASK_STEP", "1"),
            ]);
            slurm.env("SLURM_ARRAY_TASK_ID", i.to_string());
            n += count(slurm, if i == 0 { "pushed" } else { "done" });
        }
        n
    };
    // Kubernetes: all but the first pod.
    let job = yaml("kubernetes.yaml");
    let pod = &job["spec"]["template"]["spec"]["containers"][0];
    let n = job["spec"]["completions"].as_u64().unwrap();
    assert_eq!(pod["env"][0]["name"], "OCIPATCH_SHARDS");
    assert_eq!(pod["env"][0]["value"], n.to_string());
    let words: Vec<String> = pod["command"]
        .as_array()
        .unwrap()
        .iter()
        .map(|it| it.as_str().unwrap().to_owned())
        .collect();
    for i in 1..n {
        let mut command = program(&words[0], &home);
        command
            .args(&words[1..])
            .env("OCIPATCH_SHARDS", n.to_string());
        command.env("JOB_COMPLETION_INDEX", i.to_string());
        assert_eq!(count(command, "pushed"), 1);
    }
    // Slurm: what is left.
    assert_eq!(again(), 16);
    let pipeline = yaml("gitlab-ci.yml");
    let n = pipeline["apply"]["parallel"].as_u64().unwrap();
    let line = pipeline["apply"]["script"][0].as_str().unwrap();
    for i in 1..=n {
        let mut command = shell(line);
        command
            .env("CI_NODE_INDEX", i.to_string())
            .env("CI_NODE_TOTAL", n.to_string());
        assert_eq!(count(command, "done"), 2);
    }
    assert_eq!(
        count(shell(pipeline["check"]["script"][0].as_str().unwrap()), "x"),
        0
    );
    let workflow = yaml("github.yml");
    let apply = &workflow["jobs"]["apply"];
    let n = apply["strategy"]["matrix"]["shard"]
        .as_array()
        .unwrap()
        .len();
    let line = apply["steps"][1]["run"].as_str().unwrap();
    for i in 0..n {
        let line = line.replace("${{ strategy.job-index }}", &i.to_string());
        let line = line.replace("${{ strategy.job-total }}", &n.to_string());
        assert_eq!(count(shell(&line), "done"), 2);
    }
}

#[test]
fn the_example_is_a_fleet() {
    let file = FleetFile::read(&recipe("fleet.yaml"), &mut Ledger::default()).unwrap();
    let patches = &file.fleet().patches;
    assert!(
        patches.iter().all(|patch| recipe(patch).is_file()),
        "{patches:?}"
    );
}

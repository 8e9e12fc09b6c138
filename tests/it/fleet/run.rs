//! The entries of a lock, planned and applied: how often the registries are asked, and what one failure does to the others.

use std::sync::Mutex;

use ocipatch::fleet::{
    Action, Lock, Outcome, PatchReader, Placed, Run, Shard, State, counts, report,
};
use ocipatch::reference::Reference;

use super::fake::{Fake, THREADS, digest, lock, patch_reader, write};

const APPLY: Action = Action::Apply { overwrite: false };
const FLEET: &str = "{apiVersion: ocipatch/v1, kind: Fleet, patches: [label.yaml], to: \"localhost/{name}:{tag}\", images: [{from: r.io/app, tags: {glob: [\"*\"]}}]}";
const LABEL: &str = "{apiVersion: ocipatch/v1, operations: [set-label: {a: b}]}";

fn home() -> (tempfile::TempDir, PatchReader, Fake) {
    let temporary = tempfile::tempdir().unwrap();
    write(
        temporary.path(),
        &[("fleet.yaml", FLEET), ("label.yaml", LABEL)],
    );
    let names: Vec<String> = (0..10).map(|i| format!("r.io/app:{i}")).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let patch_reader = patch_reader(temporary.path());
    (temporary, patch_reader, Fake::with(&names))
}

fn run(
    lock: &Lock,
    patch_reader: &PatchReader,
    fake: &Fake,
    shard: &str,
    action: Action,
) -> Vec<Placed<Outcome>> {
    let shard = Shard::parse(shard).unwrap();
    let patches = patch_reader.patches(lock, &shard).unwrap().unwrap();
    let told = Mutex::new(0);
    let run = Run {
        lock,
        shard,
        threads: THREADS,
        world: fake,
    };
    let outcomes = run.each(&patches, action, &|_, _| *told.lock().unwrap() += 1);
    assert_eq!(*told.lock().unwrap(), outcomes.len());
    outcomes
}

fn words(outcomes: &[Placed<Outcome>], action: Action) -> String {
    let found: Vec<&str> = outcomes.iter().map(|it| it.it.word(action)).collect();
    counts(&["pushed", "push", "done", "failed"], &found)
}

fn with_results(lock: &Lock, outcomes: &[Placed<Outcome>]) -> Lock {
    let mut locked = lock.clone();
    for Placed { entry, it } in outcomes {
        if let Outcome::Done(digest) | Outcome::Pushed { digest, .. } = it {
            locked.set_result(&lock.entries()[*entry].to, *digest);
        }
    }
    locked
}

#[test]
fn shards_do_every_entry_once_and_the_second_run_costs_one_request_each() {
    let (_home, patch_reader, fake) = home();
    let lock = lock(&patch_reader, &fake).unwrap();
    fake.asked();
    // Where the lock has no result, an image is planned to know it.
    let mut all = Vec::new();
    for shard in ["0/3", "1/3", "2/3"] {
        all.extend(run(&lock, &patch_reader, &fake, shard, APPLY));
    }
    assert_eq!(words(&all, APPLY), "10 pushed");
    assert_eq!(fake.asked(), [0, 10, 10, 10]);
    let again = run(&lock, &patch_reader, &fake, "0/1", APPLY);
    assert_eq!(words(&again, APPLY), "10 done");
    assert_eq!(fake.asked(), [0, 10, 10, 0]);
    let locked = with_results(&lock, &all);
    assert!(locked.entries().iter().all(|entry| entry.result.is_some()));
    let third = run(&locked, &patch_reader, &fake, "0/1", APPLY);
    assert_eq!(words(&third, APPLY), "10 done");
    assert_eq!(fake.asked(), [0, 10, 0, 0]);
    // A tag that has moved makes no difference: the source is its digest.
    fake.put("r.io/app:3", digest("moved"));
    fake.images.lock().unwrap().remove("localhost/app:3");
    let resumed = run(&locked, &patch_reader, &fake, "0/1", APPLY);
    assert_eq!(words(&resumed, APPLY), "1 pushed, 9 done");
    assert_eq!(fake.asked(), [0, 10, 1, 1]);
}

#[test]
fn a_failed_entry_does_not_stop_the_others() {
    let (_home, patch_reader, mut fake) = home();
    let lock = lock(&patch_reader, &fake).unwrap();
    fake.broken = Some(":4");
    let outcomes = run(&lock, &patch_reader, &fake, "0/1", APPLY);
    assert_eq!(words(&outcomes, APPLY), "9 pushed, 1 failed");
    let failed = &outcomes[4];
    assert_eq!(
        failed.it.line(&lock.entries()[failed.entry], APPLY),
        "failed localhost/app:4: the archive has no entry `r.io/app:4`, which the test names"
    );
    let report = report(&lock, Shard::default(), APPLY, &outcomes);
    assert_eq!(report["images"][4]["state"], "failed");
    assert_eq!(report["images"][5]["state"], "pushed");
    assert_eq!(report["images"][5]["from"], "r.io/app:5");
}

#[test]
fn a_plan_sends_nothing_and_says_what_apply_does() {
    let (_home, patch_reader, fake) = home();
    let lock = lock(&patch_reader, &fake).unwrap();
    let planned = run(&lock, &patch_reader, &fake, "0/1", Action::Plan);
    assert_eq!(words(&planned, Action::Plan), "10 push");
    assert_eq!(fake.asked()[3], 0);
    let locked = with_results(&lock, &planned);
    let applied = run(&locked, &patch_reader, &fake, "0/1", APPLY);
    assert_eq!(words(&applied, APPLY), "10 pushed");
    assert_eq!(with_results(&lock, &applied), locked);
    fake.asked();
    let planned = run(&locked, &patch_reader, &fake, "0/1", Action::Plan);
    assert_eq!(words(&planned, Action::Plan), "10 done");
    assert_eq!(fake.asked(), [0, 10, 0, 0]);
}

#[test]
fn a_destination_that_has_another_image_is_left_alone() {
    let (_home, patch_reader, fake) = home();
    let lock = lock(&patch_reader, &fake).unwrap();
    fake.put("localhost/app:2", digest("theirs"));
    let outcomes = run(&lock, &patch_reader, &fake, "0/1", APPLY);
    assert_eq!(words(&outcomes, APPLY), "9 pushed, 1 failed");
    let refused = format!(
        "failed localhost/app:2: `localhost/app:2` has the image `{}` already; `--overwrite` replaces it",
        digest("theirs")
    );
    assert_eq!(outcomes[2].it.line(&lock.entries()[2], APPLY), refused);
    // With the result in the lock, that is known before anything is planned.
    let planned = run(&lock, &patch_reader, &fake, "0/1", Action::Plan);
    let locked = with_results(&lock, &planned);
    fake.asked();
    let outcomes = run(&locked, &patch_reader, &fake, "2/10", APPLY);
    assert_eq!(outcomes[0].it.line(&locked.entries()[2], APPLY), refused);
    assert_eq!(fake.asked(), [0, 1, 0, 0]);
    let overwrite = Action::Apply { overwrite: true };
    let outcomes = run(&locked, &patch_reader, &fake, "0/1", overwrite);
    assert_eq!(words(&outcomes, overwrite), "1 pushed, 9 done");
    let Outcome::Pushed { replaced, .. } = &outcomes[2].it else {
        panic!()
    };
    assert_eq!(*replaced, Some(digest("theirs")));
}

#[test]
fn a_result_that_is_not_the_locked_one_is_not_pushed() {
    let (_home, patch_reader, fake) = home();
    let mut lock = lock(&patch_reader, &fake).unwrap();
    lock.set_result(&Reference::parse("localhost/app:7").unwrap(), digest("x"));
    let outcomes = run(&lock, &patch_reader, &fake, "0/1", APPLY);
    assert_eq!(words(&outcomes, APPLY), "9 pushed, 1 failed");
    let line = outcomes[7].it.line(&lock.entries()[7], APPLY);
    assert!(line.starts_with(
        "failed localhost/app:7: the digest of the patched image for `localhost/app:7` is `sha256:"
    ));
    assert!(line.ends_with(&format!("not `{}`", digest("x"))), "{line}");
    assert!(!fake.images.lock().unwrap().contains_key("localhost/app:7"));
}

#[test]
fn patches_that_are_not_those_of_the_lock_are_refused_before_anything_is_asked() {
    let (home, patch_reader, fake) = home();
    let lock = lock(&patch_reader, &fake).unwrap();
    fake.asked();
    write(
        home.path(),
        &[("label.yaml", &LABEL.replace("a: b", "a: c"))],
    );
    let drifted = patch_reader
        .patches(&lock, &Shard::default())
        .unwrap()
        .unwrap_err();
    assert_eq!(drifted.len(), 1);
    assert_eq!(drifted[0].patches, ["label.yaml"]);
    assert_eq!(drifted[0].locked, lock.recipes()[0].inputs);
    assert_eq!(fake.asked(), [0, 0, 0, 0]);
    // A shard without entries needs no patches.
    let shard = Shard::parse("11/12").unwrap();
    assert!(
        patch_reader
            .patches(&lock, &shard)
            .unwrap()
            .unwrap()
            .is_empty()
    );
}

#[test]
fn status_asks_once_for_each_destination() {
    let (_home, patch_reader, fake) = home();
    let lock = lock(&patch_reader, &fake).unwrap();
    let planned = run(&lock, &patch_reader, &fake, "0/1", Action::Plan);
    let mut locked = lock.clone();
    for (i, Placed { it, .. }) in planned.iter().enumerate() {
        if let (Outcome::Pushed { digest, .. }, true) = (it, i != 3) {
            locked.set_result(&lock.entries()[i].to, *digest);
            fake.put(&lock.entries()[i].to.full(), *digest);
        }
    }
    fake.put("localhost/app:2", digest("theirs"));
    fake.put("localhost/app:3", digest("some"));
    fake.images.lock().unwrap().remove("localhost/app:4");
    fake.asked();
    let run = Run {
        lock: &locked,
        shard: Shard::default(),
        threads: THREADS,
        world: &fake,
    };
    let states: Vec<String> = run
        .states()
        .iter()
        .map(|it| it.it.word().to_owned())
        .collect();
    assert_eq!(fake.asked(), [0, 10, 0, 0]);
    let mut wanted = ["done"; 10];
    (wanted[2], wanted[3], wanted[4]) = ("other", "unknown", "missing");
    assert_eq!(states, wanted);
    let State::Other(found) = run.states()[2].it else {
        panic!()
    };
    assert_eq!(found, digest("theirs"));
}

#[test]
fn results_are_kept_for_what_stays_the_same() {
    let (home, patch_reader, fake) = home();
    let first = lock(&patch_reader, &fake).unwrap();
    let planned = run(&first, &patch_reader, &fake, "0/1", Action::Plan);
    let locked = with_results(&first, &planned);
    fake.put("r.io/app:3", digest("moved"));
    let mut second = lock(&patch_reader, &fake).unwrap();
    second.take_results(&locked);
    let without = |lock: &Lock| {
        lock.entries()
            .iter()
            .filter(|it| it.result.is_none())
            .count()
    };
    assert_eq!(without(&second), 1);
    write(
        home.path(),
        &[("label.yaml", &LABEL.replace("a: b", "a: c"))],
    );
    let mut third = lock(&patch_reader, &fake).unwrap();
    third.take_results(&locked);
    assert_eq!(without(&third), 10);
}

#[test]
fn what_a_registry_lost_for_a_moment_is_sent_again_after_all_others() {
    let (_home, patch_reader, mut fake) = home();
    let lock = lock(&patch_reader, &fake).unwrap();
    fake.asked();
    fake.n_flaky = Mutex::new(3);
    let outcomes = run(&lock, &patch_reader, &fake, "0/1", APPLY);
    assert_eq!(words(&outcomes, APPLY), "10 pushed");
    assert_eq!(fake.asked()[2], 13);
    // One that fails for good is told once.
    fake.images
        .lock()
        .unwrap()
        .retain(|name, _| !name.starts_with("localhost/"));
    fake.n_flaky = Mutex::new(usize::MAX);
    let outcomes = run(&lock, &patch_reader, &fake, "0/10", APPLY);
    assert_eq!(words(&outcomes, APPLY), "1 failed");
    assert_eq!(fake.asked()[2], 3);
}

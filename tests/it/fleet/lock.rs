//! The lock as text: what is written is what is read, and nothing else is.

use ocipatch::digest::Digest;
use ocipatch::fleet::{Entry, Lock, Recipe, Unlockable};
use ocipatch::platform::PlatformPattern;
use ocipatch::reference::Reference;

fn digest(text: &str) -> Digest {
    Digest::of(text.as_bytes())
}

fn recipe(name: &str) -> Recipe {
    Recipe {
        inputs: digest(name),
        patches: vec![format!("{name}.yaml")],
        args: vec![
            ("A".to_owned(), "\"\n".to_owned()),
            ("b-c".to_owned(), String::new()),
        ],
        platform: PlatformPattern::parse("linux/arm64"),
    }
}

fn entry(to: &str, from: &str, recipe: usize) -> Entry {
    Entry {
        to: Reference::parse(to).unwrap(),
        from: Reference::parse(from).unwrap(),
        digest: digest(from),
        recipe,
        result: (recipe == 0).then(|| digest(to)),
    }
}

fn lock() -> Lock {
    let recipes = vec![
        recipe("one"),
        recipe("two"),
        recipe("unused"),
        recipe("one"),
    ];
    let entries = vec![
        entry("r.example.com/b:1", "r.example.com/team/b:1", 1),
        entry("r.example.com/a:2", "nginx:1.27", 0),
        entry("r.example.com/a:10", "nginx:1.27", 3),
    ];
    Lock::new(&recipes, entries).unwrap()
}

fn read(text: &str) -> Result<Lock, String> {
    Lock::read("fleet.lock", text.as_bytes()).map_err(|error| error.to_string())
}

#[test]
fn a_lock_is_sorted_and_has_a_line_for_each_image() {
    let text = lock().to_string();
    let lines: Vec<&str> = text.lines().collect();
    assert_eq!(
        lines[0],
        r#"{"apiVersion":"ocipatch/v1","kind":"FleetLock"}"#
    );
    let starts = [
        format!(r#"{{"inputs":"{}""#, digest("two")),
        format!(r#"{{"inputs":"{}""#, digest("one")),
        r#"{"to":"r.example.com/a:10""#.to_owned(),
        r#"{"to":"r.example.com/a:2""#.to_owned(),
        r#"{"to":"r.example.com/b:1""#.to_owned(),
    ];
    assert!(digest("two") < digest("one"));
    assert_eq!(lines.len(), 1 + starts.len());
    for (line, start) in lines[1..].iter().zip(&starts) {
        assert!(line.starts_with(start), "{line}");
    }
    assert_eq!(
        lines[5],
        format!(
            r#"{{"to":"r.example.com/b:1","from":"r.example.com/team/b:1","digest":"{}","inputs":"{}"}}"#,
            digest("r.example.com/team/b:1"),
            digest("two")
        )
    );
    assert_eq!(text.matches("docker.io/library/nginx:1.27").count(), 2);
}

#[test]
fn what_is_written_is_what_is_read() {
    let lock = lock();
    assert_eq!(read(&lock.to_string()), Ok(lock));
    assert_eq!(read(&Lock::default().to_string()), Ok(Lock::default()));
}

#[test]
fn every_change_of_a_lock_is_noticed() {
    let text = lock().to_string();
    let lines: Vec<&str> = text.lines().collect();
    // Every byte: another one in its place is refused, or is another lock.
    let lock = lock();
    for i in 0..text.len() {
        for byte in [b'0', b' ', b'"', b'\n', 0xff] {
            let mut bytes = text.clone().into_bytes();
            if bytes[i] != byte {
                bytes[i] = byte;
                let found = Lock::read("fleet.lock", bytes.as_slice());
                assert!(found.ok().as_ref() != Some(&lock), "{i} {byte}");
            }
        }
        let cut = Lock::read("fleet.lock", &text.as_bytes()[..i]);
        let is_end_of_line = i > 0 && text.as_bytes()[i - 1] == b'\n';
        assert!(cut.is_err() || is_end_of_line, "{i}");
    }
    let swapped = |a: usize, b: usize| {
        let mut lines = lines.clone();
        lines.swap(a, b);
        lines.join("\n") + "\n"
    };
    let again = "; write the lock again with `ocipatch fleet lock`";
    let place = |line: usize, what: &str| {
        format!("`fleet.lock`: line {line}: the {what} is not in its place{again}")
    };
    assert_eq!(read(&swapped(1, 2)).unwrap_err(), place(3, "recipe"));
    assert_eq!(read(&swapped(3, 4)).unwrap_err(), place(5, "image"));
    assert_eq!(
        read(&text.replace(r#","inputs""#, r#", "inputs""#)).unwrap_err(),
        format!("`fleet.lock`: line 4: it is not spelled as it is written{again}")
    );
    let twice = [&lines[..5], &lines[4..]].concat().join("\n") + "\n";
    assert_eq!(
        read(&twice).unwrap_err(),
        "`fleet.lock`: line 6: another image has the destination `r.example.com/a:2`"
    );
    let unknown = text.replace(
        &format!(r#""inputs":"{}"}}"#, digest("two")),
        &format!(r#""inputs":"{}"}}"#, digest("x")),
    );
    assert_eq!(
        read(&unknown).unwrap_err(),
        format!("`fleet.lock`: line 6: there is no recipe `{}`", digest("x"))
    );
    let unused = [&lines[..3], &lines[3..5]].concat().join("\n") + "\n";
    assert_eq!(
        read(&unused).unwrap_err(),
        format!("`fleet.lock`: line 2: no image has this recipe{again}")
    );
    let more = text.replace(r#"{"to""#, r#"{"note":"","to""#);
    assert_eq!(
        read(&more).unwrap_err(),
        format!(
            "`fleet.lock`: line 4: unknown field `note`, expected one of `to`, `from`, `digest`, `inputs`, `result`{again}"
        )
    );
    let conflict = text.replace(
        r#"{"to":"r.example.com/b"#,
        "<<<<<<< HEAD\n{\"to\":\"r.example.com/b",
    );
    assert_eq!(
        read(&conflict).unwrap_err(),
        format!("`fleet.lock`: line 6: a merge left its conflict here{again}")
    );
}

#[test]
fn what_is_no_lock_is_refused() {
    let no_lock = "`fleet.yaml`: line 1: this is not the lock of a fleet; name the lock, which `ocipatch fleet lock` writes beside the fleet file";
    for text in ["apiVersion: ocipatch/v1\nkind: Fleet\n", "{}\n", "\n"] {
        let error = Lock::read("fleet.yaml", text.as_bytes()).unwrap_err();
        assert_eq!(error.to_string(), no_lock, "{text}");
    }
    assert!(
        read("")
            .unwrap_err()
            .contains("line 1: the file ends in the middle of it")
    );
    let newer = "{\"apiVersion\":\"ocipatch/v2\",\"kind\":\"FleetLock\"}\n";
    assert!(
        read(newer)
            .unwrap_err()
            .contains("this version of ocipatch reads")
    );
    // A line without an end does not fill the memory.
    let endless = std::io::BufReader::new(std::io::Read::take(std::io::repeat(b' '), 1 << 40));
    let error = Lock::read("fleet.lock", endless).unwrap_err().to_string();
    assert_eq!(error, "`fleet.lock`: line 1: it is too long");
}

#[test]
fn a_destination_belongs_to_one_image_and_is_no_source() {
    let new = |pairs: &[(&str, &str)]| {
        let entries = pairs.iter().map(|(to, from)| entry(to, from, 0)).collect();
        Lock::new(&[recipe("one")], entries)
    };
    let reference = |name: &str| Reference::parse(name).unwrap();
    assert!(new(&[("x/a:1", "x/b:1"), ("x/a:2", "x/b:1")]).is_ok());
    assert_eq!(
        new(&[("x/a:1", "x/b:1"), ("docker.io/x/a:1", "x/b:2")]),
        Err(Unlockable::SameDestination(reference("x/a:1")))
    );
    for pairs in [
        &[("x/a:1", "x/a:1")][..],
        &[("x/a:1", "x/b:1"), ("x/c:1", "x/a:1")],
        &[("x/a:1", "x/b:1"), ("x/b:1", "x/a:1")],
    ] {
        assert!(
            matches!(new(pairs), Err(Unlockable::DestinationIsSource(_))),
            "{pairs:?}"
        );
    }
}

#[test]
fn a_destination_that_became_a_source_is_told_by_its_line() {
    for n_recipes in [1, 2, 3] {
        let recipes: Vec<Recipe> = ["one", "two", "three"][..n_recipes]
            .iter()
            .map(|it| recipe(it))
            .collect();
        let entries = (0..4).map(|i| {
            entry(
                &format!("r.io/to:{i}"),
                &format!("r.io/from:{i}"),
                i % n_recipes,
            )
        });
        let text = Lock::new(&recipes, entries.collect()).unwrap().to_string();
        let text = text.replace("r.io/from:3", "r.io/to:1");
        let line = 1 + n_recipes + 2;
        assert_eq!(
            text.lines().nth(line - 1).unwrap().find("r.io/to:1"),
            Some(7)
        );
        assert_eq!(
            read(&text).unwrap_err(),
            format!(
                "`fleet.lock`: line {line}: the destination `r.io/to:1` is the source of an image"
            )
        );
    }
}

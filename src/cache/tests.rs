//! Records that somebody else has written, the directory, and the limits.
//! One file because they share one layer and the way to forge its record.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::cell::Cell;
use std::fs;
use std::io::{self, Read as _, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use tempfile::TempDir;

use super::directory::Directory;
use super::{
    Cache, MAX_RECORD_BYTES, MAX_RECORDS, Recorder, Replay, Replayed, name, tag, title, title_bytes,
};
use crate::digest::Digest;
use crate::tarball::{Input, Interrupted, Stream, TarReader};

/// A layer, as little as it may look like one.
const LAYER: &[u8] = b"header one|data one|header two|";
/// What is done with it: read so many bytes, then pass over so many.
const STEPS: [(usize, u64); 3] = [(10, 0), (1, 9), (10, 1)];

struct Home {
    directory: TempDir,
    cache: Cache,
}

impl Home {
    fn new() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let cache = Cache::at(&directory.path().join("cache"));
        assert!(cache.start().is_some());
        Self { directory, cache }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join("cache").join(name)
    }

    fn names(&self) -> Vec<String> {
        let items = fs::read_dir(self.directory.path().join("cache")).unwrap();
        let names = items.map(|item| item.unwrap().file_name().into_string().unwrap());
        let mut names: Vec<String> = names.collect();
        names.sort();
        names
    }

    /// Has the layer read as [`STEPS`] say, and recorded as that of `blob`.
    fn record(&self, blob: Digest) {
        let mut recording = self.cache.start().unwrap();
        let mut input = Recorder::new(LAYER, &mut recording);
        assert_eq!(walk(&mut input).unwrap(), walk(&mut Stream(LAYER)).unwrap());
        recording.keep(blob, 7);
    }

    /// Writes a record with a body of somebody's own.
    fn forge(&self, blob: Digest, body: &[u8]) -> PathBuf {
        let body = zstd::encode_all(body, 1).unwrap();
        let title = title(blob, Digest::of(&body));
        let path = self.path(&name(blob, 7));
        write_private(&path, &[title.as_bytes(), &body].concat());
        path
    }

    fn find(&self, blob: Digest) -> Option<Replay> {
        self.cache.find(blob, 7)
    }

    /// Passes over `at` bytes and reads `n_read`, for which the layer has to be opened.
    #[track_caller]
    fn needs_layer(&self, at: usize, n_read: usize) {
        let part = |input: &mut dyn Input| {
            input.skip(at as u64)?;
            let mut bytes = vec![0; n_read];
            input.read_exact(&mut bytes)?;
            Ok(bytes)
        };
        let (walked, is_opened) = replayed(self.find(blob()).unwrap(), part);
        assert_eq!(walked.unwrap(), &LAYER[at..at + n_read], "{at}");
        assert!(is_opened, "{at}");
    }
}

fn write_private(path: &Path, bytes: &[u8]) {
    let mut options = fs::OpenOptions::new();
    options.write(true).create(true).truncate(true).mode(0o600);
    options.open(path).unwrap().write_all(bytes).unwrap();
}

/// Reads and passes over as [`STEPS`] say.
fn walk(input: &mut impl Input) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    for (n_read, n_skipped) in STEPS {
        let at = bytes.len();
        bytes.resize(at + n_read, 0);
        input.read_exact(&mut bytes[at..])?;
        input.skip(n_skipped)?;
    }
    Ok(bytes)
}

/// Walks through a record in front of the layer; returns also whether that was opened.
fn replayed(
    record: Replay,
    walk: impl FnOnce(&mut dyn Input) -> io::Result<Vec<u8>>,
) -> (io::Result<Vec<u8>>, bool) {
    let is_opened = Cell::new(false);
    let open = || {
        is_opened.set(true);
        Ok(Box::new(Stream(LAYER)) as Box<dyn Input>)
    };
    let walked = walk(&mut Replayed::new(record, open));
    (walked, is_opened.get())
}

impl Input for &mut dyn Input {
    fn skip(&mut self, n: u64) -> io::Result<()> {
        (**self).skip(n)
    }
}

fn blob() -> Digest {
    Digest::of(b"stored")
}

#[test]
fn what_was_read_is_read_again_without_the_layer() {
    let home = Home::new();
    assert!(!home.cache.may_have(7));
    home.record(blob());
    assert!(home.cache.may_have(7) && !home.cache.may_have(8));
    assert_eq!(home.names(), [name(blob(), 7)]);
    let (walked, is_opened) = replayed(home.find(blob()).unwrap(), |mut input| walk(&mut input));
    assert_eq!(
        (walked.unwrap(), is_opened),
        (walk(&mut Stream(LAYER)).unwrap(), false)
    );
    assert!(home.find(Digest::of(b"other")).is_none());
    assert!(home.cache.find(blob(), 8).is_none());
    let mode = |path: &Path| fs::metadata(path).unwrap().mode() & 0o777;
    assert_eq!(mode(&home.path("")), 0o700);
    assert_eq!(mode(&home.path(&name(blob(), 7))), 0o600);
}

#[test]
fn a_record_ends_where_the_stream_does() {
    let home = Home::new();
    let mut recording = home.cache.start().unwrap();
    let mut input = Recorder::new(LAYER, &mut recording);
    assert!(input.skip(1000).is_err());
    assert!(input.read(&mut [0; 4]).unwrap() == 0);
    recording.keep(blob(), 7);
    let ends = |input: &mut dyn Input| {
        input.skip(LAYER.len() as u64)?;
        assert_eq!(input.read(&mut [0; 4])?, 0);
        assert_eq!(
            input.skip(1).unwrap_err().kind(),
            io::ErrorKind::UnexpectedEof
        );
        assert_eq!(input.read(&mut [0; 4])?, 0);
        input.skip(0)?;
        Ok(Vec::new())
    };
    let (walked, is_opened) = replayed(home.find(blob()).unwrap(), ends);
    walked.unwrap();
    assert!(!is_opened);
}

/// Numbers that look random (xorshift).
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    fn below(&mut self, n: u64) -> u64 {
        self.next() % n
    }

    fn index(&mut self, n: usize) -> usize {
        usize::try_from(self.below(n as u64)).unwrap()
    }
}

/// Reads and passes over at random, also beyond the end; returns what came of each step.
fn wander(input: &mut dyn Input, steps: &[(bool, u64)]) -> Vec<Result<Vec<u8>, io::ErrorKind>> {
    let step = |&(is_read, n): &(bool, u64)| {
        if !is_read {
            return input.skip(n).map(|()| Vec::new());
        }
        let mut bytes = Vec::new();
        (&mut *input).take(n).read_to_end(&mut bytes)?;
        Ok(bytes)
    };
    let results = steps.iter().map(step);
    results
        .map(|result| result.map_err(|error| error.kind()))
        .collect()
}

/// Whoever reads a layer from a record, in whatever way, gets what the layer has.
#[test]
fn a_record_and_its_layer_cannot_be_told_apart() {
    let home = Home::new();
    let mut random = Random(7);
    for round in 0..400 {
        let steps = |random: &mut Random| {
            let mut steps = Vec::new();
            for _ in 0..random.below(9) {
                steps.push((random.below(2) == 0, random.below(12)));
            }
            steps
        };
        let recorded = steps(&mut random);
        let mut recording = home.cache.start().unwrap();
        let expected = wander(&mut Stream(LAYER), &recorded);
        let found = wander(&mut Recorder::new(LAYER, &mut recording), &recorded);
        assert_eq!(found, expected);
        recording.keep(blob(), 7);
        let is_opened = Cell::new(false);
        for steps in [recorded.clone(), steps(&mut random), steps(&mut random)] {
            is_opened.set(false);
            let open = || {
                is_opened.set(true);
                Ok(Box::new(Stream(LAYER)) as Box<dyn Input>)
            };
            let mut input = Replayed::new(home.find(blob()).unwrap(), open);
            let found = wander(&mut input, &steps);
            let expected = wander(&mut Stream(LAYER), &steps);
            assert_eq!(found, expected, "{round}: {recorded:?}, then {steps:?}");
            assert!(steps != recorded || !is_opened.get(), "{round}");
        }
    }
}

/// Items with lengths at random, some of which are true.
#[test]
fn no_body_is_worse_than_wrong_bytes() {
    let home = Home::new();
    let mut random = Random(11);
    for _ in 0..400 {
        let mut body = Vec::new();
        for _ in 0..random.below(6) {
            body.push([tag::READ, tag::SKIPPED, tag::SKIPPED, tag::END, b'x'][random.index(5)]);
            let n = random.next() >> random.below(64);
            body.extend(n.to_le_bytes());
            body.extend(&LAYER[..random.index(20)]);
        }
        home.forge(blob(), &body);
        let open = || Ok(Box::new(Stream(LAYER)) as Box<dyn Input>);
        let mut input = Replayed::new(home.find(blob()).unwrap(), open);
        let mut reader = TarReader::new(&mut input as &mut dyn Input);
        while matches!(reader.next(), Ok(Some(_))) {}
    }
}

#[test]
fn what_a_record_lacks_is_read_from_the_layer() {
    let home = Home::new();
    home.record(blob());
    for (at, n_read) in [(0, LAYER.len()), (4, 12), (11, 3), (12, 5), (20, 11)] {
        home.needs_layer(at, n_read);
    }
}

#[test]
fn an_item_that_is_cut_is_read_from_the_layer() {
    let home = Home::new();
    let body = [&[tag::READ][..], &4_u64.to_le_bytes(), b"hea"].concat();
    home.forge(blob(), &body);
    for (at, n_read) in [(4, 0), (4, 3), (3, 1), (0, 4)] {
        home.needs_layer(at, n_read);
    }
}

#[test]
fn what_is_interrupted_is_recorded_as_well() {
    let home = Home::new();
    let mut recording = home.cache.start().unwrap();
    let mut input = Recorder::new(Interrupted::new(LAYER), &mut recording);
    // Who asks for nothing gets nothing, and the stream goes on.
    assert!(input.read(&mut []).is_err());
    assert_eq!(input.read(&mut []).unwrap(), 0);
    assert_eq!(walk(&mut input).unwrap(), walk(&mut Stream(LAYER)).unwrap());
    recording.keep(blob(), 7);
    let (walked, is_opened) = replayed(home.find(blob()).unwrap(), |mut input| walk(&mut input));
    assert_eq!(
        (walked.unwrap(), is_opened),
        (walk(&mut Stream(LAYER)).unwrap(), false)
    );
}

#[test]
fn what_a_record_has_is_passed_over_without_the_layer() {
    let home = Home::new();
    home.record(blob());
    for at in [1, 10, 11, 20, 25, 30, 31] {
        let pass = |input: &mut dyn Input| input.skip(at).map(|()| Vec::new());
        let (passed, is_opened) = replayed(home.find(blob()).unwrap(), pass);
        assert!(passed.is_ok() && !is_opened, "{at}");
    }
}

#[test]
fn a_damaged_record_is_as_if_it_were_not_there_and_is_replaced() {
    let home = Home::new();
    home.record(blob());
    let path = home.path(&name(blob(), 7));
    let good = fs::read(&path).unwrap();
    for i in 0..good.len() {
        let mut damaged = good.clone();
        damaged[i] ^= 0x10;
        write_private(&path, &damaged);
        assert!(home.find(blob()).is_none(), "byte {i}");
        write_private(&path, &good[..i]);
        assert!(home.find(blob()).is_none(), "first {i}");
    }
    let longer = [&good[..], b"x"].concat();
    let text = String::from_utf8_lossy(&good).replace("version 1", "version 2");
    for other in [&longer[..], text.as_bytes(), b"", &[0; 300]] {
        write_private(&path, other);
        assert!(home.find(blob()).is_none());
        home.record(blob());
        assert_eq!(fs::read(&path).unwrap(), good);
    }
    // That of another blob, under this name.
    home.record(Digest::of(b"other"));
    fs::rename(home.path(&name(Digest::of(b"other"), 7)), &path).unwrap();
    assert!(home.find(blob()).is_none());
}

#[test]
fn what_a_record_says_is_never_trusted_for_more_than_bytes() {
    let item = |tag: u8, n: u64| [&[tag][..], &n.to_le_bytes()].concat();
    let home = Home::new();
    let wanted = walk(&mut Stream(LAYER)).unwrap();
    for body in [
        Vec::new(),
        b"no tag".to_vec(),
        item(tag::READ, 10),
        item(tag::READ, u64::MAX),
        item(tag::READ, 1 << 31),
        [item(tag::READ, 4), b"head".to_vec()].concat(),
        [item(tag::READ, 4), b"hea".to_vec()].concat(),
        [
            item(tag::READ, 4),
            b"head".to_vec(),
            item(tag::SKIPPED, u64::MAX),
        ]
        .concat(),
        item(tag::SKIPPED, 1),
        [item(tag::READ, 0), item(tag::SKIPPED, 0), b"r1".to_vec()].concat(),
    ] {
        home.forge(blob(), &body);
        let record = home.find(blob()).unwrap();
        let (walked, is_opened) = replayed(record, |mut input| walk(&mut input));
        assert_eq!(walked.unwrap(), wanted, "{body:?}");
        assert!(is_opened);
    }
    // Offsets of a stream that is longer than any file would overflow.
    let far = [item(tag::SKIPPED, (1 << 56) - 1), item(tag::SKIPPED, 2)].concat();
    home.forge(blob(), &far);
    let far = |input: &mut dyn Input| input.skip((1 << 56) + 1).map(|()| Vec::new());
    let (walked, is_opened) = replayed(home.find(blob()).unwrap(), far);
    assert!(walked.is_err() && is_opened);
    // No zstd at all, with the right digest.
    let title = title(blob(), Digest::of(b"plain"));
    write_private(
        &home.path(&name(blob(), 7)),
        format!("{title}plain").as_bytes(),
    );
    if let Some(record) = home.find(blob()) {
        let (walked, _) = replayed(record, |mut input| walk(&mut input));
        assert_eq!(walked.unwrap(), wanted);
    }
}

#[test]
fn a_record_that_gets_too_large_is_given_up() {
    let home = Home::new();
    let mut recording = home.cache.start().unwrap();
    let mut random = Random(1);
    let zeros = io::repeat(0).take(80 << 20);
    let mut input = Recorder::new(zeros, &mut recording);
    let mut noise = vec![0; 1 << 16];
    while input.read(&mut noise).unwrap() > 0 {}
    recording.keep(blob(), 7);
    assert!(home.find(blob()).is_some(), "zeros take no room");
    let mut recording = home.cache.start().unwrap();
    for _ in 0..1100 {
        for eight in noise.chunks_exact_mut(8) {
            eight.copy_from_slice(&random.next().to_le_bytes());
        }
        let mut input = Recorder::new(&noise[..], &mut recording);
        let n_read = input.read(&mut vec![0; 1 << 16]).unwrap();
        assert_eq!(n_read, noise.len());
    }
    recording.keep(Digest::of(b"large"), 7);
    assert!(home.find(Digest::of(b"large")).is_none());
    assert_eq!(home.names().len(), 1);
}

/// Makes a file that was used so many minutes ago.
fn aged(path: &Path, n_bytes: u64, minutes: u64) {
    write_private(path, b"");
    let file = fs::OpenOptions::new().write(true).open(path).unwrap();
    file.set_len(n_bytes).unwrap();
    let then = SystemTime::now() - Duration::from_secs(60 * minutes);
    file.set_modified(then).unwrap();
}

#[test]
fn the_files_that_are_unused_longest_make_room() {
    let home = Home::new();
    let old = |n: u64| name(Digest::of(&n.to_le_bytes()), n);
    for n in 1..=10 {
        aged(&home.path(&old(n)), 60 << 20, n * 100);
    }
    let foreign = [
        "app.tar",
        "7-app.tar",
        ".hidden",
        "07-x",
        "new",
        "new-",
        "new-app.tar",
        "new-1",
        "new-1-x",
        "new-01-1",
    ];
    for name in foreign {
        aged(&home.path(name), 600 << 20, 1_000_000);
    }
    fs::create_dir(home.path(&old(11))).unwrap();
    std::os::unix::fs::symlink("app.tar", home.path(&old(12))).unwrap();
    home.record(blob());
    let names = home.names();
    for n in 1..=10 {
        assert_eq!(names.contains(&old(n)), n <= 8, "{n}");
    }
    let kept = [&old(11), &old(12), &name(blob(), 7)];
    assert!(kept.iter().all(|name| names.contains(name)), "{names:?}");
    assert!(
        foreign
            .iter()
            .all(|name| names.contains(&(*name).to_owned()))
    );
    // Using one makes it the newest.
    assert!(home.find(blob()).is_some());
    assert!(
        home.cache
            .find(Digest::of(&8_u64.to_le_bytes()), 8)
            .is_none()
    );
    aged(&home.path(&old(13)), 60 << 20, 13);
    home.record(Digest::of(b"next"));
    let names = home.names();
    assert!(
        names.contains(&old(8)) && !names.contains(&old(7)),
        "{names:?}"
    );
}

#[test]
fn there_are_not_too_many_files() {
    let home = Home::new();
    let n = MAX_RECORDS as u64;
    let old = |n: u64| name(Digest::of(&n.to_le_bytes()), n);
    for n in 1..=n {
        aged(&home.path(&old(n)), 1, n);
    }
    home.record(blob());
    let names = home.names();
    assert_eq!(names.len(), MAX_RECORDS);
    assert!(names.contains(&old(n - 1)) && !names.contains(&old(n)));
}

#[test]
fn what_a_killed_run_left_is_removed_after_an_hour() {
    let home = Home::new();
    aged(&home.path("new-1-1"), 10, 61);
    aged(&home.path("new-1-2"), 10, 59);
    home.record(blob());
    assert_eq!(home.names(), [name(blob(), 7), "new-1-2".to_owned()]);
}

struct Broken;

impl io::Read for Broken {
    fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
        Err(io::ErrorKind::InvalidData.into())
    }
}

#[test]
fn one_that_is_not_kept_leaves_nothing() {
    let home = Home::new();
    drop(home.cache.start().unwrap());
    for is_read in [true, false] {
        let mut recording = home.cache.start().unwrap();
        let mut input = Recorder::new(Broken, &mut recording);
        let failed = if is_read {
            input.read(&mut [0; 4]).map(drop)
        } else {
            input.skip(4)
        };
        assert_eq!(failed.unwrap_err().kind(), io::ErrorKind::InvalidData);
        recording.keep(blob(), 7);
    }
    assert_eq!(home.names(), Vec::<String>::new());
}

#[test]
fn files_that_others_could_have_written_are_not_read() {
    let home = Home::new();
    home.record(blob());
    let path = home.path(&name(blob(), 7));
    let bytes = fs::read(&path).unwrap();
    let set_mode = |mode| {
        fs::set_permissions(&path, std::os::unix::fs::PermissionsExt::from_mode(mode)).unwrap();
    };
    for mode in [0o620, 0o602, 0o666] {
        set_mode(mode);
        assert!(home.find(blob()).is_none(), "{mode:o}");
    }
    set_mode(0o600);
    assert!(home.find(blob()).is_some());
    fs::rename(&path, home.path("elsewhere")).unwrap();
    std::os::unix::fs::symlink("elsewhere", &path).unwrap();
    assert!(home.find(blob()).is_none());
    // A link is replaced, not followed.
    home.record(blob());
    assert!(fs::symlink_metadata(&path).unwrap().is_file());
    assert_eq!(fs::read(home.path("elsewhere")).unwrap(), bytes);
    fs::remove_file(&path).unwrap();
    rustix::fs::mknodat(
        rustix::fs::CWD,
        &path,
        rustix::fs::FileType::Fifo,
        rustix::fs::Mode::from(0o600),
        0,
    )
    .unwrap();
    assert!(home.find(blob()).is_none());
    fs::remove_file(&path).unwrap();
    aged(&path, (64 << 20) + 1000, 0);
    assert!(home.find(blob()).is_none());
}

#[test]
fn only_a_directory_of_the_user_alone_is_used() {
    let home = tempfile::tempdir().unwrap();
    let at = |name: &str| home.path().join(name);
    let is_used = |path: &Path| Directory::open(path).is_some();
    let make = |name: &str, mode| {
        let path = at(name);
        fs::DirBuilder::new().create(&path).unwrap();
        fs::set_permissions(&path, std::os::unix::fs::PermissionsExt::from_mode(mode)).unwrap();
        path
    };
    assert!(is_used(&at("new")) && is_used(&at("a/b/c")));
    for above in ["a", "a/b", "a/b/c"] {
        assert_eq!(fs::metadata(at(above)).unwrap().mode() & 0o777, 0o700);
    }
    assert!(is_used(&make("readable", 0o755)));
    assert!(!is_used(&make("group", 0o770)));
    assert!(!is_used(&make("others", 0o703)));
    std::os::unix::fs::symlink("new", at("link")).unwrap();
    assert!(!is_used(&at("link")));
    assert!(Cache::at(&at("link/")).start().is_none());
    fs::write(at("file"), "").unwrap();
    assert!(!is_used(&at("file")) && !is_used(&at("file/below")) && !is_used(Path::new("")));
    if rustix::process::geteuid().is_root() {
        let foreign = make("foreign", 0o755);
        std::os::unix::fs::chown(&foreign, Some(65534), Some(65534)).unwrap();
        assert!(!is_used(&foreign) && !is_used(&foreign.join("below")));
        assert!(!foreign.join("below").exists());
        let below = foreign.join("ours");
        fs::DirBuilder::new().mode(0o700).create(&below).unwrap();
        assert!(is_used(&below));
    }
}

#[test]
fn no_file_is_read_that_is_longer_than_a_record() {
    let home = Home::new();
    let path = home.path(&name(blob(), 7));
    write_private(&path, b"");
    let file = fs::OpenOptions::new().write(true).open(&path).unwrap();
    let limit = title_bytes() + MAX_RECORD_BYTES;
    let directory = Directory::open(&home.path("")).unwrap();
    for (n_bytes, is_read) in [(1, true), (limit, true), (limit + 1, false)] {
        file.set_len(n_bytes).unwrap();
        let read = directory.read(&name(blob(), 7));
        assert_eq!(read.is_some(), is_read, "{n_bytes}");
    }
}

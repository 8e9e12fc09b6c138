//! Every file of `tests/cases` is a sentence about one patch: images and files as text, the patch, and what comes of it.
//!
//! Each is a test of its own, listed in [`each`]. `UPDATE=1` rewrites that list, and what comes of a case. Beside that text, every case
//! obeys the laws of [`laws`].
#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

pub(crate) mod build;
mod describe;
mod each;
mod laws;
pub(crate) mod text;

use std::fmt::Write as _;
use std::io::Write as _;
use std::path::{Path, PathBuf};

use ocipatch::compression::Compression;

use text::{Content, File, Image};

/// Makes a test of each name of a case.
macro_rules! tests {
    ($($name:ident)*) => {$(
        #[test]
        fn $name() {
            super::comes_out_as_written(stringify!($name));
        }
    )*};
}
use tests;

/// Returns the archive that Docker 26 would save of an image that is described as in a case.
pub(crate) fn hybrid_archive(image: &str) -> Vec<u8> {
    build::hybrid(&[Image::parse(image)])
}

/// A case, parsed.
pub(crate) struct Case {
    images: Vec<Image>,
    files: Vec<File>,
    /// Tars beside the patch: name and what is in them.
    tars: Vec<(String, Vec<File>)>,
    environment: Vec<(String, String)>,
    patch: String,
    /// The text up to the expectation, and the expectation.
    given: String,
    expected: String,
}

impl Case {
    fn parse(text: &str) -> Self {
        let mut case = Self {
            images: Vec::new(),
            files: Vec::new(),
            tars: Vec::new(),
            environment: Vec::new(),
            patch: String::new(),
            given: String::new(),
            expected: String::new(),
        };
        let mut rest = text;
        while !rest.is_empty() {
            let (head, after) = rest.split_once(" --\n").expect("a section begins");
            let name = head.strip_prefix("-- ").expect(head);
            let end = after.find("\n-- ").map_or(after.len(), |at| at + 1);
            let (body, next) = after.split_at(end);
            match name {
                "image" => case.images.push(Image::parse(body)),
                "files" => case.files.extend(body.lines().map(File::parse)),
                "environment" => {
                    let pairs = body.lines().map(|line| line.split_once('=').expect(line));
                    case.environment
                        .extend(pairs.map(|(k, v)| (k.to_owned(), v.to_owned())));
                }
                "patch" => body.clone_into(&mut case.patch),
                "plan" | "result" | "problems" => {
                    rest.clone_into(&mut case.expected);
                    break;
                }
                _ => {
                    let tar = name.strip_prefix("tar ").expect(name).to_owned();
                    let files = body.lines().map(File::parse).collect();
                    case.tars.push((tar, files));
                }
            }
            write!(case.given, "-- {name} --\n{body}").unwrap();
            rest = next;
        }
        case
    }

    /// Writes patch and files, in this order or the other way round.
    fn write(&self, directory: &Path, is_reversed: bool) {
        std::fs::write(directory.join("fix.yaml"), &self.patch).unwrap();
        for (name, files) in &self.tars {
            let tar = build::layer(files);
            let is_gzip = name.contains(".tar.");
            let compression = [Compression::None, Compression::Gzip][usize::from(is_gzip)];
            let mut encoder = compression.encoder(Vec::new()).unwrap();
            encoder.write_all(&tar).unwrap();
            std::fs::write(directory.join(name), encoder.finish().unwrap()).unwrap();
        }
        let mut files: Vec<&File> = self.files.iter().collect();
        if is_reversed {
            files.reverse();
        }
        for file in files {
            use std::os::unix::fs::{PermissionsExt, symlink};
            let path = directory.join(&file.path);
            let mode = std::fs::Permissions::from_mode(file.mode);
            match &file.content {
                Content::Directory => std::fs::create_dir_all(&path).unwrap(),
                Content::Text(text) => {
                    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
                    std::fs::write(&path, text).unwrap();
                    std::fs::set_permissions(&path, mode).unwrap();
                }
                Content::Symlink(target) => {
                    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
                    symlink(target, &path).unwrap();
                }
                Content::Hardlink(target) => {
                    std::fs::hard_link(directory.join(target), &path).unwrap();
                }
            }
        }
    }
}

fn directory() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cases")
}

fn case_files() -> Vec<PathBuf> {
    let items = std::fs::read_dir(directory()).unwrap();
    let mut paths: Vec<PathBuf> = items.map(|item| item.unwrap().path()).collect();
    paths.sort();
    assert!(paths.len() >= 25, "{} cases", paths.len());
    paths
}

/// Returns the patch of every case, by its name.
pub(crate) fn patches() -> impl Iterator<Item = (String, Vec<u8>)> {
    case_files().into_iter().map(|path| {
        let case = Case::parse(&std::fs::read_to_string(&path).unwrap());
        let name = path.file_stem().unwrap().to_string_lossy();
        (name.into_owned(), case.patch.into_bytes())
    })
}

/// The first line of the list of tests.
const HEAD: &str = "//! A test of each file of `tests/cases`; `UPDATE=1` renews this list.\n\n";

/// Checks one case, or with `UPDATE=1` writes what comes of it.
fn comes_out_as_written(name: &str) {
    let path = directory().join(format!("{name}.case"));
    let case = Case::parse(&std::fs::read_to_string(&path).unwrap());
    let found = laws::check(&case);
    if std::env::var_os("UPDATE").is_some() {
        std::fs::write(path, format!("{}{found}", case.given)).unwrap();
    } else {
        assert!(found == case.expected, "{name}:\n{found}");
    }
}

#[test]
fn every_case_is_a_test() {
    let paths = case_files();
    let names = paths.iter().map(|path| {
        assert_eq!(path.extension().unwrap(), "case");
        path.file_stem().unwrap().to_str().unwrap()
    });
    let lines = names.clone().map(|name| format!("    {name}\n"));
    let found = format!("{HEAD}super::tests! {{\n{}}}\n", lines.collect::<String>());
    let list = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/cases/each.rs");
    let listed = std::fs::read_to_string(&list).unwrap();
    if std::env::var_os("UPDATE").is_some() {
        let is_new = |name: &&str| !listed.contains(&format!(" {name}\n"));
        names.filter(is_new).for_each(comes_out_as_written);
        std::fs::write(list, found).unwrap();
    } else {
        assert_eq!(found, listed, "`UPDATE=1` lists a new case");
    }
}

//! Every file of `tests/cases` is a sentence about one patch: images and files as text, the patch, and what comes of it.
//!
//! `UPDATE=1` rewrites what comes of it, and `CASE=a_tag_more` runs one alone. Beside that text, every case obeys the laws of [`laws`].
#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

pub(crate) mod build;
mod describe;
mod laws;
pub(crate) mod text;

use std::fmt::Write as _;
use std::io::Write as _;
use std::path::{Path, PathBuf};

use ocipatch::compression::Compression;

use text::{Content, File, Image};

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

fn case_files() -> Vec<PathBuf> {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cases");
    let items = std::fs::read_dir(directory).unwrap();
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

#[test]
fn every_case_comes_out_as_written() {
    let mut paths = case_files();
    if let Some(name) = std::env::var_os("CASE") {
        paths.retain(|path| path.file_stem() == Some(&name));
        assert_eq!(paths.len(), 1, "no such case");
    }
    // Half the cases each: most of the time goes into waiting for the disk.
    let (one, two) = paths.split_at(paths.len() / 2);
    let wrong = std::thread::scope(|scope| {
        let one = scope.spawn(|| check_all(one));
        check_all(two) + &one.join().unwrap()
    });
    assert_eq!(wrong, "");
}

/// Returns what is not as written.
fn check_all(paths: &[PathBuf]) -> String {
    let mut wrong = String::new();
    for path in paths {
        assert_eq!(path.extension().unwrap(), "case");
        let case = Case::parse(&std::fs::read_to_string(path).unwrap());
        let found = std::panic::catch_unwind(|| laws::check(&case))
            .unwrap_or_else(|_| panic!("{} breaks a law", path.display()));
        if std::env::var_os("UPDATE").is_some() {
            std::fs::write(path, format!("{}{found}", case.given)).unwrap();
        } else if found != case.expected {
            writeln!(wrong, "{}:\n{found}", path.display()).unwrap();
        }
    }
    wrong
}

//! Apply a declarative patch file to a container image you already have.
//!
//! ```rust
//! use ocipatch::{Archive, Patches};
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # let temporary = tempfile::tempdir()?;
//! # let output = temporary.path().join("greeter.tar");
//!
//! let patches = Patches::read(["patches/greeter.yaml"])?.parse()?;
//! let archive = Archive::open("tests/fixtures/docker20.tar")?;
//! let plan = archive.plan(&patches)?;
//! println!("{plan}");
//! plan.publish(&output)?;
//! # assert!(output.exists());
//! # Ok(())
//! # }
//! ```
//!
//! Nothing is written before [`Plan::publish`], and then the new archive appears complete or not at all. [`NotPlanned`] tells the
//! two kinds of failure apart: [`Rejected`] has every problem of the patches with its place, and [`Error`] is the first failure of the
//! world. A [`Job`] has what can be chosen: the form of the output, a time, a directory for temporary files, a cache. The library
//! reads no environment variable.
//!
//! # Examples
//!
//! Relabel an image by a patch that a program writes, with a value for an arg:
//!
//! ```
//! use ocipatch::{Archive, ArgValues, PatchTexts};
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # let temporary = tempfile::tempdir()?;
//! # let output = temporary.path().join("relabeled.tar");
//!
//! let text = r#"
//! apiVersion: ocipatch/v1
//! args: { version: { required: true } }
//! operations:
//!   - set-label: { org.opencontainers.image.version: "${version}" }
//! "#;
//! let mut texts = PatchTexts::default();
//! texts.push("relabel.yaml", text.into(), ".")?;
//! let mut values = ArgValues::default();
//! values.given.insert("version".into(), "1.2.3".into());
//! let patches = texts.with_args(&values)?;
//! Archive::open("tests/fixtures/docker26.tar")?.plan(&patches)?.publish(&output)?;
//!
//! let archive = Archive::open(&output)?;
//! let config = String::from_utf8(archive.images()[0].config().to_bytes())?;
//! assert!(config.contains("1.2.3"));
//! # Ok(())
//! # }
//! ```
//!
//! Verify an archive:
//!
//! ```
//! use ocipatch::Archive;
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//!
//! let report = Archive::open("tests/fixtures/docker26.tar")?.verify()?;
//! assert!(report.is_ok(), "{report}");
//! # Ok(())
//! # }
//! ```
//!
//! Compare two archives by meaning:
//!
//! ```
//! use ocipatch::Archive;
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//!
//! let old = Archive::open("tests/fixtures/docker20.tar")?;
//! let new = Archive::open("tests/fixtures/docker20.tar.gz")?;
//! assert!(!old.difference(&new, true)?.changed);
//! # Ok(())
//! # }
//! ```
//!
//! Plan a directory of archives:
//!
//! ```
//! use ocipatch::{Archive, NotPlanned, PatchTexts};
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//!
//! let text = "{apiVersion: ocipatch/v1, operations: [set-label: {team: web}]}";
//! let mut texts = PatchTexts::default();
//! texts.push("team.yaml", text.into(), ".")?;
//! let patches = texts.parse()?;
//! let mut n_changed = 0;
//! for item in std::fs::read_dir("tests/fixtures")? {
//!     let archive = match Archive::open(item?.path()) {
//!         Ok(archive) => archive,
//!         Err(error) => {
//!             eprintln!("{error}");
//!             continue;
//!         }
//!     };
//!     match archive.plan(&patches) {
//!         Ok(plan) => n_changed += usize::from(plan.is_change()),
//!         Err(NotPlanned::Rejected(rejected)) => eprintln!("{rejected}"),
//!         Err(NotPlanned::Failed(error)) => return Err(error.into()),
//!     }
//! }
//! assert!(n_changed > 5);
//! # Ok(())
//! # }
//! ```
//!
//! The items at the root are the library. The modules below them are public for the program and its tests alone: they are not
//! documented here, and change without notice.
//!
//! # How it works
//!
//! ```text
//! fix.yaml ─ PatchFile::parse ─▶ PatchFile ─┐
//!                                           ├─ gather ─▶ Inventory ─ plan ─▶ Plan ─ prepare ─▶ Draft ─ publish ─▶ out.tar
//! app.tar ─ Archive::open ─▶ Archive ───────┘                                                    ▲
//!                               └──────────────── kept bytes, by range ──────────────────────────┘
//! ```
//!
//! Read, decide, derive, write: each is a step of its own, and only the last one changes anything.
//!
//! * A patch is text, then values. Only `patch` and the shapes below it know YAML. What is wrong with a patch is a
//!   `Problem` with a place in the text; all of them are collected.
//! * `gather` reads what planning needs and no more: documents always, the headers of layers where an operation or a
//!   precondition looks into them, contents only for the digests and files that one asks for.
//! * `plan` is pure. It either has a place for every operation, or gives back every problem. Later operations see what
//!   earlier ones did.
//! * `apply` reads and hashes what is added, and has everything derived that depends on the change. From here on all digests
//!   are known, and nothing is written yet: this is what `ocipatch plan` prints.
//! * `archive` writes. Kept entries are ranges of the input, and nobody looks into them.
//!
//! `archive` can also read an archive without believing what it says of its own bytes, for `ocipatch repair`: what names and
//! describes these is derived again by the same rules, and the difference is what was wrong.
//!
//! What is wrong with the world, such as a truncated archive, is an `Error`; the first one ends the work.
//!
//! # Modules, from the bottom up
//!
//! | Module | Holds | Knows nothing of |
//! |---|---|---|
//! | `annotation`, `digest`, `compression`, `reference`, `image_path`, `media_type`, `platform`, `config_field`, `timestamp`, `ordered`, `secret`, `unified_diff` | the vocabulary: values that are checked when they are made | files |
//! | `ledger` | which paths a command reads and writes, and which of them exclude each other | what is in the files |
//! | `base64` | bytes as text | what they are |
//! | `page` | text for people, line by line, in colour or not | what it is about |
//! | `printable` | which characters of a foreign string may be printed | where it is from |
//! | `file_state` | what tells one state of a file from another | what is in it |
//! | `problem`, `error` | what is wrong with a patch, and with the world | YAML |
//! | `tarball` | tar streams as groups of header blocks that are kept as bytes | images |
//! | `image` | JSON documents that keep every byte that nobody changes, and the configuration as a view of one | archives |
//! | `document` | edits of JSON, TOML and YAML texts that keep every byte they are not about | files, images |
//! | `rootfs` | the merged file tree of a stack of layers, from headers alone | where layers lie |
//! | `layer` | new layers: a directory is scanned, laid out over the tree, written as a tar | archives, patches |
//! | `shape` | what the values of a patch look like: each is declared once, and decoded and described in the schema by that | operations |
//! | `edit` | an image between two operations, and what an operation may do to it | the other images |
//! | `operation` | the operations, each in a room of its own: what the author writes, what it needs, what it does | the order in which they come |
//! | `patch` | patch files: text to operations, args, preconditions and target | what operations do |
//! | `registry` | repositories of registries, reached over HTTP: their blobs, manifests, tags; credentials, certificates, retries | archives, patches |
//! | `cache` | the headers of compressed layers that were read before, by the digest of the stored blob | what is in the headers |
//! | `archive` | archives as they lie on disk, what their writers derive, and how a new one gets there | patches |
//! | `gather`, `plan`, `apply` | the main job | the terminal |
//! | `diff` | what differs between two archives, also as a patch | the terminal |
//! | `verify` | an archive checked from its bytes alone | everything that writes |
//! | `look` | one image, looked into: a file's content, the tree, the tree as a tar or a directory, a first patch | plans |
//! | `job` | the door: patches, archive, plan, output; locks, recovery and conflicts of paths are behind it | the terminal, the environment |
//! | `fleet` | many images of registries, patched by one committed file: its lock, its shards, its runs | how a registry is reached, the terminal |
//! | `cli` | arguments, environment, terminal, exit codes | |
//!
//! A layer is its position and not its digest, since an image may have the same layer twice. A `DiffId` is no
//! `Digest`, though both are written alike. Generations of archives are told apart by deriving the archive as it is: the writer whose
//! rules give the ids that are there wrote it.

#[doc(hidden)]
pub mod annotation;
#[doc(hidden)]
pub mod apply;
#[doc(hidden)]
pub mod archive;
#[doc(hidden)]
pub mod author;
mod base64;
#[doc(hidden)]
pub mod cache;
#[doc(hidden)]
pub mod cli;
#[doc(hidden)]
pub mod compression;
#[doc(hidden)]
pub mod config_field;
#[doc(hidden)]
pub mod diff;
#[doc(hidden)]
pub mod digest;
#[doc(hidden)]
pub mod document;
mod edit;
#[doc(hidden)]
pub mod error;
#[doc(hidden)]
pub mod file_state;
#[doc(hidden)]
pub mod fleet;
#[doc(hidden)]
pub mod gather;
#[doc(hidden)]
pub mod image;
#[doc(hidden)]
pub mod image_path;
#[doc(hidden)]
pub mod job;
#[doc(hidden)]
pub mod layer;
#[doc(hidden)]
pub mod ledger;
#[doc(hidden)]
pub mod look;
#[doc(hidden)]
pub mod media_type;
#[doc(hidden)]
pub mod operation;
#[doc(hidden)]
pub mod ordered;
#[doc(hidden)]
pub mod page;
pub mod patch;
#[doc(hidden)]
pub mod plan;
#[doc(hidden)]
pub mod platform;
#[doc(hidden)]
pub mod printable;
#[doc(hidden)]
pub mod problem;
#[doc(hidden)]
pub mod reference;
#[doc(hidden)]
pub mod registry;
#[doc(hidden)]
pub mod rootfs;
#[doc(hidden)]
pub mod secret;
pub(crate) mod shape;
#[doc(hidden)]
pub mod tarball;
#[doc(hidden)]
pub mod timestamp;
#[doc(hidden)]
pub mod unified_diff;
#[doc(hidden)]
pub mod verify;

pub use apply::{ImageSummary, Summary};
pub use archive::{Change, Correction, Destination, Form, Half, Image, Layer};
pub use diff::Difference;
pub use digest::{DiffId, Digest};
pub use error::Error;
pub use gather::{NotPlanned, Patches};
pub use image::Config;
pub use job::{Archive, Input, Job, PatchTexts, Plan, Repair};
pub use patch::ArgValues;
pub use platform::{Platform, PlatformPattern};
pub use problem::{Problem, Rejected};
pub use reference::Reference;
pub use timestamp::Timestamp;
pub use verify::Report;

//! Apply a declarative patch file to a container image you already have.
//!
//! ```rust
//! use ocipatch::archive::{Archive, Destination, Source, publish};
//! use ocipatch::{apply::prepare, gather, patch::PatchFile};
//! # use std::path::Path;
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # let temporary = tempfile::tempdir()?;
//! # let (spool, output) = (temporary.path(), temporary.path().join("greeter.tar"));
//!
//! let file = PatchFile::parse("greeter.yaml", &std::fs::read("patches/greeter.yaml")?)?;
//! let patches = gather::Patches::from((file, gather::Base::of(Path::new("patches/greeter.yaml"))));
//! let archive = Archive::open(Source::open(Path::new("tests/fixtures/docker20.tar"), spool)?)?;
//! let setting = gather::Setting { spool: spool.into(), ..Default::default() };
//! let gathered = gather::gather(&patches, &archive, &setting)?;
//! let plan = gathered.plan()?;
//! let prepared = prepare(&plan, &archive, &gathered.opened, spool)?;
//! println!("{}", prepared.summary);
//! publish(&prepared.revision.draft, &Destination::File(output))?;
//! # assert!(temporary.path().join("greeter.tar").exists());
//! # Ok(())
//! # }
//! ```
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
//! * A patch is text, then values. [`patch`] is the only place that knows YAML. What is wrong with a patch is a
//!   [`problem::Problem`] with a place in the text; all of them are collected.
//! * [`gather`] reads what planning needs and no more: documents always, the headers of layers where files are added,
//!   contents of layers never.
//! * [`plan`] is pure. It either has a place for every operation, or gives back every problem. Later operations see what
//!   earlier ones did.
//! * [`apply`] reads and hashes what is added, and has everything derived that depends on the change. From here on all digests
//!   are known, and nothing is written yet: this is what `ocipatch plan` prints.
//! * [`archive`] writes. Kept entries are ranges of the input, and nobody looks into them.
//!
//! What is wrong with the world, such as a truncated archive, is an [`error::Error`]; the first one ends the work.
//!
//! # Modules, from the bottom up
//!
//! | Module | Holds | Knows nothing of |
//! |---|---|---|
//! | [`annotation`], [`digest`], [`compression`], [`reference`](mod@reference), [`image_path`], [`media_type`], [`platform`], [`config_field`], [`timestamp`], [`ordered`], [`secret`](mod@secret), [`unified_diff`] | the vocabulary: values that are right by existing | files |
//! | [`ledger`] | which paths a command reads and writes, and which of them exclude each other | what is in the files |
//! | [`printable`] | which characters of a foreign string may be printed | where it is from |
//! | [`file_state`] | what tells one state of a file from another | what is in it |
//! | [`problem`], [`error`] | what is wrong with a patch, and with the world | YAML |
//! | [`tarball`] | tar streams as groups of header blocks that are kept as bytes | images |
//! | [`image`] | JSON documents that keep every byte that nobody changes, and the configuration as a view of one | archives |
//! | [`rootfs`] | the merged file tree of a stack of layers, from headers alone | where layers lie |
//! | [`layer`] | new layers: a directory is scanned, laid out over the tree, written as a tar | archives, patches |
//! | [`patch`] | patch files and their schema | images |
//! | [`archive`] | archives as they lie on disk, what their writers derive, and how a new one gets there | patches |
//! | [`gather`](mod@gather), [`plan`](mod@plan), [`apply`](mod@apply) | the main job | the terminal |
//! | [`diff`](mod@diff) | what differs between two archives, also as a patch | the terminal |
//! | [`verify`](mod@verify) | an archive checked from its bytes alone | everything that writes |
//! | [`cli`] | arguments, environment, terminal, exit codes | |
//!
//! A layer is its position and not its digest, since an image may have the same layer twice. A [`digest::DiffId`] is no
//! [`digest::Digest`], though both are written alike. Generations of archives are told apart by deriving the archive as it is: the writer whose
//! rules give the ids that are there wrote it.

pub mod annotation;
pub mod apply;
pub mod archive;
pub mod cli;
pub mod compression;
pub mod config_field;
pub mod diff;
pub mod digest;
pub mod error;
pub mod file_state;
pub mod gather;
pub mod image;
pub mod image_path;
pub mod layer;
pub mod ledger;
pub mod media_type;
pub mod ordered;
pub mod patch;
pub mod plan;
pub mod platform;
pub mod printable;
pub mod problem;
pub mod reference;
pub mod rootfs;
pub mod secret;
pub mod tarball;
pub mod timestamp;
pub mod unified_diff;
pub mod verify;

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
#![doc = include_str!("README.md")]

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
#[doc(hidden)]
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
mod system;
pub mod tarball;
#[doc(hidden)]
pub mod timestamp;
#[doc(hidden)]
pub mod unified_diff;
#[doc(hidden)]
pub mod verify;
#[doc(hidden)]
pub mod watch;

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

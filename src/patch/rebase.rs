//! `rebase`: the base that an image has, and the one that it gets.

use schemars::{JsonSchema, json_schema};

use super::decode::{Field, Problems};
use super::new_file::optional;
use super::node::Value;
use super::paths::source_path;
use super::{pattern, schema};
use crate::problem::{Address, Code};
use crate::reference::Glob;

const HELP: &str = "write both, as in `{ from: old-base.tar, onto: new-base.tar }`";

/// What `rebase` takes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rebase {
    /// The current base of the image.
    pub from: BaseImage,
    /// The new base.
    pub onto: BaseImage,
}

/// An image of another archive.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BaseImage {
    /// The archive, relative to the patch file.
    pub archive: String,
    /// A pattern over the tags, if the archive contains several images.
    pub image: Option<Glob>,
    is_long: bool,
}

impl BaseImage {
    /// Returns the address of the archive, given the one of the base.
    #[must_use]
    pub fn archive_address(&self, base: Address) -> Address {
        if self.is_long {
            base.key("archive")
        } else {
            base
        }
    }

    fn decode(field: &Field<'_>, problems: &mut Problems) -> Option<Self> {
        if !matches!(field.node.value, Value::Map(_)) {
            return Some(Self {
                archive: source_path(field, problems)?,
                image: None,
                is_long: false,
            });
        }
        let record = field.record(&["archive", "image"], problems)?;
        let help = "specify its path, as in `archive: base.tar`";
        let archive = record.require("archive", Code::MissingKey, help, problems);
        let archive = archive.and_then(|archive| source_path(archive, problems));
        let image = optional(&record, "image", problems, |field, problems| {
            let text = field.some_word(problems)?;
            pattern::glob(text, field, problems)
        });
        Some(Self {
            archive: archive?,
            image: image?,
            is_long: true,
        })
    }
}

impl Rebase {
    pub(super) fn decode(field: &Field<'_>, problems: &mut Problems) -> Option<Self> {
        let record = field.record(&["from", "onto"], problems)?;
        let from = record.require("from", Code::MissingKey, HELP, problems);
        let onto = record.require("onto", Code::MissingKey, HELP, problems);
        let from = from.and_then(|from| BaseImage::decode(from, problems));
        let onto = onto.and_then(|onto| BaseImage::decode(onto, problems));
        Some(Self {
            from: from?,
            onto: onto?,
        })
    }
}

schema::schemas! {
    BaseImage, "BaseImage", |generator| json_schema!({
        "description": "An archive or an extracted directory, relative to the patch file, or a map that also selects one of its images",
        "anyOf": [generator.subschema_for::<schema::SomeText>(), generator.subschema_for::<LongBaseImage>()],
    });
}

/// Both bases.
#[derive(JsonSchema)]
#[schemars(rename = "Rebase", deny_unknown_fields, rename_all = "kebab-case")]
#[expect(
    dead_code,
    reason = "the fields are read by the derive, to describe them"
)]
pub(super) struct RebaseSchema {
    /// The current base of the image.
    from: BaseImage,
    /// The new base.
    onto: BaseImage,
}

/// An image of another archive.
#[derive(JsonSchema)]
#[schemars(deny_unknown_fields, rename_all = "kebab-case")]
#[expect(
    dead_code,
    reason = "the fields are read by the derive, to describe them"
)]
struct LongBaseImage {
    /// The archive, or an extracted one, relative to the patch file.
    archive: schema::SomeText,
    /// A pattern over the tags, if the archive contains several images.
    image: Option<Glob>,
}

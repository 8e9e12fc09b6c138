//! Which image of an archive a command looks into.

use clap::Args;

use super::inputs::INPUT;
use super::trust::Trust;
use crate::archive::Half;
use crate::look::Selection;
use crate::patch::ImagePattern;
use crate::platform::PlatformPattern;

/// The options that select one image.
#[derive(Debug, Args)]
pub(super) struct SelectionOptions {
    /// The image, if the archive contains several: a pattern over tags such as `app:*`, or the start of an id, `sha256:4fdc`
    #[arg(long = "image", value_name = "PATTERN", value_parser = image, help_heading = INPUT)]
    image_pattern: Option<ImagePattern>,
    /// The platform of a multi-platform image, such as `linux/arm64`
    #[arg(long, value_name = "PLATFORM", value_parser = platform, help_heading = INPUT)]
    platform: Option<PlatformPattern>,
    /// The document to read if `manifest.json` and `index.json` disagree
    #[arg(long, value_enum, value_name = "DOCUMENT", help_heading = INPUT)]
    trust: Option<Trust>,
}

impl SelectionOptions {
    pub(super) fn selection(&self) -> Selection {
        Selection {
            image: self.image_pattern.clone(),
            platform: self.platform.clone(),
        }
    }

    pub(super) fn is_given(&self) -> bool {
        self.image_pattern.is_some() || self.platform.is_some() || self.trust.is_some()
    }

    pub(super) fn trusted(&self) -> Option<Half> {
        self.trust.map(Into::into)
    }
}

pub(super) fn platform(text: &str) -> Result<PlatformPattern, String> {
    PlatformPattern::parse(text).ok_or_else(|| "expected `os/architecture[/variant]`".to_owned())
}

fn image(text: &str) -> Result<ImagePattern, String> {
    let help = "expected `sha256:` and 4 to 64 lower-case hex digits";
    ImagePattern::parse(text).ok_or_else(|| help.to_owned())
}

//! Numbers of files as the system has them, in the types that they have here: their widths differ from system to system.
//!
//! What only Linux has is behind `all(target_os = "linux", not(ocipatch_portable))` where it is used, with a twin beside it that any
//! Unix has. `--cfg ocipatch_portable` builds and tests the twins on Linux.
#![allow(
    clippy::unnecessary_cast,
    clippy::cast_sign_loss,
    clippy::cast_possible_truncation,
    reason = "each is needed on some system"
)]

use rustix::fs::{Mode, RawMode, Stat};

/// Returns the device that holds a file.
pub(crate) fn device(stat: &Stat) -> u64 {
    stat.st_dev as u64
}

/// Returns how many names a file has.
pub(crate) fn n_links(stat: &Stat) -> u64 {
    stat.st_nlink as u64
}

/// Returns the permissions of a file, set-id and sticky bits included.
pub(crate) fn permissions(stat: &Stat) -> u32 {
    stat.st_mode as u32 & 0o7777
}

/// Returns permissions as calls take them.
pub(crate) fn mode(permissions: u32) -> Mode {
    Mode::from_raw_mode(permissions as RawMode)
}

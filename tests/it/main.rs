//! One test binary.

mod rootfs;
mod tarball;

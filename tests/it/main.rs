//! One test binary.

mod tarball;

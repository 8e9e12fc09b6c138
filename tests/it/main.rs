//! One test binary.

mod patch;

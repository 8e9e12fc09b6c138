//! One test binary.
// Tests state what must hold by failing where it does not.
#![allow(clippy::unwrap_used)]

mod damage;
mod edit;
mod verify;

//! The `ocipatch` command.

fn main() {}

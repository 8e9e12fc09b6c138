//! What `--version` shows: the version, the commit and the target.

use std::sync::LazyLock;

/// The commit that a release was built from; its recipe sets the variable.
const COMMIT: Option<&str> = option_env!("OCIPATCH_COMMIT");

/// Returns the text behind the name of the program.
pub(super) fn long() -> &'static str {
    static LONG: LazyLock<String> = LazyLock::new(|| {
        let commit = COMMIT.map_or_else(String::new, |commit| format!("\ncommit: {commit}"));
        format!(
            "{}{commit}\ntarget: {}",
            env!("CARGO_PKG_VERSION"),
            target()
        )
    });
    &LONG
}

/// Returns the target in the words of Rust: `architecture-vendor-system-environment`.
fn target() -> String {
    let vendor = if cfg!(target_vendor = "apple") {
        "apple"
    } else {
        "unknown"
    };
    let system = match std::env::consts::OS {
        "macos" => "darwin",
        system => system,
    };
    let environment = if cfg!(target_env = "musl") {
        "-musl"
    } else if cfg!(target_env = "gnu") {
        "-gnu"
    } else {
        ""
    };
    format!("{}-{vendor}-{system}{environment}", std::env::consts::ARCH)
}

//! The cache of layer headers: where it is, and the option that turns it off.

use std::path::PathBuf;

use clap::Args;

use super::inputs::INPUT;

/// The option of commands that read file trees.
#[derive(Debug, Args)]
pub(super) struct CacheOptions {
    /// Do not read or write the cache of layer headers
    #[arg(long, help_heading = INPUT)]
    no_cache: bool,
}

impl CacheOptions {
    /// Returns the directory of the cache (XDG Base Directory Specification 0.8): `$XDG_CACHE_HOME/ocipatch` where that is an
    /// absolute path, else `~/.cache/ocipatch`.
    pub(super) fn directory(&self) -> Option<PathBuf> {
        if self.no_cache {
            return None;
        }
        let absolute = |name| {
            let path = std::env::var_os(name).map(PathBuf::from);
            path.filter(|path| path.is_absolute())
        };
        let home = || absolute("HOME").map(|home| home.join(".cache"));
        let caches = absolute("XDG_CACHE_HOME").or_else(home);
        caches.map(|caches| caches.join("ocipatch"))
    }
}

//! Releases of Debian, each with the engines of its time: Docker 20.10 and podman 4.3 on this machine, later ones in the
//! roots that `tests/engines/setup` builds.

use std::path::{Path, PathBuf};
use std::process::Command;

use super::{absent, find, is_root};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Release {
    /// Debian 12, this machine.
    Bookworm,
    Trixie,
    Forky,
}

impl Release {
    /// The version of its Docker, by which `tests/engines` calls its root.
    pub(super) fn docker(self) -> &'static str {
        match self {
            Self::Bookworm => "20",
            Self::Trixie => "26",
            Self::Forky => "28",
        }
    }

    fn root(self) -> PathBuf {
        let docker = self.docker();
        let default = || format!("/var/lib/ocipatch-docker{docker}").into();
        std::env::var_os(format!("OCIPATCH_DOCKER{docker}_ROOT")).map_or_else(default, Into::into)
    }

    /// Why there is no root of it.
    pub(super) fn missing(self) -> Option<String> {
        let finished = self.root().join(".finished");
        (!finished.exists()).then(|| format!("no {}", finished.display()))
    }

    /// `name` ready to take arguments, or `None` where it is not installed. One of a root sees the directory for temporary
    /// files and the repository by their names here.
    pub(crate) fn tool(self, name: &str) -> Option<Command> {
        if self == Self::Bookworm {
            let program = find(name);
            if program.is_none() {
                absent(name, "not on PATH");
            }
            return program.map(Command::new);
        }
        // Skipped with the others.
        let reason = match find("unshare") {
            None => Some("no unshare on PATH".to_owned()),
            Some(_) if !is_root() => Some("a root needs root".to_owned()),
            Some(_) => self.missing(),
        };
        if let Some(reason) = reason {
            absent(&format!("{name} beside Docker {}", self.docker()), &reason);
            return None;
        }
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/engines/in-root");
        let mut command = Command::new(script);
        command.arg(self.docker());
        command.arg(std::env::temp_dir()).arg(name);
        Some(command)
    }
}

//! Hidden names: what a file or directory of ours is called until it is complete, `.NAME.<random>.<check>.ocipatch`.
//!
//! The check is a hash of the directory's identity, of NAME and of the random part. So the name itself proves that a
//! run of ours made it for this directory: an archive cannot bring such a name along, since nobody knows the directory
//! before it exists, and no file of a user has one by chance. A copy of the directory is another directory, where the
//! names prove nothing.
//!
//! Whoever makes one holds a lock on it (`flock`) until it has its name. What has a right name and no lock was left by a
//! run that was killed, and the next run that writes the same target removes it ([`claim::sweep`]).
//!
//! Names of this shape are reserved: an archive that holds one is refused, and so is a directory with one that proves
//! nothing. The one other reserved name is that of the directory in which `unpack` keeps what is no part of an archive.

pub(super) mod claim;
pub(super) mod tree;

use std::ffi::{OsStr, OsString};
use std::hash::{BuildHasher as _, RandomState};
use std::io;
use std::os::fd::AsFd;
use std::os::unix::ffi::{OsStrExt as _, OsStringExt as _};

use rustix::fs::fstat;

use super::change::TARGET;
use crate::digest::Digest;
use crate::error::Error;
use crate::system::device;

/// A directory of ours at the top of an unpacked archive; no part of the image.
pub(in crate::archive) const OWN_DIRECTORY: &str = ".ocipatch";
/// How every hidden name ends.
const SUFFIX: &[u8] = b".ocipatch";
/// Hex digits of the random part and of the check.
const HEX_DIGITS: usize = 16;
/// Of a long name the beginning: a hidden name must not be longer than a name can be. In bytes.
const MAX_NAME_BYTES: usize = 100;

/// The identity of a directory that hidden names are made for.
///
/// The device is no part of it where there is a time of birth: file systems without a device of their own (btrfs, NFS,
/// overlayfs) get another number at each mount, and what a power failure cut short is to be known after it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::archive) struct Place {
    inode: u64,
    /// When the directory was made, or the device that it is on.
    born: (i64, u64),
}

impl Place {
    /// Looks at an open directory.
    pub(in crate::archive) fn of(directory: impl AsFd) -> io::Result<Self> {
        if let Some(place) = Self::by_birth(&directory) {
            return Ok(place);
        }
        let status = fstat(directory)?;
        Ok(Self {
            inode: status.st_ino,
            born: (-1, device(&status)),
        })
    }

    /// Returns the place by the time of its birth, where the system knows it.
    #[cfg(all(target_os = "linux", not(ocipatch_portable)))]
    fn by_birth(directory: impl AsFd) -> Option<Self> {
        use rustix::fs::{AtFlags, StatxFlags, statx};
        let wanted = StatxFlags::INO | StatxFlags::BTIME;
        let status = statx(&directory, "", AtFlags::EMPTY_PATH, wanted).ok()?;
        let is_known = StatxFlags::from_bits_retain(status.stx_mask).contains(wanted);
        let born = status.stx_btime;
        is_known.then(|| Self {
            inode: status.stx_ino,
            born: (born.tv_sec, born.tv_nsec.into()),
        })
    }

    #[cfg(not(all(target_os = "linux", not(ocipatch_portable))))]
    fn by_birth(_: impl AsFd) -> Option<Self> {
        None
    }

    /// Returns a hidden name for `target` that nothing has yet.
    pub(in crate::archive) fn name(&self, target: &OsStr) -> OsString {
        // Each state has keys of its own, and the first ones come from the system's source of randomness.
        let random = format!("{:016x}", RandomState::new().hash_one(0));
        let shown = shown(target);
        let check = self.check(shown, random.as_bytes());
        let parts: [&[u8]; 7] = [
            b".",
            shown,
            b".",
            random.as_bytes(),
            b".",
            check.as_bytes(),
            SUFFIX,
        ];
        OsString::from_vec(parts.concat())
    }

    /// Tells whether `name` was made for this directory and `target`.
    pub(in crate::archive) fn is_for(&self, name: &[u8], target: &OsStr) -> bool {
        Parts::of(name).is_some_and(|parts| parts.shown == shown(target) && self.made(&parts))
    }

    /// Tells whether `name` was made for this directory.
    pub(in crate::archive) fn is_own(&self, name: &[u8]) -> bool {
        Parts::of(name).is_some_and(|parts| self.made(&parts))
    }

    fn made(&self, parts: &Parts<'_>) -> bool {
        self.check(parts.shown, parts.random).as_bytes() == parts.check
    }

    fn check(&self, shown: &[u8], random: &[u8]) -> String {
        let identity = format!(
            "ocipatch hidden name 1\n{}\n{} {}\n",
            self.inode, self.born.0, self.born.1
        );
        let parts = [identity.as_bytes(), random, b"\n", shown];
        Digest::of(&parts.concat()).hex()[..HEX_DIGITS].to_owned()
    }
}

/// Refuses a name that our own files have, or could have: `name` is that of an entry of an archive.
pub(in crate::archive) fn refuse_reserved(name: &str) -> Result<(), Error> {
    let first = name.split('/').next().unwrap_or_default();
    // Not every file system tells capital letters from small ones.
    let is_own = first.eq_ignore_ascii_case(OWN_DIRECTORY);
    let hidden = name.split('/').find_map(|part| Parts::of(part.as_bytes()));
    if is_own {
        return Err(Error::BadEntry {
            name: name.to_owned(),
            reason: "has a name that is reserved for what `unpack` keeps beside an archive; use `ocipatch pack` to make a tar of such a directory".to_owned(),
        });
    }
    let Some(hidden) = hidden else {
        return Ok(());
    };
    let reason = if hidden.shown == TARGET.as_bytes() {
        "belongs to an interrupted change of another directory; complete it there with `ocipatch apply --in-place`, or remove it to keep the images as they are"
    } else {
        "has a name that is reserved for temporary files of ocipatch; remove it if it is a leftover"
    };
    Err(Error::BadEntry {
        name: name.to_owned(),
        reason: reason.to_owned(),
    })
}

/// Tells whether a file name has the shape of a hidden one, for whichever directory.
pub(in crate::archive) fn is_hidden(file_name: &[u8]) -> bool {
    Parts::of(file_name).is_some()
}

/// What a hidden name consists of.
struct Parts<'n> {
    shown: &'n [u8],
    random: &'n [u8],
    check: &'n [u8],
}

impl<'n> Parts<'n> {
    fn of(name: &'n [u8]) -> Option<Self> {
        let rest = name.strip_prefix(b".")?.strip_suffix(SUFFIX)?;
        let (rest, check) = hex_behind_a_dot(rest)?;
        let (shown, random) = hex_behind_a_dot(rest)?;
        Some(Self {
            shown,
            random,
            check,
        })
    }
}

fn hex_behind_a_dot(text: &[u8]) -> Option<(&[u8], &[u8])> {
    let (rest, hex) = text.split_at_checked(text.len().checked_sub(HEX_DIGITS)?)?;
    let is_hex = |byte: &u8| matches!(byte, b'0'..=b'9' | b'a'..=b'f');
    Some((rest.strip_suffix(b".")?, hex)).filter(|_| hex.iter().all(is_hex))
}

/// Returns as much of a name as a hidden name shows; of text, no part of a character.
fn shown(target: &OsStr) -> &[u8] {
    let bytes = target.as_bytes();
    let end = match target.to_str() {
        Some(text) => {
            let ends = text.char_indices().map(|(start, c)| start + c.len_utf8());
            ends.take_while(|&end| end <= MAX_NAME_BYTES).last()
        }
        None => Some(bytes.len().min(MAX_NAME_BYTES)),
    };
    &bytes[..end.unwrap_or(0)]
}

#[cfg(test)]
mod tests {
    use std::ffi::OsStr;
    use std::fs::{self, File};
    use std::os::unix::ffi::OsStrExt as _;
    use std::os::unix::fs::MetadataExt as _;
    use std::time::UNIX_EPOCH;

    use super::{Place, is_hidden, refuse_reserved};

    #[test]
    fn a_name_proves_its_directory_and_its_target() {
        let home = tempfile::tempdir().unwrap();
        let place = |name: &str| {
            fs::create_dir_all(home.path().join(name)).unwrap();
            Place::of(File::open(home.path().join(name)).unwrap()).unwrap()
        };
        let (here, there) = (place("here"), place("there"));
        assert_eq!(here, place("here"));
        let long = "ä".repeat(120);
        for target in ["out.tar", "a.b", ".", "", "a b\nc", &long] {
            let target = OsStr::new(target);
            let (name, other) = (here.name(target), here.name(target));
            assert_ne!(name, other);
            assert!(name.len() < 200);
            let name = name.as_bytes();
            assert!(here.is_for(name, target) && here.is_own(name) && is_hidden(name));
            assert!(!there.is_own(name) && !here.is_for(name, OsStr::new("other")));
            let shorter = OsStr::from_bytes(&name[1..]);
            assert!(!here.is_own(shorter.as_bytes()) && !here.is_own(&[name, b"x"].concat()));
            // One digit of either part.
            for back in [10, 10 + 17] {
                let mut changed = name.to_vec();
                let digit = name.len() - back;
                changed[digit] = if changed[digit] == b'0' { b'1' } else { b'0' };
                assert!(is_hidden(&changed) && !here.is_own(&changed));
            }
        }
    }

    /// Devices get another number at each mount.
    #[test]
    fn a_place_is_known_by_its_birth_where_that_is_known() {
        let home = tempfile::tempdir().unwrap();
        let place = Place::of(File::open(home.path()).unwrap()).unwrap();
        let metadata = home.path().metadata().unwrap();
        assert_eq!(place.inode, metadata.ino());
        let born = metadata.created().ok().filter(|_| !cfg!(ocipatch_portable));
        if let Some(born) = born.filter(|_| cfg!(target_os = "linux")) {
            let born = born.duration_since(UNIX_EPOCH).unwrap();
            let seconds = i64::try_from(born.as_secs()).unwrap();
            assert_eq!(place.born, (seconds, born.subsec_nanos().into()));
        } else {
            assert_eq!(place.born, (-1, metadata.dev()));
        }
        // The directories of processes have none.
        if let Ok(processes) = File::open("/proc") {
            let device = processes.metadata().unwrap().dev();
            assert_eq!(Place::of(processes).unwrap().born, (-1, device));
        }
    }

    #[test]
    fn only_names_of_ours_are_reserved() {
        let hidden = ".x.0123456789abcdef.0123456789abcdef.ocipatch";
        for name in [
            ".ocipatch",
            ".ocipatch/headers",
            ".OciPatch/x",
            hidden,
            &format!("blobs/{hidden}"),
            &format!("blobs/{hidden}/0"),
        ] {
            assert!(refuse_reserved(name).is_err(), "{name}");
        }
        let told = |name: &str| refuse_reserved(name).unwrap_err().to_string();
        assert!(told(hidden).contains("temporary files of ocipatch"));
        let of_a_change = hidden.replace(".x.", ".change.");
        assert!(told(&of_a_change).contains("interrupted change of another directory"));
        assert!(is_hidden(hidden.as_bytes()) && !is_hidden(b".x.ocipatch"));
        for name in [
            "blobs/.ocipatch",
            ".journal.ocipatch",
            ".x.0123456789ABCDEF.0123456789abcdef.ocipatch",
            ".x.0123456789abcde.0123456789abcdef.ocipatch",
            "x.0123456789abcdef.0123456789abcdef.ocipatch",
            ".ocipatches/x",
        ] {
            assert!(refuse_reserved(name).is_ok(), "{name}");
        }
    }
}

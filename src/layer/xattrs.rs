//! Extended attributes of files on the host.

use std::ffi::OsStr;
use std::os::fd::BorrowedFd;
use std::os::unix::ffi::OsStrExt as _;

use rustix::io::Errno;

/// What one value and the list of all names may have on Linux (`XATTR_SIZE_MAX`, `XATTR_LIST_MAX`). In bytes.
const MAX_BYTES: usize = 64 * 1024;
/// Capabilities as the kernel stores them (linux/capability.h, `vfs_ns_cap_data`).
const CAPABILITY: &[u8] = b"security.capability";
const REVISION_2: u8 = 2;
const REVISION_3: u8 = 3;
const REVISION_2_BYTES: usize = 20;

/// Name and raw value.
pub(super) type Xattrs = Vec<(Vec<u8>, Vec<u8>)>;

/// Reads the attributes of `name` in a directory, sorted by name, without those that label the host rather than the file.
pub(super) fn read(directory: BorrowedFd<'_>, name: &OsStr) -> Result<Xattrs, Errno> {
    let Some(file) = Attributed::of(directory, name)? else {
        return Ok(Vec::new());
    };
    let mut buffer = vec![0; MAX_BYTES];
    let n = match file.list(&mut buffer) {
        Ok(n) => n,
        // The file system has none.
        Err(Errno::NOTSUP) => 0,
        Err(errno) => return Err(errno),
    };
    let names: Vec<Vec<u8>> = buffer[..n]
        .split(|&b| b == 0)
        .filter(|name| !name.is_empty() && !is_of_host(name))
        .map(<[u8]>::to_vec)
        .collect();
    let mut xattrs = Vec::with_capacity(names.len());
    for name in names {
        match file.get(OsStr::from_bytes(&name), &mut buffer) {
            Ok(n) => {
                let value = portable(&name, buffer[..n].to_vec());
                xattrs.push((name, value));
            }
            Err(Errno::NODATA) => {}
            Err(errno) => return Err(errno),
        }
    }
    xattrs.sort();
    Ok(xattrs)
}

/// A file whose attributes are read: there is no call that takes a directory's handle and a name, and follows no link.
#[cfg(all(target_os = "linux", not(ocipatch_portable)))]
struct Attributed(std::path::PathBuf);

#[cfg(all(target_os = "linux", not(ocipatch_portable)))]
impl Attributed {
    #[expect(clippy::unnecessary_wraps, reason = "its twin may fail")]
    fn of(directory: BorrowedFd<'_>, name: &OsStr) -> Result<Option<Self>, Errno> {
        let open = format!(
            "/proc/self/fd/{}",
            std::os::fd::AsRawFd::as_raw_fd(&directory)
        );
        Ok(Some(Self(std::path::Path::new(&open).join(name))))
    }

    fn list(&self, buffer: &mut [u8]) -> Result<usize, Errno> {
        rustix::fs::llistxattr(&self.0, buffer)
    }

    fn get(&self, name: &OsStr, buffer: &mut [u8]) -> Result<usize, Errno> {
        rustix::fs::lgetxattr(&self.0, name, buffer)
    }
}

/// An open file or directory; other kinds are taken to have no attributes.
#[cfg(not(all(target_os = "linux", not(ocipatch_portable))))]
struct Attributed(std::os::fd::OwnedFd);

#[cfg(not(all(target_os = "linux", not(ocipatch_portable))))]
impl Attributed {
    fn of(directory: BorrowedFd<'_>, name: &OsStr) -> Result<Option<Self>, Errno> {
        use rustix::fs::{Mode, OFlags, openat};
        let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
        match openat(directory, name, flags, Mode::empty()) {
            Ok(file) => Ok(Some(Self(file))),
            Err(Errno::LOOP | Errno::NXIO | Errno::NODEV) => Ok(None),
            Err(errno) => Err(errno),
        }
    }

    fn list(&self, buffer: &mut [u8]) -> Result<usize, Errno> {
        rustix::fs::flistxattr(&self.0, buffer)
    }

    fn get(&self, name: &OsStr, buffer: &mut [u8]) -> Result<usize, Errno> {
        rustix::fs::fgetxattr(&self.0, name, buffer)
    }
}

/// Labels of the security policy of this machine, and notes of its overlay file system.
fn is_of_host(name: &[u8]) -> bool {
    matches!(
        name,
        b"security.selinux" | b"security.ima" | b"security.evm" | b"system.nfs4_acl"
    ) || name.starts_with(b"trusted.")
}

/// Capabilities that a user namespace has set are for its root; as plain ones they are for whoever is root in a
/// container (moby `pkg/archive/archive.go`, `ReadSecurityXattrToTarHeader`).
fn portable(name: &[u8], mut value: Vec<u8>) -> Vec<u8> {
    if name == CAPABILITY && value.len() > REVISION_2_BYTES && value[3] == REVISION_3 {
        value[3] = REVISION_2;
        value.truncate(REVISION_2_BYTES);
    }
    value
}

#[cfg(test)]
mod tests {
    use super::{is_of_host, portable};

    #[test]
    fn capabilities_of_a_namespace_become_those_of_any_root() {
        let revision = |n: u8, n_bytes: usize| {
            let mut value = vec![7; n_bytes];
            value[3] = n;
            value
        };
        let plain = revision(2, 20);
        for (name, value, expected) in [
            ("security.capability", revision(3, 24), &plain),
            ("security.capability", plain.clone(), &plain),
            // As long as it is, it is none of revision 3.
            ("security.capability", revision(3, 20), &revision(3, 20)),
            ("security.capability", revision(2, 24), &revision(2, 24)),
            ("security.capability", vec![3; 3], &vec![3; 3]),
            ("user.capability", revision(3, 24), &revision(3, 24)),
        ] {
            let found = portable(name.as_bytes(), value.clone());
            assert_eq!(found, *expected, "{name} {value:?}");
        }
    }

    #[test]
    fn labels_of_the_host_are_known_by_name() {
        for (name, expected) in [
            ("security.selinux", true),
            ("security.ima", true),
            ("security.evm", true),
            ("system.nfs4_acl", true),
            ("trusted.overlay.opaque", true),
            ("trusted.x", true),
            ("security.capability", false),
            ("system.posix_acl_access", false),
            ("user.security.selinux", false),
            ("user.trusted.x", false),
        ] {
            assert_eq!(is_of_host(name.as_bytes()), expected, "{name}");
        }
    }
}

//! Extended attributes of files on the host.

use std::ffi::OsStr;
use std::os::fd::{AsRawFd as _, BorrowedFd};
use std::os::unix::ffi::OsStrExt as _;
use std::path::PathBuf;

use rustix::fs::{lgetxattr, llistxattr};
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
    // There is no call that takes a directory's handle and does not follow a link.
    let path = PathBuf::from(format!("/proc/self/fd/{}", directory.as_raw_fd())).join(name);
    let mut buffer = vec![0; MAX_BYTES];
    let n = match llistxattr(&path, &mut buffer[..]) {
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
        match lgetxattr(&path, OsStr::from_bytes(&name), &mut buffer[..]) {
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

/// Labels of the security policy of this machine, and notes of its overlay file system.
fn is_of_host(name: &[u8]) -> bool {
    matches!(
        name,
        b"security.selinux" | b"security.ima" | b"security.evm" | b"system.nfs4_acl"
    ) || name.starts_with(b"trusted.")
}

/// Capabilities that a user namespace has set are for its root; as plain ones they are for whoever is root in a
/// container (containerd `archive/tar.go`, `tarFromFile`).
fn portable(name: &[u8], mut value: Vec<u8>) -> Vec<u8> {
    if name == CAPABILITY && value.len() > REVISION_2_BYTES && value[3] == REVISION_3 {
        value[3] = REVISION_2;
        value.truncate(REVISION_2_BYTES);
    }
    value
}

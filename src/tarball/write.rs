//! Header groups for new entries, byte for byte what Go's `archive/tar` writes: ustar, and a PAX header where a
//! value does not fit. These bytes are part of `ocipatch/v1`: another spelling would be another layer digest.

use super::{BLOCK, Entry, Kind};

/// What ends an archive: two zero blocks.
pub const END_OF_ARCHIVE: [u8; 2 * BLOCK] = [0; 2 * BLOCK];

/// Returns the header group of `entry`; nothing is left out, what ustar cannot hold goes into PAX records. The data behind
/// it is the content: a sparse file becomes one without holes.
#[must_use]
pub fn header_group(entry: &Entry) -> Vec<u8> {
    let mut header = tar::Header::new_ustar();
    header.as_mut_bytes()[156] = entry.kind.type_flag();
    fill(&mut header, entry);
    let records = pax_records(entry);
    let mut group = Vec::with_capacity(BLOCK);
    if !records.is_empty() {
        group.extend(pax_extension(&entry.name, &records));
    }
    group.extend_from_slice(header.as_bytes());
    group
}

/// Returns the PAX header with `records` of the entry called `name`.
pub(super) fn pax_extension(name: &[u8], records: &[(Vec<u8>, Vec<u8>)]) -> Vec<u8> {
    let body: Vec<u8> = records
        .iter()
        .flat_map(|(key, value)| pax_record(key, value))
        .collect();
    let mut pax = tar::Header::new_ustar();
    pax.as_mut_bytes()[156] = b'x';
    let extension = Entry {
        name: pax_header_name(name),
        link_name: Vec::new(),
        kind: Kind::File,
        size: body.len() as u64,
        mode: 0,
        uid: 0,
        gid: 0,
        mtime: super::Mtime::default(),
        device: (0, 0),
        xattrs: Vec::new(),
        sparse: None,
    };
    fill(&mut pax, &extension);
    // Go leaves the device numbers of an extension header empty.
    pax.as_mut_bytes()[329..345].fill(0);
    put_checksum(pax.as_mut_bytes());
    let mut group = pax.as_bytes().to_vec();
    group.extend_from_slice(&body);
    group.resize(group.len().next_multiple_of(BLOCK), 0);
    group
}

/// Returns the group of a new entry in the dress of an existing one: `template`'s main block with another name,
/// link target, size and time, so that owner names, mode spelling and magic follow the archive it joins.
#[must_use]
pub fn rename_group(template: &[u8], entry: &Entry) -> Vec<u8> {
    let fits = entry.name.len() <= 100
        && entry.link_name.len() <= 100
        && entry.name.is_ascii()
        && entry.link_name.is_ascii()
        && octal_fits(entry.size, 12)
        && u64::try_from(entry.mtime.seconds).is_ok_and(|seconds| octal_fits(seconds, 12));
    let Some(main) = template.last_chunk::<BLOCK>().filter(|_| fits) else {
        return header_group(entry);
    };
    let mut header = tar::Header::new_old();
    header.as_mut_bytes().copy_from_slice(main);
    let bytes = header.as_mut_bytes();
    put(&mut bytes[..100], &entry.name);
    put(&mut bytes[157..257], &entry.link_name);
    // A ustar prefix belonged to the old name.
    if bytes[257..262] == *b"ustar" {
        bytes[345..500].fill(0);
    }
    bytes[156] = entry.kind.type_flag();
    put_octal(&mut bytes[100..108], entry.mode.into());
    put_octal(&mut bytes[124..136], entry.size);
    put_octal(&mut bytes[136..148], entry.mtime.seconds.cast_unsigned());
    put_checksum(bytes);
    header.as_bytes().to_vec()
}

fn fill(header: &mut tar::Header, entry: &Entry) {
    let bytes = header.as_mut_bytes();
    put(&mut bytes[..100], &to_ascii(&entry.name));
    put_octal(&mut bytes[100..108], u64::from(entry.mode & 0o7777));
    put_octal(&mut bytes[108..116], entry.uid);
    put_octal(&mut bytes[116..124], entry.gid);
    put_octal(&mut bytes[124..136], entry.size);
    put_octal(
        &mut bytes[136..148],
        u64::try_from(entry.mtime.seconds).unwrap_or(0),
    );
    put(&mut bytes[157..257], &to_ascii(&entry.link_name));
    put_octal(&mut bytes[329..337], u64::from(entry.device.0));
    put_octal(&mut bytes[337..345], u64::from(entry.device.1));
    put_checksum(bytes);
}

/// The records that this entry needs, sorted by key as Go sorts them.
fn pax_records(entry: &Entry) -> Vec<(Vec<u8>, Vec<u8>)> {
    let mut records = Vec::new();
    let mut number = |key: &[u8], value: u64, width: usize| {
        if !octal_fits(value, width) {
            records.push((key.to_vec(), value.to_string().into_bytes()));
        }
    };
    number(b"uid", entry.uid, 8);
    number(b"gid", entry.gid, 8);
    number(b"size", entry.size, 12);
    let mut text = |key: &[u8], value: &[u8]| {
        if value.len() > 100 || !value.is_ascii() {
            records.push((key.to_vec(), value.to_vec()));
        }
    };
    text(b"path", &entry.name);
    text(b"linkpath", &entry.link_name);
    let seconds_fit =
        u64::try_from(entry.mtime.seconds).is_ok_and(|seconds| octal_fits(seconds, 12));
    if !seconds_fit || entry.mtime.nanoseconds != 0 {
        records.push((b"mtime".to_vec(), pax_time_text(entry.mtime).into_bytes()));
    }
    for (name, value) in &entry.xattrs {
        records.push(([b"SCHILY.xattr.", name.as_slice()].concat(), value.clone()));
    }
    records.sort();
    records
}

pub(super) fn pax_time_text(time: super::Mtime) -> String {
    let (sign, seconds, nanoseconds) = if time.seconds < 0 && time.nanoseconds > 0 {
        (
            "-",
            (time.seconds + 1).unsigned_abs(),
            1_000_000_000 - time.nanoseconds,
        )
    } else if time.seconds < 0 {
        ("-", time.seconds.unsigned_abs(), 0)
    } else {
        ("", time.seconds.unsigned_abs(), time.nanoseconds)
    };
    if nanoseconds == 0 {
        return format!("{sign}{seconds}");
    }
    let fraction = format!("{nanoseconds:09}");
    format!("{sign}{seconds}.{}", fraction.trim_end_matches('0'))
}

/// `<length> <key>=<value>\n`, where the length counts its own digits.
fn pax_record(key: &[u8], value: &[u8]) -> Vec<u8> {
    let rest = key.len() + value.len() + 3;
    let mut length = rest + rest.to_string().len();
    if rest + length.to_string().len() != length {
        length = rest + length.to_string().len();
    }
    [format!("{length} ").as_bytes(), key, b"=", value, b"\n"].concat()
}

/// `dir/PaxHeaders.0/base`, non-ASCII dropped and cut to the field (Go, `Writer.writePAXHeader`). A directory's name
/// ends in `/`, so its `base` is empty.
fn pax_header_name(name: &[u8]) -> Vec<u8> {
    let (directory, base) = match name.iter().rposition(|&b| b == b'/') {
        Some(slash) => (&name[..=slash], &name[slash + 1..]),
        None => (&name[..0], name),
    };
    let joined = [directory, b"PaxHeaders.0/", base].concat();
    let mut clean: Vec<&[u8]> = Vec::new();
    for part in joined.split(|&b| b == b'/') {
        match part {
            b"" | b"." => {}
            b".." if clean.last().is_some_and(|&last| last != b"..") => {
                clean.pop();
            }
            b".." if joined.starts_with(b"/") => {}
            part => clean.push(part),
        }
    }
    let mut full = clean.join(&b'/');
    if joined.starts_with(b"/") {
        full.insert(0, b'/');
    }
    let mut full = to_ascii(&full);
    full.truncate(100);
    while full.ends_with(b"/") {
        full.pop();
    }
    full
}

fn to_ascii(text: &[u8]) -> Vec<u8> {
    text.iter()
        .copied()
        .filter(|&b| b.is_ascii() && b != 0)
        .collect()
}

pub(super) fn put(field: &mut [u8], text: &[u8]) {
    field.fill(0);
    let mut n = text.len().min(field.len());
    // A cut that happens to end in `/` would make old readers see a directory (Go, `formatter.formatString`).
    while text.len() > field.len() && n > 0 && text[n - 1] == b'/' {
        n -= 1;
    }
    field[..n].copy_from_slice(&text[..n]);
}

/// Whether `value` has an octal spelling of `width - 1` digits.
pub(super) fn octal_fits(value: u64, width: usize) -> bool {
    value < 1 << (3 * (width - 1))
}

/// Zero-padded octal digits and a NUL; a value that does not fit stands in a PAX record and is 0 here.
pub(super) fn put_octal(field: &mut [u8], value: u64) {
    let width = field.len();
    let value = if octal_fits(value, width) { value } else { 0 };
    let digits = format!("{value:0width$o}", width = width - 1);
    put(field, digits.as_bytes());
}

/// Six digits, a NUL and a blank.
pub(super) fn put_checksum(block: &mut [u8; BLOCK]) {
    block[148..156].fill(b' ');
    let sum: u32 = block.iter().map(|&b| u32::from(b)).sum();
    block[148..155].copy_from_slice(format!("{sum:06o}\0").as_bytes());
}

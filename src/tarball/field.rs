//! What stands in header fields and PAX records, read as Go reads it.

use std::collections::HashSet;
use std::ops::Range;

use super::{BLOCK, Entry, Mtime, sparse};

/// What a header says of its own format, by its magic and version (Go, `block.getFormat`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Format {
    /// Neither magic: no owner names, device numbers or prefix.
    V7,
    /// `ustar  \0`, as GNU tar writes it unless it is told otherwise.
    Gnu,
    /// POSIX, whatever the version.
    Ustar,
    /// POSIX with the trailer of star, which keeps times behind a shorter prefix.
    Star,
}

pub(super) fn format(block: &[u8; BLOCK]) -> Format {
    match (&block[257..263], &block[263..265], &block[508..]) {
        (b"ustar\0", _, b"tar\0") => Format::Star,
        (b"ustar\0", ..) => Format::Ustar,
        (b"ustar ", b" \0", _) => Format::Gnu,
        _ => Format::V7,
    }
}

/// A PAX record: key and value.
pub(super) type PaxRecord = (Vec<u8>, Vec<u8>);

pub(super) fn until_nul(bytes: &[u8]) -> &[u8] {
    bytes.split(|&b| b == 0).next().unwrap_or_default()
}

/// Where a header has the first part of a name that is too long for its field: GNU keeps times and the map of a sparse
/// file there.
pub(super) fn prefix(block: &[u8; BLOCK]) -> Range<usize> {
    match format(block) {
        Format::Star => 345..476,
        Format::Ustar => 345..500,
        // Go before 1.8 wrote a prefix under GNU's magic; then GNU's times in its place are no numbers.
        Format::Gnu if !has_gnu_times(block) => 345..500,
        Format::Gnu | Format::V7 => 0..0,
    }
}

/// The name of a header by its own format.
pub(super) fn header_name(header: &tar::Header) -> Vec<u8> {
    let bytes = header.as_bytes();
    let name = until_nul(&bytes[..100]);
    let prefix = until_nul(&bytes[prefix(bytes)]);
    let prefix = if format(bytes) == Format::Gnu && !prefix.is_ascii() {
        b""
    } else {
        prefix
    };
    if prefix.is_empty() {
        name.to_vec()
    } else {
        [prefix, b"/", name].concat()
    }
}

pub(super) fn has_gnu_times(bytes: &[u8; BLOCK]) -> bool {
    [&bytes[345..357], &bytes[357..369]]
        .iter()
        .all(|field| field[0] == 0 || number(field).is_some())
}

/// Major and minor number of a device. Linux has 12 and 20 bits for them, and every engine cuts what is more
/// (moby `pkg/system/mknod.go`, `Mkdev`); a header without room for them says 0 (Go, `Reader.readHeader`).
pub(super) fn device(block: &[u8; BLOCK]) -> Option<(u32, u32)> {
    if format(block) == Format::V7 {
        return Some((0, 0));
    }
    let cut = |field: &[u8], bits: i64| number(field).and_then(|n| u32::try_from(n & bits).ok());
    Some((
        cut(&block[329..337], 0xfff)?,
        cut(&block[337..345], 0xf_ffff)?,
    ))
}

/// An owner as engines give it to `chown(2)`, which takes 32 bits without a sign and cuts what is more.
pub(super) fn owner(id: i64) -> u64 {
    (id.cast_unsigned()) & u64::from(u32::MAX)
}

/// Parses octal (blanks and NULs around it, cut at a NUL within) or base-256; an empty field is 0, as in Go.
pub(super) fn number(field: &[u8]) -> Option<i64> {
    if field[0] & 0x80 != 0 {
        let negative = field[0] & 0x40 != 0;
        let mut value: i64 = if negative { -1 } else { 0 };
        for (i, &byte) in field.iter().enumerate() {
            // The first bit only says that the field is a number in base 256.
            let is_marked = i == 0 && !negative;
            let byte = if is_marked { byte & 0x7f } else { byte };
            value.checked_mul(256)?;
            value = value << 8 | i64::from(byte);
        }
        return Some(value);
    }
    let is_blank = |&b: &u8| b == b' ' || b == 0;
    let start = field.iter().position(|b| !is_blank(b)).unwrap_or(0);
    let end = field
        .iter()
        .rposition(|b| !is_blank(b))
        .map_or(0, |i| i + 1);
    let digits = until_nul(field.get(start..end).unwrap_or_default());
    digits.iter().try_fold(0_i64, |value, &digit| match digit {
        b'0'..=b'7' => value.checked_mul(8)?.checked_add(i64::from(digit - b'0')),
        _ => None,
    })
}

/// The sum of all bytes with the checksum field as blanks; old tars summed signed bytes.
pub(super) fn has_right_checksum(block: &[u8; BLOCK]) -> bool {
    let Some(stored) = number(&block[148..156]) else {
        return false;
    };
    let bytes = || block[..148].iter().chain(&[b' '; 8]).chain(&block[156..]);
    let unsigned: i64 = bytes().map(|&b| i64::from(b)).sum();
    let signed: i64 = bytes().map(|&b| i64::from(b.cast_signed())).sum();
    stored == unsigned || stored == signed
}

/// Splits `<length> <key>=<value>\n` records by their lengths; values may hold anything.
pub(super) fn pax_records(mut body: &[u8]) -> Option<Vec<PaxRecord>> {
    let mut records = Vec::new();
    while !body.is_empty() {
        let blank = body.iter().take(20).position(|&b| b == b' ')?;
        let digits = &body[..blank];
        if digits.is_empty() || !digits.iter().all(u8::is_ascii_digit) {
            return None;
        }
        let length: usize = std::str::from_utf8(digits).ok()?.parse().ok()?;
        if length <= blank || length > body.len() {
            return None;
        }
        let record = body[blank + 1..length].strip_suffix(b"\n")?;
        let equals = record.iter().position(|&b| b == b'=')?;
        let (key, value) = (&record[..equals], &record[equals + 1..]);
        if key.is_empty() || key.contains(&0) {
            return None;
        }
        records.push((key.to_vec(), value.to_vec()));
        body = &body[length..];
    }
    sparse::fold_pairs(&mut records)?;
    // The last of several records with one key counts, even if it is empty and so says nothing (Go, `parsePAX`).
    let mut seen = HashSet::new();
    records.reverse();
    records.retain(|(key, _)| seen.insert(key.clone()));
    records.reverse();
    Some(records)
}

/// A number as Go's `strconv.ParseInt` reads it.
pub(super) fn decimal(value: &[u8]) -> Option<i64> {
    std::str::from_utf8(value).ok()?.parse().ok()
}

/// An empty value means "no record" (Go, `mergePAX`), but for attributes: those engines take from the records themselves
/// (containerd `archive/tar.go`, `createTarFile`).
pub(super) fn apply_record(
    entry: &mut Entry,
    key: &[u8],
    value: Vec<u8>,
) -> Result<(), &'static str> {
    if let Some(name) = key.strip_prefix(b"SCHILY.xattr.") {
        entry.xattrs.push((name.to_vec(), value));
        return Ok(());
    }
    if value.is_empty() {
        return Ok(());
    }
    match key {
        b"path" | b"linkpath" => {
            if value.contains(&0) {
                return Err("a PAX path with a NUL byte");
            }
            match key {
                b"linkpath" => entry.link_name = value,
                _ => entry.name = value,
            }
        }
        b"size" => {
            let size = decimal(&value).and_then(|size| u64::try_from(size).ok());
            entry.size = size.ok_or("a PAX size that is not a number")?;
        }
        b"uid" => entry.uid = owner(decimal(&value).ok_or("a PAX uid that is not a number")?),
        b"gid" => entry.gid = owner(decimal(&value).ok_or("a PAX gid that is not a number")?),
        b"mtime" => entry.mtime = pax_time(&value).ok_or("a PAX mtime that is not a time")?,
        _ => {}
    }
    Ok(())
}

/// `[-]seconds[.fraction]`; digits beyond nanoseconds are cut.
pub(super) fn pax_time(value: &[u8]) -> Option<Mtime> {
    let text = std::str::from_utf8(value).ok()?;
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    let seconds: i64 = whole.parse().ok()?;
    if !fraction.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    let nanoseconds: u32 = format!("{fraction:0<9.9}").parse().ok()?;
    if whole.starts_with('-') && nanoseconds > 0 {
        return Some(Mtime {
            seconds: seconds.checked_sub(1)?,
            nanoseconds: 1_000_000_000 - nanoseconds,
        });
    }
    Some(Mtime {
        seconds,
        nanoseconds,
    })
}

#[cfg(test)]
mod tests {
    use super::pax_records;

    #[test]
    fn a_record_ends_where_its_length_says() {
        for (body, wanted) in [
            ("", Some(&[][..])),
            ("6 a=b\n", Some(&[("a", "b")][..])),
            ("5 a=\n", Some(&[("a", "")])),
            ("6 a=b\n7 c=de\n", Some(&[("a", "b"), ("c", "de")])),
            ("7 a=\n\n\n", Some(&[("a", "\n\n")])),
            ("7 a=b\n\n", Some(&[("a", "b\n")])),
            ("6 a=b\n6 a=c\n", Some(&[("a", "c")])),
            ("06 a=b\n", None),
            ("07 a=b\n", Some(&[("a", "b")])),
            ("0 a=b\n", None),
            ("1 a=b\n", None),
            ("2 a=b\n", None),
            ("3 a=b\n", None),
            ("3 \n", None),
            ("5 a=b\n", None),
            ("7 a=b\n", None),
            (" a=b\n", None),
            ("+6 a=b\n", None),
            ("6a=b\n", None),
            ("4 ab\n", None),
            ("4 =\n\n", None),
            ("5 =b\n", None),
            ("7 a\0=b\n", None),
        ] {
            let found = pax_records(body.as_bytes());
            let pair =
                |(key, value): &(&str, &str)| (key.as_bytes().to_vec(), value.as_bytes().to_vec());
            let wanted = wanted.map(|wanted| wanted.iter().map(pair).collect::<Vec<_>>());
            assert_eq!(found, wanted, "{body:?}");
        }
    }
}

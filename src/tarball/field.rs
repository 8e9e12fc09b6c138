//! What stands in header fields and PAX records, read as Go reads it.

use std::collections::HashSet;

use super::{Entry, Mtime};

const BLOCK: usize = 512;

pub(super) fn until_nul(bytes: &[u8]) -> &[u8] {
    bytes.split(|&b| b == 0).next().unwrap_or_default()
}

/// The name of a header by its own format: only POSIX headers have a prefix (Go, `headerV7.getFormat`).
pub(super) fn header_name(header: &tar::Header) -> Vec<u8> {
    let bytes = header.as_bytes();
    let name = until_nul(&bytes[..100]);
    let prefix = match (&bytes[257..263], &bytes[263..265]) {
        (b"ustar\0", _) if bytes[508..] == *b"tar\0" => until_nul(&bytes[345..476]),
        (b"ustar\0", _) => until_nul(&bytes[345..500]),
        // Go before 1.8 wrote a prefix under GNU's magic; then GNU's times in its place are no numbers.
        (b"ustar ", b" \0") if !has_gnu_times(bytes) => Some(until_nul(&bytes[345..500]))
            .filter(|prefix| prefix.is_ascii())
            .unwrap_or_default(),
        _ => b"",
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

/// Parses octal (blanks and NULs around it, cut at a NUL within) or base-256; an empty field is 0, as in Go.
pub(super) fn number(field: &[u8]) -> Option<i64> {
    if field[0] & 0x80 != 0 {
        let negative = field[0] & 0x40 != 0;
        let mut value: i64 = if negative { -1 } else { 0 };
        for (i, &byte) in field.iter().enumerate() {
            let byte = match (i, negative) {
                (0, true) => byte | 0x80,
                (0, false) => byte & 0x7f,
                _ => byte,
            };
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
pub(super) fn pax_records(mut body: &[u8]) -> Option<Vec<(Vec<u8>, Vec<u8>)>> {
    let mut records = Vec::new();
    while !body.is_empty() {
        let blank = body.iter().take(20).position(|&b| b == b' ')?;
        let digits = &body[..blank];
        if digits.is_empty() || !digits.iter().all(u8::is_ascii_digit) {
            return None;
        }
        let length: usize = std::str::from_utf8(digits).ok()?.parse().ok()?;
        if length <= blank + 1 || length > body.len() {
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
    // The last of several records with one key counts, even if it is empty and so says nothing (Go, `parsePAX`).
    let mut seen = HashSet::new();
    records.reverse();
    records.retain(|(key, _)| seen.insert(key.clone()));
    records.reverse();
    Some(records)
}

/// An empty value means "no record" (Go, `mergePAX`).
pub(super) fn apply_record(
    entry: &mut Entry,
    key: &[u8],
    value: Vec<u8>,
) -> Result<(), &'static str> {
    if key.starts_with(b"GNU.sparse.") {
        entry.is_sparse = true;
    }
    if value.is_empty() {
        return Ok(());
    }
    let decimal = |value: &[u8]| {
        std::str::from_utf8(value)
            .ok()
            .and_then(|text| text.parse::<u64>().ok())
    };
    match key {
        b"path" | b"linkpath" | b"GNU.sparse.name" => {
            if value.contains(&0) {
                return Err("a PAX path with a NUL byte");
            }
            match key {
                b"linkpath" => entry.link_name = value,
                _ => entry.name = value,
            }
        }
        b"size" => entry.size = decimal(&value).ok_or("a PAX size that is no number")?,
        b"uid" => entry.uid = decimal(&value).ok_or("a PAX uid that is no number")?,
        b"gid" => entry.gid = decimal(&value).ok_or("a PAX gid that is no number")?,
        b"mtime" => entry.mtime = pax_time(&value).ok_or("a PAX mtime that is no time")?,
        _ => {
            if let Some(name) = key.strip_prefix(b"SCHILY.xattr.") {
                entry.xattrs.push((name.to_vec(), value));
            }
        }
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

//! Changes to one header group that leave everything else of it as it is spelled: owner names, unknown records, magic.

use std::ops::Range;

use super::field::{
    Format, PaxRecord, format, has_gnu_times, number, pax_records, pax_time, prefix, until_nul,
};
use super::sparse;
use super::write::{octal_fits, pax_extension, pax_time_text, put, put_checksum, put_octal};
use super::{BLOCK, Entry, Mtime};

/// What becomes of a header; what is not said stays.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct HeaderChange {
    /// The name.
    pub name: Option<Vec<u8>>,
    /// The target of a link.
    pub link_name: Option<Vec<u8>>,
    /// The permission bits.
    pub mode: Option<u32>,
    /// The user's and the group's numeric id; names of both go.
    pub owner: Option<(u64, u64)>,
    /// How many bytes of content it has, without holes.
    pub size: Option<u64>,
    /// The modification time, in seconds since 1970.
    pub mtime: Option<i64>,
    /// Modification, access and change times that are later than this become this.
    pub latest: Option<i64>,
}

/// A header group taken apart.
struct Parts {
    records: Vec<PaxRecord>,
    /// Long names of GNU's form, verbatim.
    long_name: Option<Vec<u8>>,
    long_link: Option<Vec<u8>>,
    /// The PAX header as it is, until a record changes.
    pax: Option<Vec<u8>>,
    main: [u8; BLOCK],
    /// The main block as it was.
    old_main: [u8; BLOCK],
    /// What follows the main block: a sparse map.
    rest: Vec<u8>,
}

impl HeaderChange {
    /// Adds what a later change says, which counts where both say something; the earlier of two latest times does.
    pub fn and(&mut self, later: Self) {
        let latest = self.latest.into_iter().chain(later.latest).min();
        *self = Self {
            name: later.name.or(self.name.take()),
            link_name: later.link_name.or(self.link_name.take()),
            mode: later.mode.or(self.mode),
            owner: later.owner.or(self.owner),
            size: later.size.or(self.size),
            mtime: later.mtime.or(self.mtime),
            latest,
        };
    }

    /// Makes the change in what a header was read as.
    pub fn apply_to(&self, entry: &mut Entry) {
        if let Some(name) = &self.name {
            entry.name.clone_from(name);
        }
        if let Some(link_name) = &self.link_name {
            entry.link_name.clone_from(link_name);
        }
        if let Some(mode) = self.mode {
            entry.mode = entry.mode & !0o7777 | mode & 0o7777;
        }
        (entry.uid, entry.gid) = self.owner.unwrap_or((entry.uid, entry.gid));
        if let Some(size) = self.size {
            (entry.size, entry.sparse) = (size, None);
        }
        entry.mtime = self.mtime.map_or(entry.mtime, Mtime::of_seconds);
        let latest = self.latest.map_or(entry.mtime, Mtime::of_seconds);
        entry.mtime = entry.mtime.min(latest);
    }

    /// Returns `group`, which [`TarReader`](super::TarReader) has given, with the change made.
    #[must_use]
    pub fn apply(&self, group: &[u8]) -> Vec<u8> {
        let mut parts = Parts::of(group);
        if let Some(name) = &self.name {
            parts.set_name(name);
            if parts.has_record(sparse::NAME) {
                parts.set_record(sparse::NAME, name.clone());
            }
        }
        if let Some(link) = &self.link_name {
            parts.long_link = None;
            parts.set_text(b"linkpath", 157..257, link);
        }
        if let Some(mode) = self.mode {
            let old = number(&parts.main[100..108]).unwrap_or(0);
            let type_bits = u64::try_from(old).unwrap_or(0) & !0o7777;
            put_octal(
                &mut parts.main[100..108],
                type_bits | u64::from(mode & 0o7777),
            );
        }
        if let Some((uid, gid)) = self.owner {
            parts.set_number(b"uid", 108..116, uid);
            parts.set_number(b"gid", 116..124, gid);
            parts.drop_record(b"uname");
            parts.drop_record(b"gname");
            if parts.main[257..262] == *b"ustar" {
                parts.main[265..329].fill(0);
            }
        }
        if let Some(size) = self.size {
            parts.fill_holes();
            parts.set_number(b"size", 124..136, size);
        }
        if let Some(mtime) = self.mtime {
            parts.set_mtime(mtime);
        }
        if let Some(latest) = self.latest {
            parts.clamp(latest);
        }
        parts.join()
    }
}

impl Parts {
    fn of(group: &[u8]) -> Self {
        let mut parts = Self {
            records: Vec::new(),
            long_name: None,
            long_link: None,
            pax: None,
            main: [0; BLOCK],
            old_main: [0; BLOCK],
            rest: Vec::new(),
        };
        let mut at = 0;
        loop {
            let header = &group[at..at + BLOCK];
            let flag = header[156];
            if !matches!(flag, b'x' | b'L' | b'K') {
                parts.main.copy_from_slice(header);
                parts.old_main = parts.main;
                parts.rest = group[at + BLOCK..].to_vec();
                return parts;
            }
            let size = number(&header[124..136]).and_then(|size| usize::try_from(size).ok());
            let size = size.expect("a group that was read has sizes");
            let end = at + BLOCK + size.next_multiple_of(BLOCK);
            let whole = group[at..end].to_vec();
            match flag {
                b'x' => {
                    let body = &group[at + BLOCK..at + BLOCK + size];
                    parts.records = pax_records(body).expect("a group that was read has records");
                    parts.pax = Some(whole);
                }
                b'L' => parts.long_name = Some(whole),
                _ => parts.long_link = Some(whole),
            }
            at = end;
        }
    }

    /// Where the main block has access and change times.
    fn header_times(&self) -> [Range<usize>; 2] {
        match format(&self.main) {
            Format::Star => [476..488, 488..500],
            Format::Gnu if has_gnu_times(&self.main) => [345..357, 357..369],
            _ => [0..0, 0..0],
        }
    }

    fn has_record(&self, key: &[u8]) -> bool {
        self.records.iter().any(|(found, _)| found == key)
    }

    fn drop_record(&mut self, key: &[u8]) {
        let n_before = self.records.len();
        self.records.retain(|(found, _)| found != key);
        if self.records.len() < n_before {
            self.pax = None;
        }
    }

    fn set_record(&mut self, key: &[u8], value: Vec<u8>) {
        match self.records.iter_mut().find(|(found, _)| found == key) {
            Some((_, old)) if *old == value => return,
            Some((_, old)) => *old = value,
            None => {
                self.records.push((key.to_vec(), value));
                self.records
                    .sort_by(|(a, _), (b, _)| sparse::order(a).cmp(sparse::order(b)));
            }
        }
        self.pax = None;
    }

    fn set_name(&mut self, name: &[u8]) {
        self.long_name = None;
        let prefix = prefix(&self.main);
        self.main[prefix].fill(0);
        self.set_text(b"path", 0..100, name);
    }

    /// Other content has no holes: nothing is left of a sparse file but its name.
    fn fill_holes(&mut self) {
        let mut records = self.records.clone();
        let description = sparse::Description::take(&mut records);
        if !matches!(description.map_place(), Ok(Some(_))) {
            return;
        }
        (self.records, self.pax) = (records, None);
        self.rest.clear();
        if let Ok(Some(name)) = description.name() {
            self.set_name(&name);
        }
    }

    /// A text goes into its field if it fits, else into a record.
    fn set_text(&mut self, key: &[u8], field: Range<usize>, text: &[u8]) {
        if text.len() <= field.len() && text.is_ascii() {
            self.drop_record(key);
            put(&mut self.main[field], text);
        } else {
            put(&mut self.main[field], b"");
            self.set_record(key, text.to_vec());
        }
    }

    fn set_number(&mut self, key: &[u8], field: Range<usize>, value: u64) {
        let fits = octal_fits(value, field.len());
        put_octal(&mut self.main[field], value);
        if fits {
            self.drop_record(key);
        } else {
            self.set_record(key, value.to_string().into_bytes());
        }
    }

    fn clamp(&mut self, latest: i64) {
        let limit = Mtime::of_seconds(latest);
        let is_later = |value: &[u8]| pax_time(value).is_some_and(|time| time > limit);
        for key in [&b"atime"[..], b"ctime", b"LIBARCHIVE.creationtime"] {
            let record = self.records.iter().find(|(found, _)| found == key);
            if record.is_some_and(|(_, value)| is_later(value)) {
                self.set_record(key, pax_time_text(limit).into_bytes());
            }
        }
        for field in self.header_times() {
            let time = &mut self.main[field];
            let is_stated = time.first().is_some_and(|&byte| byte != 0);
            if is_stated && number(time).is_some_and(|time| time > latest) {
                put_octal(time, u64::try_from(latest).unwrap_or(0));
            }
        }
        let record = self.records.iter().find(|(found, _)| found == b"mtime");
        let is_in_record = record.is_some_and(|(_, value)| is_later(value));
        let in_field = number(&self.main[136..148]).unwrap_or(0);
        if is_in_record || record.is_none() && in_field > latest {
            self.set_mtime(latest);
        }
    }

    fn set_mtime(&mut self, seconds: i64) {
        self.drop_record(b"mtime");
        match u64::try_from(seconds) {
            Ok(seconds) if octal_fits(seconds, 12) => {
                put_octal(&mut self.main[136..148], seconds);
            }
            _ => {
                put_octal(&mut self.main[136..148], 0);
                let time = Mtime::of_seconds(seconds);
                self.set_record(b"mtime", pax_time_text(time).into_bytes());
            }
        }
    }

    fn join(mut self) -> Vec<u8> {
        let mut group = Vec::new();
        group.extend(self.long_name.iter().flatten());
        group.extend(self.long_link.iter().flatten());
        match self.pax {
            Some(pax) => group.extend(pax),
            None if self.records.is_empty() => {}
            None => {
                let name = until_nul(&self.main[..100]);
                group.extend(pax_extension(name, &self.records));
            }
        }
        if self.main != self.old_main {
            put_checksum(&mut self.main);
        }
        group.extend_from_slice(&self.main);
        group.extend(self.rest);
        group
    }
}

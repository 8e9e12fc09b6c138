//! Header groups of every format, spelled at random.

use std::collections::BTreeMap;

use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;
use proptest::sample::select;

/// How a number is spelled in its field.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Digits {
    /// `0000644\0`, as Go does.
    Zeros,
    /// `000644 \0`, as old tars did.
    Blank,
    /// `   644 \0`.
    Padded,
    /// GNU's base 256.
    Binary,
}

#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Format {
    V7,
    Ustar,
    Gnu,
    Star,
}

/// Where a name stands.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Place {
    Field,
    Gnu,
    Pax,
}

/// A header group and what is meant by it.
#[derive(Debug, Clone)]
pub(super) struct Group {
    pub(super) format: Format,
    pub(super) flag: u8,
    pub(super) name: Vec<u8>,
    pub(super) name_in: Place,
    pub(super) link: Vec<u8>,
    pub(super) link_in: Place,
    pub(super) numbers: (u32, u64, u64, u64, i64),
    pub(super) digits: [Digits; 5],
    /// Whether numbers stand in records too, as they do where a tar is written to be sure.
    pub(super) has_records: bool,
    pub(super) owner: (&'static str, &'static str),
    pub(super) times: Option<(u64, u64)>,
    pub(super) extra: BTreeMap<&'static str, Vec<u8>>,
    pub(super) is_padded_sum: bool,
}

pub(crate) fn sum(block: &mut [u8], is_padded: bool) {
    block[148..156].fill(b' ');
    let sum: u32 = block.iter().map(|&b| u32::from(b)).sum();
    let text = if is_padded {
        format!("{sum:>6o} \0")
    } else {
        format!("{sum:06o}\0 ")
    };
    block[148..156].copy_from_slice(text.as_bytes());
}

pub(crate) fn spell(field: &mut [u8], value: i64, digits: Digits) {
    let width = field.len();
    let text = match digits {
        Digits::Zeros => format!("{value:0width$o}\0", width = width - 1),
        Digits::Blank => format!("{value:0width$o} \0", width = width - 2),
        Digits::Padded => format!("{value:>width$o} \0", width = width - 2),
        Digits::Binary => String::new(),
    };
    let is_octal = value >= 0 && text.len() == width && digits != Digits::Binary;
    if is_octal {
        field.copy_from_slice(text.as_bytes());
        return;
    }
    let fill = if value < 0 { 0xff } else { 0 };
    field.fill(fill);
    let bytes = value.to_be_bytes();
    let n = bytes.len().min(width);
    field[width - n..].copy_from_slice(&bytes[8 - n..]);
    field[0] |= 0x80;
}

pub(crate) fn record(key: &[u8], value: &[u8]) -> Vec<u8> {
    let rest = key.len() + value.len() + 3;
    let digits = (1..9).find(|n| (rest + n).to_string().len() == *n).unwrap();
    let length = (rest + digits).to_string();
    [length.as_bytes(), b" ", key, b"=", value, b"\n"].concat()
}

pub(crate) fn extension(flag: u8, name: &[u8], body: &[u8]) -> Vec<u8> {
    let mut header = [0; 512];
    header[..name.len()].copy_from_slice(name);
    header[100..108].copy_from_slice(b"0000644\0");
    spell(
        &mut header[124..136],
        body.len().try_into().unwrap(),
        Digits::Zeros,
    );
    header[156] = flag;
    header[257..265].copy_from_slice(b"ustar\x0000");
    sum(&mut header, false);
    let mut group = [&header[..], body].concat();
    group.resize(group.len().next_multiple_of(512), 0);
    group
}

impl Group {
    /// Adds what the header says already to the records.
    fn add_numbers(&self, records: &mut Vec<(Vec<u8>, Vec<u8>)>) {
        if !self.has_records {
            return;
        }
        let (_, uid, gid, size, mtime) = self.numbers;
        let told = [
            ("uid", uid.to_string()),
            ("gid", gid.to_string()),
            ("mtime", format!("{mtime}.25")),
            ("uname", self.owner.0.to_owned()),
            ("gname", self.owner.1.to_owned()),
        ];
        let told = told.into_iter().filter(|(_, value)| !value.is_empty());
        records.extend(told.map(|(key, value)| (key.into(), value.into())));
        if self.flag == b'0' {
            records.push((b"size".to_vec(), size.to_string().into_bytes()));
        }
    }

    pub(super) fn bytes(&self) -> Vec<u8> {
        let (mode, uid, gid, size, mtime) = self.numbers;
        let mut main = [0; 512];
        let put = |main: &mut [u8; 512], at: usize, text: &[u8]| {
            main[at..at + text.len()].copy_from_slice(text);
        };
        let mut records: Vec<(Vec<u8>, Vec<u8>)> = Vec::new();
        let mut group = Vec::new();
        let cut = |text: &[u8]| text[..text.len().min(100)].to_vec();
        match self.name_in {
            // Names that do not fit are split at a slash.
            Place::Field if self.name.len() > 100 => {
                let at = self.name.iter().position(|&b| b == b'/').unwrap();
                put(&mut main, 345, &self.name[..at]);
                put(&mut main, 0, &self.name[at + 1..]);
            }
            Place::Field => put(&mut main, 0, &self.name),
            Place::Gnu => {
                let body = [&self.name[..], b"\0"].concat();
                group.extend(extension(b'L', b"././@LongLink", &body));
                put(&mut main, 0, &cut(&self.name));
            }
            Place::Pax => {
                records.push((b"path".to_vec(), self.name.clone()));
                put(&mut main, 0, &cut(b"cut"));
            }
        }
        match self.link_in {
            Place::Field => put(&mut main, 157, &self.link),
            Place::Gnu => {
                let body = [&self.link[..], b"\0"].concat();
                group.extend(extension(b'K', b"././@LongLink", &body));
                put(&mut main, 157, &cut(&self.link));
            }
            Place::Pax => records.push((b"linkpath".to_vec(), self.link.clone())),
        }
        let fields = [
            (100..108, i64::from(mode)),
            (108..116, uid.try_into().unwrap()),
            (116..124, gid.try_into().unwrap()),
            (124..136, size.try_into().unwrap()),
            (136..148, mtime),
        ];
        for ((field, value), digits) in fields.into_iter().zip(self.digits) {
            spell(&mut main[field], value, digits);
        }
        main[156] = self.flag;
        let magic: &[u8] = match self.format {
            Format::V7 => b"",
            Format::Ustar | Format::Star => b"ustar\x0000",
            Format::Gnu => b"ustar  \0",
        };
        put(&mut main, 257, magic);
        if self.format != Format::V7 {
            put(&mut main, 265, self.owner.0.as_bytes());
            put(&mut main, 297, self.owner.1.as_bytes());
            let device: &[u8] = if matches!(self.flag, b'3' | b'4') {
                b"0000011\x000000012\0"
            } else {
                b"0000000\x000000000\0"
            };
            put(&mut main, 329, device);
        }
        if let Some((atime, ctime)) = self.times {
            let at = match self.format {
                Format::Gnu => 345,
                Format::Star => 476,
                _ => unreachable!("other formats have no times"),
            };
            spell(
                &mut main[at..at + 12],
                atime.try_into().unwrap(),
                Digits::Zeros,
            );
            spell(
                &mut main[at + 12..at + 24],
                ctime.try_into().unwrap(),
                Digits::Zeros,
            );
        }
        if self.format == Format::Star {
            put(&mut main, 508, b"tar\0");
        }
        sum(&mut main, self.is_padded_sum);
        self.add_numbers(&mut records);
        let extra = self.extra.iter();
        records.extend(extra.map(|(key, value)| (key.as_bytes().to_vec(), value.clone())));
        if !records.is_empty() {
            let body: Vec<u8> = records.iter().flat_map(|(k, v)| record(k, v)).collect();
            group.extend(extension(b'x', b"PaxHeaders.0/x", &body));
        }
        group.extend_from_slice(&main);
        group
    }
}

pub(super) fn name() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        3 => "[a-z]{1,8}(/[a-z.]{1,9}){0,3}".prop_map(String::into_bytes),
        1 => "[a-z]{1,30}/[a-z]{80,100}".prop_map(String::into_bytes),
        1 => "[a-z]{120,155}/[a-z]{1,100}".prop_map(String::into_bytes),
        1 => "[a-zäß€\n ]{1,20}(/[a-z日本]{1,30}){0,3}".prop_map(String::into_bytes),
        1 => "[a-z/]{200,400}z".prop_map(String::into_bytes),
        1 => vec(1_u8..=255, 1..40).prop_map(|mut name| {
            name[0] = b'n';
            name.push(b'n');
            name
        }),
    ]
}

pub(super) fn time() -> impl Strategy<Value = i64> {
    prop_oneof![4 => 0..2_000_000_000_i64, 1 => -5_000_i64..0, 1 => 1_i64 << 33..1 << 40]
}

pub(super) fn number() -> impl Strategy<Value = u64> {
    prop_oneof![3 => 0..3_000_u64, 1 => 2_097_140..2_097_170_u64, 1 => any::<u32>().prop_map(u64::from)]
}

pub(super) fn group() -> impl Strategy<Value = Group> {
    let digits = select(vec![
        Digits::Zeros,
        Digits::Zeros,
        Digits::Blank,
        Digits::Padded,
        Digits::Binary,
    ]);
    let places = select(vec![Place::Field, Place::Gnu, Place::Pax]);
    let extra = proptest::collection::btree_map(
        select(vec![
            "SCHILY.xattr.user.a",
            "SCHILY.xattr.security.capability",
            "LIBARCHIVE.xattr.user.b",
            "SCHILY.dev",
            "comment",
            "hdrcharset",
            "vendor.key",
        ]),
        vec(any::<u8>(), 1..30),
        0..4,
    );
    let format = select(vec![
        Format::V7,
        Format::Ustar,
        Format::Ustar,
        Format::Gnu,
        Format::Star,
    ]);
    let owner = select(vec![("", ""), ("root", "root"), ("søren", "wheel")]);
    (
        (
            format,
            select(b"00001256".to_vec()),
            name(),
            places.clone(),
            name(),
            places,
        ),
        (
            0..0o7777_u32,
            number(),
            number(),
            0..3_000_u64,
            time(),
            any::<bool>(),
        ),
        (vec(digits, 5), prop::bool::weighted(0.3), owner),
        (
            option::of((0..1_u64 << 33, 0..1_u64 << 33)),
            extra,
            any::<bool>(),
        ),
    )
        .prop_map(
            |(
                (format, flag, name, mut name_in, link, mut link_in),
                (mode, uid, gid, size, mtime, has_type_bits),
                (digits, has_records, owner),
                (times, extra, is_padded_sum),
            )| {
                let is_link = matches!(flag, b'1' | b'2');
                let link = if is_link { link } else { Vec::new() };
                let prefix = name.iter().position(|&b| b == b'/').unwrap_or(0);
                let has_prefix = match format {
                    Format::Ustar => 155,
                    Format::Star => 131,
                    Format::V7 | Format::Gnu => 0,
                };
                let is_split = (1..=has_prefix).contains(&prefix)
                    && (1..=100).contains(&(name.len() - prefix - 1));
                if name.len() > 100 && name_in == Place::Field && !is_split {
                    name_in = Place::Pax;
                }
                if !is_link || link.len() > 100 && link_in == Place::Field {
                    link_in = if is_link { Place::Pax } else { Place::Field };
                }
                let type_bits = if has_type_bits { 0o100_000 } else { 0 };
                Group {
                    format,
                    flag,
                    name,
                    name_in,
                    link,
                    link_in,
                    numbers: (
                        mode | type_bits,
                        uid,
                        gid,
                        if flag == b'0' { size } else { 0 },
                        mtime,
                    ),
                    digits: digits.try_into().unwrap(),
                    has_records,
                    owner,
                    times: times.filter(|_| matches!(format, Format::Gnu | Format::Star)),
                    extra,
                    is_padded_sum,
                }
            },
        )
}

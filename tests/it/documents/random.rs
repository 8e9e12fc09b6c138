//! Random values, out of what is hard to spell.

use serde_json::{Map, Value as Json, json};

/// What a random document and a random edit are made from.
pub(super) struct Dice(pub(super) u64);

impl Dice {
    pub(super) fn below(&mut self, n: usize) -> usize {
        self.0 = self
            .0
            .wrapping_mul(0x5851_f42d_4c95_7f2d)
            .wrapping_add(0x1405_7b7e_f767_814f);
        usize::try_from(self.0 >> 33).unwrap() % n
    }

    pub(super) fn one_in(&mut self, n: usize) -> bool {
        self.below(n) == 0
    }

    pub(super) fn pick<'t>(&mut self, of: &[&'t str]) -> &'t str {
        of[self.below(of.len())]
    }
}

const TEXTS: &[&str] = &[
    "",
    "a",
    "no",
    "Yes",
    "off",
    "y",
    "1.10",
    "1",
    "null",
    "~",
    "true",
    " lead",
    "trail ",
    "a: b",
    "a:b",
    "a #b",
    "a#b",
    "two\nlines",
    "two\nlines\n",
    "- x",
    "-x",
    "--x",
    "---",
    "...",
    "é",
    "it's",
    "say \"x\"",
    "back\\slash",
    "tab\there",
    "\u{1}",
    "{a}",
    "[a, b]",
    "*x",
    "&x",
    "!t",
    "%x",
    "@x",
    "`x`",
    "? x",
    "?",
    "|",
    ">",
    "=",
    "<<",
    "2001-01-01",
    "07:30:00",
    "0x1F",
    "012",
    "0o17",
    "1_000",
    "1:30",
    "1e3",
    ".inf",
    "a, b",
    "x\r\ny",
    "\u{feff}",
    "\u{85}",
    "\u{2028}",
    "😀",
    "#x",
    "a:",
    ":a",
    "$x",
    "/x/y",
    "a=b",
    "<b>",
    "x,",
    "key.with.dot",
    "a/b",
    "m~n",
    " ",
    "\n",
    "'",
    "\"",
];

fn scalar(dice: &mut Dice, has_null: bool) -> Json {
    match dice.below(if has_null { 5 } else { 4 }) {
        0 => json!(dice.one_in(2)),
        1 => json!(dice.below(2000)),
        2 => json!(f64::from(u32::try_from(dice.below(1000)).unwrap()) / 8.0),
        3 => json!(dice.pick(TEXTS)),
        _ => Json::Null,
    }
}

pub(super) fn random(dice: &mut Dice, depth: usize, has_null: bool) -> Json {
    match dice.below(if depth == 0 { 4 } else { 8 }) {
        0..4 => scalar(dice, has_null),
        4 | 5 => (0..dice.below(4))
            .map(|_| random(dice, depth - 1, has_null))
            .collect(),
        _ => random_map(dice, depth, has_null),
    }
}

pub(super) fn random_map(dice: &mut Dice, depth: usize, has_null: bool) -> Json {
    let mut map = Map::new();
    for _ in 0..dice.below(5) {
        let key = match dice.below(3) {
            0 => dice.pick(TEXTS).to_owned(),
            _ => dice
                .pick(&["alpha", "beta", "gamma", "delta", "on", "x-y", "1"])
                .to_owned(),
        };
        map.insert(key, random(dice, depth - 1, has_null));
    }
    Json::Object(map)
}

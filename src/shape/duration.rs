//! Lengths of time as Go spells them: `1m30s`, `1.5s`, `500ms`.

use serde_json::json;

use super::decode::{Field, Problems};
use super::definitions::shape;
use crate::problem::{Code, quoted};

const HELP: &str = "write a duration such as `30s`, `1m30s` or `500ms`, at least `1ms`";

/// A length of time.
pub(crate) type Nanoseconds = i64;

shape! {
    /// A duration such as `30s`, `1m30s` or `500ms`
    pub(crate) struct Duration("Duration") -> Nanoseconds {
        |_| json!({
            "type": "string",
            "pattern": "^([0-9]+(\\.[0-9]+)?(ns|us|µs|ms|s|m|h))+$",
            "patternErrorMessage": HELP,
            "examples": ["30s"],
        }),
        duration
    }
}

/// Docker's least for a health check (moby `container.MinimumDuration`). In nanoseconds.
const MINIMUM: i64 = 1_000_000;
/// A unit after the ones that begin like it. In nanoseconds.
const UNITS: [(&str, i64); 7] = [
    ("ns", 1),
    ("us", 1_000),
    ("µs", 1_000),
    ("ms", 1_000_000),
    ("s", 1_000_000_000),
    ("m", 60_000_000_000),
    ("h", 3_600_000_000_000),
];

/// Reads a length of time of a health check, in nanoseconds.
fn duration(field: &Field<'_>, problems: &mut Problems) -> Option<i64> {
    let text = field.some_word(problems)?;
    let nanoseconds = parse(text).filter(|nanoseconds| *nanoseconds >= MINIMUM);
    if nanoseconds.is_none() {
        let message = format!("{} is {}", field.name, quoted(text));
        let problem = field.problem(Code::InvalidValue, message);
        problems.add(problem.with_help(HELP));
    }
    nanoseconds
}

fn parse(text: &str) -> Option<i64> {
    let (mut rest, mut sum) = (text, 0_i64);
    while !rest.is_empty() {
        let end = rest.find(|c: char| !c.is_ascii_digit() && c != '.')?;
        let (number, tail) = rest.split_at(end);
        let end = tail
            .find(|c: char| c.is_ascii_digit() || c == '.')
            .unwrap_or(tail.len());
        let (unit, tail) = tail.split_at(end);
        let (_, scale) = UNITS.iter().find(|(name, _)| *name == unit)?;
        sum = sum.checked_add(scaled(number, *scale)?)?;
        rest = tail;
    }
    (!text.is_empty()).then_some(sum)
}

/// A decimal number of units; what is less than a nanosecond is dropped, as in Go.
fn scaled(number: &str, scale: i64) -> Option<i64> {
    let (whole, fraction) = number.split_once('.').unwrap_or((number, "0"));
    let is_digits = |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    if !is_digits(whole) || !is_digits(fraction) {
        return None;
    }
    let fraction = fraction.get(..18).unwrap_or(fraction);
    let parts = i128::from(fraction.parse::<i64>().ok()?) * i128::from(scale);
    let parts = parts / 10_i128.pow(u32::try_from(fraction.len()).ok()?);
    let whole = whole.parse::<i64>().ok()?.checked_mul(scale)?;
    whole.checked_add(i64::try_from(parts).ok()?)
}

/// Spells a length of time as a person would: whole hours and minutes, and seconds or milliseconds with a fraction.
#[must_use]
pub fn spell_duration(nanoseconds: u64) -> String {
    let (minutes, rest) = (nanoseconds / 60_000_000_000, nanoseconds % 60_000_000_000);
    let unit = |n: u64, name: &str| match n {
        0 => String::new(),
        n => format!("{n}{name}"),
    };
    let fraction = |n: u64, digits: usize, name: &str| {
        let scale = 10_u64.pow(u32::try_from(digits).expect("at most nine digits"));
        let fraction = format!("{:0digits$}", n % scale);
        let fraction = fraction.trim_end_matches('0');
        let dot = if fraction.is_empty() { "" } else { "." };
        format!("{}{dot}{fraction}{name}", n / scale)
    };
    let seconds = match rest {
        0 if minutes > 0 => String::new(),
        rest if rest % 1_000_000_000 == 0 || rest > 1_000_000_000 || minutes > 0 => {
            fraction(rest, 9, "s")
        }
        rest => fraction(rest, 6, "ms"),
    };
    unit(minutes / 60, "h") + &unit(minutes % 60, "m") + &seconds
}

#[cfg(test)]
mod tests {
    use super::{parse, spell_duration};

    #[test]
    fn a_length_is_spelled_so_that_it_is_read_back() {
        for (nanoseconds, text) in [
            (30_000_000_000, "30s"),
            (90_000_000_000, "1m30s"),
            (3_600_000_000_000, "1h"),
            (3_600_500_000_000, "1h0.5s"),
            (1_500_000_000, "1.5s"),
            (500_000_000, "500ms"),
            (1_000_001, "1.000001ms"),
            (0, "0s"),
            (60_000_000_001, "1m0.000000001s"),
            (9_223_372_036_854_775_807, "2562047h47m16.854775807s"),
        ] {
            assert_eq!(spell_duration(nanoseconds), text);
            assert_eq!(
                parse(text).and_then(|n| u64::try_from(n).ok()),
                Some(nanoseconds)
            );
        }
    }

    #[test]
    fn a_length_is_read_as_go_reads_it() {
        for (text, nanoseconds) in [
            ("30s", 30_000_000_000),
            ("1m30s", 90_000_000_000),
            ("1.5s", 1_500_000_000),
            ("1h1ms", 3_600_001_000_000),
            ("0.0000000019s", 1),
            ("1500us", 1_500_000),
            ("2µs3ns", 2_003),
        ] {
            assert_eq!(parse(text), Some(nanoseconds), "{text}");
        }
        for text in [
            "",
            "30",
            "s",
            "30 s",
            "-1s",
            "1d",
            ".5s",
            "1.s",
            "1..2s",
            "1.0000000000000000000.5s",
            "99999999999h",
        ] {
            assert_eq!(parse(text), None, "{text}");
        }
    }
}

//! Numbers by value, however they are spelled.

/// Returns a spelling that equal numbers share; whole numbers and numbers with a fraction or an exponent stay apart, as their
/// types in TOML and YAML do.
pub(super) fn canonical(spelled: &str) -> String {
    let text = spelled.replace('_', "");
    let (sign, digits) = match text.strip_prefix('-') {
        Some(digits) => ("-", digits),
        None => ("", text.strip_prefix('+').unwrap_or(&text)),
    };
    for (prefix, radix) in [("0x", 16), ("0o", 8), ("0b", 2)] {
        if let Some(digits) = digits.strip_prefix(prefix) {
            return match i128::from_str_radix(digits, radix) {
                Ok(number) => format!("{sign}{number}"),
                Err(_) => text,
            };
        }
    }
    let lower = digits.trim_start_matches('.').to_ascii_lowercase();
    if matches!(lower.as_str(), "inf" | "nan") {
        return format!("{sign}{lower}");
    }
    let (mantissa, exponent) = match digits.split_once(['e', 'E']) {
        Some((mantissa, exponent)) => (mantissa, Some(exponent)),
        None => (digits, None),
    };
    let Some(exponent) = exponent.map_or(Some(0), |exponent| exponent.parse::<i64>().ok()) else {
        return text;
    };
    if !digits.contains(['.', 'e', 'E']) {
        let whole = digits.trim_start_matches('0');
        return match whole {
            "" => "0".to_owned(),
            whole => format!("{sign}{whole}"),
        };
    }
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let all = format!("{whole}{fraction}");
    let significant = all.trim_start_matches('0');
    let short = significant.trim_end_matches('0');
    if short.is_empty() {
        return format!("{sign}0e0");
    }
    let count = |text: &str| i64::try_from(text.len()).unwrap_or(i64::MAX);
    let shift = count(significant) - count(short) - count(fraction);
    format!("{sign}{short}e{}", exponent.saturating_add(shift))
}

#[cfg(test)]
mod tests {
    use super::canonical;

    #[test]
    fn equal_numbers_share_a_spelling() {
        for (a, b) in [
            ("1000", "1_000"),
            ("255", "0xFF"),
            ("255", "+0255"),
            ("1.5", "15e-1"),
            ("1e3", "1000.0"),
            ("1200.50", "12005e-1"),
            ("1.500e3", "1500.0"),
            ("0.00100", "1e-3"),
            ("120e-1", "12.0"),
            ("0.0", "0e7"),
            (".5", "0.50"),
            (".inf", "+inf"),
        ] {
            assert_eq!(canonical(a), canonical(b), "{a} {b}");
        }
        for (a, b) in [
            ("1", "1.0"),
            ("1", "-1"),
            ("0.1", "0.10000000000000000001"),
            ("9007199254740993", "9007199254740992"),
            ("1e99999999999999999999", "1e99999999999999999998"),
        ] {
            assert_ne!(canonical(a), canonical(b), "{a} {b}");
        }
    }
}

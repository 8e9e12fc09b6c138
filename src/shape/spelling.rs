//! Words that are nearly others, and lists of words for messages.

/// Longer pairs are not shown again. In bytes.
const MAX_SHOWN_BYTES: usize = 80;

/// Returns what was meant by `key:value`, which is one string to YAML.
pub(crate) fn spaced(text: &str) -> Option<String> {
    let (key, value) = text.split_once(':')?;
    let is_key = |c: char| c.is_alphanumeric() || "._-/".contains(c);
    let is_meant = !key.is_empty() && key.chars().all(is_key);
    let is_value = !value.is_empty() && !value.starts_with([' ', ':']) && !value.starts_with("//");
    // `registry.example.com:5000/app` is the name of an image.
    let port = value.split_once('/').map_or("", |(port, _)| port);
    let is_value = is_value && (port.is_empty() || !port.bytes().all(|byte| byte.is_ascii_digit()));
    let is_short = text.len() <= MAX_SHOWN_BYTES;
    (is_meant && is_value && is_short).then(|| format!("{key}: {value}"))
}

/// Returns the help for a word that is not one of `known`: the one that was probably meant, or all of them.
pub(crate) fn suggestion(word: &str, known: &[&str]) -> String {
    if let Some(name) = nearest(word, known) {
        return format!("did you mean `{name}`?");
    }
    let names = known.iter().map(|name| format!("`{name}`"));
    format!("this version knows {}", listed(names, "and"))
}

pub(super) fn nearest<'a>(word: &str, known: &[&'a str]) -> Option<&'a str> {
    // The distance costs the product of both lengths, and nobody misspells this much.
    if word.len() > 64 {
        return None;
    }
    let spelled = kebab_case(word);
    let distance = |name: &str| strsim::damerau_levenshtein(&spelled, &kebab_case(name));
    known
        .iter()
        .map(|name| (distance(name), *name))
        .min_by_key(|(distance, _)| *distance)
        .filter(|(distance, name)| *distance <= (name.len() / 3).max(1))
        .map(|(_, name)| name)
}

/// `setLabel`, `SetLabel`, `SET_LABEL`, `set_label` and `set label` are all meant as `set-label`.
pub(super) fn kebab_case(word: &str) -> String {
    let mut result = String::with_capacity(word.len());
    let mut before = '-';
    for c in word.chars() {
        if c.is_uppercase() && (before.is_lowercase() || before.is_numeric()) {
            result.push('-');
        }
        before = c;
        match c {
            '_' | ' ' => result.push('-'),
            c => result.extend(c.to_lowercase()),
        }
    }
    result
}

/// Returns `a`, `a and b` or `a, b and c`.
pub(crate) fn listed(items: impl Iterator<Item = String>, last: &str) -> String {
    let items: Vec<String> = items.collect();
    match items.as_slice() {
        [] => String::new(),
        [one] => one.clone(),
        [most @ .., one] => format!("{} {last} {one}", most.join(", ")),
    }
}

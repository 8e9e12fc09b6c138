//! A first patch for an image: it pins the image and changes nothing, and shows in comments what could be changed.

use std::collections::BTreeMap;

use super::choose::name;
use crate::archive::{Archive, Image};
use crate::config_field::ConfigField;
use crate::image::Config;
use crate::patch::{DraftValue, ImagePattern, PatchDraft};
use crate::reference::Reference;

/// More labels or variables than this are not shown.
const MAX_SHOWN: usize = 10;
/// A longer value is no example. In bytes.
const MAX_VALUE_BYTES: usize = 200;

/// The line above the operations.
const OPERATIONS: &str = "operations:\n";

/// An operation or a precondition, with its value.
type Draft = (&'static str, DraftValue);

/// Returns a patch that fits this image of an archive and changes nothing. Every example in it sets what the image has already, so
/// it may be uncommented as it is.
#[must_use]
pub fn first_patch(archive: &Archive, index: usize) -> String {
    let image = &archive.images()[index];
    let text = DraftValue::Text;
    let mut examples = examples(image.config());
    let first = if examples.is_empty() {
        let patterns = DraftValue::List(vec![text("example".to_owned())]);
        let pairs = [
            ("match", patterns),
            ("if-missing", text("ignore".to_owned())),
        ];
        ("unset-label", map(pairs))
    } else {
        examples.remove(0)
    };
    let mut sections = Vec::new();
    if archive.images().len() > 1 {
        let pattern = text(pattern(archive, index));
        sections.push(("target", map([("images", DraftValue::List(vec![pattern]))])));
    }
    let id = text(format!("sha256:{}", image.image_id().short()));
    sections.push(("expect", DraftValue::List(vec![map([("image-id", id)])])));
    let head = PatchDraft {
        comments: vec![
            "yaml-language-server: $schema=patch.schema.json".to_owned(),
            format!("A first patch for {}, {}.", name(image), image.platform()),
            "It changes nothing yet. Change values, and uncomment what you need; `ocipatch plan` shows the effect.".to_owned(),
            "`ocipatch schema > patch.schema.json` writes the schema for editors.".to_owned(),
        ],
        sections,
        operations: Vec::new(),
    };
    let head = head.to_string();
    let head = head.strip_suffix(OPERATIONS).expect("it ends with them");
    let mut patch = head.to_owned() + &commented(&preconditions(image));
    if archive.referrers(index).n > 0 {
        patch += "# Attestations and signatures describe the image as it was; they must be dropped or kept if it changes.\n";
        patch += "# attestations: drop\n";
    }
    patch += OPERATIONS;
    patch += &PatchDraft::item(&first);
    patch + &commented(&examples)
}

/// Operations that set what the image has already.
fn examples(config: &Config) -> Vec<Draft> {
    let text = |pairs: Vec<(String, String)>| {
        let pairs = pairs
            .into_iter()
            .map(|(key, value)| (key, DraftValue::Text(value)));
        DraftValue::Map(pairs.collect())
    };
    let labels = said("set-label", config.members(ConfigField::Labels));
    let variables = said("set-env", variables(config));
    let mut examples: Vec<Draft> = Vec::new();
    // One by itself, so that the patch has an operation and the others may be uncommented together.
    let (first, rest) = labels.split_at(labels.len().min(1));
    for (operation, pairs) in [
        ("set-label", first),
        ("set-label", rest),
        ("set-env", &variables),
    ] {
        if !pairs.is_empty() {
            examples.push((operation, text(pairs.to_vec())));
        }
    }
    if let Some(user) = user(config) {
        examples.push(("set-user", DraftValue::Text(user)));
    }
    examples.retain(|(operation, value)| PatchDraft::can_say(operation, value));
    examples
}

/// The pairs that are short enough and that the operation can say.
fn said(operation: &'static str, pairs: Vec<(String, String)>) -> Vec<(String, String)> {
    let can_say = |(key, value): &(String, String)| {
        let pair = DraftValue::Map(vec![(key.clone(), DraftValue::Text(value.clone()))]);
        value.len() <= MAX_VALUE_BYTES && PatchDraft::can_say(operation, &pair)
    };
    pairs.into_iter().filter(can_say).take(MAX_SHOWN).collect()
}

/// The variables that are there once.
fn variables(config: &Config) -> Vec<(String, String)> {
    let items = config.texts(ConfigField::Env);
    let mut n_times: BTreeMap<String, usize> = BTreeMap::new();
    for item in &items {
        let name = item.split('=').next().unwrap_or_default();
        *n_times.entry(name.to_lowercase()).or_default() += 1;
    }
    let pairs = items.iter().filter_map(|item| item.split_once('='));
    let once = pairs.filter(|(name, _)| n_times[&name.to_lowercase()] == 1);
    once.map(|(name, value)| (name.to_owned(), value.to_owned()))
        .collect()
}

/// Preconditions that the image satisfies.
fn preconditions(image: &Image) -> Vec<Draft> {
    let config = image.config();
    let text = |value: String| DraftValue::Text(value);
    let mut all = vec![("platform", text(image.platform().to_string()))];
    all.extend(
        image
            .tags()
            .first()
            .map(|tag| ("tag", text(tag.familiar()))),
    );
    let n_layers = i64::try_from(image.layers().len()).expect("layers are counted in memory");
    all.push(("layers", DraftValue::Number(n_layers)));
    let labels = said("set-label", config.members(ConfigField::Labels));
    if let Some((key, value)) = labels.into_iter().next() {
        all.push(("label", DraftValue::Map(vec![(key, text(value))])));
    }
    if let Some(user) = user(config) {
        all.push(("config", map([("user", text(user))])));
    }
    all.retain(|(name, value)| PatchDraft::can_expect(name, value));
    all
}

fn user(config: &Config) -> Option<String> {
    let user = config.texts(ConfigField::User).into_iter().next();
    user.filter(|user| !user.is_empty())
}

/// The pattern that selects this image alone: a tag that no other image has, else the id.
fn pattern(archive: &Archive, index: usize) -> String {
    let image = &archive.images()[index];
    let is_only = |tag: &&Reference| {
        let pattern = ImagePattern::parse(&tag.familiar());
        let images = archive.images().iter();
        let is_meant = |image: &&Image| {
            pattern
                .as_ref()
                .is_some_and(|it| it.matches(image.tags(), []))
        };
        images.filter(is_meant).count() == 1
    };
    match image.tags().iter().find(is_only) {
        Some(tag) => tag.familiar(),
        None => image.image_id().to_string(),
    }
}

fn map<const N: usize>(pairs: [(&str, DraftValue); N]) -> DraftValue {
    let pairs = pairs
        .into_iter()
        .map(|(key, value)| (key.to_owned(), value));
    DraftValue::Map(pairs.collect())
}

/// Returns items of a list as comments: `  # - a`.
fn commented(items: &[Draft]) -> String {
    let items: String = items.iter().map(PatchDraft::item).collect();
    let line = |line: &str| match line.strip_prefix("  ") {
        Some(line) => format!("  # {line}\n"),
        // A text of several lines may have empty ones.
        None => "  #\n".to_owned(),
    };
    items.lines().map(line).collect()
}

#[cfg(test)]
mod tests {
    use super::{MAX_VALUE_BYTES, said};

    #[test]
    fn pairs_are_short_and_can_be_said() {
        let pair = |key: &str, n: usize| (key.to_owned(), "v".repeat(n));
        let kept = |key: &str, n: usize| said("set-label", vec![pair(key, n)]).len();
        assert_eq!(kept("a", MAX_VALUE_BYTES), 1);
        assert_eq!(kept("a", MAX_VALUE_BYTES + 1), 0);
        assert_eq!(kept("a\u{1b}", 1), 0);
    }
}

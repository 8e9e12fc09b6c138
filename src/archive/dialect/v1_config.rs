//! The configuration that Docker 1.10 to 28 made of the `json` files of older archives (moby v20.10 image/v1/imagev1.go
//! `HistoryFromConfig`, `MakeConfigFromV1Config`).

use std::borrow::Cow;
use std::collections::BTreeMap;

use super::generation::Generation;
use super::go::{go_time, object, present};
use crate::archive::Layer;
use crate::image::json::{Document, encode};

/// Members of a `json` that no configuration has.
const OF_THE_STEP: [&str; 6] = ["id", "parent", "Size", "parent_id", "layer_id", "throwaway"];
/// Docker reads the `json` of releases before this through its structs, which drop what they do not know.
const FIRST_KEPT_RELEASE: [u64; 3] = [1, 8, 3];
/// Go's zero time, which stands for none.
const ZERO_TIME: &str = "0001-01-01T00:00:00Z";

/// Returns the history entry of a step (`HistoryFromConfig`): no layer is an empty one there.
pub(super) fn history_entry(document: &Document) -> Option<String> {
    let root = &document.root;
    let text = |key| match present(root, key) {
        Some(value) => Some(value.as_text()?.into_owned()),
        None => Some(String::new()),
    };
    let created = text("created")?;
    let created = if created.is_empty() {
        ZERO_TIME.to_owned()
    } else {
        go_time(&created)?
    };
    let command = present(root, "container_config").and_then(|config| present(config, "Cmd"));
    let command = match command {
        None => String::new(),
        Some(command) if command.as_text().is_some() => command.as_text()?.into_owned(),
        Some(command) => {
            let words = command
                .items()?
                .map(|word| Some(word.as_text()?.into_owned()));
            words.collect::<Option<Vec<String>>>()?.join(" ")
        }
    };
    let mut members = vec![("created", encode(&created))];
    for (key, value) in [
        ("author", text("author")?),
        ("created_by", command),
        ("comment", text("comment")?),
    ] {
        if !value.is_empty() {
            members.push((key, encode(&value)));
        }
    }
    Some(object(members))
}

/// Returns the configuration of the image whose topmost step has that document (`MakeConfigFromV1Config`).
pub(super) fn config(document: &Document, layers: &[Layer], history: &[String]) -> Option<String> {
    let root = &document.root;
    let version = match present(root, "docker_version") {
        Some(version) => version.as_text()?,
        None => Cow::Borrowed(""),
    };
    let mut members: BTreeMap<String, String> = if is_read_through_structs(&version) {
        let image = Generation::likeliest().image(root)?;
        let image = image.into_iter();
        image.map(|(key, value)| (key.to_owned(), value)).collect()
    } else {
        let members = root.members()?;
        members
            .map(|(key, value)| (key.into_owned(), value.compact()))
            .collect()
    };
    for key in OF_THE_STEP {
        members.remove(key);
    }
    let diff_ids = layers.iter().map(|layer| format!("\"{}\"", layer.diff_id));
    let diff_ids: Vec<String> = diff_ids.collect();
    let rootfs = format!(
        "{{\"type\":\"layers\",\"diff_ids\":[{}]}}",
        diff_ids.join(",")
    );
    members.insert("rootfs".to_owned(), rootfs);
    members.insert("history".to_owned(), format!("[{}]", history.join(",")));
    let members = members.iter();
    let members = members.map(|(key, value)| format!("{}:{value}", encode(key)));
    let members: Vec<String> = members.collect();
    Some(format!("{{{}}}", members.join(",")))
}

/// Tells whether a version of Docker comes before the first whose `json` is kept (moby api/types/versions/compare.go): a part that
/// is no number counts as 0.
fn is_read_through_structs(version: &str) -> bool {
    let mut parts = version.split('.').map(|part| part.parse().unwrap_or(0));
    for wanted in FIRST_KEPT_RELEASE {
        let part: u64 = parts.next().unwrap_or(0);
        if part != wanted {
            return part < wanted;
        }
    }
    false
}

#[cfg(test)]
mod tests {
    use super::{history_entry, is_read_through_structs};
    use crate::image::json::Document;

    #[test]
    fn a_step_is_told_as_docker_tells_it() {
        let zero = r#""created":"0001-01-01T00:00:00Z""#;
        for (given, wanted) in [
            ("{}", Some(format!("{{{zero}}}"))),
            (r#"{"created":"","author":"","container_config":{}}"#, Some(format!("{{{zero}}}"))),
            (
                r#"{"comment":"c","author":"me","created":"2020-01-02T03:04:05.000Z","container_config":{"Cmd":["/bin/sh","-c","x"]}}"#,
                Some(r#"{"created":"2020-01-02T03:04:05Z","author":"me","created_by":"/bin/sh -c x","comment":"c"}"#.to_owned()),
            ),
            (
                r#"{"container_config":{"Cmd":"one text"}}"#,
                Some(format!(r#"{{{zero},"created_by":"one text"}}"#)),
            ),
            (r#"{"container_config":{"Cmd":[]},"layer":7}"#, Some(format!("{{{zero}}}"))),
            (r#"{"container_config":{"Cmd":7}}"#, None),
            (r#"{"container_config":{"Cmd":["a",7]}}"#, None),
            (r#"{"created":7}"#, None),
            (r#"{"author":7}"#, None),
            (r#"{"comment":7}"#, None),
        ] {
            let document = Document::parse(given.as_bytes()).unwrap();
            assert_eq!(history_entry(&document), wanted, "{given}");
        }
    }

    #[test]
    fn releases_are_compared_as_docker_compares_them() {
        for (version, is_before) in [
            ("", true),
            ("0.4.0", true),
            ("1.8", true),
            ("1.8.2", true),
            ("1.8.2-dev", true),
            ("1.8.3", false),
            ("1.8.3-rc1", true),
            ("1.8.3.1", false),
            ("1.9", false),
            ("1.10.0-dev", false),
            ("20.10.24", false),
            ("library-import", true),
        ] {
            assert_eq!(is_read_through_structs(version), is_before, "{version}");
        }
    }
}

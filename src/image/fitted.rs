//! Configurations whose layers somebody has changed by hand: diff ids and history follow the layers that are there.

use super::config::Config;
use super::invalid_config::InvalidConfig;
use super::json::{ArrayEdit, Document, Shape, Value};
use super::keys;
use crate::digest::DiffId;

impl Config {
    /// Parses a configuration and has it describe the layers `diff_ids`, whatever diff ids and history it states. A list that says
    /// so already keeps its spelling. A history that describes too few layers stays as it is, as every reader allows, unless the
    /// layers are others than stated or somebody edited the configuration (`is_edited`).
    pub fn parse_fitted(
        bytes: &[u8],
        diff_ids: &[DiffId],
        is_edited: bool,
    ) -> Result<Self, InvalidConfig> {
        let mut document = Document::parse(bytes)?;
        document.root.read_as(Shape::Struct(keys::CONFIG))?;
        // A configuration without `rootfs` is that of something that is no image.
        let has_rootfs = document.root.field("rootfs").is_some();
        let stated: Vec<Option<DiffId>> = stated(&document);
        let is_fitting = stated
            .iter()
            .copied()
            .eq(diff_ids.iter().copied().map(Some));
        if has_rootfs && !is_fitting {
            document.edit_array(&["rootfs"], "diff_ids", &["type", "diff_ids"], |list| {
                state(list, &stated, diff_ids);
            });
        }
        let mut config = Self::parse(&document.to_bytes())?;
        if is_edited || !is_fitting || config.n_history_layers() > diff_ids.len() {
            config.fit_history(&stated);
        }
        Ok(config)
    }

    /// Has the history describe each layer, if it describes any; `stated` are the layers that the configuration had.
    ///
    /// Entries of layers that are gone are removed, and a layer that came gets an entry without a text. Where it cannot be told
    /// which layers these are, they are the last ones.
    fn fit_history(&mut self, stated: &[Option<DiffId>]) {
        let (n_described, n_layers) = (self.n_history_layers(), self.diff_ids().len());
        if self.history().next().is_none() || n_described == n_layers {
            return;
        }
        let own: Vec<Option<DiffId>> = self.diff_ids().iter().copied().map(Some).collect();
        let is_in_step = n_described == stated.len();
        let gone = missing(stated, &own).filter(|_| is_in_step);
        let come = missing(&own, stated).filter(|_| is_in_step);
        for layer in gone
            .unwrap_or_else(|| (n_layers..n_described).collect())
            .into_iter()
            .rev()
        {
            self.remove_layer_history(layer..layer + 1);
        }
        for layer in come.unwrap_or_else(|| (n_described..n_layers).collect()) {
            self.insert_textless_history(layer);
        }
    }
}

/// Returns the diff ids that a configuration states; what is none is nothing.
fn stated(document: &Document) -> Vec<Option<DiffId>> {
    let list = document
        .root
        .get("rootfs")
        .and_then(|rootfs| rootfs.get("diff_ids"));
    let list = list.and_then(Value::items).into_iter().flatten();
    list.map(|item| DiffId::parse(&item.as_text()?).ok())
        .collect()
}

/// Has a list of diff ids be `wanted`.
fn state(list: &mut ArrayEdit<'_>, stated: &[Option<DiffId>], wanted: &[DiffId]) {
    while list.len() > wanted.len() {
        list.remove(list.len() - 1);
    }
    for (i, diff_id) in wanted.iter().enumerate() {
        let value = Value::text(&diff_id.to_string());
        match stated.get(i) {
            None => list.push(value),
            Some(stated) if *stated == Some(*diff_id) => {}
            Some(_) => list.replace(i, value),
        }
    }
}

/// Returns the places in `all` of what `some` lacks; nothing if `some` has what `all` has not, or in another order.
fn missing(all: &[Option<DiffId>], some: &[Option<DiffId>]) -> Option<Vec<usize>> {
    let mut some = some.iter().peekable();
    let places = (0..all.len()).filter(|&i| some.next_if_eq(&&all[i]).is_none());
    let places: Vec<usize> = places.collect();
    some.next().is_none().then_some(places)
}

#[cfg(test)]
mod tests {
    use super::{Config, DiffId};
    use crate::digest::Digest;

    fn diff_id(n: u8) -> DiffId {
        DiffId::parse(&Digest::of(&[n]).to_string())
            .expect("digests and diff ids are spelled alike")
    }

    #[test]
    fn what_states_no_layers_is_no_configuration() {
        for is_edited in [false, true] {
            assert!(Config::parse_fitted(b"{}", &[diff_id(1)], is_edited).is_err());
            assert!(Config::parse_fitted(b"{}", &[], is_edited).is_err());
        }
    }

    /// A configuration with these layers, and a history with these letters; a capital letter is that of a layer.
    fn config(layers: &[u8], history: &str) -> Vec<u8> {
        let layers: Vec<String> = layers
            .iter()
            .map(|&n| format!("\"{}\"", diff_id(n)))
            .collect();
        let entry = |c: char| {
            let empty = if c.is_lowercase() {
                ",\"empty_layer\":true"
            } else {
                ""
            };
            format!("{{\"created_by\":\"{c}\"{empty}}}")
        };
        let history: Vec<String> = history.chars().map(entry).collect();
        format!(
            "{{\"rootfs\":{{\"type\":\"layers\",\"diff_ids\":[{}]}},\"history\":[{}]}}",
            layers.join(","),
            history.join(",")
        )
        .into_bytes()
    }

    /// The letters of the history of a configuration that was fitted to these layers; `-` has no text.
    fn fitted(stated: &[u8], history: &str, layers: &[u8]) -> String {
        let diff_ids: Vec<DiffId> = layers.iter().map(|&n| diff_id(n)).collect();
        let config = Config::parse_fitted(&config(stated, history), &diff_ids, true).unwrap();
        assert_eq!(config.diff_ids(), diff_ids);
        let text = |entry: &super::Value| {
            entry
                .get("created_by")
                .map(|text| text.as_text().unwrap().into_owned())
        };
        let texts = config
            .history()
            .map(|entry| text(entry).unwrap_or("-".to_owned()));
        texts.collect()
    }

    #[test]
    fn a_short_history_of_layers_that_are_as_stated_stays() {
        let bytes = config(&[1, 2], "Ax");
        let own = [diff_id(1), diff_id(2)];
        let kept = Config::parse_fitted(&bytes, &own, false).unwrap();
        assert_eq!(kept.to_bytes(), bytes);
        // Another spelling of the same stays.
        let escaped = String::from_utf8(config(&[1, 2], "AxB")).unwrap().replacen(
            "\"sha256:",
            "\"sha256\\u003a",
            2,
        );
        let kept = Config::parse_fitted(escaped.as_bytes(), &own, true).unwrap();
        assert_eq!(kept.to_bytes(), escaped.as_bytes());
        let other = Config::parse_fitted(escaped.as_bytes(), &[own[0], diff_id(3)], false).unwrap();
        let digest = own[1].to_string().replace("sha256:", "");
        let expected = escaped.replace(&format!("sha256\\u003a{digest}"), &diff_id(3).to_string());
        assert_eq!(String::from_utf8(other.to_bytes()).unwrap(), expected);
        let bytes = config(&[1], "AxB");
        let cut = Config::parse_fitted(&bytes, &own[..1], false).unwrap();
        assert_eq!(cut.to_bytes(), config(&[1], "Ax"));
    }

    #[test]
    fn the_history_follows_the_layers_that_came_and_went() {
        for (stated, history, layers, wanted) in [
            (&[1, 2][..], "AxBy", &[1, 2][..], "AxBy"),
            (&[1, 2], "AxBy", &[3, 2], "AxBy"),
            (&[1, 2], "AxBy", &[1, 2, 3], "AxBy-"),
            (&[1, 2], "AxBy", &[3, 1, 2], "-AxBy"),
            (&[1, 2], "AxBy", &[1, 3, 2], "A-xBy"),
            (&[1, 2, 3], "AxBC", &[1, 3], "AxC"),
            (&[1, 2, 3], "AxBC", &[2, 3], "xBC"),
            // The author has written the diff id, and not the history.
            (&[1, 2, 3], "AxBy", &[1, 2, 3], "AxBy-"),
            (&[1], "AxBy", &[1], "Axy"),
            // One came and another went: which is which cannot be told.
            (&[1, 2], "AxB", &[3], "Ax"),
            (&[1, 2], "AB", &[3, 4, 5], "AB-"),
            // A history that describes nothing stays as it is.
            (&[1, 2], "", &[1], ""),
        ] {
            assert_eq!(
                fitted(stated, history, layers),
                wanted,
                "{stated:?} {history} {layers:?}"
            );
        }
    }

    /// A history as letters: capitals are layers. It has as many diff ids as is said.
    fn of_history(letters: &str, n_diff_ids: usize) -> Config {
        let entry = |letter: char| {
            let is_empty = letter.is_lowercase();
            format!(r#"{{"created_by":"{letter}","empty_layer":{is_empty}}}"#)
        };
        let entries: Vec<String> = letters.chars().map(entry).collect();
        let diff_ids = vec![format!("\"sha256:{}\"", "0".repeat(64)); n_diff_ids];
        let (entries, diff_ids) = (entries.join(","), diff_ids.join(","));
        let text = format!(r#"{{"history":[{entries}],"rootfs":{{"diff_ids":[{diff_ids}]}}}}"#);
        Config::parse(text.as_bytes()).unwrap()
    }

    #[test]
    fn the_history_of_a_base_is_replaced_by_that_of_another() {
        for (mine, old, n_layers, (new, n_new), expected) in [
            ("AbCd", "Ab", 1, ("XyZ", 2), "XyZCd"),
            ("AbCd", "", 1, ("X", 1), "XAbCd"),
            ("AbCd", "AbCd", 2, ("X", 1), "X"),
            // One that is not how this one begins says where its last layer is.
            ("AbCd", "Qb", 1, ("X", 1), "XbCd"),
            ("AbCd", "AbCde", 2, ("X", 1), "Xd"),
            ("AbCd", "Q", 0, ("X", 1), "XAbCd"),
            ("AbCd", "Q", 3, ("X", 1), "XAbCd"),
            // One that does not tell of all layers.
            ("AbCd", "Ab", 1, ("X", 2), "Cd"),
            ("", "", 0, ("xY", 1), "xY"),
        ] {
            let mut config = of_history(mine, 2);
            config.replace_base_history(&of_history(old, 1), n_layers, &of_history(new, n_new));
            let found: String = config
                .history()
                .map(|entry| {
                    entry
                        .get("created_by")
                        .unwrap()
                        .as_text()
                        .unwrap()
                        .into_owned()
                })
                .collect();
            assert_eq!(found, expected, "{mine} {old} {n_layers} {new}");
        }
    }
}

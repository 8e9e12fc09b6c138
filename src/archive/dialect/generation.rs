//! Docker's legacy layer ids: the `<id>/json` files of `docker save` up to 24, the unreferenced blobs of 25 and later.
//!
//! The id of a layer is the hash of a JSON text that Docker's Go structs print (image/v1/imagev1.go `CreateID`,
//! image/tarexport/save.go), and what they print differs between releases and even between daemons in other time
//! zones. So a [`Generation`] is told from the archive at hand: derive what is there, and use what reproduces it.

use std::collections::BTreeMap;

use super::go::{boolean, go_time, integer, object, present};
use crate::digest::{ChainId, Digest};
use crate::image::Config;
use crate::image::json::{Value, encode};

/// The choices in which writers differ.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Generation {
    /// The release, as far as it shows.
    pub(super) release: Release,
    /// `created` of every layer but the top one: second 0 in the daemon's zone, year 1 before Docker 1.13.
    pub(super) lower_created: String,
    /// Built with Go 1.22 or later: `\b` and `\f` instead of `\u0008` and `\u000c`.
    pub(super) short_escapes: bool,
}

/// Docker releases by what they print.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) enum Release {
    /// Up to 18.03: lower layers have no `os`.
    Until18,
    /// 18.04 to 24.
    Until24,
    /// 25 to 28: an absent `created` is `null`, a health check has `StartInterval`.
    Since25,
    /// 29: an empty `OnBuild` is left out, `MacAddress` is gone.
    Since29,
}

/// `time.Unix(0, 0)` in UTC.
const EPOCH: &str = "1970-01-01T00:00:00Z";
/// Go's zero time.
const ZERO_TIME: &str = "0001-01-01T00:00:00Z";

/// One layer's legacy identity.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct LegacyLayer {
    /// 64 hex digits.
    pub(super) id: String,
    /// The bytes of its `json` file.
    pub(super) json: Vec<u8>,
}

impl Generation {
    /// Returns the likeliest generation of the releases up to 24.
    #[must_use]
    pub(super) fn likeliest() -> Self {
        let [likeliest, ..] = Self::candidates(false, EPOCH);
        likeliest
    }

    /// Returns every time that lower layers may have, the likeliest first: `seen` are values of `created` found in legacy
    /// JSON.
    #[must_use]
    pub(super) fn times(seen: Vec<String>) -> Vec<String> {
        let mut times = vec![EPOCH.to_owned(), ZERO_TIME.to_owned()];
        let is_other = |time: &String| *time != EPOCH && *time != ZERO_TIME;
        times.extend(seen.into_iter().filter(is_other));
        times
    }

    /// Returns every generation that an archive may come from, the likeliest first: `since_25` tells what its form says,
    /// `lower_created` is the time of its lower layers.
    #[must_use]
    pub(super) fn candidates(since_25: bool, lower_created: &str) -> [Self; 4] {
        let [one, other] = if since_25 {
            [Release::Since25, Release::Since29]
        } else {
            [Release::Until24, Release::Until18]
        };
        // Docker 26 was the first to be built with Go 1.22.
        let choices = [
            (one, since_25),
            (one, !since_25),
            (other, since_25),
            (other, !since_25),
        ];
        choices.map(|(release, short_escapes)| Self {
            release,
            lower_created: lower_created.to_owned(),
            short_escapes,
        })
    }

    /// Tells whether Docker's structs can hold the configuration, so that an image with it has legacy layers.
    #[must_use]
    pub(super) fn holds(&self, config: &Config) -> bool {
        self.image(&config.document().root).is_some()
    }

    /// Returns the legacy layers of an image from the base up, of which some have `ids` already: one above is derived from
    /// those. Nothing where the config holds what Docker's structs cannot.
    pub(super) fn layers_above(
        &self,
        config: &Config,
        ids: &[Option<&str>],
    ) -> Option<Vec<LegacyLayer>> {
        let mut layers = Vec::new();
        self.each_layer(config, ids, |layer| {
            layers.push(layer);
            true
        })?;
        Some(layers)
    }

    /// Gives the legacy layers of an image to `look`, from the base up, as long as that says so; nothing where the config
    /// holds what Docker's structs cannot.
    pub(super) fn each_layer(
        &self,
        config: &Config,
        ids: &[Option<&str>],
        mut look: impl FnMut(LegacyLayer) -> bool,
    ) -> Option<()> {
        let os = config.text("os").unwrap_or_default();
        let mut parent: Option<String> = None;
        let mut chain = None;
        for (i, &diff_id) in config.diff_ids().iter().enumerate() {
            let top = i + 1 == config.diff_ids().len();
            let chain_id = ChainId::extend(chain, diff_id);
            chain = Some(chain_id);
            let mut image = if top {
                self.image(&config.document().root)?
            } else {
                self.lower_image()?
            };
            let mut preimage: BTreeMap<&str, String> = image
                .iter()
                .map(|(key, value)| (*key, value.clone()))
                .collect();
            preimage.insert("layer_id", encode(&chain_id.to_string()));
            if let Some(parent) = &parent {
                preimage.insert("parent", encode(&format!("sha256:{parent}")));
            }
            let id = match ids.get(i) {
                Some(Some(id)) => (*id).to_owned(),
                _ => Digest::of(object(preimage).as_bytes()).hex(),
            };
            // The stored JSON differs from what was hashed: ids are bare, and every layer has the image's `os`.
            image.retain(|(key, _)| *key != "os");
            if !os.is_empty() && (top || self.release > Release::Until18) {
                let at = image
                    .iter()
                    .position(|(key, _)| *key == "Size")
                    .unwrap_or(image.len());
                image.insert(at, ("os", self.text(&os)));
            }
            if let Some(parent) = &parent {
                image.insert(0, ("parent", encode(parent)));
            }
            image.insert(0, ("id", encode(&id)));
            parent = Some(id.clone());
            let json = object(image).into_bytes();
            if !look(LegacyLayer { id, json }) {
                break;
            }
        }
        Some(())
    }

    fn since_25(&self) -> bool {
        self.release >= Release::Since25
    }

    fn since_29(&self) -> bool {
        self.release >= Release::Since29
    }

    fn lower_image(&self) -> Option<Vec<(&'static str, String)>> {
        Some(vec![
            ("created", encode(&self.lower_created)),
            (
                "container_config",
                self.container_config(&Value::object([]))?,
            ),
        ])
    }

    /// `V1Image` in struct order, as `json.Marshal` prints it.
    pub(super) fn image(&self, root: &Value) -> Option<Vec<(&'static str, String)>> {
        let mut image = Vec::new();
        let text = |image: &mut Vec<_>, key: &'static str| {
            let value = self.string(root, key)?;
            if value != "\"\"" {
                image.push((key, value));
            }
            Some(())
        };
        text(&mut image, "comment")?;
        let created = match present(root, "created") {
            Some(value) => encode(&go_time(&value.as_text()?)?),
            None if self.since_25() => "null".to_owned(),
            None => encode(ZERO_TIME),
        };
        image.push(("created", created));
        text(&mut image, "container")?;
        let empty = Value::object([]);
        let container_config = present(root, "container_config").unwrap_or(&empty);
        image.push(("container_config", self.container_config(container_config)?));
        text(&mut image, "docker_version")?;
        text(&mut image, "author")?;
        if let Some(value) = present(root, "config") {
            image.push(("config", self.container_config(value)?));
        }
        text(&mut image, "architecture")?;
        text(&mut image, "variant")?;
        text(&mut image, "os")?;
        let size = integer(root, "Size")?;
        if size != "0" {
            image.push(("Size", size));
        }
        Some(image)
    }

    /// `container.Config` in struct order.
    fn container_config(&self, config: &Value) -> Option<String> {
        drop(config.members()?);
        let mut fields = Vec::new();
        let mut put = |key: &'static str, value: String, omitted: &str| {
            if value != omitted {
                fields.push((key, value));
            }
        };
        for key in ["Hostname", "Domainname", "User"] {
            put(key, self.string(config, key)?, "");
        }
        for key in ["AttachStdin", "AttachStdout", "AttachStderr"] {
            put(key, boolean(config, key)?, "");
        }
        let ports = or_null(self.set(config, "ExposedPorts")?, "{}");
        put("ExposedPorts", ports, "null");
        for key in ["Tty", "OpenStdin", "StdinOnce"] {
            put(key, boolean(config, key)?, "");
        }
        put("Env", self.strings(config, "Env")?, "");
        put("Cmd", self.strings(config, "Cmd")?, "");
        if let Some(value) = present(config, "Healthcheck") {
            put("Healthcheck", self.healthcheck(value)?, "");
        }
        put("ArgsEscaped", boolean(config, "ArgsEscaped")?, "false");
        put("Image", self.string(config, "Image")?, "");
        put("Volumes", self.set(config, "Volumes")?, "");
        put("WorkingDir", self.string(config, "WorkingDir")?, "");
        put("Entrypoint", self.strings(config, "Entrypoint")?, "");
        put(
            "NetworkDisabled",
            boolean(config, "NetworkDisabled")?,
            "false",
        );
        if !self.since_29() {
            put("MacAddress", self.string(config, "MacAddress")?, "\"\"");
        }
        let on_build = self.strings(config, "OnBuild")?;
        let is_left_out = self.since_29() && on_build == "[]";
        put(
            "OnBuild",
            on_build,
            if is_left_out {
                "[]"
            } else if self.since_29() {
                "null"
            } else {
                ""
            },
        );
        put("Labels", self.labels(config)?, "");
        put("StopSignal", self.string(config, "StopSignal")?, "\"\"");
        if present(config, "StopTimeout").is_some() {
            put("StopTimeout", integer(config, "StopTimeout")?, "");
        }
        let shell = or_null(self.strings(config, "Shell")?, "[]");
        put("Shell", shell, "null");
        Some(object(fields))
    }

    fn healthcheck(&self, value: &Value) -> Option<String> {
        drop(value.members()?);
        let mut fields = Vec::new();
        let test = self.strings(value, "Test")?;
        if test != "null" && test != "[]" {
            fields.push(("Test", test));
        }
        for key in [
            "Interval",
            "Timeout",
            "StartPeriod",
            "StartInterval",
            "Retries",
        ] {
            let number = integer(value, key)?;
            if number != "0" && (key != "StartInterval" || self.since_25()) {
                fields.push((key, number));
            }
        }
        Some(object(fields))
    }

    /// Spells a text as the Go of this generation does.
    fn text(&self, text: &str) -> String {
        if !self.short_escapes || !text.contains(['\u{8}', '\u{c}']) {
            return encode(text);
        }
        let mut spelled = String::from("\"");
        for c in text.chars() {
            match c {
                '\u{8}' => spelled.push_str("\\b"),
                '\u{c}' => spelled.push_str("\\f"),
                c => {
                    let quoted = encode(c.encode_utf8(&mut [0; 4]));
                    spelled.push_str(&quoted[1..quoted.len() - 1]);
                }
            }
        }
        spelled.push('"');
        spelled
    }

    fn string(&self, object: &Value, key: &str) -> Option<String> {
        match present(object, key) {
            Some(value) => Some(self.text(&value.as_text()?)),
            None => Some("\"\"".to_owned()),
        }
    }

    /// A list of texts; a bare text is one item (`strslice.StrSlice`).
    fn strings(&self, object: &Value, key: &str) -> Option<String> {
        let Some(value) = present(object, key) else {
            return Some("null".to_owned());
        };
        if let Some(text) = value.as_text() {
            return Some(format!("[{}]", self.text(&text)));
        }
        let items: Option<Vec<String>> = value
            .items()?
            .map(|item| {
                if item.is_null() {
                    Some("\"\"".to_owned())
                } else {
                    Some(self.text(&item.as_text()?))
                }
            })
            .collect();
        Some(format!("[{}]", items?.join(",")))
    }

    /// A Go `map[string]struct{}`.
    fn set(&self, object_value: &Value, key: &str) -> Option<String> {
        let Some(value) = present(object_value, key) else {
            return Some("null".to_owned());
        };
        let members: BTreeMap<String, String> = value
            .members()?
            .map(|(name, _)| (name.into_owned(), "{}".to_owned()))
            .collect();
        Some(self.map(&members))
    }

    fn labels(&self, config: &Value) -> Option<String> {
        let Some(value) = present(config, "Labels") else {
            return Some("null".to_owned());
        };
        let members: Option<BTreeMap<String, String>> = value
            .members()?
            .map(|(name, value)| Some((name.into_owned(), self.text(&value.as_text()?))))
            .collect();
        Some(self.map(&members?))
    }

    fn map(&self, members: &BTreeMap<String, String>) -> String {
        let members: Vec<String> = members
            .iter()
            .map(|(key, value)| format!("{}:{value}", self.text(key)))
            .collect();
        format!("{{{}}}", members.join(","))
    }
}

/// Returns what is not `empty`.
fn or_null(value: String, empty: &str) -> String {
    if value == empty {
        "null".to_owned()
    } else {
        value
    }
}

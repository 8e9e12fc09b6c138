//! Preconditions: what must be true of each targeted image as its patch finds it, which is as earlier patches left it.
//!
//! Ids and digests are those of the archive as it was read: what they become is not known before layers are written.

use super::expect_path;
use crate::config_field::{ConfigField, FieldShape};
use crate::edit::ImageState;
use crate::edit::PlannedLayer;
use crate::edit::variables;
use crate::image::json::Value;
use crate::patch::{Expectation, Expected, Patch};
use crate::problem::{Address, Code, Problem, quoted, several};
use crate::reference::Reference;

/// One precondition held against one image.
pub(super) struct Check<'a> {
    pub(super) state: &'a ImageState,
    /// Where the precondition stands.
    pub(super) address: Address,
    pub(super) problems: &'a mut Vec<Problem>,
}

/// Adds a problem for everything that `patch` expects and that is not so.
pub(super) fn check(
    patch: &Patch,
    document: usize,
    states: &mut [ImageState],
    images: &[usize],
    problems: &mut Vec<Problem>,
) {
    for &image in images {
        states[image].variables();
    }
    for (e, expectation) in patch.expect.iter().enumerate() {
        for &image in images {
            let mut check = Check {
                state: &states[image],
                address: Address::expectation(document, e),
                problems,
            };
            check.expectation(expectation);
        }
    }
}

impl Check<'_> {
    fn expectation(&mut self, expectation: &Expectation) {
        let whole = self.address.clone().on_value();
        match expectation {
            Expectation::Label(labels) => self.labels(labels),
            Expectation::Env(variables) => self.variables(variables),
            Expectation::Config(fields) => self.fields(fields),
            Expectation::ImageId(prefix) => {
                let ids = [self.state.image_id];
                self.digest("image id", &ids, prefix, whole);
            }
            Expectation::ManifestDigest(prefix) => {
                self.digest("manifest digest", &self.state.digests, prefix, whole);
            }
            Expectation::Platform(pattern) => {
                if !pattern.matches(&self.state.platform) {
                    let found = quoted(&self.state.platform.to_string());
                    self.is_not("platform", Some(found), &quoted(pattern.as_str()), whole);
                }
            }
            Expectation::Tag(glob) => {
                if !self.state.tags.keys().any(|tag| tag.matches(glob)) {
                    let tags = self.state.tags.keys().map(Reference::familiar);
                    let tags: Vec<String> = tags.map(|tag| quoted(&tag)).collect();
                    let found = (!tags.is_empty()).then(|| tags.join(", "));
                    self.is_not("tag", found, &quoted(glob.as_str()), whole);
                }
            }
            Expectation::Layers(n) => {
                let found = self.state.layers.len();
                if i64::try_from(found) != Ok(*n) {
                    let found = Some(format!("`{found}`"));
                    self.is_not("number of layers", found, &format!("`{n}`"), whole);
                }
            }
            Expectation::DiffId(diff_ids) => {
                for (i, (layer, wanted)) in diff_ids.iter().enumerate() {
                    self.diff_id(*layer, &wanted.to_string(), self.address.clone().index(i));
                }
            }
            Expectation::Path(paths) => {
                for wanted in paths {
                    expect_path::check(self, wanted);
                }
            }
        }
    }

    /// Adds the problem that a thing is not there or is another than was wanted.
    pub(super) fn is_not(
        &mut self,
        thing: &str,
        found: Option<String>,
        wanted: &str,
        address: Address,
    ) {
        let name = quoted(&self.state.display_name());
        let message = match found {
            Some(found) => format!("the {thing} of {name} is {found}; expected {wanted}"),
            None => format!("{name} has no {thing}; expected {wanted}"),
        };
        self.fail(message, address);
    }

    pub(super) fn fail(&mut self, message: String, address: Address) {
        self.problems
            .push(Problem::new(Code::ExpectationFailed, address, message));
    }

    fn labels(&mut self, labels: &[(String, String)]) {
        for (key, wanted) in labels {
            let found = self.state.config.member(ConfigField::Labels, key);
            self.text("label", key, found, wanted);
        }
    }

    fn variables(&mut self, variables: &[(String, String)]) {
        for (name, wanted) in variables {
            let found = variables::known_value(self.state, name);
            self.text("variable", name, found, wanted);
        }
    }

    fn text(&mut self, kind: &str, key: &str, found: Option<String>, wanted: &str) {
        if found.as_deref() != Some(wanted) {
            let thing = format!("{kind} {}", quoted(key));
            let found = found.map(|found| quoted(&found));
            self.is_not(
                &thing,
                found,
                &quoted(wanted),
                self.address.clone().key(key),
            );
        }
    }

    fn fields(&mut self, fields: &[(ConfigField, Expected)]) {
        for (field, wanted) in fields {
            let found = value_of(self.state, *field);
            let is_so = match &found {
                Some(found) => found == wanted,
                None => wanted.is_nothing(),
            };
            if !is_so {
                let thing = format!("field {}", quoted(field.name()));
                let address = self.address.clone().key(field.name());
                self.is_not(&thing, found.as_ref().map(shown), &shown(wanted), address);
            }
        }
    }

    fn digest(
        &mut self,
        thing: &str,
        found: &[crate::digest::Digest],
        prefix: &str,
        address: Address,
    ) {
        if found.iter().any(|digest| digest.hex().starts_with(prefix)) {
            return;
        }
        let found = found.first().map(|digest| format!("`{digest}`"));
        self.is_not(thing, found, &format!("`sha256:{prefix}`"), address);
    }

    fn diff_id(&mut self, layer: usize, wanted: &str, address: Address) {
        let thing = format!("diff id of layer {layer}");
        let position = layer - 1;
        let found = match self.state.layers.get(position) {
            Some(PlannedLayer::Kept(_)) => {
                let diff_id = self.state.diff_id(position);
                diff_id.expect("a layer that is kept has one").to_string()
            }
            Some(PlannedLayer::Made(_)) => {
                let message =
                    format!("layer {layer} is added by an earlier patch, and has no diff id yet");
                return self.fail(message, address);
            }
            None => {
                let name = quoted(&self.state.display_name());
                let n = self.state.layers.len();
                let layers = several(n, "layer", "layers");
                let message = format!("{name} has {layers}; there is no layer {layer}");
                return self.fail(message, address);
            }
        };
        if found != wanted {
            self.is_not(&thing, Some(quoted(&found)), &quoted(wanted), address);
        }
    }
}

/// Returns what a field holds, in the shape that patches expect it in; nothing where there is nothing in it.
fn value_of(state: &ImageState, field: ConfigField) -> Option<Expected> {
    let value = state.config.field(field)?;
    Some(match field.shape() {
        FieldShape::Number => Expected::Number(value.as_i64()?),
        FieldShape::Texts | FieldShape::Command => Expected::Texts(state.config.texts(field)),
        FieldShape::Set => {
            let keys = state.config.normal_keys(field);
            Expected::Keys(keys.into_iter().collect())
        }
        _ => Expected::Text(value.as_text()?.into_owned()),
    })
}

fn shown(value: &Expected) -> String {
    match value {
        Expected::Text(text) if text.is_empty() => "nothing".to_owned(),
        Expected::Text(text) => quoted(text),
        Expected::Number(number) => format!("`{number}`"),
        Expected::Texts(texts) | Expected::Keys(texts) => quoted(&Value::texts(texts).compact()),
    }
}

//! What the documentation of the operations says: the same in the schema and the program.
#![allow(clippy::unwrap_used, reason = "helpers of tests may fail as tests do")]

use std::collections::HashMap;

use ocipatch::annotation::{Annotations, ImageAnnotations};
use ocipatch::config_field::ConfigField;
use ocipatch::image::Config;
use ocipatch::operation::{Definition, definitions};
use ocipatch::patch::{ArgValues, PatchFile, schema};
use ocipatch::plan::{Inventory, InventoryImage, Texts, Unplanned, contradictions, plan};
use ocipatch::problem::Rejected;
use ocipatch::reference::Reference;
use ocipatch::rootfs::Rootfs;
use serde_json::Value;

use crate::examples;

/// The example in the documentation of an operation.
pub(crate) struct Documented {
    pub(crate) name: &'static str,
    /// What the operation takes, a piece of the image before, and after.
    pub(crate) example: String,
}

impl Documented {
    /// What the operation takes in its example, what there is before it, and after.
    pub(crate) fn parts(&self) -> [&str; 3] {
        let parts: Vec<&str> = self.example.split('`').collect();
        let ["", argument, " turns ", before, " into ", after, ""] = parts.as_slice() else {
            panic!("{}: {}", self.name, self.example);
        };
        [argument, before, after]
    }

    /// Tells whether the operation is about the configuration alone, as its example is.
    pub(crate) fn is_of_configuration(&self) -> bool {
        let [_, before, _] = self.parts();
        !examples::is_of_archive(before)
    }
}

/// Returns the documentation of all operations, which the schema has too.
pub(crate) fn documented() -> Vec<Documented> {
    let schema = schema();
    let properties = &schema["definitions"]["Operation"]["properties"];
    let documented = definitions().iter().map(|it| {
        let docs = it.docs;
        let property = &properties[it.name];
        assert_eq!(property["description"], docs.does, "{}", it.name);
        let markdown = property["markdownDescription"].as_str().expect(it.name);
        let parts = [docs.does, docs.takes, docs.example, docs.before, docs.after];
        assert!(
            parts.iter().all(|part| markdown.contains(part)),
            "{markdown}"
        );
        Documented {
            name: it.name,
            example: format!(
                "`{}` turns `{}` into `{}`",
                docs.example, docs.before, docs.after
            ),
        }
    });
    documented.collect()
}

/// Returns every sample of every operation, as a line of a patch.
pub(crate) fn samples() -> Vec<String> {
    let line = |name: &str, sample: &str| format!("{name}: {sample}");
    let definitions = definitions().iter();
    let lines = definitions.flat_map(|it| it.samples.iter().map(|sample| line(it.name, sample)));
    lines.collect()
}

/// An operation that sets one field and nothing else.
pub(crate) struct FieldSample {
    pub(crate) name: &'static str,
    /// It, as a line of a patch.
    pub(crate) line: String,
    /// The keys that lead to the field.
    pub(crate) path: &'static [&'static str],
    /// What the field is then.
    pub(crate) value: Value,
}

/// Returns a sample of every operation that sets one field, but for those that stand in `lines` already.
pub(crate) fn field_samples<'a>(lines: impl Iterator<Item = &'a str>) -> Vec<FieldSample> {
    let names = lines.filter_map(|line| Some(line.split_once(':')?.0));
    let names: Vec<&str> = names.collect();
    let fields = definitions()
        .iter()
        .filter_map(|it| Some((it, it.field()?)));
    let others = fields.filter(|(it, _)| !names.contains(&it.name));
    let sample = |(it, field): (&Definition, ConfigField)| {
        let piece: Value = serde_json::from_str(&format!("{{{}}}", it.docs.after)).unwrap();
        FieldSample {
            name: it.name,
            line: format!("{}: {}", it.name, it.samples[0]),
            path: field.path(),
            value: piece[field.path().last().unwrap()].clone(),
        }
    };
    others.map(sample).collect()
}

/// Returns a sample of every other operation, as a line of a patch, but for those that stand in `lines` already.
pub(crate) fn other_samples<'a>(lines: impl Iterator<Item = &'a str>) -> Vec<String> {
    let names = lines.filter_map(|line| Some(line.split_once(':')?.0));
    let names: Vec<&str> = names.collect();
    let others = definitions().iter().filter(|it| it.field().is_none());
    let others = others.filter(|it| !names.contains(&it.name));
    others
        .map(|it| format!("{}: {}", it.name, it.samples[0]))
        .collect()
}

/// Returns a configuration as a patch leaves it.
pub(crate) fn patched(config: &str, patch: &str) -> Result<String, Rejected> {
    patched_by(config, &[("fix.yaml", patch)])
}

fn image(config: &str) -> InventoryImage {
    let config = Config::parse(config.as_bytes()).unwrap();
    InventoryImage {
        image_id: config.digest(),
        layer_sizes: vec![0; config.diff_ids().len()],
        config,
        tags: vec![Reference::parse("app:1").unwrap()],
        group: 0,
        digests: Vec::new(),
        referrers: ocipatch::annotation::Referring::default(),
        annotations: ImageAnnotations::default(),
        is_index_referred_to: false,
        absent_layer: None,
        layer_compressions: Vec::new(),
        tree: None,
        logs: None,
        contents: HashMap::new(),
    }
}

fn patched_by(config: &str, patches: &[(&str, &str)]) -> Result<String, Rejected> {
    let parse = |(name, text): &(&str, &str)| PatchFile::parse(name, text.as_bytes());
    let files: Vec<PatchFile> = patches.iter().map(parse).collect::<Result<_, _>>()?;
    let inventory = Inventory {
        images: vec![image(config)],
        unread: Vec::new(),
        sources: HashMap::new(),
        keeps_plain: true,
        packed: ocipatch::plan::Packed::None,
        has_names: true,
        source_date_epoch: None,
        shown: Vec::new(),
    };
    let plan =
        plan(&files, &inventory, &Texts::default()).map_err(|unplanned| match unplanned {
            Unplanned::Rejected(rejected) => rejected,
            Unplanned::Wants(_) => panic!("no operation here looks into files"),
        })?;
    Ok(String::from_utf8(plan.images[0].config.to_bytes()).unwrap())
}

#[test]
fn every_example_comes_out_as_documented() {
    let mut n_examples = 0;
    for operation in documented() {
        let [argument, before, after] = operation.parts();
        if !operation.is_of_configuration() {
            continue;
        }
        let config = |piece: &str| {
            let is_inner = piece.as_bytes()[1].is_ascii_uppercase();
            let piece = if is_inner {
                format!("\"config\":{{{piece}}}")
            } else {
                piece.to_owned()
            };
            format!(r#"{{{piece},"rootfs":{{"type":"layers","diff_ids":[]}}}}"#)
        };
        let name = operation.name;
        let patch = format!("apiVersion: ocipatch/v1\noperations:\n- {name}: {argument}\n");
        let found = patched(&config(before), &patch);
        let found = found.unwrap_or_else(|rejected| panic!("{name}: {:#}", rejected.to_json()));
        assert_eq!(found, config(after), "{name}");
        n_examples += 1;
    }
    assert!(n_examples > 20);
}

/// The messages of a check, which has no image.
fn checked(text: &str) -> Vec<String> {
    let values = ArgValues::default();
    let outline = PatchFile::check("fix.yaml", text.as_bytes(), &values).unwrap();
    let Err(rejected) = contradictions(&outline) else {
        return Vec::new();
    };
    let messages = rejected.problems().map(ocipatch::problem::Problem::message);
    messages.collect()
}

#[test]
fn operations_fight_whatever_the_image() {
    let head = "apiVersion: ocipatch/v1\noperations:\n";
    for (operations, message) in [
        (
            "- set-label: { a: b }\n- set-label: { a: c }\n",
            "label `a` is set to `b` on line 3 and set to `c` on line 4",
        ),
        (
            "- add-tag: [\"a:1\", \"b:1\"]\n- remove-tag: [\"b:*\"]\n",
            "tag `b:1` is added on line 3 and removed on line 4",
        ),
        (
            "- append-env: { PATH: /x }\n- unset-env: [PATH]\n",
            "variable `PATH` is extended on line 3 and removed on line 4",
        ),
        (
            "- set-annotation: { on: index, set: { a: b } }\n- unset-annotation: { on: index, match: [a] }\n",
            "index annotation `a` is set to `b` on line 3 and removed on line 4",
        ),
        (
            "- add-onbuild: [RUN a]\n---\napiVersion: ocipatch/v1\noperations:\n- unset: [onbuild]\n",
            "instruction `RUN a` is added on line 3 and removed on line 7",
        ),
    ] {
        assert_eq!(checked(&format!("{head}{operations}")), [message]);
    }
}

#[test]
fn what_may_fit_some_image_is_no_contradiction() {
    let head = "apiVersion: ocipatch/v1\noperations:\n";
    for operations in [
        "- unset-label: [a]\n- set-label: { a: b }\n",
        "- set-label: { a: b }\n- set-label: { a: b }\n",
        "- unset-env: [A]\n- unset-env: [B]\n- remove-port: [80]\n- remove-layer: 1\n- remove-path: [/a]\n",
        "- prepend-env: { A: { value: b, if-missing: ignore } }\n- set-env: { A: c }\n",
        "- remove-tag: [\"a:1\"]\n- add-tag: [\"a:1\"]\n",
    ] {
        assert_eq!(checked(&format!("{head}{operations}")), [""; 0]);
    }
    // Each is about an image of its own.
    let document = |tag: &str, value: &str| {
        format!(
            "apiVersion: ocipatch/v1\ntarget: {{ images: [\"{tag}:1\"] }}\noperations:\n- set-label: {{ a: {value} }}\n"
        )
    };
    let both = document("a", "b") + "---\n" + &document("b", "c");
    assert_eq!(checked(&both), [""; 0]);
    // Who knows what the value is?
    let text = "apiVersion: ocipatch/v1\nargs: { x: {} }\noperations:\n- set-label: { a: \"${x}\" }\n- set-label: { a: b }\n";
    assert_eq!(checked(text), [""; 0]);
}

#[test]
fn operations_of_two_files_fight_too() {
    let config = r#"{"rootfs":{"type":"layers","diff_ids":[]}}"#;
    let text = |operation: &str| format!("apiVersion: ocipatch/v1\noperations:\n- {operation}\n");
    let one = text("set-env: { A: b }");
    let told = |other: &str| {
        let rejected = patched_by(config, &[("one.yaml", &one), ("two.yaml", &text(other))]);
        let rejected = rejected.unwrap_err();
        let messages = rejected.problems().map(ocipatch::problem::Problem::message);
        messages.collect::<Vec<_>>()
    };
    for (other, message) in [
        (
            "set-env: { A: c }",
            "variable `A` is set to `b` on line 3 of `one.yaml` and set to `c` on line 3",
        ),
        (
            "unset-env: [A]",
            "variable `A` is set to `b` on line 3 of `one.yaml` and removed on line 3",
        ),
        (
            "unset: [env]",
            "variable `A` is set to `b` on line 3 of `one.yaml` and removed on line 3",
        ),
    ] {
        assert_eq!(told(other), [message]);
    }
    for other in ["set-env: { A: b, B: c }", "append-env: { A: c }"] {
        assert!(patched_by(config, &[("one.yaml", &one), ("two.yaml", &text(other))]).is_ok());
    }
}

/// What is wrong with an operation on these images, which are for several platforms under one name.
fn codes(images: Vec<InventoryImage>, operation: &str) -> Vec<&'static str> {
    let patch = format!("apiVersion: ocipatch/v1\noperations:\n- {operation}\n");
    let files = [PatchFile::parse("fix.yaml", patch.as_bytes()).unwrap()];
    let inventory = Inventory {
        images,
        unread: Vec::new(),
        sources: HashMap::new(),
        keeps_plain: true,
        packed: ocipatch::plan::Packed::None,
        has_names: true,
        source_date_epoch: None,
        shown: Vec::new(),
    };
    let Err(Unplanned::Rejected(rejected)) = plan(&files, &inventory, &Texts::default()) else {
        panic!("{operation} is planned")
    };
    let problems = rejected.problems();
    problems.map(|problem| problem.code().as_str()).collect()
}

#[test]
fn an_operation_that_one_image_refuses_says_nothing_of_the_others() {
    let on = |os: &str| {
        let config = format!(r#"{{"os":"{os}","architecture":"amd64","rootfs":{{}}}}"#);
        let mut image = image(&config);
        image.tree = Some(Rootfs::new());
        image.annotations.manifest = Some(Annotations::default());
        image
    };
    let removal = "remove-path: [/nowhere]";
    for [first, second] in [["linux", "windows"], ["windows", "linux"]] {
        let images = vec![on(first), on(second)];
        assert_eq!(codes(images, removal), ["unsupported-platform"]);
    }
    let images = vec![on("linux"), on("linux")];
    assert_eq!(codes(images, removal), ["no-such-path"]);
    let mut other = on("linux");
    other.annotations.manifest = None;
    let images = vec![on("linux"), other];
    assert_eq!(codes(images, "unset-annotation: [a]"), ["no-such-document"]);
    let images = vec![on("linux"), on("linux")];
    assert_eq!(codes(images, "recompress: gzip"), ["unsupported-form"]);
}

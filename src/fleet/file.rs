//! The file of a fleet: which images, which patches, where to.

use serde_json::json;

use super::tags::TagFilter;
use super::template::Template;
use crate::digest::Digest;
use crate::patch::{ARG, ApiVersion, Kind, Yaml, is_name};
use crate::platform::PlatformPattern;
use crate::problem::{Address, Code, Problem, Rejected, quoted};
use crate::reference::Reference;
use crate::shape::{
    Field, Map as _, Problems, Record, Rule, SourcePath, Text, distinct, list, map_of, record, set,
    shape,
};

const KIND_HELP: &str = "a fleet starts with `apiVersion: ocipatch/v1` and `kind: Fleet`";
const PATCH_HELP: &str =
    "write it relative to the fleet file: whoever applies the lock has other directories";
const IMAGES_HELP: &str =
    "write at least one image, as in `- from: registry.example.com/team/app:1.4`";

record! {
    /// A fleet: images of registries, the patches for them, and where the patched images go.
    pub struct Fleet("Fleet") {
        /// The version of the language.
        "apiVersion" pub api_version: ApiVersion = required_or::<ApiVersion>(Code::ApiVersion, KIND_HELP);
        /// The kind of file: `Fleet`.
        "kind" pub kind: FleetKind = required::<FleetKind>(KIND_HELP);
        /// What the fleet is for; not interpreted.
        "description" pub description: Option<String> = optional::<Text>();
        /// The patches of all images, relative to this file, in order.
        "patches" pub patches: Vec<String> = default::<PatchPaths>();
        /// Values for the args of the patches.
        "args" pub args: Vec<(String, String)> = default::<Args>();
        /// Where the images go.
        "to" pub to: Option<Template> = optional::<Template>();
        /// The images.
        "images" pub images: Vec<FleetImage> = required::<FleetImages>(IMAGES_HELP);
    }
}

record! {
    /// An image of a registry, or several of one repository.
    pub struct FleetImage("FleetImage") {
        /// An image with its tag, or a repository whose images `tags` selects.
        "from" pub from: Reference = required::<From>("write the image, as in `from: registry.example.com/team/app:1.4`");
        /// The tags to take, if `from` is a repository.
        "tags" pub tags: Option<TagFilter> = optional::<TagFilter>();
        /// Where the images go; the default is `to` of the fleet.
        "to" pub to: Option<Template> = optional::<Template>();
        /// Patches to apply after those of the fleet.
        "patches" pub patches: Vec<String> = default::<PatchPaths>();
        /// Values for the args of the patches; they replace those of the fleet with the same name.
        "args" pub args: Vec<(String, String)> = default::<Args>();
        /// Write only this platform of a multi-platform image, such as `linux/arm64`.
        "platform" pub platform: Option<PlatformPattern> = optional::<PlatformPattern>();
    }
    rule TagOrTags;
}

/// The kind of file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FleetKind;

shape! {
    /// The kind of file
    impl FleetKind, "Kind" {
        |_| json!({ "const": "Fleet" }),
        |field, problems| {
            let found = field.some_word(problems)?;
            if found == "Fleet" {
                return Some(FleetKind);
            }
            let message = format!("this is a {}, not a fleet", quoted(found));
            problems.add(field.problem(Code::OtherKind, message).with_help(KIND_HELP));
            None
        }
    }
}

shape! {
    /// Paths of patch files, each once
    struct PatchPaths("PatchPaths") -> Vec<String> {
        set::<PatchPath>,
        |field, problems| {
            let read = |item: &Field<'_>, problems: &mut Problems| {
                PatchPath::decode(item, problems).map(|path| vec![path])
            };
            distinct(field, "patches/labels.yaml", problems, read)
        }
    }
}

shape! {
    /// The path of a patch file, relative to the fleet file
    struct PatchPath("PatchPath") -> String {
        |_| json!({ "type": ["string", "number", "boolean"], "minLength": 1, "pattern": "^[^/]", "patternErrorMessage": PATCH_HELP }),
        |field, problems| {
            let path = SourcePath::decode(field, problems)?;
            if path.starts_with('/') {
                let message = format!("{} is an absolute path", quoted(&path));
                let problem = field.problem(Code::InvalidPath, message);
                problems.add(problem.with_help(PATCH_HELP));
                return None;
            }
            Some(path)
        }
    }
}

shape! {
    /// Values by the names of args
    struct Args("ArgValues") -> Vec<(String, String)> {
        |definitions| map_of::<Text>(ARG, definitions),
        args
    }
}

shape! {
    /// The images
    struct FleetImages("FleetImages") -> Vec<FleetImage> {
        list::<FleetImage>,
        |field, problems| {
            let mut images = Vec::new();
            for (i, mut item) in field.items(IMAGES_HELP, problems)?.into_iter().enumerate() {
                item.name = format!("image {}", i + 1);
                if let Some(name) = item.node.as_text().filter(|name| name.len() < 256) {
                    let help = format!("write `{{ from: {name} }}`");
                    problems.add(item.wrong_type("a map").with_help(help));
                    continue;
                }
                images.extend(FleetImage::decode(&item, problems));
            }
            Some(images)
        }
    }
}

shape! {
    /// The name of an image with its tag, or of a repository
    struct From("Source") -> Reference {
        |_| json!({
            "type": "string",
            "minLength": 1,
            "pattern": "^(?![a-z-]+://)[^@]+$",
            "patternErrorMessage": "write a name without transport and digest, as in `registry.example.com/team/app:1.4`",
        }),
        from
    }
}

/// Either the name has a tag, or `tags` selects some.
struct TagOrTags;

impl Rule for TagOrTags {
    fn check(&self, record: &Record<'_>, problems: &mut Problems) {
        let Some(from) = record.get("from") else {
            return;
        };
        let Some(name) = from.node.as_text() else {
            return;
        };
        let problem = |message: &str| {
            from.problem(
                Code::InvalidReference,
                format!("{} {message}", quoted(name)),
            )
        };
        match (has_tag(name), record.get("tags").is_some()) {
            (true, true) => {
                let help = "remove the tag, or `tags`";
                problems.add(problem("has a tag, and `tags` selects some").with_help(help));
            }
            (false, false) => {
                let help =
                    format!("write the tag, as in `{name}:latest`, or select some by `tags`");
                problems.add(problem("has no tag").with_help(help));
            }
            _ => {}
        }
    }
}

fn has_tag(name: &str) -> bool {
    name.rsplit_once(':')
        .is_some_and(|(_, tag)| !tag.contains('/'))
}

fn args(field: &Field<'_>, problems: &mut Problems) -> Option<Vec<(String, String)>> {
    let help = "write at least one `name: value`";
    let mut args = Vec::new();
    for (name, value) in field.entries(help, problems)? {
        if !is_name(name) {
            let message = format!("{} is not the name of an argument", quoted(name));
            let address = value.address.clone().on_key();
            problems.add(Problem::new(Code::MalformedArg, address, message));
        }
        if let Some(value) = value.text(problems) {
            args.push((name.to_owned(), value.to_owned()));
        }
    }
    Some(args)
}

fn from(field: &Field<'_>, problems: &mut Problems) -> Option<Reference> {
    let name = field.some_word(problems)?;
    match Reference::parse(name) {
        Ok(reference) => Some(reference),
        Err(reason) => {
            let message = format!("{} is not an image of a registry: {reason}", quoted(name));
            let problem = field.problem(Code::InvalidReference, message);
            let scheme = name.split_once("://").map(|(_, rest)| rest);
            problems.add(match scheme {
                Some(rest) => problem.with_help(format!("leave out the scheme: {}", quoted(rest))),
                None => {
                    problem.with_help("write `registry/repository:tag`; the lock has the digests")
                }
            });
            None
        }
    }
}

/// The file of a fleet that was read without a mistake.
#[derive(Debug, Clone)]
pub struct FleetFile {
    yaml: Yaml,
    digest: Digest,
    fleet: Fleet,
}

impl FleetFile {
    /// Parses the bytes of the file `name`.
    pub fn parse(name: &str, bytes: &[u8]) -> Result<Self, Rejected> {
        let (mut yaml, documents) = Yaml::parse(name, bytes, Kind::Fleet)?;
        let mut problems = Problems::default();
        let fleet = match documents.as_slice() {
            [document] => {
                let address = Address::document(0);
                yaml.check(document, &address, Kind::Fleet, &mut problems);
                let whole = Field {
                    node: document,
                    address,
                    name: "a fleet".to_owned(),
                };
                fleet(&whole, &mut problems)
            }
            [] => {
                let message = format!("{} contains no fleet", quoted(name));
                problems.add(
                    Problem::new(Code::NoPatch, Address::file(), message).with_help(KIND_HELP),
                );
                None
            }
            [_, _, ..] => {
                let message = "a fleet is one document";
                problems.add(Problem::new(
                    Code::InvalidValue,
                    Address::document(1),
                    message,
                ));
                None
            }
        };
        yaml.documents = documents.into();
        match fleet {
            Some(fleet) if problems.is_empty() => Ok(Self {
                yaml,
                digest: Digest::of(bytes),
                fleet,
            }),
            _ => Err(yaml.reject(problems.into_vec())),
        }
    }

    /// Returns what the file says.
    #[must_use]
    pub fn fleet(&self) -> &Fleet {
        &self.fleet
    }

    /// Returns the digest of the file's bytes.
    #[must_use]
    pub fn digest(&self) -> Digest {
        self.digest
    }

    /// Returns `problems` with their places in the file.
    #[must_use]
    pub fn reject(&self, problems: Vec<Problem>) -> Rejected {
        self.yaml.reject(problems)
    }

    /// Returns the place of an image, counting from 0.
    #[must_use]
    pub fn image(image: usize) -> Address {
        Address::document(0).key("images").index(image)
    }
}

fn fleet(whole: &Field<'_>, problems: &mut Problems) -> Option<Fleet> {
    if whole.value_of("kind").is_none() && whole.value_of("operations").is_some() {
        let problem = whole.problem(Code::OtherKind, "this is a patch, not a fleet");
        problems.add(
            problem.with_help(
                "name the patch in `patches` of a fleet, or apply it by `ocipatch apply`",
            ),
        );
        return None;
    }
    let fleet = Fleet::decode_map(whole, problems)?;
    for (i, image) in fleet.images.iter().enumerate() {
        let address = FleetFile::image(i);
        if fleet.to.is_none() && image.to.is_none() {
            let message = format!("image {} has no `to`", i + 1);
            let problem = Problem::new(Code::MissingKey, address.clone(), message);
            problems.add(problem.with_help("write `to` for this image or for the whole fleet"));
        }
        if fleet.patches.is_empty() && image.patches.is_empty() {
            let message = format!("image {} has no patches", i + 1);
            let problem = Problem::new(Code::MissingKey, address.clone(), message);
            problems
                .add(problem.with_help("write `patches` for this image or for the whole fleet"));
        }
        for (j, patch) in image.patches.iter().enumerate() {
            if fleet.patches.contains(patch) {
                let message = format!("{} is a patch of the whole fleet", quoted(patch));
                let address = address.clone().key("patches").index(j);
                let problem = Problem::new(Code::RepeatedItem, address, message);
                problems.add(
                    problem.with_help("remove it: patches of an image follow those of the fleet"),
                );
            }
        }
    }
    Some(fleet)
}

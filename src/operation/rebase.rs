//! `rebase`: the layers of another base below those that an image has upon its own.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::{Depth, Docs, Inverse, Needs, Reach, Room, Sources, ValueOf};
use crate::compression::Compression;
use crate::config_field::{ConfigField, SETTERS, SetterGroup};
use crate::edit::image::EditedImage;
use crate::edit::{BaseCandidate, Effect, MadeContent, MadeLayer, PlannedLayer, RemovedLayer};
use crate::image::Config;
use crate::layer::Origin;
use crate::problem::{Address, Code, quoted};
use crate::reference::{Glob, Reference};
use crate::shape::{Short, SourcePath, record};

const HELP: &str = "write both, as in `{ from: old-base.tar, onto: new-base.tar }`";

record! {
    /// Both bases.
    pub struct Rebase("Rebase") {
        /// The current base of the image.
        "from" pub from: BaseImage = required::<BaseImage>(HELP);
        /// The new base.
        "onto" pub onto: BaseImage = required::<BaseImage>(HELP);
    }
}

record! {
    /// An image of another archive.
    pub struct BaseImage("LongBaseImage") {
        /// The archive, or an extracted one, relative to the patch file.
        "archive" pub archive: String = required::<SourcePath>("specify its path, as in `archive: base.tar`");
        /// A pattern over the tags, if the archive contains several images.
        "image" pub image: Option<Glob> = optional::<Glob>();
        is_long: bool = is_long();
    }
    short Short::Value("archive"), "BaseImage",
        "An archive or an extracted directory, relative to the patch file, or a map that also selects one of its images";
}

impl BaseImage {
    /// Returns the address of the archive, given the one of the base.
    #[must_use]
    pub fn archive_address(&self, base: Address) -> Address {
        if self.is_long {
            base.key("archive")
        } else {
            base
        }
    }
}

impl Room for Rebase {
    type Shape = Self;

    const KEY: &'static str = "rebase";

    const DOCS: Docs = Docs {
        does: "Replaces the base image's layers with those of another base.",
        takes: "`{from: archive, onto: archive}`, or `{archive: path, image: pattern}` for each",
        example: "{ from: old.tar, onto: new.tar }",
        before: "layers: [etc/ etc/old] [srv/ srv/app]",
        after: "layers: [etc/ etc/new] [srv/ srv/app]",
    };

    const INVERSE: Inverse =
        Inverse::Never("two archives do not tell which base their images are built on");

    const SAMPLES: &'static [&'static str] = &["{ from: old.tar, onto: new.tar }"];

    fn needs(rebase: &ValueOf<Self>) -> Needs<'_> {
        Needs {
            sources: Sources::Bases {
                from: &rebase.from,
                onto: &rebase.onto,
            },
            ..Needs::only(Reach::Layers(Depth::Layers))
        }
    }

    fn plan<'a>(rebase: &'a ValueOf<Self>, image: &mut EditedImage<'a>) {
        self::rebase(image, rebase);
    }
}

fn rebase(image: &mut EditedImage<'_>, rebase: &Rebase) {
    let source = image.source();
    let Some((from, onto)) = &source.bases else {
        return;
    };
    let address = image.address();
    let old = choose(image, from, &rebase.from, address.clone().key("from"));
    let new = choose(image, onto, &rebase.onto, address.key("onto"));
    if let (Some(old), Some(new)) = (old, new) {
        rebase_image(image, old, new);
    }
}

/// Returns the image of a base archive that is for the same machine and that the patch means.
fn choose<'a>(
    image: &mut EditedImage<'_>,
    images: &'a [BaseCandidate],
    wanted: &BaseImage,
    address: Address,
) -> Option<&'a BaseCandidate> {
    let state = &*image.state;
    let platform = state.config.platform();
    let is_named = |image: &&BaseCandidate| {
        let wanted = wanted.image.as_ref();
        wanted.is_none_or(|glob| image.tags.iter().any(|tag| tag.matches(glob)))
    };
    let is_meant = |image: &&BaseCandidate| image.config.platform() == platform && is_named(image);
    let found: Vec<&BaseCandidate> = images.iter().filter(is_meant).collect();
    let [first, rest @ ..] = &found[..] else {
        let archive = quoted(&wanted.archive);
        let message = format!(
            "{archive} has no such image for {}",
            quoted(&platform.to_string())
        );
        let help = format!("there is {}", list(images));
        image.problem(Code::NoSuchImage, address, message, &help);
        return None;
    };
    if rest
        .iter()
        .any(|other| other.config.digest() != first.config.digest())
    {
        let archive = quoted(&wanted.archive);
        let message = format!("{archive} contains several images for {platform}");
        let help = format!(
            "select one, as in `{{ archive: {}, image: \"base:1\" }}`; there is {}",
            wanted.archive,
            list(images)
        );
        image.problem(Code::AmbiguousTarget, address, message, &help);
        return None;
    }
    Some(first)
}

fn list(images: &[BaseCandidate]) -> String {
    let name = |image: &BaseCandidate| {
        let tag = image.tags.first().map(Reference::familiar);
        let tag = tag.unwrap_or_else(|| format!("sha256:{}", image.config.digest().short()));
        format!("{} ({})", quoted(&tag), image.config.platform())
    };
    let shown: Vec<String> = images.iter().take(5).map(name).collect();
    shown.join(", ")
}

fn rebase_image(image: &mut EditedImage<'_>, old: &BaseCandidate, new: &BaseCandidate) {
    let address = image.address();
    let state = &*image.state;
    let (old_ids, new_ids) = (old.config.diff_ids(), new.config.diff_ids());
    let has = |ids: &[crate::digest::DiffId]| {
        ids.iter()
            .enumerate()
            .all(|(p, id)| state.diff_id(p) == Some(*id))
    };
    if old_ids == new_ids {
        image
            .state
            .note("both bases have the same layers".to_owned());
        return;
    }
    if !has(old_ids) {
        // It may be that this was done before.
        let is_done = has(new_ids);
        let name = quoted(&state.display_name());
        if is_done {
            image
                .state
                .note("the image already has the new base".to_owned());
            return;
        }
        let message = format!("the layers of {name} do not start with those of its base");
        let help = "`from` must be the exact base that the image was built on";
        return image.problem(Code::LayerConflict, address.key("from"), message, help);
    }
    let n_old = old_ids.len();
    let first = image.layers.len();
    let keeps_plain = image.around.keeps_plain;
    let state = &mut *image.state;
    let mut layers: Vec<PlannedLayer> = Vec::new();
    for (n, layer) in new.layers.iter().enumerate() {
        let planned = PlannedLayer::Made(first + n);
        let place = state.place(planned);
        let logs = state.logs.as_mut();
        let logs = logs.expect("layers were read for every image whose layers move");
        logs.insert(place, Arc::new(layer.log.clone().moved_to(place)));
        layers.push(planned);
        image.layers.push(MadeLayer {
            image: image.number,
            content: MadeContent::Verbatim(Origin::Import(layer.import)),
            from: Some(new.archive.clone()),
            created_by: None,
            // As the base has it, so that registries know the layer, unless no form has a name for that.
            compression: Some(layer.compression).filter(|compression| {
                let is_named = matches!(
                    compression,
                    Compression::None | Compression::Gzip | Compression::Zstd
                );
                is_named && !keeps_plain
            }),
            files: Vec::new(),
            texts: BTreeMap::new(),
        });
    }
    layers.extend(&state.layers[n_old..]);
    let tree = match state.tree_of(&layers) {
        Ok(tree) => tree,
        Err(error) => {
            let name = quoted(&state.display_name());
            let reason = state.reason(&error, &layers);
            let message = format!("on that base {reason} of {name}");
            let help = "the layers above need files that only the old base has";
            return image.problem(Code::LayerConflict, address, message, help);
        }
    };
    for position in 0..n_old {
        if let PlannedLayer::Kept(position) = state.layers[position] {
            state.recompressed.remove(&position);
            state.removed.push(RemovedLayer {
                position,
                files: Vec::new(),
            });
        }
    }
    state.tree = Some(tree);
    state.layers = layers;
    state.forget_base();
    if state.has_full_history {
        state
            .config
            .replace_base_history(&old.config, n_old, &new.config);
        if new.config.n_history_layers() != new_ids.len() {
            state.untold.extend(first..first + new_ids.len());
        }
    }
    if let Some(note) = differing(&old.config, &new.config) {
        state.note(note);
    }
    image.effects.push(Effect::Rebase {
        n_removed: n_old,
        n_added: new_ids.len(),
    });
}

/// What an image has from its base it keeps: nobody but the author knows what is meant where another base says otherwise.
fn differing(old: &Config, new: &Config) -> Option<String> {
    // Where an image is from, and the machine it was made on, is said of each image.
    let is_about_base = |field: &ConfigField| {
        let mut setters = SETTERS.iter().filter(|it| it.field == *field);
        setters.any(|setter| setter.group != SetterGroup::Process)
    };
    let is_other = |field: &ConfigField| match (old.field(*field), new.field(*field)) {
        (Some(one), Some(other)) => !one.means(other),
        (one, other) => one.is_some() != other.is_some(),
    };
    let fields = ConfigField::ALL
        .iter()
        .filter(|field| !is_about_base(field));
    // Parts of the health check are told as the whole.
    let whole = fields.filter(|field| !field.name().contains('.') && is_other(field));
    let names: Vec<String> = whole.map(|field| format!("`{}`", field.name())).collect();
    (!names.is_empty()).then(|| {
        format!(
            "the configuration stays as it is; the new base has other values for {}",
            names.join(", ")
        )
    })
}

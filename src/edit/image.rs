//! One image, as one operation may change it.

use std::collections::HashSet;

use super::claims::{Claim, Claimed, Intent, PatchLines, claimed_by};
use super::matching::has_pattern;
use super::names::Names;
use super::state::ImageState;
use super::{Effect, HostSource, MadeLayer, Texts, WantedText};
use crate::image_path::ImagePath;
use crate::problem::{Address, Code, Problem, quoted};
use crate::reference::Glob;
use crate::shape::{IfMissing, Removal};

/// What an operation is planned with, the same for each of its images.
pub(crate) struct Surroundings<'a> {
    /// The patch files of the plan.
    pub(crate) files: &'a dyn PatchLines,
    /// The one that the operation is in.
    pub(crate) file: usize,
    /// Where it stands there.
    pub(crate) address: Address,
    /// What was found where it takes files from.
    pub(crate) source: Option<&'a HostSource>,
    /// What the names of images stood for before it.
    pub(crate) names: &'a Names,
    /// How many images are targeted, where one for several platforms counts once.
    pub(crate) n_groups: usize,
    /// The time that new files and directories get, in seconds since 1970.
    pub(crate) epoch: i64,
    /// The contents of files that planning has asked for.
    pub(crate) texts: &'a Texts,
    /// Whether a later operation of the patch may change files too, which then come into the same layer.
    pub(crate) keeps_open: bool,
    /// Whether the form that is written keeps layers uncompressed.
    pub(crate) keeps_plain: bool,
    /// Whether the form that is written has a place for names of images.
    pub(crate) has_names: bool,
}

/// An image that an operation may change: nothing else is within its reach.
pub(crate) struct EditedImage<'a> {
    /// The image.
    pub(crate) state: &'a mut ImageState,
    /// Its place in the archive.
    pub(crate) number: usize,
    /// What the operation does to it.
    pub(crate) effects: Vec<Effect>,
    /// The layers that the plan makes, of which the image has some.
    pub(crate) layers: &'a mut Vec<MadeLayer>,
    /// What the operation is planned with.
    pub(crate) around: &'a Surroundings<'a>,
    /// What it has found out in this image and those before.
    findings: &'a mut Findings,
}

/// What an operation finds out besides what it does.
#[derive(Default)]
pub(crate) struct Findings {
    /// What is wrong with it, each problem once: several images say the same.
    pub(crate) problems: Vec<Problem>,
    told: HashSet<Problem>,
    /// Whether it is planned for no more images.
    pub(crate) is_refused: bool,
    /// The contents that it depends on and that nobody has read yet.
    pub(crate) wanted: Vec<WantedText>,
    /// For each of the things that it names, whether an image has it.
    named: Vec<Named>,
}

/// Whether any image has a thing that an operation names.
enum Named {
    Unknown,
    Found,
    Missing(Missing),
}

/// What is said of a thing that no image has.
pub(crate) struct Missing {
    pub(crate) code: Code,
    pub(crate) address: Address,
    /// What the images have, as in "no label `a`".
    pub(crate) what: String,
    /// What to do about it, given all images that the operation is about.
    pub(crate) help: MissingHelp,
}

/// Says what to do about a thing that no image has.
pub(crate) type MissingHelp = Box<dyn Fn(&[&ImageState]) -> String>;

/// What can be done about a layer that an archive leaves out.
pub(crate) const WHOLE: &str = "the configuration, annotations and tags can still be changed; for a complete archive, `skopeo copy` the image from its registry";

impl Surroundings<'_> {
    /// Returns why an operation cannot be planned for any of its images: something is wrong with what it takes from the host,
    /// or it is about layers and one of the images is for Windows.
    pub(crate) fn refusals<'s>(
        &self,
        is_about_layers: bool,
        images: impl Iterator<Item = &'s ImageState>,
    ) -> Vec<Problem> {
        let source = self.source.map(|source| source.problems.as_slice());
        if let Some(problems) = source.filter(|problems| !problems.is_empty()) {
            return problems.to_vec();
        }
        let refused = images.filter(|_| is_about_layers).filter_map(|state| {
            let name = quoted(&state.display_name());
            if state.config.is_windows() {
                let message = format!("{name} is a Windows image, whose layers cannot be changed");
                let problem =
                    Problem::new(Code::UnsupportedPlatform, self.address.clone(), message);
                return Some(problem.with_help("labels and tags of Windows images can be changed"));
            }
            let absent = quoted(state.absent_layer.as_deref()?);
            let message =
                format!("{name} lacks its layer {absent}, so its layers cannot be changed");
            let problem = Problem::new(Code::AbsentLayer, self.address.clone(), message);
            Some(problem.with_help(WHOLE))
        });
        refused.collect()
    }
}

impl Missing {
    /// A path or pattern that leads to nothing.
    pub(crate) fn path(address: Address, path: &ImagePath, help: &'static str) -> Self {
        Self {
            code: Code::NoSuchPath,
            address,
            what: format!("no {}", quoted(&path.to_text())),
            help: Box::new({
                let path = path.clone();
                move |images| near(images, &path).unwrap_or_else(|| help.to_owned())
            }),
        }
    }
}

/// Says which path of the images was probably meant.
fn near(images: &[&ImageState], path: &ImagePath) -> Option<String> {
    let near = images.iter().find_map(|state| {
        let tree = state.tree.as_ref().filter(|_| !has_pattern(path))?;
        let near = state.effort.may_guess().then(|| tree.near(path))?;
        // What an earlier operation removes may still be in the tree.
        near.filter(|near| near != path)
    })?;
    Some(format!("did you mean {}?", quoted(&near.to_text())))
}

impl Findings {
    /// Tells whether there is a thing that none of the images has.
    pub(crate) fn has_missing(&self) -> bool {
        let mut named = self.named.iter();
        named.any(|named| matches!(named, Named::Missing(_)))
    }

    /// Tells of the things that none of the images has; `these_have` begins the sentence.
    pub(crate) fn tell_missing(&mut self, these_have: &str, images: &[&ImageState]) {
        for named in std::mem::take(&mut self.named) {
            if let Named::Missing(missing) = named {
                let message = format!("{these_have} {}", missing.what);
                let problem = Problem::new(missing.code, missing.address, message);
                self.problems
                    .push(problem.with_help((missing.help)(images)));
            }
        }
    }

    /// Adds the reasons why the operation is planned for no image, if there are any.
    pub(crate) fn refuse(&mut self, problems: Vec<Problem>) {
        self.is_refused |= !problems.is_empty();
        self.extend(problems);
    }

    /// Adds problems, each unless another image has told the same.
    pub(crate) fn extend(&mut self, problems: impl IntoIterator<Item = Problem>) {
        for problem in problems {
            self.add(problem);
        }
    }

    fn add(&mut self, problem: Problem) {
        if self.told.insert(problem.clone()) {
            self.problems.push(problem);
        }
    }
}

impl<'a> EditedImage<'a> {
    /// Returns the image that is `number` in the archive, for an operation that has done nothing to it.
    pub(crate) fn new(
        (number, state): (usize, &'a mut ImageState),
        layers: &'a mut Vec<MadeLayer>,
        around: &'a Surroundings<'a>,
        findings: &'a mut Findings,
    ) -> Self {
        Self {
            state,
            number,
            effects: Vec::new(),
            layers,
            around,
            findings,
        }
    }

    /// Returns where the operation stands in its file.
    pub(crate) fn address(&self) -> Address {
        self.around.address.clone()
    }

    /// Tells whether the plan may go through more; the problem that it may not is told once.
    pub(crate) fn may_go_on(&mut self) -> bool {
        let effort = &self.state.effort;
        effort.is_left(&self.around.address, &mut self.findings.problems)
    }

    /// Adds a problem, unless another image has told the same.
    pub(crate) fn problem(
        &mut self,
        code: Code,
        address: Address,
        message: impl AsRef<str>,
        help: &str,
    ) {
        let problem = Problem::new(code, address, message);
        self.findings.add(problem.with_help(help));
    }

    /// Adds a problem to which there is no more to say.
    pub(crate) fn bare_problem(&mut self, code: Code, address: Address, message: impl AsRef<str>) {
        self.findings.add(Problem::new(code, address, message));
    }

    /// Adds a problem that speaks for all images: the operation is planned for no more of them.
    pub(crate) fn refuse_all(
        &mut self,
        code: Code,
        address: Address,
        message: impl AsRef<str>,
        help: &str,
    ) {
        self.problem(code, address, message, help);
        self.refuse_rest();
    }

    /// Adds problems, each unless another image has told the same.
    pub(crate) fn tell(&mut self, problems: Vec<Problem>) {
        self.findings.extend(problems);
    }

    /// The operation is planned for no more images: what is wrong with it was told.
    pub(crate) fn refuse_rest(&mut self) {
        self.findings.is_refused = true;
    }

    /// Asks for a content that the operation depends on. It is read, and everything is planned again.
    pub(crate) fn want(&mut self, text: WantedText) {
        self.findings.wanted.push(text);
    }

    /// Returns what was found where the operation takes files from.
    pub(crate) fn source(&self) -> &'a HostSource {
        let source = self.around.source;
        source.expect("every source was looked at before planning")
    }

    /// Notes whether the image has the `index`th of the things that the operation names. What no image has is a problem,
    /// unless the patch lets it be `missing`.
    pub(crate) fn look(
        &mut self,
        index: usize,
        is_found: bool,
        if_missing: IfMissing,
        missing: impl FnOnce(&Self) -> Missing,
    ) {
        if self.findings.named.len() <= index {
            let unknown = || Named::Unknown;
            self.findings.named.resize_with(index + 1, unknown);
        }
        if is_found {
            self.findings.named[index] = Named::Found;
        } else if if_missing == IfMissing::Problem
            && matches!(self.findings.named[index], Named::Unknown)
        {
            let missing = missing(self);
            self.findings.named[index] = Named::Missing(missing);
        }
    }

    /// Notes what the operation wants of the image, or adds the problem that an earlier one wanted otherwise.
    pub(crate) fn claim(&mut self, claimed: Claimed, intent: Intent, address: Address) {
        let claim = Claim {
            claimed,
            intent,
            file: self.around.file,
            address,
        };
        let Some(undone) = self.state.claims.add(claim.clone()) else {
            return;
        };
        let message = claim.contradiction(&undone, self.around.files);
        self.problem(
            Code::Contradiction,
            claim.address,
            message,
            "keep one of the two",
        );
    }

    /// Claims what the effects from `first` on do to the names of things.
    pub(crate) fn claim_effects(&mut self, first: usize, address: &Address) {
        let is_windows = self.state.is_windows();
        let effects = self.effects[first..].iter();
        let removed = effects.filter_map(Effect::removed);
        let claimed: Vec<Claimed> = removed.map(|it| claimed_by(it, is_windows)).collect();
        for claimed in claimed {
            self.claim(claimed, Intent::Remove, address.clone());
        }
    }

    /// Removes what each pattern of `removal` matches by `take`, which tells whether it found anything. `names` are those
    /// of all that could be removed.
    pub(crate) fn remove(
        &mut self,
        removal: &Removal,
        thing: &'static str,
        code: Code,
        take: impl Fn(&mut Self, &Glob) -> bool,
        names: impl Fn(&ImageState) -> Vec<String> + Clone + 'static,
    ) {
        for (g, glob) in removal.globs.iter().enumerate() {
            if !self.may_go_on() {
                return;
            }
            let address = removal.glob_address(self.address(), g);
            let n_before = self.effects.len();
            let is_found = take(self, glob);
            self.claim_effects(n_before, &address);
            self.look(g, is_found, removal.if_missing, |_| {
                let (glob, names) = (glob.clone(), names.clone());
                Missing {
                    code,
                    address,
                    what: format!("no {thing} {}", quoted(glob.as_str())),
                    help: Box::new(move |images| what_there_is(thing, images, &names, &glob)),
                }
            });
        }
    }
}

/// The help line of a pattern that matched nothing: the nearest name, or all that there are.
pub(crate) fn what_there_is(
    thing: &str,
    images: &[&ImageState],
    names: &impl Fn(&ImageState) -> Vec<String>,
    glob: &Glob,
) -> String {
    let mut names: Vec<String> = images.iter().flat_map(|state| names(state)).collect();
    names.sort();
    names.dedup();
    if names.is_empty() {
        return format!("there is no {thing} at all; `if-missing: ignore` allows this");
    }
    let nearest = names
        .iter()
        .map(|name| (strsim::jaro_winkler(name, glob.as_str()), name))
        .filter(|(score, _)| *score > 0.85)
        .max_by(|a, b| a.0.total_cmp(&b.0));
    if let Some((_, name)) = nearest {
        return format!("did you mean {}?", quoted(name));
    }
    let shown: Vec<String> = names.iter().take(10).map(|name| quoted(name)).collect();
    let more = if names.len() > 10 {
        format!(" and {} more", names.len() - 10)
    } else {
        String::new()
    };
    format!(
        "there is {}{more}; `if-missing: ignore` beside `match` allows a pattern to match nothing",
        shown.join(", ")
    )
}

//! One operation at work on the images that its patch targets.

use std::collections::HashMap;

use super::claims::{Claim, Thing, Wish, wish_of};
use super::effort::Effort;
use super::names::Names;
use super::state::State;
use super::{Effect, MadeLayer, OperationId, SourceFinding, Texts, Wanted, target};
use crate::patch::{IfMissing, PatchFile, Removal};
use crate::problem::{Address, Code, Problem, quoted};
use crate::reference::Glob;

/// How far back a problem is looked for that another image of the operation has told: images come one after the other.
const MAX_ALIKE: usize = 1000;

/// What an operation reads and writes while it is planned.
pub(super) struct Work<'a> {
    /// The patch files of the plan.
    pub(super) files: &'a [PatchFile],
    /// The place of the operation.
    pub(super) id: OperationId,
    /// What the names of images stood for before it.
    pub(super) names: &'a Names,
    /// Every image of the archive.
    pub(super) states: &'a mut [State],
    /// The targeted ones.
    pub(super) images: &'a [usize],
    /// Where the operation stands in its file.
    pub(super) address: Address,
    /// What stands where operations take files from.
    pub(super) sources: &'a HashMap<OperationId, SourceFinding>,
    /// The time that new files and directories get, in seconds since 1970.
    pub(super) epoch: i64,
    /// The layers that are made.
    pub(super) layers: &'a mut Vec<MadeLayer>,
    /// The contents of files that were asked for before, and those that are now.
    pub(super) texts: &'a Texts,
    pub(super) wanted: &'a mut Vec<Wanted>,
    /// Whether a later operation of the patch may change files too, which then come into the same layer.
    pub(super) keeps_open: bool,
    /// Whether the form that is written keeps layers uncompressed.
    pub(super) keeps_plain: bool,
    /// What the plan may go through.
    pub(super) effort: &'a Effort,
    /// What it does, for each targeted image.
    pub(super) effects: &'a mut [Vec<Effect>],
    /// What is wrong with it.
    pub(super) problems: &'a mut Vec<Problem>,
}

impl Work<'_> {
    /// Tells whether the plan may go through more; the problem that it may not is told once.
    pub(super) fn may_go_on(&mut self) -> bool {
        self.effort.is_left(&self.address, self.problems)
    }

    /// Adds a problem.
    pub(super) fn problem(&mut self, code: Code, address: Address, message: String, help: &str) {
        self.problems
            .push(Problem::new(code, address, message).with_help(help));
    }

    /// Notes what the operation wants of an image, or adds the problem that an earlier one wanted otherwise.
    pub(super) fn claim(&mut self, image: usize, thing: Thing, wish: Wish, address: Address) {
        let claim = Claim {
            thing,
            wish,
            file: self.id.file,
            address,
        };
        let Some(undone) = self.states[image].claims.add(claim.clone()) else {
            return;
        };
        let message = claim.contradiction(&undone, self.files);
        let problem = Problem::new(Code::Contradiction, claim.address, message)
            .with_help("keep one of the two");
        // Of several images that say the same, one tells it.
        let recent = self.problems.iter().rev().take(MAX_ALIKE);
        if !recent.into_iter().any(|told| *told == problem) {
            self.problems.push(problem);
        }
    }

    /// Claims what the effects from `first` on do to the names of things.
    pub(super) fn claim_effects(&mut self, i: usize, first: usize, address: &Address) {
        let image = self.images[i];
        let effects = self.effects[i][first..].iter();
        let wishes: Vec<_> = effects
            .filter_map(|effect| wish_of(effect, self.states[image].is_windows()))
            .collect();
        for (thing, wish) in wishes {
            self.claim(image, thing, wish, address.clone());
        }
    }

    /// Removes what each pattern of `removal` matches by `take`, which is given a state, its effects and the pattern and
    /// tells whether it found anything; a pattern that finds nothing in any image is a problem.
    pub(super) fn remove(
        &mut self,
        removal: &Removal,
        thing: &str,
        code: Code,
        take: impl Fn(&mut State, &mut Vec<Effect>, &Glob) -> bool,
        names: impl Fn(&State) -> Vec<String>,
    ) {
        for (g, glob) in removal.globs.iter().enumerate() {
            let mut is_found = false;
            let address = removal.glob_address(self.address.clone(), g);
            for i in 0..self.images.len() {
                if !self.may_go_on() {
                    return;
                }
                let n_before = self.effects[i].len();
                is_found |= take(&mut self.states[self.images[i]], &mut self.effects[i], glob);
                self.claim_effects(i, n_before, &address);
            }
            if is_found || removal.if_missing == IfMissing::Ignore {
                continue;
            }
            let there = self
                .images
                .iter()
                .flat_map(|&image| names(&self.states[image]))
                .collect();
            let message = format!(
                "{} no {thing} {}",
                target::these_have(self.states, self.images),
                quoted(glob.as_str())
            );
            self.problem(code, address, message, &what_there_is(thing, there, glob));
        }
    }
}

/// The help line of a pattern that matched nothing: the nearest name, or all there are.
pub(super) fn what_there_is(thing: &str, mut names: Vec<String>, glob: &Glob) -> String {
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
        "there is {}{more}; `if-missing: ignore` allows a pattern to match nothing",
        shown.join(", ")
    )
}

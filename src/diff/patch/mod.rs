//! A difference as a patch: what turns the old archive into the new one, in the words of the language.
//!
//! The patch is planned against the old archive before anybody sees it. What differs even then is something that no
//! operation says, and is told; so a patch that comes from here is complete, or known not to be.

mod annotations;
mod config;
mod documents;
mod layers;
mod trial;

use std::collections::HashMap;

use super::OtherDifference;
use super::pairs::{Pair, pairs};
use crate::apply::shown;
use crate::archive::{Archive, Image};
use crate::config_field::ConfigField;
use crate::digest::Digest;
use crate::error::Error;
use crate::image::Config;
use crate::operation::Operations;
use crate::plan::Change;
use documents::Documents;
use layers::Order;

pub use layers::LayerTar;

/// Returns the operations that turn one configuration into another, as far as there are any.
pub(crate) fn config_operations(old: &Config, new: &Config) -> Operations {
    config::operations(old, new, &[])
}

/// What a patch that is made of a difference shall be like.
#[derive(Debug, Clone, Default)]
pub struct PatchStyle {
    /// Whether it fits no image but the old one.
    pub expects_old: bool,
    /// The directory that layers are to lie in, as the patch spells it; without one they stay as they are.
    pub layers: Option<String>,
}

/// A difference in the words of the patch language.
#[derive(Debug, Clone)]
pub struct DifferencePatch {
    /// The patch file; only comments where there is nothing to change.
    pub text: String,
    /// What differs and is not in it, since no operation says it.
    pub missing: Vec<String>,
    /// Whether layers differ, which stay as they are.
    pub leaves_layers: bool,
    /// The layers that it takes from tars.
    pub layers: Vec<LayerTar>,
}

impl DifferencePatch {
    /// Returns the patch that turns the images of `old` into those of `new`, but for what history tells.
    pub fn between(old: &Archive, new: &Archive, style: &PatchStyle) -> Result<Self, Error> {
        let pairs = pairs(old.images(), new.images());
        let both = pairs.iter().filter_map(|pair| Some((pair.old?, pair.new?)));
        let both: Vec<(usize, usize)> = both.collect();
        let tars = layers::tars(old, new, &both);
        let mut subject = Subject {
            old,
            new,
            pairs: &both,
            style,
            tars: Vec::new(),
            places: HashMap::new(),
        };
        let mut orders = vec![Order::RemoveFirst];
        if style.layers.is_some() {
            let named = tars.iter().enumerate().rev();
            subject.places = named.map(|(i, tar)| (tar.name.clone(), i)).collect();
            subject.tars.clone_from(&tars);
            orders.extend([Order::AddFirst, Order::Exchange]);
        }
        let n_images = old.images().len();
        let best = best(n_images, &orders, |whole, order| {
            subject.attempt(whole, order)
        })?;
        let one_sided = pairs.iter().filter_map(|pair| one_sided(pair, old, new));
        let left = best.outcome.left.into_iter().map(|left| left.text);
        let others = super::compare_others(old, new).into_iter();
        let others = others
            .filter(|other| !goes_with_its_image(other, new))
            .map(|other| {
                let place = match other.change {
                    Change::Removed => "old",
                    _ => "new",
                };
                let digest = other.digest.short();
                format!(
                    "{} sha256:{digest}: is only in the {place} archive",
                    other.kind
                )
            });
        let missing: Vec<String> = one_sided.chain(left).chain(others).collect();
        let leaves_layers = style.layers.is_none() && subject.layers_differ();
        old.source().check()?;
        new.source().check()?;
        Ok(Self {
            text: best.documents.text(&missing, leaves_layers),
            missing,
            leaves_layers,
            layers: subject.tars,
        })
    }
}

/// What a patch is made of.
struct Subject<'a> {
    old: &'a Archive,
    new: &'a Archive,
    /// The images of both that belong together.
    pairs: &'a [(usize, usize)],
    style: &'a PatchStyle,
    tars: Vec<LayerTar>,
    /// Where among them each name is.
    places: HashMap<String, usize>,
}

/// Documents of a patch, and what came of applying them.
struct Attempt<D> {
    documents: D,
    outcome: trial::Outcome,
}

impl Subject<'_> {
    fn attempt(
        &self,
        whole: &[Vec<ConfigField>],
        order: Order,
    ) -> Result<Attempt<Documents>, Error> {
        let how = (whole, order);
        let documents = Documents::of(self.old, self.new, self.pairs, how, self.style);
        let outcome = trial::outcome(&documents.to_string(), self)?;
        Ok(Attempt { documents, outcome })
    }

    fn layers_differ(&self) -> bool {
        self.pairs.iter().any(|&(a, b)| {
            let (before, after) = (self.old.images()[a].layers(), self.new.images()[b].layers());
            let layers = super::layers::compare_layers(before, after);
            layers.iter().any(|layer| layer.change != Change::Kept)
        })
    }
}

/// Returns the attempt that leaves the least, of those worth making.
fn best<D>(
    n_images: usize,
    orders: &[Order],
    mut attempt: impl FnMut(&[Vec<ConfigField>], Order) -> Result<Attempt<D>, Error>,
) -> Result<Attempt<D>, Error> {
    let mut whole = vec![Vec::new(); n_images];
    let mut best = attempt(&whole, orders[0])?;
    let mut is_too_much = best.outcome.is_too_much;
    // Thing by thing, then the fields anew that did not come out so; in each order of the layers.
    for is_whole in [false, true] {
        if is_whole {
            widen(&best.outcome.left, &mut whole);
        }
        for &order in orders.iter().skip(usize::from(!is_whole)) {
            // In another order the same layers are as much work.
            if best.outcome.left.is_empty() || is_too_much {
                return Ok(best);
            }
            let other = attempt(&whole, order)?;
            is_too_much = other.outcome.is_too_much;
            if rank(&other.outcome.left) < rank(&best.outcome.left) {
                best = other;
            }
        }
    }
    Ok(best)
}

/// The less is left, the better; worst is what does not fit at all.
fn rank(left: &[trial::Left]) -> (bool, usize) {
    let is_rejected = left.iter().any(|left| left.image.is_none());
    (is_rejected, left.len())
}

/// Notes which fields are to be made anew.
fn widen(left: &[trial::Left], whole: &mut [Vec<ConfigField>]) {
    for left in left {
        match (left.image, left.field) {
            (Some(image), Some(field)) => whole[image].push(field),
            (None, _) => whole.fill(config::COLLECTIONS.to_vec()),
            _ => {}
        }
    }
}

/// Tells whether something is about an image that the patch changes: then it is removed with it.
fn goes_with_its_image(other: &OtherDifference, new: &Archive) -> bool {
    let is_there = |digest: &Digest| {
        let of_image = |image: &Image| image.manifest_digest() == Some(*digest);
        new.images().iter().any(of_image)
            || new
                .groups()
                .iter()
                .any(|group| group.root() == Some(*digest))
    };
    other.change == Change::Removed && !other.about.is_empty() && !other.about.iter().any(is_there)
}

/// Tells of an image that one archive lacks.
fn one_sided(pair: &Pair, old: &Archive, new: &Archive) -> Option<String> {
    let (image, place) = match (pair.old, pair.new) {
        (Some(a), None) => (&old.images()[a], "old"),
        (None, Some(b)) => (&new.images()[b], "new"),
        _ => return None,
    };
    let (name, platform) = (image.display_name(), image.platform());
    Some(format!(
        "image {} ({}): is only in the {place} archive",
        shown(&name),
        shown(&platform.to_string())
    ))
}

#[cfg(test)]
mod tests {
    use super::config::COLLECTIONS;
    use super::trial::{Left, Outcome};
    use super::{Attempt, ConfigField, Order, best, rank, widen};

    fn left(all: &[(Option<usize>, Option<ConfigField>)]) -> Vec<Left> {
        let left = all.iter().map(|&(image, field)| Left {
            image,
            field,
            text: String::new(),
        });
        left.collect()
    }

    #[test]
    fn fields_that_did_not_come_out_are_made_anew_and_all_if_nothing_fits() {
        use ConfigField::{Env, Labels};
        let all = COLLECTIONS.to_vec();
        for (all, expected) in [
            (&[][..], [vec![], vec![]]),
            (
                &[(Some(1), Some(Env)), (Some(1), None)],
                [vec![], vec![Env]],
            ),
            (
                &[(Some(0), Some(Env)), (Some(1), Some(Labels))],
                [vec![Env], vec![Labels]],
            ),
            (&[(None, None)], [all.clone(), all]),
        ] {
            let mut whole = vec![Vec::new(); 2];
            widen(&left(all), &mut whole);
            assert_eq!(whole, expected);
        }
    }

    #[test]
    fn no_more_is_tried_than_may_help() {
        use Order::{AddFirst, Exchange, RemoveFirst};
        let orders = [RemoveFirst, AddFirst, Exchange];
        let label = (Some(0), Some(ConfigField::Labels));
        let rejected = (None, None);
        // What each attempt leaves, and whether it is too much; how many are made, and which is the best.
        for (found, n_made, best_is) in [
            (vec![(vec![], false)], 1, 0),
            (vec![(vec![rejected], true)], 1, 0),
            (vec![(vec![label], false), (vec![rejected], true)], 2, 0),
            (vec![(vec![label], false), (vec![], false)], 2, 1),
            (vec![(vec![label], false); 6], 6, 0),
            (
                [
                    vec![(vec![label, label], false); 4],
                    vec![(vec![label], false)],
                    vec![(vec![label], false)],
                ]
                .concat(),
                6,
                4,
            ),
        ] {
            let mut made = Vec::new();
            let best = best(1, &orders, |whole, order| {
                let (all, is_too_much) = &found[made.len()];
                made.push((whole.to_vec(), order));
                Ok(Attempt {
                    documents: made.len() - 1,
                    outcome: Outcome {
                        left: left(all),
                        is_too_much: *is_too_much,
                    },
                })
            });
            assert_eq!((made.len(), best.unwrap().documents), (n_made, best_is));
            let in_turn = [&orders[..], &orders].concat();
            for (i, (whole, order)) in made.into_iter().enumerate() {
                let fields = if i < 3 {
                    vec![]
                } else {
                    vec![ConfigField::Labels]
                };
                assert!(
                    order == in_turn[i]
                        && whole
                            .iter()
                            .all(|it| it.iter().all(|field| fields.contains(field))
                                && it.is_empty() == fields.is_empty()),
                    "{i}: {whole:?}"
                );
            }
        }
    }

    #[test]
    fn a_patch_that_does_not_fit_is_worse_than_any_that_does() {
        let ranks = [
            &[][..],
            &[(Some(0), None)],
            &[(Some(0), None), (Some(1), None)],
            &[(None, None)],
        ]
        .map(|all| rank(&left(all)));
        assert!(ranks.windows(2).all(|pair| pair[0] < pair[1]));
    }
}

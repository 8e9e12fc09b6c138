//! Stacks of layers: what both begin with, what both end with, and what stands between.

use std::ops::Range;

use serde::Serialize;

use crate::archive::Layer;
use crate::digest::DiffId;
use crate::plan::Change;

/// One layer of either image.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct LayerDifference {
    /// Whether both images have it, or which one.
    pub change: Change,
    /// The digest of the uncompressed layer.
    pub diff_id: DiffId,
    /// Bytes in the archive that has it; the new one if both do.
    pub size: u64,
}

/// What two stacks have in common, from the base up.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Run {
    /// As many layers of both as these of the new stack, which are the same.
    Kept(Range<usize>),
    /// Layers of the old stack, and those that stand in their place in the new one.
    Differs {
        old: Range<usize>,
        new: Range<usize>,
    },
}

/// How many pairs of layers are compared; of longer stacks, all between what both begin and end with differs.
const MAX_COMPARED: usize = 1 << 22;

/// Matches two stacks: as many layers as possible are the same, wherever they stand.
pub(super) fn runs(old: &[Layer], new: &[Layer]) -> Vec<Run> {
    let ids = |layers: &[Layer]| layers.iter().map(Layer::diff_id).collect::<Vec<_>>();
    match_runs(&ids(old), &ids(new))
}

fn match_runs(old: &[DiffId], new: &[DiffId]) -> Vec<Run> {
    let n_first = old.iter().zip(new).take_while(|(a, b)| a == b).count();
    let ends = old[n_first..].iter().rev().zip(new[n_first..].iter().rev());
    let n_last = ends.take_while(|(a, b)| a == b).count();
    let (old_end, new_end) = (old.len() - n_last, new.len() - n_last);
    let between = common(&old[n_first..old_end], &new[n_first..new_end]);
    let mut runs = Vec::new();
    let (mut a, mut b) = (0, 0);
    let first = (0..n_first).map(|i| (i, i));
    let middle = between.into_iter().map(|(i, j)| (n_first + i, n_first + j));
    let last = (0..n_last).map(|i| (old_end + i, new_end + i));
    let ends = [(old.len(), new.len())];
    for (i, j) in first.chain(middle).chain(last).chain(ends) {
        if i > a || j > b {
            runs.push(Run::Differs {
                old: a..i,
                new: b..j,
            });
        }
        if i < old.len() {
            match runs.last_mut() {
                Some(Run::Kept(kept)) => kept.end = j + 1,
                _ => runs.push(Run::Kept(j..j + 1)),
            }
        }
        (a, b) = (i + 1, j + 1);
    }
    runs
}

/// Returns the positions of a longest common subsequence.
fn common(old: &[DiffId], new: &[DiffId]) -> Vec<(usize, usize)> {
    if old.is_empty() || new.is_empty() || old.len().saturating_mul(new.len()) > MAX_COMPARED {
        return Vec::new();
    }
    let width = new.len() + 1;
    // How many layers from here on are common.
    let mut lengths = vec![0_u32; (old.len() + 1) * width];
    for i in (0..old.len()).rev() {
        for j in (0..new.len()).rev() {
            lengths[i * width + j] = if old[i] == new[j] {
                lengths[(i + 1) * width + j + 1] + 1
            } else {
                lengths[(i + 1) * width + j].max(lengths[i * width + j + 1])
            };
        }
    }
    let (mut i, mut j) = (0, 0);
    let mut common = Vec::new();
    while i < old.len() && j < new.len() {
        if old[i] == new[j] {
            common.push((i, j));
            (i, j) = (i + 1, j + 1);
        } else if lengths[(i + 1) * width + j] >= lengths[i * width + j + 1] {
            i += 1;
        } else {
            j += 1;
        }
    }
    common
}

pub(super) fn compare_layers(old: &[Layer], new: &[Layer]) -> Vec<LayerDifference> {
    let describe = |change| {
        move |layer: &Layer| LayerDifference {
            change,
            diff_id: layer.diff_id(),
            size: layer.size(),
        }
    };
    let mut layers = Vec::new();
    for run in runs(old, new) {
        match run {
            Run::Kept(kept) => layers.extend(new[kept].iter().map(describe(Change::Kept))),
            Run::Differs {
                old: gone,
                new: come,
            } => {
                layers.extend(old[gone].iter().map(describe(Change::Removed)));
                layers.extend(new[come].iter().map(describe(Change::Added)));
            }
        }
    }
    layers
}

#[cfg(test)]
mod tests {
    use proptest::prelude::proptest;

    use super::{DiffId, Run, match_runs};

    fn ids(letters: &str) -> Vec<DiffId> {
        letters
            .bytes()
            .map(|letter| DiffId::parse_hex(&format!("{letter:02x}").repeat(32)).unwrap())
            .collect()
    }

    /// The runs as text: `ab` is kept, `(c|d)` becomes the other.
    fn told(old: &str, new: &str) -> String {
        let told = |run| match run {
            Run::Kept(kept) => new[kept].to_owned(),
            Run::Differs {
                old: gone,
                new: come,
            } => format!("({}|{})", &old[gone], &new[come]),
        };
        match_runs(&ids(old), &ids(new))
            .into_iter()
            .map(told)
            .collect()
    }

    #[test]
    fn a_layer_is_the_same_wherever_it_stands() {
        for (old, new, expected) in [
            ("abcdefg", "abXdefg", "ab(c|X)defg"),
            ("abcdefg", "abXdefgh", "ab(c|X)defg(|h)"),
            ("abcdefg", "zabcXefg", "(|z)abc(d|X)efg"),
            ("abc", "ac", "a(b|)c"),
            ("aab", "ab", "a(a|)b"),
            // Where either may stay, it is the one that the old stack has last.
            ("ab", "ba", "(a|)b(|a)"),
            ("abc", "xyz", "(abc|xyz)"),
            ("", "a", "(|a)"),
            ("a", "", "(a|)"),
            ("", "", ""),
        ] {
            assert_eq!(told(old, new), expected);
        }
    }

    /// How many letters a longest common subsequence has, row by row.
    fn n_common(old: &[u8], new: &[u8]) -> usize {
        let mut row = vec![0; new.len() + 1];
        for a in old {
            let mut diagonal = 0;
            for (j, b) in new.iter().enumerate() {
                let above = row[j + 1];
                row[j + 1] = if a == b {
                    diagonal + 1
                } else {
                    above.max(row[j])
                };
                diagonal = above;
            }
        }
        row[new.len()]
    }

    proptest! {
        #[test]
        fn runs_are_both_stacks(old in "[a-d]{0,12}", new in "[a-d]{0,12}") {
            let (mut before, mut after) = (String::new(), String::new());
            let mut n_kept = 0;
            for run in match_runs(&ids(&old), &ids(&new)) {
                match run {
                    Run::Kept(kept) => {
                        n_kept += kept.len();
                        before.push_str(&new[kept.clone()]);
                        after.push_str(&new[kept]);
                    }
                    Run::Differs { old: gone, new: come } => {
                        before.push_str(&old[gone]);
                        after.push_str(&new[come]);
                    }
                }
            }
            assert_eq!((before.as_str(), after.as_str()), (old.as_str(), new.as_str()));
            // Where the ends of both are the same, they belong to a longest one.
            assert_eq!(n_kept, n_common(old.as_bytes(), new.as_bytes()), "{old} {new}");
        }
    }
}

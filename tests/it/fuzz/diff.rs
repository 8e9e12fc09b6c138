//! Unified diffs.

use ocipatch::unified_diff::{Outcome, UnifiedDiff};

use super::assert_clean;
use super::choices::Choices;

/// Reads some bytes as a diff and applies it to others; then has a diff made of two texts, which leads from one to the other.
pub(crate) fn any_diff(bytes: &[u8]) {
    let mut choices = Choices::new(bytes);
    let (cut, fuzz) = (choices.below(512), choices.below(4));
    let rest = choices.rest();
    let (text, diff) = rest.split_at(cut.min(rest.len()));
    match UnifiedDiff::parse(diff) {
        Ok(diff) => {
            assert!(diff.n_hunks() > 0);
            apply(&diff, text, fuzz);
        }
        Err(error) => assert_clean(&ocipatch::printable::line(&error.to_string())),
    }
    let made = diffy::create_patch_bytes(text, diff).to_bytes();
    if text == diff {
        return;
    }
    let made = UnifiedDiff::parse(&made).unwrap();
    match made.apply(text, 0) {
        Outcome::Applied { text, hunks } => {
            assert!(text == diff, "another text");
            assert!(hunks.iter().all(|hunk| (hunk.offset, hunk.fuzz) == (0, 0)));
        }
        other => panic!("{other:?}"),
    }
    // Where the text has what the diff makes elsewhere, it may fit once more.
    let _ = made.apply(diff, fuzz);
}

fn apply(diff: &UnifiedDiff, text: &[u8], fuzz: usize) {
    let n_lines = text.split_inclusive(|byte| *byte == b'\n').count();
    match diff.apply(text, fuzz) {
        Outcome::Applied { hunks, .. } => {
            assert_eq!(hunks.len(), diff.n_hunks());
            assert!(
                hunks
                    .iter()
                    .all(|hunk| hunk.fuzz <= fuzz && hunk.line <= n_lines + 1)
            );
            assert!(hunks.windows(2).all(|pair| pair[0].line <= pair[1].line));
        }
        Outcome::AlreadyApplied => {}
        Outcome::Rejected(rejects) => {
            assert!(!rejects.is_empty());
            assert!(
                rejects
                    .iter()
                    .all(|reject| (1..=diff.n_hunks()).contains(&reject.hunk))
            );
        }
    }
}

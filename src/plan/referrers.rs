//! What an archive says about images that change: attestations, signatures and other referrers.

use super::run::Run;
use crate::annotation::Referring;
use crate::patch::{Attestations, Patch};
use crate::problem::{Address, Code, Problem};

impl Run<'_> {
    /// What is said about an image that changes would be false: the patch has to say what becomes of it.
    pub(super) fn settle_referrers(&mut self, patch: &Patch, images: &[usize], document: &Address) {
        let mut attested = Vec::new();
        for &image in images {
            let state = &mut self.states[image];
            if !state.is_changed || state.referrers.n == 0 {
                continue;
            }
            let n = state.referrers.n;
            match patch.attestations {
                Attestations::Refuse => attested.push((state.display_name(), n)),
                Attestations::Drop => {
                    state.keeps_referrers = false;
                    state.note(format!(
                        "{} removed: {}",
                        described(n),
                        first_names(&state.referrers)
                    ));
                }
                Attestations::Keep => state.note(format!(
                    "{} pointed at the changed image; the content still describes the old one: {}",
                    described(n),
                    first_names(&state.referrers)
                )),
            }
        }
        let Some((name, n)) = attested.first() else {
            return;
        };
        let more = match attested.len() {
            1 => String::new(),
            2 => ", as is another image".to_owned(),
            more => format!(", as are {} more images", more - 1),
        };
        let message = format!(
            "{} is the subject of {}{more}; none of these would apply to the changed image",
            crate::problem::quoted(name),
            described(*n)
        );
        let problem = Problem::new(Code::Attested, document.clone().key("operations"), message);
        self.problems.push(problem.with_help(
            "add `attestations: drop` at the top level of the patch, beside `operations`, to remove them, or `attestations: keep` to point them at the changed image",
        ));
    }
}

fn described(n: usize) -> String {
    match n {
        1 => "an attestation, signature or other referrer".to_owned(),
        n => format!("{n} attestations, signatures or other referrers"),
    }
}

/// Lists names, but not without end.
fn first_names(referrers: &Referring) -> String {
    let shown = referrers.first.join(", ");
    match referrers.n - referrers.first.len() {
        0 => shown,
        more => format!("{shown} and {more} more"),
    }
}

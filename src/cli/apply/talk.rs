//! What `ocipatch apply` says in the end.

use std::fs::Metadata;

use crate::apply::bytes;
use crate::archive::Destination;
use crate::cli::failure::{say, say_drawn};
use crate::cli::{progress, terminal};
use crate::job::Plan;

/// Shows the plan, and where its result is; an output that is up to date says no more than that.
pub(super) fn tell(
    plan: &Plan<'_>,
    destination: Option<&Destination>,
    is_written: bool,
    is_full: bool,
) {
    if let Some(destination) = destination.filter(|_| !is_written) {
        return say(&format!("{} is up to date", destination.shown()));
    }
    let text = plan.summary().text(terminal::on_stderr(is_full));
    say_drawn(text.trim_end());
    match destination {
        None | Some(Destination::Stream(_)) => {}
        Some(Destination::InPlace(..)) if !plan.is_change() => {}
        Some(destination) => tell_written(destination),
    }
}

/// Says what was written, how large it is, and how long that took where somebody watched.
fn tell_written(destination: &Destination) {
    let size = match destination {
        Destination::File(path) | Destination::InPlace(path, _) => {
            let metadata = std::fs::metadata(path).ok();
            metadata.filter(Metadata::is_file).map(|file| file.len())
        }
        Destination::Directory(_) | Destination::Stream(_) | Destination::Registry(_) => None,
    };
    let size = size.map(|size| format!(": {}", bytes(size)));
    let is_sent = matches!(destination, Destination::Registry(_));
    let time = progress::elapsed().map(|time| format!(" in {:.1} s", time.as_secs_f64()));
    say(&format!(
        "{} {}{}{}",
        if is_sent { "pushed" } else { "wrote" },
        destination.shown(),
        size.unwrap_or_default(),
        time.unwrap_or_default()
    ));
}

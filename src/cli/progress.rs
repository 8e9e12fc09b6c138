//! How far a command is, while blobs go from and to registries: a bar on a terminal, lines in a log, or nothing.

use std::io::IsTerminal as _;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use clap::ValueEnum;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use super::failure::say;
use crate::registry::{Observed, Observer, Outcome};

/// What is shown while blobs are on their way.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum Progress {
    // A bar, if standard error is a terminal.
    Auto,
    // A line for each blob.
    Plain,
    None,
}

/// What takes less is not worth a bar.
const BEFORE_BAR: Duration = Duration::from_secs(1);

/// The bar of this process: what is printed has to make room for it.
static BAR: OnceLock<Arc<Bar>> = OnceLock::new();

impl Progress {
    /// Returns who shows it.
    pub(super) fn observed(self, is_quiet: bool) -> Observed {
        let has_terminal = || {
            let is_dumb = std::env::var_os("TERM").is_none_or(|term| term == "dumb");
            std::io::stderr().is_terminal() && !is_dumb
        };
        let observer: Arc<dyn Observer> = match self {
            _ if is_quiet => return Observed::default(),
            Self::Plain => Arc::new(Lines),
            Self::Auto if has_terminal() => Arc::clone(BAR.get_or_init(Bar::start)) as _,
            Self::Auto | Self::None => return Observed::default(),
        };
        observer.into()
    }
}

/// Does what prints, with the bar out of the way.
pub(super) fn beside<T>(print: impl FnOnce() -> T) -> T {
    match BAR.get() {
        Some(bar) => bar.shown.suspend(print),
        None => print(),
    }
}

/// Takes the bar away: nothing more will come.
pub(super) fn end() {
    if let Some(bar) = BAR.get() {
        bar.shown.finish_and_clear();
    }
}

/// One bar for all blobs: its end moves away as more of them begin.
struct Bar {
    shown: ProgressBar,
    n_mounted: AtomicU64,
    n_there: AtomicU64,
}

impl Bar {
    fn start() -> Arc<Self> {
        let template = "{bytes} of {total_bytes} [{bar:25}] {bytes_per_sec}, {eta} left{msg}";
        let style = ProgressStyle::with_template(template);
        let style = style.expect("the template is right").progress_chars("=> ");
        let shown = ProgressBar::with_draw_target(Some(0), ProgressDrawTarget::hidden());
        Arc::new(Self {
            shown: shown.with_style(style),
            n_mounted: AtomicU64::new(0),
            n_there: AtomicU64::new(0),
        })
    }
}

impl Observer for Bar {
    fn begins(&self, n_bytes: u64) {
        self.shown.inc_length(n_bytes);
    }

    fn moves(&self, n_bytes: u64) {
        if self.shown.is_hidden() && self.shown.elapsed() > BEFORE_BAR {
            self.shown.set_draw_target(ProgressDrawTarget::stderr());
        }
        self.shown.inc(n_bytes);
    }

    fn ends(&self, _: &str, outcome: Outcome) {
        let counter = match outcome {
            Outcome::Mounted => &self.n_mounted,
            Outcome::There => &self.n_there,
            Outcome::Fetched | Outcome::Sent => return,
        };
        counter.fetch_add(1, Ordering::Relaxed);
        let count = |counter: &AtomicU64, what| match counter.load(Ordering::Relaxed) {
            0 => String::new(),
            n => format!(", {n} {what}"),
        };
        let mounted = count(&self.n_mounted, "mounted");
        let there = count(&self.n_there, "there already");
        self.shown.set_message(format!("{mounted}{there}"));
    }
}

/// A line for each blob.
struct Lines;

impl Observer for Lines {
    fn begins(&self, _: u64) {}

    fn moves(&self, _: u64) {}

    fn ends(&self, name: &str, outcome: Outcome) {
        let what = match outcome {
            Outcome::Fetched => "fetched",
            Outcome::Sent => "sent",
            Outcome::Mounted => "mounted",
            Outcome::There => "there already",
        };
        say(&format!("{what}: {name}"));
    }
}

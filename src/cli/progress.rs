//! How far a command is: a bar on a terminal, lines in a log, or nothing.

use std::io::IsTerminal as _;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::{Duration, Instant};

use clap::ValueEnum;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use super::failure::say;
use crate::apply::bytes;
use crate::registry::{Observed, Observer, Outcome};
use crate::watch::{self, Counted, Watcher};

/// What is shown of long work.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum Progress {
    /// A bar, if standard error is a terminal and the work takes more than a second
    Auto,
    /// A line for each step and each blob
    Plain,
    /// Nothing
    None,
}

/// What takes less is not worth a bar.
const BEFORE_BAR: Duration = Duration::from_secs(1);

/// What the user wants to see.
#[derive(Debug, Clone, Copy)]
pub(super) struct Talk {
    pub(super) progress: Progress,
    pub(super) is_quiet: bool,
    pub(super) is_verbose: bool,
}

struct State {
    talk: Talk,
    started: Instant,
    /// The bar of this process: what is printed has to make room for it.
    bar: Option<Arc<Bar>>,
}

static STATE: OnceLock<State> = OnceLock::new();

/// Begins to show how far the command is; `is_one` if it does one thing after another.
pub(super) fn start(talk: Talk, is_one: bool) {
    let has_terminal = || {
        let is_dumb = std::env::var_os("TERM").is_none_or(|term| term == "dumb");
        std::io::stderr().is_terminal() && !is_dumb
    };
    let has_bar = talk.progress == Progress::Auto && !talk.is_quiet && has_terminal();
    let bar = has_bar.then(Bar::start);
    if is_one && !talk.is_quiet {
        match &bar {
            _ if talk.is_verbose || talk.progress == Progress::Plain => {
                watch::set(Box::new(Lines::default()));
            }
            Some(bar) => {
                watch::set(Box::new(Arc::clone(bar)));
            }
            None => {}
        }
    }
    let started = Instant::now();
    let _ = STATE.set(State { talk, started, bar });
}

/// Tells whether more is to be told than usual.
pub(super) fn is_verbose() -> bool {
    STATE.get().is_some_and(|state| state.talk.is_verbose)
}

/// Returns how long the command has been running, where somebody watches or wants to know.
pub(super) fn elapsed() -> Option<Duration> {
    let state = STATE.get()?;
    let is_shown = state.bar.is_some() || state.talk.is_verbose;
    is_shown.then(|| state.started.elapsed())
}

/// Returns who shows blobs on their way.
pub(super) fn observed() -> Observed {
    let observer: Arc<dyn Observer> = match STATE.get() {
        Some(state) if state.talk.is_quiet => return Observed::default(),
        Some(State { bar: Some(bar), .. }) => Arc::clone(bar) as _,
        Some(state) if state.talk.progress == Progress::Plain => Arc::new(Lines::default()),
        Some(_) | None => return Observed::default(),
    };
    observer.into()
}

/// Does what prints, with the bar out of the way.
pub(super) fn beside<T>(print: impl FnOnce() -> T) -> T {
    match STATE.get().and_then(|state| state.bar.as_ref()) {
        Some(bar) => bar.shown.suspend(print),
        None => print(),
    }
}

/// Takes the bar away: nothing more will come.
pub(super) fn end() {
    if let Some(bar) = STATE.get().and_then(|state| state.bar.as_ref()) {
        bar.shown.finish_and_clear();
    }
}

/// One bar: for the phases of local work one after another, and for all blobs on their way together, where the end moves away as more of
/// them begin.
struct Bar {
    shown: ProgressBar,
    /// What counts in the phase; nothing before the first one.
    counted: Mutex<Option<Counted>>,
    /// Whether blobs are on their way: they are what takes time.
    is_transfer: AtomicBool,
    n_mounted: AtomicU64,
    n_there: AtomicU64,
}

impl Bar {
    fn start() -> Arc<Self> {
        let shown = ProgressBar::with_draw_target(Some(0), ProgressDrawTarget::hidden());
        Arc::new(Self {
            shown: shown.with_style(style(true)),
            counted: Mutex::new(None),
            is_transfer: AtomicBool::new(false),
            n_mounted: AtomicU64::new(0),
            n_there: AtomicU64::new(0),
        })
    }

    fn show(&self) {
        let runs = STATE.get().map(|state| state.started.elapsed());
        if self.shown.is_hidden() && runs > Some(BEFORE_BAR) {
            self.shown.set_draw_target(ProgressDrawTarget::stderr());
        }
    }
}

fn style(has_end: bool) -> ProgressStyle {
    let template = if has_end {
        "{prefix}{bytes} of {total_bytes} [{bar:25}] {bytes_per_sec}, {eta} left{msg}"
    } else {
        "{prefix}{bytes}, {bytes_per_sec}"
    };
    let style = ProgressStyle::with_template(template);
    style.expect("the template is right").progress_chars("=> ")
}

impl Watcher for Arc<Bar> {
    fn begins(&self, what: &str, n_bytes: u64, counted: Counted) {
        *self.counted.lock().unwrap_or_else(PoisonError::into_inner) = Some(counted);
        if self.is_transfer.load(Ordering::Relaxed) {
            return;
        }
        self.shown.set_style(style(n_bytes > 0));
        self.shown.set_prefix(format!("{what}: "));
        self.shown.reset();
        self.shown.set_length(n_bytes);
    }

    fn moves(&self, n_bytes: u64, counted: Counted) {
        let wanted = *self.counted.lock().unwrap_or_else(PoisonError::into_inner);
        if wanted == Some(counted) && !self.is_transfer.load(Ordering::Relaxed) {
            self.show();
            self.shown.inc(n_bytes);
            // What comes of the bytes may be read again before the next phase: a tar that was decompressed, for one.
            let end = self.shown.length().filter(|end| *end > 0);
            if let Some(end) = end.filter(|end| self.shown.position() > *end) {
                self.shown.set_position(end);
            }
        }
    }

    fn is_at(&self, n_bytes: u64) {
        if !self.is_transfer.load(Ordering::Relaxed) {
            self.shown.set_position(n_bytes);
        }
    }
}

impl Observer for Bar {
    fn begins(&self, n_bytes: u64) {
        if !self.is_transfer.swap(true, Ordering::Relaxed) {
            self.shown.set_style(style(true));
            self.shown.set_prefix("");
            self.shown.reset();
            self.shown.set_length(0);
        }
        self.shown.inc_length(n_bytes);
    }

    fn moves(&self, n_bytes: u64) {
        self.show();
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

/// A line for each step and each blob.
#[derive(Default)]
struct Lines(Mutex<Option<String>>);

impl Watcher for Lines {
    fn begins(&self, what: &str, n_bytes: u64, _: Counted) {
        let line = match n_bytes {
            0 => what.to_owned(),
            n_bytes => format!("{what}: {}", bytes(n_bytes)),
        };
        let mut last = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if last.as_ref() != Some(&line) {
            say(&line);
            *last = Some(line);
        }
    }

    fn moves(&self, _: u64, _: Counted) {}

    fn is_at(&self, _: u64) {}
}

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

#[cfg(test)]
mod tests {
    use super::{Bar, Counted, Observer, Outcome, Watcher};

    #[test]
    fn a_bar_counts_what_its_phase_counts() {
        let bar = Bar::start();
        let at = || (bar.shown.position(), bar.shown.length(), bar.shown.prefix());
        Watcher::moves(&bar, 1, Counted::Read);
        assert_eq!(at(), (0, Some(0), String::new()));
        Watcher::begins(&bar, "reading", 10, Counted::Read);
        Watcher::moves(&bar, 3, Counted::Read);
        Watcher::moves(&bar, 2, Counted::Read);
        Watcher::moves(&bar, 4, Counted::Written);
        assert_eq!(at(), (5, Some(10), "reading: ".to_owned()));
        bar.is_at(9);
        assert_eq!(at().0, 9);
        for n_bytes in [1, 1, 20] {
            Watcher::moves(&bar, n_bytes, Counted::Read);
            assert_eq!(at().0, 10, "no bar is more than full");
        }
        Watcher::begins(&bar, "writing", 0, Counted::Written);
        Watcher::moves(&bar, 4, Counted::Written);
        assert_eq!(at(), (4, Some(0), "writing: ".to_owned()));
    }

    #[test]
    fn blobs_on_their_way_are_one_bar_of_their_own() {
        let bar = Bar::start();
        let at = || (bar.shown.position(), bar.shown.length(), bar.shown.prefix());
        Watcher::begins(&bar, "reading", 10, Counted::Read);
        Watcher::moves(&bar, 3, Counted::Read);
        Observer::begins(&*bar, 100);
        Observer::moves(&*bar, 20);
        Observer::begins(&*bar, 50);
        Observer::moves(&*bar, 5);
        assert_eq!(at(), (25, Some(150), String::new()));
        // Work of this machine does not count meanwhile.
        Watcher::begins(&bar, "writing", 7, Counted::Written);
        Watcher::moves(&bar, 1, Counted::Written);
        bar.is_at(1);
        assert_eq!(at(), (25, Some(150), String::new()));
        for (outcome, told) in [
            (Outcome::Fetched, ""),
            (Outcome::Sent, ""),
            (Outcome::There, ", 1 there already"),
            (Outcome::Mounted, ", 1 mounted, 1 there already"),
            (Outcome::Mounted, ", 2 mounted, 1 there already"),
        ] {
            bar.ends("blob", outcome);
            assert_eq!(bar.shown.message(), told);
        }
    }
}

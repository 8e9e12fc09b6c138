//! What came of a run, for programs and for people.

use serde_json::{Value, json};

use super::Shard;
use super::lock::{Entry, Lock};
use super::run::{Action, Outcome, Placed, State};
use crate::gather::NotPlanned;

impl Outcome {
    /// Returns what became of an entry, as a line.
    #[must_use]
    pub fn line(&self, entry: &Entry, action: Action) -> String {
        let push = if action == Action::Plan {
            "push"
        } else {
            "pushed"
        };
        let to = &entry.to;
        match self {
            Self::Done(digest) => format!("done {to} {digest}"),
            Self::Pushed {
                digest,
                replaced: None,
            } => format!("{push} {to} {digest}"),
            Self::Pushed {
                digest,
                replaced: Some(replaced),
            } => format!("{push} {to} {digest}, which replaces {replaced}"),
            Self::Failed(failed) => format!("failed {to}: {}", reason(failed)),
        }
    }

    /// Returns the word for it in reports.
    #[must_use]
    pub fn word(&self, action: Action) -> &'static str {
        match (self, action) {
            (Self::Done(_), _) => "done",
            (Self::Pushed { .. }, Action::Plan) => "push",
            (Self::Pushed { .. }, Action::Apply { .. }) => "pushed",
            (Self::Failed(_), _) => "failed",
        }
    }
}

impl State {
    /// Returns how a destination is, as a line.
    #[must_use]
    pub fn line(&self, entry: &Entry) -> String {
        let to = &entry.to;
        match self {
            Self::Done => format!("done {to}"),
            Self::Missing => format!("missing {to}"),
            Self::Other(found) => format!("other {to} has {found}"),
            Self::Unknown(found) => format!("unknown {to} has {found}; the lock has no result"),
            Self::Failed(error) => format!("failed {to}: {error}"),
        }
    }

    /// Returns the word for it in reports.
    #[must_use]
    pub fn word(&self) -> &'static str {
        match self {
            Self::Done => "done",
            Self::Missing => "missing",
            Self::Other(_) => "other",
            Self::Unknown(_) => "unknown",
            Self::Failed(_) => "failed",
        }
    }
}

/// Returns why an entry failed, on one line or on several.
fn reason(failed: &NotPlanned) -> String {
    match failed {
        NotPlanned::Failed(error) => error.to_string(),
        NotPlanned::Rejected(rejected) => {
            let problems = rejected.problems();
            let problems = problems.map(|it| format!("{} [{}]", it.message(), it.code()));
            problems.collect::<Vec<_>>().join("; ")
        }
    }
}

/// Returns the report of `fleet plan` or `fleet apply`.
#[must_use]
pub fn report(lock: &Lock, shard: Shard, action: Action, outcomes: &[Placed<Outcome>]) -> Value {
    let entries = outcomes.iter().map(|Placed { entry, it }| {
        let mut value = of_entry(&lock.entries()[*entry], it.word(action));
        match it {
            Outcome::Done(digest) => value["result"] = json!(digest),
            Outcome::Pushed { digest, replaced } => {
                value["result"] = json!(digest);
                if let Some(replaced) = replaced {
                    value["replaced"] = json!(replaced);
                }
            }
            Outcome::Failed(NotPlanned::Failed(error)) => {
                value["error"] = error.to_string().into();
            }
            Outcome::Failed(NotPlanned::Rejected(rejected)) => {
                value["problems"] = rejected.to_json();
            }
        }
        value
    });
    whole(shard, &entries.collect::<Vec<_>>())
}

/// Returns the report of `fleet status`.
#[must_use]
pub fn status(lock: &Lock, shard: Shard, states: &[Placed<State>]) -> Value {
    let entries = states.iter().map(|Placed { entry, it }| {
        let entry = &lock.entries()[*entry];
        let mut value = of_entry(entry, it.word());
        if let Some(result) = entry.result {
            value["result"] = json!(result);
        }
        match it {
            State::Other(found) | State::Unknown(found) => value["found"] = json!(found),
            State::Failed(error) => value["error"] = error.to_string().into(),
            State::Done | State::Missing => {}
        }
        value
    });
    whole(shard, &entries.collect::<Vec<_>>())
}

fn of_entry(entry: &Entry, state: &str) -> Value {
    json!({
        "to": entry.to.full(),
        "from": entry.from.full(),
        "digest": entry.digest,
        "state": state,
    })
}

fn whole(shard: Shard, entries: &[Value]) -> Value {
    json!({ "formatVersion": 1, "shard": shard.to_string(), "images": entries })
}

/// Returns how many there are of each word, in the order of the words.
#[must_use]
pub fn counts(words: &[&str], found: &[&str]) -> String {
    let of = |word: &&str| {
        let n = found.iter().filter(|it| *it == word).count();
        (n > 0).then(|| format!("{n} {word}"))
    };
    let counts: Vec<String> = words.iter().filter_map(of).collect();
    if counts.is_empty() {
        return "no images".to_owned();
    }
    counts.join(", ")
}

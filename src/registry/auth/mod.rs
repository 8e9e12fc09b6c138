//! Who asks: credentials as users have them, and the tokens that they are exchanged for.

mod challenge;
mod credential;
mod token;

use std::fmt;
use std::time::{Duration, Instant};

use super::Access;
pub(super) use challenge::Challenge;
pub(super) use credential::Credential;

/// One token serves for so many repositories: its request is a URL.
const MAX_SCOPES: usize = 12;
/// A token is renewed so long before it ends.
const MARGIN: Duration = Duration::from_secs(10);

/// What may be done in a repository.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Scope {
    pub(super) path: Box<str>,
    pub(super) access: Access,
}

impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let actions = match self.access {
            Access::Pull => "pull",
            Access::Push => "pull,push",
        };
        write!(f, "repository:{}:{actions}", self.path)
    }
}

impl Scope {
    fn covers(&self, other: &Self) -> bool {
        self.path == other.path && self.access >= other.access
    }
}

fn cover(scopes: &[Scope], needed: &[Scope]) -> bool {
    let is_covered = |needed: &Scope| scopes.iter().any(|scope| scope.covers(needed));
    needed.iter().all(is_covered)
}

/// Adds a scope to others, the newest last.
pub(super) fn add_scope(scopes: &mut Vec<Scope>, mut scope: Scope) {
    if let Some(at) = scopes.iter().position(|known| known.path == scope.path) {
        scope.access = scope.access.max(scopes.remove(at).access);
    }
    scopes.push(scope);
}

/// What is sent to a registry to be let in.
struct Ticket {
    /// The value of the header `Authorization`; a secret.
    authorization: String,
    /// What it allows; nothing for a password, which allows what its user may do.
    scopes: Option<Vec<Scope>>,
    end: Option<Instant>,
    number: u64,
}

/// What is known of how a registry lets in.
#[derive(Default)]
pub(super) struct Door {
    challenge: Option<Challenge>,
    tickets: Vec<Ticket>,
    announced: Vec<Scope>,
    n_tickets: u64,
}

// Tickets are secret.
impl fmt::Debug for Door {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Door")
            .field("announced", &self.announced)
            .finish_non_exhaustive()
    }
}

/// What a request was sent with.
#[derive(Clone)]
pub(super) struct Authorization {
    pub(super) value: String,
    pub(super) number: u64,
}

impl Door {
    pub(super) fn announce(&mut self, scope: Scope) {
        add_scope(&mut self.announced, scope);
        let n = self.announced.len();
        self.announced.drain(..n.saturating_sub(MAX_SCOPES));
    }

    pub(super) fn challenge(&self) -> Option<&Challenge> {
        self.challenge.as_ref()
    }

    pub(super) fn set_challenge(&mut self, challenge: Challenge) {
        self.challenge = Some(challenge);
    }

    /// Returns what was given for these scopes and is still good; not the one with the number that was refused, nor an older one.
    pub(super) fn ticket(&self, needed: &[Scope], refused: Option<u64>) -> Option<Authorization> {
        let now = Instant::now();
        let is_good = |ticket: &&Ticket| {
            ticket
                .scopes
                .as_ref()
                .is_none_or(|scopes| cover(scopes, needed))
                && ticket.end.is_none_or(|end| now < end)
                && refused.is_none_or(|refused| ticket.number > refused)
        };
        let found = self.tickets.iter().rev().find(is_good)?;
        Some(Authorization {
            value: found.authorization.clone(),
            number: found.number,
        })
    }

    /// What to ask a token for: what is needed now, and what was announced.
    pub(super) fn wanted(&self, needed: &[Scope]) -> Vec<Scope> {
        let mut wanted = self.announced.clone();
        for scope in needed {
            add_scope(&mut wanted, scope.clone());
        }
        let n = wanted.len();
        wanted.drain(..n.saturating_sub(MAX_SCOPES.max(needed.len())));
        wanted.sort_by(|a, b| a.path.cmp(&b.path));
        wanted
    }

    /// Keeps what was given; `lifetime` is that of a token.
    pub(super) fn keep(
        &mut self,
        authorization: String,
        scopes: Option<Vec<Scope>>,
        lifetime: Option<Duration>,
    ) -> Authorization {
        let now = Instant::now();
        self.tickets
            .retain(|ticket| ticket.end.is_none_or(|end| now < end));
        // Many repositories one after the other: the older ones are done.
        let n = self.tickets.len();
        self.tickets.drain(..n.saturating_sub(MAX_SCOPES));
        self.n_tickets += 1;
        let lifetime = lifetime.map(|lifetime| lifetime.saturating_sub(MARGIN.min(lifetime / 2)));
        self.tickets.push(Ticket {
            authorization: authorization.clone(),
            scopes,
            // A lifetime that no clock can hold does not end.
            end: lifetime.and_then(|lifetime| now.checked_add(lifetime)),
            number: self.n_tickets,
        });
        Authorization {
            value: authorization,
            number: self.n_tickets,
        }
    }
}

#[cfg(test)]
mod tests;

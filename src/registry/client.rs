//! One exchange with a registry: requests, until there is an answer that is for the one who asked.

use std::io::{self, Read};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use crate::base64;
use crate::error::Error;
use crate::printable;

use super::answer;
use super::auth::{Challenge, Door, Scope, add_scope};
use super::call::{Body, Call};
use super::gate::Gate;
use super::settings::Settings;
use super::transport::{Failure, Request, Response};
use super::url::{self, Url};
use super::wait::Tries;
use super::{Access, Registries, Repository};

/// How often a request is sent on to another address.
const MAX_REDIRECTS: usize = 5;

/// What is known of a registry in this run.
#[derive(Debug)]
pub(super) struct Host {
    url: Url,
    gate: Gate,
    door: Mutex<Door>,
    /// It asked not to be asked before this.
    rest: Mutex<Option<Instant>>,
    /// It does not list referrers.
    lacks_referrers: AtomicBool,
}

impl Host {
    pub(super) fn new(authority: &str, settings: &Settings) -> Self {
        // One on this machine that has certificates is not reached in the clear.
        let is_local = url::is_loopback(authority) && !settings.has_certificates(authority);
        let is_plain = settings.is_plain(authority) || is_local;
        Self {
            url: Url::of(!is_plain, authority, "/"),
            gate: Gate::new(settings.n_at_once),
            door: Mutex::default(),
            rest: Mutex::default(),
            lacks_referrers: AtomicBool::new(false),
        }
    }

    /// Tells whether it was seen that the registry does not list referrers.
    pub(super) fn lacks_referrers(&self) -> bool {
        self.lacks_referrers.load(Ordering::Relaxed)
    }

    pub(super) fn note_lack_of_referrers(&self) {
        self.lacks_referrers.store(true, Ordering::Relaxed);
    }

    pub(super) fn authority(&self) -> &str {
        self.url.authority()
    }

    pub(super) fn url(&self, path: &str) -> Url {
        Url::of(self.url.is_https(), self.authority(), path)
    }

    pub(super) fn door(&self) -> MutexGuard<'_, Door> {
        self.door.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Has everyone wait who is going to ask.
    pub(super) fn rest_for(&self, wait: Duration) {
        let mut rest = self.rest.lock().unwrap_or_else(PoisonError::into_inner);
        *rest = (*rest).max(Instant::now().checked_add(wait));
    }

    /// How long it still wants to rest.
    fn resting(&self) -> Duration {
        let rest = *self.rest.lock().unwrap_or_else(PoisonError::into_inner);
        rest.map_or(Duration::ZERO, |rest| {
            rest.saturating_duration_since(Instant::now())
        })
    }
}

/// What a call results in; the outer failure is that of this side.
pub(super) type Outcome = Result<Result<Response, Failure>, Error>;

impl Repository {
    /// Sends a call, and returns the answer whatever its status is.
    pub(super) fn exchange(&self, call: &Call<'_>) -> Result<Response, Error> {
        self.outcome(call)?.map_err(|failure| call.failed(&failure))
    }

    /// Sends a call, with what it takes to be let in, and follows redirects.
    pub(super) fn outcome(&self, call: &Call<'_>) -> Outcome {
        let mut url = call.url.clone();
        for _ in 0..=MAX_REDIRECTS {
            let outcome = self.let_in(call, &url)?;
            let is_redirect =
                |response: &Response| matches!(response.status, 301 | 302 | 303 | 307 | 308);
            match outcome {
                Ok(response) if is_redirect(&response) => {
                    url = redirected(call, &url, &response)?;
                }
                outcome => return Ok(outcome),
            }
        }
        Err(answer::failure(
            call.place,
            format!(
                "{} is redirected more than {MAX_REDIRECTS} times",
                call.asked()
            ),
        ))
    }

    /// Sends a call with a token or a password: to the registry alone, never to where it redirects. One that is refused is renewed once.
    fn let_in(&self, call: &Call<'_>, url: &Url) -> Outcome {
        let (registries, host) = (&self.registries, &self.host);
        if !url.is_same_server(&host.url("/")) {
            return registries.send(host, call, url, None);
        }
        let needed = self.needed(call);
        let (challenge, known) = {
            let door = host.door();
            (door.challenge().cloned(), door.ticket(&needed, None))
        };
        let mut is_new = false;
        let used = match (known, challenge) {
            (Some(known), _) => Some(known),
            (None, Some(challenge)) => {
                is_new = true;
                registries.let_in(host, call.place, &challenge, &needed, None)?
            }
            (None, None) => None,
        };
        let value = used.as_ref().map(|used| used.value.as_str());
        let outcome = registries.send(host, call, url, value)?;
        let Ok(response) = outcome else {
            return Ok(outcome);
        };
        let challenge = Challenge::first(response.all_headers("www-authenticate"));
        let (401, Some(challenge), false) = (response.status, challenge, is_new && used.is_some())
        else {
            return Ok(Ok(response));
        };
        host.door().set_challenge(challenge.clone());
        let refused = used.map(|used| used.number);
        match registries.let_in(host, call.place, &challenge, &needed, refused)? {
            None => Ok(Ok(response)),
            Some(renewed) => registries.send(host, call, url, Some(&renewed.value)),
        }
    }

    /// How long nothing may come.
    pub(super) fn patience(&self) -> Duration {
        self.registries.0.settings.patience
    }

    fn needed(&self, call: &Call<'_>) -> Vec<Scope> {
        let scope = |path: &str, access| Scope {
            path: path.into(),
            access,
        };
        let mut needed = vec![scope(&self.path, call.access)];
        if let Some(from) = call.from {
            add_scope(&mut needed, scope(from, Access::Pull));
        }
        needed
    }
}

/// Where an answer sends a request; nothing is sent on in the clear, or into a network that the server is outside of.
fn redirected(call: &Call<'_>, from: &Url, response: &Response) -> Result<Url, Error> {
    let location = response.header("location").unwrap_or_default();
    let refuse = |why: &str| {
        let reason = format!(
            "{} is redirected to `{}`, {why}",
            call.asked(),
            answer::shown_address(location)
        );
        Err(answer::failure(call.place, reason))
    };
    match from.join(location) {
        None => refuse("which is not an address"),
        Some(to) if !from.may_lead_to(&to) => {
            refuse("which is not encrypted or is inside of a private network")
        }
        Some(to) => Ok(to),
    }
}

impl Registries {
    /// Begins to count the tries of a request.
    pub(super) fn tries(&self) -> Tries {
        Tries::new(self.0.settings.first_wait)
    }

    /// Sends a call to an address, again if that can help.
    pub(super) fn send(
        &self,
        host: &Host,
        call: &Call<'_>,
        url: &Url,
        authorization: Option<&str>,
    ) -> Outcome {
        let mut tries = self.tries();
        loop {
            let outcome = self.send_once(host, call, url, authorization)?;
            if !call.is_repeatable {
                return Ok(outcome);
            }
            let Some(wait) = tries.after(&outcome) else {
                return Ok(outcome);
            };
            host.rest_for(wait);
        }
    }

    /// The outer failure is that of what was to be sent.
    fn send_once(
        &self,
        host: &Host,
        call: &Call<'_>,
        url: &Url,
        authorization: Option<&str>,
    ) -> Outcome {
        let mut body = match call.body {
            Body::Nothing => None,
            Body::Bytes(bytes) => Some((
                Source::of(Box::new(io::Cursor::new(bytes.to_vec()))),
                bytes.len() as u64,
            )),
            Body::Opened(open, size) => Some((Source::of(open()?), size)),
        };
        let mut headers = call.headers.clone();
        headers.extend(authorization.map(|value| ("Authorization", value.to_owned())));
        let resting = host.resting();
        if resting > Duration::ZERO {
            self.0.transport.pause(resting);
        }
        let pass = host.gate.pass();
        let start = Instant::now();
        let mut result = self.0.transport.send(Request {
            method: call.method,
            url,
            headers: &headers,
            body: body
                .as_mut()
                .map(|(source, size)| (source as &mut (dyn Read + Send), *size)),
        });
        if let Ok(response) = &mut result
            && response.status >= 300
        {
            let secrets = secrets(call, &headers);
            answer::settle(response, self.0.settings.patience, &secrets);
        }
        drop(pass);
        self.trace(call, url, &result, start);
        if let Some(error) = body.and_then(|(source, _)| source.failed) {
            return Err(Error::Io {
                place: call.place.to_owned(),
                source: error,
            });
        }
        Ok(result)
    }

    /// One line for each request, without its query.
    fn trace(
        &self,
        call: &Call<'_>,
        url: &Url,
        result: &Result<Response, Failure>,
        start: Instant,
    ) {
        let Some(trace) = &self.0.settings.trace else {
            return;
        };
        let end = match result {
            Ok(response) => match response.header("content-length") {
                Some(size) => format!("{} {size} bytes", response.status),
                None => response.status.to_string(),
            },
            Err(failure) => format!("failed: {}", failure.reason),
        };
        let sent = match call.body {
            Body::Nothing => String::new(),
            Body::Bytes(bytes) => format!(" {} bytes ->", bytes.len()),
            Body::Opened(_, size) => format!(" {size} bytes ->"),
        };
        let took = start.elapsed().as_millis();
        let line = format!(
            "{} {}{sent} {end} {took} ms",
            call.method.name(),
            url.shown()
        );
        trace(&printable::line(&line));
    }
}

/// What no message may show, even if a server sends it back: of `Basic …` and `Bearer …` the second word, and what is in it.
fn secrets(call: &Call<'_>, headers: &[(&'static str, String)]) -> Vec<String> {
    let headers = headers.iter().filter(|(name, _)| *name == "Authorization");
    let words = headers.filter_map(|(_, value)| value.split_once(' '));
    let mut secrets: Vec<String> = words
        .flat_map(|(_, secret)| {
            let plain = base64::decode(secret.as_bytes()).unwrap_or_default();
            let plain = String::from_utf8(plain).unwrap_or_default();
            let password = plain
                .split_once(':')
                .map(|(_, password)| password.to_owned());
            [Some(secret.to_owned()), password]
        })
        .flatten()
        .collect();
    secrets.extend(call.secret.map(str::to_owned));
    secrets
}

/// What is sent, and why it could not be read: that is no failure of the registry.
struct Source {
    reader: Box<dyn Read + Send>,
    failed: Option<io::Error>,
}

impl Source {
    fn of(reader: Box<dyn Read + Send>) -> Self {
        Self {
            reader,
            failed: None,
        }
    }
}

impl Read for Source {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.reader.read(buffer).map_err(|error| {
            let kind = error.kind();
            if kind != io::ErrorKind::Interrupted {
                self.failed = Some(error);
            }
            io::Error::from(kind)
        })
    }
}

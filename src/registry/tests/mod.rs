//! The protocol against a registry that a test plays, answer by answer.
#![allow(
    clippy::unnecessary_wraps,
    reason = "what transports and callers give is a result"
)]

use std::collections::VecDeque;
use std::fmt::Write;
use std::io::{Cursor, Read};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use crate::error::Error;
use crate::reference::Reference;

use super::{Failure, Registries, Repository, Request, Response, Settings, Transport};

mod lists;
mod reach;
mod reading;
mod sending;

/// Gives the answers of a test in their order, and keeps what was sent.
#[derive(Default)]
pub(super) struct Fake {
    answers: Mutex<VecDeque<Result<Response, Failure>>>,
    sent: Mutex<Vec<String>>,
    pauses: Mutex<Vec<Duration>>,
}

impl std::fmt::Debug for Fake {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Fake")
    }
}

impl Fake {
    pub(super) fn of(answers: impl IntoIterator<Item = Result<Response, Failure>>) -> Arc<Self> {
        Arc::new(Self {
            answers: Mutex::new(answers.into_iter().collect()),
            ..Self::default()
        })
    }

    /// `GET https://r.example/v2/`, and ` [secret]` with an authorization, and ` <- body` with a body.
    pub(super) fn sent(&self) -> Vec<String> {
        self.sent.lock().unwrap().clone()
    }

    pub(super) fn pauses(&self) -> Vec<Duration> {
        self.pauses.lock().unwrap().clone()
    }
}

impl Transport for Fake {
    fn send(&self, request: Request<'_>) -> Result<Response, Failure> {
        let mut line = format!("{} {}", request.method.name(), request.url);
        for (name, value) in request.headers {
            match *name {
                "Authorization" => write!(line, " [{value}]").unwrap(),
                "Content-Range" => write!(line, " ({value})").unwrap(),
                _ => {}
            }
        }
        if let Some((reader, size)) = request.body {
            let mut text = String::new();
            if let Err(error) = reader.read_to_string(&mut text) {
                return Err(Failure {
                    reason: error.to_string(),
                    is_passing: true,
                });
            }
            assert_eq!(text.len() as u64, size);
            if size > 0 {
                write!(line, " <- {text}").unwrap();
            }
        }
        self.sent.lock().unwrap().push(line);
        let answer = self.answers.lock().unwrap().pop_front();
        answer.expect("an answer for each request")
    }

    fn pause(&self, time: Duration) {
        self.pauses.lock().unwrap().push(time);
    }
}

pub(super) fn answer(
    status: u16,
    headers: &[(&str, &str)],
    body: &str,
) -> Result<Response, Failure> {
    let headers = headers.iter();
    Ok(Response {
        status,
        headers: headers
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
            .collect(),
        body: Box::new(Cursor::new(body.as_bytes().to_vec())),
    })
}

pub(super) fn broken() -> Result<Response, Failure> {
    Err(Failure {
        reason: "connection reset".to_owned(),
        is_passing: true,
    })
}

pub(super) fn repository(fake: &Arc<Fake>, name: &str) -> Repository {
    let registries = Registries::over(Arc::clone(fake) as Arc<dyn Transport>, Settings::default());
    registries.repository(&Reference::parse(name).unwrap())
}

pub(super) fn app(fake: &Arc<Fake>) -> Repository {
    repository(fake, "r.example/app")
}

pub(super) fn opened() -> Result<Box<dyn Read + Send>, Error> {
    Ok(Box::new(Cursor::new(b"0123456789")))
}

//! Registries over HTTP (distribution-spec 1.1): what a repository has, and how something gets there.
//!
//! Nothing here knows of patches or archives. What a server sends is believed no more than what an archive says: every body has a
//! bound, blobs and manifests are what their digest says, and no word of a server gets into a URL, a header or a message as it is.

mod answer;
mod auth;
mod blob;
mod call;
#[cfg(feature = "registry")]
mod certificates;
mod client;
mod gate;
#[cfg(feature = "registry")]
mod http;
mod listing;
mod manifest;
mod observer;
mod once;
#[cfg(any(feature = "registry", test))]
mod proxy;
mod reach;
mod settings;
mod transport;
mod upload;
mod url;
mod wait;

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use crate::digest::Digest;
use crate::error::Error;
use crate::reference::Reference;

use self::auth::Scope;
use self::client::Host;
pub use self::manifest::{Found, Manifest, Stored};
pub use self::observer::{Observed, Observer, Outcome};
pub use self::reach::Reach;
pub use self::settings::{CredentialSource, Settings, Trace};
pub use self::transport::{Failure, Method, Request, Response, Transport};
pub use self::upload::Upload;
pub use self::url::Url;

/// What the largest manifest may have: distribution, like most registries, refuses more. In bytes.
pub const MAX_MANIFEST_BYTES: usize = 4 * 1024 * 1024;

/// Where Docker Hub answers, whichever of its names was written.
const DOCKER_HUB: &str = "registry-1.docker.io";

/// Registries, and what is known of them in this run: tokens, and what was announced. Copies share it.
#[derive(Clone)]
pub struct Registries(Arc<Shared>);

struct Shared {
    transport: Arc<dyn Transport>,
    settings: Settings,
    hosts: Mutex<BTreeMap<String, Arc<Host>>>,
    sent: once::Sent,
}

impl fmt::Debug for Registries {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Registries").field(&self.0.settings).finish()
    }
}

/// What is going to be done in a repository.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Access {
    /// Reading.
    Pull,
    /// Reading and writing.
    Push,
}

/// Which manifest of a repository.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Name<'a> {
    /// The one that a tag points to now.
    Tag(&'a str),
    /// The one that has a digest.
    Digest(Digest),
}

impl fmt::Display for Name<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tag(tag) => f.write_str(tag),
            Self::Digest(digest) => write!(f, "{digest}"),
        }
    }
}

impl Registries {
    /// Returns registries that are reached over HTTP.
    ///
    /// A build without the feature `registry` cannot, and says so.
    #[cfg(feature = "registry")]
    pub fn new(settings: Settings) -> Result<Self, Error> {
        let transport = http::Http::new(&settings)?;
        Ok(Self::over(Arc::new(transport), settings))
    }

    /// Returns an error: this build cannot reach registries.
    #[cfg(not(feature = "registry"))]
    pub fn new(_settings: Settings) -> Result<Self, Error> {
        Err(Error::Registry {
            place: "docker://".to_owned(),
            reason: "this build of ocipatch cannot reach registries; build it with the feature `registry`"
                .to_owned(),
        })
    }

    /// Returns registries that are reached by `transport`.
    #[must_use]
    pub fn over(transport: Arc<dyn Transport>, settings: Settings) -> Self {
        Self(Arc::new(Shared {
            transport,
            settings,
            hosts: Mutex::default(),
            sent: once::Sent::default(),
        }))
    }

    /// Returns the repository of a name, which is no tag alone. Nothing is sent.
    #[must_use]
    pub fn repository(&self, name: &Reference) -> Repository {
        let authority = match name.domain() {
            "docker.io" | "registry-1.docker.io" => DOCKER_HUB,
            domain => domain,
        };
        let mut hosts = self.0.hosts.lock().unwrap_or_else(PoisonError::into_inner);
        let host = hosts
            .entry(authority.to_ascii_lowercase())
            .or_insert_with_key(|authority| Arc::new(Host::new(authority, &self.0.settings)));
        Repository {
            registries: self.clone(),
            host: Arc::clone(host),
            path: name.path().into(),
        }
    }

    /// Says before the first request what is going to be asked of a repository, so that one token serves for all.
    pub fn announce(&self, repository: &Repository, access: Access) {
        repository.host.door().announce(Scope {
            path: repository.path.as_ref().into(),
            access,
        });
    }
}

/// A repository of a registry.
#[derive(Clone)]
pub struct Repository {
    registries: Registries,
    host: Arc<Host>,
    path: Arc<str>,
}

impl Repository {
    /// Returns who wants to see blobs on their way.
    #[must_use]
    pub fn observer(&self) -> &Observed {
        &self.registries.0.settings.observer
    }
}

impl fmt::Debug for Repository {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Repository({})", self.shown())
    }
}

impl Repository {
    /// Returns the name for messages: `registry.example.com/team/app`.
    #[must_use]
    pub fn shown(&self) -> String {
        let authority = match self.host.authority() {
            DOCKER_HUB => "docker.io",
            authority => authority,
        };
        format!("{authority}/{}", self.path)
    }

    /// Tells whether both are in one registry, which can then mount from one into the other.
    #[must_use]
    pub fn is_same_registry(&self, other: &Self) -> bool {
        self.host.authority() == other.host.authority()
    }

    /// Tells whether both are the same repository.
    #[must_use]
    pub fn is_same(&self, other: &Self) -> bool {
        self.is_same_registry(other) && self.path == other.path
    }

    /// What messages call a manifest or a blob of it.
    fn place(&self, name: Name<'_>) -> String {
        match name {
            Name::Tag(tag) => format!("{}:{tag}", self.shown()),
            Name::Digest(digest) => format!("{}@{digest}", self.shown()),
        }
    }

    /// The address of something in it; `rest` is safe in a URL.
    fn url(&self, rest: &str) -> Url {
        self.host.url(&format!("/v2/{}/{rest}", self.path))
    }
}

#[cfg(test)]
mod tests;

//! Registries that a test fills and looks into: one store for all hosts, and no network.

use std::collections::BTreeMap;
use std::io::Cursor;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use serde_json::{Value as Json, json};

use super::Files;
use crate::digest::Digest;
use crate::media_type::{INDEX, MANIFEST};
use crate::reference::{Reference, RegistryImage};
use crate::registry::{Failure, Method, Registries, Request, Response, Settings, Transport};

/// What registries have.
#[derive(Default)]
struct Store {
    /// Media types and bytes, by addresses such as `r.example/app/blobs/sha256:…`.
    there: BTreeMap<String, (String, Vec<u8>)>,
    /// Methods and addresses.
    asked: Vec<String>,
    /// Addresses that end so answer with a refusal.
    refused: Option<String>,
    /// Whether they list what refers to an image.
    lists: bool,
}

/// Registries in memory; copies are the same.
#[derive(Default, Clone)]
pub(in crate::archive) struct Memory(Arc<Mutex<Store>>);

impl Memory {
    fn store(&self) -> MutexGuard<'_, Store> {
        self.0.lock().unwrap()
    }

    pub(in crate::archive) fn reached(&self) -> Registries {
        Registries::over(Arc::new(self.clone()), Settings::default())
    }

    pub(in crate::archive) fn put(&self, address: &str, media_type: &str, bytes: &[u8]) {
        let content = (media_type.to_owned(), bytes.to_vec());
        self.store().there.insert(address.to_owned(), content);
    }

    /// Stores a manifest or an index in `r.example/app`, and returns its descriptor.
    pub(in crate::archive) fn manifest(&self, media_type: &str, document: &Json) -> Json {
        let bytes = document.to_string().into_bytes();
        let digest = Digest::of(&bytes);
        self.put(
            &format!("r.example/app/manifests/{digest}"),
            media_type,
            &bytes,
        );
        json!({"mediaType": media_type, "digest": digest.to_string(), "size": bytes.len()})
    }

    /// Stores the blobs of files in a repository: documents as manifests, too.
    pub(in crate::archive) fn fill(&self, repository: &str, files: &Files) {
        for (name, bytes) in &files.0 {
            let Some(hex) = name.strip_prefix("blobs/sha256/") else {
                continue;
            };
            let document: Option<Json> = serde_json::from_slice(bytes).ok();
            let media_type = document.map(|document| document["mediaType"].clone());
            let place = match media_type.as_ref().and_then(Json::as_str) {
                Some(INDEX | MANIFEST) => "manifests",
                _ => "blobs",
            };
            let media_type = media_type.unwrap_or_default();
            let address = format!("{repository}/{place}/sha256:{hex}");
            self.put(&address, media_type.as_str().unwrap_or_default(), bytes);
        }
    }

    /// Gives what a descriptor names a tag.
    pub(in crate::archive) fn tag(&self, repository: &str, tag: &str, descriptor: &Json) {
        let digest = descriptor["digest"].as_str().unwrap();
        let (media_type, bytes) = self.get(&format!("{repository}/manifests/{digest}"));
        self.put(
            &format!("{repository}/manifests/{tag}"),
            &media_type,
            &bytes,
        );
    }

    pub(in crate::archive) fn get(&self, address: &str) -> (String, Vec<u8>) {
        self.find(address).expect(address)
    }

    pub(in crate::archive) fn find(&self, address: &str) -> Option<(String, Vec<u8>)> {
        self.store().there.get(address).cloned()
    }

    /// Has requests be refused whose addresses end so.
    pub(in crate::archive) fn refuse(&self, end: &str) {
        self.store().refused = Some(end.to_owned());
    }

    /// Has registries list what refers to an image by themselves.
    pub(in crate::archive) fn list_referrers(&self) {
        self.store().lists = true;
    }

    /// Returns the requests since this was asked before, those with these methods.
    pub(in crate::archive) fn asked(&self, methods: &[&str]) -> Vec<String> {
        let asked = std::mem::take(&mut self.store().asked);
        let is_wanted = |line: &String| methods.iter().any(|method| line.starts_with(method));
        asked.into_iter().filter(is_wanted).collect()
    }
}

impl std::fmt::Debug for Memory {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Memory")
    }
}

impl Store {
    fn answer(
        &mut self,
        method: Method,
        address: &str,
        query: &str,
        sent: (&str, Vec<u8>),
    ) -> Response {
        let value = |key: &str| {
            let mut pairs = query.split('&').filter_map(|pair| pair.split_once('='));
            pairs.find(|(name, _)| *name == key).map(|(_, value)| value)
        };
        let empty = |status, headers: &[(&str, &str)]| response(status, headers, Vec::new());
        match method {
            Method::Get | Method::Head => {
                let Some((media_type, bytes)) = self.there.get(address) else {
                    return empty(404, &[]);
                };
                let digest = Digest::of(bytes).to_string();
                let size = bytes.len().to_string();
                let headers = [
                    ("Content-Type", media_type.as_str()),
                    ("Docker-Content-Digest", &digest),
                    ("Content-Length", &size),
                ];
                let is_sent = method == Method::Get;
                response(
                    200,
                    &headers,
                    if is_sent { bytes.clone() } else { Vec::new() },
                )
            }
            Method::Post => {
                let (host, _) = address.split_once('/').unwrap();
                let near = value("from").zip(value("mount"));
                let near = near.and_then(|(from, digest)| {
                    let there = self.there.get(&format!("{host}/{from}/blobs/{digest}"))?;
                    Some((digest, there.clone()))
                });
                match near {
                    Some((digest, content)) => {
                        let place = address.replace("uploads/", digest);
                        self.there.insert(place, content);
                        empty(201, &[])
                    }
                    None => empty(
                        202,
                        &[(
                            "Location",
                            &format!("https://{}1", address.replacen('/', "/v2/", 1)),
                        )],
                    ),
                }
            }
            Method::Put => {
                let digest = Digest::of(&sent.1).to_string();
                let (place, name) = address.rsplit_once('/').unwrap();
                let is_listed = self.lists && sent.1.windows(9).any(|text| text == b"\"subject\"");
                let content = (sent.0.to_owned(), sent.1);
                if let Some(wanted) = value("digest") {
                    assert_eq!(digest, wanted);
                    let place = place.trim_end_matches("uploads");
                    self.there.insert(format!("{place}{digest}"), content);
                } else {
                    for name in [name, &digest] {
                        self.there
                            .insert(format!("{place}/{name}"), content.clone());
                    }
                }
                let listed = [("OCI-Subject", "sha256:")];
                empty(201, if is_listed { &listed } else { &[] })
            }
            Method::Delete => empty(405, &[]),
        }
    }
}

fn response(status: u16, headers: &[(&str, &str)], body: Vec<u8>) -> Response {
    let headers = headers.iter();
    let headers = headers.map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
    Response {
        status,
        headers: headers.collect(),
        body: Box::new(Cursor::new(body)),
    }
}

impl Transport for Memory {
    fn send(&self, request: Request<'_>) -> Result<Response, Failure> {
        let url = request.url.to_string();
        let url = url.trim_start_matches("https://").replacen("/v2/", "/", 1);
        let (address, query) = url.split_once('?').unwrap_or((&url, ""));
        let mut bytes = Vec::new();
        if let Some((body, _)) = request.body {
            body.read_to_end(&mut bytes).unwrap();
        }
        let mut headers = request.headers.iter();
        let media_type = headers.find(|(name, _)| *name == "Content-Type");
        let media_type = media_type.map_or("", |(_, value)| value);
        let mut store = self.store();
        store
            .asked
            .push(format!("{} {address}", request.method.name()));
        let is_refused = |end: &String| address.ends_with(end.as_str());
        if store.refused.as_ref().is_some_and(is_refused) {
            return Ok(response(403, &[], Vec::new()));
        }
        Ok(store.answer(request.method, address, query, (media_type, bytes)))
    }

    fn pause(&self, _: Duration) {}
}

pub(in crate::archive) fn reference(name: &str) -> Reference {
    Reference::parse(name).unwrap()
}

/// The image of that tag in `r.example/app`.
pub(in crate::archive) fn image(tag: &str) -> RegistryImage {
    RegistryImage::of_tag(reference(&format!("r.example/app:{tag}")))
}

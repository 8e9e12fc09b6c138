//! A registry in memory, in place of `docker-registry` where that is not installed. It answers as version 2.8 does, and checks what that checks;
//! `answers` compares the two.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use ocipatch::Digest;
use ocipatch::media_type::{is_index, is_manifest};
use serde_json::{Value, json};

use super::double::{Answer, Asked, Double};

/// A registry may list fewer tags than it is asked for (distribution-spec, "Listing Tags"). 2.8 lists all, whatever it is asked for.
const N_TAGS_PER_PAGE: usize = 4;

/// A registry that ends with this value.
pub(super) struct Memory {
    double: Double,
    store: Arc<Mutex<Store>>,
}

impl Memory {
    pub(super) fn new() -> Self {
        let store = Arc::new(Mutex::new(Store::default()));
        let kept = Arc::clone(&store);
        let double = Double::new(move |asked| {
            let mut store = kept.lock().unwrap();
            let answer = store.answer(asked);
            let line = format!("{} {}", asked.line(), answer.status());
            store.answered.push(line);
            answer
        });
        Self { double, store }
    }

    pub(super) fn domain(&self) -> &str {
        self.double.domain()
    }

    /// All requests with the status of their answers.
    pub(super) fn answered(&self) -> Vec<String> {
        self.store.lock().unwrap().answered.clone()
    }

    pub(super) fn remove_tag(&self, repository: &str, tag: &str) {
        let mut store = self.store.lock().unwrap();
        let repository = store.repositories.get_mut(repository).unwrap();
        repository.tags.remove(tag).unwrap();
    }
}

#[derive(Default)]
struct Store {
    repositories: BTreeMap<String, Repository>,
    /// What came up to now, by the path of the session.
    uploads: BTreeMap<String, Vec<u8>>,
    n_uploads: usize,
    answered: Vec<String>,
}

/// What one repository has, by digest.
#[derive(Default)]
struct Repository {
    blobs: BTreeMap<String, Arc<Vec<u8>>>,
    /// Types and bytes.
    manifests: BTreeMap<String, (String, Vec<u8>)>,
    tags: BTreeMap<String, String>,
}

impl Store {
    fn answer(&mut self, asked: &Asked) -> Answer {
        let (path, query) = asked.target.split_once('?').unwrap_or((&asked.target, ""));
        let Some(path) = path.strip_prefix("/v2/") else {
            return no_page();
        };
        if path.is_empty() {
            return json(200, &json!({}));
        }
        if let Some((repository, id)) = path.split_once("/blobs/uploads/") {
            return self.upload(asked, repository, id, query);
        }
        if let Some((name, digest)) = path.split_once("/blobs/") {
            self.of(name).blob(asked, digest)
        } else if let Some((name, reference)) = path.split_once("/manifests/") {
            self.of(name).manifest(asked, name, reference)
        } else if let Some(name) = path.strip_suffix("/tags/list") {
            self.of(name).list(asked, name, query)
        } else {
            no_page()
        }
    }

    fn of(&mut self, name: &str) -> &mut Repository {
        self.repositories.entry(name.to_owned()).or_default()
    }

    fn upload(&mut self, asked: &Asked, repository: &str, id: &str, query: &str) -> Answer {
        let path = format!("/v2/{repository}/blobs/uploads/{id}");
        match (asked.method.as_str(), self.uploads.get_mut(&path)) {
            ("POST", None) if id.is_empty() => self.start(asked, repository, query),
            (_, None) => error(404, "BLOB_UPLOAD_UNKNOWN", &json!({})),
            // The address that the last answer gave has the state of the session.
            (_, Some(bytes)) if parameter(query, "_state") != Some(&bytes.len().to_string()) => {
                error(404, "BLOB_UPLOAD_INVALID", &Value::Null)
            }
            ("GET" | "HEAD", Some(bytes)) => session(204, asked, &path, bytes.len()),
            ("PATCH", Some(bytes)) => {
                bytes.extend(&asked.body);
                session(202, asked, &path, bytes.len())
            }
            ("PUT", Some(_)) => self.finish(asked, repository, &path, query),
            ("DELETE", Some(_)) => {
                self.uploads.remove(&path);
                Answer::new(204)
            }
            _ => unsupported(),
        }
    }

    fn start(&mut self, asked: &Asked, repository: &str, query: &str) -> Answer {
        if let (Some(digest), Some(from)) = (parameter(query, "mount"), parameter(query, "from"))
            && let Some(blobs) = self.repositories.get(from).map(|from| &from.blobs)
            && let Some(blob) = blobs.get(digest).cloned()
        {
            return self.take(asked, repository, digest, blob);
        }
        self.n_uploads += 1;
        let path = format!("/v2/{repository}/blobs/uploads/{}", self.n_uploads);
        let answer = session(202, asked, &path, 0);
        self.uploads.insert(path, Vec::new());
        answer
    }

    fn finish(&mut self, asked: &Asked, repository: &str, path: &str, query: &str) -> Answer {
        let digest = parameter(query, "digest").unwrap_or_default();
        if Digest::parse(digest).is_err() {
            return error(400, "DIGEST_INVALID", &json!("digest parsing failed"));
        }
        let mut bytes = self.uploads.remove(path).unwrap();
        bytes.extend(&asked.body);
        if Digest::of(&bytes).to_string() != digest {
            return error(400, "DIGEST_INVALID", &json!({ "Digest": digest }));
        }
        self.take(asked, repository, digest, Arc::new(bytes))
    }

    fn take(&mut self, asked: &Asked, name: &str, digest: &str, blob: Arc<Vec<u8>>) -> Answer {
        self.of(name).blobs.insert(digest.to_owned(), blob);
        stored(asked, &format!("/v2/{name}/blobs/{digest}"), digest)
    }
}

impl Repository {
    fn blob(&self, asked: &Asked, digest: &str) -> Answer {
        let Some(blob) = self.blobs.get(digest) else {
            return error(404, "BLOB_UNKNOWN", &json!(digest));
        };
        if !matches!(asked.method.as_str(), "GET" | "HEAD") {
            return unsupported();
        }
        let answer = |status| {
            Answer::new(status)
                .header("Content-Type", "application/octet-stream")
                .header("Docker-Content-Digest", digest)
        };
        let Some(range) = asked.header("range") else {
            return answer(200).body(blob.to_vec());
        };
        let (first, last) = range
            .strip_prefix("bytes=")
            .unwrap()
            .split_once('-')
            .unwrap();
        let (first, last): (usize, usize) = (first.parse().unwrap(), last.parse().unwrap());
        answer(206)
            .header(
                "Content-Range",
                &format!("bytes {range}/{}", blob.len(), range = &range[6..]),
            )
            .body(&blob[first..=last])
    }

    fn manifest(&mut self, asked: &Asked, name: &str, reference: &str) -> Answer {
        match asked.method.as_str() {
            "PUT" => return self.put(asked, name, reference),
            "GET" | "HEAD" => {}
            "DELETE" => return self.delete(reference),
            _ => return unsupported(),
        }
        let digest = self.tags.get(reference).map_or(reference, String::as_str);
        let accept = asked.header("accept").unwrap_or_default();
        match self.manifests.get(digest) {
            // 2.8 has no use for `*/*` either.
            Some((media_type, bytes)) if accept.contains(media_type) => Answer::new(200)
                .header("Content-Type", media_type)
                .header("Docker-Content-Digest", digest)
                .body(bytes.clone()),
            _ => error(404, "MANIFEST_UNKNOWN", &json!({ "Tag": reference })),
        }
    }

    fn put(&mut self, asked: &Asked, name: &str, reference: &str) -> Answer {
        let media_type = asked.header("content-type").unwrap_or_default();
        let document: Value = serde_json::from_slice(&asked.body).unwrap_or_default();
        let is_known = is_manifest(media_type) || is_index(media_type);
        let own = document["mediaType"].as_str().unwrap_or(media_type);
        if !is_known || own != media_type || document["schemaVersion"] != 2 {
            return error(400, "MANIFEST_INVALID", &json!({}));
        }
        let digest = Digest::of(&asked.body).to_string();
        if reference.contains(':') && reference != digest {
            return error(400, "DIGEST_INVALID", &Value::Null);
        }
        let digests = |list: &Value| -> Vec<String> {
            let list = list.as_array().map_or(&[][..], Vec::as_slice);
            let digests = list.iter().map(|item| item["digest"].as_str().unwrap());
            digests.map(str::to_owned).collect()
        };
        let missing = if is_index(media_type) {
            let mut wanted = digests(&document["manifests"]).into_iter();
            wanted.find(|digest| !self.manifests.contains_key(digest))
        } else {
            let config = json!([document["config"]]);
            let mut wanted = [&config, &document["layers"]].into_iter().flat_map(digests);
            wanted.find(|digest| !self.blobs.contains_key(digest))
        };
        if let Some(missing) = missing {
            return error(400, "MANIFEST_BLOB_UNKNOWN", &json!(missing));
        }
        if !reference.contains(':') {
            self.tags.insert(reference.to_owned(), digest.clone());
        }
        let manifest = (media_type.to_owned(), asked.body.clone());
        self.manifests.insert(digest.clone(), manifest);
        stored(asked, &format!("/v2/{name}/manifests/{digest}"), &digest)
    }

    /// Tags go with what they stand for, and not alone.
    fn delete(&mut self, digest: &str) -> Answer {
        if !digest.contains(':') {
            return error(400, "DIGEST_INVALID", &Value::Null);
        }
        if self.manifests.remove(digest).is_none() {
            return error(404, "MANIFEST_UNKNOWN", &Value::Null);
        }
        self.tags.retain(|_, named| named != digest);
        Answer::new(202)
    }

    fn list(&self, asked: &Asked, name: &str, query: &str) -> Answer {
        if asked.method != "GET" {
            return unsupported();
        }
        if self.tags.is_empty() {
            return error(404, "NAME_UNKNOWN", &json!({ "name": name }));
        }
        let last = parameter(query, "last").unwrap_or_default();
        let n = parameter(query, "n").map_or(N_TAGS_PER_PAGE, |n| n.parse().unwrap());
        let mut rest = self.tags.keys().skip_while(|tag| tag.as_str() <= last);
        let page: Vec<_> = rest.by_ref().take(n.min(N_TAGS_PER_PAGE)).collect();
        let answer = json(200, &json!({ "name": name, "tags": page }));
        match (page.last(), rest.next()) {
            (Some(last), Some(_)) => {
                let next = format!("</v2/{name}/tags/list?last={last}&n={n}>; rel=\"next\"");
                answer.header("Link", &next)
            }
            _ => answer,
        }
    }
}

/// The value of a parameter of a query; what we ask for needs no encoding.
fn parameter<'a>(query: &'a str, name: &str) -> Option<&'a str> {
    let mut pairs = query.split('&').filter_map(|pair| pair.split_once('='));
    pairs
        .find(|(known, _)| *known == name)
        .map(|(_, value)| value)
}

/// 2.8 gives whole addresses.
fn address(asked: &Asked, path: &str) -> String {
    format!("http://{}{path}", asked.header("host").unwrap())
}

fn session(status: u16, asked: &Asked, path: &str, n_bytes: usize) -> Answer {
    let (_, id) = path.rsplit_once('/').unwrap();
    let path = format!("{path}?_state={n_bytes}");
    Answer::new(status)
        .header("Location", &address(asked, &path))
        .header("Range", &format!("0-{}", n_bytes.saturating_sub(1)))
        .header("Docker-Upload-UUID", id)
}

fn stored(asked: &Asked, path: &str, digest: &str) -> Answer {
    Answer::new(201)
        .header("Location", &address(asked, path))
        .header("Docker-Content-Digest", digest)
}

fn json(status: u16, body: &Value) -> Answer {
    Answer::new(status)
        .header("Content-Type", "application/json; charset=utf-8")
        .body(body.to_string())
}

/// Distribution-spec, "Error Codes".
fn error(status: u16, code: &str, detail: &Value) -> Answer {
    let message = code.to_ascii_lowercase().replace('_', " ");
    let error = json!({ "code": code, "message": message, "detail": detail });
    json(status, &json!({ "errors": [error] }))
}

fn unsupported() -> Answer {
    Answer::new(405).body("Method not allowed\n")
}

/// That is also what 2.8 says of referrers.
fn no_page() -> Answer {
    Answer::new(404)
        .header("Content-Type", "text/plain; charset=utf-8")
        .body("404 page not found\n")
}

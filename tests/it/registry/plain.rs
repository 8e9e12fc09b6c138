//! The whole protocol without TLS and credentials.

use std::io::{self, Cursor, Read};

use ocipatch::registry::{Name, Registries, Repository, Settings};
use ocipatch::{Digest, Error, Reference};

use super::server::Server;

const CONFIG: &[u8] =
    br#"{"architecture":"amd64","os":"linux","rootfs":{"type":"layers","diff_ids":[]}}"#;
const MANIFEST_TYPE: &str = "application/vnd.oci.image.manifest.v1+json";

fn repository(registries: &Registries, server: &Server, path: &str) -> Repository {
    let name = format!("{}/{path}", server.domain());
    registries.repository(&Reference::parse(&name).unwrap())
}

fn registries() -> Registries {
    Registries::new(Settings::default()).unwrap()
}

fn push(repository: &Repository, bytes: &'static [u8]) -> Digest {
    let digest = Digest::of(bytes);
    let upload = repository.start_upload().unwrap();
    let open = || Ok(Box::new(Cursor::new(bytes)) as Box<dyn Read + Send>);
    repository
        .upload(upload, digest, bytes.len() as u64, &open)
        .unwrap();
    digest
}

fn manifest() -> Vec<u8> {
    let digest = Digest::of(CONFIG);
    format!(
        r#"{{"schemaVersion":2,"mediaType":"{MANIFEST_TYPE}","config":{{"mediaType":"application/vnd.oci.image.config.v1+json","digest":"{digest}","size":{}}},"layers":[]}}"#,
        CONFIG.len()
    )
    .into_bytes()
}

#[test]
fn an_image_goes_up_and_comes_back() {
    let mut server = Server::start();
    let app = repository(&registries(), &server, "team/app");
    assert_eq!(app.shown(), format!("{}/team/app", server.domain()));
    assert!(app.find_manifest(Name::Tag("1")).unwrap().is_none());
    let missing = app.manifest(Name::Tag("1")).unwrap_err();
    assert!(matches!(missing, Error::NotInRegistry { .. }), "{missing}");
    server.forget();

    let config = push(&app, CONFIG);
    let manifest = manifest();
    app.put_manifest(Name::Tag("1"), MANIFEST_TYPE, &manifest)
        .unwrap();
    let requests = server.requests();
    assert_eq!(requests.len(), 3, "{requests:?}");
    assert!(requests[0].ends_with("/v2/team/app/blobs/uploads/ 202"));
    assert!(requests[1].starts_with("PUT /v2/team/app/blobs/uploads/"));
    assert_eq!(requests[2], "PUT /v2/team/app/manifests/1 201");

    let read = app.manifest(Name::Tag("1")).unwrap();
    assert_eq!(read.bytes, manifest);
    assert_eq!(read.media_type, MANIFEST_TYPE);
    let found = app.find_manifest(Name::Tag("1")).unwrap().unwrap();
    assert_eq!(found.digest, read.digest);
    assert_eq!(found.size, manifest.len() as u64);
    let by_digest = app.manifest(Name::Digest(read.digest)).unwrap();
    assert_eq!(by_digest, read);

    assert!(app.has_blob(config).unwrap());
    assert!(!app.has_blob(Digest::of(b"other")).unwrap());
    let mut bytes = Vec::new();
    let mut blob = app.blob(config, CONFIG.len() as u64).unwrap();
    blob.read_to_end(&mut bytes).unwrap();
    assert_eq!(bytes, CONFIG);
    let wrong_size = app.blob(config, 5).err().unwrap().to_string();
    assert!(wrong_size.contains("not `5`"), "{wrong_size}");
}

#[test]
fn a_blob_is_mounted_from_another_repository_or_sent() {
    let mut server = Server::start();
    let registries = registries();
    let from = repository(&registries, &server, "from");
    let to = repository(&registries, &server, "to");
    assert!(from.is_same_registry(&to) && !from.is_same(&to));
    let config = push(&from, CONFIG);
    server.forget();
    assert!(to.mount(config, &from).unwrap().is_none());
    assert!(to.has_blob(config).unwrap());
    assert_eq!(server.requests().len(), 2);

    // Nothing to mount: the session of the answer takes the blob.
    server.forget();
    let bytes: &[u8] = b"a blob that is new";
    let digest = Digest::of(bytes);
    let upload = to.mount(digest, &from).unwrap().unwrap();
    let open = || Ok(Box::new(Cursor::new(bytes)) as Box<dyn Read + Send>);
    to.upload(upload, digest, bytes.len() as u64, &open)
        .unwrap();
    assert_eq!(server.requests().len(), 2);
}

#[test]
fn tags_are_listed_over_all_pages() {
    let server = Server::start();
    let app = repository(&registries(), &server, "app");
    assert!(matches!(app.tags(), Err(Error::NotInRegistry { .. })));
    push(&app, CONFIG);
    let tags = ["1", "2", "3", "4", "5", "latest"];
    for tag in tags {
        app.put_manifest(Name::Tag(tag), MANIFEST_TYPE, &manifest())
            .unwrap();
    }
    assert_eq!(app.tags().unwrap(), tags);
    // 2.8 has no API of referrers, and there is no tag in its place.
    let referrers = app.referrers(Digest::of(&manifest())).unwrap();
    let index: serde_json::Value = serde_json::from_slice(&referrers).unwrap();
    assert_eq!(index["manifests"], serde_json::json!([]));
    let tag = Digest::of(&manifest()).to_string().replace(':', "-");
    app.put_manifest(Name::Tag(&tag), MANIFEST_TYPE, &manifest())
        .unwrap();
    assert_eq!(app.referrers(Digest::of(&manifest())).unwrap(), manifest());
}

#[test]
fn what_cannot_be_sent_is_an_error_of_the_registry_or_of_what_is_sent() {
    let server = Server::start();
    let app = repository(&registries(), &server, "app");
    let digest = Digest::of(b"other");
    let upload = app.start_upload().unwrap();
    let open = || Ok(Box::new(Cursor::new(b"bytes")) as Box<dyn Read + Send>);
    let error = app
        .upload(upload, digest, 5, &open)
        .unwrap_err()
        .to_string();
    assert!(error.contains("DIGEST_INVALID"), "{error}");
    // Its configuration does not exist.
    let error = app.put_manifest(Name::Tag("1"), MANIFEST_TYPE, &manifest());
    let error = error.unwrap_err().to_string();
    assert!(error.contains("BLOB_UNKNOWN"), "{error}");
    let upload = app.start_upload().unwrap();
    let open = || Ok(Box::new(Broken) as Box<dyn Read + Send>);
    let error = app.upload(upload, digest, 5, &open).unwrap_err();
    assert!(matches!(error, Error::Io { .. }), "{error}");
    let large = vec![b' '; 4 * 1024 * 1024 + 1];
    let error = app.put_manifest(Name::Tag("1"), MANIFEST_TYPE, &large);
    let error = error.unwrap_err().to_string();
    assert!(error.contains("4194305 bytes"), "{error}");
}

struct Broken;

impl Read for Broken {
    fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
        Err(io::Error::other("the disk broke"))
    }
}

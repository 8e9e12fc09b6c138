//! What is fetched of an image, from a registry in memory.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::sync::atomic::{AtomicUsize, Ordering};

use serde_json::{Value as Json, json};

use super::{
    Listed, Listing, MAX_DEPTH, MAX_MANIFESTS, MAX_MANIFESTS_BYTES, Referrers, check_number,
    fetch_all,
};
use crate::archive::tests::registry::{Memory, image, reference};
use crate::archive::tests::{Files, digest_of};
use crate::digest::Digest;
use crate::error::Error;
use crate::media_type::{CONFIG, INDEX, MANIFEST, PLAIN_LAYER};

fn fetch(memory: &Memory, tag: &str, referrers: Referrers) -> Result<Listing, Error> {
    let registries = memory.reached();
    let repository = registries.repository(&reference("r.example/app"));
    Listing::fetch(&repository, &image(tag), referrers)
}

/// The reason why something cannot be read.
fn refused<T>(outcome: Result<T, Error>) -> String {
    match outcome {
        Err(error) => error.to_string(),
        Ok(_) => panic!("it was read"),
    }
}

fn index(manifests: &[Json]) -> Json {
    json!({"schemaVersion": 2, "mediaType": INDEX, "manifests": manifests})
}

/// A descriptor of what is nowhere.
fn absent(media_type: &str, number: usize) -> Json {
    let digest = Digest::of(number.to_string().as_bytes());
    json!({"mediaType": media_type, "digest": digest.to_string(), "size": 2})
}

fn short(descriptor: &Json) -> String {
    digest_of(descriptor).hex()[..6].to_owned()
}

/// The names of all members with six digits of each digest, and their sizes.
fn members(listing: Listing) -> Vec<String> {
    let members = listing.into_members().unwrap();
    let told = members.iter().map(|(name, content)| {
        let name = name.trim_start_matches("blobs/sha256/");
        match content {
            Listed::Directory => format!("{name}/"),
            Listed::Document(_) if name.len() < 64 => name.to_owned(),
            Listed::Document(bytes) => format!("{} = {}", &name[..6], bytes.len()),
            Listed::Blob(_, size) => format!("{} {size}", &name[..6]),
        }
    });
    told.collect()
}

#[test]
fn an_image_is_what_its_index_leads_to() {
    let memory = Memory::default();
    let config = absent(CONFIG, 1);
    let layer = absent(PLAIN_LAYER, 2);
    let foreign = absent("application/vnd.oci.image.layer.nondistributable.v1.tar", 3);
    let image = |layers: &[&Json]| {
        let image = json!({
            "schemaVersion": 2, "mediaType": MANIFEST, "config": config, "layers": layers,
        });
        memory.manifest(MANIFEST, &image)
    };
    let first = image(&[
        &layer,
        &foreign,
        &json!({"size": 3}),
        &json!({"digest": layer["digest"]}),
    ]);
    let second = image(&[]);
    let below = memory.manifest(INDEX, &index(&[second.clone(), first.clone()]));
    let other = absent("application/octet-stream", 4);
    let missing = absent(MANIFEST, 5);
    let top = index(&[first.clone(), below.clone(), other, missing, first.clone()]);
    let top = memory.manifest(INDEX, &top);
    memory.tag("r.example/app", "1", &top);
    let listing = fetch(&memory, "1", Referrers::Left).unwrap();
    assert_eq!(listing.root, digest_of(&top));
    let mut wanted: Vec<String> = [&first, &second, &below, &top]
        .map(|it| format!("{} = {}", short(it), it["size"]))
        .into_iter()
        .chain([&config, &layer].map(|it| format!("{} 2", short(it))))
        .collect();
    wanted.sort();
    wanted.splice(0..0, ["blobs/", "blobs/sha256/"].map(str::to_owned));
    wanted.extend(["index.json", "oci-layout"].map(str::to_owned));
    assert_eq!(members(listing), wanted);
    let asked = memory.asked(&["GET"]);
    assert_eq!(asked.len(), 5, "each once: {asked:#?}");
}

#[test]
fn what_refers_to_an_image_stands_behind_it() {
    let memory = Memory::default();
    let mut files = Files::default();
    let app = files.image("app");
    let referrer = files.artifact("sbom");
    memory.fill("r.example/app", &files);
    memory.tag("r.example/app", "1", &app);
    let list = |manifests: &[Json]| {
        let address = format!("r.example/app/referrers/{}", digest_of(&app));
        memory.put(&address, INDEX, index(manifests).to_string().as_bytes());
    };
    let top = |referrers| {
        let listing = fetch(&memory, "1", referrers).unwrap();
        let digests = listing.top.iter().map(|it| super::digest_of(it).unwrap());
        let digests: Vec<Digest> = digests.collect();
        (digests, listing.manifests.len())
    };
    list(&[
        referrer.clone(),
        app.clone(),
        absent(MANIFEST, 1),
        absent("application/octet-stream", 2),
    ]);
    let [app_digest, own] = [&app, &referrer].map(digest_of);
    assert_eq!(top(Referrers::Fetched), (vec![app_digest, own], 2));
    assert_eq!(top(Referrers::Left), (vec![app_digest], 1));
    memory.asked(&[]);
    for n in [MAX_MANIFESTS - 1, MAX_MANIFESTS] {
        let listed: Vec<Json> = (0..n).map(|i| absent(MANIFEST, i)).collect();
        list(&listed);
        let outcome = fetch(&memory, "1", Referrers::Fetched);
        let asked = memory.asked(&["GET r.example/app/manifests/sha256"]).len();
        if n < MAX_MANIFESTS {
            assert!(outcome.is_ok() && asked == n);
        } else {
            let told = refused(outcome);
            let wanted =
                "`the list of referrers`: leads to 1001 manifests; at most 1000 are allowed";
            assert!(told == wanted && asked == 0, "{told} {asked}");
        }
    }
}

#[test]
fn there_are_not_too_many_manifests() {
    assert!(check_number(MAX_MANIFESTS, "x").is_ok());
    assert!(check_number(MAX_MANIFESTS + 1, "x").is_err());
    let memory = Memory::default();
    let known = memory.manifest(MANIFEST, &json!({"schemaVersion": 2}));
    // One is there already when the second level is asked for.
    let below = index(&(1..=998).map(|i| absent(MANIFEST, i)).collect::<Vec<_>>());
    let below = memory.manifest(INDEX, &below);
    for (others, is_read) in [(&[][..], true), (&[known][..], false)] {
        let top = memory.manifest(
            INDEX,
            &index(&[std::slice::from_ref(&below), others].concat()),
        );
        memory.tag("r.example/app", "1", &top);
        assert_eq!(fetch(&memory, "1", Referrers::Left).is_ok(), is_read);
    }
}

#[test]
fn indexes_end_at_a_depth() {
    let memory = Memory::default();
    let mut inner = memory.manifest(MANIFEST, &json!({"schemaVersion": 2}));
    for depth in 0..=MAX_DEPTH + 1 {
        inner = memory.manifest(INDEX, &index(&[inner]));
        memory.tag("r.example/app", &depth.to_string(), &inner);
    }
    assert!(fetch(&memory, "16", Referrers::Left).is_ok());
    let told = refused(fetch(&memory, "17", Referrers::Left));
    assert!(told.ends_with("more than 16 deep"), "{told}");
}

#[test]
fn manifests_have_a_size_together() {
    let memory = Memory::default();
    let manifest = memory.manifest(MANIFEST, &json!({"schemaVersion": 2}));
    let other = memory.manifest(MANIFEST, &json!({"schemaVersion": 2, "other": 1}));
    let wanted = [digest_of(&manifest), digest_of(&other)];
    let size = [&manifest, &other].map(|it| usize::try_from(it["size"].as_u64().unwrap()).unwrap());
    let size: usize = size.iter().sum();
    let repository = memory.reached().repository(&reference("r.example/app"));
    let n_bytes = AtomicUsize::new(MAX_MANIFESTS_BYTES - size);
    let found = fetch_all(&repository, &wanted, &n_bytes).unwrap();
    assert_eq!(found.len(), 2);
    assert_eq!(n_bytes.load(Ordering::Relaxed), MAX_MANIFESTS_BYTES);
    let n_bytes = AtomicUsize::new(MAX_MANIFESTS_BYTES - size + 1);
    let told = refused(fetch_all(&repository, &wanted, &n_bytes));
    assert!(
        told.ends_with("have more than 67108864 bytes together"),
        "{told}"
    );
    memory.refuse(&digest_of(&other).to_string());
    assert!(fetch_all(&repository, &wanted, &AtomicUsize::new(0)).is_err());
}

#[test]
fn a_blob_has_one_size() {
    let memory = Memory::default();
    let mut layer = absent(PLAIN_LAYER, 1);
    let mut layers = vec![layer.clone(), layer.clone()];
    for n in [2, 3] {
        let image = json!({"schemaVersion": 2, "mediaType": MANIFEST, "layers": layers});
        let image = memory.manifest(MANIFEST, &image);
        memory.tag("r.example/app", "1", &image);
        let listing = fetch(&memory, "1", Referrers::Left).unwrap();
        if n == 2 {
            assert_eq!(members(listing).len(), 6);
        } else {
            let told = refused(listing.into_members());
            assert!(
                told.ends_with("which is listed twice, is `3`, not `2`"),
                "{told}"
            );
        }
        layer["size"] = json!(3);
        layers.push(layer.clone());
    }
}

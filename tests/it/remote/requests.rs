//! Only what changed travels: the requests of each kind of change, from the access log of the server.

use super::Site;

/// An image of eight layers under a name.
fn eight_layers(site: &Site) {
    site.patch(
        "layers.yaml",
        "operations:
  - add-layer: {files: [{path: /a/a, content: a}]}
  - add-layer: {files: [{path: /b/b, content: b}]}
  - add-layer: {files: [{path: /c/c, content: c}]}
  - add-layer: {files: [{path: /d/d, content: d}]}
  - add-layer: {files: [{path: /e/e, content: e}]}
  - add-layer: {files: [{path: /f/f, content: f}]}",
    );
    let archive = crate::edit::fixture("docker26.tar");
    site.ok(&format!(
        "apply -q layers.yaml {} -o @app:1",
        archive.display()
    ));
}

fn sorted(mut requests: Vec<String>) -> Vec<String> {
    for request in &mut requests {
        if let Some(at) = request
            .find("/blobs/")
            .filter(|_| request.starts_with("GET"))
        {
            request.truncate(at + "/blobs/".len());
        }
    }
    requests.sort();
    requests
}

#[test]
fn a_label_costs_five_requests_and_a_look() {
    let mut site = Site::start();
    eight_layers(&site);
    let change = [
        "GET app/manifests/1 200",
        "GET app/blobs/",
        "POST app/upload 202",
        "PUT app/upload 201",
    ];
    let new = site.requests("apply -q label.yaml @app:1 -o @app:2");
    let look = ["HEAD app/manifests/2 404", "PUT app/manifests/2 201"];
    assert_eq!(
        sorted(new),
        sorted(
            [&change[..], &look]
                .concat()
                .iter()
                .map(ToString::to_string)
                .collect()
        )
    );
    // Nobody asks whether it may be moved.
    let over = site.requests("apply -q label.yaml @app:1 -o @app:2 --overwrite");
    assert_eq!(over.len(), 5, "{over:?}");
    let moved = site.requests("apply -q label.yaml @app:1 --in-place");
    let look = ["HEAD app/manifests/1 200", "PUT app/manifests/1 201"];
    assert_eq!(
        sorted(moved),
        sorted(
            [&change[..], &look]
                .concat()
                .iter()
                .map(ToString::to_string)
                .collect()
        )
    );
}

#[test]
fn in_another_repository_layers_are_mounted_unseen() {
    let mut site = Site::start();
    eight_layers(&site);
    let requests = site.requests("apply -q label.yaml @app:1 -o @team/copy:1");
    assert_eq!(requests.len(), 14, "{requests:#?}");
    let mounts = requests
        .iter()
        .filter(|request| *request == "POST team/copy/mount 201");
    assert_eq!(mounts.count(), 8, "{requests:#?}");
    let fetched = requests.iter().filter(|request| request.starts_with("GET"));
    assert_eq!(
        fetched.count(),
        2,
        "the manifest and the configuration: {requests:#?}"
    );
    let requests = site.requests("apply -q label.yaml @app:1 -o @team/copy:1 --overwrite");
    assert_eq!(requests.len(), 13, "{requests:#?}");
}

#[test]
fn a_plan_of_fields_reads_two_documents_and_sends_nothing() {
    let mut site = Site::start();
    site.push("docker26.tar", "app:1");
    let requests = site.requests("plan label.yaml @app:1");
    assert_eq!(requests.len(), 2, "{requests:?}");
    assert!(
        requests.iter().all(|request| request.starts_with("GET")),
        "{requests:?}"
    );
}

#[test]
fn a_layer_that_decides_is_fetched_once_and_the_others_are_not() {
    let mut site = Site::start();
    eight_layers(&site);
    let requests = site.requests("cat @app:1 /f/f");
    let blobs = requests
        .iter()
        .filter(|request| request.contains("/blobs/"));
    assert_eq!(
        blobs.count(),
        2,
        "the configuration and the top layer: {requests:#?}"
    );
}

#[test]
fn the_digests_of_the_plan_are_those_that_arrive() {
    let site = Site::start();
    site.push("docker26.tar", "app:1");
    let plan: serde_json::Value =
        serde_json::from_str(&site.ok("plan --format json label.yaml @app:1")).unwrap();
    let planned = plan["images"][0]["manifestDigest"].as_str().unwrap();
    let pushed = site.ok("apply -q label.yaml @app:1 -o @app:2 --digest-file d --metadata-file m");
    assert_eq!(pushed, format!("{}/app@{planned}\n", site.server.domain()));
    assert_eq!(site.digest("app:2"), planned);
    assert_eq!(std::fs::read_to_string(site.path("d")).unwrap(), planned);
    let metadata = std::fs::read_to_string(site.path("m")).unwrap();
    assert!(metadata.contains(planned), "{metadata}");
}

#[test]
fn nothing_is_sent_for_what_is_there() {
    let mut site = Site::start();
    site.push("docker26.tar", "app:1");
    site.ok("apply -q label.yaml @app:1 -o @app:2");
    // The tag stands for the result already.
    let again = site.requests("apply -q label.yaml @app:2 -o @app:2");
    assert!(
        again.iter().all(|request| !request.starts_with("PUT")),
        "{again:?}"
    );
    // A plain copy within a repository is a name.
    let copy = site.requests("apply -q @app:2 -o @app:3");
    let written: Vec<_> = copy
        .iter()
        .filter(|request| request.starts_with('P'))
        .collect();
    assert_eq!(written, ["PUT app/manifests/3 201"]);
}

#[test]
fn a_second_plan_fetches_no_layer() {
    let mut site = Site::start();
    eight_layers(&site);
    site.patch(
        "add.yaml",
        "operations: [add-layer: {files: [{path: /a/new, content: new}]}]",
    );
    let cache = site.path("cache");
    let cache = [("XDG_CACHE_HOME", cache.to_str().unwrap())];
    let mut plan = |line: &str| {
        site.server.forget();
        let ran = site.run_with(line, &cache);
        assert_eq!(ran.code, Some(0), "{}", ran.stderr);
        let requests = site.server.requests();
        (
            ran.stdout,
            requests
                .iter()
                .filter(|request| request.contains("/blobs/"))
                .count(),
        )
    };
    let (first, n_first) = plan("plan add.yaml @app:1");
    assert_eq!(n_first, 9, "the configuration and eight layers, each once");
    let (second, n_second) = plan("plan add.yaml @app:1");
    assert_eq!(
        (second, n_second),
        (first.clone(), 1),
        "the configuration alone"
    );
    let (third, n_third) = plan("plan --no-cache add.yaml @app:1");
    assert_eq!((third, n_third), (first, 9));
}

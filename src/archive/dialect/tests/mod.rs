//! What writers derive. One file because they share small archives.

mod legacy;
mod listed;

use serde_json::{Value as Json, json};

use super::generation::{Generation, Release};
use super::go::{boolean, go_time, integer};
use super::state::{Files as Derived, Part, StateLayer};
use super::{Facts, Tagless, layout, named};
use crate::archive::documents::store::Store;
use crate::archive::draft::{Content, StoredLayer};
use crate::archive::tests::{Files, compressed, parsed};
use crate::archive::{Archive, Contents};
use crate::compression::Compression;
use crate::digest::{DiffId, Digest};
use crate::image::Config;
use crate::reference::Reference;
use crate::tarball::END_OF_ARCHIVE;

fn config(json: &Json) -> Config {
    Config::parse(json.to_string().as_bytes()).unwrap()
}

fn diff_id(text: &[u8]) -> DiffId {
    DiffId::parse(&Digest::of(text).to_string()).unwrap()
}

fn rootfs(n_layers: u8) -> Json {
    let diff_ids = (0..n_layers).map(|i| diff_id(&[i]).to_string());
    json!({"type": "layers", "diff_ids": diff_ids.collect::<Vec<_>>()})
}

fn generation(release: Release, short_escapes: bool) -> Generation {
    Generation {
        release,
        lower_created: "1970-01-01T00:00:00Z".to_owned(),
        short_escapes,
    }
}

const RELEASES: [Release; 4] = [
    Release::Until18,
    Release::Until24,
    Release::Since25,
    Release::Since29,
];

/// The documents of the layers of a configuration, whose ids are given.
fn documents(generation: &Generation, config: &Config) -> Option<Vec<String>> {
    let ids = ["0", "1", "2", "3"].map(Some);
    let layers = generation.layers_above(config, &ids)?;
    let json = layers
        .into_iter()
        .map(|layer| String::from_utf8(layer.json).unwrap());
    Some(json.collect())
}

/// What every container has that nothing was said of.
fn empty(release: Release) -> String {
    let on_build = if release == Release::Since29 {
        ""
    } else {
        r#""OnBuild":null,"#
    };
    format!(
        r#"{{"Hostname":"","Domainname":"","User":"","AttachStdin":false,"AttachStdout":false,"AttachStderr":false,"Tty":false,"OpenStdin":false,"StdinOnce":false,"Env":null,"Cmd":null,"Image":"","Volumes":null,"WorkingDir":"","Entrypoint":null,{on_build}"Labels":null}}"#
    )
}

#[test]
fn layers_name_the_one_below_and_have_the_os_where_their_release_has_it() {
    let image = config(&json!({"os": "linux", "rootfs": rootfs(3)}));
    for release in RELEASES {
        let empty = empty(release);
        let os = if release == Release::Until18 {
            ""
        } else {
            r#","os":"linux""#
        };
        let created = match release {
            Release::Until18 | Release::Until24 => r#""0001-01-01T00:00:00Z""#,
            Release::Since25 | Release::Since29 => "null",
        };
        let wanted = [
            format!(
                r#"{{"id":"0","created":"1970-01-01T00:00:00Z","container_config":{empty}{os}}}"#
            ),
            format!(
                r#"{{"id":"1","parent":"0","created":"1970-01-01T00:00:00Z","container_config":{empty}{os}}}"#
            ),
            format!(
                r#"{{"id":"2","parent":"1","created":{created},"container_config":{empty},"os":"linux"}}"#
            ),
        ];
        let found = documents(&generation(release, false), &image);
        assert_eq!(found.unwrap(), wanted, "{release:?}");
        assert!(generation(release, false).holds(&image));
    }
    // Without an os no layer has one, and the size stands behind it.
    let image = config(&json!({"Size": 5, "rootfs": rootfs(1)}));
    let found = documents(&generation(Release::Until24, false), &image).unwrap();
    assert!(found[0].ends_with(r#"},"Size":5}"#), "{found:?}");
    let image = config(&json!({"Size": 5, "os": "linux", "rootfs": rootfs(1)}));
    let found = documents(&generation(Release::Until24, false), &image).unwrap();
    assert!(
        found[0].ends_with(r#"},"os":"linux","Size":5}"#),
        "{found:?}"
    );
}

#[test]
fn the_top_layer_has_what_the_configuration_has() {
    let image = config(&json!({
        "comment": "c", "created": "2020-01-02T03:04:05.60Z", "container": "d",
        "container_config": {"User": "e", "AttachStdin": true},
        "docker_version": "f", "author": "g", "architecture": "h", "variant": "i", "os": "j",
        "config": {
            "Hostname": "a", "Domainname": "b", "User": "c", "AttachStdout": true, "AttachStderr": true,
            "ExposedPorts": {"80/tcp": {}, "443/tcp": {}}, "Tty": true, "OpenStdin": true, "StdinOnce": true,
            "Env": ["A=b", null], "Cmd": "text",
            "Healthcheck": {
                "Test": ["NONE"], "Interval": 1, "Timeout": 2, "StartPeriod": 3, "StartInterval": 4, "Retries": 5,
            },
            "ArgsEscaped": true, "Image": "d", "Volumes": {"/b": {}, "/a": {}}, "WorkingDir": "/w",
            "Entrypoint": [], "NetworkDisabled": true, "MacAddress": "m", "OnBuild": ["RUN x"],
            "Labels": {"b": "2", "a": "1"}, "StopSignal": "s", "StopTimeout": 0, "Shell": ["sh"],
        },
        "rootfs": rootfs(1),
    }));
    for release in RELEASES {
        let since_25 = release >= Release::Since25;
        let interval = if since_25 {
            r#""StartInterval":4,"#
        } else {
            ""
        };
        let mac = if release == Release::Since29 {
            ""
        } else {
            r#""MacAddress":"m","#
        };
        let own = format!(
            r#"{{"Hostname":"a","Domainname":"b","User":"c","AttachStdin":false,"AttachStdout":true,"AttachStderr":true,"ExposedPorts":{{"443/tcp":{{}},"80/tcp":{{}}}},"Tty":true,"OpenStdin":true,"StdinOnce":true,"Env":["A=b",""],"Cmd":["text"],"Healthcheck":{{"Test":["NONE"],"Interval":1,"Timeout":2,"StartPeriod":3,{interval}"Retries":5}},"ArgsEscaped":true,"Image":"d","Volumes":{{"/a":{{}},"/b":{{}}}},"WorkingDir":"/w","Entrypoint":[],"NetworkDisabled":true,{mac}"OnBuild":["RUN x"],"Labels":{{"a":"1","b":"2"}},"StopSignal":"s","StopTimeout":0,"Shell":["sh"]}}"#
        );
        let container = empty(release)
            .replace(r#""User":"""#, r#""User":"e""#)
            .replace(r#""AttachStdin":false"#, r#""AttachStdin":true"#);
        let wanted = format!(
            r#"{{"id":"0","comment":"c","created":"2020-01-02T03:04:05.6Z","container":"d","container_config":{container},"docker_version":"f","author":"g","config":{own},"architecture":"h","variant":"i","os":"j"}}"#
        );
        let found = documents(&generation(release, false), &image);
        assert_eq!(found.unwrap(), [wanted], "{release:?}");
    }
}

#[test]
fn releases_differ_in_what_they_leave_out() {
    let told = |release, own: Json| {
        let image = config(&json!({"config": own, "rootfs": rootfs(1)}));
        let found = documents(&generation(release, false), &image)?;
        let (_, own) = found[0].split_once(r#""config":"#).unwrap();
        Some(own.to_owned())
    };
    let [old, since_29] = [Release::Since25, Release::Since29];
    for (own, release, part, is_there) in [
        (json!({"OnBuild": []}), old, r#""OnBuild":[]"#, true),
        (json!({"OnBuild": []}), since_29, "OnBuild", false),
        (json!({"OnBuild": null}), old, r#""OnBuild":null"#, true),
        (json!({"OnBuild": null}), since_29, "OnBuild", false),
        (json!({"ExposedPorts": {}}), old, "ExposedPorts", false),
        (json!({"Shell": []}), old, "Shell", false),
        (json!({"Volumes": {}}), old, r#""Volumes":{}"#, true),
        (json!({"Healthcheck": {}}), old, r#""Healthcheck":{}"#, true),
        (
            json!({"Healthcheck": {"Test": [], "Retries": 0}}),
            old,
            r#""Healthcheck":{}"#,
            true,
        ),
        (json!({"Healthcheck": null}), old, "Healthcheck", false),
        (json!({"StopTimeout": null}), old, "StopTimeout", false),
        (json!({"ArgsEscaped": false}), old, "ArgsEscaped", false),
        (json!({"StopSignal": ""}), old, "StopSignal", false),
        (json!({"MacAddress": ""}), old, "MacAddress", false),
    ] {
        let found = told(release, own.clone()).unwrap();
        assert_eq!(found.contains(part), is_there, "{own} {found}");
    }
    // What the structs cannot hold has no layers.
    for own in [
        json!([]),
        json!({"User": 7}),
        json!({"Tty": "x"}),
        json!({"Env": {}}),
        json!({"Env": [7]}),
        json!({"Labels": {"a": 7}}),
        json!({"Labels": []}),
        json!({"Volumes": []}),
        json!({"Healthcheck": []}),
        json!({"Healthcheck": {"Test": 7}}),
        json!({"Healthcheck": {"Retries": "x"}}),
        json!({"StopTimeout": "x"}),
    ] {
        for key in ["config", "container_config"] {
            let mut image = json!({});
            image[key] = own.clone();
            assert_eq!(
                generation(Release::Until24, false).image(&parsed(&image).root),
                None,
                "{own}"
            );
        }
    }
    for key in [
        "comment",
        "container",
        "docker_version",
        "author",
        "architecture",
        "variant",
        "created",
        "Size",
    ] {
        let image = parsed(&json!({key: ["x"]}));
        assert_eq!(
            generation(Release::Until24, false).image(&image.root),
            None,
            "{key}"
        );
    }
}

#[test]
fn go_before_1_22_has_no_short_escapes() {
    let told = |text: &str, short_escapes| {
        let image = config(&json!({"comment": text, "rootfs": rootfs(1)}));
        let found = documents(&generation(Release::Until24, short_escapes), &image).unwrap();
        found[0].split(',').nth(1).unwrap().to_owned()
    };
    for (text, long, short) in [
        (
            "plain \"<",
            r#""comment":"plain \"\u003c""#,
            r#""comment":"plain \"\u003c""#,
        ),
        (
            "a\u{8}\"",
            r#""comment":"a\u0008\"""#,
            r#""comment":"a\b\"""#,
        ),
        ("\u{c}é", r#""comment":"\u000cé""#, r#""comment":"\fé""#),
    ] {
        assert_eq!((&*told(text, false), &*told(text, true)), (long, short));
    }
}

#[test]
fn ids_follow_from_what_stands_below() {
    let image = config(&json!({"os": "linux", "rootfs": rootfs(3)}));
    let of = |ids: &[Option<&str>]| -> Vec<String> {
        let layers = Generation::likeliest().layers_above(&image, ids).unwrap();
        layers.into_iter().map(|layer| layer.id).collect()
    };
    let own = of(&[]);
    assert!(own.iter().all(|id| Digest::parse_hex(id).is_some()));
    assert_eq!(of(&[None, None, None]), own);
    let known = of(&[Some("x")]);
    assert_eq!(known[0], "x");
    assert_ne!(known[1], own[1]);
    let same = of(&[Some(&own[0]), None, Some("top")]);
    assert_eq!(same[..2], own[..2]);
    let mut n_looked = 0;
    let looked = Generation::likeliest().each_layer(&image, &[], |_| {
        n_looked += 1;
        n_looked < 2
    });
    assert_eq!((looked, n_looked), (Some(()), 2));
}

#[test]
fn the_likeliest_generations_come_first() {
    let told = |since_25| {
        Generation::candidates(since_25, "x")
            .map(|it| (it.release, it.short_escapes, it.lower_created))
    };
    let all = |release, escapes| (release, escapes, "x".to_owned());
    assert_eq!(
        told(true),
        [
            all(Release::Since25, true),
            all(Release::Since25, false),
            all(Release::Since29, true),
            all(Release::Since29, false),
        ]
    );
    assert_eq!(
        told(false),
        [
            all(Release::Until24, false),
            all(Release::Until24, true),
            all(Release::Until18, false),
            all(Release::Until18, true),
        ]
    );
    let (epoch, zero) = ("1970-01-01T00:00:00Z", "0001-01-01T00:00:00Z");
    let seen = ["x", epoch, zero, "y"].map(str::to_owned).to_vec();
    assert_eq!(Generation::times(seen), [epoch, zero, "x", "y"]);
    assert_eq!(Generation::times(Vec::new()), [epoch, zero]);
    assert_eq!(Generation::likeliest(), generation(Release::Until24, false));
}

#[test]
fn values_are_read_as_go_reads_them() {
    let object = parsed(&json!({
        "null": null, "yes": true, "no": false, "text": "x", "seven": -7, "large": 9_223_372_036_854_775_807_i64,
        "fraction": 1.5, "huge": 1e300,
    }));
    for (key, is, number) in [
        ("null", Some("false"), Some("0")),
        ("absent", Some("false"), Some("0")),
        ("yes", Some("true"), None),
        ("no", Some("false"), None),
        ("text", None, None),
        ("seven", None, Some("-7")),
        ("large", None, Some("9223372036854775807")),
        ("fraction", None, None),
        ("huge", None, None),
    ] {
        assert_eq!(boolean(&object.root, key).as_deref(), is, "{key}");
        assert_eq!(integer(&object.root, key).as_deref(), number, "{key}");
    }
    let second = "2024-01-02T03:04:05";
    for (text, wanted) in [
        ("Z", "Z"),
        ("+00:00", "Z"),
        ("-00:00", "Z"),
        ("+01:30", "+01:30"),
        (".000Z", "Z"),
        (".120Z", ".12Z"),
        (".123456789Z", ".123456789Z"),
        (".1234567891-02:00", ".123456789-02:00"),
        (".0+00:00", "Z"),
    ] {
        let (text, wanted) = (format!("{second}{text}"), format!("{second}{wanted}"));
        assert_eq!(go_time(&text), Some(wanted), "{text}");
    }
}

/// A `docker save` of one image, whose layers have these names.
fn saved(config: &Json, config_name: &str, layers: &[(&str, &[u8])]) -> Archive {
    let mut files = Files::default();
    for (name, content) in layers {
        files.put(name, content);
    }
    let names: Vec<&str> = layers.iter().map(|(name, _)| *name).collect();
    files.put(config_name, config.to_string().as_bytes());
    let list = json!([{"Config": config_name, "RepoTags": ["app:1"], "Layers": names}]);
    files.put("manifest.json", list.to_string().as_bytes());
    files.archive().unwrap()
}

fn packed(compression: Compression) -> Vec<u8> {
    compressed(&END_OF_ARCHIVE, compression)
}

fn stored(compression: Compression) -> StateLayer {
    StateLayer {
        diff_id: diff_id(b"the new diff id"),
        digest: Some(Digest::of(b"the new digest")),
        size: 5,
        compression,
        path: None,
        content: Some(Content::Stored(0)),
    }
}

#[test]
fn a_new_layer_is_named_as_its_neighbour_is() {
    use Compression::{Bzip2, Gzip, None as Plain, Zstd};
    let (of_diff, other) = (diff_id(&[0]).hex(), Digest::of(b"other").hex());
    let new = Digest::of(b"the new digest").hex();
    let new_diff = diff_id(b"the new diff id").hex();
    for (neighbour, is, added, wanted) in [
        (
            format!("{other}.tar.gz"),
            Gzip,
            Gzip,
            format!("{new}.tar.gz"),
        ),
        (format!("{other}.tar.gz"), Gzip, Plain, format!("{new}.tar")),
        (
            format!("{other}.tar.gz"),
            Gzip,
            Zstd,
            format!("{new}.tar.zst"),
        ),
        (format!("{other}.tar"), Plain, Plain, format!("{new}.tar")),
        (format!("{other}.tar"), Plain, Gzip, format!("{new}.tar.gz")),
        (format!("{other}.tar"), Gzip, Gzip, format!("{new}.tar")),
        (
            format!("{of_diff}.tar.gz"),
            Gzip,
            Gzip,
            format!("{new_diff}.tar.gz"),
        ),
        (
            format!("{of_diff}/layer.tar"),
            Gzip,
            Gzip,
            format!("{new_diff}/layer.tar"),
        ),
        (
            format!("{of_diff}/layer.tar"),
            Plain,
            Plain,
            format!("{new}/layer.tar"),
        ),
        (
            format!("blobs/sha256/{other}"),
            Gzip,
            Gzip,
            format!("blobs/sha256/{new}"),
        ),
        (
            format!("blobs/sha256/{of_diff}"),
            Gzip,
            Gzip,
            format!("blobs/sha256/{new}"),
        ),
        (
            "layers/base.tar".to_owned(),
            Plain,
            Plain,
            format!("layers/{new}.tar"),
        ),
        (
            "layers/base.tar".to_owned(),
            Plain,
            Gzip,
            format!("layers/{new}.tar.gz"),
        ),
        ("base".to_owned(), Plain, Plain, format!("{new}.tar")),
        ("base".to_owned(), Gzip, Gzip, format!("{new}.tar.gz")),
        ("base.layer".to_owned(), Gzip, Zstd, format!("{new}.layer")),
        (
            format!("{other}.tar.bz2"),
            Bzip2,
            Bzip2,
            format!("{new}.tar.bz2"),
        ),
        (
            format!("{other}.tar.bz2"),
            Plain,
            Bzip2,
            format!("{new}.tar.gz"),
        ),
    ] {
        let bytes = if is == Bzip2 {
            b"BZh91AY&SY".to_vec()
        } else {
            packed(is)
        };
        let archive = saved(
            &json!({"rootfs": rootfs(1)}),
            "config.json",
            &[(&neighbour, &bytes)],
        );
        assert_eq!(archive.images()[0].layers()[0].compression(), is);
        let found = named::new_name(&archive.contents, 0, &stored(added));
        assert_eq!(found, wanted, "{neighbour} {is:?} {added:?}");
    }
    let archive = saved(&json!({"rootfs": rootfs(0)}), "config.json", &[]);
    for (added, end) in [(Plain, "tar"), (Gzip, "tar.gz"), (Zstd, "tar.zst")] {
        let found = named::new_name(&archive.contents, 0, &stored(added));
        assert_eq!(found, format!("{new}.{end}"));
    }
}

/// An archive with a file, a directory and a link.
fn kinds() -> Contents {
    use crate::tarball::{Entry, Kind, header_group};
    let mut files = Files::default();
    files.put(
        "config.json",
        json!({"rootfs": rootfs(0)}).to_string().as_bytes(),
    );
    files.put("file", b"abc");
    let list = json!([{"Config": "config.json", "RepoTags": null, "Layers": []}]);
    files.put("manifest.json", list.to_string().as_bytes());
    let mut bytes = Vec::new();
    for (name, kind, link) in [
        ("directory/", Kind::Directory, ""),
        ("link", Kind::Symlink, "file"),
    ] {
        bytes.extend(header_group(&Entry {
            name: name.into(),
            kind,
            link_name: link.into(),
            ..Entry::file()
        }));
    }
    bytes.extend(crate::archive::tests::tar(
        files.0.iter().map(|(name, content)| (&**name, &**content)),
    ));
    let source = crate::archive::Source::from_bytes(&bytes, "a".to_owned(), &std::env::temp_dir());
    Archive::open(source.unwrap()).unwrap().contents
}

#[test]
fn an_entry_holds_what_it_is() {
    let contents = kinds();
    let find = |name: &str| contents.source.find(name).unwrap();
    let layer = |digest: &[u8], size| StoredLayer {
        digest: Digest::of(digest),
        size,
        ..unwritten()
    };
    let stored = [layer(b"abc", 3), layer(b"abd", 3), layer(b"abc", 4)];
    let file = find("file");
    for (content, names) in [
        (Content::Directory, "directory"),
        (Content::Symlink("file".to_owned()), "link"),
        (Content::Symlink("other".to_owned()), ""),
        (Content::Entry(file), "file"),
        (Content::Stored(0), "file"),
        (Content::Stored(1), ""),
        (Content::Stored(2), ""),
        (Content::Bytes(b"abc".to_vec()), "file"),
        (Content::Bytes(b"abd".to_vec()), ""),
        (Content::Bytes(b"abcd".to_vec()), ""),
        (Content::Bytes(Vec::new()), ""),
    ] {
        for name in ["file", "directory", "link", "config.json"] {
            let holds = contents.holds(find(name), &content, &stored).unwrap();
            assert_eq!(holds, names == name, "{name} {content:?}");
        }
    }
}

fn unwritten() -> StoredLayer<'static> {
    StoredLayer {
        diff_id: diff_id(b""),
        digest: Digest::of(b""),
        size: 0,
        compression: Compression::None,
        write: Box::new(|_| Ok(())),
    }
}

#[test]
fn a_file_is_derived_once_and_dated_by_its_directory() {
    let mut files = Derived::default();
    let bytes = || Content::Bytes(Vec::new());
    files.push("a/json".to_owned(), bytes(), 0, Part::LegacyJson(2));
    files.push("a/json".to_owned(), Content::Directory, 1, Part::Config);
    files.push("ab".to_owned(), bytes(), 0, Part::Manifest);
    files.push("a/VERSION".to_owned(), bytes(), 0, Part::Version(1));
    files.push("b/json".to_owned(), bytes(), 0, Part::Config);
    files.push("none".to_owned(), None, 0, Part::Config);
    let told = |files: &Derived| -> String {
        let line = |file: &super::state::Derived| {
            format!("{} {} {:?}", file.name, file.role.image, file.stamp)
        };
        files
            .derived
            .iter()
            .map(line)
            .collect::<Vec<_>>()
            .join(", ")
    };
    assert_eq!(
        told(&files),
        "a/json 0 Created, ab 0 Fixed, a/VERSION 0 Created, b/json 0 Created"
    );
    files.stamp_saved("a");
    files.stamp_saved("not there");
    files.stamp_fixed("b/json");
    files.stamp_fixed("not there");
    assert_eq!(
        told(&files),
        "a/json 0 Saved, ab 0 Fixed, a/VERSION 0 Saved, b/json 0 Fixed"
    );
    assert!(files.get("ab").is_some_and(|file| file.name == "ab"));
    assert!(files.get("none").is_none());
}

#[test]
fn parts_are_those_of_the_layer_below() {
    for (part, below) in [
        (Part::Config, None),
        (Part::Manifest, None),
        (Part::Node(1), None),
        (Part::OtherBlob, None),
        (Part::LayerDirectory(0), None),
        (Part::LayerDirectory(2), Some(Part::LayerDirectory(1))),
        (Part::Version(1), Some(Part::Version(0))),
        (Part::LegacyJson(1), Some(Part::LegacyJson(0))),
        (Part::LayerTar(1), Some(Part::LayerTar(0))),
        (Part::LayerLink(1), Some(Part::LayerLink(0))),
    ] {
        assert_eq!(part.below(), below);
    }
}

#[test]
fn forms_are_told_by_their_documents() {
    use super::Dialect as _;
    let facts = |archive: &Archive| -> &'static Facts { archive.dialect.facts() };
    let one = saved(
        &json!({"rootfs": rootfs(1)}),
        "config.json",
        &[("base.tar", &packed(Compression::Gzip))],
    );
    let saved = facts(&one);
    let layout = layout::Layout.facts();
    let containerd = super::containerd::Containerd.facts();
    let old = super::before_1_10::BeforeV110.facts();
    for (facts, is_written, is_bare, is_blobs) in [
        (saved, true, false, false),
        (layout, true, true, true),
        (containerd, true, false, true),
        (old, false, false, false),
    ] {
        assert_eq!(facts.is_written(), is_written, "{}", facts.description);
        assert_eq!(facts.is_bare_layout(), is_bare, "{}", facts.description);
        assert_eq!(
            facts.is_stored_as(Store::Blobs),
            is_blobs,
            "{}",
            facts.description
        );
        assert!(!facts.is_stored_as(Store::Flat));
    }
    for (a, b, is_like) in [
        (saved, containerd, true),
        (saved, layout, false),
        (layout, containerd, false),
        (layout, layout, true),
        (old, layout, false),
        (old, saved, false),
    ] {
        assert_eq!((a.is_like(b), b.is_like(a)), (is_like, is_like));
    }
    let tag = Reference::parse("app:1").unwrap();
    let full = Facts {
        has_full_names: true,
        manifest_json: Some(Tagless::Empty),
        ..*saved
    };
    assert_eq!(
        [saved.spell(&tag), full.spell(&tag)],
        ["app:1", "docker.io/library/app:1"]
    );
    let repositories = [saved, &full].map(|facts| facts.spell_repository(&tag));
    assert_eq!(repositories, ["app", "docker.io/library/app"]);
    assert_eq!(saved.spell_all(&[]).compact(), "null");
    assert_eq!(full.spell_all(&[]).compact(), "[]");
    assert_eq!(saved.spell_all(&[tag]).compact(), r#"["app:1"]"#);
}

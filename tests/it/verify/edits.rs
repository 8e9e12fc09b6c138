//! Rules that one edit of one document breaks: each with the archive that only this rule finds.

use ocipatch::verify::Rule::{
    self, AmbiguousKey, ArtifactType, BadShape, Created, DescriptorDigest, DescriptorSize, Env,
    History, LayerSource, MediaType, OciLayout, Platform, RepeatedKey, Repositories, SchemaVersion,
};
use ocipatch::verify::Severity::{self, Error, Warning};

use super::damages::CONFIG;

const C: &str = "docker26-containerd.tar";
const MANIFEST_C: &str = "sha256/b35f";

/// Each rule, how bad it is to break it, a real archive, a document of it, and a text to replace by another.
#[rustfmt::skip]
pub(super) const EDITS: &[(Rule, Severity, &str, &str, &str, &str)] = &[
    (AmbiguousKey, Warning, C, CONFIG, "\"docker_version\"", "\"Docker_version\""),
    (AmbiguousKey, Error, C, CONFIG, "{\"arch", "{\"Docker_version\":\"1\",\"arch"),
    (AmbiguousKey, Warning, C, CONFIG, "\"diff_ids\"", "\"Diff_IDs\""),
    (AmbiguousKey, Warning, C, CONFIG, "\"created_by\":\"/bin/sh -c #(nop) ADD", "\"createdBy\":1,\"Created_by\":\"/bin/sh -c #(nop) ADD"),
    (AmbiguousKey, Warning, C, CONFIG, "\"config\":{\"Hostname\"", "\"config\":{\"hostname\""),
    (AmbiguousKey, Warning, C, MANIFEST_C, "\"layers\"", "\"Layers\""),
    (AmbiguousKey, Warning, C, "index.json", "\"size\"", "\"Size\""),
    (AmbiguousKey, Warning, C, "oci-layout", "imageLayoutVersion", "imagelayoutversion"),
    (AmbiguousKey, Warning, C, "manifest.json", "\"RepoTags\"", "\"repotags\""),
    (AmbiguousKey, Warning, "docker26.tar", "manifest.json", "\"size\":2560", "\"Size\":2560"),
    (RepeatedKey, Error, C, CONFIG, "\"history\":[{", "\"history\":[{\"comment\":\"a\",\"comment\":\"b\","),

    (BadShape, Error, C, CONFIG, "\"os\":\"linux\"", "\"os\":7"),
    (Platform, Warning, C, CONFIG, "\"os\":\"linux\"", "\"os\":\"\""),
    (Platform, Warning, C, CONFIG, "\"os\":\"linux\"", "\"os\":null"),
    (Platform, Warning, C, CONFIG, "\"architecture\":\"amd64\",", ""),
    (Created, Error, C, CONFIG, "24.153984503Z\",\"docker", "99.153984503Z\",\"docker"),
    (Created, Error, C, CONFIG, "\"2026-11-23T05:26:24.153984503Z\",\"docker", "\"2026-11-23 05:26:24Z\",\"docker"),
    (Created, Error, C, CONFIG, "\"2026-11-23T05:26:24.153984503Z\",\"docker", "\"20261123T052624Z\",\"docker"),
    (Created, Error, C, CONFIG, "\"2026-11-23T05:26:24.153984503Z\",\"docker", "\"2026-11-23T05:26:24+01\",\"docker"),
    (Created, Error, C, CONFIG, "\"2026-11-23T05:26:24.153984503Z\",\"docker", "\"2026-11-23T05:26:24,5Z\",\"docker"),
    (Created, Error, C, CONFIG, "\"2026-11-23T05:26:24.153984503Z\",\"docker", "\"2026-11-23T05:26:24.Z\",\"docker"),
    (Created, Error, C, CONFIG, "\"2026-11-23T05:26:24.153984503Z\",\"docker", "\"2026-11-23T05:26:24z\",\"docker"),
    (Created, Error, C, CONFIG, "\"2026-11-23T05:26:24.153984503Z\",\"docker", "\"2026-11-23T05:26Z\",\"docker"),
    (Created, Error, C, CONFIG, "\"2026-11-23T05:26:24.153984503Z\",\"docker", "\"2026-11-23T05:26:60Z\",\"docker"),
    (Created, Error, C, CONFIG, "\"2026-11-23T05:26:24.153984503Z\",\"docker", "\"+002026-11-23T05:26:24Z\",\"docker"),
    (Created, Error, C, CONFIG, "\"2026-11-23T05:26:24.153984503Z\",\"docker", "\"2026-11-23T05:26:24Z[UTC]\",\"docker"),
    (Created, Error, C, CONFIG, "\"2026-11-23T05:26:24.153984503Z\",\"docker", "\"2026-11-23T05:26:24\",\"docker"),
    (BadShape, Error, C, CONFIG, "\"history\":[{", "\"history\":7,\"x\":[{"),
    (BadShape, Error, C, CONFIG, "\"history\":[{", "\"history\":[7,{"),
    (BadShape, Error, C, CONFIG, "\"history\":[{", "\"history\":[{\"author\":7,"),
    (BadShape, Error, C, CONFIG, "maintainer=ops@example.com\",\"empty_layer\":true", "maintainer=ops@example.com\",\"empty_layer\":7"),
    (History, Warning, C, CONFIG, "\"history\":[{\"created\"", "\"history\":[{\"empty_layer\":true,\"created\""),
    (BadShape, Error, C, CONFIG, "\"config\":{\"Hostname\"", "\"config\":7,\"x\":{\"Hostname\""),
    (BadShape, Error, C, CONFIG, "\"User\":\"1000:1000\"", "\"User\":1000"),
    (BadShape, Error, C, CONFIG, "\"WorkingDir\":\"/opt/app\"", "\"WorkingDir\":[]"),
    (BadShape, Error, C, CONFIG, "\"StopSignal\":\"SIGINT\"", "\"StopSignal\":2"),
    (BadShape, Error, C, CONFIG, "\"mylabel\":\"myvalue\"", "\"mylabel\":7"),
    (BadShape, Error, C, CONFIG, "\"Labels\":{", "\"Labels\":[],\"x\":{"),
    (BadShape, Error, C, CONFIG, "{\"/srv/data\":{}}", "{\"/srv/data\":\"\"}"),
    (BadShape, Error, C, CONFIG, "\"Volumes\":{\"/srv/data\":{}}", "\"Volumes\":[\"/srv/data\"]"),
    (BadShape, Error, C, CONFIG, "{\"8080/tcp\":{}}", "{\"8080/tcp\":true}"),
    (BadShape, Warning, C, CONFIG, "{\"8080/tcp\":{}}", "{\"8080/tcp\":{\"a\":1}}"),
    (BadShape, Error, C, CONFIG, "\"Env\":[", "\"Env\":\"A=b\",\"x\":["),
    (BadShape, Error, C, CONFIG, "\"OnBuild\":[\"ENV CHILD=1\"]", "\"OnBuild\":\"ENV CHILD=1\""),
    (BadShape, Error, C, CONFIG, "\"Env\":[", "\"Env\":[7,"),
    (BadShape, Error, C, CONFIG, "\"Cmd\":[\"/etc/greeting\"]", "\"Cmd\":7"),
    (BadShape, Error, C, CONFIG, "\"Cmd\":[\"/etc/greeting\"]", "\"Cmd\":[\"a\",7]"),
    (BadShape, Error, C, CONFIG, "\"Entrypoint\":[\"/bin/greet\"]", "\"Entrypoint\":[[]]"),
    (BadShape, Error, C, CONFIG, "\"Shell\":[\"/bin/greet\",\"-c\"]", "\"Shell\":{}"),
    (Env, Warning, C, CONFIG, "\"PATH=/usr/bin:/bin\"", "\"=/usr/bin:/bin\""),

    (BadShape, Error, C, "index.json", "[{", "[7,{"),
    (BadShape, Error, C, "index.json", "\"annotations\":{", "\"annotations\":{\"a.b\":7,"),
    (BadShape, Error, C, "index.json", "\"size\":577", "\"size\":577,\"artifactType\":7"),
    (BadShape, Error, C, "index.json", "\"size\":577", "\"size\":577,\"data\":7"),
    (MediaType, Error, C, "index.json", "[{", "[{\"mediaType\":\"a b/c\",\"digest\":\"sha256:fba3ad4aca61080a0cdecdcaa2abf0497c03c54b342b782b65df3e779b38beee\",\"size\":3734},{"),
    (MediaType, Error, C, "index.json", "\"mediaType\":\"application/vnd.oci.image.index.v1+json\"", "\"mediaType\":\"a/b\""),
    (BadShape, Error, C, "index.json", "\"mediaType\":\"application/vnd.oci.image.index.v1+json\"", "\"mediaType\":7"),
    (DescriptorSize, Error, C, "index.json", "\"size\":577,", ""),
    (DescriptorSize, Error, C, "index.json", "\"size\":577", "\"size\":-1"),
    (SchemaVersion, Error, C, "index.json", "\"schemaVersion\":2", "\"schemaVersion\":\"2\""),
    (SchemaVersion, Error, C, "index.json", "\"schemaVersion\":2,", ""),
    (SchemaVersion, Error, C, MANIFEST_C, "\"schemaVersion\":2", "\"schemaVersion\":2.0"),
    (BadShape, Error, C, MANIFEST_C, "{\"schema", "{\"annotations\":{\"a.b\":null},\"schema"),
    (BadShape, Error, C, MANIFEST_C, "{\"schema", "{\"subject\":7,\"schema"),
    (DescriptorDigest, Error, C, MANIFEST_C, "{\"schema", "{\"subject\":{\"mediaType\":\"a/b\",\"size\":1},\"schema"),
    (ArtifactType, Error, C, "index.json", "{\"schema", "{\"artifactType\":\"a\",\"schema"),
    (OciLayout, Error, C, "oci-layout", "\"1.0.0\"", "1.0"),

    (BadShape, Error, C, "manifest.json", "[{", "[7,{"),
    (BadShape, Error, C, "manifest.json", "[{", "[{\"Parent\":7,"),
    (BadShape, Error, C, "manifest.json", "[\"greeter:1\"]", "[\"greeter:1\",7]"),
    (BadShape, Error, "docker20-untagged.tar", "manifest.json", "\"RepoTags\":null", "\"RepoTags\":7"),
    (BadShape, Error, "docker26.tar", "manifest.json", "\"LayerSources\":{", "\"LayerSources\":{\"sha256:e389ba439fbca16cf9888144484c9e6cc56d67238e02c4ab4d5ad69f77de3caf\":7},\"x\":{"),
    (BadShape, Error, "docker26.tar", "manifest.json", "\"mediaType\":\"application/vnd.oci.image.layer.v1.tar\",\"size\":2560", "\"mediaType\":7,\"size\":2560"),
    (LayerSource, Error, "docker26.tar", "manifest.json", "\"size\":2560", "\"size\":\"2560\""),

    (BadShape, Error, "docker20.tar", "repositories", "{\"greeter\":{", "{\"other\":7,\"greeter\":{"),
    (BadShape, Error, "docker20.tar", "repositories", "\"c6feb8eae558727a76eaf657569f3e2a48611f8364b36babfe202d588011e4f7\"", "7"),
    (Repositories, Error, "docker20.tar", "repositories", "{\"greeter\":{", "{\"greeter\":{\"2\":\"c6feb8eae558727a76eaf657569f3e2a48611f8364b36babfe202d588011e4f7\","),
    (Repositories, Error, "docker20.tar", "repositories", "{\"greeter\":{", "{\"\":{\"a\":\"b\"},\"greeter\":{"),
];

/// Edits that no reader minds.
#[rustfmt::skip]
pub(super) const HARMLESS: &[(&str, &str, &str, &str)] = &[
    (C, CONFIG, "\"history\":[{", "\"history\":[],\"x\":[{"),
    (C, CONFIG, "\"history\":[{", "\"history\":null,\"x\":[{"),
    (C, CONFIG, "\"history\":[{", "\"history\":[{\"empty_layer\":null,"),
    (C, CONFIG, "\"config\":{", "\"config\":null,\"x\":{"),
    (C, CONFIG, "\"Cmd\":[\"/etc/greeting\"]", "\"Cmd\":\"/etc/greeting\""),
    (C, CONFIG, "\"Entrypoint\":[\"/bin/greet\"]", "\"Entrypoint\":\"/bin/greet\""),
    (C, CONFIG, "\"Shell\":[\"/bin/greet\",\"-c\"]", "\"Shell\":\"/bin/greet\""),
    (C, CONFIG, "\"Volumes\":{\"/srv/data\":{}}", "\"Volumes\":null"),
    (C, CONFIG, "\"PATH=/usr/bin:/bin\"", "\"PATH=\""),
    (C, CONFIG, "\"os\":", "\"a\":9007199254740991,\"os\":"),
    (C, "index.json", "\"size\":577", "\"size\":577,\"artifactType\":null,\"urls\":null,\"x\":0"),
    ("docker26.tar", "manifest.json", "\"mediaType\":\"application/vnd.oci.image.layer.v1.tar\",\"size\":2560,", ""),
    ("docker26.tar", "manifest.json", "\"size\":2560,\"digest\":\"sha256:", "\"urls\":[\"https://example.com\"],\"size\":7,\"digest\":\"sha256:0"),
];

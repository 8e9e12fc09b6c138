//! The operations of a patch: for each its place in the table, what it takes, and how that is read.

use schemars::JsonSchema;

use super::add_layer::AddLayer;
use super::annotations::{AnnotationRemoval, Annotations};
use super::decode::{Field, Problems};
use super::env::EnvPart;
use super::file_diff::FileDiff;
use super::file_mode::FileMode;
use super::healthcheck::Healthcheck;
use super::layer_removal::LayerRemoval;
use super::layer_replacement::LayerReplacement;
use super::one_key::Kind;
use super::path_moves::PathMoves;
use super::path_removal::PathRemoval;
use super::path_settings::PathSettings;
use super::platform::PlatformChange;
use super::rebase::Rebase;
use super::recompression::Recompression;
use super::removal::{Removal, Unset};
use super::squash::Squash;
use super::time_limit::TimeLimit;
use super::{env, ports, schema, tags, values};
use crate::problem::Code;
use crate::reference::Reference;
use crate::timestamp::Timestamp;

/// One row per operation: documentation, name, variant, what the variant holds, its schema, the function that reads it.
macro_rules! operations {
    ($($(#[$doc:meta])+ $name:literal $variant:ident($holds:ty) as $schema:literal by $decode:path;)+) => {
        /// One operation of a patch, as its author wrote it.
        #[derive(Debug, Clone, PartialEq, Eq, JsonSchema)]
        #[schemars(rename_all = "kebab-case")]
        pub enum Operation {
            $($(#[$doc])+ $variant(#[schemars(with = $schema)] $holds),)+
        }

        impl Operation {
            /// The names of all operations, in the order of the documentation.
            pub const NAMES: &[&'static str] = &[$($name,)+];

            /// Returns the name that the operation has in a patch.
            #[must_use]
            pub fn name(&self) -> &'static str {
                match self { $(Self::$variant(_) => $name,)+ }
            }

            fn decode_named(name: &str, field: &Field<'_>, problems: &mut Problems) -> Option<Self> {
                match name {
                    $($name => $decode(field, problems).map(Self::$variant),)+
                    _ => unreachable!("the caller has looked `{name}` up in `NAMES`"),
                }
            }
        }
    };
}

operations! {
    /// Sets labels. Existing ones keep their position, new ones come last.
    ///
    /// Takes `{key: value, …}`.
    /// For example `{ mylabel: new }` turns `"Labels":{"mylabel":"old"}` into `"Labels":{"mylabel":"new"}`.
    "set-label" SetLabel(Vec<(String, String)>) as "schema::Labels" by values::labels;
    /// Removes the labels whose keys match.
    ///
    /// Takes patterns.
    /// For example `["com.vendor.*"]` turns `"Labels":{"com.vendor.os":"tiny","a":"b"}` into `"Labels":{"a":"b"}`.
    "unset-label" UnsetLabel(Removal) as "schema::Removal" by Removal::decode;
    /// Sets environment variables. Existing ones keep their position, new ones come last.
    ///
    /// Takes `{NAME: value, …}`.
    /// For example `{ LANG: C.UTF-8 }` turns `"Env":["LANG=C","A=b"]` into `"Env":["LANG=C.UTF-8","A=b"]`.
    "set-env" SetEnv(Vec<(String, String)>) as "schema::Variables" by env::variables;
    /// Removes the environment variables whose names match.
    ///
    /// Takes patterns.
    /// For example `["*_proxy"]` turns `"Env":["http_proxy=x","A=b"]` into `"Env":["A=b"]`.
    "unset-env" UnsetEnv(Removal) as "schema::Removal" by Removal::decode;
    /// Prepends to an environment variable unless its value already starts that way.
    ///
    /// Takes `{NAME: part, …}`, or `{NAME: {value: part, separator: string, if-missing: ignore}}`; the default separator is `:`.
    /// For example `{ PATH: /opt/bin }` turns `"Env":["PATH=/bin"]` into `"Env":["PATH=/opt/bin:/bin"]`.
    "prepend-env" PrependEnv(Vec<EnvPart>) as "schema::EnvParts" by env::parts;
    /// Appends to an environment variable unless its value already ends that way.
    ///
    /// Takes what `prepend-env` takes.
    /// For example `{ OPTS: { value: -v, separator: " " } }` turns `"Env":["OPTS=-q"]` into `"Env":["OPTS=-q -v"]`.
    "append-env" AppendEnv(Vec<EnvPart>) as "schema::EnvParts" by env::parts;
    /// Sets the entrypoint and keeps `cmd`.
    ///
    /// Takes `[word, …]`.
    /// For example `[/bin/app, -v]` turns `"Entrypoint":null` into `"Entrypoint":["/bin/app","-v"]`.
    "set-entrypoint" SetEntrypoint(Vec<String>) as "schema::Words" by values::words;
    /// Sets the default arguments of the entrypoint.
    ///
    /// Takes `[word, …]`.
    /// For example `[serve]` turns `"Cmd":["help"]` into `"Cmd":["serve"]`.
    "set-cmd" SetCmd(Vec<String>) as "schema::Words" by values::words;
    /// Sets the user, and optionally the group, to run as.
    ///
    /// Takes a string.
    /// For example `1000:1000` turns `"User":""` into `"User":"1000:1000"`.
    "set-user" SetUser(String) as "schema::SomeText" by values::text;
    /// Sets the working directory, without creating it.
    ///
    /// Takes an absolute path.
    /// For example `/srv` turns `"WorkingDir":"/"` into `"WorkingDir":"/srv"`.
    "set-workdir" SetWorkdir(String) as "schema::Directory" by values::directory;
    /// Sets the shell that runs commands in shell form.
    ///
    /// Takes `[word, …]`.
    /// For example `[/bin/bash, -c]` turns `"Shell":["/bin/sh","-c"]` into `"Shell":["/bin/bash","-c"]`.
    "set-shell" SetShell(Vec<String>) as "schema::Words" by values::words;
    /// Sets the signal that stops the container.
    ///
    /// Takes a name such as `SIGTERM` or `RTMIN+3`, or a number.
    /// For example `SIGQUIT` turns `"StopSignal":"SIGTERM"` into `"StopSignal":"SIGQUIT"`.
    "set-stop-signal" SetStopSignal(String) as "schema::Signal" by values::signal;
    /// Sets the time between that signal and `SIGKILL`.
    ///
    /// Takes seconds; `-1` means no limit.
    /// For example `30` turns `"StopTimeout":10` into `"StopTimeout":30`.
    "set-stop-timeout" SetStopTimeout(i64) as "schema::Seconds" by values::seconds;
    /// Exposes ports, as `EXPOSE` does.
    ///
    /// Takes `[port, …]`; a port is `8080`, `53/udp` or `8000-8010/tcp`.
    /// For example `[8080, 53/udp]` turns `"ExposedPorts":{"80/tcp":{}}` into `"ExposedPorts":{"53/udp":{},"80/tcp":{},"8080/tcp":{}}`.
    "add-port" AddPort(Vec<String>) as "schema::Ports" by ports::ports;
    /// Removes the ports that match; `80` means `80/tcp`.
    ///
    /// Takes patterns.
    /// For example `[80]` turns `"ExposedPorts":{"443/tcp":{},"80/tcp":{}}` into `"ExposedPorts":{"443/tcp":{}}`.
    "remove-port" RemovePort(Removal) as "schema::Removal" by Removal::decode;
    /// Adds volumes, as `VOLUME` does.
    ///
    /// Takes `[path, …]`.
    /// For example `[/data]` turns `"Volumes":null` into `"Volumes":{"/data":{}}`.
    "add-volume" AddVolume(Vec<String>) as "schema::Volumes" by values::volumes;
    /// Removes the volumes that match.
    ///
    /// Takes patterns.
    /// For example `["/var/*"]` turns `"Volumes":{"/data":{},"/var/lib":{}}` into `"Volumes":{"/data":{}}`.
    "remove-volume" RemoveVolume(Removal) as "schema::Removal" by Removal::decode;
    /// Sets fields of the health check; omitted ones stay as they are.
    ///
    /// Takes `{test: command, interval: time, timeout: time, start-period: time, start-interval: time, retries: number}`.
    /// For example `{ test: [CMD, /bin/up], interval: 1m30s }` turns `"Healthcheck":{"Retries":2}` into `"Healthcheck":{"Test":["CMD","/bin/up"],"Interval":90000000000,"Retries":2}`.
    "set-healthcheck" SetHealthcheck(Healthcheck) as "Healthcheck" by Healthcheck::decode;
    /// Appends ONBUILD instructions unless the list already ends with them.
    ///
    /// Takes `[instruction, …]`.
    /// For example `["RUN make"]` turns `"OnBuild":["COPY . /src"]` into `"OnBuild":["COPY . /src","RUN make"]`.
    "add-onbuild" AddOnbuild(Vec<String>) as "schema::Instructions" by values::instructions;
    /// Removes fields of the configuration; see below for their names.
    ///
    /// Takes `[field, …]`.
    /// For example `[healthcheck, user]` turns `"User":"app","Healthcheck":{"Retries":2},"Image":""` into `"Image":""`.
    "unset" Unset(Unset) as "schema::Unset" by Unset::decode;
    /// Sets the author of the image.
    ///
    /// Takes a string.
    /// For example `ops@example.com` turns `"author":"me"` into `"author":"ops@example.com"`.
    "set-author" SetAuthor(String) as "schema::SomeText" by values::text;
    /// Sets the image comment.
    ///
    /// Takes a string.
    /// For example `ready` turns `"comment":"draft"` into `"comment":"ready"`.
    "set-comment" SetComment(String) as "schema::SomeText" by values::text;
    /// Sets the creation time, overriding `SOURCE_DATE_EPOCH`.
    ///
    /// Takes an RFC 3339 timestamp.
    /// For example `2026-01-31T12:00:00Z` turns `"created":"2024-01-01T00:00:00Z"` into `"created":"2026-01-31T12:00:00Z"`.
    "set-created" SetCreated(Timestamp) as "schema::Time" by values::time;
    /// Sets parts of the platform; omitted ones stay as they are.
    ///
    /// Takes `{os: name, architecture: name, variant: name, os-version: string, os-features: [string, …]}`.
    /// For example `{ architecture: arm, variant: v7 }` turns `"architecture":"arm","variant":"v6"` into `"architecture":"arm","variant":"v7"`.
    "set-platform" SetPlatform(PlatformChange) as "PlatformChange" by PlatformChange::decode;
    /// Sets the host name, which `docker run` replaces.
    ///
    /// Takes a string.
    /// For example `app` turns `"Hostname":"fe562fd5d7a1"` into `"Hostname":"app"`.
    "set-hostname" SetHostname(String) as "schema::SomeText" by values::text;
    /// Sets the domain name.
    ///
    /// Takes a string.
    /// For example `example.com` turns `"Domainname":""` into `"Domainname":"example.com"`.
    "set-domainname" SetDomainname(String) as "schema::SomeText" by values::text;
    /// Sets annotations of the manifest, of the index that the names refer to, or of the descriptors of the manifest.
    ///
    /// Takes `{key: value, …}`, or `{on: index, set: {key: value, …}}` with `manifest`, `index` or `descriptor`.
    /// For example `{ a.b: new }` turns `"annotations":{"a.b":"old"}` into `"annotations":{"a.b":"new"}`.
    "set-annotation" SetAnnotation(Annotations) as "schema::Annotations" by Annotations::decode;
    /// Removes the annotations whose keys match.
    ///
    /// Takes patterns, also with `on: index` or `on: descriptor` beside `match`.
    /// For example `["com.vendor.*"]` turns `"annotations":{"com.vendor.os":"tiny","a":"b"}` into `"annotations":{"a":"b"}`.
    "unset-annotation" UnsetAnnotation(AnnotationRemoval) as "schema::AnnotationRemoval" by AnnotationRemoval::decode;
    /// Adds a layer with the files of a directory or a tar, or with files defined in the patch.
    ///
    /// Takes `{from: directory or tar, to: path}`, `{files: [{path: path, content: string}, …]}`, and more: see below.
    /// For example `{ files: [{ path: /etc/b, content: hi }] }` turns `layers: [etc/ etc/a]` into `layers: [etc/ etc/a] [etc/ etc/b]`.
    "add-layer" AddLayer(AddLayer) as "AddLayer" by AddLayer::decode;
    /// Removes a layer with its files, diff id and history entry.
    ///
    /// Takes the number of a layer (the base is 1), `{diff-id: digest}`, or `{created-by: regular expression}`.
    /// For example `2` turns `layers: [etc/ etc/a] [etc/b]` into `layers: [etc/ etc/a]`.
    "remove-layer" RemoveLayer(LayerRemoval) as "super::layer_removal::LayerRemovalSchema" by LayerRemoval::decode;
    /// Removes files and directories with a layer of whiteouts, or from every layer.
    ///
    /// Takes `[path, …]` with patterns, or `{match: [path, …], purge: true, if-missing: ignore, created-by: string}`.
    /// For example `[/etc/a]` turns `layers: [etc/ etc/a etc/b]` into `layers: [etc/ etc/a etc/b] [etc/ etc/.wh.a]`.
    "remove-path" RemovePath(PathRemoval) as "super::path_removal::PathRemovalSchema" by PathRemoval::decode;
    /// Replaces a layer.
    ///
    /// Takes `{layer: number, with: {…}}`, or `diff-id` or `created-by` instead of `layer`; `with` takes what `add-layer` takes.
    /// For example `{ layer: 1, with: { files: [{ path: /etc/b, content: hi }] } }` turns `layers: [etc/ etc/a] [etc/ etc/c]` into `layers: [etc/ etc/b] [etc/ etc/c]`.
    "replace-layer" ReplaceLayer(LayerReplacement) as "super::layer_replacement::LayerReplacementSchema" by LayerReplacement::decode;
    /// Combines layers into one with the same files.
    ///
    /// Takes `all`, the first and last layer as in `2-4`, or `{layers: 2-4, created-by: string, compression: gzip}`.
    /// For example `all` turns `layers: [etc/ etc/a etc/b] [etc/ etc/.wh.a etc/c]` into `layers: [etc/ etc/b etc/c]`.
    "squash" Squash(Squash) as "super::squash::SquashSchema" by Squash::decode;
    /// Replaces the base image's layers with those of another base.
    ///
    /// Takes `{from: archive, onto: archive}`, or `{archive: path, image: pattern}` for each.
    /// For example `{ from: old.tar, onto: new.tar }` turns `layers: [etc/ etc/old] [srv/ srv/app]` into `layers: [etc/ etc/new] [srv/ srv/app]`.
    "rebase" Rebase(Rebase) as "super::rebase::RebaseSchema" by Rebase::decode;
    /// Changes the compression of layers; their content and the image id stay the same.
    ///
    /// Takes `gzip`, `zstd` or `none`, or `{to: zstd, layers: 2-4}`.
    /// For example `zstd` turns `compression: gzip gzip` into `compression: zstd zstd`.
    "recompress" Recompress(Recompression) as "super::recompression::RecompressionSchema" by Recompression::decode;
    /// Clamps file timestamps to a maximum.
    ///
    /// Takes an RFC 3339 timestamp, `source-date-epoch`, or `{to: time, layers: added}`.
    /// For example `1970-01-01T00:00:09Z` turns `layers: [etc/(@5) etc/a(@12)]` into `layers: [etc/(@5) etc/a(@9)]`.
    "rewrite-timestamps" RewriteTimestamps(TimeLimit) as "super::time_limit::TimeLimitSchema" by TimeLimit::decode;
    /// Moves files and directories, in a layer on top.
    ///
    /// Takes `{old: new, …}`, or `{move: {old: new, …}, if-missing: ignore, created-by: string}`.
    /// For example `{ /etc/a: /srv/b }` turns `layers: [etc/ srv/ etc/a]` into `layers: [etc/ srv/ etc/a] [etc/ etc/.wh.a srv/ srv/b]`.
    "move-path" MovePath(PathMoves) as "super::path_moves::PathMovesSchema" by PathMoves::decode;
    /// Sets the permissions of files and directories.
    ///
    /// Takes `{path: mode, …}` with patterns, or `{set: {path: mode, …}, in: layer, if-missing: ignore, created-by: string}`.
    /// For example `{ /etc/a: go-r }` turns `layers: [etc/(0755) etc/a(0644)]` into `layers: [etc/(0755) etc/a(0644)] [etc/(0755) etc/a(0600)]`.
    "set-mode" SetMode(PathSettings<FileMode>) as "super::path_settings::ModeSettings" by PathSettings::decode_modes;
    /// Sets the owner of files and directories.
    ///
    /// Takes `{path: "uid:gid", …}` with patterns, or what `set-mode` takes.
    /// For example `{ /etc/a: "5:7" }` turns `layers: [etc/(0:0) etc/a(0:0)]` into `layers: [etc/(0:0) etc/a(0:0)] [etc/(0:0) etc/a(5:7)]`.
    "set-owner" SetOwner(PathSettings<(u32, u32)>) as "super::path_settings::OwnerSettings" by PathSettings::decode_owners;
    /// Applies a unified diff to a text file.
    ///
    /// Takes `{path: path, diff: string}`, or `from` with the path of a diff instead of `diff`, and `fuzz`, `in` and `created-by`.
    /// For example `{ path: /etc/a, diff: "@@ -1 +1 @@\n-x\n+y\n" }` turns `layers: [etc/ etc/a("x\n")]` into `layers: [etc/ etc/a("x\n")] [etc/ etc/a("y\n")]`.
    "patch-file" PatchFile(FileDiff) as "super::file_diff::FileDiffSchema" by FileDiff::decode;
    /// Replaces all tags of the image.
    ///
    /// Takes `[name:tag, …]`.
    /// For example `["app:2"]` turns `"RepoTags":["app:1"]` into `"RepoTags":["app:2"]`.
    "retag" Retag(Vec<Reference>) as "schema::References" by tags::retag;
    /// Adds tags to the image.
    ///
    /// Takes `[name:tag, …]`.
    /// For example `["app:2"]` turns `"RepoTags":["app:1"]` into `"RepoTags":["app:1","app:2"]`.
    "add-tag" AddTag(Vec<Reference>) as "schema::References" by tags::add;
    /// Removes the tags that match.
    ///
    /// Takes patterns.
    /// For example `["*:1"]` turns `"RepoTags":["app:1","app:2"]` into `"RepoTags":["app:2"]`.
    "remove-tag" RemoveTag(Removal) as "schema::Removal" by Removal::decode;
}

const OPERATION: Kind<'_> = Kind {
    name: "an operation",
    keys: Operation::NAMES,
    example: "- retag: [\"app:2\"]",
    shape: Code::OperationShape,
    unknown: Code::UnknownOperation,
};

impl Operation {
    /// Reads one item of `operations`.
    pub(super) fn decode(field: &Field<'_>, problems: &mut Problems) -> Option<Self> {
        let (name, value) = OPERATION.decode(field, problems)?;
        Self::decode_named(name, &value, problems)
    }
}

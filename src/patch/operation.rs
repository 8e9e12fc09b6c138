//! The operations of a patch: for each its documentation, its name, and what it takes.

use super::add_layer::AddLayer;
use super::annotations::{AnnotationRemoval, Annotations};
use super::env::{EnvPart, EnvParts};
use super::file_diff::FileDiff;
use super::file_mode::FileMode;
use super::healthcheck::Healthcheck;
use super::layer_removal::LayerRemoval;
use super::layer_replacement::LayerReplacement;
use super::path_moves::PathMoves;
use super::path_removal::PathRemoval;
use super::path_settings::PathSettings;
use super::platform::PlatformChange;
use super::rebase::Rebase;
use super::recompression::Recompression;
use super::squash::Squash;
use super::tags::{AddedTags, Tags};
use super::time_limit::TimeLimit;
use super::unset::Unset;
use crate::problem::Code;
use crate::reference::Reference;
use crate::shape::{
    Directory, EditPlace, Instructions, Kind, Labels, Ports, Removal, Seconds, Signal, SomeText,
    Time, Variables, Volumes, Words, one_key,
};
use crate::timestamp::Timestamp;

one_key! {
    /// One operation of a patch, as its author wrote it.
    pub enum Operation, Kind {
        name: "an operation",
        keys: Self::NAMES,
        example: "- retag: [\"app:2\"]",
        shape: Code::OperationShape,
        unknown: Code::UnknownOperation,
    };
    /// Sets labels. Existing ones keep their position, new ones come last.
    ///
    /// Takes `{key: value, …}`.
    /// For example `{ mylabel: new }` turns `"Labels":{"mylabel":"old"}` into `"Labels":{"mylabel":"new"}`.
    "set-label" SetLabel(Vec<(String, String)>) is Labels;
    /// Removes the labels whose keys match.
    ///
    /// Takes patterns.
    /// For example `["com.vendor.*"]` turns `"Labels":{"com.vendor.os":"tiny","a":"b"}` into `"Labels":{"a":"b"}`.
    "unset-label" UnsetLabel(Removal);
    /// Sets environment variables. Existing ones keep their position, new ones come last.
    ///
    /// Takes `{NAME: value, …}`.
    /// For example `{ LANG: C.UTF-8 }` turns `"Env":["LANG=C","A=b"]` into `"Env":["LANG=C.UTF-8","A=b"]`.
    "set-env" SetEnv(Vec<(String, String)>) is Variables;
    /// Removes the environment variables whose names match.
    ///
    /// Takes patterns.
    /// For example `["*_proxy"]` turns `"Env":["http_proxy=x","A=b"]` into `"Env":["A=b"]`.
    "unset-env" UnsetEnv(Removal);
    /// Prepends to an environment variable unless its value already starts that way.
    ///
    /// Takes `{NAME: part, …}`, or `{NAME: {value: part, separator: string, if-missing: ignore}}`; the default separator is `:`.
    /// For example `{ PATH: /opt/bin }` turns `"Env":["PATH=/bin"]` into `"Env":["PATH=/opt/bin:/bin"]`.
    "prepend-env" PrependEnv(Vec<EnvPart>) is EnvParts;
    /// Appends to an environment variable unless its value already ends that way.
    ///
    /// Takes what `prepend-env` takes.
    /// For example `{ OPTS: { value: -v, separator: " " } }` turns `"Env":["OPTS=-q"]` into `"Env":["OPTS=-q -v"]`.
    "append-env" AppendEnv(Vec<EnvPart>) is EnvParts;
    /// Sets the entrypoint and keeps `cmd`.
    ///
    /// Takes `[word, …]`.
    /// For example `[/bin/app, -v]` turns `"Entrypoint":null` into `"Entrypoint":["/bin/app","-v"]`.
    "set-entrypoint" SetEntrypoint(Vec<String>) is Words;
    /// Sets the default arguments of the entrypoint.
    ///
    /// Takes `[word, …]`.
    /// For example `[serve]` turns `"Cmd":["help"]` into `"Cmd":["serve"]`.
    "set-cmd" SetCmd(Vec<String>) is Words;
    /// Sets the user, and optionally the group, to run as.
    ///
    /// Takes a string.
    /// For example `1000:1000` turns `"User":""` into `"User":"1000:1000"`.
    "set-user" SetUser(String) is SomeText;
    /// Sets the working directory, without creating it.
    ///
    /// Takes an absolute path.
    /// For example `/srv` turns `"WorkingDir":"/"` into `"WorkingDir":"/srv"`.
    "set-workdir" SetWorkdir(String) is Directory;
    /// Sets the shell that runs commands in shell form.
    ///
    /// Takes `[word, …]`.
    /// For example `[/bin/bash, -c]` turns `"Shell":["/bin/sh","-c"]` into `"Shell":["/bin/bash","-c"]`.
    "set-shell" SetShell(Vec<String>) is Words;
    /// Sets the signal that stops the container.
    ///
    /// Takes a name such as `SIGTERM` or `RTMIN+3`, or a number.
    /// For example `SIGQUIT` turns `"StopSignal":"SIGTERM"` into `"StopSignal":"SIGQUIT"`.
    "set-stop-signal" SetStopSignal(String) is Signal;
    /// Sets the time between that signal and `SIGKILL`.
    ///
    /// Takes seconds; `-1` means no limit.
    /// For example `30` turns `"StopTimeout":10` into `"StopTimeout":30`.
    "set-stop-timeout" SetStopTimeout(i64) is Seconds;
    /// Exposes ports, as `EXPOSE` does.
    ///
    /// Takes `[port, …]`; a port is `8080`, `53/udp` or `8000-8010/tcp`.
    /// For example `[8080, 53/udp]` turns `"ExposedPorts":{"80/tcp":{}}` into `"ExposedPorts":{"53/udp":{},"80/tcp":{},"8080/tcp":{}}`.
    "add-port" AddPort(Vec<String>) is Ports;
    /// Removes the ports that match; `80` means `80/tcp`.
    ///
    /// Takes patterns.
    /// For example `[80]` turns `"ExposedPorts":{"443/tcp":{},"80/tcp":{}}` into `"ExposedPorts":{"443/tcp":{}}`.
    "remove-port" RemovePort(Removal);
    /// Adds volumes, as `VOLUME` does.
    ///
    /// Takes `[path, …]`.
    /// For example `[/data]` turns `"Volumes":null` into `"Volumes":{"/data":{}}`.
    "add-volume" AddVolume(Vec<String>) is Volumes;
    /// Removes the volumes that match.
    ///
    /// Takes patterns.
    /// For example `["/var/*"]` turns `"Volumes":{"/data":{},"/var/lib":{}}` into `"Volumes":{"/data":{}}`.
    "remove-volume" RemoveVolume(Removal);
    /// Sets fields of the health check; omitted ones stay as they are.
    ///
    /// Takes `{test: command, interval: time, timeout: time, start-period: time, start-interval: time, retries: number}`.
    /// For example `{ test: [CMD, /bin/up], interval: 1m30s }` turns `"Healthcheck":{"Retries":2}` into `"Healthcheck":{"Test":["CMD","/bin/up"],"Interval":90000000000,"Retries":2}`.
    "set-healthcheck" SetHealthcheck(Healthcheck);
    /// Appends ONBUILD instructions unless the list already ends with them.
    ///
    /// Takes `[instruction, …]`.
    /// For example `["RUN make"]` turns `"OnBuild":["COPY . /src"]` into `"OnBuild":["COPY . /src","RUN make"]`.
    "add-onbuild" AddOnbuild(Vec<String>) is Instructions;
    /// Removes fields of the configuration; see below for their names.
    ///
    /// Takes `[field, …]`.
    /// For example `[healthcheck, user]` turns `"User":"app","Healthcheck":{"Retries":2},"Image":""` into `"Image":""`.
    "unset" Unset(Unset);
    /// Sets the author of the image.
    ///
    /// Takes a string.
    /// For example `ops@example.com` turns `"author":"me"` into `"author":"ops@example.com"`.
    "set-author" SetAuthor(String) is SomeText;
    /// Sets the image comment.
    ///
    /// Takes a string.
    /// For example `ready` turns `"comment":"draft"` into `"comment":"ready"`.
    "set-comment" SetComment(String) is SomeText;
    /// Sets the creation time, overriding `SOURCE_DATE_EPOCH`.
    ///
    /// Takes an RFC 3339 timestamp.
    /// For example `2026-01-31T12:00:00Z` turns `"created":"2024-01-01T00:00:00Z"` into `"created":"2026-01-31T12:00:00Z"`.
    "set-created" SetCreated(Timestamp) is Time;
    /// Sets parts of the platform; omitted ones stay as they are.
    ///
    /// Takes `{os: name, architecture: name, variant: name, os-version: string, os-features: [string, …]}`.
    /// For example `{ architecture: arm, variant: v7 }` turns `"architecture":"arm","variant":"v6"` into `"architecture":"arm","variant":"v7"`.
    "set-platform" SetPlatform(PlatformChange);
    /// Sets the host name, which `docker run` replaces.
    ///
    /// Takes a string.
    /// For example `app` turns `"Hostname":"fe562fd5d7a1"` into `"Hostname":"app"`.
    "set-hostname" SetHostname(String) is SomeText;
    /// Sets the domain name.
    ///
    /// Takes a string.
    /// For example `example.com` turns `"Domainname":""` into `"Domainname":"example.com"`.
    "set-domainname" SetDomainname(String) is SomeText;
    /// Sets annotations of the manifest, of the index that the names refer to, or of the descriptors of the manifest.
    ///
    /// Takes `{key: value, …}`, or `{on: index, set: {key: value, …}}` with `manifest`, `index` or `descriptor`.
    /// For example `{ a.b: new }` turns `"annotations":{"a.b":"old"}` into `"annotations":{"a.b":"new"}`.
    "set-annotation" SetAnnotation(Annotations);
    /// Removes the annotations whose keys match.
    ///
    /// Takes patterns, also with `on: index` or `on: descriptor` beside `match`.
    /// For example `["com.vendor.*"]` turns `"annotations":{"com.vendor.os":"tiny","a":"b"}` into `"annotations":{"a":"b"}`.
    "unset-annotation" UnsetAnnotation(AnnotationRemoval);
    /// Adds a layer with the files of a directory or a tar, or with files defined in the patch.
    ///
    /// Takes `{from: directory or tar, to: path}`, `{files: [{path: path, content: string}, …]}`, and more: see below.
    /// For example `{ files: [{ path: /etc/b, content: hi }] }` turns `layers: [etc/ etc/a]` into `layers: [etc/ etc/a] [etc/ etc/b]`.
    "add-layer" AddLayer(AddLayer);
    /// Removes a layer with its files, diff id and history entry.
    ///
    /// Takes the number of a layer (the base is 1), `{diff-id: digest}`, or `{created-by: regular expression}`.
    /// For example `2` turns `layers: [etc/ etc/a] [etc/b]` into `layers: [etc/ etc/a]`.
    "remove-layer" RemoveLayer(LayerRemoval);
    /// Removes files and directories with a layer of whiteouts, or from every layer.
    ///
    /// Takes `[path, …]` with patterns, or `{match: [path, …], purge: true, if-missing: ignore, created-by: string}`.
    /// For example `[/etc/a]` turns `layers: [etc/ etc/a etc/b]` into `layers: [etc/ etc/a etc/b] [etc/ etc/.wh.a]`.
    "remove-path" RemovePath(PathRemoval);
    /// Replaces a layer.
    ///
    /// Takes `{layer: number, with: {…}}`, or `diff-id` or `created-by` instead of `layer`; `with` takes what `add-layer` takes.
    /// For example `{ layer: 1, with: { files: [{ path: /etc/b, content: hi }] } }` turns `layers: [etc/ etc/a] [etc/ etc/c]` into `layers: [etc/ etc/b] [etc/ etc/c]`.
    "replace-layer" ReplaceLayer(LayerReplacement);
    /// Combines layers into one with the same files.
    ///
    /// Takes `all`, the first and last layer as in `2-4`, or `{layers: 2-4, created-by: string, compression: gzip}`.
    /// For example `all` turns `layers: [etc/ etc/a etc/b] [etc/ etc/.wh.a etc/c]` into `layers: [etc/ etc/b etc/c]`.
    "squash" Squash(Squash);
    /// Replaces the base image's layers with those of another base.
    ///
    /// Takes `{from: archive, onto: archive}`, or `{archive: path, image: pattern}` for each.
    /// For example `{ from: old.tar, onto: new.tar }` turns `layers: [etc/ etc/old] [srv/ srv/app]` into `layers: [etc/ etc/new] [srv/ srv/app]`.
    "rebase" Rebase(Rebase);
    /// Changes the compression of layers; their content and the image id stay the same.
    ///
    /// Takes `gzip`, `zstd` or `none`, or `{to: zstd, layers: 2-4}`.
    /// For example `zstd` turns `compression: gzip gzip` into `compression: zstd zstd`.
    "recompress" Recompress(Recompression);
    /// Clamps file timestamps to a maximum.
    ///
    /// Takes an RFC 3339 timestamp, `source-date-epoch`, or `{to: time, layers: added}`.
    /// For example `1970-01-01T00:00:09Z` turns `layers: [etc/(@5) etc/a(@12)]` into `layers: [etc/(@5) etc/a(@9)]`.
    "rewrite-timestamps" RewriteTimestamps(TimeLimit);
    /// Moves files and directories, in a layer on top.
    ///
    /// Takes `{old: new, …}`, or `{move: {old: new, …}, if-missing: ignore, created-by: string}`.
    /// For example `{ /etc/a: /srv/b }` turns `layers: [etc/ srv/ etc/a]` into `layers: [etc/ srv/ etc/a] [etc/ etc/.wh.a srv/ srv/b]`.
    "move-path" MovePath(PathMoves);
    /// Sets the permissions of files and directories.
    ///
    /// Takes `{path: mode, …}` with patterns, or `{set: {path: mode, …}, in: layer, if-missing: ignore, created-by: string}`.
    /// For example `{ /etc/a: go-r }` turns `layers: [etc/(0755) etc/a(0644)]` into `layers: [etc/(0755) etc/a(0644)] [etc/(0755) etc/a(0600)]`.
    "set-mode" SetMode(PathSettings<FileMode>);
    /// Sets the owner of files and directories.
    ///
    /// Takes `{path: "uid:gid", …}` with patterns, or what `set-mode` takes.
    /// For example `{ /etc/a: "5:7" }` turns `layers: [etc/(0:0) etc/a(0:0)]` into `layers: [etc/(0:0) etc/a(0:0)] [etc/(0:0) etc/a(5:7)]`.
    "set-owner" SetOwner(PathSettings<(u32, u32)>);
    /// Applies a unified diff to a text file.
    ///
    /// Takes `{path: path, diff: string}`, or `from` with the path of a diff instead of `diff`, and `fuzz`, `in` and `created-by`.
    /// For example `{ path: /etc/a, diff: "@@ -1 +1 @@\n-x\n+y\n" }` turns `layers: [etc/ etc/a("x\n")]` into `layers: [etc/ etc/a("x\n")] [etc/ etc/a("y\n")]`.
    "patch-file" PatchFile(FileDiff);
    /// Replaces all tags of the image.
    ///
    /// Takes `[name:tag, …]`.
    /// For example `["app:2"]` turns `"RepoTags":["app:1"]` into `"RepoTags":["app:2"]`.
    "retag" Retag(Vec<Reference>) is Tags;
    /// Adds tags to the image.
    ///
    /// Takes `[name:tag, …]`.
    /// For example `["app:2"]` turns `"RepoTags":["app:1"]` into `"RepoTags":["app:1","app:2"]`.
    "add-tag" AddTag(Vec<Reference>) is AddedTags;
    /// Removes the tags that match.
    ///
    /// Takes patterns.
    /// For example `["*:1"]` turns `"RepoTags":["app:1","app:2"]` into `"RepoTags":["app:2"]`.
    "remove-tag" RemoveTag(Removal);
}

impl Operation {
    /// Tells whether it is about layers or the files in them.
    #[must_use]
    pub fn needs_layers(&self) -> bool {
        self.edits_files()
            || matches!(
                self,
                Self::AddLayer(_)
                    | Self::RemoveLayer(_)
                    | Self::ReplaceLayer(_)
                    | Self::Squash(_)
                    | Self::Rebase(_)
                    | Self::Recompress(_)
                    | Self::RewriteTimestamps(_)
            )
    }

    /// Tells whether it changes files of the image, rather than bringing a layer of its own.
    #[must_use]
    pub fn edits_files(&self) -> bool {
        matches!(
            self,
            Self::RemovePath(_)
                | Self::MovePath(_)
                | Self::SetMode(_)
                | Self::SetOwner(_)
                | Self::PatchFile(_)
        )
    }

    /// Tells whether it changes which images a later patch is about.
    #[must_use]
    pub fn retargets(&self) -> bool {
        self.names_images() || matches!(self, Self::SetPlatform(_) | Self::Unset(_))
    }

    /// Tells whether it changes what images are named.
    #[must_use]
    pub fn names_images(&self) -> bool {
        matches!(self, Self::Retag(_) | Self::AddTag(_) | Self::RemoveTag(_))
    }

    /// Tells whether it changes files of the image in a layer above the others.
    #[must_use]
    pub fn edits_above(&self) -> bool {
        match self {
            Self::RemovePath(removal) => !removal.purges,
            Self::SetMode(settings) => settings.place == EditPlace::NewLayer,
            Self::SetOwner(settings) => settings.place == EditPlace::NewLayer,
            Self::PatchFile(diff) => diff.place == EditPlace::NewLayer,
            other => other.edits_files(),
        }
    }
}

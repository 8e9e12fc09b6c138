//! The rules: what is checked, under a stable code, and where each comes from.
//!
//! `image-spec` is version 1.1.1 of <https://github.com/opencontainers/image-spec>, by file; moby is version 26.1 of
//! <https://github.com/moby/moby>. A rule with neither is a check of loaders that nobody has written down.

use std::fmt;

macro_rules! rules {
    ($($(#[$doc:meta])* $name:ident = $code:literal,)*) => {
        /// What a finding is about. Codes are stable; their list only grows.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[non_exhaustive]
        pub enum Rule {
            $($(#[$doc])* $name,)*
        }

        impl Rule {
            /// All rules, in the order in which they are documented.
            pub const ALL: &'static [Self] = &[$(Self::$name),*];

            /// Returns the kebab-case code.
            #[must_use]
            pub fn code(self) -> &'static str {
                match self {
                    $(Self::$name => $code,)*
                }
            }
        }
    };
}

rules! {
    /// The archive has `manifest.json`, or is an OCI layout without a trace of one (moby `image/tarexport/load.go`; Docker before
    /// 1.10 wrote none, and Docker up to 28 loads that).
    NoManifest = "no-manifest",
    /// A document is JSON in UTF-8 within 4 MiB and 128 levels (every reader; c/image `iolimits.go`).
    BadJson = "bad-json",
    /// Nothing stands behind a document's JSON value (podman rejects what docker ignores).
    TrailingBytes = "trailing-bytes",
    /// No object has a key twice (image-spec `considerations.md`; Go takes the last, others the first or none).
    RepeatedKey = "repeated-key",
    /// No key differs from one that readers know by upper and lower case only (Go matches either).
    AmbiguousKey = "ambiguous-key",
    /// Documents have the fields and types that every reader expects (image-spec `image-layout.md`, `descriptor.md`,
    /// `manifest.md`, `image-index.md`, `config.md`, moby `image/tarexport/load.go`).
    BadShape = "bad-shape",

    /// What a document names is in the archive, after links (image-spec `image-layout.md`, moby `image/tarexport/load.go`).
    MissingEntry = "missing-entry",
    /// Links are relative, of one hop, symbolic, and lead somewhere (ctr ignores hard links).
    UnportableLink = "unportable-link",
    /// No name stands twice in the archive, not even with the same content.
    DuplicateEntry = "duplicate-entry",
    /// Entry names have no leading `./` or `/` (containerd and podman look names up as spelled).
    EntryName = "entry-name",
    /// `manifest.json` spells paths as the entries do (containerd compares bytes).
    PathSpelling = "path-spelling",
    /// The archive as a whole is not compressed (ctr does not decompress).
    OuterCompression = "outer-compression",
    /// A blob's content has the digest of its name, referenced or not (image-spec `image-layout.md`).
    BlobDigest = "blob-digest",
    /// A layout has the directory `blobs`, whether something is in it or not (image-spec `image-layout.md`).
    BlobsDirectory = "blobs-directory",
    /// Files below the `blobs/` of a layout are named by digests (image-spec `image-layout.md`, `descriptor.md`).
    BlobName = "blob-name",
    /// Digests are of SHA-256 (image-spec `descriptor.md`; docker and umoci know no other). Those of SHA-512 are computed
    /// too, others not.
    UnportableDigest = "unportable-digest",
    /// A config named by a digest has it (moby `image/tarexport/load.go`).
    ConfigName = "config-name",
    /// A layer file named by a digest has it, compressed or not (docker-archive of podman and crane).
    LayerName = "layer-name",
    /// Every file of the archive belongs to an image (image-spec `image-layout.md`: allowed, yet never intended).
    Orphan = "orphan",

    /// `manifest.json` takes 1 MiB at most (podman reads no more).
    LargeManifest = "large-manifest",
    /// A layout that `podman load` is to take has one entry in `index.json`.
    SeveralEntries = "several-entries",
    /// Integers fit into a double (image-spec `considerations.md`).
    LongNumber = "long-number",

    /// An image has as many layers as diff ids (image-spec `config.md`, moby `image/tarexport/load.go`; docker: `layers
    /// length mismatch`).
    LayerCount = "layer-count",
    /// A layer's uncompressed bytes hash to the diff id at its position (image-spec `config.md`, moby
    /// `image/tarexport/load.go`; docker: `invalid diffID`).
    DiffId = "diff-id",
    /// An image has 125 layers at most (docker: `max depth exceeded`).
    LayerDepth = "layer-depth",
    /// A compressed layer decompresses to its end (every unpacker).
    LayerCompression = "layer-compression",
    /// Layers are plain or gzip (docker 20 has no zstd, containerd no bzip2 and xz).
    UnportableCompression = "unportable-compression",
    /// A layer's media type states its compression (image-spec `layer.md`; containerd believes it).
    LayerMediaType = "layer-media-type",
    /// A layer is a tar that can be read to its end (image-spec `layer.md`).
    LayerTar = "layer-tar",
    /// No path stands twice in a layer (image-spec `layer.md`; docker: `duplicates of file paths not supported`).
    LayerDuplicatePath = "layer-duplicate-path",
    /// A layer has no sparse files in GNU's old form (image-spec `layer.md`; docker: `unhandled tar header type 83`).
    LayerSparse = "layer-sparse",
    /// A layer has no sparse files in PAX form (image-spec `layer.md`; docker's own store and podman load them and cannot
    /// save the image again).
    SparseSave = "sparse-save",
    /// Entries are files, directories, links, devices and pipes (image-spec `layer.md`; docker: `unhandled tar header
    /// type`).
    LayerEntryType = "layer-entry-type",
    /// No character device is 0:0 (a whiteout to overlay2 and overlayfs, a device to vfs, the native snapshotter and
    /// umoci).
    WhiteoutDevice = "whiteout-device",
    /// A whiteout names what it removes (image-spec `layer.md`; docker and containerd fail on bare `.wh.`).
    LayerWhiteout = "layer-whiteout",
    /// No whiteout removes what its own layer has put there before (image-spec `layer.md`; docker with overlay2: `failed to
    /// mknod`; with vfs
    /// it is gone, and `docker save` fails; umoci keeps it).
    OwnWhiteout = "own-whiteout",
    /// A directory does not come after a whiteout of its name (overlay2 and overlayfs show the old files in it).
    WhiteoutDirectory = "whiteout-directory",
    /// Whiteouts stand before their siblings (image-spec `layer.md`).
    WhiteoutOrder = "whiteout-order",
    /// Whiteouts name what they hide, one by one (image-spec `layer.md`).
    OpaqueWhiteout = "opaque-whiteout",
    /// A hard link's target comes before it in the same layer (image-spec `layer.md`; docker: `no such file`).
    LayerHardLink = "layer-hard-link",

    /// `rootfs` is there and has type `layers` (image-spec `config.md`; docker: `no RootFS key`).
    Rootfs = "rootfs",
    /// The config names `os` and `architecture` (image-spec `config.md`; containerd filters images without).
    Platform = "platform",
    /// The history has as many non-empty entries as there are layers (image-spec `config.md`; docker: `too many non-empty
    /// layers`).
    History = "history",
    /// Every environment entry is `NAME=value` (image-spec `config.md`).
    Env = "env",
    /// Times are RFC 3339 (image-spec `config.md`; docker fails to parse the config).
    Created = "created",

    /// Tags are valid references with a tag (moby `image/tarexport/load.go`; docker: `invalid tag`).
    RepoTag = "repo-tag",
    /// No tag is held by two images (the loader's order would decide).
    TagTwice = "tag-twice",
    /// `repositories` holds the tags of `manifest.json` and points at the top layer's id (moby `image/tarexport/save.go`).
    Repositories = "repositories",

    /// A v1 directory's `VERSION` is `1.0` (moby `image/tarexport/load.go`).
    V1Version = "v1-version",
    /// A v1 directory's `json` has the directory's id and what the config says (moby `image/tarexport/save.go`).
    V1Json = "v1-json",
    /// The `parent` of the v1 ids follows the order of `Layers` (moby `image/tarexport/save.go`).
    V1Parent = "v1-parent",
    /// A v1 directory of podman links to the layer that it is of (moby `image/tarexport/save.go`).
    V1Link = "v1-link",
    /// v1 ids can be derived from the config by the rules of some Docker version (moby `image/v1`, `CreateID`), or of
    /// podman.
    V1Id = "v1-id",
    /// The history of an image is its `Parent`'s and one entry (moby `image/tarexport/load.go`; docker: `is not a valid
    /// parent`).
    Parent = "parent",
    /// `LayerSources` describes the layers of its image (moby `image/tarexport/load.go`).
    LayerSource = "layer-source",

    /// `oci-layout` is there and states version 1.0.0 (image-spec `image-layout.md`; containerd: `unsupported OCI
    /// version`).
    OciLayout = "oci-layout",
    /// `manifests` of an index is a list (image-spec `image-index.md`; Docker 25.0 writes `null` for untagged images,
    /// beside a `manifest.json`).
    NullManifests = "null-manifests",
    /// `schemaVersion` is 2 (image-spec `manifest.md`, `image-index.md`).
    SchemaVersion = "schema-version",
    /// Media types follow their grammar, and a document's own is its descriptor's (image-spec `descriptor.md`,
    /// `manifest.md`, `image-index.md`).
    MediaType = "media-type",
    /// No document is index and manifest at once (CVE-2021-41190).
    AmbiguousDocument = "ambiguous-document",
    /// A descriptor's digest keeps the grammar, and the rules of its algorithm (image-spec `descriptor.md`).
    DescriptorDigest = "descriptor-digest",
    /// A descriptor's size is its content's (image-spec `descriptor.md`).
    DescriptorSize = "descriptor-size",
    /// What has the media type of the empty descriptor is `{}` (image-spec `manifest.md`).
    EmptyDescriptor = "empty-descriptor",
    /// A descriptor's embedded `data` is its content, which has its digest and size (image-spec `descriptor.md`).
    DescriptorData = "descriptor-data",
    /// A descriptor's platform is its config's (image-spec `config.md`, `image-index.md`).
    DescriptorPlatform = "descriptor-platform",
    /// What an index lists is there, unless the archive holds some of its platforms only (image-spec `image-layout.md`).
    AbsentBlob = "absent-blob",
    /// An `artifactType` is a media type, and stands where the configuration is empty, not that of an image (image-spec
    /// `descriptor.md`, `manifest.md`, `image-index.md`).
    ArtifactType = "artifact-type",
    /// `urls` of a descriptor are absolute (image-spec `descriptor.md`).
    Urls = "urls",
    /// Descriptors of images state platforms, by names that Go and the specification know (image-spec `image-index.md`).
    IndexPlatform = "index-platform",
    /// A document states its media type (image-spec `manifest.md`).
    StatedMediaType = "stated-media-type",
    /// A manifest has layers, and one of an artifact has some that are not empty (image-spec `manifest.md`).
    NoLayers = "no-layers",
    /// New layers may be passed on (image-spec `layer.md`).
    ForeignLayer = "foreign-layer",
    /// Keys of annotations and labels are names of domains, backwards (image-spec `config.md`, `annotations.md`).
    AnnotationKey = "annotation-key",
    /// Keys below `org.opencontainers` are those that specifications have given (image-spec `annotations.md`).
    ReservedKey = "reserved-key",
    /// A `dir:` says in `version` that it is one (containers/image `directory/directory_dest.go`; skopeo writes over no other
    /// directory).
    DirVersion = "dir-version",
    /// The name of an image stands in `index.json` and is made of the characters for that (image-spec `image-layout.md`,
    /// `annotations.md`).
    RefName = "ref-name",
    /// What is said about an image is about one that is there: `vnd.docker.reference.digest`, subjects of statements
    /// (in-toto Statement).
    Attestation = "attestation",
    /// Indexes nest a few levels deep and end (docker and ctr recurse).
    IndexDepth = "index-depth",

    /// `manifest.json` and `index.json` describe the same images and the same layers in the same order.
    HybridImage = "hybrid-image",
    /// `RepoTags` and the names annotated in `index.json` agree.
    HybridTag = "hybrid-tag",
}

impl Rule {
    /// Tells whether it is about what follows from the bytes of layers and configurations, which `ocipatch repair` derives again.
    pub(super) fn is_of_derived(self) -> bool {
        matches!(
            self,
            Self::BlobDigest
                | Self::ConfigName
                | Self::LayerName
                | Self::LayerCount
                | Self::DiffId
                | Self::History
                | Self::Repositories
                | Self::V1Json
                | Self::V1Parent
                | Self::V1Link
                | Self::V1Id
                | Self::LayerSource
                | Self::MediaType
                | Self::DescriptorSize
                | Self::DescriptorPlatform
                | Self::HybridImage
                | Self::HybridTag
        )
    }
}

impl fmt::Display for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.code())
    }
}

impl serde::Serialize for Rule {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.code())
    }
}

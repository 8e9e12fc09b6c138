//! The forms of archives, as `ocipatch explain` tells of them.

/// A form: what it is called, what it is, and what to know.
pub(super) const FORMS: &[(&str, &str, &str)] = &[
    (
        "docker-archive",
        "The tar that `docker save` writes: `manifest.json`, configurations and layers.",
        "All versions of Docker since 1.10, podman and skopeo read it. It has one image per platform and no place for attestations. From version 25 on, Docker adds the documents of an OCI layout to the same tar; both are kept in step.\n\nMade by `docker save`, `podman save`, `crane pull` and `skopeo copy … docker-archive:FILE`; read by `docker load`. `ocipatch apply --to docker-archive` converts into it.",
    ),
    (
        "oci-archive",
        "An OCI image layout in a tar: `oci-layout`, `index.json` and `blobs`.",
        "It holds images of several platforms, attestations and signatures, and layers compressed by gzip or zstd.\n\nMade by `docker buildx build --output type=oci`, `ctr images export`, `podman save --format oci-archive` and `skopeo copy … oci-archive:FILE`. `ocipatch apply --to oci-archive` converts into it.",
    ),
    (
        "oci-dir",
        "An OCI image layout as a directory.",
        "The same documents as in an `oci-archive`.\n\nMade by `umoci`, `skopeo copy … oci:DIRECTORY`, `crane pull --format oci` and Bazel. `ocipatch apply --to oci-dir` converts into it.",
    ),
    (
        "docker-dir",
        "The files of a `docker-archive` as a directory.",
        "An extracted archive is read and patched like a tar. `docker load` needs a tar: `tar -C DIRECTORY -c .` makes one.\n\n`ocipatch apply --to docker-dir` converts into it.",
    ),
    (
        "dir",
        "The directory of `skopeo copy … dir:DIRECTORY`: a manifest and blobs beside each other.",
        "It has no tags, so operations on tags are rejected. It is read and patched in its own form, and can be converted into others.",
    ),
    (
        "docker://",
        "An image in a registry, as in `docker://registry.example.com/team/app:1.4`.",
        "Only what a patch needs is read, and only what is new is sent. The name has a registry, a repository, and a tag or a digest; without a registry it is one of Docker Hub. Credentials are those of `docker login` and `podman login`.\n\n`ocipatch apply fix.yaml docker://SOURCE -o docker://DESTINATION` patches from name to name.",
    ),
];

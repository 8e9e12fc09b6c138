//! Media types of images (image-spec media-types.md) and of Docker before them (distribution `manifest-v2-2.md`).

use crate::compression::Compression;

/// An OCI manifest.
pub const MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";
/// An OCI index.
pub const INDEX: &str = "application/vnd.oci.image.index.v1+json";
/// An OCI configuration.
pub const CONFIG: &str = "application/vnd.oci.image.config.v1+json";
/// An OCI layer that is not compressed.
pub const PLAIN_LAYER: &str = "application/vnd.oci.image.layer.v1.tar";
/// Docker's manifest.
pub const DOCKER_MANIFEST: &str = "application/vnd.docker.distribution.manifest.v2+json";
/// Docker's index.
pub const DOCKER_LIST: &str = "application/vnd.docker.distribution.manifest.list.v2+json";
/// Docker's configuration.
pub const DOCKER_CONFIG: &str = "application/vnd.docker.container.image.v1+json";

/// Tells whether it is that of a manifest.
#[must_use]
pub fn is_manifest(media_type: &str) -> bool {
    matches!(media_type, MANIFEST | DOCKER_MANIFEST)
}

/// Tells whether it is that of an index.
#[must_use]
pub fn is_index(media_type: &str) -> bool {
    matches!(media_type, INDEX | DOCKER_LIST)
}

/// Tells whether a manifest with a configuration of that type is one of an image; hand-made ones leave it out.
#[must_use]
pub fn is_image_config(media_type: &str) -> bool {
    matches!(media_type, "" | CONFIG | DOCKER_CONFIG)
}

/// Tells whether it is that of a layer of an image, in whatever compression; hand-made manifests leave it out.
#[must_use]
pub fn is_layer(media_type: &str) -> bool {
    let families = [
        "application/vnd.oci.image.layer.",
        "application/vnd.docker.image.rootfs.",
        "application/vnd.docker.container.image.rootfs.",
    ];
    media_type.is_empty() || families.iter().any(|family| media_type.starts_with(family))
}

/// Tells whether it is that of a layer that no registry has to have (image-spec layer.md, "Non-Distributable Layers").
#[must_use]
pub fn is_foreign(media_type: &str) -> bool {
    media_type.contains(".nondistributable.") || media_type.contains(".foreign.")
}

/// Returns how the media type of a layer says that it is compressed.
#[must_use]
pub fn compression(media_type: &str) -> Compression {
    match media_type.rsplit(['+', '.']).next() {
        Some("gzip") => Compression::Gzip,
        Some("zstd") => Compression::Zstd,
        _ => Compression::None,
    }
}

/// Returns the media type of a layer, in Docker's family or in OCI's; nothing where the family has none.
#[must_use]
pub fn layer(compression: Compression, is_docker: bool) -> Option<&'static str> {
    Some(match (is_docker, compression) {
        (true, Compression::None) => "application/vnd.docker.image.rootfs.diff.tar",
        (true, Compression::Gzip) => "application/vnd.docker.image.rootfs.diff.tar.gzip",
        (true, Compression::Zstd) => "application/vnd.docker.image.rootfs.diff.tar.zstd",
        (false, Compression::None) => PLAIN_LAYER,
        (false, Compression::Gzip) => "application/vnd.oci.image.layer.v1.tar+gzip",
        (false, Compression::Zstd) => "application/vnd.oci.image.layer.v1.tar+zstd",
        (_, Compression::Bzip2 | Compression::Xz) => return None,
    })
}

/// Returns the media type of OCI that means what this one of Docker does; nothing for any other (image-spec
/// media-types.md, "Compatibility Matrix").
#[must_use]
pub fn as_oci(media_type: &str) -> Option<&'static str> {
    Some(match media_type {
        DOCKER_MANIFEST => MANIFEST,
        DOCKER_LIST => INDEX,
        DOCKER_CONFIG => CONFIG,
        "application/vnd.docker.image.rootfs.diff.tar" => PLAIN_LAYER,
        "application/vnd.docker.image.rootfs.diff.tar.gzip" => {
            "application/vnd.oci.image.layer.v1.tar+gzip"
        }
        "application/vnd.docker.image.rootfs.diff.tar.zstd" => {
            "application/vnd.oci.image.layer.v1.tar+zstd"
        }
        "application/vnd.docker.image.rootfs.foreign.diff.tar" => {
            "application/vnd.oci.image.layer.nondistributable.v1.tar"
        }
        "application/vnd.docker.image.rootfs.foreign.diff.tar.gzip" => {
            "application/vnd.oci.image.layer.nondistributable.v1.tar+gzip"
        }
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::{Compression, as_oci, compression, layer};

    #[test]
    fn a_media_type_says_how_its_layer_is_compressed() {
        for packed in [Compression::None, Compression::Gzip, Compression::Zstd] {
            for is_docker in [true, false] {
                let name = layer(packed, is_docker).expect("both families have one");
                assert_eq!(compression(name), packed, "{name}");
            }
        }
        for other in [Compression::Bzip2, Compression::Xz] {
            assert_eq!([layer(other, true), layer(other, false)], [None, None]);
        }
        assert_eq!(compression(""), Compression::None);
    }

    #[test]
    fn each_media_type_of_docker_has_one_of_oci() {
        let docker = |name: &str| as_oci(&format!("application/vnd.docker.{name}"));
        for (name, of_oci) in [
            ("distribution.manifest.v2+json", "manifest.v1+json"),
            ("distribution.manifest.list.v2+json", "index.v1+json"),
            ("container.image.v1+json", "config.v1+json"),
            ("image.rootfs.diff.tar", "layer.v1.tar"),
            ("image.rootfs.diff.tar.gzip", "layer.v1.tar+gzip"),
            ("image.rootfs.diff.tar.zstd", "layer.v1.tar+zstd"),
            (
                "image.rootfs.foreign.diff.tar",
                "layer.nondistributable.v1.tar",
            ),
            (
                "image.rootfs.foreign.diff.tar.gzip",
                "layer.nondistributable.v1.tar+gzip",
            ),
        ] {
            let expected = format!("application/vnd.oci.image.{of_oci}");
            assert_eq!(docker(name), Some(&*expected), "{name}");
            assert_eq!(as_oci(&expected), None);
        }
        assert_eq!(docker("plugin.v1+json"), None);
    }
}

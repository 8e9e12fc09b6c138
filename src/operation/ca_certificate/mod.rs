//! `add-ca-certificate`: certificates that the programs of an image trust, in every file that they read them from.

mod certificate;
mod der;
mod hashed;
mod pem;
mod plan;
mod stores;

use self::certificate::Certificate;
use super::{Docs, Inverse, Needs, Reach, Room, Sources, ValueOf};
use crate::edit::image::{EditedImage, Missing};
use crate::problem::{Address, Code, quoted};
use crate::shape::{IfMissing, SomeText, SourcePath, Word, one_of, record};

/// Labels of certificates (RFC 7468, section 5; the second one is what OpenSSL wrote long ago).
const LABELS: [&str; 2] = ["CERTIFICATE", "X509 CERTIFICATE"];
/// A certificate with trust settings behind it.
const TRUSTED: &str = "TRUSTED CERTIFICATE";

record! {
    /// Certificates, and options.
    pub struct AddCaCertificate("AddCaCertificate") {
        /// The certificates, as PEM.
        pub certificates: CertificateText = one_of::<CertificateText>();
        /// What to do if no image has a bundle of certificates: report a problem (the default) or ignore it.
        "if-missing" pub if_missing: IfMissing = default::<IfMissing>();
        /// The `created_by` of the history entry.
        "created-by" pub created_by: Option<String> = optional::<Word>();
    }
}

/// Where certificates are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CertificateText {
    /// In the patch.
    Inline(String),
    /// In a file, whose path is relative to the patch file.
    File(String),
}

one_of! {
    CertificateText, "has no certificate", "has both `content` and `from`", "write the path of a PEM file under `from`, or its lines under `content: |`";
    /// The lines of a PEM file with one or more certificates.
    "content" SomeText => CertificateText::Inline;
    /// A PEM file with one or more certificates, relative to the patch file.
    "from" SourcePath => CertificateText::File;
}

impl Room for AddCaCertificate {
    type Shape = Self;

    const KEY: &'static str = "add-ca-certificate";

    const DOCS: Docs = Docs {
        does: "Adds CA certificates to every bundle of the image.",
        takes: "`{from: path}` with a PEM file, or `content` with its lines, and `if-missing` and `created-by`",
        example: "{ from: ca.pem }",
        before: "layers: [etc/ etc/ssl/ etc/ssl/cert.pem]",
        after: "layers: [etc/ etc/ssl/ etc/ssl/cert.pem] [etc/ etc/ssl/ etc/ssl/cert.pem usr/ usr/local/ usr/local/share/ usr/local/share/ca-certificates/ usr/local/share/ca-certificates/Example_Root_CA_a5c419f2.crt]",
    };

    const INVERSE: Inverse = Inverse::Never("layers that differ are taken as they are");

    const SAMPLES: &'static [&'static str] = &[
        "{ content: \"-----BEGIN CERTIFICATE-----\\nMIIBbzCCASGgAwIBAgIUdb7ZzzF7G6M6oMOoWhBNewf8U0swBQYDK2VwMCwxEDAOBgNVBAoMB0V4YW1wbGUxGDAWBgNVBAMMD0V4YW1wbGUgUm9vdCBDQTAgFw0yNjExMjYwNDQ1NTlaGA8yMTI2MTEwMjA0NDU1OVowLDEQMA4GA1UECgwHRXhhbXBsZTEYMBYGA1UEAwwPRXhhbXBsZSBSb290IENBMCowBQYDK2VwAyEAxXkXMRtvFh+hao2y1yFvG7aMLNA/NxbT8jRDk6ITpKajUzBRMB0GA1UdDgQWBBT1Q3j87L72HAE4IOTr8cxEtTNR3TAfBgNVHSMEGDAWgBT1Q3j87L72HAE4IOTr8cxEtTNR3TAPBgNVHRMBAf8EBTADAQH/MAUGAytlcANBAODiTfWimNY1bcCxCi3UvMkfxrw7i0KG/+v4m46Y10LmQUv7k2s9Jo0aVIcB+ZaEhQvLln2EaAPf0QBfxr+mhAg=\\n-----END CERTIFICATE-----\", if-missing: ignore }",
    ];

    fn needs(add: &ValueOf<Self>) -> Needs<'_> {
        let sources = match &add.certificates {
            CertificateText::Inline(_) => Sources::None,
            CertificateText::File(path) => Sources::Content(path),
        };
        Needs {
            sources,
            ..Needs::only(Reach::FilesAbove)
        }
    }

    fn plan<'a>(add: &'a ValueOf<Self>, image: &mut EditedImage<'a>) {
        let (text, key) = match &add.certificates {
            CertificateText::Inline(text) => (text.as_bytes(), "content"),
            CertificateText::File(_) => {
                let Some(content) = &image.source().content else {
                    return;
                };
                (content.as_slice(), "from")
            }
        };
        let address = image.address();
        let Some(certificates) = certificates(text, &address.clone().key(key), image) else {
            return image.refuse_rest();
        };
        let tree = image.state.tree.as_ref().expect("the tree was read");
        let bundles = stores::bundles(tree);
        image.look(0, !bundles.is_empty(), add.if_missing, |_| Missing {
            code: Code::NoSuchPath,
            address: address.clone(),
            what: "no bundle of CA certificates".to_owned(),
            help: Box::new(|_| {
                "`add-layer` adds a file such as `/etc/ssl/certs/ca-certificates.crt`; `if-missing: ignore` allows this".to_owned()
            }),
        });
        if !bundles.is_empty() {
            plan::add(
                &certificates,
                bundles,
                (add.created_by.as_deref(), &address),
                image,
            );
        }
    }
}

/// Reads the certificates, each once; what is wrong with them is told.
fn certificates(
    text: &[u8],
    address: &Address,
    image: &mut EditedImage<'_>,
) -> Option<Vec<Certificate>> {
    let mut found: Vec<Certificate> = Vec::new();
    let mut is_whole = true;
    let blocks = pem::blocks(text);
    let mut problem = |message: String, help: &str| {
        is_whole = false;
        image.problem(Code::InvalidSource, address.clone(), message, help);
    };
    if blocks.is_empty() {
        let help = "a PEM file has lines such as `-----BEGIN CERTIFICATE-----`; `openssl x509 -inform der` converts other files";
        problem("there is no certificate in it".to_owned(), help);
    }
    for block in blocks {
        let (label, line) = (quoted(&block.label), block.line);
        if block.label.ends_with("PRIVATE KEY") {
            let message =
                format!("line {line} begins a private key, which does not belong in an image");
            problem(message, "leave only the certificates in the file");
        } else if block.label == TRUSTED {
            let message =
                format!("line {line} begins a {label}, which has trust settings of OpenSSL");
            problem(
                message,
                "`openssl x509` writes the certificate without them",
            );
        } else if !LABELS.contains(&block.label.as_str()) {
            let message = format!("line {line} begins a {label}, not a certificate");
            problem(message, "leave only the certificates in the file");
        } else if let Some(certificate) = block.der.as_deref().and_then(Certificate::parse) {
            if !found.contains(&certificate) {
                found.push(certificate);
            }
        } else {
            let message = format!("the certificate that begins in line {line} is damaged");
            problem(
                message,
                "`openssl x509 -text` shows whether a certificate is whole",
            );
        }
    }
    is_whole.then_some(found)
}

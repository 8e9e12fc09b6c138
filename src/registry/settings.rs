//! How registries are reached.

use std::ffi::OsString;
use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use super::observer::Observed;

/// Gets a line for each request.
pub type Trace = Arc<dyn Fn(&str) + Send + Sync>;

/// How registries are reached: values only. The library reads no environment variable.
#[derive(Clone)]
pub struct Settings {
    /// Registries (host, with the port if there is one) that are reached without encryption. Those of this machine need no entry, unless
    /// they have certificates.
    pub plain_http: Vec<String>,
    /// Where credentials are looked for; the first that knows a repository decides.
    pub credentials: Vec<CredentialSource>,
    /// Directories of `HOST/{ca.crt,client.cert,client.key}` (containers-certs.d(5)); the first that has a host decides.
    pub certs_d: Vec<PathBuf>,
    /// Files and directories of PEM certificates that are trusted instead of the system's.
    pub roots: Vec<PathBuf>,
    /// The proxy for addresses of `http`.
    pub http_proxy: Option<String>,
    /// The proxy for addresses of `https`.
    pub https_proxy: Option<String>,
    /// Hosts that are reached without a proxy, separated by commas.
    pub no_proxy: Option<String>,
    /// How many requests are on the way to one registry at once, until the head of the answer is there.
    pub n_at_once: usize,
    /// How long nothing may come or go on a connection.
    pub patience: Duration,
    /// About how long to wait before a request is sent for the second time, where the registry does not say; each later wait is twice as
    /// long.
    pub first_wait: Duration,
    /// Who wants to see each request.
    pub trace: Option<Trace>,
    /// Who wants to see blobs on their way.
    pub observer: Observed,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            plain_http: Vec::new(),
            credentials: Vec::new(),
            certs_d: Vec::new(),
            roots: Vec::new(),
            http_proxy: None,
            https_proxy: None,
            no_proxy: None,
            n_at_once: 4,
            patience: Duration::from_secs(60),
            first_wait: Duration::from_millis(250),
            trace: None,
            observer: Observed::default(),
        }
    }
}

/// What holds credentials, in the form of docker's `config.json` or podman's `auth.json`.
#[derive(Clone)]
pub enum CredentialSource {
    /// A file that need not exist.
    File(PathBuf),
    /// A file that was named, and must exist.
    Named(PathBuf),
    /// The text of one, and what messages call it.
    Text(String, String),
}

// A text of credentials is a secret.
impl fmt::Debug for CredentialSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(path) | Self::Named(path) => write!(f, "{path:?}"),
            Self::Text(name, _) => f.write_str(name),
        }
    }
}

// A proxy's address may have a password in it.
impl fmt::Debug for Settings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Settings")
            .field("plain_http", &self.plain_http)
            .field("credentials", &self.credentials)
            .field("certs_d", &self.certs_d)
            .finish_non_exhaustive()
    }
}

impl Settings {
    /// Tells whether a registry was named as one that is reached without encryption.
    #[must_use]
    pub fn is_plain(&self, authority: &str) -> bool {
        let mut named = self.plain_http.iter();
        let host = authority
            .rsplit_once(':')
            .map_or(authority, |(host, _)| host);
        // A name without a port is meant with every one.
        named.any(|named| named.eq_ignore_ascii_case(authority) || named.eq_ignore_ascii_case(host))
    }

    /// Tells whether there is a directory of certificates for a registry.
    pub(super) fn has_certificates(&self, authority: &str) -> bool {
        let mut directories = self.certs_d.iter();
        directories.any(|directory| directory.join(authority).is_dir())
    }

    /// Returns what the variables of an environment ask for, as docker and podman read them; `authfile` is the file that was named
    /// instead.
    ///
    /// `DOCKER_AUTH_CONFIG`, `REGISTRY_AUTH_FILE`, `DOCKER_CONFIG`, `XDG_RUNTIME_DIR`, `XDG_CONFIG_HOME`, `HOME`, `SSL_CERT_FILE`,
    /// `SSL_CERT_DIR`, `HTTP_PROXY`, `HTTPS_PROXY`, `ALL_PROXY`, `NO_PROXY`.
    #[must_use]
    pub fn from_environment(
        variable: &dyn Fn(&str) -> Option<OsString>,
        authfile: Option<&Path>,
    ) -> Self {
        let set = |name: &str| variable(name).filter(|value| !value.is_empty());
        let path = |name: &str| set(name).map(PathBuf::from);
        // `http_proxy` in lower case came first; an upper-case `HTTP_PROXY` may be a header's in CGI, which this is not.
        let text = |name: &str| {
            let value = set(&name.to_ascii_lowercase()).or_else(|| set(name));
            value.and_then(|value| value.into_string().ok())
        };
        let config = path("XDG_CONFIG_HOME").or_else(|| Some(path("HOME")?.join(".config")));
        let containers = config.map(|config| config.join("containers"));
        let mut certs_d: Vec<PathBuf> = Vec::new();
        certs_d.extend(containers.iter().map(|path| path.join("certs.d")));
        certs_d.extend(["/etc/containers/certs.d", "/etc/docker/certs.d"].map(PathBuf::from));
        let mut roots: Vec<PathBuf> = path("SSL_CERT_FILE").into_iter().collect();
        if let Some(directories) = set("SSL_CERT_DIR") {
            roots.extend(split_paths(&directories));
        }
        let everywhere = text("ALL_PROXY");
        Self {
            credentials: credentials(&set, authfile, containers.as_deref()),
            certs_d,
            roots,
            http_proxy: text("HTTP_PROXY").or_else(|| everywhere.clone()),
            https_proxy: text("HTTPS_PROXY").or(everywhere),
            no_proxy: text("NO_PROXY"),
            ..Self::default()
        }
    }
}

/// containers-auth.json(5), and docker's own file: what was named decides alone.
fn credentials(
    set: &dyn Fn(&str) -> Option<OsString>,
    authfile: Option<&Path>,
    containers: Option<&Path>,
) -> Vec<CredentialSource> {
    let path = |name: &str| set(name).map(PathBuf::from);
    if let Some(named) = authfile
        .map(Path::to_owned)
        .or_else(|| path("REGISTRY_AUTH_FILE"))
    {
        return vec![CredentialSource::Named(named)];
    }
    let mut sources = Vec::new();
    if let Some(text) = set("DOCKER_AUTH_CONFIG") {
        let text = text.to_string_lossy().into_owned();
        sources.push(CredentialSource::Text("DOCKER_AUTH_CONFIG".into(), text));
    }
    let files = [
        path("DOCKER_CONFIG").map(|directory| directory.join("config.json")),
        path("XDG_RUNTIME_DIR").map(|directory| directory.join("containers/auth.json")),
        containers.map(|directory| directory.join("auth.json")),
        path("HOME").map(|home| home.join(".docker/config.json")),
    ];
    sources.extend(files.into_iter().flatten().map(CredentialSource::File));
    sources
}

fn split_paths(paths: &OsString) -> Vec<PathBuf> {
    use std::os::unix::ffi::{OsStrExt, OsStringExt};
    let parts = paths.as_bytes().split(|b| *b == b':');
    let named = parts.filter(|part| !part.is_empty());
    named
        .map(|part| PathBuf::from(OsString::from_vec(part.to_vec())))
        .collect()
}

#[cfg(test)]
mod tests {
    use std::ffi::OsString;
    use std::path::Path;

    use super::Settings;

    fn settings(environment: &[(&str, &str)], authfile: Option<&Path>) -> Settings {
        let variable = |name: &str| {
            let mut known = environment.iter();
            let found = known.find(|(known, _)| *known == name);
            found.map(|(_, value)| OsString::from(value))
        };
        Settings::from_environment(&variable, authfile)
    }

    fn sources(environment: &[(&str, &str)], authfile: Option<&Path>) -> String {
        format!("{:?}", settings(environment, authfile).credentials)
    }

    #[test]
    fn credentials_are_looked_for_where_docker_and_podman_have_them() {
        let home = ("HOME", "/h");
        for (environment, expected) in [
            (&[][..], "[]"),
            (
                &[home],
                r#"["/h/.config/containers/auth.json", "/h/.docker/config.json"]"#,
            ),
            (
                &[
                    home,
                    ("XDG_CONFIG_HOME", "/c"),
                    ("XDG_RUNTIME_DIR", "/r"),
                    ("DOCKER_CONFIG", "/d"),
                ],
                r#"["/d/config.json", "/r/containers/auth.json", "/c/containers/auth.json", "/h/.docker/config.json"]"#,
            ),
            (
                &[("DOCKER_AUTH_CONFIG", "s3cret"), ("DOCKER_CONFIG", "/d")],
                r#"[DOCKER_AUTH_CONFIG, "/d/config.json"]"#,
            ),
            (
                &[
                    home,
                    ("REGISTRY_AUTH_FILE", "/a"),
                    ("DOCKER_AUTH_CONFIG", "s3cret"),
                ],
                r#"["/a"]"#,
            ),
            (&[("REGISTRY_AUTH_FILE", ""), ("HOME", "")], "[]"),
        ] {
            assert_eq!(sources(environment, None), expected);
        }
        let named = sources(&[home, ("REGISTRY_AUTH_FILE", "/a")], Some(Path::new("/b")));
        assert_eq!(named, r#"["/b"]"#);
    }

    #[test]
    fn proxies_and_authorities_are_those_of_the_environment() {
        let found = settings(
            &[
                ("ALL_PROXY", "all"),
                ("https_proxy", "lower"),
                ("HTTPS_PROXY", "upper"),
                ("NO_PROXY", "a,b"),
                ("SSL_CERT_FILE", "/f"),
                ("SSL_CERT_DIR", "/d::/e"),
                ("HOME", "/h"),
            ],
            None,
        );
        assert_eq!(found.http_proxy.as_deref(), Some("all"));
        assert_eq!(found.https_proxy.as_deref(), Some("lower"));
        assert_eq!(found.no_proxy.as_deref(), Some("a,b"));
        assert_eq!(found.roots, ["/f", "/d", "/e"].map(Path::new));
        let certs_d = ["/h/.config/containers", "/etc/containers", "/etc/docker"];
        let certs_d = certs_d.map(|path| Path::new(path).join("certs.d"));
        assert_eq!(found.certs_d, certs_d);
    }

    #[test]
    fn a_registry_is_plain_if_it_is_named_and_has_certificates_if_there_is_a_directory() {
        let directory = tempfile::tempdir().unwrap();
        std::fs::create_dir(directory.path().join("r.example:5000")).unwrap();
        std::fs::write(directory.path().join("f.example"), "").unwrap();
        let nothing = directory.path().join("nothing");
        let settings = Settings {
            plain_http: vec!["a.example".to_owned(), "B.example:5000".to_owned()],
            certs_d: vec![nothing, directory.path().to_owned()],
            ..Settings::default()
        };
        for (authority, is_plain, has_certificates) in [
            ("a.example", true, false),
            ("A.example:80", true, false),
            ("b.example:5000", true, false),
            ("b.example:5001", false, false),
            ("b.example", false, false),
            ("r.example:5000", false, true),
            ("r.example", false, false),
            ("f.example", false, false),
        ] {
            assert_eq!(settings.is_plain(authority), is_plain, "{authority}");
            assert_eq!(
                settings.has_certificates(authority),
                has_certificates,
                "{authority}"
            );
        }
    }

    #[test]
    fn what_may_be_a_secret_is_not_shown() {
        let found = settings(
            &[
                ("HTTP_PROXY", "http://u:s3cret@p"),
                ("DOCKER_AUTH_CONFIG", "s3cret"),
                ("HOME", "/h"),
            ],
            None,
        );
        let shown = format!("{found:?}");
        assert!(!shown.contains("s3cret"), "{shown}");
        assert!(
            shown.starts_with("Settings { plain_http: [], credentials: [DOCKER_AUTH_CONFIG, \"/h/"),
            "{shown}"
        );
    }
}

//! `docker-registry` on loopback, with a store of its own, and what its access log says.

use std::fmt::Write as _;
use std::fs::{self, File};
use std::net::{TcpListener, TcpStream};
use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

use crate::engine::{PATIENCE, tool};

/// How long the log has to be quiet before it is read: a line follows the answer that it is about.
const QUIET: Duration = Duration::from_millis(60);

/// A registry that ends with this value.
pub(crate) struct Server {
    process: Child,
    directory: tempfile::TempDir,
    domain: String,
    /// What was forgotten of the log, in bytes.
    n_forgotten: usize,
}

impl Server {
    /// Starts one without TLS and credentials; nothing on a machine without `docker-registry`.
    pub(crate) fn start() -> Option<Self> {
        Self::with("", "")
    }

    /// Starts one with more lines in the section `http` of its configuration, and more sections.
    pub(crate) fn with(http: &str, sections: &str) -> Option<Self> {
        let mut command = tool("docker-registry")?;
        let directory = tempfile::tempdir().unwrap();
        let port = free_port();
        let domain = format!("127.0.0.1:{port}");
        let mut config =
            String::from("version: 0.1\nlog: {level: info, accesslog: {disabled: false}}\n");
        let store = directory.path().join("store");
        let store = store.to_str().unwrap();
        writeln!(
            config,
            "storage: {{filesystem: {{rootdirectory: {store}}}, delete: {{enabled: true}}}}"
        )
        .unwrap();
        writeln!(
            config,
            "http:\n  addr: \"{domain}\"\n  secret: x\n{http}\n{sections}"
        )
        .unwrap();
        let config_file = directory.path().join("config.yml");
        fs::write(&config_file, config).unwrap();
        let log = File::create(directory.path().join("log")).unwrap();
        let process = command
            .arg("serve")
            .arg(&config_file)
            .stdin(Stdio::null())
            .stdout(log.try_clone().unwrap())
            .stderr(log)
            .spawn()
            .unwrap();
        let mut server = Self {
            process,
            directory,
            domain,
            n_forgotten: 0,
        };
        let end = Instant::now() + PATIENCE;
        while TcpStream::connect(&server.domain).is_err() {
            let status = server.process.try_wait().unwrap();
            assert!(status.is_none() && Instant::now() < end, "{}", server.log());
            std::thread::sleep(Duration::from_millis(20));
        }
        Some(server)
    }

    /// Where it keeps its files.
    pub(crate) fn store(&self) -> std::path::PathBuf {
        self.directory.path().join("store")
    }

    /// Its host and port.
    pub(crate) fn domain(&self) -> &str {
        &self.domain
    }

    /// The requests since the last [`Server::forget`], such as `PUT /v2/app/manifests/1 201`, in the order of their answers.
    pub(crate) fn requests(&self) -> Vec<String> {
        let mut log = self.log();
        loop {
            std::thread::sleep(QUIET);
            let now = self.log();
            if now.len() == log.len() {
                break;
            }
            log = now;
        }
        log[self.n_forgotten..]
            .lines()
            .filter_map(request)
            .collect()
    }

    /// Forgets the requests up to now.
    pub(crate) fn forget(&mut self) {
        self.requests();
        self.n_forgotten = self.log().len();
    }

    fn log(&self) -> String {
        fs::read_to_string(self.directory.path().join("log")).unwrap()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.process.kill().unwrap();
        self.process.wait().unwrap();
    }
}

/// A port that nothing listens on.
pub(crate) fn free_port() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    listener.local_addr().unwrap().port()
}

/// `127.0.0.1 - - [date] "PUT /v2/app/manifests/1 HTTP/1.1" 201 0 "" "agent"`
fn request(line: &str) -> Option<String> {
    let (_, rest) = line.split_once("] \"")?;
    let (request, rest) = rest.split_once("\" ")?;
    let (status, _) = rest.split_once(' ')?;
    let request = request.strip_suffix(" HTTP/1.1")?;
    Some(format!("{request} {status}"))
}

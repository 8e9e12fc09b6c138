//! A registry on loopback with a store of its own, and what it was asked: `docker-registry`, or ours.

use std::fmt::Write as _;
use std::fs::{self, File};
use std::net::{TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use super::memory::Memory;
use crate::engine::{PATIENCE, replaceable_tool, tool};

/// How long the log has to be quiet before it is read: a line follows the answer that it is about.
const QUIET: Duration = Duration::from_millis(60);

/// A registry that ends with this value.
pub(crate) struct Server {
    kind: Kind,
    domain: String,
    /// How many requests were forgotten.
    n_forgotten: usize,
}

enum Kind {
    Program(Program),
    Memory(Memory),
}

impl Server {
    /// Starts one without TLS and credentials: ours on a machine without `docker-registry`.
    pub(crate) fn start() -> Self {
        if let Some(command) = replaceable_tool("docker-registry") {
            return Self::of(command, "", "");
        }
        let memory = Memory::new();
        Self {
            domain: memory.domain().to_owned(),
            kind: Kind::Memory(memory),
            n_forgotten: 0,
        }
    }

    /// Starts `docker-registry` with more lines in the section `http` of its configuration, and more sections; nothing on a machine
    /// without it.
    pub(crate) fn with(http: &str, sections: &str) -> Option<Self> {
        tool("docker-registry").map(|command| Self::of(command, http, sections))
    }

    fn of(command: Command, http: &str, sections: &str) -> Self {
        let domain = format!("127.0.0.1:{}", free_port());
        let program = Program::start(command, &domain, http, sections);
        Self {
            kind: Kind::Program(program),
            domain,
            n_forgotten: 0,
        }
    }

    /// Its host and port.
    pub(crate) fn domain(&self) -> &str {
        &self.domain
    }

    /// The requests since the last [`Server::forget`], such as `PUT /v2/app/manifests/1 201`, in the order of their answers.
    pub(crate) fn requests(&self) -> Vec<String> {
        self.answered().split_off(self.n_forgotten)
    }

    /// Forgets the requests up to now.
    pub(crate) fn forget(&mut self) {
        self.n_forgotten = self.answered().len();
    }

    fn answered(&self) -> Vec<String> {
        match &self.kind {
            Kind::Program(program) => program.answered(),
            Kind::Memory(memory) => memory.answered(),
        }
    }

    /// Takes a tag away, which no request does.
    pub(crate) fn remove_tag(&self, repository: &str, tag: &str) {
        match &self.kind {
            Kind::Program(program) => {
                let tags =
                    format!("store/docker/registry/v2/repositories/{repository}/_manifests/tags");
                let tags = program.directory.path().join(tags);
                fs::remove_dir_all(tags.join(tag)).unwrap();
            }
            Kind::Memory(memory) => memory.remove_tag(repository, tag),
        }
    }
}

/// `docker-registry`.
struct Program {
    process: Child,
    directory: tempfile::TempDir,
}

impl Program {
    fn start(mut command: Command, domain: &str, http: &str, sections: &str) -> Self {
        let directory = tempfile::tempdir().unwrap();
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
        let mut program = Self { process, directory };
        let end = Instant::now() + PATIENCE;
        while TcpStream::connect(domain).is_err() {
            let status = program.process.try_wait().unwrap();
            assert!(
                status.is_none() && Instant::now() < end,
                "{}",
                program.log()
            );
            std::thread::sleep(Duration::from_millis(20));
        }
        program
    }

    fn answered(&self) -> Vec<String> {
        let mut log = self.log();
        loop {
            std::thread::sleep(QUIET);
            let now = self.log();
            if now.len() == log.len() {
                return log.lines().filter_map(request).collect();
            }
            log = now;
        }
    }

    fn log(&self) -> String {
        fs::read_to_string(self.directory.path().join("log")).unwrap()
    }
}

impl Drop for Program {
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

//! A small HTTP server that answers as a test says: with what real registries rarely or never do.

mod bodies;
mod busy;
mod proxied;
mod redirects;
mod uploads;

use std::collections::BTreeSet;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::Duration;

use ocipatch::Reference;
use ocipatch::registry::{CredentialSource, Registries, Repository, Settings};

/// A request as it came.
#[derive(Clone)]
pub(crate) struct Asked {
    /// The port of the client.
    pub(crate) connection: u16,
    pub(crate) method: String,
    pub(crate) target: String,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
}

impl Asked {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        let mut headers = self.headers.iter();
        let found = headers.find(|(known, _)| known.eq_ignore_ascii_case(name));
        found.map(|(_, value)| value.as_str())
    }

    /// `GET /v2/`
    pub(crate) fn line(&self) -> String {
        format!("{} {}", self.method, self.target)
    }
}

/// What is sent back.
#[derive(Clone, Default)]
pub(crate) struct Answer {
    status: u16,
    head: String,
    body: Vec<u8>,
    /// What is sent again and again behind the body.
    endless: Vec<u8>,
    /// Before each byte of the body.
    pause: Duration,
    /// The connection ends behind it.
    is_last: bool,
    has_length: bool,
}

impl Answer {
    pub(crate) fn new(status: u16) -> Self {
        Self {
            status,
            head: format!("HTTP/1.1 {status} X\r\n"),
            ..Self::default()
        }
    }

    pub(crate) fn status(&self) -> u16 {
        self.status
    }

    pub(crate) fn header(mut self, name: &str, value: &str) -> Self {
        self.has_length |= matches!(name, "Content-Length" | "Transfer-Encoding");
        self.head.extend([name, ": ", value, "\r\n"]);
        self
    }

    pub(crate) fn body(mut self, body: impl Into<Vec<u8>>) -> Self {
        self.body = body.into();
        self
    }

    pub(crate) fn endless(mut self, part: impl Into<Vec<u8>>) -> Self {
        self.endless = part.into();
        self.has_length = true;
        self.last()
    }

    pub(crate) fn last(mut self) -> Self {
        self.is_last = true;
        self
    }

    pub(crate) fn slow(mut self, pause: Duration) -> Self {
        self.pause = pause;
        self
    }

    fn send(&self, is_head: bool, stream: &mut TcpStream) -> std::io::Result<()> {
        let mut head = self.head.clone();
        if !self.has_length {
            head.extend(["Content-Length: ", &self.body.len().to_string(), "\r\n"]);
        }
        head.push_str("\r\n");
        stream.write_all(head.as_bytes())?;
        if is_head {
            return Ok(());
        }
        if self.pause > Duration::ZERO {
            for byte in &self.body {
                std::thread::sleep(self.pause);
                stream.write_all(&[*byte])?;
            }
        } else {
            stream.write_all(&self.body)?;
        }
        while !self.endless.is_empty() {
            stream.write_all(&self.endless)?;
        }
        Ok(())
    }
}

/// Gets the head of a request; the connection goes on if there is something.
type Serve = dyn Fn(&mut Asked, &mut BufReader<TcpStream>, &mut TcpStream) -> Option<()>;

/// A server that ends with this value.
pub(crate) struct Double {
    domain: String,
    asked: Arc<Mutex<Vec<Asked>>>,
    has_ended: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Double {
    pub(crate) fn new(handler: impl Fn(&Asked) -> Answer + Send + Sync + 'static) -> Self {
        Self::raw(move |asked, reader, stream| {
            read_body(asked, reader)?;
            let answer = handler(asked);
            answer.send(asked.method == "HEAD", stream).ok()?;
            Some(()).filter(|()| !answer.is_last)
        })
    }

    /// See [`Serve`].
    pub(crate) fn raw(
        serve: impl Fn(&mut Asked, &mut BufReader<TcpStream>, &mut TcpStream) -> Option<()>
        + Send
        + Sync
        + 'static,
    ) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let domain = listener.local_addr().unwrap().to_string();
        let asked = Arc::new(Mutex::new(Vec::new()));
        let has_ended = Arc::new(AtomicBool::new(false));
        let serve = Arc::new(serve);
        let (kept, ended) = (Arc::clone(&asked), Arc::clone(&has_ended));
        let thread = std::thread::spawn(move || {
            for stream in listener.incoming() {
                if ended.load(Ordering::SeqCst) {
                    return;
                }
                let (serve, kept) = (Arc::clone(&serve), Arc::clone(&kept));
                std::thread::spawn(move || connection(stream.unwrap(), &kept, &*serve));
            }
        });
        Self {
            domain,
            asked,
            has_ended,
            thread: Some(thread),
        }
    }

    pub(crate) fn domain(&self) -> &str {
        &self.domain
    }

    /// The requests up to now, as lines.
    pub(crate) fn lines(&self) -> Vec<String> {
        self.asked.lock().unwrap().iter().map(Asked::line).collect()
    }

    /// How many connections they came over.
    pub(crate) fn n_connections(&self) -> usize {
        let asked = self.asked.lock().unwrap();
        let connections = asked.iter().map(|asked| asked.connection);
        connections.collect::<BTreeSet<_>>().len()
    }

    /// The values of a header, by request.
    pub(crate) fn headers(&self, name: &str) -> Vec<Option<String>> {
        let asked = self.asked.lock().unwrap();
        let headers = asked.iter().map(|asked| asked.header(name));
        headers.map(|value| value.map(str::to_owned)).collect()
    }

    /// The repository `app` of it.
    pub(crate) fn app(&self, settings: Settings) -> Repository {
        app_of(&self.domain, settings)
    }
}

impl Drop for Double {
    fn drop(&mut self) {
        self.has_ended.store(true, Ordering::SeqCst);
        drop(TcpStream::connect(&self.domain));
        self.thread.take().unwrap().join().unwrap();
    }
}

pub(crate) fn app_of(domain: &str, settings: Settings) -> Repository {
    // How the times grow is tested without waiting for them.
    let first_wait = Duration::from_millis(20);
    let settings = Settings {
        first_wait,
        ..settings
    };
    let registries = Registries::new(settings).unwrap();
    let name = Reference::parse(&format!("{domain}/app")).unwrap();
    registries.repository(&name)
}

/// The name `me` and the password `secret` for a registry.
pub(crate) fn with_password(domain: &str) -> Settings {
    let config = format!(r#"{{"auths":{{"{domain}":{{"username":"me","password":"secret"}}}}}}"#);
    Settings {
        credentials: vec![CredentialSource::Text("test".to_owned(), config)],
        ..Settings::default()
    }
}

fn connection(mut stream: TcpStream, kept: &Mutex<Vec<Asked>>, serve: &Serve) {
    // A body would wait for the other side to confirm its head.
    stream.set_nodelay(true).unwrap();
    let mut reader = BufReader::new(stream.try_clone().unwrap());
    while let Some(mut asked) = head(&mut reader) {
        // Before the answer: whoever has that may ask what came.
        kept.lock().unwrap().push(asked.clone());
        if serve(&mut asked, &mut reader, &mut stream).is_none() {
            return;
        }
    }
}

/// An answer may be read as well: its version is the method then, and its status the target.
pub(crate) fn head(reader: &mut BufReader<TcpStream>) -> Option<Asked> {
    let mut lines = Vec::new();
    loop {
        let mut line = String::new();
        if reader.read_line(&mut line).ok()? == 0 {
            return None;
        }
        if line == "\r\n" {
            break;
        }
        lines.push(line.trim_end().to_owned());
    }
    let mut first = lines[0].split(' ').map(str::to_owned);
    let headers = lines[1..].iter();
    Some(Asked {
        connection: reader.get_ref().peer_addr().ok()?.port(),
        method: first.next()?,
        target: first.next()?,
        headers: headers
            .filter_map(|line| line.split_once(": "))
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .collect(),
        body: Vec::new(),
    })
}

/// Reads as much of a body as its head announces.
pub(crate) fn read_body(asked: &mut Asked, reader: &mut BufReader<TcpStream>) -> Option<()> {
    let size = asked
        .header("content-length")
        .map_or(0, |size| size.parse().unwrap());
    asked.body = vec![0; size];
    reader.read_exact(&mut asked.body).ok()
}

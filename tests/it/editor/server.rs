//! The language server of YAML and a client of it (Language Server Protocol 3.17), as much as an editor needs for one file.

use std::io::{BufRead, BufReader, Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::{self, Receiver};
use std::time::Duration;

use serde_json::{Value, json};

use crate::engine::{self, absent};

/// A server that says nothing for so long hangs.
const PATIENCE: Duration = Duration::from_secs(120);

/// A text in the editor, and where its cursor is. The first line names the schema, as in the recipes.
pub(super) struct Document {
    text: String,
    position: Value,
}

impl Document {
    /// Takes a text in which `|` is the cursor; without one it is at the start.
    pub(super) fn new(schema: &str, text: &str) -> Self {
        let schema = root().join(format!("schema/{schema}.schema.json"));
        let text = format!(
            "# yaml-language-server: $schema={}\n{text}",
            schema.display()
        );
        let cursor = text.find('|').filter(|_| !text.contains(": |\n "));
        let before = &text[..cursor.unwrap_or(0)];
        let line = before.matches('\n').count();
        let character = before.len() - before.rfind('\n').map_or(0, |newline| newline + 1);
        let mut text = text.clone();
        if let Some(cursor) = cursor {
            text.remove(cursor);
        }
        Self {
            text,
            position: json!({ "line": line, "character": character }),
        }
    }
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// A running server.
pub(super) struct Server {
    child: Child,
    stdin: ChildStdin,
    messages: Receiver<Value>,
    n_requests: usize,
    n_documents: usize,
}

impl Server {
    /// Starts the server; nothing where it is not installed.
    pub(super) fn start() -> Option<Self> {
        let mut child = program()?
            .arg("--stdio")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let stdin = child.stdin.take().unwrap();
        let mut stdout = BufReader::new(child.stdout.take().unwrap());
        let (sender, messages) = mpsc::channel();
        std::thread::spawn(move || {
            while let Some(message) = receive(&mut stdout) {
                if sender.send(message).is_err() {
                    break;
                }
            }
        });
        let mut server = Self {
            child,
            stdin,
            messages,
            n_requests: 0,
            n_documents: 0,
        };
        server.request(
            "initialize",
            &json!({
                "processId": std::process::id(),
                "rootUri": null,
                "capabilities": {
                    "textDocument": {
                        "completion": { "completionItem": {
                            "snippetSupport": true,
                            "documentationFormat": ["markdown"],
                        } },
                        "hover": { "contentFormat": ["markdown"] },
                    },
                    "workspace": { "configuration": true },
                },
            }),
        );
        server.notify("initialized", &json!({}));
        // The settings are in effect once a text has been looked at.
        server.notify(
            "workspace/didChangeConfiguration",
            &json!({ "settings": {} }),
        );
        server.diagnose(&Document::new("patch", ""));
        Some(server)
    }

    /// Returns what is offered at the cursor.
    pub(super) fn complete(&mut self, document: &Document) -> Vec<Value> {
        let answer = self.at_cursor("textDocument/completion", document);
        let items = answer.get("items").unwrap_or(&answer);
        items.as_array().cloned().unwrap_or_default()
    }

    /// Returns what is shown about the key at the cursor.
    pub(super) fn hover(&mut self, document: &Document) -> String {
        let answer = self.at_cursor("textDocument/hover", document);
        let shown = answer["contents"]["value"].as_str().unwrap_or_default();
        shown.trim_start().to_owned()
    }

    /// Returns the messages under the text.
    pub(super) fn diagnose(&mut self, document: &Document) -> Vec<String> {
        let uri = self.open(document);
        loop {
            let message = self.next();
            if message["method"] == "textDocument/publishDiagnostics"
                && message["params"]["uri"] == uri
            {
                let diagnostics = message["params"]["diagnostics"].as_array().unwrap();
                let messages = diagnostics.iter().map(|it| it["message"].as_str().unwrap());
                return messages.map(str::to_owned).collect();
            }
        }
    }

    fn at_cursor(&mut self, method: &str, document: &Document) -> Value {
        let uri = self.open(document);
        let position = &document.position;
        self.request(
            method,
            &json!({ "textDocument": { "uri": uri }, "position": position }),
        )
    }

    /// Opens a text under a name of its own, which is no file.
    fn open(&mut self, document: &Document) -> String {
        self.n_documents += 1;
        let uri = format!("file:///patch{}.yaml", self.n_documents);
        self.notify(
            "textDocument/didOpen",
            &json!({ "textDocument": {
                "uri": uri,
                "languageId": "yaml",
                "version": 1,
                "text": document.text,
            } }),
        );
        uri
    }

    fn request(&mut self, method: &str, params: &Value) -> Value {
        self.n_requests += 1;
        let id = self.n_requests;
        self.send(&json!({ "jsonrpc": "2.0", "id": id, "method": method, "params": params }));
        loop {
            let message = self.next();
            if message["id"] == id && message.get("method").is_none() {
                assert!(message.get("error").is_none(), "{message}");
                return message["result"].clone();
            }
        }
    }

    fn notify(&mut self, method: &str, params: &Value) {
        self.send(&json!({ "jsonrpc": "2.0", "method": method, "params": params }));
    }

    fn send(&mut self, message: &Value) {
        let text = message.to_string();
        write!(self.stdin, "Content-Length: {}\r\n\r\n{text}", text.len()).unwrap();
        self.stdin.flush().unwrap();
    }

    /// Returns the next message of the server, whose own requests are answered on the way.
    fn next(&mut self) -> Value {
        let message = self
            .messages
            .recv_timeout(PATIENCE)
            .expect("the server speaks");
        if message.get("method").is_some() && message.get("id").is_some() {
            let items = message["params"]["items"].as_array();
            let settings: Vec<Value> = items
                .into_iter()
                .flatten()
                .map(|item| match item["section"].as_str() {
                    // The catalogue of schemas is on the network.
                    Some("yaml") => json!({ "schemaStore": { "enable": false } }),
                    _ => Value::Null,
                })
                .collect();
            let result = items.map(|_| settings);
            self.send(&json!({ "jsonrpc": "2.0", "id": message["id"], "result": result }));
        }
        message
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The server of `tests/engines/setup`, or that of the machine.
fn program() -> Option<Command> {
    let name = "yaml-language-server";
    let prefix = std::env::var_os("OCIPATCH_NODE_PREFIX");
    let prefix = prefix.map_or_else(|| PathBuf::from("/var/lib/ocipatch-node"), Into::into);
    let own = prefix.join("bin").join(name);
    if engine::are_skipped() {
        absent(name, "SKIP_TOOLS=1");
        return None;
    }
    if own.is_file() {
        return Some(Command::new(own));
    }
    engine::tool(name)
}

/// Reads a message: headers, an empty line, and as many bytes of JSON as `Content-Length` says.
fn receive(stdout: &mut impl BufRead) -> Option<Value> {
    let mut n_bytes = None;
    loop {
        let mut line = String::new();
        if stdout.read_line(&mut line).ok()? == 0 {
            return None;
        }
        let line = line.trim_end();
        if line.is_empty() {
            break;
        }
        if let Some((name, value)) = line.split_once(':')
            && name.eq_ignore_ascii_case("content-length")
        {
            n_bytes = value.trim().parse().ok();
        }
    }
    let mut text = vec![0; n_bytes?];
    Read::read_exact(stdout, &mut text).ok()?;
    serde_json::from_slice(&text).ok()
}

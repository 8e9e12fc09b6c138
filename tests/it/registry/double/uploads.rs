//! Uploads that break off.

use std::io::{Cursor, Read, Write};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use ocipatch::registry::{Name, Settings};
use ocipatch::{Digest, Error};

use super::{Answer, Double, read_body};

/// More than what fits into the buffers of a connection.
const N_BYTES: usize = 8 * 1024 * 1024;

fn bytes() -> Vec<u8> {
    (0..N_BYTES)
        .map(|i| u8::try_from(i % 251).unwrap())
        .collect()
}

/// A registry that breaks the first so many uploads off after so many bytes, and goes on from there.
fn breaking(n_breaks: usize, n_kept: usize) -> (Double, Arc<Mutex<Vec<u8>>>) {
    let stored = Arc::new(Mutex::new(Vec::new()));
    let n_puts = AtomicUsize::new(0);
    let kept = Arc::clone(&stored);
    let double = Double::raw(move |asked, reader, stream| {
        let mut stored = kept.lock().unwrap();
        let answer = match asked.method.as_str() {
            "POST" => {
                stored.clear();
                "HTTP/1.1 202 X\r\nLocation: /up/1\r\nContent-Length: 0\r\n\r\n".to_owned()
            }
            "GET" => format!(
                "HTTP/1.1 204 X\r\nLocation: /up/2?_state=x\r\nRange: 0-{}\r\n\r\n",
                stored.len().saturating_sub(1)
            ),
            "HEAD" => "HTTP/1.1 404 X\r\nContent-Length: 0\r\n\r\n".to_owned(),
            _ if n_puts.fetch_add(1, Ordering::SeqCst) < n_breaks => {
                let mut part = vec![0; n_kept];
                reader.read_exact(&mut part).ok()?;
                stored.extend(part);
                return None;
            }
            _ => {
                read_body(asked, reader)?;
                stored.extend(&asked.body);
                "HTTP/1.1 201 X\r\nContent-Length: 0\r\n\r\n".to_owned()
            }
        };
        stream.write_all(answer.as_bytes()).ok()
    });
    (double, stored)
}

fn upload(double: &Double) -> Result<(), Error> {
    let app = double.app(Settings::default());
    let bytes = bytes();
    let digest = Digest::of(&bytes);
    let upload = app.start_upload()?;
    let open = || Ok(Box::new(Cursor::new(bytes.clone())) as Box<dyn Read + Send>);
    app.upload(upload, digest, N_BYTES as u64, &open)
}

#[test]
fn an_upload_goes_on_where_it_broke_off() {
    let (double, stored) = breaking(2, 1_000_000);
    upload(&double).unwrap();
    assert!(*stored.lock().unwrap() == bytes());
    let lines = double.lines();
    let methods: Vec<&str> = lines
        .iter()
        .map(|line| line.split(' ').next().unwrap())
        .collect();
    assert_eq!(methods, ["POST", "PUT", "GET", "PUT", "GET", "PUT"]);
    let ranges = double.headers("content-range");
    assert_eq!(ranges[3].as_deref(), Some("1000000-8388607"));
    assert_eq!(ranges[5].as_deref(), Some("2000000-8388607"));
}

#[test]
fn an_upload_of_which_nothing_was_kept_begins_again() {
    let (double, stored) = breaking(1, 0);
    upload(&double).unwrap();
    assert!(*stored.lock().unwrap() == bytes());
    assert_eq!(
        double
            .lines()
            .iter()
            .filter(|line| line.starts_with("POST"))
            .count(),
        2
    );
}

#[test]
fn an_upload_that_always_breaks_off_is_an_error() {
    let (double, _) = breaking(99, 0);
    let error = upload(&double).unwrap_err().to_string();
    assert!(error.contains("PUT 127.0.0.1:"), "{error}");
    assert!(double.lines().len() < 20);
}

#[test]
fn a_tag_that_may_not_move_is_an_error_with_the_words_of_the_registry() {
    for (status, code) in [
        (400, "TAG_INVALID"),
        (409, "CONFLICT"),
        (412, "PRECONDITION"),
        (405, "UNSUPPORTED"),
    ] {
        let double = Double::new(move |_| {
            Answer::new(status).body(format!(
                r#"{{"errors":[{{"code":"{code}","message":"the tag is immutable"}}]}}"#
            ))
        });
        let app = double.app(Settings::default());
        let error = app.put_manifest(Name::Tag("1"), "application/json", b"{}");
        let error = error.unwrap_err().to_string();
        let is_whole = [code, "the tag is immutable", "app:1", "PUT"]
            .iter()
            .all(|part| error.contains(part));
        assert!(is_whole, "{error}");
        assert_eq!(double.lines().len(), 1);
    }
}

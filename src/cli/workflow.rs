//! Problems and plans as workflow commands, which GitHub shows beside the lines of a pull request.

use serde_json::{Value, json};

use super::source_root::in_sources;
use crate::printable;
use crate::problem::{Note, Rejected};

/// Returns a command for each problem.
pub(super) fn commands(rejected: &Rejected) -> String {
    let problems = rejected.to_json();
    let problems = problems.as_array().into_iter().flatten();
    problems.map(|problem| command("error", problem)).collect()
}

/// Returns a command for each note on a file of that name.
pub(super) fn notices(notes: &[(&str, &Note)]) -> String {
    let notes = notes.iter();
    let notices = notes.map(|(file, note)| command("notice", &note.to_json(file)));
    notices.collect()
}

/// GitHub keeps 64 kB of a message; the rest of a plan is not shown there.
const MAX_MESSAGE_BYTES: usize = 60_000;

/// Returns a command that shows a plan on the first line of a patch.
pub(super) fn plan(file: &str, text: &str) -> String {
    let mut message = String::new();
    for line in text.lines() {
        if message.len() + line.len() > MAX_MESSAGE_BYTES {
            message.push_str("… the rest is too long for an annotation\n");
            break;
        }
        message.push_str(line);
        message.push('\n');
    }
    let notice = json!({ "file": file, "code": "plan", "message": message.trim_end() });
    command("notice", &notice)
}

/// `::error file=…,line=…,col=…,title=…::message`, with the escapes that GitHub wants.
fn command(name: &str, problem: &Value) -> String {
    let text = |key: &str| match &problem[key] {
        Value::String(text) => text.clone(),
        Value::Null => String::new(),
        other => other.to_string(),
    };
    // What is left to escape is what the runner itself takes for its syntax.
    let data = |text: String| {
        let lines: Vec<String> = text.split('\n').map(printable::line).collect();
        lines.join("\n").replace('%', "%25").replace('\n', "%0A")
    };
    let property = |text: String| data(text).replace(':', "%3A").replace(',', "%2C");
    let help = text("help");
    let message = if help.is_empty() {
        data(text("message"))
    } else {
        format!("{}%0A{}", data(text("message")), data(help))
    };
    let line = if problem["line"].is_null() {
        "1".to_owned()
    } else {
        text("line")
    };
    let column = if problem["column"].is_null() {
        "1".to_owned()
    } else {
        text("column")
    };
    format!(
        "::{name} file={},line={line},col={column},title={}::{}\n",
        property(in_sources(&text("file"))),
        property(text("code")),
        message
    )
}

//! Problems as workflow commands, which GitHub shows beside the lines of a pull request.

use serde_json::Value;

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

/// `::error file=…,line=…,col=…,title=…::message`, with the escapes that GitHub wants.
fn command(name: &str, problem: &Value) -> String {
    let text = |key: &str| match &problem[key] {
        Value::String(text) => text.clone(),
        Value::Null => String::new(),
        other => other.to_string(),
    };
    // What is left to escape is what the runner itself takes for its syntax.
    let data = |text: String| printable::line(&text).replace('%', "%25");
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
        property(text("file")),
        property(text("code")),
        message
    )
}

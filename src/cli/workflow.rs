//! Problems as workflow commands, which GitHub shows beside the lines of a pull request.

use serde_json::Value;

use crate::problem::Rejected;

/// Returns a command for each problem.
pub(super) fn commands(rejected: &Rejected) -> String {
    let problems = rejected.to_json();
    let commands = problems.as_array().into_iter().flatten().map(command);
    commands.collect()
}

/// `::error file=…,line=…,col=…,title=…::message`, with the escapes that GitHub wants.
fn command(problem: &Value) -> String {
    let text = |key: &str| match &problem[key] {
        Value::String(text) => text.clone(),
        Value::Null => String::new(),
        other => other.to_string(),
    };
    let data = |text: String| {
        text.replace('%', "%25")
            .replace('\r', "%0D")
            .replace('\n', "%0A")
    };
    let property = |text: String| data(text).replace(':', "%3A").replace(',', "%2C");
    let help = text("help");
    let message = if help.is_empty() {
        text("message")
    } else {
        format!("{}\n{help}", text("message"))
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
        "::error file={},line={line},col={column},title={}::{}\n",
        property(text("file")),
        property(text("code")),
        data(message)
    )
}

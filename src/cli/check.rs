//! `ocipatch check`

use std::path::PathBuf;

use clap::{Args, ValueEnum};

use super::args::{ArgOptions, refuse_undeclared};
use super::failure::{Failure, say};
use super::inputs::read_patches;
use super::output;
use crate::patch::PatchFile;
use crate::plan::contradictions;

/// Checks patch files without an image.
#[derive(Debug, Args)]
pub(super) struct Check {
    /// Patch files; `-` is standard input
    #[arg(required = true, value_name = "PATCH")]
    patches: Vec<PathBuf>,
    /// How to print problems
    #[arg(long, value_enum, default_value = "text")]
    format: CheckFormat,
    #[command(flatten)]
    args: ArgOptions,
}

/// How problems are printed.
#[derive(Debug, Clone, Copy, ValueEnum)]
enum CheckFormat {
    /// Under the lines of the patch.
    Text,
    /// A list of problems.
    Json,
    /// Workflow commands, which GitHub shows beside the lines of a pull request.
    Github,
}

impl Check {
    pub(super) fn run(&self, quiet: bool) -> Result<(), Failure> {
        let values = self.args.values()?;
        let check = |name: &str, bytes: &[u8]| {
            let outline = PatchFile::check(name, bytes, &values)?;
            contradictions(&outline)?;
            Ok(outline.arg_names().to_vec())
        };
        let checked = read_patches(&self.patches, check)?;
        if let Ok(declared) = &checked {
            refuse_undeclared(&values, &declared.concat())?;
        }
        match (checked, self.format) {
            (Ok(files), CheckFormat::Text) => {
                if !quiet {
                    let n = files.len();
                    say(&format!(
                        "{n} patch file{} without a problem",
                        if n == 1 { "" } else { "s" }
                    ));
                }
                Ok(())
            }
            (Ok(_), CheckFormat::Json) => {
                output::json(&serde_json::json!({ "formatVersion": 1, "problems": [] }))
            }
            (Ok(_), CheckFormat::Github) => Ok(()),
            (Err(rejected), CheckFormat::Text) => {
                Err(Failure::Rejected(rejected, super::Format::Text))
            }
            (Err(rejected), CheckFormat::Json) => {
                Err(Failure::Rejected(rejected, super::Format::Json))
            }
            (Err(rejected), CheckFormat::Github) => {
                let problems = rejected.to_json();
                let lines = problems
                    .as_array()
                    .into_iter()
                    .flatten()
                    .map(workflow_command);
                output::text(&lines.collect::<String>())?;
                Err(Failure::Rejected(rejected, super::Format::Text))
            }
        }
    }
}

/// `::error file=…,line=…,col=…,title=…::message`, with the escapes that GitHub wants.
fn workflow_command(problem: &serde_json::Value) -> String {
    let text = |key: &str| match &problem[key] {
        serde_json::Value::String(text) => text.clone(),
        serde_json::Value::Null => String::new(),
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

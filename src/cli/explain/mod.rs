//! `ocipatch explain`

mod forms;
mod language;
mod page;
mod topic;

use clap::Args;

use super::failure::Failure;
use super::output;
use topic::{Language, Topic, TopicParser};

/// Prints the reference of a topic, or the list of topics.
#[derive(Debug, Args)]
pub(super) struct Explain {
    /// An operation, a key of a patch such as `target` or `add-layer.files`, a precondition such as `expect.label`, a problem code, or
    /// a form such as `oci-archive`; without one, the topics are listed
    #[arg(value_name = "TOPIC", value_parser = TopicParser, hide_possible_values = true)]
    topics: Vec<String>,
}

impl Explain {
    pub(super) fn run(&self) -> Result<(), Failure> {
        let language = Language::new();
        if self.topics.is_empty() {
            return Ok(output::text(&page::list(&language))?);
        }
        let topics = self.topics.iter().map(|name| find(name, &language));
        let pages: Vec<String> = topics
            .map(|topic| topic.map(|topic| page::page(&topic)))
            .collect::<Result<_, _>>()?;
        Ok(output::text(&pages.join("\n"))?)
    }
}

fn find<'a>(name: &'a str, language: &'a Language) -> Result<Topic<'a>, Failure> {
    language.find(name).ok_or_else(|| {
        let message = format!("there is no topic `{name}`");
        Failure::Usage(match language.nearest(name).as_slice() {
            [] => format!("{message}; `ocipatch explain` lists the topics"),
            nearest => {
                let nearest: Vec<String> = nearest.iter().map(|it| format!("`{it}`")).collect();
                format!("{message}; did you mean {}?", nearest.join(" or "))
            }
        })
    })
}

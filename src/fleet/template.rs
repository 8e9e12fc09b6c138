//! Names of destinations, made of those of sources.

use serde_json::json;

use crate::problem::{Code, quoted};
use crate::reference::Reference;
use crate::shape::shape;

/// The name of a destination, with places for parts of the name of its source.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Template(Vec<Piece>);

#[derive(Debug, Clone, PartialEq, Eq)]
enum Piece {
    Text(String),
    Registry,
    Repository,
    Name,
    Tag,
}

const TAG_HELP: &str = "end it with a tag, as in `:{tag}`";
const KNOWN: &str = "there is `{registry}`, `{repository}`, `{name}` and `{tag}`";

shape! {
    /// The name of a destination, such as `registry.example.com/patched/{repository}:{tag}`. `{registry}`, `{repository}` and `{tag}`
    /// are those of the source, and `{name}` is the last part of its repository
    impl Template, "Destination" {
        |_| json!({
            "type": "string",
            "minLength": 1,
            "pattern": ":[^/]+$",
            "patternErrorMessage": TAG_HELP,
            "examples": ["registry.example.com/patched/{repository}:{tag}"],
        }),
        |field, problems| {
            let text = field.some_word(problems)?;
            match Template::parse(text) {
                Ok(template) => Some(template),
                Err((message, help)) => {
                    let problem = field.problem(Code::InvalidReference, format!("{} {message}", quoted(text)));
                    problems.add(problem.with_help(help));
                    None
                }
            }
        }
    }
}

impl Template {
    /// Parses a template; the message, which follows the text, and the help if it is not one.
    pub fn parse(text: &str) -> Result<Self, (String, &'static str)> {
        let template = Self(pieces(text)?);
        let sample =
            Reference::parse("registry.example.com/team/app:1").expect("it is a tagged name");
        let filled = template.text(&sample);
        let Some((name, _)) = filled
            .rsplit_once(':')
            .filter(|(_, tag)| !tag.contains('/'))
        else {
            return Err(("has no tag".to_owned(), TAG_HELP));
        };
        // Without a registry it would be a name of Docker Hub, which few mean that push there.
        let first = name.split_once('/').map_or("", |(first, _)| first);
        if !first.contains(['.', ':']) && first != "localhost" {
            return Err((
                "does not start with a registry".to_owned(),
                "write the registry, as in `registry.example.com/patched/{name}:{tag}`, or `docker.io/` for Docker Hub",
            ));
        }
        match Reference::parse(&filled) {
            Ok(_) => Ok(template),
            Err(reason) => Err((
                format!("does not make the name of an image: {reason}"),
                "write `registry/repository:tag`, as in `registry.example.com/patched/{name}:{tag}`",
            )),
        }
    }

    /// Returns the destination of an image; what it would be, and why that is no name of an image.
    pub fn fill(&self, source: &Reference) -> Result<Reference, (String, String)> {
        let text = self.text(source);
        Reference::parse(&text).map_err(|reason| (text, reason.to_string()))
    }

    fn text(&self, source: &Reference) -> String {
        let path = source.path();
        let pieces = self.0.iter().map(|piece| match piece {
            Piece::Text(text) => text,
            Piece::Registry => source.domain(),
            Piece::Repository => path,
            Piece::Name => path.rsplit('/').next().unwrap_or(path),
            Piece::Tag => source.tag(),
        });
        pieces.collect()
    }
}

fn pieces(text: &str) -> Result<Vec<Piece>, (String, &'static str)> {
    let mut pieces = Vec::new();
    let mut rest = text;
    while let Some(start) = rest.find(['{', '}']) {
        let (before, from) = rest.split_at(start);
        let Some((name, after)) = from.strip_prefix('{').and_then(|it| it.split_once('}')) else {
            return Err(("has a brace without its partner".to_owned(), KNOWN));
        };
        pieces.push(Piece::Text(before.to_owned()));
        pieces.push(match name {
            "registry" => Piece::Registry,
            "repository" => Piece::Repository,
            "name" => Piece::Name,
            "tag" => Piece::Tag,
            _ => {
                return Err((
                    format!("has the unknown part {}", quoted(&format!("{{{name}}}"))),
                    KNOWN,
                ));
            }
        });
        rest = after;
    }
    pieces.push(Piece::Text(rest.to_owned()));
    Ok(pieces)
}

//! The parts of a page: fenced blocks, tables, headings and links.
#![allow(clippy::unwrap_used, reason = "helpers of tests may fail as tests do")]

use std::collections::HashMap;

/// The content of every fenced block with exactly this info string.
pub(crate) fn blocks<'a>(markdown: &'a str, info: &str) -> Vec<&'a str> {
    let fence = format!("\n```{info}\n");
    markdown
        .match_indices(&fence)
        .map(|(at, fence)| {
            let content = &markdown[at + fence.len()..];
            let end = if content.starts_with("```") {
                0
            } else {
                content.find("\n```").unwrap() + 1
            };
            &content[..end]
        })
        .collect()
}

/// The cells of the first table below a heading.
pub(crate) fn rows<'a>(markdown: &'a str, heading: &str) -> Vec<Vec<&'a str>> {
    let (_, section) = markdown.split_once(&format!("\n{heading}\n")).unwrap();
    section
        .lines()
        .skip_while(|line| !line.starts_with('|'))
        .take_while(|line| line.starts_with('|'))
        .skip(2)
        .map(|line| line.trim_matches('|').split('|').map(str::trim).collect())
        .collect()
}

/// The text of a page outside fenced blocks.
fn prose(markdown: &str) -> impl Iterator<Item = &str> {
    let mut is_block = false;
    markdown.lines().filter(move |line| {
        let is_fence = line.starts_with("```");
        is_block ^= is_fence;
        !is_block && !is_fence
    })
}

/// The targets of all links.
pub(crate) fn links(markdown: &str) -> Vec<&str> {
    let links = prose(markdown).flat_map(|line| line.split("](").skip(1));
    links.map(|rest| rest.split_once(')').unwrap().0).collect()
}

/// The anchors of all headings, as GitHub and GitLab derive them.
pub(crate) fn anchors(markdown: &str) -> Vec<String> {
    let mut seen: HashMap<String, usize> = HashMap::new();
    let headings = prose(markdown).filter(|line| line.starts_with('#'));
    let titles = headings.filter_map(|line| line.trim_start_matches('#').strip_prefix(' '));
    let anchor = |title: &str| {
        let kept = |c: &char| c.is_alphanumeric() || matches!(c, ' ' | '-' | '_');
        let title: String = title.to_lowercase().chars().filter(kept).collect();
        let anchor = title.replace(' ', "-");
        let n_before = seen.entry(anchor.clone()).or_default();
        *n_before += 1;
        match *n_before {
            1 => anchor,
            n => format!("{anchor}-{}", n - 1),
        }
    };
    titles.map(anchor).collect()
}

//! `schema/README.md` describes every operation and precondition, in the words of the program.
#![allow(clippy::unwrap_used, reason = "helpers of tests may fail as tests do")]

use std::fmt::Write as _;

use ocipatch::config_field::ConfigField;
use ocipatch::operation::definitions;
use ocipatch::patch::schema;

use super::text;
use crate::renew::{check_lead, check_sentence, check_table};

const PAGE: &str = "schema/README.md";

#[test]
fn the_page_has_the_documentation_of_every_operation() {
    let page = text(PAGE);
    let headings = page.lines().filter_map(|line| line.strip_prefix("#### `"));
    let names: Vec<&str> = headings.map(|it| it.trim_end_matches('`')).collect();
    let mut rows = String::new();
    for name in &names {
        let definition = definitions().iter().find(|it| it.name == *name);
        let docs = definition
            .unwrap_or_else(|| panic!("no operation `{name}`"))
            .docs;
        writeln!(rows, "| [`{name}`](#{name}) | {} |", docs.does).unwrap();
        let lead = format!(
            "{}\n\n* Takes {}.\n* `{}` turns `{}` into `{}`.\n",
            docs.does, docs.takes, docs.example, docs.before, docs.after
        );
        check_lead(PAGE, &format!("#### `{name}`"), &lead);
    }
    let missing = definitions().iter().find(|it| !names.contains(&it.name));
    assert!(missing.is_none(), "{missing:?} is not documented");
    check_table(PAGE, "## Operations", &rows);
}

#[test]
fn the_page_has_the_preconditions_of_the_schema() {
    let schema = schema();
    let properties = schema["definitions"]["Expectation"]["properties"].as_object();
    let rows = properties.unwrap().iter().map(|(name, property)| {
        let text = property["description"].as_str().expect(name);
        let (wants, takes) = text.split_once("\n\nTakes ").expect(name);
        let [wants, takes] = [wants, takes].map(|text| text.trim_end_matches('.'));
        format!("| `{name}` | {takes} | {wants} |\n")
    });
    check_table(PAGE, "## Expect", &rows.collect::<String>());
}

#[test]
fn the_page_names_every_field_that_can_be_unset() {
    let fields = ConfigField::ALL.iter().filter(|field| field.is_optional());
    let names = fields.map(|field| field.name());
    // Parts of the health check stand beside it.
    let whole: Vec<String> = names
        .filter(|name| !name.contains('.'))
        .map(|name| format!("`{name}`"))
        .collect();
    let (last, most) = whole.split_last().unwrap();
    let list = format!("{} and {last}", most.join(", "));
    check_sentence(PAGE, "`unset` takes these fields: ", &list);
}

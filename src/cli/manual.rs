//! Manual pages: what `--help` says, and the sections that readers of such pages look for (man-pages(7)).

use clap::Command;
use clap_mangen::Man;

use super::failure::Failure;
use super::{Arguments, examples};
use crate::error::Error;

/// The variables that are read, and by which commands; all of them where no one is named.
const ENVIRONMENT: &[(&str, &str, &[&str])] = &[
    (
        "SOURCE_DATE_EPOCH",
        "The time of images that change and of new files, in seconds since 1970.",
        &["apply", "plan", "fleet"],
    ),
    (
        "TMPDIR",
        "The directory of temporary files; /var/tmp by default.",
        &[],
    ),
    (
        "XDG_CACHE_HOME, HOME",
        "The directory of the cache is $XDG_CACHE_HOME/ocipatch or ~/.cache/ocipatch.",
        &[
            "apply", "plan", "inspect", "cat", "edit", "export", "diff", "fleet",
        ],
    ),
    ("VISUAL, EDITOR", "The editor.", &["edit"]),
    (
        "DOCKER_AUTH_CONFIG, REGISTRY_AUTH_FILE, XDG_RUNTIME_DIR, XDG_CONFIG_HOME, DOCKER_CONFIG",
        "Where credentials are looked for, besides --authfile.",
        REMOTE,
    ),
    (
        "HTTPS_PROXY, HTTP_PROXY, ALL_PROXY, NO_PROXY",
        "The proxies for registries.",
        REMOTE,
    ),
    (
        "SSL_CERT_FILE, SSL_CERT_DIR",
        "The certificate authorities that are trusted.",
        REMOTE,
    ),
    (
        "OCIPATCH_SHARDS",
        "The number of parts for --shard auto.",
        &["fleet"],
    ),
    ("NO_COLOR", "Not empty: no colour.", &[]),
];

/// The commands that reach registries.
const REMOTE: &[&str] = &[
    "apply", "plan", "inspect", "cat", "edit", "export", "init", "diff", "verify", "fleet",
];

/// What the exit codes mean.
const EXIT_CODES: &[(&str, &str)] = &[
    ("0", "Done."),
    (
        "1",
        "The patch was rejected and nothing was written, or differences were found.",
    ),
    ("2", "The command line is wrong."),
    ("3", "The archive is unreadable, corrupt or unwritable."),
];

/// Pages of other programs.
const OTHERS: &[&str] = &["docker-save(1)", "podman-save(1)", "skopeo(1)", "umoci(1)"];

/// Returns the manual page of the program, or of one of its commands: its name and its text.
pub(super) fn page(command: Option<&str>) -> Result<String, Failure> {
    let program = built();
    let Some(name) = command else {
        return Ok(render(&program, "")?);
    };
    let known = program
        .get_subcommands()
        .find(|known| known.get_name() == name);
    let about = known.ok_or_else(|| Failure::Usage(format!("there is no command `{name}`")))?;
    Ok(render(about, name)?)
}

/// Returns all pages, each with the name of its file.
pub(super) fn pages() -> Result<Vec<(String, String)>, Error> {
    let program = built();
    let mut pages = vec![("ocipatch.1".to_owned(), render(&program, "")?)];
    for about in program.get_subcommands() {
        let name = about.get_name();
        if name != "help" {
            pages.push((format!("ocipatch-{name}.1"), render(about, name)?));
        }
    }
    Ok(pages)
}

fn built() -> Command {
    let mut program = <Arguments as clap::CommandFactory>::command();
    program.build();
    program
}

fn render(about: &Command, name: &str) -> Result<String, Error> {
    // The sections below say what stands after the options in `--help`.
    let about = about.clone().after_help("").after_long_help("");
    let has_commands = about.has_subcommands();
    let man = Man::new(about);
    let mut page = Vec::new();
    let written = man
        .render_title(&mut page)
        .and_then(|()| man.render_name_section(&mut page))
        .and_then(|()| man.render_synopsis_section(&mut page))
        .and_then(|()| man.render_description_section(&mut page))
        .and_then(|()| man.render_options_section(&mut page))
        .and_then(|()| {
            if has_commands {
                man.render_subcommands_section(&mut page)
            } else {
                Ok(())
            }
        });
    written.map_err(|source| Error::Io {
        place: "the manual page".to_owned(),
        source,
    })?;
    let page = String::from_utf8(page).expect("the texts of options are UTF-8");
    Ok(page + &sections(name))
}

fn sections(name: &str) -> String {
    let mut roff = String::from(".SH EXAMPLES\n");
    for (does, line) in examples::of(name) {
        let (does, line) = (escaped(does), escaped(line));
        roff.push_str(
            &[
                ".PP\n",
                &does,
                ":\n.PP\n.RS 4\n.nf\n",
                &line,
                "\n.fi\n.RE\n",
            ]
            .concat(),
        );
    }
    roff.push_str(".SH ENVIRONMENT\n");
    let is_read =
        |readers: &[&str]| name.is_empty() || readers.is_empty() || readers.contains(&name);
    for (variable, meaning, _) in ENVIRONMENT.iter().filter(|(_, _, by)| is_read(by)) {
        roff.push_str(&tagged(variable, meaning));
    }
    roff.push_str(".SH EXIT STATUS\n");
    for (code, meaning) in EXIT_CODES {
        roff.push_str(&tagged(code, meaning));
    }
    roff.push_str(".SH SEE ALSO\n");
    let own = if name.is_empty() {
        ["ocipatch-apply(1)", "ocipatch-plan(1)"].as_slice()
    } else {
        &["ocipatch(1)"]
    };
    let pages: Vec<String> = own.iter().chain(OTHERS).map(|page| link(page)).collect();
    roff.push_str(&pages.join(",\n"));
    roff.push('\n');
    roff
}

fn tagged(term: &str, text: &str) -> String {
    format!(".TP\n\\fB{}\\fR\n{}\n", escaped(term), escaped(text))
}

/// Returns a page as `\fBname\fR(section)`.
fn link(page: &str) -> String {
    let (name, section) = page.split_once('(').expect("a section follows the name");
    format!("\\fB{}\\fR({section}", escaped(name))
}

/// Returns a line of text for roff: it starts no request, and its hyphens are those of the keyboard.
fn escaped(text: &str) -> String {
    let text = text
        .replace('\\', "\\e")
        .replace('-', "\\-")
        .replace('\'', "\\(aq");
    if text.starts_with('.') {
        return format!("\\&{text}");
    }
    text
}

#[cfg(test)]
mod tests {
    use super::{ENVIRONMENT, escaped, link, sections, tagged};

    #[test]
    fn text_starts_no_request_and_keeps_its_signs() {
        for (text, expected) in [
            ("a b", "a b"),
            (".SH", "\\&.SH"),
            ("a.b", "a.b"),
            ("--to", "\\-\\-to"),
            ("\\fB", "\\efB"),
            ("it's", "it\\(aqs"),
        ] {
            assert_eq!(escaped(text), expected);
        }
        assert_eq!(link("a-b(1)"), "\\fBa\\-b\\fR(1)");
        assert_eq!(tagged("--to", "a.b"), ".TP\n\\fB\\-\\-to\\fR\na.b\n");
    }

    #[test]
    fn a_page_has_the_variables_that_its_command_reads() {
        let has = |name: &str, variable: &str| {
            let page = sections(name);
            let (_, section) = page.split_once(".SH ENVIRONMENT").unwrap();
            section.contains(&format!("\\fB{}\\fR", escaped(variable)))
        };
        for (variable, _, readers) in ENVIRONMENT {
            assert!(has("", variable), "{variable}");
            for name in ["apply", "plan", "edit", "fleet", "verify", "inspect"] {
                let is_read = readers.is_empty() || readers.contains(&name);
                assert_eq!(has(name, variable), is_read, "{name}: {variable}");
            }
        }
    }
}

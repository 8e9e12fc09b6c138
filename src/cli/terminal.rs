//! What can be shown where somebody reads: colour, characters beyond ASCII, and how many columns there are.
//!
//! Colour follows `--color`, then `NO_COLOR` (no-color.org), `CLICOLOR_FORCE` and `CLICOLOR` (bixense.com/clicolors), then
//! whether there is a terminal and `TERM` is not `dumb`.

use std::borrow::Cow;
use std::io::{self, IsTerminal};
use std::os::fd::AsFd;
use std::sync::OnceLock;

use clap::ValueEnum;

use crate::page::View;

/// When there is colour.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum Colour {
    /// On a terminal, unless the environment says otherwise
    Auto,
    /// Always
    Always,
    /// Never
    Never,
}

/// What was asked for; nothing before the arguments are parsed.
static ASKED: OnceLock<Colour> = OnceLock::new();

/// The narrowest and the widest that text is wrapped for. In columns.
const WIDTHS: (usize, usize) = (60, 200);

/// Sets when there is colour.
pub(super) fn choose(colour: Colour) {
    let _ = ASKED.set(colour);
}

/// Whether colour is welcome on a stream.
pub(super) fn in_colour(stream: &impl IsTerminal) -> bool {
    match ASKED.get().copied().unwrap_or_else(typed) {
        Colour::Always => true,
        Colour::Never => false,
        Colour::Auto if anstyle_query::no_color() => false,
        Colour::Auto if is_forced() => true,
        Colour::Auto => {
            stream.is_terminal()
                && anstyle_query::term_supports_color()
                && anstyle_query::clicolor().unwrap_or(true)
        }
    }
}

/// Whether `CLICOLOR_FORCE` is anything but 0.
fn is_forced() -> bool {
    let value = std::env::var_os("CLICOLOR_FORCE");
    value.is_some_and(|value| !value.is_empty() && value != "0")
}

/// What `--color` says in arguments that could not be parsed.
fn typed() -> Colour {
    let mut arguments = std::env::args_os().skip(1);
    while let Some(argument) = arguments.next() {
        let value = match argument.to_str() {
            Some("--color") => arguments.next(),
            Some(argument) => argument.strip_prefix("--color=").map(Into::into),
            None => None,
        };
        let value = value.as_deref().and_then(|value| value.to_str());
        if let Some(Ok(colour)) = value.map(|value| Colour::from_str(value, false)) {
            return colour;
        }
    }
    Colour::Auto
}

/// Returns the columns of the terminal behind a stream, if there is one.
pub(super) fn width(stream: &(impl IsTerminal + AsFd)) -> Option<usize> {
    if !stream.is_terminal() {
        return None;
    }
    let (width, _) = terminal_size::terminal_size_of(stream)?;
    let (least, most) = WIDTHS;
    Some(usize::from(width.0).clamp(least, most))
}

/// Returns how a report is shown on standard output.
pub(super) fn on_stdout(is_full: bool) -> View {
    view(&io::stdout(), is_full)
}

/// Returns how a report is shown on standard error.
pub(super) fn on_stderr(is_full: bool) -> View {
    view(&io::stderr(), is_full)
}

fn view(stream: &(impl IsTerminal + AsFd), is_full: bool) -> View {
    View {
        in_colour: in_colour(stream),
        is_full,
        width: width(stream),
    }
}

/// Returns a text for people with ASCII for our own signs, if the locale has no others. What a patch or an image holds may have
/// these signs too; it is shown as well as it can be.
pub(super) fn fitted(text: &str) -> Cow<'_, str> {
    static IS_ASCII: OnceLock<bool> = OnceLock::new();
    if text.is_ascii() || !*IS_ASCII.get_or_init(|| has_no_unicode(|name| std::env::var(name).ok()))
    {
        return Cow::Borrowed(text);
    }
    Cow::Owned(text.chars().fold(String::new(), |text, c| text + &ascii(c)))
}

/// Tells whether the locale is one without Unicode. One that nobody sets is not: containers and services have none, and those who
/// read their logs do.
fn has_no_unicode(variable: impl Fn(&str) -> Option<String>) -> bool {
    let names = ["LC_ALL", "LC_CTYPE", "LANG"];
    let set = names.iter().filter_map(|name| variable(name));
    let locale = set.into_iter().find(|value| !value.is_empty());
    let Some(locale) = locale.map(|locale| locale.to_ascii_lowercase()) else {
        return false;
    };
    !locale.contains("utf-8") && !locale.contains("utf8")
}

fn ascii(c: char) -> Cow<'static, str> {
    match c {
        '→' => "->".into(),
        '…' => "...".into(),
        '█' => "#".into(),
        '×' => "x".into(),
        '─' | '┬' | '—' => "-".into(),
        '│' | '├' | '▶' => "|".into(),
        '╭' => ",".into(),
        '╰' => "`".into(),
        '·' => ":".into(),
        c => c.to_string().into(),
    }
}

#[cfg(test)]
mod tests {
    use super::{ascii, has_no_unicode};

    #[test]
    fn our_own_signs_have_others_in_ascii() {
        for sign in "→…█×─┬—│├▶╭╰·".chars() {
            assert!(ascii(sign).is_ascii(), "{sign}");
        }
        assert_eq!(ascii('é'), "é");
        let shown: String = "╭─[x]·→…".chars().map(|c| ascii(c).into_owned()).collect();
        assert_eq!(shown, ",-[x]:->...");
    }

    #[test]
    fn the_first_variable_that_is_set_names_the_locale() {
        for (variables, expected) in [
            (&[][..], false),
            (&[("LANG", "C.UTF-8")], false),
            (&[("LANG", "de_DE.utf8")], false),
            (&[("LANG", "C")], true),
            (&[("LANG", "de_DE@euro")], true),
            (&[("LANG", "C.UTF-8"), ("LC_CTYPE", "POSIX")], true),
            (
                &[("LANG", "C"), ("LC_ALL", ""), ("LC_CTYPE", "C.UTF-8")],
                false,
            ),
            (&[("LANG", "C"), ("LC_ALL", "C.UTF-8")], false),
        ] {
            let variable = |name: &str| {
                let found = variables.iter().find(|(it, _)| *it == name);
                found.map(|(_, value)| (*value).to_owned())
            };
            assert_eq!(has_no_unicode(variable), expected, "{variables:?}");
        }
    }
}

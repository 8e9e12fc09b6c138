//! The picture of README.md: a real plan, drawn from what the program writes to a terminal.
#![allow(clippy::unwrap_used, reason = "helpers of tests may fail as tests do")]

use std::fmt::Write as _;
use std::fs;

use crate::binary::command;
use crate::readme::{root, workspace};

/// What is drawn. It is the command line below the root of the repository.
const COMMAND: &str =
    "ocipatch plan patches/change-label.yaml patches/hotfix-line.yaml tests/fixtures/docker26.tar";

const PICTURE: &str = "tests/plan.svg";

/// The eight colors of a terminal, then their bright variants, for a dark background.
const COLORS: [&str; 16] = [
    "#3b4252", "#e06c75", "#98c379", "#e5c07b", "#61afef", "#c678dd", "#56b6c2", "#d8dee9",
    "#7f8899", "#ff8b92", "#b5e08f", "#ffd787", "#84c7ff", "#e29bf5", "#7fd6e0", "#ffffff",
];

const FOREGROUND: &str = COLORS[7];
const BACKGROUND: &str = "#1e222a";

/// In pixels: a character of the font is as wide as this, a line as high, and a border is around them.
const CHARACTER: f64 = 7.8;
const LINE: usize = 19;
const BORDER: usize = 16;

/// How characters are drawn (ECMA-48, SGR).
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[expect(clippy::struct_excessive_bools, reason = "each is switched by itself")]
struct Style {
    color: Option<String>,
    is_bold: bool,
    is_dim: bool,
    is_italic: bool,
    is_underlined: bool,
}

impl Style {
    /// Applies the parameters of one escape sequence; a picture must show every one of them.
    fn apply(&mut self, parameters: &str) {
        let mut codes = parameters.split(';').map(|code| match code {
            "" => 0,
            code => code.parse::<usize>().unwrap(),
        });
        while let Some(code) = codes.next() {
            match code {
                0 => *self = Self::default(),
                1 => self.is_bold = true,
                2 => self.is_dim = true,
                3 => self.is_italic = true,
                4 => self.is_underlined = true,
                22 => (self.is_bold, self.is_dim) = (false, false),
                23 => self.is_italic = false,
                24 => self.is_underlined = false,
                30..=37 => self.color = Some(COLORS[code - 30].to_owned()),
                38 => {
                    assert_eq!(codes.next(), Some(2), "only colors by red, green and blue");
                    let [r, g, b] = [(); 3].map(|()| codes.next().unwrap());
                    self.color = Some(format!("#{r:02x}{g:02x}{b:02x}"));
                }
                39 => self.color = None,
                90..=97 => self.color = Some(COLORS[code - 90 + 8].to_owned()),
                other => panic!("the picture cannot show {other}"),
            }
        }
    }

    fn attributes(&self) -> String {
        let mut attributes = String::new();
        if let Some(color) = &self.color {
            write!(attributes, " fill=\"{color}\"").unwrap();
        }
        for (is_set, attribute) in [
            (self.is_bold, " font-weight=\"bold\""),
            (self.is_dim, " fill-opacity=\"0.6\""),
            (self.is_italic, " font-style=\"italic\""),
            (self.is_underlined, " text-decoration=\"underline\""),
        ] {
            if is_set {
                attributes.push_str(attribute);
            }
        }
        attributes
    }
}

/// The runs of characters of each line with one style.
fn runs(output: &str) -> Vec<Vec<(Style, String)>> {
    let mut style = Style::default();
    let mut lines = Vec::new();
    for line in output.lines() {
        let mut pieces = line.split("\u{1b}[");
        let mut runs = vec![(style.clone(), pieces.next().unwrap().to_owned())];
        for piece in pieces {
            let (parameters, text) = piece.split_once('m').expect("a sequence ends with `m`");
            style.apply(parameters);
            runs.push((style.clone(), text.to_owned()));
        }
        runs.retain(|(_, text)| !text.is_empty());
        lines.push(runs);
    }
    lines
}

fn svg(output: &str) -> String {
    let lines = runs(output);
    let columns = |runs: &Vec<(Style, String)>| -> usize {
        runs.iter().map(|(_, text)| text.chars().count()).sum()
    };
    let n_columns = lines.iter().map(columns).max().unwrap();
    let (width, height) = (
        at(n_columns).ceil() + f64_of(BORDER),
        2 * BORDER + lines.len() * LINE,
    );
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{width}\" height=\"{height}\" viewBox=\"0 0 {width} {height}\">\n\
         <title>{}</title>\n\
         <rect width=\"100%\" height=\"100%\" rx=\"8\" fill=\"{BACKGROUND}\"/>\n\
         <g font-family=\"ui-monospace, SFMono-Regular, Menlo, Consolas, DejaVu Sans Mono, monospace\" font-size=\"13\" fill=\"{FOREGROUND}\" xml:space=\"preserve\">\n",
        escaped(COMMAND)
    );
    for (number, runs) in lines.iter().enumerate() {
        let mut column = 0;
        let y = BORDER + number * LINE + 14;
        let mut line = String::new();
        for (style, text) in runs {
            let n_leading = text.chars().take_while(|c| *c == ' ').count();
            let n_columns = text.chars().count();
            if n_leading < n_columns {
                // Its place does not depend on the font of the reader.
                let (x, attributes) = (at(column + n_leading), style.attributes());
                let text = escaped(text.trim());
                write!(line, "<tspan x=\"{x:.1}\"{attributes}>{text}</tspan>").unwrap();
            }
            column += n_columns;
        }
        if !line.is_empty() {
            writeln!(svg, "<text y=\"{y}\">{line}</text>").unwrap();
        }
    }
    svg + "</g>\n</svg>\n"
}

/// Where a column begins, in pixels.
fn at(column: usize) -> f64 {
    f64_of(BORDER) + f64_of(column) * CHARACTER
}

fn f64_of(number: usize) -> f64 {
    f64::from(u32::try_from(number).unwrap())
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
}

#[test]
fn the_picture_is_what_the_program_writes_to_a_terminal() {
    let workspace = workspace();
    let mut words = COMMAND.split(' ');
    assert_eq!(words.next(), Some("ocipatch"));
    let output = command()
        .args(["--color", "always"])
        .args(words)
        .current_dir(workspace.path())
        .output()
        .unwrap();
    assert!(output.status.success());
    let output = String::from_utf8(output.stdout).unwrap();
    let expected = svg(&format!("$ {COMMAND}\n{output}"));
    if std::env::var_os("UPDATE").is_some() {
        fs::write(root().join(PICTURE), &expected).unwrap();
    }
    let found = fs::read_to_string(root().join(PICTURE)).unwrap_or_default();
    assert_eq!(found, expected, "run with UPDATE=1 to draw {PICTURE} again");
}

#[test]
fn styles_and_places_are_drawn() {
    let red = Style {
        color: Some(COLORS[1].into()),
        is_bold: true,
        ..Style::default()
    };
    let line = runs("a\u{1b}[1;31m  b\u{1b}[0m c<\n");
    let plain = Style::default();
    assert_eq!(
        line,
        [[
            (plain.clone(), "a".into()),
            (red, "  b".into()),
            (plain, " c<".into())
        ]]
    );
    let svg = svg("a\u{1b}[1;31m  b\u{1b}[0m c<\n");
    let spans = "<tspan x=\"16.0\">a</tspan><tspan x=\"39.4\" fill=\"#e06c75\" font-weight=\"bold\">b</tspan><tspan x=\"55.0\">c&lt;</tspan>";
    assert!(svg.contains(spans), "{svg}");
    let mut style = Style::default();
    style.apply("2;38;2;1;2;255");
    assert_eq!(style.attributes(), " fill=\"#0102ff\" fill-opacity=\"0.6\"");
}

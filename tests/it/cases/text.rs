//! Images written as text, so that a case can be read and reviewed like one.

/// An image as a case describes it.
#[derive(Debug, Clone, Default)]
pub(super) struct Image {
    pub(super) tags: Vec<String>,
    pub(super) labels: Vec<(String, String)>,
    /// Members of `config` besides labels, as JSON.
    pub(super) config: Vec<(String, String)>,
    pub(super) created: Option<String>,
    pub(super) history: History,
    pub(super) os: Option<String>,
    pub(super) layers: Vec<Vec<File>>,
}

/// How much the history of an image tells.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) enum History {
    /// One entry per layer, and one for a change of the configuration.
    #[default]
    Full,
    /// An entry too few.
    Short,
    /// No `history` at all.
    Absent,
}

/// One entry of a layer or of a source directory.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct File {
    pub(super) path: String,
    pub(super) mode: u32,
    pub(super) owner: (u64, u64),
    /// Seconds, if not those of every case.
    pub(super) mtime: Option<u64>,
    pub(super) content: Content,
}

/// What an entry is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Content {
    Directory,
    Text(String),
    Symlink(String),
    Hardlink(String),
}

impl Image {
    /// Reads `key: value` lines; `layer:`, `label:` and `config:` may stand several times.
    pub(super) fn parse(text: &str) -> Self {
        let mut image = Self::default();
        for line in text.lines() {
            let (key, value) = line.split_once(':').expect(line);
            let value = value.trim();
            match key {
                "tags" => image.tags = value.split_whitespace().map(str::to_owned).collect(),
                "label" => {
                    let (key, value) = value.split_once('=').expect(line);
                    image.labels.push((key.to_owned(), value.to_owned()));
                }
                "config" => {
                    let (key, json) = value.split_once('=').expect(line);
                    image.config.push((key.to_owned(), json.to_owned()));
                }
                "created" => image.created = Some(value.to_owned()),
                "os" => image.os = Some(value.to_owned()),
                "history" => {
                    image.history = match value {
                        "short" => History::Short,
                        "absent" => History::Absent,
                        _ => panic!("{line}"),
                    }
                }
                "layer" => image
                    .layers
                    .push(value.split("; ").map(File::parse).collect()),
                _ => panic!("{line}"),
            }
        }
        image.labels.sort();
        image
    }
}

impl File {
    /// Reads `0644 path "text"`, `0755 path/`, `path -> target` or, for a hard link, `path => target`; behind it may stand
    /// an owner and a time, as in `1000:1000 @0`.
    pub(super) fn parse(line: &str) -> Self {
        let (mut line, mut owner, mut mtime) = (line, (0, 0), None);
        while let Some((rest, last)) = line.rsplit_once(' ') {
            let ids = last.split_once(':');
            let ids = ids.and_then(|(uid, gid)| Some((uid.parse().ok()?, gid.parse().ok()?)));
            let time = last.strip_prefix('@').and_then(|time| time.parse().ok());
            match (ids, time) {
                (Some(ids), _) => owner = ids,
                (_, Some(time)) => mtime = Some(time),
                _ => break,
            }
            line = rest;
        }
        let file = Self::parse_plain(line);
        Self {
            owner,
            mtime,
            ..file
        }
    }

    fn parse_plain(line: &str) -> Self {
        let link = |path: &str, mode, content| Self {
            path: path.to_owned(),
            mode,
            owner: (0, 0),
            mtime: None,
            content,
        };
        if let Some((path, target)) = line.split_once(" -> ") {
            return link(path, 0o777, Content::Symlink(target.to_owned()));
        }
        if let Some((path, target)) = line.split_once(" => ") {
            return link(path, 0o644, Content::Hardlink(target.to_owned()));
        }
        let (mode, rest) = line.split_once(' ').expect(line);
        let mode = u32::from_str_radix(mode, 8).expect(line);
        let (path, content) = match rest.split_once(" \"") {
            Some((path, text)) => {
                let text = serde_json::from_str(&format!("\"{text}")).expect(line);
                (path, Content::Text(text))
            }
            None => (rest, Content::Directory),
        };
        link(path, mode, content)
    }
}

//! The fields of an image configuration that a patch can name, and where they stand in the document.

/// One row per field: documentation, variant, the patch's word, the keys that lead there, the shape of the value. Where an
/// operation sets the field and does nothing else, that follows: the group of its documentation, what it takes, a sentence,
/// an example.
macro_rules! fields {
    ($(#[doc = $doc:literal] $variant:ident $name:literal $path:expr, $shape:ident
        $(, set $group:ident $takes:ident $does:literal $example:literal turns $before:literal into $after:literal)?;)+) => {
        /// A field of a configuration (image-spec config.md; Docker's own beside it).
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum ConfigField { $(#[doc = $doc] $variant,)+ }

        impl ConfigField {
            /// Every field, in the order of the documentation.
            pub const ALL: &[Self] = &[$(Self::$variant,)+];

            /// Returns the word that a patch has for the field.
            #[must_use]
            pub fn name(self) -> &'static str {
                match self { $(Self::$variant => $name,)+ }
            }

            /// Returns what it is, as a sentence.
            #[must_use]
            pub fn docs(self) -> &'static str {
                match self { $(Self::$variant => $doc.trim_ascii(),)+ }
            }

            /// Returns the keys that lead to the field from the root of the document.
            #[must_use]
            pub fn path(self) -> &'static [&'static str] {
                match self { $(Self::$variant => &$path,)+ }
            }

            /// Returns what the value looks like.
            #[must_use]
            pub fn shape(self) -> FieldShape {
                match self { $(Self::$variant => FieldShape::$shape,)+ }
            }
        }

        /// The operations that set one field.
        pub(crate) const SETTERS: &[Setter] = &[$($(Setter {
            name: concat!("set-", $name),
            field: ConfigField::$variant,
            group: SetterGroup::$group,
            takes: Taken::$takes,
            does: $does,
            example: $example,
            before: $before,
            after: $after,
        },)?)+];
    };
}

/// An operation that sets one field.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Setter {
    /// The name in a patch.
    pub(crate) name: &'static str,
    /// The field.
    pub(crate) field: ConfigField,
    /// Where in the documentation it stands.
    pub(crate) group: SetterGroup,
    /// What it takes.
    pub(crate) takes: Taken,
    /// What it does.
    pub(crate) does: &'static str,
    /// A value, as YAML.
    pub(crate) example: &'static str,
    /// A piece of a configuration before that value is set.
    pub(crate) before: &'static str,
    /// The same piece after.
    pub(crate) after: &'static str,
}

/// What the documentation keeps together. `rebase` tells of other values in the new base for the process only: the rest is
/// said of each image alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum SetterGroup {
    /// The process of a container.
    Process,
    /// Where the image is from.
    Origin,
    /// The machine that a container takes itself for.
    Host,
}

/// What an operation takes that sets one field.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Taken {
    /// A text.
    Text,
    /// A list of words.
    Words,
    /// A directory.
    Directory,
    /// A signal, by name or number.
    Signal,
    /// Seconds.
    Seconds,
    /// A time of RFC 3339.
    Time,
}

/// What the value of a field looks like, where it is there and not null.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FieldShape {
    /// A text.
    Text,
    /// A time of RFC 3339.
    Time,
    /// A whole number.
    Number,
    /// A list of texts.
    Texts,
    /// A list of texts, or a text that stands for a list of one (Docker's `strslice`).
    Command,
    /// An object of texts.
    Map,
    /// An object whose keys are what counts.
    Set,
    /// An object with fields of its own.
    Object,
}

fields! {
    /// The entrypoint: the words that every command starts with.
    Entrypoint "entrypoint" ["config", "Entrypoint"], Command, set Process Words "Sets the entrypoint and keeps `cmd`."
        "[/bin/app, -v]" turns "\"Entrypoint\":null" into "\"Entrypoint\":[\"/bin/app\",\"-v\"]";
    /// The default arguments of the entrypoint.
    Cmd "cmd" ["config", "Cmd"], Command, set Process Words "Sets the default arguments of the entrypoint."
        "[serve]" turns "\"Cmd\":[\"help\"]" into "\"Cmd\":[\"serve\"]";
    /// The user, and optionally the group, to run as.
    User "user" ["config", "User"], Text, set Process Text "Sets the user, and optionally the group, to run as."
        "1000:1000" turns "\"User\":\"\"" into "\"User\":\"1000:1000\"";
    /// The working directory.
    Workdir "workdir" ["config", "WorkingDir"], Text, set Process Directory "Sets the working directory, without creating it."
        "/srv" turns "\"WorkingDir\":\"/\"" into "\"WorkingDir\":\"/srv\"";
    /// The shell that runs commands in shell form.
    Shell "shell" ["config", "Shell"], Command, set Process Words "Sets the shell that runs commands in shell form."
        "[/bin/bash, -c]" turns "\"Shell\":[\"/bin/sh\",\"-c\"]" into "\"Shell\":[\"/bin/bash\",\"-c\"]";
    /// The signal that stops the container.
    StopSignal "stop-signal" ["config", "StopSignal"], Text, set Process Signal "Sets the signal that stops the container."
        "SIGQUIT" turns "\"StopSignal\":\"SIGTERM\"" into "\"StopSignal\":\"SIGQUIT\"";
    /// The time between that signal and `SIGKILL`. In seconds.
    StopTimeout "stop-timeout" ["config", "StopTimeout"], Number, set Process Seconds "Sets the time between that signal and `SIGKILL`."
        "30" turns "\"StopTimeout\":10" into "\"StopTimeout\":30";
    /// The health check.
    Healthcheck "healthcheck" ["config", "Healthcheck"], Object;
    /// The command of the health check.
    HealthcheckTest "healthcheck.test" ["config", "Healthcheck", "Test"], Texts;
    /// The time between two checks.
    HealthcheckInterval "healthcheck.interval" ["config", "Healthcheck", "Interval"], Number;
    /// The time that a check may take.
    HealthcheckTimeout "healthcheck.timeout" ["config", "Healthcheck", "Timeout"], Number;
    /// The time after the start in which failures do not count.
    HealthcheckStartPeriod "healthcheck.start-period" ["config", "Healthcheck", "StartPeriod"], Number;
    /// The time between two checks within the start period.
    HealthcheckStartInterval "healthcheck.start-interval" ["config", "Healthcheck", "StartInterval"], Number;
    /// The number of consecutive failures that count.
    HealthcheckRetries "healthcheck.retries" ["config", "Healthcheck", "Retries"], Number;
    /// The ONBUILD instructions.
    Onbuild "onbuild" ["config", "OnBuild"], Texts;
    /// The labels.
    Labels "labels" ["config", "Labels"], Map;
    /// The environment variables.
    Env "env" ["config", "Env"], Texts;
    /// The exposed ports.
    Ports "ports" ["config", "ExposedPorts"], Set;
    /// The volumes.
    Volumes "volumes" ["config", "Volumes"], Set;
    /// The host name.
    Hostname "hostname" ["config", "Hostname"], Text, set Host Text "Sets the host name, which `docker run` replaces."
        "app" turns "\"Hostname\":\"fe562fd5d7a1\"" into "\"Hostname\":\"app\"";
    /// The domain name.
    Domainname "domainname" ["config", "Domainname"], Text, set Host Text "Sets the domain name."
        "example.com" turns "\"Domainname\":\"\"" into "\"Domainname\":\"example.com\"";
    /// The author.
    Author "author" ["author"], Text, set Origin Text "Sets the author of the image."
        "ops@example.com" turns "\"author\":\"me\"" into "\"author\":\"ops@example.com\"";
    /// The image comment.
    Comment "comment" ["comment"], Text, set Origin Text "Sets the image comment."
        "ready" turns "\"comment\":\"draft\"" into "\"comment\":\"ready\"";
    /// The creation time.
    Created "created" ["created"], Time, set Origin Time "Sets the creation time, overriding `SOURCE_DATE_EPOCH`."
        "2026-01-31T12:00:00Z" turns "\"created\":\"2024-01-01T00:00:00Z\"" into "\"created\":\"2026-01-31T12:00:00Z\"";
    /// The operating system.
    Os "os" ["os"], Text;
    /// The CPU architecture.
    Architecture "architecture" ["architecture"], Text;
    /// The CPU variant, such as `v7`.
    Variant "variant" ["variant"], Text;
    /// The version of the operating system.
    OsVersion "os-version" ["os.version"], Text;
    /// The required features of the operating system.
    OsFeatures "os-features" ["os.features"], Texts;
}

impl ConfigField {
    /// Tells whether an image can do without the field (image-spec config.md wants `os` and `architecture`).
    #[must_use]
    pub fn is_optional(self) -> bool {
        !matches!(self, Self::Os | Self::Architecture)
    }

    /// Returns the one spelling of a key of the field: the specification lets the protocol of a port be left out, which
    /// Docker never does.
    #[must_use]
    pub fn normal_key(self, key: &str) -> String {
        if self != Self::Ports {
            return key.to_owned();
        }
        let protocol = if key.contains('/') { "" } else { "/tcp" };
        format!("{}{protocol}", key.to_lowercase())
    }

    /// Returns every key whose one spelling is `normal`.
    #[must_use]
    pub fn spellings(self, normal: &str) -> Vec<String> {
        if self != Self::Ports {
            return vec![normal.to_owned()];
        }
        let mut spellings = vec![String::new()];
        for c in normal.chars() {
            let upper = c.to_ascii_uppercase();
            let mut others = Vec::new();
            // No protocol has a longer name; what has one is no port.
            if upper != c && spellings.len() < 16 {
                others = spellings
                    .iter()
                    .map(|start| format!("{start}{upper}"))
                    .collect();
            }
            for start in &mut spellings {
                start.push(c);
            }
            spellings.append(&mut others);
        }
        spellings.extend(normal.strip_suffix("/tcp").map(str::to_owned));
        spellings
    }

    /// Returns the optional field of that name.
    #[must_use]
    pub fn optional(name: &str) -> Option<Self> {
        let is_it = |field: &Self| field.name() == name && field.is_optional();
        Self::ALL.iter().copied().find(is_it)
    }
}

impl serde::Serialize for ConfigField {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.name())
    }
}

#[cfg(test)]
mod tests {
    use super::ConfigField;

    #[test]
    fn a_port_is_spelled_in_any_case_and_without_tcp() {
        let spellings = |field: ConfigField, normal| {
            let mut spellings = field.spellings(normal);
            spellings.sort();
            for spelling in &spellings {
                assert_eq!(field.normal_key(spelling), normal);
            }
            spellings
        };
        assert_eq!(
            spellings(ConfigField::Ports, "80/tcp"),
            "80 80/TCP 80/TCp 80/TcP 80/Tcp 80/tCP 80/tCp 80/tcP 80/tcp"
                .split(' ')
                .collect::<Vec<_>>()
        );
        assert_eq!(spellings(ConfigField::Ports, "80/sctp").len(), 16);
        // That is no port: the first letters are enough.
        assert_eq!(spellings(ConfigField::Ports, "80/abcdefgh").len(), 16);
        assert_eq!(spellings(ConfigField::Volumes, "/Data"), ["/Data"]);
    }

    #[test]
    fn what_an_image_must_have_is_not_optional() {
        assert!(ConfigField::User.is_optional());
        assert!(!ConfigField::Os.is_optional() && !ConfigField::Architecture.is_optional());
        assert_eq!(ConfigField::optional("user"), Some(ConfigField::User));
        assert_eq!(ConfigField::optional("os"), None);
        assert_eq!(ConfigField::optional("usr"), None);
    }
}

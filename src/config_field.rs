//! The fields of an image configuration that a patch can name, and where they stand in the document.

/// One row per field: documentation, variant, the patch's word, the keys that lead there, the shape of the value.
macro_rules! fields {
    ($($(#[$doc:meta])+ $variant:ident $name:literal $path:expr, $shape:ident;)+) => {
        /// A field of a configuration (image-spec config.md; Docker's own beside it).
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum ConfigField { $($(#[$doc])+ $variant,)+ }

        impl ConfigField {
            /// Every field, in the order of the documentation.
            pub const ALL: &[Self] = &[$(Self::$variant,)+];

            /// Returns the word that a patch has for the field.
            #[must_use]
            pub fn name(self) -> &'static str {
                match self { $(Self::$variant => $name,)+ }
            }

            /// Returns the keys that lead to the field from the root of the document.
            #[must_use]
            pub fn path(self) -> &'static [&'static str] {
                match self { $(Self::$variant => &$path,)+ }
            }

            /// Returns what the value looks like.
            #[must_use]
            pub fn shape(self) -> Shape {
                match self { $(Self::$variant => Shape::$shape,)+ }
            }
        }
    };
}

/// What the value of a field looks like, where it is there and not null.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shape {
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
    /// The words that every run begins with.
    Entrypoint "entrypoint" ["config", "Entrypoint"], Command;
    /// The words that follow the entrypoint unless a run brings its own.
    Cmd "cmd" ["config", "Cmd"], Command;
    /// The user, and perhaps group, to run as.
    User "user" ["config", "User"], Text;
    /// The directory to run in.
    Workdir "workdir" ["config", "WorkingDir"], Text;
    /// The words in front of a command that is one text.
    Shell "shell" ["config", "Shell"], Command;
    /// The signal that asks the program to end.
    StopSignal "stop-signal" ["config", "StopSignal"], Text;
    /// The seconds that it then has.
    StopTimeout "stop-timeout" ["config", "StopTimeout"], Number;
    /// How to find out that a container works.
    Healthcheck "healthcheck" ["config", "Healthcheck"], Object;
    /// The command of the health check.
    HealthcheckTest "healthcheck.test" ["config", "Healthcheck", "Test"], Texts;
    /// The time between two checks. In nanoseconds.
    HealthcheckInterval "healthcheck.interval" ["config", "Healthcheck", "Interval"], Number;
    /// The time that a check may take. In nanoseconds.
    HealthcheckTimeout "healthcheck.timeout" ["config", "Healthcheck", "Timeout"], Number;
    /// The time in which failures do not count. In nanoseconds.
    HealthcheckStartPeriod "healthcheck.start-period" ["config", "Healthcheck", "StartPeriod"], Number;
    /// The time between two checks within that. In nanoseconds.
    HealthcheckStartInterval "healthcheck.start-interval" ["config", "Healthcheck", "StartInterval"], Number;
    /// The number of failures that count as one.
    HealthcheckRetries "healthcheck.retries" ["config", "Healthcheck", "Retries"], Number;
    /// The instructions that a build on top begins with.
    Onbuild "onbuild" ["config", "OnBuild"], Texts;
    /// The labels.
    Labels "labels" ["config", "Labels"], Map;
    /// The environment.
    Env "env" ["config", "Env"], Texts;
    /// The ports that the program listens on.
    Ports "ports" ["config", "ExposedPorts"], Set;
    /// The directories that get a volume of their own.
    Volumes "volumes" ["config", "Volumes"], Set;
    /// The name of the machine.
    Hostname "hostname" ["config", "Hostname"], Text;
    /// The domain of the machine.
    Domainname "domainname" ["config", "Domainname"], Text;
    /// Who made the image.
    Author "author" ["author"], Text;
    /// What the one who made it said.
    Comment "comment" ["comment"], Text;
    /// When it was made.
    Created "created" ["created"], Time;
    /// The operating system that the image is for.
    Os "os" ["os"], Text;
    /// The processor that it is for.
    Architecture "architecture" ["architecture"], Text;
    /// Which kind of that processor.
    Variant "variant" ["variant"], Text;
    /// Which version of that operating system.
    OsVersion "os-version" ["os.version"], Text;
    /// What that operating system has to have.
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

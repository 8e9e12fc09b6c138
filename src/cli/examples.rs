//! Examples of each command, as `--help` and the manual pages show them. A test runs them.

/// What a command line does, and the line.
type Example = (&'static str, &'static str);

/// Examples by the name of the command; the program itself has no name.
const EXAMPLES: &[(&str, &[Example])] = &[
    (
        "",
        &[
            (
                "Write a first patch for an image",
                "ocipatch init app.tar -o first.yaml",
            ),
            (
                "Show what a patch changes",
                "ocipatch plan fix.yaml app.tar",
            ),
            (
                "Write the patched image",
                "ocipatch apply fix.yaml app.tar -o patched.tar",
            ),
        ],
    ),
    (
        "apply",
        &[
            (
                "Write the patched image to a new file",
                "ocipatch apply fix.yaml app.tar -o patched.tar",
            ),
            (
                "Patch an image that Docker has, and load the result",
                "docker save app:1 | ocipatch apply fix.yaml - | docker load",
            ),
            (
                "Patch an image in a registry, under another tag",
                "ocipatch apply fix.yaml docker://r.example.com/app:1 -o docker://r.example.com/app:2",
            ),
            (
                "Write an OCI layout in a compressed tar",
                "ocipatch apply fix.yaml app.tar --to oci-archive -o patched.tar.gz",
            ),
        ],
    ),
    (
        "plan",
        &[
            (
                "Show what a patch changes",
                "ocipatch plan fix.yaml app.tar",
            ),
            (
                "Set an argument of the patch",
                "ocipatch plan --arg version=2 release.yaml app.tar",
            ),
            (
                "Write the plan as a comment for a pull request",
                "ocipatch plan --format markdown fix.yaml app.tar",
            ),
        ],
    ),
    (
        "check",
        &[
            ("Check all patches", "ocipatch check *.yaml"),
            (
                "Show problems on the lines of a pull request",
                "ocipatch check --format github fix.yaml",
            ),
        ],
    ),
    (
        "inspect",
        &[
            ("Show an image", "ocipatch inspect app.tar"),
            (
                "List files, and the layer that each comes from",
                "ocipatch inspect app.tar /etc",
            ),
            (
                "Print the configuration as JSON",
                "ocipatch inspect --format json app.tar",
            ),
        ],
    ),
    (
        "cat",
        &[
            ("Print a file", "ocipatch cat app.tar /etc/os-release"),
            ("List a directory", "ocipatch cat app.tar /etc"),
        ],
    ),
    (
        "edit",
        &[
            (
                "Edit a file, and add the change to a patch",
                "ocipatch edit app.tar /etc/app.conf --patch fix.yaml",
            ),
            (
                "Edit the configuration, and print the patch",
                "ocipatch edit --config app.tar",
            ),
        ],
    ),
    (
        "export",
        &[
            (
                "Write all files to a directory",
                "ocipatch export app.tar -o files/",
            ),
            (
                "Write a part of them as a compressed tar",
                "ocipatch export app.tar /etc -o etc.tar.gz",
            ),
        ],
    ),
    (
        "init",
        &[
            (
                "Write a first patch for an image",
                "ocipatch init app.tar -o first.yaml",
            ),
            (
                "Write one for an image in a registry",
                "ocipatch init docker://r.example.com/app:1 -o first.yaml",
            ),
        ],
    ),
    (
        "diff",
        &[
            ("Show what differs", "ocipatch diff --files app.tar new.tar"),
            (
                "Write the difference as a patch",
                "ocipatch diff --as-patch app.tar new.tar -o difference.yaml",
            ),
        ],
    ),
    (
        "verify",
        &[
            ("Verify every digest", "ocipatch verify app.tar"),
            (
                "Treat warnings as errors",
                "ocipatch verify --strict app.tar",
            ),
        ],
    ),
    (
        "repair",
        &[
            ("List what is wrong", "ocipatch repair --check app.tar"),
            (
                "Repair a directory that was edited",
                "ocipatch repair layout --in-place",
            ),
        ],
    ),
    (
        "unpack",
        &[
            (
                "Unpack an archive, and the files of its layers",
                "ocipatch unpack --layers app.tar unpacked",
            ),
            ("Pack it again", "ocipatch pack unpacked again.tar"),
        ],
    ),
    (
        "pack",
        &[
            ("Unpack an archive", "ocipatch unpack app.tar unpacked"),
            ("Pack it again", "ocipatch pack unpacked again.tar"),
        ],
    ),
    (
        "fleet",
        &[
            ("Write the lock", "ocipatch fleet lock fleet.yaml"),
            (
                "Show what would be pushed",
                "ocipatch fleet plan fleet.lock",
            ),
            (
                "Patch and push the images",
                "ocipatch fleet apply fleet.lock",
            ),
        ],
    ),
    (
        "explain",
        &[
            ("List the topics", "ocipatch explain"),
            ("Explain an operation", "ocipatch explain set-label"),
            (
                "Explain one of its keys, and a problem",
                "ocipatch explain add-layer.files no-such-label",
            ),
        ],
    ),
    (
        "schema",
        &[
            (
                "Write the schema for editors",
                "ocipatch schema > patch.schema.json",
            ),
            (
                "Write the schema of fleet files",
                "ocipatch schema fleet > fleet.schema.json",
            ),
        ],
    ),
    (
        "completions",
        &[
            (
                "Complete in this shell",
                "source <(ocipatch completions bash)",
            ),
            (
                "Complete in every zsh",
                "ocipatch completions zsh > _ocipatch",
            ),
        ],
    ),
    (
        "man",
        &[
            (
                "Read the page of a command",
                "ocipatch man apply | man -l -",
            ),
            ("Write all pages to a directory", "ocipatch man --all man1"),
        ],
    ),
];

/// Returns the examples of a command.
pub(super) fn of(command: &str) -> impl Iterator<Item = &'static Example> {
    let all = EXAMPLES.iter();
    let all = all.filter(move |(name, _)| *name == command);
    all.flat_map(|(_, examples)| *examples)
}

/// Returns the examples of a command for its help.
pub(super) fn help(command: &str) -> String {
    let examples = of(command).map(|(does, line)| format!("\n  {does}:\n    $ {line}"));
    format!("Examples:{}", examples.collect::<String>())
}

//! Other names of operations: those of Dockerfile instructions, of shell commands and of other programs' options.

use super::definitions;
use crate::shape::listed;

/// Names, and the operations that do this; the first is the most likely one.
const SYNONYMS: &[(&[&str], &[&str])] = &[
    (
        &["add-label", "add-labels", "label", "labels", "set-labels"],
        &["set-label"],
    ),
    (
        &[
            "delete-label",
            "drop-label",
            "remove-label",
            "remove-labels",
            "rm-label",
            "unlabel",
        ],
        &["unset-label"],
    ),
    (
        &[
            "add-env",
            "env",
            "environment",
            "set-environment",
            "set-var",
            "set-variable",
            "setenv",
        ],
        &["set-env"],
    ),
    (
        &["delete-env", "drop-env", "remove-env", "rm-env", "unsetenv"],
        &["unset-env"],
    ),
    (&["prepend-path"], &["prepend-env"]),
    (&["append-path"], &["append-env"]),
    (&["entrypoint"], &["set-entrypoint"]),
    (&["cmd", "command", "set-command"], &["set-cmd"]),
    (&["shell"], &["set-shell"]),
    (&["user"], &["set-user"]),
    (
        &[
            "cwd",
            "set-working-dir",
            "set-working-directory",
            "workdir",
            "working-dir",
            "working-directory",
        ],
        &["set-workdir"],
    ),
    (&["stop-signal", "stopsignal"], &["set-stop-signal"]),
    (
        &[
            "add-exposed-port",
            "expose",
            "port",
            "ports",
            "publish",
            "set-port",
        ],
        &["add-port"],
    ),
    (
        &["delete-port", "rm-port", "unexpose", "unset-port"],
        &["remove-port"],
    ),
    (&["set-volume", "volume", "volumes"], &["add-volume"]),
    (
        &["delete-volume", "rm-volume", "unset-volume"],
        &["remove-volume"],
    ),
    (&["health-check", "healthcheck"], &["set-healthcheck"]),
    (
        &[
            "clear",
            "remove-cmd",
            "remove-entrypoint",
            "remove-healthcheck",
            "unset-cmd",
            "unset-entrypoint",
            "unset-healthcheck",
            "unset-user",
        ],
        &["unset"],
    ),
    (&["onbuild"], &["add-onbuild"]),
    (&["author", "maintainer"], &["set-author"]),
    (&["comment"], &["set-comment"]),
    (&["created", "set-created-at"], &["set-created"]),
    (&["hostname"], &["set-hostname"]),
    (
        &[
            "arch",
            "architecture",
            "os",
            "platform",
            "set-arch",
            "set-architecture",
            "set-os",
        ],
        &["set-platform"],
    ),
    (
        &[
            "add-annotation",
            "annotate",
            "annotation",
            "annotations",
            "set-annotations",
        ],
        &["set-annotation"],
    ),
    (
        &["delete-annotation", "remove-annotation"],
        &["unset-annotation"],
    ),
    (
        &[
            "add",
            "add-dir",
            "add-directory",
            "add-file",
            "add-files",
            "append",
            "append-layer",
            "copy",
            "copy-file",
            "create-file",
            "insert-file",
            "layer",
            "mkdir",
            "put-file",
            "write-file",
        ],
        &["add-layer"],
    ),
    (
        &["delete-layer", "drop-layer", "rm-layer"],
        &["remove-layer"],
    ),
    (
        &[
            "delete",
            "delete-file",
            "delete-path",
            "drop-file",
            "remove",
            "remove-dir",
            "remove-directory",
            "remove-file",
            "remove-files",
            "remove-paths",
            "rm",
            "rmdir",
            "unlink",
            "whiteout",
        ],
        &["remove-path"],
    ),
    (&["swap-layer"], &["replace-layer"]),
    (&["flatten", "merge-layers", "squash-layers"], &["squash"]),
    (&["base", "from", "set-base"], &["rebase"]),
    (&["compress", "set-compression"], &["recompress"]),
    (
        &[
            "clamp-timestamps",
            "set-mtime",
            "set-timestamp",
            "timestamp",
            "touch",
        ],
        &["rewrite-timestamps"],
    ),
    (
        &["move", "move-file", "mv", "rename-file", "rename-path"],
        &["move-path"],
    ),
    (&["rename"], &["move-path", "retag"]),
    (
        &["chmod", "mode", "permissions", "set-permissions"],
        &["set-mode"],
    ),
    (&["chown", "owner"], &["set-owner"]),
    (&["apply-patch", "diff", "patch"], &["patch-file"]),
    (
        &["add-line", "line", "lineinfile", "replace-line"],
        &["set-line"],
    ),
    (
        &["append-file", "append-line", "blockinfile"],
        &["append-text"],
    ),
    (&["replace", "sed", "substitute"], &["replace-text"]),
    (&["jq", "json", "patch-json"], &["edit-json"]),
    (&["patch-toml", "toml"], &["edit-toml"]),
    (&["patch-yaml", "yaml", "yq"], &["edit-yaml"]),
    (
        &[
            "add-ca",
            "add-ca-cert",
            "add-certificate",
            "ca",
            "ca-certificate",
            "certificate",
            "trust",
        ],
        &["add-ca-certificate"],
    ),
    (&["adduser", "create-user", "useradd"], &["add-user"]),
    (&["addgroup", "create-group", "groupadd"], &["add-group"]),
    (
        &[
            "re-tag",
            "rename-image",
            "rename-tag",
            "set-tag",
            "set-tags",
        ],
        &["retag"],
    ),
    (&["add-name", "add-tags", "tag", "tags"], &["add-tag"]),
    (
        &["delete-tag", "remove-tags", "rm-tag", "unset-tag", "untag"],
        &["remove-tag"],
    ),
];

/// Says which operation does what one of this name would do; the name is in kebab case.
pub(super) fn operation_for(name: &str) -> Option<String> {
    if name == "run" {
        return Some(
            "a patch does not run commands; `add-layer` adds the files that the command would make"
                .to_owned(),
        );
    }
    let (_, operations) = SYNONYMS.iter().find(|(names, _)| names.contains(&name))?;
    let shown = operations.iter().map(|name| {
        let row = definitions().iter().find(|row| row.name == *name);
        let example = row.expect("every target is an operation").docs.example;
        format!("`{name}: {example}`")
    });
    Some(format!("use {}", listed(shown, "or")))
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::{SYNONYMS, operation_for};
    use crate::operation::Operation;

    #[test]
    fn every_synonym_leads_to_an_operation_and_is_none() {
        let names = Operation::names();
        let mut seen = HashSet::new();
        for (synonyms, operations) in SYNONYMS {
            assert!(synonyms.is_sorted(), "{synonyms:?}");
            assert!(!operations.is_empty(), "{synonyms:?}");
            for operation in *operations {
                assert!(names.contains(operation), "{operation}");
            }
            for synonym in *synonyms {
                assert!(!names.contains(synonym), "{synonym}");
                assert!(seen.insert(*synonym), "{synonym} twice");
                assert!(operation_for(synonym).is_some());
            }
        }
    }
}

//! What an image that cannot be read shares with one that is patched is still there, whatever the other no longer needs.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use serde_json::Value;

use super::{document, patched};
use crate::edit::Archive;

/// The bytes of a file, through one link.
fn resolved(archive: &Archive, name: &str) -> Vec<u8> {
    let find = |name: &str| archive.entries.iter().find(|entry| entry.name == name);
    let entry = find(name).unwrap_or_else(|| panic!("no `{name}`"));
    match entry.header.link_name().unwrap() {
        None => entry.data.clone(),
        Some(target) => {
            let target = target
                .to_str()
                .unwrap()
                .trim_start_matches("../")
                .to_owned();
            let entry = find(&target).unwrap_or_else(|| panic!("`{name}` links to nothing"));
            entry.data.clone()
        }
    }
}

/// The files of an item, and those beside its layers.
fn files(item: &Value) -> Vec<String> {
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let mut files = vec![text(&item["Config"])];
    for layer in item["Layers"].as_array().unwrap() {
        let layer = text(layer);
        if let Some(directory) = layer.strip_suffix("/layer.tar") {
            files.extend(["json", "VERSION"].map(|name| format!("{directory}/{name}")));
        }
        files.push(layer);
    }
    files
}

#[test]
fn an_image_that_cannot_be_read_keeps_what_it_shares_with_another() {
    let operations = [
        "set-label: {a: b}",
        "remove-layer: 1",
        "remove-layer: 2",
        "add-layer: {files: [{path: /x, content: y}]}",
        "squash: all",
    ];
    for fixture in ["docker20-two-images.tar", "named"] {
        for (damaged, target) in [(1, "greeter:1"), (0, "greeter2")] {
            let mut archive = Archive::fixture("docker20-two-images.tar");
            if fixture == "named" {
                archive.keep_named();
            }
            let items = document(&mut archive, "manifest.json");
            let item = &items[damaged];
            let config = item["Config"].as_str().unwrap();
            archive.entry(config).data = b"{".to_vec();
            let mut files = files(item);
            files.retain(|name| archive.entries.iter().any(|entry| entry.name == *name));
            for operation in operations {
                let patch = format!(
                    "apiVersion: ocipatch/v1\ntarget: {{images: ['{target}']}}\noperations: [{operation}]\n"
                );
                let mut output = patched(&archive, &patch);
                assert_eq!(document(&mut output, "manifest.json")[damaged], *item);
                // A name of these archives says what is in the file.
                for entry in &output.entries {
                    let old = archive.entries.iter().find(|old| old.name == entry.name);
                    // Of a layer that stays the document names the one below, which may be another.
                    let names_below = entry.name.ends_with("/json") && operation != operations[0];
                    let is_document = ["manifest.json", "repositories"].contains(&&*entry.name);
                    let Some(old) = old.filter(|_| !is_document && !names_below) else {
                        continue;
                    };
                    let links = (old.header.link_name(), entry.header.link_name());
                    let is_same = old.data == entry.data && links.0.unwrap() == links.1.unwrap();
                    let is_freed = old.header.entry_type().is_symlink()
                        && resolved(&archive, &old.name) == resolved(&output, &entry.name);
                    assert!(is_same || is_freed, "{target} {operation}: {}", entry.name);
                }
                for name in &files {
                    let (was, is) = (resolved(&archive, name), resolved(&output, name));
                    assert!(was == is, "{fixture} {target} {operation}: {name}");
                }
            }
        }
    }
}

//! Preconditions on files: the merged tree as earlier patches left it, and contents that were read for this.
//!
//! `exists`, `absent` and `symlink` are about the path itself, as `lstat` is; `sha256` and `mode` are about what it leads
//! to, as `stat` is.

use super::expect::Check;
use crate::edit::image::WHOLE;
use crate::image_path::ImagePath;
use crate::patch::PathExpectation;
use crate::printable;
use crate::problem::{Address, Code, Problem, quoted};
use crate::rootfs::{Node, Resolution, Rootfs};
use crate::tarball::{Kind, MAX_HOLE_BYTES};

const PERMISSIONS: u32 = 0o7777;

pub(super) fn check(check: &mut Check<'_>, wanted: &PathExpectation) {
    let address = wanted.address(check.address.clone());
    let Some(tree) = &check.state.tree else {
        let name = quoted(&check.state.display_name());
        let problem = if let Some(absent) = &check.state.absent_layer {
            let absent = quoted(absent);
            let message =
                format!("{name} lacks its layer {absent}, so its files cannot be checked");
            Problem::new(Code::AbsentLayer, address, message).with_help(WHOLE)
        } else {
            let message = format!("{name} is a Windows image, whose files cannot be checked");
            Problem::new(Code::UnsupportedPlatform, address, message)
        };
        check.problems.push(problem);
        return;
    };
    let itself = node(tree, tree.locate(&wanted.path));
    let name = quoted(&wanted.path.to_text());
    let image = quoted(&check.state.display_name());
    match (itself, wanted.exists) {
        (Some(node), false) => {
            let kind = describe(node);
            let message = format!("{image} has {kind} at {name}; expected nothing");
            return check.fail(message, address);
        }
        (None, false) => return,
        (None, true) => return check.fail(format!("{image} has no {name}"), address),
        (Some(node), true) => symlink(check, node, wanted, &address),
    }
    if wanted.sha256.is_none() && wanted.mode.is_none() {
        return;
    }
    match node(tree, tree.resolve(&wanted.path)) {
        Some(node) => {
            sha256(check, node, wanted, &address);
            mode(check, node, wanted, &address);
        }
        None => check.fail(format!("the link {name} of {image} is broken"), address),
    }
}

/// Returns what a resolution leads to.
fn node(tree: &Rootfs, resolution: Resolution) -> Option<&Node> {
    match resolution {
        Resolution::Found { path } => tree.get(&path),
        _ => None,
    }
}

fn symlink(check: &mut Check<'_>, node: &Node, wanted: &PathExpectation, address: &Address) {
    let Some(target) = &wanted.symlink else {
        return;
    };
    let address = address.clone().key("symlink");
    if node.kind != Kind::Symlink {
        let message = format!(
            "{} in {} is {}, not a link to {}",
            quoted(&wanted.path.to_text()),
            quoted(&check.state.display_name()),
            describe(node),
            quoted(target)
        );
        return check.fail(message, address);
    }
    if *node.link_name != *target.as_bytes() {
        let found = quoted(&printable::decoded(&node.link_name));
        let thing = of("target of the link", &wanted.path);
        check.is_not(&thing, Some(found), &quoted(target), address);
    }
}

fn sha256(check: &mut Check<'_>, node: &Node, wanted: &PathExpectation, address: &Address) {
    let Some(digest) = wanted.sha256 else { return };
    let address = address.clone().key("sha256");
    let path = quoted(&wanted.path.to_text());
    if node.kind != Kind::File {
        let message = format!("{path} is {}; expected a file", describe(node));
        return check.fail(message, address);
    }
    match check.state.contents.get(&node.content) {
        Some(found) if *found == digest => {}
        Some(found) => {
            let thing = of("content of", &wanted.path);
            let (found, wanted) = (format!("`{found}`"), format!("`{digest}`"));
            check.is_not(&thing, Some(found), &wanted, address);
        }
        None if node.hole_bytes() > MAX_HOLE_BYTES => {
            let n_bytes = node.hole_bytes();
            let message = format!(
                "{path} is a sparse file with {n_bytes} bytes of holes; at most {MAX_HOLE_BYTES} are read"
            );
            check.fail(message, address);
        }
        None => {
            let message =
                format!("{path} comes from an earlier patch, so its content cannot be checked");
            check.fail(message, address);
        }
    }
}

fn mode(check: &mut Check<'_>, node: &Node, wanted: &PathExpectation, address: &Address) {
    let Some(mode) = wanted.mode else { return };
    let found = node.mode & PERMISSIONS;
    if found != mode {
        let thing = of("mode of", &wanted.path);
        let (found, wanted) = (format!("`{found:04o}`"), format!("`{mode:04o}`"));
        check.is_not(&thing, Some(found), &wanted, address.clone().key("mode"));
    }
}

fn of(thing: &str, path: &ImagePath) -> String {
    format!("{thing} {}", quoted(&path.to_text()))
}

fn describe(node: &Node) -> &'static str {
    match node.kind {
        Kind::Directory => "a directory",
        Kind::Symlink => "a link",
        Kind::File => "a file",
        _ => "a special file",
    }
}

//! Changes of an archive's parts: what a careless writer, another tool or an attacker may have made of it.

use ocipatch::compression::Compression;

use super::choices::Choices;
use super::json::{Json, Piece};
use super::model::{Blob, Entry, Item, Layer, Model};
use super::words::{KINDS, PATHS, RECORDS, TEXTS, TOKENS};

/// Changes an archive as the bytes say.
pub(crate) fn mutate(model: &mut Model, choices: &mut Choices<'_>) {
    for _ in 0..choices.below(6) {
        match choices.below(12) {
            0..=2 => document(model, choices),
            3..=6 => layer(model, choices),
            7 => another_layer(model, choices),
            8 => fewer_layers(model, choices),
            9 | 10 => entry(model, choices),
            _ => model.compression = compression(choices),
        }
    }
}

fn compression(choices: &mut Choices<'_>) -> Compression {
    [Compression::None, Compression::Gzip, Compression::Zstd][choices.below(3)]
}

fn text(choices: &mut Choices<'_>) -> String {
    let text = choices.pick(TEXTS).to_owned();
    match choices.below(16) {
        14 => text.repeat(2),
        15 => text + &"x".repeat(200),
        _ => text,
    }
}

/// A blob of some kind; nothing where there is none.
fn blob(model: &Model, choices: &mut Choices<'_>, is_it: fn(&Blob) -> bool) -> Option<usize> {
    let all = model.blobs.iter().enumerate();
    let found: Vec<usize> = all
        .filter(|(_, blob)| is_it(blob))
        .map(|(i, _)| i)
        .collect();
    (!found.is_empty()).then(|| found[choices.below(found.len())])
}

fn document_of(model: &Model, choices: &mut Choices<'_>) -> Option<usize> {
    blob(model, choices, |blob| matches!(blob, Blob::Document(_)))
}

fn layer_of(model: &Model, choices: &mut Choices<'_>) -> Option<usize> {
    blob(model, choices, |blob| matches!(blob, Blob::Layer(_)))
}

/// Some value: a new one, or one of another place.
fn value(model: &Model, choices: &mut Choices<'_>) -> Json {
    let blob = choices.below(model.blobs.len());
    match choices.below(8) {
        0 | 1 => Json::Token(choices.pick(TOKENS).to_owned()),
        2 | 3 => Json::text(&text(choices)),
        4 => Json::Text(vec![Piece::Text("sha256:".to_owned()), Piece::Hex(blob)]),
        5 => Json::Text(vec![Piece::Text("sha256:".to_owned()), Piece::Plain(blob)]),
        6 => Json::Size(blob),
        _ => {
            let other = document_of(model, choices).map(|other| &model.blobs[other]);
            let Some(Blob::Document(other)) = other else {
                return Json::Token("{}".to_owned());
            };
            let mut n = choices.below(other.n_nodes());
            let mut other = other.clone();
            other
                .nth(&mut n)
                .map_or(Json::List(Vec::new()), |found| found.clone())
        }
    }
}

fn document(model: &mut Model, choices: &mut Choices<'_>) {
    let Some(number) = document_of(model, choices) else {
        return;
    };
    let new = value(model, choices);
    let Blob::Document(document) = &mut model.blobs[number] else {
        return;
    };
    let mut n = choices.below(document.n_nodes());
    let Some(found) = document.nth(&mut n) else {
        return;
    };
    let action = choices.below(8);
    match found {
        Json::List(items) if !items.is_empty() => {
            let (a, b) = (choices.below(items.len()), choices.below(items.len()));
            match action {
                0 => drop(items.remove(a)),
                1 => items.insert(b, items[a].clone()),
                2 => items.swap(a, b),
                3 => items.insert(a, new),
                4 => items.clear(),
                5 => items[a] = new,
                _ => *found = new,
            }
        }
        Json::Map(pairs) if !pairs.is_empty() => {
            let (a, b) = (choices.below(pairs.len()), choices.below(pairs.len()));
            match action {
                0 | 1 => drop(pairs.remove(a)),
                2 => pairs.insert(b, pairs[a].clone()),
                3 => pairs.swap(a, b),
                4 => pairs[a].1 = new,
                5 => pairs[a].0 = vec![Piece::Text(text(choices))],
                6 => pairs.push((vec![Piece::Text(text(choices))], new)),
                _ => *found = new,
            }
        }
        Json::Text(pieces) => match action {
            0 => pieces.push(Piece::Text(text(choices))),
            1 => pieces.insert(0, Piece::Text(text(choices))),
            2 => pieces.clear(),
            _ => *found = new,
        },
        _ => *found = new,
    }
}

/// A copy of a layer takes its place beside it, wherever that is listed.
fn another_layer(model: &mut Model, choices: &mut Choices<'_>) {
    let Some(old) = layer_of(model, choices) else {
        return;
    };
    let new = model.blobs.len();
    model.blobs.push(model.blobs[old].clone());
    let is_above = choices.one_in(2);
    for blob in &mut model.blobs {
        if let Blob::Document(document) = blob {
            document.each_list(&mut |items| {
                let Some(at) = items.iter().position(|item| item.names(old)) else {
                    return;
                };
                let mut copy = items[at].clone();
                copy.rename(old, new);
                items.insert(at + usize::from(is_above), copy);
            });
        }
    }
    let Some(entry) = model.entries.iter().find(|entry| entry.blob == Some(old)) else {
        return;
    };
    let mut copy = entry.clone();
    copy.blob = Some(new);
    let hex = |piece: &mut Piece| match piece {
        Piece::Hex(blob) | Piece::Plain(blob) if *blob == old => *blob = new,
        _ => {}
    };
    copy.name.iter_mut().for_each(hex);
    // It has another name only if it is named by its digest, and then only if it is another layer.
    copy.name
        .extend(choices.one_in(8).then(|| Piece::Text("x".to_owned())));
    model.entries.push(copy);
    layer_of_number(model, new, choices);
}

/// A layer goes from wherever it is listed.
fn fewer_layers(model: &mut Model, choices: &mut Choices<'_>) {
    let Some(gone) = layer_of(model, choices) else {
        return;
    };
    for blob in &mut model.blobs {
        if let Blob::Document(document) = blob {
            document.each_list(&mut |items| items.retain(|item| !item.names(gone)));
        }
    }
}

fn entry(model: &mut Model, choices: &mut Choices<'_>) {
    if model.entries.is_empty() {
        return;
    }
    let (a, b) = (
        choices.below(model.entries.len()),
        choices.below(model.entries.len()),
    );
    match choices.below(10) {
        0 => drop(model.entries.remove(a)),
        1 => model.entries.swap(a, b),
        2 => {
            let copy = model.entries[a].clone();
            model.entries.insert(b, copy);
        }
        3 => model.entries[a].name = vec![Piece::Text(path(choices))],
        4 => {
            let name = &mut model.entries[a].name;
            name.insert(
                0,
                Piece::Text(choices.pick(&["./", "/", "x/", "../"]).to_owned()),
            );
        }
        5 => {
            let link = match choices.below(3) {
                0 => vec![Piece::Text(path(choices))],
                1 => model.entries[b].name.clone(),
                _ => [&[Piece::Text("../".to_owned())], &model.entries[b].name[..]].concat(),
            };
            let entry = &mut model.entries[a];
            entry.link = link;
            entry.blob = None;
            entry.header.as_old_mut().linkflag = [choices.pick(&[b"1", b"2"])[0]];
        }
        6 => model.entries[a].blob = model.entries[b].blob,
        7 => model.entries[a].header.as_old_mut().linkflag = [KINDS[choices.below(KINDS.len())]],
        8 => {
            let at = choices.below(148);
            // Behind the name: modes, owners, size and time.
            model.entries[a].header.as_mut_bytes()[at.max(100)] = choices.byte();
        }
        _ => model.entries.push(Entry {
            header: tar::Header::new_ustar(),
            name: vec![Piece::Text(path(choices))],
            link: Vec::new(),
            blob: None,
        }),
    }
}

pub(crate) fn path(choices: &mut Choices<'_>) -> String {
    let path = choices.pick(PATHS).to_owned();
    match choices.below(24) {
        21 => "d/".repeat(60) + &path,
        22 => path + &"n".repeat(150),
        23 => path + &"/".repeat(3),
        _ => path,
    }
}

fn layer(model: &mut Model, choices: &mut Choices<'_>) {
    if let Some(number) = layer_of(model, choices) {
        layer_of_number(model, number, choices);
    }
}

fn layer_of_number(model: &mut Model, number: usize, choices: &mut Choices<'_>) {
    if let Blob::Layer(layer) = &mut model.blobs[number] {
        for _ in 0..=choices.below(4) {
            change(layer, choices);
        }
    }
}

/// Changes a layer in one way.
pub(crate) fn change(layer: &mut Layer, choices: &mut Choices<'_>) {
    let n = layer.items.len();
    let at = choices.below(n + 1);
    match choices.below(16) {
        0..=5 => layer.items.insert(at, item(choices)),
        6 | 7 => {
            let record = record(choices);
            layer.items.insert(at, record);
        }
        8 => layer.compression = compression(choices),
        9 => layer.has_more = !layer.has_more,
        10 => layer.n_end_blocks = choices.below(4),
        _ if n == 0 => {}
        11 => drop(layer.items.remove(at % n)),
        12 => {
            let copy = layer.items[at % n].clone();
            layer.items.insert(choices.below(n), copy);
        }
        13 => layer.items.swap(at % n, choices.below(n)),
        14 => {
            let item = &mut layer.items[at % n];
            match choices.below(4) {
                0 => item.header.as_old_mut().linkflag = [KINDS[choices.below(KINDS.len())]],
                1 => item.data.truncate(choices.below(64)),
                2 => item.stated = Some(u64::from(choices.byte()) << choices.below(40)),
                _ => named(&mut item.header, &path(choices), &path(choices)),
            }
        }
        _ => {
            let byte = choices.below(512);
            layer.items[at % n].header.as_mut_bytes()[byte] = choices.byte();
        }
    }
}

fn item(choices: &mut Choices<'_>) -> Item {
    let mut header = [
        tar::Header::new_ustar,
        tar::Header::new_gnu,
        tar::Header::new_old,
    ][choices.below(3)]();
    named(&mut header, &path(choices), &path(choices));
    let kind = KINDS[choices.below(KINDS.len())];
    header.as_old_mut().linkflag = [kind];
    header.set_mode([0o644, 0o755, 0o4755, 0o1777, 0][choices.below(5)]);
    header.set_mtime([0, 1_700_000_000][choices.below(2)]);
    header.set_uid(u64::from(choices.byte()));
    header.set_gid(0);
    if matches!(kind, b'3' | b'4') {
        // A header of the oldest kind has no room for them.
        let _ = header.set_device_major(u32::from(choices.byte()) % 3);
        let _ = header.set_device_minor(u32::from(choices.byte()) % 3);
    }
    let data = match kind {
        b'0' | b'7' | b'\0' => "0123456789".repeat(choices.below(4)).into_bytes(),
        b'L' | b'K' => [path(choices).as_bytes(), b"\0"].concat(),
        b'x' | b'g' => records(choices),
        _ => Vec::new(),
    };
    Item {
        header,
        data,
        stated: None,
    }
}

fn named(header: &mut tar::Header, name: &str, link: &str) {
    let old = header.as_old_mut();
    for (field, text) in [(&mut old.name, name), (&mut old.linkname, link)] {
        let n = text.len().min(100);
        *field = [0; 100];
        field[..n].copy_from_slice(&text.as_bytes()[..n]);
    }
}

fn record(choices: &mut Choices<'_>) -> Item {
    let mut header = tar::Header::new_ustar();
    header.as_old_mut().linkflag = [if choices.one_in(8) { b'g' } else { b'x' }];
    Item {
        header,
        data: records(choices),
        stated: None,
    }
}

fn records(choices: &mut Choices<'_>) -> Vec<u8> {
    let mut records = Vec::new();
    for _ in 0..=choices.below(3) {
        let (key, values) = RECORDS[choices.below(RECORDS.len())];
        let value = choices.pick(values);
        // The length counts itself (pax, "pax Extended Header").
        let rest = key.len() + value.len() + 3;
        let length = (rest..rest + 8).find(|n| n.to_string().len() + rest == *n);
        let length = length.unwrap_or(rest) + choices.below(64) / 63;
        records.extend(format!("{length} {key}={value}\n").bytes());
    }
    records
}

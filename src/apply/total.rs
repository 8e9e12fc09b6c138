//! What a plan comes to, on one line.

use super::summary::{ImageSummary, Summary};
use super::text::bytes;
use crate::plan::Change;

/// Returns the last line of a plan.
pub(super) fn line(summary: &Summary) -> String {
    let changed: Vec<&ImageSummary> = summary
        .images
        .iter()
        .filter(|image| image.changed)
        .collect();
    let sum = |count: fn(&ImageSummary) -> usize| changed.iter().map(|image| count(image)).sum();
    let n_images = if changed.len() > 1 { changed.len() } else { 0 };
    let layers = counted(sum(n_layers), "layer").map(|layers| layers + &growth(&changed));
    let parts = [
        counted(sum(n_fields), "field"),
        counted(sum(|image| image.annotations.len()), "annotation"),
        layers,
        counted(sum(n_tags), "tag"),
    ];
    let parts: Vec<String> = parts.into_iter().flatten().collect();
    let what = match counted(n_images, "image") {
        _ if changed.is_empty() => "nothing changes".to_owned(),
        // Only what follows from other changes, such as the history.
        None if parts.is_empty() => "1 image".to_owned(),
        Some(images) if parts.is_empty() => images,
        Some(images) => format!("{} in {images}", parts.join(", ")),
        None => parts.join(", "),
    };
    let n_notes: usize = summary.images.iter().map(|image| image.notes.len()).sum();
    let notes = counted(n_notes + summary.notes.len(), "note");
    let notes = notes.map(|notes| format!("; {notes}")).unwrap_or_default();
    format!("Plan: {what}{notes}")
}

/// Fields of the configuration; the history follows from other changes.
fn n_fields(image: &ImageSummary) -> usize {
    let fields = image.config.iter();
    fields.filter(|change| change.path[0] != "history").count()
}

fn n_layers(image: &ImageSummary) -> usize {
    let layers = image.layers.iter();
    layers.filter(|layer| layer.change != Change::Kept).count()
}

fn n_tags(image: &ImageSummary) -> usize {
    let tags = image.tags.iter();
    tags.filter(|tag| tag.change != Change::Kept).count()
}

/// By how much the layers grow or shrink.
fn growth(images: &[&ImageSummary]) -> String {
    let layers = images.iter().flat_map(|image| &image.layers);
    let (mut new, mut old) = (0_u64, 0_u64);
    for layer in layers {
        match layer.change {
            Change::Kept => {}
            Change::Added => new = new.saturating_add(layer.size),
            Change::Removed => old = old.saturating_add(layer.size),
            Change::Changed => {
                new = new.saturating_add(layer.size);
                old = old.saturating_add(layer.old_size.unwrap_or_default());
            }
        }
    }
    let sign = if new < old { '-' } else { '+' };
    format!(" ({sign}{})", bytes(new.abs_diff(old)))
}

fn counted(n: usize, what: &str) -> Option<String> {
    match n {
        0 => None,
        1 => Some(format!("1 {what}")),
        n => Some(format!("{n} {what}s")),
    }
}

#[cfg(test)]
mod tests {
    use super::super::layer_summary::LayerSummary;
    use super::super::summary::{ConfigChange, TagSummary};
    use super::{Change, ImageSummary, Summary, line};
    use crate::digest::{DiffId, Digest};
    use crate::reference::Reference;

    fn layer(change: Change, size: u64, old_size: Option<u64>) -> LayerSummary {
        LayerSummary {
            change,
            diff_id: DiffId::parse(&Digest::of(b"").to_string()).unwrap(),
            old_diff_id: None,
            size,
            old_size,
            compression: None,
            from: None,
            files: Vec::new(),
        }
    }

    fn image(
        fields: &[&str],
        layers: Vec<LayerSummary>,
        tags: &[Change],
        n_notes: usize,
    ) -> ImageSummary {
        let field = |key: &&str| ConfigChange {
            path: vec![(*key).to_owned(), "x".to_owned()],
            change: Change::Added,
            old: None,
            new: None,
        };
        let tag = |change: &Change| TagSummary {
            change: *change,
            tag: Reference::parse("app:1").unwrap(),
        };
        ImageSummary {
            name: String::new(),
            platform: String::new(),
            changed: true,
            image_id: Digest::of(b""),
            old_image_id: Digest::of(b""),
            manifest_digest: None,
            old_manifest_digest: None,
            index_digest: None,
            old_index_digest: None,
            config: fields.iter().map(field).collect(),
            annotations: Vec::new(),
            layers,
            tags: tags.iter().map(tag).collect(),
            steps: Vec::new(),
            notes: vec![String::new(); n_notes],
        }
    }

    fn total(images: Vec<ImageSummary>, n_notes: usize) -> String {
        line(&Summary {
            format_version: 1,
            changed: true,
            form: "",
            images,
            notes: vec![String::new(); n_notes],
        })
    }

    #[test]
    fn things_that_change_are_counted() {
        use Change::{Added, Changed, Kept, Removed};
        let nothing = || image(&[], Vec::new(), &[], 0);
        let unchanged = |n_notes| ImageSummary {
            changed: false,
            ..image(&["config"], Vec::new(), &[Added], n_notes)
        };
        for (images, n_notes, expected) in [
            (vec![], 0, "nothing changes"),
            (vec![unchanged(1)], 0, "nothing changes; 1 note"),
            (vec![unchanged(1)], 1, "nothing changes; 2 notes"),
            (vec![nothing()], 0, "1 image"),
            (vec![nothing(), unchanged(0), nothing()], 0, "2 images"),
            (
                vec![image(&["config", "history"], vec![], &[Kept], 0)],
                0,
                "1 field",
            ),
            (
                vec![image(&["config", "os"], vec![], &[Added, Removed, Kept], 0)],
                0,
                "2 fields, 2 tags",
            ),
            (
                vec![
                    image(&["os"], vec![], &[], 0),
                    image(&["os"], vec![], &[], 0),
                    unchanged(0),
                ],
                0,
                "2 fields in 2 images",
            ),
            (
                vec![image(
                    &[],
                    vec![layer(Added, 1000, None), layer(Kept, 7, None)],
                    &[],
                    0,
                )],
                0,
                "1 layer (+1.00 kB)",
            ),
            (
                vec![image(
                    &[],
                    vec![layer(Removed, 10, None), layer(Changed, 2, Some(5))],
                    &[],
                    0,
                )],
                0,
                "2 layers (-13 B)",
            ),
            (
                vec![image(
                    &[],
                    vec![layer(Removed, 10, None), layer(Changed, 15, Some(5))],
                    &[],
                    0,
                )],
                0,
                "2 layers (+0 B)",
            ),
        ] {
            assert_eq!(total(images, n_notes), format!("Plan: {expected}"));
        }
    }
}

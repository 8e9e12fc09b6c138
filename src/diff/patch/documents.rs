//! The documents of a patch: which operations are about which images, and in which order they have to come.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::fmt;

use super::annotations::lasting;
use super::layers::{self, Order};
use super::{Operations, PatchStyle, config};
use crate::annotation::{AnnotationPlace, ImageAnnotations};
use crate::apply::shown;
use crate::archive::{Archive, Image};
use crate::config_field::ConfigField;
use crate::operation::{self, tags};
use crate::patch::{DraftValue, PatchDraft};
use crate::platform::PlatformPattern;
use crate::reference::Reference;

const MADE_BY: &str =
    "Made by `ocipatch diff --as-patch`. The history of the new image is not part of it.";

/// The documents of one patch file.
pub(super) struct Documents(Vec<PatchDraft>);

impl Documents {
    pub(super) fn of(
        old: &Archive,
        new: &Archive,
        pairs: &[(usize, usize)],
        (whole, order): (&[Vec<ConfigField>], Order),
        style: &PatchStyle,
    ) -> Self {
        let mut groups: BTreeMap<usize, Vec<(usize, usize)>> = BTreeMap::new();
        for &(a, b) in pairs {
            let group = groups.entry(old.images()[a].group());
            group.or_default().push((a, b));
        }
        let mut writer = Writer {
            old,
            new,
            style,
            whole,
            order,
            taken: taken(old, new, &groups),
            documents: Vec::new(),
            n_members: HashMap::new(),
        };
        for image in old.images() {
            *writer.n_members.entry(image.group()).or_default() += 1;
        }
        writer.take_tags();
        for pairs in groups.values() {
            writer.group(pairs);
        }
        Self(writer.documents)
    }

    /// Returns the patch file, with what is to be said about it.
    pub(super) fn text(mut self, missing: &[String], leaves_layers: bool) -> String {
        let mut comments = vec![MADE_BY.to_owned()];
        if leaves_layers {
            comments.push("The layers differ too, and stay as they are.".to_owned());
        }
        if !missing.is_empty() {
            comments.push("Not in it, since no operation says it:".to_owned());
            comments.extend(missing.iter().map(|line| format!("  {line}")));
        }
        if let Some(first) = self.0.first_mut() {
            first.comments.splice(..0, comments);
            return self.to_string();
        }
        comments.push("There is nothing to change.".to_owned());
        let draft = PatchDraft {
            comments,
            ..PatchDraft::default()
        };
        let text = draft.to_string();
        let lines = text.split_inclusive('\n');
        lines.filter(|line| line.starts_with('#')).collect()
    }
}

impl fmt::Display for Documents {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().enumerate().try_for_each(|(i, document)| {
            f.write_str(if i > 0 { "---\n" } else { "" })?;
            document.fmt(f)
        })
    }
}

/// Returns the tags of each group that another group gets.
fn taken(
    old: &Archive,
    new: &Archive,
    groups: &BTreeMap<usize, Vec<(usize, usize)>>,
) -> BTreeMap<usize, Vec<Reference>> {
    let mut holders: HashMap<&Reference, usize> = HashMap::new();
    for image in old.images() {
        holders.extend(image.tags().iter().map(|tag| (tag, image.group())));
    }
    let mut taken: BTreeMap<usize, Vec<Reference>> = BTreeMap::new();
    for (&group, pairs) in groups {
        for tag in new.images()[pairs[0].1].tags() {
            if let Some(&holder) = holders.get(tag).filter(|holder| **holder != group) {
                taken.entry(holder).or_default().push(tag.clone());
            }
        }
    }
    taken
}

struct Writer<'a> {
    old: &'a Archive,
    new: &'a Archive,
    style: &'a PatchStyle,
    whole: &'a [Vec<ConfigField>],
    order: Order,
    taken: BTreeMap<usize, Vec<Reference>>,
    documents: Vec<PatchDraft>,
    /// How many images each group of the old archive has.
    n_members: HashMap<usize, usize>,
}

impl Writer<'_> {
    /// A tag goes from one image before another one gets it.
    fn take_tags(&mut self) {
        let mut first: HashMap<usize, &Image> = HashMap::new();
        for image in self.old.images() {
            first.entry(image.group()).or_insert(image);
        }
        for (group, tags) in &self.taken {
            let Some(image) = first.get(group) else {
                continue;
            };
            let names: Vec<String> = tags.iter().map(Reference::familiar).collect();
            let comment = format!("Frees tags of {}.", shown(&image.display_name()));
            let target = pair("images", DraftValue::texts(&[image.display_name()]));
            self.documents.push(PatchDraft {
                comments: vec![comment],
                sections: vec![("target", DraftValue::Map(vec![target]))],
                operations: vec![("remove-tag", DraftValue::texts(&names))],
            });
        }
    }

    /// Writes the documents for the images that share their names.
    fn group(&mut self, pairs: &[(usize, usize)]) {
        let each: Vec<Operations> = pairs.iter().map(|&pair| self.image(pair)).collect();
        let (a, b) = pairs[0];
        let (before, after) = (self.old.annotations(a), self.new.annotations(b));
        let on = AnnotationPlace::Index;
        let mut shared = difference(&lasting(before), &lasting(after), on);
        shared.extend(self.tags(pairs[0]));
        let group = self.old.images()[a].group();
        let is_complete = self.n_members[&group] == pairs.len();
        let is_alike = each.iter().all(|operations| *operations == each[0]);
        if is_complete && is_alike {
            let operations = [each[0].clone(), shared].concat();
            return self.document(pairs, false, operations);
        }
        for (&pair, operations) in pairs.iter().zip(each) {
            self.document(&[pair], true, operations);
        }
        self.document(pairs, false, shared);
    }

    /// What changes in one image, but for what others have a share in.
    fn image(&self, (a, b): (usize, usize)) -> Operations {
        let (before, after) = (&self.old.images()[a], &self.new.images()[b]);
        let mut operations = config::operations(before.config(), after.config(), &self.whole[a]);
        if let Some(directory) = &self.style.layers {
            operations.extend(layers::operations(before, after, directory, self.order));
        }
        let annotations = lasting(self.old.annotations(a));
        for on in [AnnotationPlace::Manifest, AnnotationPlace::Descriptor] {
            let after = lasting(self.new.annotations(b));
            operations.extend(difference(&annotations, &after, on));
        }
        operations
    }

    fn tags(&self, (a, b): (usize, usize)) -> Operations {
        let after = self.new.images()[b].tags();
        let before = self.tags_left(&self.old.images()[a]);
        tags::difference(&before, after)
    }

    /// The tags that an image has once others have taken theirs.
    fn tags_left(&self, image: &Image) -> Vec<Reference> {
        let taken = self.taken.get(&image.group()).into_iter().flatten();
        let taken: HashSet<&Reference> = taken.collect();
        let is_left = |tag: &&Reference| !taken.contains(tag);
        image.tags().iter().filter(is_left).cloned().collect()
    }

    fn document(&mut self, pairs: &[(usize, usize)], by_platform: bool, operations: Operations) {
        if operations.is_empty() {
            return;
        }
        let (a, b) = pairs[0];
        let (before, after) = (&self.old.images()[a], &self.new.images()[b]);
        let platform = before.platform().to_string();
        let of = if by_platform {
            format!(" for {}", shown(&platform))
        } else {
            String::new()
        };
        let from_to = [(self.old, before), (self.new, after)].map(|(archive, image)| {
            let root = archive.groups()[image.group()]
                .root()
                .filter(|_| pairs.len() > 1);
            let id = root.unwrap_or(image.image_id()).short();
            format!("{} (sha256:{id})", shown(&image.display_name()))
        });
        let [from, to] = from_to;
        let mut target = Vec::new();
        if self.old.groups().len() > 1 {
            let name = match self.tags_left(before).first() {
                Some(tag) => tag.familiar(),
                None => format!("sha256:{}", before.image_id().hex()),
            };
            target.push(pair("images", DraftValue::texts(&[name])));
        }
        if by_platform && PlatformPattern::parse(&platform).is_some() {
            target.push(pair("platforms", DraftValue::texts(&[platform])));
        }
        let mut sections = Vec::new();
        if !target.is_empty() {
            sections.push(("target", DraftValue::Map(target)));
        }
        if self.style.expects_old {
            let root = self.old.groups()[before.group()]
                .root()
                .filter(|_| pairs.len() > 1);
            let expected = match root {
                Some(root) => pair("manifest-digest", DraftValue::Text(root.to_string())),
                None => pair("image-id", DraftValue::Text(before.image_id().to_string())),
            };
            sections.push((
                "expect",
                DraftValue::List(vec![DraftValue::Map(vec![expected])]),
            ));
        }
        let is_attested = |&(a, _): &(usize, usize)| {
            self.old.referrers(a).n > 0 || self.old.is_index_referred_to(a)
        };
        let is_about_names = |(name, _): &(&str, _)| name.ends_with("tag");
        let mut comments = vec![format!("Turns {from}{of} into {to}.")];
        if pairs.iter().any(is_attested) && !operations.iter().all(is_about_names) {
            comments
                .push("What is attested of the old image is not true of the new one.".to_owned());
            sections.push(("attestations", DraftValue::text("drop")));
        }
        self.documents.push(PatchDraft {
            comments,
            sections,
            operations,
        });
    }
}

fn difference(old: &ImageAnnotations, new: &ImageAnnotations, on: AnnotationPlace) -> Operations {
    operation::annotations::difference(old, new, on, PatchDraft::can_say)
}

fn pair(key: &str, value: DraftValue) -> (String, DraftValue) {
    (key.to_owned(), value)
}

//! A patch that somebody writes by editing: what was changed in files and in the configuration becomes its operations.

use std::path::PathBuf;
use std::sync::Arc;

use super::{Archive, Job, PatchTexts};
use crate::author::{Drafted, candidates, derived_changes, differences};
use crate::diff::config_operations;
use crate::error::Error;
use crate::gather::{NotPlanned, Patches};
use crate::image::Config;
use crate::image_path::ImagePath;
use crate::look::{Absent, Unseen, copy_content, see};
use crate::patch::{ArgValues, DraftValue, PatchDraft, PatchFile};
use crate::plan::{ImagePlan, Plan, ShownFile};
use crate::platform::PlatformPattern;
use crate::problem::{Rejected, quoted};

/// No text that people edit is larger. In bytes.
const MAX_BYTES: u64 = 64 << 20;
/// The patch to which operations are added.
#[derive(Debug)]
pub(crate) enum PatchStart {
    /// A new one, for the image with this number.
    New(usize),
    /// One that is there.
    File(PatchFile),
}

/// A patch, and the archive that it is edited for.
#[derive(Debug)]
pub(crate) struct PatchEdit<'a> {
    pub(crate) job: &'a Job,
    pub(crate) archive: &'a Archive,
    pub(crate) start: PatchStart,
    pub(crate) values: &'a ArgValues,
    /// The patch file, for messages.
    pub(crate) name: String,
    /// The directory that its paths are relative to.
    pub(crate) directory: PathBuf,
    pub(crate) allows_outside: bool,
}

/// A file as the image shows it once it is patched.
#[derive(Debug, Clone)]
pub(crate) struct EditedFile {
    /// As it was asked for.
    pub(crate) path: ImagePath,
    pub(crate) old: String,
    pub(crate) new: String,
}

/// A patch with what was added.
#[derive(Debug)]
pub(crate) struct Extended {
    pub(crate) text: String,
    /// The names of the operations that were added.
    pub(crate) added: Vec<&'static str>,
}

/// Why nothing can be edited, or why what was changed cannot be said.
#[derive(Debug)]
pub(crate) enum NotEdited {
    Absent(Absent),
    Rejected(Rejected),
    Failed(Error),
    /// What no operation says.
    Unsayable(Vec<String>),
}

impl From<NotPlanned> for NotEdited {
    fn from(failed: NotPlanned) -> Self {
        match failed {
            NotPlanned::Rejected(rejected) => Self::Rejected(rejected),
            NotPlanned::Failed(error) => Self::Failed(error),
        }
    }
}

impl From<Absent> for NotEdited {
    fn from(absent: Absent) -> Self {
        Self::Absent(absent)
    }
}

impl From<Unseen> for NotEdited {
    fn from(unseen: Unseen) -> Self {
        match unseen {
            Unseen::Absent(absent) => Self::Absent(absent),
            Unseen::Failed(error) => Self::Failed(error),
        }
    }
}

impl From<Error> for NotEdited {
    fn from(error: Error) -> Self {
        Self::Failed(error)
    }
}

impl Job {
    /// Plans patches, and looks at files as they leave them.
    fn show(
        &self,
        archive: &Archive,
        patches: &Patches,
        shown: &[ImagePath],
    ) -> Result<Arc<Plan>, NotPlanned> {
        let conditions = self.conditions(shown.to_vec());
        crate::gather::gather(patches, archive.contents(), &conditions)?.plan()
    }
}

impl PatchEdit<'_> {
    /// Returns what is in files, as the images that the patch is about show them once they are patched.
    pub(crate) fn texts(&self, paths: &[ImagePath]) -> Result<Vec<String>, NotEdited> {
        let bytes = match &self.start {
            PatchStart::New(image) => {
                let read = |path: &ImagePath| self.read(*image, path);
                paths.iter().map(read).collect::<Result<Vec<_>, _>>()?
            }
            PatchStart::File(file) => {
                let plan = self.plan(file.text(), paths)?;
                let shown = paths.iter().enumerate();
                let shown = shown.map(|(i, path)| shown_file(&plan, i, path));
                shown.collect::<Result<Vec<_>, _>>()?
            }
        };
        let text = |(path, bytes): (&ImagePath, Arc<[u8]>)| {
            let text = String::from_utf8(bytes.to_vec());
            text.map_err(|_| Absent::new(format!("{} is not UTF-8", name(path))))
        };
        let read = paths.iter().zip(bytes).map(text);
        Ok(read.collect::<Result<Vec<String>, Absent>>()?)
    }

    /// Returns the configuration of the images that the patch is about, once they are patched.
    pub(crate) fn config(&self) -> Result<Config, NotEdited> {
        match &self.start {
            PatchStart::New(image) => Ok(self.archive.images()[*image].config().clone()),
            PatchStart::File(file) => {
                let plan = self.plan(file.text(), &[])?;
                let mut targeted = targeted(&plan);
                let first = targeted.next().map(|image| image.config.clone());
                let first = first.ok_or_else(no_image)?;
                if targeted.any(|image| !differences(&image.config, &first).is_empty()) {
                    let message =
                        "the images that the patch is about have different configurations";
                    return Err(Absent::new(message.to_owned()).into());
                }
                Ok(first)
            }
        }
    }

    /// Returns the patch that also changes these files, each by the smallest operation that does it.
    pub(crate) fn with_files(&self, files: &[EditedFile]) -> Result<Extended, NotEdited> {
        let paths: Vec<ImagePath> = files.iter().map(|file| file.path.clone()).collect();
        let choices: Vec<Vec<Drafted>> = files
            .iter()
            .map(|file| candidates(&file.path, &file.old, &file.new))
            .collect();
        let mut chosen = vec![0; files.len()];
        loop {
            let picked = choices.iter().zip(&chosen);
            let operations: Vec<Drafted> = picked.map(|(all, i)| all[*i].clone()).collect();
            let tried = self.extended(&operations).and_then(|extended| {
                let misses = self.misses(&extended, &paths, files)?;
                Ok((extended, misses))
            });
            let misses = match tried.as_ref() {
                Ok((_, misses)) => misses.clone(),
                // Which of them it is about does not matter: each has a simpler one to follow.
                Err(NotEdited::Rejected(_) | NotEdited::Unsayable(_)) => (0..files.len()).collect(),
                Err(_) => Vec::new(),
            };
            if misses.is_empty() {
                return tried.map(|(extended, _)| extended);
            }
            let mut has_more = false;
            for i in misses {
                if chosen[i] + 1 < choices[i].len() {
                    chosen[i] += 1;
                    has_more = true;
                }
            }
            if !has_more {
                let (_, misses) = tried?;
                let missing = misses
                    .iter()
                    .map(|&i| format!("{}: its new text", name(&paths[i])));
                return Err(NotEdited::Unsayable(missing.collect()));
            }
        }
    }

    /// Returns the patch that also turns one configuration into another. Nothing if they differ in nothing but spelling.
    pub(crate) fn with_config(
        &self,
        old: &Config,
        new: &Config,
    ) -> Result<Option<Extended>, NotEdited> {
        let derived = derived_changes(old, new);
        if !derived.is_empty() {
            return Err(NotEdited::Unsayable(derived));
        }
        let changed = differences(old, new);
        if changed.is_empty() {
            return Ok(None);
        }
        let operations = config_operations(old, new);
        if operations.is_empty() {
            return Err(NotEdited::Unsayable(changed));
        }
        let extended = self.extended(&operations)?;
        let plan = self.plan(&extended.text, &[])?;
        let mut found = targeted(&plan).map(|image| differences(&image.config, new));
        match found.find(|missing| !missing.is_empty()) {
            None => Ok(Some(extended)),
            Some(missing) => Err(NotEdited::Unsayable(missing)),
        }
    }

    /// Returns which of the files do not come out as they shall.
    fn misses(
        &self,
        extended: &Extended,
        paths: &[ImagePath],
        files: &[EditedFile],
    ) -> Result<Vec<usize>, NotEdited> {
        let plan = self.plan(&extended.text, paths)?;
        let comes_out = |i: usize| {
            let is_it = |image: &ImagePlan| matches!(&image.shown[i], ShownFile::Text(_, text) if **text == *files[i].new.as_bytes());
            targeted(&plan).all(is_it)
        };
        Ok((0..files.len()).filter(|&i| !comes_out(i)).collect())
    }

    fn extended(&self, operations: &[Drafted]) -> Result<Extended, NotEdited> {
        let added = operations.iter().map(|(name, _)| *name).collect();
        let text = match &self.start {
            PatchStart::New(image) => {
                let mut draft = PatchDraft {
                    sections: self.target(*image),
                    operations: operations.to_vec(),
                    ..PatchDraft::default()
                };
                if self.archive.contents().referrers(*image).n > 0 {
                    draft.comments.push(
                        "Attestations and signatures describe the image as it was; `attestations: keep` points them at the new one.".to_owned(),
                    );
                    draft.sections.push(("attestations", DraftValue::text("drop")));
                }
                draft.in_short()
            }
            PatchStart::File(file) => file.with_operations(operations, self.values).ok_or_else(|| {
                let reason = format!(
                    "{}: the list of its operations is written in a way that cannot be extended",
                    quoted(&self.name)
                );
                NotEdited::Unsayable(vec![reason])
            })?,
        };
        Ok(Extended { text, added })
    }

    /// Returns what selects an image, if its archive has others.
    fn target(&self, image: usize) -> Vec<(&'static str, DraftValue)> {
        let (images, image) = (self.archive.images(), &self.archive.images()[image]);
        let mut target = Vec::new();
        if images.iter().any(|other| other.group() != image.group()) {
            let name = match image.tags().first() {
                Some(tag) => tag.familiar(),
                None => format!("sha256:{}", image.image_id().hex()),
            };
            target.push(("images".to_owned(), DraftValue::texts(&[name])));
        }
        let platform = image.platform().to_string();
        let is_one_of_several = images
            .iter()
            .filter(|other| other.group() == image.group())
            .count()
            > 1;
        if is_one_of_several && PlatformPattern::parse(&platform).is_some() {
            target.push(("platforms".to_owned(), DraftValue::texts(&[platform])));
        }
        if target.is_empty() {
            return Vec::new();
        }
        vec![("target", DraftValue::Map(target))]
    }

    fn plan(&self, text: &str, shown: &[ImagePath]) -> Result<Arc<Plan>, NotEdited> {
        let mut texts = PatchTexts::default();
        texts.push(&self.name, text.into(), self.directory.clone())?;
        if self.allows_outside {
            texts = texts.allow_outside();
        }
        let patches = texts.with_args(self.values).map_err(NotEdited::Rejected)?;
        Ok(self.job.show(self.archive, &patches, shown)?)
    }

    fn read(&self, image: usize, path: &ImagePath) -> Result<Arc<[u8]>, NotEdited> {
        let archive = self.archive.contents();
        let sight = see(archive, image, path)?;
        let (real, node) = sight.found().expect("it was seen");
        if node.size > MAX_BYTES {
            let message = format!("{} is larger than 64 MiB", name(path));
            return Err(Absent::new(message).into());
        }
        let mut bytes = Vec::new();
        copy_content(archive, image, (real, node), &mut |piece| {
            bytes.extend_from_slice(piece);
            Ok(())
        })?;
        Ok(bytes.into())
    }
}

/// Returns the images that a patch is about, of a plan that looks at files or whose steps tell.
fn targeted(plan: &Plan) -> impl Iterator<Item = &ImagePlan> {
    plan.images
        .iter()
        .filter(|image| !image.shown.is_empty() || !image.steps.is_empty())
}

/// Returns the `i`th file that was asked for, which has to be the same in all images.
fn shown_file(plan: &Plan, i: usize, path: &ImagePath) -> Result<Arc<[u8]>, Absent> {
    let name = name(path);
    let mut found: Option<Arc<[u8]>> = None;
    for image in targeted(plan) {
        let text = match &image.shown.get(i) {
            Some(ShownFile::Text(_, text)) => text,
            Some(ShownFile::NoText(reason)) => {
                return Err(Absent::new(format!("{name} {reason}")));
            }
            Some(ShownFile::Missing) | None => {
                return Err(Absent::new(format!("the patched image has no {name}")));
            }
        };
        if found.as_ref().is_some_and(|other| other != text) {
            let message = format!("the images that the patch is about have different {name}");
            let help = "select one of them with `target` in the patch";
            return Err(Absent::with_help(message, help.to_owned()));
        }
        found = Some(Arc::clone(text));
    }
    found.ok_or_else(no_image)
}

fn no_image() -> Absent {
    Absent::new("the patch is about no image".to_owned())
}

fn name(path: &ImagePath) -> String {
    quoted(&path.to_text())
}

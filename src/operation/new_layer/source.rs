//! What a new layer is made of: what a source comes to over the tree of the image as it is by then.

use std::collections::BTreeMap;

use super::laid_files;
use crate::edit::image::EditedImage;
use crate::edit::laying::LayerToLay;
use crate::edit::{HostSource, LayerSource, MadeContent, MadeLayer, tree_changes};
use crate::image_path::ImagePath;
use crate::layer::{
    Addition, Data, Kept, LayerContent, Metadata, Mode, Origin, Owner, Reason, SymlinkPolicy, Time,
    ZERO_DEVICE, additions, compose,
};
use crate::operation::new_layer::{
    AddLayer, LayerMode, LayerOwner, LayerTime, LayerXattrs, Symlinks,
};
use crate::printable;
use crate::problem::{Address, Code, Problem, quoted};
use crate::rootfs::{LayerLog, Rootfs, RootfsError, WHITEOUT};
use crate::shape::LayerCompression;
use crate::tarball::{Entry, Kind};

/// More problems of one source than anybody reads.
const MAX_PROBLEMS: usize = 20;

/// Where the files of a new layer come from, and how they are laid out.
pub(crate) struct Source<'a> {
    add: &'a AddLayer,
    host: &'a HostSource,
    address: Address,
    /// What `from` brings.
    brought: &'a [Addition],
    /// The metadata of what the patch itself holds.
    metadata: Metadata,
}

impl<'a> Source<'a> {
    /// Returns the source of an operation at `address`, or tells what is wrong with it.
    pub(crate) fn of(
        image: &mut EditedImage<'a>,
        add: &'a AddLayer,
        address: Address,
    ) -> Option<Self> {
        let host = image.source();
        let mut source = Self {
            add,
            host,
            address,
            brought: &[],
            metadata: metadata(add, false, image.around.epoch),
        };
        if let Some(LayerSource::Directory(_, scan)) = &host.from {
            for (path, reason) in scan.problems.iter().take(MAX_PROBLEMS) {
                let message = format!("{}: {reason}", quoted(&printable::decoded(path)));
                source.problem(image, Code::InvalidSource, message);
            }
        }
        if host.brought.get().is_none() {
            let Some(brought) = source.bring(image) else {
                // It comes to nothing for the other images either.
                image.refuse_rest();
                return None;
            };
            host.brought.get_or_init(|| brought);
        }
        source.brought = host.brought.get().map_or(&[], Vec::as_slice);
        Some(source)
    }

    /// Returns what `from` brings, or tells what is wrong with it.
    fn bring(&self, image: &mut EditedImage<'_>) -> Option<Vec<Addition>> {
        match &self.host.from {
            Some(LayerSource::Directory(root, scan)) => {
                let brought = additions(&scan.entries, *root, &self.add.to, &self.metadata);
                if let Err(reason) = &brought {
                    self.problem(image, Code::InvalidSource, reason.to_string());
                }
                brought.ok()
            }
            Some(LayerSource::Tar { log, .. }) if self.has_unsupported(image, log) => None,
            Some(LayerSource::Tar { import, log }) if !self.add.as_is => {
                self.of_tar(image, *import, log)
            }
            Some(LayerSource::Tar { .. }) | None => Some(Vec::new()),
        }
    }

    /// Refuses a tar with entries that no engine unpacks. One that is a layer as it is may have what engines only disagree
    /// about.
    fn has_unsupported(&self, image: &mut EditedImage<'_>, log: &LayerLog) -> bool {
        let reason = |entry: &Entry| match entry.kind {
            Kind::Unsupported(flag) => Some(format!("an entry of {flag}, which no engine unpacks")),
            _ if entry.is_zero_device() && !self.add.as_is => Some(ZERO_DEVICE.to_owned()),
            _ => None,
        };
        let is_excluded = |entry: &Entry| {
            let path = ImagePath::confined(&entry.name);
            !self.add.as_is && self.add.exclude.is_excluded(path.entry_name())
        };
        let help = if self.add.as_is {
            "write the tar again without it"
        } else {
            "`exclude` leaves it out"
        };
        let entries = log.entries.iter().map(|logged| &logged.entry);
        let refused = entries.filter(|entry| !is_excluded(entry));
        let refused = refused.filter_map(|entry| Some((&entry.name, reason(entry)?)));
        let refused: Vec<(&Vec<u8>, String)> = refused.take(MAX_PROBLEMS).collect();
        for (name, reason) in &refused {
            let name = quoted(&printable::decoded(name));
            let message = format!("{name} is {reason}");
            image.problem(Code::InvalidSource, self.place(), message, help);
        }
        !refused.is_empty()
    }

    /// Says what of a tar that becomes a layer as it is engines disagree about.
    fn disagreements(log: &LayerLog) -> Vec<String> {
        let entries = || log.entries.iter().map(|logged| &logged.entry);
        let first = |is_one: &dyn Fn(&&Entry) -> bool| {
            let first = entries().find(is_one)?;
            Some((
                quoted(&printable::decoded(&first.name)),
                entries().filter(is_one).count(),
            ))
        };
        let device = first(&|entry| entry.is_zero_device()).map(|(name, n)| {
            format!(
                "{}: {ZERO_DEVICE}, and others as a device",
                and_more(&name, n)
            )
        });
        let sparse = first(&|entry| entry.sparse.is_some()).map(|(name, n)| {
            format!(
                "{}: a sparse file, which docker and podman load and cannot save again",
                and_more(&name, n)
            )
        });
        device.into_iter().chain(sparse).collect()
    }

    fn place(&self) -> Address {
        let key = if self.add.from.is_some() {
            "from"
        } else {
            "files"
        };
        self.address.clone().key(key)
    }

    fn problem(&self, image: &mut EditedImage<'_>, code: Code, message: String) {
        image.bare_problem(code, self.place(), message);
    }

    /// What a tar comes to where it is extracted: the last entry of a path counts, links in it are followed.
    fn of_tar(
        &self,
        image: &mut EditedImage<'_>,
        import: usize,
        log: &LayerLog,
    ) -> Option<Vec<Addition>> {
        let is_whiteout = |name: &[u8]| name.split(|&b| b == b'/').any(|n| n.starts_with(WHITEOUT));
        let whiteouts = log.entries.iter().map(|logged| &logged.entry.name);
        let mut whiteouts = whiteouts.filter(|name| is_whiteout(name)).peekable();
        if whiteouts.peek().is_some() {
            for name in whiteouts.take(MAX_PROBLEMS) {
                let name = quoted(&printable::decoded(name));
                let message = format!("{name}: a name that starts with `.wh.` removes a file");
                let help = "`as-is: true` uses the tar as a layer with whiteouts";
                image.problem(Code::InvalidSource, self.place(), message, help);
            }
            return None;
        }
        let tree = match Rootfs::of([(0, log)]) {
            Ok(tree) => tree,
            Err(error) => {
                let message = match &error {
                    RootfsError::Entry { name, reason, .. } => {
                        format!("{} is {reason}", quoted(&printable::decoded(name)))
                    }
                    RootfsError::Tar { error, .. } => error.to_string(),
                };
                self.problem(image, Code::InvalidSource, message);
                return None;
            }
        };
        let metadata = metadata(self.add, true, image.around.epoch);
        let mut additions = Vec::new();
        for (path, node) in &tree {
            if self.add.exclude.is_excluded(path.entry_name()) {
                continue;
            }
            let data = match node.kind {
                Kind::File => Data::Kept(Kept {
                    origin: Origin::Import(import),
                    offset: node.content.offset,
                    size: node.size,
                    sparse: node.sparse.clone(),
                }),
                _ => Data::None,
            };
            let name = [self.add.to.entry_name(), b"/", path.entry_name()].concat();
            let path = ImagePath::from_entry_name(&name).expect("both parts are paths");
            // Numbers of devices on the host are no such numbers.
            let number = u64::MAX - 1 - import as u64;
            additions.push(Addition::of_node(path, node, number, data, &metadata));
        }
        Some(additions)
    }

    /// Returns what comes to be at `position` of the stack of an image, or tells why nothing can.
    pub(crate) fn made(&self, image: &mut EditedImage<'_>, position: usize) -> Option<LayerToLay> {
        if let (true, Some(LayerSource::Tar { import, log })) = (self.add.as_is, &self.host.from) {
            for note in Self::disagreements(log) {
                image.state.note(note);
            }
            let made = self.wrap(image.number, MadeContent::Verbatim(Origin::Import(*import)));
            let log = Some(log.clone());
            return Some(LayerToLay { made, log });
        }
        let state = &mut *image.state;
        let is_top = position == state.layers.len();
        let below;
        let tree = if is_top {
            let tree = state.tree.as_ref();
            tree.expect("the tree was read for every image that may get a layer")
        } else {
            below = state
                .tree_of(&state.layers[..position])
                .expect("the layers fitted each other when they were read");
            &below
        };
        let content = match self.composed(tree, image.around.epoch) {
            Ok(content) => content,
            Err(problems) => {
                image.tell(problems);
                return None;
            }
        };
        let notes = content.notes.iter().map(ToString::to_string);
        let files = if is_top {
            tree_changes::of_layer(&content, tree)
        } else {
            Vec::new()
        };
        state.note_all(notes);
        let mut made = self.wrap(image.number, MadeContent::Composed(content));
        made.files = files;
        Some(LayerToLay { made, log: None })
    }

    fn wrap(&self, image: usize, content: MadeContent) -> MadeLayer {
        MadeLayer {
            image,
            content,
            from: self.add.from.clone(),
            created_by: self.add.created_by.clone(),
            compression: self.add.compression.map(LayerCompression::compression),
            files: Vec::new(),
            texts: BTreeMap::new(),
        }
    }

    /// Returns what the files come to over `tree`, or what is wrong with them.
    fn composed(&self, tree: &Rootfs, epoch: i64) -> Result<LayerContent, Vec<Problem>> {
        let conflict = |message: String| Problem::new(Code::LayerConflict, self.place(), message);
        let mut additions = self.brought.to_vec();
        let found = laid_files::add(&mut additions, self.add, self.host, &self.metadata, tree);
        if let Err((i, message)) = found {
            let address = self.address.clone().key("files").index(i).key("hardlink");
            let problem = Problem::new(Code::LayerConflict, address, message);
            let help = "a hard link reaches only files of the same layer; write `symlink`";
            return Err(vec![problem.with_help(help)]);
        }
        let content = compose(&additions, tree, policy(self.add.symlinks), epoch);
        if !content.problems.is_empty() {
            let problems = content.problems.iter().take(MAX_PROBLEMS);
            let problems = problems.map(|problem| {
                // It speaks of the layer.
                if problem.reason == Reason::NothingToAdd {
                    return conflict(problem.reason.to_string());
                }
                let path = quoted(&problem.path.to_text());
                conflict(format!("{path}: {}", problem.reason))
            });
            return Err(problems.collect());
        }
        if content.n_added + content.n_changed + content.n_directories_added == 0 {
            let from = self.add.from.as_deref();
            let holder = from.map_or("`files`".to_owned(), quoted);
            let message = format!("the image already has everything in {holder}");
            let help = "git does not keep empty directories; put the files in place";
            let problem = Problem::new(Code::Empty, self.place(), message);
            return Err(vec![problem.with_help(help)]);
        }
        Ok(content)
    }
}

fn and_more(name: &str, n: usize) -> String {
    match n {
        1 => name.to_owned(),
        n => format!("{name} and {} more", n - 1),
    }
}

/// What a tar says of its files counts, what a directory of a checkout says does not.
fn metadata(add: &AddLayer, is_tar: bool, epoch: i64) -> Metadata {
    Metadata {
        owner: match add.owner.unwrap_or(if is_tar {
            LayerOwner::Keep
        } else {
            LayerOwner::Ids(0, 0)
        }) {
            LayerOwner::Ids(uid, gid) => Owner::Set {
                uid: uid.into(),
                gid: gid.into(),
            },
            LayerOwner::Keep => Owner::Keep,
        },
        mode: match (add.mode, is_tar) {
            (Some(LayerMode::Keep), _) | (None, true) => Mode::Keep,
            (Some(LayerMode::Normal), _) | (None, false) => Mode::Normal,
        },
        mtime: match (&add.mtime, is_tar) {
            (Some(LayerTime::At(time)), _) => Time::At(time.unix_seconds()),
            (Some(LayerTime::Keep), _) | (None, true) => Time::Keep,
            (None, false) => Time::At(epoch),
        },
        keeps_xattrs: add
            .xattrs
            .map_or(is_tar, |xattrs| xattrs == LayerXattrs::Keep),
    }
}

fn policy(symlinks: Symlinks) -> SymlinkPolicy {
    match symlinks {
        Symlinks::Follow => SymlinkPolicy::Follow,
        Symlinks::Replace => SymlinkPolicy::Replace,
        Symlinks::Error => SymlinkPolicy::Error,
    }
}

#[cfg(test)]
mod tests {
    use super::and_more;

    #[test]
    fn of_several_the_first_is_named() {
        assert_eq!(and_more("`a`", 1), "`a`");
        assert_eq!(and_more("`a`", 3), "`a` and 2 more");
    }
}

//! Registries and an engine that are a map in memory, and count what they are asked.

use std::collections::{BTreeMap, HashMap};
use std::num::NonZeroUsize;
use std::path::Path;
use std::sync::Mutex;

use ocipatch::Error;
use ocipatch::digest::Digest;
use ocipatch::fleet::{FleetFile, Lock, PatchReader, Recipe, Task, World, resolve};
use ocipatch::gather::{NotPlanned, Patches};
use ocipatch::ledger::Ledger;
use ocipatch::patch::ArgValues;
use ocipatch::reference::Reference;

pub(super) const THREADS: NonZeroUsize = NonZeroUsize::new(3).unwrap();

/// Tags of repositories by full name, and what was asked of them.
#[derive(Debug, Default)]
pub(super) struct Fake {
    pub(super) images: Mutex<BTreeMap<String, Digest>>,
    pub(super) asked: Mutex<HashMap<&'static str, usize>>,
    /// The engine fails for sources with this in their name.
    pub(super) broken: Option<&'static str>,
    /// So many pushes fail.
    pub(super) n_flaky: Mutex<usize>,
}

pub(super) fn digest(text: &str) -> Digest {
    Digest::of(text.as_bytes())
}

impl Fake {
    pub(super) fn with(names: &[&str]) -> Self {
        let fake = Self::default();
        for name in names {
            fake.put(name, digest(name));
        }
        fake
    }

    pub(super) fn put(&self, name: &str, digest: Digest) {
        let name = Reference::parse(name).unwrap().full();
        self.images.lock().unwrap().insert(name, digest);
    }

    /// Returns how often each thing was asked since the last call.
    pub(super) fn asked(&self) -> [usize; 4] {
        let mut asked = self.asked.lock().unwrap();
        ["tags", "digest", "plan", "push"].map(|what| asked.remove(what).unwrap_or_default())
    }

    fn count(&self, what: &'static str) {
        *self.asked.lock().unwrap().entry(what).or_default() += 1;
    }

    pub(super) fn result(task: &Task<'_>) -> Digest {
        let files = task.patches.files().iter();
        let patches: Vec<_> = files.map(|it| (it.digest(), it.args().to_vec())).collect();
        digest(&format!("{} {patches:?} {:?}", task.digest, task.platform))
    }
}

impl World for Fake {
    fn tags(&self, repository: &Reference) -> Result<Vec<String>, Error> {
        self.count("tags");
        let start = format!("{}:", repository.full_repository());
        let images = self.images.lock().unwrap();
        let tags = images.keys().filter_map(|name| name.strip_prefix(&start));
        Ok(tags.map(str::to_owned).collect())
    }

    fn digest(&self, name: &Reference) -> Result<Option<Digest>, Error> {
        self.count("digest");
        Ok(self.images.lock().unwrap().get(&name.full()).copied())
    }

    fn patch(
        &self,
        task: &Task<'_>,
        decide: &mut dyn FnMut(Digest) -> Result<bool, Error>,
    ) -> Result<(), NotPlanned> {
        self.count("plan");
        if self
            .broken
            .is_some_and(|word| task.from.full().contains(word))
        {
            let name = task.from.full();
            return Err(NotPlanned::Failed(Error::MissingEntry {
                name,
                wanted_by: "the test".into(),
            }));
        }
        let mut n_flaky = self.n_flaky.lock().unwrap();
        if *n_flaky > 0 {
            *n_flaky -= 1;
            let place = task.to.full();
            let reason = "blob unknown to registry".to_owned();
            return Err(NotPlanned::Failed(Error::Registry { place, reason }));
        }
        drop(n_flaky);
        let result = Self::result(task);
        if decide(result)? {
            self.count("push");
            self.put(&task.to.full(), result);
        }
        Ok(())
    }
}

pub(super) fn patch_reader(directory: &Path) -> PatchReader {
    PatchReader {
        directory: directory.to_owned(),
        allow_outside: false,
        environment: ArgValues::default(),
        source_date_epoch: None,
        ledger: Ledger::default(),
    }
}

/// Writes the files of a fleet; the first is the fleet file.
pub(super) fn write(directory: &Path, files: &[(&str, &str)]) {
    for (name, text) in files {
        let path = directory.join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }
}

pub(super) fn recipes(
    patch_reader: &PatchReader,
) -> Result<(FleetFile, Vec<(Recipe, Patches)>), NotPlanned> {
    let path = patch_reader.directory.join("fleet.yaml");
    let file = FleetFile::read(&path, &mut patch_reader.ledger.clone())?;
    let recipes = patch_reader.recipes(&file)?;
    Ok((file, recipes))
}

pub(super) fn lock(patch_reader: &PatchReader, fake: &Fake) -> Result<Lock, NotPlanned> {
    let (file, recipes) = recipes(patch_reader)?;
    let recipes: Vec<Recipe> = recipes.into_iter().map(|(recipe, _)| recipe).collect();
    resolve(&file, &recipes, fake, THREADS)
}

/// Returns the problems, each with its code.
pub(super) fn problems<T: std::fmt::Debug>(result: Result<T, NotPlanned>) -> Vec<String> {
    let Err(NotPlanned::Rejected(rejected)) = result else {
        panic!("{result:?}");
    };
    let problems = rejected.problems();
    problems
        .map(|it| format!("{}: {}", it.code(), it.message()))
        .collect()
}

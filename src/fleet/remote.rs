//! Registries as they are, and the engine of this library.

use super::{Action, Task, World};
use crate::digest::Digest;
use crate::error::Error;
use crate::gather::NotPlanned;
use crate::job::{Input, Job, Moves, Names, Plan};
use crate::reference::{Reference, RegistryImage};
use crate::registry::{Access, Name, Registries};

/// Registries over HTTP. All images of a run share one, with its tokens and its connections.
#[derive(Debug, Clone)]
pub struct Remote {
    job: Job,
    registries: Registries,
    action: Action,
}

impl Remote {
    /// Takes the run that each image is patched by, and what is done to the registries.
    pub fn new(job: Job, action: Action) -> Result<Self, Error> {
        Ok(Self {
            registries: job.reach().registries()?.clone(),
            job: job.sharing_layers(),
            action,
        })
    }
}

impl World for Remote {
    fn tags(&self, repository: &Reference) -> Result<Vec<String>, Error> {
        let repository = self.registries.repository(repository);
        self.registries.announce(&repository, Access::Pull);
        repository.tags()
    }

    fn digest(&self, name: &Reference) -> Result<Option<Digest>, Error> {
        let repository = self.registries.repository(name);
        let found = repository.find_manifest(Name::Tag(name.tag()))?;
        Ok(found.map(|found| found.digest))
    }

    fn patch(
        &self,
        task: &Task<'_>,
        decide: &mut dyn FnMut(Digest) -> Result<bool, Error>,
    ) -> Result<(), NotPlanned> {
        let mut job = self.job.clone();
        if let Some(platform) = task.platform {
            job = job.platform(platform.clone());
        }
        if self.action != Action::Plan {
            let to = self.registries.repository(task.to);
            self.registries.announce(&to, Access::Push);
        }
        let image = RegistryImage::pinned(task.from.clone(), task.digest);
        let archive = job.open_for(Input::Registry(image), task.patches)?;
        let plan = job.plan(&archive, task.patches)?;
        if decide(root(&plan, task)?)? {
            let moves = Moves {
                the_one_read: false,
                others: self.action == Action::Apply { overwrite: true },
            };
            let push = plan.push(&self.registries, &Names::One(task.to.clone()), moves)?;
            plan.publish_with(&push, &[])?;
        }
        Ok(())
    }
}

/// Returns the digest that the destination gets: that of the only image, or of its index.
fn root(plan: &Plan<'_>, task: &Task<'_>) -> Result<Digest, Error> {
    let images = plan.targeted();
    let roots = images.iter().map(|image| image.root_digest());
    let mut roots: Vec<Option<Digest>> = roots.collect();
    roots.dedup();
    match roots.as_slice() {
        [Some(root)] => Ok(*root),
        _ => Err(Error::Unconvertible {
            image: task.from.full(),
            reason: format!(
                "is {} images, but `{}` is the name of one",
                roots.len(),
                task.to
            ),
        }),
    }
}

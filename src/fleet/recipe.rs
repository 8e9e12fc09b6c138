//! Recipes: patch files read from the directory of the fleet, with values for their args, and the digest of everything that they
//! consist of.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::path::PathBuf;

use super::lock::Recipe;
use super::{FleetFile, FleetImage, Lock, Shard};
use crate::digest::Digest;
use crate::gather::{NotPlanned, Patches};
use crate::job::Job;
use crate::ledger::Ledger;
use crate::patch::ArgValues;
use crate::problem::{Address, Code, Problem, quoted};
use crate::timestamp::Timestamp;

/// Where the patches of a fleet are, and what they depend on besides their files.
#[derive(Debug, Clone)]
pub struct PatchReader {
    /// The directory of the fleet file and of its lock.
    pub directory: PathBuf,
    /// Lets paths in patches lead out of the directories of their files.
    pub allow_outside: bool,
    /// The environment, for args that come from it.
    pub environment: ArgValues,
    /// The time of images that change, where the environment sets one.
    pub source_date_epoch: Option<Timestamp>,
    /// The paths of the run.
    pub ledger: Ledger,
}

/// Why the inputs of a recipe are not what the lock says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Drifted {
    /// The patch files.
    pub patches: Vec<String>,
    /// The digest of the inputs as they are.
    pub found: Digest,
    /// The digest in the lock.
    pub locked: Digest,
}

impl std::fmt::Display for Drifted {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let patches: Vec<String> = self
            .patches
            .iter()
            .map(|path| format!("`{path}`"))
            .collect();
        write!(
            f,
            "{} with their args and files have the digest `{}`; the lock has `{}`",
            patches.join(", "),
            self.found,
            self.locked
        )
    }
}

impl PatchReader {
    /// Returns the recipe of each image of a fleet, and its patches.
    pub fn recipes(&self, file: &FleetFile) -> Result<Vec<(Recipe, Patches)>, NotPlanned> {
        let mut known: HashMap<Vec<String>, (Recipe, Patches)> = HashMap::new();
        let mut recipes = Vec::new();
        let mut problems = Vec::new();
        let mut declared: BTreeSet<String> = BTreeSet::new();
        for (i, image) in file.fleet().images.iter().enumerate() {
            let (patches, args) = combined(file, image);
            let platform = image.platform.as_ref();
            let mut key = patches.clone();
            key.extend(args.iter().map(|(name, value)| format!("\0{name}={value}")));
            key.extend(platform.map(|platform| format!("\0\0{}", platform.as_str())));
            if !known.contains_key(&key) {
                let recipe = Recipe {
                    inputs: Digest::of(b""),
                    patches,
                    args: args.into_iter().collect(),
                    platform: platform.cloned(),
                };
                let made = self.make(recipe)?;
                known.insert(key.clone(), made);
            }
            let (recipe, patches) = &known[&key];
            declared.extend(patches.arg_names().into_iter().map(str::to_owned));
            secrets(file, i, patches, &mut problems);
            undeclared(i, image, patches, &mut problems);
            recipes.push((recipe.clone(), patches.clone()));
        }
        for (name, _) in &file.fleet().args {
            if !declared.contains(name) {
                let address = Address::document(0).key("args").key(name).on_key();
                let message = format!(
                    "no patch of the fleet declares the argument {}",
                    quoted(name)
                );
                problems.push(Problem::new(Code::UndeclaredArg, address, message));
            }
        }
        if problems.is_empty() {
            return Ok(recipes);
        }
        // Images with the same patches say the same about the fleet.
        let mut seen = HashSet::new();
        problems.retain(|problem| seen.insert(problem.clone()));
        Err(file.reject(problems).into())
    }

    /// Returns the patches of each recipe that a shard of a lock uses; those whose inputs are not what the lock says, if there are any.
    pub fn patches(
        &self,
        lock: &Lock,
        shard: &Shard,
    ) -> Result<Result<HashMap<usize, Patches>, Vec<Drifted>>, NotPlanned> {
        let mut patches = HashMap::new();
        let mut drifted = Vec::new();
        let entries = lock.entries().iter().enumerate();
        let used: BTreeSet<usize> = entries
            .filter(|(i, _)| shard.has(*i))
            .map(|(_, entry)| entry.recipe)
            .collect();
        for i in used {
            let recipe = &lock.recipes()[i];
            let (found, read) = self.make(recipe.clone())?;
            if found.inputs == recipe.inputs {
                patches.insert(i, read);
            } else {
                drifted.push(Drifted {
                    patches: recipe.patches.clone(),
                    found: found.inputs,
                    locked: recipe.inputs,
                });
            }
        }
        Ok(if drifted.is_empty() {
            Ok(patches)
        } else {
            Err(drifted)
        })
    }

    /// Reads the patches of a recipe, and sets the digest of its inputs. Args that they do not declare are left out.
    fn make(&self, mut recipe: Recipe) -> Result<(Recipe, Patches), NotPlanned> {
        let paths = recipe.patches.iter().map(|path| self.directory.join(path));
        let mut job = Job::new().with_ledger(self.ledger.clone());
        let mut texts = job.read(paths)?;
        if self.allow_outside {
            texts = texts.allow_outside();
        }
        let mut values = self.environment.clone();
        values.given = recipe.args.iter().cloned().collect();
        let patches = texts.with_args(&values)?;
        let declared = patches.arg_names();
        recipe
            .args
            .retain(|(name, _)| declared.contains(&name.as_str()));
        let mut lines: Vec<String> = vec!["inputs of ocipatch/v1".to_owned()];
        let path = |path: &String| format!("path {}", serde_json::Value::from(path.as_str()));
        lines.extend(recipe.patches.iter().map(path));
        let platform = recipe.platform.iter();
        lines.extend(platform.map(|platform| format!("platform {}", platform.as_str())));
        let time = self.source_date_epoch.iter();
        lines.extend(time.map(|time| format!("time {time}")));
        lines.extend(patches.inputs(job.ledger())?);
        recipe.inputs = Digest::of(lines.join("\n").as_bytes());
        Ok((recipe, patches))
    }
}

/// The patches of the fleet come first, and the args of the image count.
fn combined(file: &FleetFile, image: &FleetImage) -> (Vec<String>, BTreeMap<String, String>) {
    let fleet = file.fleet();
    let patches = fleet.patches.iter().chain(&image.patches).cloned();
    let args = fleet.args.iter().chain(&image.args).cloned();
    (patches.collect(), args.collect())
}

/// A secret in a file that is committed is none.
fn secrets(file: &FleetFile, i: usize, patches: &Patches, problems: &mut Vec<Problem>) {
    let is_secret = |name: &str| {
        patches.files().iter().any(|patch| {
            let shown = patch.args().iter().flatten();
            let is_declared = patch.arg_names().iter().any(|known| known == name);
            is_declared && !shown.into_iter().any(|(known, _)| known == name)
        })
    };
    let fleet = file.fleet();
    let of_fleet = fleet.args.iter().map(|arg| (Address::document(0), arg));
    let of_image = fleet.images[i].args.iter();
    let of_image = of_image.map(|arg| (FleetFile::image(i), arg));
    for (address, (name, _)) in of_fleet.chain(of_image) {
        if is_secret(name) {
            let address = address.key("args").key(name).on_key();
            let message = format!("{} is a secret, and this file is not", quoted(name));
            let problem = Problem::new(Code::MisplacedArg, address, message);
            problems.push(
                problem.with_help("set it in the environment, as `from-env` of the patch says"),
            );
        }
    }
}

fn undeclared(i: usize, image: &FleetImage, patches: &Patches, problems: &mut Vec<Problem>) {
    let declared = patches.arg_names();
    for (name, _) in &image.args {
        if !declared.contains(&name.as_str()) {
            let address = FleetFile::image(i).key("args").key(name).on_key();
            let message = format!(
                "no patch of image {} declares the argument {}",
                i + 1,
                quoted(name)
            );
            problems.push(Problem::new(Code::UndeclaredArg, address, message));
        }
    }
}

//! Which part of a fleet a worker does: entry `i` of the lock belongs to shard `i mod n`.
//!
//! Every scheduler that starts several copies of a job tells each of them its number. Some count from 0 and some from 1, and some do
//! not say how many there are. What is missing or contradictory is refused: a worker that guesses does everything, or nothing.

use std::fmt;

/// One part of a fleet, of `n` parts; parts are counted from 0.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Shard {
    index: usize,
    n: usize,
}

/// The variable that says how many shards there are, for schedulers that do not.
pub const TOTAL: &str = "OCIPATCH_SHARDS";

/// How a scheduler tells a job its number.
struct Scheduler {
    name: &'static str,
    /// The variable with the number of the job.
    index: &'static str,
    /// The number of the first job.
    first: usize,
    /// The variable that has how many there are.
    total: Option<&'static str>,
}

/// Kubernetes: "Indexed Job"; GitLab: "Predefined CI/CD variables"; GNU parallel: `man parallel`, "Environment variables".
const SCHEDULERS: &[Scheduler] = &[
    Scheduler {
        name: "a Kubernetes Indexed Job",
        index: "JOB_COMPLETION_INDEX",
        first: 0,
        total: None,
    },
    Scheduler {
        name: "GitLab CI",
        index: "CI_NODE_INDEX",
        first: 1,
        total: Some("CI_NODE_TOTAL"),
    },
    Scheduler {
        name: "GNU parallel",
        index: "PARALLEL_SEQ",
        first: 1,
        total: None,
    },
];

impl Default for Shard {
    /// Everything.
    fn default() -> Self {
        Self { index: 0, n: 1 }
    }
}

impl fmt::Display for Shard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.index, self.n)
    }
}

impl Shard {
    /// Parses `I/N`, where `I` is 0 to N-1; what is wrong otherwise.
    pub fn parse(text: &str) -> Result<Self, String> {
        let (index, n) = text
            .split_once('/')
            .ok_or_else(|| format!("`{text}` is not `I/N` or `auto`"))?;
        let number =
            |text: &str| number(text).ok_or_else(|| format!("`{text}` is not a number of shards"));
        Self::new(number(index)?, number(n)?)
    }

    fn new(index: usize, n: usize) -> Result<Self, String> {
        if n == 0 {
            return Err("there are no 0 shards".to_owned());
        }
        if index == n {
            return Err(format!(
                "shards are counted from 0: the last one of {n} is `{}/{n}`",
                n - 1
            ));
        }
        if index > n {
            return Err(format!("there is no shard {index} of {n}"));
        }
        Ok(Self { index, n })
    }

    /// Finds the shard in the variables of the scheduler that started the job; what is wrong if they do not say it.
    pub fn of_environment(variable: &dyn Fn(&str) -> Option<String>) -> Result<Self, String> {
        let variable = |name: &str| variable(name).filter(|value| !value.is_empty());
        let total = numeric(TOTAL, &variable)?;
        let mut found: Vec<(&str, Self)> = Vec::new();
        for scheduler in SCHEDULERS {
            if let Some(shard) = scheduler.shard(total, &variable)? {
                found.push((scheduler.name, shard));
            }
        }
        if let Some(shard) = slurm(total, &variable)? {
            found.push(("a Slurm array", shard));
        }
        match found.as_slice() {
            [(_, shard)] => Ok(*shard),
            [] => Err(format!(
                "`--shard auto` found no variable of a scheduler: {}; write `--shard I/N`, with I from 0 to N-1",
                "it knows `JOB_COMPLETION_INDEX`, `CI_NODE_INDEX`, `SLURM_ARRAY_TASK_ID` and `PARALLEL_SEQ`"
            )),
            [(first, _), (second, _), ..] => Err(format!(
                "`--shard auto` found the variables of {first} and of {second}; write `--shard I/N`, with I from 0 to N-1"
            )),
        }
    }

    /// Tells whether an entry of the lock, counted from 0, belongs to the shard.
    #[must_use]
    pub fn has(&self, entry: usize) -> bool {
        entry % self.n == self.index
    }
}

impl Scheduler {
    fn shard(
        &self,
        total: Option<usize>,
        variable: &dyn Fn(&str) -> Option<String>,
    ) -> Result<Option<Shard>, String> {
        let Some(number) = numeric(self.index, variable)? else {
            return Ok(None);
        };
        let own = match self.total {
            Some(name) => numeric(name, variable)?,
            None => None,
        };
        let n = match (own, total) {
            (Some(own), Some(total)) if own != total => {
                let name = self.total.expect("it had a value");
                return Err(format!("`{name}` is {own}, and `{TOTAL}` is {total}"));
            }
            (Some(n), _) | (None, Some(n)) => n,
            (None, None) => {
                let name = self.total.unwrap_or(TOTAL);
                return Err(format!(
                    "`{}` is the number of a job of {}, and nothing says of how many: set `{name}`",
                    self.index, self.name
                ));
            }
        };
        if n == 0 {
            let name = self.total.filter(|_| own.is_some()).unwrap_or(TOTAL);
            return Err(format!("`{name}` is 0, and there are no 0 shards"));
        }
        let index = number.checked_sub(self.first).filter(|index| *index < n);
        let index = index.ok_or_else(|| {
            let last = n + self.first - 1;
            format!(
                "`{}` is {number}; of {n} shards it is {} to {last}",
                self.index, self.first
            )
        })?;
        Shard::new(index, n).map(Some)
    }
}

/// The ids of a Slurm array are `MIN` to `MAX` by `STEP`, and may leave some out (`sbatch`, "Job arrays").
fn slurm(
    total: Option<usize>,
    variable: &dyn Fn(&str) -> Option<String>,
) -> Result<Option<Shard>, String> {
    let of = |name: &str| numeric(name, variable);
    let wanted = |name: &str| {
        of(name)?.ok_or_else(|| format!("`SLURM_ARRAY_TASK_ID` is set, and `{name}` is not"))
    };
    let Some(id) = of("SLURM_ARRAY_TASK_ID")? else {
        return Ok(None);
    };
    let (min, max) = (
        wanted("SLURM_ARRAY_TASK_MIN")?,
        wanted("SLURM_ARRAY_TASK_MAX")?,
    );
    let step = of("SLURM_ARRAY_TASK_STEP")?.unwrap_or(1).max(1);
    let n = max.checked_sub(min).map(|range| range / step + 1);
    let n = n.filter(|_| (min..=max).contains(&id) && (id - min).is_multiple_of(step));
    let n = n.ok_or_else(|| format!("the Slurm array {min}-{max}:{step} has no task {id}"))?;
    let count = of("SLURM_ARRAY_TASK_COUNT")?.unwrap_or(n);
    if count != n {
        return Err(format!(
            "the Slurm array has {count} tasks, and {min}-{max}:{step} are {n}: use an array without gaps, such as `--array=0-{}`",
            count.max(1) - 1
        ));
    }
    if let Some(total) = total.filter(|total| *total != n) {
        return Err(format!(
            "the Slurm array has {n} tasks, and `{TOTAL}` is {total}"
        ));
    }
    Shard::new((id - min) / step, n).map(Some)
}

fn numeric(name: &str, variable: &dyn Fn(&str) -> Option<String>) -> Result<Option<usize>, String> {
    let Some(value) = variable(name) else {
        return Ok(None);
    };
    match number(&value) {
        Some(number) => Ok(Some(number)),
        None => Err(format!("`{name}` is `{value}`, not a number")),
    }
}

/// More shards than this are a mistake.
fn number(text: &str) -> Option<usize> {
    let is_number = text.len() <= 9 && text.bytes().all(|byte| byte.is_ascii_digit());
    is_number.then(|| text.parse().ok()).flatten()
}

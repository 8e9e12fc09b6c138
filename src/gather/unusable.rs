//! Why something that a patch names on the host cannot be used.

use crate::error::Error;
use crate::problem::Problem;

/// The author's mistake, or a failure of the world.
#[derive(Debug)]
pub(super) enum Unusable {
    /// A patch may not name this, or it is not what the operation needs.
    Problem(Problem),
    /// It cannot be read.
    Failed(Error),
}

impl From<Problem> for Unusable {
    fn from(problem: Problem) -> Self {
        Self::Problem(problem)
    }
}

impl From<Error> for Unusable {
    fn from(error: Error) -> Self {
        Self::Failed(error)
    }
}

/// Returns what can be used. A problem is collected; a failure ends the work.
pub(super) fn usable<T>(
    found: Result<T, Unusable>,
    problems: &mut Vec<Problem>,
) -> Result<Option<T>, Error> {
    match found {
        Ok(found) => Ok(Some(found)),
        Err(Unusable::Problem(problem)) => {
            problems.push(problem);
            Ok(None)
        }
        Err(Unusable::Failed(error)) => Err(error),
    }
}

//! `move-path`: files and directories of the image that get another path.

use crate::image_path::ImagePath;
use crate::problem::{Address, Code};
use crate::shape::{Field, IfMissing, PathMap, Paths, Problems, Short, Word, record};

record! {
    /// Paths to move, and options.
    pub struct PathMoves("LongPathMoves") {
        /// New paths by old path.
        "move" pub moves: Vec<(ImagePath, ImagePath)> = required::<Paths<Moves>>(Moves::HELP);
        /// What to do if a path does not exist: report a problem (the default) or ignore it.
        "if-missing" pub if_missing: IfMissing = default::<IfMissing>();
        /// The `created_by` of the history entry.
        "created-by" pub created_by: Option<String> = optional::<Word>();
        is_long: bool = is_long();
    }
    short Short::Map { key: "move", unless: "move" }, "PathMoves", "New paths by old path, or a map of these and of options";
}

impl PathMoves {
    /// Returns the address of the move `index`, given the one of the operation.
    #[must_use]
    pub fn address(&self, operation: Address, index: usize) -> Address {
        if self.is_long {
            operation.key("move").index(index)
        } else {
            operation.index(index)
        }
    }
}

struct Moves;

impl PathMap for Moves {
    type To = ImagePath;

    const NAME: &'static str = "Moves";
    const DESCRIPTION: &'static str = "New paths by old path";
    const HELP: &'static str =
        "write at least one path and its new path, as in `{ /etc/old.conf: /etc/new.conf }`";

    fn check(from: &ImagePath, to: &ImagePath, field: &Field<'_>, problems: &mut Problems) {
        if to == from || is_below(to, from) {
            let message = format!("cannot move `{from}` to `{to}`, which is inside it");
            problems.add(field.problem(Code::InvalidPath, message));
        }
    }
}

fn is_below(path: &ImagePath, directory: &ImagePath) -> bool {
    std::iter::successors(path.parent(), ImagePath::parent).any(|parent| parent == *directory)
}

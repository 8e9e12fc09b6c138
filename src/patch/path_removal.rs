//! `remove-path`: which files of the image are removed.

use serde_json::json;

use crate::image_path::ImagePath;
use crate::problem::{Address, Code};
use crate::shape::{
    Field, IfMissing, NotWith, PATH_KEY, Problems, Requires, Shape, Short, Word, Yes, item_address,
    list, record, shape, too_long,
};

const HELP: &str = "write at least one path or pattern, as in `[/var/cache/*]`";

record! {
    /// Paths, and what to do if one does not exist.
    pub struct PathRemoval("LongPathRemoval") {
        /// The patterns.
        "match" pub patterns: Vec<ImagePath> = required::<PathPatterns>(HELP);
        /// What to do if a pattern matches nothing: report a problem (the default) or ignore it.
        "if-missing" pub if_missing: IfMissing = default::<IfMissing>();
        /// The `created_by` of the history entry.
        "created-by" pub created_by: Option<String> = optional::<Word>();
        /// `true` removes the paths from every layer, so that the archive no longer contains them.
        "purge" pub purges: bool = default::<Yes>();
        /// `true` drops layers that become empty.
        "drop-empty-layers" pub drops_empty_layers: bool = default::<Yes>();
        is_long: bool = is_long();
    }
    short Short::Value("match"), "PathRemoval", "Paths and patterns, or a map of them and of options";
    rule Requires { keys: &["drop-empty-layers"], other: "purge" };
    rule NotWith {
        key: "purge",
        others: &["created-by"],
        case: "if no layer is added",
        help: "the layer keeps its history entry",
    };
}

impl PathRemoval {
    /// Returns the address of the pattern `index`, given the one of the operation.
    #[must_use]
    pub fn pattern_address(&self, operation: Address, index: usize) -> Address {
        item_address(operation, index, self.is_long)
    }
}

shape! {
    /// Paths and patterns
    struct PathPatterns("PathPatterns") -> Vec<ImagePath> {
        list::<PathPattern>,
        |field, problems| {
            let items = field.items(HELP, problems)?;
            let patterns: Vec<Option<ImagePath>> =
                items.iter().map(|item| pattern(item, problems)).collect();
            patterns.into_iter().collect()
        }
    }
}

shape! {
    /// An absolute path without `..`; `*` and `?` match characters of one name, `**` matches any directories
    struct PathPattern("PathPattern") -> ImagePath {
        |_| json!({ "type": "string", "pattern": PATH_KEY }),
        pattern
    }
}

fn pattern(field: &Field<'_>, problems: &mut Problems) -> Option<ImagePath> {
    let path = ImagePath::decode(field, problems)?;
    let too_long = field.node.as_text().and_then(|text| too_long(field, text));
    if let Some(problem) = too_long {
        problems.add(problem);
        return None;
    }
    if path.is_root() {
        let problem = field.problem(Code::InvalidPath, "the root directory cannot be removed");
        problems.add(problem.with_help("`/*` is everything in it"));
        return None;
    }
    Some(path)
}

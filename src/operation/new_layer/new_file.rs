//! Files that a patch brings one by one: written in it, or taken from beside it.

use serde_json::json;

use crate::image_path::ImagePath;
use crate::problem::{Code, quoted};
use crate::shape::{
    Field, Ids, NotWith, Octal, Problems, SourcePath, Text, list, one_of, record, shape,
};

const HELP: &str = "write one of `content`, `from`, `symlink`, `hardlink` and `directory: true`";

record! {
    /// One entry of the layer: one of `content`, `from`, `symlink`, `hardlink` and `directory`.
    pub struct NewFile("NewFile") {
        /// The path in the image; `to` does not apply.
        "path" pub path: ImagePath = required::<ImagePath>("specify the path in the image");
        /// What it is.
        pub content: NewContent = one_of::<NewContent>();
        /// The permissions.
        "mode" pub mode: Option<u32> = optional::<Octal>();
        /// User and group.
        "owner" pub owner: Option<(u32, u32)> = optional::<Ids>();
    }
    rule NotWith {
        key: "symlink",
        others: &["mode"],
        case: "on a link",
        help: "it is that of the link target",
    };
    rule NotWith {
        key: "hardlink",
        others: &["mode", "owner"],
        case: "on a link",
        help: "it is that of the link target",
    };
}

/// What a new file is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NewContent {
    /// A file with this text in it.
    Text(String),
    /// A file with the content of one on the host, whose path is relative to the patch file.
    From(String),
    /// A symbolic link to what is spelled.
    Symlink(String),
    /// Another name of a file in the same layer.
    Hardlink(ImagePath),
    /// A directory.
    Directory,
}

one_of! {
    NewContent, "has no type", "is more than one thing", HELP;
    /// The content of a file.
    "content" Text => NewContent::Text;
    /// The file to take the content from, relative to the patch file.
    "from" SourcePath => NewContent::From;
    /// The target of a symbolic link.
    "symlink" SourcePath => NewContent::Symlink;
    /// The file in this layer that this is a hard link to.
    "hardlink" ImagePath => NewContent::Hardlink;
    /// `true` for a directory; an existing one gets the mode and owner given here.
    "directory" IsDirectory => |()| NewContent::Directory;
}

shape! {
    /// A directory
    struct IsDirectory("IsDirectory") -> () {
        |_| json!({ "enum": [true, "true"] }),
        is_directory
    }
}

shape! {
    /// Files, links and directories
    pub(super) struct NewFiles("NewFiles") -> Vec<NewFile> {
        list::<NewFile>,
        |field, problems| {
            let help = "write at least one file, as in `- { path: /etc/motd, content: \"hello\\n\" }`";
            let items = field.items(help, problems)?;
            let files: Vec<Option<NewFile>> =
                items.iter().map(|item| NewFile::decode(item, problems)).collect();
            files.into_iter().collect()
        }
    }
}

fn is_directory(field: &Field<'_>, problems: &mut Problems) -> Option<()> {
    let text = field.word(problems)?;
    if text != "true" {
        let message = format!("{} is {}", field.name, quoted(text));
        problems.add(field.problem(Code::InvalidValue, message).with_help(HELP));
        return None;
    }
    Some(())
}

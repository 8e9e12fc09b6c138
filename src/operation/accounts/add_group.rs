//! `add-group`: a group, and its members.

use super::words::{AccountId, AccountName, ExistingNames};
use super::{Accounts, GroupHelp};
use crate::edit::files::FileEdits;
use crate::edit::image::EditedImage;
use crate::operation::{Docs, Inverse, Needs, Reach, Room, ValueOf};
use crate::problem::{Code, quoted};
use crate::shape::{Word, record};

const HELP: GroupHelp = GroupHelp {
    other_gid: "write the gid that it has, or another name",
    other_name: "write another gid, or the name that it has",
};

record! {
    /// A group, and users of the image that are in it.
    pub struct AddGroup("AddGroup") {
        /// The name.
        "name" pub name: String = required::<AccountName>("name the group, as in `name: app`");
        /// The number. It must be given, so that the patch makes the same group in every image.
        "gid" pub gid: u32 = required::<AccountId>("write the number of the group, as in `gid: 1000`");
        /// Users that are in it; they must exist.
        "members" pub members: Option<Vec<String>> = optional::<ExistingNames>();
        /// The `created_by` of the history entry.
        "created-by" pub created_by: Option<String> = optional::<Word>();
    }
}

impl Room for AddGroup {
    type Shape = Self;

    const KEY: &'static str = "add-group";

    const DOCS: Docs = Docs {
        does: "Adds a group, and users to it.",
        takes: "`{name: string, gid: number}`, and `members` (users that exist) and `created-by`",
        example: "{ name: app, gid: 7 }",
        before: "layers: [etc/ etc/group(\"a:x:0:\\n\")]",
        after: "layers: [etc/ etc/group(\"a:x:0:\\n\")] [etc/ etc/group(\"a:x:0:\\napp:x:7:\\n\")]",
    };

    const INVERSE: Inverse = Inverse::Never("layers that differ are taken as they are");

    const SAMPLES: &'static [&'static str] = &["{ name: others, gid: 4712 }"];

    fn needs(_: &ValueOf<Self>) -> Needs<'_> {
        Needs::only(Reach::FilesAbove)
    }

    fn plan<'a>(group: &'a ValueOf<Self>, image: &mut EditedImage<'a>) {
        let Some(mut accounts) = Accounts::of(image) else {
            return;
        };
        let address = image.address();
        if accounts.groups.named(&group.name).is_some() {
            let name = quoted(&group.name);
            image
                .state
                .note(format!("the image already has the group {name}"));
        }
        let key = address.clone().key("gid");
        let added = accounts.add_group((&group.name, group.gid), (&key, &HELP), image);
        for (m, member) in group.members.iter().flatten().enumerate() {
            if accounts.users.named(member).is_none() {
                let place = address.clone().key("members").index(m);
                let message = format!("there is no user {} in `/etc/passwd`", quoted(member));
                let help = "`add-user` before this operation adds one";
                image.problem(Code::EditRejected, place, message, help);
            }
            accounts.join(&group.name, member);
        }
        if added.is_some() {
            let created_by = group.created_by.as_deref();
            accounts.save(FileEdits::new(), (created_by, &address), image);
        }
    }
}

//! `add-user`: a user, its group, the groups that it is in, and its home directory.

use super::table::{HOME, ID, NAME, PRIMARY, Row, SHELL};
use super::words::{AccountId, AccountName, AccountPath, ExistingNames};
use super::{Accounts, GroupHelp, GroupName, path_of};
use crate::edit::files::{FileEdit, FileEdits};
use crate::edit::image::EditedImage;
use crate::image_path::ImagePath;
use crate::operation::{Docs, Inverse, Needs, Reach, Room, ValueOf};
use crate::problem::{Address, Code, quoted};
use crate::rootfs::{Resolution, Rootfs};
use crate::shape::{Word, Yes, record};
use crate::tarball::{Entry, Kind};

/// Shells of users that do not log in.
const NO_LOGIN: [&str; 3] = ["/usr/sbin/nologin", "/sbin/nologin", "/bin/false"];

const OWN_GROUP_HELP: GroupHelp = GroupHelp {
    other_gid: "write `gid` with the name of that group to use it",
    other_name: "write `gid` with this number to use that group",
};

record! {
    /// A user, and what belongs to it.
    pub struct AddUser("AddUser") {
        /// The name.
        "name" pub name: String = required::<AccountName>("name the user, as in `name: app`");
        /// The number. It must be given, so that the patch makes the same user in every image.
        "uid" pub uid: u32 = required::<AccountId>("write the number of the user, as in `uid: 1000`");
        /// The primary group, by the name or number of a group of the image. The default is a group with the name and
        /// number of the user, which is added; so is one with this number if there is none.
        "gid" pub gid: Option<GroupName> = optional::<GroupName>();
        /// Other groups that the user is in, by name; they must exist.
        "groups" pub groups: Option<Vec<String>> = optional::<ExistingNames>();
        /// The home directory; the default is `/home/` and the name.
        "home" pub home: Option<ImagePath> = optional::<AccountPath>();
        /// The shell; the default does not let the user log in: `/usr/sbin/nologin`, `/sbin/nologin` or `/bin/false`, whichever
        /// the image has.
        "shell" pub shell: Option<ImagePath> = optional::<AccountPath>();
        /// `true` to make the home directory if there is none: empty, 0755, owned by the user.
        "create-home" pub creates_home: bool = default::<Yes>();
        /// The `created_by` of the history entry.
        "created-by" pub created_by: Option<String> = optional::<Word>();
    }
}

impl Room for AddUser {
    type Shape = Self;

    const KEY: &'static str = "add-user";

    const DOCS: Docs = Docs {
        does: "Adds a user and its group.",
        takes: "`{name: string, uid: number}`, and `gid` (a number or name), `groups`, `home`, `shell`, `create-home` (`true`) and `created-by`",
        example: "{ name: app, uid: 7 }",
        before: "layers: [etc/ etc/group(\"\") etc/passwd(\"\")]",
        after: "layers: [etc/ etc/group(\"\") etc/passwd(\"\")] [etc/ etc/group(\"app:x:7:\\n\") etc/passwd(\"app:x:7:7::/home/app:/sbin/nologin\\n\")]",
    };

    const INVERSE: Inverse = Inverse::Never("layers that differ are taken as they are");

    const SAMPLES: &'static [&'static str] = &[
        "{ name: sample, uid: 4711, gid: 4711, home: /srv/sample, shell: /bin/sh, create-home: true }",
    ];

    fn needs(_: &ValueOf<Self>) -> Needs<'_> {
        Needs::only(Reach::FilesAbove)
    }

    fn plan<'a>(user: &'a ValueOf<Self>, image: &mut EditedImage<'a>) {
        let Some(mut accounts) = Accounts::of(image) else {
            return;
        };
        let entered = user.enter(&mut accounts, image);
        user.join_groups(&mut accounts, image);
        let Some((gid, home)) = entered else {
            return;
        };
        let mut others = FileEdits::new();
        if user.creates_home {
            others.extend(user.make_home(&home, gid, image));
        }
        let address = image.address();
        let created_by = user.created_by.as_deref();
        accounts.save(others, (created_by, &address), image);
    }
}

impl AddUser {
    /// Adds the user, unless the image has it; returns the primary group and the home directory. A clash is told.
    fn enter(
        &self,
        accounts: &mut Accounts,
        image: &mut EditedImage<'_>,
    ) -> Option<(u32, ImagePath)> {
        if let Some(row) = accounts.users.named(&self.name) {
            return self.compare(row, accounts, image);
        }
        if let Some(row) = accounts.users.numbered(self.uid) {
            let (uid, place) = (self.uid, accounts.users.shown(row));
            let message = format!("uid {uid} belongs to user {}: {place}", row.quoted(NAME));
            let address = image.address().key("uid");
            image.problem(Code::EditRejected, address, message, "write another uid");
            return None;
        }
        let gid = self.primary_group(accounts, image)?;
        let home = self.home.clone().unwrap_or_else(|| self.default_home());
        let tree = image.state.tree.as_ref().expect("the tree was read");
        let shell = match &self.shell {
            Some(shell) => shell.to_string(),
            None => no_login(tree).to_owned(),
        };
        if self
            .shell
            .as_ref()
            .is_some_and(|shell| !is_there(tree, shell))
        {
            image.state.note(format!(
                "the image does not have the shell {}",
                quoted(&shell)
            ));
        }
        let rest = format!("{home}:{shell}");
        accounts.add_user(&self.name, (self.uid, gid), &rest, image.around.epoch);
        Some((gid, home))
    }

    fn default_home(&self) -> ImagePath {
        path_of("/home").join(self.name.as_bytes())
    }

    /// Compares the user with that of the image: what the patch says must be so.
    fn compare(
        &self,
        row: Row<'_>,
        accounts: &Accounts,
        image: &mut EditedImage<'_>,
    ) -> Option<(u32, ImagePath)> {
        let gid = match &self.gid {
            Some(GroupName::Name(group)) => Some(existing_group(group, accounts, image)?),
            Some(GroupName::Id(gid)) => Some(*gid),
            None => None,
        };
        let is_path = |field: usize, path: &ImagePath| {
            ImagePath::parse(row.field(field)).as_ref() == Ok(path)
        };
        let path = |key, what, field, path: Option<&ImagePath>| {
            let path = path.filter(|path| !is_path(field, path))?;
            Some((key, what, field, quoted(&path.to_text())))
        };
        let number = |key, field, id: Option<u32>| {
            let id = id.filter(|id| row.number_at(field) != Some(*id))?;
            Some((key, key, field, format!("`{id}`")))
        };
        let primary = row.number_at(PRIMARY);
        let no_primary = ("gid", "gid", PRIMARY, "a number".to_owned());
        let differences = [
            number("uid", ID, Some(self.uid)),
            primary.map_or(Some(no_primary), |_| number("gid", PRIMARY, gid)),
            path("home", "the home directory", HOME, self.home.as_ref()),
            path("shell", "the shell", SHELL, self.shell.as_ref()),
        ];
        let name = quoted(&self.name);
        let mut is_same = true;
        for (key, what, field, wanted) in differences.into_iter().flatten() {
            is_same = false;
            let (found, place) = (row.quoted(field), accounts.users.shown(row));
            let message = format!("user {name} has {what} {found}, not {wanted}: {place}");
            let help = "write what it has, or another name; `set-line` changes the line";
            image.problem(Code::EditRejected, image.address().key(key), message, help);
        }
        if !is_same {
            return None;
        }
        image
            .state
            .note(format!("the image already has the user {name}"));
        let home = ImagePath::parse(row.field(HOME)).unwrap_or_else(|_| ImagePath::root());
        Some((primary?, home))
    }

    /// Returns the number of the primary group, which is added if it is the user's own and there is none.
    fn primary_group(&self, accounts: &mut Accounts, image: &mut EditedImage<'_>) -> Option<u32> {
        let gid = match &self.gid {
            Some(GroupName::Name(group)) => return existing_group(group, accounts, image),
            Some(GroupName::Id(gid)) if accounts.groups.numbered(*gid).is_some() => {
                return Some(*gid);
            }
            Some(GroupName::Id(gid)) => *gid,
            None => self.uid,
        };
        let address = image
            .address()
            .key(if self.gid.is_some() { "gid" } else { "uid" });
        accounts.add_group((&self.name, gid), (&address, &OWN_GROUP_HELP), image)?;
        Some(gid)
    }

    fn join_groups(&self, accounts: &mut Accounts, image: &mut EditedImage<'_>) {
        for (g, group) in self.groups.iter().flatten().enumerate() {
            if accounts.groups.named(group).is_none() {
                let address = image.address().key("groups").index(g);
                no_group(group, address, image);
            }
            accounts.join(group, &self.name);
        }
    }

    /// Returns the home directory as a new directory, unless something is there: what is no directory is a problem.
    fn make_home(
        &self,
        home: &ImagePath,
        gid: u32,
        image: &mut EditedImage<'_>,
    ) -> Option<(ImagePath, FileEdit)> {
        let tree = image.state.tree.as_ref().expect("the tree was read");
        let name = quoted(&home.to_text());
        let Ok(path) = tree.directory_at(home) else {
            let message = format!("{name} is not a directory and cannot become one");
            let address = image.address().key("create-home");
            image.problem(
                Code::LayerConflict,
                address,
                message,
                "write another `home`",
            );
            return None;
        };
        let (uid, gid) = (u64::from(self.uid), u64::from(gid));
        if let Some(node) = tree.get(&path) {
            if (node.uid, node.gid) != (uid, gid) {
                let note = format!(
                    "{name} is there and keeps its owner, {}:{}",
                    node.uid, node.gid
                );
                image.state.note(note);
            }
            return None;
        }
        let entry = image.new_entry(Entry {
            kind: Kind::Directory,
            mode: 0o755,
            uid,
            gid,
            ..Entry::file()
        });
        let new = Some(entry);
        Some((
            path,
            FileEdit {
                new,
                ..FileEdit::default()
            },
        ))
    }
}

fn existing_group(group: &str, accounts: &Accounts, image: &mut EditedImage<'_>) -> Option<u32> {
    let row = accounts.groups.named(group);
    let gid = row.and_then(|row| row.number_at(ID));
    if gid.is_none() {
        let address = image.address().key("gid");
        no_group(group, address, image);
    }
    gid
}

fn no_group(group: &str, address: Address, image: &mut EditedImage<'_>) {
    let message = format!("there is no group {} in `/etc/group`", quoted(group));
    let help = "`add-group` before this operation adds one";
    image.problem(Code::EditRejected, address, message, help);
}

fn no_login(tree: &Rootfs) -> &'static str {
    let found = NO_LOGIN
        .iter()
        .find(|shell| is_there(tree, &path_of(shell)));
    // As in images that have no shell at all, such as those of distroless.
    found.copied().unwrap_or("/sbin/nologin")
}

fn is_there(tree: &Rootfs, path: &ImagePath) -> bool {
    matches!(tree.resolve(path), Resolution::Found { .. })
}

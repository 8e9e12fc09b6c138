//! `add-user` and `add-group`: users and groups, in the files that the C library reads them from.

mod add_group;
mod add_user;
mod table;
mod words;

pub use self::add_group::AddGroup;
pub use self::add_user::AddUser;
pub use self::words::GroupName;

use self::table::{ID, NAME, Table};
use crate::edit::files::{EditTarget, FileEdits};
use crate::edit::image::EditedImage;
use crate::edit::text::TextFile;
use crate::image_path::ImagePath;
use crate::problem::{Address, Code, quoted};
use crate::rootfs::Resolution;
use crate::shape::EditPlace;

const SECONDS_OF_DAY: i64 = 24 * 60 * 60;

/// The users and groups of an image, and what becomes of them.
struct Accounts {
    /// `/etc/passwd`.
    users: Table,
    /// `/etc/group`.
    groups: Table,
    /// `/etc/shadow`, which is never made.
    shadow: Table,
    /// `/etc/gshadow`, likewise.
    gshadow: Table,
}

impl Accounts {
    /// Returns those of an image. Nothing if one of the files is not a text file, which is told, or if nobody has read it yet.
    fn of(image: &mut EditedImage<'_>) -> Option<Self> {
        // All of them are asked for before the first one that is not there ends it.
        let users = public(image, "/etc/passwd");
        let groups = public(image, "/etc/group");
        let shadow = private(image, "/etc/shadow");
        let gshadow = private(image, "/etc/gshadow");
        Some(Self {
            users: users?,
            groups: groups?,
            shadow: shadow?,
            gshadow: gshadow?,
        })
    }

    /// Adds a user. The password is locked. Its age begins with the day that the patch says, as with `useradd`: day 0 would ask
    /// for a new password, so there is none then.
    fn add_user(&mut self, name: &str, (uid, gid): (u32, u32), rest: &str, epoch: i64) {
        self.users.add(name, &format!("x:{uid}:{gid}::{rest}"));
        if self.shadow.named(name).is_none() {
            let day = match epoch.div_euclid(SECONDS_OF_DAY) {
                0 => String::new(),
                day => day.to_string(),
            };
            self.shadow.add(name, &format!("!:{day}:0:99999:7:::"));
        }
    }

    /// Adds a group, unless the image has it; a clash is told, and then nothing is returned.
    fn add_group(
        &mut self,
        (name, gid): (&str, u32),
        (address, help): (&Address, &GroupHelp),
        image: &mut EditedImage<'_>,
    ) -> Option<()> {
        if let Some(row) = self.groups.named(name) {
            if row.number_at(ID) == Some(gid) {
                return Some(());
            }
            let (found, place) = (row.quoted(ID), self.groups.shown(row));
            let message = format!(
                "group {} has gid {found}, not `{gid}`: {place}",
                quoted(name)
            );
            image.problem(Code::EditRejected, address.clone(), message, help.other_gid);
            return None;
        }
        if let Some(row) = self.groups.numbered(gid) {
            let (found, place) = (row.quoted(NAME), self.groups.shown(row));
            let message = format!("gid {gid} belongs to group {found}: {place}");
            image.problem(
                Code::EditRejected,
                address.clone(),
                message,
                help.other_name,
            );
            return None;
        }
        self.groups.add(name, &format!("x:{gid}:"));
        if self.gshadow.named(name).is_none() {
            self.gshadow.add(name, "!::");
        }
        Some(())
    }

    /// Adds a user to a group of the image, unless it is in it.
    fn join(&mut self, group: &str, user: &str) {
        self.groups.add_member(group, user);
        self.gshadow.add_member(group, user);
    }

    /// Puts what has changed into the common new layer, with `others`.
    fn save(
        self,
        others: FileEdits,
        (created_by, address): (Option<&str>, &Address),
        image: &mut EditedImage<'_>,
    ) {
        let tables = [self.users, self.groups, self.shadow, self.gshadow];
        let edits = tables.into_iter().filter_map(Table::edit).collect();
        let target = EditTarget {
            place: EditPlace::NewLayer,
            created_by,
            address,
        };
        image.edit_texts(edits, others, &target);
    }
}

/// What to do about a group that clashes with one of the image.
struct GroupHelp {
    /// The name has another number.
    other_gid: &'static str,
    /// The number has another name.
    other_name: &'static str,
}

/// Reads a file that is made if it is not there.
fn public(image: &mut EditedImage<'_>, path: &str) -> Option<Table> {
    let path = path_of(path);
    let tree = image.state.tree.as_ref().expect("the tree was read");
    let address = image.address();
    let file = match tree.resolve(&path) {
        Resolution::Found { path } => image.text_at(path, &address)?,
        Resolution::Missing { parent, rest } => {
            TextFile::absent(parent.join_all(rest.iter().map(Vec::as_slice)))
        }
        Resolution::Dangling { .. }
        | Resolution::Loop { .. }
        | Resolution::NotADirectory { .. } => {
            let message = format!("{} does not lead to a file", quoted(&path.to_text()));
            let help = "`remove-path` before this operation removes what is in the way";
            image.problem(Code::InvalidPath, address, message, help);
            return None;
        }
    };
    Some(Table::new(Some(file)))
}

/// Reads a file whose lines nobody is shown.
fn private(image: &mut EditedImage<'_>, path: &str) -> Option<Table> {
    let tree = image.state.tree.as_ref().expect("the tree was read");
    let Resolution::Found { path } = tree.resolve(&path_of(path)) else {
        return Some(Table::new(None));
    };
    let address = image.address();
    let file = image.text_at(path, &address)?;
    Some(Table::new(Some(TextFile {
        is_private: true,
        ..file
    })))
}

fn path_of(path: &str) -> ImagePath {
    ImagePath::parse(path).expect("it is absolute")
}

//! Random operations on files.

use proptest::prelude::*;
use proptest::sample::{Index, select};

use super::edit::{Aim, Edit};

fn aim() -> impl Strategy<Value = Aim> {
    prop_oneof![
        3 => any::<Index>().prop_map(Aim::One),
        1 => any::<Index>().prop_map(Aim::Children),
        1 => any::<Index>().prop_map(Aim::Below),
    ]
}

/// Returns operations on single files; those of the first kind may be repeated.
pub(crate) fn setting() -> impl Strategy<Value = Edit> {
    let mode = select(vec![0o600, 0o755, 0o4711]);
    prop_oneof![
        (aim(), mode, any::<bool>()).prop_map(|(aim, mode, within)| Edit::Mode(aim, mode, within)),
        (aim(), 0..3_u32, any::<bool>()).prop_map(|(aim, owner, within)| Edit::Owner(
            aim,
            owner * 1_500_000,
            within
        )),
        (any::<Index>(), 0..3_u8, any::<bool>())
            .prop_map(|(at, n, within)| Edit::Patch(at, n, within)),
    ]
}

pub(crate) fn moving() -> impl Strategy<Value = Edit> {
    prop_oneof![
        2 => (any::<Index>(), any::<Index>(), 0..3_usize).prop_map(|(from, to, n)| Edit::Move(from, to, n)),
        1 => aim().prop_map(Edit::Remove),
    ]
}

pub(crate) fn any_edit() -> impl Strategy<Value = Edit> {
    prop_oneof![
        3 => setting(),
        2 => moving(),
        1 => (any::<Index>(), 0..3_u8).prop_map(|(at, n)| Edit::Write(at, n)),
        1 => Just(Edit::Squash),
        1 => select(vec![0, 5, 1_000_000_000]).prop_map(Edit::Times),
    ]
}

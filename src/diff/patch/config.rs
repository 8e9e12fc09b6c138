//! The operations that turn one configuration into another.

use super::Operations;
use crate::config_field::ConfigField;
use crate::image::Config;
use crate::operation::{ConfigDifference, Inverse, definitions};
use crate::patch::{DraftValue, PatchDraft};

/// Fields of several things, which are changed thing by thing where that leads there, and else as a whole.
pub(super) const COLLECTIONS: [ConfigField; 6] = [
    ConfigField::Labels,
    ConfigField::Env,
    ConfigField::Ports,
    ConfigField::Volumes,
    ConfigField::Onbuild,
    ConfigField::Healthcheck,
];

/// Returns what turns `old` into `new`, as far as there are operations for it; the fields `whole` are made anew.
pub(super) fn operations(old: &Config, new: &Config, whole: &[ConfigField]) -> Operations {
    let mut difference = ConfigDifference {
        old,
        new,
        whole,
        can_say: PatchDraft::can_say,
        unset: Vec::new(),
        operations: Vec::new(),
    };
    for kind in definitions() {
        match kind.inverse {
            Inverse::Config(say) => say(&mut difference),
            Inverse::Field(field) => difference.field(field, kind.name),
            // What the other documents differ in is said where they are compared.
            Inverse::Annotations
            | Inverse::Tags
            | Inverse::Layers
            | Inverse::Unset
            | Inverse::Beside
            | Inverse::Never(_) => {}
        }
    }
    let ConfigDifference {
        unset,
        mut operations,
        ..
    } = difference;
    if !unset.is_empty() {
        let names: Vec<&str> = unset.iter().map(|field| field.name()).collect();
        operations.insert(0, ("unset", DraftValue::texts(&names)));
    }
    operations
}

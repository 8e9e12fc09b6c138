//! Where the environment variables of an image are in its list, by name.

use std::collections::HashMap;

use super::state::ImageState;
use crate::config_field::ConfigField;
use crate::image::ItemId;

/// The items of a list of `NAME=value`.
#[derive(Debug)]
pub(crate) struct Variables {
    ids: HashMap<String, Vec<ItemId>>,
    /// On Windows names differ by more than case.
    is_windows: bool,
}

/// Returns the name of a variable, and its value.
pub(crate) fn parted(item: &str) -> (&str, &str) {
    item.split_once('=').unwrap_or((item, ""))
}

impl Variables {
    fn of(state: &ImageState) -> Self {
        let mut variables = Self {
            ids: HashMap::new(),
            is_windows: state.is_windows(),
        };
        for (id, item) in state.config.items(ConfigField::Env) {
            variables.add(parted(&item).0, id);
        }
        variables
    }

    fn key(&self, name: &str) -> String {
        if self.is_windows {
            name.to_lowercase()
        } else {
            name.to_owned()
        }
    }

    pub(crate) fn add(&mut self, name: &str, id: ItemId) {
        self.ids.entry(self.key(name)).or_default().push(id);
    }

    pub(crate) fn remove(&mut self, name: &str, id: ItemId) {
        if let Some(ids) = self.ids.get_mut(&self.key(name)) {
            ids.retain(|other| *other != id);
        }
    }

    /// Returns the items of a name, in their order.
    pub(crate) fn get(&self, name: &str) -> &[ItemId] {
        self.ids.get(&self.key(name)).map_or(&[], Vec::as_slice)
    }
}

impl ImageState {
    /// Returns where the variables are.
    pub(crate) fn variables(&mut self) -> &mut Variables {
        let is_windows = self.is_windows();
        let known = self.variables.take();
        let known = known.filter(|known| known.is_windows == is_windows);
        let variables = known.unwrap_or_else(|| Variables::of(self));
        self.variables.insert(variables)
    }
}

/// The value that counts: of a name that stands twice, a program sees the last.
pub(crate) fn value(state: &mut ImageState, name: &str) -> Option<String> {
    state.variables();
    known_value(state, name)
}

/// Returns the value that counts, where the variables have been looked up before.
pub(crate) fn known_value(state: &ImageState, name: &str) -> Option<String> {
    let last = *state.variables.as_ref()?.get(name).last()?;
    let item = state.config.item(ConfigField::Env, last)?;
    Some(parted(&item).1.to_owned())
}

//! Paths as a tree of names: whether one lies below another costs a look at each of its names.

use super::children::Children;
use crate::image_path::ImagePath;

/// Paths of which none lies below another.
#[derive(Debug, Clone)]
pub struct PathSet {
    /// By number, the first being the root.
    nodes: Vec<PathNode>,
}

#[derive(Debug, Clone, Default)]
struct PathNode {
    children: Children,
    is_member: bool,
}

impl PathSet {
    /// Returns the topmost of `paths`, in which a directory comes before what is in it.
    pub fn topmost<'a>(paths: impl IntoIterator<Item = &'a ImagePath>) -> Self {
        let mut set = Self {
            nodes: vec![PathNode::default()],
        };
        for path in paths {
            if !set.covers(path) {
                set.insert(path);
            }
        }
        set
    }

    fn insert(&mut self, path: &ImagePath) {
        let mut node = 0;
        for name in path.components() {
            node = self.child(node, name).unwrap_or_else(|| {
                let child = self.nodes.len();
                let id = u32::try_from(child).expect("a tree counts its names in 32 bits");
                self.nodes.push(PathNode::default());
                self.nodes[node].children.insert(name, id);
                child
            });
        }
        self.nodes[node].is_member = true;
    }

    fn child(&self, node: usize, name: &[u8]) -> Option<usize> {
        self.nodes[node].children.get(name).map(|id| id as usize)
    }

    /// Tells whether a path is one of these or lies below one.
    #[must_use]
    pub fn covers(&self, path: &ImagePath) -> bool {
        let mut node = 0;
        let mut names = path.components();
        while !self.nodes[node].is_member {
            match names.next().and_then(|name| self.child(node, name)) {
                Some(child) => node = child,
                None => return false,
            }
        }
        true
    }

    /// Tells whether a path is one of these.
    #[must_use]
    pub fn contains(&self, path: &ImagePath) -> bool {
        let mut names = path.components();
        let node = names.try_fold(0, |node, name| self.child(node, name));
        node.is_some_and(|node| self.nodes[node].is_member)
    }
}

#[cfg(test)]
mod tests {
    use super::PathSet;
    use crate::image_path::ImagePath;

    #[test]
    fn a_path_covers_itself_and_what_is_below() {
        let path = |text: &str| ImagePath::parse(text).unwrap();
        let paths = ["/a-b", "/a/b", "/a/b/c", "/d"].map(path);
        let set = PathSet::topmost(&paths);
        for (asked, is_covered, is_member) in [
            ("/a/b", true, true),
            ("/a/b/c", true, false),
            ("/a/b/c/d", true, false),
            ("/a-b/c", true, false),
            ("/a", false, false),
            ("/a/bc", false, false),
            ("/", false, false),
            ("/d", true, true),
        ] {
            assert_eq!(set.covers(&path(asked)), is_covered, "{asked}");
            assert_eq!(set.contains(&path(asked)), is_member, "{asked}");
        }
        assert!(PathSet::topmost([&ImagePath::root()]).covers(&path("/x")));
    }
}

//! Places in a patch file, by keys and indices: they stay right whatever lines and columns the text has.

use std::ops::Range;

/// A place in a patch file: keys and indices that lead from one of its documents to a node.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Address {
    document: Option<usize>,
    operation: Option<usize>,
    steps: Vec<AddressStep>,
    part: Part,
}

/// One step down from a YAML node.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum AddressStep {
    /// Into the value of this key.
    Key(String),
    /// Into this item of a list, or into the value of this pair of a map.
    Index(usize),
}

/// What is meant at the end of an address.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Part {
    /// The key that leads there.
    Key,
    /// The value found there.
    Value,
    /// A piece of the file's text, where YAML has no node to point at.
    Text(Range<usize>),
}

impl Address {
    /// Returns the address of the file as a whole.
    #[must_use]
    pub fn file() -> Self {
        Self {
            document: None,
            operation: None,
            steps: Vec::new(),
            part: Part::Value,
        }
    }

    /// Returns the address of a piece of the file's text, by bytes.
    #[must_use]
    pub fn text(range: Range<usize>) -> Self {
        Self {
            document: None,
            operation: None,
            steps: Vec::new(),
            part: Part::Text(range),
        }
    }

    /// Returns the address of a document; the first is 0.
    #[must_use]
    pub fn document(document: usize) -> Self {
        Self {
            document: Some(document),
            operation: None,
            steps: Vec::new(),
            part: Part::Value,
        }
    }

    /// Returns the address of a precondition's name; keys and indices below it lead into what it wants.
    #[must_use]
    pub fn expectation(document: usize, expectation: usize) -> Self {
        Self::document(document)
            .key("expect")
            .index(expectation)
            .index(0)
            .on_key()
    }

    /// Returns the address of an operation's name; keys and indices below it lead into what the operation takes.
    #[must_use]
    pub fn operation(document: usize, operation: usize) -> Self {
        Self::document(document)
            .key("operations")
            .index(operation)
            .in_operation(operation)
            .index(0)
            .on_key()
    }

    /// Returns the same address, said to lie in the operation of this index.
    #[must_use]
    pub(crate) fn in_operation(mut self, operation: usize) -> Self {
        self.operation = Some(operation);
        self
    }

    /// Returns the address of the value of `key` below this one.
    #[must_use]
    pub fn key(mut self, key: &str) -> Self {
        self.steps.push(AddressStep::Key(key.to_owned()));
        self.part = Part::Value;
        self
    }

    /// Returns the address of the item `index` below this one; in a map, of the value of that pair.
    #[must_use]
    pub fn index(mut self, index: usize) -> Self {
        self.steps.push(AddressStep::Index(index));
        self.part = Part::Value;
        self
    }

    /// Returns the address of the key that leads here.
    #[must_use]
    pub fn on_key(mut self) -> Self {
        self.part = Part::Key;
        self
    }

    /// Returns the address of the value found here.
    #[must_use]
    pub fn on_value(mut self) -> Self {
        self.part = Part::Value;
        self
    }

    /// Returns the index of the document, unless the file as a whole or a piece of its text is meant.
    #[must_use]
    pub fn document_index(&self) -> Option<usize> {
        self.document
    }

    /// Returns the steps from the document down.
    #[must_use]
    pub fn steps(&self) -> &[AddressStep] {
        &self.steps
    }

    /// Returns what is meant at the end of the steps.
    #[must_use]
    pub fn part(&self) -> &Part {
        &self.part
    }

    /// Returns the index of the operation that this address lies in.
    #[must_use]
    pub fn operation_index(&self) -> Option<usize> {
        self.operation
    }
}

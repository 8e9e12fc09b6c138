//! What a TOML document says, and where.

use std::ops::Range;

use toml_edit::{Document, InlineTable, Item, Key as TomlKey, Table, TableLike, Value};

use crate::document::node::{Key, Kind, Node};
use crate::document::{MAX_VALUES, Refused, line_and_column};

/// Where a value is.
#[derive(Debug)]
pub(super) struct Site {
    pub(super) shape: Shape,
    /// Its key, if it is in a table: the first place where that is written.
    pub(super) key: Range<usize>,
    /// The value, or the header of a table; nothing for tables that have no text of their own.
    pub(super) span: Range<usize>,
    pub(super) children: Vec<Self>,
}

/// How a value is written (TOML 1.0, "Table" and the sections below it).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Shape {
    Scalar,
    Array,
    /// `{ a = 1 }`
    Inline,
    /// A table that only the dotted keys of an inline table make.
    InlineDotted,
    /// The document itself.
    Root,
    /// A table with a header, or an element of an array of tables.
    Section,
    /// A table that only the headers of others name.
    Implicit,
    /// A table that only dotted keys make.
    Dotted,
    /// An array of tables, `[[a]]`.
    Sections,
}

impl Shape {
    /// Tells whether it is one range of the text, behind a key.
    pub(super) fn is_value(self) -> bool {
        matches!(self, Self::Scalar | Self::Array | Self::Inline)
    }
}

pub(super) fn read(text: &str) -> Result<(Node, Site), Refused> {
    let document = Document::parse(text).map_err(|error| {
        let offset = error.span().map_or(text.len(), |span| span.start);
        let place = line_and_column(text, offset);
        let reason = error.message().lines().next().unwrap_or_default();
        Refused::whole(format!("it is not TOML: {place}: {reason}"))
    })?;
    let mut reader = Reader {
        text,
        n_left: MAX_VALUES,
    };
    let table = document.as_table();
    let (kind, children) = reader.pairs(table, table.iter())?;
    let site = Site {
        shape: Shape::Root,
        key: 0..0,
        span: 0..0,
        children,
    };
    Ok((Node::at(0, kind), site))
}

struct Reader<'a> {
    text: &'a str,
    n_left: usize,
}

type Read = (Kind, Shape, Range<usize>, Vec<Site>);

impl Reader<'_> {
    fn pairs<'t>(
        &mut self,
        table: &dyn TableLike,
        pairs: impl Iterator<Item = (&'t str, &'t Item)>,
    ) -> Result<(Kind, Vec<Site>), Refused> {
        let (mut values, mut sites) = (Vec::new(), Vec::new());
        for (name, item) in pairs {
            let (kind, shape, span, children) = self.item(item)?;
            let key = table.key(name).and_then(TomlKey::span).unwrap_or_default();
            values.push((Key::Text(name.to_owned()), Node::at(sites.len(), kind)));
            sites.push(Site {
                shape,
                key,
                span,
                children,
            });
        }
        Ok((Kind::Map(values), sites))
    }

    fn item(&mut self, item: &Item) -> Result<Read, Refused> {
        match item {
            Item::Value(value) => self.value(value),
            Item::Table(table) => self.table(table),
            Item::ArrayOfTables(tables) => {
                let (mut items, mut sites) = (Vec::new(), Vec::new());
                for table in tables {
                    let (kind, shape, span, children) = self.table(table)?;
                    items.push(Node::at(sites.len(), kind));
                    sites.push(Site {
                        shape,
                        key: 0..0,
                        span,
                        children,
                    });
                }
                Ok((Kind::List(items), Shape::Sections, 0..0, sites))
            }
            Item::None => Err(Refused::whole("it is not TOML")),
        }
    }

    fn table(&mut self, table: &Table) -> Result<Read, Refused> {
        self.count()?;
        let (kind, children) = self.pairs(table, table.iter())?;
        let span = table.span().unwrap_or_default();
        let shape = match (table.is_dotted(), table.is_implicit()) {
            (true, _) => Shape::Dotted,
            (false, true) => Shape::Implicit,
            (false, false) => Shape::Section,
        };
        Ok((kind, shape, span, children))
    }

    fn inline(&mut self, table: &InlineTable) -> Result<(Kind, Vec<Site>), Refused> {
        let (mut values, mut sites) = (Vec::new(), Vec::new());
        for (name, value) in table {
            let (kind, shape, span, children) = self.value(value)?;
            let key = table.key(name).and_then(TomlKey::span).unwrap_or_default();
            values.push((Key::Text(name.to_owned()), Node::at(sites.len(), kind)));
            sites.push(Site {
                shape,
                key,
                span,
                children,
            });
        }
        Ok((Kind::Map(values), sites))
    }

    fn value(&mut self, value: &Value) -> Result<Read, Refused> {
        self.count()?;
        let span = value.span().unwrap_or_default();
        let spelled = || self.text[span.clone()].to_owned();
        let (kind, shape, children) = match value {
            Value::String(text) => (Kind::Text(text.value().clone()), Shape::Scalar, Vec::new()),
            Value::Integer(_) | Value::Float(_) => {
                (Kind::Number(spelled()), Shape::Scalar, Vec::new())
            }
            Value::Boolean(value) => (Kind::Bool(*value.value()), Shape::Scalar, Vec::new()),
            Value::Datetime(_) => (Kind::Other(spelled()), Shape::Scalar, Vec::new()),
            Value::Array(array) => {
                let (mut items, mut sites) = (Vec::new(), Vec::new());
                for value in array {
                    let (kind, shape, span, children) = self.value(value)?;
                    items.push(Node::at(sites.len(), kind));
                    sites.push(Site {
                        shape,
                        key: 0..0,
                        span,
                        children,
                    });
                }
                (Kind::List(items), Shape::Array, sites)
            }
            Value::InlineTable(table) => {
                let shape = if table.is_dotted() {
                    Shape::InlineDotted
                } else {
                    Shape::Inline
                };
                let (kind, children) = self.inline(table)?;
                (kind, shape, children)
            }
        };
        Ok((kind, shape, span, children))
    }

    fn count(&mut self) -> Result<(), Refused> {
        self.n_left = self.n_left.checked_sub(1).ok_or_else(Refused::too_many)?;
        Ok(())
    }
}

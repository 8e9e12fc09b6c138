//! What a TOML document says, and where.

use std::ops::Range;

use toml_edit::{Document, Item, Key as TomlKey, Table, TableLike, Value};

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

impl Site {
    fn new(shape: Shape, span: Range<usize>, children: Vec<Self>) -> Self {
        Self {
            shape,
            key: 0..0,
            span,
            children,
        }
    }
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
    let (kind, children) = reader.pairs(document.as_table())?;
    Ok((Node::at(0, kind), Site::new(Shape::Root, 0..0, children)))
}

struct Reader<'a> {
    text: &'a str,
    n_left: usize,
}

impl Reader<'_> {
    fn pairs(&mut self, table: &dyn TableLike) -> Result<(Kind, Vec<Site>), Refused> {
        let (mut values, mut sites) = (Vec::new(), Vec::new());
        for (name, item) in table.iter() {
            let (kind, mut site) = self.item(item)?;
            let key = table.key(name).and_then(TomlKey::span);
            site.key = key.unwrap_or_default();
            values.push((Key::Text(name.to_owned()), Node::at(sites.len(), kind)));
            sites.push(site);
        }
        Ok((Kind::Map(values), sites))
    }

    fn items<T>(
        &mut self,
        items: impl IntoIterator<Item = T>,
        read: impl Fn(&mut Self, T) -> Result<(Kind, Site), Refused>,
    ) -> Result<(Kind, Vec<Site>), Refused> {
        let (mut values, mut sites) = (Vec::new(), Vec::new());
        for item in items {
            let (kind, site) = read(self, item)?;
            values.push(Node::at(sites.len(), kind));
            sites.push(site);
        }
        Ok((Kind::List(values), sites))
    }

    fn item(&mut self, item: &Item) -> Result<(Kind, Site), Refused> {
        match item {
            Item::Value(value) => self.value(value),
            Item::Table(table) => self.table(table),
            Item::ArrayOfTables(tables) => {
                let (kind, children) = self.items(tables, Self::table)?;
                Ok((kind, Site::new(Shape::Sections, 0..0, children)))
            }
            Item::None => Err(Refused::whole("it is not TOML")),
        }
    }

    fn table(&mut self, table: &Table) -> Result<(Kind, Site), Refused> {
        self.count()?;
        let (kind, children) = self.pairs(table)?;
        let shape = match (table.is_dotted(), table.is_implicit()) {
            (true, _) => Shape::Dotted,
            (false, true) => Shape::Implicit,
            (false, false) => Shape::Section,
        };
        let span = table.span().unwrap_or_default();
        Ok((kind, Site::new(shape, span, children)))
    }

    fn value(&mut self, value: &Value) -> Result<(Kind, Site), Refused> {
        self.count()?;
        let span = value.span().unwrap_or_default();
        let spelled = || self.text[span.clone()].to_owned();
        let scalar = |kind| (kind, Shape::Scalar, Vec::new());
        let (kind, shape, children) = match value {
            Value::String(text) => scalar(Kind::Text(text.value().clone())),
            Value::Integer(_) | Value::Float(_) => scalar(Kind::Number(spelled())),
            Value::Boolean(value) => scalar(Kind::Bool(*value.value())),
            Value::Datetime(_) => scalar(Kind::Other(spelled())),
            Value::Array(array) => {
                let (kind, children) = self.items(array, Self::value)?;
                (kind, Shape::Array, children)
            }
            Value::InlineTable(table) => {
                let (kind, children) = self.pairs(table)?;
                let shape = if table.is_dotted() {
                    Shape::InlineDotted
                } else {
                    Shape::Inline
                };
                (kind, shape, children)
            }
        };
        Ok((kind, Site::new(shape, span, children)))
    }

    fn count(&mut self) -> Result<(), Refused> {
        self.n_left = self.n_left.checked_sub(1).ok_or_else(Refused::too_many)?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::{Document, Reader, Refused};

    #[test]
    fn values_are_counted() {
        for (text, n_values) in [
            ("a = [1, 2]", 3),
            ("[a]\nb = 1", 2),
            ("a = { b.c = 1 }", 3),
            ("[[a]]\n[[a]]", 2),
        ] {
            let document = Document::parse(text).unwrap();
            let read = |n_left| {
                Reader { text, n_left }
                    .pairs(document.as_table())
                    .map(|_| ())
            };
            assert_eq!(read(n_values), Ok(()), "{text}");
            assert_eq!(read(n_values - 1), Err(Refused::too_many()), "{text}");
        }
    }
}

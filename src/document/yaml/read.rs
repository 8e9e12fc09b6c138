//! What a YAML document says, and where.

use std::collections::HashSet;
use std::ops::Range;

use granit_parser::{Event, Parser, ScalarStyle, Span, StrInput, StructureStyle, Tag};

use super::scalar::resolve;
use super::site::{Shape, Site};
use crate::document::node::{Key, Kind, Node};
use crate::document::{MAX_DEPTH, MAX_VALUES, Refused, line_and_column};

/// Returns the values of the one document, their places, and the anchors that aliases refer to.
pub(super) fn read(text: &str) -> Result<(Node, (Site, HashSet<usize>)), Refused> {
    let options = granit_parser::options! { emit_anchor_events: true };
    let mut reader = Reader {
        text,
        events: Parser::new_from_str_with_options(text, options),
        n_left: MAX_VALUES,
        depth: 0,
        referred: HashSet::new(),
        pending: None,
    };
    let nothing = Read {
        kind: Kind::Null,
        mark: None,
        site: nothing(text.len()),
    };
    let (mut root, mut n_documents) = (nothing, 0);
    loop {
        match reader.next()?.0 {
            Event::StreamEnd => break,
            Event::DocumentStart(..) => {
                n_documents += 1;
                root = reader.value(text.len())?;
            }
            _ => {}
        }
    }
    if n_documents > 1 {
        let reason = format!("it has {n_documents} documents; this operation edits files with one");
        return Err(Refused::whole(reason));
    }
    let node = Node::marked(0, root.kind, root.mark);
    Ok((node, (root.site, reader.referred)))
}

fn nothing(at: usize) -> Site {
    Site {
        shape: Shape::Nothing,
        key: 0..0,
        start: at,
        end: at,
        anchor: None,
        is_marked: false,
        children: Vec::new(),
    }
}

struct Reader<'a> {
    text: &'a str,
    events: Parser<'a, StrInput<'a>>,
    n_left: usize,
    depth: usize,
    referred: HashSet<usize>,
    pending: Option<(Event<'a>, Range<usize>)>,
}

struct Read {
    kind: Kind,
    /// The anchor and the tag, as spelled.
    mark: Option<Box<str>>,
    site: Site,
}

/// What stands before a value.
#[derive(Default)]
struct Properties {
    anchor: Option<usize>,
    mark: Option<Box<str>>,
}

impl<'a> Reader<'a> {
    fn next(&mut self) -> Result<(Event<'a>, Range<usize>), Refused> {
        if let Some(event) = self.pending.take() {
            return Ok(event);
        }
        match self.events.next_event() {
            Some(Ok((event, span))) => {
                let range = bytes(span);
                let has_place = self.text.get(range.clone()).is_some();
                let place = || Refused::whole("it cannot be edited: a place in it is not known");
                has_place.then_some((event, range)).ok_or_else(place)
            }
            Some(Err(error)) => {
                let offset = error.marker().byte_offset().unwrap_or(self.text.len());
                let place = line_and_column(self.text, offset);
                Err(Refused::whole(format!(
                    "it is not YAML: {place}: {}",
                    error.info()
                )))
            }
            None => Ok((Event::StreamEnd, 0..0)),
        }
    }

    fn properties(&mut self, anchor: usize, tag: Option<&Tag>) -> Result<Properties, Refused> {
        let mut mark = tag.map(Tag::original).unwrap_or_default();
        if anchor != 0 {
            match self.next()? {
                (Event::Anchor(_, name), _) => mark = format!("&{name} {mark}"),
                other => self.pending = Some(other),
            }
        }
        Ok(Properties {
            anchor: (anchor != 0).then_some(anchor),
            mark: (!mark.is_empty()).then(|| mark.into_boxed_str()),
        })
    }

    /// Reads a value that nothing is written of from `after` on, if it is not there.
    fn value(&mut self, after: usize) -> Result<Read, Refused> {
        self.n_left = self.n_left.checked_sub(1).ok_or_else(Refused::too_many)?;
        let (event, range) = self.next()?;
        match event {
            Event::Alias(id) => {
                self.referred.insert(id);
                let kind = Kind::Other(self.text[range.clone()].to_owned());
                let shape = Shape::Scalar(ScalarStyle::Plain);
                Ok(found(kind, shape, range, Properties::default()))
            }
            Event::Scalar(value, style, anchor, tag) => {
                let properties = self.properties(anchor, tag.as_deref())?;
                Ok(self.scalar(&value, style, tag.is_some(), range, after, properties))
            }
            Event::SequenceStart(style, anchor, tag) => {
                let properties = self.properties(anchor, tag.as_deref())?;
                self.list(style, range.start, after, properties)
            }
            Event::MappingStart(style, anchor, tag) => {
                let properties = self.properties(anchor, tag.as_deref())?;
                self.map(style, range.start, properties)
            }
            _ => Err(Refused::whole("it is not YAML")),
        }
    }

    fn scalar(
        &self,
        value: &str,
        style: ScalarStyle,
        is_tagged: bool,
        range: Range<usize>,
        after: usize,
        properties: Properties,
    ) -> Read {
        let is_plain = style == ScalarStyle::Plain;
        let kind = match (is_tagged, is_plain) {
            (true, _) => Kind::Other(format!("!{value}")),
            (false, true) => resolve(value),
            (false, false) => Kind::Text(value.to_owned()),
        };
        match style {
            ScalarStyle::Plain if range.is_empty() => {
                let at = if properties.mark.is_some() {
                    range.start
                } else {
                    after
                };
                found(kind, Shape::Nothing, at..at, properties)
            }
            ScalarStyle::Literal | ScalarStyle::Folded => {
                let place = self.block_scalar(value, range);
                found(kind, Shape::BlockScalar(style), place, properties)
            }
            _ => found(kind, Shape::Scalar(style), range, properties),
        }
    }

    /// Returns a block scalar from its header to its last line.
    fn block_scalar(&self, value: &str, content: Range<usize>) -> Range<usize> {
        let above = self.text[..content.start]
            .rfind('\n')
            .unwrap_or(content.start);
        let (header, header_end) = self.header(above).unwrap_or((content.start, content.start));
        let lines = &self.text[content.clone()];
        let lines = if value.ends_with("\n\n") || value == "\n" {
            // What indents the next line is no part of it.
            let lines = lines.trim_end_matches(' ');
            lines.strip_suffix('\n').unwrap_or(lines)
        } else {
            lines.trim_end_matches(['\n', '\r', ' '])
        };
        let lines = lines.strip_suffix('\r').unwrap_or(lines);
        if lines.is_empty() {
            // What follows may start where its lines would.
            return header..header_end;
        }
        header..content.start + lines.len()
    }

    /// Returns where the header of a block scalar is that has its end at or above `at`, and the end of its line.
    fn header(&self, mut at: usize) -> Option<(usize, usize)> {
        loop {
            let start = self.text[..at].rfind('\n').map_or(0, |before| before + 1);
            let line = self.text[start..at].trim_end_matches('\r');
            let end = start + line.len();
            let line = if line.trim_start().starts_with('#') {
                ""
            } else {
                line.split(" #").next()?
            };
            let header = line
                .trim_end()
                .trim_end_matches(|c: char| c.is_ascii_digit() || matches!(c, '+' | '-'));
            if header.ends_with(['|', '>']) {
                return Some((start + header.len() - 1, end));
            }
            if !line.trim().is_empty() {
                return None;
            }
            at = start.checked_sub(1)?;
        }
    }

    fn enter(&mut self) -> Result<(), Refused> {
        self.depth += 1;
        if self.depth > MAX_DEPTH {
            return Err(Refused::whole(format!(
                "it nests more than {MAX_DEPTH} deep"
            )));
        }
        Ok(())
    }

    fn list(
        &mut self,
        style: StructureStyle,
        start: usize,
        after: usize,
        properties: Properties,
    ) -> Result<Read, Refused> {
        self.enter()?;
        let (mut items, mut sites) = (Vec::new(), Vec::new());
        let mut end = start;
        let mut after = if after <= start { after } else { start };
        loop {
            let (event, range) = self.next()?;
            if event == Event::SequenceEnd {
                end = if style == StructureStyle::Flow {
                    range.end
                } else {
                    end
                };
                break;
            }
            self.pending = Some((event, range.clone()));
            let dash = if style == StructureStyle::Block {
                self.dash(after)
            } else {
                None
            };
            let mut item = self.value(dash.map_or(range.start, |dash| dash + 1))?;
            item.site.key = dash.map_or(0..0, |dash| dash..dash + 1);
            (after, end) = (item.site.end, item.site.end);
            items.push(Node::marked(sites.len(), item.kind, item.mark));
            sites.push(item.site);
        }
        self.depth -= 1;
        let is_flow = style == StructureStyle::Flow;
        let shape = if is_flow {
            Shape::FlowList
        } else {
            Shape::BlockList
        };
        let mut read = found(Kind::List(items), shape, start..end, properties);
        read.site.children = sites;
        Ok(read)
    }

    fn map(
        &mut self,
        style: StructureStyle,
        start: usize,
        properties: Properties,
    ) -> Result<Read, Refused> {
        self.enter()?;
        let (mut pairs, mut sites) = (Vec::new(), Vec::new());
        let mut end = start;
        loop {
            let (event, range) = self.next()?;
            if event == Event::MappingEnd {
                end = if style == StructureStyle::Flow {
                    range.end
                } else {
                    end
                };
                break;
            }
            let is_scalar = matches!(&event, Event::Scalar(_, _, 0, None));
            let name = match &event {
                Event::Scalar(value, ..) if is_scalar => Some(value.clone().into_owned()),
                _ => None,
            };
            self.pending = Some((event, range.clone()));
            let key = self.value(range.start)?;
            let key_range = key.site.start..key.site.end;
            let name = name.map_or_else(
                || Key::Other(self.text[key_range.clone()].to_owned()),
                Key::Text,
            );
            let after_colon = self.after_colon(key_range.end);
            let mut value = self.value(after_colon)?;
            value.site.key = key_range;
            end = value.site.end;
            pairs.push((name, Node::marked(sites.len(), value.kind, value.mark)));
            sites.push(value.site);
        }
        self.depth -= 1;
        let is_flow = style == StructureStyle::Flow;
        let shape = if is_flow {
            Shape::FlowMap
        } else {
            Shape::BlockMap
        };
        let mut read = found(Kind::Map(pairs), shape, start..end, properties);
        read.site.children = sites;
        Ok(read)
    }

    /// Returns the next dash, which only white space, comments and the properties of the list may be before.
    fn dash(&self, from: usize) -> Option<usize> {
        let bytes = self.text.as_bytes();
        let until = |at: usize, is_end: fn(u8) -> bool| {
            bytes[at..]
                .iter()
                .position(|b| is_end(*b))
                .map_or(bytes.len(), |length| at + length)
        };
        let mut at = from;
        loop {
            at = match bytes.get(at)? {
                b' ' | b'\t' | b'\r' | b'\n' => at + 1,
                b'#' => until(at, |b| b == b'\n'),
                b'&' | b'!' => until(at, |b| b.is_ascii_whitespace()),
                b'-' if bytes.get(at + 1).is_none_or(u8::is_ascii_whitespace) => return Some(at),
                _ => return None,
            }
        }
    }

    /// Returns the place behind the colon of a key, or behind the key if there is none on its line.
    fn after_colon(&self, key_end: usize) -> usize {
        let rest = &self.text[key_end..];
        let spaces = rest.len() - rest.trim_start_matches([' ', '\t']).len();
        if rest[spaces..].starts_with(':') {
            key_end + spaces + 1
        } else {
            key_end
        }
    }
}

fn found(kind: Kind, shape: Shape, place: Range<usize>, properties: Properties) -> Read {
    Read {
        kind,
        site: Site {
            shape,
            key: 0..0,
            start: place.start,
            end: place.end,
            anchor: properties.anchor,
            is_marked: properties.mark.is_some(),
            children: Vec::new(),
        },
        mark: properties.mark,
    }
}

/// Returns the bytes of a span; `StrInput` knows them all.
fn bytes(span: Span) -> Range<usize> {
    span.byte_range().unwrap_or(usize::MAX..usize::MAX)
}

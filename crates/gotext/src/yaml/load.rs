//! From YAML text to a tree of nodes, without a meaning yet.

use std::collections::HashMap;

use granit_parser::{Event, Parser, ScalarStyle};
use zeroize::Zeroizing;

use super::error::Error;

/// A node's place in the tree.
pub(super) type NodeId = usize;

/// A document as a tree; aliases point back into it.
pub(super) struct Document {
    nodes: Vec<Node>,
    pub(super) root: NodeId,
}

pub(super) enum Node {
    Scalar(Scalar),
    Sequence(Vec<NodeId>),
    /// Keys and values in turn.
    Mapping(Vec<NodeId>),
    Alias(NodeId),
}

pub(super) struct Scalar {
    pub(super) text: Zeroizing<String>,
    /// The whole tag, such as `tag:yaml.org,2002:int`, or `!`.
    pub(super) tag: Option<String>,
    pub(super) plain: bool,
}

impl Document {
    pub(super) fn node(&self, id: NodeId) -> Option<&Node> {
        self.nodes.get(id)
    }

    /// The first document of a text, or nothing where the text has none.
    pub(super) fn first(text: &str) -> Result<Option<Self>, Error> {
        let mut loader = Loader {
            nodes: Vec::new(),
            open: Vec::new(),
            anchors: HashMap::new(),
        };
        for event in Parser::new_from_str(text) {
            let (event, _) = event.map_err(|error| syntax(&error))?;
            if let Some(root) = loader.take(event)? {
                return Ok(Some(Self {
                    nodes: loader.nodes,
                    root,
                }));
            }
        }
        Ok(None)
    }
}

fn syntax(error: &granit_parser::ScanError) -> Error {
    // The message names a construct and a place; it holds nothing of the text.
    Error::yaml(format!("line {}: {}", error.marker().line(), error.info()))
}

struct Loader {
    nodes: Vec<Node>,
    /// The collections that are not closed yet, with their anchors.
    open: Vec<NodeId>,
    anchors: HashMap<usize, NodeId>,
}

impl Loader {
    /// Takes an event; gives the root once it is complete.
    fn take(&mut self, event: Event<'_>) -> Result<Option<NodeId>, Error> {
        let complete = match event {
            Event::Scalar(text, style, anchor, tag) => {
                let scalar = Scalar {
                    text: Zeroizing::new(text.into_owned()),
                    tag: tag.map(|tag| format!("{}{}", tag.handle(), tag.suffix())),
                    plain: style == ScalarStyle::Plain,
                };
                self.add(Node::Scalar(scalar), anchor)
            }
            Event::SequenceStart(_, anchor, _) => {
                let node = self.add(Node::Sequence(Vec::new()), anchor);
                self.open.push(node);
                return Ok(None);
            }
            Event::MappingStart(_, anchor, _) => {
                let node = self.add(Node::Mapping(Vec::new()), anchor);
                self.open.push(node);
                return Ok(None);
            }
            Event::SequenceEnd | Event::MappingEnd => {
                let node = self.open.pop();
                node.ok_or_else(|| Error::yaml("a collection ends that did not begin"))?
            }
            Event::Alias(anchor) => {
                let target = self.anchors.get(&anchor).copied();
                let target = target.ok_or_else(|| Error::yaml("unknown anchor referenced"))?;
                self.add(Node::Alias(target), 0)
            }
            _ => return Ok(None),
        };
        Ok(self.open.is_empty().then_some(complete))
    }

    /// Adds a node to the tree and to the innermost open collection.
    fn add(&mut self, node: Node, anchor: usize) -> NodeId {
        let id = self.nodes.len();
        self.nodes.push(node);
        if anchor != 0 {
            self.anchors.insert(anchor, id);
        }
        if let Some(Node::Sequence(children) | Node::Mapping(children)) =
            self.open.last().and_then(|open| self.nodes.get_mut(*open))
        {
            children.push(id);
        }
        id
    }
}

//! From tokens to a tree of nodes, without a meaning yet.

mod collection;

use std::collections::HashMap;

use zeroize::Zeroizing;

use super::error::Error;
use super::scan::Scanner;
use super::token::{Kind, Mark};

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
    Alias(NodeId, String),
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
            scanner: Scanner::new(text),
            nodes: Vec::new(),
            anchors: HashMap::new(),
            tags: Vec::new(),
            open: Vec::new(),
        };
        let Some(root) = loader.document()? else {
            return Ok(None);
        };
        Ok(Some(Self {
            nodes: loader.nodes,
            root,
        }))
    }
}

/// Where a node stands, which decides what may begin it.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Context {
    Block,
    /// Also a sequence that is not indented.
    BlockOrIndentless,
    Flow,
}

struct Loader {
    scanner: Scanner,
    nodes: Vec<Node>,
    anchors: HashMap<String, NodeId>,
    /// Handles and prefixes.
    tags: Vec<(String, String)>,
    /// The collections that are not complete, from the outermost in. A stack of its own, so that no text can
    /// exhaust the one of the thread.
    open: Vec<Open>,
}

/// A collection that is not complete.
#[derive(Clone, Copy)]
struct Open {
    id: NodeId,
    state: State,
    start: Mark,
}

/// What a collection waits for.
#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    BlockEntry,
    IndentlessEntry,
    BlockKey,
    BlockValue,
    /// The first entry of a flow sequence, which no comma precedes.
    FirstFlowEntry,
    FlowEntry,
    /// A pair in a flow sequence, which is a mapping of its own.
    PairKey,
    PairValue,
    PairEnd,
    FirstFlowKey,
    FlowKey,
    FlowValue,
    /// The value of a key without a colon.
    NoFlowValue,
}

type Loaded<T = NodeId> = Result<T, Error>;

/// The fault of a token that must not stand at a place.
fn fault(context: Mark, at: Mark, problem: &str) -> Error {
    Error::at_line(if at.line == 0 { context.line } else { at.line }, problem)
}

impl Loader {
    fn see(&mut self, test: impl Fn(&Kind) -> bool) -> Loaded<bool> {
        Ok(test(&self.scanner.peek()?.kind))
    }

    /// Where the next token begins.
    fn place(&mut self) -> Loaded<Mark> {
        Ok(self.scanner.peek()?.start)
    }

    fn skip(&mut self) -> Loaded<Mark> {
        Ok(self.scanner.take()?.start)
    }

    fn add(&mut self, node: Node) -> NodeId {
        self.nodes.push(node);
        self.nodes.len() - 1
    }

    fn empty(&mut self) -> NodeId {
        self.add(Node::Scalar(Scalar {
            text: Zeroizing::default(),
            tag: None,
            plain: true,
        }))
    }

    fn document(&mut self) -> Loaded<Option<NodeId>> {
        if self.see(|kind| *kind == Kind::StreamEnd)? {
            return Ok(None);
        }
        let directives = self.directives()?;
        let explicit = self.see(|kind| *kind == Kind::DocumentStart)?;
        let root = if explicit {
            self.skip()?;
            let none = |kind: &Kind| {
                matches!(
                    kind,
                    Kind::Version(..)
                        | Kind::TagDirective(..)
                        | Kind::DocumentStart
                        | Kind::DocumentEnd
                        | Kind::StreamEnd
                )
            };
            if self.see(none)? {
                self.empty()
            } else {
                self.node(Context::Block)?
            }
        } else if directives {
            let place = self.place()?;
            return Err(fault(
                Mark::default(),
                place,
                "did not find expected <document start>",
            ));
        } else {
            self.node(Context::Block)?
        };
        while let Some(open) = self.open.last() {
            self.step(*open)?;
        }
        // The end of a document shows at the token after it.
        self.scanner.peek()?;
        Ok(Some(root))
    }

    /// Takes the directives at the start; tells whether there are any.
    fn directives(&mut self) -> Loaded<bool> {
        let mut any = false;
        let mut versioned = false;
        while self.see(|kind| matches!(kind, Kind::Version(..) | Kind::TagDirective(..)))? {
            any = true;
            let token = self.scanner.take()?;
            let refuse = |problem| Err(fault(Mark::default(), token.start, problem));
            match token.kind {
                Kind::Version(..) if versioned => return refuse("found duplicate %YAML directive"),
                Kind::Version(major, minor) if (major, minor) != (1, 1) => {
                    return refuse("found incompatible YAML document");
                }
                Kind::TagDirective(handle, prefix) => {
                    if self.tags.iter().any(|(known, _)| *known == handle) {
                        return refuse("found duplicate %TAG directive");
                    }
                    self.tags.push((handle, prefix));
                }
                _ => versioned = true,
            }
        }
        for (handle, prefix) in [("!", "!"), ("!!", "tag:yaml.org,2002:")] {
            if !self.tags.iter().any(|(known, _)| known == handle) {
                self.tags.push((handle.to_owned(), prefix.to_owned()));
            }
        }
        Ok(any)
    }

    /// Adds the node that begins here; a collection is left open.
    fn node(&mut self, context: Context) -> Loaded {
        if self.see(|kind| matches!(kind, Kind::Alias(_)))? {
            return self.alias();
        }
        let start = self.place()?;
        let (anchor, tag) = self.properties(start)?;
        let block = context != Context::Flow;
        let place = self.place()?;
        let kind = self.scanner.peek()?.kind.clone_indicator();
        match kind {
            Some(Kind::BlockEntry) if context == Context::BlockOrIndentless => {
                self.collection(anchor, Node::Sequence(Vec::new()), State::IndentlessEntry)
            }
            None => {
                let token = self.scanner.take()?;
                let Kind::Scalar(text, plain) = token.kind else {
                    return Err(fault(start, place, ""));
                };
                let id = self.add(Node::Scalar(Scalar { text, tag, plain }));
                Ok(self.anchored(anchor, id))
            }
            Some(Kind::FlowSequenceStart) => {
                self.collection(anchor, Node::Sequence(Vec::new()), State::FirstFlowEntry)
            }
            Some(Kind::FlowMappingStart) => {
                self.collection(anchor, Node::Mapping(Vec::new()), State::FirstFlowKey)
            }
            Some(Kind::BlockSequenceStart) if block => {
                self.collection(anchor, Node::Sequence(Vec::new()), State::BlockEntry)
            }
            Some(Kind::BlockMappingStart) if block => {
                self.collection(anchor, Node::Mapping(Vec::new()), State::BlockKey)
            }
            _ if anchor.is_some() || tag.is_some() => {
                let plain = tag.is_none();
                let id = self.add(Node::Scalar(Scalar {
                    text: Zeroizing::default(),
                    tag,
                    plain,
                }));
                Ok(self.anchored(anchor, id))
            }
            _ => Err(fault(start, place, "did not find expected node content")),
        }
    }

    fn alias(&mut self) -> Loaded {
        let token = self.scanner.take()?;
        let Kind::Alias(name) = token.kind else {
            return Ok(self.empty());
        };
        match self.anchors.get(&name) {
            Some(target) => {
                let target = *target;
                Ok(self.add(Node::Alias(target, name)))
            }
            None => Err(Error::yaml(format!("unknown anchor '{name}' referenced"))),
        }
    }

    fn anchored(&mut self, anchor: Option<String>, id: NodeId) -> NodeId {
        if let Some(anchor) = anchor {
            self.anchors.insert(anchor, id);
        }
        id
    }

    /// The anchor and the tag before a node, in either order.
    fn properties(&mut self, start: Mark) -> Loaded<(Option<String>, Option<String>)> {
        let (mut anchor, mut tag) = (None, None);
        for _ in 0..2 {
            let first_anchor = anchor.is_none();
            let first_tag = tag.is_none();
            let more = |kind: &Kind| match kind {
                Kind::Anchor(_) => first_anchor,
                Kind::Tag(..) => first_tag,
                _ => false,
            };
            if !self.see(more)? {
                break;
            }
            let token = self.scanner.take()?;
            match token.kind {
                Kind::Anchor(name) => anchor = Some(name),
                Kind::Tag(handle, suffix) => tag = Some((handle, suffix, token.start)),
                _ => {}
            }
        }
        let Some((handle, suffix, mark)) = tag else {
            return Ok((anchor, None));
        };
        if handle.is_empty() {
            return Ok((anchor, Some(suffix)));
        }
        match self.tags.iter().find(|(known, _)| *known == handle) {
            Some((_, prefix)) => Ok((anchor, Some(format!("{prefix}{suffix}")))),
            None => Err(fault(start, mark, "found undefined tag handle")),
        }
    }
}

impl Kind {
    /// The kind of a token without text; nothing for a scalar.
    fn clone_indicator(&self) -> Option<Self> {
        if let Self::Scalar(..) = self {
            None
        } else {
            Some(self.clone())
        }
    }
}

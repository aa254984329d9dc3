//! Sequences and mappings, part by part.

use super::{Context, Error, Loaded, Loader, Node, Open, State, fault};
use crate::json::MAX_DEPTH;
use crate::yaml::token::Kind;

impl Loader {
    /// Adds a collection and opens it. All but a sequence without indentation have a token that begins them.
    pub(super) fn collection(&mut self, anchor: Option<String>, node: Node, state: State) -> Loaded {
        if self.open.len() >= MAX_DEPTH {
            return Err(Error::yaml("exceeded max depth"));
        }
        let id = self.add(node);
        let id = self.anchored(anchor, id);
        let start = if state == State::IndentlessEntry {
            self.place()?
        } else {
            self.skip()?
        };
        self.open.push(Open { id, state, start });
        Ok(id)
    }

    /// Adds a child to a collection, which then waits for what follows.
    fn child(&mut self, open: Open, next: State, child: Option<Context>) -> Loaded<()> {
        if let Some(open) = self.open.last_mut() {
            open.state = next;
        }
        let child = match child {
            Some(context) => self.node(context)?,
            None => self.empty(),
        };
        if let Some(Node::Sequence(children) | Node::Mapping(children)) = self.nodes.get_mut(open.id) {
            children.push(child);
        }
        Ok(())
    }

    /// Takes an optional value: nothing unless a colon is here and something follows it.
    fn value(&mut self, open: Open, next: State, context: Context, none: fn(&Kind) -> bool) -> Loaded<()> {
        let mut child = None;
        if self.see(|kind| *kind == Kind::Value)? {
            self.skip()?;
            child = (!self.see(none)?).then_some(context);
        }
        self.child(open, next, child)
    }

    fn close(&mut self) -> Loaded<()> {
        self.skip()?;
        self.open.pop();
        Ok(())
    }

    /// Takes the next part of the innermost open collection.
    pub(super) fn step(&mut self, open: Open) -> Loaded<()> {
        match open.state {
            State::BlockEntry => self.block_entry(open),
            State::IndentlessEntry => self.indentless_entry(open),
            State::BlockKey => self.block_key(open),
            State::BlockValue => self.value(
                open,
                State::BlockKey,
                Context::BlockOrIndentless,
                ends_block_value,
            ),
            State::FirstFlowEntry | State::FlowEntry => self.flow_entry(open),
            State::PairKey => {
                let missing = self.see(|kind| *kind == Kind::Value || ends_pair(kind))?;
                if missing {
                    // The token after a missing key is lost, as in the Go library.
                    self.skip()?;
                }
                self.child(open, State::PairValue, (!missing).then_some(Context::Flow))
            }
            State::PairValue => self.value(open, State::PairEnd, Context::Flow, ends_pair),
            State::PairEnd => {
                self.open.pop();
                Ok(())
            }
            State::FirstFlowKey | State::FlowKey => self.flow_key(open),
            State::FlowValue => self.value(open, State::FlowKey, Context::Flow, ends_flow_value),
            State::NoFlowValue => self.child(open, State::FlowKey, None),
        }
    }

    fn block_entry(&mut self, open: Open) -> Loaded<()> {
        let place = self.place()?;
        if self.see(|kind| *kind == Kind::BlockEnd)? {
            return self.close();
        }
        if !self.see(|kind| *kind == Kind::BlockEntry)? {
            return Err(fault(open.start, place, "did not find expected '-' indicator"));
        }
        self.skip()?;
        let empty = self.see(|kind| matches!(kind, Kind::BlockEntry | Kind::BlockEnd))?;
        self.child(open, State::BlockEntry, (!empty).then_some(Context::Block))
    }

    fn indentless_entry(&mut self, open: Open) -> Loaded<()> {
        if !self.see(|kind| *kind == Kind::BlockEntry)? {
            self.open.pop();
            return Ok(());
        }
        self.skip()?;
        let empty = self.see(|kind| *kind == Kind::BlockEntry || ends_block_value(kind))?;
        self.child(open, State::IndentlessEntry, (!empty).then_some(Context::Block))
    }

    fn block_key(&mut self, open: Open) -> Loaded<()> {
        let place = self.place()?;
        if self.see(|kind| *kind == Kind::BlockEnd)? {
            return self.close();
        }
        if !self.see(|kind| *kind == Kind::Key)? {
            return Err(fault(open.start, place, "did not find expected key"));
        }
        self.skip()?;
        let empty = self.see(ends_block_value)?;
        self.child(
            open,
            State::BlockValue,
            (!empty).then_some(Context::BlockOrIndentless),
        )
    }

    /// Moves past the comma before all entries but the first, unless the collection ends here.
    fn comma(&mut self, open: Open, first: State, end: &Kind, problem: &str) -> Loaded<()> {
        if open.state == first || self.see(|kind| kind == end)? {
            return Ok(());
        }
        let place = self.place()?;
        if !self.see(|kind| *kind == Kind::FlowEntry)? {
            return Err(fault(open.start, place, problem));
        }
        self.skip()?;
        Ok(())
    }

    fn flow_entry(&mut self, open: Open) -> Loaded<()> {
        let end = Kind::FlowSequenceEnd;
        self.comma(
            open,
            State::FirstFlowEntry,
            &end,
            "did not find expected ',' or ']'",
        )?;
        if self.see(|kind| *kind == end)? {
            return self.close();
        }
        if !self.see(|kind| *kind == Kind::Key)? {
            return self.child(open, State::FlowEntry, Some(Context::Flow));
        }
        if let Some(open) = self.open.last_mut() {
            open.state = State::FlowEntry;
        }
        let pair = self.collection(None, Node::Mapping(Vec::new()), State::PairKey)?;
        if let Some(Node::Sequence(children)) = self.nodes.get_mut(open.id) {
            children.push(pair);
        }
        Ok(())
    }

    fn flow_key(&mut self, open: Open) -> Loaded<()> {
        let end = Kind::FlowMappingEnd;
        self.comma(
            open,
            State::FirstFlowKey,
            &end,
            "did not find expected ',' or '}'",
        )?;
        if self.see(|kind| *kind == end)? {
            return self.close();
        }
        if !self.see(|kind| *kind == Kind::Key)? {
            return self.child(open, State::NoFlowValue, Some(Context::Flow));
        }
        self.skip()?;
        let empty = self.see(|kind| *kind == Kind::Value || ends_flow_value(kind))?;
        self.child(open, State::FlowValue, (!empty).then_some(Context::Flow))
    }
}

fn ends_block_value(kind: &Kind) -> bool {
    matches!(kind, Kind::Key | Kind::Value | Kind::BlockEnd)
}

fn ends_pair(kind: &Kind) -> bool {
    matches!(kind, Kind::FlowEntry | Kind::FlowSequenceEnd)
}

fn ends_flow_value(kind: &Kind) -> bool {
    matches!(kind, Kind::FlowEntry | Kind::FlowMappingEnd)
}

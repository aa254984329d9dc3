//! The tokens YAML text is made of.

use std::collections::VecDeque;

use zeroize::Zeroizing;

/// A place in the text; all counts begin at zero.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Mark {
    pub(super) index: usize,
    pub(super) line: usize,
    pub(super) column: usize,
}

pub(super) struct Token {
    pub(super) kind: Kind,
    /// Where it begins.
    pub(super) start: Mark,
}

#[derive(Clone, PartialEq, Eq)]
pub(super) enum Kind {
    StreamEnd,
    /// The numbers of `%YAML`.
    Version(u8, u8),
    /// The handle and prefix of `%TAG`.
    TagDirective(String, String),
    DocumentStart,
    DocumentEnd,
    BlockSequenceStart,
    BlockMappingStart,
    BlockEnd,
    FlowSequenceStart,
    FlowSequenceEnd,
    FlowMappingStart,
    FlowMappingEnd,
    BlockEntry,
    FlowEntry,
    Key,
    Value,
    Alias(String),
    Anchor(String),
    /// The handle and suffix of a tag; a tag without handle is whole.
    Tag(String, String),
    /// A text and whether it is plain.
    Scalar(Zeroizing<String>, bool),
}

/// The tokens that were scanned and not taken yet.
#[derive(Default)]
pub(super) struct Queue {
    tokens: VecDeque<Token>,
    /// How many were taken.
    taken: usize,
}

impl Queue {
    /// The number the next token to be pushed gets.
    pub(super) fn next_number(&self) -> usize {
        self.taken + self.tokens.len()
    }

    /// The number of the token at the head.
    pub(super) fn head_number(&self) -> usize {
        self.taken
    }

    pub(super) fn head(&self) -> Option<&Token> {
        self.tokens.front()
    }

    pub(super) fn take(&mut self) -> Option<Token> {
        let token = self.tokens.pop_front();
        self.taken += usize::from(token.is_some());
        token
    }

    pub(super) fn push(&mut self, token: Token) {
        self.tokens.push_back(token);
    }

    /// Puts a token before the one with a number; at the end where that was taken, as `yaml.v2` does.
    pub(super) fn insert(&mut self, number: usize, token: Token) {
        let last = self.tokens.len();
        let at = number.checked_sub(self.taken).map_or(last, |at| at.min(last));
        self.tokens.insert(at, token);
    }
}

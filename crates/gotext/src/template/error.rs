//! The errors of parsing and executing, each in two forms.
//!
//! The full form is Go's text, for a developer's own machine: it can quote the template and the data. The redacted
//! form is for logs, events and status: it names template, line, column and node but never data, and nothing of
//! the template's text where that came from a Secret. `Display` and `Debug` give the stricter redacted form, so
//! that no `{error}` can leak.

use std::borrow::Cow;
use std::fmt;

use super::limits::Limit;
use super::text::Text;
use super::types::Type;
use crate::strconv;

/// Where a template's text came from; decides what the redacted form may show of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TemplateOrigin {
    /// A manifest or `ConfigMap`: its text is no secret.
    Manifest,
    /// A Secret: neither its text nor the names in it may be shown.
    Secret,
}

/// Why a template could not be parsed.
#[derive(Clone, PartialEq, Eq)]
pub struct ParseError {
    name: Text,
    line: u32,
    message: Text,
    limit: Option<Limit>,
}

impl ParseError {
    pub(super) fn new(name: &Text, line: u32, message: Text) -> Self {
        Self {
            name: name.clone(),
            line,
            message,
            limit: None,
        }
    }

    pub(super) fn limit(name: &Text, line: u32, limit: Limit) -> Self {
        Self {
            name: name.clone(),
            line,
            message: Text::from(limit.to_string()),
            limit: Some(limit),
        }
    }

    /// The line, from 1.
    pub fn line(&self) -> u32 {
        self.line
    }

    /// The bound that was reached, if that was the reason.
    pub fn reached(&self) -> Option<Limit> {
        self.limit
    }

    /// Go's text: `template: NAME:LINE: …`.
    pub fn full(&self) -> Text {
        let lead = [b"template: ", &*self.name, format!(":{}: ", self.line).as_bytes()].concat();
        Text::from([&lead, &*self.message].concat())
    }

    /// A text without data. Parse errors quote the template only, so the one of a manifest is shown in full.
    pub fn redacted(&self, origin: TemplateOrigin) -> String {
        match origin {
            TemplateOrigin::Manifest => self.full().to_lossy().into_owned(),
            TemplateOrigin::Secret => match self.limit {
                Some(limit) => format!("template: line {}: {limit}", self.line),
                None => format!("template: line {}: syntax error", self.line),
            },
        }
    }
}

impl fmt::Display for ParseError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.redacted(TemplateOrigin::Secret))
    }
}

impl fmt::Debug for ParseError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ParseError({self})")
    }
}

impl std::error::Error for ParseError {}

/// What went wrong, told without data and without template text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reason {
    /// A map has no entry for the key (and `missingkey=error` holds), or there is no data at all.
    MissingKey,
    /// A field was asked of nil.
    NilField,
    /// A field was asked of a type that has none of that name.
    NoSuchField,
    /// A value has the wrong type for a parameter; the type found is absent for nil.
    WrongType(Type, Option<Type>),
    /// A function got the wrong number of arguments.
    ArgumentCount,
    /// Arguments were given to something that takes none.
    NotAFunction,
    /// A function reported an error.
    FunctionFailed,
    /// A value cannot be ranged over.
    NotIterable,
    /// A value cannot be printed.
    NotPrintable,
    /// A template of that name is not defined.
    UndefinedTemplate,
    /// A variable is assigned to before it is declared.
    UndefinedVariable,
    /// A constant does not fit.
    BadConstant,
    /// A bound was reached.
    Limit(Limit),
}

impl Reason {
    fn text(self) -> Cow<'static, str> {
        Cow::Borrowed(match self {
            Self::MissingKey => "map has no entry for the key",
            Self::NilField => "field of nil",
            Self::NoSuchField => "no such field",
            Self::WrongType(want, Some(got)) => {
                return Cow::Owned(format!("wrong type for value; expected {want}; got {got}"));
            }
            Self::WrongType(want, None) => return Cow::Owned(format!("invalid value; expected {want}")),
            Self::ArgumentCount => "wrong number of arguments",
            Self::NotAFunction => "arguments given to something that is not a function",
            Self::FunctionFailed => "the function returned an error",
            Self::NotIterable => "range can't iterate over the value",
            Self::NotPrintable => "the value can't be printed",
            Self::UndefinedTemplate => "template not defined",
            Self::UndefinedVariable => "undefined variable",
            Self::BadConstant => "constant does not fit",
            Self::Limit(limit) => return Cow::Owned(limit.to_string()),
        })
    }
}

/// Why a template could not be executed.
#[derive(Clone, PartialEq, Eq)]
pub struct ExecError(Box<Failure>);

/// What an [`ExecError`] tells.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct Failure {
    pub(super) name: Text,
    /// The template that was executing: the main one or a defined one.
    pub(super) template: Text,
    pub(super) line: u32,
    pub(super) column: u32,
    pub(super) node: Text,
    pub(super) message: Text,
    pub(super) reason: Reason,
}

impl From<Failure> for ExecError {
    fn from(failure: Failure) -> Self {
        Self(Box::new(failure))
    }
}

impl ExecError {
    /// The line, from 1.
    pub fn line(&self) -> u32 {
        self.0.line
    }

    /// The byte offset in the line, from 0.
    pub fn column(&self) -> u32 {
        self.0.column
    }

    /// What went wrong, without data.
    pub fn reason(&self) -> Reason {
        self.0.reason
    }

    /// The bound that was reached, if that was the reason.
    pub fn reached(&self) -> Option<Limit> {
        match self.0.reason {
            Reason::Limit(limit) => Some(limit),
            _ => None,
        }
    }

    /// Go's text: `template: NAME:LINE:COLUMN: executing "TEMPLATE" at <NODE>: …`. It may quote data.
    pub fn full(&self) -> Text {
        let lead = self.lead();
        Text::from([&lead, &*self.0.message].concat())
    }

    /// A text without data.
    pub fn redacted(&self, origin: TemplateOrigin) -> String {
        let reason = self.0.reason.text();
        match origin {
            TemplateOrigin::Manifest => format!("{}{reason}", String::from_utf8_lossy(&self.lead())),
            TemplateOrigin::Secret => {
                format!(
                    "template: line {}, column {}: {reason}",
                    self.0.line, self.0.column
                )
            }
        }
    }

    fn lead(&self) -> Vec<u8> {
        let position = format!(":{}:{}: executing ", self.0.line, self.0.column);
        let template = strconv::quote(&self.0.template);
        let mut lead = [
            b"template: ",
            &*self.0.name,
            position.as_bytes(),
            template.as_bytes(),
        ]
        .concat();
        // Where a bound is met in plain text there is no node to show.
        if !self.0.node.is_empty() {
            lead.extend([b" at <", &*self.0.node, b">"].concat());
        }
        lead.extend(b": ");
        lead
    }
}

impl fmt::Display for ExecError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.redacted(TemplateOrigin::Secret))
    }
}

impl fmt::Debug for ExecError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ExecError({self})")
    }
}

impl std::error::Error for ExecError {}

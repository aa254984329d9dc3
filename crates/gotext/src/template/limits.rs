//! Bounds on what one execution may use. Go has none; a controller that renders other people's templates needs
//! them.

use std::fmt;
use std::time::Duration;

/// Bounds of one parse or execution. The defaults are far above what real secrets need: a Kubernetes Secret holds
/// 1 MiB at most.
#[derive(Clone, Debug)]
pub struct Limits {
    /// Steps: nodes evaluated, loop rounds, and what functions charge. Default 10 million.
    pub steps: u64,
    /// Bytes of output. Default 4 MiB.
    pub output_bytes: usize,
    /// Bytes of one string or JSON/YAML text that a function makes. Default 4 MiB.
    pub string_bytes: usize,
    /// Items of one list or map that a function makes. Default 200 000.
    pub items: usize,
    /// Bytes that all functions together may make in one execution. Default 64 MiB.
    pub total_bytes: usize,
    /// Depth of lists and maps inside each other, when one is walked. Default 200.
    pub value_depth: usize,
    /// Depth of blocks and parentheses in a template's text, which take stack. Default 100.
    pub nesting: usize,
    /// Depth of `{{template}}` calls, which take no stack here. Default 100 000, as Go has it.
    pub template_depth: usize,
    /// Bytes of template text. Default 1 MiB.
    pub template_bytes: usize,
    /// Time for one execution, measured by the injected clock. Default 10 s.
    pub time: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            steps: 10_000_000,
            output_bytes: 4 << 20,
            string_bytes: 4 << 20,
            items: 200_000,
            total_bytes: 64 << 20,
            value_depth: 200,
            nesting: 100,
            template_depth: 100_000,
            template_bytes: 1 << 20,
            time: Duration::from_secs(10),
        }
    }
}

/// The bound that was reached. `Display` says which, and never quotes data.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Limit {
    /// See [`Limits::steps`].
    Steps,
    /// See [`Limits::output_bytes`].
    OutputBytes,
    /// See [`Limits::string_bytes`].
    StringBytes,
    /// See [`Limits::items`].
    Items,
    /// See [`Limits::total_bytes`].
    TotalBytes,
    /// See [`Limits::value_depth`].
    ValueDepth,
    /// See [`Limits::nesting`].
    Nesting,
    /// See [`Limits::template_depth`].
    TemplateDepth,
    /// See [`Limits::template_bytes`].
    TemplateBytes,
    /// See [`Limits::time`].
    Time,
}

impl fmt::Display for Limit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Steps => "limit exceeded: steps",
            Self::OutputBytes => "limit exceeded: output bytes",
            Self::StringBytes => "limit exceeded: bytes of one string",
            Self::Items => "limit exceeded: items of one list or map",
            Self::TotalBytes => "limit exceeded: bytes made by functions",
            Self::ValueDepth => "limit exceeded: depth of nested values",
            Self::Nesting => "limit exceeded: nesting of the template text",
            Self::TemplateDepth => "limit exceeded: depth of template calls",
            Self::TemplateBytes => "limit exceeded: bytes of template text",
            Self::Time => "limit exceeded: time",
        })
    }
}

impl std::error::Error for Limit {}

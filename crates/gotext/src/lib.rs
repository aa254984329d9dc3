//! What Go programs parse and print, byte for byte: for programs in Rust that take over files written for programs in Go.
//!
//! Templates are the largest part ([`template`], with the functions in [`functions`]); the other modules are the
//! languages that stand in such files beside them. All of it works on bytes, is bounded in time and memory, does no
//! I/O, and has two texts for an error: Go's own, which may quote data, and one that never does.

pub mod cron;
pub mod duration;
pub mod functions;
pub mod gjson;
pub mod json;
pub mod regexp;
pub mod strconv;
pub mod template;
mod unicode;
pub mod yaml;

#[cfg(doctest)]
#[doc = include_str!("../README.md")]
mod readme {}

//! What Go programs parse and print.

pub mod duration;
pub mod strconv;
pub mod template;

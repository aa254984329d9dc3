//! What Go programs parse and print.

pub mod strconv;

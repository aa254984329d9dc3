//! What Go programs parse and print.

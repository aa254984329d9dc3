//! keyferry
fn main() {}

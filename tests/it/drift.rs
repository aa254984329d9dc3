//! Targets that somebody else changed: what is repaired, when, and that no value is read for it.

mod contest;
mod edits;
mod unread;
mod witness;

//! What Go programs parse and print.

pub mod cron;
pub mod duration;
pub mod functions;
pub mod gjson;
pub mod json;
pub mod regexp;
pub mod strconv;
pub mod template;
pub mod yaml;

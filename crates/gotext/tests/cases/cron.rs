use gotext::cron::Schedule;
use jiff::Timestamp;
use serde_json::Value;

use crate::row::{Failure, Row, expect};

pub(crate) fn run(row: &Row) -> Result<(), Failure> {
    let schedule = match (Schedule::parse(row.text("expr")?), row.get("err")) {
        (Ok(schedule), None) => schedule,
        (Err(_), Some(_)) => return Ok(()),
        (Ok(_), Some(wanted)) => return Err(Failure::new(wanted, "no error")),
        (Err(error), None) => return Err(Failure::new("no error", error)),
    };
    let mut at: Timestamp = row
        .text("from")?
        .parse()
        .map_err(|error| Failure::new("a time in from", error))?;
    let mut times = Vec::new();
    let wanted = row.value("next")?;
    while times.len() < wanted.as_array().map_or(0, Vec::len) {
        at = schedule.next(at).ok_or_else(|| Failure::new(wanted, "no time"))?;
        times.push(Value::from(at.to_string()));
    }
    expect(wanted, &Value::from(times))
}

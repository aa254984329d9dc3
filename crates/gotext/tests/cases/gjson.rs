use gotext::gjson::{Kind, get, valid};

use crate::row::{Failure, Row, expect};

pub(crate) fn run(row: &Row) -> Result<(), Failure> {
    let json = row.text("json")?.as_bytes();
    let found = get(json, row.text("path")?).map_err(|error| Failure::new("a result", error))?;
    let kind = match found.kind() {
        Kind::Null => "Null",
        Kind::False => "False",
        Kind::Number => "Number",
        Kind::String => "String",
        Kind::True => "True",
        Kind::Json => "JSON",
    };
    let (raw, text) = (found.raw(), found.to_bytes());
    expect(&(row.flag("exists")?, row.text("type")?), &(found.exists(), kind))?;
    expect(row.text("raw")?, &String::from_utf8_lossy(raw))?;
    expect(row.text("str")?, &String::from_utf8_lossy(&text))?;
    expect(&row.flag("valid")?, &valid(json))
}

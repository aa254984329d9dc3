//! `time.Time` and `*time.Location` as templates see them: methods, text, JSON.

use std::any::Any;

use super::format::{self, DEFAULT, RFC3339_NANO};
use super::time::Time;
use super::zone::Zone;
use crate::template::{
    Args, Context, FuncError, IntKind, List, Method, Object, Signature, Text, Type, UintKind, Value,
};

/// Go's name of the type.
pub(in super::super) const TIME: Type = Type::Object("time.Time");
const LOCATION: Type = Type::Object("*time.Location");
const MONTH: Type = Type::Int(IntKind::Month);
const WEEKDAY: Type = Type::Int(IntKind::Weekday);

impl Object for Time {
    fn type_name(&self) -> &'static str {
        "time.Time"
    }

    fn string(&self) -> Option<Text> {
        Some(format::format(self, DEFAULT).into())
    }

    fn go_string(&self) -> Option<Text> {
        Some(format::go_string(self).into())
    }

    /// Unexported, so that their names can only be told apart from names that are none.
    fn fields(&self) -> Vec<(&'static str, Value)> {
        vec![
            (
                "wall",
                Value::Uint(UintKind::Uint64, self.nanoseconds.unsigned_abs()),
            ),
            ("ext", Value::int64(self.seconds)),
            (
                "loc",
                // UTC is the zone of a time that has none.
                Value::object(Location((self.zone != Zone::Utc).then(|| self.zone.clone()))),
            ),
        ]
    }

    fn methods(&self) -> &'static [Method] {
        METHODS
    }

    fn json(&self) -> Option<Result<Text, FuncError>> {
        Some(match strict(self) {
            Ok(text) => Ok([b"\"", text.as_slice(), b"\""].concat().into()),
            Err(error) => Err(FuncError::new(format!(
                "json: error calling MarshalJSON for type time.Time: Time.MarshalJSON: {error}"
            ))),
        })
    }

    fn equals(&self, other: &dyn Object) -> bool {
        other
            .as_any()
            .downcast_ref()
            .is_some_and(|other| self.same(other))
    }

    fn as_any(&self) -> &dyn Any {
        self
    }
}

/// A Go `*time.Location`, which templates can only print and hand to `In`; none is the nil pointer.
pub(super) struct Location(Option<Zone>);

impl Object for Location {
    fn type_name(&self) -> &'static str {
        "*time.Location"
    }

    fn string(&self) -> Option<Text> {
        self.0.as_ref().map(|zone| zone.name().into())
    }

    /// Unexported. Those of a zone without changes, as UTC is.
    fn fields(&self) -> Vec<(&'static str, Value)> {
        let name = self.0.as_ref().map(Zone::name).unwrap_or_default();
        vec![
            ("name", Value::from(name)),
            ("zone", Value::List(List::nil(&Type::Object("time.zone")))),
            ("tx", Value::List(List::nil(&Type::Object("time.zoneTrans")))),
            ("extend", Value::EMPTY),
            ("cacheStart", Value::int64(0)),
            ("cacheEnd", Value::int64(0)),
            ("cacheZone", Value::object(NoZone)),
        ]
    }

    fn is_nil(&self) -> bool {
        self.0.is_none()
    }

    fn methods(&self) -> &'static [Method] {
        LOCATION_METHODS
    }

    fn equals(&self, other: &dyn Object) -> bool {
        other
            .as_any()
            .downcast_ref()
            .is_some_and(|other: &Self| self.0 == other.0)
    }

    fn as_any(&self) -> &dyn Any {
        self
    }
}

/// The nil pointer in a zone that has looked nothing up.
struct NoZone;

impl Object for NoZone {
    fn type_name(&self) -> &'static str {
        "*time.zone"
    }

    fn is_nil(&self) -> bool {
        true
    }

    fn equals(&self, _: &dyn Object) -> bool {
        true
    }

    fn as_any(&self) -> &dyn Any {
        self
    }
}

/// What `deepCopy` makes of a zone: Go's copy leaves out the unexported fields, the name among them. `None` for other
/// objects.
pub(in super::super) fn copied(object: &dyn Object) -> Option<Value> {
    let nameless = Zone::Fixed {
        name: "".into(),
        offset: 0,
    };
    let location: &Location = object.as_any().downcast_ref()?;
    Some(Value::object(Location(location.0.is_some().then_some(nameless))))
}

type Call = fn(&Time, &mut Context<'_>, Args<'_>) -> Result<Value, FuncError>;

/// Declares methods of [`Time`] whose bodies get the time itself, and those with more results than templates can take.
macro_rules! methods {
    ($($name:literal ($($param:expr),*) -> $result:expr, $call:expr;)* $(uncallable $multi:literal $results:literal $last:expr;)*) => {
        &[$(Method {
            name: $multi,
            signature: Signature::fixed(&[], $last),
            results: $results,
            call: |_, _, _| Ok(Value::Nil),
        },)* $(Method {
            name: $name,
            signature: Signature::fixed(&[$($param),*], $result),
            results: 0,
            call: |object, context, args| {
                const CALL: Call = $call;
                match object.as_any().downcast_ref() {
                    Some(time) => CALL(time, context, args),
                    None => Ok(Value::Nil),
                }
            },
        },)*]
    };
}

const METHODS: &[Method] = methods! {
        "Year"() -> Type::INT, |time, _, _| Ok(Value::int(time.civil().year));
        "Month"() -> MONTH, |time, _, _| Ok(Value::Int(IntKind::Month, time.civil().month));
        "Day"() -> Type::INT, |time, _, _| Ok(Value::int(time.civil().day));
        "Weekday"() -> WEEKDAY, |time, _, _| Ok(Value::Int(IntKind::Weekday, time.civil().weekday));
        "YearDay"() -> Type::INT, |time, _, _| Ok(Value::int(time.civil().year_day));
        "Hour"() -> Type::INT, |time, _, _| Ok(Value::int(time.civil().hour));
        "Minute"() -> Type::INT, |time, _, _| Ok(Value::int(time.civil().minute));
        "Second"() -> Type::INT, |time, _, _| Ok(Value::int(time.civil().second));
        "Nanosecond"() -> Type::INT, |time, _, _| Ok(Value::int(time.nanoseconds));
        "Unix"() -> Type::INT64, |time, _, _| Ok(Value::int64(time.to_unix()));
        "UnixMilli"() -> Type::INT64, |time, _, _| Ok(Value::int64(time.to_unix_units(1_000)));
        "UnixMicro"() -> Type::INT64, |time, _, _| Ok(Value::int64(time.to_unix_units(1_000_000)));
        "UnixNano"() -> Type::INT64, |time, _, _| Ok(Value::int64(time.to_unix_units(1_000_000_000)));
        "IsZero"() -> Type::Bool, |time, _, _| Ok(Value::Bool(time.instant() == (0, 0)));
        "IsDST"() -> Type::Bool, |time, _, _| Ok(Value::Bool(time.zone.is_dst(time.seconds)));
        "UTC"() -> TIME, |time, _, _| Ok(Value::object(time.in_zone(Zone::Utc)));
        "Local"() -> TIME, |time, _, _| Ok(Value::object(time.in_zone(Zone::Local)));
        "Location"() -> LOCATION, |time, _, _| Ok(Value::object(Location(Some(time.zone.clone()))));
        "In"(LOCATION) -> TIME, |time, _, args| match args.object(0) {
            Some(Location(Some(zone))) => Ok(Value::object(time.in_zone(zone.clone()))),
            _ => Err(FuncError::new("time: missing Location in call to Time.In")),
        };
        "String"() -> Type::String, |time, context, _| formatted(time, context, DEFAULT);
        "GoString"() -> Type::String, |time, _, _| Ok(Value::string(format::go_string(time)));
        "Format"(Type::String) -> Type::String, |time, context, args| formatted(time, context, args.bytes(0));
        "AppendFormat"(Type::BYTES, Type::String) -> Type::BYTES, |time, context, args| {
            let layout = args.bytes(1);
            context.charge_bytes(args.bytes(0).len().saturating_add(layout.len().saturating_mul(5)))?;
            Ok(appended(args, &format::format(time, layout)))
        };
        "Add"(Type::DURATION) -> TIME, |time, _, args| Ok(Value::object(time.add(args.int(0))));
        "Sub"(TIME) -> Type::DURATION, |time, _, args| {
            Ok(Value::Int(IntKind::Duration, time.since(other(args))))
        };
        "AddDate"(Type::INT, Type::INT, Type::INT) -> TIME, |time, _, args| {
            Ok(Value::object(time.add_date(args.int(0), args.int(1), args.int(2))))
        };
        "Truncate"(Type::DURATION) -> TIME, |time, _, args| {
            Ok(Value::object(time.rounded(args.int(0), false)))
        };
        "Round"(Type::DURATION) -> TIME, |time, _, args| Ok(Value::object(time.rounded(args.int(0), true)));
        "After"(TIME) -> Type::Bool, |time, _, args| Ok(Value::Bool(time.instant() > other(args).instant()));
        "Before"(TIME) -> Type::Bool, |time, _, args| Ok(Value::Bool(time.instant() < other(args).instant()));
        "Equal"(TIME) -> Type::Bool, |time, _, args| Ok(Value::Bool(time.instant() == other(args).instant()));
        "Compare"(TIME) -> Type::INT, |time, _, args| {
            Ok(Value::int(time.instant().cmp(&other(args).instant()) as i64))
        };
        "MarshalJSON"() -> Type::BYTES, |time, _, _| {
            let text = strict(time).map_err(|error| FuncError::new(format!("Time.MarshalJSON: {error}")))?;
            Ok(Value::Bytes([b"\"", text.as_slice(), b"\""].concat().into()))
        };
        "MarshalText"() -> Type::BYTES, |time, _, _| {
            let text = strict(time).map_err(|error| FuncError::new(format!("Time.MarshalText: {error}")))?;
            Ok(Value::Bytes(text.into()))
        };
        "AppendText"(Type::BYTES) -> Type::BYTES, |time, context, args| {
            context.charge_bytes(args.bytes(0).len())?;
            let text = strict(time).map_err(|error| FuncError::new(format!("Time.AppendText: {error}")))?;
            Ok(appended(args, &text))
        };
        "MarshalBinary"() -> Type::BYTES, |time, _, _| Ok(Value::Bytes(binary(time)?.into()));
        "GobEncode"() -> Type::BYTES, |time, _, _| Ok(Value::Bytes(binary(time)?.into()));
        "AppendBinary"(Type::BYTES) -> Type::BYTES, |time, context, args| {
            context.charge_bytes(args.bytes(0).len())?;
            Ok(appended(args, &binary(time)?))
        };
        uncallable "Date" 3 Type::INT;
        uncallable "Clock" 3 Type::INT;
        uncallable "ISOWeek" 2 Type::INT;
        uncallable "Zone" 2 Type::INT;
        uncallable "ZoneBounds" 2 TIME;
};

const LOCATION_METHODS: &[Method] = &[Method {
    name: "String",
    signature: Signature::fixed(&[], Type::String),
    results: 0,
    call: |object, _, _| Ok(object.string().map_or(Value::EMPTY, Value::String)),
}];

/// The `time.Time` argument of a method.
fn other(args: Args<'_>) -> &Time {
    args.object(0).unwrap_or(&Time::ZERO)
}

fn formatted(time: &Time, context: &mut Context<'_>, layout: &[u8]) -> Result<Value, FuncError> {
    // No element of a layout prints more than about five times its own length.
    context.charge_bytes(layout.len().saturating_mul(5))?;
    Ok(Value::string(format::format(time, layout)))
}

/// Go's `append` to the first argument, which stays nil if nothing comes to it.
fn appended(args: Args<'_>, more: &[u8]) -> Value {
    match args.value(0) {
        Value::Bytes(bytes) => Value::Bytes([bytes, more].concat().into()),
        nil if more.is_empty() => nil.clone(),
        _ => Value::Bytes(more.into()),
    }
}

/// RFC 3339, or why its text would be none.
fn strict(time: &Time) -> Result<Vec<u8>, &'static str> {
    if !(0..=9999).contains(&time.civil().year) {
        return Err("year outside of range [0,9999]");
    }
    if time.zone.at(time.seconds).1.abs() >= 24 * 3600 {
        return Err("timezone hour outside of range [0,23]");
    }
    Ok(format::format(time, RFC3339_NANO))
}

/// `Time.MarshalBinary`: a version, seconds, nanoseconds, and the zone's offset in minutes, where -1 is UTC and a second
/// version has the seconds that are left.
fn binary(time: &Time) -> Result<Vec<u8>, FuncError> {
    let offset = time.zone.at(time.seconds).1;
    let (minutes, seconds) = match time.zone {
        Zone::Utc => (-1, 0),
        _ => (offset / 60, offset % 60),
    };
    let minutes = i16::try_from(minutes)
        .ok()
        .filter(|minutes| *minutes != -1 || time.zone == Zone::Utc)
        .ok_or_else(|| FuncError::new("Time.MarshalBinary: unexpected zone offset"))?;
    let mut out = vec![if seconds == 0 { 1 } else { 2 }];
    out.extend(time.seconds.to_be_bytes());
    out.extend(i32::try_from(time.nanoseconds).unwrap_or(0).to_be_bytes());
    out.extend(minutes.to_be_bytes());
    out.extend(
        i8::try_from(seconds)
            .ok()
            .filter(|n| *n != 0)
            .map(i8::cast_unsigned),
    );
    Ok(out)
}

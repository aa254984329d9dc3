//! `Time.Format`: a time in the form of a reference layout.

use super::civil::Civil;
use super::layout::{self, Element, OffsetForm};
use super::time::Time;
use super::zone::Zone;

pub(super) const MONTHS: [&str; 12] = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
];

pub(super) const WEEKDAYS: [&str; 7] = [
    "Sunday",
    "Monday",
    "Tuesday",
    "Wednesday",
    "Thursday",
    "Friday",
    "Saturday",
];

/// `time.RFC3339Nano`, the form of JSON.
pub(super) const RFC3339_NANO: &[u8] = b"2006-01-02T15:04:05.999999999Z07:00";

/// The layout of `Time.String`.
pub(super) const DEFAULT: &[u8] = b"2006-01-02 15:04:05.999999999 -0700 MST";

/// Writes `time` in the form of `layout`.
pub(super) fn format(time: &Time, mut layout: &[u8]) -> Vec<u8> {
    let (abbreviation, offset) = time.zone.at(time.seconds);
    let civil = time.civil();
    let mut out = Vec::with_capacity(layout.len() + 10);
    loop {
        let piece = layout::next(layout);
        out.extend_from_slice(piece.literal);
        let Some((element, _)) = piece.element else {
            return out;
        };
        match element {
            Element::ZoneName if abbreviation.is_empty() => {
                let plain = OffsetForm {
                    z: false,
                    minutes: true,
                    seconds: false,
                    colons: false,
                };
                push_offset(&mut out, offset, plain);
            }
            Element::ZoneName => out.extend_from_slice(abbreviation.as_bytes()),
            Element::Offset(form) => push_offset(&mut out, offset, form),
            Element::Fraction {
                digits,
                separator,
                trimmed,
            } => push_fraction(&mut out, time.nanoseconds, digits, separator, trimmed),
            _ => push_civil(&mut out, &civil, element),
        }
        layout = piece.rest;
    }
}

/// `Time.GoString`: the time as Go source.
pub(super) fn go_string(time: &Time) -> String {
    let civil = time.civil();
    let month = usize::try_from(civil.month - 1)
        .ok()
        .and_then(|at| MONTHS.get(at));
    let zone = match &time.zone {
        Zone::Utc => "time.UTC".to_owned(),
        Zone::Local => "time.Local".to_owned(),
        zone => format!("time.Location({})", crate::strconv::quote(zone.name().as_bytes())),
    };
    format!(
        "time.Date({}, time.{}, {}, {}, {}, {}, {}, {zone})",
        civil.year,
        month.copied().unwrap_or_default(),
        civil.day,
        civil.hour,
        civil.minute,
        civil.second,
        time.nanoseconds,
    )
}

fn push_civil(out: &mut Vec<u8>, civil: &Civil, element: Element) {
    let name = |names: &[&'static str], at: i64| {
        usize::try_from(at)
            .ok()
            .and_then(|at| names.get(at).copied())
            .unwrap_or("")
    };
    let short = |name: &'static str| name.get(..3).unwrap_or(name);
    let hour12 = if civil.hour % 12 == 0 { 12 } else { civil.hour % 12 };
    let afternoon = civil.hour >= 12;
    let text = match element {
        Element::Year => number(civil.year.unsigned_abs().cast_signed() % 100, 2),
        Element::LongYear => number(civil.year, 4),
        Element::Month => short(name(&MONTHS, civil.month - 1)).to_owned(),
        Element::LongMonth => name(&MONTHS, civil.month - 1).to_owned(),
        Element::NumericMonth => number(civil.month, 0),
        Element::ZeroMonth => number(civil.month, 2),
        Element::Weekday => short(name(&WEEKDAYS, civil.weekday)).to_owned(),
        Element::LongWeekday => name(&WEEKDAYS, civil.weekday).to_owned(),
        Element::Day => number(civil.day, 0),
        Element::UnderDay => format!("{:2}", civil.day),
        Element::ZeroDay => number(civil.day, 2),
        Element::UnderYearDay => format!("{:3}", civil.year_day),
        Element::ZeroYearDay => number(civil.year_day, 3),
        Element::Hour => number(civil.hour, 2),
        Element::Hour12 => number(hour12, 0),
        Element::ZeroHour12 => number(hour12, 2),
        Element::Minute => number(civil.minute, 0),
        Element::ZeroMinute => number(civil.minute, 2),
        Element::Second => number(civil.second, 0),
        Element::ZeroSecond => number(civil.second, 2),
        Element::UpperHalf => if afternoon { "PM" } else { "AM" }.to_owned(),
        Element::LowerHalf => if afternoon { "pm" } else { "am" }.to_owned(),
        Element::ZoneName | Element::Offset(_) | Element::Fraction { .. } => return,
    };
    out.extend_from_slice(text.as_bytes());
}

/// Digits padded with zeros to `width`; the sign is not counted.
fn number(n: i64, width: usize) -> String {
    let sign = if n < 0 { "-" } else { "" };
    format!("{sign}{:0width$}", n.unsigned_abs())
}

fn push_offset(out: &mut Vec<u8>, offset: i64, form: OffsetForm) {
    if form.z && offset == 0 {
        out.push(b'Z');
        return;
    }
    // The sign is that of the whole minutes, as in Go.
    let minutes = offset / 60;
    let colon = if form.colons { ":" } else { "" };
    let mut parts = vec![minutes.abs() / 60];
    if form.minutes {
        parts.push(minutes.abs() % 60);
    }
    if form.seconds {
        parts.push(if minutes < 0 { -offset } else { offset } % 60);
    }
    let parts: Vec<String> = parts.into_iter().map(|part| number(part, 2)).collect();
    let sign = if minutes < 0 { "-" } else { "+" };
    let text = [sign, &parts.join(colon)].concat();
    out.extend_from_slice(text.as_bytes());
}

fn push_fraction(out: &mut Vec<u8>, nanoseconds: i64, digits: usize, separator: u8, trimmed: bool) {
    let text = format!("{nanoseconds:09}");
    // More than nine digits are asked for: Go stops at nine.
    let shown = text.get(..digits.min(9)).unwrap_or(&text);
    let shown = if trimmed {
        shown.trim_end_matches('0')
    } else {
        shown
    };
    if !shown.is_empty() {
        out.push(separator);
        out.extend_from_slice(shown.as_bytes());
    }
}

#[cfg(test)]
mod tests {
    use super::super::civil;
    use super::*;

    fn leap_day() -> Time {
        Time::utc(civil::seconds(2024, 2, 29, 13, 4, 5), 60_000_000)
    }

    #[test]
    fn a_time_as_source_names_its_zone() {
        let berlin = Zone::load(b"Europe/Berlin").unwrap();
        for (zone, want) in [
            (Zone::Utc, "13, 4, 5, 60000000, time.UTC)"),
            (Zone::Local, "13, 4, 5, 60000000, time.Local)"),
            (berlin, r#"14, 4, 5, 60000000, time.Location("Europe/Berlin"))"#),
        ] {
            assert_eq!(
                go_string(&leap_day().in_zone(zone)),
                format!("time.Date(2024, time.February, 29, {want}")
            );
        }
    }

    #[test]
    fn every_element_prints_as_in_go() {
        let time = leap_day().in_zone(Zone::Fixed {
            name: "".into(),
            offset: -(3 * 3600 + 1800 + 15),
        });
        for (layout, want) in [
            ("Monday Mon January Jan 1 01", "Thursday Thu February Feb 2 02"),
            ("2 _2 02 __2 002", "29 29 29  60 060"),
            (
                "2006 06 15 3 03 4 04 5 05 PM pm",
                "2024 24 09 9 09 33 33 50 50 AM am",
            ),
            (
                "-0700 -07:00 -07 -070000 -07:00:00",
                "-0330 -03:30 -03 -033015 -03:30:15",
            ),
            ("Z0700 Z07:00 MST", "-0330 -03:30 -0330"),
            (".000 ,99 .999999999999 .0", ".060 ,06 .06 .0"),
        ] {
            assert_eq!(
                String::from_utf8(format(&time, layout.as_bytes())).unwrap(),
                want,
                "{layout}"
            );
        }
    }

    #[test]
    fn utc_prints_as_z_where_the_layout_asks_for_it() {
        assert_eq!(format(&leap_day(), b"Z07:00 -07:00 MST"), b"Z +00:00 UTC");
        assert_eq!(format(&leap_day(), DEFAULT), b"2024-02-29 13:04:05.06 +0000 UTC");
    }

    #[test]
    fn years_before_1_and_after_9999_print_in_full() {
        let early = Time::utc(civil::seconds(-5, 1, 2, 0, 0, 0), 0);
        assert_eq!(format(&early, b"2006 06"), b"-0005 05");
        let late = Time::utc(civil::seconds(12_345, 1, 2, 0, 0, 0), 0);
        assert_eq!(format(&late, b"2006"), b"12345");
    }
}

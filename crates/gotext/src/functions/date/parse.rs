//! `time.ParseInLocation` in the local zone: reading a time in the form of a reference layout.

mod scan;

use super::civil::{self, days_before_month, days_in, is_leap};
use super::format::{MONTHS, WEEKDAYS};
use super::layout::{self, Element};
use super::time::Time;
use super::zone::Zone;
use crate::duration::quote;
use scan::{
    Failure, Read, digits, fraction, in_range, name, offset, signed, take, up_to_three_digits, year,
    zone_length,
};

/// What the text said, as far as it was read.
#[derive(Default)]
struct Fields {
    year: i64,
    month: Option<i64>,
    day: Option<i64>,
    year_day: Option<i64>,
    hour: i64,
    minute: i64,
    second: i64,
    nanoseconds: i64,
    morning: bool,
    afternoon: bool,
    utc: bool,
    offset: Option<i64>,
    zone_name: Option<Vec<u8>>,
}

/// Reads `value`; the error is Go's text, which quotes the value.
pub(super) fn parse(layout: &[u8], value: &[u8]) -> Result<Time, String> {
    let mut fields = Fields::default();
    let mut layout_rest = layout;
    let mut rest = value;
    let invalid = |message: &str| format!("parsing time {}{message}", quote(value));
    let mismatch = |wanted: &[u8], found: &[u8]| {
        invalid(&format!(
            " as {}: cannot parse {} as {}",
            quote(layout),
            quote(found),
            quote(wanted)
        ))
    };
    loop {
        let piece = layout::next(layout_rest);
        skip(&mut rest, piece.literal).map_err(|found| mismatch(piece.literal, found))?;
        let Some((element, text)) = piece.element else {
            if !rest.is_empty() {
                return Err(invalid(&format!(": extra text: {}", quote(rest))));
            }
            break;
        };
        layout_rest = piece.rest;
        let before = rest;
        fields
            .read(element, layout_rest, &mut rest)
            .map_err(|failure| match failure {
                Failure::Mismatch => mismatch(text, before),
                Failure::Range(part) => invalid(&format!(": {part} out of range")),
            })?;
    }
    fields.into_time().map_err(invalid)
}

/// Removes `literal` from the front of `rest`; runs of spaces match runs of spaces. Gives what stood there instead.
fn skip<'a>(rest: &mut &'a [u8], mut literal: &[u8]) -> Result<(), &'a [u8]> {
    while let Some((wanted, after)) = literal.split_first() {
        if *wanted == b' ' {
            if rest.first().is_some_and(|found| *found != b' ') {
                return Err(rest);
            }
            literal = literal.trim_prefix_spaces();
            *rest = rest.trim_prefix_spaces();
            continue;
        }
        *rest = rest.strip_prefix(&[*wanted]).ok_or(*rest)?;
        literal = after;
    }
    Ok(())
}

trait Spaces {
    fn trim_prefix_spaces(&self) -> &Self;
}

impl Spaces for [u8] {
    fn trim_prefix_spaces(&self) -> &Self {
        let spaces = self.iter().take_while(|byte| **byte == b' ').count();
        self.get(spaces..).unwrap_or_default()
    }
}

impl Fields {
    fn read(&mut self, element: Element, layout_rest: &[u8], rest: &mut &[u8]) -> Read<()> {
        match element {
            Element::LongYear | Element::Year => self.year = year(rest, element == Element::LongYear)?,
            Element::Month | Element::LongMonth => {
                self.month = Some(name(rest, &MONTHS, element == Element::LongMonth)? + 1);
            }
            Element::Weekday | Element::LongWeekday => {
                name(rest, &WEEKDAYS, element == Element::LongWeekday)?;
            }
            Element::NumericMonth | Element::ZeroMonth => {
                let month = digits(rest, element == Element::ZeroMonth)?;
                self.month = Some(in_range(month, 1..=12, "month")?);
            }
            Element::Day | Element::UnderDay | Element::ZeroDay => {
                if element == Element::UnderDay {
                    *rest = rest.strip_prefix(b" ").unwrap_or(rest);
                }
                self.day = Some(digits(rest, element == Element::ZeroDay)?);
            }
            Element::UnderYearDay | Element::ZeroYearDay => {
                for _ in 0..2 {
                    if element == Element::UnderYearDay {
                        *rest = rest.strip_prefix(b" ").unwrap_or(rest);
                    }
                }
                self.year_day = Some(up_to_three_digits(rest, element == Element::ZeroYearDay)?);
            }
            Element::Hour => self.hour = in_range(digits(rest, false)?, 0..=23, "hour")?,
            Element::Hour12 | Element::ZeroHour12 => {
                let hour = digits(rest, element == Element::ZeroHour12)?;
                self.hour = in_range(hour, 0..=12, "hour")?;
            }
            Element::Minute | Element::ZeroMinute => {
                let minute = digits(rest, element == Element::ZeroMinute)?;
                self.minute = in_range(minute, 0..=59, "minute")?;
            }
            Element::Second | Element::ZeroSecond => {
                let second = digits(rest, element == Element::ZeroSecond)?;
                self.second = in_range(second, 0..=59, "second")?;
                self.unasked_fraction(layout_rest, rest)?;
            }
            Element::UpperHalf => self.half_day(rest, *b"AM", *b"PM")?,
            Element::LowerHalf => self.half_day(rest, *b"am", *b"pm")?,
            Element::ZoneName => self.zone(rest)?,
            Element::Offset(form) if form.z && rest.starts_with(b"Z") => {
                *rest = rest.get(1..).unwrap_or_default();
                self.utc = true;
            }
            Element::Offset(form) => self.offset = Some(offset(rest, form)?),
            Element::Fraction {
                trimmed: false,
                digits,
                ..
            } => {
                self.nanoseconds = fraction(rest, 1 + digits)?;
            }
            Element::Fraction { .. } => self.optional_fraction(rest)?,
        }
        Ok(())
    }

    /// Text may have a fraction of a second where the layout has none.
    fn unasked_fraction(&mut self, layout_rest: &[u8], rest: &mut &[u8]) -> Read<()> {
        let next = layout::next(layout_rest).element.map(|(element, _)| element);
        if matches!(next, Some(Element::Fraction { .. })) {
            return Ok(());
        }
        self.optional_fraction(rest)
    }

    fn optional_fraction(&mut self, rest: &mut &[u8]) -> Read<()> {
        if let [b'.' | b',', first, ..] = rest
            && first.is_ascii_digit()
        {
            let length = 1 + rest
                .iter()
                .skip(1)
                .take_while(|byte| byte.is_ascii_digit())
                .count();
            self.nanoseconds = fraction(rest, length)?;
        }
        Ok(())
    }

    fn half_day(&mut self, rest: &mut &[u8], am: [u8; 2], pm: [u8; 2]) -> Read<()> {
        let half = take(rest, 2)?;
        if half == pm {
            self.afternoon = true;
        } else if half == am {
            self.morning = true;
        } else {
            return Err(Failure::Mismatch);
        }
        Ok(())
    }

    fn zone(&mut self, rest: &mut &[u8]) -> Read<()> {
        if let Some(after) = rest.strip_prefix(b"UTC") {
            *rest = after;
            self.utc = true;
            return Ok(());
        }
        let length = zone_length(rest).ok_or(Failure::Mismatch)?;
        self.zone_name = Some(take(rest, length)?.to_vec());
        Ok(())
    }

    fn into_time(mut self) -> Result<Time, &'static str> {
        if self.afternoon && self.hour < 12 {
            self.hour += 12;
        } else if self.morning && self.hour == 12 {
            self.hour = 0;
        }
        if let Some(year_day) = self.year_day {
            let (month, day) = month_and_day(year_day, self.year).ok_or(": day-of-year out of range")?;
            if self.month.is_some_and(|said| said != month) {
                return Err(": day-of-year does not match month");
            }
            if self.day.is_some_and(|said| said != day) {
                return Err(": day-of-year does not match day");
            }
            self.month = Some(month);
            self.day = Some(day);
        }
        let month = self.month.unwrap_or(1);
        let day = self.day.unwrap_or(1);
        if !(1..=days_in(month, self.year)).contains(&day) {
            return Err(": day out of range");
        }
        let seconds = civil::seconds(self.year, month, day, self.hour, self.minute, self.second);
        let time = Time::utc(seconds, self.nanoseconds);
        Ok(self.in_its_zone(time))
    }

    /// The zone that the text named, where the local zone is UTC.
    fn in_its_zone(self, time: Time) -> Time {
        if self.utc {
            return time;
        }
        let name = self.zone_name.unwrap_or_default();
        // Go marks "no offset" with -1, so an offset of one second west is none.
        let offset = match self.offset.filter(|offset| *offset != -1) {
            Some(0) | None if name.is_empty() => return time.in_zone(Zone::Local),
            Some(offset) => offset,
            None => {
                // The abbreviation alone: the time is taken for UTC, and only shown with the hours GMT may carry.
                let hours = name.strip_prefix(b"GMT").and_then(signed).unwrap_or(0);
                let offset = hours * 3600;
                return time.in_zone(fixed(&name, offset));
            }
        };
        Time {
            seconds: time.seconds - offset,
            ..time
        }
        .in_zone(fixed(&name, offset))
    }
}

fn fixed(name: &[u8], offset: i64) -> Zone {
    Zone::Fixed {
        name: String::from_utf8_lossy(name).into(),
        offset,
    }
}

/// Month and day of the `year_day`th day of a year.
fn month_and_day(mut year_day: i64, year: i64) -> Option<(i64, i64)> {
    if is_leap(year) {
        if year_day == 60 {
            return Some((2, 29));
        }
        if year_day > 60 {
            year_day -= 1;
        }
    }
    if !(1..=365).contains(&year_day) {
        return None;
    }
    let month = (1..=12)
        .rev()
        .find(|month| days_before_month(*month) < year_day)?;
    Some((month, year_day - days_before_month(month)))
}

#[cfg(test)]
mod tests {
    use super::super::format::{DEFAULT, format};
    use super::*;

    fn read(layout: &str, value: &str) -> String {
        match parse(layout.as_bytes(), value.as_bytes()) {
            Ok(time) => String::from_utf8(format(&time, DEFAULT)).unwrap(),
            Err(error) => error,
        }
    }

    #[test]
    fn values_are_read_in_the_form_of_the_layout() {
        for (layout, value, want) in [
            ("2006-01-02", "2024-02-29", "2024-02-29 00:00:00 +0000 UTC"),
            (
                "Jan _2 2006 3:04pm",
                "MAY  7 2021 12:30am",
                "2021-05-07 00:30:00 +0000 UTC",
            ),
            ("06", "69", "1969-01-01 00:00:00 +0000 UTC"),
            ("2006 002", "2024 060", "2024-02-29 00:00:00 +0000 UTC"),
            ("15:04:05", "01:02:03,5", "0000-01-01 01:02:03.5 +0000 UTC"),
            ("15:04 -0700", "10:00 +0130", "0000-01-01 10:00:00 +0130 +0130"),
            ("15:04 MST", "10:00 CEST", "0000-01-01 10:00:00 +0000 CEST"),
            ("15:04 MST", "10:00 GMT+2", "0000-01-01 12:00:00 +0200 GMT+2"),
            ("15:04 Z07:00", "10:00 Z", "0000-01-01 10:00:00 +0000 UTC"),
        ] {
            assert_eq!(read(layout, value), want);
        }
    }

    #[test]
    fn errors_name_the_part_that_could_not_be_read() {
        for (layout, value, want) in [
            (
                "2006-01-02",
                "x",
                r#"parsing time "x" as "2006-01-02": cannot parse "x" as "2006""#,
            ),
            (
                "2006-01-02",
                "2024-13-01",
                r#"parsing time "2024-13-01": month out of range"#,
            ),
            (
                "2006-01-02",
                "2023-02-29",
                r#"parsing time "2023-02-29": day out of range"#,
            ),
            ("2006", "2024é", r#"parsing time "2024é": extra text: "\xc3\xa9""#),
            ("15:04", "25:00", r#"parsing time "25:00": hour out of range"#),
            (
                "-07:00",
                "+99:00",
                r#"parsing time "+99:00": time zone offset hour out of range"#,
            ),
        ] {
            assert_eq!(read(layout, value), want.replace("2024é\"", "2024\\xc3\\xa9\""));
        }
    }
}

//! Go's reference layouts: which part of `Mon Jan 2 15:04:05 -0700 2006` a layout's next piece stands for.

/// How an offset from UTC is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(clippy::struct_excessive_bools, reason = "Go has nearly all combinations")]
pub(super) struct OffsetForm {
    /// UTC is written `Z`.
    pub(super) z: bool,
    pub(super) minutes: bool,
    pub(super) seconds: bool,
    pub(super) colons: bool,
}

/// One element of a layout.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Element {
    /// `January`
    LongMonth,
    /// `Jan`
    Month,
    /// `1`
    NumericMonth,
    /// `01`
    ZeroMonth,
    /// `Monday`
    LongWeekday,
    /// `Mon`
    Weekday,
    /// `2`
    Day,
    /// `_2`
    UnderDay,
    /// `02`
    ZeroDay,
    /// `__2`
    UnderYearDay,
    /// `002`
    ZeroYearDay,
    /// `15`
    Hour,
    /// `3`
    Hour12,
    /// `03`
    ZeroHour12,
    /// `4`
    Minute,
    /// `04`
    ZeroMinute,
    /// `5`
    Second,
    /// `05`
    ZeroSecond,
    /// `2006`
    LongYear,
    /// `06`
    Year,
    /// `PM`
    UpperHalf,
    /// `pm`
    LowerHalf,
    /// `MST`
    ZoneName,
    /// `-0700`, `Z07:00` …
    Offset(OffsetForm),
    /// `.000` or `,000`: that many digits after that separator.
    Fraction {
        /// Number of digits.
        digits: usize,
        /// Dot or comma.
        separator: u8,
        /// Written with nines: trailing zeros are left out.
        trimmed: bool,
    },
}

/// A layout cut at its first element.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Piece<'a> {
    /// What stands before the element, to be taken as it is.
    pub(super) literal: &'a [u8],
    /// The element, and its text in the layout; `None` at the end.
    pub(super) element: Option<(Element, &'a [u8])>,
    /// What follows.
    pub(super) rest: &'a [u8],
}

/// Cuts `layout` at its first element.
pub(super) fn next(layout: &[u8]) -> Piece<'_> {
    for at in 0..layout.len() {
        let tail = layout.get(at..).unwrap_or_default();
        if let Some((skipped, element, length)) = element_at(tail) {
            let start = at + skipped;
            let end = start + length;
            return Piece {
                literal: layout.get(..start).unwrap_or_default(),
                element: Some((element, layout.get(start..end).unwrap_or_default())),
                rest: layout.get(end..).unwrap_or_default(),
            };
        }
    }
    Piece {
        literal: layout,
        element: None,
        rest: &[],
    }
}

/// Elements that need no look at what follows; longer ones before their own beginnings.
const SIMPLE: &[(&[u8], Element)] = &[
    (b"January", Element::LongMonth),
    (b"Monday", Element::LongWeekday),
    (b"MST", Element::ZoneName),
    (b"01", Element::ZeroMonth),
    (b"02", Element::ZeroDay),
    (b"03", Element::ZeroHour12),
    (b"04", Element::ZeroMinute),
    (b"05", Element::ZeroSecond),
    (b"06", Element::Year),
    (b"002", Element::ZeroYearDay),
    (b"15", Element::Hour),
    (b"1", Element::NumericMonth),
    (b"2006", Element::LongYear),
    (b"2", Element::Day),
    (b"_2", Element::UnderDay),
    (b"__2", Element::UnderYearDay),
    (b"3", Element::Hour12),
    (b"4", Element::Minute),
    (b"5", Element::Second),
    (b"PM", Element::UpperHalf),
    (b"pm", Element::LowerHalf),
];

/// Offsets from UTC after their `-` or `Z`.
const OFFSETS: &[(&[u8], [bool; 3])] = &[
    (b"070000", [true, true, false]),
    (b"07:00:00", [true, true, true]),
    (b"0700", [true, false, false]),
    (b"07:00", [true, false, true]),
    (b"07", [false, false, false]),
];

/// The element `tail` starts with: bytes to skip before it, the element, its length.
fn element_at(tail: &[u8]) -> Option<(usize, Element, usize)> {
    match tail {
        // An underscore before a year is a literal.
        [b'_', b'2', b'0', b'0', b'6', ..] => Some((1, Element::LongYear, 4)),
        [b'-' | b'Z', rest @ ..] => {
            let (text, [minutes, seconds, colons]) =
                OFFSETS.iter().find(|(text, _)| rest.starts_with(text))?;
            let form = OffsetForm {
                z: tail.starts_with(b"Z"),
                minutes: *minutes,
                seconds: *seconds,
                colons: *colons,
            };
            Some((0, Element::Offset(form), text.len() + 1))
        }
        [separator @ (b'.' | b','), digit @ (b'0' | b'9'), ..] => {
            let digits = tail.iter().skip(1).take_while(|byte| *byte == digit).count();
            // Other digits after them: not a fraction.
            if tail.get(1 + digits).is_some_and(u8::is_ascii_digit) {
                return None;
            }
            let fraction = Element::Fraction {
                digits,
                separator: *separator,
                trimmed: *digit == b'9',
            };
            Some((0, fraction, 1 + digits))
        }
        _ => {
            if let Some((text, element)) = SIMPLE.iter().find(|(text, _)| tail.starts_with(text)) {
                return Some((0, *element, text.len()));
            }
            // `Jan` and `Mon`, but not the beginning of another word, such as `Month`.
            let element = match tail.get(..3)? {
                b"Jan" => Element::Month,
                b"Mon" => Element::Weekday,
                _ => return None,
            };
            let word_goes_on = tail.get(3).is_some_and(u8::is_ascii_lowercase);
            (!word_goes_on).then_some((0, element, 3))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn elements(mut layout: &[u8]) -> Vec<String> {
        let mut found = Vec::new();
        loop {
            let piece = next(layout);
            let literal = String::from_utf8_lossy(piece.literal);
            let Some((element, _)) = piece.element else {
                found.push(literal.into_owned());
                return found;
            };
            found.push(format!("{literal}{element:?}"));
            layout = piece.rest;
        }
    }

    #[test]
    fn layouts_are_cut_at_the_reference_times_elements() {
        assert_eq!(
            elements(b"Mon Jan _2 15:04 2006."),
            [
                "Weekday",
                " Month",
                " UnderDay",
                " Hour",
                ":ZeroMinute",
                " LongYear",
                "."
            ]
        );
        assert_eq!(elements(b"Month January"), ["Month LongMonth", ""]);
    }

    #[test]
    fn an_underscore_before_the_year_is_literal() {
        assert_eq!(elements(b"_2006"), ["_LongYear", ""]);
        assert_eq!(elements(b"__2"), ["UnderYearDay", ""]);
    }

    #[test]
    fn a_fraction_is_zeros_or_nines_only() {
        assert_eq!(next(b".000").element.map(|(_, text)| text), Some(&b".000"[..]));
        assert_eq!(elements(b".001"), [".0ZeroMonth", ""]);
        assert_eq!(elements(b".09"), [".09"]);
    }
}

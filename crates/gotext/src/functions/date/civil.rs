//! Days, dates and times of day, for every year an `int64` of seconds can reach.
//!
//! Date libraries stop at year 9999 or so; Go prints whatever `int64` a template passes as a Unix time.

/// Seconds from 0001-01-01T00:00:00Z, where Go's `time.Time` counts from, to the Unix epoch.
pub(super) const EPOCH: i64 = 62_135_596_800;

const DAY: i64 = 86_400;

/// Days in 400 years.
const ERA: i64 = 146_097;

/// Go counts unsigned seconds from March 1 of a year so many times 400 years before year 0, so that every `int64` of
/// seconds, wrapped, is a date.
const ERAS_BEFORE: i64 = 730_692_556;

/// Seconds from there to 0001-01-01.
const ABSOLUTE: u64 = (ERAS_BEFORE * ERA + 306).unsigned_abs() * DAY.unsigned_abs();

/// A date and a time of day.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Civil {
    pub(super) year: i64,
    /// 1 to 12.
    pub(super) month: i64,
    /// 1 to 31.
    pub(super) day: i64,
    pub(super) hour: i64,
    pub(super) minute: i64,
    pub(super) second: i64,
    /// 1 to 366.
    pub(super) year_day: i64,
    /// 0 is Sunday.
    pub(super) weekday: i64,
}

impl Civil {
    /// Reads seconds since 0001-01-01T00:00:00 on the same clock.
    pub(super) fn from_seconds(seconds: i64) -> Self {
        let absolute = seconds.cast_unsigned().wrapping_add(ABSOLUTE);
        let clock = (absolute % DAY.unsigned_abs()).cast_signed();
        // Count from 0000-03-01, so that leap days end a year: 306 days before 0001-01-01.
        let shifted = (absolute / DAY.unsigned_abs()).cast_signed() - ERAS_BEFORE * ERA;
        let days = shifted - 306;
        let era = shifted.div_euclid(ERA);
        let day_of_era = shifted.rem_euclid(ERA);
        let year_of_era =
            (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
        let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
        let shifted_month = (5 * day_of_year + 2) / 153;
        let day = day_of_year - (153 * shifted_month + 2) / 5 + 1;
        let month = if shifted_month < 10 {
            shifted_month + 3
        } else {
            shifted_month - 9
        };
        let year = year_of_era + era * 400 + i64::from(month <= 2);
        Self {
            year,
            month,
            day,
            hour: clock / 3600,
            minute: clock / 60 % 60,
            second: clock % 60,
            year_day: days - days_before_year(year) + 1,
            // 0001-01-01 was a Monday.
            weekday: (days + 1).rem_euclid(7),
        }
    }
}

/// Days from 0001-01-01 to January 1 of `year`.
fn days_before_year(year: i64) -> i64 {
    let before = year - 1;
    365 * before + before.div_euclid(4) - before.div_euclid(100) + before.div_euclid(400)
}

/// Whether `year` has a February 29.
pub(super) fn is_leap(year: i64) -> bool {
    year % 4 == 0 && (year % 100 != 0 || year % 400 == 0)
}

/// Days of a year before its month `month` (1 to 12) without leap day; 13 gives the whole year.
pub(super) fn days_before_month(month: i64) -> i64 {
    match month {
        i64::MIN..=1 => 0,
        2 => 31,
        13.. => 365,
        _ => 59 + (153 * (month - 3) + 2) / 5,
    }
}

/// Days of a month.
pub(super) fn days_in(month: i64, year: i64) -> i64 {
    days_before_month(month + 1) - days_before_month(month) + i64::from(month == 2 && is_leap(year))
}

/// `time.Date` as seconds since 0001-01-01T00:00:00 on the same clock: fields outside their range carry over, and
/// what does not fit wraps.
pub(super) fn seconds(year: i64, month: i64, day: i64, hour: i64, minute: i64, second: i64) -> i64 {
    let months = i128::from(month) - 1;
    let year = i128::from(year) + months.div_euclid(12);
    let month = months.rem_euclid(12);
    let before = year - 1;
    let mut days = 365 * before + before.div_euclid(4) - before.div_euclid(100) + before.div_euclid(400);
    let leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    let month = i64::try_from(month).unwrap_or(0) + 1;
    days += i128::from(days_before_month(month) + i64::from(leap && month > 2));
    days += i128::from(day) - 1;
    let seconds =
        days * i128::from(DAY) + i128::from(hour) * 3600 + i128::from(minute) * 60 + i128::from(second);
    wrapped(seconds)
}

#[expect(clippy::cast_possible_truncation, reason = "Go's arithmetic wraps, too")]
fn wrapped(seconds: i128) -> i64 {
    seconds as i64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn seconds_and_dates_convert_both_ways() {
        for (year, month, day, weekday, year_day) in [
            (1, 1, 1, 1, 1),
            (0, 1, 1, 6, 1),
            (1970, 1, 1, 4, 1),
            (2000, 2, 29, 2, 60),
            (2023, 12, 31, 0, 365),
            (2024, 12, 31, 2, 366),
            (-1, 3, 1, 1, 60),
            (200_000_000_000, 12, 4, 0, 339),
        ] {
            let civil = Civil::from_seconds(seconds(year, month, day, 1, 2, 3));
            assert_eq!((civil.year, civil.month, civil.day), (year, month, day));
            assert_eq!((civil.hour, civil.minute, civil.second), (1, 2, 3));
            if year < 10_000 {
                assert_eq!((civil.weekday, civil.year_day), (weekday, year_day), "{year}");
            }
        }
        assert_eq!(seconds(1970, 1, 1, 0, 0, 0), EPOCH);
    }

    #[test]
    fn seconds_beyond_the_last_date_wrap_as_in_go() {
        let civil = Civil::from_seconds(i64::MAX.wrapping_add(EPOCH));
        assert_eq!((civil.year, civil.month, civil.day), (292_277_026_596, 12, 4));
        assert_eq!((civil.hour, civil.minute, civil.second), (15, 30, 7));
    }

    #[test]
    fn months_and_days_outside_their_range_carry_over() {
        assert_eq!(seconds(2024, 14, 1, 0, 0, 0), seconds(2025, 2, 1, 0, 0, 0));
        assert_eq!(seconds(2024, 2, 30, 0, 0, 0), seconds(2024, 3, 1, 0, 0, 0));
        assert_eq!(seconds(2024, 0, 1, 0, 0, 0), seconds(2023, 12, 1, 0, 0, 0));
    }

    #[test]
    fn february_is_longer_in_leap_years() {
        assert_eq!(days_in(2, 2024), 29);
        assert_eq!(days_in(2, 1900), 28);
        assert_eq!(days_in(12, 2023), 31);
        assert_eq!(days_in(4, 2023), 30);
    }
}

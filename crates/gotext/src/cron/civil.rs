//! A moment with its reading on the clock of a zone, and Go's arithmetic on such readings.

use jiff::Timestamp;
use jiff::civil::{Date, DateTime};
use jiff::tz::{Offset, TimeZone};

/// A second and what the clock of a zone shows then.
#[derive(Debug, Clone, Copy)]
pub(super) struct Civil {
    pub(super) second_of_epoch: i64,
    pub(super) year: i16,
    /// 1 to 12
    pub(super) month: i8,
    /// 1 to 31
    pub(super) day: i8,
    /// 0 for Sunday
    pub(super) weekday: i8,
    pub(super) hour: i8,
    pub(super) minute: i8,
    pub(super) second: i8,
}

impl Civil {
    pub(super) fn at(second: i64, zone: &TimeZone) -> Option<Self> {
        let shown = zone.to_datetime(Timestamp::from_second(second).ok()?);
        Some(Self {
            second_of_epoch: second,
            year: shown.year(),
            month: shown.month(),
            day: shown.day(),
            weekday: shown.weekday().to_sunday_zero_offset(),
            hour: shown.hour(),
            minute: shown.minute(),
            second: shown.second(),
        })
    }

    pub(super) fn add_seconds(&self, seconds: i64, zone: &TimeZone) -> Option<Self> {
        Self::at(self.second_of_epoch.checked_add(seconds)?, zone)
    }

    /// Midnight of a day of the same month.
    pub(super) fn midnight(&self, day: i8, zone: &TimeZone) -> Option<Self> {
        shown(Date::new(self.year, self.month, day).ok()?.at(0, 0, 0, 0), zone)
    }

    pub(super) fn full_hour(&self, zone: &TimeZone) -> Option<Self> {
        shown(
            Date::new(self.year, self.month, self.day)
                .ok()?
                .at(self.hour, 0, 0, 0),
            zone,
        )
    }

    /// The same reading some days later.
    pub(super) fn add_days(&self, days: i64, zone: &TimeZone) -> Option<Self> {
        let date = Date::new(self.year, self.month, self.day).ok()?;
        self.same_time_on(date, days, zone)
    }

    /// The same reading some months later; days past the end of the month run into the next one.
    pub(super) fn add_months(&self, months: i8, zone: &TimeZone) -> Option<Self> {
        let (year, month) = match self.month + months {
            month @ 13.. => (self.year + 1, month - 12),
            month => (self.year, month),
        };
        self.same_time_on(Date::new(year, month, 1).ok()?, i64::from(self.day) - 1, zone)
    }

    fn same_time_on(&self, date: Date, days: i64, zone: &TimeZone) -> Option<Self> {
        let date = date.checked_add(jiff::Span::new().try_days(days).ok()?).ok()?;
        shown(date.at(self.hour, self.minute, self.second, 0), zone)
    }
}

/// The moment a reading stands for. Of two moments, or none, Go takes the one its offset just before the
/// reading taken as UTC leads to.
fn shown(reading: DateTime, zone: &TimeZone) -> Option<Civil> {
    let as_utc = Offset::UTC.to_timestamp(reading).ok()?.as_second();
    let offset = |second| {
        Some(i64::from(
            zone.to_offset(Timestamp::from_second(second).ok()?).seconds(),
        ))
    };
    let guess = offset(as_utc)?;
    if guess == 0 {
        return Civil::at(as_utc, zone);
    }
    Civil::at(as_utc - offset(as_utc - guess)?, zone)
}

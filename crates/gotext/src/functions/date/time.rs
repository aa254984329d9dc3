//! `time.Time`: an instant and the zone it is shown in.

use super::civil::{self, Civil, EPOCH};
use super::zone::Zone;

const SECOND: i64 = 1_000_000_000;

/// An instant with nanoseconds, and a zone.
#[derive(Clone, Debug)]
pub(in super::super) struct Time {
    /// Seconds since 0001-01-01T00:00:00Z.
    pub(super) seconds: i64,
    /// 0 to 999 999 999.
    pub(super) nanoseconds: i64,
    pub(super) zone: Zone,
}

impl Time {
    /// Go's zero time.
    pub(super) const ZERO: Self = Self {
        seconds: 0,
        nanoseconds: 0,
        zone: Zone::Utc,
    };

    /// `time.Unix(seconds, 0)`, in the local zone. Wraps as Go does.
    pub(super) fn unix(seconds: i64) -> Self {
        Self {
            seconds: seconds.wrapping_add(EPOCH),
            nanoseconds: 0,
            zone: Zone::Local,
        }
    }

    /// `time.Now()` for a clock reading, in the local zone.
    pub(super) fn since_epoch(reading: std::time::Duration) -> Self {
        Self {
            nanoseconds: i64::from(reading.subsec_nanos()),
            ..Self::unix(i64::try_from(reading.as_secs()).unwrap_or(i64::MAX))
        }
    }

    /// `time.Date` in a zone without changes of offset.
    pub(super) fn utc(seconds: i64, nanoseconds: i64) -> Self {
        Self {
            seconds,
            nanoseconds,
            zone: Zone::Utc,
        }
    }

    /// The same instant in another zone.
    pub(super) fn in_zone(&self, zone: Zone) -> Self {
        Self { zone, ..self.clone() }
    }

    /// Date and time of day in the zone.
    pub(super) fn civil(&self) -> Civil {
        Civil::from_seconds(self.seconds.wrapping_add(self.zone.at(self.seconds).1))
    }

    /// `Time.Unix`.
    pub(super) fn to_unix(&self) -> i64 {
        self.seconds.wrapping_sub(EPOCH)
    }

    /// `Time.Unix*`: the time since the epoch in units of `1 / per_second` seconds; wraps.
    pub(super) fn to_unix_units(&self, per_second: i64) -> i64 {
        self.to_unix()
            .wrapping_mul(per_second)
            .wrapping_add(self.nanoseconds / (SECOND / per_second))
    }

    /// `Time.Add`; saturates at the ends of time.
    pub(super) fn add(&self, nanoseconds: i64) -> Self {
        let sum = self.nanoseconds + nanoseconds % SECOND;
        let seconds = nanoseconds / SECOND + sum.div_euclid(SECOND);
        Self {
            seconds: self.seconds.saturating_add(seconds),
            nanoseconds: sum.rem_euclid(SECOND),
            zone: self.zone.clone(),
        }
    }

    /// `Time.Sub`, in nanoseconds; saturates.
    pub(super) fn since(&self, earlier: &Self) -> i64 {
        let nanoseconds = (i128::from(self.seconds) - i128::from(earlier.seconds)) * i128::from(SECOND)
            + i128::from(self.nanoseconds - earlier.nanoseconds);
        i64::try_from(nanoseconds).unwrap_or(if nanoseconds < 0 { i64::MIN } else { i64::MAX })
    }

    /// `Time.AddDate`: the same time of day on another date of the calendar.
    pub(super) fn add_date(&self, years: i64, months: i64, days: i64) -> Self {
        let civil = self.civil();
        let offset = self.zone.at(self.seconds).1;
        let seconds = civil::seconds(
            civil.year.wrapping_add(years),
            civil.month.wrapping_add(months),
            civil.day.wrapping_add(days),
            civil.hour,
            civil.minute,
            civil.second,
        );
        Self {
            seconds: seconds.wrapping_sub(offset),
            ..self.clone()
        }
    }

    /// `Time.Truncate`, or `Time.Round` if `to_nearest`: to a multiple of `unit` nanoseconds since year 1.
    pub(super) fn rounded(&self, unit: i64, to_nearest: bool) -> Self {
        if unit <= 0 {
            return self.clone();
        }
        let unit = i128::from(unit);
        let total = i128::from(self.seconds) * i128::from(SECOND) + i128::from(self.nanoseconds);
        let remainder = total.rem_euclid(unit);
        let step = if to_nearest && remainder * 2 >= unit {
            unit - remainder
        } else {
            -remainder
        };
        self.add(i64::try_from(step).unwrap_or(0))
    }

    /// Go's `==`: the same instant shown in the very same zone.
    pub(super) fn same(&self, other: &Self) -> bool {
        self.instant() == other.instant() && self.zone == other.zone
    }

    /// For comparing instants.
    pub(super) fn instant(&self) -> (i64, i64) {
        (self.seconds, self.nanoseconds)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn adding_and_subtracting_saturate() {
        let end = Time::utc(i64::MAX, 0);
        assert_eq!(end.add(i64::MAX).seconds, i64::MAX);
        assert_eq!(end.since(&Time::ZERO), i64::MAX);
        assert_eq!(Time::ZERO.since(&end), i64::MIN);
        assert_eq!(Time::ZERO.add(-1).instant(), (-1, 999_999_999));
    }

    #[test]
    fn rounding_goes_to_the_nearest_multiple_and_up_from_the_middle() {
        let time = Time::utc(0, 1_500_000);
        assert_eq!(time.rounded(1_000_000, true).nanoseconds, 2_000_000);
        assert_eq!(time.rounded(1_000_000, false).nanoseconds, 1_000_000);
        assert_eq!(time.rounded(0, true).nanoseconds, 1_500_000);
    }
}

//! Cron schedules as robfig/cron v3 reads them: five fields, descriptors such as `@daily`, `@every`, and zones
//! given with `TZ=` or `CRON_TZ=`. Schedules without a zone are in UTC.
//!
//! Own code: the crates accept `7`, `L`, `W` and `#`, and know neither `@every` nor zones in the text.

mod civil;
mod parse;

use jiff::Timestamp;
use jiff::tz::TimeZone;

pub use parse::ParseError;

use crate::duration::Duration;
use civil::Civil;

/// The bit that says that a field was a star, beyond all values.
const STAR: u64 = 1 << 63;

/// The steps of a search before it gives up. The longest ones, from one leap day to the next but one, take
/// some thousands.
const MAX_STEPS: u32 = 100_000;

/// When something is due.
#[derive(Debug, Clone)]
pub struct Schedule(Rule);

#[derive(Debug, Clone)]
enum Rule {
    Fields(Box<Fields>),
    /// Whole seconds.
    Every(i64),
}

/// The allowed values of each field as bits; the seconds are always zero.
#[derive(Debug, Clone)]
struct Fields {
    minutes: u64,
    hours: u64,
    days: u64,
    months: u64,
    weekdays: u64,
    zone: TimeZone,
}

impl Schedule {
    /// `cron.ParseStandard`.
    pub fn parse(text: &str) -> Result<Self, ParseError> {
        parse::parse(text).map(Self)
    }

    /// The first time after another one at which the schedule is due; nothing within five years.
    pub fn next(&self, after: Timestamp) -> Option<Timestamp> {
        // On whole seconds from here on; a fraction only says that the next second has not begun.
        let second = after.as_second() - i64::from(after.subsec_nanosecond() < 0);
        let next = match &self.0 {
            Rule::Every(seconds) => second.checked_add(*seconds)?,
            Rule::Fields(fields) => fields.next(second + 1)?,
        };
        Timestamp::from_second(next).ok()
    }
}

impl Rule {
    fn every(delay: Duration) -> Self {
        Self::Every((delay.0 / 1_000_000_000).max(1))
    }
}

/// Whether the search found its time, or has to begin again from a new year, month or day.
enum Progress {
    Found,
    Wrapped,
}

impl Fields {
    fn next(&self, start: i64) -> Option<i64> {
        if self.never() {
            return None;
        }
        let now = Civil::at(start, &self.zone)?;
        let mut search = Search {
            fields: self,
            now,
            moved: false,
            steps: 0,
        };
        let last_year = now.year + 5;
        while search.now.year <= last_year {
            if matches!(search.pass()?, Progress::Found) {
                return Some(search.now.second_of_epoch);
            }
        }
        None
    }

    /// Whether a field allows nothing, as one of commas only does.
    fn never(&self) -> bool {
        let both = (self.days | self.weekdays) & STAR != 0;
        let no_day = if both {
            self.days == 0 || self.weekdays == 0
        } else {
            self.days | self.weekdays == 0
        };
        self.minutes == 0 || self.hours == 0 || self.months == 0 || no_day
    }

    /// A day must suit both day fields if one of them is a star, else one of them is enough.
    fn day_matches(&self, now: &Civil) -> bool {
        let (day, weekday) = (
            self.days >> now.day & 1 != 0,
            self.weekdays >> now.weekday & 1 != 0,
        );
        if (self.days | self.weekdays) & STAR != 0 {
            day && weekday
        } else {
            day || weekday
        }
    }
}

/// The search for the next time, which moves forward one field at a time as the Go library does, so that it
/// finds the same times around changes of the clock.
struct Search<'f> {
    fields: &'f Fields,
    now: Civil,
    /// Whether a field was moved, so that the smaller ones begin at zero.
    moved: bool,
    steps: u32,
}

impl Search<'_> {
    fn pass(&mut self) -> Option<Progress> {
        while self.fields.months >> self.now.month & 1 == 0 {
            if !self.begin() {
                self.now = self.now.midnight(1, &self.fields.zone)?;
            }
            self.go(self.now.add_months(1, &self.fields.zone))?;
            if self.now.month == 1 {
                return Some(Progress::Wrapped);
            }
        }
        while !self.fields.day_matches(&self.now) {
            if !self.begin() {
                self.now = self.now.midnight(self.now.day, &self.fields.zone)?;
            }
            self.go(self.now.add_days(1, &self.fields.zone))?;
            // Where the clock skips midnight or repeats an hour, come back to it.
            if self.now.hour > 12 {
                self.go(self
                    .now
                    .add_seconds(i64::from(24 - self.now.hour) * 3600, &self.fields.zone))?;
            } else if self.now.hour != 0 {
                self.go(self
                    .now
                    .add_seconds(-i64::from(self.now.hour) * 3600, &self.fields.zone))?;
            }
            if self.now.day == 1 {
                return Some(Progress::Wrapped);
            }
        }
        while self.fields.hours >> self.now.hour & 1 == 0 {
            if !self.begin() {
                self.now = self.now.full_hour(&self.fields.zone)?;
            }
            self.go(self.now.add_seconds(3600, &self.fields.zone))?;
            if self.now.hour == 0 {
                return Some(Progress::Wrapped);
            }
        }
        while self.fields.minutes >> self.now.minute & 1 == 0 {
            self.truncate(60)?;
            self.go(self.now.add_seconds(60, &self.fields.zone))?;
            if self.now.minute == 0 {
                return Some(Progress::Wrapped);
            }
        }
        while self.now.second != 0 {
            self.truncate(1)?;
            self.go(self.now.add_seconds(1, &self.fields.zone))?;
            if self.now.second == 0 {
                return Some(Progress::Wrapped);
            }
        }
        Some(Progress::Found)
    }

    /// Whether a field was moved before; from now on one has been.
    fn begin(&mut self) -> bool {
        std::mem::replace(&mut self.moved, true)
    }

    fn truncate(&mut self, unit: i64) -> Option<()> {
        if !self.begin() {
            self.now = self
                .now
                .add_seconds(-self.now.second_of_epoch.rem_euclid(unit), &self.fields.zone)?;
        }
        Some(())
    }

    fn go(&mut self, to: Option<Civil>) -> Option<()> {
        self.steps += 1;
        self.now = to.filter(|_| self.steps < MAX_STEPS)?;
        Some(())
    }
}

#[cfg(test)]
mod tests;

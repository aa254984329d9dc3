//! Time zones: UTC, the local zone (which is UTC here), IANA zones, and offsets read from text.

use std::sync::Arc;

use jiff::Timestamp;
use jiff::tz::{TimeZone, TimeZoneDatabase};

use super::civil::EPOCH;

/// A Go `*time.Location`.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Zone {
    /// `time.UTC`
    Utc,
    /// `time.Local`: a controller runs in UTC, so it only differs from [`Zone::Utc`] in identity.
    Local,
    /// An offset in seconds east of UTC that a parsed text gave, and the abbreviation if it gave one.
    Fixed { name: Arc<str>, offset: i64 },
    /// A zone of the IANA database.
    Named(TimeZone),
}

impl Zone {
    /// `time.LoadLocation`, from the database built into the program; `None` if there is no such zone.
    pub(super) fn load(name: &[u8]) -> Option<Self> {
        match name {
            b"" | b"UTC" => Some(Self::Utc),
            b"Local" => Some(Self::Local),
            _ => {
                let name = std::str::from_utf8(name).ok()?;
                let zone = TimeZoneDatabase::bundled().get(name).ok()?;
                // Go finds zones as files, so case matters to it.
                (zone.iana_name() == Some(name)).then_some(Self::Named(zone))
            }
        }
    }

    /// The location's name, as `Location.String` gives it.
    pub(super) fn name(&self) -> &str {
        match self {
            // Go names its local zone so, too, when it is told to run in UTC.
            Self::Utc | Self::Local => "UTC",
            Self::Fixed { name, .. } => name,
            Self::Named(zone) => zone.iana_name().unwrap_or(""),
        }
    }

    /// Abbreviation and offset in seconds east of UTC at an instant, in seconds since 0001-01-01T00:00:00Z.
    pub(super) fn at(&self, seconds: i64) -> (Arc<str>, i64) {
        match self {
            Self::Utc | Self::Local => ("UTC".into(), 0),
            Self::Fixed { name, offset } => (Arc::clone(name), *offset),
            Self::Named(zone) => {
                let instant = timestamp(seconds);
                let info = zone.to_offset_info(instant);
                (info.abbreviation().into(), i64::from(info.offset().seconds()))
            }
        }
    }

    /// Whether daylight saving time is in effect.
    pub(super) fn is_dst(&self, seconds: i64) -> bool {
        match self {
            Self::Named(zone) => zone.to_offset_info(timestamp(seconds)).dst().is_dst(),
            Self::Utc | Self::Local | Self::Fixed { .. } => false,
        }
    }
}

/// The nearest instant the database can be asked about: its rules are the same for ever after.
fn timestamp(seconds: i64) -> Timestamp {
    let unix = seconds.wrapping_sub(EPOCH);
    Timestamp::from_second(unix).unwrap_or(if unix < 0 { Timestamp::MIN } else { Timestamp::MAX })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn zones_come_from_the_database_built_in() {
        let zone = Zone::load(b"Europe/Berlin").unwrap();
        assert_eq!(zone.at(EPOCH + 1_700_000_000), ("CET".into(), 3600));
        assert_eq!(zone.at(EPOCH + 1_690_000_000), ("CEST".into(), 7200));
        assert!(zone.is_dst(EPOCH + 1_690_000_000));
        assert_eq!(zone.at(i64::MAX.wrapping_add(EPOCH)).1 % 3600, 0);
    }

    #[test]
    fn zone_names_are_case_sensitive() {
        assert!(Zone::load(b"europe/berlin").is_none());
        assert!(Zone::load(b"utc").is_none());
        assert!(Zone::load(b"Nowhere/City").is_none());
    }
}

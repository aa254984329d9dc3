//! `spec.syncWindows`: when a refresh that is due may run. Pure; time is passed in.

use gotext::cron::Schedule;
use jiff::{SignedDuration, Timestamp};

use super::invalid;
use crate::{
    api::external_secret::{SyncWindow, SyncWindowKind, SyncWindows},
    sync::cause::Failure,
};

/// How many windows are followed to the end of a closed time; what reaches further is looked at again then.
const FOLLOWED: usize = 100;

/// Times at which a refresh may, or may not, run.
#[derive(Clone, Debug)]
pub struct Windows {
    kind: SyncWindowKind,
    windows: Vec<Window>,
}

/// A time that comes again and again.
#[derive(Clone, Debug)]
struct Window {
    schedule: Schedule,
    open: SignedDuration,
}

/// Whether a refresh may run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Gate {
    /// It may.
    Open,
    /// Not before that time.
    ClosedUntil(Timestamp),
    /// No window ever opens.
    Closed,
}

impl Windows {
    /// Parses `spec.syncWindows`.
    pub(super) fn parse(windows: &SyncWindows) -> Result<Self, Failure> {
        let parsed = windows.windows.iter().enumerate();
        let parsed =
            parsed.map(|(i, window)| Window::parse(window, &format!("spec.syncWindows.windows[{i}]")));
        Ok(Self {
            kind: windows.kind,
            windows: parsed.collect::<Result<_, _>>()?,
        })
    }

    /// Whether a refresh that is due may run now.
    pub fn gate(&self, now: Timestamp) -> Gate {
        match self.kind {
            SyncWindowKind::Allow => self.allowed(now),
            SyncWindowKind::Deny => self.not_denied(now),
        }
    }

    fn allowed(&self, now: Timestamp) -> Gate {
        // No windows: nothing was restricted.
        if self.windows.is_empty() || self.windows.iter().any(|window| window.end(now).is_some()) {
            return Gate::Open;
        }
        let next = self
            .windows
            .iter()
            .filter_map(|window| window.schedule.next(now))
            .min();
        next.map_or(Gate::Closed, Gate::ClosedUntil)
    }

    fn not_denied(&self, now: Timestamp) -> Gate {
        let mut free = now;
        for _ in 0..FOLLOWED {
            let Some(end) = self.windows.iter().filter_map(|window| window.end(free)).max() else {
                break;
            };
            // The last second of a window still belongs to it.
            match end.checked_add(SignedDuration::from_secs(1)) {
                Ok(after) => free = after,
                Err(_) => return Gate::Closed,
            }
        }
        if free == now {
            Gate::Open
        } else {
            Gate::ClosedUntil(free)
        }
    }
}

impl Window {
    fn parse(window: &SyncWindow, path: &str) -> Result<Self, Failure> {
        let schedule = Schedule::parse(&window.schedule).map_err(|error| {
            invalid(format!(
                "{path}.schedule {:?} is not a cron schedule: {error}; write five fields such as \"0 8 * * 1-5\", or \
                 @daily, @hourly, …",
                window.schedule
            ))
        })?;
        let open = gotext::duration::parse(&window.duration)
            .ok()
            .filter(|open| open.0 >= 0);
        let open = open.ok_or_else(|| {
            invalid(format!(
                "{path}.duration {:?} is not a duration; write numbers with units, such as 30m or 8h",
                window.duration
            ))
        })?;
        Ok(Self {
            schedule,
            open: SignedDuration::from_nanos(open.0),
        })
    }

    /// When the window that is open at a time ends; both its first and its last moment belong to it.
    fn end(&self, at: Timestamp) -> Option<Timestamp> {
        let earliest = at.checked_sub(self.open).ok()?;
        // The schedule gives what comes after a time; what is due at that very time counts too.
        let opened = self
            .schedule
            .next(earliest.checked_sub(SignedDuration::from_nanos(1)).ok()?)?;
        (opened <= at)
            .then(|| opened.checked_add(self.open).ok())
            .flatten()
    }
}

#[cfg(test)]
mod tests;

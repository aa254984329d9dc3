//! Recognising the dates and times YAML 1.1 gives a meaning of their own.

/// Whether the text is a date or a time in one of the forms `yaml.v2` takes.
pub(super) fn is_timestamp(text: &str) -> bool {
    let mut reader = Reader(text.as_bytes());
    date(&mut reader).is_some()
        && (reader.0.is_empty() || time(&mut reader).is_some_and(|()| reader.0.is_empty()))
}

struct Reader<'t>(&'t [u8]);

impl Reader<'_> {
    fn literal(&mut self, text: &[u8]) -> Option<()> {
        self.0 = self.0.strip_prefix(text)?;
        Some(())
    }

    /// A number of some digits at most.
    fn number(&mut self, digits: usize) -> Option<u32> {
        let width = self
            .0
            .iter()
            .take(digits)
            .take_while(|byte| byte.is_ascii_digit())
            .count();
        let (number, rest) = self.0.split_at_checked(width).filter(|_| width > 0)?;
        self.0 = rest;
        Some(
            number
                .iter()
                .fold(0, |value, digit| value * 10 + u32::from(digit - b'0')),
        )
    }

    fn exact(&mut self, digits: usize) -> Option<u32> {
        let before = self.0.len();
        self.number(digits).filter(|_| before - self.0.len() == digits)
    }
}

fn date(reader: &mut Reader<'_>) -> Option<()> {
    let year = reader.exact(4)?;
    reader.literal(b"-")?;
    let month = reader.number(2)?;
    reader.literal(b"-")?;
    let day = reader.number(2)?;
    let leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    let days = match month {
        1 | 3 | 5 | 7 | 8 | 10 | 12 => 31,
        4 | 6 | 9 | 11 => 30,
        2 if leap => 29,
        2 => 28,
        _ => return None,
    };
    (1..=days).contains(&day).then_some(())
}

/// `T` or `t` and a time with a zone, or spaces and a time without one.
fn time(reader: &mut Reader<'_>) -> Option<()> {
    let zoned = matches!(reader.0.first(), Some(b'T' | b't'));
    if zoned {
        reader.0 = reader.0.get(1..)?;
    } else {
        reader.literal(b" ")?;
        reader.0 = reader.0.trim_ascii_start();
    }
    let hour = reader.number(2)?;
    reader.literal(b":")?;
    let minute = reader.number(2)?;
    reader.literal(b":")?;
    let second = reader.number(2)?;
    if let [b'.' | b',', b'0'..=b'9', ..] = reader.0 {
        reader.0 = reader.0.get(1..)?;
        while reader.number(9).is_some() {}
    }
    if zoned {
        zone(reader)?;
    }
    (hour < 24 && minute < 60 && second < 60).then_some(())
}

fn zone(reader: &mut Reader<'_>) -> Option<()> {
    match reader.0.split_first()? {
        (b'Z', rest) => reader.0 = rest,
        (b'+' | b'-', rest) => {
            reader.0 = rest;
            let hours = reader.exact(2)?;
            reader.literal(b":")?;
            let minutes = reader.exact(2)?;
            return (hours <= 24 && minutes <= 60).then_some(());
        }
        _ => return None,
    }
    Some(())
}

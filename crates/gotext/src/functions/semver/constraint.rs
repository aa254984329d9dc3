//! Constraints on versions: `>=1.2 <2 || ^3.1`, with wild cards, ranges and the library's rules for pre-releases.

use std::cmp::Ordering;

use super::scan::{digit_or_wild, shape};
use super::version::{Version, compare_prereleases};
use crate::template::{Context, FuncError};

/// Alternatives, each a list of conditions that must all hold.
pub(super) struct Constraints(Vec<Alternative>);

struct Alternative {
    conditions: Vec<Condition>,
    /// Pre-releases are only looked at where a condition names one.
    prereleases: bool,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Operator {
    Equal,
    NotEqual,
    Greater,
    Less,
    GreaterOrEqual,
    LessOrEqual,
    Tilde,
    Caret,
}

/// Which of a condition's numbers are given; the rest are wild.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Given {
    All,
    MajorMinor,
    Major,
    Nothing,
}

struct Condition {
    operator: Operator,
    version: Version,
    given: Given,
}

/// The spellings of operators; longer ones before their beginnings.
const OPERATORS: &[(&[u8], Operator)] = &[
    (b"!=", Operator::NotEqual),
    (b">=", Operator::GreaterOrEqual),
    (b"=>", Operator::GreaterOrEqual),
    (b"<=", Operator::LessOrEqual),
    (b"=<", Operator::LessOrEqual),
    (b"~>", Operator::Tilde),
    (b"=", Operator::Equal),
    (b">", Operator::Greater),
    (b"<", Operator::Less),
    (b"~", Operator::Tilde),
    (b"^", Operator::Caret),
];

impl Constraints {
    /// Reads constraints; errors have the library's text, which quotes the alternative.
    pub(super) fn parse(context: &mut Context<'_>, text: &[u8]) -> Result<Self, FuncError> {
        let text = without_ranges(context, text)?;
        let mut rest = text.as_slice();
        let mut alternatives = Vec::new();
        loop {
            let bars = memchr::memmem::find(rest, b"||");
            let segment = rest.get(..bars.unwrap_or(rest.len())).unwrap_or_default();
            alternatives.push(alternative(segment)?);
            match bars {
                Some(bars) => rest = after(rest, bars + 2),
                None => return Ok(Self(alternatives)),
            }
        }
    }

    /// Whether a version meets any alternative.
    pub(super) fn allow(&self, version: &Version) -> bool {
        self.0.iter().any(|alternative| {
            (alternative.prereleases || !version.is_prerelease())
                && alternative
                    .conditions
                    .iter()
                    .all(|condition| condition.allows(version))
        })
    }
}

fn spaces(text: &[u8]) -> usize {
    text.iter()
        .take_while(|byte| matches!(byte, b' ' | b'\t' | b'\n' | b'\r' | b'\x0c'))
        .count()
}

fn after(text: &[u8], count: usize) -> &[u8] {
    text.get(count..).unwrap_or_default()
}

/// Rewrites every `1.2 - 3.4` as `>= 1.2, <= 3.4 `.
fn without_ranges(context: &mut Context<'_>, text: &[u8]) -> Result<Vec<u8>, FuncError> {
    let mut out = text.to_vec();
    let mut at = 0;
    while at < text.len() {
        let rest = after(text, at);
        context.charge(1)?;
        let Some((whole, low, high)) = range(rest) else {
            // Every failed attempt may have looked over a long number.
            context.charge(shape(rest, digit_or_wild).map_or(0, |shape| shape.length) as u64 / 16)?;
            at += 1;
            continue;
        };
        let conditions = [b">= ", low, b", <= ", high, b" "].concat();
        // The library replaces the first equal text, wherever that is.
        if let Some(place) = memchr::memmem::find(&out, whole) {
            context.charge_bytes(out.len() + conditions.len())?;
            out.splice(place..place + whole.len(), conditions);
        }
        at += whole.len();
    }
    Ok(out)
}

/// A range at the start of the text: all of it with the spaces around, and the two versions.
fn range(text: &[u8]) -> Option<(&[u8], &[u8], &[u8])> {
    let start = spaces(text);
    let low = after(text, start);
    let low = low.get(..shape(low, digit_or_wild)?.length)?;
    let mut at = start + low.len();
    let before = spaces(after(text, at));
    at += before;
    if before == 0 || text.get(at) != Some(&b'-') {
        return None;
    }
    at += 1;
    let behind = spaces(after(text, at));
    if behind == 0 {
        return None;
    }
    at += behind;
    let high = after(text, at);
    let high = high.get(..shape(high, digit_or_wild)?.length)?;
    at += high.len();
    at += spaces(after(text, at));
    Some((text.get(..at)?, low, high))
}

fn alternative(text: &[u8]) -> Result<Alternative, FuncError> {
    let improper = || FuncError::new([b"improper constraint: ", text].concat());
    let mut conditions = Vec::new();
    let mut rest = text;
    // The first condition needs nothing before it, the others a space or a comma.
    let mut separated = true;
    loop {
        rest = after(rest, spaces(rest));
        let (operator, behind) = OPERATORS
            .iter()
            .find_map(|(spelling, operator)| Some((*operator, rest.strip_prefix(*spelling)?)))
            .unwrap_or((Operator::Equal, rest));
        let version = after(behind, spaces(behind));
        let shape = shape(version, digit_or_wild)
            .filter(|_| separated)
            .ok_or_else(improper)?;
        conditions.push((operator, version, shape));
        let tail = after(version, shape.length);
        let gap = spaces(tail);
        rest = after(tail, gap);
        if rest.is_empty() {
            break;
        }
        separated = gap > 0;
        if let Some(behind) = rest.strip_prefix(b",") {
            separated = true;
            rest = behind;
        }
    }
    let conditions = conditions
        .into_iter()
        .map(|(operator, text, shape)| {
            let given = match () {
                () if wild(shape.major) => Given::Nothing,
                () if wild(shape.minor) => Given::Major,
                () if wild(shape.patch) => Given::MajorMinor,
                () => Given::All,
            };
            let version = match given {
                Given::All => text.get(..shape.length).unwrap_or_default().to_vec(),
                _ => filled(given, &shape),
            };
            let version = Version::parse(&version).map_err(|_| FuncError::new("constraint parser error"))?;
            Ok(Condition {
                operator,
                version,
                given,
            })
        })
        .collect::<Result<Vec<_>, FuncError>>()?;
    Ok(Alternative {
        prereleases: conditions
            .iter()
            .any(|condition| condition.version.is_prerelease()),
        conditions,
    })
}

fn wild(number: &[u8]) -> bool {
    matches!(number, b"" | b"x" | b"X" | b"*")
}

/// The version with zeros for what is wild; build metadata is dropped.
fn filled(given: Given, shape: &super::scan::Shape<'_>) -> Vec<u8> {
    let zero: &[u8] = b"0";
    let [major, minor] = match given {
        Given::Nothing => [zero, zero],
        Given::Major => [shape.major, zero],
        Given::MajorMinor | Given::All => [shape.major, shape.minor],
    };
    let mut out = [major, b".", minor, b".0"].concat();
    if !shape.prerelease.is_empty() {
        out.push(b'-');
        out.extend_from_slice(shape.prerelease);
    }
    out
}

impl Condition {
    fn allows(&self, version: &Version) -> bool {
        let wanted = &self.version;
        let order = version.compare(wanted);
        match self.operator {
            Operator::Equal if self.given == Given::All => order == Ordering::Equal,
            Operator::Equal | Operator::Tilde => self.tilde(version, order),
            Operator::NotEqual => self.differs(version, order),
            Operator::Caret => self.caret(version, order),
            Operator::Less => order == Ordering::Less,
            Operator::GreaterOrEqual => order != Ordering::Less,
            Operator::Greater => match self.given {
                Given::All | Given::Nothing => order == Ordering::Greater,
                // `>1` means 2 and up, `>1.1` means 1.2 and up.
                _ if version.major != wanted.major => version.major > wanted.major,
                Given::Major => false,
                Given::MajorMinor => version.minor > wanted.minor,
            },
            Operator::LessOrEqual => match self.given {
                Given::All => order != Ordering::Greater,
                // `<=1` includes all of 1, `<=1.1` all of 1.1.
                _ if version.major != wanted.major => version.major < wanted.major,
                Given::Major => true,
                Given::MajorMinor | Given::Nothing => version.minor <= wanted.minor,
            },
        }
    }

    /// The same major and minor number and not less; `~0.0.0` and wild cards alone allow everything above.
    fn tilde(&self, version: &Version, order: Ordering) -> bool {
        let wanted = &self.version;
        let from_zero = (wanted.major, wanted.minor, wanted.patch) == (0, 0, 0);
        order != Ordering::Less
            && ((from_zero && matches!(self.given, Given::All | Given::Nothing))
                || (version.major == wanted.major
                    && (version.minor == wanted.minor || self.given == Given::Major)))
    }

    fn differs(&self, version: &Version, order: Ordering) -> bool {
        let wanted = &self.version;
        match self.given {
            Given::All => order != Ordering::Equal,
            _ if version.major != wanted.major => true,
            Given::Major => false,
            _ if version.minor != wanted.minor => true,
            Given::MajorMinor => {
                (version.is_prerelease() || wanted.is_prerelease())
                    && compare_prereleases(&version.prerelease, &wanted.prerelease) != Ordering::Equal
            }
            Given::Nothing => version.patch != wanted.patch || order != Ordering::Equal,
        }
    }

    /// Not less, and equal up to the first number that is not 0.
    fn caret(&self, version: &Version, order: Ordering) -> bool {
        let wanted = &self.version;
        if order == Ordering::Less {
            return false;
        }
        if wanted.major > 0 || self.given == Given::Major {
            return version.major == wanted.major;
        }
        if version.major > 0 {
            return false;
        }
        if wanted.minor > 0 || self.given == Given::MajorMinor {
            return version.minor == wanted.minor;
        }
        version.minor == 0 && version.patch == wanted.patch
    }
}

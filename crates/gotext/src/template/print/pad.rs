//! The layout of single items: padding, signs, bases, quotes.

use super::Printer;
use zeroize::Zeroizing;

use crate::strconv::{self, FloatForm, FloatSize, REPLACEMENT};

/// Digits of an integer in some base.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Base {
    Two,
    Eight,
    Ten,
    Sixteen,
    UpperSixteen,
}

impl Printer {
    fn padding(&mut self, n: usize) {
        self.fill(
            if self.flags.zero && !self.flags.minus {
                b'0'
            } else {
                b' '
            },
            n,
        );
    }

    /// Writes `text` padded to the width, which counts characters.
    pub(super) fn pad(&mut self, text: &[u8]) {
        let Some(width) = self.flags.width.filter(|width| *width > 0) else {
            self.write(text);
            return;
        };
        let missing = width.saturating_sub(strconv::runes(text).count());
        if self.flags.minus {
            self.write(text);
            self.padding(missing);
        } else {
            self.padding(missing);
            self.write(text);
        }
    }

    fn pad_without_zeros(&mut self, text: &[u8]) {
        let zero = std::mem::take(&mut self.flags.zero);
        self.pad(text);
        self.flags.zero = zero;
    }

    pub(super) fn string(&mut self, text: &[u8]) {
        self.pad(self.truncated(text));
    }

    fn truncated<'t>(&self, text: &'t [u8]) -> &'t [u8] {
        match self.flags.precision.and_then(|n| strconv::runes(text).nth(n)) {
            Some((end, ..)) => text.get(..end).unwrap_or_default(),
            None => text,
        }
    }

    pub(super) fn quoted(&mut self, text: &[u8]) {
        let text = self.truncated(text);
        let quoted = if self.flags.sharp && strconv::can_backquote(text) {
            Zeroizing::new([b"`", text, b"`"].concat())
        } else if self.flags.plus {
            Zeroizing::new(strconv::quote_to_ascii(text).into_bytes())
        } else {
            Zeroizing::new(strconv::quote(text).into_bytes())
        };
        self.pad(&quoted);
    }

    /// `%x` of bytes; the precision counts bytes.
    pub(super) fn hex(&mut self, text: &[u8], upper: bool) {
        let length = self
            .flags
            .precision
            .map_or(text.len(), |precision| precision.min(text.len()));
        if length == 0 {
            if let Some(width) = self.flags.width {
                self.padding(width);
            }
            return;
        }
        let prefix: &[u8] = match (self.flags.sharp, upper) {
            (false, _) => b"",
            (true, false) => b"0x",
            (true, true) => b"0X",
        };
        let each = if self.flags.space { 2 + prefix.len() } else { 2 };
        let total = each * length
            + if self.flags.space {
                length - 1
            } else {
                prefix.len()
            };
        let missing = self.flags.width.map_or(0, |width| width.saturating_sub(total));
        if !self.flags.minus {
            self.padding(missing);
        }
        for (i, byte) in text.iter().take(length).enumerate() {
            if self.flags.space && i > 0 {
                self.byte(b' ');
            }
            if i == 0 || self.flags.space {
                self.write(prefix);
            }
            self.byte(hex_digit(byte >> 4, upper));
            self.byte(hex_digit(byte & 0xf, upper));
        }
        if self.flags.minus {
            self.padding(missing);
        }
    }

    /// An integer by magnitude and sign; `letter_o` adds the `0o` of `%O`.
    pub(super) fn integer(&mut self, magnitude: u64, negative: bool, base: Base, letter_o: bool) {
        let flags = self.flags;
        let plain = flags.width.is_none() && flags.precision.is_none() && !flags.plus && !flags.space;
        if plain && base == Base::Ten {
            self.decimal(magnitude, negative);
            return;
        }
        let mut min_digits = 0;
        match (flags.precision, flags.width) {
            (Some(0), width) if magnitude == 0 => {
                let zero = std::mem::take(&mut self.flags.zero);
                self.padding(width.unwrap_or(0));
                self.flags.zero = zero;
                return;
            }
            (Some(precision), _) => min_digits = precision,
            (None, Some(width)) if flags.zero && !flags.minus => {
                // Room is left for the sign, but not for a prefix.
                min_digits = width.saturating_sub(usize::from(negative || flags.plus || flags.space));
            }
            _ => {}
        }
        let digits = Zeroizing::new(match base {
            Base::Two => format!("{magnitude:b}"),
            Base::Eight => format!("{magnitude:o}"),
            Base::Ten => magnitude.to_string(),
            Base::Sixteen => format!("{magnitude:x}"),
            Base::UpperSixteen => format!("{magnitude:X}"),
        });
        let mut text = Zeroizing::new(Vec::with_capacity(digits.len().max(min_digits) + 5));
        if negative {
            text.push(b'-');
        } else if flags.plus {
            text.push(b'+');
        } else if flags.space {
            text.push(b' ');
        }
        if letter_o {
            text.extend(b"0o");
        }
        let zeros = min_digits.saturating_sub(digits.len());
        if flags.sharp {
            match base {
                Base::Two => text.extend(b"0b"),
                Base::Eight if zeros == 0 && magnitude != 0 => text.push(b'0'),
                Base::Sixteen => text.extend(b"0x"),
                Base::UpperSixteen => text.extend(b"0X"),
                Base::Eight | Base::Ten => {}
            }
        }
        text.extend(std::iter::repeat_n(b'0', zeros));
        text.extend(digits.as_bytes());
        self.pad_without_zeros(&text);
    }

    /// The common case of [`Self::integer`], without a detour through memory.
    fn decimal(&mut self, mut magnitude: u64, negative: bool) {
        let mut digits = [0; 20];
        let mut used = 0;
        for digit in digits.iter_mut().rev() {
            // Always below ten.
            *digit = b'0' + u8::try_from(magnitude % 10).unwrap_or(0);
            magnitude /= 10;
            used += 1;
            if magnitude == 0 {
                break;
            }
        }
        if negative {
            self.byte(b'-');
        }
        self.write(digits.get(digits.len() - used..).unwrap_or_default());
    }

    /// `%U`
    pub(super) fn code_point(&mut self, code: u64) {
        let digits = self
            .flags
            .precision
            .filter(|precision| *precision > 4)
            .unwrap_or(4);
        let mut text = format!("U+{code:0digits$X}");
        if self.flags.sharp
            && let Some(character) = u32::try_from(code).ok().and_then(char::from_u32)
            && strconv::is_print(character)
        {
            text.push_str(" '");
            text.push(character);
            text.push('\'');
        }
        self.pad_without_zeros(text.as_bytes());
    }

    /// `%c`
    pub(super) fn character(&mut self, code: u64) {
        let character = u32::try_from(code)
            .ok()
            .and_then(char::from_u32)
            .unwrap_or(REPLACEMENT);
        self.pad(character.encode_utf8(&mut [0; 4]).as_bytes());
    }

    /// `%q` of an integer.
    pub(super) fn quoted_character(&mut self, code: u64) {
        let code = u32::try_from(code).unwrap_or_else(|_| u32::from(REPLACEMENT));
        let text = if self.flags.plus {
            strconv::quote_rune_to_ascii(code)
        } else {
            strconv::quote_rune(code)
        };
        self.pad(text.as_bytes());
    }

    /// A float in `form`; `precision` holds if the verb gave none.
    pub(super) fn float(&mut self, x: f64, size: FloatSize, form: FloatForm, precision: Option<usize>) {
        let precision = self.flags.precision.or(precision);
        let mut text = Zeroizing::new(strconv::format_float(x, form, precision, size));
        if !text.starts_with(['-', '+']) {
            text.insert(0, '+');
        }
        if self.flags.space && !self.flags.plus && text.starts_with('+') {
            text.replace_range(..1, " ");
        }
        if !x.is_finite() {
            if x.is_nan() && !self.flags.space && !self.flags.plus {
                text.remove(0);
            }
            self.pad_without_zeros(text.as_bytes());
            return;
        }
        if self.flags.sharp && form != FloatForm::Binary {
            text = Zeroizing::new(with_point(&text, form, precision));
        }
        if text.starts_with('+') && !self.flags.plus {
            self.pad(text.get(1..).unwrap_or_default().as_bytes());
            return;
        }
        let missing = self.flags.width.unwrap_or(0).saturating_sub(text.len());
        if self.flags.zero && !self.flags.minus && missing > 0 {
            let (sign, digits) = text.split_at_checked(1).unwrap_or_default();
            self.write(sign.as_bytes());
            self.padding(missing);
            self.write(digits.as_bytes());
        } else {
            self.pad(text.as_bytes());
        }
    }
}

fn hex_digit(nibble: u8, upper: bool) -> u8 {
    match nibble {
        0..=9 => b'0' + nibble,
        _ if upper => b'A' + nibble - 10,
        _ => b'a' + nibble - 10,
    }
}

/// The `#` flag: always a decimal point, and for `%g` the zeros it would drop. `text` starts with a sign.
fn with_point(text: &str, form: FloatForm, precision: Option<usize>) -> String {
    let is_hex = matches!(form, FloatForm::Hex | FloatForm::UpperHex);
    let mut digits = match form {
        FloatForm::General | FloatForm::UpperGeneral | FloatForm::Hex => {
            i64::try_from(precision.unwrap_or(6)).unwrap_or(i64::MAX)
        }
        _ => 0,
    };
    let tail_at = text.find(|c| matches!(c, 'p' | 'P') || (!is_hex && matches!(c, 'e' | 'E')));
    let (head, tail) = text
        .split_at_checked(tail_at.unwrap_or(text.len()))
        .unwrap_or((text, ""));
    let mut saw_nonzero = false;
    for byte in head.bytes().skip(1).filter(|byte| *byte != b'.') {
        saw_nonzero |= byte != b'0';
        digits -= i64::from(saw_nonzero);
    }
    let mut out = head.to_owned();
    if !head.contains('.') {
        // A lone zero counts as a digit.
        if head.len() == 2 && head.ends_with('0') {
            digits -= 1;
        }
        out.push('.');
    }
    out.extend(std::iter::repeat_n('0', usize::try_from(digits).unwrap_or(0)));
    out.push_str(tail);
    out
}

//! Floats as Go prints them: the forms of `strconv.FormatFloat`.

/// The digits after the point that can differ from zero in an `f64`, so that no larger precision is ever
/// asked of the standard library, which limits it; the rest are zeros.
const MAX_EXACT_DIGITS: usize = 1100;

/// The form to print a float in, named after Go's format letters.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FloatForm {
    /// `%b`: decimal mantissa, binary exponent.
    Binary,
    /// `%e`: `-d.dddde±dd`.
    Exponent,
    /// `%E`
    UpperExponent,
    /// `%f`: no exponent.
    Fixed,
    /// `%g`: `%e` for large exponents, else `%f`.
    General,
    /// `%G`
    UpperGeneral,
    /// `%x`: hexadecimal fraction, binary exponent.
    Hex,
    /// `%X`
    UpperHex,
}

/// The width the float had in Go; the shortest digits depend on it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FloatSize {
    /// `float32`
    Bits32,
    /// `float64`
    Bits64,
}

/// `strconv.FormatFloat`; no precision means the fewest digits that read back as the same float.
pub fn format_float(value: f64, form: FloatForm, precision: Option<usize>, size: FloatSize) -> String {
    let value = match size {
        #[expect(
            clippy::cast_possible_truncation,
            reason = "the caller says that the value is a float32"
        )]
        FloatSize::Bits32 => f64::from(value as f32),
        FloatSize::Bits64 => value,
    };
    if value.is_nan() {
        return "NaN".to_owned();
    }
    if value.is_infinite() {
        return if value < 0.0 { "-Inf" } else { "+Inf" }.to_owned();
    }
    let sign = if value.is_sign_negative() { "-" } else { "" };
    let magnitude = value.abs();
    let mut text = match form {
        FloatForm::Binary => binary(magnitude, size),
        FloatForm::Exponent | FloatForm::UpperExponent => exponent(magnitude, precision, size),
        FloatForm::Fixed => fixed(magnitude, precision, size),
        FloatForm::General | FloatForm::UpperGeneral => general(magnitude, precision, size),
        FloatForm::Hex | FloatForm::UpperHex => hex(magnitude, precision, size),
    };
    if matches!(
        form,
        FloatForm::UpperExponent | FloatForm::UpperGeneral | FloatForm::UpperHex
    ) {
        text.make_ascii_uppercase();
    }
    text.insert_str(0, sign);
    text
}

/// The digits of `0.DIGITS × 10^point`; zero has none.
struct Decimal {
    digits: String,
    point: i32,
}

impl Decimal {
    fn shortest(magnitude: f64, size: FloatSize) -> Self {
        #[expect(
            clippy::cast_possible_truncation,
            reason = "a float32 was rounded to one before"
        )]
        let single = magnitude as f32;
        let fewest = Self::read(&match size {
            FloatSize::Bits32 => format!("{single:e}"),
            FloatSize::Bits64 => format!("{magnitude:e}"),
        });
        // Of two texts that are equally near, Go takes the one with the even digit, the standard library the
        // higher one.
        let precision = fewest.digits.len().saturating_sub(1);
        let even = format!("{magnitude:.precision$e}");
        let same = match size {
            FloatSize::Bits32 => even.parse() == Ok(single),
            FloatSize::Bits64 => even.parse() == Ok(magnitude),
        };
        if same { Self::read(&even) } else { fewest }
    }

    fn rounded(magnitude: f64, significant: usize) -> Self {
        let precision = significant.saturating_sub(1).min(MAX_EXACT_DIGITS);
        Self::read(&format!("{magnitude:.precision$e}"))
    }

    fn read(text: &str) -> Self {
        let (mantissa, exponent) = text.split_once('e').unwrap_or((text, "0"));
        let digits: String = mantissa.chars().filter(char::is_ascii_digit).collect();
        let digits = digits.trim_end_matches('0').to_owned();
        let point = if digits.is_empty() {
            0
        } else {
            exponent.parse::<i32>().unwrap_or(0) + 1
        };
        Self { digits, point }
    }
}

fn exponent(magnitude: f64, precision: Option<usize>, size: FloatSize) -> String {
    let decimal = match precision {
        None => Decimal::shortest(magnitude, size),
        Some(precision) => Decimal::rounded(magnitude, precision.saturating_add(1)),
    };
    exponent_text(&decimal, precision)
}

fn exponent_text(decimal: &Decimal, precision: Option<usize>) -> String {
    let mut digits = decimal.digits.chars();
    let mut text = String::new();
    text.push(digits.next().unwrap_or('0'));
    let rest = digits.as_str();
    let width = precision.unwrap_or(rest.len());
    if width > 0 {
        text.push('.');
        text.push_str(rest);
        text.extend(std::iter::repeat_n('0', width.saturating_sub(rest.len())));
    }
    let exponent = if decimal.digits.is_empty() {
        0
    } else {
        decimal.point - 1
    };
    let sign = if exponent < 0 { '-' } else { '+' };
    format!("{text}e{sign}{:02}", exponent.unsigned_abs())
}

fn fixed(magnitude: f64, precision: Option<usize>, size: FloatSize) -> String {
    let Some(precision) = precision else {
        let decimal = Decimal::shortest(magnitude, size);
        let precision = i64::try_from(decimal.digits.len()).unwrap_or(0) - i64::from(decimal.point);
        return fixed_text(&decimal, usize::try_from(precision).unwrap_or(0));
    };
    let exact = precision.min(MAX_EXACT_DIGITS);
    let mut text = format!("{magnitude:.exact$}");
    text.extend(std::iter::repeat_n('0', precision - exact));
    text
}

fn fixed_text(decimal: &Decimal, precision: usize) -> String {
    let point = usize::try_from(decimal.point).unwrap_or(0);
    let mut text = String::new();
    text.extend(decimal.digits.chars().chain(std::iter::repeat('0')).take(point));
    if text.is_empty() {
        text.push('0');
    }
    if precision > 0 {
        text.push('.');
        let leading = usize::try_from(-i64::from(decimal.point))
            .unwrap_or(0)
            .min(precision);
        text.extend(std::iter::repeat_n('0', leading));
        let rest = decimal.digits.chars().skip(point).chain(std::iter::repeat('0'));
        text.extend(rest.take(precision - leading));
    }
    text
}

/// Chooses between the two other forms as Go does: by the precision, or by six digits where there is none.
fn general(magnitude: f64, precision: Option<usize>, size: FloatSize) -> String {
    let decimal = match precision {
        None => Decimal::shortest(magnitude, size),
        Some(precision) => Decimal::rounded(magnitude, precision.max(1)),
    };
    let digits = decimal.digits.len();
    let as_i64 = |count: usize| i64::try_from(count).unwrap_or(i64::MAX);
    let point = i64::from(decimal.point);
    let limit = match precision.map(|precision| as_i64(precision.max(1))) {
        None => 6,
        Some(precision) if precision > as_i64(digits) && as_i64(digits) >= point => as_i64(digits),
        Some(precision) => precision,
    };
    if point - 1 < -4 || point > limit {
        let precision = precision.map_or(digits, |precision| precision.max(1).min(digits));
        return exponent_text(&decimal, Some(precision.saturating_sub(1)));
    }
    fixed_text(&decimal, usize::try_from(as_i64(digits) - point).unwrap_or(0))
}

/// The bits of a magnitude as an integer mantissa and the exponent it is scaled by.
fn binary_parts(magnitude: f64, size: FloatSize) -> (u64, i32, u32) {
    let (bits, mantissa_bits, offset) = match size {
        #[expect(
            clippy::cast_possible_truncation,
            reason = "the value was rounded to a float32 before"
        )]
        FloatSize::Bits32 => (u64::from((magnitude as f32).to_bits()), 23_u32, 127_i32),
        FloatSize::Bits64 => (magnitude.to_bits(), 52, 1023),
    };
    let mantissa = bits & ((1 << mantissa_bits) - 1);
    let exponent = i32::try_from(bits >> mantissa_bits).unwrap_or(0);
    if exponent == 0 {
        (mantissa, 1 - offset, mantissa_bits)
    } else {
        (mantissa | (1 << mantissa_bits), exponent - offset, mantissa_bits)
    }
}

fn binary(magnitude: f64, size: FloatSize) -> String {
    let (mantissa, exponent, mantissa_bits) = binary_parts(magnitude, size);
    let exponent = exponent - mantissa_bits.cast_signed();
    format!("{mantissa}p{exponent:+}")
}

fn hex(magnitude: f64, precision: Option<usize>, size: FloatSize) -> String {
    let (mut mantissa, mut exponent, mantissa_bits) = binary_parts(magnitude, size);
    if mantissa == 0 {
        exponent = 0;
    }
    // One digit before the point and fifteen after it, whatever the size.
    mantissa <<= 60 - mantissa_bits;
    while mantissa != 0 && mantissa & (1 << 60) == 0 {
        mantissa <<= 1;
        exponent -= 1;
    }
    if let Some(digits) = precision.filter(|digits| *digits < 15) {
        let shift = u32::try_from(digits * 4).unwrap_or(0);
        let extra = (mantissa << shift) & ((1 << 60) - 1);
        mantissa >>= 60 - shift;
        if extra | (mantissa & 1) > 1 << 59 {
            mantissa += 1;
        }
        mantissa <<= 60 - shift;
        if mantissa & (1 << 61) != 0 {
            mantissa >>= 1;
            exponent += 1;
        }
    }
    let mut text = format!("0x{}", (mantissa >> 60) & 1);
    let fraction = format!("{:015x}", mantissa & ((1 << 60) - 1));
    let fraction = match precision {
        None => fraction.trim_end_matches('0').to_owned(),
        Some(digits) => fraction
            .chars()
            .chain(std::iter::repeat('0'))
            .take(digits)
            .collect::<String>(),
    };
    if !fraction.is_empty() {
        text.push('.');
        text.push_str(&fraction);
    }
    let sign = if exponent < 0 { '-' } else { '+' };
    format!("{text}p{sign}{:02}", exponent.unsigned_abs())
}
